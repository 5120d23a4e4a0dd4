"""The one-screen summary of a run, read from the metas beside the outputs."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from stepladder.core.files import read_json
from stepladder.core.progress import duration
from stepladder.core.stage import meta_path
from stepladder.core.workspace import Workspace

MAIN_OUTPUTS = {"00": "questions", "01": "models", "02": "cot_enhanced", "03": "curriculum_ordered",
                "04": "training_log", "05": "test_results", "06": "tournament"}


def read_metas(workspace: Workspace) -> dict[str, dict[str, Any]]:
    """Stage number -> meta of its main output, for those that are there."""
    paths = {stage: meta_path(workspace.enhanced(name)) for stage, name in MAIN_OUTPUTS.items()}
    return {stage: read_json(path) for stage, path in paths.items() if path.exists()}


def print_summary(console: Console, workspace: Workspace) -> None:
    """A line a stage: time, memory, and what it says of itself (`counts["summary"]`, else its plain counts)."""
    metas = read_metas(workspace)
    table = Table(box=None, pad_edge=False)
    for column, justify in (("stage", "left"), ("time", "right"), ("memory", "right"), ("result", "left")):
        table.add_column(column, justify=justify)  # type: ignore[arg-type]
    for stage, name in MAIN_OUTPUTS.items():
        meta = metas.get(stage)
        if meta is None:
            table.add_row(stage, "", "", f"[dim]{name}: not there yet[/dim]")
            continue
        table.add_row(stage, duration(meta["seconds"]), f"{meta['peak_memory_bytes'] / 1e9:.1f} GB",
                      escape(result_line(meta["counts"])))
    console.print(table)
    console.print(f"all stages: {duration(sum(meta['seconds'] for meta in metas.values()))}")
    report = workspace.enhanced("report").with_suffix(".html")
    if report.exists():
        console.print(f"report: {report}", soft_wrap=True)


def result_line(counts: dict[str, Any]) -> str:
    """The stage's own sentence, or its numbers."""
    if isinstance(counts.get("summary"), str):
        return counts["summary"]
    return ", ".join(f"{name.replace('_', ' ')} {value:,}" for name, value in counts.items()
                     if isinstance(value, (int, float)) and not isinstance(value, bool))
