"""The signals of difficulty, side by side, and the one that ranks.

Every signal says: the higher, the harder. None is "not measured", never a number.

    assessor   the assessor's rating, 1-10
    student    1 - probability the untrained student gives the key (fast mode)
    teacher    1 - the teacher's pass rate over its attempts
    length     words of the reasoning
    heuristic  an estimate from the text alone, 1-10
    known      level of a generated puzzle, 1-10; only ever compared with, as only puzzles have it
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence

from ..core.records import Record
from . import heuristic

Signals = dict[str, float | None]
MEASURED = ("assessor", "student", "teacher")  # what a blend is made of
FALLBACK = "heuristic"


def of_record(record: Record) -> Signals:
    """The signals that need no model."""
    return {"teacher": teacher_failures(record), "length": reasoning_words(record),
            "heuristic": heuristic.difficulty(record)}


def teacher_failures(record: Record) -> float | None:
    """1 - pass rate of the teacher's unaided attempts; None without a teacher.

    Where the pass rate was not kept, the attempts ended with the first right one.
    """
    cot = record.get("cot") or {}
    status, attempts = cot.get("status"), cot.get("attempts")
    agreement = (cot.get("quality") or {}).get("agreement")
    if status == "verified" and isinstance(agreement, float):
        return round(1.0 - agreement, 6)
    if status in ("hinted", "failed"):
        return 1.0
    if status == "verified" and isinstance(attempts, int) and attempts >= 1:
        return round(1.0 - 1.0 / attempts, 6)
    return None


def reasoning_words(record: Record) -> int | None:
    """Words of the reasoning, or None where there is none."""
    reasoning = record.get("chain_of_thought")
    return len(reasoning.split()) if isinstance(reasoning, str) and reasoning.strip() else None


def has_reasoning(record: Record) -> bool:
    """Whether there is something to train on."""
    return reasoning_words(record) is not None


def known_level(record: Record) -> int | None:
    """The level a puzzle was generated at."""
    level = (record.get("puzzle") or {}).get("level")
    return level if isinstance(level, int) else None


def ordering(ids: Sequence[str], signals: Mapping[str, Signals], chosen: str
             ) -> tuple[dict[str, float], dict[str, str]]:
    """(raw difficulty by id, signal it comes from by id) when `chosen` (a signal, or "blend") orders.

    A record that lacks the chosen signal gets the value that holds, among those that have it, the place its heuristic
    holds among all: so it is neither lost nor pushed to an end. If none has it, the heuristic orders everything.
    """
    spare = {name: float(signals[name][FALLBACK]) for name in ids}
    found = _blend(ids, signals) if chosen == "blend" else {
        name: float(value) for name in ids if (value := signals[name].get(chosen)) is not None}
    if not found:
        return spare, dict.fromkeys(ids, FALLBACK)
    missing = [name for name in ids if name not in found]
    if missing:
        import numpy as np

        places = _shares(spare)
        filled = np.quantile(list(found.values()), [places[name] for name in missing])
        raw = found | {name: round(float(value), 6) for name, value in zip(missing, filled, strict=True)}
        return raw, {name: chosen if name in found else FALLBACK for name in ids}
    return found, dict.fromkeys(ids, chosen)


def _blend(ids: Sequence[str], signals: Mapping[str, Signals]) -> dict[str, float]:
    """Mean rank over the measured signals a record has, on the scale 1-10."""
    shares: dict[str, list[float]] = {name: [] for name in ids}
    for signal in MEASURED:
        values = {name: float(value) for name in ids if (value := signals[name].get(signal)) is not None}
        for name, share in _shares(values).items():
            shares[name].append(share)
    return {name: round(1.0 + 9.0 * statistics.fmean(found), 6) for name, found in shares.items() if found}


def _shares(values: Mapping[str, float]) -> dict[str, float]:
    """Each value's rank as a share from 0 to 1; equal values share their mean rank."""
    from scipy.stats import rankdata

    ranks = rankdata(list(values.values()))
    return {name: float((rank - 0.5) / len(values)) for name, rank in zip(values, ranks, strict=True)}
