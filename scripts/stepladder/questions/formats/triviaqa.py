"""TriviaQA: open questions with the accepted answers; their wrong options are found in distractors.py.

Read are the authors' nested JSON ("Data": [...]), the hub's table, and JSON lines with `golden_answers`, whose
aliases have no order.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import orjson

from stepladder.core.errors import InputError

from ..hub import HubData
from ..rows import Rejection, Row, Rows, split_named
from .files import below, json_lines, read_bytes, string

HUB = HubData("mandarjoshi/trivia_qa", ("unfiltered.nocontext",), ("train", "validation"), 98_935, 35)


def from_files(path: Path) -> Rows:
    """Rows of *.json and *.jsonl, or of folders with them."""
    for file in below(path, "*.json", "*.jsonl"):
        split = split_named(file.stem)
        if file.suffix == ".jsonl":
            for number, content in json_lines(file):
                yield _flat(content, split, f"{file.stem}/{number}")
            continue
        try:
            content = orjson.loads(read_bytes(file))
        except orjson.JSONDecodeError as error:
            raise InputError(f"{file} is not valid JSON: {error}") from error
        rows = content.get("Data") if isinstance(content, dict) else content
        if not isinstance(rows, list):
            raise InputError(f"{file} has no list \"Data\": it is not a TriviaQA file")
        for number, row in enumerate(rows):
            yield _nested(row, split, f"{file.stem}/{number}")


def from_hub(rows: Iterable[tuple[str, dict[str, Any]]]) -> Rows:
    """Rows of the hub's table."""
    for number, (name, row) in enumerate(rows):
        answer = row.get("answer") or {}
        yield _row(row.get("question_id"), row.get("question"), answer.get("value"), answer.get("aliases"),
                   split_named(name), f"{name}/{number}", row)


def _nested(row: Any, split: str | None, place: str) -> Row | Rejection:
    if not isinstance(row, dict):
        return Rejection(f"triviaqa/{place}", "triviaqa", "broken row", row)
    answer = row.get("Answer") if isinstance(row.get("Answer"), dict) else {}
    return _row(row.get("QuestionId"), row.get("Question"), answer.get("Value"), answer.get("Aliases"), split, place,
                {name: row.get(name) for name in ("QuestionId", "Question", "Answer")})


def _flat(row: Any, split: str | None, place: str) -> Row | Rejection:
    if not isinstance(row, dict):
        return Rejection(f"triviaqa/{place}", "triviaqa", "broken row", row)
    named = split or split_named(string(row.get("id")))
    return _row(row.get("id"), row.get("question"), None, row.get("golden_answers"), named, place, row)


def _row(identity: Any, question: Any, value: Any, aliases: Any, split: str | None, place: str,
         raw: Any) -> Row | Rejection:
    name = f"triviaqa/{identity}" if isinstance(identity, str) and identity else f"triviaqa/{place}"
    if not isinstance(question, str) or not question.strip():
        return Rejection(name, "triviaqa", "empty question", raw)
    known = [alias for alias in aliases if string(alias).strip()] if isinstance(aliases, list) else []
    canonical = bool(string(value).strip())
    answers = list(dict.fromkeys([value, *known] if canonical else known))
    # the hub's test split gives "<unk>" for the answers it does not tell
    if not answers or answers == ["<unk>"]:
        return Rejection(name, "triviaqa", "no key", raw)
    return Row(name, "triviaqa", question, split=split, aliases=answers, canonical=canonical)
