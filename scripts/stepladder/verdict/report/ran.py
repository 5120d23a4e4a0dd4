"""What ran, with what, for how long; what is missing; and every warning that a stage left."""

from __future__ import annotations

from typing import Any

from stepladder.core.progress import duration

from .blocks import Block, Prose, Table, gigabytes
from .found import STAGES, Found


def profile_name(found: Found) -> str | None:
    """The profile of the latest stage."""
    return next((meta.get("profile") for _, meta in sorted(found.metas.items(), reverse=True)), None)


def finished(found: Found) -> str:
    """When the last stage ended, or an empty text."""
    return max((meta.get("finished", "") for meta in found.metas.values()), default="")


def warnings(found: Found) -> list[str]:
    """Problems with files, stages that are missing, and what the stages warn of."""
    told = list(found.problems)
    if missing := [f"{stage} ({STAGES[stage][0]})" for stage in STAGES if stage not in found.outputs]:
        told.append("Not there yet: stage " + ", ".join(missing))
    told += _missing_sources(found)
    for stage, meta in sorted(found.metas.items()):
        told += [f"Stage {stage}: {text}" for text in meta.get("counts", {}).get("warnings") or []]
    return told


def _missing_sources(found: Found) -> list[str]:
    """A line a source that a stage, or what it works on, was made without."""
    stages: dict[str, list[str]] = {}
    reasons: dict[str, str] = {}
    for stage, meta in sorted(found.metas.items()):
        for name, why in meta.get("missing_sources", {}).items():
            stages.setdefault(name, []).append(stage)
            reasons.setdefault(name, why)
    return [f"Made without the source {name} (stages {', '.join(stages[name])}): {why}" for name, why in
            reasons.items()]


def blocks(found: Found) -> list[Block]:
    """A row a stage, and the weights."""
    rows = []
    for stage, (_, what) in STAGES.items():
        meta = found.metas.get(stage)
        state = "done" if meta else "unfinished" if stage in found.outputs else "–"
        rows.append([f"{stage} {what}", state, duration(meta["seconds"]) if meta else "–",
                     gigabytes(meta.get("peak_memory_bytes")) if meta else "–",
                     meta["finished"][:16].replace("T", " ") if meta else "–"])
    total = sum(meta["seconds"] for meta in found.metas.values())
    shown: list[Block] = [Table(["stage", "state", "time", "peak memory", "finished (UTC)"], rows)]
    if found.metas:
        machines = sorted({meta["machine"] for meta in found.metas.values()})
        shown.append(Prose(f"{duration(total)} in all, on {', '.join(machines)}."))
    return shown + _weights(found)


def _weights(found: Found) -> list[Block]:
    table = found.outputs.get("01")
    if not table:
        return []
    rows = []
    for role in ("teacher", "assessor", "student"):
        if entry := table.get(role):
            rows.append([role, entry.get("name") or "–", entry.get("quantization") or "–",
                         gigabytes(entry.get("size_bytes")), entry.get("source") or "–"])
    return [Table(["role", "model", "quantization", "size", "from"], rows)]


def settings(found: Found) -> list[Block]:
    """Every setting of every stage and where it came from; versions; commands. Folded away."""
    shown: list[Block] = []
    for stage, meta in sorted(found.metas.items()):
        rows = [[key, _short(item["value"]), item["from"]] for key, item in meta["arguments"].items()]
        rows += [["seed", str(meta["seed"]), ""], ["limit", str(meta["limit"]), ""]]
        shown.append(Table(["setting", "value", "from"], rows, folded=f"Stage {stage}: {meta['command']}"))
    versions: dict[str, str] = {}
    for meta in found.metas.values():
        versions |= meta["versions"]
    if versions:
        shown.append(Table(["library", "version"], [[k, v] for k, v in sorted(versions.items())],
                           folded="Versions of Python and libraries"))
    return shown


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 160 else text[:159] + "…"
