"""What makes two questions the same one: the single notion that duplicates, splits and the contamination check share.

A puzzle is the same as another by its structure, whatever the names and wording: puzzles' texts are alike on purpose.
A text is the same as another by the Jaccard similarity of content words (neither word order nor "what is the name of"
counts), of the whole and of the closing sentence, with the same answer; unless they differ in a number, in a negation,
or in the thing they ask about. Within one set MinHash (Broder 1997; rensa) proposes the pairs to look at; one set
against another is measured in full.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

from .records import Record

SIMILARITY = 0.6  # the default threshold of the Jaccard similarity
PERMUTATIONS, ROWS_A_BAND = 250, 5  # 50 bands: a pair at 0.6 is found with 98 %, one at 0.2 with 2 %
CHUNK = 20_000
LONG = 40  # content words from which a question is a passage with a question at its end
PASSAGE = 8  # content words of a sentence that two questions share where they are on one short passage
CASED = 3  # letters up to which case tells words apart: BB and Bb, pH and PH
_EMPTY_WORDS = frozenset(re.findall(r"\w+", """
    a an the this that these those of in on at by to from for with as into about over under between is was are
    were be been being am do does did has have had can could would will shall should may might must and or but
    not if than then so what which who whom whose when where why how it its he she they we you i his her their
    your my our there here one following name named call called known give given term word used use also most
"""))
_TOKENS = re.compile(r"\w+|[^\w\s.,;:!?'\"()\u2018\u2019\u201c\u201d_]")
_SENTENCE = re.compile(r"(?<=[.!?])\s+|\n+")
_NEGATION = re.compile(r"\b(?:not|no|never|none|neither|nor|without|except|cannot|least|false|untrue|incorrect|wrong)\b"
                       r"|n['\u2019]t\b")


def tokens(text: str) -> list[str]:
    """Words, numbers and meaningful signs of a text, without case and punctuation."""
    return _TOKENS.findall(unicodedata.normalize("NFKC", text).casefold())


def cased(text: str) -> list[str]:
    """Tokens as `tokens` gives them, but for short names and symbols, which keep their case."""
    return [word if len(word) <= CASED and word.casefold() not in _EMPTY_WORDS else word.casefold()
            for word in _TOKENS.findall(unicodedata.normalize("NFKC", text))]


def content(text: str) -> frozenset[str]:
    """The words that carry a text's meaning, plurals as singulars; all words where there are none."""
    words = tokens(text) or [text.strip()]
    return frozenset({_singular(word) for word in words if word not in _EMPTY_WORDS} or words)


def sentences(text: str) -> list[str]:
    """The sentences and lines of a text, without empty ones."""
    return [part for part in _SENTENCE.split(text) if part.strip()]


def _singular(word: str) -> str:
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word


def similarity(a: frozenset[str], b: frozenset[str]) -> float:
    """Jaccard similarity, 0 to 1."""
    return len(a & b) / len(a | b)


def structure(record: Record) -> str | None:
    """What makes a puzzle the same as another one; None for questions that are no puzzles."""
    puzzle = record.get("puzzle")
    return puzzle.get("structure") if isinstance(puzzle, dict) else None


@dataclass(slots=True)
class Look:
    """What is compared of one question: its text, its closing sentence, its options and its right one."""

    words: tuple[str, ...]
    cased: tuple[str, ...]
    all: frozenset[str]
    closing: frozenset[str]
    passages: frozenset[frozenset[str]]
    negations: tuple[str, ...]
    options: frozenset[str]
    key: str
    structure: str | None

    @classmethod
    def of(cls, record: Record) -> Look:
        text = record["question"]
        parts = sentences(text) or [text]
        closing = parts[-1]
        whole = content(text)
        negated = closing if len(whole) > LONG else text
        passages = frozenset(words for words in map(content, parts) if len(words) >= PASSAGE)
        return cls(tuple(tokens(text)), tuple(cased(text)), whole, content(closing), passages,
                   tuple(sorted(_NEGATION.findall(negated.casefold()))), frozenset(record["choices"].values()),
                   record["choices"][record["answer"]].rstrip(". "), structure(record))

    def repeats(self, other: Look, threshold: float = SIMILARITY) -> str | None:
        """Why this question is the same as the other one; None when it asks for something else.

        Two questions on one passage, or from one template, are alike but no repetition: their closing sentence or
        their key differs.
        """
        if self.structure is not None or other.structure is not None:
            return "same puzzle" if self.structure == other.structure else None
        if self.cased != other.cased and sorted(self.words) == sorted(other.words) and sorted(
                self.cased) != sorted(other.cased):
            return None
        if self.words == other.words and self.options == other.options:
            return "exact duplicate" if self.key == other.key else "contradicting key"
        if self.key != other.key:
            return None
        if self.words == other.words:
            return "same question with other options"
        alike = similarity(self.all, other.all) >= threshold and similarity(self.closing, other.closing) >= threshold
        return "near duplicate" if alike and self._same_subject(other) else None

    def belongs_with(self, other: Look, threshold: float = SIMILARITY) -> bool:
        """Whether two texts are too much alike to stand on two sides of a split: paraphrases, or one passage.

        Two questions of one template ("the official language of Brazil", "... of Norway") are alike in words only: what
        they ask about differs, and so does their answer.
        """
        if similarity(self.all, other.all) < threshold:
            return False
        return (self.key.casefold() == other.key.casefold() or self._slips(other)
                or bool(self.passages & other.passages))

    def _same_subject(self, other: Look) -> bool:
        """Whether what differs are additions and slips of the pen, not another number, a negation or another thing.

        "The flag of Iceland" and "the flag of Switzerland" are two questions.
        """
        return _numbers(self.all) == _numbers(other.all) and self.negations == other.negations and self._slips(other)

    def _slips(self, other: Look) -> bool:
        """Whether one text has other words than the other by slips alone. In a long text single words may differ."""
        fewer, more = sorted((self.all - other.all, other.all - self.all), key=len)
        if min(len(self.all), len(other.all)) > LONG:
            return True
        return all(any(SequenceMatcher(None, word, there).ratio() >= 0.8 for there in more) for word in fewer)


