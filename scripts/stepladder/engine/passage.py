"""A plain text laid out for reading: its words by kind (wording.py), its sentences, and the slot an answer may fill.

Patterns here and in statements.py are over kinds, one character a word. The commonest: L letter, w any word,
n "answer", o "option", v "is", h "it", f filler, s "so", r "right", k "fits", x "wrong", z "not", j "or", q doubt,
t "wait", g "but", b "because", m "rather than", d dash; . ? / end a sentence, / a line. No pattern has repetitions
within a repetition but bounded ones, and each look goes over a bounded stretch, so that reading takes linear time.
"""

from __future__ import annotations

import bisect
import itertools
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from . import wording
from .option_texts import OptionTexts
from .wording import LETTER, SMALL_LETTER, Token

FILLERS = 7  # words between "is" and the letter
HEADINGS = 12  # lines headed by a letter that one looks at, before and behind
LOOK_BACK = 60  # words within a sentence, for what takes a statement back beforehand

_FILL = frozenset("fsovrh:=d,ktpi|")
_BOUNDARY = frozenset("./?")
_CLAUSE_END = re.compile("[,:gs=j]")
_AFTER_TEXT = frozenset("./?,:dbgtLzfhm|")
_NOT_AFTER_LETTER = frozenset("wpnlc")
_AFTER_A = frozenset(
    ("the", "then", "after all", "again", "indeed", "clearly", "definitely", "only", "here", "die", "der", "das"))
_LINES = re.compile("/{0,2}")
_LINE_END = re.compile(r"\.?(?:/|$)")
_SEVERAL = re.compile(r"[,|jfodq]{0,4}L(?![vzxk])")
_MORE = re.compile(r"(?:[,jfo]{1,3}L){1,3}")
_AND_NOT = re.compile(r"[,jtf]{0,3}[zm][fo]{0,2}(?P<letter>L)")
DENIED = re.compile(r"[,fd:]{0,2}(?:v[fs]{0,3}[zx]|zv?[fs]{0,3}[rkn]|x)")

_SHORTENED = frozenset(
    ("dr", "mr", "mrs", "ms", "prof", "vol", "fig", "ch", "sec", "eq", "approx", "etc", "vs", "no", "st"))
_MULTIPLES = frozenset(["hundred", "thousand", "million", "billion", "percent", "times", "more", "less"])
_NO = frozenset(("no", "nope", "нет", "nein", "non"))
_RETRACTING = frozenset(("wait", "hmm", "oops", "hold on", *_NO))


@dataclass(frozen=True)
class Slot:
    """An answer at tokens [start, end): a letter, or None for several or none. text: whether it is an option's text."""

    start: int
    end: int
    letter: str | None
    text: bool = False


