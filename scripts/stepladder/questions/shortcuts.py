"""How often the answer can be guessed by who looks at the four options alone.

Guessers that never read the question are learnt on some questions and tested on others; chance is 25 %. A data set
whose answers stand out (the longest text, the round number, the option most like the others) teaches that instead of
its subject, and whatever is measured on it is in doubt. Such artefacts are known of most collected sets (Gururangan et
al. 1803.02324, for inference; Balepur et al. 2402.12483, for multiple choice).

    measure(learnt_on, tested_on)     accuracy of each guesser
    out_of_fold(records)              the same for each source, every question tested once
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from stepladder.core.records import LETTERS, Record

CHANCE = 1 / len(LETTERS)
FEWEST = 200  # questions of a source below which a guesser's accuracy says nothing
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_WORD = re.compile(r"[^\W\d_]+")
# One scalar an option; a guesser for each takes the option at the rank where answers were most often.
SCALARS = ("value", "closeness", "gap", "parity", "roundness", "divides", "likeness", "company", "opening", "closing",
           "length", "words", "capitals", "alphabet", "letter")


def scalars(record: Record) -> np.ndarray:
    """Shape (4, len(SCALARS)): what can be seen of each option, and of how it stands to the other three."""
    texts = [record["choices"][letter] for letter in LETTERS]
    return np.column_stack([*_of_numbers(texts), *_of_texts(texts), np.arange(len(LETTERS))])


def _of_numbers(texts: Sequence[str]) -> list[np.ndarray]:
    """value, closeness, gap, parity, roundness, divides; zeros where an option has no number."""
    values = [_value(text) for text in texts]
    if None in values:
        return [np.zeros(len(texts))] * 6
    value = np.array(values)
    apart = np.abs(value[:, None] - value[None, :])
    spread = apart.max() or 1.0
    gap = (apart + np.where(np.eye(len(texts)), np.inf, 0)).min(axis=1)
    whole = value.astype(np.int64)
    other = ~np.eye(len(texts), dtype=bool)
    parity = ((whole[:, None] % 2 == whole[None, :] % 2) & other).sum(axis=1)
    roundness = np.array([len(str(n)) - len(str(n).rstrip("0")) for n in whole])
    big = np.maximum(np.abs(whole), 1)
    divides = (((big[:, None] % big[None, :] == 0) | (big[None, :] % big[:, None] == 0)) & other).sum(axis=1)
    return [value, -(apart**2).sum(axis=1) / spread**2, gap / spread, parity, roundness, divides]


def _value(text: str) -> float | None:
    """An option's number; of several ("2 hours 25 minutes") the first counts most."""
    numbers = [float(number) for number in _NUMBER.findall(text.replace(",", ""))]
    return sum(number / 1000**place for place, number in enumerate(numbers[:3])) if numbers else None


def _of_texts(texts: Sequence[str]) -> list[np.ndarray]:
    """likeness, company, opening, closing, length, words, capitals, alphabet."""
    words = [text.split() for text in texts]
    pieces = [{text[i:i + 2] for i in range(len(text) - 1)} or {text} for text in texts]
    likeness = [sum(len(a & b) / len(a | b) for b in pieces) for a in pieces]
    times = Counter(word for own in words for word in set(own))
    company = [sum(times[word] for word in own) / max(1, len(own)) for own in words]
    opening, closing = Counter(own[0] if own else "" for own in words), Counter(own[-1] if own else "" for own in words)
    return [np.array(column, dtype=float) for column in (
        likeness, company, [opening[own[0] if own else ""] for own in words],
        [closing[own[-1] if own else ""] for own in words], [len(text) for text in texts], [len(own) for own in words],
        [sum(c.isupper() for c in text) for text in texts], np.argsort(np.argsort(texts)))]


class RankGuesser:
    """Takes the option at one rank of a scalar: the rank at which answers were most often. Ties share the credit."""

    def fit(self, column: np.ndarray, answers: np.ndarray) -> RankGuesser:
        """column: (n, 4); answers: (n,) indices of the right options."""
        self.rank = int(np.argmax([_credit(column, answers, rank).mean() for rank in range(len(LETTERS))]))
        return self

    def score(self, column: np.ndarray, answers: np.ndarray) -> np.ndarray:
        """(n,) 1 where right, 0 where wrong, a share where options tie."""
        return _credit(column, answers, self.rank)


def _credit(column: np.ndarray, answers: np.ndarray, rank: int) -> np.ndarray:
    chosen = column == np.sort(column, axis=1)[:, rank, None]
    return chosen[np.arange(len(answers)), answers] / chosen.sum(axis=1)


class WordGuesser:
    """Takes the option whose words were most often in right options (naive Bayes on words and numbers)."""

    def fit(self, records: Sequence[Record]) -> WordGuesser:
        right, every = Counter[str](), Counter[str]()
        for record in records:
            for letter in LETTERS:
                words = _tokens(record["choices"][letter])
                every.update(words)
                if letter == record["answer"]:
                    right.update(words)
        self.weight = {word: float(np.log((right[word] + 4 * CHANCE) / (count + 4) / CHANCE))
                       for word, count in every.items()}
        return self

    def values(self, records: Sequence[Record]) -> np.ndarray:
        """(n, 4): the mean weight of each option's words; 0 where none is known."""
        return np.array([[self._weight(record["choices"][letter]) for letter in LETTERS] for record in records])

    def _weight(self, text: str) -> float:
        words = sorted(_tokens(text))
        return sum(self.weight.get(word, 0.0) for word in words) / max(1, len(words))


