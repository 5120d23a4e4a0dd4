"""Putting the questions: one run for each contestant, mode, question, rotation and vote, each journalled once.

    for run in answer(backend, "base", units, options, done=journal.records): journal.append(run)
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stepladder.core import options
from stepladder.core.records import LETTERS, Record
from stepladder.engine import extract, plain, prompts
from stepladder.engine.reply_forms import REASONING, ReplyForm
from stepladder.engine.requests import Backend, Completion, Feed, Request, RequestError, Sampling

FORCED = "#forced"


@dataclass(frozen=True)
class Manner:
    """How a question is put: the mode and what shapes the reply."""

    mode: str
    max_tokens: int
    temperature: float = 0.0
    vote_temperature: float = 0.7
    votes: int = 1
    permute: int = 1
    seed: int = 0


@dataclass(frozen=True)
class Unit:
    """One thing to ask. `shown` is the record as the contestant sees it, `back` its letters -> the original ones.

    form: the contestant's reply form.
    """

    id: str
    contestant: str
    mode: str
    question: str
    rotation: int
    vote: int
    shown: Record
    back: Mapping[str, str]
    form: ReplyForm = REASONING

    @property
    def choices(self) -> tuple[str, ...]:
        """The letters as their probabilities are asked for."""
        return prompts.LETTER_CHOICES if self.mode == "fast" else self.form.choices


def units(records: Sequence[Record], contestant: str, manner: Manner, form: ReplyForm = REASONING) -> list[Unit]:
    """Everything one contestant, who replies in `form`, is asked in one mode, in the order of the records."""
    found = []
    for record in records:
        rotations = range(manner.permute if options.may_permute(record) else 1)
        for rotation in rotations:
            shown, back = options.rotate(record, rotation)
            for vote in range(manner.votes if manner.mode == "reasoning" else 1):
                unit_id = f"{contestant}|{manner.mode}|{record['id']}|r{rotation}|v{vote}"
                found.append(Unit(unit_id, contestant, manner.mode, record["id"], rotation, vote, shown, back, form))
    return found


def request_for(backend: Backend, unit: Unit, manner: Manner) -> Request:
    """The request of one unit: fast mode one prefill with the letters' probabilities, reasoning mode a chain."""
    if unit.mode == "fast":
        messages, prefix = unit.form.fast(unit.shown)
        return Request(unit.id, backend.render(messages, prefix), max_tokens=0, choices=unit.choices)
    closing = unit.form.closing
    return Request(unit.id, backend.render(unit.form.asked(unit.shown)), manner.max_tokens, drawn(unit, manner),
                   closing=closing, choices=() if closing is None else unit.choices)


def drawn(unit: Unit, manner: Manner) -> Sampling:
    """How a reply in reasoning mode is drawn."""
    temperature = manner.vote_temperature if manner.votes > 1 else manner.temperature
    return Sampling(temperature, seed=seed_of(unit.id, manner.seed))


def seed_of(unit_id: str, seed: int) -> int:
    """A seed of its own for each unit, the same in every run. The contestant's name takes no part in it."""
    text = f"{seed}|{unit_id.partition('|')[2]}"
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")


def answer(backend: Backend, wanted: Sequence[Unit], manner: Manner, done: Collection[str] = ()
           ) -> Iterator[dict[str, Any]]:
    """Runs of all units not yet `done`, as they finish. A unit too long for the context is a run with no letter."""
    by_id = {unit.id: unit for unit in wanted if unit.id not in done}
    feed = Feed(_requests(backend, by_id.values(), manner, refused := []))
    asked: dict[str, tuple[Request, Completion]] = {}
    for completion in backend.generate(feed):
        yield from _drain(refused)
        unit_id = completion.id.removesuffix(FORCED)
        unit = by_id[unit_id]
        if completion.id.endswith(FORCED):
            yield forced_run(unit, asked.pop(unit_id)[1], completion)
            continue
        if completion.finish_reason == "refused":
            yield refused_run(unit, completion.refusal)
            continue
        run = run_of(unit, completion)
        if run["letter"] is None and unit.mode == "reasoning" and unit.form.closing is not None:
            again = _forcing(backend, unit, manner, completion)
            if again is not None:
                asked[unit_id] = (again, completion)
                feed.add(again)
                continue
        yield run
    yield from _drain(refused)


