"""Who is better than whom, by how much, and how surely such a test finds it. Pure.

Everything is paired: both contestants answered the same questions, and only differences question by question count.
What is said of a comparison, on the screen and on the page, is worded here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from stepladder.core.records import Record

from . import statistics
from .statistics import Clusters

SAME, BETTER, WORSE = "no difference seen", "better", "worse"
Scores = Sequence[float]


def compare(scores: Scores, reference: Scores, clusters: Clusters = None, seed: int = 0, family: int = 1
            ) -> dict[str, Any]:
    """One contestant against a reference on the same questions, in the same order.

    The verdict is "better" or "worse" where the paired test (McNemar's exact one, for right-or-wrong scores) finds it
    at 5 % and the bootstrap interval leaves out zero. power: chance that a true difference as large as this one is
    found; detectable_difference: the one found in 80 % of such tests. Both for a test that is one of `family`.
    """
    differences = [a - b for a, b in zip(scores, reference, strict=True)]
    won, lost = sum(d > 0 for d in differences), sum(d < 0 for d in differences)
    interval = statistics.paired_bootstrap(differences, clusters, seed)
    alpha = statistics.ALPHA / family
    row = {"n": len(differences), "clusters": len(differences) if clusters is None else len(set(clusters)),
           "won": won, "lost": lost, "tied": len(differences) - won - lost,
           "difference": interval.as_json() if interval else None,
           "p_value": statistics.paired_test(differences, clusters, seed), "family": family, "power": None,
           "detectable_difference": statistics.detectable_difference(differences, clusters, alpha)}
    if interval is not None:
        row["power"] = statistics.power(interval.value, *statistics.effective(differences, clusters), alpha)
    return row | {"verdict": _verdict(interval, row["p_value"])}


def _verdict(interval: statistics.Interval | None, p_value: float) -> str:
    if interval is None or p_value >= statistics.ALPHA or interval.low <= 0 <= interval.high:
        return SAME
    return BETTER if interval.value > 0 else WORSE


# -- words ------------------------------------------------------------------------------------------------------------

def p_words(row: Mapping[str, Any]) -> str:
    """The p-value that the verdict rests on, and whether it is corrected: never one beside the other."""
    value = row.get("p_corrected", row["p_value"])
    told = f"p = {value:.2g}" if value >= 0.001 else "p < 0.001"
    return f"{told} corrected for {row['family']} comparisons" if "p_corrected" in row else told


def interval_words(row: Mapping[str, Any]) -> str:
    """The difference with its interval; that of a corrected comparison is its own, not corrected."""
    points = {key: 100 * value for key, value in row["difference"].items()}
    alone = " for this pair alone" if "p_corrected" in row else ""
    return f"{points['value']:+.1f} points (95 % interval{alone} {points['low']:+.1f} to {points['high']:+.1f})"


def reach_words(row: Mapping[str, Any]) -> str:
    """How far such a test can be relied on: the power at the difference seen, or the difference it would find."""
    least = "at least " if row["family"] > 1 else ""
    if row["verdict"] != SAME:
        caution = ", so the true one may well be smaller" if row["power"] < statistics.POWER else ""
        return f"a true difference of this size is found in {least}{100 * row['power']:.0f} % of such tests{caution}"
    if row["detectable_difference"] is None:
        return "so few questions find no difference reliably"
    return (f"a true difference of {100 * row['detectable_difference']:.1f} points is found in {least}"
            f"{100 * statistics.POWER:.0f} % of such tests")


def sentence(row: Mapping[str, Any], name: str, reference: str, mode: str) -> str:
    """A comparison as one plain sentence."""
    if row["difference"] is None:
        return f"{mode}: {name} and {reference} have no question in common"
    said = f"{SAME} between {name} and {reference}" if row["verdict"] == SAME else \
        f"{name} is {row['verdict']} than {reference}"
    count = f"{row['n']} questions" + (f" in {row['clusters']} clusters" if row["clusters"] < row["n"] else "")
    return (f"{mode}: {said}: {interval_words(row)}, won {row['won']}, lost {row['lost']} of {count}, {p_words(row)}; "
            f"{reach_words(row)}")


# -- all pairs --------------------------------------------------------------------------------------------------------

def pairs_to_compare(names: Sequence[str]) -> list[tuple[str, str]]:
    """(contestant, reference): each later contestant against each earlier one, base first, so student against base."""
    ordered = sorted(names, key=lambda name: {"base": 0, "student": 1}.get(name, 2))
    return [(name, reference) for index, name in enumerate(ordered) for reference in ordered[:index]]


def is_planned(name: str, reference: str) -> bool:
    """Whether this is the one comparison the run was made for; it needs no correction for the others."""
    return (name, reference) == ("student", "base")


def compare_all(scores: Mapping[str, Mapping[str, Scores]], clusters: Clusters = None, seed: int = 0
                ) -> list[dict[str, Any]]:
    """All pairs in each mode; scores: contestant -> mode -> one score a question; clusters: one number a question.

    `p_corrected` is Holm's over the unplanned pairs of a mode; their verdicts rest on it.
    """
    rows = []
    for mode in dict.fromkeys(mode for by_mode in scores.values() for mode in by_mode):
        pairs = pairs_to_compare([name for name in scores if mode in scores[name]])
        family = sum(not is_planned(*pair) for pair in pairs)
        found = {pair: compare(scores[pair[0]][mode], scores[pair[1]][mode], clusters, seed,
                               1 if is_planned(*pair) else family) for pair in pairs}
        unplanned = [row for pair, row in found.items() if not is_planned(*pair)]
        for row, corrected in zip(unplanned, statistics.holm([row["p_value"] for row in unplanned]), strict=True):
            row["p_corrected"] = corrected
            if corrected >= statistics.ALPHA:
                row["verdict"] = SAME
        rows += [{"contestant": name, "reference": reference, "mode": mode, "planned": is_planned(name, reference),
                  **row, "sentence": sentence(row, name, reference, mode)} for (name, reference), row in found.items()]
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


def slices(records: Sequence[Record], scores: Mapping[str, Mapping[str, Scores]], clusters: Clusters = None,
           seed: int = 0) -> dict[str, list[dict[str, Any]]]:
    """Accuracy by source, domain, level and length, and student against base (or first two) within each.

    -> {"source": [{"value", "mode", "n", "accuracy": {contestant: interval}, "contestant", "reference", "difference",
    "p_value", "p_corrected"}]}. difference: with its own interval, not corrected; Holm's correction of the p-values
    runs over all slices of all kinds and modes together.
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
        found[kind] = [_slice(value, mode, chosen, scores, pair, clusters, seed)
                       for value, chosen in sorted(members.items())
                       for mode in dict.fromkeys(m for by_mode in scores.values() for m in by_mode)]
    tested = [row for rows in found.values() for row in rows if "p_value" in row]
    for row, corrected in zip(tested, statistics.holm([row["p_value"] for row in tested]), strict=True):
        row["p_corrected"] = corrected
    return {kind: rows for kind, rows in found.items() if rows}


def _slice(value: str, mode: str, chosen: Sequence[int], scores: Mapping[str, Mapping[str, Scores]],
           pair: tuple[str, str] | None, clusters: Clusters, seed: int) -> dict[str, Any]:
    here = {name: [by_mode[mode][i] for i in chosen] for name, by_mode in scores.items() if mode in by_mode}
    within = None if clusters is None else [clusters[i] for i in chosen]
    row: dict[str, Any] = {"value": value, "mode": mode, "n": len(chosen),
                           "accuracy": {name: statistics.wilson(s, within).as_json() for name, s in here.items()}}
    if pair and all(name in here for name in pair):
        differences = [a - b for a, b in zip(here[pair[0]], here[pair[1]], strict=True)]
        interval = statistics.paired_bootstrap(differences, within, seed)
        row |= {"contestant": pair[0], "reference": pair[1], "difference": interval.as_json() if interval else None,
                "p_value": statistics.paired_test(differences, within, seed)}
    return row


def by_source(found: Mapping[str, Sequence[Mapping[str, Any]]], mode: str) -> list[dict[str, Any]]:
    """The slices by source that were compared in a mode, each with its sentence; none where there is one source only.

    What was gained lies where something was taught: over all questions together it depends on their mix.
    """
    rows = [row for row in found.get("source", []) if row["mode"] == mode and row.get("difference")]
    return [{**row, "sentence": source_sentence(row)} for row in rows] if len(rows) > 1 else []


def source_sentence(row: Mapping[str, Any]) -> str:
    """What one slice shows, in words."""
    pair = (row["reference"], row["contestant"])
    shares = ", ".join(f"{name} {100 * row['accuracy'][name]['value']:.1f}" for name in pair)
    points = {key: 100 * value for key, value in row["difference"].items()}
    value = row["p_corrected"]
    return (f"of {row['n']} {row['value']} questions {shares} % right: {points['value']:+.1f} points (95 % interval "
            f"{points['low']:+.1f} to {points['high']:+.1f}, {'p < 0.001' if value < 0.001 else f'p = {value:.2g}'} "
            "corrected for all slices)")


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
