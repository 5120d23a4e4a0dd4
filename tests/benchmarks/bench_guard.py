"""How often does the guard call a healthy training collapsed, and does it catch planted collapses in time?

    python tests/benchmarks/bench_guard.py --student tests/.cache/models/smollm2_135m --state guard_readings
    python tests/benchmarks/bench_guard.py --state guard_readings --simulate            # from the readings kept there

Each run trains a fresh adapter on puzzles and keeps the guard's readings as NAME.json in --state; finished ones are not
trained again. Healthy runs differ in seed, order, rate and kinds of puzzle. Planted ones break one thing each. The
simulation draws runs from the healthy readings: a run at random, its held-out texts with replacement, its replies by
their observed shares, one draw a question for all readings, so that what is wrong once stays wrong (the worst case for
a rule that waits for two in a row); readings go on from the last ones until a run has --readings of them.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(PROJECT / "scripts")]
ARITHMETIC = ("arithmetic",)
MIXED = ("arithmetic", "directions", "clocks")
SMOOTHED = 0.5  # Jeffreys: what was seen in none of eight replies may still come


@dataclass(frozen=True)
class Plan:
    """One run. order: 1 easy to hard, -1 hard to easy, 0 random. planted: what is broken."""

    name: str
    seed: int
    kinds: tuple[str, ...] = ARITHMETIC
    order: int = 0
    rate: float = 5e-4
    planted: str = ""


HEALTHY = (Plan("easy-to-hard", 1, order=1), Plan("random", 2), Plan("hard-to-easy", 3, order=-1, rate=2e-4),
           Plan("high-rate", 4, rate=1e-3), Plan("three-kinds", 5, MIXED, order=1))
PLANTED = (Plan("rate-x100", 1, rate=5e-2, planted="rate"), Plan("bare-letter", 1, planted="bare letter"),
           Plan("same-text", 1, planted="same text"), Plan("always-a", 1, planted="always A"),
           Plan("sign-flipped", 1, planted="sign"), Plan("scaled-x50", 1, planted="scale"),
           Plan("dead", 1, planted="dead"))


def puzzles(plan: Plan, count: int) -> list[dict[str, Any]]:
    """Records of a run in its order, with difficulty by rank as stage 03 sets it."""
    from stepladder.curriculum.calibration import ladder
    from stepladder.puzzles import catalog

    stream = catalog.stream(count, seed=plan.seed, kinds=plan.kinds, levels=(1, 4), short_share=0.0)
    ranked = sorted(map(catalog.to_record, stream), key=lambda record: record["puzzle"]["level"])
    records = [{**record, "difficulty": difficulty, "level": level} for record, (difficulty, level)
               in zip(ranked, ladder([True] * count), strict=True)]
    if not plan.order:
        return random.Random(plan.seed).sample(records, count)
    return records[::plan.order]


def broken(plan: Plan, records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The records with the texts that a planted run trains on."""
    body = {"bare letter": lambda text: "Answer: A", "same text": lambda text: records[0]["chain_of_thought"],
            "always A": lambda text: text[:-1] + "A"}.get(plan.planted, lambda text: text)
    return [{**record, "chain_of_thought": body(record["chain_of_thought"])} for record in records]


