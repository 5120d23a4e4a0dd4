"""What is made from a finished adapter, at any time and without training: GGUF, merged model, card.

Each export is seen to be base and adapter (changes.py, effect.py) before it counts as made; one that is not is removed.
exports.json in the adapter's folder names what was made, with hashes: only what is missing is made.
"""

from __future__ import annotations

import gc
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.errors import InputError, StageError
from ..core.files import WeightHashes, read_json, write_bytes_atomically, write_json
from ..core.progress import say
from ..core.settings import Training
from ..core.weights_table import RoleWeights
from ..engine import reply_forms
from . import changes, converter, effect, merged_gguf
from .card import CARD, model_card
from .loading import load_tokenizer
from .merge import merge, merge_loaded, require_wide
from .modelfile import modelfile
from .trained import ADAPTER_FILES, GGUF_NAME, MADE, MERGED_GGUF_NAME, MERGED_NAME, RECORD, Trained

if TYPE_CHECKING:
    import torch

LEAVE_OUT = {"gguf": "--no-gguf", "merged": "--no-merge"}


def wanted(training: Training) -> list[str]:
    """Names of the exports that are asked for."""
    names = [*(["merged"] if training.merge else []), *(["gguf"] if training.gguf else [])]
    return names + ([f"{merged_gguf.PREFIX}{training.merged_gguf}"] if training.merged_gguf != "none" else [])


def needs_converter(names: Sequence[str]) -> bool:
    """Whether llama.cpp's converters make one of these exports."""
    return any(name != "merged" for name in names)


def require_mergeable(base: RoleWeights, training: Training) -> None:
    """Raise InputError, before a training, where the base cannot take the merge that is asked for."""
    if training.merge or training.merged_gguf != "none" or (training.gguf and training.targets == "experts"):
        require_wide(base.need("transformers"), training.targets)


def place(folder: Path, name: str, targets: str) -> Path:
    """Where an export of the adapter in `folder` lies; adapters on experts have no GGUF form, so theirs is merged."""
    if name.startswith(merged_gguf.PREFIX):
        return merged_gguf.place(folder, name)
    if name == "merged":
        return folder / MERGED_NAME
    return folder / (MERGED_GGUF_NAME if targets == "experts" else GGUF_NAME)


def products(folder: Path, training: Training) -> dict[str, Path]:
    """The files of the adapter folder that stage 04 answers for (stage 06 adds its own beside them)."""
    paths = [folder / name for name in (*ADAPTER_FILES, RECORD, CARD)]
    paths += [place(folder, name, training.targets) for name in wanted(training)]
    if training.merged_gguf != "none":
        paths.append(paths[-1].with_name(merged_gguf.MODELFILE))
    return {str(path.relative_to(folder)): path for path in paths}


