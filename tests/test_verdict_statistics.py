"""Statistics of the test: against published values, by simulation, and at their edges."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stepladder.verdict import comparing, statistics


def test_wilson_gives_the_textbook_interval() -> None:
    found = statistics.wilson([1.0] * 81 + [0.0] * (263 - 81))  # Newcombe 1998: 0.2553 to 0.3662
    assert found.value == pytest.approx(81 / 263)
    assert (found.low, found.high) == (pytest.approx(0.2553, abs=1e-4), pytest.approx(0.3662, abs=1e-4))
    assert statistics.wilson([]) is None


def test_the_sign_test_is_mcnemars_exact_test() -> None:
    from statsmodels.stats.contingency_tables import mcnemar

    for won, lost in ((10, 2), (0, 7), (5, 5), (31, 18)):
        expected = mcnemar([[40, won], [lost, 40]], exact=True).pvalue
        assert statistics.sign_test(won, lost) == pytest.approx(min(1.0, expected))
    assert statistics.sign_test(0, 0) == 1.0


def test_the_bootstrap_interval_is_that_of_the_mean() -> None:
    differences = np.random.default_rng(0).choice([-1.0, 0.0, 1.0], 800, p=[0.1, 0.75, 0.15])
    found = statistics.paired_bootstrap(differences)
    half = 1.96 * differences.std() / np.sqrt(len(differences))
    assert found.value == pytest.approx(differences.mean())
    assert found.high - found.low == pytest.approx(2 * half, rel=0.06)
    assert found == statistics.paired_bootstrap(differences), "the same seed gives the same interval"


def test_equal_differences_do_not_pretend_to_certainty() -> None:
    same = statistics.paired_bootstrap([0.0] * 50)
    assert same.value == 0
    assert same.low == pytest.approx(-0.058, abs=1e-3)
    assert same.high == pytest.approx(0.058, abs=1e-3)
    better = statistics.paired_bootstrap([1.0] * 50)
    assert (better.value, better.high) == (1.0, 1.0)
    assert better.low < 0.95


def test_the_detectable_difference_is_seen_in_four_of_five_trials() -> None:
    rng = np.random.default_rng(1)
    count, discordant = 400, 0.25
    spread = [-1.0, 0.0, 1.0]
    reach = statistics.detectable_difference(rng.choice(spread, count, p=[discordant / 2, 0.75, discordant / 2]))
    up = (discordant + reach) / 2
    seen = 0
    for _ in range(300):
        trial = rng.choice(spread, count, p=[discordant - up, 1 - discordant, up])
        seen += statistics.sign_test(int((trial > 0).sum()), int((trial < 0).sum())) < 0.05
    assert 0.70 < seen / 300 < 0.90


def test_the_detectable_difference_shrinks_with_the_root_of_the_number() -> None:
    few, many = ([1.0, -1.0, 0.0, 0.0] * count for count in (25, 400))
    ratio = statistics.detectable_difference(few) / statistics.detectable_difference(many)
    assert ratio == pytest.approx(4.0, rel=0.03)
    assert statistics.detectable_difference([1.0]) is None
    assert statistics.detectable_difference([0.0] * 50) > 0.05


def test_holm_corrects_in_the_given_order() -> None:
    assert statistics.holm([0.01, 0.04, 0.03]) == [pytest.approx(v) for v in (0.03, 0.06, 0.06)]
    assert statistics.holm([]) == []


def test_calibration_of_a_known_case() -> None:
    found = statistics.calibration([0.95] * 10 + [0.55] * 10, [1.0] * 9 + [0.0] + [1.0] * 3 + [0.0] * 7)
    assert found["expected_error"] == pytest.approx((0.05 + 0.25) / 2)
    assert [row["n"] for row in found["bins"]] == [10, 10]
    assert statistics.calibration([], []) is None


def test_spearman_is_undefined_for_constants_and_tiny_samples() -> None:
    assert statistics.spearman([1, 2, 3], [1, 2, 3]) is None
    assert statistics.spearman([1, 1, 1, 1], [1, 2, 3, 4]) is None
    found = statistics.spearman(list(range(30)), [-x for x in range(30)])
    assert found.value == pytest.approx(-1)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=60))
def test_intervals_hold_their_estimate(scores: list[float]) -> None:
    for found in (statistics.wilson(scores),):
        assert 0 <= found.low <= found.value + 1e-9
        assert found.value - 1e-9 <= found.high <= 1


def test_percentiles_of_no_times_are_none() -> None:
    assert statistics.percentiles([]) is None
    assert statistics.percentiles([1.0, 2.0, 3.0])["p50"] == 2.0


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.sampled_from([0, 0.25, 0.5, 1]), st.sampled_from([0, 0.75, 1]), st.integers(0, 6)),
                min_size=1, max_size=30))
def test_whatever_the_scores_and_clusters_a_comparison_is_sound(rows: list[tuple[float, float, int]]) -> None:
    scores, reference, clusters = (list(column) for column in zip(*rows, strict=True))
    row = comparing.compare(scores, reference, clusters)
    found = row["difference"]
    assert -1 - 1e-9 <= found["low"] <= found["value"] + 1e-6
    assert found["value"] - 1e-6 <= found["high"] <= 1 + 1e-9
    assert 0 < row["p_value"] <= 1
    assert 0 <= row["power"] <= 1 + 1e-9
    assert row["clusters"] == len(set(clusters))
    if row["verdict"] != comparing.SAME:
        assert (found["value"] > 0) is (row["verdict"] == comparing.BETTER)
        assert row["p_value"] < 0.05
    if (reach := row["detectable_difference"]) is not None:
        assert statistics.power(reach, *statistics.effective([a - b for a, b, _ in rows], clusters)
                                ) == pytest.approx(0.8, abs=0.01)
