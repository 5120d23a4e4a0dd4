"""Fitting the validator on validation questions, and measuring on held-out ones what it is worth."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from stepladder.core.records import LETTERS, Record
from stepladder.engine.requests import Sampling

from .answerer import Answer
from .gate import mean_interval
from .validator import FEATURES, UNFITTED, Calibration, Evidence, Validator

LEAST_QUESTIONS = 8
WANTED_PRECISION = 0.5  # an answer is called right where at least this share of such answers is
WRONG_BELOW = 0.15  # probability below which an answer is called wrong
RETRY_TEMPERATURE = 0.7


def fit(found: Sequence[tuple[Evidence, str]], seed: int = 0) -> Calibration:
    """Logistic regression (scikit-learn, L2) over every option of every question: (evidence, key) pairs.

    The limit of "right" is the lowest probability from which on WANTED_PRECISION of the proposals are right, read off
    out-of-fold predictions (questions stay together). With fewer than LEAST_QUESTIONS nothing is fitted.
    """
    if len(found) < LEAST_QUESTIONS:
        return UNFITTED
    import numpy as np
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GroupKFold, cross_val_predict

    rows = np.array([evidence.features(letter) for evidence, _ in found for letter in LETTERS])
    right = np.array([letter == key for _, key in found for letter in LETTERS])
    groups = np.repeat(np.arange(len(found)), len(LETTERS))
    scale = np.maximum(rows.std(axis=0), 1e-3)
    model = LogisticRegression(C=1.0, random_state=seed)
    folds = GroupKFold(min(5, len(found)))
    predicted = cross_val_predict(model, rows / scale, right, groups=groups, cv=folds, method="predict_proba")[:, 1]
    model.fit(rows / scale, right)
    return Calibration(tuple((model.coef_[0] / scale).tolist()), float(model.intercept_[0]),
                       right_limit(predicted.tolist(), right.tolist()), WRONG_BELOW)


def right_limit(predicted: Sequence[float], right: Sequence[bool]) -> float:
    """The lowest probability from which on the share of right proposals is WANTED_PRECISION; 0.5 where there is none.

    Shares over fewer than five proposals are not looked at.
    """
    order = sorted(zip(predicted, right, strict=True), reverse=True)
    limit, hits = 0.5, 0
    for count, (probability, is_right) in enumerate(order, start=1):
        hits += is_right
        if count >= 5 and hits / count >= WANTED_PRECISION:
            limit = min(limit, probability)
    return max(limit, WRONG_BELOW)


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


def measured(rows: Sequence[Mapping[str, Any]], calibration: Calibration) -> dict[str, Any]:
    """What the validator is worth on these rows.

    proposals: every option of every question proposed in turn; own: the agent's own answers. In each, false accepts are
    wrong proposals called right, false rejects right ones called wrong, as shares with 95 % intervals. retry: accuracy
    alone, with validation and retry, and their paired difference with its interval.
    """
    every = [(judged(row, letter, calibration), letter == row["answer"]) for row in rows for letter in LETTERS]
    own = [(row["verdict"], row["alone"] == row["answer"]) for row in rows]
    gained = [(row["final"] == row["answer"]) - (row["alone"] == row["answer"]) for row in rows]
    low, high = mean_interval(gained)
    return {
        "questions": len(rows), "proposals": rates(every), "own": rates(own),
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


def judged(row: Mapping[str, Any], letter: str, calibration: Calibration) -> str:
    """The verdict on one option, from the row's evidence."""
    evidence = Evidence(**{kind: row["evidence"][kind] for kind in FEATURES})
    return calibration.verdict(calibration.probability(evidence, letter))


def rates(verdicts: Sequence[tuple[str, bool]]) -> dict[str, Any]:
    """False accepts among wrong proposals, false rejects among right ones, and how often it could not tell."""
    wrong = [verdict for verdict, right in verdicts if not right]
    right = [verdict for verdict, right in verdicts if right]
    return {"proposals": len(verdicts), "false_accepts": proportion(wrong.count("right"), len(wrong)),
            "false_rejects": proportion(right.count("wrong"), len(right)),
            "unsure": proportion(sum(verdict == "unsure" for verdict, _ in verdicts), len(verdicts))}


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
