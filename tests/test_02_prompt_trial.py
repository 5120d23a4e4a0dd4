"""--prompt auto: a short trial finds the form that suits a teacher, and its choice outlives edits and restarts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from fakes import ScriptedBackend
from test_02_generate import BODY, letter_of, make_workdir, question, read, run, stage02, write

from stepladder.engine import prompts
from stepladder.engine.requests import Request
from stepladder.reasoning import prompt_trial


@pytest.fixture
def workdir(tmp_path: Path) -> Path:
    workdir = make_workdir(tmp_path)
    write(workdir, "questions", [question(number) for number in range(30)])
    return workdir


def only_explains(request: Request) -> str:
    """A teacher that reasons in one form and says bare words in the others."""
    if prompts.VARIANTS["explain"].system not in str(request.prompt):
        return "neutral"
    number = int(request.id.partition("#")[0].rpartition("/")[2])
    return f"Answer: {letter_of(request, str(number))}\n{BODY}"


def counts(workdir: Path) -> dict:
    return json.loads((workdir / "data/enhanced/cot_enhanced_sample.meta.json").read_text())["counts"]


def test_the_form_that_suits_the_teacher_is_taken(
        workdir: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    backend = run(workdir, monkeypatch, only_explains, "--prompt", "auto")
    assert all(record["cot"]["status"] == "verified" for record in read(workdir))
    trial = counts(workdir)["prompt_trial"]
    assert (trial["chosen"], trial["questions"]) == ("explain", 20)
    assert {name: (row["accepted"], row["right"]) for name, row in trial["tried"].items()} == {
        "options": (0, 0), "steps": (0, 0), "explain": (20, 20)}
    assert all(row["tokens"] for row in trial["tried"].values())
    assert len(backend.calls) == 2 * 20 + 30, "the trial's replies in the chosen form are not asked for again"
    shown = capsys.readouterr().out
    assert "02: prompt explain: of 20 first replies were accepted with options 0 (" in shown
    assert "explain 20 (" in shown


@pytest.mark.parametrize(("options", "steps", "chosen"), [
    ((18, 2_000), (19, 6_000), "options"), ((17, 6_000), (19, 2_000), "steps"), ((15, 2_000), (19, 6_000), "steps"),
    ((3, 800), (4, 3_500), "options"), ((0, 100), (2, 3_000), "steps"), ((0, 0), (0, 0), "options")])
def test_what_differs_by_chance_is_decided_by_its_cost(
        options: tuple[int, int], steps: tuple[int, int], chosen: str) -> None:
    assert prompt_trial.best({name: {"accepted": accepted, "right": accepted, "tokens": tokens} for name, (
        accepted, tokens) in (("options", options), ("steps", steps))}) == chosen


def test_of_equals_the_first_is_taken(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(workdir, monkeypatch, lambda request: "neutral", "--prompt", "auto", "--attempts", "1", "--no-hint",
        "--least-kept", "0")
    assert counts(workdir)["prompt_trial"]["chosen"] == "options"


def test_the_choice_outlives_an_edit_that_would_turn_it_over(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(workdir, monkeypatch, only_explains, "--prompt", "auto")
    edited = [question(number) for number in range(30)]
    edited[0]["question"] = "And before that?"
    write(workdir, "questions", edited)

    def turned_over(request: Request) -> str:
        assert prompts.VARIANTS["explain"].system in str(request.prompt)
        return only_explains(request)

    calls = run(workdir, monkeypatch, turned_over, "--prompt", "auto").calls
    assert [call.id for call in calls] == ["q/0#1"]


def test_a_killed_trial_goes_on(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Killed(BaseException):
        pass

    asked: list[str] = []

    def dies(request: Request) -> str:
        asked.append(request.id)
        if len(asked) == 30:
            raise Killed
        return only_explains(request)

    with pytest.raises(Killed):
        run(workdir, monkeypatch, dies, "--prompt", "auto", sequences=1)
    backend = run(workdir, monkeypatch, only_explains, "--prompt", "auto", sequences=1)
    assert len(backend.calls) == 2 * 20 + 30 - 29
    assert counts(workdir)["prompt_trial"]["chosen"] == "explain"


def test_one_backend_is_opened_and_closed_once(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[ScriptedBackend] = []

    def opener(*args: object, **options: object) -> ScriptedBackend:
        opened.append(ScriptedBackend(only_explains))
        return opened[-1]

    monkeypatch.setattr(stage02, "open_by_settings", opener)
    stage02.run(stage02.build_parser().parse_args(
        ["--profile", "laptop", "--workdir", str(workdir), "--prompt", "auto"]))
    assert [backend.closed for backend in opened] == [True]


def test_another_wording_is_another_trial(monkeypatch: pytest.MonkeyPatch) -> None:
    before = prompt_trial.identity("auto")
    monkeypatch.setitem(prompts.VARIANTS, "steps", prompts.Variant(2, "Think."))
    assert prompt_trial.identity("auto") != before
    assert prompt_trial.identity("options") == prompts.identity("options")


def test_an_unknown_prompt_is_told_with_those_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        stage02.build_parser().parse_args(["--prompt", "nonsense"])
    assert "explain" in capsys.readouterr().err


def test_another_way_to_think_is_another_trial(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(workdir, monkeypatch, only_explains, "--prompt", "auto")
    calls = run(workdir, monkeypatch, only_explains, "--prompt", "auto", "--thinking", "off").calls
    assert len(calls) == 2 * 20 + 30


def test_a_peek_does_not_decide_the_night(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(workdir, monkeypatch, lambda request: "neutral", "--prompt", "auto", "--limit", "1")
    run(workdir, monkeypatch, only_explains, "--prompt", "auto")
    assert counts(workdir)["prompt_trial"]["chosen"] == "explain"


def test_replies_of_retries_do_not_count(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The form that had been retried has had more chances than the others."""
    def later(request: Request) -> str:
        number, _, attempt = request.id.rpartition("/")[2].partition("#")
        if prompts.VARIANTS["options"].system in str(request.prompt) and attempt != "1":
            return f"{BODY}\nAnswer: {letter_of(request, number)}"
        return only_explains(request)

    once = ("--attempts", "1", "--no-hint", "--least-kept", "0")
    run(workdir, monkeypatch, later, *once)
    run(workdir, monkeypatch, later, *once, "--retry-failed")
    run(workdir, monkeypatch, later, *once, "--prompt", "auto")
    assert counts(workdir)["prompt_trial"]["tried"]["options"]["accepted"] == 0
    assert counts(workdir)["prompt_trial"]["chosen"] == "explain"
