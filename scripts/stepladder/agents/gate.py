"""The gate: the student is deployed where it is shown to be no worse than its base, else the base. Pure.

The paired difference of correctness, question by question, must be at least 0, and the lower end of its 95 % interval
above -2 points. The interval is Bonett and Price's (2012): two made-up questions, one won and one lost, are added, so
that a handful of questions without any difference does not pass for certainty.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from stepladder.core.errors import InputError

LOWEST = -0.02
Z95 = 1.959964


@dataclass(frozen=True)
class Decision:
    """What is deployed, and why. difference, low, high: shares of questions, student minus base; None: not measured."""

    deployed: Literal["student", "base"]
    verdict: Literal["better or equal", "worse", "too few questions", "no student", "forced"]
    reason: str
    mode: str | None = None
    questions: int = 0
    student: float | None = None
    base: float | None = None
    difference: float | None = None
    low: float | None = None
    high: float | None = None

    def as_json(self) -> dict[str, Any]:
        """Plain JSON types."""
        return asdict(self)


def mean_interval(differences: Sequence[float]) -> tuple[float | None, float | None]:
    """95 % interval of the mean of paired differences in [-1, 1]; (None, None) where there are none."""
    if not differences:
        return None, None
    padded = [*differences, 1.0, -1.0]
    mean = math.fsum(padded) / len(padded)
    variance = math.fsum((value - mean) ** 2 for value in padded) / len(padded)
    half = Z95 * math.sqrt(variance / len(padded))
    return max(-1.0, mean - half), min(1.0, mean + half)


def paired_scores(results: Mapping[str, Any], name: str = "student") -> tuple[str, list[tuple[float, float]]]:
    """(mode, [(student, base) correctness a question]) of stage 05's results; reasoning mode where it was tested.

    name: of the student among the contestants, a variant's where that is judged.

    Raises InputError where student or base were not tested.
    """
    questions = results.get("questions") if isinstance(results, Mapping) else None
    if not isinstance(questions, list):
        raise InputError("the test results hold no list of questions; run 05_test_model.py again")
    for mode in ("reasoning", "fast"):
        pairs = [(_score(question, name, mode), _score(question, "base", mode)) for question in questions]
        whole = [(student, base) for student, base in pairs if student is not None and base is not None]
        if whole:
            return mode, whole
    raise InputError(f"the test results compare no {name} with a base; run 05_test_model.py with both contestants")


def _score(question: Mapping[str, Any], contestant: str, mode: str) -> float | None:
    found = question.get("answers", {}).get(contestant, {}).get(mode)
    if found is None:
        return None
    return float(found["score"] if "score" in found else found["letter"] == question["answer"])


def decide(results: Mapping[str, Any], *, force_student: bool = False, student_exists: bool = True,
           name: str = "student") -> Decision:
    """Who is deployed. `student_exists`: whether stage 04 left an adapter that the engine can load. name: of the
    student in the results."""
    if not student_exists:
        return Decision("base", "no student", "the student has no adapter.gguf, so the base is deployed")
    mode, pairs = paired_scores(results, name)
    differences = [student - base for student, base in pairs]
    difference = math.fsum(differences) / len(pairs)
    low, high = mean_interval(differences)
    figures = {"mode": mode, "questions": len(pairs), "student": math.fsum(s for s, _ in pairs) / len(pairs),
               "base": math.fsum(b for _, b in pairs) / len(pairs), "difference": difference, "low": low, "high": high}
    told = (f"{name} minus base {100 * difference:+.1f} points in {mode} mode on {len(pairs)} questions (95 % "
            f"interval {100 * low:+.1f} to {100 * high:+.1f})")
    if difference >= 0 and low > LOWEST:
        return Decision("student", "better or equal", f"{told}: the student is deployed", **figures)
    worse = difference < 0 or high < 0
    few = f"too few questions to tell that it is not over {-100 * LOWEST:.0f} points worse"
    why = "it tests worse" if worse else few
    if force_student:
        return Decision("student", "forced", f"{told}: {why}; THE STUDENT IS DEPLOYED BY FORCE (--force-student)",
                        **figures)
    verdict = "worse" if worse else "too few questions"
    return Decision("base", verdict, f"{told}: {why}, so the base is deployed", **figures)
