"""Stage 04: the student learns the verified reasoning, easy -> hard or in another order, as a LoRA on 4-bit weights.

    python scripts/04_train_qwen3_235b.py --profile laptop
    python scripts/04_train_qwen3_235b.py --profile laptop --variant control --order curriculum  # beside the first one
    python scripts/04_train_qwen3_235b.py --profile laptop --exports-only --merge     # from the adapter that is there
    python scripts/04_train_qwen3_235b.py --profile laptop --exports-only --merged-gguf Q8_0  # one file, for Ollama
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from stepladder.core import cli, profiles
from stepladder.core.errors import InputError
from stepladder.core.files import WeightHashes
from stepladder.core.records import read_questions
from stepladder.core.stage import StageRun
from stepladder.core.weights_table import RoleWeights, read_weights
from stepladder.core.workspace import Workspace

if TYPE_CHECKING:
    from stepladder.training.trained import Trained

SECTIONS = ("training",)


def build_parser() -> argparse.ArgumentParser:
    """Common flags and those of [training]."""
    parser = cli.stage_parser(__doc__, SECTIONS)
    parser.add_argument("--exports-only", action="store_true", help="make what --gguf, --merge and --merged-gguf ask "
                        "for from the finished adapter that is there, whatever it was made from; no training")
    return parser


def run(args: argparse.Namespace) -> int | None:
    """Train and export, or with --plan say what it would take."""
    from stepladder.training import export, plan

    settings = profiles.resolve(args, SECTIONS)
    workspace = Workspace.of(args, settings.profile)
    curriculum = args.input or workspace.input("curriculum_ordered")
    log = _log_path(args, workspace)
    if args.plan:
        return plan.show(settings, workspace, curriculum)
    weights = read_weights(workspace, "student")
    stage = StageRun("04", args, settings, inputs={"curriculum": curriculum}, outputs={"log": log},
                     weights={"student": weights.need("transformers")},
                     products=export.products(workspace.adapter, settings["training"]))
    with stage:
        if args.exports_only and not args.status:
            return _exports_only(stage, weights)
        if stage.is_done():
            return 0
        stage.announce()
        _train_and_export(stage, weights)
    return 0


def _log_path(args: argparse.Namespace, workspace: Workspace) -> Path:
    """Where the log goes: beside the one adapter of this run or variant, so nowhere else."""
    log = workspace.output("training_log")
    if args.output is not None and args.output.resolve() != log.resolve():
        raise InputError(f"--output {args.output}: its adapter would still take the place of {workspace.adapter}; "
                         "give another student files and a folder of its own with --variant NAME (docs/training.md)")
    return log


def _train_and_export(stage: StageRun, weights: RoleWeights) -> None:
    from stepladder.training import converter, export, session

    if export.needs_converter(exports := export.wanted(stage.settings["training"])):
        converter.require_converter()
    export.require_mergeable(weights, stage.settings["training"])
    hashes = WeightHashes(stage.workspace.models / ".sha256.json")
    trained = _finished(stage, hashes) or _train(stage, weights)
    log = export.Exports(trained, weights, hashes).make(exports)
    counts = {**log["counts"], "agreement": log["agreement"], "speed": trained.record["speed"]}
    stage.finish({"log": log}, counts=counts)
    session.clean_up(stage, trained)


def _finished(stage: StageRun, hashes: WeightHashes) -> Trained | None:
    """This very training where it is finished already."""
    from stepladder.core.progress import say
    from stepladder.training import trained

    if stage.args.force:
        return None
    fits = trained.of_epochs(trained.fingerprint(stage), stage.settings["training"].epochs)
    found = trained.find(stage.workspace.adapter, fits, hashes)
    if found is not None:
        say(f"04: this training is finished ({found.folder}); what is missing beside the adapter is made")
    return found


def _train(stage: StageRun, weights: RoleWeights) -> Trained:
    from stepladder.training.session import Session

    records, rejected = read_questions(stage.inputs["curriculum"], stage.args.limit)
    return Session(stage, stage.workspace, weights.need("transformers"), records, rejected).run()


def _exports_only(stage: StageRun, weights: RoleWeights) -> int:
    """Exports and card from whatever adapter is there; log and meta stay those of its training."""
    from stepladder.training import export, trained

    hashes = WeightHashes(stage.workspace.models / ".sha256.json")
    found = trained.held_in(stage.workspace.adapter, hashes)
    if found is None:
        raise InputError(f"{stage.workspace.adapter} holds no finished adapter of stage 04; train first")
    export.Exports(found, weights, hashes, afresh=stage.args.force).make(export.wanted(stage.settings["training"]))
    return 0


if __name__ == "__main__":
    cli.main(build_parser, run)
