"""The agents: who was deployed and why, the tournament, the validator."""

from __future__ import annotations

from typing import Any

from .blocks import Block, Prose, Table, interval, number
from .found import Found


def blocks(found: Found) -> list[Block]:
    """Gate, standings, rounds."""
    content = found.outputs.get("06")
    if not isinstance(content, dict):
        return []
    shown: list[Block] = []
    gate = content.get("gate") or found.counts("06").get("gate")
    if isinstance(gate, dict):
        told = gate.get("reason") or gate.get("why") or gate.get("sentence") or ""
        shown.append(Prose(f"Deployed: {gate.get('deployed') or gate.get('chosen') or '–'}. {told}", strong=True))
    standings = content.get("standings") or content.get("table") or content.get("ratings")
    if standings:
        shown.append(_table(standings))
    for key in ("validator", "validation", "answering", "arena"):
        if isinstance(content.get(key), dict) and (row := _figures(content[key])):
            shown.append(Table([key, "figure"], row))
    if isinstance(rounds := content.get("rounds"), list) and rounds:
        shown.append(_table(rounds, folded=f"{len(rounds)} rounds"))
    return shown


def _table(rows: Any, folded: str = "") -> Table:
    """A table of whatever plain fields the rows have."""
    if isinstance(rows, dict):
        rows = [{"name": name, **(row if isinstance(row, dict) else {"value": row})} for name, row in rows.items()]
    head = list(dict.fromkeys(key for row in rows for key, value in row.items() if _is_plain(value)))
    return Table([key.replace("_", " ") for key in head], [[_cell(row.get(key)) for key in head] for row in rows],
                 folded=folded)


def _figures(row: dict[str, Any]) -> list[list[str]]:
    return [[key.replace("_", " "), _cell(value)] for key, value in row.items() if _is_plain(value)]


def _is_plain(value: Any) -> bool:
    return isinstance(value, (str, int, float)) or (isinstance(value, dict) and {"value", "low", "high"} <= set(value))


def _cell(value: Any) -> str:
    if isinstance(value, dict):
        return interval(value)
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return {None: "–", True: "yes", False: "no"}.get(value, value)
    return number(value, 0 if isinstance(value, int) else 3)
