"""Seats, parts and sizes: exact shares, whole groups, published tests held out, smaller sets inside larger ones."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stepladder.questions.sampling import PARTS, Candidate, Shares, assign_parts, choose, divide, seats

SHARES = Shares(0.10, 0.05, 1_000)


def candidates(count: int, seed: int = 0, groups: int | None = None, published: float = 0.0) -> list[Candidate]:
    rng = random.Random(seed)
    return [
        Candidate(
            f"q{n}",
            rng.choice(["big", "big", "big", "mid", "mid", "small"]),
            rng.choice("abcdefgg"),
            rng.randrange(groups) if groups else n,
            rng.random() < published,
        )
        for n in range(count)
    ]


def sample(
    found: list[Candidate], size: int, quotas: dict[str, int] | None = None, floor: int = 5
) -> dict[str, list[str]]:
    parts = assign_parts(found, SHARES, 0)
    return {
        part: [found[index].id for index in chosen]
        for part, chosen in choose(found, parts, size, quotas or {}, SHARES, floor, 0).items()
    }


@pytest.mark.parametrize("size", [37, 500, 1_000])
def test_the_shares_are_exact(size: int) -> None:
    chosen = sample(candidates(1_000), size)
    assert {part: len(ids) for part, ids in chosen.items()} == SHARES.sizes(size)
    assert len({identity for ids in chosen.values() for identity in ids}) == size


def test_held_out_questions_are_spread_over_the_strata() -> None:
    found = candidates(2_000)
    test = set(sample(found, 2_000)["test"])
    for source in ("big", "mid", "small"):
        for domain in "abcdefg":
            stratum = [c.id for c in found if (c.source, c.domain) == (source, domain)]
            assert abs(len(test & set(stratum)) - 0.1 * len(stratum)) <= 1.5


@settings(deadline=None, max_examples=25)
@given(
    st.integers(20, 400),
    st.integers(0, 99),
    st.sampled_from([None, 30, 200]),
    st.sampled_from([0.0, 0.1, 0.4]),
    st.integers(0, 3),
)
def test_smaller_sets_lie_within_larger_ones_part_by_part(
    size: int, seed: int, groups: int | None, published: float, more: int
) -> None:
    found = candidates(500, seed, groups, published)
    quotas = {"big": 10, "small": 30} if seed % 2 else {}
    small, large = sample(found, size, quotas), sample(found, size + more * 40 + 1, quotas)
    for part in PARTS:
        assert set(small[part]) <= set(large[part])


@settings(deadline=None, max_examples=25)
@given(st.integers(1, 400), st.integers(0, 99))
def test_groups_and_published_tests_never_straddle(size: int, seed: int) -> None:
    found = candidates(400, seed, groups=120, published=0.1)
    of = {c.id: c for c in found}
    held = {c.group for c in found if c.published}
    sides: dict[int, set[str]] = {}
    for part, ids in sample(found, size).items():
        for identity in ids:
            sides.setdefault(of[identity].group, set()).add(part)
            assert part == "test" or of[identity].group not in held
    assert all(len(parts) == 1 for parts in sides.values())


def test_quotas_hold_and_what_a_source_lacks_the_unquoted_fill_up_first() -> None:
    order = Counter(source for source, _ in seats(100, {"a": 10, "b": 500, "c": 500}, {"a": 30, "b": 70}))
    assert order == {"a": 10, "b": 70, "c": 20}
    order = Counter(source for source, _ in seats(100, {"a": 10, "b": 500, "c": 5}, {"a": 30, "b": 70}))
    assert order == {"a": 10, "b": 85, "c": 5}


def test_held_out_parts_have_quotas_of_their_own() -> None:
    found = candidates(1_000)
    shares = Shares(0.2, 0.1, 1_000, {"small": 1, "big": 2})
    parts = assign_parts(found, shares, 0)
    chosen = choose(found, parts, 1_000, {}, shares, 5, 0)
    by_part = {part: Counter(found[index].source for index in chosen[part]) for part in PARTS}
    assert by_part["test"] == {"small": 67, "big": 133}
    assert abs(by_part["validation"]["small"] - 80 / 3) < 1
    assert by_part["validation"]["mid"] == 0
    assert by_part["training"]["mid"] == sum(candidate.source == "mid" for candidate in found)
    smaller = choose(found, parts, 400, {}, shares, 5, 0)
    assert all(set(smaller[part]) <= set(chosen[part]) for part in PARTS)


def test_seats_never_exceed_what_there_is() -> None:
    assert Counter(source for source, _ in seats(99, {"a": 3, "b": 4}, {"b": 1})) == {"a": 3, "b": 4}
    assert divide(7, {"x": 3, "y": 2}) == {"x": 3, "y": 2}


def test_every_domain_gets_its_floor_before_proportions_count() -> None:
    found = [Candidate(f"q{n}", "s", "common" if n < 2_000 else f"rare{n % 5}", n) for n in range(2_100)]
    training = Counter(found[int(identity[1:])].domain for identity in sample(found, 400, floor=20)["training"])
    assert min(training.values()) >= 16


def test_too_few_for_training_shrinks_the_set_and_keeps_the_shares() -> None:
    chosen = sample(candidates(600, published=0.8), 600)
    total = sum(map(len, chosen.values()))
    assert {part: len(ids) for part, ids in chosen.items()} == SHARES.sizes(total)
    assert total < 200
