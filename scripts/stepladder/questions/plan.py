"""What stage 00 would read and need, said before anything is there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from stepladder.core.progress import duration, say
from stepladder.core.settings import Questions

from .hub import HubData, megabytes
from .sampling import Shares
from .sources import SOURCES, hub_tables

ROWS_A_SECOND = 800  # the whole stage on one busy core, measured (docs/questions.md)
PUZZLES_A_SECOND = 500
BYTES_A_ROW = 6_000  # peak memory
DOWNLOAD_MB_A_SECOND = 20


def show(names: Sequence[str], local: Mapping[str, Sequence[Path]], settings: Questions, size: int) -> None:
    """Print rows, downloads, memory, disk and time; works offline, with sizes from the table then."""
    rows, download = 0, 0.0
    for name in names:
        if name in local:
            paths = ", ".join(map(str, local[name]))
            amount = sum(file.stat().st_size for path in local[name] for file in _files(path)) / 1e6
            say(f"  {name}: {amount:.1f} MB of local files ({paths})")
            rows += round(amount * 1_000)  # about a kilobyte a row
            continue
        if name == "sample":
            say("  sample: the 266 questions that ship with the project")
        elif name == "puzzle":
            say(f"  puzzle: {settings.puzzles} generated, levels {settings.puzzle_levels}")
            rows += settings.puzzles
        elif name not in SOURCES:
            told = ", ".join(table.repository for table in hub_tables(settings)[name])
            say(f"  {name}: {told} of the hub, as many rows as it has")
        else:
            data = SOURCES[name].hub
            if data is None:
                say(f"  {name}: from files only, none given: --from {name}=PATH")
                continue
            rows, download = rows + data.rows, download + _told(name, data, settings.revisions.get(name))
    parts = Shares(settings.test_share, settings.validation_share, settings.validation_max).sizes(size)
    seconds = rows / ROWS_A_SECOND + settings.puzzles / PUZZLES_A_SECOND + download / DOWNLOAD_MB_A_SECOND
    say(f"  wanted: {size} questions: {parts['training']} training, {parts['validation']} validation, "
        f"{parts['test']} held out, as far as the sources reach")
    memory = max(0.3, rows * BYTES_A_ROW / 1e9)
    say(f"  computed: about {rows} rows, {download:.0f} MB to download, {memory:.1f} GB memory, "
        f"{0.002 * size + 0.003 * rows:.0f} MB written, {duration(seconds)}")


def _told(name: str, data: HubData, revision: str | None) -> float:
    """Say what the hub would give; returns megabytes."""
    asked = megabytes(data.repository, revision)
    size = asked if asked is not None else float(data.megabytes)
    how = "asked of the hub" if asked is not None else "hub not reached, from the table"
    say(f"  {name}: {data.repository} at {revision or 'main'}, {data.rows} rows, {size:.0f} MB ({how})")
    return size


def _files(path: Path) -> list[Path]:
    return [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
