"""Tables of any make: JSON, JSON lines, CSV, TSV, Parquet, folders of them, and data sets of the hub."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stepladder.core.errors import InputError
from stepladder.core.files import read_json

from ..rows import split_named
from .files import below, decode, json_lines, read_bytes

PATTERNS = ("*.json", "*.jsonl", "*.ndjson", "*.csv", "*.tsv", "*.parquet")
DELIMITERS = ",;\t|"
_LISTS = ("data", "questions", "rows", "examples", "records")  # what a JSON object may call its only list


@dataclass(frozen=True)
class Item:
    """A record as its file has it. split: of the file's name or the data set's, if it names one."""

    place: str
    content: Any
    split: str | None = None


def read(path: Path) -> Iterator[Item]:
    """The records of a file, or of all below a folder. Raises InputError where one cannot be read or has none."""
    files = below(path, *PATTERNS)
    for file in files:
        split = split_named(file.stem)
        for number, content in enumerate(_records(file)):
            yield Item(f"{file.name}#{number}", content, split)


def _records(file: Path) -> list[Any]:
    ending = file.suffix.lower()
    if ending in (".csv", ".tsv"):
        found = _delimited(file)
    elif ending in (".jsonl", ".ndjson"):
        found = [content for _, content in json_lines(file)]
    elif ending == ".parquet":
        found = _parquet(file)
    else:
        found = _json(file)
    if not found:
        raise InputError(f"{file} has no records: there is nothing to do")
    return found


def _json(file: Path) -> list[Any]:
    content = read_json(file)
    if isinstance(content, dict):
        lists = [content[name] for name in _LISTS if isinstance(content.get(name), list)]
        content = lists[0] if len(lists) == 1 else content
    if not isinstance(content, list):
        raise InputError(f"{file} holds {type(content).__name__}, a JSON list of questions was expected")
    return content


def _delimited(file: Path) -> list[Any]:
    """Rows as dicts by the header; a row of another length comes as the list of its cells."""
    text = decode(read_bytes(file))
    header = text.partition("\n")[0]
    delimiter = max(DELIMITERS, key=header.count) if file.suffix.lower() == ".csv" else "\t"
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    except csv.Error as error:
        raise InputError(f"{file} cannot be read as CSV: {error}") from error
    rows = [row for row in rows if any(cell.strip() for cell in row)]
    if len(rows) < 2:
        raise InputError(f"{file} has no rows below its header: there is nothing to do")
    names = [name.strip() for name in rows[0]]
    return [dict(zip(names, row, strict=True)) if len(row) == len(names) else row for row in rows[1:]]


def _parquet(file: Path) -> list[Any]:
    import pyarrow
    from pyarrow import parquet

    try:
        return parquet.read_table(file).to_pylist()
    except (pyarrow.ArrowException, OSError) as error:
        raise InputError(f"{file} cannot be read as Parquet: {error}") from error
