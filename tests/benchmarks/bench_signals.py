"""What each signal of difficulty is worth: its rank correlation with the known levels of generated puzzles.

    python tests/benchmarks/bench_signals.py models/smollm2-135m-instruct-q8_0.gguf --records 200 --rotations 4

A level means something inside a kind of puzzle only, so each signal is also compared by ranks inside kinds.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))

from stepladder.core.records import Record
from stepladder.curriculum import build, rating_prompts, signals
from stepladder.curriculum.ratings import Assessor
from stepladder.curriculum.student_signal import StudentProbe
from stepladder.curriculum.summary import spearman
from stepladder.engine.backend import open_backend
from stepladder.puzzles import stream, to_record


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, help="GGUF file: assessor and student")
    parser.add_argument("--records", type=int, default=200)
    parser.add_argument("--rotations", type=int, default=4, help="of the student's options; 0: leave the student out")
    parser.add_argument("--no-assessor", action="store_true", help="leave the assessor out")
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--threads", type=int, default=None)
    return parser


def inside_kinds(records: Sequence[Record], values: Sequence[float]) -> list[float]:
    """Each value's rank among those of its kind, as a share."""
    from scipy.stats import rankdata

    places = defaultdict(list)
    for place, record in enumerate(records):
        places[record["subject"]].append(place)
    shares = [0.0] * len(values)
    for group in places.values():
        for place, rank in zip(group, rankdata([values[place] for place in group]), strict=True):
            shares[place] = float(rank - 0.5) / len(group)
    return shares


def main() -> None:
    args = build_parser().parse_args()
    records = [to_record(puzzle) for puzzle in stream(args.records, seed=args.seed)]
    ratings, probes = {}, {}
    with open_backend(args.model, sequences=16, context=768, threads=args.threads) as backend:
        if not args.no_assessor:
            assessor = Assessor(backend, list(rating_prompts.LABELS))
            ratings = {result["id"]: result for result in assessor.measure(records)}
        if args.rotations:
            probes = {result["id"]: result for result in StudentProbe(backend, args.rotations).measure(records)}
    found = build.gather(records, ratings, probes)
    columns = {name: [found[record["id"]].get(name) for record in records]
               for name in ("assessor", "student", "length", "heuristic")}
    for prompt in rating_prompts.LABELS:
        columns[f"assessor, {prompt}"] = [ratings.get(r["id"], {}).get("by_prompt", {}).get(prompt) for r in records]
    ids = [record["id"] for record in records]
    columns["blend"] = [signals.ordering(ids, found, "blend")[0][name] for name in ids]
    levels = [record["puzzle"]["level"] for record in records]
    print(f"{args.model.name}, {len(records)} puzzles of levels 1-10, {len({r['subject'] for r in records})} kinds")
    for name, values in columns.items():
        if None in values:
            print(f"  {name:22} not measured")
            continue
        for where, one, other in (("over all", values, levels), (
                "inside kinds", inside_kinds(records, values), inside_kinds(records, levels))):
            row = spearman(one, other)
            print(f"  {name:22} {where:12} {row['rho']:+.2f} [{row['low']:+.2f}, {row['high']:+.2f}]" if row else
                  f"  {name:22} {where:12} constant")
        mean = sum(values) / len(values)
        print(f"  {'':22} mean {mean:.2f}, sd {(sum((v - mean) ** 2 for v in values) / len(values)) ** 0.5:.3f}")


if __name__ == "__main__":
    main()
