"""The guard's judgement, reading by reading."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from stepladder.training import guard
from stepladder.training.guard import Reading

STRONG = Reading(step=0, parsable=1.0, entropy=1.9, repeated=0.0, loss=0.3, accuracy=0.9, questions=64,
                 letters={"A": 20, "B": 14, "C": 15, "D": 15})
SMALL = Reading(step=0, parsable=0.9, entropy=0.1, repeated=0.25, loss=1.7, accuracy=0.25, questions=16,
                letters={"A": 0, "B": 0, "C": 16, "D": 0})


@pytest.mark.parametrize(("change", "word"), [
    ({"loss": math.nan}, "not a number"),
    ({"loss": math.inf}, "not a number"),
    ({"repeated": 0.8}, "loop"),
    ({"parsable": 0.3}, "parsable"),
    ({"entropy": 0.1, "letters": {"A": 0, "B": 0, "C": 63, "D": 1}}, "nearly every answer is C"),
    ({"loss": 2.0}, "validation loss"),
    ({"accuracy": 0.5}, "accuracy"),
])
def test_each_collapse_is_seen_against_a_strong_base(change: dict, word: str) -> None:
    assert word in guard.symptom(STRONG, replace(STRONG, step=25, **change))


@pytest.mark.parametrize("change", [{}, {"accuracy": 0.85}, {"loss": 0.5}, {"parsable": 0.8}, {"entropy": 1.2}])
def test_noise_is_no_collapse(change: dict) -> None:
    assert guard.symptom(STRONG, replace(STRONG, step=25, **change)) is None


def test_a_base_that_always_says_c_may_go_on_doing_so() -> None:
    assert guard.symptom(SMALL, replace(SMALL, step=20, entropy=0.0, accuracy=0.19)) is None
    assert "parsable" in guard.symptom(SMALL, replace(SMALL, step=20, parsable=0.0))


def test_training_losses() -> None:
    falling = [2.0 - 0.1 * i for i in range(15)]
    assert guard.loss_symptom([]) is None
    assert guard.loss_symptom(falling) is None
    assert guard.loss_symptom([2.0] * 12 + [2.6]) is None
    assert "nan" in guard.loss_symptom([2.0, math.nan])
    assert "training loss 7.00" in guard.loss_symptom([2.0] * 10 + [7.0] * 5)
    # the hard end of a curriculum may cost twice the easy one, as long as it stays below the beginning
    assert guard.loss_symptom([2.0] * 5 + [0.5] * 5 + [1.5] * 5) is None


def test_the_best_step_is_the_latest_within_a_standard_error() -> None:
    readings = [replace(STRONG, step=step, accuracy=accuracy) for step, accuracy in ((0, 0.5), (25, 0.9), (50, 0.88))]
    assert guard.best_step(readings) == 50
    assert guard.best_step([*readings, replace(STRONG, step=75, accuracy=0.7)]) == 50


def test_readings_survive_json() -> None:
    sick = replace(STRONG, loss=math.nan)
    assert math.isnan(Reading.from_json(sick.as_json()).loss)
    assert Reading.from_json(STRONG.as_json()) == STRONG


def test_entropy() -> None:
    assert guard.entropy([4, 4, 4, 4]) == 2.0
    assert guard.entropy([16, 0, 0, 0]) == 0.0
    assert guard.entropy([]) == 0.0


def test_verdicts() -> None:
    one = [{"step": 20, "reason": "loops", "decision": "roll back"}]
    assert guard.verdict([], False, 50) == "healthy throughout"
    assert guard.verdict(one, False, 50) == "healthy after 1 rollback(s) (step 20: loops)"
    assert guard.verdict(one * 3, True, 10).startswith("collapsed 3 times")
