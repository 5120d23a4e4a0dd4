"""Peak memory while something runs: of this process, and of the accelerators, sampled."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import threading
from pathlib import Path
from typing import Self

from stepladder.core import machine

SAMPLE_SECONDS = 1.0
_CLEAR_REFS, _STATUS = Path("/proc/self/clear_refs"), Path("/proc/self/status")


class PeakMemory:
    """Context manager; afterwards `process_bytes` and `device_bytes` (None where there is no accelerator).

    The process's figure is resident memory with the memory-mapped weights it touched. The kernel's high-water mark is
    reset at the start where the kernel allows it, else it covers the process from its beginning. Device memory is
    that of all accelerators together and includes what other programs hold.
    """

    def __init__(self, drm: Path = Path("/sys/class/drm")) -> None:
        self._drm = drm
        self.process_bytes: int | None = None
        self.device_bytes: int | None = None
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        with contextlib.suppress(OSError):  # not Linux, or not allowed: the mark then covers the whole process
            _CLEAR_REFS.write_text("5")
        if device_used_bytes(self._drm) is not None:
            self._thread = threading.Thread(target=self._sample, daemon=True)
            self._thread.start()
        return self

    def _sample(self) -> None:
        while True:
            used = device_used_bytes(self._drm)
            if used is not None:
                self.device_bytes = max(self.device_bytes or 0, used)
            if self._stop.wait(SAMPLE_SECONDS):
                return

    def __exit__(self, *exception: object) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        self.process_bytes = high_water_bytes()


def high_water_bytes() -> int:
    """Peak resident memory since the mark was last reset, bytes."""
    if _STATUS.exists():
        for line in _STATUS.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return machine.peak_memory_bytes()


def device_used_bytes(drm: Path = Path("/sys/class/drm")) -> int | None:
    """Memory in use on all accelerators: AMD from sysfs, NVIDIA from nvidia-smi; None where there are none."""
    used = [int(file.read_text()) for file in drm.glob("card*/device/mem_info_vram_used")]
    if shutil.which("nvidia-smi"):
        query = ["nvidia-smi", "--query-gpu=memory.used", "--format=csv,noheader,nounits"]
        answer = subprocess.run(query, capture_output=True, text=True, check=False)
        if answer.returncode == 0:
            used += [int(line) * 2**20 for line in answer.stdout.split()]
    return sum(used) if used else None
