"""Statistics of paired tests: intervals, exact tests, bootstrap, correction, power. Pure functions on numbers.

A score is what one question brought one contestant: 1 right, 0 wrong, or a mean over permutations of its options in
between. The question is always the unit; n is the number of questions.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Scores = npt.NDArray[np.float64]

CONFIDENCE = 0.95
POWER = 0.80
RESAMPLES = 9_999


@dataclass(frozen=True)
class Interval:
    """An estimate with its 95 % interval; all in the same unit (shares unless said otherwise)."""

    value: float
    low: float
    high: float

    def as_json(self) -> dict[str, float]:
        """Rounded to six places, so that the file stays readable."""
        return {"value": round(self.value, 6), "low": round(self.low, 6), "high": round(self.high, 6)}


def wilson(scores: Sequence[float]) -> Interval | None:
    """Mean score with Wilson's interval (1927); None without scores.

    For scores between 0 and 1 the interval is wider than needed, never narrower: their variance is at most that of
    right-or-wrong scores with the same mean.
    """
    if not len(scores):
        return None
    from statsmodels.stats.proportion import proportion_confint

    total = float(np.sum(scores))
    low, high = proportion_confint(total, len(scores), alpha=1 - CONFIDENCE, method="wilson")
    return Interval(total / len(scores), float(low), float(high))


def paired_bootstrap(differences: Sequence[float], seed: int = 0) -> Interval | None:
    """Mean of paired differences with a percentile bootstrap interval over questions; None without any.

    Where all differences are equal there is nothing to resample: the interval is then what it would be if the largest
    `unseen_share` of all questions differed the other way, or this way.
    """
    values = np.asarray(differences, float)
    if not len(values):
        return None
    mean = float(values.mean())
    if np.ptp(values) == 0:
        unseen = unseen_share(len(values))
        return Interval(mean, mean - unseen * (1 + mean), mean + unseen * (1 - mean))
    from scipy.stats import bootstrap

    found = bootstrap((values,), np.mean, confidence_level=CONFIDENCE, n_resamples=RESAMPLES, method="percentile",
                      batch=max(1, 2_000_000 // len(values)), rng=np.random.default_rng(seed))
    return Interval(mean, float(found.confidence_interval.low), float(found.confidence_interval.high))


def unseen_share(count: int) -> float:
    """Largest share that still goes unseen among `count` draws in 1 of 20 trials (exact binomial bound)."""
    return 1 - (1 - CONFIDENCE) ** (1 / count)


def sign_test(won: int, lost: int) -> float:
    """Two-sided exact p-value of "wins and losses are equally likely"; 1.0 when there are neither.

    With right-or-wrong scores this is McNemar's exact test, `won` and `lost` being the discordant questions.
    """
    if won + lost == 0:
        return 1.0
    from scipy.stats import binomtest

    return float(binomtest(won, won + lost, 0.5).pvalue)


def paired_test(differences: Sequence[float], seed: int = 0) -> float:
    """Two-sided p-value of "the sign of each question's difference is a coin's"; 1.0 where nothing differs.

    With right-or-wrong scores that is McNemar's exact test. Scores in between (means over permutations) keep their
    size: the mean difference under random signs, exact for few questions, else from 9,999 draws.
    """
    values = np.asarray(differences, float)
    values = values[values != 0]
    if not len(values) or np.ptp(np.abs(values)) == 0:
        return sign_test(int((values > 0).sum()), int((values < 0).sum()))
    from scipy.stats import permutation_test

    found = permutation_test((values,), np.mean, permutation_type="samples", vectorized=True, n_resamples=RESAMPLES,
                             batch=max(1, 2_000_000 // len(values)), rng=np.random.default_rng(seed))
    return float(found.pvalue)


def detectable_difference(differences: Sequence[float]) -> float | None:
    """Smallest true mean difference that this many questions show at 5 % with 80 % power; None below 2 questions.

    Power of the paired t-test, with the spread the differences really have; where no question differed, with that of
    an `unseen_share` of differences.
    """
    values = np.asarray(differences, float)
    count = len(values)
    if count < 2:
        return None
    from statsmodels.stats.power import TTestPower

    spread = float(values.std(ddof=1)) or unseen_share(count) ** 0.5
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the solver's first guess may fail for n = 2; the second one is then used
        effect = TTestPower().solve_power(nobs=count, alpha=1 - CONFIDENCE, power=POWER)
    return min(1.0, float(np.squeeze(effect)) * spread)


def holm(p_values: Sequence[float]) -> list[float]:
    """p-values corrected for their number (Holm 1979), in the given order."""
    if not len(p_values):
        return []
    from statsmodels.stats.multitest import multipletests

    return [float(p) for p in multipletests(list(p_values), method="holm")[1]]


def spearman(xs: Sequence[float], ys: Sequence[float]) -> Interval | None:
    """Rank correlation with its interval (Fisher z, Bonett and Wright's 2000 variance); None where undefined."""
    if len(xs) < 4 or len(set(xs)) < 2 or len(set(ys)) < 2:
        return None
    from scipy.stats import norm, spearmanr

    rho = float(spearmanr(xs, ys).statistic)
    z = np.arctanh(np.clip(rho, -0.999999, 0.999999))
    half = norm.ppf((1 + CONFIDENCE) / 2) * np.sqrt((1 + rho**2 / 2) / (len(xs) - 3))
    return Interval(rho, float(np.tanh(z - half)), float(np.tanh(z + half)))


def calibration(confidences: Sequence[float], scores: Sequence[float], bins: int = 10) -> dict[str, Any] | None:
    """Stated confidence against accuracy: Brier score, expected calibration error (Naeini 2015), and the bins.

    None without confidences. Bins: {"low", "high", "n", "confidence", "accuracy"}, empty ones left out.
    """
    stated, reached = np.asarray(confidences, float), np.asarray(scores, float)
    if not len(stated):
        return None
    number = np.minimum((stated * bins).astype(int), bins - 1)
    rows = []
    for index in range(bins):
        chosen = number == index
        if chosen.any():
            interval = wilson(reached[chosen])
            rows.append({"low": index / bins, "high": (index + 1) / bins, "n": int(chosen.sum()),
                         "confidence": float(stated[chosen].mean()), "accuracy": interval.as_json()})
    error = sum(row["n"] * abs(row["confidence"] - row["accuracy"]["value"]) for row in rows) / len(stated)
    return {"n": len(stated), "brier": float(np.mean((stated - reached) ** 2)), "expected_error": float(error),
            "mean_confidence": float(stated.mean()), "accuracy": float(reached.mean()), "bins": rows}


def percentiles(milliseconds: Sequence[float]) -> dict[str, float] | None:
    """p50, p95, p99, mean and largest of some times; None without any."""
    if not len(milliseconds):
        return None
    p50, p95, p99 = np.percentile(milliseconds, [50, 95, 99])
    return {"p50": round(float(p50), 2), "p95": round(float(p95), 2), "p99": round(float(p99), 2),
            "mean": round(float(np.mean(milliseconds)), 2), "max": round(float(np.max(milliseconds)), 2),
            "n": len(milliseconds)}
