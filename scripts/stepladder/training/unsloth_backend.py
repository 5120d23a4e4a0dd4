"""The unsloth backend: the same interface as loading.py's PEFT one, for GPU machines that have unsloth installed.

unsloth quantises MoE experts to 4-bit itself and brings faster kernels.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.errors import InputError, StageError
from ..core.settings import Training
from .lora import lora_targets

if TYPE_CHECKING:
    import torch


def load(folder: Path, training: Training, dtype: torch.dtype, seed: int) -> tuple[Any, Any]:
    """(model with LoRA, tokenizer). Raises InputError where unsloth is missing, StageError without a GPU."""
    try:
        from unsloth import FastLanguageModel
    except ImportError:
        raise InputError("backend unsloth is not installed: pip install -r requirements-gpu.txt, "
                         "or use --backend peft") from None
    except NotImplementedError as error:
        raise StageError("backend unsloth needs a GPU; use --backend peft") from error

    model, tokenizer = FastLanguageModel.from_pretrained(
        model_name=str(folder), max_seq_length=training.max_length, dtype=dtype,
        load_in_4bit=training.quantization == "nf4")
    targets = lora_targets(model, "attention" if training.targets == "experts" else training.targets)
    if training.targets == "experts":
        targets += ["gate_proj", "up_proj", "down_proj"]
    model = FastLanguageModel.get_peft_model(
        model, r=training.rank, lora_alpha=training.alpha, lora_dropout=training.dropout, target_modules=targets,
        bias="none", use_gradient_checkpointing="unsloth" if training.gradient_checkpointing else False,
        random_state=seed)
    return model, getattr(tokenizer, "tokenizer", tokenizer)
