"""What a puzzle's level means: solver steps, how many structures there are, and how a small model fares.

    python tests/benchmarks/bench_puzzle_levels.py                          steps and structures of every kind and level
    python tests/benchmarks/bench_puzzle_levels.py MODEL.gguf --each 20     and a model's accuracy, reasoning mode
    python tests/benchmarks/bench_puzzle_levels.py --kinds ages clocks      of some kinds

Prints Markdown tables. Structures: different ones among --draws draws of a level. Exits 1 where a level that is offered
has fewer than 1,000, or where level and steps of a kind correlate (Spearman) below 0.8.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))

from stepladder.core.progress import Progress
from stepladder.puzzles import KINDS, LEVELS, Kind, generate, to_record

FEWEST, LEAST_RHO = 1_000, 0.8


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, nargs="?", help="GGUF file that is asked; without it nothing is")
    parser.add_argument("--draws", type=int, default=2_500, help="draws a level in which structures are counted")
    parser.add_argument("--each", type=int, default=20, help="puzzles asked a kind and level")
    parser.add_argument("--levels", type=int, nargs="+", default=[1, 4, 7, 10], help="levels asked")
    parser.add_argument("--kinds", nargs="+", default=list(KINDS), choices=list(KINDS), metavar="KIND")
    parser.add_argument("--max-tokens", type=int, default=256)
    parser.add_argument("--sequences", type=int, default=16)
    parser.add_argument("--seed", type=int, default=900)
    return parser


def structures(kind: Kind, draws: int, seed: int) -> Iterator[tuple[int, int, float]]:
    """(level, different structures, mean solver steps) of each level the kind offers."""
    for level in kind.levels:
        drawn = [generate(kind.name, seed * 10**6 + i, level) for i in range(draws)]
        yield level, len({puzzle.structure for puzzle in drawn}), statistics.fmean(puzzle.steps for puzzle in drawn)


def level_against_steps(kind: Kind, seed: int, draws: int = 2_000) -> float:
    """Spearman's correlation over puzzles of all levels alike."""
    from scipy.stats import spearmanr

    drawn = [generate(kind.name, seed * 10**6 + i, kind.levels[i % len(kind.levels)]) for i in range(draws)]
    return float(spearmanr([puzzle.level for puzzle in drawn], [puzzle.steps for puzzle in drawn]).statistic)


def solver_tables(kinds: list[str], draws: int, seed: int) -> list[str]:
    """Prints steps and structures of every kind; returns what falls short."""
    print(f"Mean solver steps by level, and the fewest different structures among {draws:,} draws of a level:\n\n"
          f"| kind | {' | '.join(map(str, LEVELS))} | Spearman | fewest structures |\n{'|---' * (len(LEVELS) + 3)}|")
    short = []
    for kind in map(KINDS.__getitem__, kinds):
        rows = {level: (count, steps) for level, count, steps in structures(kind, draws, seed)}
        rho = level_against_steps(kind, seed)
        fewest = min(rows, key=lambda level: rows[level][0])
        shown = [f"{rows[level][1]:.1f}" if level in rows else "-" for level in LEVELS]
        print(f"| {kind.name} | {' | '.join(shown)} | {rho:.2f} | {rows[fewest][0]:,} (level {fewest}) |", flush=True)
        short += [f"{kind.name}: {count} structures at level {level}" for level, (count, _) in rows.items()
                  if count < FEWEST]
        if rho < LEAST_RHO:
            short.append(f"{kind.name}: level against steps {rho:.2f}")
    return short


def asked_table(args: argparse.Namespace) -> None:
    """Prints the model's accuracy by kind and level; chance is 25 %."""
    from stepladder.engine.backend import open_backend
    from stepladder.verdict.answering import Manner, answer, units

    records = [to_record(generate(kind.name, args.seed * 10**6 + i, level))
               for kind in map(KINDS.__getitem__, args.kinds)
               for level in args.levels if level in kind.levels for i in range(args.each)]
    key = {record["id"]: record for record in records}
    manner = Manner("reasoning", args.max_tokens)
    right: dict[tuple[str, int], list[bool]] = defaultdict(list)
    with (open_backend(args.model, sequences=args.sequences, context=1024) as backend,
          Progress("asked", len(records)) as progress):
        for run in answer(backend, units(records, "model", manner), manner):
            record = key[run["question"]]
            right[record["puzzle"]["kind"], record["puzzle"]["level"]].append(run["letter"] == record["answer"])
            progress.update(tokens=run["tokens"])
    print(f"\n{args.model.name}, reasoning mode, {args.each} puzzles a kind and level, right:\n\n"
          f"| kind | {' | '.join(f'level {level}' for level in args.levels)} |\n{'|---' * (len(args.levels) + 1)}|")
    for kind in args.kinds:
        cells = [f"{statistics.fmean(right[kind, level]):.0%}" if right[kind, level] else "-" for level in args.levels]
        print(f"| {kind} | {' | '.join(cells)} |")
    every = {level: [one for kind in args.kinds for one in right[kind, level]] for level in args.levels}
    cells = " | ".join(f"{statistics.fmean(every[level]):.1%}" for level in args.levels)
    print(f"| **all** | {cells} |")


def main() -> int:
    args = build_parser().parse_args()
    short = solver_tables(args.kinds, args.draws, args.seed)
    if args.model:
        asked_table(args)
    for line in short:
        print(f"FAILED {line}")
    return 1 if short else 0


if __name__ == "__main__":
    sys.exit(main())