class Passage:
    """A plain text read against its options (letter -> text, or None).

    kinds: one character a token. starts, ends: of each token's sentence. last: where the last sentence begins.
    listed: the letters that only number options, one after the other.
    """

    def __init__(self, text: str, choices: Mapping[str, str] | None = None) -> None:
        self.tokens: list[Token] = wording.tokens(text)
        self.options = OptionTexts.of(choices)
        self._covered = self.options.covered(self.tokens)
        self.kinds = _settled(self.tokens, self._covered)
        self.listed = _listing(self.tokens, self.kinds)
        self._headings = _headings(self.tokens, self.kinds)
        self.starts, self.ends = _sentences(self.kinds)
        self.last = self.starts[-1] if self.starts else 0

    # -- the slot -----------------------------------------------------------------------------------------------------

    def slot(self, place: int, fillers: int = FILLERS) -> Slot | None:
        """The answer that begins at `place` or behind some fillers; None where there is none or it is denied."""
        place, several = _LINES.match(self.kinds, place).end(), False
        for at in range(place, min(place + fillers + 1, len(self.tokens))):
            found = self.answer_at(at)
            if found is not None:
                return self.checked(found, several)
            kind, following = self.kinds[at], self.kinds[at + 1:at + 2]
            several = several or kind == "j"
            if kind == "e":
                return Slot(at, at + 1, None)
            quantity = len(self.tokens[at].form) == 1 and following == "="  # "x = 5"
            article = kind == SMALL_LETTER and following == LETTER  # "é a B"
            if kind not in _FILL and kind != "j" and not quantity and not article:
                return None
        return None

    def answer_at(self, at: int) -> Slot | None:
        """The option's text or else the letter that stands right here."""
        return self.named(at) or self.lettered(at)

    def named(self, at: int) -> Slot | None:
        """An option's text that begins here and is not the beginning of something else."""
        found = self.options.at(self.tokens, at)
        if found is None:
            return None
        letter, end = found
        following = self.kinds[end:end + 1]
        if following == "w" and self.tokens[end - 1].form.isdecimal() and self._is_unit(end):
            return Slot(at, end + 1, letter, text=True)  # "36 apples"
        ends = not following or following in _AFTER_TEXT or self.tokens[end].opened or (
            self.tokens[end - 1].closed and following != "j")
        return Slot(at, end, letter, text=True) if ends else None

    def _is_unit(self, at: int) -> bool:
        form = self.tokens[at].form
        return form.isalpha() and form not in _MULTIPLES and self.kinds[at + 1:at + 2] in ("", ".", "/")

    def lettered(self, at: int) -> Slot | None:
        """A letter that is no article, unit or beginning of a name."""
        if at >= len(self.kinds) or self.kinds[at] not in (LETTER, SMALL_LETTER) or (
                at in self.listed or at in self._covered):
            return None
        token, following = self.tokens[at], self.kinds[at + 1:at + 2]
        if token.closed or not following or self.tokens[at + 1].opened or self._stands_free(at):
            return Slot(at, at + 1, token.form.upper())
        return None

    def _stands_free(self, at: int) -> bool:
        """Whether what follows an unmarked letter lets it be one: not "A dog", "B cells", "C = 5"."""
        token, following = self.tokens[at], self.kinds[at + 1]
        if self.kinds[at] == SMALL_LETTER:
            return following in "./:,"
        named = self.options.at(self.tokens, at + 1)
        if named is not None and named[0] == token.form.upper():
            return True
        if token.form == "a" and (following in "roi" or (
                following == "f" and self.tokens[at + 1].form not in _AFTER_A)):
            return False
        return following != "=" and following not in _NOT_AFTER_LETTER

    def checked(self, slot: Slot, several: bool = False) -> Slot | None:
        """The slot with what stands right behind it: the same option once more, another one, or a denial."""
        end, letter = slot.end, slot.letter
        behind = end + (self.kinds[end:end + 1] in (".", ":", ",", "d"))
        spoken_of = self.options.at(self.tokens, behind)
        if spoken_of is not None and spoken_of[0] == letter and DENIED.match(self.kinds, spoken_of[1]):
            return None
        again = self.lettered(behind) if slot.text else self.named(behind)
        if again is not None and (again.letter == letter or slot.text or _LINE_END.match(self.kinds, again.end)):
            end, letter = again.end, letter if again.letter == letter else None
        more = _MORE.match(self.kinds, end)
        if DENIED.match(self.kinds, end) or (more and DENIED.match(self.kinds, more.end())):
            return None
        denied = _AND_NOT.match(self.kinds, end)
        if several or _SEVERAL.match(self.kinds, end) or self._another_text(end, slot) or (
                denied and self.letter_at(denied.start("letter")) == letter):
            letter = None
        return Slot(slot.start, end, letter, slot.text)

    def _another_text(self, end: int, slot: Slot) -> bool:
        other = self.named(end + 1) if slot.text and self.kinds[end:end + 1] in (",", "j") else None
        return other is not None and other.letter != slot.letter

    # -- around it ----------------------------------------------------------------------------------------------------

    def letter_at(self, at: int) -> str:
        return self.tokens[at].form.upper()

    def foreign(self, at: int) -> bool:
        """Whether the word at this place is of another language than English."""
        return not wording.is_english(self.tokens[at].form)

    def heads(self, at: int) -> bool:
        """Whether nothing but fillers stands before this place in its sentence."""
        return at - self.starts[at] <= FILLERS and not self.kinds[self.starts[at]:at].strip("rfosh:")

    def before(self, place: int) -> str:
        """The kinds before this place in its sentence, as far as one looks back."""
        return self.kinds[max(self.starts[place], place - LOOK_BACK):place]

    def after(self, place: int) -> str:
        """The kinds from this place to the end of the sentence that ends at or behind it, as far as one looks."""
        return self.kinds[place:min(self.ends[place - 1], place + LOOK_BACK)]

    def denied_clause(self, at: int) -> bool:
        """Whether a "not" stands before this place in its clause."""
        return "z" in _CLAUSE_END.split(self.before(at))[-1]

    def taken_back(self, start: int, end: int) -> bool:
        """Whether something from one token to the other takes back what was stated before: "wait", "No,", "But"."""
        return any(self.kinds[at] == "t" or (self.kinds[at] == "g" and (
            at == self.starts[at] or "z" in self.before(at))) for at in range(start, min(end + 1, len(self.kinds))))

    def retracted(self, start: int) -> bool:
        """Whether a sentence behind this token takes back what was stated, and answers no question: "Wait, ..."."""
        return any(self.kinds[at] == "t" and self.tokens[at].form in _RETRACTING and self.before(at) in ("", "g")
                   and self.kinds[max(0, at - 1):at] != "?" for at in range(start, len(self.kinds)))

    def denies(self, letter: str | None, start: int) -> bool:
        """Whether this very letter is called wrong behind this token."""
        return letter is not None and any(
            self.kinds[at] == LETTER and self.letter_at(at) == letter and DENIED.match(self.kinds, at + 1)
            and "q" not in self.before(at) for at in range(start, len(self.kinds)))

    def next_question(self, start: int) -> int:
        """Where, behind this token, options are listed once more; else the end of the text.

        Three at least, A first, and none of them judged at once: "(A) cannot be" reviews this question's.
        """
        listed = sorted(at for at in self.listed if at >= start)
        for one, two, three in zip(listed, listed[1:], listed[2:], strict=False):
            forms = "".join(self.tokens[at].form for at in (one, two, three))
            judged = any(sign in self.kinds[at + 1:at + 5] for at in (one, two, three) for sign in "zx")
            if forms == "abc" and not judged:
                return one
        return len(self.tokens)

    def told_over(self, slot: Slot) -> bool:
        """Whether a slot at the head of a line is one of several options told over, of which some may be left out.

        So where the next line that is headed by another letter has a later one, where lines before and behind it are
        headed by others, or where the next line speaks of the option.
        """
        if slot.letter is None:
            return False
        places, letters = self._headings
        behind = bisect.bisect_left(places, slot.end)
        later = next((letter for letter in letters[behind:behind + HEADINGS] if letter != slot.letter), None)
        before = letters[max(0, bisect.bisect_left(places, slot.start) - HEADINGS):behind]
        earlier = any(letter != slot.letter for letter in before)
        spoken_of = self.options.at(self.tokens, slot.end + 1) if self.kinds[slot.end:slot.end + 1] == "/" else None
        repeated = slot.start > 0 and spoken_of is not None and spoken_of[0] == slot.letter
        return repeated or (later is not None and (later > slot.letter or earlier))

    def lines(self) -> list[tuple[int, int]]:
        """The first token and the end of every line that holds any."""
        cuts = [-1, *(at for at, kind in enumerate(self.kinds) if kind == "/"), len(self.kinds)]
        return [(one + 1, two) for one, two in itertools.pairwise(cuts) if two > one + 1]


