"""Ctrl-C, SIGTERM and a closed terminal: finish the record in hand, then stop; a second signal stops at once."""

from __future__ import annotations

import errno
import os
import signal
import sys
from contextlib import suppress
from types import FrameType
from typing import Any, TextIO

from .errors import Interrupted

GONE = (errno.EIO, errno.EPIPE)  # what writing to a closed terminal, or to a reader that went away, fails with


class StopFlag:
    """Set by the first SIGINT, SIGTERM or SIGHUP; long loops call `check` after each finished record."""

    def __init__(self) -> None:
        self.requested = False

    def install(self) -> None:
        """Take over the signals of the main thread, but for a SIGHUP that is ignored on purpose (nohup)."""
        signal.signal(signal.SIGINT, self._handle)
        signal.signal(signal.SIGTERM, self._handle)
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
            signal.signal(signal.SIGHUP, self._handle)

    def _handle(self, signum: int, frame: FrameType | None) -> None:
        if self.requested:
            raise KeyboardInterrupt
        self.requested = True
        # Neither print (it may be what was interrupted) nor an error: the terminal may be the reason of the signal.
        with suppress(OSError):
            os.write(2, b"\nstopping after the record in hand (Ctrl-C again stops at once)\n")

    def check(self) -> None:
        """Raise Interrupted when a stop was asked for."""
        if self.requested:
            raise Interrupted("stopped on request; run the same command again to go on")


stop_flag = StopFlag()


class LastingStream:
    """A text stream that outlives its terminal or reader: what is written after it is gone goes nowhere, silently.

    Work and its files must not fail because nobody looks any more.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        with self._losses():
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with self._losses():
            self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def _losses(self) -> _Losses:
        return _Losses(self._stream)


class _Losses:
    """Context in which a stream that is gone is pointed at /dev/null; a full disk and the like still raise."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        if not isinstance(error, OSError) or error.errno not in GONE:
            return False
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self._stream.fileno())
        os.close(nowhere)
        return True


def outlive_terminal() -> None:
    """From now on standard output and error may go away without harm."""
    sys.stdout, sys.stderr = LastingStream(sys.stdout), LastingStream(sys.stderr)  # type: ignore[assignment]
