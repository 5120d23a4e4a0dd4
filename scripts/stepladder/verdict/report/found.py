"""What a run has left on disk: each stage's output and meta, read by file only."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from stepladder.core.errors import InputError
from stepladder.core.files import read_json
from stepladder.core.stage import meta_path, with_agents
from stepladder.core.workspace import Workspace

STAGES = {
    "00": ("questions", "questions collected and split"),
    "01": ("models", "weights chosen and fetched"),
    "02": ("cot_enhanced", "reasoning written by the teacher and checked"),
    "03": ("curriculum_ordered", "difficulty rated, records ranked"),
    "04": ("training_log", "student trained"),
    "05": ("test_results", "contestants tested on held-out questions"),
    "06": ("tournament", "agents deployed, tournament played"),
}


@dataclass(frozen=True)
class Found:
    """Outputs and metas by stage number; a stage that left nothing is not in them. problems: files not readable."""

    outputs: dict[str, Any] = field(default_factory=dict)
    metas: dict[str, dict[str, Any]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def counts(self, stage: str) -> dict[str, Any]:
        """What a stage's meta counted; empty where there is no meta."""
        return self.metas.get(stage, {}).get("counts", {})


def read_all(workspace: Workspace) -> Found:
    """Read everything there is. A damaged file is a problem to be shown, not an error."""
    found = Found()
    for stage, (name, _) in STAGES.items():
        path = workspace.enhanced(name)
        for target, file in ((found.outputs, path), (found.metas, meta_path(path))):
            if file.exists():
                try:
                    target[stage] = read_json(file)
                    if stage == "06" and target is found.metas:
                        target[stage] = with_agents(target[stage], workspace)
                except InputError as error:
                    found.problems.append(f"stage {stage}: {error}")
        if stage in found.outputs and stage not in found.metas:
            found.problems.append(f"stage {stage}: {path.name} has no meta, so the stage did not finish")
    return found
