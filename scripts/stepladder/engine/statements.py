"""Where a reply states its answer: a small grammar over kinds of words (wording.py) with one slot, the answer itself.

A slot holds a letter, or the text of exactly one option. Each form of statement has a strength: DECLARED ("Answer: B",
"the answer is B", "B is the right one", "I choose B"), CONCLUDED ("so B", "it is B", "B" alone), JUDGED ("B is
correct"), CLOSING (a last sentence "... is B"). What stands in a question, under a condition, in somebody else's mouth or after
a "not" is no statement.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass

from ..core.records import LETTERS
from . import wording
from .wording import LETTER, SMALL_LETTER, Token

CLOSING, JUDGED, CONCLUDED, DECLARED = range(4)
REACH = 12  # tokens between "answer" and the "is" that belongs to it
FILLERS = 7  # between "is" and the letter
LOOK_BACK = 60  # within a sentence, for what takes a statement back beforehand

_FILL = frozenset("fsovrh:=d,ktpi|")
_BOUNDARY = frozenset("./?")
_CLAUSE = frozenset("./?,:gs=")
_AFTER_TEXT = frozenset("./?,:dbgtLzfhm|")
_AFTER_A = frozenset(("the", "then", "after all", "again", "indeed", "clearly", "definitely", "only", "here", "die", "der",
                      "das"))
_NOT_AFTER_LETTER = frozenset("wpnlc")
_DENIED = re.compile(r"[,fd:]{0,2}(?:v[fs]{0,3}[zx]|zv?[fs]{0,3}[rkn]|x)")
_SEVERAL = re.compile(r"[,|jfodq]{0,4}L(?![vzxk])")
_MORE = re.compile(r"(?:[,jfo]{1,3}L){1,3}")
_AND_NOT = re.compile(r"[,jtf]{0,3}[zm][fo]{0,2}(?P<letter>L)")
_AMONG = re.compile(r"L[,fo]?j[fo]{0,2}$")
_JUDGEMENT = re.compile(r"[wfsbo,:d]{0,9}?v[fsa]{0,4}(?:oh?)?(?P<right>r[fr]{0,2}[no]|f?n|f{1,2}o|r|k)|[fs]?k|af{0,2}r?f?n|v(?=[./]|$)")
_LINES = re.compile("/{0,2}")
_THE_ANSWER = re.compile("f{1,2}r{0,2}[no]")
_ENDS = re.compile(r"[f,]{0,3}(?:hv?f?)?(?:[./bgzdtm,:|]|[?]|$)")
_CLOSES = re.compile(r"[f,]{0,3}(?:hv?f?)?(?:[./]|$|,z|,?[bm])")

_TICKS = {"✓": True, "✔": True, "✅": True, "☑": True, "✗": False, "✘": False, "❌": False, "✖": False}
_YES_NO = {"yes": True, "correct": True, "right": True, "no": False, "incorrect": False, "wrong": False}


@dataclass(frozen=True)
class Statement:
    """Tokens [start, end) that state `letter`, or, where it is None, several letters at once or none of them."""

    start: int
    end: int
    letter: str | None
    strength: int


@dataclass(frozen=True)
class Slot:
    """An answer at tokens [start, end). text: whether it is an option's text and no letter."""

    start: int
    end: int
    letter: str | None
    text: bool = False


