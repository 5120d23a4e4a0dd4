"""Ratings of players from their matches: Bradley and Terry's model on the Elo scale, with intervals.

A rating difference of 400 means odds of ten to one. A draw is half a win for each. A weak prior (each player drawn
once against a phantom of the mean rating, 1500) keeps a player who always wins from being rated without end.
Intervals are percentiles over bootstrap resamples of the matches.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

MEAN, SCALE = 1500.0, 400.0
RESAMPLES = 500
ITERATIONS = 200


def strengths(names: Sequence[str], wins: Mapping[tuple[str, str], float]) -> dict[str, float]:
    """Ratings from wins[(one, other)], by the minorise-maximise iteration of Hunter (2004)."""
    power = dict.fromkeys(names, 1.0)
    for _ in range(ITERATIONS):
        updated = {}
        for one in names:
            won = 0.5 + sum(wins.get((one, other), 0.0) for other in names if other != one)
            met = 1.0 / (power[one] + 1.0) + sum(
                (wins.get((one, other), 0.0) + wins.get((other, one), 0.0)) / (power[one] + power[other])
                for other in names if other != one)
            updated[one] = won / met
        change = max(abs(math.log(updated[one] / power[one])) for one in names)
        power = updated
        if change < 1e-7:
            break
    return {one: MEAN + SCALE * math.log10(power[one]) for one in names}


def wins_of(matches: Sequence[Mapping[str, Any]]) -> dict[tuple[str, str], float]:
    """Wins by (winner, loser); a draw counts half for both."""
    found: dict[tuple[str, str], float] = {}
    for match in matches:
        one, other = match["players"]
        for pair in ((one, other), (other, one)):
            points = 0.5 if match["winner"] is None else float(match["winner"] == pair[0])
            found[pair] = found.get(pair, 0.0) + points
    return found


def ratings(names: Sequence[str], matches: Sequence[Mapping[str, Any]], seed: int = 0) -> list[dict[str, Any]]:
    """A row for each player, best first: rating with 95 % interval, won, drawn, lost, mean scores with intervals."""
    import numpy as np

    rng = np.random.default_rng(seed)
    central = strengths(names, wins_of(matches))
    drawn: dict[str, list[float]] = {name: [] for name in names}
    for _ in range(RESAMPLES if matches else 0):
        sample = [matches[place] for place in rng.integers(0, len(matches), len(matches))]
        for name, value in strengths(names, wins_of(sample)).items():
            drawn[name].append(value)
    rows = [_row(name, matches, central[name], drawn[name], rng) for name in names]
    return sorted(rows, key=lambda row: -row["rating"])


def _row(name: str, matches: Sequence[Mapping[str, Any]], rating: float, drawn: Sequence[float], rng: Any
         ) -> dict[str, Any]:
    import numpy as np

    own = [match for match in matches if name in match["players"]]
    low, high = np.percentile(drawn, [2.5, 97.5]).tolist() if drawn else (None, None)
    innings = [inning for match in own for inning in match["innings"]]
    answered = [inning for inning in innings if inning["answerer"] == name]
    written = [inning for inning in innings if inning["writer"] == name]
    return {
        "player": name, "rating": round(rating, 1), "low": low and round(low, 1), "high": high and round(high, 1),
        "matches": len(own), "won": sum(match["winner"] == name for match in own),
        "drawn": sum(match["winner"] is None for match in own),
        "lost": sum(match["winner"] not in (None, name) for match in own),
        "a_score": mean_with_interval([inning["a_score"] for inning in answered], rng),
        "q_score": mean_with_interval([inning["q_score"] for inning in written], rng),
        "questions_answered": sum(inning["n"] for inning in answered),
        "late_answers": sum(inning["late_answers"] for inning in answered),
        "null_answers": sum(answer is None for inning in answered for answer in inning["answers"]),
    }


def mean_with_interval(values: Sequence[float], rng: Any) -> dict[str, float | None]:
    """Mean and 95 % bootstrap interval over matches; None with fewer than two."""
    import numpy as np

    if not values:
        return {"mean": None, "low": None, "high": None}
    found = np.asarray(values, float)
    if len(found) < 2:
        return {"mean": float(found[0]), "low": None, "high": None}
    means = found[rng.integers(0, len(found), (RESAMPLES, len(found)))].mean(axis=1)
    low, high = np.percentile(means, [2.5, 97.5])
    return {"mean": round(float(found.mean()), 2), "low": round(float(low), 2), "high": round(float(high), 2)}


def told(row: Mapping[str, Any]) -> str:
    """A row in a line."""
    if not row["matches"]:
        return f"{row['player']}: no match"
    return (f"{row['player']}: rating {row['rating']:.0f} (95 % interval {row['low']:.0f} to {row['high']:.0f}), won "
            f"{row['won']}, drawn {row['drawn']}, lost {row['lost']}; {row['a_score']['mean']:.0f} % of its answers "
            f"right, {row['late_answers']} late, {row['null_answers']} null")
