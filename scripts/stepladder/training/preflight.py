"""Before the night: does the longest batch fit, are 4-bit kernels sane, is there disk, and how long will it take?"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..core import machine
from ..core.errors import StageError
from . import checkpoints, data
from .data import Example
from .loss import weighted_loss
from .packing import computed_tokens
from .windows import Window, batches_of

if TYPE_CHECKING:
    from .loading import Student

CHECKPOINT_BYTES = 12  # a trainable parameter: float32 weight and AdamW's two moments


@dataclass(frozen=True)
class Pace:
    """Measured speed: computed tokens (packing.computed_tokens) a second through forward and backward."""

    tokens_per_second: float
    longest: tuple[int, int]
    packed: bool

    def hours(self, found: Sequence[Window]) -> float:
        """Training time of these windows, without readings and checkpoints."""
        return computed_tokens(batches_of(found), self.packed) / self.tokens_per_second / 3600


def probe_four_bit(student: Student) -> None:
    """Run a 4-bit matrix forward and backward. Raises StageError where it is NaN (older ROCm builds) or off."""
    import torch
    from bitsandbytes.functional import dequantize_4bit, quantize_4bit

    device = student.device
    weight = torch.linspace(-1, 1, 256 * 256, device=device).reshape(256, 256).to(student.dtype)
    packed, state = quantize_4bit(weight, quant_type="nf4", compress_statistics=True)
    off = (dequantize_4bit(packed, state).float() - weight.float()).abs().max().item()
    if not off < 0.2:  # NF4's widest step is 0.15 of the block's maximum; NaN fails too
        raise StageError(f"4-bit kernels give wrong numbers here (difference {off}): install another bitsandbytes")


def require_disk(student: Student, root: Path, kept: int) -> int:
    """Bytes that checkpoints and adapter will take. Raises StageError where the disk has less."""
    trainable = sum(parameter.numel() for parameter in student.trainable().values())
    needed = trainable * (CHECKPOINT_BYTES * (kept + 2) + 4 + 2)
    free = machine.free_disk_bytes(root)
    if free < needed:
        raise StageError(f"{root}: checkpoints and adapter need {needed / 1e9:.2f} GB, {free / 1e9:.2f} GB are free; "
                         "lower --checkpoints-kept or --rank, or free some space")
    return needed


def measure(student: Student, found: Sequence[Window], pad: int) -> Pace:
    """Longest micro-batch and a typical one, forward and backward; weights and random state stay as they are.

    Raises StageError where the longest does not fit the memory or a loss is not a number.
    """
    import torch

    batches = sorted(batches_of(found), key=lambda batch: computed_tokens([batch], student.packs))
    typical, longest = batches[len(batches) // 2], batches[-1]
    state = checkpoints.random_state()
    seconds = []
    for batch in (longest, typical):
        try:
            started = time.monotonic()
            with student.autocast:
                loss = weighted_loss(student.model, batch, pad)
            loss.backward()
            value = loss.item()
            seconds.append(time.monotonic() - started)
        except (torch.OutOfMemoryError, MemoryError) as error:
            rows, length = len(batch), max(map(len, batch))
            raise StageError(f"the longest batch ({rows} records of up to {length} tokens) does not fit the memory; "
                             "lower --batch or --max-length") from error
        finally:
            student.model.zero_grad(set_to_none=True)
        if not math.isfinite(value):
            raise StageError(f"the untrained student's loss is {value} on record {batch[0].id}: the base or the "
                             "4-bit kernels are broken on this machine")
    checkpoints.set_random_state(state)
    computed = computed_tokens((longest, typical), student.packs)
    return Pace(computed / sum(seconds), (len(longest), max(map(len, longest))), student.packs)


@dataclass(frozen=True)
class Fallback:
    """What is trained after the deadline was heeded."""

    examples: list[Example]
    epochs: int
    hours: float
    steps: tuple[str, ...]


def meet_deadline(examples: list[Example], *, epochs: int, pace: Pace, deadline: float, records: int,
                  windows_of: Callable[[list[Example], int], list[Window]]) -> Fallback:
    """The plan's fallbacks, one after the other: `records` drawn evenly over the ranks, then 2 epochs.

    windows_of: (ranked examples, epochs) -> the steps of a training. deadline: hours; 0: none.
    Raises StageError, with the numbers, where even that is too long.
    """
    def hours(some: list[Example], times: int) -> float:
        return pace.hours(windows_of(some, times))

    said: list[str] = []
    need = hours(examples, epochs)
    if deadline and need > deadline and len(examples) > records:
        examples = data.thin(examples, records)
        said.append(f"{need:.2f} h do not fit {deadline:g} h: {len(examples)} records, drawn evenly over the ranks")
        need = hours(examples, epochs)
    if deadline and need > deadline and epochs > 2:
        said.append(f"{need:.2f} h do not fit {deadline:g} h: 2 epochs instead of {epochs}")
        epochs = 2
        need = hours(examples, epochs)
    if deadline and need > deadline:
        raise StageError(f"{len(examples)} records x {epochs} epoch(s) take {need:.2f} h at "
                         f"{pace.tokens_per_second:.0f} tokens/s, the deadline is {deadline:g} h; "
                         "raise --deadline-hours or lower --deadline-records")
    return Fallback(examples, epochs, need, tuple(said))
