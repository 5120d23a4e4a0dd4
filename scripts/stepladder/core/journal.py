"""The journal of a running stage: one finished record a line, safe against kill -9.

The first line carries the fingerprint of everything that shapes the records. Opening a journal with the
same fingerprint resumes it, with another one starts afresh; a torn last line is cut off.
"""

from __future__ import annotations

import os
import time
from array import array
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from .errors import StageError
from .files import disk_errors

FSYNC_SECONDS = 10.0


class Lines(Mapping[str, dict[str, Any]]):
    """id -> record of a journal's lines, read from the file each time: memory holds ids and offsets, no texts."""

    def __init__(self) -> None:
        self.file: BinaryIO | None = None  # open for reading and appending
        self._numbers: dict[str, int] = {}
        self._starts = array("Q")  # byte offset of each line; a line ends where the next one begins
        self.end = 0  # bytes of all whole lines

    def note(self, name: str | None, length: int) -> None:
        """A line of `length` bytes came to the end of the file; name: its record's id, None for the header."""
        if name is not None:
            self._numbers[name] = len(self._starts)
        self._starts.append(self.end)
        self.end += length

    def __getitem__(self, name: str) -> dict[str, Any]:
        number = self._numbers[name]
        start = self._starts[number]
        end = self._starts[number + 1] if number + 1 < len(self._starts) else self.end
        return orjson.loads(os.pread(self.file.fileno(), end - start, start))

    def __contains__(self, name: object) -> bool:
        return name in self._numbers

    def __iter__(self) -> Iterator[str]:
        return iter(self._numbers)

    def __len__(self) -> int:
        return len(self._numbers)


class Journal:
    """Append-only JSON lines. `records` maps id to record, in the order they were finished, until it is closed.

    resumed: how many records were found at opening. started_afresh: why an existing journal was not used,
    or None.
    """

    def __init__(self, path: Path, fingerprint: str) -> None:
        self.path = path
        self.fingerprint = fingerprint
        self.records = Lines()
        self.started_afresh: str | None = None
        self._synced = time.monotonic()
        with disk_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self.records.file = path.open("a+b")
            self._read()
            self._file.truncate(self.records.end)
            if self.records.end == 0:
                self._write({"fingerprint": fingerprint}, None)
        self.resumed = len(self.records)

    def _read(self) -> None:
        """Note the whole lines that are there, if they are of this fingerprint."""
        self._file.seek(0)
        for number, line in enumerate(self._file, start=1):
            if not line.endswith(b"\n"):
                return
            value = self._parse(line, number)
            if number == 1 and value.get("fingerprint") != self.fingerprint:
                self.started_afresh = "it was made with other arguments, models or inputs"
                return
            self.records.note(None if number == 1 else value["id"], len(line))

    def _parse(self, line: bytes, number: int) -> dict[str, Any]:
        try:
            return orjson.loads(line)
        except orjson.JSONDecodeError as error:
            raise StageError(
                f"{self.path} line {number} is damaged; delete the file to start afresh, or that line to go on"
            ) from error

    def append(self, record: dict[str, Any]) -> None:
        """Add one finished record (it has an "id"). Raises StageError when the disk is full."""
        with disk_errors(self.path):
            self._write(record, record["id"])

    def _write(self, value: dict[str, Any], name: str | None) -> None:
        line = orjson.dumps(value) + b"\n"
        self._file.write(line)
        self._file.flush()
        self.records.note(name, len(line))
        # The page cache outlives a killed process; the occasional fsync is for power cuts.
        if time.monotonic() - self._synced > FSYNC_SECONDS:
            os.fsync(self._file.fileno())
            self._synced = time.monotonic()

    def close(self) -> None:
        """Close the file; everything appended stays on disk."""
        self._file.close()

    def remove(self) -> None:
        """Delete the journal: the stage's outputs are complete."""
        self.close()
        self.path.unlink(missing_ok=True)
