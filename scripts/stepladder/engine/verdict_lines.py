"""Options judged one by one, a line each: "B. 66 yes", "C) Rome: incorrect", "| D | ✔ |"."""

from __future__ import annotations

import re
from collections.abc import Mapping

from .passage import Passage

TICKS = {"✓": True, "✔": True, "✅": True, "☑": True, "✗": False, "✘": False, "❌": False, "✖": False}
YES_NO = {"yes": True, "correct": True, "right": True, "no": False, "incorrect": False, "wrong": False}
TRUE_FALSE = {"true": True, "false": False}

_FIRST = re.compile("[xrfo,]{0,5}(?P<letter>L)")
_AT_ONCE = re.compile("[.:,d]?[rxwzt][.,]")
_MARKS = frozenset(".,:d|")


def judged(passage: Passage, words: Mapping[str, bool] = YES_NO) -> dict[str, tuple[bool, int]]:
    """Letter -> (judgement, last token of its line), of two lines or more that begin with a letter and judge it.

    A line judges by a tick, or by its first or last word, which is one of `words`. One line alone counts where it is
    the one called right among options that are listed.
    """
    found: dict[str, tuple[bool, int]] = {}
    for start, end in passage.lines():
        first = _FIRST.match(passage.kinds, start, end)
        if first is not None:
            letter = passage.letter_at(first.start("letter"))
            verdict = _verdict(passage, letter, start, first.end(), end, words)
            if verdict is not None:
                found[letter] = verdict, end - 1
    lone = len(found) == 1 and all(right for right, _ in found.values()) and len(passage.listed) >= 2
    return found if len(found) >= 2 or lone else {}


def _verdict(passage: Passage, letter: str, start: int, body: int, end: int, judging: Mapping[str, bool]
             ) -> bool | None:
    """What a line says of its letter; `body` is the token behind the letter."""
    for token in passage.tokens[start:end]:
        if token.form in TICKS:
            return TICKS[token.form]
    words = [token for token in passage.tokens[body:end] if token.kind not in _MARKS]
    if _AT_ONCE.match(passage.kinds, body, end) and words[0].form in judging:
        return judging[words[0].form]  # "B. Correct, since ..."
    if len(words) > 1 and words[-1].kind in "no" and words[-2].kind == "r":
        words.pop()  # "<- the correct answer"
    if not words or words[-1].form not in judging:
        return None
    if passage.options.is_text(letter, [token.form for token in words]):
        return None  # an option that ends in such a word
    denied = len(words) > 1 and words[-2].kind == "z" and words[-2].form != "no"
    return judging[words[-1].form] != denied
