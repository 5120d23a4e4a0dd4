"""Stage 00: collect questions, normalise them, remove duplicates, give domains, sample, and split.

    python scripts/00_collect_questions.py --profile laptop
    python scripts/00_collect_questions.py --profile mi300x --from mmlu=~/mmlu/data --from triviaqa=~/triviaqa
    python scripts/00_collect_questions.py --profile laptop --from mine=my_questions.csv --only-source mine --preview
    python scripts/00_collect_questions.py --profile laptop --from mine=my_questions.csv --only-source mine \\
        --map question=stem,choices=a+b+c+d,answer=right
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from stepladder.core import cli, profiles
from stepladder.core.errors import StageError
from stepladder.core.files import hash_file, hash_json, read_json
from stepladder.core.profiles import Settings
from stepladder.core.progress import say
from stepladder.core.settings import Questions
from stepladder.core.stage import StageRun, meta_path
from stepladder.core.workspace import Workspace

SECTIONS = ("questions",)


def build_parser() -> argparse.ArgumentParser:
    """Common flags, [questions], and --from."""
    parser = cli.stage_parser(__doc__, SECTIONS, variants=False)
    parser.add_argument("--from", dest="questions.local", action="append", metavar="NAME=PATH",
                        default=argparse.SUPPRESS, help="read a source from its authors' files instead of the hub; "
                        "a file or a folder, repeatable. Any other NAME is questions of your own (JSON, CSV, Parquet "
                        "or hf://datasets/OWNER/NAME)")
    parser.add_argument("--preview", action="store_true", help="show ten questions as they would become, and why "
                        "others would be left out; writes nothing")
    return parser


def run(args: argparse.Namespace) -> int | None:
    """Collect, and write the three parts and the rejected file."""
    from stepladder.questions import availability, plan, preview, sources

    if args.input:
        vars(args).setdefault("questions.local", []).append(f"json={args.input}")
        vars(args).setdefault("questions.sources", ["json"])
    settings = profiles.resolve(args, SECTIONS)
    workspace = Workspace.of(args, settings.profile)
    questions = settings["questions"]
    names, local = sources.wanted(questions), sources.local_paths(questions)
    availability.check_allowed(questions)
    if args.plan:
        say(f"00: profile {settings.profile.name}")
        plan.show(names, local, questions, _size(args, questions.size))
        return 0
    if args.preview:
        preview.run(names, questions, workspace.sample_data, args.seed, _size(args, questions.size))
        return 0
    stage = StageRun("00", args, settings, inputs={
        "sample": workspace.sample_data / "sample/questions.json", "domains": workspace.sample_data / "domains.json",
    }, outputs={
        "questions": args.output or workspace.output("questions"), "validation": workspace.output("validation"),
        "test": workspace.output("test"), "rejected": workspace.output("rejected"),
    }, extra={"local": {name: [_hash(path) for path in paths] for name, paths in local.items() if name in names}})
    with stage:
        if stage.is_done(again=_can_be_had_now(stage, questions)):
            return 0
        stage.announce()
        _collect(stage, args, settings, names)
    return 0


def _can_be_had_now(stage: StageRun, questions: Questions) -> bool:
    """Whether a source that a finished run did without is there now; asked once, without patience."""
    from stepladder.questions import availability

    if stage.args.force or stage.why_not_done() is not None:
        return False
    missing = read_json(meta_path(stage.outputs["questions"])).get("missing_sources", {})
    names = [] if stage.args.status else missing
    readers, _ = availability.open_all(names, questions, stage.inputs["sample"], stage.args.seed, attempts=1)
    for name in readers:
        say(f"00: source {name} was missing and can be had now; collecting again")
    stage.missing_sources = {} if readers else missing
    return bool(readers)


def _open_sources(stage: StageRun, settings: Settings, names: list[str]) -> dict[str, Any]:
    """The rows of every source that can be had. Raises StageError where one cannot that must not be missing."""
    from stepladder.questions import availability

    questions = settings["questions"]
    readers, missing = availability.open_all(names, questions, stage.inputs["sample"], stage.args.seed)
    by_hand = settings.origin["questions.sources"] == "flag" or bool(questions.only_source)
    if wanting := availability.not_allowed(missing, questions, by_hand):
        raise StageError(availability.remedy(wanting, missing))
    if not readers:
        raise StageError(f"none of the sources {', '.join(names)} can be had; give files with --from NAME=PATH")
    stage.missing_sources = missing
    stage.warn_of_missing()
    return readers


def _collect(stage: StageRun, args: argparse.Namespace, settings: Settings, names: list[str]) -> None:
    from stepladder.questions import domains, summary
    from stepladder.questions.collect import NothingLeft, collect

    questions = settings["questions"]
    readers = _open_sources(stage, settings, names)
    domain_names, subjects = domains.load(stage.inputs["domains"])
    try:
        collection = collect(readers, questions, read_json(stage.inputs["sample"]), domain_names, subjects, args.seed,
                             _size(args, questions.size), say)
    except NothingLeft as error:
        stage.refuse(f"{error} ({', '.join(readers)})", error.rejected)
    counts = {**collection.counts, "unavailable": stage.missing_sources}
    stage.finish({"questions": collection.parts["training"], "validation": collection.parts["validation"],
                  "test": collection.parts["test"], "rejected": collection.rejected}, counts)
    summary.show(counts)


def _size(args: argparse.Namespace, size: int) -> int:
    return min(size, args.limit or size)


def _hash(path: Path) -> str:
    """Hash of a file, or of a folder's files by their names in it."""
    if path.is_file():
        return hash_file(path)
    files = sorted(file for file in path.rglob("*") if file.is_file())
    return hash_json([[str(file.relative_to(path)), hash_file(file)] for file in files])


if __name__ == "__main__":
    cli.main(build_parser, run)
