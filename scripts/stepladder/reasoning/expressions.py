"""Values of written arithmetic: "1,200 / (4 x 3)", "20% of 480", "$3 x 5 packs", "2^10". A small parser, never eval.

    read(scan("12 x (3 + 4) = 84"), 0)    # Side(value=Fraction(84), end=7, ...)

What people write is not all arithmetic, and what is not read for certain has no value: unknowns ("2x", "f(3)"), times
of day ("12:30"), mixed quantities ("7 hours 50 minutes"), roots, ranges. Numbers are exact fractions of bounded size.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

from .words import groups, listed

MOST_DIGITS, MOST_BITS, MOST_DEPTH, MOST_TOKENS = 15, 512, 8, 60  # of a number, value, bracket, expression

NUMBER, WORD, ODD, SOFT, HARD = "n", "w", "!", ",", "."  # a mark that has no value; ends a clause; ends a sentence
OPERATIONS = "+-*/^"


class Token(NamedTuple):
    """kind: one of the kinds above, an operation, a bracket, "=", or "of" and "is", which may stand for one."""

    kind: str
    text: str
    start: int
    end: int


@dataclass(frozen=True)
class Reading:
    """How what can be read in two ways is read.

    percent: what "%" is worth. point: the decimal sign, else it groups thousands ("1.234"). minus: whether a leading
    dash is a sign, not a bullet. shift: by how many halves of its last digit a rounded number ("0.33") is off. clock:
    whether a point divides hours from minutes ("9.30").
    """

    percent: Fraction = Fraction(1, 100)
    point: bool = True
    minus: bool = True
    shift: int = 0
    clock: bool = False


@dataclass
class Side:
    """One side of an equation. value: None where it has none. end: the token behind it.

    numbers: all that stand in it. lone: whether it is a single number. unit: of the first one's last digit. coarse: of
    its last digit that is not 0. units: the measures it speaks of.
    """

    value: Fraction
    end: int
    numbers: tuple[Fraction, ...]
    unit: Fraction
    coarse: Fraction
    units: frozenset[str]

    @property
    def lone(self) -> bool:
        return len(self.numbers) == 1


class NoValue(Exception):
    """What stands there is not arithmetic that can be read for certain."""


# -- words ------------------------------------------------------------------------------------------------------------

MEASURES = {name: names[0] for names in groups("measures") for name in names}
NO_UNITS = listed("no_units")
_SCALES = {"hundred": 100, "thousand": 1000, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_WORDED = {"times": "*", "cdot": "*", "plus": "+", "minus": "-", "div": "/"}


# -- tokens -----------------------------------------------------------------------------------------------------------

_STAR = "\x01"  # a product for certain; a written "*" may be emphasis
_SAME = str.maketrans({
    **dict.fromkeys("×·⋅∙∗", _STAR), **dict.fromkeys("−–‐‑", "-"), **dict.fromkeys("⁄∕", "/"),
    "\u00a0": " ", "\u202f": " ", "\u2009": " ", "’": "'", "％": "%", "＝": "=", "＋": "+"})
_POWERS = {"²": "^2", "³": "^3"}
_TEX = re.compile(
    r"\\[dt]?frac\s?\{(?P<over>[^{}]{1,60})\}\s?\{(?P<under>[^{}]{1,60})\}"
    r"|\\(?:text|mathrm|mathbf|boxed|textbf)\s?\{(?P<inner>[^{}]{0,80})\}|\^\{(?P<power>-?\d{1,3})\}"
    r"|\\(?P<name>times|cdot|ast|div|approx|neq?|left|right|quad|circ)(?![a-zA-Z])|\\(?P<mark>[()\[\],;:! %$])")
_TEX_NAMES = {**dict.fromkeys(("times", "cdot", "ast"), _STAR), "div": "/", "approx": "≈", "ne": "≠", "neq": "≠",
              "circ": "°"}
_MATH = re.compile(r"\$([^$\n]{1,200})\$(?![\d.])")
_POWER = re.compile(r"(?<=[\d)])( ?)\*\*\1(?=[\d(])")
_PRODUCT = re.compile(r"(?<=[\w)%])( ?)\*\1(?=[\w($€£.])")
_DECORATION = re.compile(r"[*_`]+")
_PERCENT = re.compile(r"(?<=\d)[ -]{0,2}per ?cent\b", re.IGNORECASE)

_TOKEN = re.compile(r"""
    (?P<time>\d+(?:[:h]\d+)+)
  | (?P<number>(?:\d+(?:,\d+)*(?:\.\d+)*|(?<![\w.])\.\d+)(?:\ ?%)?)
  | (?P<worded>(?:divided|multiplied)\ by\b|is\ equal\ to\b|equal(?:s|\ to)\b)
  | (?P<word>[^\W\d_]+(?:['\-][^\W\d_]+)*)
  | (?P<soft>==?>|-+>|<=|>=|!=|:=|[,:"“”«»→⇒<>≤≥—|]|\.{2,}|…)
  | (?P<hard>[.!?;\n])
  | (?P<mark>==|[-+\x01/÷^()=$€£¥₹°])
  | (?P<odd>[^\s])
""", re.VERBOSE)
_OPERATES = re.compile(r"\s?[-+\x01/÷^=]")
CURRENCIES = frozenset("$€£¥₹")


def scan(text: str) -> list[Token]:
    """The tokens of a text, markup and LaTeX taken away. Positions are of that plain text; see `plain`."""
    return scanned(plain(text))


def plain(text: str) -> str:
    """A text with one sign for each operation, and without emphasis and the commonest LaTeX."""
    text = text.translate(_SAME)
    for sign, power in _POWERS.items():
        text = text.replace(sign, power)
    if "\\" in text:
        for _ in range(3):  # nested as deep as people write
            text = _TEX.sub(_without_tex, text)
    text = _MATH.sub(lambda found: found[1] if "=" in found[1] or "\\" in found[1] else found[0], text)
    text = _PRODUCT.sub(rf"\1{_STAR}\1", _POWER.sub(r"\1^\1", text))
    return _PERCENT.sub("%", _DECORATION.sub("", text))


def _without_tex(found: re.Match[str]) -> str:
    if found["over"] is not None:
        return f"(({found['over']})/({found['under']}))"
    if found["inner"] is not None:
        return found["inner"]
    if found["power"] is not None:
        return f"^{found['power']}"
    if found["mark"] is not None:
        return found["mark"] if found["mark"] in "%$" else " "
    return f" {_TEX_NAMES.get(found['name'], '')} "


def scanned(text: str) -> list[Token]:
    """The tokens of a text that `plain` has made."""
    found: list[Token] = []
    for match in _TOKEN.finditer(text):
        group, word = match.lastgroup, match.group()
        kind = {"time": ODD, "number": NUMBER, "soft": SOFT, "hard": HARD, "odd": ODD}.get(group, word)
        if group == "word":
            kind = _kind_of_word(text, match, found)
        elif group == "worded":
            kind = {"d": "/", "m": "*"}.get(word[0].lower(), "=")
        elif group == "mark":
            kind = {_STAR: "*", "÷": "/", "==": "="}.get(word, word)
        glued = bool(found) and found[-1].end == match.start()
        if group == "number" and glued and found[-1].kind in (WORD, ODD) and found[-1].text[-1:].isalnum():
            kind = ODD  # "H2"
        elif word == "!" and glued and found[-1].kind in (NUMBER, ")") and _OPERATES.match(text, match.end()):
            kind = ODD  # a factorial
        found.append(Token(kind, word, match.start(), match.end()))
    return found


def _kind_of_word(text: str, match: re.Match[str], before: Sequence[Token]) -> str:
    word, form = match.group(), match.group().lower()
    glued = bool(before) and before[-1].end == match.start() and before[-1].kind in (NUMBER, ")")
    if form == "x":  # a product only between two numbers, else an unknown
        following = text[match.end():match.end() + 3]
        if glued and following[:1].isdigit():
            return "*"
        spaced = not glued and following[:1].isspace() and re.match(r"\s[$€£]?[\d(.]", following)
        return "*" if spaced and before and before[-1].kind in (NUMBER, ")", WORD) else ODD
    if glued and not (form in MEASURES and len(form) > 1):
        return ODD  # "3x", "2nd", "4n"
    if form in _WORDED:
        return _WORDED[form]
    if form in ("of", "is", "are"):
        return "of" if form == "of" else "is"
    return WORD if len(word) > 1 or word in "aI" else ODD


# -- reading ----------------------------------------------------------------------------------------------------------

PLAIN = Reading()


def read(tokens: Sequence[Token], at: int, reading: Reading = PLAIN) -> Side:
    """The longest expression that begins at this token, of MOST_TOKENS. Raises NoValue where none begins here."""
    return _Parser(tokens[:at + MOST_TOKENS], at, reading).side()


@dataclass
class _Parser:
    """Recursive descent: sums of products of powers of numbers and brackets, each with its unit."""

    tokens: Sequence[Token]
    at: int
    reading: Reading
    depth: int = 0
    numbers: list[tuple[Fraction, Fraction, Fraction]] = field(default_factory=list)  # value, last digit's units
    operations: str = ""
    units: set[str] = field(default_factory=set)
    percents: int = 0

    def side(self) -> Side:
        if not self.reading.minus and self._kind() == "-":
            self.at += 1
        value = self._sum()
        _, unit, coarse = self.numbers[0]
        return Side(value, self.at, tuple(number for number, _, _ in self.numbers), unit, coarse, frozenset(self.units))

    def _kind(self, ahead: int = 0) -> str:
        return self.tokens[self.at + ahead].kind if self.at + ahead < len(self.tokens) else HARD

    def _sum(self) -> Fraction:
        value, percentage = self._product()
        while self._kind() in ("+", "-") and self._operand_follows():
            sign = self._operation()
            term, also = self._product()
            if percentage != also:
                raise NoValue  # "200 - 10%" takes a tenth away
            value = _bounded(value + term if sign == "+" else value - term)
        return value

    def _product(self) -> tuple[Fraction, bool]:
        """(value, whether it is a percentage and nothing more)."""
        before = self.percents, len(self.numbers)
        value = self._power()
        while True:
            kind = self._kind()
            if kind in ("*", "/") and self._operand_follows():
                if kind == "/" and self._divides_more():
                    raise NoValue
                self._operation()
                factor = self._power()
                if kind == "/" and factor == 0:
                    raise NoValue
                value = _bounded(value * factor if kind == "*" else value / factor)
            elif kind == "(" and self._glued() and self.tokens[self.at - 1].kind in (NUMBER, ")"):
                self.operations += "*"
                value = _bounded(value * self._power())  # "2(3 + 4)", "2(3)^2"
            elif kind == "of" and self._is_part():
                self.at += 1 + (self._kind(1) == WORD and self.tokens[self.at + 1].text.lower() == "the")
                self.operations += "*"
                value = _bounded(value * self._power())
            else:
                return value, self.percents > before[0] and len(self.numbers) == before[1] + 1

    def _divides_more(self) -> bool:
        """Whether what is divided by seems to be more than the next number: "3/4 ÷ 1/2", "6 / 2 x 10^3"."""
        if [self._kind(ahead) for ahead in (1, 2, 3, 4)] == [NUMBER, "*", NUMBER, "^"]:
            return self.tokens[self.at + 3].text == "10"
        loose = self.tokens[self.at].text != "/" or self.tokens[self.at - 1].end < self.tokens[self.at].start
        return loose and (self._kind(1), self._kind(2)) == (NUMBER, "/") and (
            self.tokens[self.at + 2].text == "/" and self.tokens[self.at + 1].end == self.tokens[self.at + 2].start)

    def _is_part(self) -> bool:
        """Whether "of" multiplies here: "20% of 80", "3/4 of the 80"."""
        part = self.tokens[self.at - 1].text.endswith("%") or self.operations[-1:] == "/"
        ahead = 1 + (self._kind(1) == WORD and self.tokens[self.at + 1].text.lower() == "the")
        return part and self._kind(ahead) in (NUMBER, "(", *CURRENCIES)

    def _power(self) -> Fraction:
        signed = self._kind() == "-"
        base = self._signed()
        if self._kind() != "^":
            return base
        if signed:
            raise NoValue  # "-3^2" is read in two ways
        self._operation()
        exponent = self._power()
        size = max(base.numerator.bit_length(), base.denominator.bit_length())
        if exponent.denominator != 1 or abs(exponent) * size > MOST_BITS or abs(exponent) > MOST_BITS or (
                base == 0 and exponent < 0):
            raise NoValue
        return _bounded(base ** int(exponent))

    def _signed(self) -> Fraction:
        sign = 1
        while self._kind() in ("-", "+"):
            sign = -sign if self._kind() == "-" else sign
            self.at += 1
        return sign * self._atom()

    def _atom(self) -> Fraction:
        if self._kind() == "(":
            value = self._bracket()
        else:
            currency = self.tokens[self.at].text if self._kind() in CURRENCIES else ""
            self.at += bool(currency)
            if self._kind() != NUMBER:
                raise NoValue
            value = self._number(self.tokens[self.at].text)
            self.units.update([MEASURES[currency]] if currency else [])
            self.at += 1
        if self._glued() and (self._kind() in (NUMBER, ODD) or (self._kind() == "(" and "/" in self.operations)):
            raise NoValue
        self._measure()
        return value

    def _bracket(self) -> Fraction:
        self.at += 1
        self.depth += 1
        if self.depth > MOST_DEPTH:
            raise NoValue
        value = self._sum()
        if self._kind() != ")":
            raise NoValue
        self.at += 1
        self.depth -= 1
        return value

    def _number(self, text: str) -> Fraction:
        percent = text.endswith("%")
        digits = text.rstrip("% ")
        value, unit, coarse = _decimal(digits, self.reading.point)
        if self.reading.clock and "." in digits:
            value = _hours(digits)
        if self.reading.shift and unit <= Fraction(1, 100):
            value += self.reading.shift * unit / 2
        self.percents += percent
        scale = self.reading.percent if percent else Fraction(1)
        ahead = self.tokens[self.at + 1].text.lower() if self.at + 1 < len(self.tokens) else ""
        if ahead in _SCALES:
            scale *= _SCALES[ahead]
            self.at += 1
        self.numbers.append((value * scale, unit * scale, coarse * scale))
        return value * scale

    def _measure(self) -> None:
        """The words that say what was counted: "12 red pens"."""
        for _ in range(3):
            word = self.tokens[self.at].text.lower() if self._kind() in (WORD, "°") else ""
            if not word or word in NO_UNITS:
                return
            if word in MEASURES:
                self.units.add(MEASURES[word])
            self.at += 1

    def _operand_follows(self) -> bool:
        ahead = 1 + (self._kind(1) == "-")
        return self._kind(ahead) in (NUMBER, "(", *CURRENCIES)

    def _operation(self) -> str:
        kind = self._kind()
        if kind == "-" and self._is_range():
            raise NoValue
        self.operations += kind
        self.at += 1
        return kind

    def _is_range(self) -> bool:
        """"12-15": a dash without spaces between a smaller and a larger number."""
        one, dash, two = self.tokens[self.at - 1:self.at + 2]
        close = one.end == dash.start and dash.end == two.start and one.kind == two.kind == NUMBER
        return close and _decimal(one.text.rstrip("% "), True)[0] < _decimal(two.text.rstrip("% "), True)[0]

    def _glued(self) -> bool:
        return self.at < len(self.tokens) and self.tokens[self.at].start == self.tokens[self.at - 1].end


def _hours(text: str) -> Fraction:
    """The hours of "9.30". Raises NoValue where the decimals are no minutes."""
    hours, minutes = text.split(".")
    if len(minutes) != 2 or not hours or int(minutes) >= 60:
        raise NoValue
    return int(hours.replace(",", "")) + Fraction(int(minutes), 60)


@lru_cache(4096)
def _decimal(text: str, point: bool) -> tuple[Fraction, Fraction, Fraction]:
    """(value, unit of its last digit, unit of its last digit that is not 0) of "1,234.50". Raises NoValue."""
    whole, _, decimals = text.partition(".")
    if sum(map(str.isdigit, text)) > MOST_DIGITS or "." in decimals or not _grouped(whole):
        raise NoValue
    digits = whole.replace(",", "")
    if not point and len(decimals) == 3 and 1 <= len(whole) <= 3:
        digits, decimals = digits + decimals, ""
    value = Fraction(int((digits + decimals) or "0"), 10 ** len(decimals))
    unit = Fraction(1, 10 ** len(decimals))
    bare = (digits + decimals).rstrip("0")
    return value, unit, unit * 10 ** (len(digits + decimals) - len(bare)) if bare else unit


def _grouped(whole: str) -> bool:
    """Whether commas stand between thousands, in the western or the Indian way."""
    first, *groups = whole.split(",")
    return not groups or (1 <= len(first) <= 3 and len(groups[-1]) == 3 and all(
        len(group) == len(groups[0]) or group is groups[-1] for group in groups) and len(groups[0]) in (2, 3))


def _bounded(value: Fraction) -> Fraction:
    if max(value.numerator.bit_length(), value.denominator.bit_length()) > 4 * MOST_BITS:
        raise NoValue
    return value
