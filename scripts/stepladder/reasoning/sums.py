"""Arithmetic that a text states, and whether it holds: "7 x 8 = 54" does not.

    [one.text for one in stated("7 x 8 = 54 pens, so 54 - 4 = 50.") if not one.holds]    # ["7 x 8 = 54"]

Precision comes before recall. Called false is only what is read for certain, on both sides, with clean words around
it; what rounds, wraps (clocks, weekdays, alphabets), converts units, supposes, denies, asks, quotes the question or is
taken back in the next sentence is left alone.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

from .expressions import (
    CURRENCIES,
    HARD,
    MEASURES,
    MOST_TOKENS,
    NUMBER,
    PLAIN,
    SOFT,
    WORD,
    NoValue,
    Reading,
    Side,
    Token,
    plain,
    read,
    scanned,
)
from .words import WRAPPING, listed


@dataclass(frozen=True)
class Sum:
    """One equation, as `plain` writes it, and whether it holds.

    operands: the numbers that it computes with; none where it takes a number apart ("17 = 7 x 2 + 3"). result: its
    right side, where that is one number.
    """

    text: str
    holds: bool
    operands: tuple[Fraction, ...] = ()
    result: Fraction | None = None


def stated(text: str, question: str = "", options: Iterable[str] = ()) -> list[Sum]:
    """The equations of a text that can be judged, in order; "a = b = c" are two.

    question, options: what the text is about. Equations that stand there are not the text's own, and where the question
    changes what signs mean none is judged.
    """
    if not _STATES.search(text):
        return []
    text = plain(text)
    tokens = _with_is(scanned(text))
    about = _About(text, question, tuple(options))
    found: list[Sum] = []
    for one in _equations(tokens):
        if one.holds or not about.excuses(tokens, one):
            left, right = one.left.side, one.right.side
            operands = () if left.lone else left.numbers if right.lone else left.numbers + right.numbers
            found.append(Sum(text[one.left.start:one.right.stop], one.holds, operands,
                             right.value if right.lone else None))
    return found


@dataclass(frozen=True)
class _Equation:
    """Two sides of an equality sign in the clause tokens[first:last], both read for certain."""

    first: int
    last: int
    left: _Part
    right: _Part
    holds: bool


def _equations(tokens: Sequence[Token]) -> Iterator[_Equation]:
    for first, last in _clauses(tokens):
        for left, right in itertools.pairwise(_parts(tokens, first, last)):
            holds = _holds(left, right)
            if holds is not None:
                yield _Equation(first, last, left, right, holds)


_STATES = re.compile(r"[=＝]|\bequal|\d.{0,24}?\b(?:is|are)\s[$€£]?-?\d")
_EQUALITY = "="
_JOINING, _CLAUSE = frozenset(("and", "so", "then", "but")), 30
_BEGINS = CURRENCIES | {NUMBER, "(", "-"}


def _with_is(tokens: list[Token]) -> list[Token]:
    """The tokens, "is" made "=" behind an operation: "12 - 3 is 9", "20% of 80 is 16"."""
    made = list(tokens)
    for at in range(3, len(tokens) - 1):
        if tokens[at].kind == "is" and tokens[at + 1].kind in _BEGINS and any(
                tokens[at - back].kind in ("+", "-", "*", "/", "of") for back in (2, 3)):
            made[at] = tokens[at]._replace(kind=_EQUALITY)
    return made


def _clauses(tokens: Sequence[Token]) -> Iterator[tuple[int, int]]:
    """[first, last) of every stretch between commas, colons and ends of sentences that holds an equality sign.

    So does "and" divide, where there is one before it and one behind.
    """
    first, states = 0, False
    for at, token in enumerate([*tokens, Token(HARD, "", 0, 0)]):
        if token.kind in (SOFT, HARD) or (states and token.text in _JOINING and _states_more(tokens, at)):
            if states:
                yield first, at
            first, states = at + 1, False
        states = states or token.kind == _EQUALITY


def _states_more(tokens: Sequence[Token], at: int) -> bool:
    kinds = (token.kind for token in tokens[at + 1:at + 1 + _CLAUSE])
    return any(kind == _EQUALITY for kind in itertools.takewhile(lambda kind: kind not in (SOFT, HARD), kinds))


# -- the sides --------------------------------------------------------------------------------------------------------

@dataclass
class _Part:
    """What stands on one side of an equality sign: its expression at tokens[at], or None.

    start, stop: of the expression in the text. labelled: a number that belongs to the word before it ("Step 2 = ...").
    """

    tokens: Sequence[Token]
    at: int = 0
    side: Side | None = None
    labelled: bool = False

    @property
    def start(self) -> int:
        return self.tokens[self.at].start

    @property
    def stop(self) -> int:
        return self.tokens[self.side.end - 1].end

    def reread(self, reading: Reading) -> Side | None:
        """The same expression read in another way; None where that gives none."""
        try:
            side = read(self.tokens, self.at, reading)
        except NoValue:
            return None
        return side if side.end == self.side.end else None


def _parts(tokens: Sequence[Token], first: int, last: int) -> list[_Part]:
    """The sides of a clause: of the first its end counts, of the last its beginning, between them all of it."""
    cuts = [first - 1, *(at for at in range(first, last) if tokens[at].kind == _EQUALITY), last]
    parts = [_Part(tokens[one + 1:two]) for one, two in itertools.pairwise(cuts)]
    _read_end(parts[0])
    for part in parts[1:]:
        _read_beginning(part)
    for part in parts[1:-1]:
        if part.side is not None and part.side.end != len(part.tokens):
            part.side = None
    for cut, part in zip(cuts[1:-1], parts[1:], strict=True):
        if part.side is not None and tokens[cut].text.lower() in ("is", "are") and not _is_only_a_result(part):
            part.side = None
    behind = tokens[last] if last < len(tokens) else None
    if parts[-1].side is not None and not _ends_cleanly(parts[-1], behind):
        parts[-1].side = None
    return parts


def _read_end(part: _Part) -> None:
    """The longest expression at the end of a side, if what stands before it is no part of it."""
    part.tokens = part.tokens[-MOST_TOKENS:]
    for at, token in enumerate(part.tokens):
        if token.kind not in _BEGINS or (token.kind == "-" and not _is_sign(part.tokens, at)):
            continue
        try:
            side = read(part.tokens, at)
        except NoValue:
            continue
        if side.end == len(part.tokens):
            before = part.tokens[at - 1] if at else None
            if before is None or before.kind == "is" or (
                    before.kind == WORD and before.text.lower() not in _OPERATING
                    and not (before.text.lower() in _LINKS and _number_before(part.tokens, at))):
                part.at, part.side = at, side
                part.labelled = before is not None and before.kind == WORD and before.text.lower() not in _LEADING
            return


def _is_sign(tokens: Sequence[Token], at: int) -> bool:
    """Whether a dash at the beginning of an expression belongs to its number: "-3 + 5", "it is -3 + 5"."""
    if at == 0:
        return True
    before = tokens[at - 1]
    return before.kind in (WORD, "is") and before.end < tokens[at].start and at + 1 < len(tokens) and (
        tokens[at].end == tokens[at + 1].start)


def _number_before(tokens: Sequence[Token], at: int) -> bool:
    return any(token.kind == NUMBER for token in tokens[max(0, at - 4):at])


def _read_beginning(part: _Part) -> None:
    if part.tokens and part.tokens[0].kind in _BEGINS:
        try:
            part.side = read(part.tokens, 0)
        except NoValue:
            part.side = None


def _is_only_a_result(part: _Part) -> bool:
    """Whether what "is" says has a measure at most behind its number: not "2 dimensional", "1 of the games"."""
    words = [token.text.lower() for token in part.tokens[:part.side.end] if token.kind == WORD]
    following = part.tokens[part.side.end:part.side.end + 1]
    return all(word in MEASURES for word in words) and not (following and following[0].kind == "of")


def _ends_cleanly(part: _Part, behind: Token | None) -> bool:
    """Whether a right side's number ends where it seems to: not "3 remainder 1", "3 1/2", "5 x", "3!", "12..."."""
    rest = part.tokens[part.side.end:]
    if not rest:
        return behind is None or not behind.text.startswith(("..", "…", "!"))
    word, following = rest[0].text.lower(), rest[1] if len(rest) > 1 else None
    if rest[0].kind == WORD:
        if word == "or":
            return False
        if word in _LINKS:
            return following is None or (following.kind not in _BEGINS and following.text.lower() not in _ODD_BEHIND)
        if word in _COMPARING:
            return following is None or following.text.lower() != "than"
        return word not in _ODD_BEHIND
    return rest[0].kind in ("is", "of", ")") or (rest[0].kind == "(" and rest[0].start > part.stop)


