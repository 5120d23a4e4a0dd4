"""What is in a file of records: counts by what they are, spreads of what can be measured."""

from __future__ import annotations

import statistics
from collections import Counter
from pathlib import Path
from typing import Any

import orjson

from stepladder.core.errors import InputError
from stepladder.core.files import read_json

from .where import field

COUNTED = ("source", "domain", "answer", "cot.status", "cot.finish_reason", "level", "difficulty_by", "reason")
MEASURED = {"question": "question (characters)", "chain_of_thought": "reasoning (characters)",
            "cot.tokens": "reasoning (tokens)", "cot.attempts": "attempts", "difficulty": "difficulty",
            "difficulty_raw": "difficulty, raw"}


def read_records(path: Path) -> list[dict[str, Any]]:
    """Records of a stage's JSON, of a journal (.jsonl), or the "questions"/"steps" list inside an object."""
    if path.suffix == ".jsonl":
        try:
            lines = [orjson.loads(line) for line in path.read_bytes().splitlines() if line.endswith(b"}")]
        except FileNotFoundError:
            raise InputError(f"{path} does not exist") from None
        return [line for line in lines if "id" in line]
    content = read_json(path)
    if isinstance(content, dict):
        for key in ("questions", "steps", "rounds"):
            if isinstance(content.get(key), list):
                return content[key]
        return [{"id": key, **value} if isinstance(value, dict) else {"id": key, "value": value}
                for key, value in content.items()]
    if not isinstance(content, list) or not all(isinstance(record, dict) for record in content):
        raise InputError(f"{path} holds no list of records")
    return content


def overview(records: list[dict[str, Any]]) -> dict[str, Any]:
    """Counts and spreads as plain JSON: {"records", "counts": {field: {value: n}}, "spreads": {field: {...}}}."""
    result: dict[str, Any] = {"records": len(records), "counts": {}, "spreads": {}}
    for path in COUNTED:
        counter = Counter(str(value) for record in records if (value := field(record, path)) is not None)
        if counter:
            result["counts"][path] = dict(counter.most_common())
    for path, name in MEASURED.items():
        values = [len(value) if isinstance(value, str) else value for record in records
                  if (value := field(record, path)) is not None]
        if values:
            result["spreads"][name] = spread(values)
    return result


def spread(values: list[float]) -> dict[str, float]:
    """Smallest, quartiles, 95th percentile, largest and mean."""
    ordered = sorted(values)

    def at(share: float) -> float:
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]

    return {"min": ordered[0], "p25": at(0.25), "p50": at(0.5), "p75": at(0.75), "p95": at(0.95), "max": ordered[-1],
            "mean": round(statistics.fmean(ordered), 2)}


def difference(old: list[dict[str, Any]], new: list[dict[str, Any]]) -> dict[str, Any]:
    """What changed between two files by id: added, removed, changed fields with their counts, moved positions."""
    before = {str(record.get("id", index)): record for index, record in enumerate(old)}
    after = {str(record.get("id", index)): record for index, record in enumerate(new)}
    shared = [key for key in before if key in after]
    changed = {key: sorted(name for name in {*before[key], *after[key]}
                           if before[key].get(name) != after[key].get(name)) for key in shared}
    changed = {key: names for key, names in changed.items() if names}
    order_after = [key for key in after if key in before]
    return {"before": len(old), "after": len(new), "added": [key for key in after if key not in before],
            "removed": [key for key in before if key not in after], "same": len(shared) - len(changed),
            "changed_fields": dict(Counter(name for names in changed.values() for name in names).most_common()),
            "changed": changed, "same_order": shared == order_after}
