"""The sources there are, and their rows: built in, from local files, or from the hub."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from stepladder.core.errors import InputError
from stepladder.core.patience import ATTEMPTS
from stepladder.core.settings import Questions

from .formats import labelled, logiqa, mapped, mmlu, opentriviaqa, own, tables, triviaqa
from .hub import HubData, HubTable, load_rows, load_table
from .rows import Row, Rows, split_named

BUILT_IN = ("sample", "puzzle")
HUB_TABLES = "hf://datasets/"


@dataclass(frozen=True)
class Source:
    """One source: how its files are read, and where the hub has it (None: nowhere).

    from_files yields the rows of a file or folder; from_hub turns the hub's rows (split, row) into ours.
    """

    from_files: Callable[[Path], Rows]
    hub: HubData | None = None
    from_hub: Callable[[Iterator[tuple[str, dict[str, Any]]]], Rows] | None = None


SOURCES: dict[str, Source] = {
    "mmlu": Source(mmlu.from_files, mmlu.HUB, mmlu.from_hub),
    "triviaqa": Source(triviaqa.from_files, triviaqa.HUB, triviaqa.from_hub),
    "logiqa": Source(logiqa.from_files, logiqa.HUB, logiqa.from_hub),
    **{name: Source(labelled.from_files(name), data, labelled.from_hub(name)) for name, data in labelled.HUB.items()},
    "opentriviaqa": Source(opentriviaqa.from_files),
}
OWN_NAME = re.compile(r"[a-z][a-z0-9_-]{0,39}")


def local_paths(settings: Questions) -> dict[str, list[Path]]:
    """Source -> files or folders, from the NAME=PATH pairs. Raises InputError on a bad pair or a missing path."""
    found: dict[str, list[Path]] = {}
    for pair, name, value in _pairs(settings):
        if value.startswith(HUB_TABLES):
            continue
        path = Path(value).expanduser()
        if not path.exists():
            raise InputError(f"--from {pair}: {path} does not exist")
        found.setdefault(name, []).append(path)
    return found


def hub_tables(settings: Questions) -> dict[str, list[HubTable]]:
    """Source -> data sets of the hub, from NAME=hf://datasets/... pairs. Raises InputError on a bad one."""
    found: dict[str, list[HubTable]] = {}
    for pair, name, value in _pairs(settings):
        if value.startswith(HUB_TABLES):
            if name in SOURCES:
                raise InputError(f"--from {pair}: {name} has a place of its own on the hub; give this one another name")
            found.setdefault(name, []).append(HubTable.of(value.removeprefix(HUB_TABLES), pair))
    return found


def _pairs(settings: Questions) -> Iterator[tuple[str, str, str]]:
    """(pair, name, value) of each NAME=PATH."""
    for pair in settings.local:
        name, equals, value = pair.partition("=")
        if not equals or not value:
            raise InputError(f"--from {pair!r} is not NAME=PATH")
        if name in BUILT_IN or not (name in SOURCES or OWN_NAME.fullmatch(name)):
            raise InputError(f"--from {pair}: {name!r} cannot name questions of your own (small letters, digits, - and "
                             f"_); known sources are {', '.join(SOURCES)}")
        yield pair, name, value


def wanted(settings: Questions) -> list[str]:
    """Names of the sources to read: the profile's and those given as files; --only-source narrows them to one."""
    known = dict.fromkeys([*BUILT_IN, *SOURCES, *local_paths(settings), *hub_tables(settings)])
    names = list(dict.fromkeys([*settings.sources, *local_paths(settings), *hub_tables(settings)]))
    if settings.only_source:
        names = [settings.only_source]
    for name in (*names, *settings.quotas, *settings.heldout_quotas):
        if name not in known:
            raise InputError(f"no source {name!r}; there are {', '.join(known)}, and your own: --from {name}=PATH")
    return names


def rows(name: str, settings: Questions, sample: Path, seed: int, attempts: int = ATTEMPTS) -> Rows:
    """The rows of a source. Raises SourceUnavailable when it would have to come from the hub and cannot."""
    if name == "sample":
        return own.read_file(sample, "sample")
    if name == "puzzle":
        return _puzzles(settings, seed)
    paths = local_paths(settings).get(name, [])
    if name not in SOURCES:
        return _own(name, paths, settings, attempts)
    source = SOURCES[name]
    if paths:
        return chain.from_iterable(source.from_files(path) for path in paths)
    if source.hub is None or source.from_hub is None:
        raise InputError(f"source {name} is read from files only: --from {name}=PATH")
    return source.from_hub(load_rows(source.hub, settings.revisions.get(name), attempts))


def _own(name: str, paths: list[Path], settings: Questions, attempts: int) -> Rows:
    """Questions of somebody's own: files, folders and data sets, each with its columns."""
    read = [mapped.read_file(path, name, settings.map) for path in paths]
    for table in hub_tables(settings).get(name, []):
        items = [tables.Item(f"{split}#{number}", row, split_named(split))
                 for number, (split, row) in enumerate(load_table(table, attempts))]
        read.append(mapped.from_items(items, name, settings.map, table.repository))
    return chain.from_iterable(read)


def _puzzles(settings: Questions, seed: int) -> Iterator[Row]:
    from stepladder import puzzles

    low, high = settings.puzzle_levels
    unknown = [kind for kind in settings.puzzle_kinds if kind not in puzzles.KINDS]
    if unknown:
        raise InputError(f"no puzzle kind {unknown[0]!r}; there are {', '.join(puzzles.KINDS)}")
    made = puzzles.stream(settings.puzzles, seed, settings.puzzle_kinds or None, (low, high))
    return own.from_records((puzzles.to_record(puzzle) for puzzle in made), "puzzle", "puzzle")  # type: ignore[return-value]