_OPERATING, _LINKS, _LEADING = listed("operating"), listed("linking"), listed("leading")
_COMPARING, _ODD_BEHIND = listed("comparing"), listed("odd_behind")


# -- whether it holds -------------------------------------------------------------------------------------------------

_PER_CENT, _POINTED, _FINE = re.compile("%"), re.compile(r"(?<![\d.])[1-9]\d{0,2}\.\d{3}(?!\d)"), re.compile(r"\.\d\d")
_CONVERSIONS = frozenset(Fraction(one) for one in (
    100, 1000, 10**4, 10**6, 10**9, 60, 3600, 24, 1440, 7, 12, 52, 30, 365, 16, 36, 1760, 5280, 1024))

_SIZE = 20


def _holds(left: _Part, right: _Part) -> bool | None:
    """Whether both sides are worth the same; None where that cannot be said for certain."""
    one, two = left.side, right.side
    if one is None or two is None:
        return None
    if _equal(one, two):
        return True
    if (one.lone and two.lone) or (one.lone and left.labelled):
        return None  # "1 pack = 3 pens", "Step 2 = 5 + 4"
    units = one.units | two.units
    if len(units) > 1 or (units and (not two.lone or one.lone) and one.units != two.units):
        return None  # "3 hours = 3 x 60"
    if one.units != two.units and (converts(one.value, two.value) or not _near(one.value, two.value)):
        return None  # "8 x 15 = 2 hours", "2,048 tokens x 84 = 12.1 GB"
    if _are_clocks(left, right):
        return None  # "9.30 + 0.45 = 10.15"
    return any(_equal(*sides) for sides in _other_readings(left, right)) or _rounds(left, right)


