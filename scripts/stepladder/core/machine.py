"""What this machine is: cores, memory, GPUs, free disk. Asked cheaply, without torch."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Gpu:
    """One accelerator: vendor "amd" or "nvidia", memory in bytes."""

    vendor: str
    name: str
    memory_bytes: int


def gpus(drm: Path = Path("/sys/class/drm")) -> list[Gpu]:
    """GPUs with their memory: AMD from sysfs, NVIDIA from nvidia-smi."""
    found = []
    for memory in sorted(drm.glob("card*/device/mem_info_vram_total")):
        found.append(Gpu("amd", memory.parent.parent.name, int(memory.read_text())))
    if shutil.which("nvidia-smi"):
        query = ["nvidia-smi", "--query-gpu=name,memory.total", "--format=csv,noheader,nounits"]
        answer = subprocess.run(query, capture_output=True, text=True, check=False)
        for line in answer.stdout.splitlines() if answer.returncode == 0 else []:
            name, _, mebibytes = line.rpartition(",")
            found.append(Gpu("nvidia", name.strip(), int(mebibytes) * 2**20))
    return found


def cores() -> int:
    """Cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def memory_bytes() -> int:
    """Physical memory, bytes."""
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def free_disk_bytes(path: Path) -> int:
    """Free bytes on the disk that holds `path` or its nearest existing parent."""
    while not path.exists():
        path = path.parent
    return shutil.disk_usage(path).free


def peak_memory_bytes() -> int:
    """Peak resident memory of this process so far, bytes."""
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
