"""Whether a server can be asked: a circuit breaker as pure state (M. Nygard, "Release It!", 2007).

closed (it is asked) -> open (it is left alone, each time for longer) -> half-open (one probe is out) -> closed or open.
The libraries that offer one guard a call; here the state also chooses which server a call goes to.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from typing import Literal

THRESHOLD = 3  # failed calls in a row that open the circuit
FIRST_WAIT = 1.0  # seconds
MOST_WAIT = 60.0  # seconds; a server that names a longer one is left alone that long


def growing_wait(times: int, first: float = FIRST_WAIT, most: float = MOST_WAIT) -> float:
    """Seconds before trying again after `times` failures: doubled each time, its upper half drawn at random.

    Jitter keeps callers apart ("equal jitter", M. Brooker, "Exponential Backoff And Jitter", AWS 2015).
    """
    wait = min(most, first * 2.0 ** min(times - 1, 30))
    return wait * random.uniform(0.5, 1.0)


class Health:
    """One server's circuit. clock: seconds, monotonic.

    words: what its last failure was. retry_at: when an open circuit may be probed. last_well: when it last answered;
    minus infinity before the first time. proven: when the latest call that it answered was sent: it worked at some time
    after that. outages: times that it was in trouble and came back.

    A circuit that opens is an outage. The exception: it had opened before, a probe found the server well at once, and
    no real call was answered since. Then the calls are to blame.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self.state: Literal["closed", "open", "half-open"] = "closed"
        self.words = ""
        self.retry_at = 0.0
        self.last_well = self.proven = -math.inf
        self.outages = 0
        self._outage = False  # whether the open circuit is one
        self._probed_at = 0.0
        self._passed = 0  # probes in a row, without an answer to a real call between them
        self._failures = 0  # calls in a row
        self._openings = 0  # in a row, without an answer to a real call between them

    def answered(self, sent: float) -> None:
        """A call sent at `sent` was answered. An open circuit stays so until its probe: the trouble may be newer."""
        self._well(sent)
        if self.state == "closed":
            self._openings = self._passed = 0

    def failed(self, words: str, sent: float) -> None:
        """A call sent at `sent` failed. Where the server has worked since, it says nothing about the server."""
        self.words = words
        if self.state == "closed" and sent >= self.last_well:
            self._failures += 1
            if self._failures >= THRESHOLD:
                self._outage = self._passed == 0
                self._open(None)

    def unavailable(self, words: str, wait: float | None = None) -> None:
        """It cannot be reached, or is busy and asks to be left alone for `wait` seconds."""
        self.words, self._outage = words, True
        if self.state == "closed":
            self._open(wait)
        elif self.state == "open" and wait is not None:
            self.retry_at = max(self.retry_at, self._clock() + wait)

    @property
    def due(self) -> bool:
        """Whether it is time for a probe."""
        return self.state == "open" and self._clock() >= self.retry_at

    def probe_sent(self) -> None:
        self.state, self._probed_at = "half-open", self._clock()

    def probe_passed(self) -> None:
        self.state = "closed"
        self.outages += self._outage
        self._outage = False
        self._passed += 1
        self._well(self._probed_at)

    def probe_failed(self, words: str, wait: float | None = None) -> None:
        self.words, self._outage = words, True
        self._open(wait)

    def probe_dropped(self) -> None:
        """Whoever sent the probe is gone: another may send one at once."""
        self.state, self.retry_at = "open", self._clock()

    def _well(self, sent: float) -> None:
        self.last_well, self.proven = self._clock(), max(self.proven, sent)
        self._failures = 0

    def _open(self, asked: float | None) -> None:
        self.state, self._failures = "open", 0
        self._openings += 1
        self.retry_at = self._clock() + max(growing_wait(self._openings), asked or 0.0)
