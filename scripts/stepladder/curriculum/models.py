"""Which weights rate and which are probed, and how they are opened."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..core.errors import InputError
from ..core.files import read_json
from ..core.settings import Curriculum, EngineSettings
from ..core.weights_table import read_weights
from ..core.workspace import Workspace
from ..engine.requests import Backend


@dataclass(frozen=True)
class Model:
    """A role's model: a GGUF on this machine, or servers."""

    name: str
    gguf: Path | None
    endpoints: tuple[str, ...] = ()

    def same_weights(self, other: Model) -> bool:
        """Whether one opened backend serves both."""
        return (self.gguf, self.endpoints) == (other.gguf, other.endpoints)


def find_assessor(workspace: Workspace, engine: EngineSettings) -> tuple[Model | None, str]:
    """(the assessor, "") or (None, why there is none). Raises InputError where stage 01 has not run at all."""
    if engine.endpoints:
        return Model(engine.endpoint_model or "endpoint", None, tuple(engine.endpoints)), ""
    table = workspace.enhanced("models")
    if table.exists() and "assessor" not in read_json(table):
        return None, f"{table.name} names none"
    weights = read_weights(workspace, "assessor")
    if weights.gguf is None:
        return None, f"{weights.name} has no GGUF weights"
    return Model(weights.name, weights.gguf), ""


def find_student(workspace: Workspace) -> Model:
    """The untrained student. Raises InputError where it has no GGUF weights."""
    weights = read_weights(workspace, "student")
    return Model(weights.name, weights.need("gguf"))


def find(workspace: Workspace, settings: Curriculum, engine: EngineSettings
         ) -> tuple[dict[str, Model], dict[str, str]]:
    """(models to measure with, by role; why a role has none, by role). The heuristic needs no model at all."""
    chosen: dict[str, Model] = {}
    missing: dict[str, str] = {}
    if settings.difficulty == "heuristic":
        return chosen, missing
    assessor, why = find_assessor(workspace, engine)
    if assessor is None:
        missing["assessor"] = why
    else:
        chosen["assessor"] = assessor
    if settings.student_signal or settings.difficulty == "student":
        chosen["student"] = find_student(workspace)
    return chosen, missing


def open_model(model: Model, engine: EngineSettings) -> Backend:
    """Raises EngineError when the model cannot be loaded or no server answers."""
    from ..engine.backend import open_by_settings

    if model.gguf is None and not model.endpoints:
        raise InputError(f"{model.name} has neither weights nor a server")
    return open_by_settings(engine, model.gguf or model.name, endpoints=model.endpoints)
