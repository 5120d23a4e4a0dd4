"""Stage 04: the student learns the verified reasoning, easy -> hard, as a LoRA on 4-bit weights.

    python scripts/04_train_qwen3_235b.py --profile laptop
"""

from __future__ import annotations

import argparse

from stepladder.core import cli, profiles
from stepladder.core.records import read_questions
from stepladder.core.stage import StageRun
from stepladder.core.weights_table import read_weights
from stepladder.core.workspace import Workspace

SECTIONS = ("training",)


def build_parser() -> argparse.ArgumentParser:
    """Common flags and those of [training]."""
    return cli.stage_parser(__doc__, SECTIONS)


def run(args: argparse.Namespace) -> int | None:
    """Train, or with --plan say what it would take."""
    from stepladder.training import plan, session

    settings = profiles.resolve(args, SECTIONS)
    workspace = Workspace.of(args, settings.profile)
    curriculum = args.input or workspace.input("curriculum_ordered")
    log = args.output or workspace.output("training_log")
    validation = workspace.input("validation")
    if args.plan:
        return plan.show(settings, workspace, curriculum)
    weights = read_weights(workspace, "student")
    base = weights.need("transformers")
    stage = StageRun("04", args, settings, inputs={"curriculum": curriculum, "validation": validation},
                     outputs={"log": log}, weights={"student": base},
                     products=session.products(workspace.adapter, settings["training"]))
    with stage:
        if stage.is_done():
            return 0
        stage.announce()
        records, rejected = read_questions(curriculum, args.limit)
        questions, _ = read_questions(validation)
        training = session.Session(stage, workspace, weights, records, questions, rejected)
        result = training.run()
        stage.finish({"log": result.log}, counts=result.counts)
        training.clean_up()
    return 0


if __name__ == "__main__":
    cli.main(build_parser, run)
