"""From single runs to what a question brought a contestant, and from those to its line in the table. Pure.

A run is one reply: {"rotation", "vote", "letter" (of the original options, or None), "shown" (the letter as the
contestant saw it), "probabilities" (of the original A, B, C, D, or None), "ms" (beside all others in the batch),
"tokens", "ended", "text"}.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from stepladder.core.records import LETTERS, Record

from . import statistics

ENDED = {
    "logits": "letter read off the logits after one prefill (fast mode)",
    "answer": "concluded by itself with a letter",
    "closed": "made to conclude at its token limit",
    "forced": "stopped without a letter and was asked for one",
    "unparsed": "no letter could be found: counted as not right, and shown as its own number",
}


def judge(record: Record, runs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What all runs of one question came to: {"letter", "score", "confidence", "runs"}.

    score: share of rotations whose (majority) letter is the key. letter: the most frequent one over rotations.
    confidence: mean probability of `letter`; with several votes the share of votes for it; None where unknown.
    """
    by_rotation: dict[int, list[Mapping[str, Any]]] = defaultdict(list)
    for run in sorted(runs, key=lambda run: (run["rotation"], run["vote"])):
        by_rotation[run["rotation"]].append(run)
    letters = [majority(run["letter"] for run in votes) for votes in by_rotation.values()]
    letter = majority(letters)
    score = sum(found == record["answer"] for found in letters) / len(letters)
    return {"letter": letter, "score": score, "confidence": _confidence(letter, by_rotation.values()),
            "runs": [run for votes in by_rotation.values() for run in votes]}


def majority(letters: Iterable[str | None]) -> str | None:
    """Most frequent letter, the earliest of equals; None only where there is no letter at all."""
    counts = Counter(letter for letter in letters if letter is not None)
    return max(counts, key=lambda letter: counts[letter]) if counts else None


def _confidence(letter: str | None, rotations: Iterable[Sequence[Mapping[str, Any]]]) -> float | None:
    if letter is None:
        return None
    found = []
    for votes in rotations:
        if len(votes) > 1:
            found.append(sum(run["letter"] == letter for run in votes) / len(votes))
        elif votes[0]["probabilities"]:
            found.append(votes[0]["probabilities"][LETTERS.index(letter)])
        else:
            return None
    return round(sum(found) / len(found), 4)


def table_row(records: Sequence[Record], answers: Sequence[Mapping[str, Any]],
              clusters: statistics.Clusters = None) -> dict[str, Any]:
    """One contestant in one mode over all questions: accuracy, unparsed, consistency, letters, calibration, tokens.

    clusters: of the questions, for the accuracy's interval.
    """
    scores = [answer["score"] for answer in answers]
    runs = [run for answer in answers for run in answer["runs"]]
    rated = [(answer["confidence"], float(answer["letter"] == record["answer"]))
             for record, answer in zip(records, answers, strict=True) if answer["confidence"] is not None]
    ended = Counter(run["ended"] for run in runs)
    parsed = [run for run in runs if run["letter"] is not None]
    right = sum(run["letter"] == record["answer"] for record, answer in zip(records, answers, strict=True)
                for run in answer["runs"])
    return {
        "n": len(records), "runs": len(runs), "accuracy": _json(statistics.wilson(scores, clusters)),
        "unparsed": sum(answer["letter"] is None for answer in answers),
        "unparsed_runs": len(runs) - len(parsed),
        "accuracy_of_parsed_runs": right / len(parsed) if parsed else None,
        "ended": {name: ended[name] for name in ENDED if ended[name]},
        "degenerate_runs": sum(bool(run.get("degenerate")) for run in runs),
        "bare_runs": sum(bool(run.get("bare")) for run in runs),
        "permuted": permutation_row(answers),
        "letters": letter_row(records, answers),
        "calibration": statistics.calibration(*map(list, zip(*rated, strict=True))) if rated else None,
        "tokens_per_answer": sum(run["tokens"] for run in runs) / len(runs) if runs else None,
    }


def permutation_row(answers: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """How steady the answers are when the options change places; None where nothing was permuted.

    consistency: share of permuted questions that got the same letter every time. agreement: mean share of pairs of
    rotations that agree. Unparsed agrees with nothing.
    """
    same, agreement = [], []
    for answer in answers:
        by_rotation: dict[int, list[str | None]] = defaultdict(list)
        for run in answer["runs"]:
            by_rotation[run["rotation"]].append(run["letter"])
        if len(by_rotation) < 2:
            continue
        letters = [majority(votes) for votes in by_rotation.values()]
        pairs = [(a, b) for i, a in enumerate(letters) for b in letters[:i]]
        agreeing = sum(a is not None and a == b for a, b in pairs)
        same.append(float(agreeing == len(pairs)))
        agreement.append(agreeing / len(pairs))
    if not same:
        return None
    return {"questions": len(same), "consistency": _json(statistics.wilson(same)),
            "agreement": sum(agreement) / len(agreement)}


def letter_row(records: Sequence[Record], answers: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Letters as they were shown: how often each was said, was the key, and the accuracy where it was the key.

    bias: largest share said of one letter minus the share it was the key, in points of share.
    """
    said: Counter[str] = Counter()
    key: Counter[str] = Counter()
    right: Counter[str] = Counter()
    for record, answer in zip(records, answers, strict=True):
        for run in answer["runs"]:
            wanted = shown_letter(record["answer"], run["rotation"])
            key[wanted] += 1
            said[run["shown"] or "none"] += 1
            right[wanted] += run["shown"] == wanted
    total = sum(key.values())
    excess = {letter: (said[letter] - key[letter]) / total for letter in LETTERS} if total else {}
    favourite = max(excess, key=lambda letter: excess[letter]) if excess else None
    return {"said": {letter: said[letter] for letter in (*LETTERS, "none") if letter != "none" or said["none"]},
            "key": {letter: key[letter] for letter in LETTERS},
            "accuracy_by_key": {letter: right[letter] / key[letter] if key[letter] else None for letter in LETTERS},
            "favourite": favourite, "bias": excess.get(favourite) if favourite else None,
            "largest_share": max((said[letter] for letter in LETTERS), default=0) / total if total else None}


def shown_letter(original: str, rotation: int) -> str:
    """Where `core.options.rotate` puts an original option: the letter it is shown under."""
    return LETTERS[(LETTERS.index(original) + rotation) % len(LETTERS)]


def _json(interval: statistics.Interval | None) -> dict[str, float] | None:
    return None if interval is None else interval.as_json()
