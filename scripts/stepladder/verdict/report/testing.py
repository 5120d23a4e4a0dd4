"""Stage 05 on the page: verdict, accuracy, slices, letters, calibration, latency."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..comparing import p_words
from ..latency import TARGET_MS
from ..scoring import ENDED
from ..statistics import PERCENTILES, highest_percentile
from . import charts
from .blocks import Block, Bullets, Chart, Prose, Table, gigabytes, interval, number, percent, points
from .found import Found

MOST_SERIES = 6
MOST_DOMAINS = 60


def _content(found: Found) -> dict[str, Any]:
    return found.outputs.get("05") or {}


def _rows(found: Found) -> list[tuple[str, str, dict[str, Any]]]:
    """(contestant, mode, its row), contestants in order."""
    return [(name, mode, line) for name, row in (_content(found).get("contestants") or {}).items()
            for mode, line in row["modes"].items()]


def verdict(found: Found) -> list[Block]:
    """The sentences that say it."""
    summary = _content(found).get("summary") or {}
    shown: list[Block] = [Prose(_capital(text) + ".", strong=True) for text in summary.get("verdicts", [])[:4]]
    if summary.get("latency"):
        shown.append(Bullets([_capital(text) + "." for text in summary["latency"][:8]]))
    overlap = summary.get("overlap")
    if overlap and not overlap["found"]:
        shown.append(Prose(f"No test question was found among {overlap['training']:,} training questions (same text, "
                           f"or similarity of {overlap['similarity']} and more)."))
    elif summary and overlap is None:
        shown.append(Prose("Overlap of test and training was not checked: there were no training questions."))
    return shown


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def accuracy(found: Found) -> list[Block]:
    """Table and chart of accuracy, and every paired comparison."""
    rows = _rows(found)
    if not rows:
        return []
    modes = list(dict.fromkeys(mode for _, mode, _ in rows))
    dots = [(f"{name}, {mode}", line["accuracy"], modes.index(mode)) for name, mode, line in rows]
    shown: list[Block] = [
        Chart(charts.intervals("accuracy", dots, modes), "Accuracy with 95 % intervals (Wilson)."),
        Table(["contestant", "mode", "questions", "right (95 % interval)", "no letter found", "tokens an answer"], [
            [name, mode, number(line["n"]), interval(line["accuracy"]), number(line["unparsed"]),
             number(line["tokens_per_answer"], 0)] for name, mode, line in rows])]
    comparisons = _content(found)["comparisons"]
    if comparisons:
        shown.append(Table(["paired comparison", "mode", "verdict", "difference, points", "won", "lost",
                            "p", "found in 80 % of such tests"], [
            [f"{row['contestant']} against {row['reference']}", row["mode"], row["verdict"], points(row["difference"]),
             number(row["won"]), number(row["lost"]), p_words(row),
             "–" if row["detectable_difference"] is None else f"{100 * row['detectable_difference']:.1f} points"]
            for row in comparisons],
            "Same questions for both; those on one passage or of one puzzle structure are one cluster. p: McNemar's "
            "exact test (with clusters or permuted options, random signs of the clusters' sums). Bootstrap intervals "
            "over clusters, each for its pair alone. Last: the true difference that such a test finds with 80 % power."
        ))
    return shown


def _p(value: float) -> str:
    return f"{value:.2g}" if value >= 0.001 else "< 0.001"


def _slice_points(found: dict[str, float] | float | None) -> str:
    """A slice's difference; results of an earlier version have it without an interval."""
    return f"{100 * found:+.1f}" if isinstance(found, float) else points(found)


def by_slice(found: Found) -> list[Block]:
    """Accuracy by source, domain, level and length."""
    content = _content(found)
    slices = content.get("slices") or {}
    if not slices:
        return []
    mode = content["summary"]["headline_mode"]
    shown: list[Block] = []
    names = list(content["contestants"])[:MOST_SERIES]
    for kind in [kind for kind in ("source", "domain", "puzzle level", "level", "length") if kind in slices]:
        rows = [row for row in slices[kind] if row["mode"] == mode]
        if not rows:
            continue
        picked = sorted(rows, key=lambda row: -row["n"])[:MOST_DOMAINS]
        if kind == "domain":
            picked.sort(key=lambda row: row["value"])
            shown.append(Chart(charts.dumbbells(
                f"accuracy by {kind}", [(f"{row['value']} ({row['n']})", {n: a["value"] for n, a in
                                         row["accuracy"].items()}) for row in picked], names),
                f"Accuracy by domain, {mode} mode; questions in brackets. Few questions make a domain say little."))
        shown.append(Table([kind, "questions", *names, "difference, points", "p, corrected"], [
            [row["value"], number(row["n"]), *(interval(row["accuracy"].get(n), 0) for n in names),
             _slice_points(row.get("difference")),
             _p(row["p_corrected"]) if "p_corrected" in row else "–"] for row in picked],
            folded=f"By {kind}, as figures ({mode} mode)" if len(rows) > 6 else "",
            caption="" if len(rows) > 6 else f"By {kind}, {mode} mode."))
    if shown:
        shown.append(Prose("p values are corrected (Holm) for the number of all slices together."))
    return shown


