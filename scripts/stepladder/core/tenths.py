"""Ranked records in tenths: what the plan's shares and a climbing order are counted in."""

from __future__ import annotations

TENTHS = 10


def tenth_bounds(count: int) -> list[int]:
    """Where the tenths of `count` records begin and end: 11 ascending indices from 0 to `count`, rounded half up."""
    return [(2 * tenth * count + TENTHS) // (2 * TENTHS) for tenth in range(TENTHS + 1)]
