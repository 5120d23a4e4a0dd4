"""Progress a person can believe: a bar in a terminal, a timestamped line a minute elsewhere."""

from __future__ import annotations

import sys
import time
from collections import deque
from datetime import datetime
from typing import TextIO

LINE_SECONDS = 60.0
WINDOW_SECONDS = 120.0
MARK_SECONDS = 0.2  # apart; so that fast work does not fill the memory with marks


def say(message: str) -> None:
    """One line to the user, safe beside a running bar."""
    from tqdm import tqdm

    tqdm.write(message, file=sys.stdout)
    sys.stdout.flush()


def duration(seconds: float) -> str:
    """Seconds as "42 s", "3 min 20 s" or "5 h 07 min"."""
    if seconds < 60:
        return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def standing(why: str) -> None:
    """Show on the running progress line why nothing moves; "" when it moves again. Without one, say it once."""
    if _running:
        _running[-1].stand(why)
    elif why and why not in _said:
        _said.add(why)
        say(why)


_running: list[Progress] = []  # innermost last
_said: set[str] = set()


class Progress:
    """Records done of a total, with rate, tokens/s and an ETA from the last two minutes of this run.

    Work resumed from a journal counts as done but not towards the rate, so the ETA stays honest. in_bytes: what is
    counted are bytes, told as GB and MB/s.
    """

    def __init__(self, what: str, total: int, done: int = 0, stream: TextIO | None = None,
                 in_bytes: bool = False) -> None:
        from tqdm import tqdm

        self.what, self.total, self.done, self.in_bytes = what, total, done, in_bytes
        self.tokens = 0
        self.note = self.why = ""
        self.stream = stream or sys.stderr
        self._start = self._last_line = time.monotonic()
        self._marks: deque[tuple[float, int, int]] = deque([(self._start, done, 0)])
        self._latest = self._marks[0]
        self._bar = (
            tqdm(total=total, initial=done, desc=what, unit="", unit_scale=in_bytes, file=self.stream,
                 dynamic_ncols=True, bar_format="{desc} {percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} {postfix}")
            if self.stream.isatty() else None
        )

    def __enter__(self) -> Progress:
        _running.append(self)
        return self

    def __exit__(self, *exception: object) -> None:
        _running.remove(self)
        if self._bar is not None:
            self._bar.close()
        else:
            self._line()

    def update(self, records: int = 1, tokens: int = 0, note: str = "") -> None:
        """Count finished records and tokens; `note` is shown behind the figures."""
        self.done += records
        self.tokens += tokens
        self.note = note or self.note
        now = time.monotonic()
        self._latest = now, self.done, self.tokens
        if now - self._marks[-1][0] >= MARK_SECONDS:
            self._marks.append(self._latest)
        while len(self._marks) > 2 and now - self._marks[0][0] > WINDOW_SECONDS:
            self._marks.popleft()
        if self._bar is not None:
            self._bar.set_postfix_str(self._figures(), refresh=False)
            self._bar.update(records)
        elif now - self._last_line >= LINE_SECONDS:
            self._line()

    def counted(self) -> str:
        """How much is done of how much."""
        if self.in_bytes:
            return f"{self.done / 1e9:.2f}/{self.total / 1e9:.2f} GB"
        return f"{self.done}/{self.total}"

    def stand(self, why: str) -> None:
        """Show why nothing moves: in the bar, or on a line now and one a minute. See `standing`."""
        new, self.why = why != self.why, why
        if self._bar is not None:
            if new:
                self._bar.set_postfix_str(self._figures(), refresh=True)
        elif why and (new or time.monotonic() - self._last_line >= LINE_SECONDS):
            self._line()

    def _rates(self) -> tuple[float, float]:
        (start, done, tokens), (end, done_now, tokens_now) = self._marks[0], self._latest
        seconds = max(end - start, 1e-9)
        return (done_now - done) / seconds, (tokens_now - tokens) / seconds

    def _figures(self) -> str:
        records_rate, token_rate = self._rates()
        parts = [f"{records_rate / 1e6:.1f} MB/s" if self.in_bytes else
                 f"{records_rate:.2f}/s" if records_rate < 10 else f"{records_rate:.0f}/s"]
        if token_rate:
            parts.append(f"{token_rate:.0f} tok/s")
        left = self.total - self.done
        if left > 0:
            parts.append(f"ETA {duration(left / records_rate)}" if records_rate > 0 else "ETA ?")
        return "  ".join(part for part in (*parts, self.note, self.why) if part)

    def _line(self) -> None:
        self._last_line = time.monotonic()
        clock = datetime.now().strftime("%H:%M:%S")
        print(f"{clock} {self.what} {self.counted()}  {self._figures()}", file=self.stream, flush=True)
