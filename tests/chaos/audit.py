"""What a run may have computed, held against what was finished before it: the rules, without any event."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Collection
from pathlib import Path
from typing import Any

from .ledger import Change, Ledger, Line, digest_of, lines_of
from .teacher import Teacher, references
from .world import OUTPUTS, Run, World

IN_FLIGHT = 6  # requests of stage 02 that may be under way at once: two servers, three each
EXIT_CODES = {0, 1, 130, -9, -15}
STEP_KINDS = ("step/", "reading/")
HIGHEST = "memory|"  # the highest of all runs, so a later one may write it anew


def judge(world: World, ledger: Ledger, run: Run, teacher: Teacher, *, only: Collection[str] | None = None,
          training: str = "", made: str = "") -> Change:
    """Look at the workspace after a run, and find what was lost, changed or done again without need.

    only: ids of the records that it may have worked on. training: what tells the training of a run of stage 04 from
    others. made: what tells the output of a run that ended well from others.
    """
    known = {name: ledger.finished(name) for name in ledger.journals}
    references, checkpoints, trained = set(ledger.references), dict(ledger.checkpoints), set(ledger.trained)
    change = ledger.look(world.work)
    for name, lines in change.new.items():
        if name.startswith("04_"):
            _judge_steps(world, run, name, lines, known.get(name, {}), checkpoints, trained, only, change)
        else:
            _judge_lines(name, lines, known.get(name, {}), only, change)
    if run.stage == "02":
        _judge_answers(ledger, references, teacher, run, change)
    if training:
        _judge_training(world, ledger, run, training, change)
    if made and run.code == 0:
        _judge_output(world, ledger, run, made, change)
    _judge_end(run, change)
    return change


def _judge_lines(name: str, lines: list[Line], known: dict[str, str], only: Collection[str] | None,
                 change: Change) -> None:
    """Every key once."""
    ids, seen = set(known.values()), set(known)
    for line in lines:
        if line.id.startswith(HIGHEST):
            continue
        if line.key in seen:
            change.doubled.append(f"{name}: {line.id} {line.key}")
        elif line.id in ids:
            change.recomputed += 1
        named = {*re.split(r"[|#]", line.id), *references(line.entry.get("text") or "")}
        if only is not None and not named & set(only):
            change.doubled.append(f"{name}: {line.id} had no need to be computed")
        seen.add(line.key)


def _judge_steps(world: World, run: Run, name: str, lines: list[Line], known: dict[str, str],
                 checkpoints: dict[str, int], trained: set[str], only: Collection[str] | None, change: Change) -> None:
    """Steps go on at the last checkpoint, and repeat to the same losses what lies behind it."""
    steps = [line for line in lines if line.id.startswith(STEP_KINDS)]
    training = training_in_place(world, run.limit)
    earlier = {line.key: line for line in lines_of(world.work / "data/enhanced/journals" / name)[:-len(lines) or None]}
    for line in steps:
        step = line.entry["step"]
        if line.id.startswith("step/") and only is not None:
            change.doubled.append(f"{name}: {line.id} had no need to be computed")
        elif line.id.startswith("step/") and training in trained:
            change.doubled.append(f"{name}: {line.id} of a training that was finished")
        elif line.id.startswith("step/") and step <= checkpoints.get(training, 0):
            change.doubled.append(f"{name}: {line.id}, with a checkpoint of step {checkpoints[training]}")
        elif line.key in known and line.id.startswith("step/"):
            change.recomputed += 1
            if earlier[line.key].entry["loss"] != line.entry["loss"]:
                change.changed.append(f"{name}: {line.id} has another loss than before")


def training_in_place(world: World, limit: int | None) -> str:
    """The training that a run of stage 04 took steps of: of the checkpoints in place, else of the adapter there."""
    mark = f".limit{limit}" if limit else ""
    return _training_of(world.work / "models" / f".tiny_checkpoints{mark}" / "fingerprint.json") or \
        training_that_ended(world, limit)


def training_that_ended(world: World, limit: int | None) -> str:
    """The training of the adapter in place; checkpoints of another, that was broken off, may lie beside it."""
    mark = f".limit{limit}" if limit else ""
    return _training_of(world.work / "models" / f"tiny_cot_curriculum{mark}" / "training.json")


def _training_of(path: Path) -> str:
    told = json.loads(path.read_bytes()) if path.exists() else {}
    return f"{told['fingerprint']} {told.get('planned_epochs', told.get('epochs'))}" if told else ""


def _judge_training(world: World, ledger: Ledger, run: Run, training: str, change: Change) -> None:
    """What shapes no weights must not make another training of it."""
    fingerprint = training_that_ended(world, run.limit).partition(" ")[0]
    if fingerprint and run.code == 0 and ledger.trainings.setdefault(training, fingerprint) != fingerprint:
        change.doubled.append(f"training {training} has become another one")


def _judge_answers(ledger: Ledger, references: set[str], teacher: Teacher, run: Run, change: Change) -> None:
    """Nobody asks for a reply that is in the journal, and what was answered is kept, but for what was in flight."""
    answered = Counter(teacher.answered)
    change.doubled += [f"request r{one} was answered again" for one in answered if one in references]
    change.doubled += [f"request r{one} was answered {count} times in one run" for one, count in answered.items()
                       if count > 1]
    wasted = set(answered) - set(ledger.references)
    if len(wasted) > (IN_FLIGHT if run.code else 0):
        change.lost += [f"the answer to request r{one} was not kept" for one in sorted(wasted)]


def _judge_output(world: World, ledger: Ledger, run: Run, made: str, change: Change) -> None:
    """The same flags and inputs, the same bytes."""
    path = world.file(OUTPUTS[run.stage], run.limit)
    if not path.exists():
        change.lost.append(f"{path.name}, of a run that ended well")
        return
    data = path.read_bytes()
    if b'"refused"' in data:  # what a server refused now it may take another time
        return
    found = ledger.made.setdefault(made, digest_of(data))
    if found != digest_of(data):
        change.changed.append(f"{path.name} differs from what the same run wrote before")


def _judge_end(run: Run, change: Change) -> None:
    early = run.broken and run.code < 0 and not run.text.strip()  # it had not said a word when the signal came
    if not early and run.code not in (EXIT_CODES if run.broken else {0}):
        change.failed.append(f"exit code {run.code}: {last_line(run.text)}")
    if "Traceback (most recent call last)" in run.text:
        change.failed.append(f"an error that nothing handles: {last_line(run.text)}")


def last_line(text: str) -> str:
    """The last line that says something."""
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "")


def unsettled(reasoning: Path) -> list[str]:
    """Ids of the records of an output of stage 02 that were refused at least once."""
    return [record["id"] for record in json.loads(reasoning.read_bytes())
            if any(one["outcome"] == "refused" for one in (record.get("cot") or {}).get("outcomes", []))]


def identity(world: World, stage: str, flags: list[str], limit: int | None, inputs: list[Path]) -> str:
    """What the driver knows an output or a training by: stage, flags and the bytes it is made from."""
    told: list[Any] = [stage, flags, limit, [digest_of(path.read_bytes()) for path in inputs]]
    return digest_of(json.dumps(told).encode())
