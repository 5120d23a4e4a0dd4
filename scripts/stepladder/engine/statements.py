"""Where a reply states its answer: the forms that such statements take around the slot of passage.py.

Each form has a strength: WRITTEN (a line "Answer: B", a box), DECLARED ("the answer is B", "B is the right one", "I
choose B"), CONCLUDED ("so B", "it is B", "B" alone), JUDGED ("B is correct"), CLOSING (a last sentence "... is B").
What stands in a question, under a condition, in somebody else's mouth or after a "not" is no statement.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from . import verdict_lines, wording
from .passage import Passage, Slot
from .wording import LETTER, SMALL_LETTER

CLOSING, JUDGED, CONCLUDED, DECLARED, WRITTEN = range(5)
REACH = 12  # words between "answer" and the "is" that belongs to it

_THE_ANSWER = re.compile("f{1,2}r{0,2}[no]")
_JUDGEMENT = re.compile(
    r"[wfsbo,:d]{0,9}?v[fsa]{0,4}(?:oh?)?(?:r[fr]{0,2}[no]|f?n|f{1,2}o|r|k)|[fs]?k|af{0,2}r?f?n|v(?=[./]|$)")
_IS_THE_ONE = re.compile("n$|r.{0,2}o$")
_AMONG = re.compile(r"L[,fo]?j[fo]{0,2}$")
_ENDS = re.compile(r"[f,]{0,3}(?:hv?f?)?(?:[./?bgzdtm,:|]|$)")
_CLOSES = re.compile(r"[f,]{0,3}(?:hv?f?)?(?:[./]|$|,z|,?[bm])")
_LEAD = re.compile("[fstovgih,:r]{0,6}")
_LIST_MARK = re.compile("[/o]{0,4}")
_ANSWER_LINE = re.compile(r"[xrfosh]{0,5}n[froa]{0,4}(?:[:=d]|[./]?$)")
_BARE_LINE = re.compile(r"[of]{0,2}[Lc][.:]?$")
_OWN = ("i ", "we ", "my ")


@dataclass(frozen=True)
class Statement:
    """Tokens [start, end) that state `letter`, or, where it is None, several letters at once or none of them."""

    start: int
    end: int
    letter: str | None
    strength: int


def statements(passage: Passage) -> list[Statement]:
    """All statements of a passage in the order of their ends."""
    forms = (_declared, _chosen, _concluded, _judged, _alone, _opening, _closing, _by_verdicts)
    return sorted({one for form in forms for one in form(passage)}, key=lambda one: (one.end, one.strength))


def is_answer_line(line: str) -> bool:
    """Whether a plain line is there for the answer: "Answer: B", "Answer", "Correct option - (B)"."""
    return wording.may_announce(line) and (
        _ANSWER_LINE.match("".join(token.kind for token in wording.tokens(line))) is not None)


def is_bare_line(line: str) -> bool:
    """Whether a plain line is a letter and nothing else."""
    return _BARE_LINE.match("".join(token.kind for token in wording.tokens(line))) is not None


def is_written(passage: Passage, label: int) -> bool:
    """Whether a word for "answer" heads a line that is there for the answer."""
    line = passage.starts[label]
    return (line == 0 or passage.kinds[line - 1] == "/") and _ANSWER_LINE.match(passage.kinds, line) is not None


def is_last_line(passage: Passage, statement: Statement) -> bool:
    """Whether a statement is an answer line, and the last line of its text."""
    return statement.strength == WRITTEN and statement.start > passage.kinds.rfind("/")


# -- the forms --------------------------------------------------------------------------------------------------------

def _stated(passage: Passage, start: int, slot: Slot | None, strength: int) -> Iterator[Statement]:
    """The statement, unless its sentence asks, supposes, denies or tells of somebody else; "would be" weakens it."""
    if slot is None or passage.kinds[slot.end:slot.end + 1] == "q":
        return
    end = passage.ends[slot.end - 1]
    asked = passage.kinds[end:end + 1] == "?" and not (
        strength >= DECLARED and passage.heads(start) and slot.end == end)
    doubted = "q" in passage.before(start).rpartition("g")[2] or "q" in passage.kinds[start:slot.start]
    denied = passage.kinds[start] not in "g:=" and passage.denied_clause(start)
    if asked or doubted or denied:
        return
    if any("would" in token.form for token in passage.tokens[start:slot.start]):
        if strength < DECLARED:
            return
        strength = CLOSING
    yield Statement(start, slot.end, slot.letter, strength)


def _declared(passage: Passage) -> Iterator[Statement]:
    """"Answer: B", "the answer to the question is B", "the right option is B", "respuesta correcta: B"."""
    for start, kind in enumerate(passage.kinds):
        if kind in "no" or (kind == "r" and passage.foreign(start)):
            written = kind == "n" and is_written(passage, start)
            yield from _stated(passage, start, _after_label(passage, start), WRITTEN if written else DECLARED)


def _after_label(passage: Passage, label: int) -> Slot | None:
    """What a word for "answer" announces. A word for "option" announces only what is said to be the right one."""
    kinds, foreign, heads = passage.kinds, passage.foreign(label), passage.heads(label)
    sure = kinds[label] in "nr" or "r" in passage.before(label)[-2:] or foreign
    direct = passage.slot(label + 1, 3) if sure and kinds[label] != "r" else None
    if direct is not None and not direct.text and (heads or foreign or _CLOSES.match(kinds, direct.end)):
        return direct
    if kinds[label:label + 2] == "n/" and heads:
        return passage.slot(label + 1)
    for at in range(label + 1, min(label + REACH, len(kinds))):
        if kinds[at] in "./?qLt" or (kinds[at] in "zx" and "h" not in kinds[label + 1:at]):
            return None  # but "the one that is not true is B"
        sure = sure or kinds[at] in "rkfpzx" or (kinds[at] == ":" and heads)
        if kinds[at] in "v:=d" and sure and (found := passage.slot(at + 1)) is not None:
            return found
    return None


def _chosen(passage: Passage) -> Iterator[Statement]:
    """"I choose B", "Pick B", "that leaves B", "which makes B the right one"."""
    for start, kind in enumerate(passage.kinds):
        if kind == "p":
            before, form = passage.before(start)[-6:], passage.tokens[start].form
            if "i" in before or form.startswith(_OWN) or passage.foreign(start) or not before.strip("sf,gt"):
                yield from _stated(passage, start, passage.slot(start + 1), DECLARED)
        elif kind == "l" and (found := passage.slot(start + 1)) is not None:
            makes = passage.tokens[start].form.startswith("mak")
            if not makes or _THE_ANSWER.match(passage.kinds, found.end):
                yield from _stated(passage, start, found, CONCLUDED)


def _concluded(passage: Passage) -> Iterator[Statement]:
    """"so B", "it is B", "not A but B"."""
    for start, kind in enumerate(passage.kinds):
        follows = kind == "s" or (kind == "g" and "z" in passage.before(start)) or (
            kind == "h" and (passage.kinds[start + 1:start + 2] == "v" or "'" in passage.tokens[start].form))
        found = passage.slot(start + 1) if follows else None
        if found is not None and _ENDS.match(passage.kinds, found.end):
            yield from _stated(passage, start, found, CONCLUDED)


def _judged(passage: Passage) -> Iterator[Statement]:
    """"B is the answer", "option B, Paris, is correct", "B fits", "B as the answer"."""
    kinds = passage.kinds
    for start, kind in enumerate(kinds):
        slot = passage.lettered(start) if kind == LETTER else None
        if kind == "w" and (named := passage.options.at(passage.tokens, start)) is not None:
            slot = Slot(start, named[1], named[0], text=True)
        inverted = slot and kinds[start - 1:start] == "v" and _THE_ANSWER.match(kinds, slot.end)  # "ist B die Antwort"
        found = inverted or (slot and _JUDGEMENT.match(kinds, slot.end))
        if not found:
            continue
        rest, strong = passage.after(found.end()), _IS_THE_ONE.search(found.group()) is not None
        if "q" in rest or (not strong and ("g" in rest or "z" in rest)):
            continue
        one_of_some = _AMONG.search(kinds, max(0, start - 4), start) or any(
            token.form == "also" for token in passage.tokens[slot.end:found.end()])
        yield from _stated(passage, start, Slot(start, found.end(), None if one_of_some else slot.letter),
                           DECLARED if strong else JUDGED)


def _alone(passage: Passage) -> Iterator[Statement]:
    """A sentence that is nothing but an answer: "(B).", "D, then.", "No, B."."""
    for start in sorted(set(passage.starts)):
        lead = _LEAD.match(passage.kinds, start).end()
        found = next(filter(None, map(passage.answer_at, range(start, lead + 1))), None)
        slot = passage.checked(found) if found is not None else None
        headed = start == 0 or passage.kinds[start - 1] == "/"
        if slot and _CLOSES.match(passage.kinds, slot.end) and _may_stand_alone(passage, slot) and not (
                headed and passage.told_over(slot)):
            yield from _stated(passage, start, slot, CONCLUDED)


def _may_stand_alone(passage: Passage, slot: Slot) -> bool:
    """Not the article "a", nor a letter that numbers an option then spoken of ("A. Madrid is in Spain").

    An option's text alone counts at the end; where it is a common word, only as the whole reply.
    """
    kinds, first = passage.kinds, passage.tokens[slot.start]
    if slot.text:
        whole = slot.start == 0 and not kinds[slot.end:slot.end + 3].strip("./")
        return whole or (slot.start >= passage.last and not set("wL").isdisjoint(kinds[slot.start:slot.end]))
    if kinds[slot.start] == SMALL_LETTER and first.form == "a" and not first.closed:
        return False
    spoken_of = passage.options.at(passage.tokens, slot.end + 1) if kinds[slot.end:slot.end + 1] in (".", ":") else None
    return slot.start == 0 or spoken_of is None or spoken_of[0] != slot.letter


def _opening(passage: Passage) -> Iterator[Statement]:
    """A reply that begins with its answer: "B. Paris is the capital", "(B) Paris", "Paris" on a line of its own."""
    at = _LIST_MARK.match(passage.kinds).end()
    found = passage.answer_at(at)
    if found is None or (slot := passage.checked(found)) is None:
        return
    following = passage.kinds[found.end:found.end + 1]
    marked = (passage.tokens[at].closed or following in (":", ",", "d")) and not passage.told_over(slot)
    if following == "/" and not passage.told_over(slot) if found.text else marked:
        yield from _stated(passage, at, slot, CONCLUDED)


def _closing(passage: Passage) -> Iterator[Statement]:
    """A last sentence that ends in the answer: "the coldest one is D.", "it swims but does not fly: B"."""
    kinds, last = passage.kinds, range(passage.last, len(passage.kinds))
    if not last or not passage.listed.isdisjoint(last):
        return
    letters = {passage.letter_at(at) for at in last if kinds[at] == LETTER and not passage.denied_clause(at)}
    strength = JUDGED if kinds[passage.last] == "s" else CLOSING
    for at in last:
        found = passage.slot(at + 1) if kinds[at] in "v:=doy," else None
        if found is None or (kinds[at] in "o:=," and len(letters) > 1) or (kinds[at] == "," and found.text):
            continue
        closes = _CLOSES.match(kinds, found.end) or (kinds[at] == "o" and passage.tokens[found.end - 1].closed)
        if closes and (kinds[at] == "o" or found.text or not passage.options.hold_letters):
            yield from _stated(passage, at, found, strength)
    final = passage.lettered(last[-1])
    if final is not None and passage.tokens[last[-1]].opened and len(letters) == 1:
        yield from _stated(passage, last[-1], final, CLOSING)


def _by_verdicts(passage: Passage) -> Iterator[Statement]:
    """Options judged one by one, of which exactly one is right."""
    said = verdict_lines.judged(passage) or verdict_lines.judged(passage, verdict_lines.TRUE_FALSE)
    right = [letter for letter, (yes, _) in said.items() if yes]
    if len(right) == 1:
        place = max(at for _, at in said.values())
        yield Statement(place, place + 1, right[0], JUDGED)
