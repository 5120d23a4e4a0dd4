"""Stage 02 as a whole: the real script, a scripted teacher, and kills, stops, resumes and malformed input."""

from __future__ import annotations

import importlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from fakes import ScriptedBackend

from stepladder.core import profiles
from stepladder.core.errors import InputError, Interrupted, StageError
from stepladder.core.interrupts import stop_flag
from stepladder.core.records import LETTERS
from stepladder.engine import extract
from stepladder.engine.requests import Completion, EngineError, Request, RequestError

stage02 = importlib.import_module("02_generate_cot_llama_cpp")
SCRIPTS = Path(__file__).resolve().parents[1] / "scripts"
BODY = "Counting back by one step gives the wanted number, as asked."


def question(number: int) -> dict:
    letters = LETTERS[number % 4:] + LETTERS[:number % 4]
    values = dict(zip(letters, (str(number), str(number + 1), str(number + 2), str(number + 3)), strict=True))
    return {"id": f"q/{number}", "question": f"What comes before {number + 1}?", "answer": letters[0],
            "choices": dict(sorted(values.items())), "source": ("even", "odd")[number % 2], "domain": "Arithmetic"}


def solved(number: int) -> dict:
    key = question(number)["answer"]
    return question(number) | {
        "id": f"puzzle/{number}", "source": "puzzle", "chain_of_thought": f"{BODY}\nAnswer: {key}",
        "cot": {"status": "solver", "teacher": "solver", "teacher_answer": key, "attempts": 0, "finish_reason": "stop",
                "tokens": None}}


def letter_of(request: Request, text: str) -> str:
    """The letter under which the prompt's last question shows an option."""
    lines = str(request.prompt).splitlines()
    return next(line[0] for line in reversed(lines) if line[1:] == f". {text}")


def reply(request: Request) -> str | Completion:
    """A third right at once, a third at the second attempt, of the rest half with the hint; fast mode knows nothing."""
    if request.max_tokens == 0:
        return Completion(request.id, "", 9, 0, "length", dict.fromkeys(request.choices, 0.25))
    name, _, attempt = request.id.partition("#")
    number = int(name.rpartition("/")[2])
    right = int(attempt) > number % 3 and (number % 3 < 2 or (int(attempt) == 4 and number % 2 == 0))
    return f"{BODY}\nAnswer: {letter_of(request, str(number if right else number + 1))}"


@pytest.fixture
def workdir(tmp_path: Path) -> Path:
    return make_workdir(tmp_path)


def make_workdir(tmp_path: Path) -> Path:
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "t.gguf").write_bytes(b"weights")
    (tmp_path / "data" / "enhanced").mkdir(parents=True)
    write(tmp_path, "models", {"teacher": {"name": "scripted-teacher", "gguf": "models/t.gguf"}})
    write(tmp_path, "questions", [question(n) if n % 5 else solved(n) for n in range(24)])
    return tmp_path


def write(workdir: Path, name: str, content: object) -> None:
    (workdir / "data" / "enhanced" / f"{name}_sample.json").write_text(json.dumps(content))


def read(workdir: Path, name: str = "cot_enhanced") -> object:
    return json.loads((workdir / "data" / "enhanced" / f"{name}_sample.json").read_text())


def run(workdir: Path, monkeypatch: pytest.MonkeyPatch, replies: object = reply, *flags: str, sequences: int = 4
        ) -> ScriptedBackend:
    backend = ScriptedBackend(replies, sequences=sequences, reverse=True)
    monkeypatch.setattr(stage02, "open_by_settings", lambda *args, **options: backend)
    flags = ("--profile", "laptop", "--attempts", "3", "--workdir", str(workdir), *flags)
    stage02.run(stage02.build_parser().parse_args(flags))
    return backend


def journal(workdir: Path) -> Path:
    return workdir / "data" / "enhanced" / "journals" / "02_replies_sample.jsonl"


