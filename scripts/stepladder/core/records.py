"""Question records: what a valid one is, and reading files of them.

Records are plain dicts (docs/data-format.md), so that they are what one sees in the JSON.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from .errors import InputError
from .files import read_json

LETTERS = ("A", "B", "C", "D")
Record = dict[str, Any]
REASONS_TOLD = 3  # where nothing is left, of the reasons why records were rejected
ROW_TOLD = 100  # characters of a rejected record


def problem(record: Any) -> str | None:
    """Why this is not a valid question record, or None."""
    if not isinstance(record, dict):
        return "not an object"
    for key in ("id", "question"):
        if not isinstance(record.get(key), str) or not record[key].strip():
            return f"no {key}"
    choices = record.get("choices")
    if not isinstance(choices, dict) or tuple(sorted(choices)) != LETTERS:
        return "not four choices A-D"
    if not all(isinstance(text, str) and text.strip() for text in choices.values()):
        return "empty choice"
    if record.get("answer") not in LETTERS:
        return "answer is not A, B, C or D"
    if len({text.strip() for text in choices.values()}) < len(LETTERS):
        return "equal choices"
    return None


def read_questions(path: Path, limit: int | None = None) -> tuple[list[Record], list[Record]]:
    """(valid records, rejected as {"record", "reason", "index"}) of a question file.

    Raises InputError when the file is not a JSON list of objects, or is an empty one.
    """
    content = read_json(path)
    if not isinstance(content, list):
        raise InputError(f"{path} holds {_kind(content)}, a list of questions was expected")
    if not content:
        raise InputError(f"{path} is an empty list: there is nothing to do")
    return split_valid(content[:limit])


def split_valid(content: Iterable[Any]) -> tuple[list[Record], list[Record]]:
    """Tell valid records from malformed ones and repeated ids."""
    valid: list[Record] = []
    rejected: list[Record] = []
    seen: set[str] = set()
    for index, record in enumerate(content):
        reason = problem(record)
        if reason is None and record["id"] in seen:
            reason = "repeated id"
        if reason is None:
            seen.add(record["id"])
            valid.append(record)
        else:
            rejected.append({"index": index, "reason": reason, "record": record})
    return valid, rejected


def with_reasons(what: str, rejected: Sequence[Mapping[str, Any]]) -> str:
    """What went wrong, and the commonest reasons of rejections with the first record of each, in one line.

    rejected: entries of a rejected file ({"reason", "record"} and "id" or "index").
    """
    if not rejected:
        return what
    first: dict[str, Mapping[str, Any]] = {}
    for entry in rejected:
        first.setdefault(entry["reason"], entry)
    reasons = Counter(entry["reason"] for entry in rejected).most_common(REASONS_TOLD)
    told = "; ".join(f"{count} {reason}, the first is {_shown(first[reason])}" for reason, count in reasons)
    return f"{what}; rejected: {len(rejected)}, of them {told}"


def _shown(entry: Mapping[str, Any]) -> str:
    place = entry.get("id") or f"index {entry['index']}"
    text = " ".join(str(entry["record"]).split())
    return f"{place}: {text[:ROW_TOLD]}{'...' if len(text) > ROW_TOLD else ''}"


def _kind(value: Any) -> str:
    return {dict: "an object", str: "a string", type(None): "null"}.get(type(value), type(value).__name__)
