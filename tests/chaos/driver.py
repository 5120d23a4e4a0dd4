"""Event after event, drawn by seed; after each run the ledger is held against the workspace."""

from __future__ import annotations

import json
import os
import random
import shlex
import shutil
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from . import audit, events, hub_events, teacher
from .ledger import FAULTS, Change, Ledger
from .world import Run, World

Event = Callable[["Chaos", random.Random], None]
KINDS: dict[str, tuple[str, Event]] = {
    "kill": ("kill -9 of a stage", events.kill), "once": ("a signal through run_all.sh", events.signal_once),
    "twice": ("two signals through run_all.sh", events.signal_twice), "flags": ("flags changed and back", events.flags),
    "endpoint": ("a teacher that fails and comes back", events.endpoint), "hub": ("a hub that fails", hub_events.hub),
    "shard": ("a deleted shard", hub_events.shard), "disk": ("a full disk", events.disk),
    "edit": ("an edited question", events.edit), "peek": ("--limit peeks", events.peek)}
CARDS = {"kill": 4, "once": 2, "twice": 1, "flags": 3, "endpoint": 4, "hub": 3, "shard": 1, "disk": 1, "edit": 1,
         "peek": 2}
DECK = [kind for kind, count in CARDS.items() for _ in range(count)]
"""What one shuffling holds, so that every kind comes."""


@dataclass
class Row:
    """What one event came to. faults: what must not be, in words."""

    number: int
    kind: str
    seconds: float = 0.0
    risk: int = 0
    lost: int = 0
    changed: int = 0
    doubled: int = 0
    failed: int = 0
    recomputed: int = 0
    faults: list[str] = field(default_factory=list)
    runs: list[str] = field(default_factory=list)


