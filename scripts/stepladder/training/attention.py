"""Attention of a packed row: every record sees the beginning that all share, and itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch
    from torch import nn

NAME = "records"  # as transformers knows it
SHORT = 512  # keys up to which two plain products beat PyTorch's kernel on a CPU, more than twofold in bfloat16


@dataclass(frozen=True)
class Borders:
    """Whose token is whose in a packed row: [0, prefix) is everybody's, spans[i] = [start, end) record i's."""

    prefix: int
    spans: tuple[tuple[int, int], ...]


def register() -> None:
    """Make it known to transformers; without borders it is its usual attention, with that one's masks."""
    from transformers import AttentionInterface, AttentionMaskInterface
    from transformers.masking_utils import sdpa_mask

    AttentionInterface.register(NAME, attention)
    AttentionMaskInterface.register(NAME, sdpa_mask)


def attention(module: nn.Module, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor,
              attention_mask: torch.Tensor | None, *, borders: Borders | None = None, scaling: float | None = None,
              **options: Any) -> tuple[torch.Tensor, None]:
    """transformers' attention interface: within the borders of a packed row, or as usual where there are none.

    query (1, heads, N, D), key and value (1, key heads, N, D); the result is (1, N, heads, D).
    """
    import torch
    from transformers.integrations.sdpa_attention import sdpa_attention_forward

    if borders is None:
        return sdpa_attention_forward(module, query, key, value, attention_mask, scaling=scaling, **options)
    query, key, value = query[0], key[0], value[0]
    scaling = query.shape[-1] ** -0.5 if scaling is None else scaling
    shared = slice(0, borders.prefix)
    parts = [causal_attention(query[:, shared], key[:, shared], value[:, shared], scaling)] if borders.prefix else []
    for start, end in borders.spans:
        own = slice(start, end)
        parts.append(causal_attention(query[:, own], torch.cat((key[:, shared], key[:, own]), 1),
                                      torch.cat((value[:, shared], value[:, own]), 1), scaling))
    return torch.cat(parts, 1).transpose(0, 1)[None], None


def causal_attention(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, scaling: float) -> torch.Tensor:
    """Attention (heads, S, D) of the last S of T tokens, query (heads, S, D), key and value (key heads, T, D)."""
    import torch
    from torch.nn import functional

    heads, rows, width = query.shape
    shared_by = heads // key.shape[0]
    mask = query.new_full((rows, key.shape[1]), float("-inf")).triu(key.shape[1] - rows + 1)
    if query.is_cpu and key.shape[1] <= SHORT:
        grouped = query.reshape(key.shape[0], shared_by * rows, width)
        scores = torch.baddbmm(mask.repeat(shared_by, 1).expand(key.shape[0], -1, -1), grouped, key.transpose(1, 2),
                               alpha=scaling)
        return torch.bmm(scores.softmax(-1), value).view(query.shape)
    key, value = (part.repeat_interleave(shared_by, 0) for part in (key, value))
    return functional.scaled_dot_product_attention(query[None], key[None], value[None], attn_mask=mask,
                                                   scale=scaling)[0]
