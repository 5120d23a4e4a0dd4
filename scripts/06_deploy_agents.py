"""Deploy the agents: the gate, the validator, the tournament bundle, and a tournament of student and base.

    python scripts/06_deploy_agents.py --profile laptop
    python scripts/06_deploy_agents.py --profile laptop --chat
    python scripts/06_deploy_agents.py --profile laptop --arena base student models/other.gguf --rounds 50
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from stepladder.agents import bundle, card, chat, deploying, plan, rating
from stepladder.agents import tournament as tournaments
from stepladder.agents.answerer import Limits
from stepladder.agents.players import ADAPTER_FILE, Player, Stable, opener, player, players
from stepladder.agents.validator import Calibration, Validator
from stepladder.core import cli, profiles, variants
from stepladder.core.errors import InputError
from stepladder.core.files import read_json, write_bytes_atomically
from stepladder.core.profiles import Settings
from stepladder.core.progress import say
from stepladder.core.stage import StageRun
from stepladder.core.weights_table import read_weights
from stepladder.core.workspace import Workspace

SECTIONS = ("agents", "arena", "engine")
SIDES = ("base", "student")


def build_parser() -> argparse.ArgumentParser:
    """The common flags, those of the settings, and the two other things to do: chat and arena."""
    parser = cli.stage_parser(__doc__, SECTIONS)
    parser.add_argument("--chat", action="store_true", help="try the deployed agents in the terminal")
    parser.add_argument("--arena", nargs="+", metavar="PLAYER",
                        help="only play: base, student, or MODEL.gguf[:ADAPTER.gguf]; two or more")
    return parser


def run(args: argparse.Namespace) -> int | None:
    """Deploy and play, or one of the other things."""
    settings = profiles.resolve(args, SECTIONS)
    workspace = Workspace.of(args, settings.profile)
    if args.plan:
        plan.tell(workspace, settings["agents"], settings["arena"], settings["engine"], len(args.arena or SIDES),
                  on_gpu=settings.profile.gpu_memory_gb is not None)
        return 0
    variants.require(workspace)
    if args.chat:
        return talk(workspace, settings)
    if args.arena:
        return tournament(args, settings, workspace, players(args.arena, workspace, Path.cwd()))
    deployed = deploy(args, workspace)
    if deployed is None:  # --status, and not done
        return 0
    if deployed["student_exists"]:
        return tournament(args, settings, workspace, players(SIDES, workspace, Path.cwd()))
    return tournament(args, settings, workspace, [player("base", workspace, Path.cwd())])


# -- gate, validator, bundle ------------------------------------------------------------------------------------------

def deploy(args: argparse.Namespace, workspace: Workspace) -> dict[str, Any] | None:
    """agents.json: who is deployed, and what the validator is worth. None when --status found it undone."""
    settings = profiles.resolve(args, ("agents", "engine"))
    folder = workspace.adapter / "agents"
    adapter = workspace.trained / ADAPTER_FILE
    weights = {"student": read_weights(workspace, "student").need("gguf")}
    if adapter.exists():
        weights["adapter"] = adapter
    stage = StageRun(
        "06 agents", args, settings, weights=weights, outputs={"agents": folder / "agents.json"},
        inputs={"test_results": workspace.input("test_results"), "test": workspace.input("test"),
                "validation": args.input or workspace.input("validation")},
        products={"card": folder / "README.md", **{str(path.relative_to(folder)): path
                                                   for path in bundle.paths(folder / "AIAC")}})
    with stage:
        if stage.is_done():
            done = stage.why_not_done() is None
            return read_json(stage.outputs["agents"]) if done else None
        stage.announce()
        journal = stage.open_journal("agents")
        student = player("student", workspace, Path.cwd()) if adapter.exists() else None
        deployed, content = deploying.make_agents(stage, settings, player("base", workspace, Path.cwd()), student,
                                                  journal)
        fitted = Calibration.from_json(content["validator"]["calibration"])
        way = bundle.build(folder / "AIAC", settings["agents"], settings["engine"], deployed, fitted)
        text = card.card(content, settings.profile.name, way, workspace.variant)
        write_bytes_atomically(folder / "README.md", text.encode())
        stage.finish({"agents": content}, counts={
            "deployed": deployed.name, **{name: content["gate"][name] for name in ("verdict", "questions")}})
        journal.close()
    say(f"06: the {deployed.name} is deployed: {folder / 'README.md'}")
    return content


# -- the arena --------------------------------------------------------------------------------------------------------

def tournament(args: argparse.Namespace, settings: Settings, workspace: Workspace, members: list[Player]) -> int:
    """tournament_TAG.json: every match, the ratings, and what is known of the deployed agents."""
    names = [member.name for member in members]
    agents_path = workspace.adapter / "agents" / "agents.json"
    stage = StageRun(
        "06", args, settings, inputs={} if args.arena else {"agents": agents_path},
        outputs={"tournament": args.output or workspace.output("tournament")},
        weights={role: path for member in members for role, path in member.files.items()}, extra={"players": names},
        accumulates=True)
    with stage:
        if stage.is_done():
            return 0
        matches = tournaments.play(stage, settings, members)
        table = rating.ratings(names, matches, args.seed) if len(names) > 1 else []
        content = tournaments.results(stage, agents_path, settings, names, matches, table)
        stage.finish({"tournament": content}, counts={"matches": len(matches), "players": len(names)})
    for row in table:
        say("06: " + rating.told(row))
    return 0


# -- the terminal -----------------------------------------------------------------------------------------------------

def talk(workspace: Workspace, settings: Settings) -> int:
    """Answer and validate what is typed, with the deployed agent."""
    path = workspace.adapter / "agents" / "agents.json"
    if not path.exists():
        raise InputError(f"{path} does not exist; run 06_deploy_agents.py first, without --chat")
    known, agents = read_json(path), settings["agents"]
    deployed = player(known["deployed"], workspace, Path.cwd())
    limits = Limits(agents.answer_tokens, agents.answer_seconds)
    with Stable([deployed], opener(settings["engine"], agents), limits) as stable:
        answerer = stable.answerer(deployed.name)
        fitted = Calibration.from_json(known["validator"]["calibration"])
        print(f"{deployed.name} ({deployed.model.name}); gate: {known['gate']['verdict']}")
        chat.converse(answerer, Validator(answerer, fitted, agents.orders), sys.stdin, sys.stdout)
    return 0


if __name__ == "__main__":
    cli.main(build_parser, run)
