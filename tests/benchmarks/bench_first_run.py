"""What does the two-command run gain? The whole chain with several seeds, and beside each a control that cannot learn.

    python tests/benchmarks/bench_first_run.py --state first_runs --seeds 1 2 3        # about 30 minutes a seed
    python tests/benchmarks/bench_first_run.py --state first_runs --table              # from what is there

Each seed runs `run_all.sh` in a workspace of its own. Then a variant, "permuted", is trained on the same records with
each question given another one's reasoning, of the same kind where it is a puzzle: its form is as good, its steps and
letters teach nothing. Both are tested on the same held-out questions, and the gate judges both. Everything goes on
where it was killed. Other flags go to run_all.sh.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(PROJECT / "scripts")]
CONTROL = "permuted"
STAGES = ("00", "01", "02", "03", "04", "05", "06")


def permuted(records: list[dict[str, Any]], seed: int) -> list[dict[str, Any]]:
    """The records, each with the reasoning of another one of its kind; those that are alone in it without any."""
    groups: dict[str, list[int]] = defaultdict(list)
    for index, record in enumerate(records):
        if record.get("chain_of_thought"):
            groups[(record.get("puzzle") or {}).get("kind", record["source"])].append(index)
    texts: list[str | None] = [None] * len(records)
    for members in groups.values():
        random.Random(seed).shuffle(members)
        for index, other in zip(members, members[1:] + members[:1], strict=True):
            texts[index] = records[other]["chain_of_thought"] if other != index else None
    return [{**record, "chain_of_thought": text} for record, text in zip(records, texts, strict=True)]


def chain(folder: Path, seed: int, others: list[str]) -> None:
    """The two-command run; its time is kept where it was run in one go."""
    flags = [word for stage in STAGES for word in ("--args", stage, f"--seed {seed}")]
    fresh, started = not (folder / "data").exists(), time.monotonic()
    subprocess.run([str(PROJECT / "run_all.sh"), "--profile", "laptop", "--workdir", str(folder), *flags, *others],
                   check=True)
    if fresh:  # the control's test comes later, and would be counted in
        (folder / "cost.txt").write_text(cost(folder, seed, time.monotonic() - started))


def control(folder: Path, seed: int) -> None:
    """Train, test and judge the permuted student beside the first one."""
    from stepladder.core.files import read_json, write_json

    enhanced = folder / "data" / "enhanced"
    write_json(enhanced / f"curriculum_ordered_sample.{CONTROL}.json",
               permuted(read_json(enhanced / "curriculum_ordered_sample.json"), seed))
    for script, flags in (("04_train_qwen3_235b.py", ["--variant", CONTROL]), ("05_test_model.py", []),
                          ("06_deploy_agents.py", ["--variant", CONTROL])):
        subprocess.run([sys.executable, str(PROJECT / "scripts" / script), "--profile", "laptop", "--workdir",
                        str(folder), "--seed", str(seed), *flags], check=True)


def rows(folder: Path, seed: int) -> list[str]:
    """What one seed came to, as rows of the tables."""
    from stepladder.core.files import read_json

    enhanced = folder / "data" / "enhanced"
    results = read_json(enhanced / "test_results_sample.json")
    told = []
    for name, suffix in (("student", ""), (CONTROL, f".{CONTROL}")):
        path = enhanced / f"tournament_sample{suffix}.json"
        if name not in results["contestants"] or not path.exists():
            continue
        gate = read_json(path)["gate"]
        cells = [_difference(results["questions"], name, test, seed) for test in (
            lambda question: question["source"] == "puzzle", lambda question: question["source"] != "puzzle",
            lambda question: True)]
        told.append(f"| {seed} | {name} | {' | '.join(cells)} | {gate['deployed']}: {gate['verdict']} |")
    return told


def _difference(questions: list[dict[str, Any]], name: str, chosen: Any, seed: int) -> str:
    from stepladder.core.clusters import clusters_of
    from stepladder.verdict import comparing

    picked = [question for question in questions if chosen(question)]
    scores = {who: [question["answers"][who]["reasoning"]["score"] for question in picked] for who in (name, "base")}
    found = comparing.compare(scores[name], scores["base"], clusters_of(picked), seed)
    low, high = (100 * found["difference"][key] for key in ("low", "high"))
    shares = " -> ".join(f"{100 * sum(scores[who]) / len(picked):.1f}" for who in ("base", name))
    return f"{shares}: {100 * found['difference']['value']:+.1f} ({low:+.1f} to {high:+.1f})"


def cost(folder: Path, seed: int, seconds: float) -> str:
    """Time, memory and speeds of one seed's run that has just ended."""
    from stepladder.core.workspace import Workspace
    from stepladder.show.summary import read_metas

    metas = read_metas(Workspace(folder, "sample", "smollm2_135m"))
    training = metas["04"]["counts"]
    return (f"seed {seed}: {seconds / 60:.1f} min in all, stages "
            + ", ".join(f"{name} {meta['seconds']:.0f} s" for name, meta in metas.items())
            + f"; most memory {max(meta['peak_memory_bytes'] for meta in metas.values()) / 1e9:.2f} GB; training "
            f"{training['speed']['tokens_per_second']} tokens/s ({training['records']} records, {training['tokens']} "
            f"tokens); guard: {training['verdict']}")


def main() -> None:
    """Run what is missing, then print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--table", action="store_true", help="only print what is there")
    parser.add_argument("--no-control", action="store_true", help="without the permuted student")
    args, others = parser.parse_known_args()
    folders = {seed: args.state.resolve() / f"seed-{seed}" for seed in args.seeds}
    for seed, folder in folders.items() if not args.table else ():
        chain(folder, seed, others)
        if not args.no_control:
            control(folder, seed)
    print("| seed | student | puzzles, % right: difference | the others | all held out | gate |\n" + "|---" * 6 + "|")
    print("\n".join(row for seed, folder in folders.items() for row in rows(folder, seed)))
    print("\n".join(path.read_text() for folder in folders.values() if (path := folder / "cost.txt").exists()))


if __name__ == "__main__":
    main()
