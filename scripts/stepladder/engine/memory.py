"""How many sequences of a model fit this machine: weights + KV cache + compute buffers + headroom.

    header = read_gguf_header("model.gguf")
    plan = plan_memory(header, context=2048, sequences=64, available=detect_machine().model_memory)
    print(plan.describe())

The arithmetic is pure; only `detect_machine` looks at the machine.
"""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from .gguf_header import GgufError, GgufHeader, LongArray, read_gguf_header

__all__ = [
    "GgufError",
    "GgufHeader",
    "Gpu",
    "LongArray",
    "Machine",
    "MemoryPlan",
    "compute_buffer_bytes",
    "detect_machine",
    "kv_bytes_per_token",
    "plan_memory",
    "read_gguf_header",
    "state_bytes",
]

GIB = 1024**3
CONTEXT_STEP = 256  # llama.cpp rounds the context of a sequence up to a multiple of it
CACHE_BYTES = {"f32": 4.0, "f16": 2.0, "bf16": 2.0, "q8_0": 34 / 32, "q4_0": 18 / 32}


def kv_bytes_per_token(header: GgufHeader, cache_type: str = "f16") -> int:
    """Bytes that one token takes in llama.cpp's KV cache, all layers together; 0 where no layer has attention.

    Grouped-query attention: K and V of every KV head. Multi-head latent attention (deepseek2 files with
    `key_length_mla`): K only, one compressed row of kv_lora_rank + rope dimensions, as llama.cpp derives V from it
    (576 x 61 layers x 2 bytes = 68.6 KiB for DeepSeek-V3.1). Sliding windows are counted in full.

    Raises:
        GgufError: the metadata does not say enough.
    """
    kv_heads = _kv_heads(header)
    if header.count("attention.key_length_mla"):
        row = header.count("attention.kv_lora_rank") + header.count("rope.dimension_count")
        return round(len(kv_heads) * row * CACHE_BYTES[cache_type])
    per_head = header.count("embedding_length") // max(1, header.count("attention.head_count"))
    key = header.count("attention.key_length") or per_head
    value = header.count("attention.value_length") or per_head
    return round(sum(kv_heads) * (key + value) * CACHE_BYTES[cache_type])


def state_bytes(header: GgufHeader) -> int:
    """Bytes of the state that recurrent layers keep of one sequence, however long it is; 0 where there are none.

    RWKV, short convolutions (LFM2), delta attention (Kimi), state spaces and gated delta nets (Mamba, Jamba, Falcon-H1,
    Qwen3-Next), each in float32, as llama.cpp counts them (n_embd_r and n_embd_s of its hyperparameters).

    Raises:
        GgufError: the metadata does not say enough.
    """
    kv_heads = _kv_heads(header)
    recurrent_layers = kv_heads.count(0) or len(kv_heads)  # Falcon-H1 has state and attention in every layer
    width, heads = header.count("embedding_length"), header.count("attention.head_count")
    before = max(0, header.count("ssm.conv_kernel") - 1)  # inputs that a convolution looks back at
    if head := header.count("wkv.head_size"):
        numbers = (header.count("token_shift_count") or 2) * width + width * head
    elif kernel := header.count("shortconv.l_cache"):
        numbers = (kernel - 1) * width
    elif head := header.count("kda.head_dim"):
        numbers = heads * head * (3 * (before or 3) + head)
    else:
        inner, state = header.count("ssm.inner_size"), header.count("ssm.state_size")
        numbers = before * (inner + 2 * header.count("ssm.group_count") * state) + state * inner
    return 4 * recurrent_layers * numbers


def _kv_heads(header: GgufHeader) -> list[int]:
    """KV heads of each layer; 0 for those without attention. Raises GgufError where the metadata does not say."""
    heads = header.by_layer("attention.head_count")
    if heads is None:
        raise GgufError(f"{header.shards[0]}: its metadata lacks {header.architecture}.attention.head_count")
    kv_heads = header.by_layer("attention.head_count_kv") or heads
    every = header.count("full_attention_interval") or 1
    return [count if number % every == 0 else 0 for number, count in enumerate(kv_heads, start=1)]


def compute_buffer_bytes(header: GgufHeader, *, batch_tokens: int, sequences: int, context: int) -> int:
    """An upper estimate of llama.cpp's compute and output buffers.

    Logits of the wanted tokens (twice: computed, and handed out), some twenty activations of the batch in float32,
    and the attention mask of a unified cache. docs/engine.md holds it against what llama.cpp reports.
    """
    vocabulary, width = header.vocabulary_size, header.count("embedding_length")
    hidden = header.count("feed_forward_length") or 4 * width
    outputs = min(batch_tokens, sequences + 32)
    logits = 2 * outputs * vocabulary * 4
    activations = batch_tokens * (12 * width + 4 * hidden) * 4
    mask = batch_tokens * context * sequences * 2
    return logits + activations + mask


@dataclass(frozen=True)
class MemoryPlan:
    """What a model needs and what there is, in bytes; `sequences` is how many of those wanted fit (0: none).

    kv_per_sequence: of the KV cache, and of the state of recurrent layers.
    """

    weights: int
    kv_per_sequence: int
    compute: int
    headroom: int
    available: int
    wanted: int
    sequences: int

    @property
    def fits(self) -> bool:
        return self.sequences > 0

    @property
    def needed(self) -> int:
        """For the planned sequences, or for one where none fits."""
        return self.weights + self.kv_per_sequence * max(1, self.sequences) + self.compute + self.headroom

    def describe(self) -> str:
        parts = (
            f"weights {self.weights / GIB:.1f} + KV {max(1, self.sequences)} x {self.kv_per_sequence / GIB:.2f} "
            f"+ compute {self.compute / GIB:.1f} + headroom {self.headroom / GIB:.1f} = {self.needed / GIB:.1f} "
            f"of {self.available / GIB:.1f} GiB"
        )
        if not self.fits:
            return f"does not fit: {parts}"
        short = "" if self.sequences == self.wanted else f" ({self.wanted} were wanted)"
        return f"{self.sequences} sequences{short}: {parts}"


