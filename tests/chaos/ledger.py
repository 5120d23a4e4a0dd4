"""What has been seen finished in a workspace, and whether all of it is still there: nothing here knows the product.

A ledger is kept outside the workspace. `look` compares it with what is there now and takes in what is new. A finished
thing is a whole line of a journal, an output with its meta, an adapter with its record, or a complete checkpoint.
"""

from __future__ import annotations

import copy
import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .teacher import references

FAULTS = "lost", "changed", "doubled", "failed"
STEP = re.compile(r"^step-(\d+)$")


@dataclass(frozen=True)
class Line:
    """A whole line of a journal."""

    key: str
    id: str
    digest: str
    entry: dict[str, Any] = field(compare=False)


@dataclass
class Change:
    """What a look found. new: lines by journal. lost, changed, doubled, failed (a run that ended as none may): one line
    of text for each fault. recomputed: records done again because what they are made from is another, or was in work.
    """

    new: dict[str, list[Line]] = field(default_factory=dict)
    lost: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    recomputed: int = 0

    @property
    def faults(self) -> list[str]:
        """Everything that must not be."""
        return [f"{kind}: {what}" for kind in FAULTS for what in getattr(self, kind)]


def digest_of(data: bytes) -> str:
    """A short SHA-256."""
    return hashlib.sha256(data).hexdigest()[:24]


def lines_of(journal: Path) -> list[Line]:
    """The whole lines; a torn last one is none."""
    whole = journal.read_bytes().rpartition(b"\n")[0]
    found = []
    for raw in whole.splitlines():
        entry = json.loads(raw)
        found.append(Line(entry["key"], entry["id"], digest_of(raw), entry))
    return found


class Ledger:
    """journals: name -> [[key, id, digest], ...]. outputs, adapters: digest -> what it was called. checkpoints:
    "fingerprint epochs" -> latest step; trained: those that are finished, so that their checkpoints may go. trainings:
    what the driver calls a training -> its fingerprint. made: what it calls an output -> its digest. references:
    requests whose replies a journal holds.
    """

    def __init__(self, state: dict[str, Any] | None = None) -> None:
        state = state or {}
        self.journals: dict[str, list[list[str]]] = state.get("journals", {})
        self.outputs: dict[str, str] = state.get("outputs", {})
        self.adapters: dict[str, str] = state.get("adapters", {})
        self.checkpoints: dict[str, int] = state.get("checkpoints", {})
        self.trained: list[str] = state.get("trained", [])
        self.trainings: dict[str, str] = state.get("trainings", {})
        self.made: dict[str, str] = state.get("made", {})
        self.references: list[str] = state.get("references", [])

    def as_json(self) -> dict[str, Any]:
        """A copy that can be written down."""
        return copy.deepcopy(vars(self))

    def finished(self, journal: str) -> dict[str, str]:
        """Key -> id of what a journal was seen to hold."""
        return {key: name for key, name, _ in self.journals.get(journal, [])}

    def at_risk(self) -> int:
        """Finished records, outputs, adapters and checkpoints."""
        return (sum(map(len, self.journals.values())) + len(self.outputs) + len(self.adapters)
                + len(self.checkpoints))

    def look(self, work: Path) -> Change:
        """Compare with what is there, then take it in."""
        change = Change()
        enhanced, models = work / "data" / "enhanced", work / "models"
        names = {*self.journals, *(path.name for path in (enhanced / "journals").glob("*.jsonl"))}
        for name in sorted(names):
            self._look_at_journal(enhanced / "journals" / name, change)
        self.outputs = _still_there("output", self.outputs, _outputs(enhanced), change)
        self._look_at_adapters(models, change)
        self._look_at_checkpoints(models, change)
        return change

    def _look_at_journal(self, path: Path, change: Change) -> None:
        known = self.journals.get(path.name, [])
        lines = lines_of(path) if path.exists() else []
        accounted, new = Counter(digest for _, _, digest in known), []
        for line in lines:
            if accounted[line.digest]:
                accounted[line.digest] -= 1
            else:
                new.append(line)
        there, reworded = {line.key for line in lines}, set()
        for number, (key, name, digest) in enumerate(known, 1):
            if accounted[digest]:  # it is there less often than it was
                accounted[digest] -= 1
                reworded |= {key} & there
                (change.changed if key in there else change.lost).append(f"{path.name} line {number}: {name} {key}")
        new = [line for line in new if line.key not in reworded]
        change.new[path.name] = new
        self.references += [one for line in new for one in references(line.entry.get("text") or "")]
        self.journals[path.name] = [[line.key, line.id, line.digest] for line in lines]

    def _look_at_adapters(self, models: Path, change: Change) -> None:
        found = {}
        for record_path, weights_path in _adapters(models):
            record = json.loads(record_path.read_bytes())
            weights, counts = hashlib.sha256(weights_path.read_bytes()).hexdigest(), record["log"]["counts"]
            if record["adapter"] == weights:
                training = f"{record['fingerprint']} {record['planned_epochs']}"
                found[weights] = f"{training} {counts['steps']}"
                if counts["epochs"] == record["planned_epochs"] and training not in self.trained:
                    self.trained.append(training)
        by_training = {training: weights for weights, training in self.adapters.items()}
        for weights, training in found.items():
            if by_training.get(training, weights) != weights:
                change.changed.append(f"adapter of training {training}: trained again to other weights")
        self.adapters = _still_there("adapter", self.adapters, found, change)

    def _look_at_checkpoints(self, models: Path, change: Change) -> None:
        found = {training: step for training, step in _checkpoints(models)}
        for training, step in self.checkpoints.items():
            if training not in found and training not in self.trained:
                change.lost.append(f"checkpoint {step} of {training}")
            elif training in found and found[training] < step and training not in self.trained:
                change.lost.append(f"checkpoint {step} of {training}: the latest is {found[training]} now")
        self.checkpoints = found


def _still_there(what: str, known: dict[str, str], found: dict[str, str], change: Change) -> dict[str, str]:
    change.lost += [f"{what} {name} ({digest[:8]})" for digest, name in known.items() if digest not in found]
    return found


def _outputs(enhanced: Path) -> dict[str, str]:
    """Digest -> name of every output with a meta of its own, in place or set aside."""
    found = {}
    for meta_path in [*enhanced.glob("*.meta.json"), *enhanced.glob("aside/*/*.meta.json")]:
        meta = json.loads(meta_path.read_bytes())
        folder, name = meta_path.parent, meta["output"]
        for path in [folder / name] if folder == enhanced else folder.glob(f"*{name}"):
            digest = hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else ""
            if digest == meta["sha256"]:
                found[digest] = name
    return found


def _adapters(models: Path) -> Iterator[tuple[Path, Path]]:
    """(record, weights) of every adapter, in place or set aside."""
    for record in [*models.glob("*/training.json"), *models.glob("aside/*/*training.json")]:
        weights = next(record.parent.glob("*adapter_model.safetensors"), None)
        if weights is not None:
            yield record, weights


def _checkpoints(models: Path) -> Iterator[tuple[str, int]]:
    """("fingerprint epochs", latest step) of every training with complete checkpoints, in place or set aside."""
    for mark in [*models.glob(".*_checkpoints*/fingerprint.json"), *models.glob("aside/*/*/fingerprint.json")]:
        told = json.loads(mark.read_bytes())
        steps = [int(match[1]) for path in mark.parent.iterdir() if (match := STEP.match(path.name))]
        if steps:
            yield f"{told['fingerprint']} {told['epochs']}", max(steps)
