"""What is kept beside the outputs and can be freed: things set aside, peeks made with --limit, journals."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from stepladder.core import aside
from stepladder.core.errors import InputError
from stepladder.core.files import read_json
from stepladder.core.stage import meta_path
from stepladder.core.workspace import Workspace

LIMITED = re.compile(r"\.limit\d+$")
"""How the names of peeks end; a variant may be called limitless."""


@dataclass(frozen=True)
class Kept:
    """One thing that can be freed. kind: "aside", "peek" or "journal"."""

    kind: str
    name: str
    paths: tuple[Path, ...]
    why: str

    @property
    def size_bytes(self) -> int:
        """Bytes on disk."""
        files = [file for path in self.paths for file in ([path] if path.is_file() else path.rglob("*"))]
        return sum(file.stat().st_size for file in files if file.is_file())

    def free(self) -> None:
        """Delete it for good."""
        for path in self.paths:
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def kept(workspace: Workspace) -> list[Kept]:
    """Everything that can be freed, what was set aside first and oldest first."""
    return [*_aside(workspace), *_peeks(workspace), *_journals(workspace)]


def choose(all_kept: Sequence[Kept], names: Sequence[str], everything: bool) -> list[Kept]:
    """What is to be freed: the named things, or with `everything` all that was set aside (no peeks, no journals).

    Raises InputError for a name that there is not.
    """
    if unknown := set(names) - {item.name for item in all_kept}:
        raise InputError(f"nothing is kept under the name {min(unknown)}; show.py prune lists what there is")
    if names:
        return [item for item in all_kept if item.name in names]
    return [item for item in all_kept if everything and item.kind == "aside"]


def _aside(workspace: Workspace) -> Iterator[Kept]:
    roots = [folder for root in (workspace.root / "data" / "enhanced", workspace.models)
             for folder in root.rglob(aside.FOLDER) if folder.is_dir()]
    items = [item for root in roots for item in aside.items(root.parent)]
    for item in sorted(items, key=lambda item: item.note["when"]):
        yield Kept("aside", item.name, (item.folder,), f"{item.note['when'][:16]} {item.note['why']}")
    for folder in {folder for root in roots for folder in root.iterdir()} - {item.folder for item in items}:
        yield Kept("aside", folder.name, (folder,), "not whole: a run was killed while setting it aside")


def _peeks(workspace: Workspace) -> Iterator[Kept]:
    folder, tag = workspace.root / "data" / "enhanced", workspace.tag
    for path in sorted(folder.glob(f"*_{tag}.*.json")):
        if not LIMITED.search(path.stem):
            continue
        meta = meta_path(path)
        made = f"{read_json(meta)['finished'][:16]} " if meta.exists() else ""
        yield Kept("peek", path.stem, tuple(one for one in (path, meta) if one.exists()), f"{made}a run with --limit")
    for path in sorted(workspace.models.glob(f"*{workspace.student}_*.limit*")):
        if LIMITED.search(path.name):
            yield Kept("peek", path.name, (path,), "a run with --limit")


def _journals(workspace: Workspace) -> Iterator[Kept]:
    for path in sorted((workspace.root / "data" / "enhanced" / "journals").glob(f"*_{workspace.tag}.jsonl")):
        yield Kept("journal", path.name, (path,), "finished work; freed, it has to be done again when it is wanted")
