"""The student ready to learn: base weights in their dtype or 4-bit, LoRA on the chosen modules, and proof of both."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.errors import InputError, StageError
from ..core.quiet import quiet_libraries
from ..core.settings import Training
from . import nf4, packing
from .decoder import device_of
from .dtypes import choose_dtype
from .lora import add_lora

if TYPE_CHECKING:
    import torch
    from torch import nn
    from transformers import PreTrainedTokenizerBase

ALIKE = ("Three and four are seven, since three and three are six.", "Three and nine are twelve.")  # begin alike
MOST_BYTES_A_PARAMETER = 1.0  # of a 4-bit model with its 16-bit embeddings; 16-bit experts give nearly 2


@dataclass
class Student:
    """A model with a LoRA adapter and its tokenizer, on its device."""

    model: nn.Module
    tokenizer: PreTrainedTokenizerBase
    dtype: torch.dtype
    backend: str
    parameters: int
    weight_bytes: int

    @property
    def device(self) -> torch.device:
        """Where it computes."""
        return device_of(self.model)

    @property
    def autocast(self) -> Any:
        """Context of a forward pass: adapters are float32, computing is in `dtype`."""
        return autocast(self.model, self.dtype)

    @property
    def packs(self) -> bool:
        """Whether micro-batches are packed into one row, or padded."""
        return packing.packs(self.model)

    @property
    def pad(self) -> int:
        """The token that fills rows up."""
        pad = self.tokenizer.pad_token_id
        return pad if pad is not None else self.tokenizer.eos_token_id

    def trainable(self) -> dict[str, nn.Parameter]:
        """The adapter's parameters by name."""
        return {name: parameter for name, parameter in self.model.named_parameters() if parameter.requires_grad}


def autocast(model: nn.Module, dtype: torch.dtype) -> Any:
    """Context of a forward pass of `model` that computes in `dtype`."""
    import torch

    if dtype == torch.float32:
        return contextlib.nullcontext()
    return torch.autocast(device_of(model).type, dtype=dtype)


def choose_backend(training: Training) -> str:
    """"unsloth" where it is asked for or (auto) installed beside a GPU, else "peft"."""
    import importlib.util

    import torch

    if training.backend != "auto":
        return training.backend
    return "unsloth" if importlib.util.find_spec("unsloth") and torch.cuda.is_available() else "peft"


def load_student(folder: Path, training: Training, seed: int) -> Student:
    """Load the base in `folder` and put LoRA on it. Raises InputError (no such model), StageError (not 4-bit)."""
    import torch

    dtype = choose_dtype(folder, training)
    torch.manual_seed(seed)
    backend = choose_backend(training)
    if backend == "unsloth":
        from . import unsloth_backend

        model, tokenizer = unsloth_backend.load(folder, training, dtype, seed)
        count, size = nf4.weight_bytes(model.get_base_model())
    else:
        tokenizer = load_tokenizer(folder)
        model = load_base(folder, training.quantization, dtype)
        count, size = nf4.weight_bytes(model)
        if training.quantization == "nf4":
            require_four_bit(model)
        packing.enable(model, tuple(tokenizer(text, add_special_tokens=False)["input_ids"] for text in ALIKE))
        model = add_lora(model, training)
    model.train()  # loaded for inference: layers would not be recomputed, nor anything dropped out
    return Student(model, tokenizer, dtype, backend, count, size)


def load_tokenizer(folder: Path) -> PreTrainedTokenizerBase:
    """The student's tokenizer. Raises InputError where there is none or it has no chat template."""
    from transformers import AutoTokenizer

    quiet_libraries()
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder)
    except (OSError, ValueError) as error:
        raise InputError(f"student {folder}: no usable tokenizer ({_first_line(error)})") from error
    if not tokenizer.chat_template:
        raise InputError(f"student {folder}: its tokenizer has no chat template")
    return tokenizer


def load_base(folder: Path, quantization: str, dtype: torch.dtype) -> nn.Module:
    """The causal language model in `folder`, on the GPU where there is one."""
    import torch
    from transformers import AutoModelForCausalLM

    device = "cuda" if torch.cuda.is_available() else "cpu"
    options: dict[str, Any] = {"dtype": dtype, "device_map": {"": device}}
    if quantization == "nf4":
        options["quantization_config"] = nf4.quantization_config()(compute_dtype=dtype)
    try:
        model = AutoModelForCausalLM.from_pretrained(folder, **options)
    except (OSError, ValueError) as error:
        raise InputError(f"student {folder}: cannot be loaded ({_first_line(error)})") from error
    nf4.keep_differentiable(model)
    model.config.use_cache = False
    return model


def require_four_bit(model: nn.Module) -> float:
    """Bytes a parameter of a model that should be 4-bit. Raises StageError, with the numbers, where it is not.

    Small models consist of 16-bit embeddings largely, so what counts are the matrices that NF4 should hold.
    """
    count, size = nf4.weight_bytes(model)
    wide = nf4.left_in_16_bit(model)
    if wide:
        wide_bytes = sum(held for _, held in wide)
        raise StageError(
            f"the base is not 4-bit: {size / count:.2f} bytes a parameter ({size / 1e9:.2f} GB for "
            f"{count / 1e9:.2f}B), {len(wide)} matrices ({wide_bytes / 1e9:.2f} GB) stayed wide, such as {wide[0][0]}")
    return size / count


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0]
