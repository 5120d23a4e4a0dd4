"""The student ready to learn: base weights in their dtype or 4-bit, LoRA on the chosen modules, and proof of both."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.errors import InputError, StageError
from ..core.quiet import quiet_libraries
from ..core.settings import Training
from . import nf4

if TYPE_CHECKING:
    import torch
    from torch import nn
    from transformers import PreTrainedTokenizerBase

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
        from .loss import device_of

        return device_of(self.model)

    @property
    def autocast(self) -> Any:
        """Context of a forward pass: adapters are float32, computing is in `dtype`."""
        import torch

        if self.dtype == torch.float32:
            return contextlib.nullcontext()
        return torch.autocast(self.device.type, dtype=self.dtype)

    def trainable(self) -> dict[str, nn.Parameter]:
        """The adapter's parameters by name."""
        return {name: parameter for name, parameter in self.model.named_parameters() if parameter.requires_grad}


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
    else:
        tokenizer = load_tokenizer(folder)
        model = load_base(folder, training.quantization, dtype)
        count, size = nf4.weight_bytes(model)
        if training.quantization == "nf4":
            require_four_bit(model)
        model = add_lora(model, training)
        return Student(model, tokenizer, dtype, backend, count, size)
    count, size = nf4.weight_bytes(model.get_base_model())
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


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0]