def plan_memory(
    header: GgufHeader,
    *,
    context: int,
    sequences: int,
    available: int,
    batch_tokens: int = 512,
    cache_type: str = "f16",
    headroom: int | None = None,
) -> MemoryPlan:
    """How many of `sequences` sequences of `context` tokens fit into `available` bytes beside the weights.

    headroom: bytes left free for what is not counted (driver, fragmentation, the Python process); by default 5 % of
        what is available, at least half a GiB.

    Raises:
        GgufError: the metadata does not say enough.
    """
    kv = kv_bytes_per_token(header, cache_type) * -(-context // CONTEXT_STEP) * CONTEXT_STEP + state_bytes(header)
    compute = compute_buffer_bytes(header, batch_tokens=batch_tokens, sequences=sequences, context=context)
    spare = max(GIB // 2, available // 20) if headroom is None else headroom
    room = available - header.size_bytes - compute - spare
    fitting = max(0, min(sequences, room // max(1, kv)))
    return MemoryPlan(header.size_bytes, kv, compute, spare, available, sequences, fitting)


@dataclass(frozen=True)
class Gpu:
    """One accelerator; bytes."""

    name: str
    total: int
    free: int


@dataclass(frozen=True)
class Machine:
    """What this machine has; bytes. `source` says what told of the GPUs: "rocm-smi", "nvidia-smi", "torch", "none"."""

    ram_total: int
    ram_available: int
    cores: int
    gpus: tuple[Gpu, ...]
    source: str

    @property
    def model_memory(self) -> int:
        """Where a model would go: the free memory of all GPUs, or without one the available RAM."""
        return sum(gpu.free for gpu in self.gpus) if self.gpus else self.ram_available

    def describe(self) -> str:
        ram = f"{self.cores} cores, {self.ram_available / GIB:.1f} of {self.ram_total / GIB:.1f} GiB RAM free"
        gpus = "; ".join(f"{g.name}: {g.free / GIB:.1f} of {g.total / GIB:.1f} GiB free" for g in self.gpus)
        return f"{ram}; {gpus} (by {self.source})" if gpus else f"{ram}; no GPU found"


def detect_machine() -> Machine:
    """RAM (a container's limit respected), cores and GPUs of this machine."""
    import psutil

    from .native import physical_cores

    memory = psutil.virtual_memory()
    total, free = memory.total, memory.available
    limit = _container_limit()
    if limit is not None and limit < total:
        used = int(Path("/sys/fs/cgroup/memory.current").read_text())
        total, free = limit, min(free, max(0, limit - used))
    for source, ask in (("rocm-smi", _ask_rocm_smi), ("nvidia-smi", _ask_nvidia_smi), ("torch", _ask_torch)):
        gpus = ask()
        if gpus:
            return Machine(total, free, physical_cores(), tuple(gpus), source)
    return Machine(total, free, physical_cores(), (), "none")


def _container_limit() -> int | None:
    file = Path("/sys/fs/cgroup/memory.max")
    if not file.is_file():
        return None
    text = file.read_text().strip()
    return int(text) if text.isdigit() else None


def _run(command: list[str]) -> str | None:
    """Output of a tool; None where it is not installed or fails (no driver, no device)."""
    if shutil.which(command[0]) is None:
        return None
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
        return None
    return done.stdout


def parse_rocm_smi(text: str) -> list[Gpu]:
    """GPUs from `rocm-smi --showproductname --showmeminfo vram --json`."""
    gpus = []
    for card in (value for key, value in json.loads(text).items() if key.startswith("card")):
        total = card.get("VRAM Total Memory (B)")
        if total is None:
            continue
        name = card.get("Card Series") or card.get("Card series") or card.get("Card Model") or "AMD GPU"
        gpus.append(Gpu(name, int(total), int(total) - int(card["VRAM Total Used Memory (B)"])))
    return gpus


def parse_nvidia_smi(text: str) -> list[Gpu]:
    """GPUs from `nvidia-smi --query-gpu=name,memory.total,memory.free --format=csv,noheader,nounits` (MiB)."""
    rows = csv.reader(text.splitlines(), skipinitialspace=True)
    return [Gpu(name, int(total) * 1024**2, int(free) * 1024**2) for name, total, free in rows]


def _ask_rocm_smi() -> list[Gpu]:
    text = _run(["rocm-smi", "--showproductname", "--showmeminfo", "vram", "--json"])
    return parse_rocm_smi(text[text.index("{") :]) if text and "{" in text else []


def _ask_nvidia_smi() -> list[Gpu]:
    text = _run(["nvidia-smi", "--query-gpu=name,memory.total,memory.free", "--format=csv,noheader,nounits"])
    return parse_nvidia_smi(text) if text else []


def _ask_torch() -> list[Gpu]:
    """Only where a driver's device node exists, since importing torch takes seconds."""
    if not (os.path.exists("/dev/kfd") or os.path.exists("/dev/nvidia0")):
        return []
    try:
        import torch
    except ImportError:
        return []
    gpus = []
    for index in range(torch.cuda.device_count()):
        free, total = torch.cuda.mem_get_info(index)
        gpus.append(Gpu(torch.cuda.get_device_name(index), total, free))
    return gpus
