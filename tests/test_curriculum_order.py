"""Ranks and difficulties: the plan's shares, whatever the ratings look like."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepladder.core.tenths import tenth_bounds
from stepladder.curriculum.calibration import ladder, level_of, rank

SIZES = (0, 1, 9, 10, 50_000)


def records(count: int, domains: int = 7) -> list[dict]:
    rng = Random(count)
    return [{"id": f"q/{i}", "domain": f"domain {rng.randrange(domains)}", "answer": rng.choice("ABCD")}
            for i in range(count)]


@pytest.mark.parametrize("count", SIZES)
def test_the_shares_of_the_plan_hold(count: int) -> None:
    steps = ladder([True] * count)
    values = [difficulty for difficulty, _ in steps]
    assert len(steps) == count
    assert all(a < b for a, b in pairwise(values))
    for difficulty, level in steps:
        low, high = {"easy": (1, 4), "medium": (4, 7), "hard": (7, 10)}[level]
        assert low < difficulty < high
    shares = Counter(level for _, level in steps)
    expected = {0: (0, 0, 0), 1: (0, 1, 0), 9: (3, 4, 2), 10: (3, 5, 2), 50_000: (15_000, 25_000, 10_000)}
    assert tuple(shares[level] for level in ("easy", "medium", "hard")) == expected[count]


@given(st.integers(0, 3_000))
def test_no_difficulty_touches_the_border_of_its_level(count: int) -> None:
    steps = ladder([True] * count)
    assert [level for _, level in steps] == sorted((level for _, level in steps), key=["easy", "medium", "hard"].index)
    assert all((d < 4) == (level == "easy") and (d > 7) == (level == "hard") for d, level in steps)
    assert len({d for d, _ in steps}) == count
    assert tenth_bounds(count)[0] == 0
    assert tenth_bounds(count)[-1] == count


@given(st.lists(st.booleans(), max_size=300))
def test_the_shares_are_those_of_the_records_that_count(counts: list[bool]) -> None:
    """A record without reasoning drops out of training: it is rated, but must not shift the others' shares."""
    steps = ladder(counts)
    counted = [step for step, is_counted in zip(steps, counts, strict=True) if is_counted]
    if counted:
        assert counted == ladder([True] * len(counted))
    values = [difficulty for difficulty, _ in steps]
    assert all(a < b for a, b in pairwise(values))
    assert all(1 < difficulty < 10 for difficulty in values)
    assert all(level == level_of(difficulty) for difficulty, level in steps)


def test_where_nothing_has_reasoning_all_count() -> None:
    assert ladder([False] * 10) == ladder([True] * 10)


@given(st.lists(st.integers(1, 3), max_size=40), st.randoms(use_true_random=False))
def test_ranks_do_not_depend_on_the_order_of_the_input(ratings: list[int], rng: Random) -> None:
    items = records(len(ratings))
    raw = {item["id"]: rating for item, rating in zip(items, ratings, strict=True)}
    tie = {item["id"]: len(item["domain"]) for item in items}
    shuffled = rng.sample(items, len(items))
    assert rank(items, raw, tie) == rank(shuffled, raw, tie)
    assert [raw[item["id"]] for item in rank(items, raw, tie)] == sorted(ratings)