class Reading:
    """A plain text read against its options (letter -> text, or None); `statements` are in order."""

    def __init__(self, text: str, choices: Mapping[str, str] | None = None) -> None:
        self.tokens: list[Token] = wording.tokens(text)
        self._options = _Options(choices)
        self.covered = self._options.covered(self.tokens)
        self.kinds = _settled(self.tokens, self.covered)
        self.listed = _listing(self.tokens, self.kinds)
        self._starts, self._ends = _sentences(self.kinds)
        self._last = self._starts[-1] if self._starts else 0

    # -- the slot -----------------------------------------------------------------------------------------------------

    def slot(self, place: int, fillers: int = FILLERS) -> Slot | None:
        """The answer that begins at `place` or behind some fillers; None where there is none or it is denied."""
        lines = _LINES.match(self.kinds, place)
        place, several = lines.end(), False
        for at in range(place, min(place + fillers + 1, len(self.tokens))):
            found = self._named(at) or self._lettered(at)
            if found is not None:
                return self._checked(found, several)
            kind = self.kinds[at]
            several = several or kind == "j"
            if kind == "e":
                return Slot(at, at + 1, None)
            if len(self.tokens[at].form) == 1 and self.kinds[at + 1:at + 2] == "=":
                continue  # "x = 5", a quantity
            if kind not in _FILL and kind != "j" and not (kind == SMALL_LETTER and self.kinds[at + 1:at + 2] == LETTER):
                return None
        return None

    def _named(self, at: int) -> Slot | None:
        """An option's text that begins here."""
        found = self._options.at(self.tokens, at)
        if found is None:
            return None
        letter, end = found
        following = self.kinds[end:end + 1]
        if following == "w" and self.tokens[end - 1].form.isdecimal() and self.tokens[end].form.isalpha() and (
                self.tokens[end].form not in _MULTIPLES and self.kinds[end + 1:end + 2] in ("", ".", "/")):
            return Slot(at, end + 1, letter, text=True)  # "36 apples"
        if following and following not in _AFTER_TEXT and not self.tokens[end].opened and not self._ends_here(end):
            return None
        return Slot(at, end, letter, text=True)

    def _ends_here(self, end: int) -> bool:
        return self.tokens[end - 1].closed and self.kinds[end] != "j"

    def _lettered(self, at: int) -> Slot | None:
        """A letter that is no article, unit or beginning of a name."""
        if at >= len(self.kinds):
            return None
        kind, token = self.kinds[at], self.tokens[at]
        if at in self.listed or at in self.covered or kind not in (LETTER, SMALL_LETTER):
            return None
        following = self.kinds[at + 1:at + 2]
        if not token.closed and following and not self.tokens[at + 1].opened:
            if kind == SMALL_LETTER and following not in "./:,":
                return None
            after = self.kinds[at + 1:at + 4].lstrip("f")[:1]
            article = token.form == "a" and (following in "roi" or (
                following == "f" and self.tokens[at + 1].form not in _AFTER_A))
            named = self._options.at(self.tokens, at + 1)
            if (article or following == "=" or (after and after in _NOT_AFTER_LETTER and following != "f")) and (
                    named is None or named[0] != token.form.upper()):
                return None
        return Slot(at, at + 1, token.form.upper())

    def _checked(self, slot: Slot, several: bool) -> Slot | None:
        """The slot with what stands right behind it: the same option once more, another one, or a denial."""
        end, letter = slot.end, slot.letter
        behind = end + (self.kinds[end:end + 1] in (".", ":", ",", "d") and bool(self.kinds[end:end + 1]))
        loose = self._options.at(self.tokens, behind)
        if loose is not None and loose[0] == letter and _DENIED.match(self.kinds, loose[1]):
            return None
        again = self._lettered(behind) if slot.text else self._named(behind)
        if again is not None and (again.letter == letter or self._fills_line(again) or slot.text):
            end, letter = again.end, letter if again.letter == letter else None
        if _DENIED.match(self.kinds, end):
            return None
        if (more := _MORE.match(self.kinds, end)) and _DENIED.match(self.kinds, more.end()):
            return None
        if several or _SEVERAL.match(self.kinds, end) or self._another_text(end, slot):
            letter = None
        denied = _AND_NOT.match(self.kinds, end)
        if denied and self.tokens[denied.start("letter")].form.upper() == letter:
            letter = None
        return Slot(slot.start, end, letter, slot.text)

    def _another_text(self, end: int, slot: Slot) -> bool:
        other = self._named(end + 1) if slot.text and self.kinds[end:end + 1] in (",", "j") else None
        return other is not None and other.letter != slot.letter

    def _fills_line(self, slot: Slot) -> bool:
        return re.compile(r"\.?(?:/|$)").match(self.kinds, slot.end) is not None

    # -- statements ---------------------------------------------------------------------------------------------------

    def statements(self) -> list[Statement]:
        """All statements in the order of their ends."""
        forms: list[Callable[[], Iterator[Statement]]] = [
            self._declared, self._chosen, self._concluded, self._judged, self._alone, self._opening, self._closing,
            self._verdicts]
        return sorted({found for form in forms for found in form()}, key=lambda s: (s.end, s.strength))

    def _declared(self) -> Iterator[Statement]:
        """ "Answer: B", "the answer to the question is B", "the right option is B", "respuesta correcta: B"."""
        for start, kind in enumerate(self.kinds):
            if kind in "no" or (kind == "r" and self.foreign(start)):
                yield from self._stated(start, self._after_label(start), DECLARED)

    def _after_label(self, label: int) -> Slot | None:
        kinds = self.kinds
        sure = kinds[label] in "nr" or "r" in self._before(label)[-2:] or self.foreign(label)
        direct = self.slot(label + 1, 3) if sure and kinds[label] != "r" else None
        if direct is not None and not direct.text and (self.heads(label) or self.foreign(label) or _CLOSES.match(
                kinds, direct.end)):
            return direct
        if kinds[label:label + 2] == "n/" and self.heads(label):
            return self.slot(label + 1)
        for at in range(label + 1, min(label + REACH, len(kinds))):
            if kinds[at] in "./?qLt" or (kinds[at] in "zx" and "h" not in kinds[label + 1:at]):
                return None  # but "the one that is not true is B"
            sure = sure or kinds[at] in "rkfpzx" or (kinds[at] == ":" and self.heads(label))
            if kinds[at] in "v:=d" and sure and (found := self.slot(at + 1)) is not None:
                return found
        return None

    def foreign(self, at: int) -> bool:
        """Whether the label at this place is of another language than English."""
        return not wording.is_english(self.tokens[at].form)

    def heads(self, at: int) -> bool:
        """Whether nothing but fillers stands before this place in its line."""
        return at - self._starts[at] <= FILLERS and not self.kinds[self._starts[at]:at].strip("rfosh:")

    def _before(self, place: int) -> str:
        """What stands before this place in its sentence, as far as one looks back."""
        return self.kinds[max(self._starts[place], place - LOOK_BACK):place]

    def _chosen(self) -> Iterator[Statement]:
        """ "I choose B", "Pick B", "that leaves B"."""
        for start, kind in enumerate(self.kinds):
            before = self.kinds[max(self._starts[start], start - 6):start]
            by_me = "i" in before or self.tokens[start].form.startswith(("i ", "we ", "my ")) or (
                self.foreign(start)) or not before.strip("sf,gt")
            if kind == "p" and by_me:
                yield from self._stated(start, self.slot(start + 1), DECLARED)
            elif kind == "l":
                found = self.slot(start + 1)
                if found and (not self.tokens[start].form.startswith("mak") or _THE_ANSWER.match(self.kinds, found.end)):
                    yield from self._stated(start, found, CONCLUDED)

    def _concluded(self) -> Iterator[Statement]:
        """ "so B", "it is B", "not A but B"."""
        for start, kind in enumerate(self.kinds):
            if kind in "shg":
                if kind == "g" and "z" not in self._before(start):
                    continue
                if kind == "h" and self.kinds[start + 1:start + 2] != "v" and "'" not in self.tokens[start].form:
                    continue
                found = self.slot(start + 1)
                if found is not None and _ENDS.match(self.kinds, found.end):
                    yield from self._stated(start, found, CONCLUDED)

    def _judged(self) -> Iterator[Statement]:
        """ "B is the answer", "option B, Paris, is correct", "B fits", "B as the answer"."""
        for start, kind in enumerate(self.kinds):
            if kind != LETTER and not self._options.begins(self.tokens[start]):
                continue
            slot = self._lettered(start) or (self._named_loosely(start) if kind == "w" else None)
            found = slot and ((self.kinds[start - 1:start] == "v" and _THE_ANSWER.match(self.kinds, slot.end))
                              or _JUDGEMENT.match(self.kinds, slot.end))
            if not found:
                continue
            rest = self.kinds[found.end():min(self._ends[start], found.end() + LOOK_BACK)]
            strong = re.search("n$|r.{0,2}o$", found.group()) is not None
            if "q" in rest or (not strong and ("g" in rest or "z" in rest)):
                continue
            several = _AMONG.search(self.kinds, max(0, start - 4), start) or any(
                token.form == "also" for token in self.tokens[slot.end:found.end()])
            yield from self._stated(start, Slot(start, found.end(), None if several else slot.letter),
                                    DECLARED if strong else JUDGED)

    def _named_loosely(self, at: int) -> Slot | None:
        found = self._options.at(self.tokens, at)
        return Slot(at, found[1], found[0], text=True) if found else None

    def _alone(self) -> Iterator[Statement]:
        """A sentence that is nothing but an answer: "(B).", "D, then.", "No, B."."""
        for start in sorted(set(self._starts)):
            at = re.compile("[fstovgih,:r]{0,6}").match(self.kinds, start).end()
            for begin in range(start, at + 1):
                found = self._named(begin) or self._lettered(begin)
                if found is None:
                    continue
                if self.kinds[begin] == SMALL_LETTER and self.tokens[begin].form == "a" and not self.tokens[begin].closed:
                    break
                found = self._checked(found, several=False)
                if found and start > 0 and self._is_marker(found):
                    break
                if found and _CLOSES.match(self.kinds, found.end) and self._may_stand_alone(found):
                    yield from self._stated(start, found, CONCLUDED)
                break

    def _is_marker(self, slot: Slot) -> bool:
        """Whether the letter only numbers an option that is then spoken of: "A. Madrid is in Spain"."""
        option = self._options.at(self.tokens, slot.end + 1) if self.kinds[slot.end:slot.end + 1] in (".", ":") else None
        return option is not None and option[0] == slot.letter

    def _may_stand_alone(self, slot: Slot) -> bool:
        """An option's text alone counts at the end; where it is a common word, only as the whole reply."""
        if not slot.text:
            return True
        whole = slot.start == 0 and not self.kinds[slot.end:slot.end + 3].strip("./")
        return whole or (slot.start >= self._last and set(self.kinds[slot.start:slot.end]) & set("wL") != set())

    def _opening(self) -> Iterator[Statement]:
        """A reply that begins with its answer: "B. Paris is the capital", "(B) Paris", "Paris" on a line of its own."""
        at = re.compile("[/o]*").match(self.kinds).end()
        found = self._named(at) or self._lettered(at)
        if found is not None and (checked := self._checked(found, several=False)) is not None:
            marked = self.tokens[at].closed or self.kinds[found.end:found.end + 1] in (":", ",", "d")
            if (not found.text and marked) or (found.text and self.kinds[found.end:found.end + 1] == "/"):
                yield from self._stated(at, checked, CONCLUDED)

    def _closing(self) -> Iterator[Statement]:
        """A last sentence that ends in the answer: "the coldest one is D.", "it swims but does not fly: B"."""
        last = range(self._last, len(self.kinds))
        if any(at in self.listed for at in last):
            return
        letters = {self.tokens[at].form for at in last if self.kinds[at] == LETTER and not self._denied_clause(at)}
        concludes = self.kinds[self._last:self._last + 1] == "s"
        for at in last:
            kind = self.kinds[at]
            found = self.slot(at + 1) if kind in "v:=doy," else None
            if found is None or (kind in "o:=," and len(letters) > 1) or (kind == "," and found.text):
                continue
            closes = _CLOSES.match(self.kinds, found.end) or (kind == "o" and self.tokens[found.end - 1].closed)
            if closes and (kind == "o" or found.text or not self._options.hold_letters):
                yield from self._stated(at, found, JUDGED if concludes else CLOSING)
        if last and (final := self._lettered(last[-1])) and self.tokens[last[-1]].opened and len(letters) == 1:
            yield from self._stated(last[-1], final, CLOSING)

    def _denied_clause(self, at: int) -> bool:
        return "z" in re.split("[,:gs=j]", self._before(at))[-1]

    def _verdicts(self) -> Iterator[Statement]:
        """Options judged one by one, of which exactly one is right."""
        said = self.verdicts() or self.verdicts({"true": True, "false": False})
        right = {letter for letter, yes in said.items() if yes}
        if len(right) == 1:
            yield Statement(max(self.verdict_places), max(self.verdict_places) + 1, right.pop(), JUDGED)

    def _stated(self, start: int, slot: Slot | None, strength: int) -> Iterator[Statement]:
        """The statement, unless its sentence asks, supposes, denies or tells of somebody else."""
        if slot is None:
            return
        end = self._ends[slot.end - 1]
        before = self._before(start)
        denied = self.kinds[start] not in "g:=" and self._denied_clause(start)
        if self.kinds[slot.end:slot.end + 1] == "q":
            return  # "B if ..."
        if "would" in " ".join(token.form for token in self.tokens[start:slot.start]):
            if strength < DECLARED:
                return
            strength = CLOSING
        asked = self.kinds[end:end + 1] == "?" and not (
            strength == DECLARED and self.heads(start) and slot.end == end)
        if "q" in before.rpartition("g")[2] or "q" in self.kinds[start:slot.start] or denied or asked:
            return
        yield Statement(start, slot.end, slot.letter, strength)

    def taken_back(self, start: int, end: int) -> bool:
        """Whether something between these tokens takes back what was stated before ("wait", "No,", "But")."""
        return any(self.kinds[at] == "t" or (self.kinds[at] == "g" and self._opens_or_denies(at))
                   for at in range(start, end + 1) if at < len(self.kinds))

    def _opens_or_denies(self, at: int) -> bool:
        return at == self._starts[at] or "z" in self._before(at)

    def retracted(self, start: int) -> bool:
        """Whether a sentence behind this token takes back what was stated ("Wait, ...")."""
        return any(self.tokens[at].form in _RETRACTING and self.kinds[at] == "t" and self._before(at) in ("", "g") and (
            self.kinds[max(0, at - 1):at] != "?")
                   for at in range(start, len(self.kinds)))

    def denies(self, letter: str | None, start: int) -> bool:
        """Whether this very letter is called wrong behind this token."""
        return letter is not None and any(
            self.kinds[at] == LETTER and self.tokens[at].form.upper() == letter and _DENIED.match(self.kinds, at + 1)
            and "q" not in self._before(at) for at in range(start, len(self.kinds)))

    def next_question(self, start: int) -> int:
        """Where, behind this token, the options of another question are listed; else the end of the text."""
        opened = [at for at in sorted(self.listed) if at >= start and self.tokens[at].form == "a"]
        return opened[0] if opened else len(self.tokens)

    def is_last_line(self, statement: Statement) -> bool:
        """Whether the statement is an answer line, and the last one of the text."""
        line = self.kinds.rfind("/") + 1
        return line <= statement.start and _ANSWER_LINE.match(self.kinds, line) is not None

    # -- options judged one by one ------------------------------------------------------------------------------------

    def verdicts(self, words: Mapping[str, bool] = _YES_NO) -> dict[str, bool]:
        """Letter -> judgement, of two lines or more that begin with a letter and end in yes or no, or hold a tick."""
        said: dict[str, bool] = {}
        self.verdict_places: list[int] = []
        ticked = 0
        for start, end in self._lines():
            first = re.compile("[xrfo,]*(?P<letter>[L])").match(self.kinds, start, end)
            if first is None:
                continue
            letter = self.tokens[first.start("letter")].form.upper()
            verdict = self._verdict(start, first.end(), end, letter, words)
            if verdict is not None:
                said[letter] = verdict
                ticked += self._has_tick(start, end) or (verdict and "r" in self.kinds[start:end])
                self.verdict_places.append(end - 1)
        lone = len(said) == 1 and ticked == 1 and all(said.values()) and len(self.listed) >= 2
        return said if len(said) >= 2 or lone else {}

    def _lines(self) -> Iterator[tuple[int, int]]:
        start = 0
        for end, kind in enumerate(self.kinds + "/"):
            if kind == "/":
                if end > start:
                    yield start, end
                start = end + 1

    def _has_tick(self, start: int, end: int) -> bool:
        return any(token.form in _TICKS for token in self.tokens[start:end])

    def _verdict(self, start: int, body: int, end: int, letter: str,
                 judging: Mapping[str, bool]) -> bool | None:
        for token in self.tokens[start:end]:
            if token.form in _TICKS:
                return _TICKS[token.form]
        words = [token for token in self.tokens[body:end] if token.kind not in ".,:d|"]
        if re.compile("[.:,d]?[rxwzt][.,]").match(self.kinds, body, end) and words[0].form in judging:
            return judging[words[0].form]  # "B. Correct, since ..."
        if len(words) > 1 and words[-1].kind in "no" and words[-2].kind == "r":
            words.pop()  # "<- the correct answer"
        if not words or words[-1].form not in judging:
            return None
        if self._options.is_text(letter, [token.form for token in words]):
            return None  # an option that ends in such a word
        denied = len(words) > 1 and words[-2].kind == "z" and words[-2].form != "no"
        return judging[words[-1].form] != denied


