"""How options and answers are written in somebody's table: lists, objects or one text; letters, numbers or words."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stepladder.core.errors import InputError

from ..text import clean

NAMES = "ABCDEFGHIJ"
FITS = 0.9  # of a table's numbered answers: then the others are slips
_LETTER = re.compile(r"\(?([A-Ja-j])[).:]?")
_LABEL = re.compile(r"(?:^|(?<=\s))\(?([A-J])[).:]\s+")
_TEXTS = ("text", "option", "content", "value", "choice", "answer")
_LABELS = ("label", "key", "letter", "id")


@dataclass(frozen=True)
class Options:
    """The options' texts in their order, and their labels, as far as they have some."""

    texts: list[str]
    labels: list[str]


def options_of(value: Any) -> Options | None:
    """Options out of a list, an object by letters, {"label": [...], "text": [...]}, or one text; None of others."""
    if isinstance(value, str):
        return _of_text(value)
    if isinstance(value, Mapping):
        return _of_object(value)
    if not isinstance(value, list | tuple) or len(value) < 2:
        return None
    if all(isinstance(one, Mapping) for one in value):
        texts = [next((one[name] for name in _TEXTS if name in one), None) for one in value]
        labels = [next((str(one[name]) for name in _LABELS if name in one), "") for one in value]
    else:
        texts, labels = list(value), []
    if not all(isinstance(text, str | int | float) and not isinstance(text, bool) for text in texts):
        return None
    return Options([clean(str(text)) for text in texts], labels if all(labels) else [])


def _of_object(value: Mapping[str, Any]) -> Options | None:
    texts, labels = value.get("text"), value.get("label")
    if isinstance(texts, list):
        found = options_of(texts)
        named = isinstance(labels, list) and len(labels) == len(texts)
        return found and Options(found.texts, [str(label) for label in labels] if named else [])
    given = {name: text for name, text in value.items() if text is not None}  # Parquet has every letter in every row
    found = options_of(list(given.values()))
    return found and Options(found.texts, list(given))


def _of_text(value: str) -> Options | None:
    """Options in one cell: a list as JSON or Python writes it, "A) ... B) ...", or parted by lines, | or ;."""
    text = value.strip()
    if text[:1] in "[{":
        for read in (json.loads, ast.literal_eval):
            try:
                return options_of(read(text))
            except (ValueError, SyntaxError, RecursionError, MemoryError):
                continue
    marks = list(_LABEL.finditer(text))
    if len(marks) > 1 and marks[0].start() == 0 and "".join(mark[1] for mark in marks) == NAMES[:len(marks)]:
        ends = [*(mark.start() for mark in marks[1:]), len(text)]
        return Options([clean(text[mark.end():end].strip(" ;|,")) for mark, end in zip(marks, ends, strict=True)], [])
    for separator in ("\n", "|", ";"):
        parts = [clean(part) for part in text.split(separator) if part.strip()]
        if len(parts) > 1:
            return Options(parts, [])
    return None


# -- the answer -------------------------------------------------------------------------------------------------------

def named(answer: Any, options: Options) -> int | None:
    """The index of an option that is named by its letter, its label or its text; None where none or two are."""
    if not isinstance(answer, str):
        return None
    said = clean(answer)
    found = {place for place, text in enumerate(options.texts) if text == said}
    found |= {place for place, label in enumerate(options.labels) if label.lower() == said.lower()}
    letter = _LETTER.fullmatch(said)
    if letter is not None and not options.labels and NAMES.index(letter[1].upper()) < len(options.texts):
        found.add(NAMES.index(letter[1].upper()))
    if not found:
        lettered = {f"{name}{mark} {text}".lower(): place for place, (name, text) in
                    enumerate(zip(NAMES, options.texts, strict=False)) for mark in (")", ".", ":")}
        alike = [place for place, text in enumerate(options.texts) if text.lower() == said.lower()]
        found = {lettered[said.lower()]} if said.lower() in lettered else set(alike)
    return found.pop() if len(found) == 1 else None


def number_of(answer: Any) -> int | None:
    """An answer that is a number, as a number or in digits."""
    if isinstance(answer, bool) or not isinstance(answer, int | float | str):
        return None
    text = str(answer).strip().removesuffix(".0")
    return int(text) if text.isdecimal() and len(text) < 3 else None


def first_number(answers: Sequence[tuple[int, int]], where: str) -> int:
    """The number of the first option, 0 or 1, from all (number, options) of a table. Raises InputError if unclear."""
    fits = [sum(first <= number < first + count for number, count in answers) / len(answers) for first in (0, 1)]
    zero, one = (any(number == 0 for number, _ in answers), any(number == count for number, count in answers))
    if zero != one and max(fits) >= FITS:
        return int(one)
    if max(fits) >= FITS and fits[0] != fits[1]:
        return int(fits[1] > fits[0])
    raise InputError(f"{where}: its answers are numbers, and do not tell whether the first option is 0 or 1; say it "
                     "with --map first=0 or first=1")
