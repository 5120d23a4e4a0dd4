"""Questions that are the same, or so alike that they must not stand on both sides of a split.

Texts are compared by the Jaccard similarity of their content words, so that neither word order nor "what is the name
of" counts. MinHash (rensa) finds the candidate pairs, each pair is then measured exactly, and pairs that hold are
joined (union-find) into groups. Within a group a question that repeats another one is dropped; the others stay,
and the group stays together. Puzzles are compared by their structure instead: their wordings are alike on purpose.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from functools import lru_cache
from typing import Any

from stepladder.core.records import Record

PERMUTATIONS, ROWS_A_BAND = 250, 5  # 50 bands: a pair at 0.6 is found with 98 %, one at 0.2 with 2 %
CHUNK = 20_000
LONG = 40  # content words from which a question is a passage with a question at its end
_EMPTY_WORDS = frozenset(re.findall(r"\w+", """
    a an the this that these those of in on at by to from for with as into about over under between is was are
    were be been being am do does did has have had can could would will shall should may might must and or but
    not if than then so what which who whom whose when where why how it its he she they we you i his her their
    your my our there here one following name named call called known give given term word used use also most
"""))
_TOKENS = re.compile(r"\w+|[^\w\s.,;:!?'\"()\u2018\u2019\u201c\u201d_]")
_SENTENCE = re.compile(r"(?<=[.!?])\s+|\n+")


@dataclass(slots=True)
class Removed:
    """A question dropped for another one: why, the other's id, and how similar the texts are."""

    index: int
    reason: str
    of: int
    similarity: float


@dataclass(slots=True)
class Grouping:
    """group[i]: number of the group question i is in. removed: what repeats another question."""

    group: list[int]
    removed: list[Removed] = field(default_factory=list)


def tokens(text: str) -> list[str]:
    """Words, numbers and meaningful signs of a text, without case and punctuation."""
    return _TOKENS.findall(unicodedata.normalize("NFKC", text).casefold())


def content(text: str) -> frozenset[str]:
    """The words that carry a text's meaning, plurals as singulars; all words where these are fewer than three."""
    words = tokens(text) or [text.strip()]
    chosen = {_singular(word) for word in words if word not in _EMPTY_WORDS}
    return frozenset(chosen if len(chosen) > 2 else words)


def _singular(word: str) -> str:
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word


def similarity(a: frozenset[str], b: frozenset[str]) -> float:
    """Jaccard similarity, 0 to 1."""
    return len(a & b) / len(a | b)


def compare(records: Sequence[Record], threshold: float, rank: Callable[[int], Any] = lambda index: index) -> Grouping:
    """Group all records; of questions that repeat one another the one of lowest `rank` stays."""
    sets = _Union(len(records))
    _join_equal(records, sets)
    texts = [index for index, record in enumerate(records) if structure(record) is None]
    content_of = lru_cache(maxsize=200_000)(lambda index: content(records[index]["question"]))
    for left, right in candidate_pairs([records[index]["question"] for index in texts]):
        a, b = texts[left], texts[right]
        if sets.find(a) != sets.find(b) and similarity(content_of(a), content_of(b)) >= threshold:
            sets.join(a, b)
    grouping = Grouping([sets.find(index) for index in range(len(records))])
    members: dict[int, list[int]] = {}
    for index, group in enumerate(grouping.group):
        members.setdefault(group, []).append(index)
    for group in members.values():
        if len(group) > 1:
            grouping.removed += _repeats(records, sorted(group, key=rank), threshold)
    grouping.removed.sort(key=lambda removed: removed.index)
    return grouping


def structure(record: Record) -> str | None:
    """What makes a puzzle the same as another one; None for questions that are no puzzles."""
    puzzle = record.get("puzzle")
    return puzzle.get("structure") if isinstance(puzzle, dict) else None


