"""The journal: finished work, one entry a line, known by what it was made from; safe against kill -9.

A line is {"key", "id", ...}. The key is a hash of everything the work was made from (`work_key`), so that whoever asks
for the same work finds it, in this run or in any later one; entries that nobody asks for stay where they are. Nothing
is removed from the file; of several entries with one key the last one counts. Several processes may write at once:
each line goes out under a lock on the file, and a torn end that a killed one left is cut off under the same lock.
"""

from __future__ import annotations

import fcntl
import os
import time
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson

from .errors import StageError
from .files import disk_errors, hash_json

FSYNC_SECONDS = 10.0
Entry = dict[str, Any]


def work_key(*made_from: Any) -> str:
    """The key of a piece of work: 32 hexadecimal digits of a hash over everything it is made from (JSON values)."""
    return hash_json(made_from)[:32]


class Journal:
    """One journal file. Memory holds keys, ids and offsets; the entries themselves stay in the file.

    fresh: what the file holds already is not found (it stays there), only what is put from now on.
    damaged: numbers of lines that cannot be read; what they held counts as missing.

    Raises StageError when the disk is full or refuses.
    """

    def __init__(self, path: Path, fresh: bool = False) -> None:
        self.path = path
        self.damaged: list[int] = []
        self._numbers: dict[str, int] = {}  # key -> line number, from 0
        self._ids: list[str] = []  # by line number
        self._starts = array("Q")  # byte offset of each line; a line ends where the next one begins
        self._end = 0  # bytes of all whole lines
        self._synced = time.monotonic()
        with disk_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
            with self._locked():
                self._catch_up()
        if fresh:
            self._numbers.clear()

    # -- reading --------------------------------------------------------------------------------------------------

    def get(self, key: str) -> Entry | None:
        """The entry of a key, without the key; None where there is none."""
        number = self._numbers.get(key)
        if number is None:
            return None
        start = self._starts[number]
        end = self._starts[number + 1] if number + 1 < len(self._starts) else self._end
        entry = orjson.loads(os.pread(self._file, end - start, start))
        del entry["key"]
        return entry

    def __contains__(self, key: object) -> bool:
        return key in self._numbers

    def __len__(self) -> int:
        return len(self._numbers)

    def ids(self) -> Iterator[str]:
        """Ids of the entries, in the order they were first finished; an id may come more than once."""
        return (self._ids[number] for number in self._numbers.values())

    # -- writing --------------------------------------------------------------------------------------------------

    def put(self, key: str, entry: Entry) -> None:
        """Add one finished entry (it has an "id"). Raises StageError when the disk is full."""
        line = orjson.dumps({**entry, "key": key}) + b"\n"
        with disk_errors(self.path), self._locked():
            self._catch_up()
            self._write(line)
            self._note(key, entry["id"], len(line))
        # The page cache outlives a killed process; the occasional fsync is for power cuts.
        if time.monotonic() - self._synced > FSYNC_SECONDS:
            os.fsync(self._file)
            self._synced = time.monotonic()

    def close(self) -> None:
        """Close the file; everything put stays on disk."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _write(self, line: bytes) -> None:
        """All of the line or nothing of it."""
        written = 0
        try:
            while written < len(line):
                written += os.write(self._file, line[written:])
        except BaseException:
            os.ftruncate(self._file, self._end)
            raise

    @contextmanager
    def _locked(self) -> Iterator[None]:
        fcntl.flock(self._file, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(self._file, fcntl.LOCK_UN)

    def _catch_up(self) -> None:
        """Note the whole lines that are new, and cut off a torn end: under the lock nobody is still writing it."""
        status = os.fstat(self._file)
        if status.st_nlink == 0 or status.st_size < self._end:
            raise StageError(f"{self.path} was removed or cut while in use; run the same command again to go on")
        if status.st_size == self._end:
            return
        with os.fdopen(os.dup(self._file), "rb") as file:
            file.seek(self._end)
            for line in file:
                if not line.endswith(b"\n"):
                    os.ftruncate(self._file, self._end)
                    return
                self._note(*self._parse(line), len(line))

    def _note(self, key: str | None, name: str, length: int) -> None:
        if key is not None:
            self._numbers[key] = len(self._starts)
        self._ids.append(name)
        self._starts.append(self._end)
        self._end += length

    def _parse(self, line: bytes) -> tuple[str | None, str]:
        try:
            entry = orjson.loads(line)
            return entry["key"], entry["id"]
        except (orjson.JSONDecodeError, KeyError, TypeError):
            self.damaged.append(len(self._starts) + 1)
            return None, ""


class Records(Mapping[str, Entry]):
    """id -> entry of the ids that a run asks for, read from the journal each time; in the order they were finished."""

    def __init__(self, journal: Journal, key_of: Callable[[str], str], ids: Iterable[str]) -> None:
        self._journal, self._key_of = journal, key_of
        self._keys = {name: key for name in ids if (key := key_of(name)) in journal}

    def add(self, entry: Entry) -> None:
        """Put an entry into the journal under its id's key."""
        name = entry["id"]
        self._keys[name] = self._key_of(name)
        self._journal.put(self._keys[name], entry)

    def __getitem__(self, name: str) -> Entry:
        entry = self._journal.get(self._keys[name])
        assert entry is not None
        return {**entry, "id": name}

    def __contains__(self, name: object) -> bool:
        return name in self._keys

    def __iter__(self) -> Iterator[str]:
        return iter(self._keys)

    def __len__(self) -> int:
        return len(self._keys)


class RunJournal:
    """A journal as one run sees it: `records` maps its ids to what is finished of them, until it is closed.

    keys: id -> key of everything this run may ask for. resumed: how many of them were there at opening.
    """

    def __init__(self, journal: Journal, keys: Mapping[str, str]) -> None:
        self.journal, self._wanted = journal, keys.keys()
        self.records = Records(journal, keys.__getitem__, keys)
        self.resumed = len(self.records)

    def asks_for(self, name: str) -> bool:
        """Whether this run may ask for that id."""
        return name in self._wanted

    def append(self, entry: Entry) -> None:
        """Add one finished entry (it has an "id"). Raises StageError when the disk is full."""
        self.records.add(entry)

    def close(self) -> None:
        """Close the file; everything appended stays on disk and is found again."""
        self.journal.close()


class ScopedJournal(RunJournal):
    """Entries known by the run they belong to and their id: for work such as training steps, where each builds on all
    those before it, so that those of one run make no sense in another.

    scope: what tells runs apart. A run that was ended by `remove` is not gone on with: the next one of its scope finds
    nothing.
    """

    def __init__(self, journal: Journal, scope: str, fresh: bool = False) -> None:
        self.journal, self._scope = journal, scope
        self._ended = work_key(scope, "ended")
        self._run = (journal.get(self._ended) or {"runs": 0})["runs"]
        if fresh:
            self._end()
        self._look()

    def start_over(self) -> None:
        """Begin a run of its own: what the entries build on is gone. They stay in the file."""
        if self.records:
            self._end()
            self._look()

    def _look(self) -> None:
        run, scope = self._run, self._scope
        self.records = Records(self.journal, lambda name: work_key(scope, run, name), dict.fromkeys(self.journal.ids()))
        self.resumed = len(self.records)

    def asks_for(self, name: str) -> bool:
        """Any id may be one of this run's."""
        return True

    def remove(self) -> None:
        """The run is complete. Its entries stay in the file, but nobody goes on with them."""
        self._end()
        self.close()

    def _end(self) -> None:
        self._run += 1
        self.journal.put(self._ended, {"id": "ended", "runs": self._run})
