"""The four options of a question: when they may change places, and how letters follow them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from .records import LETTERS, Record

_OTHER_OPTIONS = re.compile(
    r"\b(?:all|none|any|both|neither|either|each|some|two|three)\b.{0,25}\b(?:above|below|these|those|options?|choices?|"
    r"answers?|statements?|of them|of the following)\b"
    r"|\b(?:above|preceding|foregoing)\b\s*(?:options?|choices?|answers?)?\s*\.?$"
    r"|\b(?:all|none|any|both|neither|either) of (?:this|that|it)\W*$|\bnot (?:listed|given|among|mentioned)\b.{0,25}$"
    r"|^\s*(?:both|all|neither|none|either)\s*\.?\s*$", re.IGNORECASE)
_LETTER_NAMED = re.compile(
    r"(?:\(\s*[A-E]\s*\)|\b[A-D]\b)\s*(?:,|and|or|&|nor|/)\s*(?:\(\s*[A-E]\s*\)|[A-D]\b)"
    r"|\b(?:both|neither|either|only|options?|choices?|answers?)\s+\(?[A-E]\)?(?:\b|$)"
    r"|\b[A-E]\)?\s+(?:only|alone)\b"
    r"|\(\s*[a-e]\s*\)\s*(?:,|and|or|&|nor)\s*\(\s*[a-e]\s*\)"
    r"|\b(?:[Bb]oth|[Nn]either|[Nn]ether|[Ee]ither|[Aa]ll of)\s+[a-e]\s*,?\s*(?:and|or|nor)\b\.?\s*[a-e]\b")


def refers_to_options(text: str) -> bool:
    """Whether an option speaks of other options or their letters ("both A and B", "none of the above")."""
    return bool(_OTHER_OPTIONS.search(text) or _LETTER_NAMED.search(text))


def names_letters(text: str) -> bool:
    """Whether an option names other options by their letters ("both A and B"): it cannot survive new letters."""
    return bool(_LETTER_NAMED.search(text))


def may_permute(record: Mapping[str, Any]) -> bool:
    """Whether the options can change places without changing the question's meaning."""
    return not any(refers_to_options(text) for text in record["choices"].values())


def rotate(record: Record, by: int) -> tuple[Record, dict[str, str]]:
    """Cyclic permutation of the options.

    Returns (record with options moved `by` places on and the key following, shown letter -> original letter).
    """
    back = {LETTERS[(position + by) % 4]: letter for position, letter in enumerate(LETTERS)}
    choices = {shown: record["choices"][back[shown]] for shown in LETTERS}
    answer = next(shown for shown, original in back.items() if original == record["answer"])
    return {**record, "choices": choices, "answer": answer}, back
