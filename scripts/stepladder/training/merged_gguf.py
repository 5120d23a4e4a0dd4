"""One merged and quantised GGUF of the student, for programs that take one file: llama-server, Ollama, LM Studio.

It lies in gguf/ in the adapter's folder, beside its Modelfile. What is needed on the way lies in a hidden folder there
and is gone afterwards.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..core import machine
from ..core.errors import StageError
from ..core.interrupts import stop_flag
from ..engine.quantize import quantize
from . import converter
from .trained import WHOLE_FOLDER

MODELFILE = "Modelfile"
PREFIX = "merged-"  # of the export's name: merged-Q8_0


def place(folder: Path, export: str) -> Path:
    """Where the export of a name like merged-Q8_0 lies: gguf/FOLDER-Q8_0.gguf."""
    return folder / WHOLE_FOLDER / f"{folder.name}-{export.removeprefix(PREFIX)}.gguf"


def require_disk(base: Path, target: Path) -> int:
    """Most bytes that making `target` takes at a time. Raises StageError where the disk has less."""
    # Merged checkpoint and 16-bit GGUF, then the latter and `target`: none is larger than the base.
    needed = 2 * sum(path.stat().st_size for path in base.glob("*.safetensors"))
    free = machine.free_disk_bytes(target.parent)
    if free < needed:
        raise StageError(f"{target.parent}: merging and quantising need up to {needed / 1e9:.2f} GB of disk, "
                         f"{free / 1e9:.2f} GB are free")
    return needed


@contextmanager
def scratch(folder: Path) -> Iterator[Path]:
    """An empty folder in `folder` for what is needed on the way; what a killed run left there is removed first."""
    work = folder / ".work"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    try:
        yield work
    finally:
        shutil.rmtree(work, ignore_errors=True)


def make(merged: Path, work: Path, target: Path) -> None:
    """Convert and quantise the checkpoint `merged` into `target`, which appears whole or not at all.

    A checkpoint that lies in `work` is removed as soon as it is converted. Raises StageError where a step fails.
    """
    stop_flag.check()
    wide = converter.checkpoint_to_gguf(merged, work / "16-bit.gguf", target.parent.parent.name)
    if merged.is_relative_to(work):
        shutil.rmtree(merged)
    stop_flag.check()
    quantize(wide, work / target.name, target.stem.rpartition("-")[2], machine.cores())
    os.replace(work / target.name, target)
