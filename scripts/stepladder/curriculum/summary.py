"""What the meta tells of the ratings: their spread, how far the signals agree, and examples to read."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from itertools import combinations
from statistics import NormalDist
from typing import Any

from ..core.records import Record
from .signals import Signals, has_reasoning, known_level

SIGNALS = ("assessor", "student", "teacher", "length", "heuristic", "known")
EXAMPLES = 10
EXAMPLE_CHARS = 200


def spearman(one: Sequence[float], other: Sequence[float], confidence: float = 0.95) -> dict[str, Any] | None:
    """{"rho", "low", "high", "n"}: rank correlation with its interval; None for under 5 pairs or a constant.

    The interval is Fisher's z with the variance 1.06 / (n - 3) of Fieller, Hartley and Pearson (Biometrika 44, 1957).
    """
    if len(one) < 5 or len(set(one)) < 2 or len(set(other)) < 2:
        return None
    from scipy.stats import spearmanr

    rho = float(spearmanr(one, other).statistic)
    reach = NormalDist().inv_cdf(0.5 + confidence / 2) * math.sqrt(1.06 / (len(one) - 3))
    z = math.atanh(max(-0.999999, min(0.999999, rho)))
    return {"rho": round(rho, 4), "low": round(math.tanh(z - reach), 4), "high": round(math.tanh(z + reach), 4),
            "n": len(one)}


def correlations(signals: Sequence[Signals]) -> list[dict[str, Any]]:
    """Spearman's rho of every pair of signals, over the records that have both; each {"one", "other", ...}."""
    table = []
    for one, other in combinations(SIGNALS, 2):
        pairs = [(s[one], s[other]) for s in signals if s.get(one) is not None and s.get(other) is not None]
        found = spearman(*zip(*pairs, strict=True)) if pairs else None
        if found is not None:
            table.append({"one": one, "other": other, **found})
    return table


def spread(values: Sequence[float]) -> dict[str, float | int]:
    """Count, mean, standard deviation and quantiles of some difficulties."""
    import numpy as np

    low, quarter, median, three_quarters, high = np.quantile(values, [0, 0.25, 0.5, 0.75, 1])
    found = {"mean": np.mean(values), "sd": np.std(values), "min": low, "q25": quarter, "median": median,
             "q75": three_quarters, "max": high}
    return {"n": len(values), **{name: round(float(value), 4) for name, value in found.items()}}


def spreads(records: Sequence[Record]) -> dict[str, Any]:
    """Spread of raw and calibrated difficulty: of all records, by source and by domain."""

    def both(group: Sequence[Record]) -> dict[str, Any]:
        return {key: spread([record[key] for record in group]) for key in ("difficulty_raw", "difficulty")}

    def by(key: str) -> dict[str, Any]:
        groups: dict[str, list[Record]] = defaultdict(list)
        for record in records:
            groups[str(record.get(key))].append(record)
        return {name: both(groups[name]) for name in sorted(groups)}

    return {"all": both(records), "by_source": by("source"), "by_domain": by("domain")} if records else {}


def examples(records: Sequence[Record]) -> dict[str, list[dict[str, Any]]]:
    """The easiest and the hardest records, shortened to be read."""
    climbed = sorted(records, key=lambda record: record["difficulty"])

    def short(record: Record) -> dict[str, Any]:
        text = record["question"]
        return {"id": record["id"], "difficulty": record["difficulty"], "difficulty_raw": record["difficulty_raw"],
                "question": text if len(text) <= EXAMPLE_CHARS else text[: EXAMPLE_CHARS - 1] + "…"}

    return {"easiest": [short(record) for record in climbed[:EXAMPLES]],
            "hardest": [short(record) for record in climbed[: -EXAMPLES - 1 : -1]]}


def describe(records: Sequence[Record]) -> dict[str, Any]:
    """All of it."""
    signals = [{**record["signals"], "known": known_level(record)} for record in records]
    return {
        "records": len(records), "levels": dict(Counter(record["level"] for record in records)),
        "levels_with_reasoning": dict(Counter(record["level"] for record in records if has_reasoning(record))),
        "difficulty_by": dict(Counter(record["difficulty_by"] for record in records)),
        "signals": {name: sum(s.get(name) is not None for s in signals) for name in SIGNALS},
        "correlations": correlations(signals), "spread": spreads(records), **examples(records),
    }


def correlation_lines(table: Sequence[Mapping[str, Any]]) -> list[str]:
    """The correlations as lines of text."""
    return [f"  {row['one']:>9} ~ {row['other']:<9} {row['rho']:+.2f} [{row['low']:+.2f}, {row['high']:+.2f}]  "
            f"n={row['n']}" for row in table]
