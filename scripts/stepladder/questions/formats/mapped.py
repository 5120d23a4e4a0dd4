"""Questions that people bring, in columns of their own: by what --map says, and guessed where it says nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from stepladder.core.progress import say

from ..rows import Rejection, Row, Rows, dice, split_named
from . import own, tables
from .answers import NAMES, Options, first_number, named, number_of, options_of
from .columns import Columns, cell, find, told_for
from .tables import Item

LOOKED_AT = 20  # records whose columns are looked at
_OWN = ("question", ("choices",), "answer")


def read_file(path: Path, source: str, told: Mapping[str, str]) -> Rows:
    """Rows of a file or folder. Raises InputError as `tables.read`, `columns.find` and `answers.first_number`."""
    return from_items(list(tables.read(path)), source, told, str(path))


def from_items(items: Sequence[Item], source: str, told: Mapping[str, str], where: str) -> Rows:
    """Rows of records: this project's own as they are, others by their columns. where: for messages."""
    contents = [item.content for item in items]
    told = told_for(source, told)
    ours = sum(map(_ours, contents))
    if not told and (ours or not any(isinstance(content, Mapping) for content in contents)):
        return own.from_records(contents, source, Path(where).name)
    columns = find(islice((one for one in contents if isinstance(one, Mapping)), LOOKED_AT), told, where)
    read = [_Read(item, columns) for item in items]
    first = columns.first
    numbered = [(one.number, len(one.options.texts)) for one in read if one.options and one.number is not None]
    if numbered and first is None:
        first = first_number(numbered, where)
    say(f"00: {source}: {columns}{_as_said(read, first)} ({where})")
    rows = [one.row(source, first) for one in read]
    if not told and not any(isinstance(row, Row) for row in rows) and (
            columns.question, columns.choices, columns.answer) == _OWN:
        return own.from_records(contents, source, Path(where).name)  # its own reasons say more
    return iter(rows)


def _ours(content: Any) -> bool:
    """Whether a record is this project's own: options by letter, or an open question with its aliases."""
    return isinstance(content, Mapping) and isinstance(content.get("question"), str) and (
        own.is_open(dict(content)) or (isinstance(content.get("choices"), Mapping) and set(content["choices"]) == set(
            "ABCD") and content.get("answer") in tuple("ABCD")))


class _Read:
    """A record with what its columns hold. key: where it names an option; number: where its answer is one."""

    def __init__(self, item: Item, columns: Columns) -> None:
        self.item, self.columns = item, columns
        self.options: Options | None = None
        self.key: int | None = None
        self.number: int | None = None
        if isinstance(item.content, Mapping):
            self.answer = cell(item.content, columns.answer)
            self.options = self._options(item.content)
            if self.options is not None:
                self.key = 0 if columns.wrong else named(self.answer, self.options)
                self.number = number_of(self.answer) if self.key is None else None

    def _options(self, content: Mapping[str, Any]) -> Options | None:
        cells = [cell(content, name) for name in self.columns.choices]
        if self.columns.wrong:
            cells = [self.answer, *(cells[0] if len(cells) == 1 and isinstance(cells[0], list) else cells)]
        elif len(cells) == 1:
            return options_of(cells[0])
        filled = [one for one in cells if one is not None and str(one).strip()]
        return options_of(filled) if filled == cells[:len(filled)] else None  # a hole would move the letters

    def row(self, source: str, first: int | None) -> Row | Rejection:
        content, place = self.item.content, f"{source}/{self.item.place}"
        if not isinstance(content, Mapping):
            return Rejection(place, source, "broken row", content)
        question = cell(content, self.columns.question)
        if not isinstance(question, str) or not question.strip():
            return Rejection(place, source, "no question", content)
        if self.options is None:
            return Rejection(place, source, "no options", content)
        if self.answer is None or not str(self.answer).strip():
            return Rejection(place, source, "no key", content)
        key = self.key if self.number is None or first is None else self.number - first
        if key is None or not 0 <= key < len(self.options.texts):
            return Rejection(place, source, "the key is none of the options", content)
        split = cell(content, self.columns.split)
        return Row(self._id(source, question), source, question, self.options.texts, key,
                   subject=_text(cell(content, self.columns.subject)),
                   split=split_named(split) if isinstance(split, str) else self.item.split)

    def _id(self, source: str, question: str) -> str:
        """The record's own id, or one made of what it asks: the same wherever it stands."""
        identity = cell(self.item.content, self.columns.id)
        if isinstance(identity, str | int) and str(identity).strip():
            return f"{source}/{str(identity).strip()}"
        assert self.options is not None
        return f"{source}/{dice(question, *self.options.texts):016x}"


def _text(value: Any) -> str | None:
    return str(value).strip() or None if isinstance(value, str | int) else None


def _as_said(read: Sequence[_Read], first: int | None) -> str:
    """How answers and options are written, for people."""
    sizes = Counter(len(one.options.texts) for one in read if one.options)
    told = ", ".join(f"{count} with {size} options" for size, count in sorted(sizes.items()))
    numbers = sum(one.number is not None for one in read)
    how = f"; {numbers} answers are numbers, {NAMES[0]} is {first}" if numbers else ""
    return f"{how}; {told}" if told else how
