"""models_TAG.json: which weights each role has. Written by stage 01, read by every stage that loads a model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .errors import InputError, NotThereYet
from .files import read_json
from .shards import missing_files
from .workspace import Workspace

ROLES = ("teacher", "assessor", "student")


@dataclass(frozen=True)
class RoleWeights:
    """Weights of one role: a GGUF for the engine (its first shard), a transformers folder for training, or both."""

    role: str
    name: str
    gguf: Path | None
    transformers: Path | None

    def need(self, form: str) -> Path:
        """The "gguf" or "transformers" path. Raises InputError where this role has none."""
        path = getattr(self, form)
        if path is None:
            raise InputError(f"the {self.role} has no {form} weights; see [models.{self.role}] in the profile")
        return path


def read_weights(workspace: Workspace, role: str) -> RoleWeights:
    """The weights of a role. Raises NotThereYet when stage 01 has not provided them, InputError if it names none."""
    table_path = workspace.enhanced("models")
    if not table_path.exists():
        raise NotThereYet(f"{table_path} does not exist; run 01_download_deepseek_gguf.py first")
    entry = read_json(table_path).get(role)
    if entry is None:
        raise InputError(f"{table_path} names no {role}; run 01_download_deepseek_gguf.py for this profile")

    def located(form: str) -> Path | None:
        path = workspace.root / entry[form] if entry.get(form) else None
        for gone in missing_files(path)[:1] if path is not None else ():
            raise NotThereYet(f"{role}: {gone} is gone; run 01_download_deepseek_gguf.py again")
        return path

    return RoleWeights(role, entry["name"], located("gguf"), located("transformers"))