def test_every_record_is_there_in_order_and_checked(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    backend = run(workdir, monkeypatch)
    before, after = read(workdir, "questions"), read(workdir)
    assert [record["id"] for record in after] == [record["id"] for record in before]
    statuses = {}
    for old, new in zip(before, after, strict=True):
        assert {key: new[key] for key in ("question", "choices", "answer", "source", "domain")} == {
            key: old[key] for key in ("question", "choices", "answer", "source", "domain")}
        statuses[new["id"]] = new["cot"]["status"]
        if new["cot"]["status"] == "solver":
            assert new == old
        elif new["cot"]["status"] == "failed":
            assert new["chain_of_thought"] is None
        else:
            assert new["chain_of_thought"] == f"{BODY}\nAnswer: {new['answer']}"
            assert extract.extract_answer(new["chain_of_thought"]) == new["answer"]
    assert statuses["q/3"] == "verified"
    assert statuses["q/2"] == statuses["q/8"] == "hinted"
    assert statuses["q/11"] == "failed"
    record = next(record for record in after if record["id"] == "q/1")
    assert record["cot"]["attempts"] == 2
    assert [o["outcome"] for o in record["cot"]["outcomes"]] == ["wrong", "accepted"]
    assert record["cot"]["teacher_answer"] != record["answer"]
    assert record["cot"]["teacher"] == "scripted-teacher"
    assert len(journal(workdir).read_bytes().splitlines()) == len(backend.calls), "every reply is kept"
    assert not any(call.id.startswith("puzzle") for call in backend.calls)


def test_prompts_seeds_and_hints(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = {call.id: call for call in run(workdir, monkeypatch).calls}
    assert calls["q/11#1"].sampling.temperature == 0
    assert calls["q/11#2"].sampling.temperature > 0
    assert calls["q/11#2"].sampling.seed != calls["q/11#3"].sampling.seed
    assert calls["q/11#2"].prompt != calls["q/11#3"].prompt
    told = f"The right option is {question(11)['answer']}."
    assert [told in str(calls[f"q/11#{n}"].prompt) for n in (1, 2, 3, 4)] == [False, False, False, True]
    assert all(call.closing == "\nAnswer:" and call.max_tokens == 96 for call in calls.values())


def test_meta_and_summary(workdir: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    run(workdir, monkeypatch)
    counts = json.loads((workdir / "data/enhanced/cot_enhanced_sample.meta.json").read_text())["counts"]
    assert counts["status"] == {"verified": 13, "hinted": 3, "solver": 5, "failed": 3}
    assert sum(row["accepted"] for row in counts["by_attempt"]) == 16
    assert counts["by_source"]["even"]["asked"] + counts["by_source"]["odd"]["asked"] == 19
    shown = capsys.readouterr().out
    assert "24 records: 13 verified, 3 hinted, 5 solver, 3 failed" in shown
    assert "teacher without hints: " in shown


def test_done_means_done(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(workdir, monkeypatch)
    assert run(workdir, monkeypatch, {}).calls == []
    assert run(workdir, monkeypatch, reply, "--force").calls != []
    assert run(workdir, monkeypatch, reply, "--max-tokens", "50").calls != []
    assert run(workdir, monkeypatch, reply, "--max-tokens", "50", "--sequences", "2").calls == []


def test_malformed_records_are_kept_apart(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    good = [question(1), question(2)]
    write(workdir, "questions", [*good, question(1), question(3) | {"answer": "E"}, "nonsense"])
    run(workdir, monkeypatch)
    assert [record["id"] for record in read(workdir)] == ["q/1", "q/2"]
    assert [item["reason"] for item in read(workdir, "cot_enhanced_rejected")] == [
        "repeated id", "answer is not A, B, C or D", "not an object"]


@pytest.mark.parametrize("content", ["{}", "[]", "[1, 2]", "not json"])
def test_a_file_that_is_none(workdir: Path, monkeypatch: pytest.MonkeyPatch, content: str) -> None:
    (workdir / "data/enhanced/questions_sample.json").write_text(content)
    with pytest.raises(InputError):
        run(workdir, monkeypatch)


def test_puzzles_alone_load_no_model(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(workdir, "questions", [solved(n) for n in range(4)])
    monkeypatch.setattr(stage02, "opened", lambda *args: pytest.fail("a model was loaded"))
    run(workdir, monkeypatch)
    assert read(workdir) == [solved(n) for n in range(4)]


def test_an_interrupted_run_goes_on(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = run(workdir, monkeypatch, sequences=1)
    expected = read(workdir)
    (workdir / "data/enhanced/cot_enhanced_sample.json").unlink()
    journal(workdir).unlink()

    def stop_later(request: Request) -> str:
        if request.id == "q/9#1":
            stop_flag.requested = True
        return reply(request)

    monkeypatch.setattr(stop_flag, "requested", False)
    with pytest.raises(Interrupted):
        run(workdir, monkeypatch, stop_later, sequences=1)
    kept = len(journal(workdir).read_text().splitlines())
    assert 0 < kept < len(whole.calls)
    monkeypatch.setattr(stop_flag, "requested", False)
    rest = run(workdir, monkeypatch, sequences=1)
    assert len(rest.calls) == len(whole.calls) - kept
    assert read(workdir) == expected


def test_a_teacher_that_breaks_down_loses_nothing(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(request: Request) -> str:
        if request.id == "q/13#1":
            raise EngineError("the server is gone")
        return reply(request)

    with pytest.raises(StageError, match="scripted-teacher: the server is gone; what was finished is kept"):
        run(workdir, monkeypatch, breaks)
    assert len(journal(workdir).read_text().splitlines()) > 1
    run(workdir, monkeypatch)
    assert len(read(workdir)) == 24


class Refusing(ScriptedBackend):
    """Refuses some prompts: beforehand, or only when they are served, as a server does."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.beforehand: Callable[[str], bool] = lambda request_id: False
        self.served: Callable[[str], bool] = lambda request_id: False

    def check(self, request: Request) -> None:
        if self.beforehand(request.id):
            raise RequestError(request.id, "too long")

    def _complete(self, request: Request) -> Completion:
        if self.served(request.id):
            raise RequestError(request.id, "too long for the server")
        return super()._complete(request)


@pytest.mark.parametrize("sequences", [1, 4])
@pytest.mark.parametrize("when", ["beforehand", "served"])
def test_a_prompt_that_cannot_be_served_fails_alone(workdir: Path, monkeypatch: pytest.MonkeyPatch, when: str,
                                                    sequences: int) -> None:
    backend = Refusing(reply, sequences=sequences)
    setattr(backend, when, lambda request_id: request_id.startswith(("q/3#", "q/11#2")))
    monkeypatch.setattr(stage02, "open_by_settings", lambda *args, **options: backend)
    flags = ("--profile", "laptop", "--attempts", "3", "--workdir", str(workdir))
    stage02.run(stage02.build_parser().parse_args(flags))
    records = {record["id"]: record for record in read(workdir)}
    assert len(records) == 24
    expected = "too long" if when == "beforehand" else "refused"
    assert records["q/3"]["cot"]["outcomes"][0]["words"].startswith("too long")
    assert {o["outcome"] for o in records["q/3"]["cot"]["outcomes"]} == {expected}
    assert [o["outcome"] for o in records["q/11"]["cot"]["outcomes"]] == ["wrong", expected, "wrong", "wrong"]
    assert sum(record["cot"]["status"] == "verified" for record in records.values()) == 12


RUNNER = f"""
import importlib, sys, time
sys.path[:0] = [{str(SCRIPTS)!r}, {str(SCRIPTS.parent / 'tests')!r}]
stage02, test = importlib.import_module("02_generate_cot_llama_cpp"), importlib.import_module("test_02_generate")
from fakes import ScriptedBackend
from stepladder.core import cli
def slowly(request):
    time.sleep(0.004)
    return test.reply(request)
stage02.open_by_settings = lambda *args, **options: ScriptedBackend(slowly, sequences=1)
cli.main(stage02.build_parser, stage02.run)
"""


def test_killed_again_and_again_the_file_is_byte_for_byte_the_same(workdir: Path) -> None:
    write(workdir, "questions", [question(n) for n in range(120)])
    command = [sys.executable, "-c", RUNNER, "--profile", "laptop", "--attempts", "3", "--workdir", str(workdir)]
    subprocess.run(command, check=True, capture_output=True)
    output = workdir / "data/enhanced/cot_enhanced_sample.json"
    unbroken = output.read_bytes()
    output.unlink()
    journal(workdir).unlink()
    rng, seen = random.Random(0), [0]
    for _ in range(6):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        further = seen[-1] + rng.randint(3, 12)
        while process.poll() is None:  # let it get some way beyond the last kill
            if journal(workdir).exists() and len(journal(workdir).read_bytes().splitlines()) > further:
                os.kill(process.pid, signal.SIGKILL)
                process.wait()
            time.sleep(0.01)
        if output.exists():
            break
        lines = journal(workdir).read_bytes().splitlines()
        assert len(lines) >= seen[-1]
        seen.append(len(lines))
        with journal(workdir).open("ab") as file:
            file.write(b'{"id": "q/torn", "chain')  # as if killed in the middle of a write
    assert len(seen) > 4
    subprocess.run(command, check=True, capture_output=True)
    assert output.read_bytes() == unbroken
    keys = [json.loads(line)["key"] for line in journal(workdir).read_bytes().splitlines()]
    assert len(keys) == len(set(keys)), "a reply was asked for twice"


def test_plan_works_before_anything_is_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for profile in profiles.names():
        flags = ["--profile", profile, "--workdir", str(tmp_path), "--plan"]
        assert stage02.run(stage02.build_parser().parse_args(flags)) == 0
    shown = capsys.readouterr().out
    assert "computed from the profile" in shown
    assert "very most (computed)" in shown
    assert not list(tmp_path.iterdir())


def test_endpoints_need_a_model_name(workdir: Path) -> None:
    flags = ["--profile", "laptop", "--workdir", str(workdir), "--endpoints", "http://localhost:1"]
    with pytest.raises(InputError, match="--endpoint-model"):
        stage02.run(stage02.build_parser().parse_args(flags))


def test_endpoints_are_opened_by_their_model_name(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = {}

    def open_backend(model: object, **options: object) -> ScriptedBackend:
        opened.update(options, model=model)
        return ScriptedBackend(reply)

    monkeypatch.setattr("stepladder.engine.backend.open_backend", open_backend)
    flags = ["--profile", "laptop", "--attempts", "3", "--workdir", str(workdir), "--endpoints", "http://a", "http://b",
             "--endpoint-model", "big", "--concurrency", "8"]
    stage02.run(stage02.build_parser().parse_args(flags))
    assert opened == {"model": "big", "endpoints": ["http://a", "http://b"], "sequences": 16, "timeout": 600.0,
                      "attempts": 6, "outage": 1800.0, "keys": {}, "thinking": None, "template_arguments": {}}
    assert {r["cot"]["teacher"] for r in read(workdir)} == {"big", "solver"}


@pytest.mark.model
def test_killed_with_the_real_model_one_sequence_and_greedy_gives_the_same_bytes(
        tmp_path: Path, small_model: Path) -> None:
    (tmp_path / "data" / "enhanced").mkdir(parents=True)
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "t.gguf").symlink_to(small_model)
    write(tmp_path, "models", {"teacher": {"name": "small", "gguf": "models/t.gguf"}})
    sample = json.loads((SCRIPTS.parent / "data" / "sample" / "questions.json").read_text())
    write(tmp_path, "questions", sample[::40][:6])
    command = [sys.executable, str(SCRIPTS / "02_generate_cot_llama_cpp.py"), "--profile", "laptop", "--workdir",
               str(tmp_path), "--sequences", "1", "--attempts", "1", "--max-tokens", "40"]
    subprocess.run(command, check=True, capture_output=True)
    output = tmp_path / "data/enhanced/cot_enhanced_sample.json"
    unbroken = output.read_bytes()
    output.unlink()
    journal(tmp_path).unlink()
    for kept in (1, 3):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while process.poll() is None:
            if journal(tmp_path).exists() and len(journal(tmp_path).read_bytes().splitlines()) > kept:
                os.kill(process.pid, signal.SIGKILL)
                process.wait()
            time.sleep(0.02)
        assert not output.exists(), "the run ended before it was killed"
    subprocess.run(command, check=True, capture_output=True)
    assert output.read_bytes() == unbroken


@pytest.mark.model
def test_the_real_model_writes_many_at_once(tmp_path: Path, small_model: Path) -> None:
    (tmp_path / "data" / "enhanced").mkdir(parents=True)
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "t.gguf").symlink_to(small_model)
    write(tmp_path, "models", {"teacher": {"name": "small", "gguf": "models/t.gguf"}})
    sample = json.loads((SCRIPTS.parent / "data" / "sample" / "questions.json").read_text())[::30]
    giant = sample[0] | {"id": "giant", "question": "word " * 2000}
    write(tmp_path, "questions", [*sample, giant])
    command = [sys.executable, str(SCRIPTS / "02_generate_cot_llama_cpp.py"), "--profile", "laptop", "--workdir",
               str(tmp_path), "--attempts", "2", "--max-tokens", "40"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    records = read(tmp_path)
    assert [record["id"] for record in records] == [record["id"] for record in [*sample, giant]]
    for record in records:
        assert (record["chain_of_thought"] is None) == (record["cot"]["status"] == "failed")
        assert all(o["tokens"] <= 40 for o in record["cot"]["outcomes"])
        if record["chain_of_thought"]:
            assert extract.extract_answer(record["chain_of_thought"]) == record["answer"]
            assert record["chain_of_thought"].endswith(f"\nAnswer: {record['answer']}")
    assert {o["outcome"] for o in records[-1]["cot"]["outcomes"]} == {"too long"}
    assert "cannot be told from guessing" in done.stdout
