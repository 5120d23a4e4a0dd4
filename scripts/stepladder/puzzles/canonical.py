"""A form of a set of facts that is the same under any renaming of whom they are about."""

from __future__ import annotations

from collections.abc import Sequence

Fact = tuple[str, tuple[tuple[int, ...], ...]]


def canonical(count: int, facts: Sequence[Fact]) -> tuple:
    """Equal for two sets of facts exactly when some renaming of the nodes 0..count-1 turns one into the other.

    A fact is a label and groups of nodes: the groups are in order, the nodes within a group are not. Colours are
    refined until nothing changes (Weisfeiler and Leman); where nodes stay alike, each of them is tried as the first.
    """
    return _least([0] * count, facts)


def _least(colours: list[int], facts: Sequence[Fact]) -> tuple:
    colours = _refined(colours, facts)
    alike = min((c for c in colours if colours.count(c) > 1), default=None)
    if alike is None:
        return tuple(sorted(_coloured(fact, colours) for fact in facts))
    tries = (i for i, c in enumerate(colours) if c == alike)
    return min(_least([2 * c + (c == alike and i != first) for i, c in enumerate(colours)], facts) for first in tries)


def _refined(colours: list[int], facts: Sequence[Fact]) -> list[int]:
    while True:
        seen: list[list[tuple]] = [[] for _ in colours]
        for fact in facts:
            coloured = _coloured(fact, colours)
            for place, group in enumerate(fact[1]):
                for node in group:
                    seen[node].append((coloured, place))
        signatures = [(colour, tuple(sorted(around))) for colour, around in zip(colours, seen, strict=True)]
        ranks = {signature: rank for rank, signature in enumerate(sorted(set(signatures)))}
        refined = [ranks[signature] for signature in signatures]
        if len(ranks) == len(set(colours)):
            return refined
        colours = refined


def _coloured(fact: Fact, colours: Sequence[int]) -> Fact:
    label, groups = fact
    return label, tuple(tuple(sorted(colours[node] for node in group)) for group in groups)
