"""A dry look at what stage 00 would make of its sources: ten questions, and every reason to leave one out."""

from __future__ import annotations

import random
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from stepladder.core.errors import StageError
from stepladder.core.files import read_json
from stepladder.core.progress import say
from stepladder.core.records import with_reasons
from stepladder.core.settings import Questions

from . import availability, domains
from .collect import Collection, NothingLeft, collect

SHOWN = 10
WIDTH = 110


def run(sources: Iterable[str], questions: Questions, sample_data: Path, seed: int, size: int) -> None:
    """Collect in memory and show what comes of it. Raises StageError where nothing is left, InputError as stage 00."""
    sample = sample_data / "sample/questions.json"
    readers, missing = availability.open_all(sources, questions, sample, seed)
    for name, why in missing.items():
        say(f"{name} cannot be had: {why}")
    try:
        names, subjects = domains.load(sample_data / "domains.json")
        show(collect(readers, questions, read_json(sample), names, subjects, seed, size, say), seed)
    except NothingLeft as error:
        raise StageError(with_reasons(str(error), error.rejected)) from error
    say("nothing was written")


def show(collection: Collection, seed: int) -> None:
    """Tell ten questions drawn over all parts, and the counts by source with their reasons."""
    records = [record for part in collection.parts.values() for record in part]
    for record in random.Random(seed).sample(records, min(SHOWN, len(records))):
        say(f"{record['id']} ({record['domain'] or 'no domain'})")
        say(f"  {_short(record['question'])}")
        for letter, text in record["choices"].items():
            say(f"  {'*' if letter == record['answer'] else ' '} {letter}. {_short(text)}")
    for source, row in collection.counts["by_source"].items():
        say(f"{source}: {row['read']} read, {row['kept']} kept, {row['not_sampled']} not sampled")
        for reasons in (row["rejected_because"], row["duplicates_because"]):
            for reason, count in reasons.items():
                say(f"  {count} {reason}, such as {_example(collection, source, reason)}")


def _example(collection: Collection, source: str, reason: str) -> str:
    entry: dict[str, Any] = next(one for one in collection.rejected
                                 if (one["source"], one["reason"]) == (source, reason))
    return _short(f"{entry['id']}: {entry['record']}")


def _short(text: str) -> str:
    plain = " ".join(text.split())
    return plain if len(plain) <= WIDTH else f"{plain[:WIDTH]}..."
