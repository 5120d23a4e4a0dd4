"""LoRA on a student: which modules get it, and the fresh adapter around the model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.errors import InputError
from ..core.settings import Training
from . import nf4

if TYPE_CHECKING:
    from torch import nn


def add_lora(model: nn.Module, training: Training) -> nn.Module:
    """Wrap the model with a fresh float32 adapter (B = 0, so nothing changes yet)."""
    from peft import LoraConfig, get_peft_model

    targets = lora_targets(model, training.targets)
    experts = expert_parameters(model) if training.targets == "experts" else []
    if training.targets == "experts":
        if not experts:
            raise InputError("targets=experts: this student has no fused experts")
        if training.quantization == "nf4":
            raise InputError("targets=experts: PEFT cannot put LoRA on 4-bit experts; use --quantization none, "
                             "the unsloth backend, or --targets attention")
        if training.dropout:
            raise InputError("targets=experts needs dropout 0")
    if training.gradient_checkpointing:
        model.gradient_checkpointing_enable({"use_reentrant": False})
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    config = LoraConfig(
        r=training.rank, lora_alpha=training.alpha, lora_dropout=training.dropout, target_modules=targets,
        target_parameters=experts or None, task_type="CAUSAL_LM",
        rank_pattern={name: training.expert_rank for name in experts},
        alpha_pattern={name: training.expert_rank * training.alpha // training.rank or 1 for name in experts})
    return get_peft_model(model, config)


def lora_targets(model: nn.Module, targets: str) -> list[str]:
    """Names of the modules that get LoRA: all linears, or those of attention ("auto": attention where experts are)."""
    from torch import nn

    if targets == "auto":
        targets = "attention" if expert_parameters(model) else "linear"
    head = model.get_output_embeddings()
    names = {path.rpartition(".")[2] for path, module in model.named_modules()
             if isinstance(module, nn.Linear) and module is not head and (targets == "linear" or "attn" in path)}
    if not names:
        raise InputError("no module of the student can take LoRA")
    return sorted(names)


def expert_parameters(model: nn.Module) -> list[str]:
    """Suffixes of the fused expert parameters, such as mlp.experts.down_proj, 4-bit ones included."""
    suffixes = set()
    for name, parameter in model.named_parameters():
        plain = name.replace("parametrizations.", "").removesuffix(".original")
        if plain != name or nf4.is_fused_experts(name, parameter):
            suffixes.add(".".join(plain.split(".")[-3:]))
    return sorted(suffixes)
