"""Inside a causal language model: its body without the head, whatever is wrapped around it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch
    from torch import nn

    from .attention import Borders


def hidden_states(model: nn.Module, ids: torch.Tensor, positions: torch.Tensor | None = None,
                  borders: Borders | None = None) -> torch.Tensor:
    """Last hidden states (B, L, H) of right-padded ids (B, L), or of a packed row (1, N) with positions and borders."""
    options = {} if borders is None else {"position_ids": positions, "borders": borders}
    return causal(model).get_decoder()(input_ids=ids, use_cache=False, **options).last_hidden_state


def logits(model: nn.Module, hidden: torch.Tensor) -> torch.Tensor:
    """Logits (N, V) in float32 of last hidden states (N, H), scaled and capped as the model does it itself.

    Granite divides them (logits_scaling), Cohere multiplies them (logit_scale), Gemma 2 caps them
    (final_logit_softcapping), each behind the head in its forward.
    """
    rows, config = causal(model).get_output_embeddings()(hidden).float(), causal(model).config.get_text_config()
    rows = rows * (getattr(config, "logit_scale", None) or 1.0) / (getattr(config, "logits_scaling", None) or 1.0)
    cap = getattr(config, "final_logit_softcapping", None)
    return rows if not cap else cap * (rows / cap).tanh()


def causal(model: nn.Module) -> nn.Module:
    """The transformers model inside a PEFT wrapper, or itself."""
    return model.get_base_model() if hasattr(model, "get_base_model") else model


def device_of(model: nn.Module) -> torch.device:
    """Where the model's input goes."""
    return causal(model).get_input_embeddings().weight.device