_SHORTENED = frozenset("dr mr mrs ms prof vol fig ch sec eq approx etc vs no st".split())
_MULTIPLES = frozenset("hundred thousand million billion percent times more less".split())


_RETRACTING = frozenset(("wait", "hmm", "oops", "hold on", "no"))
_ANSWER_LINE = re.compile(r"[xrfosh]{0,5}n[froa]{0,4}(?:[:=d]|[./]?$)")
_BARE_LINE = re.compile(r"[of]{0,2}[Lc][.:]?$")


def is_answer_line(line: str) -> bool:
    """Whether a plain line is there for the answer: "Answer: B", "Answer", "Correct option - (B)"."""
    return _ANSWER_LINE.match("".join(token.kind for token in wording.tokens(line))) is not None


def is_bare_line(line: str) -> bool:
    """Whether a plain line is a letter and nothing else."""
    return _BARE_LINE.match("".join(token.kind for token in wording.tokens(line))) is not None


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
        elif tokens[at].form in ("no", "nope", "нет", "nein", "non") and begins and kinds[at + 1:at + 2] in ([","], ["."]):
            kinds[at] = "t"
        elif tokens[at].form == "*":
            kinds[at] = "f"
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


class _Options:
    """The options' texts, found by their words."""

    def __init__(self, choices: Mapping[str, str] | None) -> None:
        self._by_first: dict[str, list[tuple[list[str], str]]] = {}
        self._texts: dict[str, list[str]] = {}
        self.hold_letters = False
        seen: dict[tuple[str, ...], set[str]] = {}
        for letter, text in (choices or {}).items():
            words = self._texts[letter] = _words(wording.tokens(text))
            self.hold_letters |= any(word.upper() in LETTERS for word in words[1:] or words)
            for form in (words, words[1:] if words[:1] and words[0] in ("a", "an", "the") else words):
                if form:
                    seen.setdefault(tuple(form), set()).add(letter)
        for form, letters in seen.items():
            if len(letters) == 1:
                self._by_first.setdefault(form[0], []).append((list(form), *letters))

    def begins(self, token: Token) -> bool:
        return token.form.partition(" ")[0] in self._by_first

    def at(self, tokens: list[Token], place: int) -> tuple[str, int] | None:
        """(letter, end) of the longest option text that begins at this token and ends with one."""
        if place >= len(tokens) or not self.begins(tokens[place]):
            return None
        best: tuple[str, int] | None = None
        for words, letter in self._by_first[tokens[place].form.partition(" ")[0]]:
            end, have = place, 0
            while end < len(tokens) and have < len(words):
                part = tokens[end].form.split(" ") if tokens[end].form != "\n" else ["\n"]
                if words[have:have + len(part)] != part:
                    break
                have, end = have + len(part), end + 1
            if have == len(words) and (best is None or end > best[1]):
                best = letter, end
        return best

    def covered(self, tokens: list[Token]) -> frozenset[int]:
        """The tokens that stand within an option's text, but for its first."""
        found: set[int] = set()
        for place in range(len(tokens)):
            option = self.at(tokens, place)
            if option is not None:
                found.update(range(place + 1, option[1]))
        return frozenset(found)

    def is_text(self, letter: str, words: list[str]) -> bool:
        return self._texts.get(letter) == " ".join(words).split()


def _words(tokens: list[Token]) -> list[str]:
    words = [word for token in tokens for word in token.form.split(" ")]
    while words and words[-1] in (".", "!", "?"):
        words.pop()
    return words
