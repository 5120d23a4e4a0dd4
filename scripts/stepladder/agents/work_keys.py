"""What the agents' finished work was made from: evidence, measured rows, matches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from stepladder.core.journal import work_key
from stepladder.core.records import LETTERS, Record
from stepladder.engine import prompts
from stepladder.engine.reply_forms import REASONING

from .arena import Fixture, Rules
from .players import Player
from .validator import ASK, Calibration


def player_identity(player: Player, hashes: Mapping[str, str]) -> list[Any]:
    """The weights themselves, and how they are asked. hashes: SHA-256 by the roles that `Player.files` names."""
    return [*(hashes[role] for role in player.files), *asking_identity(player)]


def asking_identity(player: Player) -> list[Any]:
    """How a player is asked where that is not as ever: the wording of another reply form than the first, whose wording
    is in every key, and what its chat template is given."""
    form, told = player.form, dict(player.template_arguments)
    return [*([] if form is REASONING else [form.identity(mode) for mode in ("fast", "reasoning")]),
            *([{"template_arguments": told}] if told else [])]


def question_keys(kind: str, identity: Any, records: Sequence[Record], calibration: Calibration | None = None
                  ) -> dict[str, str]:
    """"KIND|id" -> key for what the validator finds out about each record. identity: weights and limits."""
    wording = [prompts.identity(prompts.STUDENT), prompts.identity(prompts.FAST), ASK]
    fitted = asdict(calibration) if calibration else None
    return {f"{kind}|{record['id']}": work_key(
        kind, identity, wording, fitted, record["question"], [record["choices"][letter] for letter in LETTERS],
        record["answer"]) for record in records}


def match_keys(fixtures: Sequence[Fixture], identities: Mapping[str, list[Any]], rules: Rules, how: Any
               ) -> dict[str, str]:
    """Fixture id -> key. identities: weights by player. how: whatever else shapes a match (limits of the engine)."""
    return {fixture.id: work_key("match", fixture.id, [identities[name] for name in fixture.pair], asdict(rules),
                                 how, prompts.identity(prompts.STUDENT)) for fixture in fixtures}
