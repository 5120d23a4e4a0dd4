"""A finished training on disk: the adapter's folder, and in it all that log, card and exports are made from.

training.json is written last and names the weights' hash: a folder without it, or with other weights, holds no finished
training. One that another training takes the place of is set aside, and brought back when it fits.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core import aside
from ..core.files import WeightHashes, disk_errors, hash_file, hash_json, read_json, weight_errors, write_json
from ..core.progress import say
from ..core.stage import StageRun
from ..engine.reply_forms import RECORD

if TYPE_CHECKING:
    from .loading import Student

WEIGHTS = "adapter_model.safetensors"
ADAPTER_FILES = (WEIGHTS, "adapter_config.json")
GGUF_NAME, MERGED_NAME, MERGED_GGUF_NAME = "adapter.gguf", "merged", "merged.gguf"
MADE = "exports.json"
WHOLE_FOLDER = "gguf"  # merged and quantised files, and their Modelfile
EXPORTS = (MADE, GGUF_NAME, MERGED_GGUF_NAME, MERGED_NAME, WHOLE_FOLDER)
"""What can be made again from the adapter, so that it is not kept when the adapter makes way."""


def fingerprint(stage: StageRun) -> str:
    """Hash of all that changes trained weights but the epochs: settings, seed, records, base.

    Exports, guard, deadline and checkpoints are none of it.
    """
    settings = stage.settings.shaping("training")
    del settings["training.epochs"]
    hashes = stage.input_hashes()
    return hash_json({"settings": settings, "seed": stage.args.seed, "limit": stage.args.limit,
                      "curriculum": hashes["curriculum"], "student": hashes["student"]})


def of_epochs(training: str, epochs: int) -> str:
    """Hash of a training (`fingerprint`) of so many epochs."""
    return hash_json([training, epochs])


def scope(stage: StageRun, training: str, epochs: int) -> str:
    """What tells the journalled steps of a training apart: a variant's are its own, also beside the same training."""
    variant = stage.workspace.variant
    return hash_json([of_epochs(training, epochs), variant]) if variant else of_epochs(training, epochs)


@dataclass(frozen=True)
class Trained:
    """A finished training. record: training.json, see Session.run."""

    folder: Path
    record: dict[str, Any]


def held_in(folder: Path, hashes: WeightHashes) -> Trained | None:
    """The finished training in a folder; None where there is none, or its weights were changed since."""
    if not all((folder / name).exists() for name in (*ADAPTER_FILES, RECORD)):
        return None
    record = read_json(folder / RECORD)
    return Trained(folder, record) if record["adapter"] == hashes(folder / WEIGHTS) else None


def find(folder: Path, fits: str, hashes: WeightHashes) -> Trained | None:
    """The finished training that `fits` (`of_epochs`), brought back where it was set aside; None: there is none."""
    held = held_in(folder, hashes)
    if held is not None and held.record["fits"] == fits:
        return held
    items = [item for item in aside.matching(folder.parent, fits) if folder / RECORD in item.members.values()]
    if not items:
        return None
    make_way(folder, f"{items[0].name} was brought back")
    items[0].bring_back()
    say(f"04: the adapter {items[0].name} fits and is brought back")
    return held_in(folder, hashes)


def save(student: Student, base: Path, folder: Path, record: dict[str, Any]) -> Trained:
    """Write adapter, tokenizer and `record` into `folder`, file by file, each whole or not at all.

    The adapter of another training that was there is set aside first.
    """
    staging = folder.with_name(f".{folder.name}.new")
    with disk_errors(folder):
        shutil.rmtree(staging, ignore_errors=True)
        with weight_errors(folder):
            student.model.save_pretrained(staging)
        student.tokenizer.save_pretrained(staging)
        config = read_json(staging / "adapter_config.json")
        write_json(staging / "adapter_config.json", {**_sorted(config), "base_model_name_or_path": base.name})
        (staging / "README.md").unlink(missing_ok=True)  # PEFT's empty card; ours is written with the exports
        record = {**record, "adapter": hash_file(staging / WEIGHTS)}
        write_json(staging / RECORD, record)
        make_way(folder, "replaced by another training", record["fits"])
        folder.mkdir(parents=True, exist_ok=True)
        for path in sorted(staging.iterdir(), key=lambda path: (path.name == RECORD, path.name)):
            os.replace(path, folder / path.name)
        staging.rmdir()
    return Trained(folder, record)


def make_way(folder: Path, why: str, coming: str = "") -> None:
    """Set aside the adapter in a folder, and drop its exports; what other stages put into folders of theirs stays.

    coming: what the adapter that takes its place fits: what fitted the same is not brought back.
    """
    if not folder.exists():
        return
    for name in (*EXPORTS, *(f".{name}" for name in EXPORTS)):
        path = folder / name
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    fits = read_json(folder / RECORD)["fits"] if (folder / RECORD).exists() else ""
    item = aside.set_aside(sorted(path for path in folder.iterdir() if path.is_file()), why,
                           "" if fits == coming else fits, of=folder)
    if item is not None:
        say(f"04: the adapter that {folder.name} held is kept as {item.folder} (show.py prune lists and frees it)")


def _sorted(config: dict[str, Any]) -> dict[str, Any]:
    """PEFT writes sets in any order; sorted, the same adapter is the same file."""
    return {key: sorted(value) if isinstance(value, list) and all(isinstance(v, str) for v in value) else value
            for key, value in sorted(config.items())}
