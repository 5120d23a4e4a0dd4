"""Does reasoning teach more than answers? A small student, held-out puzzles, equal budgets of processed tokens.

    python tests/benchmarks/bench_learning.py --workdir . --state learning_runs                # about 100 minutes
    python tests/benchmarks/bench_learning.py --workdir . --state /tmp/try --tokens 4000 --held-out 20 --seeds 1
    python tests/benchmarks/bench_learning.py --workdir . --state order_runs --seeds 1 --arms reasoning \\
        --orders curriculum reverse interleaved --kinds arithmetic directions --levels 1 6 --tokens 200000

Arms: the untrained base, the same student trained on answers alone, and on reasoning. Each training is stage 04
itself on puzzles of its own seed; a budget counts prompt and reply tokens of everything the optimiser saw, so the
answers' arm sees more records. Held-out puzzles have another seed and no structure in common with any training.
Both arms learn in random order; --orders adds arms that learn the very records of the reasoning arm in other orders of
stage 04, by the puzzles' levels. The workdir holds stage 01's weights. --state keeps every finished training and every
answer: run it again to go on, with more seeds too. Other flags go to stage 04.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(PROJECT / "scripts")]
ARMS = ("answers", "reasoning")
HELD_OUT_SEED = 90_001
PROMPT_TOKENS_AT_LEAST = 60  # so that more puzzles than the budget holds are offered
MAX_NEW_TOKENS = 160


def puzzles(count: int, seed: int, args: argparse.Namespace, without: Iterable[str] = ()) -> list[dict[str, Any]]:
    """Records of `count` puzzles, none with a structure in `without`."""
    from stepladder.puzzles import catalog

    taken, found = set(without), []
    for puzzle in catalog.stream(10**6, seed=seed, kinds=args.kinds, levels=tuple(args.levels), short_share=0.0):
        record = catalog.to_record(puzzle)
        if record["puzzle"]["structure"] not in taken:
            found.append({**record, "difficulty": float(puzzle.level),
                          "level": "easy" if puzzle.level < 4 else "medium" if puzzle.level < 7 else "hard"})
        if len(found) == count:
            break
    return found


def write(path: Path, value: Any) -> None:
    """JSON, whole or not at all."""
    from stepladder.core.files import write_json

    write_json(path, value)


def arm_records(arm: str, seed: int, args: argparse.Namespace, held_out: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What the arm is offered; stage 04 takes as much of it as the budget holds, the same in any order."""
    records = puzzles(args.tokens // PROMPT_TOKENS_AT_LEAST, seed, args,
                      {record["puzzle"]["structure"] for record in held_out})
    if arm == "answers":
        return [{**record, "chain_of_thought": None} for record in records]
    return records


def train(arm: str, seed: int, args: argparse.Namespace, held_out: list[dict[str, Any]]) -> Path:
    """The arm's GGUF adapter, trained by stage 04 in a folder of its own; goes on where it was stopped."""
    folder = args.state / f"{arm}-{seed}"
    enhanced = folder / "data" / "enhanced"
    if not (enhanced / "curriculum_ordered_sample.json").exists():
        records = arm_records(arm, seed, args, held_out)
        (folder / "models").mkdir(parents=True, exist_ok=True)
        student = json.loads((args.workdir / "data/enhanced/models_sample.json").read_text())["student"]
        for name in (student["gguf"], student["transformers"]):  # the weights alone: adapters are each arm's own
            link = folder / name
            if not link.exists():
                link.symlink_to((args.workdir / name).resolve())
        write(enhanced / "models_sample.json", json.loads(
            (args.workdir / "data/enhanced/models_sample.json").read_text()))
        write(enhanced / "validation_sample.json", [
            {key: record[key] for key in ("id", "question", "choices", "answer")} for record in records[-16:]])
        write(enhanced / "curriculum_ordered_sample.json", records)
    command = [sys.executable, str(PROJECT / "scripts/04_train_qwen3_235b.py"), "--profile", "laptop", "--workdir",
               str(folder), "--seed", str(seed), "--token-budget", str(args.tokens), "--guard-steps", "0",
               "--order", "random" if arm in ARMS else arm,
               "--learning-rate", str(args.learning_rate), "--learning-rate-end", str(args.learning_rate / 2),
               "--schedule", "linear", "--epochs", "1", "--dtype", "float32", *(["--answer-only"] * (arm == "answers")),
               *args.others]
    subprocess.run(command, check=True, stdout=sys.stderr)
    return folder / "models" / "smollm2_135m_cot_curriculum" / "adapter.gguf"


def answers(name: str, adapter: Path | None, mode: str, args: argparse.Namespace, held_out: list[dict[str, Any]]
            ) -> dict[str, str | None]:
    """Question id -> letter or None, kept in the state folder as they come."""
    from stepladder.core.journal import Journal, ScopedJournal
    from stepladder.engine import extract, prompts
    from stepladder.engine.backend import open_backend
    from stepladder.engine.requests import Request

    journal = ScopedJournal(Journal(args.state / f"answers-{name}-{mode}.jsonl"),
                            f"{len(held_out)} {args.kinds} {args.levels}")
    missing = [record for record in held_out if record["id"] not in journal.records]
    if missing:
        table = json.loads((args.workdir / "data/enhanced/models_sample.json").read_text())
        options = {"adapters": {"student": adapter}} if adapter else {}
        with open_backend(args.workdir / table["student"]["gguf"], sequences=16, context=1024, **options) as backend:
            if adapter:
                backend.use_adapter("student")
            for completion in backend.generate(_request(backend, record, mode, Request, prompts) for record in missing):
                if mode == "fast":
                    best = max(completion.probabilities, key=completion.probabilities.get)
                    letter = best.strip()
                else:
                    letter = extract.extract_answer(completion.text)
                    if letter is None and completion.probabilities:  # concluded by force
                        letter = max(completion.probabilities, key=completion.probabilities.get).strip()
                journal.append({"id": completion.id, "letter": letter, "text": completion.text})
    letters = {record["id"]: journal.records[record["id"]]["letter"] for record in held_out}
    journal.close()
    return letters


