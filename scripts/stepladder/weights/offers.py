"""What a candidate turned out to be: its files as the source states them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from stepladder.core.errors import StageError
from stepladder.core.settings import Candidate
from stepladder.core.shards import shard_paths


class SourceError(StageError):
    """A candidate cannot be had (offline, gone, gated, wrong hash): the next one is tried."""


@dataclass(frozen=True)
class RemoteFile:
    """One file of an offer; size in bytes and SHA-256 as the source states them, None where it does not.

    etag: what the hub knows this content by (SHA-256 of large files, git's hash of small ones).
    """

    name: str
    size_bytes: int | None
    sha256: str | None
    etag: str | None = None


@dataclass(frozen=True)
class Offer:
    """A candidate's files. commit: the hub's revision they were asked of, so that all come from one state of it."""

    candidate: Candidate
    files: tuple[RemoteFile, ...]
    commit: str | None = None

    @property
    def size_bytes(self) -> int | None:
        """Bytes of all files, None when a size is unknown."""
        sizes = [file.size_bytes for file in self.files]
        return None if None in sizes else sum(sizes)  # type: ignore[arg-type]

    @property
    def label(self) -> str:
        """For tables and metas: "hub owner/name:pattern"."""
        return f"{self.candidate.kind} {self.candidate.name}" + (
            f":{self.candidate.pattern}" if self.candidate.pattern else "")


def home(candidate: Candidate, folder: Path) -> Path:
    """Where a candidate's files are: below `folder`, or the folder of its own that it names."""
    if candidate.kind == "file":
        return Path(candidate.name).expanduser()
    return folder / candidate.name.replace("/", "--") if candidate.kind == "hub" else folder


def require_one_model(where: str, names: Sequence[str]) -> None:
    """All GGUF files of an offer are one file, or all shards of one set. Raises SourceError."""
    ggufs = [name for name in names if name.endswith(".gguf")]
    sets = sorted({shard_paths(name) for name in ggufs})
    if len(sets) > 1:
        first, second = (files[0] for files in sets[:2])
        raise SourceError(f"{where}: {len(sets)} different models match, {first} and {second} among them; "
                          "give a pattern that names one")
    for number, shard in enumerate(sets[0] if sets else (), 1):
        if str(shard) not in ggufs:
            raise SourceError(f"{where}: shard {number} of {len(sets[0])} is missing: {shard}")


def first_line(error: object) -> str:
    """An error in one line of at most 200 characters."""
    lines = [line for line in str(error).strip().splitlines() if line.strip()]
    return (lines[0] if lines else type(error).__name__)[:200]
