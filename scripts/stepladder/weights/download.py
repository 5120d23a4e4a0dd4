"""Several files at a time, with one progress line, and an end at once when a stop is asked for."""

from __future__ import annotations

import queue
import threading
from collections.abc import Sequence
from pathlib import Path

from stepladder.core.errors import Interrupted
from stepladder.core.files import WeightHashes
from stepladder.core.interrupts import stop_flag
from stepladder.core.progress import Progress, say

from .offers import Offer, RemoteFile
from .part import bytes_here
from .transfer import Transfer

LOOK_SECONDS = 0.2
SECONDS_TO_LEAVE = 1.0


class Download:
    """All of `files` to their targets, `parallel` at a time; hashes are kept in `hashes`."""

    def __init__(self, offer: Offer, files: Sequence[tuple[RemoteFile, Path]], hashes: WeightHashes,
                 parallel: int) -> None:
        self.offer, self.hashes = offer, hashes
        self.stop = threading.Event()
        self.waiting: queue.SimpleQueue[tuple[RemoteFile, Path]] = queue.SimpleQueue()
        self.outcomes: queue.SimpleQueue[tuple[Path, str | BaseException]] = queue.SimpleQueue()
        self.arrived: queue.SimpleQueue[int] = queue.SimpleQueue()
        self.files = files
        # Daemons, because one that waits for a silent server must not hold up the end of the process.
        self.threads = [threading.Thread(target=self._work, daemon=True) for _ in range(min(parallel, len(files)))]

    def run(self) -> None:
        """Raises the first failure of a file, after which the others stop too; Interrupted when a stop is asked for."""
        total = sum(file.size_bytes or 0 for file, _ in self.files)
        here = sum(bytes_here(target) for _, target in self.files)
        say(f"01: fetching {self.offer.label}: {len(self.files)} file{'s' * (len(self.files) > 1)}, "
            f"{total / 1e9:.2f} GB" + (f" ({here / 1e9:.2f} GB of them here)" if here else "")
            + (f", {len(self.threads)} at a time" if len(self.files) > 1 else ""))
        for pair in self.files:
            self.waiting.put(pair)
        with Progress("downloading", total, here, in_bytes=True) as progress:
            for thread in self.threads:
                thread.start()
            try:
                for _ in self.files:
                    self._take(progress)
            finally:
                self.stop.set()
                for thread in self.threads:
                    thread.join(SECONDS_TO_LEAVE / len(self.threads))
                self._count(progress)

    def _work(self) -> None:
        while not self.stop.is_set():
            try:
                file, target = self.waiting.get_nowait()
            except queue.Empty:
                return
            try:
                outcome: str | BaseException = Transfer(self.offer, file, target, self.stop, self.arrived.put).run()
            except BaseException as error:  # noqa: BLE001 (raised again where the outcomes are taken)
                outcome = error
            self.outcomes.put((target, outcome))

    def _take(self, progress: Progress) -> None:
        """Wait for the next file to end, looking at the stop flag."""
        while True:
            self._count(progress)
            if stop_flag.requested:
                raise Interrupted(f"stopped at {progress.counted()}; run the same command again to go on there")
            try:
                target, outcome = self.outcomes.get(timeout=LOOK_SECONDS)
            except queue.Empty:
                continue
            if isinstance(outcome, BaseException):
                raise outcome
            self.hashes.learn(target, outcome)
            return

    def _count(self, progress: Progress) -> None:
        count = 0
        while not self.arrived.empty():
            count += self.arrived.get_nowait()
        progress.update(count)
