"""In which order the student meets the records: each epoch's is drawn by a strategy, all records once, from the seed.

    walks = orders.epochs(orders.ranked(examples, "curriculum"), "curriculum", epochs=3, seed=0)

`curriculum` climbs by tenths of the records and is shuffled inside a tenth, so that no long run of one domain or letter
arises. `interleaved` climbs likewise with the domains alternating inside a tenth (CORGI, arXiv 2310.09518). `reverse`
is the curriculum from its end. `random` is the control: the same records, shuffled.

A further strategy is one function in STRATEGIES and its name among the choices of `training.order`.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from random import Random
from typing import Any

from ..core.errors import InputError
from ..core.tenths import tenth_bounds
from .data import Example

FIRST_IDS = 5


@dataclass(frozen=True)
class Draw:
    """The draw of one epoch: its number from 1, how many there are, and the seed of the training."""

    epoch: int
    epochs: int
    seed: int

    def rng(self, name: str) -> Random:
        """A generator of this epoch's own; the same name draws the same."""
        return Random(f"{name}/{self.seed}/{self.epoch}")


Strategy = Callable[[Sequence[Example], Draw], list[Example]]
"""(examples from the easiest to the hardest, draw) -> the epoch's order, every example once."""


def random(examples: Sequence[Example], draw: Draw) -> list[Example]:
    """Shuffled: difficulty plays no part."""
    return _shuffled(examples, draw.rng("random"))


def curriculum(examples: Sequence[Example], draw: Draw) -> list[Example]:
    """Easy to hard by tenths, shuffled inside a tenth."""
    rng = draw.rng("curriculum")
    return [example for tenth in _tenths(examples) for example in _shuffled(tenth, rng)]


def reverse(examples: Sequence[Example], draw: Draw) -> list[Example]:
    """The curriculum backwards."""
    return curriculum(examples, draw)[::-1]


def interleaved(examples: Sequence[Example], draw: Draw) -> list[Example]:
    """Easy to hard by tenths, the domains alternating inside a tenth."""
    rng, order = draw.rng("interleaved"), []
    for tenth in _tenths(examples):
        order += _alternate(tenth, rng, order[-1].domain if order else None)
    return order


STRATEGIES: dict[str, Strategy] = {
    "curriculum": curriculum, "random": random, "reverse": reverse, "interleaved": interleaved}
UNRANKED = ("random",)
"""Strategies that need no difficulty."""


def ranked(examples: Sequence[Example], order: str) -> list[Example]:
    """The examples from the easiest to the hardest, equals as they come; as they are where `order` needs no ranks.

    Raises InputError naming a record without difficulty.
    """
    without = next((example for example in examples if example.difficulty is None), None)
    if without is None:
        return sorted(examples, key=lambda example: example.difficulty)
    if order not in UNRANKED:
        raise InputError(f"record {without.id} has no difficulty; run 03_create_curriculum_phi4.py, "
                         "or train with --order random --schedule linear")
    return list(examples)


def epochs(examples: Sequence[Example], order: str, epochs: int, seed: int) -> list[list[Example]]:
    """The order of every epoch; `examples` are ranked."""
    return [STRATEGIES[order](examples, Draw(epoch, epochs, seed)) for epoch in range(1, epochs + 1)]


def proof(steps: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What the optimiser really met, by epoch: {"epoch", "records", "sha256" of the ids a line each, "first" ids}.

    steps: a training's steps in their order, each with its epoch and ids.
    """
    met: dict[int, list[str]] = defaultdict(list)
    for step in steps:
        met[step["epoch"]] += step["ids"]
    return [{"epoch": epoch, "records": len(ids), "sha256": hash_ids(ids), "first": ids[:FIRST_IDS]}
            for epoch, ids in met.items()]


def hash_ids(ids: Iterable[str]) -> str:
    """SHA-256 of ids in their order, a line each."""
    return hashlib.sha256("".join(f"{name}\n" for name in ids).encode()).hexdigest()


def _tenths(examples: Sequence[Example]) -> list[Sequence[Example]]:
    return [examples[low:high] for low, high in pairwise(tenth_bounds(len(examples)))]


def _shuffled(examples: Sequence[Example], rng: Random) -> list[Example]:
    return rng.sample(examples, len(examples))


def _alternate(examples: Sequence[Example], rng: Random, last: str | None) -> list[Example]:
    """Spread each domain evenly; two neighbours share a domain only where their numbers leave no other way."""
    waiting: dict[str | None, list[Example]] = defaultdict(list)
    for example in _shuffled(examples, rng):
        waiting[example.domain].append(example)
    sizes = {domain: len(group) for domain, group in waiting.items()}
    offsets = {domain: rng.random() for domain in waiting}

    def due(domain: str | None) -> float:
        return (sizes[domain] - len(waiting[domain]) + offsets[domain]) / sizes[domain]

    order: list[Example] = []
    for left in range(len(examples), 0, -1):
        others = [domain for domain, group in waiting.items() if group and domain != last] or [last]
        crowded = [domain for domain in others if 2 * len(waiting[domain]) > left]
        last = crowded[0] if crowded else min(others, key=due)
        order.append(waiting[last].pop())
    return order
