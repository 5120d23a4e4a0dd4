"""Which puzzle kind a topic means, by the words that people use for it; none where most of the topic says otherwise.

"Family tree logic" is about families, "Family law" is not, nor is "Age of Enlightenment" about ages: more than half of
a topic's words must be a kind's own.
"""

from __future__ import annotations

import re

from .. import puzzles

ENOUGH = 0.5  # share of a topic's words: more of them must be a kind's
ALIASES = {
    "linear_seating": ("Row arrangement", "Seating in a line", "Straight line seating"),
    "circular_seating": ("Round table seating", "Seated around a circular table"),
    "family": ("Family relationships", "Kinship", "Family logic with generations", "Genealogy"),
    "truth_tellers": ("Knights and knaves", "Who is lying", "Liar paradoxes"),
    "orderings": ("Ranking and order", "Ordering", "Comparison of heights", "Order and ranking"),
    "calendars": ("Calendar", "Days of the week", "Day and date"),
    "clocks": ("Clock", "Time and work of clocks", "Time calculation"),
    "arithmetic": ("Arithmetic", "Arithmetic word problems", "Multi-step calculation", "Maths word problems"),
    "sequences": ("Number series", "Numerical series", "Number patterns", "Sequence completion",
                  "Arithmetic and geometric progressions"),
    "series": ("Alphanumeric series", "Letter series", "Alphabet series", "Mixed letter and number series"),
    "directions": ("Direction sense", "Directional sense", "Compass directions"),
    "ages": ("Problems on ages", "Age calculation"),
    "syllogisms": ("Syllogism", "Categorical syllogisms", "Venn diagrams"),
    "coding": ("Coding-decoding", "Code and decode", "Letter coding", "Cipher"),
}
"""Other names of the kinds, as topic lists have them."""

_STOP_WORDS = frozenset(re.findall(r"\w+", """
    and or the of a an in to with for from by on at is are be who what which how s
    problem puzzle question logical logic reasoning based arrangement involving test aptitude sense word
"""))


def kind_for(topic: str) -> str | None:
    """The puzzle kind that a topic means; None where it means something else, or several kinds alike by half."""
    wanted = _words(topic)
    if not wanted:
        return None
    shares = {kind: len(wanted & own) / len(wanted) for kind, own in _vocabularies().items()}
    best = max(shares, key=lambda kind: (shares[kind], _closeness(wanted, kind)))
    return best if shares[best] > ENOUGH else None


def kind_in(message: str) -> str | None:
    """The kind that a message asks a question about, be it a topic or prose that has a kind's name in it."""
    if (kind := kind_for(message)) is not None:
        return kind
    said = _words(message)
    named = {kind: max((len(words) for words in map(_words, _labels(kind)) if len(words) > 1 and words <= said),
                       default=0) for kind in puzzles.KINDS}
    best = max(named, key=lambda kind: named[kind])
    return best if named[best] else None


def _labels(kind: str) -> tuple[str, ...]:
    about = puzzles.KINDS[kind]
    return about.topic, *about.subtopics, *ALIASES.get(kind, ()), kind.replace("_", " ")


def _vocabularies() -> dict[str, frozenset[str]]:
    return {kind: frozenset().union(*map(_words, _labels(kind))) for kind in puzzles.KINDS}


def _closeness(wanted: frozenset[str], kind: str) -> float:
    """How much of one label a topic says: of two kinds that know all its words, that one is meant."""
    return max(len(wanted & words) / len(wanted | words) for words in map(_words, _labels(kind)) if words)


def _words(text: str) -> frozenset[str]:
    """Content words, plurals as singulars."""
    found = re.findall(r"[a-z]+", text.lower())
    singular = [word[:-1] if word.endswith("s") and len(word) > 3 and not word.endswith("ss") else word
                for word in found]
    return frozenset(word for word in singular if word not in _STOP_WORDS)
