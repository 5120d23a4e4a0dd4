"""In which dtype a student computes: as asked, or what this machine trains fast in, measured."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.settings import Training

if TYPE_CHECKING:
    import torch


def choose_dtype(folder: Path, training: Training, race: Callable[[Path, Training, Any], float] | None = None
                 ) -> torch.dtype:
    """The compute dtype: as asked, else bfloat16 where a layer of this student trains clearly faster in it.

    GPUs that know bfloat16 take it unmeasured: it halves the memory as well. On CPUs a bare matrix product says
    little: one that wins it threefold has been seen to train at half of float32's speed. What bfloat16 loses in digits
    has to be worth it, so it must win by a quarter.
    """
    import torch

    if training.dtype != "auto":
        return getattr(torch, training.dtype)
    if torch.cuda.is_available():
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float32
    race = race or time_layer
    return torch.bfloat16 if race(folder, training, torch.bfloat16) < race(folder, training, torch.float32) / 1.25 \
        else torch.float32


def time_layer(folder: Path, training: Training, dtype: torch.dtype, repeats: int = 3) -> float:
    """Seconds in which one layer of this student, with its adapter, learns a small batch; the fastest of a few."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    from .data import Example
    from .lora import add_lora
    from .loss import weighted_loss

    config = AutoConfig.from_pretrained(folder)
    config.num_hidden_layers, config.vocab_size, config.pad_token_id = 1, 256, None
    layer = AutoModelForCausalLM.from_config(config, dtype=dtype)
    model = add_lora(layer, training.model_copy(update={"gradient_checkpointing": False, "quantization": "none"}))
    times = []
    for length in range(150, 150 + repeats):  # new lengths, as in training: kernels are prepared by shape
        batch = [Example("", tuple(range(length)), length // 2)] * training.batch
        started = time.perf_counter()
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=dtype == torch.bfloat16):
            loss = weighted_loss(model, batch, 0)
        loss.backward()
        times.append(time.perf_counter() - started)
    return min(times)
