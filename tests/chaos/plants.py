"""Faults planted into a workspace, to see that the ledger notices: what a broken product would do."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .driver import Chaos


def _journal(chaos: Chaos) -> Path:
    return chaos.world.work / "data" / "enhanced" / "journals" / "02_replies_chaos.jsonl"


def truncate_journal(chaos: Chaos) -> None:
    """A run began its journal anew."""
    _journal(chaos).write_bytes(b"")


def drop_record(chaos: Chaos) -> None:
    """A line in the middle is gone."""
    lines = _journal(chaos).read_bytes().splitlines(keepends=True)
    _journal(chaos).write_bytes(b"".join(lines[:2] + lines[3:]))


def change_record(chaos: Chaos) -> None:
    """A finished reply reads otherwise."""
    _journal(chaos).write_bytes(_journal(chaos).read_bytes().replace(b"Counting", b"counting", 1))


def double_record(chaos: Chaos) -> None:
    """A reply was asked for twice."""
    with _journal(chaos).open("ab") as file:
        file.write(_journal(chaos).read_bytes().splitlines(keepends=True)[0])


def drop_checkpoint(chaos: Chaos) -> None:
    """The latest checkpoint of an unfinished training is gone."""
    models = chaos.world.work / "models"
    found = [*models.glob(".*_checkpoints*/step-*"), *models.glob("aside/*/*/step-*")]
    shutil.rmtree(max(found, key=lambda path: path.name))


def drop_output(chaos: Chaos) -> None:
    """A finished output was deleted, instead of set aside."""
    chaos.world.file("curriculum_ordered").unlink()


def drop_adapter(chaos: Chaos) -> None:
    """A finished adapter was overwritten."""
    (chaos.world.work / "models" / "tiny_cot_curriculum" / "adapter_model.safetensors").write_bytes(b"others")


PLANTS: dict[str, Callable[[Chaos], None]] = {
    function.__name__: function for function in (truncate_journal, drop_record, change_record, double_record,
                                                 drop_checkpoint, drop_output, drop_adapter)}
