"""The steps of a reasoning: what it says of its own, and what only repeats or asserts.

    steps = Steps.of("4 x 2 = 8.\\nA. 6 no\\nB. 8 yes", question, choices)    # own=["4 x 2 = 8."], checked={"A", "B"}
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from ..engine import prompts
from .words import NUMBERS, listed

LEAST_WORDS = 3  # words and signs of its own, from which a reasoning has a step
COPIED_WORDS = 4  # words in a row, from which a sentence is a copy of the question and not a word that it shares
LEAST_NUMBERS = 3  # of which one at least is the question's, where steps compute about it

_SENTENCE = re.compile(r"(?<=[.!?])(?<!\b[A-Da-d]\.)\s+|\n+")
_WORDS = re.compile(r"\w+|[=+*/×÷<>-]")
_OPTION = re.compile(r"^\W*(?:option\s+|choice\s+)?\(?(?P<letter>[A-D])\)?\s*[.):\-–]\)?\s*(?P<rest>.*)$",
                     re.IGNORECASE | re.DOTALL)
_PIECES, _STEM = re.compile(r"\d+|[^\W\d_]+"), 5
_EMPTY = listed("no_units", "labels", "judging", "asserting")
_LABELS, _JUDGING = listed("labels"), listed("judging")
_ASSERTING = listed("labels", "judging", "asserting")


@dataclass(frozen=True)
class Steps:
    """A reasoning's sentences and lines by kind.

    own: those that say something. copied: those that stand in the question, its options or the prompt's example.
    asserted: those that only call an option the answer. checked: the options that a line judges. foreign: whether its
    own sentences have LEAST_NUMBERS or more, and no word and no number of question and options, which have some.
    """

    own: tuple[str, ...]
    copied: tuple[str, ...]
    asserted: tuple[str, ...]
    checked: frozenset[str]
    foreign: bool

    @classmethod
    def of(cls, body: str, question: str, choices: Mapping[str, str]) -> Steps:
        """The steps of a reasoning without its answer line. choices: the options, letter -> text."""
        options = {letter: _joined(_words(text)) for letter, text in choices.items()}
        sources = [_joined(_words(question)), *options.values(), *_examples()]
        asked = {_joined(_words(sentence)) for sentence in _SENTENCE.split(question)}
        own, copied, asserted, checked = [], [], [], set()
        for sentence in _SENTENCE.split(body):
            words = _words(sentence)
            line = _OPTION.match(sentence)
            rest = _words(line["rest"]) if line else words
            judged = bool(rest) and rest[-1] in _JUDGING
            plain = rest[:-1] if judged else rest
            if not words:
                continue
            if line and (_joined(plain) in ("  ", *options.values())
                         or _repeats(plain, options[line["letter"].upper()])):
                if judged:
                    checked.add(line["letter"].upper())
                else:
                    copied.append(sentence)
            elif _joined(rest) in asked or (
                    len(rest) >= COPIED_WORDS and any(_joined(rest) in source for source in sources)):
                copied.append(sentence)
            elif _asserts(rest, options.values()):
                asserted.append(sentence)
            else:
                own.append(sentence)
                if line and judged:
                    checked.add(line["letter"].upper())
        about = " ".join([question, *choices.values()])
        return cls(tuple(own), tuple(copied), tuple(asserted), frozenset(checked), _is_foreign(" ".join(own), about))

    @property
    def lack(self) -> str | None:
        """"copied options", "no step" or "foreign steps", where nothing leads to the answer; else None."""
        if sum(len(_words(sentence)) for sentence in self.own) >= LEAST_WORDS:
            return "foreign steps" if self.foreign else None
        return "copied options" if self.copied else "no step"

    @property
    def own_share(self) -> float:
        """The share of words, those of judged options apart, that stand in sentences of its own."""
        own, other = (sum(len(_words(sentence)) for sentence in group)
                      for group in (self.own, (*self.copied, *self.asserted)))
        return own / max(1, own + other)

    def share_of(self, text: str) -> float:
        """The share of a text's words that stand in sentences of its own."""
        wanted = set(_words(text))
        return len(wanted & {word for sentence in self.own for word in _words(sentence)}) / max(1, len(wanted))


def _repeats(words: Sequence[str], option: str) -> bool:
    """Whether a line is its option but for a slip ("A. Sparking her feelings")."""
    there = option.split()
    return 1 < len(words) <= len(there) + 1 and len(set(words) - set(there)) <= 1


def _is_foreign(own: str, about: str) -> bool:
    """Whether steps compute with numbers, and with nothing of a question that has numbers too."""
    said, asked = _content(own), _content(about)
    return (sum(map(str.isdecimal, said)) >= LEAST_NUMBERS and said.isdisjoint(asked)
            and any(map(str.isdecimal, asked)))


def _content(text: str) -> set[str]:
    """The numbers of a text and the beginnings of its words, without those that every text has."""
    return {NUMBERS.get(word, word[:_STEM]) for word in _PIECES.findall(text.casefold())
            if word.isdecimal() or word in NUMBERS or (len(word) >= 3 and word not in _EMPTY)}


def _words(text: str) -> list[str]:
    return _WORDS.findall(text.casefold())


def _joined(words: Sequence[str]) -> str:
    return f" {' '.join(words)} "


@cache
def _examples() -> tuple[str, ...]:
    """What a model finds in its prompt beside the question."""
    texts = []
    for variant in prompts.VARIANTS.values():
        if variant.example is not None:
            example, reply = variant.example
            texts += [_joined(_words(prompts.question_text(example))), _joined(_words(reply))]
    return tuple(dict.fromkeys(texts))


def _asserts(words: Sequence[str], options: Sequence[str]) -> bool:
    """Whether a sentence has no words but those that call something the answer, and an option's text."""
    if "right" in words and _LABELS.isdisjoint(words):
        return False  # "right: north"
    rest = [word for word in words if word not in _ASSERTING]
    return not rest or any(_joined(rest) in text or set(rest) <= set(text.split()) for text in options)
