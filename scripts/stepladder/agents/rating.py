"""Ratings of players from their matches: Bradley and Terry's model on the Elo scale, with intervals.

A rating difference of 400 means odds of ten to one. The mean is 1500. A draw is half a win for each. Every pair's
share of wins has Jeffreys' prior (half a win more for both), which keeps a player who always wins from being rated
without end; intervals are percentiles over draws from the posterior, so that two matches won do not look like
certainty, as they do to a bootstrap.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import combinations, permutations
from typing import Any

PRIOR = 0.5
LEAST_POWER = 1e-9
MEAN, SCALE = 1500.0, 400.0
DRAWS = 500
ITERATIONS = 200


def strengths(names: Sequence[str], wins: Mapping[tuple[str, str], float]) -> dict[str, float]:
    """Ratings from wins[(one, other)], each pair having met, by the minorise-maximise iteration of Hunter (2004)."""
    power = dict.fromkeys(names, 1.0)
    for _ in range(ITERATIONS):
        updated = {}
        for one in names:
            won = sum(wins.get((one, other), 0.0) for other in names if other != one)
            met = sum(
                (wins.get((one, other), 0.0) + wins.get((other, one), 0.0)) / (power[one] + power[other])
                for other in names if other != one)
            updated[one] = max(won / met, LEAST_POWER)
        middle = math.exp(math.fsum(map(math.log, updated.values())) / len(names))
        updated = {one: value / middle for one, value in updated.items()}
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
    wins = wins_of(matches)
    central = strengths(names, {pair: wins.get(pair, 0.0) + PRIOR for pair in permutations(names, 2)})
    drawn: dict[str, list[float]] = {name: [] for name in names}
    for _ in range(DRAWS if matches else 0):
        for name, value in strengths(names, draw_wins(names, wins, rng)).items():
            drawn[name].append(value)
    rows = [_row(name, matches, central[name], drawn[name], rng) for name in names]
    return sorted(rows, key=lambda row: -row["rating"])


def draw_wins(names: Sequence[str], wins: Mapping[tuple[str, str], float], rng: Any) -> dict[tuple[str, str], float]:
    """As many matches of each pair, shared by a draw from the posterior Beta(won + 1/2, lost + 1/2)."""
    drawn = {}
    for one, other in combinations(names, 2):
        won, lost = (wins.get(pair, 0.0) + PRIOR for pair in ((one, other), (other, one)))
        share = float(rng.beta(won, lost))
        drawn[one, other], drawn[other, one] = share * (won + lost), (1 - share) * (won + lost)
    return drawn


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
    means = found[rng.integers(0, len(found), (DRAWS, len(found)))].mean(axis=1)
    low, high = np.percentile(means, [2.5, 97.5])
    return {"mean": round(float(found.mean()), 2), "low": round(float(low), 2), "high": round(float(high), 2)}


def told(row: Mapping[str, Any]) -> str:
    """A row in a line."""
    if not row["matches"]:
        return f"{row['player']}: no match"
    return (f"{row['player']}: rating {row['rating']:.0f} (95 % interval {row['low']:.0f} to {row['high']:.0f}), won "
            f"{row['won']}, drawn {row['drawn']}, lost {row['lost']}; {row['a_score']['mean']:.0f} % of its answers "
            f"right, {row['late_answers']} late, {row['null_answers']} null")
