"""Test questions that training has seen: the same, or nearly. Found before anything is tested."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Any

from stepladder.core.records import LETTERS, Record

SIMILARITY = 0.8
SHINGLE_WORDS = 3
_CHUNK = 1_000


def normal_text(record: Record) -> str:
    """Question and options as bare lower-case words; the options sorted, since their order is no difference."""
    options = sorted(_words(record["choices"][letter]) for letter in LETTERS)
    return " | ".join([_words(record["question"]), *options])


def _words(text: str) -> str:
    return " ".join(re.findall(r"\w+", unicodedata.normalize("NFKC", text).casefold()))


def _numbers(record: Record) -> list[str]:
    return sorted(re.findall(r"\d+(?:[.,]\d+)*", record["question"]))


def find_overlap(test: Sequence[Record], training: Sequence[Record], similarity: float = SIMILARITY
                 ) -> list[dict[str, Any]]:
    """Pairs {"test", "training", "similarity", "why"}: for each test question the closest training question found.

    why: "same id", "same text" (wording apart from case, punctuation and the order of options), or "near-duplicate":
    Jaccard similarity of the sets of three-word shingles of question and options at or above `similarity`. The
    similarities are exact up to hash collisions in 2**22 places, not estimated. The same wording about other numbers
    is another question.
    """
    by_id = {record["id"] for record in training}
    by_text = {normal_text(record): record["id"] for record in reversed(training)}
    near = _near_duplicates(test, training, similarity)
    found = []
    for index, record in enumerate(test):
        same = by_text.get(normal_text(record))
        if same is not None:
            found.append({"test": record["id"], "training": same, "similarity": 1.0, "why": "same text"})
        elif record["id"] in by_id:
            found.append({"test": record["id"], "training": record["id"], "similarity": None, "why": "same id"})
        elif index in near:
            found.append({"test": record["id"], "training": training[near[index][1]]["id"],
                          "similarity": round(near[index][0], 3), "why": "near-duplicate"})
    return found


def _near_duplicates(test: Sequence[Record], training: Sequence[Record], similarity: float
                     ) -> dict[int, tuple[float, int]]:
    """Test index -> (highest similarity, training index), for those at or above `similarity`."""
    if not test or not training:
        return {}
    import numpy as np
    from sklearn.feature_extraction.text import HashingVectorizer

    shingles = HashingVectorizer(analyzer="word", token_pattern=r"\w+", ngram_range=(SHINGLE_WORDS, SHINGLE_WORDS),
                                 n_features=2**22, binary=True, norm=None, alternate_sign=False, dtype=np.float32)
    held_out = shingles.transform(map(normal_text, test)).tocsr()
    sizes = np.asarray(held_out.sum(axis=1)).ravel()
    columns = held_out.T.tocsr()
    best: dict[int, tuple[float, int]] = {}
    for start in range(0, len(training), _CHUNK):
        seen = shingles.transform(map(normal_text, training[start:start + _CHUNK]))
        seen_sizes = np.asarray(seen.sum(axis=1)).ravel()
        shared = (seen @ columns).tocoo()
        union = seen_sizes[shared.row] + sizes[shared.col] - shared.data
        jaccard = shared.data / union
        for place in np.flatnonzero(jaccard >= similarity):
            candidate = (float(jaccard[place]), start + int(shared.row[place]))
            index = int(shared.col[place])
            same_numbers = _numbers(test[index]) == _numbers(training[candidate[1]])
            if same_numbers and candidate[0] > best.get(index, (0.0, 0))[0]:
                best[index] = candidate
    return best