def candidate_pairs(texts: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Pairs of texts that may be similar: equal in at least one MinHash band. Near-linear in the number of texts."""
    import numpy as np

    bands = _band_hashes(texts)
    for band in range(bands.shape[1]):
        order = np.argsort(bands[:, band], kind="stable")
        column = bands[order, band]
        equal = np.flatnonzero(column[1:] == column[:-1])
        starts = np.maximum.accumulate(np.where(np.r_[True, column[1:] != column[:-1]], np.arange(len(column)), 0))
        for position in equal.tolist():
            after = int(order[position + 1])
            yield int(order[position]), after
            if starts[position] != position:
                yield int(order[starts[position]]), after


def _band_hashes(texts: Sequence[str]) -> Any:
    """One 64-bit hash a band and text, shape (texts, bands)."""
    import numpy as np
    from rensa import RMinHash

    bands = PERMUTATIONS // ROWS_A_BAND
    weights = np.random.default_rng(0).integers(1, 2**63, size=ROWS_A_BAND, dtype=np.uint64) | np.uint64(1)
    hashes = np.empty((len(texts), bands), dtype=np.uint64)
    for start in range(0, len(texts), CHUNK):
        sets = [sorted(content(text)) for text in texts[start:start + CHUNK]]
        matrix = RMinHash.digest_matrix_from_token_sets(sets, PERMUTATIONS, 42)
        rows = np.array(matrix.to_rows(), dtype=np.uint64).reshape(len(sets), bands, ROWS_A_BAND)
        hashes[start:start + len(sets)] = ((rows + np.uint64(1)) * weights).sum(axis=2, dtype=np.uint64)
    return hashes


def _join_equal(records: Sequence[Record], sets: _Union) -> None:
    """Join what needs no measuring: equal structures, equal texts."""
    first: dict[tuple[str, str], int] = {}
    for index, record in enumerate(records):
        form = structure(record)
        key = ("puzzle", form) if form is not None else ("text", " ".join(tokens(record["question"])))
        sets.join(first.setdefault(key, index), index)


def _repeats(records: Sequence[Record], group: list[int], threshold: float) -> Iterator[Removed]:
    """What in a group repeats an earlier one of it."""
    kept: list[int] = []
    looks = {index: _Look.of(records[index]) for index in group}
    for index in group:
        for other in kept:
            reason = looks[index].repeats(looks[other], threshold)
            if reason is not None:
                yield Removed(index, reason, other, round(similarity(looks[index].all, looks[other].all), 3))
                break
        else:
            kept.append(index)


@dataclass(slots=True)
class _Look:
    """What is compared of one question: its text, its closing sentence, its options and key."""

    words: tuple[str, ...]
    all: frozenset[str]
    closing: frozenset[str]
    options: frozenset[str]
    key: str
    structure: str | None

    @classmethod
    def of(cls, record: Record) -> _Look:
        text = record["question"]
        closing = next((part for part in reversed(_SENTENCE.split(text)) if part.strip()), text)
        return cls(tuple(tokens(text)), content(text), content(closing), frozenset(record["choices"].values()),
                   record["choices"][record["answer"]].rstrip(". "), structure(record))

    def repeats(self, other: _Look, threshold: float) -> str | None:
        """Why this question repeats the other one; None when it asks for something else.

        Two questions on one passage, or from one template, are alike but no repetition: their closing sentence or
        their key differs.
        """
        if self.structure is not None or other.structure is not None:
            return "same puzzle" if self.structure == other.structure else None
        if self.words == other.words and self.options == other.options:
            return "exact duplicate" if self.key == other.key else "contradicting key"
        if self.key != other.key:
            return None
        if self.words == other.words:
            return "same question with other options"
        alike = similarity(self.all, other.all) >= threshold and similarity(self.closing, other.closing) >= threshold
        return "near duplicate" if alike and _same_subject(self.all, other.all) else None


def _same_subject(a: frozenset[str], b: frozenset[str]) -> bool:
    """Whether what differs are additions and slips of the pen, not another number or another thing.

    "The flag of Iceland" and "the flag of Switzerland" are two questions. In a long text single words may differ.
    """
    if _numbers(a) != _numbers(b):
        return False
    fewer, more = sorted((a - b, b - a), key=len)
    if min(len(a), len(b)) > LONG:
        return True
    return all(any(SequenceMatcher(None, word, other).ratio() >= 0.8 for other in more) for word in fewer)


def _numbers(words: frozenset[str]) -> frozenset[str]:
    return frozenset(word for word in words if word[0].isdigit())


class _Union:
    """Union-find over 0..n-1 with path halving; the smallest member names the set."""

    def __init__(self, size: int) -> None:
        self.parent = list(range(size))

    def find(self, item: int) -> int:
        while self.parent[item] != item:
            self.parent[item] = self.parent[self.parent[item]]
            item = self.parent[item]
        return item

    def join(self, a: int, b: int) -> None:
        a, b = self.find(a), self.find(b)
        self.parent[max(a, b)] = min(a, b)