def _requests(backend: Backend, wanted: Collection[Unit], manner: Manner, refused: list[dict[str, Any]]
              ) -> Iterator[Request]:
    for unit in wanted:
        request = request_for(backend, unit, manner)
        try:
            backend.check(request)
        except RequestError as error:
            refused.append(refused_run(unit, error.reason))
            continue
        yield request


def _drain(refused: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    while refused:
        yield refused.pop(0)


def _forcing(backend: Backend, unit: Unit, manner: Manner, completion: Completion) -> Request | None:
    """The same prompt with the whole chain and the closing behind it, to read the letter off; None if too long."""
    asked = request_for(backend, unit, manner).prompt
    prompt = asked + plain.with_thought(asked, completion.thinking, unit.form.concluded(completion.text))
    request = Request(unit.id + FORCED, prompt, max_tokens=0, choices=unit.choices)
    try:
        backend.check(request)
    except RequestError:
        return None
    return request


def run_of(unit: Unit, completion: Completion) -> dict[str, Any]:
    """What a completion came to, letters carried back to the original options."""
    probabilities = letter_probabilities(completion.probabilities, unit)
    if unit.mode == "fast":
        letter, ended = most_probable(probabilities), "logits"
    else:
        letter, probabilities, ended = _concluded(unit, completion, probabilities)
    return _run(unit, letter, probabilities, completion.seconds, completion.tokens,
                ended if letter else "unparsed", completion)


def _concluded(unit: Unit, completion: Completion, probabilities: list[float] | None
               ) -> tuple[str | None, list[float] | None, str]:
    """(letter, its probabilities, how it ended) of a chain. One that had answered before it was closed keeps that."""
    choices = unit.shown["choices"]
    if completion.finish_reason != "closed":
        shown = unit.form.read(completion.text, choices)
        return unit.back.get(shown or ""), probabilities, "answer"
    own = unit.form.own(completion.text, choices)
    if own is not None:
        return unit.back[own], None, "answer"
    if probabilities is not None:
        return most_probable(probabilities), probabilities, "closed"
    return unit.back.get(unit.form.read(completion.text, choices) or ""), None, "closed"


def forced_run(unit: Unit, chain: Completion, closing: Completion) -> dict[str, Any]:
    """A chain that ended without a letter, and the letter read off after the closing."""
    probabilities = letter_probabilities(closing.probabilities, unit)
    letter = most_probable(probabilities)
    return _run(unit, letter, probabilities, chain.seconds + closing.seconds, chain.tokens,
                "forced" if letter else "unparsed", chain)


def refused_run(unit: Unit, why: str | None) -> dict[str, Any]:
    """A question that was never answered, and why: it is too long, or the server refuses it."""
    return _run(unit, None, None, 0.0, 0, "unparsed") | {"refused": why}


def _run(unit: Unit, letter: str | None, probabilities: list[float] | None, seconds: float, tokens: int, ended: str,
         reply: Completion | None = None) -> dict[str, Any]:
    text, thinking = (reply.text, reply.thinking) if reply else ("", None)
    forward = {original: shown for shown, original in unit.back.items()}
    said = unit.form.plain(text)
    bare = bool(text) and not thinking and extract.gives_no_reasoning(said, unit.shown["choices"])
    looked_at = text and not bare and not (thinking and extract.degenerate(said) in ("empty", "near-empty"))
    return {"id": unit.id, "contestant": unit.contestant, "mode": unit.mode, "question": unit.question,
            "rotation": unit.rotation, "vote": unit.vote, "letter": letter, "shown": forward.get(letter or ""),
            "probabilities": probabilities, "ms": round(1000 * seconds, 1), "tokens": tokens, "ended": ended,
            "degenerate": extract.degenerate(said) if looked_at else None, "bare": bare, "text": text,
            **({"thinking": thinking} if thinking else {})}


def letter_probabilities(choices: Mapping[str, float] | None, unit: Unit) -> list[float] | None:
    """Probabilities of the original A, B, C, D that sum to 1; None where there are none or they are not numbers."""
    if choices is None:
        return None
    shown = {letter: choices[choice] for letter, choice in zip(LETTERS, unit.choices, strict=True)}
    total = sum(shown.values())
    if not math.isfinite(total) or total <= 0:
        return None
    original = {unit.back[letter]: value / total for letter, value in shown.items()}
    return [round(original[letter], 6) for letter in LETTERS]


def most_probable(probabilities: Sequence[float] | None) -> str | None:
    """The letter with the highest probability, the first of equals."""
    return LETTERS[probabilities.index(max(probabilities))] if probabilities else None