class Chaos:
    """One chaos of a seed in a folder. `resume` goes on with it where it was, `begin` makes it.

    refused: requests that a server has refused, which are asked again. unsettled: records with such a one in what stage
    03 read last: they may get another reasoning without having been reworded, and are then rated anew.
    """

    def __init__(self, root: Path, model: Path, seed: int, deck: Sequence[str] = DECK) -> None:
        root.mkdir(parents=True, exist_ok=True)
        self.world, self.seed, self.deck = World(root, model), seed, list(deck)
        self.teacher, self.lane = teacher.Teacher(), hub_events.HubLane(self.world, seed)
        self.ledger, self.rows, self.seeds = Ledger(), [], [0]
        self.refused: list[str] = []
        self.unsettled: list[str] = []
        self.modes = teacher.MODES
        self.trouble: list[tuple[teacher.Server, tuple[int, str, float]]] = []
        self.number, self.row, self.risk, self.change = 0, Row(0, ""), 0, Change()
        self.sabotage: Callable[[Chaos], None] | None = None

    def close(self) -> None:
        self.teacher.__exit__()
        self.lane.close()

    # -- the state ----------------------------------------------------------------------------------------------------

    @property
    def state_path(self) -> Path:
        return self.world.root / "chaos.json"

    def begin(self, stages: Collection[str] = ("01", "02", "03", "04", "05")) -> None:
        """A workspace in which these stages have been through once, and a second training was killed."""
        self.world.make()
        self.row = Row(-1, "setting up")
        if "01" in stages:
            hub_events.brought(self)
        for stage in [stage for stage in ("02", "03", "05") if stage in stages]:
            self.run(stage, [])
        if "04" in stages:
            events.killed_training(self, [*self.lessons(random.Random(0), 1, kept=True), "--no-gguf"], 12)
            self.run("04", [*self.lessons(random.Random(0), 0, kept=True), "--no-gguf"])
        self._save()
        if self.row.faults:
            raise AssertionError(self.row.faults)

    def resume(self) -> None:
        """As it was after the last event that was seen through; one that was broken off is begun anew."""
        self._load(self.state_path)
        if self.world.kept() == len(self.rows):
            self.world.restore()

    def back_to(self, number: int) -> None:
        """As it was before the last event, to have it happen again."""
        if self.world.kept() != number:
            raise SystemExit(f"only event {self.world.kept()} is kept; run --events {number + 1} for this one")
        self.world.restore()
        shutil.copy(self.world.root / "before.json", self.state_path)
        self._load(self.state_path)

    def _load(self, path: Path) -> None:
        state = json.loads(path.read_bytes())
        if state["seed"] != self.seed:
            raise SystemExit(f"{self.world.root} holds the chaos of seed {state['seed']}")
        self.ledger, self.rows = Ledger(state["ledger"]), [Row(**row) for row in state["rows"]]
        self.seeds, self.refused, self.unsettled = state["seeds"], state["refused"], state["unsettled"]

    def _save(self) -> None:
        state = {"seed": self.seed, "ledger": self.ledger.as_json(), "rows": [asdict(row) for row in self.rows],
                 "seeds": self.seeds, "refused": self.refused, "unsettled": self.unsettled}
        if self.state_path.exists():
            shutil.copy(self.state_path, self.world.root / "before.json")
        temporary = self.state_path.with_suffix(".new")
        temporary.write_text(json.dumps(state))
        os.replace(temporary, self.state_path)

    # -- an event -----------------------------------------------------------------------------------------------------

    def kind_of(self, number: int) -> str:
        """The kind of an event: the deck, shuffled anew each time that it is through."""
        deck = list(self.deck)
        random.Random(f"{self.seed} deck {number // len(deck)}").shuffle(deck)
        return deck[number % len(deck)]

    def event(self, number: int) -> Row:
        """Have one event happen; its row."""
        self.world.keep(number)
        started, kind = time.monotonic(), self.kind_of(number)
        self.number, self.row, self.risk = number, Row(number, kind), self.ledger.at_risk()
        if self.sabotage is not None:
            self.sabotage(self)
        KINDS[kind][1](self, random.Random(f"{self.seed} event {number}"))
        self.row.risk, self.row.seconds = self.risk, round(time.monotonic() - started, 1)
        self.rows.append(self.row)
        self._save()
        return self.row

    def run(self, stage: str, flags: Sequence[str], disturb: Any = None, *, run_all: bool = False,
            only: Collection[str] | None = None, room: int | None = None) -> Run:
        """Run a stage and judge what it left. The teacher is as `trouble` says, once; room: bytes left on the disk."""
        self.teacher.calm()
        for server, trouble in self.trouble:
            server.trouble = trouble
        self.trouble = []
        teachers = ["--endpoints", *(server.url for server in self.teacher.servers)] if stage == "02" else []
        if room is None:
            run = self.world.run(stage, [*flags, *teachers], disturb, run_all=run_all)
        else:
            with self.world.small_disk(room) as (workdir, most_bytes):
                run = self.world.run(stage, [*flags, *teachers], workdir=workdir, most_bytes=most_bytes, broken=True)
        self.judge(run, flags, only)
        return run

    def judge(self, run: Run, flags: Sequence[str], only: Collection[str] | None = None) -> None:
        """Hold a run against the ledger."""
        flags, made, training = list(flags), "", ""
        if run.stage in ("02", "03"):
            source = self.world.input({"02": "questions", "03": "cot_enhanced"}[run.stage], run.limit)
            made = audit.identity(self.world, run.stage, flags, run.limit, [source])
        if run.stage == "04":
            source = Path(flags[flags.index("--input") + 1]) if "--input" in flags else \
                self.world.input("curriculum_ordered", run.limit)
            training = audit.identity(self.world, run.stage, flags[:2], run.limit, [source])
        allowed = None if only is None else {*only, *self.refused, *(self.unsettled if run.stage == "03" else [])}
        self.change = audit.judge(self.world, self.ledger, run, self.teacher, only=allowed, training=training,
                                  made=made)
        self.take(run, self.change)
        self.refused += sorted(self.teacher.refused - set(self.refused))
        if run.stage == "03":
            self.unsettled = audit.unsettled(source)

    def take(self, run: Run, change: Change) -> None:
        """Add what a run came to to the event's row."""
        self.row.runs.append(f"{shlex.join(run.command)} -> {run.code}")
        self.row.recomputed += change.recomputed
        for fault in change.faults:
            self.fault(fault)

    def fault(self, words: str) -> None:
        """Something that must not be: "lost: ...", "changed: ...", "doubled: ..." or "failed: ..."."""
        kind = words.partition(":")[0]
        setattr(self.row, kind, getattr(self.row, kind) + 1)
        self.row.faults.append(f"after run {len(self.row.runs)}: {words}")

    # -- what events need -----------------------------------------------------------------------------------------

    def settle(self, stage: str) -> None:
        """Have a stage finished with its usual flags."""
        self.run(stage, [])

    def lessons(self, rng: random.Random, seed: int, kept: bool = False) -> list[str]:
        """Flags of a training: its seed and order, and its records: lessons that stay, or what the chain has made."""
        if seed not in self.seeds:
            self.seeds.append(seed)
        stays = kept or rng.random() < 0.7
        return ["--seed", str(seed), "--order", ("curriculum", "random")[seed % 2],
                *(["--input", str(self.world.file("lessons"))] if stays else [])]

    def steps_are_saved(self, run: Run) -> None:
        """After one signal the last step that was taken is in a checkpoint."""
        steps = [line.entry["step"] for line in self.change.new.get("04_log_chaos.jsonl", [])
                 if line.id.startswith("step/")]
        saved = self.ledger.checkpoints.get(audit.training_in_place(self.world, run.limit))
        if steps and saved is not None and saved < steps[-1]:
            self.fault(f"lost: step {steps[-1]} was taken, the last checkpoint is of step {saved}")


def table(rows: Sequence[Row]) -> list[str]:
    """A line for each kind of event, and one for all."""
    head = ["event", "how many", "finished things at risk", *FAULTS, "recomputed as had to be", "median s"]
    lines = ["| " + " | ".join(head) + " |", "|---" + "|---:" * (len(head) - 1) + "|"]
    for kind, (words, _) in KINDS.items():
        chosen = [row for row in rows if row.kind == kind]
        if chosen:
            lines.append(_line(words, chosen))
    return [*lines, *([_line("all", rows)] if rows else [])]


def _line(words: str, rows: Sequence[Row]) -> str:
    seconds = sorted(row.seconds for row in rows)[len(rows) // 2]
    totals = [sum(getattr(row, name) for row in rows) for name in ("risk", *FAULTS, "recomputed")]
    return "| " + " | ".join(map(str, [words, len(rows), *totals, seconds])) + " |"
