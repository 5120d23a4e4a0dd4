"""llama.cpp's own converters: PEFT adapters and transformers checkpoints as GGUF."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from ..core.errors import StageError
from ..core.files import read_json, write_json
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
    return checkpoint_to_gguf(merged, folder / MERGED_GGUF_NAME, folder.name, "q8_0")


def checkpoint_to_gguf(checkpoint: Path, target: Path, name: str, kind: str = "auto") -> Path:
    """`target`, a model called `name`, from a transformers checkpoint. kind: "auto" keeps the checkpoint's 16 bits."""
    with tempfile.TemporaryDirectory() as scratch:
        source = Path(scratch) / name
        source.mkdir()
        for path in checkpoint.iterdir():
            (source / path.name).symlink_to(path.resolve())
        _mark_byte_level(source / "tokenizer.json")
        return _converted("convert_hf_to_gguf.py", ["--outtype", kind, "--model-name", name], source, target)


def _mark_byte_level(path: Path) -> None:
    """Take the marks of SentencePiece off a byte-level tokenizer (a link to it, which becomes a file).

    transformers leaves them on one that it read from a Llama's GGUF; by them the converter would write a vocabulary
    that llama.cpp ends the whole process over.
    """
    if not path.exists():
        return
    tokenizer = read_json(path)
    if tokenizer["model"].get("byte_fallback") and '"ByteLevel"' in json.dumps(tokenizer["pre_tokenizer"]):
        tokenizer["model"]["byte_fallback"] = False
        tokenizer["decoder"] = {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True}
        path.unlink()
        write_json(path, tokenizer)


def _converted(script: str, options: Sequence[str], source: Path, target: Path) -> Path:
    (target.parent / CARD).unlink(missing_ok=True)  # the converter would take it in: the same adapter, other bytes
    temporary = target.with_name(f".{target.name}")
    convert(script, [*options, "--outfile", str(temporary), str(source)])
    os.replace(temporary, target)
    return target
