"""Fitting the validator on validation questions, and measuring on held-out ones what it is worth."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from stepladder.core.records import LETTERS, Record
from stepladder.engine.requests import Sampling

from .answerer import Answer
from .gate import mean_interval
from .validator import FEATURES, UNFITTED, Calibration, Evidence, Validator, verdict_of

LEAST_QUESTIONS = 8
RETRY_TEMPERATURE = 0.7


def fit(found: Sequence[tuple[Evidence, str]]) -> Calibration:
    """McFadden's conditional logit (1974) over the four options of every question: (evidence, key) pairs.

    The weights of the standardised features have a standard normal prior, so that few questions make it less sure, not
    more (maximum of the posterior, by scipy). With fewer than LEAST_QUESTIONS nothing is fitted.
    """
    if len(found) < LEAST_QUESTIONS:
        return UNFITTED
    import numpy as np
    from scipy.optimize import minimize
    from scipy.special import log_softmax

    rows = np.array([[evidence.features(letter) for letter in LETTERS] for evidence, _ in found])
    keys = np.array([LETTERS.index(key) for _, key in found])
    scale = np.maximum(rows.std(axis=(0, 1)), 1e-3)

    def loss(weights: Any) -> float:
        likelihood = log_softmax(rows / scale @ weights, axis=1)[np.arange(len(keys)), keys]
        return float(0.5 * weights @ weights - likelihood.sum())

    return Calibration(tuple((minimize(loss, np.zeros(len(FEATURES))).x / scale).tolist()))


# -- measuring --------------------------------------------------------------------------------------------------------

def examine(validator: Validator, records: Sequence[Record]) -> list[dict[str, Any]]:
    """One measured row for each held-out question: answer alone, evidence, and answer after validation and a retry."""
    answerer = validator.answerer
    alone = answerer.answer_batch(records, seconds=None)
    evidence = validator.evidence(records)
    doubted = [place for place, (answer, found) in enumerate(zip(alone, evidence, strict=True))
               if validator.judge(found, answer.letter).verdict != "right"]
    second: dict[int, Answer] = {}
    if doubted:
        sampling = Sampling(RETRY_TEMPERATURE, seed=1)
        retries = answerer.answer_batch([records[place] for place in doubted], seconds=None, sampling=sampling)
        second = dict(zip(doubted, retries, strict=True))
    return [_row(validator, record, answer, found, second.get(place))
            for place, (record, answer, found) in enumerate(zip(records, alone, evidence, strict=True))]


def _row(validator: Validator, record: Record, answer: Answer, evidence: Evidence, retry: Answer | None
         ) -> dict[str, Any]:
    judged = validator.judge(evidence, answer.letter)
    final = answer.letter if retry is None else chosen(answer.letter, retry.letter, judged.probabilities)
    return {"id": record["id"], "answer": record["answer"], "alone": answer.letter, "how": answer.how,
            "verdict": judged.verdict, "probability": round(judged.probability, 5),
            "retry": retry.letter if retry else None, "final": final, "evidence": evidence.as_json()}


def chosen(first: str, second: str, probabilities: Mapping[str, float]) -> str:
    """Of two attempts the one that the validator finds likelier; the first of equals."""
    return second if probabilities[second] > probabilities[first] else first


def measured(rows: Sequence[Mapping[str, Any]], calibration: Calibration, clusters: Sequence[int] | None = None
             ) -> dict[str, Any]:
    """What the validator is worth on these rows.

    proposals: every option of every question proposed in turn; own: the agent's own answers; both as `worth` tells
    them. retry: accuracy alone, with validation and retry, and their paired difference with its interval.
    """
    every = [(probability, letter == row["answer"]) for row in rows
             for letter, probability in probabilities(row, calibration).items()]
    own = [(row["probability"], row["alone"] == row["answer"]) for row in rows]
    gained = [(row["final"] == row["answer"]) - (row["alone"] == row["answer"]) for row in rows]
    low, high = mean_interval(gained, clusters)
    return {
        "questions": len(rows), "proposals": worth(every), "own": worth(own),
        "retry": {"alone": _share(row["alone"] == row["answer"] for row in rows),
                  "with_validation": _share(row["final"] == row["answer"] for row in rows),
                  "retried": sum(row["retry"] is not None for row in rows),
                  "difference": sum(gained) / len(rows) if rows else None, "low": low, "high": high,
                  "verdict": retry_verdict(low, high)},
    }


def retry_verdict(low: float | None, high: float | None) -> str:
    """The retry's worth in words."""
    if low is None or high is None:
        return "not measured"
    if low > 0:
        return "answer, validate and retry beats answer alone"
    return "answer, validate and retry is worse than answer alone" if high < 0 else "no difference seen"


def probabilities(row: Mapping[str, Any], calibration: Calibration) -> dict[str, float]:
    """Those of the four options, from the row's evidence."""
    return calibration.probabilities(Evidence(**{kind: row["evidence"][kind] for kind in FEATURES}))


def worth(proposals: Sequence[tuple[float, bool]]) -> dict[str, Any]:
    """(calibrated probability, whether it is right) of proposals -> what each verdict is worth.

    called: by verdict its coverage (share of all proposals), the mean probability stated, and how many of them are
    right. False accepts are wrong proposals called right, false rejects right ones called wrong.
    """
    called: dict[str, Any] = {}
    for verdict in ("right", "unsure", "wrong"):
        chosen = [(probability, right) for probability, right in proposals if verdict_of(probability) == verdict]
        called[verdict] = {"coverage": len(chosen) / len(proposals) if proposals else None,
                           "stated": sum(p for p, _ in chosen) / len(chosen) if chosen else None,
                           "are_right": proportion(sum(right for _, right in chosen), len(chosen))}
    right = sum(right for _, right in proposals)
    accepted, rejected = (called[verdict]["are_right"] for verdict in ("right", "wrong"))
    return {"proposals": len(proposals), "called": called,
            "false_accepts": proportion(accepted["of"] - accepted["count"], len(proposals) - right),
            "false_rejects": proportion(rejected["count"], right)}


def proportion(count: int, total: int) -> dict[str, Any]:
    """A share with its Wilson interval; None where there is nothing to count."""
    if total == 0:
        return {"count": 0, "of": 0, "share": None, "low": None, "high": None}
    from statsmodels.stats.proportion import proportion_confint

    low, high = proportion_confint(count, total, method="wilson")
    return {"count": count, "of": total, "share": count / total, "low": float(low), "high": float(high)}


def _share(values: Iterable[bool]) -> float | None:
    found = list(values)
    return sum(found) / len(found) if found else None
