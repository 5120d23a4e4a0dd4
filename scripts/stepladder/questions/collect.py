"""The pipeline of stage 00, without files: rows in, three question lists and the books out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stepladder.core.errors import InputError
from stepladder.core.interrupts import stop_flag
from stepladder.core.records import LETTERS, Record
from stepladder.core.same import seen_in
from stepladder.core.settings import Questions

from . import domains, duplicates, shortcuts
from .ledger import Ledger
from .letters import balance
from .normalise import to_record
from .rows import PUBLISHED_TEST, Row, Rows
from .sampling import PARTS, Candidate, Shares, assign_parts, choose
from .trivia import distractors

Say = Callable[[str], None]


@dataclass
class Collection:
    """What stage 00 writes: the parts, the rejected file, the counts of the meta."""

    parts: dict[str, list[Record]]
    rejected: list[dict[str, Any]]
    counts: dict[str, Any]


class NothingLeft(InputError):
    """No question is left, of all or of some file. rejected: the entries of the rejected file."""

    def __init__(self, why: str, rejected: list[dict[str, Any]]) -> None:
        super().__init__(why)
        self.rejected = rejected


def collect(readers: Mapping[str, Rows], settings: Questions, sample: Sequence[Record], names: Sequence[str],
            subjects: dict[str, str], seed: int, size: int, say: Say) -> Collection:
    """Read, normalise, compare, give domains, sample, split.

    sample: the shipped questions, as material for the classifier. names, subjects: the domains and the MMLU
    subjects they hold. Raises NothingLeft when there is nothing to train on.
    """
    ledger = Ledger()
    records = list(ledger.records(_records(readers, ledger, settings, seed, say)))
    if not records:
        raise NothingLeft("no question is left to train on: all rows were rejected", ledger.rejected_file())
    grouping = duplicates.compare(records, settings.duplicate_similarity, _preference(records, list(readers)))
    staying = ledger.drop(records, grouping.removed)
    say(f"{len(records)} usable questions, {len(records) - len(staying)} of them repeat others")
    pool, groups = [records[index] for index in staying], [grouping.group[index] for index in staying]
    domains.known(pool, subjects)
    settings = _with_own(settings, Counter(record["source"] for record in pool))
    unnamed = sorted({record["source"] for record in pool} - settings.heldout_quotas.keys())
    if settings.heldout_quotas and unnamed:
        say(f"nothing of {', '.join(unnamed)} is held out: heldout_quotas name others")
    classifier = domains.classify(pool, sample)
    parts = _sampled(pool, groups, settings, seed, size)
    parts["training"] = ledger.drop_seen(
        parts["training"], seen_in(parts["training"], [*parts["validation"], *parts["test"]],
                                   settings.duplicate_similarity))
    if not parts["training"]:
        raise NothingLeft("no question is left to train on: all were rejected, repeated, or of published test splits",
                          ledger.rejected_file())
    if not parts["validation"] or not parts["test"]:
        say(f"warning: {len(parts['validation'])} questions for validation and {len(parts['test'])} held out: without "
            "them a student can be neither judged nor tested. Questions that are alike stay in one part together: more "
            "are needed, or more different ones")
    kept = Counter(record["source"] for part in parts.values() for record in part)
    total = kept.total()
    counts = {
        "records": total, **{part: len(parts[part]) for part in PARTS},
        "wanted": size, "by_source": ledger.by_source(kept),
        "quotas": _quotas(settings, kept, size), "duplicates": dict(ledger.examples),
        "groups_kept_together": sum(count > 1 for count in Counter(groups).values()),
        "classifier": classifier, "coverage": domains.coverage(parts["training"], names, total),
        "domains": {part: dict(sorted(Counter(r["domain"] for r in parts[part]).items())) for part in PARTS},
        "options_only": shortcuts.out_of_fold([record for part in PARTS for record in parts[part]]),
        "letters": {part: {letter: sum(r["answer"] == letter for r in parts[part]) for letter in LETTERS}
                    for part in PARTS}}
    return Collection(parts, ledger.rejected_file(), counts)


def _with_own(settings: Questions, usable: Counter[str]) -> Questions:
    """The settings, with a quota for questions that were brought by --from and have none: as many as there are.

    Without it a profile's quotas would leave them what its own sources lack, and its held-out quotas nothing.
    """
    brought = {pair.partition("=")[0] for pair in settings.local} & usable.keys()
    quotas = {name: usable[name] for name in brought - settings.quotas.keys()} if settings.quotas else {}
    known = brought <= settings.heldout_quotas.keys()
    return settings.model_copy(update={"quotas": {**settings.quotas, **quotas},
                                       "heldout_quotas": settings.heldout_quotas if known else {}})


def _records(readers: Mapping[str, Rows], ledger: Ledger, settings: Questions, seed: int, say: Say) -> Iterable[Any]:
    for name, items in readers.items():
        open_rows: list[Row] = []
        before, rejected_before = ledger.read.total(), len(ledger.rejected)
        for number, row in enumerate(ledger.rows(items)):
            if number % 1_000 == 0:
                stop_flag.check()
            if row.aliases and not row.options:
                open_rows.append(row)
            else:
                yield to_record(row, settings.max_chars)
        yield from distractors.convert(open_rows, settings.max_chars)
        count, rejected = ledger.read.total() - before, ledger.rejected[rejected_before:]
        say(f"{name}: {count} rows read")
        if count == len(rejected) and any(pair.startswith(f"{name}=") for pair in settings.local):
            raise NothingLeft(f"all {count} rows of --from {name}=... were rejected; a file in another layout than "
                              f"{name}'s is read by its columns under a name of yours: --from mine=PATH --preview",
                              [one.to_json() for one in rejected])


def _preference(records: Sequence[Record], order: Sequence[str]) -> Callable[[int], Any]:
    """Which of two questions that repeat each other stays: the one of a published test split (the other would
    contaminate it), then the one of the source named first, then the smaller id."""
    rank = {source: number for number, source in enumerate(order)}

    def key(index: int) -> tuple[bool, int, str]:
        record = records[index]
        return record["split"] != PUBLISHED_TEST, rank.get(record["source"], len(rank)), record["id"]

    return key


def _sampled(pool: Sequence[Record], groups: Sequence[int], settings: Questions, seed: int,
             size: int) -> dict[str, list[Record]]:
    shares = Shares(settings.test_share, settings.validation_share, settings.validation_max, settings.heldout_quotas)
    candidates = [
        Candidate(record["id"], record["source"], record["subject"] if "puzzle" in record else record["domain"], group,
                  record["split"] == PUBLISHED_TEST) for record, group in zip(pool, groups, strict=True)]
    roles = assign_parts(candidates, shares, seed)
    chosen = choose(candidates, roles, size, settings.quotas, shares, settings.domain_floor, seed)
    balanced: dict[str, list[Record]] = {}
    for part, indices in chosen.items():
        place: dict[str, Record] = {}
        for source in sorted({pool[index]["source"] for index in indices}):
            place |= {record["id"]: record
                      for record in balance(pool[index] for index in indices if pool[index]["source"] == source)}
        balanced[part] = [place[pool[index]["id"]] for index in indices]
    return balanced


def _quotas(settings: Questions, kept: Counter[str], size: int) -> dict[str, dict[str, int]]:
    """Wanted and taken by source; where a source fell short the others filled up."""
    total = sum(settings.quotas.values())
    wanted = {source: round(quota * size / total) for source, quota in settings.quotas.items()} if total else {}
    return {source: {"wanted": wanted.get(source, 0), "taken": kept[source]} for source in sorted({*wanted, *kept})}