def _settled(tokens: list[Token], covered: Collection[int]) -> str:
    """The kinds, with what only the neighbours tell: "A." at the start of a line, "No," as taking back, "Dr."."""
    kinds = [token.kind for token in tokens]
    for at, kind in enumerate(kinds):
        begins = at == 0 or kinds[at - 1] in "./?,"
        if kind == "." and (at in covered or (at and tokens[at - 1].form in _SHORTENED)):
            kinds[at] = "f"
        elif kind == "." and at and kinds[at - 1] in "Lc" and (at == 1 or kinds[at - 2] in "/oxr") and (
                kinds[at + 1:at + 2] not in ([], ["/"])):
            kinds[at] = ":"
        elif tokens[at].form in _NO and begins and kinds[at + 1:at + 2] in ([","], ["."]):
            kinds[at] = "t"
    return "".join(kinds)


def _sentences(kinds: str) -> tuple[list[int], list[int]]:
    """For each token the first token of its sentence, and its end."""
    starts, ends, start = [], [0] * len(kinds), 0
    for at, kind in enumerate(kinds):
        starts.append(start)
        if kind in _BOUNDARY:
            start = at + 1
    end = len(kinds)
    for at in range(len(kinds) - 1, -1, -1):
        end = at if kinds[at] in _BOUNDARY else end
        ends[at] = end
    return starts, ends


def _headings(tokens: list[Token], kinds: str) -> tuple[list[int], str]:
    """Places and letters of all lines that begin with a marked letter: "B. Paris", "(B) Paris", "B: Paris"."""
    places = [at for at, token in enumerate(tokens) if kinds[at] == LETTER and (at == 0 or kinds[at - 1] == "/")
              and (token.closed or kinds[at + 1:at + 2] in (":", ".", "d"))]
    return places, "".join(tokens[at].form.upper() for at in places)


def _listing(tokens: list[Token], kinds: str) -> frozenset[int]:
    """The letters that only number the options: two or more in order, of which each has a mark behind it.

    Dots within a line mark three or more: "A. Hot B. Cold C. Wet".
    """
    marked = [at for at, kind in enumerate(kinds) if kind in "Lc" and (
        tokens[at].closed or kinds[at + 1:at + 2] in (":", ".", "d")) and kinds[at + 1:at + 2] not in (",", "j")
        and (at == 0 or kinds[at - 1] in "/.,wxrfo?|j")]
    found: set[int] = set()
    run: list[int] = []
    for at in [*marked, None]:
        if run and (at is None or ord(tokens[at].form) != ord(tokens[run[-1]].form) + 1):
            dotted = any(kinds[one + 1:one + 2] == "." and not tokens[one].closed for one in run)
            if len(run) >= (3 if dotted else 2):
                found.update(run)
            run = []
        if at is not None:
            run.append(at)
    return frozenset(found)
