"""Measurements that an earlier output already holds, so that another signal or limit costs no second rating."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..core.files import hash_file, read_json
from ..core.records import Record
from ..core.stage import meta_path

READ = ("question", "choices", "answer", "chain_of_thought")  # what of a record the models read


def earlier(outputs: Iterable[Path], records: Sequence[Record], identities: Mapping[str, str],
            fields: Mapping[str, str]) -> dict[str, dict[str, dict[str, Any]]]:
    """role -> record id -> result, of records that are unchanged, from outputs that nobody has touched since.

    identities: hash of model and prompts by role; only what was measured with the same ones is taken.
    fields: where an output record keeps a role's result.
    """
    found: dict[str, dict[str, dict[str, Any]]] = {role: {} for role in identities}
    for output in dict.fromkeys(outputs):
        roles = _measured(output, identities)
        if not roles:
            continue
        known = {record["id"]: record for record in read_json(output)}
        for record in records:
            old = known.get(record["id"], {})
            if any(old.get(key) != record.get(key) for key in READ):
                continue
            for role in roles:
                if fields[role] in old:
                    found[role][record["id"]] = {"id": record["id"], **old[fields[role]]}
    return found


def _measured(output: Path, identities: Mapping[str, str]) -> list[str]:
    """Roles whose measurements in this output were made as they would be now."""
    if not (output.exists() and meta_path(output).exists()):
        return []
    meta = read_json(meta_path(output))
    made_with = meta.get("counts", {}).get("identities", {})
    roles = [role for role, identity in identities.items() if made_with.get(role) == identity]
    return roles if roles and meta.get("sha256") == hash_file(output) else []
