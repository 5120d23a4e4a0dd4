"""The order in which the student meets the records: all of them, each once, whatever the order is called.

`curriculum` climbs by tenths of the records and is shuffled inside a tenth, so that no long run of one domain or letter
arises. `interleaved` climbs likewise with the domains alternating inside a tenth (CORGI, arXiv 2310.09518). `reverse`
is the curriculum from its end. `random` is the control: the same records, shuffled.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from itertools import groupby, pairwise
from random import Random

from ..core.records import Record
from .calibration import tenth_bounds

ORDERS = ("curriculum", "random", "reverse", "interleaved")


def arrange(ranked: Sequence[Record], order: str, seed: int) -> list[Record]:
    """The records in the named order; `ranked` is easiest first. The same seed gives the same order."""
    rng = Random(f"{order if order in ('random', 'interleaved') else 'curriculum'}/{seed}")
    if order == "random":
        return _shuffled(ranked, rng)
    tenths = [ranked[low:high] for low, high in pairwise(tenth_bounds(len(ranked)))]
    if order == "interleaved":
        arranged: list[Record] = []
        for tenth in tenths:
            arranged += _alternate(tenth, rng, arranged[-1].get("domain") if arranged else None)
        return arranged
    if order not in ORDERS:
        raise ValueError(f"order must be one of {', '.join(ORDERS)}, not {order!r}")
    climbed = [record for tenth in tenths for record in _shuffled(tenth, rng)]
    return climbed[::-1] if order == "reverse" else climbed


def longest_run(records: Sequence[Record], key: str) -> int:
    """Most neighbours in a row that share their value of `key`."""
    return max((len(list(group)) for _, group in groupby(records, key=lambda record: record.get(key))), default=0)


def _shuffled(records: Sequence[Record], rng: Random) -> list[Record]:
    return rng.sample(records, len(records))


def _alternate(records: Sequence[Record], rng: Random, last: str | None) -> list[Record]:
    """Spread each domain evenly; two neighbours share a domain only where their numbers leave no other way."""
    waiting: dict[str | None, list[Record]] = defaultdict(list)
    for record in _shuffled(records, rng):
        waiting[record.get("domain")].append(record)
    sizes = {domain: len(group) for domain, group in waiting.items()}
    offsets = {domain: rng.random() for domain in waiting}

    def due(domain: str | None) -> float:
        return (sizes[domain] - len(waiting[domain]) + offsets[domain]) / sizes[domain]

    arranged: list[Record] = []
    for left in range(len(records), 0, -1):
        others = [domain for domain, group in waiting.items() if group and domain != last] or [last]
        crowded = [domain for domain in others if 2 * len(waiting[domain]) > left]
        last = crowded[0] if crowded else min(others, key=due)
        arranged.append(waiting[last].pop())
    return arranged
