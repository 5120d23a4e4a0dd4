"""Base, student and every variant side by side: what each learnt differently, and what came of it."""

from __future__ import annotations

from typing import Any

from ..students import differences, p_value
from .blocks import Block, Table, interval, points
from .found import Found


def blocks(found: Found) -> list[Block]:
    """A table a mode; nothing where no variant was tested."""
    rows = (found.outputs.get("05") or {}).get("students") or []
    return [_table([row for row in rows if row["mode"] == mode], mode) for mode in
            dict.fromkeys(row["mode"] for row in rows)]


def _table(rows: list[dict[str, Any]], mode: str) -> Table:
    corrected = max((figures["comparisons"] for row in rows for figures in row["against"].values()), default=1)
    return Table(
        ["student", "differs in", "right (95 % interval)", "against base, points", "p", "against student, points", "p"],
        [[row["name"], differences(row["differs"]) or "–", interval(row["accuracy"]),
          *_against(row["against"].get("base")), *_against(row["against"].get("student"))] for row in rows],
        f"{mode.capitalize()} mode, the same questions for all. The comparison of student and base is the planned one; "
        f"the p values of the others are corrected (Holm) for the {corrected} of them.")


def _against(figures: dict[str, Any] | None) -> list[str]:
    if figures is None:
        return ["–", "–"]
    p = p_value(figures)
    return [points(figures["difference"]), f"{p:.2g}" if p >= 0.001 else "< 0.001"]
