"""No reply is lost for want of a letter, and who runs stage 02 sees early why replies are refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from fakes import ScriptedBackend
from test_02_generate import BODY, journal, letter_of, make_workdir, question, read, reply, run, write

from stepladder.engine.requests import Completion, Request, RequestError
from stepladder.reasoning import watch

SILENT = f"{BODY} So that is the number."


@pytest.fixture
def workdir(tmp_path: Path) -> Path:
    return make_workdir(tmp_path)


def cots(workdir: Path) -> dict[str, dict]:
    return {record["id"]: record["cot"] for record in read(workdir) if record["source"] != "puzzle"}


def silent(request: Request) -> str:
    """Reasons, ends without a letter, and names the right one when it is asked for it behind its own words."""
    if not request.id.endswith("/letter"):
        return SILENT
    assert str(request.prompt).endswith(f"{SILENT}\nAnswer:"), "its own reasoning stays in front"
    assert request.max_tokens <= 8
    number = int(request.id.partition("#")[0].rpartition("/")[2])
    shown = str(request.prompt).removesuffix(f"{SILENT}\nAnswer:")
    return f" {letter_of(Request('', shown), str(number))}"


def test_a_reply_that_ends_without_a_letter_is_asked_for_it(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(workdir, monkeypatch, silent)
    for record in read(workdir):
        if record["source"] == "puzzle":
            continue
        assert record["cot"]["status"] == "verified"
        assert record["cot"]["attempts"] == 1
        assert record["cot"]["finish_reason"] == "re-asked"
        assert record["chain_of_thought"] == f"{SILENT}\nAnswer: {record['answer']}"


def test_it_is_asked_once_and_no_empty_or_looping_reply_is(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(request: Request) -> str:
        number = int(request.id.partition("#")[0].rpartition("/")[2])
        return ["", "It was so. " * 40, SILENT][number % 3] if not request.id.endswith("/letter") else " that one"

    calls = [call.id for call in run(workdir, monkeypatch, never).calls]
    asked_again = [name for name in calls if name.endswith("/letter")]
    assert len(asked_again) == len(set(asked_again))
    assert {int(name.partition("#")[0].rpartition("/")[2]) % 3 for name in asked_again} == {2}
    assert {outcome["outcome"] for cot in cots(workdir).values() for outcome in cot["outcomes"]} == {
        "empty", "loop", "no answer"}


def test_a_kill_between_reply_and_letter_asks_for_the_letter_alone(
        workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Killed(BaseException):
        pass

    def dies(request: Request) -> str:
        if request.id.endswith("/letter"):
            raise Killed
        return silent(request)

    with pytest.raises(Killed):
        run(workdir, monkeypatch, dies, sequences=1)
    before = [json.loads(line)["id"] for line in journal(workdir).read_bytes().splitlines()]
    assert before == ["q/1#1"]
    calls = [call.id for call in run(workdir, monkeypatch, silent, sequences=1).calls]
    assert calls[0] == "q/1#1/letter"
    assert "q/1#1" not in calls
    assert all(cot["status"] == "verified" for cot in cots(workdir).values())


@pytest.mark.parametrize("when", ["checked", "sent"])
def test_where_the_letter_cannot_be_asked_for_the_reply_has_none(
        workdir: Path, monkeypatch: pytest.MonkeyPatch, when: str) -> None:
    def refuses(request: Request) -> str:
        if request.id.endswith("/letter"):
            raise RequestError(request.id, "over the context")
        return silent(request)

    if when == "checked":
        def check(backend: ScriptedBackend, request: Request) -> None:
            if request.id.endswith("/letter"):
                raise RequestError(request.id, "over the context")
        monkeypatch.setattr(ScriptedBackend, "check", check)
    run(workdir, monkeypatch, refuses, "--attempts", "1", "--no-hint")
    assert {outcome["outcome"] for cot in cots(workdir).values() for outcome in cot["outcomes"]} == {"no answer"}
    again = [call.id for call in run(workdir, monkeypatch, silent, "--attempts", "1", "--no-hint", "--force").calls]
    assert again, "--force asks anew"


def test_the_letter_is_asked_for_behind_the_first_turn(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runaway = f"{SILENT}\n\nUser: What is the capital of Italy?\nA. Oslo\nB. Rome"

    def answers(request: Request) -> str:
        return silent(request) if request.id.endswith("/letter") else runaway

    run(workdir, monkeypatch, answers)
    assert {cot["status"] for cot in cots(workdir).values()} == {"verified"}
    assert not any("Italy" in (record["chain_of_thought"] or "") for record in read(workdir))


def test_the_letter_that_was_asked_for_settles_no_dispute(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def disputes(request: Request) -> str:
        key = question(int(request.id.partition("#")[0].rpartition("/")[2]))["answer"]
        return f" {key}" if request.id.endswith("/letter") else f"{BODY}\nAnswer: A\nAnswer: B"

    run(workdir, monkeypatch, disputes, "--attempts", "1", "--no-hint")
    assert {outcome["outcome"] for cot in cots(workdir).values() for outcome in cot["outcomes"]} == {
        "contradicts itself"}


def test_a_letter_that_did_not_fit_is_asked_for_under_another_context(
        workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def check(backend: ScriptedBackend, request: Request) -> None:
        if request.id.endswith("/letter"):
            raise RequestError(request.id, "over the context")

    flags = ("--attempts", "1", "--no-hint")
    with monkeypatch.context() as patch:
        patch.setattr(ScriptedBackend, "check", check)
        run(workdir, monkeypatch, silent, *flags, "--context", "600")
    assert {cot["status"] for cot in cots(workdir).values()} == {"failed"}
    calls = run(workdir, monkeypatch, silent, *flags, "--context", "700").calls
    assert calls
    assert all(call.id.endswith("/letter") for call in calls)
    assert {cot["status"] for cot in cots(workdir).values()} == {"verified"}


# -- seen while it runs -----------------------------------------------------------------------------------------------


def right_in_fast_mode(share: float, otherwise: Callable[[Request], str]) -> Callable[[Request], str | Completion]:
    def answer(request: Request) -> str | Completion:
        if request.max_tokens:
            return otherwise(request)
        number = int(request.id.rpartition("/")[2])
        key = question(number)["answer"]
        wanted = key if number % 100 < 100 * share else "ABCD"["ABCD".index(key) - 1]
        shares = {choice: 0.7 if choice.strip() == wanted else 0.1 for choice in request.choices}
        return Completion(request.id, "", 9, 0, "length", shares)
    return answer


def three_ways(request: Request) -> str:
    """Of ten replies one right, six that say nothing, two wrong, one in a loop."""
    number = int(request.id.partition("#")[0].rpartition("/")[2])
    if request.id.endswith("/letter"):
        return " hm"
    kind = number % 10
    if kind < 6:
        return "neutral"
    return {6: f"{BODY} It loops. " * 12, 9: f"{BODY}\nAnswer: {letter_of(request, str(number))}"}.get(
        kind, f"{BODY}\nAnswer: {letter_of(request, str(number + 1))}")


def test_a_prompt_that_loses_answers_is_warned_of_with_reasons_and_examples(
        workdir: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    write(workdir, "questions", [question(n) for n in range(130)])
    backend = run(workdir, monkeypatch, right_in_fast_mode(0.32, three_ways))
    shown = capsys.readouterr().out
    assert sum(call.id.startswith("fast:") for call in backend.calls) == watch.LOOKED_AT
    line = next(line for line in shown.splitlines() if "02: warning: 10 of the first 100" in line)
    assert "has 32 of 100 right" in line
    reasons = [line.strip() for line in shown.split(line)[1].splitlines()[1:4]]
    assert [reason.partition(" (")[0] for reason in reasons] == ["02:   near-empty", "02:   wrong", "02:   loop"]
    assert "'neutral'" in reasons[0]
    assert "Answer:" in reasons[1]


def test_no_warning_where_fast_mode_knows_no_more_or_most_is_accepted(
        workdir: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    write(workdir, "questions", [question(n) for n in range(130)])
    run(workdir, monkeypatch, right_in_fast_mode(0.19, three_ways))
    assert "of the first 100" not in capsys.readouterr().out
    backend = run(workdir, monkeypatch, silent, "--attempts", "1", "--max-tokens", "95")
    assert not any(call.id.startswith("fast:") for call in backend.calls)


def test_a_server_without_probabilities_is_not_judged_by_them(
        workdir: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    write(workdir, "questions", [question(n) for n in range(130)])
    run(workdir, monkeypatch, lambda request: three_ways(request) if request.max_tokens else Completion(
        request.id, "", 9, 0, "length", None))
    assert "of the first 100" not in capsys.readouterr().out


def test_the_note_tells_tries_refusals_and_the_price_of_a_kept_one(
        workdir: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    run(workdir, monkeypatch, reply)
    line = capfd.readouterr().err.strip().splitlines()[-1]
    assert "accepted: try 1 32% try 2 54% try 3 0% hint 50%; refused: wrong" in line
    assert "tokens a kept one" in line


def test_a_thought_stays_in_front_where_the_letter_is_asked_for(
        workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def thinks(request: Request) -> str | Completion:
        if request.id.endswith("/letter"):
            shown, _, _ = str(request.prompt).partition("<think>")
            assert str(request.prompt) == f"{shown}<think>\nOne back.\n</think>\n\n{SILENT}\nAnswer:"
            number = int(request.id.partition("#")[0].rpartition("/")[2])
            return f" {letter_of(Request('', shown), str(number))}"
        return Completion(request.id, SILENT, 9, 20, "stop", thinking="One back.")

    run(workdir, monkeypatch, thinks)
    for record in read(workdir):
        if record["source"] != "puzzle":
            assert record["cot"]["finish_reason"] == "re-asked"
            assert record["cot"]["thinking"] == "One back."
            assert record["chain_of_thought"] == f"{SILENT}\nAnswer: {record['answer']}"


def test_a_kept_one_costs_all_the_replies_that_had_to_agree(
        workdir: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    def right(request: Request) -> Completion:
        number = int(request.id.partition("#")[0].rpartition("/")[2])
        return Completion(request.id, f"{BODY}\nAnswer: {letter_of(request, str(number))}", 9, 10, "stop")

    run(workdir, monkeypatch, right, "--agree", "3of3")
    assert "30 tokens a kept one" in capfd.readouterr().err.strip().splitlines()[-1]
