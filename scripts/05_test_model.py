"""Test base, student, variants and any other model on the held-out questions: paired, with intervals and latency.

    python scripts/05_test_model.py --profile laptop
    python scripts/05_test_model.py --contestants --model a=models/a.gguf --model b=models/b.gguf --limit 500 \\
        --output data/enhanced/bake_off.json
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from stepladder.core import cli, profiles, variants
from stepladder.core.errors import InputError
from stepladder.core.files import WeightHashes
from stepladder.core.progress import say
from stepladder.core.records import read_questions, with_reasons
from stepladder.core.stage import StageRun
from stepladder.core.workspace import Workspace
from stepladder.verdict import contestants, plan, results, students
from stepladder.verdict import run as test
from stepladder.verdict.work_keys import WorkKeys

SECTIONS = ("verdict", "engine")


def build_parser() -> argparse.ArgumentParser:
    """The flags of stage 05."""
    return cli.stage_parser(__doc__, SECTIONS)


def run(args: argparse.Namespace) -> int | None:
    """Test, or say what testing would take."""
    settings = profiles.resolve(args, SECTIONS)
    verdict, engine = settings["verdict"], settings["engine"]
    workspace = Workspace.of(args, settings.profile)
    questions_path = args.input or workspace.input("test")
    if args.plan:
        plan.tell(workspace, questions_path, verdict, engine, args.limit)
        return 0
    variants.require(workspace)
    chosen = contestants.choose(verdict, workspace)
    training = [Path(path) for path in verdict.training] or trained_on(workspace)
    similarity = profiles.resolve(args, ("questions",))["questions"].duplicate_similarity
    stage = StageRun(
        "05", args, settings, inputs=inputs(questions_path, training, verdict.ratings),
        outputs={"test_results": args.output or workspace.output("test_results")},
        weights=contestants.weight_files(chosen),
        extra={**test.prompt_identity(verdict.modes, chosen), "similarity": similarity})
    with stage:
        if stage.is_done():
            return 0
        stage.announce()
        records, rejected = read_questions(questions_path, args.limit)
        if not records:
            raise InputError(with_reasons(f"{questions_path} has no valid question", rejected))
        overlap = None
        if training:
            records, left_out, overlap = test.check_overlap(records, training, verdict, similarity)
            rejected += left_out
        if verdict.ratings:
            records = test.with_ratings(records, Path(verdict.ratings))
        keys = WorkKeys(chosen, records, verdict, engine, args.seed, stage.input_hashes())
        journal = stage.journal("test_results", keys.all())
        testing = test.Test(chosen, records, verdict, engine, args.seed, journal)
        testing.run()
        content = results.assemble(
            records, testing.runs(), testing.described(WeightHashes(workspace.models / ".sha256.json")), verdict.modes,
            rejected=rejected, overlap=overlap, seed=args.seed)
        stage.finish({"test_results": content}, counts=test.counts(content))
        journal.close()
    tell(content)
    return 0


def trained_on(workspace: Workspace) -> list[Path]:
    """The questions that this run's students saw; none, said aloud, where there is nothing to compare with.

    With --limit both the peek's and the whole ones: the student may be of either.
    """
    spaces = [one for space in (workspace, *(student.workspace for student in variants.students(workspace)))
              for one in (space, replace(space, limit=None))]
    for name in ("curriculum_ordered", "cot_enhanced", "questions"):
        paths = dict.fromkeys(space.input(name) for space in spaces)
        if there := [path for path in paths if path.exists()]:
            return there
    say("05: no training questions found, so overlap with them is not checked")
    return []


def inputs(questions: Path, training: list[Path], ratings: str) -> dict[str, Path]:
    """Input files by name, without those there are none of."""
    paths = {"test": questions} | {f"training{'.' * bool(n)}{n or ''}": path for n, path in enumerate(training)}
    return paths | ({"ratings": Path(ratings)} if ratings else {})


def tell(content: dict) -> None:
    """The result in a few lines."""
    summary = content["summary"]
    for name, by_mode in summary["accuracy"].items():
        for mode, found in by_mode.items():
            say(f"05: {name}, {mode}: {100 * found['value']:.1f} % right "
                f"(95 % interval {100 * found['low']:.1f} to {100 * found['high']:.1f})")
    compared = students.lines(content["students"], summary["headline_mode"])
    by_source = [row["sentence"] for row in summary["by_source"]]
    for line in (*summary["verdicts"], *by_source, *compared, *summary["latency"]):
        say(f"05: {line}")
    for line in summary["warnings"]:
        say(f"05: warning: {line}")


if __name__ == "__main__":
    cli.main(build_parser, run)