def _request(backend: Any, record: dict[str, Any], mode: str, request: type, prompts: Any) -> Any:
    if mode == "fast":
        messages, prefix = prompts.fast(record)
        return request(record["id"], backend.render(messages, prefix), max_tokens=0, choices=prompts.LETTER_CHOICES)
    return request(record["id"], backend.render(prompts.messages(record, prompts.STUDENT)), max_tokens=MAX_NEW_TOKENS,
                   closing=prompts.CLOSING, choices=prompts.LETTER_CHOICES)


def report(held_out: list[dict[str, Any]], given: dict[str, dict[str, str | None]]) -> None:
    """Accuracies with Wilson intervals, and McNemar's exact test of the reasoning arm against others of its seed."""
    from statsmodels.stats.contingency_tables import mcnemar
    from statsmodels.stats.proportion import proportion_confint

    right = {name: [letters[record["id"]] == record["answer"] for record in held_out]
             for name, letters in given.items()}
    for name, hits in right.items():
        low, high = proportion_confint(sum(hits), len(hits), method="wilson")
        silent = sum(letter is None for letter in given[name].values())
        print(f"{name:24} {sum(hits) / len(hits):.3f} [{low:.3f}, {high:.3f}] of {len(hits)}, no answer {silent}")
    for level in ("easy", "medium", "hard"):
        rows = [i for i, record in enumerate(held_out) if record["level"] == level]
        if 0 < len(rows) < len(held_out):
            print(f"{level}, {len(rows)}: " + ", ".join(
                f"{name} {sum(hits[i] for i in rows) / len(rows):.3f}" for name, hits in right.items()))
    print("McNemar, exact, reasoning against the other (only reasoning right : only the other right)")
    for name in right:
        if not name.startswith("reasoning"):
            continue
        seed = name.rpartition("-")[2]
        for other in (key for key in right if key != name and (key.startswith("base") or key.endswith(f"-{seed}"))):
            pairs = list(zip(right[name], right[other], strict=True))
            gained, lost = pairs.count((True, False)), pairs.count((False, True))
            table = [[pairs.count((True, True)), gained], [lost, pairs.count((False, False))]]
            print(f"{name} / {other:20} {gained:4} : {lost:<4} p = {mcnemar(table, exact=True).pvalue:.2g}")


def plot(path: Path, held_out: list[dict[str, Any]], given: dict[str, dict[str, str | None]]) -> None:
    """Accuracies with their intervals, a bar each; chance is dashed."""
    from matplotlib.figure import Figure
    from statsmodels.stats.proportion import proportion_confint

    figure = Figure(figsize=(7, 0.4 * len(given) + 1), layout="constrained")
    axes = figure.subplots()
    for row, (name, letters) in enumerate(given.items()):
        hits = sum(letters[record["id"]] == record["answer"] for record in held_out)
        share, (low, high) = hits / len(held_out), proportion_confint(hits, len(held_out), method="wilson")
        axes.barh(row, share, color="#1f6fb2" if name.startswith("reasoning") else "#9aa5b1", height=0.65)
        axes.errorbar(share, row, xerr=[[share - low], [high - share]], color="black", capsize=3, linewidth=1)
    axes.axvline(0.25, color="black", linestyle="--", linewidth=1)
    axes.set(yticks=range(len(given)), yticklabels=list(given), xlim=(0, 1),
             xlabel=f"right, of {len(held_out)} held-out puzzles (95 % intervals; dashed: chance)")
    axes.invert_yaxis()
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=130)


def main() -> None:
    """Train what is not trained, ask what is not asked, print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workdir", type=Path, required=True, help="working folder with stage 01's weights")
    parser.add_argument("--state", type=Path, required=True, help="folder that keeps trainings and answers")
    parser.add_argument("--tokens", type=int, default=100_000, help="budget of each training, prompt and reply tokens")
    parser.add_argument("--held-out", type=int, default=300, help="held-out puzzles")
    parser.add_argument("--seeds", type=int, default=3, help="trainings of each arm")
    parser.add_argument("--arms", nargs="+", choices=ARMS, default=list(ARMS), help="trained beside the base")
    parser.add_argument("--orders", nargs="*", choices=("curriculum", "reverse", "interleaved"), default=[],
                        help="train the reasoning arm's records in these orders too")
    parser.add_argument("--kinds", nargs="+", default=["arithmetic"], help="puzzle kinds")
    parser.add_argument("--levels", type=int, nargs=2, default=[1, 3], help="lowest and highest puzzle level")
    parser.add_argument("--learning-rate", type=float, default=5e-4)
    parser.add_argument("--plot", type=Path, help="draw the accuracies into this PNG")
    args, args.others = parser.parse_known_args()
    args.state, args.workdir = args.state.resolve(), args.workdir.resolve()
    held_out = puzzles(args.held_out, HELD_OUT_SEED, args)
    given = {f"base, {mode}": answers("base", None, mode, args, held_out) for mode in ("reasoning", "fast")}
    for seed in range(1, args.seeds + 1):
        for arm in (*args.arms, *args.orders):
            adapter = train(arm, seed, args, held_out)
            given[f"{arm}-{seed}"] = answers(f"{arm}-{seed}", adapter, "reasoning", args, held_out)
            report(held_out, given)
            print(flush=True)
    if args.plot:
        plot(args.plot, held_out, given)


if __name__ == "__main__":
    main()
