"""Difficulty without a model, read off the text: the fallback where no assessor can be had, and the tie-breaker.

Each feature is scaled to about 0 (easy) to 1 (hard) and weighed; the sum is mapped to 1-10. The weights are a
judgement, not a fit: docs/curriculum.md has their correlation with difficulty that is known.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from itertools import combinations

from ..core.records import LETTERS, Record

_WORD = re.compile(r"[^\W\d_]+")
_DIGIT = re.compile(r"\d")
_SENTENCE = re.compile(r"[.?!:;](?:[\"')\]]*\s|$)")
_OPERATION = re.compile(
    r"[=+*/^<>%√∫∑]|\b(?:if|then|when|unless|because|therefore|each|every|after|before|between|twice|half|per|total|"
    r"difference|ratio|average|probability|exactly|immediately|neither|either)\b", re.IGNORECASE)  # fmt: skip
_NEGATION = re.compile(
    r"\b(?:not|no|never|none|neither|nor|except|cannot|without|least|unlikely|false|incorrect)\b|n't\b", re.IGNORECASE)
LONG_WORD = 9  # letters; stands for a rare word, as no list of word frequencies ships with the project

WEIGHTS: dict[str, float] = {
    "question_length": 4.0, "option_length": 0.5, "numbers": 1.0, "steps": 2.0, "negations": 1.0, "rare_words": 1.0,
    "option_similarity": 0.5, "domain": 1.5,
}  # fmt: skip

DOMAIN_DIFFICULTY: dict[str, float] = {
    "Mathematics": 1.0, "Physics": 0.9, "Logical Reasoning": 0.9, "Statistics": 0.9, "Puzzles": 0.8, "Law": 0.8,
    "Chemistry": 0.8, "Engineering": 0.8, "Computing": 0.7, "Medicine": 0.7, "Philosophy": 0.6, "Economics": 0.6,
    "Biology": 0.6, "Anatomy": 0.6, "Arithmetic": 0.5, "Everyday Life": 0.1,
}  # fmt: skip
OTHER_DOMAIN = 0.4


def difficulty(record: Record) -> float:
    """Estimated difficulty of a question, 1 (easy) to 10 (hard). Reads no reasoning, so every record has one."""
    found = features(record)
    share = sum(WEIGHTS[name] * value for name, value in found.items()) / sum(WEIGHTS.values())
    return round(1.0 + 9.0 * share, 6)


def features(record: Record) -> Mapping[str, float]:
    """Each feature on its scale from 0 to 1."""
    question, options = record["question"], [record["choices"][letter] for letter in LETTERS]
    words = _WORD.findall(question)
    everything = " ".join([question, *options])
    all_words = _WORD.findall(everything)
    # Counts saturate: the tenth digit adds less than the second. Digits, not numbers: large numbers are harder.
    return {
        "question_length": _saturate(len(words), 60),
        "option_length": _saturate(sum(len(option.split()) for option in options), 40),
        "numbers": _saturate(len(_DIGIT.findall(everything)), 12),
        "steps": _saturate(len(_SENTENCE.findall(question)) + len(_OPERATION.findall(question)), 10),
        "negations": _saturate(len(_NEGATION.findall(question)), 3),
        "rare_words": min(1.0, 3.0 * sum(len(word) >= LONG_WORD for word in all_words) / max(1, len(all_words))),
        "option_similarity": _similarity(options),
        "domain": DOMAIN_DIFFICULTY.get(record.get("domain") or "", OTHER_DOMAIN),
    }


def _saturate(count: int, typical: int) -> float:
    """0 for none, 0.63 at the typical count of a hard question, 1 in the limit."""
    return 1.0 - math.exp(-count / typical)


def _similarity(options: list[str]) -> float:
    """Mean Jaccard similarity of the options' pairs, on their character trigrams: alike options are hard to tell."""
    grams = [{text[i : i + 3] for i in range(max(1, len(text) - 2))} for text in (f" {o.lower()} " for o in options)]
    pairs = list(combinations(grams, 2))
    return sum(len(one & other) / len(one | other) for one, other in pairs) / len(pairs)
