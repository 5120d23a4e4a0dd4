"""Windows and schedule: steps follow the epoch's order, whatever batch and workers, and set the learning rate."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepladder.core.errors import InputError
from stepladder.training import preflight, schedule
from stepladder.training.data import Example
from stepladder.training.packing import computed_tokens
from stepladder.training.windows import World, batches_of, windows


def examples_of(lengths: list[int], difficulties: list[float | None] | None = None) -> list[Example]:
    difficulties = difficulties or [1.0] * len(lengths)
    return [Example(f"e{i}", tuple(range(length)), 2, difficulty=difficulty)
            for i, (length, difficulty) in enumerate(zip(lengths, difficulties, strict=True))]


@given(st.lists(st.integers(3, 40), min_size=1, max_size=60), st.integers(1, 4), st.integers(1, 4),
       st.integers(1, 3), st.integers(1, 3))
def test_every_epoch_walks_the_order_and_workers_share_each_window(
        lengths: list[int], batch: int, accumulation: int, workers: int, epochs: int) -> None:
    examples = examples_of(lengths)
    views = [windows([examples] * epochs, batch=batch, accumulation=accumulation, world=World(rank, workers))
             for rank in range(workers)]
    assert [e for window in views[0] for e in window.examples] == examples * epochs
    assert [window.step for window in views[0]] == list(range(1, len(views[0]) + 1))
    for per_worker in zip(*views, strict=True):
        trained = [e.id for window in per_worker for micro in window.batches for e in micro]
        assert sorted(trained) == sorted(e.id for e in per_worker[0].examples)
        assert all(len(micro) <= batch for window in per_worker for micro in window.batches)
        assert all(len(window.batches) <= accumulation for window in per_worker)
        assert len({window.live_weight for window in per_worker}) == 1


def test_an_epoch_ends_its_last_window_early() -> None:
    found = windows([examples_of([5] * 10)] * 2, batch=2, accumulation=2)
    assert [len(window.examples) for window in found] == [4, 4, 2, 4, 4, 2]
    assert [window.epoch for window in found] == [1, 1, 1, 2, 2, 2]


def test_like_lengths_share_a_micro_batch() -> None:
    examples = examples_of([50, 10, 50, 10, 50, 10, 50, 10])
    grouped = windows([examples], batch=4, accumulation=2)
    assert computed_tokens(batches_of(grouped), packed=False) == sum(map(len, examples))


def test_the_rate_follows_difficulty_in_every_epoch() -> None:
    examples = examples_of([5] * 5, [1.0, 4.0, 5.5, 7.0, 10.0])
    found = windows([examples] * 2, batch=1, accumulation=1)
    rates = schedule.learning_rates(found, "difficulty", 2e-5, 1e-5, 0)
    assert rates == pytest.approx([2e-5, 2e-5, 1.5e-5, 1e-5, 1e-5] * 2)


def test_a_window_counts_by_the_mean_of_its_records() -> None:
    found = windows([examples_of([5] * 2, [4.0, 7.0])], batch=2, accumulation=1)
    assert schedule.learning_rates(found, "difficulty", 2.0, 1.0, 0) == pytest.approx([1.5])


def test_the_other_schedules() -> None:
    found = windows([examples_of([5] * 3)], batch=1, accumulation=1)
    assert schedule.learning_rates(found, "linear", 3.0, 1.0, 0) == pytest.approx([3, 2, 1])
    assert schedule.learning_rates(found, "cosine", 3.0, 1.0, 0) == pytest.approx([3, 2, 1])
    assert schedule.learning_rates(found, "constant", 3.0, 1.0, 0) == pytest.approx([3, 3, 3])
    assert schedule.learning_rates(found, "constant", 3.0, 1.0, 2) == pytest.approx([1, 2, 3])


def test_a_record_without_difficulty_is_named() -> None:
    found = windows([examples_of([5] * 2, [1.0, None])], batch=2, accumulation=1)
    with pytest.raises(InputError, match="record e1 has no difficulty"):
        schedule.learning_rates(found, "difficulty", 2.0, 1.0, 0)
    assert schedule.learning_rates(found, "linear", 2.0, 1.0, 0) == [2.0]


def pace(tokens_per_second: float) -> preflight.Pace:
    return preflight.Pace(tokens_per_second, (1, 10), packed=False)


def test_the_deadline_takes_the_plans_fallbacks_in_turn() -> None:
    examples = [Example(f"e{i}", tuple(range(10)), 4, level="easy" if i < 30 else "medium" if i < 80 else "hard")
                for i in range(100)]

    def heed(deadline: float) -> preflight.Fallback:  # 100 records of 10 tokens: an hour an epoch
        return preflight.meet_deadline(examples, epochs=3, pace=pace(1000 / 3600), deadline=deadline, records=60,
                                       windows_of=lambda some, times: windows([some] * times, batch=1, accumulation=1))

    assert heed(0).hours == pytest.approx(3.0)
    assert heed(3).steps == ()
    fewer = heed(2)
    assert (len(fewer.examples), fewer.epochs, fewer.hours) == (60, 3, pytest.approx(1.8))
    assert [sum(e.level == level for e in fewer.examples) for level in ("easy", "medium", "hard")] == [18, 30, 12]
    shorter = heed(1.5)
    assert (len(shorter.examples), shorter.epochs, shorter.hours) == (60, 2, pytest.approx(1.2))
    assert len(shorter.steps) == 2
    with pytest.raises(preflight.StageError, match=r"60 records x 2 epoch\(s\) take 1.20 h"):
        heed(1.0)
