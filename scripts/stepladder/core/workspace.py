"""Where a run's files lie: data/enhanced/NAME_TAG.json and models/, below one working folder.

What a variant writes has its name in it, NAME_TAG.VARIANT.json; with --limit N, NAME_TAG.limitN.json or
NAME_TAG.VARIANT.limitN.json. So no peek stands in the place of the whole, and no student in that of another.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from .cli import PROJECT
from .settings import Profile

MAIN_OUTPUTS = {"00": "questions", "01": "models", "02": "cot_enhanced", "03": "curriculum_ordered",
                "04": "training_log", "05": "test_results", "06": "tournament"}
"""Stage -> what it mainly writes."""


@dataclass(frozen=True)
class Workspace:
    """Paths of one profile's files below `root`.

    variant, limit: what a stage writes has them in its name. What it reads is the file of that name where there is
    one, else the variant's own without the limit, else the main run's.
    """

    root: Path
    tag: str
    student: str
    limit: int | None = None
    variant: str | None = None

    @classmethod
    def of(cls, args: argparse.Namespace, profile: Profile) -> Workspace:
        """The workspace a stage's arguments and profile name."""
        return cls(args.workdir.resolve(), profile.tag, profile.student, getattr(args, "limit", None),
                   getattr(args, "variant", None))

    def enhanced(self, name: str) -> Path:
        """data/enhanced/NAME_TAG.json."""
        return self.root / "data" / "enhanced" / f"{name}_{self.tag}.json"

    def output(self, name: str) -> Path:
        """Where a stage writes NAME: NAME_TAG.json, with variant and limit in the name."""
        return self.enhanced(name).with_suffix(f"{self._mark}.json")

    def input(self, name: str) -> Path:
        """Where a stage reads NAME: the first there is of the variant's and the main run's, peek and whole."""
        return next((path for one in self._stand_ins() if (path := one.output(name)).exists()), self.enhanced(name))

    def _stand_ins(self) -> Iterator[Workspace]:
        """This workspace, then those whose files are read where it has none, the main run's whole ones last."""
        for variant in dict.fromkeys((self.variant, None)):
            for limit in dict.fromkeys((self.limit, None)):
                yield replace(self, variant=variant, limit=limit)

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
        """models/STUDENT_cot_curriculum/: what stage 04 makes; with variant and limit in the name."""
        return self.models / f"{self.student}_cot_curriculum{self._mark}"

    @property
    def trained(self) -> Path:
        """The adapter's folder to read: the first there is, as with `input`."""
        return self._trained_in().adapter

    @property
    def student_name(self) -> str:
        """What the student of `trained` is called in tables: the variant's name where it is its own, else student."""
        return self._trained_in().variant or "student"

    def _trained_in(self) -> Workspace:
        return next((one for one in self._stand_ins() if any(
            (one.adapter / name).exists() for name in ("adapter_config.json", "adapter.gguf"))),
            replace(self, variant=None, limit=None))

    @property
    def checkpoints(self) -> Path:
        """Where checkpoints lie: beside the adapter's folder, hidden."""
        return self.models / f".{self.student}_checkpoints{self._mark}"

    @property
    def _mark(self) -> str:
        return (f".{self.variant}" if self.variant else "") + (f".limit{self.limit}" if self.limit else "")

    @property
    def sample_data(self) -> Path:
        """data/ of the project itself: inputs that ship with it."""
        return PROJECT / "data"
