"""How often the verdict says what: simulated tests with a known true difference. Seeded, so the shares never move."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest
import verdict_planted as planted

from stepladder.core.clusters import clusters_of
from stepladder.verdict import comparing, statistics


def verdicts(trials: int, count: int, discordant: float, difference: float, seed: int = 0) -> dict[str, float]:
    rng = np.random.default_rng(seed)
    said = Counter(comparing.compare(*planted.paired(rng, count, discordant, difference))["verdict"]
                   for _ in range(trials))
    return {verdict: said[verdict] / trials for verdict in (comparing.BETTER, comparing.SAME, comparing.WORSE)}


@pytest.fixture(autouse=True)
def fewer_resamples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statistics, "RESAMPLES", 499)


def test_equal_ones_are_told_apart_in_one_of_twenty_tests_at_most() -> None:
    said = verdicts(400, 200, 0.3, 0.0)
    assert 0.01 < said[comparing.BETTER] + said[comparing.WORSE] < 0.06


@pytest.mark.parametrize(("trials", "count", "discordant", "difference"), [
    (100, 5_000, 0.08, 0.01), (300, 200, 0.3, 0.10), (300, 50, 0.4, 0.15), (300, 200, 0.15, -0.08)])
def test_the_power_that_is_told_is_the_share_of_tests_that_find_it(
        trials: int, count: int, discordant: float, difference: float) -> None:
    told = statistics.power(difference, count, discordant)
    said = verdicts(trials, count, discordant, difference)
    assert said[comparing.BETTER if difference > 0 else comparing.WORSE] == pytest.approx(told, abs=0.08)


def test_the_detectable_difference_is_called_better_in_four_of_five_tests() -> None:
    reach = statistics.detectable_difference([1.0, -1.0, 0.0, 0.0] * 100)
    assert verdicts(300, 400, 0.5, reach)[comparing.BETTER] == pytest.approx(0.80, abs=0.06)


# -- questions that go together ---------------------------------------------------------------------------------------

def passages(rng: np.random.Generator, count: int = 60, each: int = 5) -> tuple[Sequence, Sequence, list[int]]:
    """Equal contestants whose outcomes depend on the passage: all its questions are won, lost or tied together."""
    of_passage = rng.choice([1.0, -1.0, 0.0], count, p=[0.25, 0.25, 0.5])
    differences = np.repeat(of_passage, each)
    return (differences > 0).astype(float), (differences < 0).astype(float), np.repeat(np.arange(count), each).tolist()


def test_questions_on_one_passage_count_as_one_cluster() -> None:
    rng = np.random.default_rng(4)
    apart, together = 0, 0
    for _ in range(200):
        student, base, cluster = passages(rng)
        apart += comparing.compare(student, base)["verdict"] != comparing.SAME
        together += comparing.compare(student, base, cluster)["verdict"] != comparing.SAME
    assert apart > 40, "taken one by one they would pass for five times the evidence"
    assert together <= 14


def test_the_test_of_clustered_questions_is_that_of_the_clusters() -> None:
    differences, cluster = [1.0] * 15 + [-1.0] * 10, [index // 5 for index in range(25)]
    assert statistics.paired_test(differences, cluster) == statistics.sign_test(3, 2)
    uneven = [1.0] * 6 + [-1.0] * 2, [0] * 6 + [1] * 2
    assert statistics.paired_test(*uneven) == pytest.approx(1.0), "two clusters, each way once: sums of 6 and 2"
    assert statistics.paired_test(differences) == statistics.sign_test(15, 10)


def test_intervals_of_clustered_questions_are_as_wide_as_the_clusters_say() -> None:
    student, base, cluster = passages(np.random.default_rng(5))
    alone, clustered = (statistics.paired_bootstrap(student - base, given) for given in (None, cluster))
    assert (clustered.high - clustered.low) / (alone.high - alone.low) == pytest.approx(5 ** 0.5, rel=0.2)
    alone, clustered = (statistics.wilson(student, given) for given in (None, cluster))
    assert (clustered.high - clustered.low) / (alone.high - alone.low) == pytest.approx(5 ** 0.5, rel=0.1)
    assert statistics.wilson(student, list(range(len(student)))) == alone, "each by itself: nothing changes"


def test_the_power_of_clustered_questions_is_that_of_fewer() -> None:
    rng = np.random.default_rng(6)
    won, told = 0, []
    for _ in range(200):
        of_passage = rng.choice([1.0, -1.0, 0.0], 60, p=[0.35, 0.10, 0.55])
        differences, cluster = np.repeat(of_passage, 5), np.repeat(np.arange(60), 5).tolist()
        row = comparing.compare((differences > 0).astype(float), (differences < 0).astype(float), cluster)
        won += row["verdict"] == comparing.BETTER
        told.append(statistics.power(0.25, *statistics.effective(differences, cluster)))
    assert np.mean(told) == pytest.approx(won / 200, abs=0.07)


PASSAGE = ("The town council of Harrow met on Tuesday to decide whether the old mill by the river should become a "
           "museum, a library or a hostel for travellers, and heard nine citizens speak for each of these plans.")


def question(text: str, **more: object) -> dict[str, object]:
    return {"id": text[:40], "question": text, **more}


def test_clusters_are_passages_and_structures() -> None:
    found = clusters_of([
        question(f"{PASSAGE}\n\nWhich plan was favoured?"), question(f"{PASSAGE}\n\nWho spoke last of all?"),
        question(f"{PASSAGE} Which conclusion can be drawn?"), question(f"{PASSAGE} What did the council assume?"),
        question("What is the capital of Iceland?"), question("What is the capital of Norway?"),
        question("Ann is taller than Bob.", puzzle={"structure": "s1"}),
        question("Cid is taller than Dee.", puzzle={"structure": "s1"}),
        question("Ann is taller than Bob.", puzzle={"structure": "s2"})])
    assert found[0] == found[1] == found[2] == found[3]
    assert found[6] == found[7]
    assert len(set(found)) == 5


def test_the_results_take_passages_as_clusters() -> None:
    records = planted.questions(80)
    for index, record in enumerate(records):
        record["question"] = f"{PASSAGE} It was the year {1800 + index // 4}.\n\n{record['question']}"
        record["puzzle"] = {"structure": str(index // 4)}
    content = planted.results_of(records, {"base": planted.knows(0.4), "student": planted.knows(0.7)})
    row = content["comparisons"][0]
    assert (row["n"], row["clusters"]) == (80, 20)
    assert "80 questions in 20 clusters" in row["sentence"]


# -- words ------------------------------------------------------------------------------------------------------------

def test_a_difference_that_such_tests_often_miss_is_told_with_caution() -> None:
    row = comparing.compare([1.0] * 13 + [0.0] * 3 + [1.0] * 44, [0.0] * 13 + [1.0] * 3 + [1.0] * 44)
    assert row["verdict"] == comparing.BETTER, "the paired test and the interval decide"
    assert 0.5 < row["power"] < 0.8
    told = comparing.sentence(row, "student", "base", "fast")
    assert f"a true difference of this size is found in {100 * row['power']:.0f} % of such tests" in told
    assert "may well be smaller" in told
    sure = comparing.compare([1.0] * 60, [0.0] * 40 + [1.0] * 20)
    assert "smaller" not in comparing.sentence(sure, "student", "base", "fast")


def test_one_sentence_tells_one_kind_of_p() -> None:
    skills = {"base": planted.knows(0.5), "student": planted.knows(0.6), "m1": planted.knows(0.4, 7),
              "m2": planted.knows(0.62, 8)}
    for row in planted.results_of(planted.questions(150), skills)["comparisons"]:
        told = row["sentence"]
        assert told.count("p = ") + told.count("p < ") == 1
        assert ("corrected for 5 comparisons" in told) is not row["planned"]
        assert comparing.p_words(row) in told
        if not row["planned"]:
            assert (row["verdict"] != comparing.SAME) == (row["p_corrected"] < 0.05)


@pytest.mark.parametrize(("count", "highest"), [(5, "p50"), (10, "p90"), (19, "p90"), (20, "p95"), (100, "p99")])
def test_no_quantile_is_told_that_the_number_of_timings_does_not_bear(count: int, highest: str) -> None:
    found = statistics.percentiles(list(range(1, count + 1)))
    assert [name for name in found if name.startswith("p")][-1] == highest
    assert statistics.highest_percentile(found) == highest