def converts(one: Fraction, two: Fraction) -> bool:
    """Whether two numbers could be the same quantity in two units: 120 and 2, 1.5 and 150."""
    return bool(one and two and {one / two, two / one} & _CONVERSIONS)


def _near(one: Fraction, two: Fraction) -> bool:
    """Whether two numbers are of one size, so that a slip may lie between them."""
    return abs(one) <= _SIZE * abs(two) and abs(two) <= _SIZE * abs(one)


def _equal(one: Side, two: Side) -> bool:
    """Equal, or rounded to what is written, or "2 + 3 = 5 x 4": a running calculation."""
    if one.value == two.value or (not two.lone and two.numbers[0] == one.value):
        return True
    target, exact = (two, one.value) if two.lone else (one, two.value)
    off = abs(exact - target.value)
    if not target.lone:
        return (one.value.denominator > 1 or two.value.denominator > 1) and off <= abs(exact) / 100
    if exact % target.unit == 0:
        return False
    return off < target.unit or (off <= target.coarse / 2 and off <= abs(exact) / 20)


def _other_readings(left: _Part, right: _Part) -> Iterator[tuple[Side, Side]]:
    """Both sides, read in every other way that their signs allow."""
    text = " ".join(token.text for token in (*left.tokens, *right.tokens))
    percents = (PLAIN.percent, Fraction(1)) if _PER_CENT.search(text) else (PLAIN.percent,)
    points = (True, False) if _POINTED.search(text) else (True,)
    signs = (True, False) if left.tokens[left.at].kind == "-" else (True,)
    for percent, point, minus in itertools.product(percents, points, signs):
        one, two = left.reread(Reading(percent, point, minus)), right.reread(Reading(percent, point))
        if one is not None and two is not None:
            yield one, two


def _are_clocks(left: _Part, right: _Part) -> bool:
    """Whether both sides are the same time of day, or of half a day, where a point divides hours from minutes."""
    if not left.side.units | right.side.units <= {MEASURES["hour"]}:
        return False
    one, two = left.reread(Reading(clock=True)), right.reread(Reading(clock=True))
    return one is not None and two is not None and one.value != left.side.value and (one.value - two.value) % 12 == 0


def _rounds(left: _Part, right: _Part) -> bool:
    """Whether numbers that look rounded ("0.33 x 300") are as far off as both sides differ."""
    part, other = (right, left) if left.side.lone else (left, right)
    tokens = part.tokens[part.at:part.side.end]
    if not any(token.kind == NUMBER and _FINE.search(token.text) for token in tokens) or not any(
            token.kind in ("*", "/", "^", "of") for token in tokens):
        return False
    shifted = [part.reread(Reading(shift=shift)) for shift in (1, -1)]
    spread = max((abs(one.value - part.side.value) for one in shifted if one is not None), default=Fraction(0))
    return abs(part.side.value - other.side.value) <= spread + other.side.unit / 2


