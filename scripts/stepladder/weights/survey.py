"""One survey of all roles and all their candidates, before the first byte is fetched: who is taken, and why.

Memory is weighed for each candidate, disk for all that is taken together.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from stepladder.core.errors import StageError
from stepladder.core.progress import duration
from stepladder.engine.gguf_header import GgufHeader

from .fit import Fit, best_first
from .offers import Offer

OPTIONAL = frozenset({"assessor"})
"""Roles that a run can do without: stage 03 then takes heuristic difficulties, and says so."""

MOST_CHOICES = 10_000  # combinations of candidates that are weighed against the disk


@dataclass(frozen=True)
class Row:
    """One candidate of a role, as GGUF or as transformers checkpoint, and the verdict on it.

    missing_bytes: still to be fetched, made_bytes: written beside it by conversions; None where a size is not told.
    """

    role: str
    form: str
    label: str
    fit: Fit
    offer: Offer | None = None
    missing_bytes: int | None = None
    made_bytes: int | None = None
    header: GgufHeader | None = None
    config: dict[str, Any] | None = None

    @property
    def size_bytes(self) -> int | None:
        return self.offer.size_bytes if self.offer else None

    @property
    def disk_bytes(self) -> int:
        """What it adds to the disk, as far as it is told."""
        return (self.missing_bytes or 0) + (self.made_bytes or 0)

    def line(self, mark: str) -> str:
        """For the table."""
        size = "      ?" if self.size_bytes is None else f"{self.size_bytes / 1e9:5.1f} GB"
        return f"{mark} {self.role:<9}{'yes' if self.fit.ok else 'no ':<4}{size}  {self.label}: {self.fit.reason}"


@dataclass(frozen=True)
class Slot:
    """All candidates of one role in one form, in the profile's order."""

    role: str
    form: str
    rows: tuple[Row, ...]

    def ranked(self, sequences: int) -> list[Row]:
        """Those worth trying, best first."""
        return [self.rows[index] for index in best_first([row.fit for row in self.rows], sequences)]

    def why_none(self) -> str:
        """Every candidate's reason, where none can be had."""
        reasons = [f"{row.label}: {row.fit.reason}" for row in self.rows if not row.fit.ok]
        return f"no weights for the {self.role} ({self.form}):\n  " + "\n  ".join(reasons)


@dataclass(frozen=True)
class Survey:
    """Slots of all needed roles, and what there is for them. sequences: wanted of the engine."""

    slots: tuple[Slot, ...]
    sequences: int
    free_disk_bytes: int

    def missing(self) -> dict[str, str]:
        """Roles that can be done without and for which nothing can be had, with the reasons."""
        return {slot.role: slot.why_none() for slot in self.slots
                if slot.role in OPTIONAL and not slot.ranked(self.sequences)}

    def needed(self) -> list[Slot]:
        """Slots that something has to be had for, or can be."""
        missing = self.missing()
        return [slot for slot in self.slots if slot.role not in missing]

    def chosen(self) -> list[Row]:
        """One candidate of each slot that has any: the best by rank that the disk has room for together.

        Where it has room for none, the choice that is smallest on it.
        """
        ranked = [rows for slot in self.slots if (rows := slot.ranked(self.sequences))]
        choices = list(itertools.islice(itertools.product(*map(list, map(enumerate, ranked))), MOST_CHOICES))
        choices.sort(key=lambda choice: sum(rank for rank, _ in choice))
        rows = [[row for _, row in choice] for choice in choices]
        fitting = next((one for one in rows if disk_bytes(one) <= self.free_disk_bytes), None)
        return fitting if fitting is not None else min(rows, key=disk_bytes, default=[])

    def problems(self) -> list[str]:
        """What forbids the first byte: a role that nothing can be had for, or too small a disk for all together."""
        found = [slot.why_none() for slot in self.needed() if not slot.ranked(self.sequences)]
        needed = disk_bytes(self.chosen())
        if needed > self.free_disk_bytes:
            found.append(f"needs {needed / 1e9:.1f} GB of disk in all, {self.free_disk_bytes / 1e9:.1f} GB are free: "
                         f"{(needed - self.free_disk_bytes) / 1e9:.1f} GB are lacking; free some, put --workdir on a "
                         "larger disk, or take a profile with smaller weights")
        return found

    def require(self) -> None:
        """Raises StageError with every problem."""
        if found := self.problems():
            raise StageError("nothing is fetched: " + "\n".join(found))

    def lines(self) -> Iterator[str]:
        """The table: every candidate, those taken with a star, and the disk for all."""
        chosen = self.chosen()
        for slot in self.slots:
            for row in slot.rows:
                yield row.line("*" if any(row is one for one in chosen) else " ")
            if slot.rows and chosen and not any(slot.rows[0] is one for one in chosen):
                yield f"  {slot.role}: the profile's first choice ({slot.rows[0].label}) is NOT taken"
        missing, made = _sum(row.missing_bytes for row in chosen), _sum(row.made_bytes for row in chosen)
        yield (f"  in all (*): {missing / 1e9:.1f} GB to fetch"
               + (f", {made / 1e9:.1f} GB to convert" if made else "")
               + f"; {self.free_disk_bytes / 1e9:.1f} GB of disk free")
        for role, why in self.missing().items():
            yield f"  goes on without the {role}, difficulty is heuristic then: {why}"


def disk_bytes(rows: Iterable[Row]) -> int:
    """What several candidates add to the disk together; one that serves two roles counts once."""
    return sum(row.disk_bytes for row in {row.label: row for row in rows}.values())


def download_line(rows: Sequence[Row], rate: float | None, how: str) -> str:
    """The time to fetch `rows` takes at `rate` bytes a second; None: not known."""
    missing = _sum(row.missing_bytes for row in rows)
    if not missing:
        return "  download: nothing to fetch, or of a size that is not told before"
    if rate is None:
        return "  download: no rate is known; give one with --download-mbit (1000: " \
               f"{duration(missing / 125e6)}, 200: {duration(missing / 25e6)})"
    return f"  download: {duration(missing / rate)} at {rate * 8 / 1e6:,.0f} Mbit/s ({how})"


def _sum(sizes: Iterable[int | None]) -> int:
    return sum(size or 0 for size in sizes)
