"""The kinds of events of the chain (02 to 05). Each draws what it does, does it, and has every run judged."""

from __future__ import annotations

import os
import random
import re
import subprocess
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from .audit import last_line
from .world import QUESTIONS, STOPS, TESTS, kill_group, wait_for

if TYPE_CHECKING:
    from .driver import Chaos

SECONDS = {"02": 2.5, "03": 4.0, "04": 8.0, "05": 5.0}  # about as long as a run takes
SAME_WEIGHTS = (["--merge"], ["--no-gguf"], ["--guard-steps", "0"], ["--guard-steps", "4", "--guard-samples", "2"],
                ["--checkpoint-steps", "5", "--checkpoints-kept", "1"], ["--deadline-hours", "50"])
"""Flags of stage 04 that make no other training."""
FULL = re.compile("disk full|No space left|File too large|MB of disk are left|GB are free", re.IGNORECASE)
Disturbance = Callable[[subprocess.Popen], None]


def draw_stage(rng: random.Random, stages: str = "02 02 02 03 04 04 04 05") -> str:
    return rng.choice(stages.split())


def prepare(chaos: Chaos, rng: random.Random, stage: str) -> list[str]:
    """Give a stage something to do; the flags of its run."""
    world, edition = chaos.world, chaos.number + 1
    if stage in ("02", "03"):
        world.edit("questions", rng.sample(range(QUESTIONS), rng.randint(2, 8)), edition)
    if stage == "02":
        return flags_02(rng)
    if stage == "03":
        chaos.settle("02")
        return flags_03(rng)
    if stage == "05":
        world.edit("test", rng.sample(range(TESTS), 2), edition)
        return []
    known = sorted(chaos.seeds)
    seed = rng.choice(known) if known and rng.random() < 0.5 else edition
    return [*chaos.lessons(rng, seed), "--no-gguf", "--epochs", str(rng.choice([1, 2, 2, 3]))]


def flags_02(rng: random.Random) -> list[str]:
    return ["--attempts", str(rng.choice([1, 2, 2, 3])), "--max-tokens", str(rng.choice([48, 64, 64])),
            *(["--no-hint"] if rng.random() < 0.2 else [])]


def flags_03(rng: random.Random) -> list[str]:
    return ["--rating-prompts", "difficulty"] if rng.random() < 0.4 else []


def some_progress(chaos: Chaos, rng: random.Random, stage: str) -> Disturbance:
    """Wait for a moment of a run: so many records after its beginning, or so many seconds."""
    records, seconds = rng.randint(1, 12), rng.uniform(0.2, SECONDS[stage])
    if rng.random() < 0.6:
        return after_records(chaos, stage, records)
    return lambda process: wait_for(process, lambda: False, seconds)


def after_records(chaos: Chaos, stage: str, records: int) -> Disturbance:
    """Wait for so many more lines in a stage's journals."""
    before = chaos.world.journal_lines(stage)
    return lambda process: wait_for(process, lambda: chaos.world.journal_lines(stage) >= before + records)


def killed_training(chaos: Chaos, flags: list[str], records: int) -> None:
    """A training that is killed when so many lines of it are in the journal."""
    moment = after_records(chaos, "04", records)

    def disturb(process: subprocess.Popen) -> None:
        moment(process)
        kill_group(process)

    chaos.run("04", flags, disturb)


# -- the events -------------------------------------------------------------------------------------------------------


def kill(chaos: Chaos, rng: random.Random) -> None:
    """kill -9 at a random moment; half the time the run is then gone on with at once."""
    stage = draw_stage(rng)
    flags = prepare(chaos, rng, stage)
    moment = some_progress(chaos, rng, stage)

    def disturb(process: subprocess.Popen) -> None:
        moment(process)
        kill_group(process)

    chaos.run(stage, flags, disturb)
    if rng.random() < 0.5:
        chaos.run(stage, flags)


def _stop(chaos: Chaos, rng: random.Random, times: int) -> None:
    stage, number = draw_stage(rng, "02 02 03 04"), rng.choice(STOPS)
    flags = prepare(chaos, rng, stage)
    moment, pause = some_progress(chaos, rng, stage), rng.uniform(0.0, 0.4)

    def disturb(process: subprocess.Popen) -> None:
        moment(process)
        for time_ in range(times):
            if process.poll() is None:
                os.kill(process.pid, number)
            if time_ + 1 < times:
                time.sleep(pause)

    run = chaos.run(stage, flags, disturb, run_all=True)
    if run.code not in (0, 130) and (run.code != -number or run.text.strip()):
        chaos.fault(f"failed: {number.name} through run_all.sh ended with exit code {run.code}")
    if stage == "04" and times == 1 and run.code == 130:
        chaos.steps_are_saved(run)
    if rng.random() < 0.5:
        chaos.run(stage, flags)


