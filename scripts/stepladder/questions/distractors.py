"""Open questions: the right answer gets three wrong options."""

from __future__ import annotations

from collections.abc import Sequence

from stepladder.core.records import Record

from .rows import Rejection, Row, as_json


def convert(rows: Sequence[Row], max_chars: int) -> list[Record | Rejection]:
    """Not yet able to find distractors: all are rejected."""
    return [Rejection(row.id, row.source, "no plausible wrong options", as_json(row)) for row in rows]
