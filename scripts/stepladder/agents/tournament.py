"""The tournament of stage 06: its matches, journalled, and what tournament_TAG.json tells of them."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from stepladder.core.files import read_json
from stepladder.core.profiles import Settings
from stepladder.core.progress import Progress
from stepladder.core.stage import StageRun, meta_path

from . import arena as arenas
from .answerer import Limits
from .players import Player, Stable, opener
from .work_keys import match_keys, player_identity


def play(stage: StageRun, settings: Settings, members: list[Player]) -> list[dict[str, Any]]:
    """All matches between the members; those that the journal holds are not played again."""
    agents, arena, engine = settings["agents"], settings["arena"], settings["engine"]
    rules = arenas.Rules(arena.questions_per_round, arena.batch_size, arena.topic_difficulty, agents.question_seconds,
                         agents.answer_seconds, agents.question_tokens, arena.topics, stage.args.seed)
    names = [member.name for member in members]
    fixtures = arenas.fixtures(names, arena.rounds)
    limits = Limits(agents.answer_tokens, agents.answer_seconds)
    hashes = stage.input_hashes()
    identities = {member.name: player_identity(member, hashes) for member in members}
    journal = stage.journal("tournament", match_keys(fixtures, identities, rules, [asdict(limits), engine.context]))
    try:
        with (Stable(members, opener(engine, agents), limits) as stable,
              Progress("06 matches", len(fixtures), len(journal.records)) as progress):
            return arenas.play(names, arena.rounds, rules, stable.answerer, journal,
                               after=lambda match: progress.update())
    finally:
        journal.close()


def results(stage: StageRun, agents_path: Path, settings: Settings, names: list[str], matches: list[dict[str, Any]],
            table: list[dict[str, Any]]) -> dict[str, Any]:
    """The file's content. An earlier arena of other players is kept under "earlier"."""
    known = read_json(agents_path) if agents_path.exists() else {}
    arena = {"players": names, "rounds": settings["arena"].rounds, "ratings": table, "matches": matches}
    earlier = []
    output = stage.outputs["tournament"]
    if output.exists() and meta_path(output).exists():
        before = read_json(output)
        old = [before["arena"], *before.get("earlier", [])]
        earlier = [one for one in old if one["matches"] and sorted(one["players"]) != sorted(names)]
    validator = known.get("validator", {})
    return {"gate": known.get("gate"), "deployed": known.get("deployed"),
            "validator": {key: validator[key] for key in ("calibration", "fitted_on", "measured") if key in validator},
            "arena": arena, "earlier": earlier}
