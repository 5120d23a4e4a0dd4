"""The command line every stage shares: common flags, flags made from settings, and how a stage ends."""

from __future__ import annotations

import argparse
import contextlib
import json
import re
import sys
import traceback
import types
import typing
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel

from . import profiles
from .errors import EXIT_DONE, EXIT_FAILED, EXIT_INTERRUPTED, NotThereYet, StepladderError
from .interrupts import outlive_terminal, stop_flag
from .settings import MOVED, SECTIONS

PROJECT = Path(__file__).resolve().parents[3]
TAKEN = ("base", "student", "teacher", "meta")
"""Names that something else has beside a variant's: in tables, or in those of files."""


def stage_parser(description: str, sections: tuple[str, ...] = (), variants: bool = True) -> argparse.ArgumentParser:
    """Parser with the common flags and one flag for each setting of `sections`.

    variants: whether the stage can belong to a variant; what all variants share cannot.
    """
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False)
    common = parser.add_argument_group("common")
    common.add_argument("--profile", default="auto", help="laptop, mi300x, a .toml, or auto (by GPU memory)")
    common.add_argument("--workdir", type=Path, default=PROJECT, help="folder of data/enhanced and models")
    common.add_argument("--input", type=Path, help="main input file instead of the profile's")
    common.add_argument("--output", type=Path, help="main output file instead of the profile's")
    common.add_argument("--limit", type=_positive, help="only the first N records; output and products get .limitN in "
                        "their names")
    if variants:
        common.add_argument("--variant", type=variant_name, metavar="NAME", help="another student beside the main "
                            "run's: what it writes has NAME in its name, what NAME lacks is read from the main run")
    common.add_argument("--seed", type=int, default=0, help="seed of everything random (default 0)")
    common.add_argument("--force", action="store_true", help="run although it is done, from the start; "
                        "nothing is deleted")
    common.add_argument("--status", action="store_true", help="say whether it is done, and exit")
    common.add_argument("--plan", action="store_true", help="say what it would load and need, and exit")
    common.add_argument("--debug", action="store_true", help="show tracebacks")
    for section in sections:
        add_settings(parser, section)
    return parser


def add_settings(parser: argparse.ArgumentParser, section: str) -> None:
    """One flag a setting; its default is left out, so that "not given" can be told from "given"."""
    model = SECTIONS[section]
    group = parser.add_argument_group(f"[{section}] in the profile")
    for name, field in model.model_fields.items():
        options = _flag_options(field.annotation)
        if options is None:
            continue  # nested tables live in the profile only
        default = "" if field.is_required() else f" (default {field.get_default()!r}, or the profile's)"
        group.add_argument(f"--{name.replace('_', '-')}", dest=f"{section}.{name}", default=argparse.SUPPRESS,
                           help=f"{field.description}{default}".replace("%", "%%"), **options)
    for key in MOVED:  # understood, so that it can say where it went
        if key.split(".")[0] == section:
            with contextlib.suppress(argparse.ArgumentError):  # another flag has that name now
                group.add_argument(f"--{key.split('.')[1]}", dest=key, default=argparse.SUPPRESS,
                                   help=argparse.SUPPRESS)


def _flag_options(annotation: Any) -> dict[str, Any] | None:
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (typing.Union, types.UnionType):
        return _flag_options(next(a for a in arguments if a is not type(None)))
    if origin is typing.Annotated:
        return _flag_options(arguments[0])
    if origin is Literal:
        return {"choices": arguments}
    if annotation is bool:
        return {"action": argparse.BooleanOptionalAction}
    if origin is list:
        inner = _flag_options(arguments[0])
        return None if inner is None else {**inner, "nargs": "*"}
    if origin is dict:
        return {"type": _pair(arguments[1]), "action": _Pairs, "metavar": "NAME=VALUE"}
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return None
    return {"type": annotation, "metavar": annotation.__name__.upper()}


def _pair(value_type: Any) -> Callable[[str], dict[str, Any]]:
    """A reader of NAME=VALUE, or of several with commas between them."""
    plain = typing.get_args(value_type)[0] if typing.get_origin(value_type) is typing.Annotated else value_type
    if typing.get_origin(plain) is types.UnionType:
        plain = _scalar

    def parse(text: str) -> dict[str, Any]:
        parts = text.split(",")
        pairs = [part.partition("=") for part in (parts if all("=" in part for part in parts) else [text])]
        if not all(equals for _, equals, _ in pairs):
            raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
        return {name.strip(): plain(value) for name, _, value in pairs}

    return parse


def _scalar(text: str) -> bool | int | float | str:
    """true, false and numbers as such, anything else as text."""
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return value if isinstance(value, bool | int | float) else text


class _Pairs(argparse.Action):
    """Collect repeated NAME=VALUE into a dict."""

    def __call__(self, parser: Any, namespace: Any, values: Any, option_string: str | None = None) -> None:
        setattr(namespace, self.dest, {**getattr(namespace, self.dest, {}), **values})


def variant_name(text: str) -> str:
    """A variant's name, checked. Raises ArgumentTypeError."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}", text):
        raise argparse.ArgumentTypeError(f"{text!r} is no name of a variant: letters, digits, - and _, at most 40, the "
                                         "first a letter or digit")
    if text in TAKEN or re.fullmatch(r"limit\d+", text):
        raise argparse.ArgumentTypeError(f"{text!r} is no name of a variant: it means something else already")
    return text


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return value


def _finished(run: Callable[[argparse.Namespace], int | None], args: argparse.Namespace) -> int:
    """The exit code of a run. Raises KeyboardInterrupt also where another error was made of one, as an import can."""
    try:
        return run(args) or 0
    except Exception as error:
        behind: BaseException | None = error
        while behind is not None and not isinstance(behind, KeyboardInterrupt):
            behind = behind.__cause__ or behind.__context__
        if behind is None:
            raise
        raise KeyboardInterrupt from error


def main(build_parser: Callable[[], argparse.ArgumentParser], run: Callable[[argparse.Namespace], int | None]) -> None:
    """Parse, run, exit: 0 done, 1 failed, 2 bad arguments or input, 130 interrupted."""
    stop_flag.install()
    outlive_terminal()
    args = build_parser().parse_args()
    if getattr(args, "profile", None) == "auto":
        args.profile, why = profiles.choose_for_this_machine()
        print(f"profile {args.profile}: {why}", file=sys.stderr)
    try:
        code = _finished(run, args)
    except StepladderError as error:
        if isinstance(error, NotThereYet) and getattr(args, "status", False):
            variant = f" {args.variant}" if getattr(args, "variant", None) else ""
            print(f"{Path(sys.argv[0]).name[:2]}{variant}: to do ({error})")
            sys.exit(EXIT_DONE)
        if args.debug:
            traceback.print_exc()
        print(f"{Path(sys.argv[0]).name}: {error}", file=sys.stderr)
        code = error.exit_code
    except KeyboardInterrupt:
        print(f"{Path(sys.argv[0]).name}: interrupted; run it again to go on", file=sys.stderr)
        code = EXIT_INTERRUPTED
    except OSError as error:
        if args.debug:
            traceback.print_exc()
        print(f"{Path(sys.argv[0]).name}: {error}; what was finished is kept", file=sys.stderr)
        code = EXIT_FAILED
    except MemoryError as error:
        if args.debug:
            traceback.print_exc()
        print(f"{Path(sys.argv[0]).name}: out of memory {error}; what was finished is kept", file=sys.stderr)
        code = EXIT_FAILED
    sys.stdout.flush()
    sys.exit(code)