def signal_once(chaos: Chaos, rng: random.Random) -> None:
    """One signal through run_all.sh: what is in hand is finished."""
    _stop(chaos, rng, 1)


def signal_twice(chaos: Chaos, rng: random.Random) -> None:
    """Two signals through run_all.sh: it stops at once."""
    _stop(chaos, rng, 2)


def flags(chaos: Chaos, rng: random.Random) -> None:
    """A flag is changed and changed back: the way back computes nothing."""
    stage = draw_stage(rng, "02 02 03 04")
    if stage == "04" and rng.random() < 0.4:
        _lower_epochs(chaos, rng)
        return
    if stage == "04":
        same = chaos.lessons(rng, rng.choice(sorted(chaos.seeds) or [0]))
        chaos.run(stage, [*same, "--no-gguf"])
        chaos.run(stage, [*same, *rng.choice(SAME_WEIGHTS)], only=())
        chaos.run(stage, [*same, "--no-gguf"], only=())
        return
    draw = {"02": flags_02, "03": flags_03}[stage]
    if stage == "03":
        chaos.settle("02")
    first, second = draw(rng), draw(rng)
    chaos.run(stage, first)
    chaos.run(stage, second)
    chaos.run(stage, first, only=())


def _lower_epochs(chaos: Chaos, rng: random.Random) -> None:
    """A running training of three epochs is ended after one, and asked for as a whole after all."""
    same = [*chaos.lessons(rng, chaos.number + 1), "--no-gguf"]
    killed_training(chaos, [*same, "--epochs", "3"], rng.randint(6, 20))
    chaos.run("04", [*same, "--epochs", "1"])
    chaos.run("04", [*same, "--epochs", "3"])


def endpoint(chaos: Chaos, rng: random.Random) -> None:
    """A teacher whose servers fail in the middle of the work and come back, or do so after the run has given up."""
    flags = prepare(chaos, rng, "02")
    troubled = chaos.teacher.servers[:rng.choice([1, 1, 2])]
    mode = rng.choice(chaos.modes)
    chaos.trouble = [(server, (rng.randint(0, 10), mode, rng.uniform(0.3, 2.0) if mode == "dead" else
                               1 if mode == "stall" else rng.randint(1, 4))) for server in troubled]
    run = chaos.run("02", flags, lambda process: None)
    if run.code not in (0, 1):
        chaos.fault(f"failed: a teacher in trouble ({mode}) ended with exit code {run.code}")
    chaos.run("02", flags)


def disk(chaos: Chaos, rng: random.Random) -> None:
    """The disk is full in the middle of a run; then there is room again."""
    stage = draw_stage(rng, "02 02 03 04")
    flags = prepare(chaos, rng, stage)
    room = 4096 * rng.choice([2, 25, 100, 400] if stage == "04" else [0, 1, 2, 4, 10])
    run = chaos.run(stage, flags, room=room)
    if run.code not in (0, 1) or (run.code and not FULL.search(run.text)):
        chaos.fault(f"failed: a full disk ended with exit code {run.code} and these words: {last_line(run.text)}")
    if run.code:
        chaos.run(stage, flags)


def edit(chaos: Chaos, rng: random.Random) -> None:
    """One question is reworded, and worded back: it is asked and rated again alone, then nothing is."""
    before = chaos.world.read("questions")
    number = rng.randrange(QUESTIONS)
    for stage in ("02", "03"):
        chaos.run(stage, [])
    chaos.world.edit("questions", [number], chaos.number + 1)
    for stage in ("02", "03"):
        chaos.run(stage, [], only=[f"q/{number}"])
    chaos.world.write("questions", before)
    for stage in ("02", "03"):
        chaos.run(stage, [], only=())


def peek(chaos: Chaos, rng: random.Random) -> None:
    """--limit, in the middle of whatever is unfinished: it has a name of its own, and its work serves the whole."""
    stage, limit = draw_stage(rng, "02 02 03 03 04"), rng.choice([3, 5, 7])
    flags = prepare(chaos, rng, stage)
    mains = [chaos.world.file(name) for name in ("cot_enhanced", "curriculum_ordered", "training_log")]
    before = [path.read_bytes() for path in mains if path.exists()]
    chaos.run(stage, [*flags, "--limit", str(limit)])
    chaos.run(stage, [*flags, "--limit", str(limit)], only=())
    if [path.read_bytes() for path in mains if path.exists()] != before:
        chaos.fault("changed: a peek has replaced a main output")
