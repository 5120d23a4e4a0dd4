"""From measurements to the ranked records: signals, difficulty, level, position. The input's order plays no part."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..core.records import Record
from . import calibration, signals

Results = Mapping[str, Mapping[str, Any]]  # record id -> what a model said of it


def gather(records: Sequence[Record], ratings: Results, probes: Results) -> dict[str, signals.Signals]:
    """All signals by record id; `ratings` and `probes` may lack records, or be empty."""
    return {record["id"]: {"assessor": ratings.get(record["id"], {}).get("assessor"),
                           "student": probes.get(record["id"], {}).get("student"), **signals.of_record(record)}
            for record in records}


def build(records: Sequence[Record], found: Mapping[str, signals.Signals], chosen: str,
          assessor_name: str) -> list[Record]:
    """The records from the easiest to the hardest, each with its signals, difficulty, level and position."""
    ids = [record["id"] for record in records]
    raw, source = signals.ordering(ids, found, chosen)
    ranked = calibration.rank(records, raw, {name: float(found[name]["heuristic"]) for name in ids})
    rated = []
    steps = calibration.ladder([signals.has_reasoning(record) for record in ranked])
    for record, (difficulty, level) in zip(ranked, steps, strict=True):
        name = record["id"]
        by = assessor_name if source[name] == "assessor" else source[name]
        rated.append({**record, "signals": found[name], "difficulty": difficulty, "difficulty_raw": raw[name],
                      "difficulty_by": by, "level": level})
    return [{**record, "position": position} for position, record in enumerate(rated)]


def attach(records: Sequence[Record], field: str, results: Results) -> list[Record]:
    """The records with what was measured of each under `field`, so that a later run need not measure it again."""
    return [{**record, field: {key: value for key, value in results[record["id"]].items() if key != "id"}}
            if record["id"] in results else record for record in records]
