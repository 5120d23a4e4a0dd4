"""What the page leads with: what was gained, on what, how sure, and what it cost."""

from __future__ import annotations

from typing import Any

from stepladder.core.progress import duration

from ..comparing import p_words
from .blocks import gigabytes, number, percent
from .found import Found

Card = tuple[str, str, str]
"""(name, figure, small print)"""
MOST_CONTESTANTS, MOST_SOURCES = 4, 4


def cards(found: Found) -> list[Card]:
    """Accuracy of each contestant in the headline mode, the difference in all and by source, and the cost."""
    summary = (found.outputs.get("05") or {}).get("summary") or {}
    return [*_contestants(summary), *_gain(summary), *_by_source(summary), *_cost(found)]


def _contestants(summary: dict[str, Any]) -> list[Card]:
    mode = summary.get("headline_mode")
    known = [(name, by_mode[mode]) for name, by_mode in (summary.get("accuracy") or {}).items() if by_mode.get(mode)]
    return [(name, percent(a["value"]), f"right, {mode}; 95 % interval {percent(a['low'])} to {percent(a['high'])}")
            for name, a in known[:MOST_CONTESTANTS]]


def _gain(summary: dict[str, Any]) -> list[Card]:
    row = summary.get("headline")
    if not row or not row["difference"]:
        return []
    return [(f"{row['contestant']} against {row['reference']}", f"{100 * row['difference']['value']:+.1f} points",
             f"{row['verdict']}; {_bounds(row['difference'])}, {p_words(row)}")]


def _by_source(summary: dict[str, Any]) -> list[Card]:
    rows = sorted(summary.get("by_source") or [], key=lambda row: -row["n"])[:MOST_SOURCES]
    return [(f"on {row['value']}", f"{100 * row['difference']['value']:+.1f} points",
             f"{row['contestant']} against {row['reference']}, {number(row['n'])} questions; "
             f"{_bounds(row['difference'])}") for row in rows]


def _bounds(found: dict[str, float]) -> str:
    return f"95 % interval {100 * found['low']:+.1f} to {100 * found['high']:+.1f}"


def _cost(found: Found) -> list[Card]:
    if not found.metas:
        return []
    total = sum(meta["seconds"] for meta in found.metas.values())
    most = max(meta.get("peak_memory_bytes") or 0 for meta in found.metas.values())
    told = [f"most memory {gigabytes(most)}"] if most else []
    if training := found.metas.get("04"):
        tokens = training.get("counts", {}).get("tokens")
        told.insert(0, f"training {duration(training['seconds'])}" + (f", {tokens:,} tokens" if tokens else ""))
    return [("cost", duration(total), "; ".join(told))]
