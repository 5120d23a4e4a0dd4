"""Three wrong options for an open question: other questions' answers of the same kind that cannot be right too."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random

from stepladder.core.records import LETTERS, Record

from ..normalise import make_record
from ..rows import Rejection, Row, as_json, dice
from ..text import clean
from .answers import Answer, normalise, shown
from .kinds import Kind, kind_of
from .words import PARTS_OF, PERSON_KINDS, PLACES, REGIONS

WRONG = len(LETTERS) - 1
DRAWN = 100  # other answers looked at, the closest first
GENERATED = ("year", "count")
_SOURCE = {False: "other questions' answers", True: "numbers near by"}


@dataclass(slots=True)
class _Question:
    row: Row
    text: str
    plain: str
    answer: Answer
    kind: Kind


def convert(rows: Sequence[Row], max_chars: int) -> Iterator[Record | Rejection]:
    """Records of the open questions that get three distractors; the others are rejected with the reason."""
    questions: list[_Question] = []
    for row in rows:
        found = _understood(row, max_chars)
        if isinstance(found, Rejection):
            yield found
        else:
            questions.append(found)
    pool: dict[str, list[_Question]] = defaultdict(list)
    for question in questions:
        pool[question.kind.name].append(question)
    for same in pool.values():
        same.sort(key=lambda question: question.row.id)
    for question in questions:
        wrong = _wrong(question, pool[question.kind.name])
        if wrong is None:
            yield _rejected(question.row, "no plausible wrong options")
            continue
        options = [question.answer.text, *wrong]
        Random(dice("options", question.row.id)).shuffle(options)
        yield make_record(question.row, question.text, options, options.index(question.answer.text),
                          f"wrong options: {_SOURCE[question.kind.name in GENERATED]} of the kind {question.kind.name}")


def _rejected(row: Row, reason: str) -> Rejection:
    return Rejection(row.id, row.source, reason, as_json(row))


def _understood(row: Row, max_chars: int) -> _Question | Rejection:
    text = clean(row.question)
    if not text:
        return _rejected(row, "empty question")
    if len(text) > max_chars:
        return _rejected(row, "too long")
    answer = shown(row.aliases, row.canonical)
    if answer is None:
        return _rejected(row, "the answer is no short phrase")
    kind = kind_of(text, answer)
    if kind is None:
        return _rejected(row, "the kind of answer is not clear")
    question = _Question(row, text, normalise(text), Answer(answer, row.aliases), kind)
    if question.answer.is_named_in(question.plain):
        return _rejected(row, "the question names its answer")
    return question


def _wrong(question: _Question, pool: list[_Question]) -> list[str] | None:
    """Texts of three distractors, those of the most similar questions first; None where there are not enough."""
    rng = Random(dice("distractors", question.row.id))
    if question.kind.name in GENERATED:
        return _numbers(question, rng)
    others = rng.sample(pool, min(DRAWN, len(pool)))
    others.sort(key=lambda other: -_closeness(question, other))
    chosen: list[Answer] = []
    for other in others:
        if _fits(question, other) and not any(other.answer.may_be(answer) for answer in chosen):
            chosen.append(other.answer)
            if len(chosen) == WRONG:
                return [answer.text for answer in chosen]
    return None


def _closeness(question: _Question, other: _Question) -> float:
    """How near another question's answer is: shared narrowing words, same gender, as many words in the name."""
    shared = len(question.kind.closeness & other.kind.closeness)
    return 2 * shared + (question.kind.gender is not None and question.kind.gender == other.kind.gender) + (
        len(question.answer.words) == len(other.answer.words)) * 0.5


def _fits(question: _Question, other: _Question) -> bool:
    """Whether another answer is of the kind, and cannot be right as far as the data tells."""
    if question.answer.may_be(other.answer) or other.answer.is_named_in(question.plain):
        return False
    if question.kind.name in PERSON_KINDS and question.kind.gender != other.kind.gender:
        return False
    parts = {part for part in PARTS_OF if part in question.plain}
    if question.kind.name == "country" and parts and not parts <= other.kind.closeness:
        return False
    regions = question.kind.closeness & REGIONS
    if regions and question.kind.name in PLACES and not regions & other.kind.closeness:
        return False
    return not question.answer.is_named_in(other.plain)


def _numbers(question: _Question, rng: Random) -> list[str] | None:
    """Years and counts near the right one: the same number of digits, grouped alike, none twice."""
    text = question.answer.text
    value = int(text.replace(",", ""))
    if question.kind.name == "year":
        near = [value + step for step in range(-12, 13) if step and 1000 <= value + step <= 2026]
    elif value <= 20:
        near = [number for number in range(max(0, value - 4), value + 6) if number != value]
    else:
        step = 10 ** (len(str(value)) - 2) if value % 10 == 0 else 1
        near = [value + step * by for by in range(-9, 10) if by and value + step * by > 0]
    if len(near) < WRONG:
        return None
    return [f"{number:,}" if "," in text else str(number) for number in rng.sample(near, WRONG)]
