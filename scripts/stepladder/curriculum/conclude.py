"""What becomes of the measurements: which signal ranks, what is said aloud, and what the meta tells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..core.records import Record
from ..core.settings import Curriculum
from . import build, measure, signals, summary


@dataclass
class Conclusion:
    """The ranked records, the counts for the meta, and warnings that must not be overlooked."""

    records: list[Record]
    counts: dict[str, Any]
    warnings: list[str] = field(default_factory=list)


def conclude(records: Sequence[Record], results: Mapping[str, build.Results], failures: Mapping[str, str],
             settings: Curriculum, assessor_name: str) -> Conclusion:
    """Rank the records by the wanted signal, or by the heuristic where it cannot be had.

    results: what was measured, by role. failures: why a role could not be measured, by role.
    """
    ids = [record["id"] for record in records]
    warnings = [f"no {role} ({why})" for role, why in failures.items()]
    counts: dict[str, Any] = {}
    ratings = results.get("assessor", {})
    if ratings:
        counts["assessor"], unusable = measure.judge(ratings, ids)
        if unusable:
            warnings.append(f"the ratings of {assessor_name} are of no use: {unusable}")
            ratings = {}
    found = build.gather(records, ratings, results.get("student", {}))
    ordered = build.build(records, found, settings.difficulty, assessor_name)
    for role, name in measure.FIELDS.items():
        ordered = build.attach(ordered, name, results.get(role, {}))
    counts |= {"wanted": settings.difficulty, "warnings": warnings,
               **summary.describe(ordered)}
    stand_ins = counts["difficulty_by"].get(signals.FALLBACK, 0)
    if settings.difficulty != signals.FALLBACK and stand_ins == len(records):
        warnings.append(f"no record has the signal {settings.difficulty!r}: THE HEURISTIC ORDERS ALL {len(records)} "
                        'RECORDS, marked "difficulty_by": "heuristic"; --force tries again')
    elif settings.difficulty != signals.FALLBACK and stand_ins:
        warnings.append(f"{stand_ins} of {len(records)} records lack the signal {settings.difficulty!r}: "
                        'the heuristic places them, marked "difficulty_by": "heuristic"')
    return Conclusion(ordered, counts, warnings)
