"""Where a run's files lie: data/enhanced/NAME_TAG.json and models/, below one working folder."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

from .cli import PROJECT
from .settings import Profile


@dataclass(frozen=True)
class Workspace:
    """Paths of one profile's files below `root`."""

    root: Path
    tag: str
    student: str

    @classmethod
    def of(cls, args: argparse.Namespace, profile: Profile) -> Workspace:
        """The workspace a stage's arguments and profile name."""
        return cls(args.workdir.resolve(), profile.tag, profile.student)

    def enhanced(self, name: str) -> Path:
        """data/enhanced/NAME_TAG.json."""
        return self.root / "data" / "enhanced" / f"{name}_{self.tag}.json"

    def rejected(self, name: str, output: Path) -> Path:
        """Where records go that an output leaves out: NAME_rejected_TAG.json, or OUTPUT_rejected.json elsewhere."""
        if output == self.enhanced(name):
            return self.enhanced(f"{name}_rejected")
        return output.with_name(f"{output.stem}_rejected.json")

    @property
    def models(self) -> Path:
        """models/: weights and adapters."""
        return self.root / "models"

    @property
    def adapter(self) -> Path:
        """models/STUDENT_cot_curriculum/: what stage 04 makes."""
        return self.models / f"{self.student}_cot_curriculum"

    @property
    def sample_data(self) -> Path:
        """data/ of the project itself: inputs that ship with it."""
        return PROJECT / "data"
