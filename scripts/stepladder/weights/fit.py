"""Does a candidate fit this machine? Pure arithmetic over sizes; nothing is downloaded to find out."""

from __future__ import annotations

from dataclasses import dataclass

COMPUTE_BUFFER_BYTES = 1_500_000_000
"""Allowance for compute buffers of a large model at a few thousand tokens a batch; small ones use less of it."""

NO_BATCHED_KERNEL = frozenset({"IQ1_M"})
"""Tensor types without a batched matrix kernel (MMQ) on CUDA and HIP in llama.cpp: slow for many sequences."""


@dataclass(frozen=True)
class Machine:
    """What the weights must fit in. memory_bytes: of the device that will hold them."""

    memory_bytes: int
    free_disk_bytes: int
    device: str  # "GPU" or "RAM"


@dataclass(frozen=True)
class Need:
    """What a candidate asks for. None: not known before it is there."""

    weight_bytes: int | None
    kv_bytes_per_token: float | None
    tokens: int  # sequences x context
    disk_bytes: int | None
    tensor_types: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Fit:
    """The verdict on one candidate, with its reason in words."""

    ok: bool
    reason: str


def judge(need: Need, machine: Machine, headroom: float) -> Fit:
    """Weigh weights + KV cache + compute buffers + headroom against memory, and the download against the disk."""
    if need.weight_bytes is None:
        return Fit(True, "size not told; small enough to try")
    slow = NO_BATCHED_KERNEL & need.tensor_types
    if slow and machine.device == "GPU":
        return Fit(False, f"{', '.join(sorted(slow))} tensors have no batched GPU kernel")
    kv_bytes = (need.kv_bytes_per_token or 0.0) * need.tokens
    # A small model needs a small buffer: never more than its own size.
    needed = need.weight_bytes + kv_bytes + min(COMPUTE_BUFFER_BYTES, need.weight_bytes)
    usable = machine.memory_bytes * (1 - headroom)
    told = "" if need.kv_bytes_per_token is not None else " (KV cache not known yet)"
    sizes = f"{needed / 1e9:.1f} GB of {usable / 1e9:.1f} GB usable {machine.device}{told}"
    if needed > usable:
        return Fit(False, f"needs {sizes}")
    if need.disk_bytes is not None and need.disk_bytes > machine.free_disk_bytes:
        return Fit(False, f"needs {need.disk_bytes / 1e9:.1f} GB of disk, {machine.free_disk_bytes / 1e9:.1f} GB free")
    return Fit(True, f"fits: {sizes}")
