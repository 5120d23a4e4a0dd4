"""What the hub said of weights that were fetched whole: they serve on where it cannot be asked again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from stepladder.core.files import read_json, write_json
from stepladder.core.settings import Candidate

from .offers import Offer, RemoteFile, home

NOTE = ".offers.json"


def remember(offer: Offer, folder: Path) -> None:
    """Note the files of a hub's offer that lie below `folder`, all of them and right."""
    note = folder / NOTE
    known = read_json(note) if note.exists() else {}
    write_json(note, {**known, _key(offer.candidate): {"commit": offer.commit,
                                                       "files": [asdict(file) for file in offer.files]}})


def recall(candidate: Candidate, folder: Path) -> Offer | None:
    """The offer of a candidate whose files all lie below `folder` as they were told; None where any does not."""
    note = folder / NOTE
    known = read_json(note).get(_key(candidate)) if note.exists() else None
    if known is None:
        return None
    offer = Offer(candidate, tuple(RemoteFile(**file) for file in known["files"]), known["commit"])
    return offer if all_here(offer, folder) else None


def all_here(offer: Offer, folder: Path) -> bool:
    """Whether every file of an offer lies below `folder` with the size that was told."""
    return all(path.is_file() and path.stat().st_size == size for path, size in _sizes(offer, folder))


def _sizes(offer: Offer, folder: Path) -> Sequence[tuple[Path, int | None]]:
    there = home(offer.candidate, folder)
    return [(there / file.name, file.size_bytes) for file in offer.files]


def _key(candidate: Candidate) -> str:
    return f"{candidate.name}@{candidate.revision}:{candidate.pattern}"
