"""Accumulation windows: the epoch's order between optimiser steps, like lengths together inside one.

A window is what one optimiser step sees: the next batch x accumulation x workers examples in the order that was
drawn for the epoch (orders.py). Which of them share a micro-batch does not change the step's gradient, so inside the
window neighbours by length do, and little is spent on padding.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .data import Example

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class World:
    """The workers of a run, and which one this is."""

    rank: int = 0
    size: int = 1

    @property
    def is_main(self) -> bool:
        """Whether this worker writes."""
        return self.rank == 0

    def sum_gradients(self, parameters: Iterable[torch.nn.Parameter], loss: float) -> float:
        """Add up gradients over the workers, in place, and their parts of the loss; nothing to do for a single one."""
        if self.size == 1:
            return loss
        import torch
        from torch import distributed

        total = torch.tensor(loss, dtype=torch.float64)
        for parameter in parameters:
            if parameter.grad is None:  # this worker had no micro-batch in the window
                parameter.grad = torch.zeros_like(parameter)
            distributed.all_reduce(parameter.grad)
            total = total.to(parameter.device)
        distributed.all_reduce(total)
        return float(total)


@dataclass(frozen=True)
class Window:
    """One optimiser step: its examples in their order, and this worker's micro-batches of them.

    live_weight: weight x live tokens over all workers, the loss's denominator.
    """

    step: int
    epoch: int
    examples: tuple[Example, ...]
    batches: tuple[tuple[Example, ...], ...]
    live_weight: float

    @property
    def difficulty(self) -> float | None:
        """Mean difficulty of its examples; None where any has none."""
        values = [example.difficulty for example in self.examples]
        return None if None in values else sum(values) / len(values)

    @property
    def tokens(self) -> int:
        """Tokens of its examples, padding not counted."""
        return sum(map(len, self.examples))


def windows(walks: Sequence[Sequence[Example]], *, batch: int, accumulation: int,
            world: World | None = None) -> list[Window]:
    """All optimiser steps of a training, from step 1; `walks` are the examples of each epoch in its order."""
    world = world or World()
    size = batch * accumulation * world.size
    found: list[Window] = []
    for epoch, walk in enumerate(walks, start=1):
        for start in range(0, len(walk), size):
            part = tuple(walk[start:start + size])
            found.append(Window(len(found) + 1, epoch, part, tuple(micro_batches(part, batch, world)),
                                sum(example.weight * example.live for example in part)))
    return found


def micro_batches(examples: Sequence[Example], batch: int, world: World) -> list[tuple[Example, ...]]:
    """This worker's micro-batches: neighbours by length, dealt round so that workers meet like lengths together."""
    by_length = sorted(examples, key=len)
    cut = [tuple(by_length[i:i + batch]) for i in range(0, len(by_length), batch)]
    return cut[world.rank::world.size]


def batches_of(found: Iterable[Window]) -> list[tuple[Example, ...]]:
    """This worker's micro-batches of a training, in their order."""
    return [batch for window in found for batch in window.batches]
