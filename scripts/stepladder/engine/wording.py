"""The words of a reply, each with what it does in a sentence; the lists are in answer_words.toml.

    "".join(token.kind for token in wording.tokens("The answer is (B)."))    # "fnvL."

A kind is one character, so that a sentence's grammar is a short pattern over a string of kinds.
"""

from __future__ import annotations

import itertools
import re
import tomllib
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

KINDS = {"answer": "n", "option": "o", "is": "v", "it": "h", "filler": "f", "so": "s", "i": "i", "pick": "p",
         "leaves": "l", "yields": "y", "right": "r", "fits": "k", "wrong": "x", "not": "z", "or": "j", "rather": "m",
         "as": "a", "because": "b", "follows": "u", "but": "g", "doubt": "q", "takeback": "t", "none": "e"}
MARKS = {".": ".", "!": ".", "。": ".", "।": ".", "?": "?", "؟": "?", "\n": "/", ":": ":", "=": "=", "->": "=",
         "=>": "=", "→": "=", "⇒": "=", "==>": "=", "-->": "=", "-": "d", "–": "d", "—": "d", "―": "d", ",": ",",
         ";": ".", "|": "|", "،": ","}
LETTER, SMALL_LETTER, WORD = "L", "c", "w"
PHRASE_WORDS = 4

_UNSPACED = ("chinese", "japanese", "korean", "thai")
_SCRIPT = r"[\u0590-\u1fff\u3040-\ud7ff]"
_EDGE = re.compile(rf"(?<=[A-Da-d])(?={_SCRIPT})|(?<={_SCRIPT})(?=[A-Da-d](?![a-zA-Z]))|(?<=\b[A-D])'(?=[dt][iıuü]r\b)")
_CHAR = (r"[\w\u0300-\u036f\u0591-\u05c7\u064b-\u065f\u0900-\u0963\u0966-\u0dff\u0e00-\u0eff"  # with vowel signs
         r"\u200c\u200d]")
_TOKEN = re.compile(
    rf"==>|-->|->|=>|[^\W\d_]\.[^\W\d_]\.|n/a\b|(?<![\w)])-?\d+(?:[.,]\d+)*(?!\w)"
    rf"|{_CHAR}+(?:'{_CHAR}+|-{_CHAR}{{2,}})*|\n|[^\s\w]", re.IGNORECASE)
_DROPPED = frozenset("#*~\\")
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_OPEN, _CLOSE = frozenset("([{\"'“«「『【<"), frozenset(")]}\"'”»」』】>")


@dataclass(slots=True)
class Token:
    """A word, phrase or mark in its casefolded form.

    opened, closed: whether a bracket or quote stands right before it, right after it.
    """

    form: str
    kind: str
    opened: bool = False
    closed: bool = False


@cache
def _lexicon() -> dict[str, dict[str, str]]:
    """Language -> phrase -> kind."""
    with (Path(__file__).parent / "answer_words.toml").open("rb") as file:
        listed = tomllib.loads(unicodedata.normalize("NFKC", file.read().decode()))
    found: dict[str, dict[str, str]] = {}
    for language, kinds in listed.items():
        words = found[language] = {}
        for name, text in sorted(kinds.items(), key=lambda entry: entry[0] == "filler"):  # the least telling comes last
            for word in text.split():
                words.setdefault(word.replace("_", " ").casefold(), KINDS[name])
    return found


@cache
def _labels() -> dict[str, list[str]]:
    """Word for "answer", "option", "right" or "choose" -> the languages it is of, other than English."""
    found: dict[str, list[str]] = {}
    for language, words in _lexicon().items():
        for word, kind in words.items():
            if kind in "norp" and word not in _lexicon()["english"]:
                found.setdefault(word, []).append(language)
    return found


@cache
def _unspaced() -> re.Pattern[str]:
    words = {word for language in _UNSPACED for word in _lexicon()[language]}
    return re.compile("|".join(map(re.escape, sorted(words, key=len, reverse=True))))


def is_english(form: str) -> bool:
    """Whether this word is in the English list."""
    return form in _lexicon()["english"]


def tokens(text: str) -> list[Token]:
    """The tokens of plain text, in order. Brackets and quotes are none but mark their neighbours; pictures go."""
    if not text.isascii():  # no word of an unspaced language is ASCII
        text = _unspaced().sub(r" \g<0> ", text)
    raw = _TOKEN.findall(_THOUSANDS.sub("", _EDGE.sub(" ", text)))
    words, longest = _words_of(raw)
    made: list[Token] = []
    opened, place = False, 0
    while place < len(raw):
        form = raw[place]
        if form in _OPEN or form in _CLOSE:
            if made and form in _CLOSE:
                made[-1].closed = True
            opened = form in _OPEN
            place += 1
        elif _is_picture(form[0]) and form not in words:
            place += 1
        else:
            taken, kind = _kind(raw, place, words, longest)
            made.append(Token(" ".join(raw[place:place + taken]).casefold(), kind, opened))
            opened = False
            place += taken
    return made


@lru_cache(4096)
def _is_picture(sign: str) -> bool:
    return sign in _DROPPED or unicodedata.category(sign) in ("So", "Sk", "Cf")


def _words_of(raw: Sequence[str]) -> tuple[Mapping[str, str], Mapping[str, int]]:
    """The lexicon that counts for this text: English, and the languages whose labels occur."""
    forms = [form.casefold() for form in raw]
    labels = _labels()
    found = [labels[form] for form in forms if form in labels]
    found += [labels[pair] for one, two in itertools.pairwise(forms) if (pair := f"{one} {two}") in labels]
    return _merged(tuple(dict.fromkeys(itertools.chain(*found))))


@lru_cache(256)
def _merged(languages: tuple[str, ...]) -> tuple[Mapping[str, str], Mapping[str, int]]:
    """(phrase -> kind of these languages and English, first word -> words of the longest phrase that begins so)."""
    words: dict[str, str] = {}
    for language in [*languages, "english"]:
        words = {**_lexicon()[language], **words}
    longest: dict[str, int] = {}
    for phrase in words:
        first, *rest = phrase.split(" ")
        longest[first] = max(longest.get(first, 0), 1 + len(rest))
    return words, longest


def _kind(raw: Sequence[str], place: int, words: Mapping[str, str], longest: Mapping[str, int]) -> tuple[int, str]:
    """(words taken, kind) of what begins at `place`: the longest phrase that is listed."""
    form = raw[place]
    if form in MARKS:
        return 1, MARKS[form]
    if form in ("A", "B", "C", "D"):
        return 1, LETTER
    folded = form.casefold()
    for length in range(min(PHRASE_WORDS, longest.get(folded, 0), len(raw) - place), 0, -1):
        phrase = " ".join(raw[place:place + length]).casefold()
        if phrase in words:
            return length, words[phrase]
    if folded.endswith("n't"):
        return 1, KINDS["not"]
    return 1, SMALL_LETTER if form in ("a", "b", "c", "d") else WORD


@cache
def _answer_words() -> frozenset[str]:
    """The ASCII beginnings of all words for "answer"."""
    return frozenset(re.split(r"\W", word)[0] for words in _lexicon().values() for word, kind in words.items()
                     if kind == KINDS["answer"] and word.isascii())


def may_announce(line: str) -> bool:
    """Whether a word for "answer" may stand in a plain line: a cheap look, never False where one does."""
    return not line.isascii() or not _answer_words().isdisjoint(re.findall(r"\w+", line.casefold()))
