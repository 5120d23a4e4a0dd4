"""The night itself, at small numbers, and kills in it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from .data import Words
from .layouts import TEACHER
from .registry import afresh, check, ended, enhanced, says
from .world import Done, World

NIGHT = "night"


@check("night: 00 to 06 of the profile with smaller numbers end with exit 0")
def night(world: World) -> None:
    with world.hub() as hub:
        ended(world.run_all(hub, NIGHT), 0)
    assert (world.work(NIGHT) / "data/enhanced/report_50k.html").exists(), "no report"


@check("night: the teacher is the profile's first candidate, one flat file")
def first_teacher(world: World) -> None:
    source = enhanced(world, NIGHT, "models")["teacher"]["source"]
    assert source.startswith(f"hub {TEACHER}"), f"the teacher is {source}"


@check("night: all six sources and puzzles are in the questions")
def all_sources(world: World) -> None:
    there = {record["source"] for record in enhanced(world, NIGHT, "questions")}
    missing = {"mmlu", "triviaqa", "commonsenseqa", "logiqa", "puzzle"} - there
    assert not missing, f"nothing of {', '.join(sorted(missing))}"


@check("night: a tenth of the curriculum are puzzles with proven solutions")
def proven(world: World) -> None:
    records = enhanced(world, NIGHT, "questions")
    share = sum(record["source"] == "puzzle" for record in records) / len(records)
    assert 0.08 <= share <= 0.2, f"{share:.0%} of the questions are puzzles"
    trained = [record for record in enhanced(world, NIGHT, "curriculum_ordered") if record["source"] == "puzzle"]
    assert trained, "no puzzle in the curriculum"
    assert all(record["cot"]["status"] == "solver" for record in trained), "a puzzle without its solution"


@check("night: the adapter is there as GGUF and agrees with what was trained")
def adapter(world: World) -> None:
    folder = world.work(NIGHT) / "models/qwen3_235b_cot_curriculum"
    assert (folder / "adapter.gguf").exists(), "no adapter.gguf"
    assert enhanced(world, NIGHT, "training_log")["agreement"], "the log holds no agreement"


@check("night: a second run finds all of it done")
def second_run(world: World) -> None:
    with world.hub() as hub:
        done = world.run_all(hub, NIGHT)
    ended(done, 0)
    told = done.lines("already done")
    assert len(told) == 7, f"{len(told)} of 7 stages were done already"


def _broken_off(world: World, number: str, name: str, reached: Callable[[Path], bool], *flags: str) -> Done:
    """Run a stage, kill -9 it once `reached`, run it again; what the second run said."""
    with world.hub() as hub:
        process = subprocess.Popen(world.command(number, name, *flags), env=world.environment(hub),
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        deadline = time.monotonic() + 600
        while not reached(world.work(name)) and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.01)
        assert process.poll() is None, "it ended before it could be killed"
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return world.stage(number, hub, name, *flags)


def _copy_of_night(world: World, name: str, *without: str) -> None:
    enhanced(world, NIGHT, "models")
    shutil.copytree(world.work(NIGHT), world.work(afresh(world, name)), symlinks=True)
    for pattern in without:
        for path in world.work(name).glob(pattern):
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def _lines(path: Path) -> list[bytes]:
    return path.read_bytes().splitlines() if path.exists() else []


@check("kill: a stage 02 that is killed goes on, and no reply is lost")
def kill_in_02(world: World) -> None:
    journal = Path("data/enhanced/journals/02_replies_50k.jsonl")
    _copy_of_night(world, "kill02", "data/enhanced/cot_enhanced*", str(journal))
    kept: list[bytes] = []

    def reached(work: Path) -> bool:
        kept[:] = _lines(work / journal)
        return len(kept) > 100

    done = _broken_off(world, "02", "kill02", reached)
    ended(done, 0)
    says(done, "going on after|judging what is kept")
    assert _lines(world.work("kill02") / journal)[:100] == kept[:100], "replies were lost"
    assert [record["id"] for record in enhanced(world, "kill02", "cot_enhanced")] == [
        record["id"] for record in enhanced(world, NIGHT, "cot_enhanced")]


@check("kill: a stage 04 that is killed goes on from its checkpoint")
def kill_in_04(world: World) -> None:
    _copy_of_night(world, "kill04", "models/qwen3_235b_cot_curriculum*", "data/enhanced/training_log*")

    def reached(work: Path) -> bool:
        return any(work.glob("models/**/step-*/state.json"))

    done = _broken_off(world, "04", "kill04", reached, "--checkpoint-steps", "1")
    ended(done, 0)
    says(done, "(?i)going on|resum")


@check("teacher: a useless one is stopped by stage 02 after a hundred records, and 03 is not run", short=True)
def useless(world: World) -> None:
    name, words = afresh(world, "useless"), Words(1)
    folder = world.work(name) / "data/enhanced"
    folder.mkdir(parents=True)
    records = [{"id": f"q/{number}", "question": words.question(), "source": "mmlu", "domain": "Anatomy",
                "choices": dict(zip("ABCD", words.options(), strict=True)), "answer": "ABCD"[number % 4]}
               for number in range(120)]
    (folder / "questions_50k.json").write_text(json.dumps(records))
    assert world.useless_teacher
    table = {"teacher": {"name": "useless", "gguf": str(world.root / "made/useless.gguf"), "transformers": None}}
    (folder / "models_50k.json").write_text(json.dumps(table))
    with world.hub(questions=False, weights=False) as hub:
        done = world.run_all(hub, name, "--from", "02")
    ended(done, 1)
    says(done, "the teacher is of no use here: 0 of the first 100")
    assert not done.lines("^03"), "stage 03 was run"
