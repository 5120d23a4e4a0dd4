"""The data on its way: how many records each stage passed on, what the teacher was worth, how hard they are."""

from __future__ import annotations

from collections import Counter
from typing import Any

from . import charts
from .blocks import Block, Chart, Prose, Table, number, percent
from .found import Found


def funnel(found: Found) -> list[Block]:
    """Counts from the sources to what was trained on, with the reasons for what was left out."""
    questions, teacher, training = found.counts("00"), found.counts("02"), found.counts("04")
    steps: list[tuple[str, float]] = []
    sources = questions.get("by_source") or {}
    if sources:
        steps.append(("read from sources", sum(row["read"] for row in sources.values())))
    for name, key in (("kept", "records"), ("for training", "training")):
        if isinstance(questions.get(key), int):
            steps.append((name, questions[key]))
    if status := teacher.get("status"):
        steps.append(("with reasoning", sum(n for name, n in status.items() if name != "failed")))
    if isinstance(found.counts("03").get("records"), int):
        steps.append(("rated and ranked", found.counts("03")["records"]))
    if (trained := training.get("trained", training.get("records"))) and isinstance(trained, int):
        steps.append(("trained on", trained))
    shown: list[Block] = []
    if len(steps) > 1:
        names, values = zip(*steps, strict=True)
        shown.append(Chart(charts.bars("records by stage", names, values), "Records that each step passed on."))
    if sources:
        shown.append(Table(["source", "read", "rejected", "duplicates", "not sampled", "kept"], [
            [name, *(number(row.get(key)) for key in ("read", "rejected", "duplicates", "not_sampled", "kept"))]
            for name, row in sources.items()]))
    coverage = questions.get("coverage") or {}
    if "covered" in coverage:
        gaps = f"; gaps: {', '.join(coverage['gaps'])}" if coverage.get("gaps") else ""
        shown.append(Prose(f"{coverage['covered']} of {coverage['of']} domains are covered{gaps}."))
    reasons: Counter[str] = Counter()
    for row in sources.values():
        reasons.update(row.get("rejected_because") or {})
    left_out = training.get("left_out")
    if isinstance(left_out, dict):
        reasons.update({f"not trained on: {reason}": n for reason, n in left_out.items()})
    if reasons:
        shown.append(Table(["left out because", "records"], [[r, number(n)] for r, n in reasons.most_common()],
                           folded=f"{sum(reasons.values()):,} records left out, by reason"))
    return shown


def teacher(found: Found) -> list[Block]:
    """How much of the teacher's reasoning was accepted, and how much a guesser's would have been."""
    counts = found.counts("02")
    if not counts.get("status"):
        return []
    shown: list[Block] = []
    first = counts.get("teacher") or {}
    if first.get("asked"):
        luck = f"; a guesser would get {percent(first['luck_rate'], 0)}" if first.get("luck_rate") is not None else ""
        told = "is better than guessing" if first.get("better_than_luck") else "cannot be told from a guesser"
        low, high = first.get("interval") or (None, None)
        shown.append(Prose(f"Without hints the teacher {told}: {percent(first.get('accuracy'))} right at the first "
                           f"attempt (95 % interval {percent(low)} to {percent(high)}, n = {first['asked']}){luck}.",
                           strong=True))
    rows = [row for row in counts.get("by_attempt") or [] if row.get("right_interval")]
    if rows:
        dots = [(f"{row['attempt']}. {row['kind']}", {"value": row["right"] / row["asked"],
                 "low": row["right_interval"][0], "high": row["right_interval"][1]}, 0) for row in rows if row["asked"]]
        shown.append(Chart(charts.intervals("right answers by attempt", dots, chance_name="luck"),
                           "Share of replies with the right letter, by attempt. A hinted attempt knew the answer, so "
                           "its share says nothing about the teacher."))
        shown.append(Table(["attempt", "asked", "answered", "right", "accepted"], [
            [f"{row['attempt']}, {row['kind']}", *(number(row[k]) for k in ("asked", "answered", "right", "accepted"))]
            for row in rows]))
    statuses = ("verified", "hinted", "solver", "failed")
    by_source = counts.get("by_source") or {}
    shown.append(Table(["reasoning", *statuses], [
        ["all", *(number(counts["status"].get(name, 0)) for name in statuses)],
        *([name, *(number(row.get(key, 0)) for key in statuses)] for name, row in by_source.items())]))
    return shown


