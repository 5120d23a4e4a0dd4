"""What the meta and the screen tell of a finished run."""

from __future__ import annotations

import statistics
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from ..core.records import Record
from ..engine import extract
from . import luck

STATUSES = ("verified", "hinted", "solver", "failed")


def counts(records: Sequence[Record], rejected: Sequence[Record], attempts: int, agree: int = 1) -> dict[str, Any]:
    """Everything counted from the finished records, so that a resumed run counts the same as an unbroken one.

    attempts, agree: unaided attempts of a round, and how many of them must conclude with the key.
    """
    asked = [record for record in records if record["cot"]["status"] != "solver"]
    outcomes = [outcome for record in asked for outcome in record["cot"]["outcomes"]]
    teacher = _teacher(asked)
    kept = [record for record in asked if record["chain_of_thought"] is not None]
    written = [record["cot"]["tokens"] for record in kept]
    found = {
        "records": len(records), "rejected": dict(Counter(item["reason"] for item in rejected)),
        "status": _statuses(records),
        "by_source": _grouped(records, "source"), "by_domain": _grouped(records, "domain"),
        "by_attempt": _by_attempt(asked), "outcomes": dict(Counter(o["outcome"] for o in outcomes).most_common()),
        "finish_reasons": dict(Counter(o["finish_reason"] or "not generated" for o in outcomes).most_common()),
        "tokens": {"generated": sum(o["tokens"] for o in outcomes), "kept": sum(written),
                   "mean_kept": round(sum(written) / len(written), 1) if written else None},
        "check_the_options": sum(extract.verdicts(r["chain_of_thought"], r["choices"]) is not None for r in kept),
        "teacher": teacher, "mean_quality": _mean_quality(kept),
    }
    return found | {"warnings": warnings(found, attempts, agree)}


def _mean_quality(kept: Sequence[Record]) -> float | None:
    """None where no record has a quality, as those of earlier versions."""
    scores = [record["cot"]["quality"]["score"] for record in kept if "quality" in record["cot"]]
    return round(statistics.fmean(scores), 3) if scores else None


def warnings(found: dict[str, Any], attempts: int, agree: int = 1) -> list[str]:
    """What a reader of these counts must know."""
    teacher, told = found["teacher"], []
    if teacher["asked"] and not teacher["better_than_luck"]:
        told.append(
            f"the teacher cannot be told from guessing: {teacher['right']} of {teacher['answered']} first answers "
            f"right, luck alone gives {teacher['luck_rate']:.0%} of them, and "
            f"{_percent(luck.luck_after(attempts, agree))} of all questions in {attempts} attempts; with this teacher "
            "\"verified\" means little")
    elif teacher["lucky_share"] and teacher["lucky_share"] > 0.2:
        told.append(f"about {teacher['lucky_share']:.0%} of the right first answers are estimated to be luck")
    if teacher["asked"] and teacher["answered"] < teacher["asked"] / 2:
        told.append(f"{teacher['asked'] - teacher['answered']} of {teacher['asked']} first replies had no answer: "
                    "a larger max_tokens or another prompt variant may help")
    if found["rejected"]:
        told.append(f"{sum(found['rejected'].values())} malformed records were left out: " + ", ".join(
            f"{number} {reason}" for reason, number in found["rejected"].items()))
    return told


def lines(found: dict[str, Any]) -> Iterator[str]:
    """The summary on the screen."""
    status, teacher = found["status"], found["teacher"]
    yield f"{found['records']} records: " + ", ".join(f"{status[name]} {name}" for name in STATUSES)
    for row in found["by_attempt"]:
        luck_note = "" if row["kind"] == "hinted" else f", luck alone {_percent(luck.rates_at(row['attempt']))}"
        low, high = row["right_interval"]
        yield (f"  attempt {row['attempt']} ({row['kind']}): {row['asked']} asked, {row['answered']} answered, "
               f"{row['right']} right ({low:.0%} to {high:.0%} of all asked{luck_note}), {row['accepted']} accepted")
    if teacher["asked"]:
        low, high = teacher["interval"]
        yield (f"teacher without hints: {teacher['accuracy']:.1%} right at the first attempt "
               f"(95 % interval {low:.1%} to {high:.1%}, n = {teacher['asked']})")
    for source, row in found["by_source"].items():
        yield f"  {source}: " + ", ".join(f"{row[name]} {name}" for name in STATUSES if row.get(name))
    tokens = found["tokens"]
    if tokens["generated"]:
        yield (f"{tokens['generated']:,} tokens written, {tokens['kept']:,} of them kept; "
               f"{found['check_the_options']} of {status['verified'] + status['hinted']} kept go through the options")
    if found["mean_quality"] is not None:
        yield f"mean quality of what was kept: {found['mean_quality']:.2f} of 1"
    for warning in found["warnings"]:
        yield f"warning: {warning}"


def _percent(rates: tuple[float, float]) -> str:
    least, most = rates
    return f"{least:.0%}" if most - least < 0.005 else f"{least:.0%} to {most:.0%}"


def _statuses(records: Sequence[Record]) -> dict[str, int]:
    counted = Counter(record["cot"]["status"] for record in records)
    return {name: counted[name] for name in STATUSES}


def _grouped(records: Sequence[Record], key: str) -> dict[str, dict[str, Any]]:
    groups: dict[str, list[Record]] = defaultdict(list)
    for record in records:
        groups[str(record.get(key) or "none")].append(record)
    rows = {}
    for name, members in sorted(groups.items()):
        asked = [record for record in members if record["cot"]["status"] != "solver"]
        right = sum(record["cot"]["teacher_answer"] == record["answer"] for record in asked)
        rows[name] = {**_statuses(members), "asked": len(asked), "right_first": right,
                      "right_first_interval": luck.interval(right, len(asked)),
                      "tokens": sum(o["tokens"] for record in asked for o in record["cot"]["outcomes"])}
    return rows


def _by_attempt(asked: Sequence[Record]) -> list[dict[str, Any]]:
    rows: dict[tuple[int, str], Counter[str]] = defaultdict(Counter)
    for record in asked:
        for number, outcome in enumerate(record["cot"]["outcomes"], start=1):
            row = rows[(number, outcome["kind"])]
            row["asked"] += 1
            row["answered"] += outcome["answer"] is not None
            row["right"] += outcome["answer"] == record["answer"]
            row["accepted"] += outcome["outcome"] == "accepted"
    return [{"attempt": number, "kind": kind, "asked": row["asked"], "answered": row["answered"], "right": row["right"],
             "accepted": row["accepted"], "right_interval": luck.interval(row["right"], row["asked"])}
            for (number, kind), row in sorted(rows.items())]


def _teacher(asked: Sequence[Record]) -> dict[str, Any]:
    """The teacher's own accuracy: its first attempt, greedy and without a hint."""
    said = [(record["cot"]["teacher_answer"], record["answer"]) for record in asked
            if record["cot"]["teacher_answer"] is not None]
    found = luck.of_first_attempts([letter for letter, _ in said], [key for _, key in said])
    return {
        "asked": len(asked), "answered": found.answered, "right": found.right,
        "accuracy": found.right / len(asked) if asked else None, "interval": luck.interval(found.right, len(asked)),
        "letters": dict(sorted(Counter(letter for letter, _ in said).items())),
        "luck_rate": found.rate, "p_value": found.p_value, "better_than_luck": found.proven,
        "lucky_share": found.lucky_share,
    }
