"""What is made from a finished adapter, at any time and without training: GGUF, merged model, card, agreement.

exports.json in the adapter's folder names what was made, with hashes: only what is missing is made.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ..core.errors import InputError, StageError
from ..core.files import WeightHashes, read_json, write_bytes_atomically, write_json
from ..core.progress import say
from ..core.settings import Training
from ..core.weights_table import RoleWeights
from ..engine import reply_forms
from . import agreement, converter, effect, merged_gguf
from .card import CARD, model_card
from .loading import load_tokenizer
from .merge import merge, merge_loaded
from .modelfile import modelfile
from .trained import ADAPTER_FILES, GGUF_NAME, MADE, MERGED_GGUF_NAME, MERGED_NAME, RECORD, Trained

LEAVE_OUT = {"gguf": "--no-gguf", "merged": "--no-merge"}


def wanted(training: Training) -> list[str]:
    """Names of the exports that are asked for."""
    names = [*(["merged"] if training.merge else []), *(["gguf"] if training.gguf else [])]
    return names + ([f"{merged_gguf.PREFIX}{training.merged_gguf}"] if training.merged_gguf != "none" else [])


def needs_converter(names: Sequence[str]) -> bool:
    """Whether llama.cpp's converters make one of these exports."""
    return any(name != "merged" for name in names)


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
            whole = [self._path(name).name for name in self.made if name.startswith(merged_gguf.PREFIX)]
            card = model_card(base=self.base.name, data=log["counts"], arguments=self.record["arguments"], log=log,
                              versions=self.record["versions"], name=self.folder.name, whole=whole)
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
                         reply_forms.of_training(self.record))
        write_bytes_atomically(whole.with_name(merged_gguf.MODELFILE), text.encode())

    def _make(self, name: str) -> None:
        if name.startswith(merged_gguf.PREFIX):
            letters = self._whole(name)
        else:
            letters = self._merged() if name == "merged" else self._gguf()
        found = None
        if letters is not None and self.record["questions"]:
            found = agreement.agreement(self.record["letters"], letters())
            say(("" if agreement.alike(found) else "WARNING: ") + f"{name} gives the trained adapter's answer to "
                f"{found['agreed']} of {found['decided']} decided questions, largest difference "
                f"{found['largest_difference']}")
        if name.startswith(merged_gguf.PREFIX):
            found = {**(found or {}), "texts": self._effect(name)}
        self._note(name, found)

    def _note(self, name: str, found: dict[str, Any] | None) -> None:
        self.made[name] = {"sha256": self.hashes(self._path(name)), "agreement": found}
        write_json(self.folder / MADE, {"adapter": self.record["adapter"], "made": self.made})

    def _merged(self) -> Callable[[], list[list[float]]]:
        """Make merged/; what gives its letters."""
        import torch

        target = self._path("merged")
        self._merge_into(target)
        return lambda: agreement.merged_letters(target, self.record["quantization"],
                                                getattr(torch, self.record["dtype"]), self.record["questions"])

    def _merge_into(self, target: Path) -> None:
        import torch

        base = self.base.need("transformers")
        if self.record["targets"] == "experts":
            merge_loaded(base, self.folder, target, getattr(torch, self.record["dtype"]))
        else:
            merge(base, self.folder, target)

    def _whole(self, name: str) -> Callable[[], list[list[float]]]:
        """Make a merged and quantised GGUF; what gives its letters."""
        target = self._path(name)
        merged_gguf.require_disk(self.base.need("transformers"), target)
        with merged_gguf.scratch(target.parent) as work:
            merged = self._path("merged") if self._is_made("merged") else work / "merged"
            if merged.parent == work:
                say(f"{name}: merging")
                self._merge_into(merged)
            say(f"{name}: converting and quantising")
            merged_gguf.make(merged, work, target)
        return lambda: self._engine_letters(target)

    def _effect(self, name: str) -> dict[str, Any] | None:
        """How much of the adapter's effect a merged file shows. Raises StageError where it is not the adapter's.

        None for adapters that were trained before their texts were kept.
        """
        texts = self.record.get("texts")
        if not texts:
            say(f"{name}: this adapter was trained before texts were kept to compare a merged file with it")
            return None
        found = effect.compare(texts, effect.of_file(self._path(name), texts))
        say(f"{name}: {effect.told(found)}")
        if effect.contradicts(found):
            self._path(name).unlink()
            raise StageError(f"the file is removed, for {effect.told(found)}: it was not merged rightly, or its type "
                             "rounds the change away, as Q8_0 can where the base was made from a Q8_0; try another one")
        return found

    def _gguf(self) -> Callable[[], list[list[float]]] | None:
        """Make the GGUF file; what gives its letters, None where there is no GGUF base to put it on."""
        if self.record["targets"] == "experts":
            if not self._is_made("merged"):
                self._make("merged")
            whole = converter.merged_to_gguf(self._path("merged"), self.folder)
            return lambda: self._engine_letters(whole)
        adapter, base = converter.adapter_to_gguf(self.folder, self.base.need("transformers")), self.base.gguf
        if base is None:
            say("the student has no GGUF base, so the GGUF adapter could not be compared")
            return None
        return lambda: self._engine_letters(base, adapter)

    def _engine_letters(self, gguf: Path, adapter: Path | None = None) -> list[list[float]]:
        return agreement.engine_letters(gguf, adapter, self.record["questions"], sequences=4,
                                        context=self.record["max_length"])
