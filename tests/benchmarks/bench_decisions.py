"""How often verdict, gate and validator err: simulated with known truths, seeded; no model is needed.

    python tests/benchmarks/bench_decisions.py verdict
    python tests/benchmarks/bench_decisions.py gate --trials 2000
    python tests/benchmarks/bench_decisions.py validator

Prints the tables of docs/verdict.md and docs/agents.md. Discordant: share of questions that one of the two gets right
and the other not.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "scripts"), str(ROOT / "tests")]

from verdict_planted import paired  # noqa: E402

COUNTS = (200, 1_000, 5_000)
DIFFERENCES = (0.0, 0.01, -0.01, 0.05)
DISCORDANT = (0.08, 0.20)
HELD_OUT = 1_000  # questions that each simulated validator is measured on
RESAMPLES = 199  # of the bootstrap: the test decides nearly always, and 9,999 would take hours


def percent(count: int, total: int) -> str:
    """A share as the tables show it."""
    return f"{100 * count / total:.1f} %"


def verdict(trials: int) -> None:
    """Share of tests that say better or worse, beside the power that is told."""
    from stepladder.verdict import comparing, statistics

    statistics.RESAMPLES = RESAMPLES
    print(f"| questions | discordant | true difference | better | worse | power told |\n|{'---|' * 6}  "
          f"({trials} trials)")
    for count in COUNTS:
        for discordant in DISCORDANT:
            for difference in DIFFERENCES:
                rng = np.random.default_rng(0)
                said = Counter(comparing.compare(*paired(rng, count, discordant, difference))["verdict"]
                               for _ in range(trials))
                told = f"{100 * statistics.power(difference, count, discordant):.1f} %" if difference else "–"
                cells = [percent(said[word], trials) for word in (comparing.BETTER, comparing.WORSE)]
                print(f"| {count:,} | {discordant:.0%} | {100 * difference:+.0f} | {' | '.join(cells)} | {told} |",
                      flush=True)


def gate(trials: int) -> None:
    """Share of gates that deploy the student, at the default margin and at the laptop's."""
    from stepladder.agents.gate import decide

    print(f"| questions | discordant | margin | equal | +1 | -1 | +5 | worse by the margin |\n|{'---|' * 8}  "
          f"({trials} trials)")
    cases = [(count, discordant, 0.03) for count in (200, 1_000, 2_000, 5_000) for discordant in DISCORDANT]
    for count, discordant, margin in [*cases, (64, 0.40, 0.15)]:
        cells = []
        for difference in (*DIFFERENCES, -margin):
            rng = np.random.default_rng(0)
            passed = sum(decide(*paired(rng, count, discordant, difference), None, margin).deployed == "student"
                         for _ in range(trials))
            cells.append(percent(passed, trials))
        print(f"| {count:,} | {discordant:.0%} | {100 * margin:g} | {' | '.join(cells)} |", flush=True)


def validator(trials: int) -> None:
    """What validators of three skills call right and wrong, and how much of it is; each fitted anew in each trial."""
    from agent_fakes import planted_evidence

    from stepladder.agents import calibration

    print("| accuracy | fitted on | called | share of all options | probability stated | are right |\n"
          f"|{'---|' * 6}  ({trials} trials of {HELD_OUT} held-out questions)")
    for skill in (0.3, 1.46, 2.02):
        held = planted_evidence(HELD_OUT, skill, seed=0)
        for questions in (16, 32, 64, 1_000):
            proposals, best = [], 0
            for seed in range(1, trials + 1):
                fitted = calibration.fit(planted_evidence(questions, skill, seed))
                for evidence, key in held:
                    found = fitted.probabilities(evidence)
                    best += max(found, key=found.get) == key
                    proposals += [(probability, letter == key) for letter, probability in found.items()]
            for verdict, row in calibration.worth(proposals)["called"].items():
                print(f"| {percent(best, trials * HELD_OUT)} | {questions:,} | {verdict} | "
                      f"{100 * row['coverage']:.1f} % | {100 * row['stated']:.1f} % | "
                      f"{100 * row['are_right']['share']:.1f} % |", flush=True)


WHAT = {"verdict": (verdict, 400), "gate": (gate, 1_000), "validator": (validator, 20)}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=WHAT)
    parser.add_argument("--trials", type=int, default=0, help="simulated runs a cell")
    args = parser.parse_args()
    make, usual = WHAT[args.what]
    make(args.trials or usual)