# -- what is not meant to hold ----------------------------------------------------------------------------------------

_DOUBTING, _SUPPOSING, _TAKING_BACK = listed("doubting"), listed("supposing"), listed("taking_back")
_UNSIGNED = listed("unsigned")
_SENTENCE, _LOOKS_AHEAD, _INTO_LINE = 100, 8, 3  # tokens to either side, of the next sentence, of the next line
_REDEFINES = re.compile(
    r"[+\-×*÷/x]['\"”’]?\s{0,2}(?:means?|stands for|denotes?|represents?|is replaced|is interchanged|"
    r"and\s['\"“‘]?[+\-×*÷/])"
    r"|\b(?:defined?|operation|operator|binary|octal|hexadecimal|base[ -]?\d|modulo|mod|interchanged?|false|incorrect|"
    r"wrong|mistake|error)\b|[⊕⊗∘#@&]|\d\s?[*]\s?\d\s?=", re.IGNORECASE)
_WORDS = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?")


class _About:
    """What a text is about, looked at only where one of its equations seems false."""

    def __init__(self, text: str, question: str, options: Sequence[str]) -> None:
        self.text, self.question, self.options = text, question, options

    def excuses(self, tokens: Sequence[Token], one: _Equation) -> bool:
        """Whether an equation that does not hold is not meant to."""
        return (self._doubted(tokens, one.first, one.last) or self._quoted(one.left, one.right)
                or self._wraps(one.left.side, one.right.side) or self._unsigned(one.left.side, one.right.side)
                or self.redefined)

    def _doubted(self, tokens: Sequence[Token], first: int, last: int) -> bool:
        """Whether its sentence denies, supposes, asks or rounds, or the next one takes it back."""
        begin = next((at + 1 for at in range(first - 1, max(0, first - _SENTENCE), -1) if tokens[at].kind == HARD),
                     max(0, first - _SENTENCE))
        limit = min(len(tokens), last + _SENTENCE)
        end = next((at for at in range(last, limit) if tokens[at].kind == HARD), limit)
        clause, sentence = _forms(tokens[first:last]), _forms(tokens[begin:end])
        behind = [token.text.lower() for token in tokens[end + 1:end + 1 + _LOOKS_AHEAD]]
        line = next((at for at, word in enumerate(behind) if word == "\n"), len(behind))
        mark = tokens[end].text if end < len(tokens) else ""
        ahead = set(behind[:(0 if mark == "\n" else line) + _INTO_LINE])
        return bool(clause & _SUPPOSING or sentence & _DOUBTING or ahead & _TAKING_BACK or "≈" in sentence
                    or mark == "?" or any(word.endswith("n't") for word in sentence))

    def _quoted(self, left: _Part, right: _Part) -> bool:
        """Whether the question or an option has this very equation."""
        equation = _squeezed(self.text[left.start:right.stop])
        return any(equation in _squeezed(plain(text)) for text in (self.question, *self.options))

    def _wraps(self, one: Side, two: Side) -> bool:
        """Whether the sides differ by whole turns of something that wraps: "22 + 5 = 3" of hours."""
        off = one.value - two.value
        return any(off % turn == 0 and not self.words.isdisjoint(words) for turn, words in WRAPPING.items())

    def _unsigned(self, one: Side, two: Side) -> bool:
        """Whether the sides differ by their sign alone, where that does not matter: "The difference is 4 - 9 = 5"."""
        return one.value == -two.value and not self.words.isdisjoint(_UNSIGNED)

    @cached_property
    def words(self) -> frozenset[str]:
        """The words of question and text."""
        return frozenset(_WORDS.findall(f"{self.question} {self.text}".lower()))

    @cached_property
    def redefined(self) -> bool:
        """Whether the question gives signs another meaning, or has false equations of its own."""
        return bool(_REDEFINES.search(self.question)) or not all(
            one.holds for one in _equations(scanned(plain(self.question))))


def _forms(tokens: Sequence[Token]) -> set[str]:
    return {token.text.lower() for token in tokens}


def _squeezed(text: str) -> str:
    return "".join(text.split()).replace("÷", "/")
