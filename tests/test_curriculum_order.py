"""Calibration and orders: every record exactly once, the plan's shares, whatever the ratings look like."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepladder.curriculum.calibration import ladder, level_of, rank, tenth_bounds
from stepladder.curriculum.orders import ORDERS, arrange, longest_run

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


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("count", SIZES)
def test_every_record_comes_out_once(order: str, count: int) -> None:
    ranked = records(count)
    arranged = arrange(ranked, order, seed=3)
    assert Counter(r["id"] for r in arranged) == Counter(r["id"] for r in ranked)
    assert arrange(ranked, order, seed=3) == arranged
    if count > 10:
        assert arrange(ranked, order, seed=4) != arranged


@given(st.integers(0, 200), st.integers(0, 5))
def test_tenths_climb_and_reverse_is_the_curriculum_backwards(count: int, seed: int) -> None:
    ranked = records(count)
    place = {record["id"]: index for index, record in enumerate(ranked)}
    bounds = tenth_bounds(count)
    tenth = {i: t for t in range(10) for i in range(bounds[t], bounds[t + 1])}
    for order in ("curriculum", "interleaved"):
        tenths = [tenth[place[record["id"]]] for record in arrange(ranked, order, seed)]
        assert tenths == sorted(tenths)
    assert arrange(ranked, "reverse", seed) == arrange(ranked, "curriculum", seed)[::-1]


def test_random_does_not_follow_difficulty() -> None:
    ranked = records(2_000)
    place = {record["id"]: index for index, record in enumerate(ranked)}
    places = [place[record["id"]] for record in arrange(ranked, "random", 0)]
    assert abs(sum(places[:600]) / 600 - 1_000) < 100


@given(st.lists(st.integers(1, 12), min_size=1, max_size=6), st.integers(0, 3))
def test_interleaving_keeps_equal_domains_apart_where_it_can(sizes: list[int], seed: int) -> None:
    """One tenth alone (records 90 % elsewhere would hide it): neighbours differ unless one domain is over half."""
    from stepladder.curriculum.orders import _alternate

    group = [{"id": f"{d}/{i}", "domain": str(d)} for d, size in enumerate(sizes) for i in range(size)]
    arranged = _alternate(group, Random(seed), last=None)
    largest, rest = max(sizes), sum(sizes) - max(sizes)
    if largest <= rest + 1:
        assert longest_run(arranged, "domain") == 1
    else:  # the rest all serve as separators
        assert sum(a["domain"] == b["domain"] for a, b in pairwise(arranged)) == largest - rest - 1


def test_no_long_runs_inside_the_curriculum() -> None:
    ranked = sorted(records(5_000, domains=10), key=lambda r: (r["domain"], r["answer"]))
    for order in ("curriculum", "interleaved"):
        arranged = arrange(ranked, order, 0)
        assert longest_run(arranged, "answer") < 30
    mixed = records(5_000, domains=10)
    assert longest_run(arrange(mixed, "interleaved", 0), "domain") == 1


def test_an_unknown_order_is_refused() -> None:
    with pytest.raises(ValueError, match="sideways"):
        arrange(records(3), "sideways", 0)
