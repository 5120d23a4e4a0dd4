"""Whether the numbers of a reasoning lead to its answer: what it computes last, and where its operands come from."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from fractions import Fraction

from .expressions import MEASURES, MOST_DIGITS, NoValue, Side, plain, read, scanned
from .sums import Sum, converts
from .words import NUMBERS

_NEGATED = re.compile(r"\b(?:not|except|least|never|false|incorrect|wrong|cannot)\b|n't\b", re.IGNORECASE)
_COMMON = frozenset(map(Fraction, (
    0, 1, 2, 7, 10, 12, 24, 26, 28, 29, 30, 31, 52, 60, 90, 100, 180, 360, 365, 366, 1000)))
_NUMBER, _WORD = re.compile(r"\d+(?:,\d{2,3})*(?:\.\d+)?"), re.compile(r"[^\W\d_]+")
_ASIDE = re.compile(r"\b(?:check(?:s|ed|ing)?|verify|verifies|verification|as|since|because)\b", re.IGNORECASE)


def leads_astray(own: Sequence[str], sums: Sequence[Sum], question: str, choices: Mapping[str, str], letter: str
                 ) -> bool:
    """Whether the last step computes something else than the option that is called the answer.

    own: the steps. sums: the equations in them. Only said where the last step ends in an equation whose result is
    another option. Never said of options that are no numbers, of a question that asks what is not so, of a check or a
    reason ("as 9 x 2 = 18"), nor where the steps have the answer in another place.
    """
    if not own or _NEGATED.search(question):
        return False
    result = _last_result(plain(own[-1]), sums, question)
    if result is None:
        return False
    sides = {name: number_of(text) for name, text in choices.items()}
    answer = sides[letter]
    if None in sides.values() or _alike(result, answer) or answer.value in _numbers(plain(" ".join(own))):
        return False
    return any(result == side.value for side in sides.values())


def _last_result(sentence: str, sums: Sequence[Sum], question: str) -> Fraction | None:
    """The result that a sentence ends in; None where anything but a known unit stands behind it."""
    if not sums or sums[-1].text not in sentence:
        return None
    before, _, rest = sentence.rpartition(sums[-1].text)
    units = set(_words(_NUMBER.split(sums[-1].text)[-1])) - MEASURES.keys()
    over = units.issubset(_words(question)) and not _WORD.search(rest) and not _NUMBER.search(rest)
    return sums[-1].result if over and not _ASIDE.search(before.rpartition("=")[2]) else None


def number_of(text: str) -> Side | None:
    """An option that is a number, with a unit perhaps ("28 metres", "$4.50"); None for any other."""
    tokens = scanned(plain(text.strip().rstrip(".")))
    try:
        side = read(tokens, 0)
    except NoValue:
        return None
    return side if side.end == len(tokens) and side.lone else None


def _alike(result: Fraction, answer: Side) -> bool:
    """Whether a result is the answer: as it is, rounded, in another unit, as a percentage or without its sign."""
    value = answer.value
    if abs(result) == abs(value) or abs(result - value) < answer.unit or abs(result - value) <= abs(value) / 50:
        return True
    return converts(result, value)


def grounded(body: str, sums: Sequence[Sum], question: str, choices: Mapping[str, str]) -> float | None:
    """The share of operands that the question, an option or an earlier step has; None where nothing is computed.

    body: the reasoning that the sums are of. Numbers that everybody knows (60 minutes, 360 degrees) count as known.
    """
    known = _numbers(plain(" ".join([question, *choices.values()]))) | _COMMON
    body, at, hits, operands = plain(body), 0, 0, 0
    for one in sums:
        start = body.index(one.text, at)
        known |= _numbers(body[at:start])
        operands += len(one.operands)
        hits += sum(abs(number) in known for number in one.operands)
        known |= {*map(abs, one.operands), *(() if one.result is None else (abs(one.result),))}
        at = start
    return hits / operands if operands else None


def _numbers(text: str) -> set[Fraction]:
    """The numbers of a text, in digits or words, without signs."""
    digits = set()
    for found in _NUMBER.finditer(text):
        number = _value(found.group())
        if number is None:
            continue
        digits |= {number, number / 100} if text[found.end():found.end() + 2].lstrip().startswith("%") else {number}
    return digits | {Fraction(NUMBERS[word]) for word in _words(text) if word in NUMBERS}


def _words(text: str) -> list[str]:
    return _WORD.findall(text.lower())


def _value(number: str) -> Fraction | None:
    """What a number in digits is worth; None of more than MOST_DIGITS, which no step computes with."""
    short = sum(map(str.isdigit, number)) <= MOST_DIGITS
    return Fraction(number.replace(",", "")) if short else None
