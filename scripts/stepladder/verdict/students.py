"""Base, student and every variant in one paired table. Pure.

A variant is held against base and student on the same questions. One comparison of a run is planned, student against
base; the p values of all others in a mode are corrected together (Holm), and a verdict rests on the corrected one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

REFERENCES = ("base", "student")
FIGURES = ("difference", "won", "lost", "p_value", "p_corrected", "verdict")


def table(contestants: Mapping[str, Mapping[str, Any]], comparisons: Sequence[Mapping[str, Any]]
          ) -> list[dict[str, Any]]:
    """A row a mode and student: {"name", "mode", "differs", "accuracy", "against": {reference: figures}}.

    Empty where no variant was tested. contestants: those of the results, with `variant` where they are one. Among the
    figures is `comparisons`, how many the p value was corrected for; 1 for the planned one, which needs none.
    """
    variants = [name for name, row in contestants.items() if "variant" in row["weights"]]
    if not variants:
        return []
    shown = [name for name in (*REFERENCES, *variants) if name in contestants]
    modes = dict.fromkeys(mode for name in shown for mode in contestants[name]["modes"])
    return [{"name": name, "mode": mode, "differs": contestants[name]["weights"].get("variant", {}),
             "accuracy": contestants[name]["modes"][mode]["accuracy"],
             "against": _against(name, mode, comparisons)} for mode in modes for name in shown]


def _against(name: str, mode: str, comparisons: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    here = [row for row in comparisons if row["mode"] == mode]
    corrected = sum(not row["planned"] for row in here)
    return {row["reference"]: {key: row[key] for key in FIGURES if key in row}
            | {"comparisons": 1 if row["planned"] else corrected}
            for row in here if row["contestant"] == name and row["reference"] in REFERENCES}


def p_value(figures: Mapping[str, Any]) -> float:
    """The p value that the verdict rests on."""
    return figures.get("p_corrected", figures["p_value"])


def differences(differs: Mapping[str, Sequence[Any]]) -> str:
    """What makes a variant differ, in words: "training.order random instead of curriculum"."""
    return ", ".join(f"{key} {own} instead of {main}" for key, (main, own) in differs.items())


def lines(rows: Sequence[Mapping[str, Any]], mode: str) -> list[str]:
    """A sentence a variant and reference in one mode."""
    told = []
    for row in (row for row in rows if row["mode"] == mode):
        for reference, figures in row["against"].items():
            if figures["comparisons"] > 1 and figures["difference"]:
                d = {key: 100 * value for key, value in figures["difference"].items()}
                told.append(f"{mode}: {row['name']} against {reference}: {d['value']:+.1f} points (95 % interval "
                            f"{d['low']:+.1f} to {d['high']:+.1f}), p = {p_value(figures):.2g}, corrected for "
                            f"{figures['comparisons']} comparisons: {figures['verdict']}")
    return told
