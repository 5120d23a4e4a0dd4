"""Logits from last hidden states are the model's own, also where it scales or caps them behind its head."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from stepladder.training import decoder

TINY = {"vocab_size": 64, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4,
        "num_key_value_heads": 2, "head_dim": 8}


@pytest.mark.parametrize(("name", "more"), [
    ("Llama", {}), ("Granite", {"logits_scaling": 8.0}), ("Cohere", {"logit_scale": 0.0625}),
    ("Gemma2", {"final_logit_softcapping": 0.05})])
def test_logits_are_the_models_own(name: str, more: dict[str, Any]) -> None:
    import transformers

    config = getattr(transformers, f"{name}Config")(**TINY, **more)
    torch.manual_seed(0)
    model = getattr(transformers, f"{name}ForCausalLM")(config).eval()
    ids = torch.arange(1, 9)[None]
    with torch.no_grad():
        found = decoder.logits(model, decoder.hidden_states(model, ids)[0])
        assert torch.allclose(found, model(input_ids=ids).logits[0].float(), atol=1e-5)
