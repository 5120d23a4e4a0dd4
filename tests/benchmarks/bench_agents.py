"""Agents against the clock: deadlines kept, and the fast answer against a bare prefill of the same prompts.

    python tests/benchmarks/bench_agents.py deadlines --model models/smollm2-135m-instruct-q8_0.gguf --questions 200
    python tests/benchmarks/bench_agents.py fast --model models/smollm2-135m-instruct-q8_0.gguf

`deadlines` also takes --slow SECONDS, slept before every call of the model. `fast` compares in one run, alternating.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))

from stepladder import puzzles
from stepladder.agents.answerer import Answerer, Limits
from stepladder.agents.pace import Pace
from stepladder.engine import prompts
from stepladder.engine.batching import Engine
from stepladder.engine.requests import Request


class SlowEngine(Engine):
    """An engine whose every step takes `pause` seconds more."""

    pause = 0.0

    def _compute(self, shares: Any) -> None:
        time.sleep(self.pause)
        super()._compute(shares)


def tournament_records(count: int) -> list[dict[str, Any]]:
    """Puzzles of the tournament's length, all kinds in turn."""
    kinds = list(puzzles.KINDS)
    return [puzzles.to_record(puzzles.generate(kinds[n % len(kinds)], n, 8, short=True)) for n in range(count)]


def deadlines(args: argparse.Namespace) -> None:
    """Answer in batches of five within six seconds; count what is late, null or blind."""
    adapters = {"student": args.adapter} if args.adapter else {}
    with SlowEngine(args.model, sequences=16, context=768, batch_tokens=96, adapters=adapters) as engine:
        if args.adapter:
            engine.use_adapter("student")
        engine.pause = args.slow
        answerer = Answerer(engine, Limits(args.tokens, args.seconds))
        print(f"pace {answerer.pace.prompt_per_second:.0f} prompt tokens/s, {answerer.pace.step_seconds:.3f} s a step")
        records, answers, batches = tournament_records(args.questions), [], []
        started = time.monotonic()
        for batch in answerer.answer_all(records, args.batch_size):
            answers += batch
            batches.append(batch)
        took = time.monotonic() - started
    slowest = max(answer.seconds for answer in answers)
    blind = sum(set(answer.probabilities.values()) == {0.25} for answer in answers)
    right = sum(answer.letter == record["answer"] for answer, record in zip(answers, records, strict=True))
    print(f"{len(answers)} answers of {len(records)} in {took:.0f} s, {len(batches)} batches of "
          f"{dict(Counter(map(len, batches)))}; late {sum(answer.late for answer in answers)}, null "
          f"{sum(answer.letter not in 'ABCD' for answer in answers)}, blind {blind}, cut "
          f"{sum(answer.shortened for answer in answers)}; slowest batch {slowest:.2f} s; "
          f"{dict(Counter(answer.how for answer in answers))}; mean tokens "
          f"{sum(answer.tokens for answer in answers) / len(answers):.0f}; right {right}")


def fast(args: argparse.Namespace) -> None:
    """p95 of the fast answer over p95 of computing the same prompt alone, each question once in both ways."""
    import numpy as np

    records = tournament_records(args.questions)
    with Engine(args.model, sequences=1, context=768) as engine:
        answerer = Answerer(engine, Limits(32, None), Pace(300.0, 0.01))
        taken: dict[str, list[float]] = {"bare": [], "fast": []}
        engine_prompts = [engine.render(*prompts.fast(record)) for record in records]
        half = len(records) // 2
        for place in range(len(records)):
            # the other way's question lies half the set away, so that neither finds its prompt in memory
            for way, index in (("bare", place), ("fast", (place + half) % len(records))):
                started = time.perf_counter()
                if way == "bare":
                    list(engine.generate([Request("bare", engine_prompts[index], max_tokens=0)]))
                else:
                    answerer.fast([records[index]])
                taken[way].append(time.perf_counter() - started)
    for way, seconds in taken.items():
        print(f"{way}: p50 {1000 * np.percentile(seconds, 50):.1f} ms, p95 {1000 * np.percentile(seconds, 95):.1f} ms")
    p50, p95 = (np.percentile(taken["fast"], p) / np.percentile(taken["bare"], p) for p in (50, 95))
    print(f"fast / bare: p50 {p50:.3f}, p95 {p95:.3f} (n = {len(records)})")


def main() -> None:
    """Run what is named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["deadlines", "fast"])
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--adapter", type=Path)
    parser.add_argument("--questions", type=int, default=200)
    parser.add_argument("--batch-size", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=6.0)
    parser.add_argument("--tokens", type=int, default=512)
    parser.add_argument("--slow", type=float, default=0.0)
    args = parser.parse_args()
    {"deadlines": deadlines, "fast": fast}[args.what](args)


if __name__ == "__main__":
    main()
