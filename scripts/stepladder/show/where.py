"""Filters such as `difficulty>7 and cot.status=verified`: parsed, never evaluated as Python."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from typing import Any

from stepladder.core.errors import InputError

Predicate = Callable[[dict[str, Any]], bool]

_TERM = re.compile(r"^\s*([\w.]+)\s*(==|=|!=|>=|<=|>|<|!~|~)\s*(.*?)\s*$", re.DOTALL)
_ORDER = {">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le}


def field(record: Any, path: str) -> Any:
    """A dotted field such as cot.status; None where it is missing."""
    for part in path.split("."):
        if not isinstance(record, dict) or part not in record:
            return None
        record = record[part]
    return record


def parse(text: str) -> Predicate:
    """Make a predicate of terms joined by `and`.

    A term is FIELD OP VALUE with = != > >= < <= and ~ (contains, ignoring case), !~ (does not). A missing field is
    null and passes only `=null` and `!=`. Raises InputError naming the term that cannot be read.
    """
    terms = [_term(part) for part in re.split(r"\s+and\s+", text.strip())]
    return lambda record: all(term(record) for term in terms)


def _term(text: str) -> Predicate:
    match = _TERM.match(text)
    if not match:
        raise InputError(f"--where: cannot read {text!r}; write FIELD OP VALUE, such as 'difficulty>7'")
    path, op, raw = match.groups()
    value = _value(raw)
    if op in ("=", "=="):
        return lambda record: field(record, path) == value
    if op == "!=":
        return lambda record: field(record, path) != value
    if op in ("~", "!~"):
        needle = str(raw).strip("'\"").casefold()
        return lambda record: (needle in str(field(record, path) or "").casefold()) == (op == "~")
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise InputError(f"--where: {text!r} compares by size, which needs a number")
    return lambda record: _compare(field(record, path), value, _ORDER[op])


def _compare(found: Any, value: float, compare: Callable[[Any, Any], bool]) -> bool:
    if isinstance(found, (str, list, dict)):
        found = len(found)  # question>500: by length
    return found is not None and not isinstance(found, bool) and compare(found, value)


def _value(raw: str) -> Any:
    words: dict[str, Any] = {"null": None, "none": None, "true": True, "false": False}
    if raw.lower() in words:
        return words[raw.lower()]
    try:
        return float(raw) if re.search(r"[.eE]", raw) else int(raw)
    except ValueError:
        return raw.strip("'\"")
