"""test_results_TAG.json: everything that was asked and answered, and what it comes to. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from stepladder.core.clusters import clusters_of
from stepladder.core.records import Record

from . import comparing, latency, scoring, students

KEPT_OF_RECORD = ("id", "question", "choices", "answer", "source", "subject", "domain", "level", "difficulty",
                  "difficulty_by")
COLLAPSED_SHARE = 0.9
FEW_QUESTIONS = 200


def assemble(records: Sequence[Record], runs: Iterable[Mapping[str, Any]],
             contestants: Mapping[str, Mapping[str, Any]], modes: Sequence[str], *,
             rejected: Sequence[Mapping[str, Any]] = (), overlap: Mapping[str, Any] | None = None,
             seed: int = 0) -> dict[str, Any]:
    """The whole file. contestants: name -> {"weights", "speed": {mode: ...}, "memory"}; runs in any order."""
    grouped: dict[tuple[str, str, str], list[Mapping[str, Any]]] = defaultdict(list)
    for run in runs:
        grouped[run["contestant"], run["mode"], run["question"]].append(run)
    answers = {name: {mode: [scoring.judge(record, grouped[name, mode, record["id"]]) for record in records]
                      for mode in modes} for name in contestants}
    scores = {name: {mode: [answer["score"] for answer in found] for mode, found in by_mode.items()}
              for name, by_mode in answers.items()}
    clusters = clusters_of(records)
    rows = {name: {**about, "modes": {mode: _mode_row(records, answers[name][mode], about["speed"].get(mode), clusters)
                                      for mode in modes}} for name, about in contestants.items()}
    for row in rows.values():
        row.pop("speed")
    comparisons = comparing.compare_all(scores, clusters, seed)
    slices = comparing.slices(records, scores, clusters, seed)
    head = summary(records, rows, comparisons, modes, rejected, overlap)
    return {
        "summary": head | {"by_source": comparing.by_source(slices, head["headline_mode"])},
        "contestants": rows,
        "comparisons": comparisons,
        "students": students.table(rows, comparisons),
        "slices": slices,
        "rejected": list(rejected),
        "questions": [_question(record, index, answers) for index, record in enumerate(records)],
    }


def _mode_row(records: Sequence[Record], answers: Sequence[Mapping[str, Any]], speed: Mapping[str, Any] | None,
              clusters: Sequence[int]) -> dict[str, Any]:
    row = scoring.table_row(records, answers, clusters)
    rated = comparing.difficulty_against_accuracy([record.get("difficulty") for record in records],
                                                  [answer["score"] for answer in answers])
    return row | {"difficulty": rated, "latency": (speed or {}).get("latency"),
                  "throughput": (speed or {}).get("throughput")}


def _question(record: Record, index: int, answers: Mapping[str, Mapping[str, Sequence[Mapping[str, Any]]]]
              ) -> dict[str, Any]:
    kept = {key: record[key] for key in KEPT_OF_RECORD if key in record}
    return kept | {"answers": {name: {mode: _answer(found[index]) for mode, found in by_mode.items()}
                               for name, by_mode in answers.items()}}


def _answer(answer: Mapping[str, Any]) -> dict[str, Any]:
    """Without what the surrounding keys say already, and without empty fields: these are the bulk of the file."""
    runs = [{key: value for key, value in run.items()
             if key not in ("id", "contestant", "mode", "question") and value not in (None, "")}
            | {"letter": run["letter"]} for run in answer["runs"]]
    return {**answer, "score": round(answer["score"], 4), "runs": runs}


def summary(records: Sequence[Record], rows: Mapping[str, Any], comparisons: Sequence[Mapping[str, Any]],
            modes: Sequence[str], rejected: Sequence[Any], overlap: Mapping[str, Any] | None) -> dict[str, Any]:
    """The head of the file: what `run_all.sh` and the gate read."""
    headline_mode = "reasoning" if "reasoning" in modes else modes[0]
    planned = [row for row in comparisons if row["planned"]]
    headline = next((row for row in planned if row["mode"] == headline_mode), None)
    return {
        "questions": len(records), "rejected": len(rejected), "contestants": list(rows), "modes": list(modes),
        "accuracy": {name: {mode: row["modes"][mode]["accuracy"] for mode in modes} for name, row in rows.items()},
        "headline_mode": headline_mode, "headline": headline,
        "verdicts": [row["sentence"] for row in comparisons if row["planned"]] or
                    [row["sentence"] for row in comparisons],
        "latency": [latency.against_target(row["modes"][mode]["latency"], name, mode)
                    for name, row in rows.items() for mode in modes if row["modes"][mode]["latency"]],
        "overlap": overlap,
        "warnings": warnings(len(records), rows, rejected, overlap),
    }


def warnings(count: int, rows: Mapping[str, Any], rejected: Sequence[Any], overlap: Mapping[str, Any] | None
             ) -> list[str]:
    """What a reader must know before believing the table."""
    found = []
    if overlap and overlap.get("found"):
        found.append(f"{overlap['found']} of {count} test questions were found in training; the accuracies are not to "
                     "be believed")
    if rejected:
        seen = sum(row["reason"].startswith("in training") for row in rejected)
        if seen:
            found.append(f"{seen} test questions were left out because training had seen them")
        if len(rejected) > seen:
            found.append(f"{len(rejected) - seen} malformed test records were left out")
    if count < FEW_QUESTIONS:
        found.append(f"only {count} questions: the intervals are wide, and small differences cannot be seen")
    for name, row in rows.items():
        for mode, line in row["modes"].items():
            found += [f"{name}, {mode}: {text}" for text in _mode_warnings(line)]
    return found


def _mode_warnings(line: Mapping[str, Any]) -> list[str]:
    found = []
    letters = line["letters"]
    if (letters["largest_share"] or 0) >= COLLAPSED_SHARE:
        favourite = max((k for k in letters["said"] if k != "none"), key=lambda k: letters["said"][k])
        found.append(f"says {favourite} to {100 * letters['largest_share']:.0f} % of the questions")
    if line["unparsed_runs"]:
        found.append(f"{line['unparsed_runs']} of {line['runs']} replies have no letter that could be found")
    if line["runs"] and line["degenerate_runs"] / line["runs"] > 0.1:
        found.append(f"{100 * line['degenerate_runs'] / line['runs']:.0f} % of the replies are degenerate (empty, "
                     "constant or looping text)")
    if line["runs"] and line.get("bare_runs", 0) / line["runs"] > 0.1:
        found.append(f"{100 * line['bare_runs'] / line['runs']:.0f} % of the replies give an answer and no reasoning")
    closed = line["ended"].get("closed", 0)
    if line["runs"] and closed / line["runs"] > 0.25:
        found.append(f"{100 * closed / line['runs']:.0f} % of the replies had to be cut short at the token limit")
    return found
