"""What is made from a finished adapter, at any time and without training: GGUF, merged model, card, agreement.

exports.json in the adapter's folder names what was made, with hashes: only what is missing is made.
"""

from __future__ import annotations

import gc
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ..core.errors import InputError, StageError
from ..core.files import WeightHashes, disk_errors, read_json, weight_errors, write_bytes_atomically, write_json
from ..core.progress import say
from ..core.settings import Training
from ..core.weights_table import RoleWeights
from . import agreement
from .card import model_card
from .merge import merge
from .trained import ADAPTER_FILES, GGUF_NAME, MADE, MERGED_GGUF_NAME, MERGED_NAME, RECORD, Trained

CONVERTER = Path(sys.prefix) / "share" / "llama.cpp"
CONVERTER_FILES = ("convert_lora_to_gguf.py", "convert_hf_to_gguf.py", "conversion", "gguf-py")
CARD = "README.md"
LEAVE_OUT = {"gguf": "--no-gguf", "merged": "--no-merge"}


def wanted(training: Training) -> list[str]:
    """Names of the exports that are asked for."""
    return [*(["merged"] if training.merge else []), *(["gguf"] if training.gguf else [])]


def place(name: str, targets: str) -> str:
    """Where in the adapter's folder an export lies; adapters on experts have no GGUF form, so theirs is merged."""
    if name == "merged":
        return MERGED_NAME
    return MERGED_GGUF_NAME if targets == "experts" else GGUF_NAME


def products(folder: Path, training: Training) -> dict[str, Path]:
    """The files of the adapter folder that stage 04 answers for (stage 06 adds its own beside them)."""
    names = [*ADAPTER_FILES, RECORD, CARD, *(place(name, training.targets) for name in wanted(training))]
    return {name: folder / name for name in names}


class Exports:
    """The exports of one finished training. Raises InputError where `base` is not what the adapter was trained on.

    afresh: make them although they are there.
    """

    def __init__(self, trained: Trained, base: RoleWeights, hashes: WeightHashes, afresh: bool = False) -> None:
        self.folder, self.record = trained.folder, trained.record
        self.base, self.hashes = base, hashes
        if hashes(base.need("transformers")) != self.record["base"]:
            raise InputError(f"{self.folder}: this adapter was trained on another base than {base.name}; "
                             "put its base back, or train anew")
        known = read_json(self.folder / MADE) if (self.folder / MADE).exists() else {}
        self.made: dict[str, Any] = {}
        if known.get("adapter") == self.record["adapter"] and not afresh:
            self.made = known["made"]

    def make(self, names: Sequence[str]) -> dict[str, Any]:
        """Make what is missing of `names`, and the card; the training log with the exports' agreement in it.

        Raises StageError, naming the export, where one fails; what was made before it is kept.
        """
        try:
            self._make_missing(names)
        finally:
            log = self._log()
            card = model_card(base=self.base.name, data=log["counts"], arguments=self.record["arguments"], log=log,
                              versions=self.record["versions"])
            write_bytes_atomically(self.folder / CARD, card.encode())
        return log

    def _log(self) -> dict[str, Any]:
        return {**self.record["log"], "agreement": {name: entry["agreement"] for name, entry in self.made.items()
                                                    if entry["agreement"] is not None}}

    def _make_missing(self, names: Sequence[str]) -> None:
        gc.collect()  # a student that was just trained: it and what is loaded next need not fit at once
        for name in names:
            if not self._is_made(name):
                try:
                    self._make(name)
                except (StageError, OSError, RuntimeError) as error:
                    raise StageError(f"export {name}: {error}; the training is finished and kept, so run it again to "
                                     f"make what is missing, or leave it out with {LEAVE_OUT[name]}") from error
    def _is_made(self, name: str) -> bool:
        path = self._path(name)
        return path.exists() and name in self.made and self.made[name]["sha256"] == self.hashes(path)

    def _path(self, name: str) -> Path:
        return self.folder / place(name, self.record["targets"])

    def _make(self, name: str) -> None:
        letters = self._merged() if name == "merged" else self._gguf()
        found = None
        if letters is not None and self.record["questions"]:
            found = agreement.agreement(self.record["letters"], letters())
            say(("" if agreement.alike(found) else "WARNING: ") + f"{name} gives the trained adapter's answer to "
                f"{found['agreed']} of {found['decided']} decided questions, largest difference "
                f"{found['largest_difference']}")
        self._note(name, found)

    def _note(self, name: str, found: dict[str, Any] | None) -> None:
        self.made[name] = {"sha256": self.hashes(self._path(name)), "agreement": found}
        write_json(self.folder / MADE, {"adapter": self.record["adapter"], "made": self.made})

    def _merged(self) -> Callable[[], list[list[float]]]:
        """Make merged/; what gives its letters."""
        import torch

        base, target = self.base.need("transformers"), self._path("merged")
        dtype = getattr(torch, self.record["dtype"])
        if self.record["targets"] == "experts":
            merge_loaded(base, self.folder, target, dtype)
        else:
            merge(base, self.folder, target)
        return lambda: agreement.merged_letters(target, self.record["quantization"], dtype, self.record["questions"])

    def _gguf(self) -> Callable[[], list[list[float]]] | None:
        """Make the GGUF file; what gives its letters, None where there is no GGUF base to put it on."""
        engine = {"sequences": 4, "context": self.record["max_length"]}
        questions = self.record["questions"]
        if self.record["targets"] == "experts":
            if not self._is_made("merged"):
                self._make("merged")
            whole = merged_to_gguf(self._path("merged"), self.folder)
            return lambda: agreement.engine_letters(whole, None, questions, **engine)
        adapter, base = adapter_to_gguf(self.folder, self.base.need("transformers")), self.base.gguf
        if base is None:
            say("the student has no GGUF base, so the GGUF adapter could not be compared")
            return None
        return lambda: agreement.engine_letters(base, adapter, questions, **engine)


def merge_loaded(base: Path, adapter: Path, target: Path, dtype: Any) -> None:
    """Write the merged checkpoint of an adapter on experts into `target`; base and adapter are loaded as a whole."""
    from peft import PeftModel

    from .loading import load_base, load_tokenizer

    staging = target.with_name(f".{target.name}.new")
    model = PeftModel.from_pretrained(load_base(base, "none", dtype), adapter).merge_and_unload()
    with disk_errors(target):
        shutil.rmtree(staging, ignore_errors=True)
        with weight_errors(target):
            model.save_pretrained(staging)
        load_tokenizer(base).save_pretrained(staging)
        shutil.rmtree(target, ignore_errors=True)
        staging.rename(target)


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


def _converted(script: str, options: Sequence[str], source: Path, target: Path) -> Path:
    (target.parent / CARD).unlink(missing_ok=True)  # the converter would take it in: the same adapter, other bytes
    temporary = target.with_name(f".{target.name}")
    convert(script, [*options, "--outfile", str(temporary), str(source)])
    os.replace(temporary, target)
    return target
