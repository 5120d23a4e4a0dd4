"""One file from the hub to the disk: gone on with after cuts, stalls and kills, hashed as it arrives."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from stepladder.core.patience import retrying
from stepladder.core.progress import duration, say

from . import hub
from .offers import Offer, RemoteFile, SourceError, first_line
from .part import Part

if TYPE_CHECKING:
    import httpx

ATTEMPTS = 12  # requests in a row that bring next to nothing; their waits grow to a quarter of an hour in all
WORTH_BYTES = 1 << 20  # a request that brought this much before it was cut is no failure
TIMES_DAMAGED = 2


class Stopped(Exception):
    """The transfer was told to stop; what has arrived is on disk."""


@dataclass
class Transfer:
    """Bring `file` of `offer` to `target`. `arrived(bytes)` is told of progress, negative where it starts afresh."""

    offer: Offer
    file: RemoteFile
    target: Path
    stop: threading.Event
    arrived: Callable[[int], None]

    def run(self) -> str:
        """Returns the SHA-256 of the finished file.

        Raises SourceError when it cannot be had whole, StageError when the disk is full, Stopped when told to stop.
        """
        size = self.file.size_bytes
        if size is None:
            raise SourceError(f"{self.offer.label}: {self.file.name}: the hub does not say how large it is")
        part = Part(self.target, {"etag": self.file.etag, "size": size, "commit": self.offer.commit})
        try:
            self._take_up(part)
            for attempt in range(1, TIMES_DAMAGED + 1):
                self._fill(part, size)
                if self.file.sha256 in (None, part.digest.hexdigest()):
                    return part.finish()
                say(f"01: {self.file.name} arrived damaged (attempt {attempt}); it is deleted")
                self._start_afresh(part)
        finally:
            part.close()
        raise SourceError(f"{self.offer.label}: {self.file.name} has another SHA-256 than the source says, twice")

    def _take_up(self, part: Part) -> None:
        if not part.size:
            part.start_afresh()
            return
        here = f"{part.size / 1e9:.2f} of {part.of['size'] / 1e9:.2f} GB"
        if why := part.unfit():
            say(f"01: {self.file.name}: {here} are here, but {why}; it starts afresh")
            self._start_afresh(part)
            return
        say(f"01: {self.file.name}: going on after {here}")
        part.take_up(self._look)

    def _look(self) -> None:
        if self.stop.is_set():
            raise Stopped

    def _start_afresh(self, part: Part) -> None:
        self.arrived(-part.size)
        part.start_afresh()

    def _fill(self, part: Part, size: int) -> None:
        """Ask for what is missing until all is here. Raises SourceError when nothing comes any more."""
        patient = retrying(ATTEMPTS, sleep=self.stop.wait, tell=self._tell)
        with hub.explained(self.offer.candidate.name, self.file.name):
            while part.size < size:
                patient(self._stretch, part, size)

    def _tell(self, error: BaseException, seconds: float) -> None:
        say(f"01: {self.file.name}: {first_line(error)}; asked again in {duration(seconds)}")

    def _stretch(self, part: Part, size: int) -> None:
        """One request, as far as it brings us. One that brings too little raises what ended it."""
        import httpx

        self._look()
        before = part.size
        try:
            with hub.opened(hub.url_of(self.offer, self.file), **self._conditions(part)) as answer:
                self._match(answer, part, size)
                for piece in answer.iter_raw():
                    self._look()
                    if part.size + len(piece) > size:
                        raise SourceError(f"{self.file.name}: more bytes come than the hub says it has ({size})")
                    part.write(piece)
                    self.arrived(len(piece))
            if part.size < size:
                raise httpx.RemoteProtocolError(f"the connection ended {size - part.size} bytes too early")
        except httpx.TransportError:
            if part.size - before < WORTH_BYTES:
                raise

    def _conditions(self, part: Part) -> dict[str, str]:
        if not part.size:
            return {}
        headers = {"Range": f"bytes={part.size}-"}
        # With a SHA-256 the source's word and the finished file decide; storage behind the hub may change its ETags.
        if self.file.sha256 is None and part.served_etag and not part.served_etag.startswith("W/"):
            headers["If-Range"] = part.served_etag
        return headers

    def _match(self, answer: httpx.Response, part: Part, size: int) -> None:
        """See that the answer goes on where the bytes here end; else start afresh, with this answer if it will do."""
        import httpx

        etag = answer.headers.get("ETag")
        if not part.size:
            part.served_as(etag)
            return
        came = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", answer.headers.get("Content-Range", ""))
        changed = self.file.sha256 is None and part.served_etag is not None and etag != part.served_etag
        if answer.status_code == 206 and came and not changed and (
                int(came[1]) == part.size and came[2] in (str(size), "*")):
            part.served_as(etag)
            return
        why = "the file has changed at its source" if changed else "the server does not go on where it was asked to"
        say(f"01: {self.file.name}: {why}; it starts afresh")
        self._start_afresh(part)
        if answer.status_code != 200:
            raise httpx.RemoteProtocolError(why)
        part.served_as(etag)
