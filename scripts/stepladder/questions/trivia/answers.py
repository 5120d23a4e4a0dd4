"""An open question's answer: which of its aliases to show, and when two answers are, or may be, the same."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence

from ..text import clean
from .words import COUNTRIES, KIN, name_set

MAX_WORDS, MAX_CHARS = 6, 45
_PARENTHESES = re.compile(r"\s*\([^)]*\)?")
_ARTICLES = re.compile(r"\b(?:a|an|the)\b")
_ROMAN = re.compile(r"(?<= )[IVX][ivx]*\b")  # George VI
_NAME_PARTS = re.compile(r"\b(Mc|O')([a-z])")
_SMALL = name_set("of the and in on to a an de la le du von van der for at from with by or st del di da y")
_JUNK = re.compile(
    r"^(?:list|history|geography|people|economy|demographics|flag|culture|religion|transport|outline|politics|music|"
    r"education|cuisine|climate|government|capital|christianity|geology|assassination|military) (?:of|in)\b"
    r"|'s$|\bISO\b|LOCODE|[/:%#]", re.IGNORECASE)
_SEVERAL = re.compile(
    r"\b(?:or|both|either)\b|[/;:=]|\.\.\.|\u2026|, ?and\b|\d\)|[*\u2022\u00b7]", re.IGNORECASE)
_PLACE_NOUN = re.compile(
    r"^(?:city|town|county|state|isle|island|river) of | (?:city|town|county|state|island|river|singer)$")


def normalise(text: str) -> str:
    """The form in which answers are compared, as TriviaQA's own scoring does: no case, accents, articles, signs."""
    plain = "".join(char for char in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(char))
    plain = re.sub(r"[^\w\s]", " ", _PARENTHESES.sub(" ", plain)).replace("_", " ")
    return " ".join(_ARTICLES.sub(" ", plain).split())


def shown(aliases: Sequence[str], canonical: bool) -> str | None:
    """The alias to print as an option; None when the answer is a sentence, a list, or not in Latin letters.

    With canonical aliases it is the first, in the best spelling found among the others. Otherwise it is the alias
    most like all the others: redirect lists are full of slips, and the true name is in their middle.
    """
    texts = [text for text in (_tidy(alias, aliases) for alias in aliases) if text]
    if canonical:
        candidates = [text for text in texts if normalise(text) == normalise(_bare(aliases[0]))] or texts[:1]
    else:
        candidates = [text for text in texts if not _JUNK.search(text)]
    usable = sorted({text for text in candidates if _usable(text)}, key=lambda text: (candidates.index(text), text))
    if not usable:
        return None
    if canonical:
        return min(usable, key=lambda text: (_oddness(text, texts), usable.index(text)))
    ambiguous = {_tidy(alias, aliases) for alias in aliases if "(disambiguation" in alias.casefold()}
    pieces = Counter(piece for text in texts for piece in set(_pieces(text)))

    def score(text: str) -> tuple[float, int, str]:
        return (_typical(text, pieces) + 0.1 * (text in ambiguous) - 0.3 * _oddness(text, texts), -len(text), text)

    return max(usable, key=score)


def _tidy(alias: str, aliases: Sequence[str]) -> str:
    """An alias without what no reader needs; one all in capitals as another alias spells it, else as names are."""
    text = _bare(alias)
    if not (text.isupper() and (" " in text or len(text) > 5)):
        return text
    spelt = [other for other in map(_bare, aliases) if other.casefold() == text.casefold()]
    named = [other for other in spelt if not other.isupper() and all(word[:1].isupper() or word in _SMALL
                                                                     for word in other.split())]
    return named[0] if named else _NAME_PARTS.sub(lambda found: found[1] + found[2].upper(), _ROMAN.sub(
        lambda found: found[0].upper(), text.title()))


def _bare(alias: str) -> str:
    return clean(_PARENTHESES.sub(" ", alias)).strip(" '\"\u2018\u2019\u201c\u201d.,")


def _usable(text: str) -> bool:
    return (len(text) <= MAX_CHARS and len(text.split()) <= MAX_WORDS and not _SEVERAL.search(text)
            and any(char.isalnum() for char in text) and all(ord(char) < 0x250 or char in "\u2019" for char in text))


def _oddness(text: str, others: Sequence[str]) -> int:
    """How odd a spelling looks: 0 for "South Dakota", more for "South dakota", "SOUTH DAKOTA", "South-Dakota"."""
    words = re.findall(r"[^\W\d_]+(?:['\u2019][^\W\d_]+)?", text)
    odd = 2 * ("," in text) + 2 * (text.isupper() and len(text) > 4) + (not text.isascii()) + text[:1].islower()
    odd += any(word[0].islower() and word not in _SMALL for word in words[1:])
    if re.search(r"\w[-.]\w", text):
        odd += re.sub(r"[-.]", " ", text).casefold() in {other.casefold() for other in others}
    odd += bool(re.search(r"[^\w\s'\u2019&.,!?-]", text))
    plain = normalise(text)
    if plain not in COUNTRIES:
        odd += bool(set(plain.split()) & COUNTRIES) and len(words) > 1
    without = _PLACE_NOUN.sub("", plain)
    return odd + (without != plain and without in set(map(normalise, others)))


def _pieces(text: str) -> list[str]:
    form = f" {normalise(text)} "
    return [form[place:place + 3] for place in range(len(form) - 2)]


def _typical(text: str, pieces: Counter[str]) -> float:
    own = _pieces(text)
    return sum(pieces[piece] for piece in own) / (len(own) + 4) / max(pieces.values()) if own else 0.0


class Answer:
    """What tells answers apart: normalised aliases and their words."""

    __slots__ = ("forms", "text", "words")

    def __init__(self, text: str, aliases: Sequence[str]) -> None:
        self.text = text
        self.forms = frozenset(filter(None, map(normalise, [text, *aliases])))
        self.words = frozenset(normalise(text).split())

    def may_be(self, other: Answer) -> bool:
        """Whether the two may mean the same, or one holds the other ("Hills" in "Cotswold Hills")."""
        if self.forms & other.forms or self.words <= other.words or other.words <= self.words:
            return True
        if _stem(" ".join(sorted(self.words))) == _stem(" ".join(sorted(other.words))):
            return True
        if any(self.words <= set(form.split()) for form in other.forms if len(form) < 40) or any(
                other.words <= set(form.split()) for form in self.forms if len(form) < 40):
            return True
        return any(self.forms & kin and other.forms & kin for kin in KIN)

    def is_named_in(self, text: str) -> bool:
        """Whether a normalised text contains the answer."""
        padded = f" {text} "
        return any(f" {form} " in padded for form in self.forms if len(form) > 2 or form.isdigit())


def _stem(text: str) -> str:
    return re.sub(r"(?:es|s|ing|ed)\b", "", text)
