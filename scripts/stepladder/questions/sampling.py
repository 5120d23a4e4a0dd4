"""Which questions are taken, and for which part: sizes, quotas by source, an even hand over domains, fixed roles.

Every choice is a seat in an order that does not depend on the size asked for. So a smaller set is a subset of a
larger one, part by part, and a question never changes sides. Seats go to sources and domains by the divisor method
of Sainte-Lague, not by largest remainders, because only divisor methods keep this (Balinski and Young, 1982).
"""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from .rows import dice

PARTS = ("training", "validation", "test")
Stratum = tuple[str, str]  # (source, domain)
Name = TypeVar("Name", str, Stratum)


@dataclass(slots=True, frozen=True)
class Candidate:
    """What sampling needs of a question. domain: of a puzzle its kind. published: of a published test split."""

    id: str
    source: str
    domain: str
    group: int
    published: bool = False


@dataclass(slots=True, frozen=True)
class Shares:
    """How large the parts are. heldout_quotas: validation and test by source, as shares; empty: as the pool is."""

    test: float = 0.10
    validation: float = 0.05
    validation_max: int = 2_000
    heldout_quotas: Mapping[str, int] = field(default_factory=dict)

    def sizes(self, total: int) -> dict[str, int]:
        """Questions by part, of a total."""
        test = round(self.test * total)
        validation = min(round(self.validation * (total - test)), self.validation_max)
        return {"training": total - test - validation, "validation": validation, "test": test}


def divide(seats: int, weights: Mapping[Name, int]) -> Counter[Name]:
    """Seats by name in proportion to the weights, none beyond its weight (Sainte-Lague)."""
    given: Counter[Name] = Counter()
    heap = [(0.5 / weight, -weight, name) for name, weight in weights.items() if weight]
    heapq.heapify(heap)
    for _ in range(min(seats, sum(weights.values()))):
        _, negative, name = heap[0]
        given[name] += 1
        if given[name] < -negative:
            heapq.heapreplace(heap, ((given[name] + 0.5) / -negative, negative, name))
        else:
            heapq.heappop(heap)
    return given


def assign_parts(candidates: Sequence[Candidate], shares: Shares, seed: int) -> dict[int, str]:
    """The part every group belongs to, whatever size is asked for.

    Groups stay whole. Rows of published test splits are held out, and so is their group; they come first, then
    seeded chance fills each stratum's share.
    """
    members: dict[int, list[Candidate]] = defaultdict(list)
    for candidate in candidates:
        members[candidate.group].append(candidate)
    lot = {group: dice(seed, "part", min(member.id for member in found)) for group, found in members.items()}
    parts = {group: "test" for group, found in members.items() if any(member.published for member in found)}
    sizes = shares.sizes(len(candidates))
    for part in ("test", "validation"):
        open_groups = {group: found for group, found in members.items() if parts.get(group, part) == part}
        _fill(part, sizes[part], open_groups, parts, lot, shares.heldout_quotas)
    return {group: parts.get(group, "training") for group in members}


def _fill(part: str, wanted: int, groups: Mapping[int, list[Candidate]], parts: dict[int, str],
          lot: Mapping[int, int], quotas: Mapping[str, int]) -> None:
    """Give `part` to groups until it has `wanted` questions, stratum by stratum, then wherever a group fits."""
    of_group = {group: min((member.id, (member.source, member.domain)) for member in found)[1]
                for group, found in groups.items()}
    available: Counter[Stratum] = Counter()
    for group, found in groups.items():
        available[of_group[group]] += len(found)
    room = _over_strata(wanted, available, quotas)
    missing = wanted
    for group, found in groups.items():
        if parts.get(group) == part:
            room[of_group[group]] -= len(found)
            missing -= len(found)
    by_lot = sorted((group for group in groups if group not in parts), key=lambda group: lot[group])
    for limited in (True, False):
        for group in by_lot:
            size = len(groups[group])
            if group not in parts and size <= missing and (not limited or size <= room[of_group[group]]):
                parts[group] = part
                room[of_group[group]] -= size
                missing -= size


