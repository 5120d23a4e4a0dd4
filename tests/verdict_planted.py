"""Planted contestants: runs of known quality over made-up questions, without any model."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import numpy.typing as npt

from stepladder.core import options
from stepladder.core.records import LETTERS, Record
from stepladder.engine import prompts
from stepladder.engine.requests import Completion, Request
from stepladder.verdict import results
from stepladder.verdict.answering import Manner, units

DOMAINS = ("Biology", "Chess", "Law", "Music")
WORDS = ("copper", "river", "engine", "planet", "letter", "forest", "window", "market", "signal", "garden", "bridge",
         "candle", "harbour", "museum")


def paired(rng: np.random.Generator, count: int, discordant: float, difference: float
           ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """(student, base): 1 or 0 a question, with this share of discordant questions and this true difference."""
    won = (discordant + difference) / 2
    drawn = rng.choice(3, count, p=[won, discordant - won, 1 - discordant])
    return (drawn != 1).astype(float), (drawn != 0).astype(float)


def questions(count: int, seed: int = 0) -> list[Record]:
    """Questions that share few words, keys spread over the letters."""
    rng = random.Random(seed)
    found = []
    for index in range(count):
        names = [f"{rng.choice(WORDS)} {rng.getrandbits(40):x}" for _ in LETTERS]
        found.append({"id": f"made/{seed}/{index}",
                      "question": f"Which {' '.join(rng.sample(WORDS, 5))} is {names[0]}?",
                      "choices": dict(zip(LETTERS, names, strict=True)), "answer": rng.choice(LETTERS),
                      "source": "made" if index % 3 else "other", "domain": rng.choice(DOMAINS),
                      "difficulty": round(rng.uniform(1, 10), 2)})
    return found


def knows(share: float, seed: int = 1) -> dict[str, Any]:
    """A contestant that knows this share of questions and guesses among the wrong letters else."""
    return {"share": share, "seed": seed}


def letter_of(skill: Any, record: Record, shown: Record, rotation: int) -> str | None:
    """What a planted contestant says, as a letter of the shown record. skill: knows(...), "random", or a letter."""
    if skill is None or (isinstance(skill, str) and skill in LETTERS):
        return skill
    rng = random.Random(f"{record['id']}/{rotation}/{skill}")
    if skill == "random":
        return rng.choice(LETTERS)
    key = shown["answer"]
    # Whether it knows a question is a property of the question: the same in every rotation, and of the share: who
    # knows more knows everything that one who knows less does.
    known = random.Random(f"{record['id']}/{skill['seed']}").random() < skill["share"]
    return key if known else rng.choice([letter for letter in LETTERS if letter != key])


def runs(records: list[Record], skills: dict[str, Any], modes: tuple[str, ...] = ("reasoning",), permute: int = 1,
         text: str = "") -> list[dict[str, Any]]:
    """Runs as the journal holds them."""
    by_id = {record["id"]: record for record in records}
    found = []
    for name, skill in skills.items():
        for mode in modes:
            for unit in units(records, name, Manner(mode, 64, permute=permute)):
                shown = letter_of(skill, by_id[unit.question], unit.shown, unit.rotation)
                letter = unit.back.get(shown or "")
                fast = mode == "fast"
                sure = [round(0.7 if option == letter else 0.1, 4) for option in LETTERS] if letter else None
                found.append({"id": unit.id, "contestant": name, "mode": mode, "question": unit.question,
                              "rotation": unit.rotation, "vote": unit.vote, "letter": letter, "shown": shown,
                              "probabilities": sure if fast else None, "ms": 12.5, "tokens": 0 if fast else 40,
                              "ended": "unparsed" if letter is None else "logits" if fast else "answer",
                              "degenerate": None, "text": "" if fast else f"{text}Answer: {shown}"})
    return found


def about(scale: float = 1.0) -> dict[str, Any]:
    """Weights, speed and memory of a planted contestant."""
    times = {"p50": 40 * scale, "p90": 50 * scale, "p95": 55 * scale, "mean": 42 * scale, "max": 80 * scale, "n": 20}
    timed = {"n": 20, "warm_up": 2, "ms": times, "prefill_ms": times, "decode_ms": None, "tokens_mean": 0.0,
             "prompt_tokens_mean": 90.0, "reused_tokens_mean": 20.0, "tokens_per_second": None}
    speed = {"latency": timed, "throughput": {"runs": 9, "seconds": 3.0, "sequences": 16, "answers_per_second": 3.0,
             "tokens_per_second": 120.0, "prompt_tokens_per_second": 300.0, "reused_tokens": 100}}
    return {"weights": {"kind": "gguf", "model": "m.gguf", "sha256": {}, "size_bytes": 145_000_000},
            "memory": {"process_bytes": 700_000_000, "device_bytes": None, "shared_with": []},
            "speed": {"fast": speed, "reasoning": speed}}


def results_of(records: list[Record], skills: dict[str, Any], modes: tuple[str, ...] = ("reasoning",), permute: int = 1,
               text: str = "", **more: Any) -> dict[str, Any]:
    """The whole results file of planted contestants."""
    return results.assemble(records, runs(records, skills, modes, permute, text), {n: about() for n in skills}, modes,
                            **more)


def reply(skill: Any, by_prompt_id: dict[str, Record], request: Request) -> Completion:
    """A planted contestant behind the backend interface: fast and reasoning requests by their ids."""
    _, _, question, rotation, _ = request.id.removesuffix("#forced").split("|")
    record = by_prompt_id[question]
    shown, _ = options.rotate(record, int(rotation[1:]))
    letter = letter_of(skill, record, shown, int(rotation[1:]))
    if request.max_tokens == 0:
        probabilities = {choice: 0.1 for choice in prompts.LETTER_CHOICES} | ({f" {letter}": 0.6} if letter else {})
        return Completion(request.id, "", 50, 0, "length", probabilities, 0.01)
    text = f"Some thought about the question as it stands.\nAnswer: {letter}" if letter else "I will not say."
    return Completion(request.id, text, 50, 12, "stop", None, 0.05)
