"""The guard's judgement, reading by reading: what is a collapse, what is only data, and which adapter is the best."""

from __future__ import annotations

import math
import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepladder.training import guard
from stepladder.training.guard import Reading

EASY, HARD = 0.3, 1.5
BASE = Reading(step=0, losses=(EASY,) * 12 + (HARD,) * 12, levels={"easy": EASY, "hard": HARD},
               letters={"A": 6, "B": 6, "C": 6, "D": 6}, letter_loss=0.5,
               replies=8, ended=6, answered=6, looping=1, empty=0, distinct=8)


def after(step: int, change: float, **more: object) -> Reading:
    """The base's reading with every loss changed by so much."""
    return replace(BASE, step=step, losses=tuple(loss + change for loss in BASE.losses), **more)


@pytest.mark.parametrize(("sick", "word"), [
    (after(5, math.nan), "not a number"),
    (after(5, math.inf), "not a number"),
    (after(5, 0.4), "held-out loss 1.30 (base 0.90)"),
    (after(5, 0.0), "changes nothing"),
    (after(5, -0.1, letter_loss=4.0, letters={"A": 24, "B": 0}), "the answer is A whatever"),
    (after(5, -0.1, looping=8), "8 of 8 replies loop (base 1)"),
    (after(5, -0.1, empty=8, distinct=1), "8 of 8 replies are empty"),
    (after(5, -0.1, distinct=1), "all 8 replies are the same"),
    (after(5, -0.1, answered=0), "none of 8 replies gives a letter (base 6)"),
])
def test_each_collapse_is_seen_and_the_second_in_a_row_goes_back(sick: Reading, word: str) -> None:
    assert word in guard.symptom(BASE, sick)
    well = after(10, -0.2)
    assert guard.collapse([BASE, after(1, -0.1), sick, replace(sick, step=6)]) == guard.symptom(BASE, sick)
    if math.isfinite(sick.loss):
        assert guard.collapse([BASE, sick]) is None
        assert guard.collapse([BASE, sick, well, sick]) is None
    else:
        assert guard.collapse([BASE, sick]) is not None, "there is nothing to wait for"


def test_a_capable_student_that_now_reasons_is_healthy() -> None:
    """It no longer says a bare letter in fast mode, says one letter to all there, and its texts got far likelier."""
    student = replace(after(3, -0.25), ended=8, answered=8, looping=0)
    assert guard.symptom(BASE, student) is None


def test_a_small_base_that_loops_and_never_answers_may_go_on_doing_so() -> None:
    small = replace(BASE, ended=0, answered=0, looping=5, distinct=8, letters={"A": 0, "B": 0, "C": 24, "D": 0},
                    letter_loss=1.6)
    student = replace(small, step=5, losses=after(5, -0.1).losses, looping=8)
    assert guard.symptom(small, student) is None


@given(st.lists(st.floats(0.01, 8), min_size=2, max_size=30), st.data())
def test_texts_are_compared_with_themselves(losses: list[float], data: st.DataObject) -> None:
    """Whatever is easy or hard among them, and in whatever order: improving by a tenth is never a collapse."""
    base = Reading(0, tuple(losses))
    order = data.draw(st.permutations(range(len(losses))))
    assert guard.symptom(base, Reading(5, tuple(0.9 * loss for loss in losses))) is None
    worse = [loss + 0.5 for loss in losses]
    assert guard.symptom(replace(base, losses=tuple(losses[i] for i in order)),
                         Reading(5, tuple(worse[i] for i in order))) is not None


def test_a_student_equal_to_its_base_is_hardly_ever_called_collapsed() -> None:
    """Twenty readings a run; texts' losses wander by 0.1 nats, replies loop, end and answer as often as the base's."""
    rng = random.Random(0)
    alarms = 0
    for _ in range(1000):
        share = rng.random()

        def reading(step: int, share: float = share) -> Reading:
            def count(p: float) -> int:
                return sum(rng.random() < p for _ in range(8))

            drift = rng.gauss(0, 0.02)
            losses = tuple(loss + drift + rng.gauss(0, 0.1) for loss in BASE.losses)
            return Reading(step, losses, {}, BASE.letters, 0.5, 8, count(share), count(share), count(share),
                           count(share / 4), 8)

        readings = [reading(step) for step in range(21)]
        alarms += any(guard.collapse(readings[:i]) is not None for i in range(2, 22))
    assert alarms < 10


def test_the_best_is_the_healthy_reading_of_the_lowest_held_out_loss() -> None:
    readings = [BASE, after(5, -0.2), after(10, -0.3), after(15, -0.3), after(20, -0.6, distinct=1)]
    assert guard.best(guard.healthy(readings)).step == 10
    assert guard.best(guard.healthy([BASE, after(5, 0.1)])).step == 0


def test_early_stopping_waits_for_so_many_readings_without_a_better_one() -> None:
    readings = [BASE, after(5, -0.2), after(10, -0.1), after(15, -0.15)]
    assert [guard.is_stale(readings[:i], 2) for i in (1, 2, 3, 4)] == [False, False, False, True]
    assert not guard.is_stale([*readings[:3], after(15, -0.25)], 2)
    assert guard.is_stale([BASE, after(5, 0.1)], 1)


def test_readings_are_spaced_by_what_they_cost() -> None:
    assert guard.interval(10, 300, reading_seconds=8.0, step_seconds=5.0, share=0.0) == 10
    assert guard.interval(10, 300, reading_seconds=8.0, step_seconds=5.0, share=0.05) == 32
    assert guard.interval(10, 300, reading_seconds=1.0, step_seconds=5.0, share=0.05) == 10
    assert guard.interval(10, 45, reading_seconds=8.0, step_seconds=5.0, share=0.05) == 15, "three readings at least"
    assert guard.interval(10, 45, reading_seconds=8.0, step_seconds=0.0, share=0.05) == 15, "steps too short to be told"


def test_readings_survive_json() -> None:
    sick = Reading.from_json(replace(BASE, losses=(1.0, math.nan), levels={"easy": math.inf}).as_json())
    assert sick.losses[0] == 1.0
    assert math.isnan(sick.losses[1])
    assert math.isnan(sick.levels["easy"])
    assert Reading.from_json(BASE.as_json()) == BASE
    assert BASE.as_json()["loss"] == pytest.approx(0.9)


def test_entropy() -> None:
    assert guard.entropy({"A": 4, "B": 4, "C": 4, "D": 4}) == 2.0
    assert guard.entropy({"A": 16, "B": 0}) == 0.0
    assert guard.entropy({}) == 0.0


def test_verdicts() -> None:
    one = [{"step": 20, "reason": "loops", "decision": "roll back"}]
    fine = [BASE, after(5, -0.1)]
    assert guard.verdict([], fine, False, 5) == "healthy throughout"
    assert guard.verdict(one, fine, False, 5) == "healthy after 1 rollback(s) (step 20: loops)"
    assert guard.verdict(one * 3, fine, True, 10).startswith("collapsed 3 times")
    last = guard.verdict([], [*fine, after(10, 0.5)], False, 5)
    assert last == "at step 10, the last reading: held-out loss 1.40 (base 0.90); the adapter is that of step 5"
