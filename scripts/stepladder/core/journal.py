"""The journal of a running stage: one finished record a line, safe against kill -9.

The first line carries the fingerprint of everything that shapes the records. Opening a journal with the
same fingerprint resumes it, with another one starts afresh; a torn last line is cut off.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import orjson

from .errors import StageError
from .files import disk_errors

FSYNC_SECONDS = 10.0


class Journal:
    """Append-only JSON lines. `records` maps id to record, in the order they were finished.

    resumed: how many records were found at opening. started_afresh: why an existing journal was not used,
    or None.
    """

    def __init__(self, path: Path, fingerprint: str) -> None:
        self.path = path
        self.fingerprint = fingerprint
        self.records: dict[str, dict[str, Any]] = {}
        self.started_afresh: str | None = None
        with disk_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            good_bytes = self._read()
            self._file = path.open("ab")
            self._file.truncate(good_bytes)
            if good_bytes == 0:
                self._write({"fingerprint": fingerprint})
        self.resumed = len(self.records)
        self._synced = time.monotonic()

    def _read(self) -> int:
        """Load what is there; return how many bytes of it are whole lines of this fingerprint."""
        if not self.path.exists():
            return 0
        data = self.path.read_bytes()
        end = data.rfind(b"\n") + 1
        lines = data[:end].splitlines() if end else []
        if not lines:
            return 0
        header = self._parse(lines[0], 1)
        if header.get("fingerprint") != self.fingerprint:
            self.started_afresh = "it was made with other arguments, models or inputs"
            return 0
        for number, line in enumerate(lines[1:], start=2):
            record = self._parse(line, number)
            self.records[record["id"]] = record
        return end

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
            self._write(record)
        self.records[record["id"]] = record

    def _write(self, value: dict[str, Any]) -> None:
        self._file.write(orjson.dumps(value) + b"\n")
        self._file.flush()
        # The page cache outlives a killed process; the occasional fsync is for power cuts.
        if time.monotonic() - getattr(self, "_synced", 0.0) > FSYNC_SECONDS:
            os.fsync(self._file.fileno())
            self._synced = time.monotonic()

    def close(self) -> None:
        """Close the file; everything appended stays on disk."""
        self._file.close()

    def remove(self) -> None:
        """Delete the journal: the stage's outputs are complete."""
        self.close()
        self.path.unlink(missing_ok=True)