def _compared(found: dict[str, Any] | None) -> dict[str, Any] | None:
    """A comparison as it is kept; earlier versions kept letters, with that of texts in them or without."""
    found = (found or {}).get("texts", {}) if not isinstance((found or {}).get("texts"), int) else found
    return found or None


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
            self.made = {name: {**entry, "agreement": _compared(entry["agreement"])}
                         for name, entry in known["made"].items()}

    def make(self, names: Sequence[str]) -> dict[str, Any]:
        """Make what is missing of `names`, and the card; the training log with the exports' agreement in it.

        Raises StageError, naming the export, where one fails; what was made before it is kept.
        """
        try:
            self._make_missing(names)
        finally:
            log = self._log()
            whole = [self._path(name).name for name in self.made if name.startswith(merged_gguf.PREFIX)]
            card = model_card(base=self.base.name, data=log["counts"], arguments=self.record["arguments"], log=log,
                              versions=self.record["versions"], name=self.folder.name,
                              targets=self.record["targets"], whole=whole)
            write_bytes_atomically(self.folder / CARD, card.encode())
        return log

    def _log(self) -> dict[str, Any]:
        return {**self.record["log"], "agreement": {name: entry["agreement"] for name, entry in self.made.items()
                                                    if entry["agreement"] is not None}}

    def _make_missing(self, names: Sequence[str]) -> None:
        gc.collect()  # a student that was just trained: it and what is loaded next need not fit at once
        for name in names:
            try:
                if not self._is_made(name):
                    self._make(name)
                if name.startswith(merged_gguf.PREFIX):
                    self._describe(self._path(name))
            except (StageError, OSError, RuntimeError) as error:
                raise StageError(f"export {name}: {error}; the training is finished and kept, so run it again to "
                                 "make what is missing, or leave it out with "
                                 f"{LEAVE_OUT.get(name, '--merged-gguf none')}") from error

    def _is_made(self, name: str) -> bool:
        path = self._path(name)
        return path.exists() and name in self.made and self.made[name]["sha256"] == self.hashes(path)

    def _path(self, name: str) -> Path:
        return place(self.folder, name, self.record["targets"])

    def _describe(self, whole: Path) -> None:
        """The Modelfile beside a merged GGUF; it names the one that was asked for last."""
        text = modelfile(whole.name, load_tokenizer(self.base.need("transformers")),
                         reply_forms.of_training(self.record), reply_forms.arguments_of_training(self.record))
        write_bytes_atomically(whole.with_name(merged_gguf.MODELFILE), text.encode())

    def _make(self, name: str) -> None:
        """Make an export and see that it is base and adapter; one that is not is removed. Raises StageError."""
        path = self._path(name)
        try:
            if name.startswith(merged_gguf.PREFIX):
                self._whole(name, path)
            elif name == "merged":
                self._merge_into(path)
            else:
                self._gguf(path)
            found = self._compare(name, path)
        except changes.WrongExportError as error:
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
            raise StageError(f"{path.name} is removed: {error}") from error
        self._note(name, found)

    def _note(self, name: str, found: dict[str, Any] | None) -> None:
        self.made[name] = {"sha256": self.hashes(self._path(name)), "agreement": found}
        write_json(self.folder / MADE, {"adapter": self.record["adapter"], "made": self.made})

    def _merge_into(self, target: Path) -> None:
        base = self.base.need("transformers")
        if self.record["targets"] == "experts":
            merge_loaded(base, self.folder, target, self._dtype)
        else:
            merge(base, self.folder, target)
            changes.require_in_checkpoint(self.folder, base, target)

    @property
    def _dtype(self) -> torch.dtype:
        import torch

        return getattr(torch, self.record["dtype"])

    def _whole(self, name: str, target: Path) -> None:
        """Make a merged and quantised GGUF."""
        merged_gguf.require_disk(self.base.need("transformers"), target)
        with merged_gguf.scratch(target.parent) as work:
            merged = self._path("merged") if self._is_made("merged") else work / "merged"
            if merged.parent == work:
                say(f"{name}: merging")
                self._merge_into(merged)
            say(f"{name}: converting and quantising")
            merged_gguf.make(merged, work, target)

    def _gguf(self, target: Path) -> None:
        """Make the GGUF adapter, or the merged GGUF that stands in for one on experts."""
        if self.record["targets"] == "experts":
            if not self._is_made("merged"):
                self._make("merged")
            converter.merged_to_gguf(self._path("merged"), self.folder)
        else:
            converter.adapter_to_gguf(self.folder, self.base.need("transformers"))
            changes.require_in_gguf(self.folder, target)

    def _compare(self, name: str, path: Path) -> dict[str, Any] | None:
        """How much of the adapter's effect an export shows; None where that cannot be read.

        Raises WrongExportError where it shows another student.
        """
        texts = self.record.get("texts")
        if not texts:
            say(f"{name}: this adapter was trained before texts were kept, so no effect can be compared")
            return None
        found = self._read(name, path, texts)
        if found is None:
            say(f"{name}: the student has no GGUF base to read texts with, so only its tensors were compared")
            return None
        say(f"{name}: {effect.told(found)}")
        if effect.contradicts(found):
            raise changes.WrongExportError(f"{effect.told(found)}; it was not made rightly, or its type rounds the "
                                           "change away, as Q8_0 can where the base was made from a Q8_0: try another")
        return found

    def _read(self, name: str, path: Path, texts: list[dict[str, Any]]) -> dict[str, Any] | None:
        """The comparison of an export with what training read; None for a GGUF adapter without a GGUF base."""
        if name == "merged":
            quantization = self.record["quantization"]
            rows = effect.of_checkpoint(path, quantization, self._dtype, texts)
            return effect.compare(texts, rows, rounded=quantization != "none")
        if path.name != GGUF_NAME:
            return effect.compare(texts, effect.of_file(path, texts), rounded=True)
        if self.base.gguf is None:
            return None
        base, rows = effect.of_adapter(self.base.gguf, path, texts)
        return effect.compare(texts, rows, base)
