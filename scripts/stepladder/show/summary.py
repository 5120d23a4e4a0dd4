"""The one-screen summary of a run, read from the metas beside the outputs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from stepladder.core import variants
from stepladder.core.files import read_json
from stepladder.core.progress import duration
from stepladder.core.stage import meta_path, with_agents
from stepladder.core.workspace import MAIN_OUTPUTS, Workspace


def read_metas(workspace: Workspace) -> dict[str, dict[str, Any]]:
    """Stage number -> meta of its main output, for those that are there; of a variant its own alone."""
    paths = {stage: meta_path(workspace.output(name)) for stage, name in MAIN_OUTPUTS.items()}
    metas = {stage: read_json(path) for stage, path in paths.items() if path.exists()}
    return {stage: with_agents(meta, workspace) if stage == "06" else meta for stage, meta in metas.items()}


def print_summary(console: Console, workspace: Workspace) -> None:
    """A line or two a stage: time, memory, and what came of it; then the whole time and the report."""
    metas = read_metas(workspace)
    table = Table(box=None, pad_edge=False)
    for column, justify in (("stage", "left"), ("time", "right"), ("memory", "right"), ("result", "left")):
        table.add_column(column, justify=justify)  # type: ignore[arg-type]
    for stage, name in MAIN_OUTPUTS.items():
        meta = metas.get(stage)
        if meta is None:
            table.add_row(stage, "", "", f"[dim]{name}: not there yet[/dim]")
            continue
        table.add_row(*_row(stage, stage, meta, workspace))
    for variant in variant_workspaces(workspace):
        for stage, meta in (own := read_metas(variant)).items():
            table.add_row(*_row(stage, f"{stage} {variant.variant}", meta, variant))
        metas |= {f"{stage} {variant.variant}": meta for stage, meta in own.items()}
    console.print(table)
    console.print(f"all stages: {duration(sum(meta['seconds'] for meta in metas.values()))}")
    report = workspace.enhanced("report").with_suffix(".html")
    if report.exists():
        console.print(f"report: {report}", soft_wrap=True)


def variant_workspaces(workspace: Workspace) -> Iterator[Workspace]:
    """The workspace of each variant."""
    for name in variants.names(workspace):
        yield replace(workspace, variant=name)


def _row(stage: str, label: str, meta: dict[str, Any], workspace: Workspace) -> list[str]:
    path = workspace.output(MAIN_OUTPUTS[stage])
    output = read_json(path) if stage == "06" and path.exists() else {}
    return [label, duration(meta["seconds"]), f"{meta['peak_memory_bytes'] / 1e9:.1f} GB",
            escape("\n".join([*RESULTS[stage](meta["counts"], output), *_without(meta)]))]


def _without(meta: dict[str, Any]) -> list[str]:
    missing = meta.get("missing_sources")
    return [f"WARNING: made without {', '.join(missing)}"] if missing else []


def _questions(counts: dict[str, Any], _: dict[str, Any]) -> list[str]:
    coverage = counts["coverage"]
    return [f"{counts['training']:,} training, {counts['validation']:,} validation, {counts['test']:,} held-out "
            f"questions; {coverage['covered']} of {coverage['of']} domains covered"]


def _weights(counts: dict[str, Any], _: dict[str, Any]) -> list[str]:
    return [f"weights for {counts['roles']} roles, {counts['bytes'] / 1e9:.1f} GB"]


def _reasoning(counts: dict[str, Any], _: dict[str, Any]) -> list[str]:
    status = counts["status"]
    return [", ".join(f"{number:,} {name}" for name, number in status.items())]


def _curriculum(counts: dict[str, Any], _: dict[str, Any]) -> list[str]:
    levels = counts.get("levels_with_reasoning") or counts["levels"]
    told = ", ".join(f"{number:,} {level}" for level, number in levels.items())
    return [f"{told}; rated by {', '.join(counts['difficulty_by'])}"]


def _training(counts: dict[str, Any], _: dict[str, Any]) -> list[str]:
    order = f", order {counts['order']}" if "order" in counts else ""
    return [f"{counts['records']:,} records{order}, {counts['tokens']:,} tokens, {counts['steps']:,} steps; "
            f"guard: {counts['verdict']}"]


def _verdict(counts: dict[str, Any], _: dict[str, Any]) -> list[str]:
    lines = []
    for contestant, modes in counts["accuracy"].items():
        shares = [f"{mode} {100 * a['value']:.1f} % ({100 * a['low']:.1f} to {100 * a['high']:.1f})"
                  for mode, a in modes.items()]
        lines.append(f"{contestant}: {', '.join(shares)} right of {counts['questions']:,}")
    return [*lines, *filter(None, [counts["headline"]]), *counts.get("by_source", [])]


def _agents(counts: dict[str, Any], output: dict[str, Any]) -> list[str]:
    gate = [f"gate: {output['gate']['reason']}"] if output.get("gate") else []
    return [*gate, f"{output['deployed']} deployed; {counts['matches']} tournament matches"] if "deployed" in output \
        else []


RESULTS = {"00": _questions, "01": _weights, "02": _reasoning, "03": _curriculum, "04": _training, "05": _verdict,
           "06": _agents}