def difficulty(found: Found) -> list[Block]:
    """Spread of the ratings, how far the signals agree, and rated difficulty against measured success."""
    records = found.outputs.get("03")
    counts = found.counts("03")
    shown: list[Block] = []
    if isinstance(records, list) and records:
        rated = {name: [r[key] for r in records if r.get(key) is not None]
                 for name, key in (("calibrated", "difficulty"), ("raw rating", "difficulty_raw"))}
        rated = {name: values for name, values in rated.items() if values}
        if rated:
            by = ", ".join(f"{n:,} by {name}" for name, n in Counter(r.get("difficulty_by") for r in records).items())
            shown.append(Chart(charts.histogram("spread of difficulty", rated, "difficulty", 1, 10),
                               f"Raw ratings and the calibrated difficulty ({by})."))
        if bands := _teacher_by_difficulty(records):
            shown.append(Chart(charts.intervals("teacher by rated difficulty", bands, axis="right at once, %"),
                               "Rated difficulty against the teacher's first attempts: a rating is worth something "
                               "where success falls from top to bottom."))
    tables = counts.get("correlations") or []
    if tables:
        shown.append(Table(["signals", "Spearman (95 % interval)", "n"], [
            [f"{row['one']} – {row['other']}", f"{row['rho']:+.2f} ({row['low']:+.2f} to {row['high']:+.2f})",
             number(row["n"])] for row in tables]))
    for name in ("easiest", "hardest"):
        if counts.get(name):
            shown.append(Table(["difficulty", "question"], [[f"{row['difficulty']:.1f}", row["question"]]
                                                           for row in counts[name]], folded=f"The ten {name}"))
    return shown + _tested_difficulty(found)


def _teacher_by_difficulty(records: list[dict[str, Any]]) -> list[tuple[str, dict[str, float], int]]:
    from ..statistics import wilson

    tried = sorted((r["difficulty"], float(r["cot"].get("teacher_answer") == r["answer"])) for r in records
                   if r.get("difficulty") is not None and (r.get("cot") or {}).get("status") in
                   ("verified", "hinted", "failed"))
    groups = min(5, len(tried) // 10)
    bands = []
    for index in range(groups):
        band = tried[index * len(tried) // groups:(index + 1) * len(tried) // groups]
        bands.append((f"{band[0][0]:.1f} to {band[-1][0]:.1f}", wilson([s for _, s in band]).as_json(), 0))
    return bands


def _tested_difficulty(found: Found) -> list[Block]:
    """Rated difficulty of the held-out questions against what the contestants made of them."""
    contestants = (found.outputs.get("05") or {}).get("contestants") or {}
    rated = [(f"{name}, {mode}", line["difficulty"]) for name, row in contestants.items()
             for mode, line in row["modes"].items() if line.get("difficulty")]
    if not rated:
        return []
    curves = {name: ([(band["low"] + band["high"]) / 2 for band in row["bands"]],
                     [100 * band["accuracy"]["value"] for band in row["bands"]]) for name, row in rated[:6]}
    return [Chart(charts.lines("accuracy by rated difficulty", curves, "rated difficulty", "right, %", dots=True),
                  "Rated difficulty of the held-out questions against measured accuracy: the lines should fall."),
            Table(["contestant", "questions rated", "rank correlation with accuracy (95 % interval)"], [
                [name, number(row["n"]), "–" if (rho := row["spearman"]) is None else
                 f"{rho['value']:+.2f} ({rho['low']:+.2f} to {rho['high']:+.2f})"] for name, row in rated])]
