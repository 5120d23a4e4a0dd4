"""MMLU: CSV without a header (question, four options, letter), one file a subject and split.

Fields hold newlines, numbers and the word None, so nothing is guessed: csv gives strings. Exports with a header
(question, choice0..3 or A..D, answer as a letter or 0 to 3) are read too; rows whose quotes were not escaped fall
into another number of columns and are rejected.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ..hub import HubData
from ..rows import Rejection, Row, Rows, split_named
from .files import below, decode, read_bytes

HUB = HubData("cais/mmlu", ("all",), ("auxiliary_train", "dev", "validation", "test"), 115_700, 60)
COLUMNS = 6
_SHORT = {"train": "aux", "validation": "val", "dev": "dev", "test": "test"}


def from_files(path: Path) -> Rows:
    """Rows of a CSV file, or of all below a folder."""
    for file in below(path, "*.csv"):
        split = split_named(file.stem) or split_named(file.parent.name)
        subject = file.stem
        for ending in ("_dev", "_val", "_test", "_train", "_auxiliary_train"):
            subject = subject.removesuffix(ending)
        for number, fields in enumerate(_records(file)):
            yield _row(fields, subject, split, number)


def _records(file: Path) -> list[list[str] | str]:
    """The CSV records below the header, if there is one; what csv cannot read comes as a string."""
    reader = csv.reader(io.StringIO(decode(read_bytes(file)), newline=""))
    records: list[list[str] | str] = []
    while True:
        try:
            fields = next(reader)
        except StopIteration:
            break
        except csv.Error as error:
            records.append(f"line {reader.line_num}: {error}")
            continue
        if fields:
            records.append(fields)
    if records and records[0][0] == "question" and records[0][-1] == "answer":
        return records[1:]
    return records


def _row(fields: list[str] | str, subject: str, split: str | None, number: int) -> Row | Rejection:
    identity = f"mmlu/{subject}/{_SHORT.get(split or '', 'all')}/{number}"
    if isinstance(fields, str) or len(fields) != COLUMNS:
        return Rejection(identity, "mmlu", "broken row", fields)
    question, *options, answer = fields
    letter = answer.strip()
    if letter not in {*"ABCD", *"0123"} or len(letter) != 1:
        return Rejection(identity, "mmlu", "no key" if not letter else "broken row", fields)
    return Row(identity, "mmlu", question, options, "0123".find(letter) if letter.isdigit() else "ABCD".find(letter),
               subject, split)


def from_hub(rows: Iterable[tuple[str, dict[str, Any]]]) -> Rows:
    """Rows of the hub's table: subject, question, choices, answer 0 to 3. Numbered within subject and split."""
    numbers: Counter[tuple[str, str]] = Counter()
    for name, content in rows:
        split = split_named(name) or name
        subject = content.get("subject") or "auxiliary_train"
        identity = f"mmlu/{subject}/{_SHORT.get(split, split)}/{numbers[subject, split]}"
        numbers[subject, split] += 1
        choices, answer = content.get("choices"), content.get("answer")
        if not isinstance(choices, list) or not isinstance(answer, int) or not isinstance(content["question"], str):
            yield Rejection(identity, "mmlu", "broken row", content)
            continue
        yield Row(identity, "mmlu", content["question"], choices, answer, subject, split)
