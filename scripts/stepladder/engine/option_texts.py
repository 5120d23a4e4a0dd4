"""The options' own texts within a reply: where one of them is written out, word for word."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

from ..core.records import LETTERS
from . import wording
from .wording import Token

ARTICLES = ("a", "an", "the")


class OptionTexts:
    """The texts of the options (letter -> text, or None), found by their words, with and without a leading article.

    hold_letters: whether a text holds a letter A to D of its own ("Point C"), so that a letter may be part of one.
    """

    def __init__(self, choices: Mapping[str, str] | None) -> None:
        self._by_first: dict[str, list[tuple[list[str], str]]] = {}
        self._texts: dict[str, list[str]] = {}
        self.hold_letters = False
        seen: dict[tuple[str, ...], set[str]] = {}
        for letter, text in (choices or {}).items():
            words = self._texts[letter] = _words(wording.tokens(text))
            self.hold_letters |= any(word.upper() in LETTERS for word in words[1:] or words)
            for form in (words, words[1:] if words[:1] and words[0] in ARTICLES else words):
                if form:
                    seen.setdefault(tuple(form), set()).add(letter)
        for form, letters in seen.items():
            if len(letters) == 1:
                self._by_first.setdefault(form[0], []).append((list(form), *letters))

    @classmethod
    def of(cls, choices: Mapping[str, str] | None) -> OptionTexts:
        """The texts of these options, kept from one reply to the next."""
        return _kept(None if choices is None else tuple(choices.items()))

    def at(self, tokens: list[Token], place: int) -> tuple[str, int] | None:
        """(letter, end) of the longest option text that begins at this token and ends with one."""
        if place >= len(tokens):
            return None
        best: tuple[str, int] | None = None
        for words, letter in self._by_first.get(tokens[place].form.partition(" ")[0], ()):
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

    def is_text(self, letter: str, words: Sequence[str]) -> bool:
        """Whether these words are the option's text."""
        return self._texts.get(letter) == " ".join(words).split()


@lru_cache(8)
def _kept(choices: tuple[tuple[str, str], ...] | None) -> OptionTexts:
    return OptionTexts(None if choices is None else dict(choices))


def _words(tokens: list[Token]) -> list[str]:
    words = [word for token in tokens for word in token.form.split(" ")]
    while words and words[-1] in (".", "!", "?"):
        words.pop()
    return words
