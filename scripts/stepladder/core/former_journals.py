"""Journals as earlier versions kept them: X.partial.jsonl, one run's records below a line with its fingerprint."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson


def former_records(path: Path, fingerprint: str) -> dict[str, dict[str, Any]]:
    """id -> record where the file's fingerprint is this one; else nothing. Torn and damaged lines are left out."""
    records: dict[str, dict[str, Any]] = {}
    with path.open("rb") as file:
        if _parsed(file.readline()).get("fingerprint") != fingerprint:
            return records
        for line in file:
            record = _parsed(line)
            if "id" in record:
                records[record["id"]] = record
    return records


def _parsed(line: bytes) -> dict[str, Any]:
    try:
        value = orjson.loads(line)
    except orjson.JSONDecodeError:
        return {}
    return value if isinstance(value, dict) else {}
