"""What comes out: the PEFT adapter with tokenizer and card, the same as GGUF, and a check that both answer alike."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.errors import StageError
from ..core.files import disk_errors, read_json, write_json
from ..core.records import LETTERS, Record
from ..engine import prompts
from ..engine.backend import open_backend
from ..engine.requests import Request

if TYPE_CHECKING:
    import torch

    from .loading import Student

ADAPTER_FILES = ("adapter_model.safetensors", "adapter_config.json")
GGUF_NAME = "adapter.gguf"
MERGED_NAME = "merged"
MERGED_GGUF_NAME = "merged.gguf"
CONVERTER = Path(sys.prefix) / "share" / "llama.cpp"
CONVERTER_FILES = ("convert_lora_to_gguf.py", "convert_hf_to_gguf.py", "conversion", "gguf-py")
SURE = 0.15  # lead of the best letter from which an answer counts as decided; Q8_0 alone moves letters by 0.05


def save_adapter(student: Student, base: Path, folder: Path) -> None:
    """Write adapter and tokenizer into `folder`, file by file, each whole or not at all."""
    staging = folder.with_name(f".{folder.name}.new")
    with disk_errors(folder):
        shutil.rmtree(staging, ignore_errors=True)
        student.model.save_pretrained(staging)
        student.tokenizer.save_pretrained(staging)
        config = read_json(staging / "adapter_config.json")
        write_json(staging / "adapter_config.json", {**_sorted(config), "base_model_name_or_path": base.name})
        (staging / "README.md").unlink(missing_ok=True)  # PEFT's empty card; ours is written last
        folder.mkdir(parents=True, exist_ok=True)
        for path in sorted(staging.iterdir()):
            os.replace(path, folder / path.name)
        staging.rmdir()


def _sorted(config: dict[str, Any]) -> dict[str, Any]:
    """PEFT writes sets in any order; sorted, the same adapter is the same file."""
    return {key: sorted(value) if isinstance(value, list) and all(isinstance(v, str) for v in value) else value
            for key, value in sorted(config.items())}


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
    target = folder / GGUF_NAME
    temporary = folder / f".{GGUF_NAME}"
    convert("convert_lora_to_gguf.py",
            ["--base", str(base), "--outtype", "f16", "--outfile", str(temporary), str(folder)])
    os.replace(temporary, target)
    return target


def merged_to_gguf(merged: Path, folder: Path) -> Path:
    """`folder`/merged.gguf (8-bit) from a merged checkpoint."""
    target = folder / MERGED_GGUF_NAME
    temporary = folder / f".{MERGED_GGUF_NAME}"
    convert("convert_hf_to_gguf.py", ["--outtype", "q8_0", "--outfile", str(temporary), str(merged)])
    os.replace(temporary, target)
    return target


def merged_letters(merged: Path, quantization: str, dtype: torch.dtype, autocast: Any, questions: Sequence[Record]
                   ) -> list[list[float]]:
    """Probabilities of the four letters by question, from a merged checkpoint."""
    import torch

    from .loading import load_base, load_tokenizer
    from .readings import letter_logits

    model = load_base(merged, quantization, dtype).eval()
    with torch.no_grad(), autocast:
        rows, _ = letter_logits(model, load_tokenizer(merged), questions)
    return rows.softmax(-1).tolist()


def torch_letters(student: Student, questions: Sequence[Record]) -> list[list[float]]:
    """Probabilities of the four letters by question, from the trained model itself."""
    import torch

    from .readings import letter_logits

    student.model.eval()
    with torch.no_grad(), student.autocast:
        rows, _ = letter_logits(student.model, student.tokenizer, questions)
    return rows.softmax(-1).tolist()


def engine_letters(gguf: Path, adapter: Path | None, questions: Sequence[Record], **options: Any) -> list[list[float]]:
    """The same from the batching engine; probabilities are renormalised over the four letters."""
    adapters = {"student": adapter} if adapter is not None else {}
    with open_backend(gguf, adapters=adapters, **options) as backend:
        if adapter is not None:
            backend.use_adapter("student")
        requests = []
        for record in questions:
            messages, prefix = prompts.fast(record)
            requests.append(Request(record["id"], backend.render(messages, prefix), max_tokens=0,
                                    choices=prompts.LETTER_CHOICES))
        answers = {completion.id: completion.probabilities for completion in backend.generate(requests)}
    rows = []
    for record in questions:
        values = [answers[record["id"]][choice] for choice in prompts.LETTER_CHOICES]
        rows.append([value / sum(values) for value in values])
    return rows


def agreement(first: Sequence[Sequence[float]], second: Sequence[Sequence[float]]) -> dict[str, Any]:
    """How alike two models answer: letters agreed on among decided answers, and the largest difference.

    An answer is decided where the first model's two best letters differ by SURE or more.
    """
    decided = agreed = 0
    largest = 0.0
    for one, other in zip(first, second, strict=True):
        best, runner_up = sorted(one, reverse=True)[:2]
        largest = max(largest, *(abs(a - b) for a, b in zip(one, other, strict=True)))
        if best - runner_up >= SURE:
            decided += 1
            agreed += LETTERS[one.index(best)] == LETTERS[other.index(max(other))]
    return {"questions": len(first), "decided": decided, "agreed": agreed, "largest_difference": round(largest, 4)}


def alike(found: dict[str, Any]) -> bool:
    """Whether two exports count as the same model: nine in ten decided answers agree."""
    return found["agreed"] >= 0.9 * found["decided"]
