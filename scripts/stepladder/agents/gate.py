"""The gate: the student is deployed where it is shown to be no more than a margin worse than its base. Pure.

Both answer the same validation questions; the test set serves no choice, it is only reported. A non-inferiority test:
the lower end of the 90 % interval of the paired difference (that is a one-sided test at 5 %) must lie above minus the
margin. Where the whole interval lies below zero, the student is shown to be worse, and the base goes, whatever the
margin.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from stepladder.core.errors import InputError

CONFIDENCE = 0.90


@dataclass(frozen=True)
class Decision:
    """What is deployed, and why. Shares of questions; difference, low, high: student minus base; None: not measured.

    verdict: "not worse than 3 points" (whatever the margin is), "worse", "too few questions", "no student", "forced".
    test: what stage 05 said of student and base on the held-out questions, in its words; it had no part in the choice.
    """

    deployed: Literal["student", "base"]
    verdict: str
    reason: str
    questions: int = 0
    student: float | None = None
    base: float | None = None
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    margin: float | None = None
    test: str | None = None

    def as_json(self) -> dict[str, Any]:
        """Plain JSON types."""
        return asdict(self)


def mean_interval(differences: Sequence[float], clusters: Sequence[int] | None = None, confidence: float = 0.95
                  ) -> tuple[float | None, float | None]:
    """Interval of the mean of paired differences in [-1, 1]; (None, None) where there are none.

    The t interval with cluster-robust variance (statsmodels), after two made-up questions, one won and one lost, were
    added as Bonett and Price (2012) do, so that a handful of questions without any difference is no certainty.
    """
    if not len(differences):
        return None, None
    import numpy as np
    from statsmodels.regression.linear_model import OLS

    alone = range(len(differences)) if clusters is None else clusters
    groups = np.unique([*alone, max(alone) + 1, max(alone) + 2], return_inverse=True)[1]
    padded = np.array([*differences, 1.0, -1.0])
    fitted = OLS(padded, np.ones(len(padded))).fit(cov_type="cluster", cov_kwds={"groups": groups}, use_t=True)
    low, high = fitted.conf_int(alpha=1 - confidence)[0]
    return max(-1.0, float(low)), min(1.0, float(high))


def no_student(test: str | None = None) -> Decision:
    """The decision where stage 04 left no adapter that the engine can load."""
    return Decision("base", "no student", "the student has no adapter.gguf, so the base is deployed", test=test)


def decide(student: Sequence[float], base: Sequence[float], clusters: Sequence[int] | None, margin: float, *,
           force_student: bool = False, test: str | None = None) -> Decision:
    """Who is deployed, by what both got right of the same validation questions, one score a question.

    margin: share of questions. Raises InputError without any question.
    """
    count = len(student)
    if not count:
        raise InputError("the gate has no validation question to choose by; give it some (--gate-questions)")
    differences = [one - other for one, other in zip(student, base, strict=True)]
    difference = math.fsum(differences) / count
    low, high = mean_interval(differences, clusters, CONFIDENCE)
    figures = {"questions": count, "student": math.fsum(student) / count, "base": math.fsum(base) / count,
               "difference": difference, "low": low, "high": high, "margin": margin, "test": test}
    told = (f"student minus base {100 * difference:+.1f} points on {count} validation questions (90 % interval "
            f"{100 * low:+.1f} to {100 * high:+.1f})")
    bound = f"{100 * margin:g} points"
    if low > -margin and high >= 0:
        verdict = f"not worse than {bound}"
        return Decision("student", verdict, f"{told}: {verdict}, so the student is deployed", **figures)
    verdict, why = ("worse", "it is worse") if high < 0 else \
        ("too few questions", f"too few questions to tell that it is not over {bound} worse")
    if force_student:
        return Decision("student", "forced", f"{told}: {why}; THE STUDENT IS DEPLOYED BY FORCE (--force-student)",
                        **figures)
    return Decision("base", verdict, f"{told}: {why}, so the base is deployed", **figures)


def said_of_test(results: Any, name: str = "student") -> str:
    """What stage 05 says of a student and the base on held-out questions. Raises InputError where that is no result.

    name: of the student among those tested, a variant's where that is judged.
    """
    if not isinstance(results, Mapping) or not isinstance(results.get("summary"), Mapping):
        raise InputError("the test results have no summary; run 05_test_model.py again")
    if name == "student":
        headline = results["summary"].get("headline")
    else:
        rows = [row for row in results["comparisons"] if (row["contestant"], row["reference"]) == (name, "base")]
        headline = next((row for mode in ("reasoning", "fast") for row in rows if row["mode"] == mode), None)
    return headline["sentence"] if headline else f"the test compared no {name} with a base"
