"""Which column of somebody's table is the question, which are the options, which the answer: told, or by its name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stepladder.core.errors import InputError

FIELDS = ("question", "choices", "answer", "id", "subject", "split", "first")
_USUAL = {
    "question": ("question", "questiontext", "questionstem", "stem", "prompt", "query", "problem", "sentence", "text",
                 "input"),
    "choices": ("choices", "options", "opts", "alternatives", "endings", "candidates", "answers", "answeroptions"),
    "answer": ("answer", "answerkey", "correctanswer", "correctoption", "correctchoice", "correct", "label", "key",
               "gold", "target", "answeridx", "answerindex", "correctindex", "cop", "solution"),
    "id": ("id", "questionid", "qid", "uid"),
    "subject": ("subject", "subjectname", "category", "topic"),
    "split": ("split",)}
_ONE_OPTION = re.compile(r"(|option|opt|op|choice|answer|alternative|ending|ans)([a-j]|[0-9]|10)")
_ONE_WRONG = re.compile(r"(?:distractor|incorrect|wrong)(?:answer|option|choice)?([a-j]|[0-9]|10)")
_ALL_WRONG = ("distractors", "incorrectanswers", "wronganswers", "incorrect", "incorrectoptions")


@dataclass(frozen=True)
class Columns:
    """Where a table has what. Names with a point reach into an object ("question.stem").

    choices: one column with all options, or one an option. wrong: they are the wrong ones, and `answer` is the right
    one's text. first: the number of the first option, where answers are numbers and were told (0 or 1).
    """

    question: str
    choices: tuple[str, ...]
    answer: str
    wrong: bool = False
    id: str | None = None
    subject: str | None = None
    split: str | None = None
    first: int | None = None

    def __str__(self) -> str:
        told = {"question": self.question, "wrong options" if self.wrong else "choices": "+".join(self.choices),
                "answer": self.answer, "id": self.id, "subject": self.subject, "split": self.split}
        return ", ".join(f"{field} = {name}" for field, name in told.items() if name)


def told_for(source: str, told: Mapping[str, str]) -> dict[str, str]:
    """What --map says for a source: FIELD=COLUMN for all, SOURCE.FIELD=COLUMN for one. Raises InputError."""
    for name in told:
        if name.rpartition(".")[2] not in FIELDS:
            raise InputError(f"--map {name}=...: no such field; there are {', '.join(FIELDS)}")
    return {field: told[name] for field in FIELDS for name in (field, f"{source}.{field}") if name in told}


def find(records: Iterable[Any], told: Mapping[str, str], where: str) -> Columns:
    """The columns of these records, from the first ones' names. told: by `told_for`. Raises InputError."""
    names = _names(records)
    found: dict[str, Any] = {field: _told(field, told, names, where) or _usual(field, names)
                             for field in ("question", "answer", "id", "subject", "split")}
    choices, wrong = _choices(told, names, where)
    missing = [field for field, value in (("question", found["question"]), ("choices", choices),
                                          ("answer", found["answer"])) if not value]
    if missing:
        fields = ",".join(f"{field}=COLUMN" for field in missing)
        raise InputError(f"{where}: which column is the {' and which are the '.join(missing)}? It has "
                         f"{', '.join(names) or 'no columns'}; say it with --map {fields}")
    first = told.get("first")
    if first not in (None, "0", "1"):
        raise InputError(f"--map first={first}: 0 or 1, the number that answers give the first option")
    return Columns(**found, choices=choices, wrong=wrong, first=None if first is None else int(first))


def cell(record: Mapping[str, Any], name: str | None) -> Any:
    """What a record has under a name, None where it has nothing."""
    if name is None:
        return None
    if name in record:
        return record[name]
    head, point, rest = name.partition(".")
    inner = record.get(head)
    return cell(inner, rest) if point and isinstance(inner, Mapping) else None


def _names(records: Iterable[Any]) -> list[str]:
    """Columns in the order of the first records; those of an inner object behind it."""
    names: dict[str, None] = {}
    for record in records:
        for name, value in record.items() if isinstance(record, Mapping) else ():
            if isinstance(value, Mapping) and _plain(name) not in _USUAL["choices"]:
                names |= dict.fromkeys(f"{name}.{inner}" for inner in value)
            else:
                names[name] = None
    return list(names)


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", str(name).rpartition(".")[2].lower())


def _told(field: str, told: Mapping[str, str], names: Sequence[str], where: str) -> str | None:
    name = told.get(field)
    if name is not None and name not in names:
        raise InputError(f"{where} has no column {name!r} for the {field}; there are {', '.join(names)}")
    return name


def _usual(field: str, names: Sequence[str]) -> str | None:
    """The column with the likeliest name of a field."""
    plain = {_plain(name): name for name in reversed(names)}
    return next((plain[usual] for usual in _USUAL[field] if usual in plain), None)


def _choices(told: Mapping[str, str], names: Sequence[str], where: str) -> tuple[tuple[str, ...], bool]:
    if "choices" in told:
        columns = tuple(told["choices"].split("+"))
        for name in columns:
            _told("choices", {"choices": name}, names, where)
        return columns, False
    if (one := _usual("choices", names)) is not None:
        return (one,), False
    groups: dict[str, list[str]] = {}
    for name in names:
        if (match := _ONE_OPTION.fullmatch(_plain(name))) is not None:
            groups.setdefault(match[1], []).append(name)
    options = max(groups.values(), key=len, default=[])
    if len(options) > 1:
        return tuple(sorted(options, key=lambda name: _ONE_OPTION.fullmatch(_plain(name))[2].zfill(2))), False
    wrong = [name for name in names if _ONE_WRONG.fullmatch(_plain(name)) or _plain(name) in _ALL_WRONG]
    return tuple(wrong), bool(wrong)
