"""A micro-batch as one row: record after record without padding, what they all begin with only once.

    packed = pack(batch)
    states = live_states(model, batch)

Records of one training share their system prompt, and differ in length. In a packed row every record attends to the
common beginning and to itself alone, at the positions it would have by itself, so loss and gradient are those of
padded rows (tested), while fewer tokens are computed. Packing without attention across records is that of Krell et al.,
"Efficient Sequence Packing without Cross-contamination" (arXiv 2107.02027); the common beginning is added here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from . import attention
from .attention import Borders
from .data import Example
from .decoder import causal, device_of, hidden_states

if TYPE_CHECKING:
    import torch
    from torch import nn


@dataclass(frozen=True)
class Packed:
    """A packed row of N tokens. positions: of each token in its record; live: which predict a reply token."""

    ids: list[int]
    positions: list[int]
    live: list[int]
    borders: Borders


def pack(batch: Sequence[Example]) -> Packed:
    """The records of a micro-batch in one row. Live positions come record by record."""
    prefix = common_prefix(batch)
    ids, positions = list(batch[0].ids[:prefix]), list(range(prefix))
    live: list[int] = []
    spans = []
    for example in batch:
        start = len(ids)
        ids += example.ids[prefix:]
        positions += range(prefix, len(example))
        live += range(start - prefix + example.prompt_length - 1, len(ids) - 1)
        spans.append((start, len(ids)))
    return Packed(ids, positions, live, Borders(prefix, tuple(spans)))


def common_prefix(batch: Sequence[Example]) -> int:
    """Tokens with which every record begins; the last token of a prompt, which predicts, is each record's own."""
    if len(batch) == 1:
        return 0
    first, last = min(example.ids for example in batch), max(example.ids for example in batch)
    most = min(example.prompt_length for example in batch) - 1
    return next((i for i in range(most) if first[i] != last[i]), most)


def computed_tokens(batches: Iterable[Sequence[Example]], packed: bool) -> int:
    """Tokens that go through the model for these micro-batches, packed or padded to the longest of each."""
    if packed:
        return sum(sum(map(len, batch)) - (len(batch) - 1) * common_prefix(batch) for batch in batches)
    return sum(len(batch) * max(map(len, batch)) for batch in batches)


def live_states(model: nn.Module, batch: Sequence[Example]) -> torch.Tensor:
    """Last hidden states (M, H) at the live positions, record by record, of a model that packs."""
    import torch

    row = pack(batch)
    ids, positions = (torch.tensor([part], device=device_of(model)) for part in (row.ids, row.positions))
    return hidden_states(model, ids, positions, row.borders)[0, torch.tensor(row.live, device=ids.device)]


# -- which models pack ------------------------------------------------------------------------------------------------

def packs(model: nn.Module) -> bool:
    """Whether `enable` found that the model can."""
    return causal(model).config._attn_implementation == attention.NAME


def enable(model: nn.Module, texts: tuple[Sequence[int], Sequence[int]]) -> bool:
    """Let the model attend within records where it can, and say whether it does; else it is left as it was.

    texts: token ids of two ordinary texts that begin alike and go on differently, to try it on. It can where all its
    attention is full and goes through transformers' interface. That is tried, since a model that drops the borders on
    the way would learn from its neighbours' text without a sign of it.
    """
    model = causal(model)
    before = model.config._attn_implementation
    if not _attends_fully(model.config):
        return False
    attention.register()
    try:
        model.set_attn_implementation(attention.NAME)
        if _keeps_records_apart(model, texts):
            return True
    except (TypeError, ValueError):  # its forward takes no borders, or it has no choice of attention
        pass
    model.set_attn_implementation(before)
    return False


def _attends_fully(config: Any) -> bool:
    kinds = set(getattr(config, "layer_types", None) or ["full_attention"])
    return kinds == {"full_attention"} and not any(
        getattr(config, name, None) for name in ("sliding_window", "attention_dropout"))


def _keeps_records_apart(model: nn.Module, texts: tuple[Sequence[int], Sequence[int]]) -> bool:
    """Whether a text's states in a packed row are those it has alone, rather than those of a row without borders.

    Rounding moves them by a few per cent in bfloat16, a neighbour's text by half and more.
    """
    import torch

    records = [Example("", tuple(ids), len(ids) - 1) for ids in texts]
    row, device = pack(records), device_of(model)
    ids, positions, alone = (torch.tensor([part], device=device) for part in (row.ids, row.positions, records[1].ids))
    start, _ = row.borders.spans[1]
    with torch.no_grad():
        expected = hidden_states(model, alone)[0, row.borders.prefix:].float()
        apart, mixed = (hidden_states(model, ids, positions, borders)[0, start:].float()
                        for borders in (row.borders, Borders(0, ((0, len(row.ids)),))))
    return bool((apart - expected).norm() < 0.4 * (mixed - expected).norm())
