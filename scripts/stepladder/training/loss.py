"""Completion-only loss: hidden states everywhere, logits only where a label is live.

Rows are packed where the model can (packing.py). Else they are padded on the right; attention is causal, so no real
token ever sees padding and no mask is needed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from . import packing
from .data import Example
from .decoder import device_of, hidden_states, logits

if TYPE_CHECKING:
    import torch
    from torch import nn

LOGIT_ROWS = 2_048  # rows of the vocabulary's width in memory at once


def weighted_loss(model: nn.Module, batch: Sequence[Example], pad: int) -> torch.Tensor:
    """Sum over live tokens of weight x cross-entropy (nats), a scalar in float32.

    model: a causal language model of transformers, with or without a PEFT wrapper.
    """
    import torch
    from torch.utils.checkpoint import checkpoint

    hidden, labels = live_states(model, batch, pad)
    weights = torch.tensor([example.weight for example in batch for _ in range(example.live)], device=hidden.device)
    total = hidden.new_zeros((), dtype=torch.float32)
    for start in range(0, len(labels), LOGIT_ROWS):
        part = slice(start, start + LOGIT_ROWS)
        if len(labels) <= LOGIT_ROWS:
            total = total + _cross_entropy(model, hidden, labels, weights)
        else:
            total = total + checkpoint(_cross_entropy, model, hidden[part], labels[part], weights[part],
                                       use_reentrant=False)
    return total


def record_losses(model: nn.Module, batch: Sequence[Example], pad: int, places: Sequence[int]
                  ) -> tuple[list[float], torch.Tensor]:
    """(mean cross-entropy over the live tokens of each record, nats; logits (N, V) at a place of each record).

    places: index of a live token by record, from 0: its logits are those that predict it. Keeps no graph.
    """
    import torch
    from torch.nn import functional

    losses, rows = [], []
    with torch.no_grad():
        hidden, labels = live_states(model, batch, pad)
        sizes = [example.live for example in batch]
        for states, wanted, place in zip(hidden.split(sizes), labels.split(sizes), places, strict=True):
            found = logits(model, states)
            losses.append(functional.cross_entropy(found, wanted).item())
            rows.append(found[place].cpu())
    return losses, torch.stack(rows)


def live_states(model: nn.Module, batch: Sequence[Example], pad: int) -> tuple[torch.Tensor, torch.Tensor]:
    """(last hidden states (M, H) at the positions that predict a reply token, those tokens (M,)), record by record."""
    import torch

    hidden = packing.live_states(model, batch) if packing.packs(model) else padded_states(model, batch, pad)
    return hidden, torch.tensor([token for example in batch for token in example.ids[example.prompt_length:]],
                                device=hidden.device)


def padded_states(model: nn.Module, batch: Sequence[Example], pad: int) -> torch.Tensor:
    """Last hidden states (M, H) at the positions that predict a reply token, record by record."""
    import torch

    ids = torch.full((len(batch), max(map(len, batch))), pad, dtype=torch.long)
    live = torch.zeros(ids.shape, dtype=torch.bool)
    for row, example in enumerate(batch):
        ids[row, :len(example)] = torch.tensor(example.ids)
        live[row, example.prompt_length - 1:len(example) - 1] = True
    device = device_of(model)
    return hidden_states(model, ids.to(device))[live.to(device)]


def _cross_entropy(model: nn.Module, hidden: torch.Tensor, labels: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    from torch.nn import functional

    return (functional.cross_entropy(logits(model, hidden), labels, reduction="none") * weights).sum()
