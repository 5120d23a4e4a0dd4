"""Figures of stage 05 and the report.

    python tests/benchmarks/bench_verdict.py report
    python tests/benchmarks/bench_verdict.py overlap
    python tests/benchmarks/bench_verdict.py harness --model models/smollm2_135m --questions q1.json q2.json \\
        --gguf models/smollm2-135m-instruct-q8_0.gguf

`report` makes results of 5,000 questions, 2 contestants and 4 permutations, and times the page. `harness` puts the same
questions to one model through lm-evaluation-harness and through fast mode, question by question; it needs a Python that
has lm-eval (0.4.13) beside the project's packages.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "scripts"), str(ROOT / "tests")]

MOST_CHARS = 400  # so that 300 questions take minutes on two cores
CHAIN = "Let me look at what is asked and what each option would mean for it. " * 8


def report(args: argparse.Namespace) -> None:
    """Time and size of results and page for a full-size run."""
    import verdict_planted as planted

    from stepladder.core.files import read_json, write_json
    from stepladder.core.workspace import Workspace
    from stepladder.verdict import report as page
    from stepladder.verdict import results

    with tempfile.TemporaryDirectory() as folder:
        space = Workspace(Path(folder), "50k", "qwen3_235b")
        records = planted.questions(args.count)
        skills = {"base": planted.knows(0.88), "student": planted.knows(0.90)}
        runs = planted.runs(records, skills, ("fast", "reasoning"), permute=4, text=CHAIN)
        started = time.perf_counter()
        content = results.assemble(records, runs, {name: planted.about() for name in skills}, ("fast", "reasoning"))
        assembled = time.perf_counter()
        write_json(space.enhanced("test_results"), content)
        written = time.perf_counter()
        read_json(space.enhanced("test_results"))
        read = time.perf_counter()
        path = page.render(space)
        rendered = time.perf_counter()
        print(f"{args.count:,} questions x 2 contestants x 4 permutations x 2 modes: {len(runs):,} runs")
        print(f"results: {assembled - started:.1f} s to assemble, {written - assembled:.1f} s to write, "
              f"{space.enhanced('test_results').stat().st_size / 1e6:.1f} MB, {read - written:.1f} s to read")
        print(f"report: {rendered - read:.1f} s, {path.stat().st_size / 1e6:.2f} MB")


def overlap(args: argparse.Namespace) -> None:
    """Time of the overlap check at full size."""
    import verdict_planted as planted

    from stepladder.verdict.overlap import find_overlap

    test, training = planted.questions(args.count // 9, seed=1), planted.questions(args.count, seed=2)
    training[7] = {**test[3], "id": "leak"}
    started = time.perf_counter()
    found = find_overlap(test, training)
    print(f"overlap of {len(test):,} test and {len(training):,} training questions: {len(found)} found, "
          f"{time.perf_counter() - started:.1f} s")


def harness(args: argparse.Namespace) -> None:
    """Fast mode against lm-evaluation-harness on the same model and questions, and against the GGUF."""
    from stepladder.core.records import problem
    from stepladder.verdict.transformers_backend import TransformersBackend

    content = [json.loads(path.read_text(encoding="utf-8")) for path in args.questions]
    each = args.count // len(content)
    records = [row for rows in content
               for row in [r for r in rows if problem(r) is None and len(r["question"]) < MOST_CHARS][:each]]
    ours, ours_seconds = {}, 0.0
    with TransformersBackend(args.model, context=2048) as backend:
        answer_fast(backend, records[:3])
        for part in (0, 1):  # half before and half after lm-eval, so that a machine that grows busy favours neither
            started = time.perf_counter()
            ours |= answer_fast(backend, records[part::2])
            ours_seconds += time.perf_counter() - started
            if part == 0:
                theirs, their_seconds = lm_eval_answers(args.model, records)
    agreed = sum(ours[r["id"]]["letter"] == theirs[r["id"]]["letter"] for r in records)
    apart = max(abs(a - b) for r in records for a, b in zip(ours[r["id"]]["probabilities"],
                                                            theirs[r["id"]]["probabilities"], strict=True))
    print(f"{len(records)} questions, {args.model.name}")
    for name, found, seconds in (("fast mode", ours, ours_seconds), ("lm-eval", theirs, their_seconds)):
        right = sum(found[r["id"]]["letter"] == r["answer"] for r in records)
        print(f"{name}: {right} right ({100 * right / len(records):.2f} %), {seconds:.1f} s")
    print(f"same letter in {agreed} of {len(records)}; largest difference of a probability {apart:.1e}; "
          f"time {ours_seconds / their_seconds:.2f} of lm-eval's")
    if args.gguf:
        gguf_agreement(args.gguf, records, ours)


def answer_fast(backend: Any, records: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Fast mode's runs by question id."""
    from stepladder.verdict.answering import Manner, answer, units

    manner = Manner("fast", 1)
    return {run["question"]: run for run in answer(backend, units(records, "model", manner), manner)}


