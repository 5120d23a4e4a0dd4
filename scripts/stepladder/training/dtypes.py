"""In which dtype a student computes: as asked, or what this machine trains fast in, measured."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from ..core.settings import Training

if TYPE_CHECKING:
    import torch


WORTH_IT = 1.15  # times as fast as float32, for the digits that bfloat16 loses
LENGTHS = range(150, 162)  # tokens: new lengths, as in training, since kernels are prepared for each


def choose_dtype(folder: Path, training: Training, race: Callable[[Path, Training], float] | None = None
                 ) -> torch.dtype:
    """The compute dtype: as asked, else bfloat16 where a layer of this student trains clearly faster in it.

    GPUs that know bfloat16 take it unmeasured: it halves the memory as well. On CPUs a bare matrix product says
    little: one that wins it threefold has been seen to train at half of float32's speed.
    """
    import torch

    if training.dtype != "auto":
        return getattr(torch, training.dtype)
    if torch.cuda.is_available():
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float32
    return torch.bfloat16 if (race or bfloat16_gain)(folder, training) >= WORTH_IT else torch.float32


def bfloat16_gain(folder: Path, training: Training) -> float:
    """How many times as fast as in float32 a layer trains in bfloat16: the median over pairs, run in turn."""
    import torch

    narrow, wide = (layer_clock(folder, training, dtype) for dtype in (torch.bfloat16, torch.float32))
    return statistics.median(wide(length) / narrow(length) for length in LENGTHS)


def layer_clock(folder: Path, training: Training, dtype: torch.dtype) -> Callable[[int], float]:
    """Seconds in which one layer of this student, with its adapter, learns a batch of records of a given length.

    The time for preparing kernels for a new length counts by the layers of the student, which share them.
    """
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    from . import packing
    from .data import Example
    from .lora import add_lora
    from .loss import weighted_loss

    config = AutoConfig.from_pretrained(folder)
    layers = config.num_hidden_layers
    config.num_hidden_layers, config.vocab_size, config.pad_token_id = 1, 256, None
    layer = AutoModelForCausalLM.from_config(config, dtype=dtype)
    packing.enable(layer, (range(10, 30), (*range(10, 15), *range(100, 110))))
    model = add_lora(layer, training.model_copy(update={"gradient_checkpointing": False, "quantization": "none"}))

    def once(length: int) -> float:
        batch = [Example("", tuple((i + row) % 256 for i in range(length)), length // 2)
                 for row in range(training.batch)]
        started = time.perf_counter()
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=dtype == torch.bfloat16):
            loss = weighted_loss(model, batch, 0)
        loss.backward()
        return time.perf_counter() - started

    def seconds(length: int) -> float:
        first, again = once(length), once(length)
        return again + max(0.0, first - again) / layers

    seconds(LENGTHS[0] - 1)  # what is set up on first use only
    return seconds
