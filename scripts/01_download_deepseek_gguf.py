"""Stage 01: bring the weights of teacher, assessor and student, choosing what fits this machine.

    python scripts/01_download_deepseek_gguf.py --profile laptop
    python scripts/01_download_deepseek_gguf.py --profile mi300x --plan
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from stepladder.core import cli, profiles
from stepladder.core.files import read_json
from stepladder.core.progress import say
from stepladder.core.shards import model_files
from stepladder.core.stage import StageRun
from stepladder.core.weights_table import ROLES
from stepladder.core.workspace import Workspace

if TYPE_CHECKING:
    from stepladder.weights.provide import Provider
    from stepladder.weights.survey import Survey

SECTIONS = ("models", "engine")


def build_parser() -> argparse.ArgumentParser:
    """Common flags and those of [models] and [engine]."""
    return cli.stage_parser(__doc__, SECTIONS, variants=False)


def run(args: argparse.Namespace) -> int | None:
    """Provide each role's weights and write models_TAG.json."""
    from stepladder.weights.provide import Provider, given_roles, needed_roles

    args.limit = None  # weights come whole
    settings = profiles.resolve(args, SECTIONS)
    workspace = Workspace.of(args, settings.profile)
    engine, models = settings["engine"], settings["models"]
    needed = needed_roles(models, engine)
    served = [name for name in given_roles(models) if name not in needed]
    if args.plan:
        provider = Provider(workspace, models, engine)
        say(f"01: {provider.described}; {provider.place.free_disk_bytes / 1e9:.0f} GB free disk; "
            f"{engine.sequences} sequences of {engine.context} tokens")
        tell(provider, provider.survey(), workspace)
        return 0
    stage = StageRun("01", args, settings, inputs={}, outputs={"models": args.output or workspace.enhanced("models")},
                     products=provided_files(workspace), extra={"served": served} if served else {})
    with stage:
        if stage.is_done(again=_can_be_had_now(stage, needed)):
            return 0
        stage.announce()
        provider = Provider(workspace, models, engine)
        survey = provider.survey()
        tell(provider, survey, workspace)
        entries, missing = provider.provide(survey)
        for name, why in missing.items():
            say(f"01: WARNING: no {name}, so difficulty will be heuristic; run 01 again when one can be had: {why}")
        stage.products = {path.name: path for path in paths_of(workspace, entries)}
        files = {file for path in paths_of(workspace, entries) for file in model_files(path) if file.is_file()}
        stage.finish({"models": entries}, counts={"roles": len(entries), "files": len(files),
                                                  "bytes": sum(file.stat().st_size for file in files),
                                                  **({"missing": missing} if missing else {})})
    return 0


def tell(provider: Provider, survey: Survey, workspace: Workspace) -> None:
    """The table of candidates, disk and download; later stages' plans read what it learnt."""
    for name, role in ((name, getattr(provider.models, name)) for name in ROLES):
        if role.same_as:
            say(f"  {name:<9} the {role.same_as}'s weights")
    for line in provider.told(survey):
        say(line)
    for problem in survey.problems():
        say(f"  PROBLEM: {problem}")


def _can_be_had_now(stage: StageRun, needed: list[str]) -> bool:
    """Whether weights that a finished run did without can be had now."""
    from stepladder.weights.provide import Provider

    if stage.args.force or stage.args.status or stage.why_not_done() is not None:
        return False
    missing = [name for name in needed if name not in read_json(stage.outputs["models"])]
    if not missing or Provider(stage.workspace, stage.settings["models"], stage.settings["engine"]).survey(
            missing).missing():
        return False
    say(f"01: the {' and '.join(missing)} was missing and can be had now")
    return True


def paths_of(workspace: Workspace, entries: dict[str, dict]) -> list:
    """Every model that models_TAG.json names: a folder, a file, or the first shard, which stands for all."""
    return [workspace.root / entry[form] for entry in entries.values() for form in ("gguf", "transformers")
            if entry.get(form)]


def provided_files(workspace: Workspace) -> dict:
    """What an earlier run provided: all of it has to be there still, else this stage runs again."""
    table = workspace.enhanced("models")
    return {path.name: path for path in paths_of(workspace, read_json(table))} if table.exists() else {}


if __name__ == "__main__":
    cli.main(build_parser, run)
