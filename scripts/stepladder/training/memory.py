"""Memory: what a training will need, computed before it is loaded, and what it does need, measured.

The plan counts the model's own parameters on the meta device, so it needs no weights, only their config.json.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core import machine
from ..core.errors import InputError, StageError
from ..core.quiet import quiet_libraries
from ..core.settings import Training
from . import nf4

if TYPE_CHECKING:
    import torch

GB = 1e9
WORKING_SHARE = 0.05  # allocator's slack and small buffers, on top of the rest
RUNTIME = 10**9  # Python, libraries and their compiled kernels: 0.5 GB in float32, 1.0 in bfloat16 (docs/training.md)


@dataclass(frozen=True)
class MemoryPlan:
    """Bytes of a training, by purpose."""

    weights: int
    adapter: int
    optimizer: int
    activations: int
    logits: int
    unpacked: int
    runtime: int
    parameters: int
    trainable: int

    @property
    def total(self) -> int:
        """All of it, with some slack."""
        parts = (self.weights, self.adapter, self.optimizer, self.activations, self.logits, self.unpacked,
                 self.runtime)
        return round(sum(parts) * (1 + WORKING_SHARE))

    def lines(self) -> list[str]:
        """For --plan and the start of a run."""
        return [
            f"parameters {self.parameters / GB:.2f}B, trainable {self.trainable / 1e6:.1f}M "
            f"({self.trainable / self.parameters:.2%})",
            f"memory (computed): weights {self.weights / GB:.2f} GB, adapter and gradients {self.adapter / GB:.2f}, "
            f"optimiser {self.optimizer / GB:.2f}, activations of the longest batch {self.activations / GB:.2f}, "
            f"logits {self.logits / GB:.2f}, unpacked 4-bit weights {self.unpacked / GB:.2f}, "
            f"libraries {self.runtime / GB:.2f}; in all {self.total / GB:.2f} GB",
        ]

    def as_json(self) -> dict[str, int]:
        """Plain numbers."""
        return {**asdict(self), "total": self.total}


def plan(folder: Path, training: Training, *, batch: int, length: int, live: int) -> MemoryPlan:
    """The plan of training the model whose config lies in `folder`.

    batch, length, live: of the longest micro-batch (records, tokens each, tokens with loss in all).
    Raises InputError where the config cannot be read.
    """
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    from .lora import add_lora

    quiet_libraries()
    try:
        config = AutoConfig.from_pretrained(folder)
    except (OSError, ValueError) as error:
        raise InputError(f"student {folder}: no usable config.json ({str(error).splitlines()[0]})") from error
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config)
    wide = _width(training)
    small = _packed_names(model) if training.quantization == "nf4" else set()
    parameters = weights = largest_unpacked = 0
    for name, parameter in model.named_parameters():
        parameters += parameter.numel()
        weights += round(parameter.numel() * (nf4.BYTES_A_WEIGHT if name in small else wide))
        if name in small:
            largest_unpacked = max(largest_unpacked, parameter.numel() * wide)
    count = _trainable(add_lora, model, training)
    return MemoryPlan(
        weights=weights, adapter=count * 8, optimizer=count * 8,
        activations=_activations(config, training.gradient_checkpointing, batch * length, wide),
        logits=min(live, 2_048) * config.vocab_size * (2 * wide + 4),
        unpacked=largest_unpacked * 2, runtime=RUNTIME, parameters=parameters, trainable=count)


def _width(training: Training) -> int:
    """Bytes of the compute dtype; "auto" is taken for 16-bit on GPUs, and for float32 elsewhere, to be safe."""
    return 4 if training.dtype == "float32" or (training.dtype == "auto" and not machine.gpus()) else 2


def _packed_names(model: Any) -> set[str]:
    from torch import nn

    head = model.get_output_embeddings()
    linears = {f"{path}.weight" for path, module in model.named_modules()
               if isinstance(module, nn.Linear) and module is not head}
    return {name for name, parameter in model.named_parameters()
            if name in linears or nf4.is_fused_experts(name, parameter)}


def _trainable(add_lora: Any, model: Any, training: Training) -> int:
    import torch

    with torch.device("meta"):
        wrapped = add_lora(model, training.model_copy(update={"gradient_checkpointing": False}))
    return sum(parameter.numel() for parameter in wrapped.parameters() if parameter.requires_grad)


def _activations(config: Any, checkpointing: bool, tokens: int, wide: int) -> int:
    """Bytes kept for the backward pass: a layer's inputs where layers are recomputed, else all it computes.

    The constants count tensors of the hidden, the attention and the intermediate width that a decoder layer with LoRA
    keeps, for each expert a token goes to; they were set by what a 135M Llama took (docs/training.md).
    """
    inner = getattr(config, "moe_intermediate_size", None)
    width = inner * config.num_experts_per_tok if inner else config.intermediate_size
    heads = config.num_attention_heads * (getattr(config, "head_dim", None)
                                          or config.hidden_size // config.num_attention_heads)
    layer = tokens * wide * (14 * config.hidden_size + 6 * heads + 8 * width)
    if checkpointing:
        return layer + config.num_hidden_layers * tokens * config.hidden_size * wide
    return layer * config.num_hidden_layers


def require_fits(found: MemoryPlan, what: str) -> None:
    """Raise StageError, with the numbers, where the plan is larger than this machine's memory."""
    there, where = available()
    if found.total > there:
        raise StageError(f"{what} needs {found.total / GB:.1f} GB (computed), {where} has {there / GB:.1f} GB; "
                         "lower --batch or --max-length, or take the profile made for this machine")


def available() -> tuple[int, str]:
    """(bytes, where) of the memory that training happens in."""
    found = machine.gpus()
    if found:
        largest = max(found, key=lambda gpu: gpu.memory_bytes)
        return largest.memory_bytes, f"{largest.vendor} GPU {largest.name}"
    return machine.memory_bytes(), "this machine"


def training_bytes(device: torch.device) -> int:
    """Memory in use: peak on the GPU since the start, or this process's anonymous pages now (not mapped files)."""
    if device.type == "cuda":
        import torch

        return torch.cuda.max_memory_allocated(device)
    for line in Path("/proc/self/status").read_text().splitlines() if Path("/proc/self/status").exists() else []:
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) * 1024
    return machine.peak_memory_bytes()
