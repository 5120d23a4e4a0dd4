"""A hub that fails in its many ways: for questions, and for weights."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from hub import Hub

from .layouts import ASSESSOR, SECOND_TEACHER, STUDENT, TEACHER
from .registry import afresh, check, ended, enhanced, fetched, says
from .world import World

MMLU = "datasets/cais/mmlu"


# -- questions that fail -------------------------------------------------------------------------------------------


@check("questions: a hub that fails for a while is asked again", short=True)
def passing_500(world: World) -> None:
    with world.hub(weights=False, faults={(MMLU, "info"): ["500"] * 3}) as hub:
        done = world.stage("00", hub, afresh(world, "passing"), "--sources", "mmlu", "puzzle")
    ended(done, 0)
    assert not enhanced(world, "passing", "questions", "meta.json")["counts"]["unavailable"], "MMLU is missing"
    assert {record["source"] for record in enhanced(world, "passing", "questions")} >= {"mmlu"}


@check("questions: an empty hub ends the night there, by name of what is missing", short=True)
def empty_hub(world: World) -> None:
    with world.hub(questions=False, weights=False) as hub:
        done = world.stage("00", hub, afresh(world, "empty"))
    ended(done, 1)
    says(done, "cannot be had.*mmlu")
    assert not (world.work("empty") / "data/enhanced/questions_50k.json").exists(), "puzzles alone were taken for it"


@check("questions: Xet storage that cannot be reached costs no minutes and no source")
def xet_questions(world: World) -> None:
    with world.hub(weights=False, xet=True) as hub:
        done = world.stage("00", hub, afresh(world, "xet0"), "--sources", "mmlu", "puzzle", limit=100)
    assert done.code != 124, "still nothing after 100 s"
    ended(done, 0)


# -- weights that fail ---------------------------------------------------------------------------------------------


@contextmanager
def weights(world: World, **options: Any) -> Iterator[Hub]:
    """A hub of the profile's weights alone."""
    with world.hub(questions=False, **options) as hub:
        yield hub


@check("weights: Xet storage that cannot be reached is not needed", short=True)
def xet_weights(world: World) -> None:
    with weights(world, xet=True) as hub:
        ended(world.stage("01", hub, afresh(world, "xet1"), limit=100), 0)


@check("weights: a teacher of another hash falls to the next one")
def wrong_hash(world: World) -> None:
    with weights(world) as hub:
        for name in hub.repos[TEACHER]:
            hub.faults[TEACHER, name] = "damaged"
        done = world.stage("01", hub, afresh(world, "hash"))
        hash_told = fetched(hub, TEACHER) > 0
    ended(done, 0)
    assert hash_told, "the first teacher was not even tried"
    says(done, "another SHA-256")
    assert SECOND_TEACHER in enhanced(world, "hash", "models")["teacher"]["source"]


@check("weights: a gone student is noticed before the first byte of any other", short=True)
def gone_student(world: World) -> None:
    with weights(world) as hub:
        del hub.repos[STUDENT]
        done = world.stage("01", hub, afresh(world, "gone"))
        came = fetched(hub, TEACHER) + fetched(hub, SECOND_TEACHER)
    ended(done, 1)
    says(done, f"{STUDENT} is not on the hub")
    assert came == 0, f"{came} bytes of the teacher came before"


@check("weights: a gated teacher is called gated, with what to do, and is passed over", short=True)
def gated_teacher(world: World) -> None:
    with weights(world, sealed={TEACHER}) as hub:
        done = world.stage("01", hub, afresh(world, "gated"))
    ended(done, 0)
    says(done, "gated.*HF_TOKEN")
    assert SECOND_TEACHER in enhanced(world, "gated", "models")["teacher"]["source"]


@check("weights: a gated student is noticed before the first byte of any other")
def gated_student(world: World) -> None:
    with weights(world, sealed={STUDENT}) as hub:
        done = world.stage("01", hub, afresh(world, "gated2"))
        came = fetched(hub, TEACHER) + fetched(hub, SECOND_TEACHER)
    ended(done, 1)
    says(done, "gated.*HF_TOKEN")
    assert came == 0, f"{came} bytes of the teacher came before"


@check("weights: a pattern that matches nothing tells which names there are")
def no_such_name(world: World) -> None:
    with weights(world) as hub:
        hub.repos[TEACHER] = {"DeepSeek-V3.1-Q8_0.gguf": world.teacher}
        done = world.stage("01", hub, afresh(world, "names"), "--plan")
    ended(done, 0)
    assert "DeepSeek-V3.1-Q8_0.gguf" in done.text, "the name that is there is not told"


@check("weights: without an assessor the run goes on with the heuristic", short=True)
def no_assessor(world: World) -> None:
    with weights(world) as hub:
        del hub.repos[ASSESSOR]
        done = world.stage("01", hub, afresh(world, "assessor"))
    ended(done, 0)
    says(done, "(?i)heuristic")


@check("weights: a folder of weights that is there already is taken as it is", short=True)
def own_folder(world: World) -> None:
    _, gguf = world.student
    own = world.root / "made/student"
    teacher, student = world.root / "made/teacher.gguf", world.root / "made/student.gguf"
    assert world.teacher
    assert gguf
    profile = world.root / "own.toml"
    rows = "".join(f'[[models.{role}]]\nkind = "file"\nname = "{path}"\n\n' for role, path in (
        ("teacher.candidates", teacher), ("student.candidates", student), ("student.transformers", own)))
    profile.write_text(f'[profile]\nname = "own"\ntag = "50k"\nstudent = "own"\n\n{rows}')
    with Hub() as hub:
        ended(world.stage("01", hub, afresh(world, "own"), profile=str(profile)), 0)
    named = enhanced(world, "own", "models")["student"]["transformers"]
    assert (world.work("own") / named).resolve() == own.resolve(), f"the table names {named}"
