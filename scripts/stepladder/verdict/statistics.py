"""Statistics of paired tests: intervals, exact tests, bootstrap, correction, power. Pure functions on numbers.

A score is what one question brought one contestant: 1 right, 0 wrong, or a mean over permutations of its options in
between. Where questions go together (`core/clusters.py`), `clusters` names each one's cluster, and the cluster is the
unit of intervals and tests; None: every question stands by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Scores = npt.NDArray[np.float64]
Clusters = Sequence[int] | None

CONFIDENCE = 0.95
ALPHA = 0.05
POWER = 0.80
RESAMPLES = 9_999
PERCENTILES = (50, 90, 95, 99)


@dataclass(frozen=True)
class Interval:
    """An estimate with its 95 % interval; all in the same unit (shares unless said otherwise)."""

    value: float
    low: float
    high: float

    def as_json(self) -> dict[str, float]:
        """Rounded to six places, so that the file stays readable."""
        return {"value": round(self.value, 6), "low": round(self.low, 6), "high": round(self.high, 6)}


def cluster_sums(values: Sequence[float], clusters: Clusters) -> tuple[Scores, Scores]:
    """(sum of the values, number of values) of each cluster."""
    values = np.asarray(values, float)
    if clusters is None:
        return values, np.ones(len(values))
    _, place = np.unique(np.asarray(clusters), return_inverse=True)
    return np.bincount(place, values), np.bincount(place).astype(float)


def design_effect(values: Sequence[float], clusters: Clusters) -> float:
    """How many times larger the variance of the mean is than if every value stood by itself (Kish 1965); at least 1."""
    sums, sizes = cluster_sums(values, clusters)
    alone = float(np.var(values)) * len(values) if len(values) else 0.0
    return max(1.0, float(np.sum((sums - sizes * np.mean(values)) ** 2)) / alone) if alone else 1.0


def wilson(scores: Sequence[float], clusters: Clusters = None) -> Interval | None:
    """Mean score with Wilson's interval (1927) at the effective number of questions; None without scores.

    For scores between 0 and 1 the interval is wider than needed, never narrower: their variance is at most that of
    right-or-wrong scores with the same mean.
    """
    if not len(scores):
        return None
    from statsmodels.stats.proportion import proportion_confint

    mean, count = float(np.sum(scores)) / len(scores), len(scores) / design_effect(scores, clusters)
    low, high = proportion_confint(mean * count, count, alpha=1 - CONFIDENCE, method="wilson")
    return Interval(mean, float(low), float(high))


def paired_bootstrap(differences: Sequence[float], clusters: Clusters = None, seed: int = 0) -> Interval | None:
    """Mean of paired differences with a percentile bootstrap interval over clusters (scipy); None without any.

    Where all differences are equal there is nothing to resample: the interval is then what it would be if the largest
    `unseen_share` of all clusters differed the other way, or this way.
    """
    if not len(differences):
        return None
    sums, sizes = cluster_sums(differences, clusters)
    mean = float(sums.sum() / sizes.sum())
    if np.ptp(sums / sizes) == 0:
        unseen = unseen_share(len(sums))
        return Interval(mean, mean - unseen * (1 + mean), mean + unseen * (1 - mean))
    from scipy.stats import bootstrap

    def ratio(total: Scores, count: Scores, axis: int = -1) -> Scores:
        return total.sum(axis=axis) / count.sum(axis=axis)

    found = bootstrap((sums, sizes), ratio, paired=True, confidence_level=CONFIDENCE, n_resamples=RESAMPLES,
                      method="percentile", batch=max(1, 2_000_000 // len(sums)), rng=np.random.default_rng(seed))
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


def paired_test(differences: Sequence[float], clusters: Clusters = None, seed: int = 0) -> float:
    """Two-sided p-value of "the sign of each cluster's difference is a coin's"; 1.0 where nothing differs.

    With right-or-wrong scores and no clusters that is McNemar's exact test. Sums over clusters and means over
    permutations keep their size: the mean under random signs (scipy's permutation test), exact for few clusters, else
    from 9,999 draws.
    """
    values = cluster_sums(differences, clusters)[0]
    values = values[values != 0]
    if not len(values) or np.ptp(np.abs(values)) == 0:
        return sign_test(int((values > 0).sum()), int((values < 0).sum()))
    from scipy.stats import permutation_test

    found = permutation_test((values,), np.mean, permutation_type="samples", vectorized=True, n_resamples=RESAMPLES,
                             batch=max(1, 2_000_000 // len(values)), rng=np.random.default_rng(seed))
    return float(found.pvalue)


# -- power ------------------------------------------------------------------------------------------------------------

def effective(differences: Sequence[float], clusters: Clusters = None) -> tuple[int, float]:
    """(questions, share of discordant ones) of the right-or-wrong test without clusters that tells as much.

    Where no question differs, the share is what goes unseen among so many.
    """
    values = np.asarray(differences, float)
    count = max(1, int(len(values) / design_effect(values, clusters)))
    return count, float(np.mean(values ** 2)) or unseen_share(count)


def power(difference: float, count: int, discordant: float, alpha: float = ALPHA) -> float:
    """Chance that McNemar's exact test at `alpha` finds a true difference, and finds its direction.

    count: questions; discordant: share of them that only one of the two gets right (never below the difference). Exact:
    summed over the number of discordant questions and over how many of these are won (Duffy 1984; scipy's binomial).
    """
    from scipy.stats import binom

    size = abs(difference)
    discordant = max(discordant, size)
    fewest, most = binom.ppf([1e-9, 1 - 1e-9], count, discordant)
    seen = np.arange(fewest, most + 1)
    needed = binom.isf(alpha / 2, seen, 0.5) + 1  # wins from which on the test finds it
    found = binom.sf(needed - 1, seen, (1 + size / discordant) / 2)
    return float(np.sum(binom.pmf(seen, count, discordant) * found))


def detectable_difference(differences: Sequence[float], clusters: Clusters = None, alpha: float = ALPHA
                          ) -> float | None:
    """Smallest true difference that is found in 80 % of such tests; None where there are too few for any.

    "Such": as many questions, and as many discordant ones, as here.
    """
    if not len(differences):
        return None
    from scipy.optimize import brentq

    count, discordant = effective(differences, clusters)
    if power(1.0, count, discordant, alpha) < POWER:
        return None
    return float(brentq(lambda size: power(size, count, discordant, alpha) - POWER, 1e-9, 1.0, xtol=1e-6))


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
    """Mean, largest, and those of p50, p90, p95 and p99 that so many times bear; None without any.

    A percentile is told where at least one time lies beyond it: p95 takes 20 times, p99 a hundred.
    """
    count = len(milliseconds)
    if not count:
        return None
    borne = [rank for rank in PERCENTILES if rank == PERCENTILES[0] or count * (100 - rank) >= 100]
    found = {f"p{rank}": round(float(np.percentile(milliseconds, rank)), 2) for rank in borne}
    return found | {"mean": round(float(np.mean(milliseconds)), 2), "max": round(float(np.max(milliseconds)), 2),
                    "n": count}


def highest_percentile(times: dict[str, float]) -> str:
    """The name of the highest percentile that `percentiles` told."""
    return [f"p{rank}" for rank in PERCENTILES if f"p{rank}" in times][-1]
