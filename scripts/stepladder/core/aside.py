"""What has to make way is set aside under a dated name, never deleted, and brought back when it fits again.

Each item is a folder aside/NAME.20261125-101500/ beside the thing, with its files (or folders) as members and a note
that says where they lay, why they made way, and what they fit. Nothing here is ever removed but by `show.py prune`.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from .errors import StageError
from .files import disk_errors, read_json, write_json

FOLDER = "aside"
NOTE = "aside.json"


@dataclass(frozen=True)
class Item:
    """One thing set aside. note: {"when", "why", "fits", "members": {name in the folder: path from aside's parent}}."""

    folder: Path
    note: dict[str, Any]

    @property
    def name(self) -> str:
        """NAME.20261125-101500."""
        return self.folder.name

    @property
    def members(self) -> dict[Path, Path]:
        """Where each member lies now -> where it lay."""
        return {self.folder / name: Path(os.path.abspath(self.folder.parent.parent / path))
                for name, path in self.note["members"].items()}

    def size_bytes(self) -> int:
        """Bytes on disk."""
        return sum(path.stat().st_size for path in self.folder.rglob("*") if path.is_file())

    def bring_back(self) -> None:
        """Put every member back to where it lay, and drop the item. Files there are replaced, each at once; a folder
        there has to be set aside first (FileExistsError). A kill in between leaves the item whole or its work done.
        """
        for member, place in self.members.items():
            with disk_errors(place):
                place.parent.mkdir(parents=True, exist_ok=True)
                if member.is_dir():
                    if place.exists():
                        raise FileExistsError(f"{place} is in the way of {member}; set it aside first")
                    os.rename(member, place)
                else:
                    coming = place.with_name(f".{place.name}.back")
                    coming.unlink(missing_ok=True)
                    _link(member, coming)
                    os.replace(coming, place)
        self.remove()

    def remove(self) -> None:
        """Delete it for good."""
        (self.folder / NOTE).unlink(missing_ok=True)  # without its note it is none, however long the rest takes
        shutil.rmtree(self.folder)


def set_aside(paths: Sequence[Path], why: str, fits: str = "", leave: bool = False,
              of: Path | None = None) -> Item | None:
    """Move what there is of `paths` into one new item beside the first of them; None where there is nothing.

    fits: fingerprint by which `matching` finds it again. leave: files also stay where they are, to be overwritten by
    a rename. of: the folder whose parts the paths are: the item lies beside it, under its name. All paths must be on
    one file system. Raises StageError when the disk is full or refuses.
    """
    paths = [path for path in paths if path.exists()]
    if not paths:
        return None
    whole = of or paths[0]
    root = whole.parent / FOLDER
    with disk_errors(root):
        folder = _new_folder(root, (whole.stem if whole.is_file() else whole.name).lstrip("."))
        members = {f"{place}.{path.name}" if place else path.name: os.path.relpath(path, root.parent)
                   for place, path in enumerate(paths)}
        when = datetime.now(UTC).isoformat(timespec="seconds")
        note: dict[str, Any] = {"when": when, "why": why, "fits": fits, "members": members}
        try:
            for name, path in zip(members, paths, strict=True):
                if path.is_file():
                    _link(path, folder / name)
            write_json(folder / NOTE, note)
        except (OSError, StageError):  # everything is still in its place
            shutil.rmtree(folder)
            raise
        for name, path in zip(members, paths, strict=True):
            if path.is_dir():
                os.rename(path, folder / name)
            elif not leave:
                path.unlink()
    return Item(folder, note)


def items(beside: Path) -> list[Item]:
    """Whole items in aside/ of this folder, oldest first."""
    return sorted(_items(beside / FOLDER), key=lambda item: (item.note["when"], item.name))


def matching(beside: Path, fits: str) -> list[Item]:
    """Items in aside/ of this folder that were set aside with this fingerprint, the latest first."""
    return [item for item in reversed(items(beside)) if item.note["fits"] == fits]


def _items(root: Path) -> Iterator[Item]:
    for note in root.glob(f"*/{NOTE}"):
        item = Item(note.parent, read_json(note))
        if all(member.exists() for member in item.members):
            yield item


def _new_folder(root: Path, name: str) -> Path:
    stamp = datetime.now().strftime("%Y%m%d-%H%M%S")
    for number in range(1, 1_000):
        folder = root / (f"{name}.{stamp}" if number == 1 else f"{name}.{stamp}-{number}")
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            continue
        return folder
    raise FileExistsError(f"{root} has too many items of {stamp}")


def _link(source: Path, target: Path) -> None:
    """A hard link, which takes no space; a copy where the file system has none."""
    try:
        os.link(source, target)
    except FileExistsError:
        raise
    except OSError:
        shutil.copy2(source, target)