def train(plan: Plan, args: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Readings of a run, the untrained base's first."""
    import torch

    from stepladder.core.settings import Training
    from stepladder.training import data, loading
    from stepladder.training.loss import weighted_loss
    from stepladder.training.readings import Reader
    from stepladder.training.windows import windows

    settings = Training(quantization="none", dtype=args.dtype, rank=64, alpha=64, gradient_checkpointing=False)
    student = loading.load_student(args.student, settings, plan.seed)
    steps = args.planted_steps if plan.planted else args.steps
    records = puzzles(plan, max(steps * args.records + args.held_out, 10 * args.held_out))
    encode = data.encode_all(records, student.tokenizer, max_length=512)[0]
    _, held = data.hold_back(encode, args.held_out)
    taken = {text.id for text in held}
    trained, _ = data.encode_all(broken(plan, [r for r in records if r["id"] not in taken]), student.tokenizer,
                                 max_length=512)
    trained = data.thin(trained, steps * args.records)
    reader = Reader(student, held, batch=4, samples=args.samples, tokens=512)
    yield reader.read(0).as_json()
    parameters = student.trainable()
    optimizer = torch.optim.AdamW(parameters.values(), lr=plan.rate, weight_decay=0.0)
    for window in windows([trained], batch=4, accumulation=args.records // 4):
        started = time.monotonic()
        for batch in window.batches:
            with student.autocast:
                loss = weighted_loss(student.model, batch, student.pad) / window.live_weight
            (-loss if plan.planted == "sign" else loss).backward()
        torch.nn.utils.clip_grad_norm_(parameters.values(), 1.0)
        if plan.planted != "dead":
            optimizer.step()
        optimizer.zero_grad()
        if plan.planted == "scale" and window.step == args.every - 1:
            with torch.no_grad():
                for parameter in parameters.values():
                    parameter.mul_(50)
        print(f"{plan.name} {window.step}: loss {loss.item():.3f}, {window.tokens / (time.monotonic() - started):.0f} "
              "tokens/s", file=sys.stderr, flush=True)
        if window.step % args.every == 0:
            yield reader.read(window.step).as_json()


def keep(plan: Plan, args: argparse.Namespace) -> None:
    """Train a run that is not there yet and keep its readings."""
    from stepladder.core.files import write_json

    path = args.state / f"{plan.name}.json"
    if not path.exists():
        started = time.monotonic()
        readings = list(train(plan, args))
        write_json(path, {"name": plan.name, "planted": plan.planted, "student": args.student.name, "rate": plan.rate,
                          "seconds": round(time.monotonic() - started, 1), "readings": readings})


# -- what the guard makes of them -------------------------------------------------------------------------------------

def first_alarm(readings: list[Any]) -> int | None:
    """Number of the reading at which the guard goes back, from 1; None where it never does."""
    from stepladder.training import guard

    return next((i for i in range(1, len(readings)) if guard.collapse(readings[:i + 1]) is not None), None)


def drawn(readings: list[Any], count: int, rng: random.Random) -> list[Any]:
    """A run of `count` readings like these: other texts, other replies."""
    texts = rng.choices(range(len(readings[0].losses)), k=len(readings[0].losses))
    asked = readings[0].replies
    lots = [[rng.random() for _ in range(asked)] for _ in range(3)]

    def tally(seen: int, which: int) -> int:
        return sum(lot < (seen + SMOOTHED) / (asked + 2 * SMOOTHED) for lot in lots[which])

    later = readings[1:]
    later += [later[-1 - i % (len(later) // 2)] for i in range(count - len(later))]
    return [replace(reading, losses=tuple(reading.losses[i] for i in texts), looping=tally(reading.looping, 0),
                    empty=tally(reading.empty, 1), answered=tally(reading.answered, 2))
            for reading in [readings[0], *later]]


def simulate(args: argparse.Namespace, say: Callable[[str], None] = print) -> dict[str, Any]:
    """False alarms of healthy runs, and when planted collapses are caught."""
    from stepladder.training import guard

    runs = [json.loads(path.read_text()) for path in sorted(args.state.glob("*.json"))]
    healthy = []
    for run in runs:
        readings = [guard.Reading.from_json(reading) for reading in run["readings"]]
        found = [guard.symptom(readings[0], reading) for reading in readings[1:]]
        say(f"{run['student']} {run['name']}: held-out loss {readings[0].loss:.3f} -> {readings[-1].loss:.3f}, goes "
            f"back at reading {first_alarm(readings)}; readings: {'; '.join(str(one) for one in found)}")
        if not run["planted"]:
            healthy.append(readings)
    if not healthy:
        raise SystemExit(f"{args.state} has no readings of a healthy run")
    rng = random.Random(0)
    alarms = sum(first_alarm(drawn(rng.choice(healthy), args.readings, rng)) is not None for _ in range(args.draws))
    planted = {run["name"]: first_alarm([guard.Reading.from_json(reading) for reading in run["readings"]])
               for run in runs if run["planted"]}
    say(f"false alarms: {alarms} of {args.draws} simulated healthy runs of {args.readings} readings "
        f"({alarms / args.draws:.2%}); planted, reading at which it goes back: {planted}")
    return {"false_alarms": alarms / args.draws, "planted": planted}


def main() -> None:
    """Train what is missing, then simulate."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--student", type=Path, help="transformers folder of the student")
    parser.add_argument("--state", type=Path, required=True, help="folder that keeps the readings")
    parser.add_argument("--only", nargs="+", help="names of runs to train; none: all")
    parser.add_argument("--simulate", action="store_true", help="train nothing")
    parser.add_argument("--steps", type=int, default=40, help="optimiser steps of a healthy run")
    parser.add_argument("--planted-steps", type=int, default=12, help="and of a planted one")
    parser.add_argument("--every", type=int, default=4, help="steps between readings")
    parser.add_argument("--records", type=int, default=8, help="records in a step")
    parser.add_argument("--held-out", type=int, default=24, help="held-out texts")
    parser.add_argument("--samples", type=int, default=8, help="replies in a reading")
    parser.add_argument("--dtype", default="auto", choices=("auto", "float32", "bfloat16"))
    parser.add_argument("--readings", type=int, default=20, help="readings of a simulated run")
    parser.add_argument("--draws", type=int, default=10_000, help="simulated runs")
    args = parser.parse_args()
    args.state.mkdir(parents=True, exist_ok=True)
    for plan in (*HEALTHY, *PLANTED):
        if not args.simulate and (args.only is None or plan.name in args.only):
            keep(plan, args)
    simulate(args)


if __name__ == "__main__":
    main()
