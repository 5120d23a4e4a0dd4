"""Completion-only loss: hidden states everywhere, logits only where a label is live.

Padding is on the right and attention is causal, so no real token ever sees it and no mask is needed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from .data import Example

if TYPE_CHECKING:
    import torch
    from torch import nn

LOGIT_ROWS = 2_048  # rows of the vocabulary's width in memory at once


def collate(batch: Sequence[Example], pad: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """(ids (B, L), live (B, L) bool, labels (N), weights (N)); position i is live where it predicts a reply token."""
    import torch

    longest = max(map(len, batch))
    ids = torch.full((len(batch), longest), pad, dtype=torch.long)
    live = torch.zeros((len(batch), longest), dtype=torch.bool)
    labels: list[int] = []
    weights: list[float] = []
    for row, example in enumerate(batch):
        ids[row, :len(example)] = torch.tensor(example.ids)
        live[row, example.prompt_length - 1:len(example) - 1] = True
        labels += example.ids[example.prompt_length:]
        weights += [example.weight] * example.live
    return ids, live, torch.tensor(labels), torch.tensor(weights)


def weighted_loss(model: nn.Module, batch: Sequence[Example], pad: int) -> torch.Tensor:
    """Sum over live tokens of weight x cross-entropy (nats), a scalar in float32.

    model: a causal language model of transformers, with or without a PEFT wrapper.
    """
    import torch
    from torch.utils.checkpoint import checkpoint

    ids, live, labels, weights = (part.to(device_of(model)) for part in collate(batch, pad))
    hidden = hidden_states(model, ids)[live]
    head = causal(model).get_output_embeddings()
    total = hidden.new_zeros((), dtype=torch.float32)
    for start in range(0, len(labels), LOGIT_ROWS):
        part = slice(start, start + LOGIT_ROWS)
        if len(labels) <= LOGIT_ROWS:
            total = total + _cross_entropy(head, hidden, labels, weights)
        else:
            total = total + checkpoint(_cross_entropy, head, hidden[part], labels[part], weights[part],
                                       use_reentrant=False)
    return total


def _cross_entropy(head: nn.Module, hidden: torch.Tensor, labels: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    from torch.nn import functional

    return (functional.cross_entropy(head(hidden).float(), labels, reduction="none") * weights).sum()


def hidden_states(model: nn.Module, ids: torch.Tensor) -> torch.Tensor:
    """Last hidden states (B, L, H) of right-padded ids (B, L)."""
    return causal(model).get_decoder()(input_ids=ids, use_cache=False).last_hidden_state


def causal(model: nn.Module) -> nn.Module:
    """The transformers model inside a PEFT wrapper, or itself."""
    return model.get_base_model() if hasattr(model, "get_base_model") else model


def device_of(model: nn.Module) -> torch.device:
    """Where the model's input goes."""
    return causal(model).get_input_embeddings().weight.device
