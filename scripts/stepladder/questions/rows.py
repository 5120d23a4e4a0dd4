"""What every format yields: a row as its authors meant it, or a rejection with its reason."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias

PUBLISHED_TEST = "test"
_SPLIT_NAMES = {"train": "train", "training": "train", "auxiliary": "train", "dev": "dev", "val": "validation",
                "valid": "validation", "validation": "validation", "eval": "validation", "test": "test"}


@dataclass(slots=True)
class Row:
    """One row of a source, before normalising.

    options: the texts in the order they stand for A, B, C, ...; key: index of the right one.
    aliases: for open questions (no options), every accepted answer; canonical: whether the first is the one to show.
    extra: further fields of the record (domain, chain_of_thought, ...), kept as they are.
    """

    id: str
    source: str
    question: str
    options: list[str] = field(default_factory=list)
    key: int | None = None
    subject: str | None = None
    split: str | None = None
    aliases: list[str] = field(default_factory=list)
    canonical: bool = True
    note: str | None = None
    extra: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Rejection:
    """A row that is left out: where it came from, why, and what it was."""

    id: str
    source: str
    reason: str
    row: Any
    detail: str | None = None

    def to_json(self) -> dict[str, Any]:
        """The entry of the rejected file."""
        entry: dict[str, Any] = {"id": self.id, "source": self.source, "reason": self.reason}
        if self.detail:
            entry["detail"] = self.detail
        return entry | {"record": self.row}


Rows: TypeAlias = Iterator[Row | Rejection]


def split_named(name: str) -> str | None:
    """The published split that a file's or folder's name speaks of ("anatomy_val" -> "validation")."""
    for part in reversed(name.lower().replace("-", "_").replace(".", "_").split("_")):
        if part in _SPLIT_NAMES:
            return _SPLIT_NAMES[part]
    return None


def as_json(row: Row) -> dict[str, Any]:
    """A row as it is shown in the rejected file."""
    shown = {"question": row.question, "options": row.options, "key": row.key, "aliases": row.aliases,
             "subject": row.subject, "split": row.split}
    return {key: value for key, value in shown.items() if value not in (None, [], ())}


def dice(*parts: object) -> int:
    """A number of 64 bits that depends on these parts alone: the same in every run, order and Python."""
    text = "\x1f".join(map(str, parts)).encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big")
