"""The books of stage 00: every row that was read is kept, rejected, a duplicate, or not sampled; nothing else."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from stepladder.core.records import Record
from stepladder.core.same import Seen

from .duplicates import Removed
from .rows import Rejection, Row, Rows

EXAMPLES = 5


@dataclass
class Ledger:
    """Rows read by source, and what became of those that are not in the pool."""

    read: Counter[str] = field(default_factory=Counter)
    rejected: list[Rejection] = field(default_factory=list)
    duplicates: list[dict[str, Any]] = field(default_factory=list)
    examples: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: defaultdict(list))
    seen: set[str] = field(default_factory=set)

    def rows(self, items: Rows) -> Iterable[Row]:
        """Pass rows on, counted; keep the rejections, and reject a second row of the same id."""
        for item in items:
            self.read[item.source] += 1
            if isinstance(item, Rejection):
                self.rejected.append(item)
            elif item.id in self.seen:
                self.rejected.append(Rejection(item.id, item.source, "repeated id", {"question": item.question}))
            else:
                self.seen.add(item.id)
                yield item

    def records(self, items: Iterable[Record | Rejection]) -> Iterable[Record]:
        """Pass records on; keep the rejections."""
        for item in items:
            if isinstance(item, Rejection):
                self.rejected.append(item)
            else:
                yield item

    def drop(self, records: Sequence[Record], removed: Sequence[Removed]) -> list[int]:
        """Book what repeats other questions; returns the indices that stay.

        Where two keys contradict each other both go: nothing says which is right.
        """
        gone: dict[int, dict[str, Any]] = {}
        for item in removed:
            gone.setdefault(item.index, self._entry(records, item.index, item.reason, item.of, item.similarity))
            if item.reason == "contradicting key":
                gone.setdefault(item.of, self._entry(records, item.of, item.reason, item.index, item.similarity))
        self.duplicates += [gone[index] for index in sorted(gone)]
        return [index for index in range(len(records)) if index not in gone]

    def drop_seen(self, training: Sequence[Record], seen: Sequence[Seen]) -> list[Record]:
        """Book the training questions that repeat held-out ones (pairs that MinHash missed); returns the others."""
        gone = {one.record["id"]: one for one in seen}
        self.duplicates += [{"id": one.record["id"], "source": one.record["source"], "of": one.known["id"],
                             "reason": f"{one.why} as a held-out question", "similarity": one.similarity,
                             "record": one.record} for one in seen]
        return [record for record in training if record["id"] not in gone]

    def _entry(self, records: Sequence[Record], index: int, reason: str, of: int, similarity: float) -> dict[str, Any]:
        record, other = records[index], records[of]
        if len(self.examples[reason]) < EXAMPLES:
            self.examples[reason].append({"removed": record["id"], "question": record["question"][:200],
                                          "kept": other["id"], "its_question": other["question"][:200],
                                          "similarity": similarity})
        return {"id": record["id"], "source": record["source"], "reason": reason, "of": other["id"],
                "similarity": similarity, "record": record}

    def rejected_file(self) -> list[dict[str, Any]]:
        """All that was left out for a reason, for the rejected file."""
        return [*(rejection.to_json() for rejection in self.rejected), *self.duplicates]

    def by_source(self, kept: Counter[str]) -> dict[str, dict[str, Any]]:
        """read = kept + rejected + duplicates + not_sampled, by source, with the reasons."""
        rejected, duplicates = _by_reason((r.source, r.reason) for r in self.rejected), _by_reason(
            (entry["source"], entry["reason"]) for entry in self.duplicates)
        table = {}
        for source, read in self.read.items():
            out = rejected[source].total() + duplicates[source].total()
            table[source] = {
                "read": read, "kept": kept[source], "rejected": rejected[source].total(),
                "duplicates": duplicates[source].total(), "not_sampled": read - kept[source] - out,
                "rejected_because": dict(rejected[source].most_common()),
                "duplicates_because": dict(duplicates[source].most_common())}
        return table


def _by_reason(pairs: Iterable[tuple[str, str]]) -> dict[str, Counter[str]]:
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for source, reason in pairs:
        counts[source][reason] += 1
    return counts