def _over_strata(wanted: int, available: Mapping[Stratum, int], quotas: Mapping[str, int]) -> Counter[Stratum]:
    """Seats by stratum: over sources first, by quotas where there are any, then over each source's domains."""
    sources: Counter[str] = Counter()
    for (source, _), count in available.items():
        sources[source] += count
    room: Counter[Stratum] = Counter()
    by_source = Counter(source for source, _ in seats(wanted, sources, quotas)) if quotas else divide(wanted, sources)
    for source, given in by_source.items():
        room += divide(given, {stratum: count for stratum, count in available.items() if stratum[0] == source})
    return room


def choose(candidates: Sequence[Candidate], parts: Mapping[int, str], size: int, quotas: Mapping[str, int],
           shares: Shares, floor: int, seed: int) -> dict[str, list[int]]:
    """Indices of the chosen candidates by part, in an order whose every beginning is a balanced sample.

    size: questions in all; fewer are taken where training has too few for the shares to hold. floor: questions
    that each domain of a source gets before the others' proportions count.
    """
    pools: dict[str, dict[str, list[int]]] = {part: defaultdict(list) for part in PARTS}
    for index, candidate in enumerate(candidates):
        pools[parts[candidate.group]][candidate.source].append(index)
    available = {part: sum(map(len, pools[part].values())) for part in PARTS}
    wanted = shares.sizes(_possible(min(size, len(candidates)), available, shares))
    weight = {"test": shares.test, "validation": shares.validation, "training": 1 - shares.test - shares.validation}
    chosen: dict[str, list[int]] = {}
    for part in PARTS:
        queues = {source: _evenly(candidates, indices, round(floor * weight[part]), seed)
                  for source, indices in sorted(pools[part].items())}
        order = seats(wanted[part], {source: len(queue) for source, queue in queues.items()},
                      quotas if part == "training" else shares.heldout_quotas or quotas)
        chosen[part] = [queues[source][number] for source, number in order]
    return chosen


def _possible(size: int, available: Mapping[str, int], shares: Shares) -> int:
    """The largest total up to `size` whose training part there are enough questions for."""
    low, high = 0, size
    while low < high:
        middle = (low + high + 1) // 2
        if shares.sizes(middle)["training"] <= available["training"]:
            low = middle
        else:
            high = middle - 1
    return low


def _evenly(candidates: Sequence[Candidate], indices: list[int], floor: int, seed: int) -> list[int]:
    """All of one source's questions in seat order: domains in turn up to `floor`, then in proportion; lots within."""
    by_domain: dict[str, list[tuple[int, str, int]]] = defaultdict(list)
    for index in indices:
        candidate = candidates[index]
        by_domain[candidate.domain].append((dice(seed, "order", candidate.id), candidate.id, index))
    order = []
    for domain, found in by_domain.items():
        for number, (_, _, index) in enumerate(sorted(found)):
            turn = (0, float(number)) if number < floor else (1, (number + 0.5) / len(found))
            order.append((*turn, -len(found), domain, index))
    order.sort()
    return [index for *_, index in order]


def seats(total: int, available: Mapping[str, int], quotas: Mapping[str, int]) -> Iterator[tuple[str, int]]:
    """(source, number within it) for each seat.

    Quotas are shares: 20,000 of 50,000 is 40 % of any size. A seat whose source has nothing left goes to the
    sources without a quota, in proportion to what they have, and when these are empty to the other ones.
    """
    shares = {source: quota for source, quota in quotas.items() if quota and source in available}
    fillers = {source: count for source, count in available.items() if source not in shares}
    if not shares:
        shares, fillers = fillers, {}
    turns = _turns(shares)
    taken: Counter[str] = Counter()
    spare = {"fillers": _turns(fillers), "others": _turns(shares)}
    for _ in range(min(total, sum(available.values()))):
        source = next(turns)
        if taken[source] >= available[source]:
            pool = fillers if any(taken[name] < available[name] for name in fillers) else shares
            source = next(name for name in spare["fillers" if pool is fillers else "others"]
                          if taken[name] < available[name])
        yield source, taken[source]
        taken[source] += 1


def _turns(weights: Mapping[str, int]) -> Iterator[str]:
    """Names for ever, each as often as its weight says (Sainte-Lague)."""
    heap = [(0.5 / weight, -weight, name) for name, weight in weights.items() if weight]
    heapq.heapify(heap)
    given: Counter[str] = Counter()
    while heap:
        _, negative, name = heap[0]
        given[name] += 1
        yield name
        heapq.heapreplace(heap, ((given[name] + 0.5) / -negative, negative, name))
