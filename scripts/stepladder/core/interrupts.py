"""Ctrl-C and SIGTERM: finish the record in hand, then stop; a second Ctrl-C stops at once."""

from __future__ import annotations

import signal
from types import FrameType

from .errors import Interrupted


class StopFlag:
    """Set by the first SIGINT or SIGTERM; long loops call `check` after each finished record."""

    def __init__(self) -> None:
        self.requested = False

    def install(self) -> None:
        """Take over SIGINT and SIGTERM of the main thread."""
        signal.signal(signal.SIGINT, self._handle)
        signal.signal(signal.SIGTERM, self._handle)

    def _handle(self, signum: int, frame: FrameType | None) -> None:
        if self.requested:
            raise KeyboardInterrupt
        self.requested = True
        print("\nstopping after the record in hand (Ctrl-C again stops at once)", flush=True)

    def check(self) -> None:
        """Raise Interrupted when a stop was asked for."""
        if self.requested:
            raise Interrupted("stopped on request; run the same command again to go on")


stop_flag = StopFlag()
