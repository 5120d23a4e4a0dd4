"""What does a teacher's time bring? Records kept, at the first try and a thousand tokens, on real questions.

    python tests/benchmarks/bench_teacher.py --teacher model.gguf --state teacher_runs --prompt auto \\
        --from mmlu=mmlu --from commonsenseqa=csqa --from arc=arc       # folders of the authors' files
    python tests/benchmarks/bench_teacher.py ... --scripts ../earlier/scripts        # an earlier version's stage 02

Stage 02 runs over the same questions twice: with their keys, and with keys dealt anew among them, which is what luck
and the judge's leniency keep. (Replies that the first run has are judged again, not written again: no prompt has the
key in it.) Beside them the teacher's fast mode, one prefill a question. A finished run is not run again.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(PROJECT / "scripts")]

PROFILE = """
[profile]
name = "{tag}"
tag = "{tag}"
student = "student"
[questions]
size = {size}
sources = {sources}
quotas = {quotas}
[[models.teacher.candidates]]
kind = "file"
name = "{teacher}"
[models.assessor]
same_as = "teacher"
[models.student]
same_as = "teacher"
[engine]
sequences = 16
context = 1024
[reasoning]
attempts = {attempts}
max_tokens = {tokens}
hint = false
{extra}
"""


def stage(scripts: Path, number: str, profile: Path, folder: Path, *flags: str) -> None:
    script = next(scripts.glob(f"{number}_*.py"))
    subprocess.run([sys.executable, str(script), "--profile", str(profile), "--workdir", str(folder), *flags],
                   check=True)


def questions(args: argparse.Namespace) -> list[dict[str, Any]]:
    """Training questions of stage 00, as many from each source; the same ones whatever version is measured."""
    folder = args.state / "questions"
    path = folder / "data" / "enhanced" / "questions_t.json"
    if not path.exists():
        stage(PROJECT / "scripts", "00", profile(args, folder, 3 * args.count), folder,
              *(word for source in args.sources for word in ("--from", source)))
    found = json.loads(path.read_text())
    names = [source.partition("=")[0] for source in args.sources]
    return [record for name, share in zip(names, shares(args.count, len(names)), strict=True)
            for record in [one for one in found if one["source"] == name][:share]]


def shares(count: int, parts: int) -> list[int]:
    return [count // parts + (place < count % parts) for place in range(parts)]


def profile(args: argparse.Namespace, folder: Path, size: int, extra: str = "") -> Path:
    names = [source.partition("=")[0] for source in args.sources]
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "profile.toml"
    quotas = ", ".join(f"{name} = {share}" for name, share in zip(names, shares(size, len(names)), strict=True))
    path.write_text(PROFILE.format(tag="t", size=size, sources=json.dumps(names), quotas=f"{{ {quotas} }}",
                                   teacher=args.teacher.resolve(), attempts=args.attempts, tokens=args.max_tokens,
                                   extra=extra))
    return path


def dealt(records: list[dict[str, Any]], seed: int) -> list[dict[str, Any]]:
    """The same questions with their keys dealt anew."""
    keys = [record["answer"] for record in records]
    random.Random(seed).shuffle(keys)
    return [{**record, "answer": key} for record, key in zip(records, keys, strict=True)]


def reasoned(args: argparse.Namespace, name: str, records: list[dict[str, Any]], known: str = "") -> dict[str, Any]:
    """What stage 02 makes of the records; known: a run whose replies count, as no prompt has the key in it."""
    folder = args.state / name
    enhanced = folder / "data" / "enhanced"
    if not (enhanced / "cot_enhanced_t.json").exists():
        enhanced.mkdir(parents=True, exist_ok=True)
        (enhanced / "questions_t.json").write_text(json.dumps(records))
        if known:
            shutil.copytree(args.state / known / "data" / "enhanced" / "journals", enhanced / "journals")
        path = profile(args, folder, len(records), f'prompt = "{args.prompt}"' if args.prompt else "")
        stage(args.scripts, "01", path, folder)
        stage(args.scripts, "02", path, folder)
    return counted(json.loads((enhanced / "cot_enhanced_t.json").read_text()))


def counted(records: list[dict[str, Any]]) -> dict[str, Any]:
    """What stage 02's outcomes come to."""
    tried = [record["cot"]["outcomes"] for record in records]
    tokens = sum(one.get("tokens") or 0 for outcomes in tried for one in outcomes)
    first = sum(outcomes[0]["outcome"] == "accepted" for outcomes in tried if outcomes)
    kept = sum(record["cot"]["status"] == "verified" for record in records)
    return {"records": len(records), "first": first, "kept": kept, "tokens": tokens,
            "first_tokens": sum(outcomes[0].get("tokens") or 0 for outcomes in tried if outcomes)}


def fast(args: argparse.Namespace, records: list[dict[str, Any]]) -> int:
    """How many questions the teacher's fast mode has right."""
    from stepladder.engine import prompts
    from stepladder.engine.backend import open_backend
    from stepladder.engine.requests import Request

    path = args.state / "fast.json"
    if not path.exists():
        with open_backend(args.teacher, sequences=16, context=1024) as backend:
            asked = [(record, prompts.fast(record)) for record in records]
            done = {one.id: one.probabilities for one in backend.generate(
                Request(record["id"], backend.render(chat, prefix), 0, choices=prompts.LETTER_CHOICES)
                for record, (chat, prefix) in asked)}
        path.write_text(json.dumps({name: max(odds, key=odds.get).strip() for name, odds in done.items()}))
    letters = json.loads(path.read_text())
    return sum(letters[record["id"]] == record["answer"] for record in records)


def main() -> None:
    """Run what is missing, then print one row."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--teacher", type=Path, required=True, help="GGUF")
    parser.add_argument("--from", dest="sources", action="append", required=True, metavar="NAME=PATH")
    parser.add_argument("--count", type=int, default=200, help="questions")
    parser.add_argument("--state", type=Path, required=True, help="folder that keeps the runs")
    parser.add_argument("--name", default="now", help="of this version and its settings")
    parser.add_argument("--scripts", type=Path, default=PROJECT / "scripts", help="of the version to measure")
    parser.add_argument("--prompt", default="", help="as stage 02's flag; none: its default")
    parser.add_argument("--attempts", type=int, default=2)
    parser.add_argument("--max-tokens", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    args.state = args.state.resolve()
    records = questions(args)
    found = {"keys": reasoned(args, f"{args.name}-keys", records),
             "dealt": reasoned(args, f"{args.name}-dealt", dealt(records, args.seed), known=f"{args.name}-keys")}
    print(f"fast mode: {fast(args, records)} of {len(records)} right")
    for key, one in found.items():
        print(f"{args.name}, {key}: {one['first']} kept at the first try, {one['kept']} unaided, "
              f"{1000 * one['first'] / one['first_tokens']:.2f} and {1000 * one['kept'] / one['tokens']:.2f} "
              f"kept a thousand tokens ({one['tokens']} tokens)")


if __name__ == "__main__":
    main()
