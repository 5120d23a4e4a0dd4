"""The order of each epoch: every record once, from the seed alone, whatever the strategy is called."""

from __future__ import annotations

import typing
from collections import Counter
from itertools import groupby, pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepladder.core.errors import InputError
from stepladder.core.settings import Training
from stepladder.core.tenths import tenth_bounds
from stepladder.training import data, orders
from stepladder.training.data import Example
from stepladder.training.windows import World, windows

SIZES = (0, 1, 9, 10, 5_000)


def examples(count: int, domains: int = 7) -> list[Example]:
    """From the easiest to the hardest."""
    rng = Random(count)
    return [Example(f"q/{i}", (1, 2, 3), 1, difficulty=1 + 9 * i / count, domain=f"domain {rng.randrange(domains)}")
            for i in range(count)]


def draw(ranked: list[Example], order: str, seed: int = 0) -> list[Example]:
    return orders.epochs(ranked, order, 1, seed)[0]


def longest_run(values: list[str | None]) -> int:
    return max((len(list(group)) for _, group in groupby(values)), default=0)


def test_the_setting_names_the_strategies_there_are() -> None:
    assert list(typing.get_args(Training.model_fields["order"].annotation)) == list(orders.STRATEGIES)


@pytest.mark.parametrize("order", orders.STRATEGIES)
@pytest.mark.parametrize("count", SIZES)
def test_every_epoch_is_a_draw_of_its_own_of_all_records(order: str, count: int) -> None:
    ranked = examples(count)
    walks = orders.epochs(ranked, order, 3, seed=3)
    for walk in walks:
        assert Counter(e.id for e in walk) == Counter(e.id for e in ranked)
    assert orders.epochs(ranked, order, 3, seed=3) == walks
    if count > 10:
        assert walks[0] != walks[1] != walks[2] != walks[0]
        assert orders.epochs(ranked, order, 3, seed=4)[0] != walks[0]


@given(st.integers(0, 200), st.integers(0, 5))
def test_tenths_climb_and_reverse_is_the_curriculum_backwards(count: int, seed: int) -> None:
    ranked = examples(count)
    place = {example.id: index for index, example in enumerate(ranked)}
    bounds = tenth_bounds(count)
    tenth = {i: t for t in range(10) for i in range(bounds[t], bounds[t + 1])}
    for order in ("curriculum", "interleaved"):
        tenths = [tenth[place[example.id]] for example in draw(ranked, order, seed)]
        assert tenths == sorted(tenths)
    assert draw(ranked, "reverse", seed) == draw(ranked, "curriculum", seed)[::-1]


def test_random_does_not_follow_difficulty() -> None:
    ranked = examples(2_000)
    place = {example.id: index for index, example in enumerate(ranked)}
    places = [place[example.id] for example in draw(ranked, "random")]
    assert abs(sum(places[:600]) / 600 - 1_000) < 100


@given(st.lists(st.integers(1, 12), min_size=1, max_size=6), st.integers(0, 3))
def test_interleaving_keeps_equal_domains_apart_where_it_can(sizes: list[int], seed: int) -> None:
    """One tenth alone (records 90 % elsewhere would hide it): neighbours differ unless one domain is over half."""
    group = [Example(f"{d}/{i}", (1, 2), 1, domain=str(d)) for d, size in enumerate(sizes) for i in range(size)]
    drawn = [example.domain for example in orders._alternate(group, Random(seed), last=None)]
    largest, rest = max(sizes), sum(sizes) - max(sizes)
    if largest <= rest + 1:
        assert longest_run(drawn) == 1
    else:  # the rest all serve as separators
        assert sum(a == b for a, b in pairwise(drawn)) == largest - rest - 1


def test_no_long_runs_inside_the_curriculum() -> None:
    blocks = [Example(f"q/{i}", (1, 2), 1, domain=f"domain {i // 100 % 4}") for i in range(5_000)]
    assert longest_run([e.domain for e in draw(blocks, "curriculum")]) < 30
    mixed = examples(5_000, domains=10)
    assert longest_run([e.domain for e in draw(mixed, "curriculum")]) < 10
    assert longest_run([e.domain for e in draw(mixed, "interleaved")]) == 1


@given(st.lists(st.sampled_from([1.0, 2.5, 9.0]), max_size=30), st.randoms(use_true_random=False))
def test_ranks_come_from_difficulty_not_from_the_file(difficulties: list[float], rng: Random) -> None:
    given_ = [Example(f"q/{i}", (1, 2), 1, difficulty=d) for i, d in enumerate(difficulties)]
    ranked = orders.ranked(rng.sample(given_, len(given_)), "curriculum")
    assert [e.difficulty for e in ranked] == sorted(difficulties)


def test_only_a_random_order_needs_no_difficulty() -> None:
    unrated = [Example("rated", (1, 2), 1, difficulty=2.0), Example("unrated", (1, 2), 1)]
    assert orders.ranked(unrated, "random") == unrated
    for order in set(orders.STRATEGIES) - {"random"}:
        with pytest.raises(InputError, match="record unrated has no difficulty"):
            orders.ranked(unrated, order)


@pytest.mark.parametrize("order", orders.STRATEGIES)
def test_the_same_ids_in_the_same_order_with_one_worker_or_two(order: str) -> None:
    walks = orders.epochs(examples(37), order, 2, seed=1)

    def met(workers: int, rank: int) -> list[tuple[int, str]]:
        found = windows(walks, batch=2, accumulation=4 // workers, world=World(rank, workers))
        return [(window.epoch, example.id) for window in found for example in window.examples]

    assert met(1, 0) == met(2, 0) == met(2, 1)


def test_the_proof_is_of_what_was_met() -> None:
    steps = [{"epoch": 1, "ids": ["a", "b"]}, {"epoch": 1, "ids": ["c"]}, {"epoch": 2, "ids": ["c", "a"]}]
    first, second = orders.proof(steps)
    assert first == {"epoch": 1, "records": 3, "sha256": orders.hash_ids("abc"), "first": ["a", "b", "c"]}
    assert second["sha256"] == orders.hash_ids("ca") != orders.hash_ids("ac")
    assert orders.hash_ids(["a", "bc"]) != orders.hash_ids(["ab", "c"])


def test_all_orders_of_a_budget_train_the_same_records() -> None:
    """Records are left out by rank, before an order is drawn: a control has the records of what it controls."""
    fitting = data.thin_to_tokens(examples(500), 600)
    assert len(fitting) == 200
    assert len({frozenset(e.id for e in draw(fitting, order)) for order in orders.STRATEGIES}) == 1
