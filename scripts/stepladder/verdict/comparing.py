"""Who is better than whom, by how much, and whether so few questions could show it. Pure.

Everything is paired: both contestants answered the same questions, and only differences question by question count.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from stepladder.core.records import Record

from . import statistics

SAME, BETTER, WORSE = "no difference seen", "better", "worse"
Scores = Sequence[float]


def compare(scores: Scores, reference: Scores, seed: int = 0) -> dict[str, Any]:
    """One contestant against a reference on the same questions, in the same order.

    The verdict is "better" or "worse" where all of these hold: the paired test (McNemar's exact one, for right-or-wrong
    scores) finds it at 5 %, the bootstrap interval leaves out zero, and the difference is not below what this many
    questions can reliably show. A significant one below that is called a hint: it is exaggerated more often than not.
    """
    differences = [a - b for a, b in zip(scores, reference, strict=True)]
    won, lost = sum(d > 0 for d in differences), sum(d < 0 for d in differences)
    interval = statistics.paired_bootstrap(differences, seed)
    detectable = statistics.detectable_difference(differences)
    p_value = statistics.paired_test(differences, seed)
    verdict, hint = SAME, None
    if interval is not None and p_value < 1 - statistics.CONFIDENCE and (interval.low > 0 or interval.high < 0):
        direction = BETTER if interval.value > 0 else WORSE
        if detectable is not None and abs(interval.value) >= detectable:
            verdict = direction
        else:
            hint = direction
    return {"n": len(differences), "won": won, "lost": lost, "tied": len(differences) - won - lost,
            "difference": interval.as_json() if interval else None, "p_value": p_value,
            "detectable_difference": detectable, "verdict": verdict, "hint": hint}


def sentence(row: Mapping[str, Any], name: str, reference: str, mode: str) -> str:
    """A comparison as one plain sentence."""
    if row["difference"] is None:
        return f"{mode}: {name} and {reference} have no question in common"
    points = {key: 100 * value for key, value in row["difference"].items()}
    figures = f"{points['value']:+.1f} points (95 % interval {points['low']:+.1f} to {points['high']:+.1f}, " \
              f"won {row['won']}, lost {row['lost']}, p = {row['p_value']:.2g})"
    reach = "" if row["detectable_difference"] is None else \
        f"; with {row['n']} questions a difference of {100 * row['detectable_difference']:.1f} points can be seen"
    if row["verdict"] != SAME:
        return f"{mode}: {name} is {row['verdict']} than {reference}: {figures}{reach}"
    hint = f", a hint that it is {row['hint']}, too small to rely on" if row["hint"] else ""
    return f"{mode}: {SAME} between {name} and {reference}{hint}: {figures}{reach}"


def pairs_to_compare(names: Sequence[str]) -> list[tuple[str, str]]:
    """(contestant, reference): each later contestant against each earlier one, base first, so student against base."""
    ordered = sorted(names, key=lambda name: {"base": 0, "student": 1}.get(name, 2))
    return [(name, reference) for index, name in enumerate(ordered) for reference in ordered[:index]]


def is_planned(name: str, reference: str) -> bool:
    """Whether this is the one comparison the run was made for; it needs no correction for the others."""
    return (name, reference) == ("student", "base")


def compare_all(scores: Mapping[str, Mapping[str, Scores]], seed: int = 0) -> list[dict[str, Any]]:
    """All pairs in each mode; scores: contestant -> mode -> one score a question.

    `p_corrected` is Holm's over the unplanned pairs of a mode; their verdicts rest on it.
    """
    rows = []
    modes = list(dict.fromkeys(mode for by_mode in scores.values() for mode in by_mode))
    for mode in modes:
        found = [(name, reference, compare(scores[name][mode], scores[reference][mode], seed))
                 for name, reference in pairs_to_compare([n for n in scores if mode in scores[n]])]
        unplanned = [row for name, reference, row in found if not is_planned(name, reference)]
        for row, corrected in zip(unplanned, statistics.holm([row["p_value"] for row in unplanned]), strict=True):
            row["p_corrected"] = corrected
            if corrected >= 1 - statistics.CONFIDENCE and row["verdict"] != SAME:
                row["verdict"], row["hint"] = SAME, row["verdict"]
        for name, reference, row in found:
            rows.append({"contestant": name, "reference": reference, "mode": mode,
                         "planned": is_planned(name, reference), **row,
                         "sentence": sentence(row, name, reference, mode)})
    return rows


# -- slices -----------------------------------------------------------------------------------------------------------

def length_bands(records: Sequence[Record]) -> Callable[[Record], str]:
    """Thirds by characters of question and options."""
    sizes = sorted(_size(record) for record in records)
    first, second = sizes[len(sizes) // 3], sizes[2 * len(sizes) // 3]

    def band(record: Record) -> str:
        size = _size(record)
        if size < first:
            return f"short (under {first} characters)"
        return f"middle ({first} to {second - 1})" if size < second else f"long ({second} and more)"

    return band


def _size(record: Record) -> int:
    return len(record["question"]) + sum(map(len, record["choices"].values()))


def slices(records: Sequence[Record], scores: Mapping[str, Mapping[str, Scores]]) -> dict[str, list[dict[str, Any]]]:
    """Accuracy by source, domain, level and length, and student against base (or first two) within each.

    -> {"source": [{"value", "mode", "n", "accuracy": {contestant: interval}, "contestant", "reference", "difference",
    "p_value", "p_corrected"}]}. Holm's correction runs over all slices of all kinds and modes together.
    """
    kinds: dict[str, Callable[[Record], Any]] = {
        "source": lambda r: r.get("source"), "domain": lambda r: r.get("domain"), "level": lambda r: r.get("level")}
    if records:
        kinds["length"] = length_bands(records)
    pair = next(iter(pairs_to_compare(list(scores))), None)
    found: dict[str, list[dict[str, Any]]] = {}
    for kind, value_of in kinds.items():
        members: dict[str, list[int]] = {}
        for index, record in enumerate(records):
            if (value := value_of(record)) is not None:
                members.setdefault(str(value), []).append(index)
        found[kind] = [_slice(value, mode, chosen, scores, pair) for value, chosen in sorted(members.items())
                       for mode in dict.fromkeys(m for by_mode in scores.values() for m in by_mode)]
    tested = [row for rows in found.values() for row in rows if "p_value" in row]
    for row, corrected in zip(tested, statistics.holm([row["p_value"] for row in tested]), strict=True):
        row["p_corrected"] = corrected
    return {kind: rows for kind, rows in found.items() if rows}


def _slice(value: str, mode: str, chosen: Sequence[int], scores: Mapping[str, Mapping[str, Scores]],
           pair: tuple[str, str] | None) -> dict[str, Any]:
    here = {name: [by_mode[mode][i] for i in chosen] for name, by_mode in scores.items() if mode in by_mode}
    row: dict[str, Any] = {"value": value, "mode": mode, "n": len(chosen),
                           "accuracy": {name: statistics.wilson(s).as_json() for name, s in here.items()}}
    if pair and all(name in here for name in pair):
        differences = [a - b for a, b in zip(here[pair[0]], here[pair[1]], strict=True)]
        row |= {"contestant": pair[0], "reference": pair[1], "difference": sum(differences) / len(differences),
                "p_value": statistics.paired_test(differences)}
    return row


def difficulty_against_accuracy(difficulties: Sequence[float | None], scores: Scores) -> dict[str, Any] | None:
    """Rated difficulty against measured accuracy: Spearman's correlation and accuracy by tenth; None without ratings.

    A rating is worth something where the correlation is clearly negative.
    """
    rated = [(d, s) for d, s in zip(difficulties, scores, strict=True) if d is not None]
    if not rated:
        return None
    rated.sort()
    groups = min(10, max(1, len(rated) // 5))
    bands = []
    for index in range(groups):
        band = rated[index * len(rated) // groups:(index + 1) * len(rated) // groups]
        bands.append({"low": band[0][0], "high": band[-1][0], "n": len(band),
                      "accuracy": statistics.wilson([s for _, s in band]).as_json()})
    correlation = statistics.spearman(*map(list, zip(*rated, strict=True)))
    return {"n": len(rated), "spearman": correlation.as_json() if correlation else None, "bands": bands}
