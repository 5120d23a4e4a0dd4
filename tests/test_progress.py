"""Progress lines: an ETA from recent work alone, a line a minute where there is no terminal, little memory."""

from __future__ import annotations

import io

import pytest

from stepladder.core import progress
from stepladder.core.progress import Progress, duration


class Clock:
    """A clock that only the test moves."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(progress, "time", made)
    return made


def work(shown: Progress, clock: Clock, records: int, seconds_each: float) -> None:
    for _ in range(records):
        clock.now += seconds_each
        shown.update(1, tokens=100)


def test_a_line_a_minute_with_rate_tokens_and_eta(clock: Clock) -> None:
    out = io.StringIO()
    shown = Progress("02 reasoning", 100, stream=out)
    work(shown, clock, 59, 1.0)
    assert out.getvalue() == ""
    work(shown, clock, 1, 1.0)
    line = out.getvalue().strip().split(" ", 1)[1]  # without the time of day
    assert line == "02 reasoning 60/100  1.00/s  100 tok/s  ETA 40 s"


def test_resumed_work_does_not_make_the_eta_hopeful(clock: Clock) -> None:
    out = io.StringIO()
    shown = Progress("x", 100, done=90, stream=out)
    work(shown, clock, 6, 10.0)
    assert "96/100  0.10/s" in out.getvalue()
    assert "ETA 40 s" in out.getvalue()


def test_the_eta_follows_the_last_two_minutes(clock: Clock) -> None:
    out = io.StringIO()
    shown = Progress("x", 10_000, stream=out)
    work(shown, clock, 1_000, 0.1)
    work(shown, clock, 50, 10.0)  # it became a hundred times slower
    assert out.getvalue().splitlines()[-1].endswith(f"0.10/s  10 tok/s  ETA {duration(8_955 / 0.1)}")


def test_fast_work_keeps_few_marks_and_the_right_rate(clock: Clock) -> None:
    out = io.StringIO()
    shown = Progress("x", 200_000, stream=out)
    work(shown, clock, 100_000, 0.001)
    assert len(shown._marks) < 1_000
    assert "1000/s" in out.getvalue()


def test_nothing_done_yet_has_no_eta(clock: Clock) -> None:
    out = io.StringIO()
    with Progress("x", 5, stream=out):
        clock.now += 3
    assert "0/5" in out.getvalue()
    assert "ETA ?" in out.getvalue()


@pytest.mark.parametrize(("seconds", "text"), [(3.14, "3.1 s"), (42, "42 s"), (200, "3 min 20 s"),
                                               (18_420, "5 h 07 min")])
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text
