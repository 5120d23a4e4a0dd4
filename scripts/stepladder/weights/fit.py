"""Does a candidate fit this machine? Weighed before anything large is downloaded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from stepladder.engine.memory import GIB, MemoryPlan

NO_BATCHED_KERNEL = frozenset({"IQ1_M"})
"""Tensor types without a batched matrix kernel (MMQ) on CUDA and HIP in llama.cpp: slow for many sequences."""

MOST_WITHOUT_KERNEL = 0.1
"""Share of a file's bytes that may be of such types: mixed quantisations hold a few tensors of many types."""

ENOUGH_SEQUENCES = 0.5
"""Share of the wanted sequences from which on the profile's order decides: it names the better weights first."""


@dataclass(frozen=True)
class Place:
    """What the weights must fit in, bytes. device: "GPU" or "RAM"."""

    memory_bytes: int
    free_disk_bytes: int
    device: str


@dataclass(frozen=True)
class Fit:
    """The verdict on one candidate, its reason in words, and how many sequences it leaves room for."""

    ok: bool
    reason: str
    sequences: int = 0


def judge_disk(download_bytes: int | None, place: Place) -> Fit | None:
    """A no where the disk is too small for this one alone, else None."""
    if download_bytes is not None and download_bytes > place.free_disk_bytes:
        return Fit(False, f"needs {download_bytes / 1e9:.1f} GB of disk, {place.free_disk_bytes / 1e9:.1f} GB are free")
    return None


def judge_gguf(plan: MemoryPlan, tensor_bytes: Mapping[str, int], place: Place) -> Fit:
    """Weigh a GGUF whose header is known: kernels first, then weights + KV cache + buffers + headroom.

    tensor_bytes: tensor type -> bytes.
    """
    slow = {name: size for name, size in tensor_bytes.items() if name in NO_BATCHED_KERNEL}
    share = sum(slow.values()) / max(1, sum(tensor_bytes.values()))
    if place.device == "GPU" and share > MOST_WITHOUT_KERNEL:
        return Fit(False, f"{share:.0%} of its bytes are {', '.join(sorted(slow))}, which has no batched kernel on a "
                   "GPU")
    return Fit(plan.fits, f"{plan.describe()} of {place.device}", plan.sequences)


def judge_size(size_bytes: int | None, place: Place, headroom: float) -> Fit:
    """Weigh by size alone, where no header can be read before the download."""
    if size_bytes is None:
        return Fit(True, "its size is not told before the download")
    usable = place.memory_bytes * (1 - headroom)
    told = f"{size_bytes / GIB:.1f} GiB of {usable / GIB:.1f} GiB usable {place.device}, KV cache not counted"
    return Fit(size_bytes <= usable, told)


def best_first(fits: list[Fit], wanted_sequences: int) -> list[int]:
    """Indices of the candidates worth trying, best first.

    Those with room for half of the wanted sequences or more, or of unknown need, in the profile's order; then those
    with room for fewer, most sequences first.
    """
    enough = ENOUGH_SEQUENCES * wanted_sequences
    roomy = [i for i, fit in enumerate(fits) if fit.ok and (fit.sequences == 0 or fit.sequences >= enough)]
    tight = [i for i, fit in enumerate(fits) if fit.ok and i not in roomy]
    return roomy + sorted(tight, key=lambda i: -fits[i].sequences)
