"""Option letters inside a reasoning: mapped back after the options were shown in another order.

Mapping is done where every standalone letter A-D of the text is plainly an option ("Option B", "(B)", "B." at the
start of a line, "Answer: B") or plainly not one (the article "A dog"). One letter in doubt, a lower-case option or
an option spoken of by its place ("the first option") and the whole text is refused: a wrong letter in a training
text teaches more harm than one text less.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from ..core.options import may_permute
from ..core.records import LETTERS, Record

_X = r"[A-D](?!\w)"
_STANDALONE = re.compile(rf"(?<!\w){_X}")
_ARTICLE = re.compile(
    r"(?<!\w)A(?= (?!(?:is|was|are|were|has|had|can|cannot|will|would|must|could|may|might|and|or|nor|to|in|at|of|on|"
    r"with|from|by|does|did|equals|because|since|as|that|which|but|if|so|yes|no)\b)[a-z])")
_WRAP, _UNWRAP = r"[(\[{\"'“‘*_`]{0,6}", r"[)\]}\"'”’*_`]{0,6}"
_AND = r"(?:,(?:\s*(?:and|or|nor)\b)?|/|&|(?:and|or|nor)\b)"  # each beginning has one way on, so nothing is tried twice
_LIST = rf"(?>{_WRAP}{_X}{_UNWRAP}(?:\s*{_AND}\s*(?:options? )?{_WRAP}{_X}{_UNWRAP}){{0,6}})"
_VERDICT = (r"(?:is|are|was|must be|would be|seems|cannot be)\s+"
            r"(?:\w+ly\s+|also\s+|not\s+|the\s+|both\s+|therefore\s+){0,3}"
            r"(?:correct|incorrect|right|wrong|true|false|best|answer|ruled|eliminated|excluded|possible|impossible|out)\b")
_REFERENCES = re.compile(
    rf"^[ \t>#*\-]*+{_WRAP}{_X}{_UNWRAP}[.):]{{1,3}}{_UNWRAP}(?=\s)"  # "B. Paris", at the start of a line
    rf"|^[ \t>#*\-]*+{_WRAP}{_X}{_UNWRAP}[ \t]*$"  # "B" alone on a line
    rf"|\({_X}\)"
    rf"|\b(?:[Oo]ptions?|OPTIONS?|[Cc]hoices?|[Aa]nswers?|ANSWER|[Ll]etters?)(?:\s+choice)?[\s*_:=]{{0,12}}"
    rf"(?:(?:is|are|was|must be|should be|would be|will be|therefore|then)[\s*_:=]{{1,12}}){{0,2}}{_LIST}"
    rf"|(?<!\w){_LIST}\s+{_VERDICT}"
    rf"|\b(?:[Ss]o|[Tt]hus|[Hh]ence|[Tt]herefore),?\s+(?:it is\s+|it's\s+)?{_WRAP}{_X}{_UNWRAP}(?=[.!]|\s*$)"
    rf"|\b(?:choose|pick|select|eliminate|exclude|reject|rule out|go with)\s+(?:options? )?{_LIST}"
    rf"|(?:####|\\boxed\{{)\s*{_X}", re.MULTILINE)
_LOWER_CASE = re.compile(
    r"\([a-d]\)|\b(?:[Oo]ptions?|[Cc]hoices?|[Ll]etters?)\s+[b-d]\b|^[ \t]*[a-d][.)]\s", re.MULTILINE)
_BY_PLACE = re.compile(
    r"\b(?:first|second|third|fourth|last|next|previous|former|latter|top|bottom|final|other two|middle)\s+"
    r"(?:two\s+|three\s+)?(?:options?|choices?|ones?|statements?|alternatives?)\b"
    r"|\b(?:options?|choices?|one)\s+(?:above|below|before|after|[1-4]|one|two|three|four)\b"
    r"|\b(?:of the above|the former|the latter)\b", re.IGNORECASE)
_OPTION_LINE = re.compile(rf"^(?P<letter>{_X})[.)] ")


def may_rotate(record: Record) -> bool:
    """Whether the options can change places so that letters in a reasoning about them can be mapped back."""
    texts = [record["question"], *record["choices"].values()]
    return may_permute(record) and not any(_letters(text) - {m.start() for m in _ARTICLE.finditer(text)}
                                           for text in texts)


def map_letters(text: str, back: Mapping[str, str]) -> str | None:
    """The text with every option letter replaced by back[letter]; None where a letter is in doubt.

    Four checked options in a row ("A. 69 no") are put back into the order A to D.
    """
    if all(shown == original for shown, original in back.items()):
        return text
    if _LOWER_CASE.search(text) or _BY_PLACE.search(text):
        return None
    named = {found.start() + offset for found in _REFERENCES.finditer(text)
             for offset in _letters(found.group())}
    articles = {found.start() for found in _ARTICLE.finditer(text)} - named
    if _letters(text) - named - articles:
        return None
    mapped = "".join(back[sign] if place in named else sign for place, sign in enumerate(text))
    return _in_order(mapped)


def _letters(text: str) -> set[int]:
    return {found.start() for found in _STANDALONE.finditer(text)}


def _in_order(text: str) -> str:
    lines = text.split("\n")
    for start in range(len(lines) - len(LETTERS) + 1):
        block = lines[start:start + len(LETTERS)]
        found = [_OPTION_LINE.match(line) for line in block]
        if all(found) and sorted(match["letter"] for match in found) == list(LETTERS):
            lines[start:start + len(LETTERS)] = sorted(block)
    return "\n".join(lines)