def lm_eval_answers(model: Path, records: list[dict[str, Any]]) -> tuple[dict[str, dict[str, Any]], float]:
    """What lm-evaluation-harness makes of the same prompt parts: it applies the chat template itself."""
    import numpy as np
    from lm_eval import simple_evaluate
    from lm_eval.models.huggingface import HFLM
    from lm_eval.tasks import TaskManager

    from stepladder.core.records import LETTERS
    from stepladder.engine import prompts

    messages, prefix = prompts.fast(records[0])
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data.json"
        data.write_text(json.dumps([{"id": r["id"], "text": prompts.question_text(r),
                                     "key": LETTERS.index(r["answer"])} for r in records]))
        task = {"task": "letters", "dataset_path": "json", "dataset_kwargs": {"data_files": {"test": str(data)}},
                "test_split": "test", "output_type": "multiple_choice", "doc_to_text": "{{text}}",
                "doc_to_choice": list(LETTERS), "doc_to_target": "key", "gen_prefix": prefix,
                "target_delimiter": " ", "metric_list": [{"metric": "acc"}]}
        loaded = HFLM(pretrained=str(model), dtype="float32", device="cpu", batch_size=1)
        started = time.perf_counter()
        found = simple_evaluate(loaded, tasks=[task], task_manager=TaskManager(include_defaults=False),
                                apply_chat_template=True, system_instruction=messages[0]["content"], log_samples=True,
                                bootstrap_iters=0)
        seconds = time.perf_counter() - started
    answers = {}
    for sample in found["samples"]["letters"]:
        logs = np.array([float(entry[0]) for entry in sample["filtered_resps"]])
        shares = np.exp(logs) / np.exp(logs).sum()
        answers[sample["doc"]["id"]] = {"letter": LETTERS[int(logs.argmax())], "probabilities": shares.tolist()}
    return answers, seconds


def gguf_agreement(gguf: Path, records: list[dict[str, Any]], exact: dict[str, dict[str, Any]]) -> None:
    """How often the GGUF gives the exact model's letter, and how near a tie it was where it does not."""
    from stepladder.engine.backend import open_backend

    with open_backend(gguf, sequences=16, context=768) as backend:
        started = time.perf_counter()
        found = answer_fast(backend, records)
        seconds = time.perf_counter() - started
    flips = [r["id"] for r in records if found[r["id"]]["letter"] != exact[r["id"]]["letter"]]

    def margin(run: dict[str, Any]) -> float:
        first, second = sorted(run["probabilities"], reverse=True)[:2]
        return first - second

    margins = sorted(margin(exact[r["id"]]) for r in records)
    right = sum(found[r["id"]]["letter"] == r["answer"] for r in records)
    print(f"{gguf.name}: {right} right, same letter in {len(records) - len(flips)} of {len(records)}, {seconds:.1f} s")
    print("flips, margin between the two best letters (exact, GGUF): "
          + (", ".join(f"{margin(exact[i]):.4f}/{margin(found[i]):.4f}" for i in flips) or "none")
          + f"; median margin of all {margins[len(margins) // 2]:.4f}")


def main() -> None:
    """Choose the figure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    page = commands.add_parser("report")
    page.add_argument("--count", type=int, default=5_000)
    page.set_defaults(run=report)
    leak = commands.add_parser("overlap")
    leak.add_argument("--count", type=int, default=45_000)
    leak.set_defaults(run=overlap)
    against = commands.add_parser("harness")
    against.add_argument("--model", type=Path, required=True, help="transformers folder")
    against.add_argument("--gguf", type=Path)
    against.add_argument("--questions", type=Path, nargs="+", required=True)
    against.add_argument("--count", type=int, default=300)
    against.set_defaults(run=harness)
    args = parser.parse_args()
    args.run(args)


if __name__ == "__main__":
    main()
