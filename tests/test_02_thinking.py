"""Stage 02 with a teacher that thinks: what is kept of it, what is asked for again, and what is not."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fakes import ScriptedBackend
from test_02_generate import BODY, journal, letter_of, make_workdir, question, read, run, stage02, write

from stepladder.core import profiles
from stepladder.core.errors import InputError, StageError
from stepladder.core.files import hash_json
from stepladder.core.settings import Reasoning
from stepladder.engine.requests import Completion, EngineError, Request, RequestError
from stepladder.reasoning.attempts import Case, Policy
from stepladder.reasoning.replies import Replies
from stepladder.reasoning.thoughts import SHORT_FORM, Thinking

THOUGHT = "Let me see, it is the number before, so I count back from it. Hmm, wait. Yes, one step back it is."
SHAPES = {
    "a field": lambda request, text: Completion(request.id, text, 9, 40, "stop", thinking=THOUGHT),
    "tags": lambda request, text: f"<think>\n{THOUGHT}\n</think>\n\n{text}",
    "a tag that the prompt opened": lambda request, text: f"{THOUGHT}\n</think>\n\n{text}",
    "channels": lambda request, text: f"<|channel|>analysis<|message|>{THOUGHT}<|end|><|start|>assistant"
                                      f"<|channel|>final<|message|>{text}"}


@pytest.fixture
def workdir(tmp_path: Path) -> Path:
    make_workdir(tmp_path)
    write(tmp_path, "questions", [question(number) for number in range(1, 5)])
    return tmp_path


def right(request: Request) -> str:
    return letter_of(request, request.id.partition("#")[0].rpartition("/")[2])


def thinks(said: Callable[[Request], str], shape: str = "a field", short: str = BODY) -> Callable[[Request], Any]:
    """A teacher that thinks and then says something; asked for the short form it writes `short` and concludes."""
    def reply(request: Request) -> Any:
        if request.id.endswith("/short"):
            return f"{short}\nAnswer: {right(request)}"
        return SHAPES[shape](request, said(request))

    return reply


def shorts(backend: ScriptedBackend) -> list[Request]:
    return [call for call in backend.calls if call.id.endswith("/short")]


# -- what is kept -----------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("shape", SHAPES)
def test_a_thought_before_a_bare_letter_is_made_a_short_reasoning(
        workdir: Path, monkeypatch: pytest.MonkeyPatch, shape: str) -> None:
    backend = run(workdir, monkeypatch, thinks(lambda request: f"Answer: {right(request)}", shape))
    for record in read(workdir):
        assert record["cot"]["status"] == "verified"
        assert record["cot"]["attempts"] == 1
        assert record["cot"]["thinking"] == THOUGHT
        assert record["chain_of_thought"] == f"{BODY}\nAnswer: {record['answer']}"
    first, asked = backend.calls[0], shorts(backend)
    assert len(asked) == 4
    told = next(call for call in asked if call.id.startswith(first.id))
    assert told.prompt == f"{first.prompt}<think>\n{THOUGHT}\n</think>\n\n{SHORT_FORM}"
    assert (told.max_tokens, told.closing, told.thought_tokens) == (96, "\nAnswer:", 0)
    outcome, = read(workdir)[0]["cot"]["outcomes"]
    assert outcome["tokens"] > 40 if shape == "a field" else outcome["tokens"] > len(BODY.split())


def test_a_visible_reasoning_is_the_chain_as_it_stands(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    backend = run(workdir, monkeypatch, thinks(lambda request: f"{BODY}\nAnswer: {right(request)}"))
    assert shorts(backend) == []
    for record in read(workdir):
        assert record["chain_of_thought"] == f"{BODY}\nAnswer: {record['answer']}"
        assert record["cot"]["thinking"] == THOUGHT


def test_a_budget_spent_in_thought_loses_nothing(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    backend = run(workdir, monkeypatch, thinks(lambda request: ""))
    assert len(shorts(backend)) == 4
    assert [record["cot"]["status"] for record in read(workdir)] == ["verified"] * 4


def test_a_wrong_letter_needs_no_short_form(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(request: Request) -> str:
        return f"Answer: {'B' if right(request) == 'A' else 'A'}"

    backend = run(workdir, monkeypatch, thinks(wrong), "--attempts", "1", "--no-hint")
    assert shorts(backend) == []
    for record in read(workdir):
        assert record["cot"]["status"] == "failed"
        assert record["cot"]["teacher_answer"] not in (None, record["answer"])
        assert "thinking" not in record["cot"], "of a failed record nothing is kept to learn from"


def test_a_short_form_is_judged_like_any_reply(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = thinks(lambda request: f"Answer: {right(request)}", short="Yes.")
    backend = run(workdir, monkeypatch, said, "--attempts", "1", "--no-hint")
    assert len(shorts(backend)) == 4
    assert {record["cot"]["outcomes"][0]["outcome"] for record in read(workdir)} == {"near-empty"}


def test_a_short_form_that_does_not_fit_leaves_the_reply_as_it_is(workdir: Path, monkeypatch: pytest.MonkeyPatch
                                                                  ) -> None:
    class Short(ScriptedBackend):
        def check(self, request: Request) -> None:
            if request.id.endswith("/short"):
                raise RequestError(request.id, "over the context")

    backend = Short(thinks(lambda request: f"Answer: {right(request)}"))
    monkeypatch.setattr(stage02, "open_by_settings", lambda *args, **options: backend)
    stage02.run(stage02.build_parser().parse_args(
        ["--profile", "laptop", "--attempts", "1", "--no-hint", "--workdir", str(workdir)]))
    assert {record["cot"]["outcomes"][0]["outcome"] for record in read(workdir)} == {"near-empty"}


# -- what is asked for again ------------------------------------------------------------------------------------------

def test_a_run_that_broke_off_before_the_short_forms_asks_for_them_alone(
        workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def gives_up(request: Request) -> Any:
        if request.id.endswith("/short"):
            raise EngineError("the server is gone")
        return thinks(lambda r: f"Answer: {right(r)}")(request)

    with pytest.raises(StageError, match="the server is gone"):
        run(workdir, monkeypatch, gives_up)
    kept = [json.loads(line)["id"] for line in journal(workdir).read_text().splitlines()]
    assert kept
    backend = run(workdir, monkeypatch, thinks(lambda request: f"Answer: {right(request)}"))
    asked = {call.id for call in backend.calls}
    assert not asked & set(kept), "what was thought is thought"
    assert {f"{name}/short" for name in kept} <= asked
    assert [record["cot"]["status"] for record in read(workdir)] == ["verified"] * 4
    assert len(run(workdir, monkeypatch, thinks(lambda request: "")).calls) == 0


def test_a_journal_of_before_holds_thoughts_in_its_texts(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    backend = run(workdir, monkeypatch, lambda request: "no idea", "--attempts", "1", "--no-hint")
    lines = [json.loads(line) for line in journal(workdir).read_text().splitlines()]
    answers = {call.id: right(call) for call in backend.calls}
    journal(workdir).write_text("".join(json.dumps(
        entry | {"text": f"<think>{THOUGHT}</think>\nAnswer: {answers[entry['id']]}"}) + "\n" for entry in lines))
    (workdir / "data/enhanced/cot_enhanced_sample.json").unlink()
    again = run(workdir, monkeypatch, thinks(lambda request: ""), "--attempts", "1", "--no-hint")
    assert sorted(call.id for call in again.calls) == sorted(f"{name}/short" for name in answers)
    assert all(record["cot"]["thinking"] == THOUGHT for record in read(workdir))


def test_how_a_teacher_thinks_is_part_of_what_a_reply_was_made_from(workdir: Path, monkeypatch: pytest.MonkeyPatch
                                                                    ) -> None:
    said = thinks(lambda request: f"{BODY}\nAnswer: {right(request)}")
    flags = ([], ["--thinking", "on"], ["--thinking", "64"], ["--template-arguments", "effort=low"],
             ["--template-arguments", "effort=high", "--thinking", "on"])
    for given in flags:
        assert len(run(workdir, monkeypatch, said, *given).calls) == 4
    for given in (*flags, ["--thinking", "auto"]):
        assert len(run(workdir, monkeypatch, said, *given).calls) == 0, "changed back, nothing is asked"


def test_keys_of_a_teacher_that_is_told_nothing_are_those_of_before() -> None:
    """Recorded then. A change of wording changes them too, and rightly so."""
    policy = Policy("options", 3, 0.7, 0.95, 64, permute=True, hint=True, seed=0)
    asked = {"id": "q1", "question": "What is two and two?", "answer": "B",
             "choices": {"A": "3", "B": "4", "C": "5", "D": "6"}}
    case, replies = Case(asked, policy), Replies(None, policy, "teacher", 1024, "run")
    keys = [replies._key(case._attempt(number)) for number in (1, 2, 3, 4)]
    assert hash_json(keys) == "fe6b8a60d505c15ae1a927dfe9e6c51e0f40c360ff278c1a0c5013d1c1dfdc1f"


def test_settings_that_were_added_change_nothing_where_they_are_not_used() -> None:
    args = stage02.build_parser().parse_args(["--profile", "laptop"])
    shaping = profiles.resolve(args, ("reasoning",)).shaping()
    assert not {"reasoning.thinking", "reasoning.template_arguments"} & set(shaping)


# -- what is sent -----------------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("flags", "switch", "thought", "most"), [
    ([], None, None, 96), (["--thinking", "off"], False, 0, 96), (["--thinking", "0"], False, 0, 96),
    (["--thinking", "on"], True, None, 96), (["--thinking", "200"], True, 200, 296)])
def test_the_setting_switches_the_template_and_bounds_the_thought(
        workdir: Path, monkeypatch: pytest.MonkeyPatch, flags: list[str], switch: bool | None, thought: int | None,
        most: int) -> None:
    backend = ScriptedBackend(thinks(lambda request: f"{BODY}\nAnswer: {right(request)}"))
    opened: dict[str, Any] = {}
    monkeypatch.setattr(stage02, "open_by_settings", lambda *args, **options: opened.update(options) or backend)
    stage02.run(stage02.build_parser().parse_args(
        ["--profile", "laptop", "--workdir", str(workdir), *flags, "--template-arguments", "effort=2"]))
    assert (opened["thinking"], opened["template_arguments"]) == (switch, {"effort": 2})
    assert {(call.thought_tokens, call.max_tokens) for call in backend.calls} == {(thought, most)}


@pytest.mark.parametrize("value", ["maybe", "-1", "1.5", "", True, "64 tokens"])
def test_what_is_no_way_to_think_is_refused(value: Any) -> None:
    with pytest.raises(InputError, match=r"reasoning\.thinking"):
        profiles.validate("reasoning", {"thinking": value}, "here")


def test_a_profile_may_give_numbers_and_tables() -> None:
    found = profiles.validate("reasoning", {"thinking": 512, "template_arguments": {"enable_thinking": True, "effort":
                                                                                    "low", "n": 3}}, "here")
    assert isinstance(found, Reasoning)
    assert Thinking.of(found.thinking) == Thinking(True, 512)
    assert found.template_arguments == {"enable_thinking": True, "effort": "low", "n": 3}


def test_the_plan_counts_thoughts(workdir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (workdir / "data/enhanced/models_sample.json").unlink()
    stage02.run(stage02.build_parser().parse_args(
        ["--profile", "laptop", "--workdir", str(workdir), "--plan", "--thinking", "400"]))
    told = capsys.readouterr().out
    assert "of 96 tokens after 400 tokens of thought" in told
    assert f"{4 * 3 * 496:,} at the very most" in told
