"""Where a run's files lie: data/enhanced/NAME_TAG.json and models/, below one working folder."""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace
from pathlib import Path

from .cli import PROJECT
from .settings import Profile


@dataclass(frozen=True)
class Workspace:
    """Paths of one profile's files below `root`.

    limit: with --limit N what a stage writes has .limitN in its name, and what it reads is the file of that name
    where there is one, else the main one. So a peek never stands in the place of the whole.
    """

    root: Path
    tag: str
    student: str
    limit: int | None = None

    @classmethod
    def of(cls, args: argparse.Namespace, profile: Profile) -> Workspace:
        """The workspace a stage's arguments and profile name."""
        return cls(args.workdir.resolve(), profile.tag, profile.student, getattr(args, "limit", None))

    def enhanced(self, name: str) -> Path:
        """data/enhanced/NAME_TAG.json."""
        return self.root / "data" / "enhanced" / f"{name}_{self.tag}.json"

    def output(self, name: str) -> Path:
        """Where a stage writes NAME: NAME_TAG.json, or NAME_TAG.limitN.json."""
        return self.enhanced(name).with_suffix(f"{self._mark}.json")

    def input(self, name: str) -> Path:
        """Where a stage reads NAME: what a run of the same limit wrote, else NAME_TAG.json."""
        return self.output(name) if self.output(name).exists() else self.enhanced(name)

    def journal(self, name: str) -> Path:
        """data/enhanced/journals/NAME_TAG.jsonl: finished work, whatever run it was done in."""
        return self.root / "data" / "enhanced" / "journals" / f"{name}_{self.tag}.jsonl"

    def rejected(self, name: str, output: Path) -> Path:
        """Where records go that an output leaves out: NAME_rejected_TAG.json, or OUTPUT_rejected.json elsewhere."""
        if output == self.output(name):
            return self.output(f"{name}_rejected")
        return output.with_name(f"{output.stem}_rejected.json")

    @property
    def models(self) -> Path:
        """models/: weights and adapters."""
        return self.root / "models"

    @property
    def adapter(self) -> Path:
        """models/STUDENT_cot_curriculum/: what stage 04 makes; STUDENT_cot_curriculum.limitN/ with a limit."""
        return self.models / f"{self.student}_cot_curriculum{self._mark}"

    @property
    def trained(self) -> Path:
        """The adapter's folder to read: what a training of the same limit made, else the main one."""
        if any((self.adapter / name).exists() for name in ("adapter_config.json", "adapter.gguf")):
            return self.adapter
        return replace(self, limit=None).adapter

    @property
    def checkpoints(self) -> Path:
        """Where checkpoints lie: beside the adapter's folder, hidden."""
        return self.models / f".{self.student}_checkpoints{self._mark}"

    @property
    def _mark(self) -> str:
        return f".limit{self.limit}" if self.limit else ""

    @property
    def sample_data(self) -> Path:
        """data/ of the project itself: inputs that ship with it."""
        return PROJECT / "data"