def _numbers(words: frozenset[str]) -> frozenset[str]:
    return frozenset(word for word in words if word[0].isdigit())


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


def seen_in(asked: Sequence[Record], known: Sequence[Record], threshold: float = SIMILARITY) -> list[Seen]:
    """The questions of `asked` that are among `known`, each with the most similar one; in the order of `asked`.

    Texts are compared exactly, each with each (sparse matrices): time grows with the words that the two sets share.
    """
    best: dict[int, Seen] = {}
    looks = _Looks(asked), _Looks(known)
    for index, other in _same_structure(asked, known):
        best.setdefault(index, Seen(asked[index], known[other], None, "same puzzle"))
    for index, other, alike in _alike(asked, known, threshold):
        why = looks[0][index].repeats(looks[1][other], threshold)
        if why is not None and (index not in best or alike > (best[index].similarity or 0.0)):
            best[index] = Seen(asked[index], known[other], round(alike, 3), why)
    by_id = {record["id"]: record for record in known}
    for index, record in enumerate(asked):
        if index not in best and record["id"] in by_id:
            best[index] = Seen(record, by_id[record["id"]], None, "same id")
    return [best[index] for index in sorted(best)]


@dataclass(frozen=True, slots=True)
class Seen:
    """A question, the known one it repeats, the similarity of their texts (None where that was not asked), and why."""

    record: Record
    known: Record
    similarity: float | None
    why: str


class _Looks(dict[int, Look]):
    """Looks of a list of records, each made when it is first asked for."""

    def __init__(self, records: Sequence[Record]) -> None:
        super().__init__()
        self.records = records

    def __missing__(self, index: int) -> Look:
        self[index] = Look.of(self.records[index])
        return self[index]


def _same_structure(asked: Sequence[Record], known: Sequence[Record]) -> Iterator[tuple[int, int]]:
    by_form = {form: index for index, record in enumerate(known) if (form := structure(record)) is not None}
    for index, record in enumerate(asked):
        if structure(record) in by_form:
            yield index, by_form[structure(record)]


def _alike(asked: Sequence[Record], known: Sequence[Record], threshold: float) -> Iterator[tuple[int, int, float]]:
    """(index in asked, index in known, similarity) of all pairs of texts at or above the threshold."""
    import numpy as np
    from sklearn.feature_extraction.text import CountVectorizer

    sides = [[index for index, record in enumerate(records) if structure(record) is None] for records in (asked, known)]
    if not all(sides):
        return
    words = CountVectorizer(analyzer=content, binary=True, dtype=np.float32)
    first = words.fit_transform([asked[index]["question"] for index in sides[0]]).tocsr()
    sizes = [np.array([len(content(records[index]["question"])) for index in side])
             for records, side in zip((asked, known), sides, strict=True)]
    columns = first.T.tocsr()  # words that no asked question has are shared with none
    for start in range(0, len(sides[1]), 1_000):
        part = sides[1][start:start + 1_000]
        shared = (words.transform([known[index]["question"] for index in part]) @ columns).tocoo()
        jaccard = shared.data / (sizes[1][start + shared.row] + sizes[0][shared.col] - shared.data)
        for place in np.flatnonzero(jaccard >= threshold):
            yield sides[0][int(shared.col[place])], part[int(shared.row[place])], float(jaccard[place])
