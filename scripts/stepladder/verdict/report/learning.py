"""How training went: the loss over the curriculum, the guard's readings, what was exported."""

from __future__ import annotations

from typing import Any

from . import charts
from .blocks import Block, Chart, Prose, Table, number, percent
from .found import Found


def blocks(found: Found) -> list[Block]:
    """Loss and difficulty over steps; the guard."""
    log = found.outputs.get("04")
    if not log:
        return []
    steps = [step for step in log.get("steps") or [] if step.get("loss") is not None]
    guard = log.get("guard") or {}
    shown: list[Block] = []
    if guard.get("verdict"):
        shown.append(Prose(f"Guard: {guard['verdict']}.", strong=True))
    if steps:
        xs = [step["step"] for step in steps]
        climb = [step.get("difficulty") for step in steps]
        second = ("difficulty of the batch", xs, climb) if None not in climb else None
        series = {"loss of the step": (xs, [step["loss"] for step in steps])}
        if len(steps) >= 20:
            series["its running mean"] = (xs, _smoothed([step["loss"] for step in steps]))
        shown.append(Chart(charts.lines("training loss", series, "optimiser step", "loss", second=second),
                           _caption((log.get("order") or {}).get("strategy"))))
    readings = [row for row in guard.get("readings") or [] if row.get("levels") and row["loss"] is not None]
    if len(readings) > 1:
        at = [row["step"] for row in readings]
        series = {f"{level} records": (at, [row["levels"][level] for row in readings])
                  for level in ("easy", "medium", "hard") if level in readings[0]["levels"]}
        if len(series) != 1:
            series = {"all held-out records": (at, [row["loss"] for row in readings]), **series}
        shown.append(Chart(charts.lines("held-out loss", series, "optimiser step", "nats a token", dots=True),
                           f"Loss on the reasoning of {len(readings[0]['losses'])} records that were not trained, by "
                           f"level. The adapter kept is that of step {guard['best_step']}."))
    if decisions := guard.get("decisions"):
        shown.append(Table(["step", "what the guard did", "why"], [
            [number(row["step"]), f"{row['decision']} to step {row['to']}", row["reason"]] for row in decisions]))
    return shown + _facts(found, log)


def _caption(order: str | None) -> str:
    if order in ("curriculum", "interleaved"):
        return ("Training loss along the curriculum. Batches get harder through an epoch, so a loss that does not fall "
                "is no sign of not learning.")
    return f"Training loss{'' if order is None else f', order {order}'}."


def _smoothed(values: list[float], weight: float = 0.9) -> list[float]:
    """Exponential running mean, corrected for its start."""
    mean, out = 0.0, []
    for count, value in enumerate(values, start=1):
        mean = weight * mean + (1 - weight) * value
        out.append(mean / (1 - weight**count))
    return out


def _facts(found: Found, log: dict[str, Any]) -> list[Block]:
    counts = found.counts("04")
    rows = [[key.replace("_", " "), number(value, 0 if isinstance(value, int) else 1)]
            for key, value in {**counts, **(counts.get("speed") or {})}.items()
            if isinstance(value, (int, float)) and not isinstance(value, bool) and not key.endswith("_bytes")]
    shown: list[Block] = [Table(["training", "figure"], rows)] if rows else []
    for form, row in (log.get("agreement") or {}).items():
        if isinstance(row, dict) and row.get("share") is not None:  # earlier versions kept letters
            shown.append(Prose(f"The exported {form} shows {percent(row['share'], 0)} of the adapter's effect "
                               f"({number(row['effect'], 2)} nats a token) on {row['texts']} texts that the student "
                               f"learnt, and is {number(row['distance'], 2)} nats a token off it."))
    return shown
