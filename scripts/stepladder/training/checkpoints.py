"""Checkpoints that are complete or absent: written under a temporary name, renamed when everything is on disk.

A checkpoint is a folder step-000123/ with the trainable weights, the optimiser's state, the random states and
state.json; whatever does not have that name does not exist. All lie outside the adapter's folder.
"""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core import aside
from ..core.errors import StageError
from ..core.files import disk_errors, read_json, weight_errors, write_json
from ..core.progress import say

if TYPE_CHECKING:
    import torch

MARK = "fingerprint.json"
_NAME = re.compile(r"^step-(\d{6,})$")


@dataclass(frozen=True)
class Checkpoint:
    """One complete checkpoint."""

    folder: Path
    step: int

    @property
    def state(self) -> dict[str, Any]:
        """What the loop wanted remembered."""
        return read_json(self.folder / "state.json")


class Checkpoints:
    """The checkpoints of one training under `root`; those of another one are set aside, and found again when they fit.

    fingerprint: of all that shapes the training but its epochs. kept: how many of the latest stay, beside the protected
    one. epochs: how many are asked for; those that were planned stand in `self.epochs`: a training that runs already
    goes on with fewer, while more are another training. afresh: go on with none, although some fit.
    """

    def __init__(self, root: Path, fingerprint: str, kept: int, epochs: int = 1, afresh: bool = False) -> None:
        self.root, self.fingerprint, self.kept, self.epochs = Path(os.path.abspath(root)), fingerprint, kept, epochs
        here, item = (None, None) if afresh else self._choose(epochs)
        if here is None or item is not None:
            self._make_way(afresh)
        if item is not None:
            item.bring_back()
            say(f"04: the checkpoints {item.name} fit and are brought back")
        if here is not None:
            self.epochs = here["epochs"]
        else:
            write_json(self.root / MARK, {"fingerprint": fingerprint, "epochs": epochs})
        for leftover in self.root.glob(".step-*"):
            shutil.rmtree(leftover)

    def _choose(self, epochs: int) -> tuple[dict[str, Any] | None, aside.Item | None]:
        """(mark, item set aside or None: those in place) of the checkpoints to go on with, the same epochs first."""
        fitting: list[tuple[dict[str, Any], aside.Item | None]] = [(mark_of(self.root), None)]
        for item in aside.matching(self.root.parent, self.fingerprint):
            lies = {place: member for member, place in item.members.items()}
            if self.root in lies:
                fitting.append((mark_of(lies[self.root]), item))
        fitting = [(mark, item) for mark, item in fitting
                   if mark.get("fingerprint") == self.fingerprint and mark["epochs"] >= epochs]
        return min(fitting, key=lambda one: one[0]["epochs"] != epochs, default=(None, None))

    def _make_way(self, afresh: bool) -> None:
        if not self.root.exists():
            return
        if not self._all():
            shutil.rmtree(self.root)
            return
        fits = mark_of(self.root).get("fingerprint", "")
        item = aside.set_aside([self.root], "another training", "" if afresh and fits == self.fingerprint else fits)
        assert item is not None
        say(f"04: the checkpoints of another training are kept as {item.folder} (show.py prune lists and frees it)")

    def _all(self) -> list[Checkpoint]:
        found = [Checkpoint(path, int(match[1])) for path in self.root.iterdir() if (match := _NAME.match(path.name))]
        return sorted(found, key=lambda checkpoint: checkpoint.step)

    def latest(self) -> Checkpoint | None:
        """The complete checkpoint of the highest step."""
        found = self._all()
        return found[-1] if found else None

    def first(self) -> Checkpoint:
        """The complete checkpoint of the lowest step. Raises StageError where there is none."""
        found = self._all()
        if not found:
            raise StageError(f"{self.root} has no checkpoint to go back to; --force starts from the first step")
        return found[0]

    def at(self, step: int) -> Checkpoint | None:
        """The checkpoint of a step."""
        return next((checkpoint for checkpoint in self._all() if checkpoint.step == step), None)

    def save(self, step: int, weights: dict[str, torch.Tensor], optimizer: dict[str, Any], state: dict[str, Any],
             protect: int | None = None) -> Checkpoint:
        """Write the checkpoint of `step`, then prune. Raises StageError when the disk is full."""
        import torch
        from safetensors.torch import save_file

        final = self.root / f"step-{step:06d}"
        temporary = self.root / f".step-{step:06d}"
        tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in weights.items()}
        with disk_errors(final):
            shutil.rmtree(temporary, ignore_errors=True)
            temporary.mkdir(parents=True)
            with weight_errors(final):
                save_file(tensors, temporary / "weights.safetensors")
                torch.save({"optimizer": optimizer, "random": random_state()}, temporary / "optimizer.pt")
            write_json(temporary / "state.json", state)
            for path in [*temporary.iterdir(), temporary]:
                _sync(path)
            shutil.rmtree(final, ignore_errors=True)
            os.replace(temporary, final)
            _sync(self.root)
        self.prune(protect)
        return Checkpoint(final, step)

    def prune(self, protect: int | None = None) -> None:
        """Remove the oldest beyond `kept`, never the protected step."""
        found = [checkpoint for checkpoint in self._all() if checkpoint.step != protect]
        for checkpoint in found[:-self.kept]:
            self._remove(checkpoint)

    def drop_after(self, step: int) -> None:
        """Remove what a rollback to `step` made invalid."""
        for checkpoint in self._all():
            if checkpoint.step > step:
                self._remove(checkpoint)

    def _remove(self, checkpoint: Checkpoint) -> None:
        going = checkpoint.folder.with_name(f".{checkpoint.folder.name}")
        shutil.rmtree(going, ignore_errors=True)
        os.replace(checkpoint.folder, going)  # absent at once, however long the removal takes
        shutil.rmtree(going)



def mark_of(root: Path) -> dict[str, Any]:
    """What says whose checkpoints these are: {"fingerprint", "epochs"}; empty where nothing does."""
    mark = read_json(root / MARK) if (root / MARK).exists() else {}
    return mark if "epochs" in mark else {}


def remove(root: Path, fingerprint: str, epochs: int) -> bool:
    """Delete the checkpoints of this training, which is finished; whether there were any of it."""
    if mark_of(root) != {"fingerprint": fingerprint, "epochs": epochs}:
        return False
    shutil.rmtree(root)
    return True


def load(checkpoint: Checkpoint) -> tuple[dict[str, torch.Tensor], dict[str, Any], dict[str, Any]]:
    """(trainable weights, optimiser state, random states) of a checkpoint, on the CPU."""
    import torch
    from safetensors.torch import load_file

    weights = load_file(checkpoint.folder / "weights.safetensors")
    rest = torch.load(checkpoint.folder / "optimizer.pt", map_location="cpu", weights_only=True)
    return weights, rest["optimizer"], rest["random"]


def random_state() -> dict[str, Any]:
    """Torch's random states, all that training draws from (LoRA's start, dropout)."""
    import torch

    return {"cpu": torch.get_rng_state(), "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []}


def set_random_state(state: dict[str, Any]) -> None:
    """Put back what `random_state` took."""
    import torch

    torch.set_rng_state(state["cpu"])
    if state["cuda"] and torch.cuda.is_available():
        torch.cuda.set_rng_state_all(state["cuda"])


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