def _tokens(text: str) -> set[str]:
    return {word.lower() for word in _WORD.findall(text)} | set(_NUMBER.findall(text))


def _table(records: Sequence[Record]) -> tuple[np.ndarray, np.ndarray]:
    """(n, 4, scalars) and (n,) indices of the right options."""
    return (np.stack([scalars(record) for record in records]),
            np.array([LETTERS.index(record["answer"]) for record in records]))


def measure(learnt_on: Sequence[Record], tested_on: Sequence[Record], boosted: bool = True) -> dict[str, float]:
    """Accuracy, 0 to 1, of each guesser that was learnt on some questions, over others.

    The guessers: one for each of SCALARS, "tokens" (the words of right options), and with `boosted` a gradient-boosted
    model over all of these. Raises ValueError where one of the two sets is empty.
    """
    if not learnt_on or not tested_on:
        raise ValueError("guessers need questions to learn on and others to be tested on")
    return {name: float(credit.mean()) for name, credit in _credits(learnt_on, tested_on, boosted).items()}


def _credits(learnt_on: Sequence[Record], tested_on: Sequence[Record], boosted: bool) -> dict[str, np.ndarray]:
    (learn, learnt), (test, tested) = _table(learnt_on), _table(tested_on)
    credits = {name: RankGuesser().fit(learn[:, :, i], learnt).score(test[:, :, i], tested)
               for i, name in enumerate(SCALARS)}
    half = len(learnt_on) // 2  # the boosted model must see word weights as they are on questions not learnt on
    words = WordGuesser().fit(learnt_on)
    test_words = words.values(tested_on)
    credits["tokens"] = _credit(test_words, tested, len(LETTERS) - 1)
    if boosted and half:
        held_out = np.concatenate([WordGuesser().fit(learnt_on[half:]).values(learnt_on[:half]),
                                   WordGuesser().fit(learnt_on[:half]).values(learnt_on[half:])])
        credits["boosted"] = _boosted(_columns(learn, held_out), learnt, _columns(test, test_words), tested)
    return credits


def _columns(table: np.ndarray, words: np.ndarray) -> np.ndarray:
    """(4 n, columns): every scalar as it is, as rank, and against the mean of the four; value by small divisors."""
    table = np.concatenate([table, words[:, :, None]], axis=2)
    ranks = (table[:, :, None, :] > table[:, None, :, :]).sum(axis=2)
    value = table[:, :, :1]
    parts = [table, ranks, table - table.mean(axis=1, keepdims=True), np.floor(value) % np.array([2, 3, 5, 10])]
    whole = np.concatenate(parts, axis=2)
    return whole.reshape(-1, whole.shape[2])


def _boosted(learn: np.ndarray, learnt: np.ndarray, test: np.ndarray, tested: np.ndarray) -> np.ndarray:
    from sklearn.ensemble import HistGradientBoostingClassifier

    right = (learnt[:, None] == np.arange(len(LETTERS))).ravel()
    model = HistGradientBoostingClassifier(max_iter=60, max_leaf_nodes=15, min_samples_leaf=30, random_state=0)
    chance = model.fit(learn, right).predict_proba(test)[:, 1].reshape(-1, len(LETTERS))
    return _credit(chance, tested, len(LETTERS) - 1)


def out_of_fold(records: Sequence[Record], folds: int = 2) -> dict[str, dict[str, Any]]:
    """By source: how many questions, the accuracy of each guesser, and the best one's name and accuracy.

    Every question is tested once by guessers learnt on the other folds of its source; sources of fewer than FEWEST
    questions have their number alone.
    """
    by_source: dict[str, list[Record]] = {}
    for record in records:
        by_source.setdefault(record["source"], []).append(record)
    return {source: _source(rows, folds) for source, rows in by_source.items()}


def _source(rows: list[Record], folds: int) -> dict[str, Any]:
    if len(rows) < FEWEST:
        return {"questions": len(rows)}
    rows = sorted(rows, key=lambda record: record["id"])
    parts = [rows[fold::folds] for fold in range(folds)]
    scored: dict[str, list[np.ndarray]] = {}
    for fold, tested in enumerate(parts):
        learnt = [record for other, part in enumerate(parts) if other != fold for record in part]
        for name, credit in _credits(learnt, tested, boosted=True).items():
            scored.setdefault(name, []).append(credit)
    accuracy = {name: round(float(np.concatenate(credit).mean()), 4) for name, credit in scored.items()}
    return {"questions": len(rows), **best(accuracy), "guessers": accuracy}


def best(accuracy: Mapping[str, float]) -> dict[str, Any]:
    """{"guesser", "accuracy"} of the best one."""
    name = max(accuracy, key=lambda one: accuracy[one])
    return {"guesser": name, "accuracy": accuracy[name]}
