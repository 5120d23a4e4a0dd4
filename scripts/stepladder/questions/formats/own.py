"""This project's own format: a JSON list of question records. The shipped sample and puzzles come this way too."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from stepladder.core import records
from stepladder.core.errors import InputError
from stepladder.core.files import read_json
from stepladder.core.records import LETTERS

from ..rows import Rejection, Row, Rows, dice, split_named

_PLAIN = {"id", "question", "choices", "answer", "source", "subject", "split", "note", "aliases", "answer_is_canonical"}


def read_file(path: Path, source: str) -> Rows:
    """Records of a JSON list. Raises InputError when the file is no JSON list, or an empty one."""
    content = read_json(path)
    if not isinstance(content, list):
        raise InputError(f"{path} holds {type(content).__name__}, a JSON list of questions was expected")
    if not content:
        raise InputError(f"{path} is an empty list: there is nothing to do")
    return from_records(content, source, path.name)


def from_records(content: Iterable[Any], source: str, where: str) -> Rows:
    """Rows of records; what is no record at all is rejected with its place in the list.

    A record keeps the source it names, in small letters; `source` is for those that name none. One without an id
    gets one made of what it asks.
    """
    for index, record in enumerate(content):
        place = f"{where}#{index}"
        if not isinstance(record, dict):
            yield Rejection(place, source, "not an object", record)
            continue
        name = record["source"].strip().lower() if isinstance(record.get("source"), str) else ""
        name = name or source
        given = record.get("id")
        identity = given if isinstance(given, str) and given.strip() else f"{name}/{given}"
        if given is None:
            identity = f"{name}/{dice(record.get('question'), record.get('choices'), record.get('aliases')):016x}"
        reason = _fault(record, identity)
        if reason is not None:
            yield Rejection(place if given is None else identity, name, reason, record)
            continue
        yield _row(record, identity, name)


def _fault(record: dict[str, Any], identity: str) -> str | None:
    if not isinstance(record.get("id"), str | int | None):
        return "no id"
    if is_open(record):
        return None if isinstance(record.get("question"), str) else "no question"
    problem = records.problem(record | {"id": identity})
    return None if problem == "equal choices" else problem  # told apart later: the key's text twice, or another's


def is_open(record: dict[str, Any]) -> bool:
    """Whether it is an open question with its accepted answers instead of options."""
    aliases = record.get("aliases")
    return "choices" not in record and isinstance(aliases, list) and all(isinstance(alias, str) for alias in aliases)


def _row(record: dict[str, Any], identity: str, source: str) -> Row:
    subject, split, note = (record.get(name) if isinstance(record.get(name), str) else None
                            for name in ("subject", "split", "note"))
    row = Row(identity, source, record["question"], subject=subject, split=split_named(split) if split else None,
              note=note, extra={name: value for name, value in record.items() if name not in _PLAIN})
    if is_open(record):
        row.aliases, row.canonical = record["aliases"], record.get("answer_is_canonical") is True
        if row.canonical and isinstance(record.get("answer"), str):
            row.aliases = [record["answer"], *(alias for alias in row.aliases if alias != record["answer"])]
    else:
        row.options = [record["choices"][letter] for letter in LETTERS]
        row.key = LETTERS.index(record["answer"])
    return row
