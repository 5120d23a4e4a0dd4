"""llama.cpp's own converters: PEFT adapters and transformers checkpoints as GGUF."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from ..core.errors import StageError
from .card import CARD
from .trained import GGUF_NAME, MERGED_GGUF_NAME

CONVERTER = Path(sys.prefix) / "share" / "llama.cpp"
CONVERTER_FILES = ("convert_lora_to_gguf.py", "convert_hf_to_gguf.py", "conversion", "gguf-py")


def require_converter() -> Path:
    """The folder of llama.cpp's converters. Raises StageError where setup did not put them there."""
    root = CONVERTER
    for name in CONVERTER_FILES:
        if not (root / name).exists():
            raise StageError(f"{root / name} is missing: run scripts/setup_env.sh, or train with --no-gguf")
    return root


def convert(script: str, arguments: Sequence[str]) -> None:
    """Run one of llama.cpp's converters. Raises StageError with its last line where it fails."""
    root = require_converter()
    environment = {**os.environ, "PYTHONPATH": str(root / "gguf-py"), "HF_HUB_OFFLINE": "1"}
    done = subprocess.run([sys.executable, str(root / script), *arguments], env=environment, capture_output=True,
                          text=True, check=False)
    if done.returncode:
        last = (done.stderr.strip() or done.stdout.strip() or "no output").splitlines()[-1]
        raise StageError(f"{script} failed: {last}")


def adapter_to_gguf(folder: Path, base: Path) -> Path:
    """`folder`/adapter.gguf (16-bit) from the PEFT adapter in `folder`."""
    return _converted("convert_lora_to_gguf.py", ["--base", str(base), "--outtype", "f16"], folder, folder / GGUF_NAME)


def merged_to_gguf(merged: Path, folder: Path) -> Path:
    """`folder`/merged.gguf (8-bit) from a merged checkpoint."""
    return _converted("convert_hf_to_gguf.py", ["--outtype", "q8_0"], merged, folder / MERGED_GGUF_NAME)


def checkpoint_to_gguf(checkpoint: Path, target: Path, name: str) -> Path:
    """`target` (16-bit, as the checkpoint's own 16 bits are), a model called `name`, from a transformers checkpoint."""
    return _converted("convert_hf_to_gguf.py", ["--outtype", "auto", "--model-name", name], checkpoint, target)


def _converted(script: str, options: Sequence[str], source: Path, target: Path) -> Path:
    (target.parent / CARD).unlink(missing_ok=True)  # the converter would take it in: the same adapter, other bytes
    temporary = target.with_name(f".{target.name}")
    convert(script, [*options, "--outfile", str(temporary), str(source)])
    os.replace(temporary, target)
    return target
