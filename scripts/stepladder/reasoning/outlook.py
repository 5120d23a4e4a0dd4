"""What the night will bring, said after the first hundred records, and whether it is worth going on.

The first hundred in the file's order, not the first that are done: those are the easy ones. Every beginning of the
question file is a balanced sample of it, so their share stands for all.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from ..core.errors import StageError
from ..core.progress import duration
from ..core.records import Record
from . import luck

LOOKED_AT = 100
HANDFUL = 20  # of fewer records nothing is concluded


class Outlook:
    """Counts what becomes of the first `LOOKED_AT` of `records`, those that the teacher is asked about.

    least_kept: the share of them that must be kept for the run to go on, held against the upper end of the 95 %
    interval; 0: it goes on whatever they bring. clock: seconds.
    """

    def __init__(self, records: Sequence[Record], least_kept: float,
                 clock: Callable[[], float] = time.monotonic) -> None:
        self.total, self.least_kept, self._clock = len(records), least_kept, clock
        self._waiting = {record["id"] for record in records[:LOOKED_AT]}
        self._looked_at = len(self._waiting)
        self._kept = self._done = 0
        self._started: float | None = None

    def start(self) -> None:
        """From now on finished records count towards the hours, unlike those that an earlier run had finished."""
        self._started, self._done_before = self._clock(), self._done

    def finished(self, identity: str, kept: bool) -> str | None:
        """Count a record's result; what is to be said, with the last one of those looked at.

        Raises StageError where hardly any of them was kept.
        """
        self._done += 1
        if identity not in self._waiting:
            return None
        self._waiting.remove(identity)
        self._kept += kept
        if self._waiting or self._looked_at < LOOKED_AT:
            return None
        low, high = luck.interval(self._kept, self._looked_at) or (0.0, 1.0)
        if high < self.least_kept:
            raise StageError(
                f"the teacher is of no use here: {self._kept} of the first {self._looked_at} records were kept, so at "
                f"most {high:.0%} of the {self.total:,} will be; give another teacher or --prompt, or go on all the "
                "same with --least-kept 0")
        return (f"outlook after {self._looked_at} records: about {self._kept / self._looked_at * self.total:,.0f} of "
                f"{self.total:,} will be kept ({low * self.total:,.0f} to {high * self.total:,.0f})" + self._hours())

    def _hours(self) -> str:
        if self._started is None:
            return ""
        seconds = (self._clock() - self._started) / max(1, self._done - self._done_before)
        return f", in {duration(seconds * (self.total - self._done))} from now at the pace so far"


def require_some(records: Sequence[Record], least_kept: float) -> None:
    """Raise StageError where not one of `HANDFUL` finished records or more, puzzles among them, can be trained on."""
    if least_kept and len(records) >= HANDFUL and not any(record["chain_of_thought"] for record in records):
        raise StageError(f"nothing to train on: of {len(records)} records none was kept; give another teacher or "
                         "--prompt, or write the result all the same with --least-kept 0")
