"""How fast the assessor rates: against the engine's bare prefill, and against generating a text and parsing it.

    python tests/benchmarks/bench_rating.py models/smollm2-135m-instruct-q8_0.gguf --records 96

All in one run, on the same model and the same records. Bare prefill computes one of the prompts of each record and
reads nothing; rating computes all its prompts and reads their probabilities. Rates are prompt tokens computed a second.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))

from stepladder.core.records import Record
from stepladder.curriculum import rating_prompts
from stepladder.curriculum.ratings import TEXT_TOKENS, Assessor, parse_rating
from stepladder.engine.backend import open_backend
from stepladder.engine.requests import Backend, Request
from stepladder.puzzles import stream, to_record


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, help="GGUF file")
    parser.add_argument("--records", type=int, default=96)
    parser.add_argument("--sequences", type=int, default=16)
    parser.add_argument("--context", type=int, default=1024)
    parser.add_argument("--batch-tokens", type=int, default=512)
    parser.add_argument("--threads", type=int, default=None)
    parser.add_argument("--rounds", type=int, default=2, help="each way is timed so often, in turns; the median counts")
    parser.add_argument("--cpu-time", action="store_true", help="count CPU seconds: for a busy machine, --threads 1")
    parser.add_argument("--no-text", action="store_true", help="leave out generate-and-parse")
    return parser


def bare(backend: Backend, records: list[Record], prompts: list[str]) -> str:
    requests = (Request(record["id"], backend.render(*rating_prompts.messages(record, prompts[0])), max_tokens=0)
                for record in records)
    return f"{sum(1 for _ in backend.generate(requests))} prompts computed"


def rating(backend: Backend, records: list[Record], prompts: list[str]) -> str:
    found = list(Assessor(backend, prompts).measure(records))
    return f"{sum(result['assessor'] is not None for result in found)} of {len(found)} rated"


def text(backend: Backend, records: list[Record], prompts: list[str]) -> str:
    def requests() -> Iterator[Request]:
        for record in records:
            for prompt in prompts:
                rendered = backend.render(*rating_prompts.messages(record, prompt))
                yield Request(f"{record['id']}#{prompt}", rendered, max_tokens=TEXT_TOKENS)

    parsed = [parse_rating(completion.text) for completion in backend.generate(requests())]
    return f"{sum(value is not None for value in parsed)} of {len(parsed)} texts parsed"


def timed(way: Callable[..., str], args: argparse.Namespace, records: list[Record]) -> tuple[float, int, float, str]:
    """(seconds, prompt tokens computed, share of the wall time outside the model, remark), on a fresh engine."""
    clock = time.process_time if args.cpu_time else time.perf_counter
    with open_backend(args.model, sequences=args.sequences, context=args.context, batch_tokens=args.batch_tokens,
                      threads=args.threads) as backend:
        list(backend.generate([Request("warm", "Warm up.", max_tokens=1)]))
        before, decode = backend.stats.prompt_tokens, backend.stats.seconds["decode"]
        started, started_wall = clock(), time.perf_counter()
        remark = way(backend, records, list(rating_prompts.LABELS))
        seconds, wall = clock() - started, time.perf_counter() - started_wall
        inside = backend.stats.seconds["decode"] - decode
        return seconds, backend.stats.prompt_tokens - before, 1 - inside / wall, remark


def main() -> None:
    args = build_parser().parse_args()
    records = [to_record(puzzle) for puzzle in stream(args.records, seed=3)]
    ways = [bare, rating] if args.no_text else [bare, rating, text]
    found: dict[str, list[tuple[float, int, float, str]]] = {way.__name__: [] for way in ways}
    for _ in range(args.rounds):
        for way in ways:
            found[way.__name__].append(timed(way, args, records))
    print(f"{args.model.name}, {len(records)} records, {len(rating_prompts.LABELS)} prompts each, "
          f"{args.sequences} sequences, median of {args.rounds}")
    medians = {}
    for name, runs in found.items():
        seconds = statistics.median(run[0] for run in runs)
        medians[name] = (seconds, runs[0][1] / seconds)
        print(f"  {name:7} {seconds:7.1f} s  {len(records) / seconds:6.2f} records/s  {runs[0][1]:7} tokens  "
              f"{medians[name][1]:7.0f} tokens/s  {100 * runs[0][2]:.1f} % outside the model  {runs[0][3]}")
    print(f"  rating / bare prefill, tokens/s: {medians['rating'][1] / medians['bare'][1]:.2f}")
    print(f"  rating / bare prefill of one prompt, records/s: {medians['bare'][0] / medians['rating'][0]:.2f}")
    if "text" in medians:
        print(f"  rating / generate-and-parse, records/s: {medians['text'][0] / medians['rating'][0]:.2f}")


if __name__ == "__main__":
    main()
