"""The gate deploys what the evidence allows, says which evidence, and errs as often as it says."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from verdict_planted import paired

from stepladder.agents.gate import decide, mean_interval, no_student, said_of_test
from stepladder.core.errors import InputError

MARGIN = 0.03


def drawn(count, student, base, seed=1):
    rng = random.Random(seed)
    return [rng.random() < student for _ in range(count)], [rng.random() < base for _ in range(count)]


def decided(student, base, margin=MARGIN, **more):
    return decide(student, base, None, margin, **more)


def test_a_clearly_better_student_is_deployed_as_not_worse_than_the_margin():
    decision = decided(*drawn(500, 0.7, 0.3), test="as stage 05 said it")
    assert (decision.deployed, decision.verdict) == ("student", "not worse than 3 points")
    assert decision.low > 0.3
    assert "on 500 validation questions" in decision.reason
    assert (decision.test, decision.margin) == ("as stage 05 said it", MARGIN)


def test_a_worse_student_is_not_and_force_is_visible():
    pairs = drawn(500, 0.3, 0.7)
    assert (decided(*pairs).deployed, decided(*pairs).verdict) == ("base", "worse")
    forced = decided(*pairs, force_student=True)
    assert (forced.deployed, forced.verdict) == ("student", "forced")
    assert "BY FORCE" in forced.reason


def test_ten_equal_questions_are_too_few_and_ten_thousand_enough():
    few = decided([1] * 10, [1] * 10)
    assert (few.deployed, few.verdict) == ("base", "too few questions")
    assert decided([1] * 10_000, [1] * 10_000).deployed == "student"


def test_a_better_looking_student_on_few_questions_is_not_deployed():
    decision = decided([1] * 3 + [0] * 2 + [1] * 15, [0] * 3 + [1] * 17)
    assert decision.difference > 0
    assert decision.verdict == "too few questions"


def test_one_that_is_shown_to_be_worse_is_not_deployed_however_little():
    decision = decided([1] * 9_900 + [0] * 100, [1] * 10_000)
    assert decision.low > -MARGIN
    assert (decision.deployed, decision.verdict) == ("base", "worse")


def test_passages_are_not_taken_for_as_many_questions():
    of_passage = [1.0] * 20 + [-1.0] * 20 + [0.0] * 40
    differences, cluster = np.repeat(of_passage, 6), np.repeat(np.arange(80), 6).tolist()
    student, base = (differences > 0).astype(float), (differences < 0).astype(float)
    alone, together = decide(student, base, None, 0.08), decide(student, base, cluster, 0.08)
    assert alone.deployed == "student"
    assert together.verdict == "too few questions"
    assert (together.high - together.low) / (alone.high - alone.low) == pytest.approx(6 ** 0.5, rel=0.15)


def test_no_adapter_no_student_and_no_question_no_choice():
    assert (no_student("words").verdict, no_student("words").test) == ("no student", "words")
    with pytest.raises(InputError, match="--gate-questions"):
        decided([], [])


def test_what_stage_05_said_is_handed_on_in_its_words():
    assert said_of_test({"summary": {"headline": {"sentence": "student is better than base"}}}) == (
        "student is better than base")
    assert "no student with a base" in said_of_test({"summary": {"headline": None}})


@pytest.mark.parametrize("broken", [{}, [], {"questions": []}, None])
def test_results_that_are_none_are_refused(broken):
    with pytest.raises(InputError, match="05_test_model"):
        said_of_test(broken)


def test_the_interval_covers_the_true_difference_about_as_often_as_it_says():
    rng = random.Random(3)
    covered = 0
    for _ in range(400):
        sample = [(rng.random() < 0.6) - (rng.random() < 0.5) for _ in range(60)]
        low, high = mean_interval(sample)
        covered += low <= 0.1 <= high
    assert 370 <= covered <= 396
    assert mean_interval([]) == (None, None)


def deployed(count, discordant, difference, trials=150):
    """Share of simulated gates that deploy a student with this true difference."""
    rng = np.random.default_rng(0)
    return sum(decided(*paired(rng, count, discordant, difference)).deployed == "student"
               for _ in range(trials)) / trials


@pytest.mark.parametrize(("count", "discordant"), [(1_000, 0.08), (2_000, 0.15), (5_000, 0.15)])
def test_an_equal_student_is_deployed_nine_times_of_ten(count, discordant):
    assert deployed(count, discordant, 0.0) > 0.9
    assert deployed(count, discordant, 0.01) > 0.95
    assert deployed(count, discordant, 0.05) == 1.0


@pytest.mark.parametrize(("count", "discordant"), [(200, 0.15), (500, 0.15), (1_000, 0.08)])
def test_a_student_that_is_worse_by_the_margin_is_deployed_one_time_of_twenty_at_most(count, discordant):
    assert deployed(count, discordant, -MARGIN, trials=400) < 0.08


def test_among_many_questions_a_student_one_point_worse_is_mostly_seen():
    assert deployed(5_000, 0.08, -0.01) < 0.35


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.booleans(), st.integers(0, 5)), min_size=1, max_size=40),
       st.floats(0.001, 0.5))
def test_whatever_was_answered_the_decision_is_what_its_figures_say(rows, margin):
    student, base, clusters = (list(column) for column in zip(*rows, strict=True))
    made = decide(student, base, clusters, margin)
    assert -1 <= made.low <= made.high <= 1
    assert (made.deployed == "student") is (made.low > -margin and made.high >= 0)
    assert made.verdict.startswith("not worse than") is (made.deployed == "student")
    assert f"on {len(rows)} validation questions" in made.reason


def test_of_a_variant_it_tells_what_was_said_of_that_one() -> None:
    rows = [{"contestant": name, "reference": reference, "mode": mode, "sentence": f"{mode}: {name}, {reference}"}
            for mode in ("fast", "reasoning") for name in ("student", "control") for reference in ("base", "student")]
    results = {"summary": {"headline": {"sentence": "of the main one"}}, "comparisons": rows}
    assert said_of_test(results, "control") == "reasoning: control, base"
    assert said_of_test({**results, "comparisons": rows[:4]}, "control") == "fast: control, base"
    assert said_of_test(results, "third") == "the test compared no third with a base"
