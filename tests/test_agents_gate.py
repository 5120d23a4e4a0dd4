"""The gate deploys what the evidence allows, and says which evidence."""

from __future__ import annotations

import random

import pytest

from stepladder.agents.gate import decide, mean_interval, paired_scores
from stepladder.core.errors import InputError


def results(pairs, mode="reasoning"):
    def answered(score):
        return {mode: {"letter": "A", "score": float(score)}}

    return {"questions": [
        {"id": f"q{n}", "answer": "A", "answers": {"student": answered(student), "base": answered(base)}}
        for n, (student, base) in enumerate(pairs)]}


def drawn(count, student, base, seed=1):
    rng = random.Random(seed)
    return [(rng.random() < student, rng.random() < base) for _ in range(count)]


def test_a_clearly_better_student_is_deployed():
    decision = decide(results(drawn(500, 0.7, 0.3)))
    assert (decision.deployed, decision.verdict) == ("student", "better or equal")
    assert decision.low > 0.3
    assert "reasoning mode on 500 questions" in decision.reason


def test_a_worse_student_is_not_and_force_is_visible():
    pairs = results(drawn(500, 0.3, 0.7))
    assert (decide(pairs).deployed, decide(pairs).verdict) == ("base", "worse")
    forced = decide(pairs, force_student=True)
    assert (forced.deployed, forced.verdict) == ("student", "forced")
    assert "BY FORCE" in forced.reason


def test_ten_equal_questions_are_too_few_and_ten_thousand_enough():
    few = decide(results([(1, 1)] * 10))
    assert (few.deployed, few.verdict) == ("base", "too few questions")
    assert decide(results([(1, 1)] * 10_000)).deployed == "student"


def test_a_better_looking_student_on_few_questions_is_not_deployed():
    decision = decide(results([(1, 0)] * 3 + [(0, 1)] * 2 + [(1, 1)] * 15))
    assert decision.difference > 0
    assert decision.verdict == "too few questions"


def test_a_difference_below_zero_is_not_deployed_however_sure():
    assert decide(results([(1, 1)] * 9_990 + [(0, 1)] * 10)).deployed == "base"


def test_no_adapter_no_student():
    assert decide({}, student_exists=False).verdict == "no student"


def test_fast_mode_decides_where_nothing_else_was_tested():
    assert paired_scores(results([(1, 0)], mode="fast")) == ("fast", [(1.0, 0.0)])


@pytest.mark.parametrize("broken", [
    {}, [], {"questions": []}, {"questions": [{"id": "q", "answer": "A", "answers": {}}]}])
def test_results_without_a_comparison_are_refused(broken):
    with pytest.raises(InputError, match="05_test_model"):
        decide(broken)


def test_the_interval_covers_the_true_difference_about_as_often_as_it_says():
    rng = random.Random(3)
    covered = 0
    for _ in range(400):
        sample = [(rng.random() < 0.6) - (rng.random() < 0.5) for _ in range(60)]
        low, high = mean_interval(sample)
        covered += low <= 0.1 <= high
    assert 370 <= covered <= 396
    assert mean_interval([]) == (None, None)