def formats(found: Found) -> list[Block]:
    """Which letters were said, how steady answers are when options move, how replies ended."""
    rows = _rows(found)
    if not rows:
        return []
    said = [(f"{name}, {mode}", line["letters"]["said"]) for name, mode, line in rows]
    said.append(("the key", rows[0][2]["letters"]["key"]))
    shown: list[Block] = [Chart(charts.letters("letters said", said),
                                "Letters as they were shown. One that takes nearly everything is a format habit, not "
                                "knowledge.")]
    permuted = [(name, mode, line["permuted"]) for name, mode, line in rows if line["permuted"]]
    if permuted:
        shown.append(Table(["contestant", "mode", "questions permuted", "same answer every time", "pairs that agree"], [
            [name, mode, number(row["questions"]), interval(row["consistency"]), percent(row["agreement"])]
            for name, mode, row in permuted]))
    kinds = [kind for kind in ENDED if kind != "logits" and any(line["ended"].get(kind) for _, _, line in rows)]
    chains = [(name, line) for name, mode, line in rows if mode == "reasoning"]
    if chains and kinds:
        shown.append(Table(["reasoning replies", *kinds, "no reasoning given", "degenerate"], [
            [name, *(number(line["ended"].get(kind, 0)) for kind in kinds), number(line.get("bare_runs", 0)),
             number(line["degenerate_runs"])] for name, line in chains],
            "; ".join(f"{kind}: {ENDED[kind]}" for kind in kinds) + "."))
    return shown


def calibration(found: Found) -> list[Block]:
    """Stated confidence against accuracy."""
    known = [(f"{name}, {mode}", line["calibration"]) for name, mode, line in _rows(found) if line["calibration"]]
    if not known:
        return []
    drawn = [(name, row) for name, row in known if row["n"] >= 10][:MOST_SERIES]
    shown: list[Block] = []
    if drawn:
        shown.append(Chart(charts.calibration("calibration", {name: row["bins"] for name, row in drawn}),
                           "On the dashed line, stated confidence and accuracy agree; below it, confidence is too "
                           "high."))
    shown.append(Table(["contestant", "answers with confidence", "mean confidence", "right", "calibration error",
                        "Brier score"], [
        [name, number(row["n"]), percent(row["mean_confidence"]), percent(row["accuracy"]),
         percent(row["expected_error"]), f"{row['brier']:.3f}"] for name, row in known]))
    return shown


def latency(found: Found) -> list[Block]:
    """Times one question at a time, throughput together, memory and size."""
    timed = [(name, mode, line["latency"]) for name, mode, line in _rows(found) if line["latency"]]
    shown: list[Block] = []
    if timed:
        told = [f"p{rank}" for rank in PERCENTILES if any(f"p{rank}" in row["ms"] for _, _, row in timed)]
        shown.append(Chart(charts.times("latency", [
            (f"{name}, {mode}", row["ms"]["p50"], row["ms"][highest_percentile(row["ms"])])
            for name, mode, row in timed], TARGET_MS), "Warm, one question at a time."))
        shown.append(Table(["contestant", "mode", "questions", *(f"{p} ms" for p in told), "prompt, p50 ms",
                            "generation, p50 ms", "tokens/s alone"], [
            [name, mode, number(row["n"]), *(number(row["ms"].get(p)) for p in told),
             _p50(row["prefill_ms"]), _p50(row["decode_ms"]), number(row["tokens_per_second"])]
            for name, mode, row in timed], "Only percentiles that so many timings bear: p95 takes 20, p99 a hundred."))
    together = [(name, mode, line["throughput"]) for name, mode, line in _rows(found) if line["throughput"]]
    if together:
        shown.append(Table(["contestant", "mode", "at once", "answers/s", "generated tokens/s", "prompt tokens/s"], [
            [name, mode, number(row["sequences"]), number(row["answers_per_second"], 2),
             number(row["tokens_per_second"]), number(row["prompt_tokens_per_second"])]
            for name, mode, row in together], "Batched, as the test ran."))
    contestants: Mapping[str, Any] = _content(found).get("contestants") or {}
    if contestants:
        shown.append(Table(["contestant", "weights", "size", "peak process memory", "peak device memory"], [
            [name, _weights(row["weights"]), gigabytes(row["weights"]["size_bytes"]),
             gigabytes(row["memory"]["process_bytes"]), gigabytes(row["memory"]["device_bytes"])]
            for name, row in contestants.items()],
            "Contestants that share weights are loaded once and share their peak."))
    return shown


def _weights(row: Mapping[str, Any]) -> str:
    adapter = f" + {row['adapter']}" if "adapter" in row else ""
    return row["model"] + adapter + (f", replies in the form {row['reply_form']}" if "reply_form" in row else "")


def _p50(found: Mapping[str, float] | None) -> str:
    return "–" if found is None else number(found["p50"])
