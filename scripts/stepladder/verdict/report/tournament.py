"""The agents: who was deployed and why, what the validator is worth, the arena."""

from __future__ import annotations

from typing import Any

from . import charts
from .blocks import Block, Chart, Prose, Table, interval, number, percent
from .found import Found


def blocks(found: Found) -> list[Block]:
    """Gate, validator, ratings, matches."""
    content = found.outputs.get("06")
    if not isinstance(content, dict):
        return []
    shown: list[Block] = []
    gate = content.get("gate") or {}
    if gate.get("reason"):
        shown.append(Prose(f"Deployed: {gate['deployed']}. {gate['reason'][:1].upper()}{gate['reason'][1:]}.",
                           strong=True))
    shown += _validator(content.get("validator") or {})
    arena = content.get("arena") or content
    return shown + _ratings(arena.get("ratings") or []) + _matches(arena.get("matches") or [])


def _ratings(rows: list[dict[str, Any]]) -> list[Block]:
    if not rows:
        return []
    shown: list[Block] = []
    drawn = [(row["player"], {key: row[key] / 100 for key in ("rating", "low", "high")}, 0) for row in rows
             if row["low"] is not None]
    if drawn:
        dots = [(name, {"value": r["rating"], "low": r["low"], "high": r["high"]}, which) for name, r, which in drawn]
        shown.append(Chart(charts.intervals("tournament ratings", dots, chance=None, axis="rating"),
                           "Bradley-Terry rating with 95 % interval; 400 apart are odds of ten to one."))
    return [*shown, Table(["player", "rating", "won", "drawn", "lost", "A-score", "Q-score", "late", "null"], [
        [row["player"], number(row["rating"]), *(number(row[key]) for key in ("won", "drawn", "lost")),
         _mean(row["a_score"]), _mean(row["q_score"]), number(row["late_answers"]), number(row["null_answers"])]
        for row in rows],
        "A-score: share of the other's questions answered right, %; Q-score: share of own questions the other missed.")]


def _mean(score: dict[str, float | None]) -> str:
    if score["mean"] is None:
        return "–"
    spread = "" if score["low"] is None else f" ({score['low']:.0f} to {score['high']:.0f})"
    return f"{score['mean']:.0f}{spread}"


def _matches(rows: list[dict[str, Any]]) -> list[Block]:
    if not rows:
        return []
    return [Table(["round", "players", "scores", "winner"], [
        [number(row["round"]), " against ".join(row["players"]),
         " : ".join(number(score, 1) for score in row["scores"].values()), row["winner"] or "drawn"] for row in rows],
        folded=f"{len(rows)} matches")]


def _validator(known: dict[str, Any]) -> list[Block]:
    """What each of its verdicts is worth, over every option and over the agent's own answers."""
    measured = known.get("measured") or {}
    rows = [[name, verdict, percent(row["coverage"], 0), percent(row["stated"], 0), _share(row["are_right"])]
            for name, found in (("every option", measured.get("proposals")), ("own answers", measured.get("own")))
            if found for verdict, row in found["called"].items()]
    if not rows:
        return []
    retry = measured["retry"]
    return [Table(["validator, proposed", "called", "share of all", "probability stated", "are right (95 % interval)"],
                  rows, f"Fitted on {known['fitted_on']} validation questions, measured on {measured['questions']} "
                  f"held-out ones. Answer, validate and retry against answer alone: {retry['verdict']}.")]


def _share(found: dict[str, Any]) -> str:
    return interval(None if found["share"] is None else {**found, "value": found["share"]}, 0)
