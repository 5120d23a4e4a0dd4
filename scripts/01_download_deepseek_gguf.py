"""Stage 01: bring the weights of teacher, assessor and student, choosing what fits this machine.

    python scripts/01_download_deepseek_gguf.py --profile laptop
    python scripts/01_download_deepseek_gguf.py --profile mi300x --plan
"""

from __future__ import annotations

import argparse

from stepladder.core import cli, profiles
from stepladder.core.progress import say
from stepladder.core.shards import model_files
from stepladder.core.stage import StageRun
from stepladder.core.weights_table import ROLES
from stepladder.core.workspace import Workspace

SECTIONS = ("models", "engine")


def build_parser() -> argparse.ArgumentParser:
    """Common flags and those of [models] and [engine]."""
    return cli.stage_parser(__doc__, SECTIONS, variants=False)


def run(args: argparse.Namespace) -> int | None:
    """Provide each role's weights and write models_TAG.json."""
    from stepladder.weights.provide import Provider, print_rows

    args.limit = None  # weights come whole
    settings = profiles.resolve(args, SECTIONS)
    workspace = Workspace.of(args, settings.profile)
    engine, models = settings["engine"], settings["models"]
    if args.plan:
        provider = Provider(workspace, models, engine)
        say(f"01: {provider.described}; {provider.place.free_disk_bytes / 1e9:.0f} GB free disk; "
            f"{engine.sequences} sequences of {engine.context} tokens")
        for name in ROLES:
            role = getattr(models, name)
            if role.same_as:
                say(f"  {name:<9} the {role.same_as}'s weights")
            print_rows(provider.survey(name, [*role.candidates, *role.transformers]))
        return 0
    stage = StageRun("01", args, settings, inputs={}, outputs={"models": args.output or workspace.enhanced("models")},
                     products=provided_files(workspace))
    with stage:
        if stage.is_done():
            return 0
        stage.announce()
        provider = Provider(workspace, models, engine)
        entries: dict[str, dict] = {}
        for name in ROLES:
            role = getattr(models, name)
            if role.same_as or role.candidates or role.transformers:
                entries[name] = provider.provide(name, entries)
        stage.products = {path.name: path for path in paths_of(workspace, entries)}
        files = {file for path in paths_of(workspace, entries) for file in model_files(path) if file.is_file()}
        stage.finish({"models": entries}, counts={"roles": len(entries), "files": len(files),
                                                  "bytes": sum(file.stat().st_size for file in files)})
    return 0


def paths_of(workspace: Workspace, entries: dict[str, dict]) -> list:
    """Every model that models_TAG.json names: a folder, a file, or the first shard, which stands for all."""
    return [workspace.root / entry[form] for entry in entries.values() for form in ("gguf", "transformers")
            if entry.get(form)]


def provided_files(workspace: Workspace) -> dict:
    """What an earlier run provided: all of it has to be there still, else this stage runs again."""
    from stepladder.core.files import read_json

    table = workspace.enhanced("models")
    return {path.name: path for path in paths_of(workspace, read_json(table))} if table.exists() else {}


if __name__ == "__main__":
    cli.main(build_parser, run)
