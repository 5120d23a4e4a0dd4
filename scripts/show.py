"""Look into any stage's output, and render the report.

    python scripts/show.py look cot_enhanced                     what is in it
    python scripts/show.py look cot_enhanced --random            one record to read
    python scripts/show.py look curriculum_ordered --where 'difficulty>7 and source=puzzle' --list
    python scripts/show.py diff old.json new.json
    python scripts/show.py report                                data/enhanced/report_TAG.html
    python scripts/show.py summary                               one screen about the whole run
    python scripts/show.py variants                              which there are, and what makes each one differ
    python scripts/show.py prune                                 what was set aside, and its size; frees it on request
    python scripts/show.py init mine                             a profile of your own, every setting explained
"""

from __future__ import annotations

import argparse
import random
import re
from dataclasses import replace
from pathlib import Path

from stepladder.core import cli, profiles, variants
from stepladder.core.errors import InputError
from stepladder.core.workspace import Workspace


def build_parser() -> argparse.ArgumentParser:
    """Subcommands look, diff, report, summary, variants, prune, init and profile."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)

    def command(name: str, what: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=what, description=what)
        sub.add_argument("--profile", default="auto", help="whose files: laptop, mi300x, a .toml, or auto")
        sub.add_argument("--workdir", type=Path, default=cli.PROJECT, help="folder of data/enhanced and models")
        sub.add_argument("--debug", action="store_true", help="show tracebacks")
        return sub

    look = command("look", "what is in an output: overview, one record, or a filtered list")
    look.add_argument("file", help="a path, or an output's name such as cot_enhanced")
    look.add_argument("--id", help="show this record")
    look.add_argument("--random", action="store_true", help="show one record at random")
    look.add_argument("--where", help="only records that pass, such as 'difficulty>7 and cot.status=verified'")
    look.add_argument("--list", action="store_true", help="one line a record instead of the overview")
    look.add_argument("--seed", type=int, help="seed of --random")
    look.add_argument("--json", action="store_true", help="plain JSON for pipes")
    diff = command("diff", "what changed between two outputs, by record id")
    diff.add_argument("old")
    diff.add_argument("new")
    diff.add_argument("--json", action="store_true", help="plain JSON for pipes")
    report = command("report", "render data/enhanced/report_TAG.html from whatever is there")
    report.add_argument("--output", type=Path, help="write it there instead")
    command("summary", "one screen about the whole run")
    known = command("variants", "variants and what makes each one differ; of one, its stages and where each comes from")
    known.add_argument("name", nargs="?", type=cli.variant_name, help="the stages of this one, for run_all.sh")
    known.add_argument("--args", action="append", default=[], type=_stage_flags, metavar="'STAGE FLAGS'",
                       help="its flags for a stage instead of those that are kept")
    known.add_argument("--keep", action="store_true", help="keep them")
    known.add_argument("--kept", action="store_true", help="only the names of those whose flags are kept")
    flags = command("flags", "what finished stages were given by flag and a whole run keeps, for run_all.sh")
    flags.add_argument("--args", action="append", default=[], type=_stage_flags, metavar="'STAGE FLAGS'",
                       help="flags of this run, which are not kept but given")
    prune = command("prune", "list what was set aside, peeks and journals with their sizes; free what is asked for")
    prune.add_argument("names", nargs="*", help="free these, by the names in the list")
    prune.add_argument("--yes", action="store_true", help="free all that was set aside (neither peeks nor journals)")
    own = command("init", "write a profile of your own, NAME.toml beside the others, from the one for this machine")
    own.add_argument("name")
    command("profile", "print the name of the profile for this machine, and why (on standard error)")
    return parser


def run(args: argparse.Namespace) -> int | None:
    """Dispatch to the subcommand."""
    workspace = Workspace.of(args, profiles.resolve(args, ()).profile)
    return {"look": _look, "diff": _diff, "report": _report, "summary": _summary, "prune": _prune,
            "variants": _variants, "profile": _profile, "init": _init, "flags": _flags}[args.command](args, workspace)


def _look(args: argparse.Namespace, workspace: Workspace) -> int | None:
    from rich.console import Console

    from stepladder.show import overview, screen, where

    path = _find(args.file, workspace)
    records = overview.read_records(path)
    if args.where:
        passes = where.parse(args.where)
        records = [record for record in records if passes(record)]
    console = Console()
    if args.id or args.random:
        record = _one(records, args, path)
        _json(record) if args.json else screen.print_record(console, record)
    elif args.list:
        for record in records:
            if args.json:
                _json(record, indent=False)
            else:
                print(record.get("id", ""), str(record.get("question", record)).replace("\n", " ")[:100], sep="\t")
    else:
        view = overview.overview(records)
        _json(view) if args.json else screen.print_overview(console, path.name, view)
    return 0


def _one(records: list[dict], args: argparse.Namespace, path: Path) -> dict:
    if args.id:
        records = [record for record in records if record.get("id") == args.id]
    if not records:
        raise InputError(f"{path} has no record {args.id or 'that passes the filter'}")
    return random.Random(args.seed).choice(records)


def _diff(args: argparse.Namespace, workspace: Workspace) -> int | None:
    from rich.console import Console

    from stepladder.show import overview, screen

    view = overview.difference(*(overview.read_records(_find(name, workspace)) for name in (args.old, args.new)))
    _json(view) if args.json else screen.print_difference(Console(), view)
    return 0


def _report(args: argparse.Namespace, workspace: Workspace) -> int | None:
    from stepladder.core.stage import meta_path
    from stepladder.core.workspace import MAIN_OUTPUTS

    output = args.output or workspace.enhanced("report").with_suffix(".html")
    sources = [workspace.enhanced(name) for name in MAIN_OUTPUTS.values()]
    written = [file.stat().st_mtime for source in sources for file in (source, meta_path(source)) if file.exists()]
    if args.output is None and output.exists() and written and max(written) < output.stat().st_mtime:
        print(f"report: already up to date ({output})")
        return 0
    from stepladder.verdict import report

    print(f"report: {report.render(workspace, output)}")
    return 0


def _summary(args: argparse.Namespace, workspace: Workspace) -> int | None:
    from rich.console import Console

    from stepladder.show.summary import print_summary

    print_summary(Console(), workspace)
    return 0


def _variants(args: argparse.Namespace, workspace: Workspace) -> int | None:
    if args.name is None:
        for name in variants.names(workspace):
            kept = variants.kept_arguments(replace(workspace, variant=name))
            flags = "; ".join(f"{stage} {flags}" for stage, flags in kept.items()) or "made by hand"
            if kept or not args.kept:
                print(name if args.kept else f"{name}\t{flags}")
        return 0
    own = replace(workspace, variant=args.name)
    lasting, now = variants.with_given(variants.kept_arguments(own), dict(args.args))
    found = variants.parts(own, lasting, now)
    if args.keep:
        variants.keep_arguments(own, lasting)
    for part in found:
        print(part.stage, part.how, part.flags)
    return 0


def _flags(args: argparse.Namespace, workspace: Workspace) -> int | None:
    from stepladder.core import kept_flags

    given: dict[str, str] = {}
    for stage, words in args.args:
        given[stage] = f"{given.get(stage, '')} {words}"
    for stage, words in kept_flags.kept(workspace, args.profile, given):
        print(stage, words)
    return 0


def _stage_flags(text: str) -> tuple[str, str]:
    stage, _, flags = text.partition(" ")
    return stage, flags


def _prune(args: argparse.Namespace, workspace: Workspace) -> int | None:
    from stepladder.show import prune

    found = prune.kept(workspace)
    freed = prune.choose(found, args.names, args.yes)
    for item in freed or found:
        size = item.size_bytes
        if freed:
            item.free()
        print(f"{'freed ' if freed else ''}{item.kind:<7} {size / 1e6:10.2f} MB  {item.name}  ({item.why})")
    if not freed:
        print("nothing was freed; name what is to go, or --yes for all that was set aside" if found else
              "nothing was set aside")
    return 0


def _profile(args: argparse.Namespace, workspace: Workspace) -> int | None:
    print(args.profile)
    return 0


def _init(args: argparse.Namespace, workspace: Workspace) -> int | None:
    from stepladder.core import own_profile

    print(f"{own_profile.write(args.name, args.profile)} was written from {args.profile}; edit it, then: "
          f"./run_all.sh --profile {args.name}")
    return 0


def _find(name: str, workspace: Workspace) -> Path:
    """A path as it is, or the file of an output's name: cot_enhanced; cot_enhanced.limit5, a peek;
    training_log.control, a variant's; training_log.control.limit5."""
    path = Path(name)
    if path.exists() or path.suffix in (".json", ".jsonl"):
        return path
    name, *marks = name.split(".")
    limit = marks.pop()[len("limit"):] if marks and re.fullmatch(r"limit\d+", marks[-1]) else None
    return replace(workspace, variant=".".join(marks) or None, limit=limit and int(limit)).output(name)


def _json(value: object, indent: bool = True) -> None:
    import orjson

    print(orjson.dumps(value, option=orjson.OPT_INDENT_2 if indent else 0).decode())


if __name__ == "__main__":
    cli.main(build_parser, run)
