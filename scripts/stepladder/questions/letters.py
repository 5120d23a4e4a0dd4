"""The key's letter, balanced over A to D by as few exchanges as needed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from stepladder.core.options import may_permute
from stepladder.core.records import LETTERS, Record

from .rows import dice

SLACK = 2  # a letter may be ahead of the rarest one by this much


def balance(records: Iterable[Record]) -> list[Record]:
    """Records in their order; where a letter is ahead, the key changes places with the option of the rarest letter.

    Left as they are: options that speak of one another, and records with reasoning, which names letters.
    Each beginning of the list is balanced, so a shorter list has the same records.
    """
    counts: Counter[str] = Counter({letter: 0 for letter in LETTERS})
    balanced = []
    for record in records:
        if counts[record["answer"]] - min(counts.values()) >= SLACK and movable(record):
            rarest = min(LETTERS, key=lambda letter: (counts[letter], dice("letter", record["id"], letter)))
            record = with_key_at(record, rarest)
        counts[record["answer"]] += 1
        balanced.append(record)
    return balanced


def movable(record: Record) -> bool:
    """Whether the key may get another letter."""
    return record.get("chain_of_thought") is None and may_permute(record)


def with_key_at(record: Record, letter: str) -> Record:
    """The record with its key exchanged with the option at `letter`."""
    choices = dict(record["choices"])
    choices[letter], choices[record["answer"]] = choices[record["answer"]], choices[letter]
    return {**record, "choices": choices, "answer": letter}
