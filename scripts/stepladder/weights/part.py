"""The part of a file that has arrived: kept beside the target until it is whole, gone on with by any later run.

.NAME.part holds the bytes so far, .NAME.part.json what they are of. kill -9 at any moment loses nothing: bytes are
written as they come, and the SHA-256 of the whole is compared before the file gets its name.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from stepladder.core.errors import InputError, StageError
from stepladder.core.files import disk_errors, read_json, write_json

READ_BYTES = 1 << 20


class Part:
    """Open part of `target`; `of` says what is fetched ({"etag", "size", ...}). One writer at a time.

    size: bytes that are here. digest: SHA-256 of them, kept up as they are written.
    """

    def __init__(self, target: Path, of: dict[str, Any]) -> None:
        self.target, self.of = target, of
        self.path, self.note = paths(target)
        self.served_etag: str | None = None
        with disk_errors(self.path):
            target.parent.mkdir(parents=True, exist_ok=True)
            self._file = self.path.open("a+b", buffering=0)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self._file.close()
            raise StageError(f"another run is downloading {target}; wait for it or stop it") from error
        self.size = os.fstat(self._file.fileno()).st_size
        self.digest = hashlib.sha256()

    def unfit(self) -> str | None:
        """Why the bytes here cannot be the beginning of what is fetched now, or None."""
        try:
            known = read_json(self.note)
        except InputError:
            return "nothing says what they are of"
        if (known.get("etag"), known.get("size")) != (self.of["etag"], self.of["size"]):
            return "the file has changed at its source since"
        if self.size > self.of["size"]:
            return "they are more than the file has"
        return None

    def take_up(self, looking: Callable[[], None]) -> None:
        """Go on with the bytes here: hash them, once. looking() is called after each piece; what it raises ends it."""
        self.served_etag = read_json(self.note).get("served_etag")
        self._file.seek(0)
        while piece := self._file.read(READ_BYTES):
            self.digest.update(piece)
            looking()

    def start_afresh(self) -> None:
        """Throw the bytes away and note what will come."""
        with disk_errors(self.path):
            self._file.truncate(0)
        self.size, self.digest, self.served_etag = 0, hashlib.sha256(), None
        write_json(self.note, self.of)

    def served_as(self, etag: str | None) -> None:
        """Note the ETag of the answer whose bytes come next."""
        if etag is not None and etag != self.served_etag:
            self.served_etag = etag
            write_json(self.note, {**self.of, "served_etag": etag})

    def write(self, piece: bytes) -> None:
        """Add bytes at the end. Raises StageError when the disk is full."""
        with disk_errors(self.target):
            rest = memoryview(piece)
            while rest:
                written = self._file.write(rest)
                if not written:
                    raise OSError(errno.ENOSPC, "nothing written")
                self.digest.update(rest[:written])
                self.size += written
                rest = rest[written:]

    def finish(self) -> str:
        """Give the whole file its name, safe against a power cut; returns its SHA-256."""
        with disk_errors(self.target):
            os.fsync(self._file.fileno())
            os.replace(self.path, self.target)
            self.note.unlink(missing_ok=True)
        return self.digest.hexdigest()

    def close(self) -> None:
        """What is here stays for the next run."""
        self._file.close()


def paths(target: Path) -> tuple[Path, Path]:
    """(the part, its note) of a target."""
    part = target.with_name(f".{target.name}.part")
    return part, part.with_name(f"{part.name}.json")


def bytes_here(target: Path) -> int:
    """Bytes of a target's part, 0 where there is none."""
    part, _ = paths(target)
    return part.stat().st_size if part.exists() else 0
