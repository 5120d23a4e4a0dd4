"""Luck beside acceptance: guessers are named as such, and good teachers are not."""

from __future__ import annotations

import random

import pytest
from scipy.stats import binom

from stepladder.core.records import LETTERS
from stepladder.reasoning import luck, summary


def drawn(count: int, known: float, seed: int = 0) -> tuple[list[str], list[str]]:
    """A teacher that knows a share of the answers and guesses the rest."""
    rng = random.Random(seed)
    keys = [rng.choice(LETTERS) for _ in range(count)]
    return [key if rng.random() < known else rng.choice(LETTERS) for key in keys], keys


def test_a_guesser_is_not_proven_and_a_knower_is() -> None:
    assert not luck.of_first_attempts(*drawn(400, 0.0)).proven
    assert luck.of_first_attempts(*drawn(400, 0.3)).proven
    assert not luck.of_first_attempts(*drawn(4, 0.0)).proven


def test_false_alarms_are_as_rare_as_the_test_says() -> None:
    proven = sum(luck.of_first_attempts(*drawn(100, 0.0, seed)).proven for seed in range(300))
    assert proven <= binom.ppf(0.999, 300, luck.SIGNIFICANCE)


def test_always_the_same_letter_is_luck_however_common_the_letter() -> None:
    keys = ["C"] * 60 + ["A"] * 40
    found = luck.of_first_attempts(["C"] * 100, keys)
    assert found.rate == pytest.approx(0.6)
    assert not found.proven
    assert found.lucky_share == pytest.approx(1.0)


def test_the_lucky_share() -> None:
    found = luck.of_first_attempts(["A"] * 50 + ["B"] * 50, ["A"] * 50 + ["B"] * 25 + ["C"] * 25)
    assert 0 < found.lucky_share < 1
    assert luck.of_first_attempts(list(LETTERS) * 25, list(LETTERS) * 25).lucky_share == pytest.approx(0.0)
    assert luck.of_first_attempts([], []).p_value is None
    assert luck.of_first_attempts(["A"] * 10, ["A"] + ["B"] * 9).lucky_share == 1.0


def test_intervals_and_guessing_again() -> None:
    low, high = luck.interval(50, 100)
    assert (low, high) == (0.4038, 0.5962)  # Wilson's interval, as tables give it
    assert luck.interval(0, 0) is None
    assert [luck.luck_after(k) for k in (1, 2, 3)] == [(0.25, 0.25), (0.4375, 0.5), (pytest.approx(0.578125), 0.75)]


def test_a_teacher_that_always_says_c_gains_by_moving_options_and_the_luck_rate_knows() -> None:
    left = [LETTERS[n % 4] for n in range(400)]
    for attempt in (1, 2, 3):
        right = [key for key in left if (LETTERS.index(key) + attempt - 1) % 4 == 2]
        least, most = luck.rates_at(attempt)
        assert least <= len(right) / len(left) + 0.01
        assert len(right) / len(left) <= most + 0.01
        left = [key for key in left if key not in right]


def record(number: int, answers: list[str | None], key: str = "B", accepted: bool = False) -> dict:
    outcomes = [{"kind": "greedy" if i == 0 else "sampled", "shift": 0, "answer": answer, "tokens": 10,
                 "outcome": "wrong", "finish_reason": "stop"} for i, answer in enumerate(answers)]
    if accepted:
        outcomes[-1]["outcome"] = "accepted"
    cot = {"status": "verified" if accepted else "failed", "teacher": "t", "teacher_answer": answers[0], "tokens": 10,
           "attempts": len(answers), "finish_reason": "stop", "outcomes": outcomes}
    return {"id": f"q{number}", "answer": key, "source": "s", "domain": "d", "cot": cot,
            "choices": {letter: letter.lower() for letter in LETTERS},
            "chain_of_thought": ("x", "A. a no\nB. b yes")[number % 2] + f"\nAnswer: {key}" if accepted else None}


def test_counts_add_up() -> None:
    records = [record(1, ["B"], accepted=True), record(2, ["A", "B"], accepted=True), record(3, [None, "C"]),
               {"id": "p", "answer": "A", "source": "puzzle", "domain": "d", "chain_of_thought": "p\nAnswer: A",
                "cot": {"status": "solver"}}]
    found = summary.counts(records, [{"reason": "no question"}, {"reason": "no question"}], attempts=2)
    assert found["status"] == {"verified": 2, "hinted": 0, "solver": 1, "failed": 1}
    assert found["rejected"] == {"no question": 2}
    assert found["by_attempt"][0] | {"right_interval": 0} == {
        "attempt": 1, "kind": "greedy", "asked": 3, "answered": 2, "right": 1, "accepted": 1, "right_interval": 0}
    assert found["by_attempt"][1]["right"] == 1
    assert found["outcomes"] == {"wrong": 3, "accepted": 2}
    assert found["check_the_options"] == 1
    assert found["tokens"] == {"generated": 50, "kept": 20, "mean_kept": 10.0}
    assert found["teacher"]["accuracy"] == pytest.approx(1 / 3)
    assert found["by_source"]["s"]["asked"] == 3
    assert found["by_source"]["puzzle"]["asked"] == 0
    assert found["by_domain"]["d"]["solver"] == 1
    assert any("malformed" in warning for warning in found["warnings"])
    assert any("guessing" in line for line in summary.lines(found))


def test_a_good_teacher_is_not_warned_of() -> None:
    records = [record(n, [LETTERS[n % 4]], LETTERS[n % 4], accepted=True) for n in range(40)]
    found = summary.counts(records, [], attempts=2)
    assert found["teacher"]["better_than_luck"]
    assert found["warnings"] == []


def test_puzzles_alone_need_no_teacher_and_no_warning() -> None:
    solved = [{"id": "p", "answer": "A", "source": "puzzle", "domain": "d", "chain_of_thought": "p\nAnswer: A",
               "cot": {"status": "solver"}}]
    found = summary.counts(solved, [], attempts=2)
    assert found["warnings"] == []
    assert next(summary.lines(found)) == "1 records: 0 verified, 0 hinted, 1 solver, 0 failed"
