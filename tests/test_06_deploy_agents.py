"""Stage 06 by its own script: gate to hand-over on a fake model, resumed, repeated, forced; and its errors."""

from __future__ import annotations

import importlib
import io
import json
import re
import subprocess
import sys

import pytest
from agent_fakes import Both, knows, record, says_b

from stepladder.agents import players
from stepladder.core.errors import InputError, Interrupted
from stepladder.core.interrupts import stop_flag

stage06 = importlib.import_module("06_deploy_agents")
SAID = "reasoning: student is better than base: as stage 05 said it"


@pytest.fixture
def opened(monkeypatch):
    """Every backend that was opened; the next ones are of the kind that `opened.kind` makes."""
    found = []

    def open_it(settings, model, **options):
        found.append(opened_as["kind"]())
        return found[-1]

    opened_as = {"kind": Both}
    monkeypatch.setattr(players, "open_by_settings", open_it)
    return found, opened_as


@pytest.fixture
def workdir(tmp_path, opened):
    """Everything the stages before would have left, with a model of four bytes."""
    data, models = tmp_path / "data" / "enhanced", tmp_path / "models"
    adapter = models / "smollm2_135m_cot_curriculum"
    data.mkdir(parents=True)
    adapter.mkdir(parents=True)
    (models / "tiny.gguf").write_bytes(b"GGUF")
    (adapter / "adapter.gguf").write_bytes(b"LORA")
    write(data / "models_sample.json", {"student": {"name": "tiny", "gguf": "models/tiny.gguf", "transformers": None}})
    write(data / "validation_sample.json", [record(n, key="C") for n in range(100, 140)])
    write(data / "test_sample.json", [record(n, key="C") for n in range(20, 30)])
    write(data / "test_results_sample.json", {"summary": {"headline": {"sentence": SAID}}})
    return tmp_path


def write(path, content):
    path.write_text(json.dumps(content))


def call(workdir, *flags):
    args = stage06.build_parser().parse_args(
        ["--profile", "laptop", "--workdir", str(workdir), "--questions-per-round", "3", *flags])
    return stage06.run(args)


def agents(workdir):
    return workdir / "models" / "smollm2_135m_cot_curriculum" / "agents"


def read(path):
    return json.loads(path.read_text())


def tournament(workdir):
    return read(workdir / "data" / "enhanced" / "tournament_sample.json")


def test_a_whole_run_deploys_the_student_and_is_done_afterwards(workdir, capsys):
    assert call(workdir) == 0
    made = read(agents(workdir) / "agents.json")
    assert made["deployed"] == "student"
    assert made["validator"]["fitted_on"] == 32
    assert [row["id"] for row in made["validator"]["rows"]] == [f"q{n}" for n in range(20, 30)]
    assert made["validator"]["measured"]["retry"]["alone"] == 1.0
    content = tournament(workdir)
    assert len(content["arena"]["matches"]) == 4
    assert {row["player"] for row in content["arena"]["ratings"]} == {"base", "student"}
    assert content["gate"]["verdict"] == "not worse than 15 points"
    assert (content["gate"]["questions"], content["gate"]["student"], content["gate"]["base"]) == (40, 1.0, 0.0)
    assert content["gate"]["test"] == SAID
    described = read(agents(workdir) / "AIAC" / "deployment.json")
    assert described["adapter"] == "weights/adapter.gguf"
    capsys.readouterr()
    assert call(workdir) == 0
    assert capsys.readouterr().out.count("already done") == 2
    assert call(workdir, "--status") == 0
    assert len(re.findall(r"06[ a-z]*: done", capsys.readouterr().out)) == 2


def test_the_card_has_the_verdict_and_commands_that_exist(workdir):
    call(workdir)
    text = (agents(workdir) / "README.md").read_text()
    assert "Gate: not worse than 15 points" in text
    assert "student minus base +100.0 points on 40 validation questions" in text
    assert f"On the held-out questions, which had no part in that choice: {SAID}." in text
    assert "Answer alone 100.0 %" in text
    flags = stage06.build_parser().format_help()
    for flag in re.findall(r"06_deploy_agents\.py (.*)", text):
        for name in re.findall(r"--[a-z-]+", flag):
            assert name in flags


@pytest.mark.parametrize(("student", "limit", "verdict"), [(says_b, (), "worse"), (knows, ("--gate-questions", "4"),
                                                                                    "too few questions")])
def test_otherwise_the_base_is_deployed_and_force_overrides_visibly(workdir, opened, capsys, student, limit, verdict):
    opened[1]["kind"] = lambda: Both(student, base=knows)
    call(workdir, *limit)
    assert (tournament(workdir)["deployed"], tournament(workdir)["gate"]["verdict"]) == ("base", verdict)
    assert read(agents(workdir) / "AIAC" / "deployment.json")["adapter"] is None
    assert f"Gate: {verdict}" in (agents(workdir) / "README.md").read_text()
    capsys.readouterr()
    call(workdir, *limit, "--force-student")
    assert "BY FORCE" in capsys.readouterr().out
    assert tournament(workdir)["deployed"] == "student"
    assert "BY FORCE" in (agents(workdir) / "README.md").read_text()


def test_the_gate_chooses_on_validation_questions_whatever_the_test_said(workdir, opened):
    opened[1]["kind"] = lambda: Both(student=says_b, base=knows)
    write(workdir / "data" / "enhanced" / "test_results_sample.json",
          {"summary": {"headline": {"sentence": "the student is better"}}})
    call(workdir)
    assert tournament(workdir)["gate"]["verdict"] == "worse"
    assert tournament(workdir)["gate"]["test"] == "the student is better"


def test_without_an_adapter_the_base_goes_alone(workdir):
    (agents(workdir).parent / "adapter.gguf").unlink()
    call(workdir)
    assert tournament(workdir)["gate"]["verdict"] == "no student"
    assert tournament(workdir)["arena"]["matches"] == []


def judged(backend):
    """The questions whose evidence a backend was asked for."""
    return [request.prompt for request in backend.calls if "Proposed answer: A" in request.prompt]


def test_a_stopped_run_goes_on_where_it_was(workdir, opened, monkeypatch, capsys):
    checks = []

    def stop_in_the_middle():
        checks.append(None)
        if len(checks) == 12:  # ten batches of the gate's, then the second of the validator's
            raise Interrupted("now")

    monkeypatch.setattr(stop_flag, "check", stop_in_the_middle)
    with pytest.raises(Interrupted):
        call(workdir, "--validation-questions", "20")
    monkeypatch.setattr(stop_flag, "check", lambda: None)
    call(workdir, "--validation-questions", "20")
    told = capsys.readouterr().out
    assert told.count("going on after 40 finished records") == 2, "base and student"
    assert "going on after 16 finished records" in told
    asked = [judged(backend) for backend in opened[0][:2]]
    assert (len(asked[0]), len(asked[1])) == (16, 4 + 10)  # 20 validation questions, 10 held-out ones, each once
    assert not set(asked[0]) & set(asked[1])
    assert read(agents(workdir) / "agents.json")["validator"]["fitted_on"] == 20


def test_an_arena_is_played_by_itself_and_earlier_ones_are_kept(workdir):
    call(workdir)
    (workdir / "models" / "other.gguf").write_bytes(b"OTHER")
    other = f"{workdir}/models/other.gguf"
    call(workdir, "--arena", "base", other, f"{other}:{agents(workdir).parent}/adapter.gguf", "--rounds", "3")
    content = tournament(workdir)
    assert content["arena"]["players"] == ["base", "other", "other+adapter"]
    assert len(content["arena"]["matches"]) == 9
    assert content["deployed"] == "student"
    assert [one["players"] for one in content["earlier"]] == [["base", "student"]]


def test_chat_shows_answer_validation_and_time(workdir, monkeypatch, capsys):
    call(workdir)
    typed = "Which one?\nA) value 1A\nB) value 1B\nC) value 1C\nD) value 1D\n\nnonsense.\n\n"
    monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
    capsys.readouterr()
    assert call(workdir, "--chat") == 0
    out = capsys.readouterr().out
    assert "One step." in out
    assert "Answer: C. value 1C" in out
    assert "Validation: " in out
    assert "no question with options" in out


@pytest.mark.parametrize(("flags", "message"), [
    (["--arena", "base"], "at least two players"), (["--arena", "base", "base"], "twice"),
    (["--arena", "base", "nobody.gguf"], "does not exist"), (["--chat"], "run 06_deploy_agents.py first")])
def test_what_cannot_be_done_is_said(workdir, flags, message):
    with pytest.raises(InputError, match=message):
        call(workdir, *flags)


def test_missing_inputs_end_in_two_and_plans_need_none(tmp_path, request):
    script = str(request.config.rootpath / "scripts" / "06_deploy_agents.py")

    def execute(*flags):
        return subprocess.run([sys.executable, script, "--workdir", str(tmp_path), "--profile", "laptop", *flags],
                              capture_output=True, text=True, check=False)

    missing = execute()
    assert missing.returncode == 2
    assert "models_sample.json does not exist" in missing.stderr
    assert "Traceback" not in missing.stderr
    plan = execute("--plan")
    assert plan.returncode == 0
    assert "computed" in plan.stdout


def test_the_big_profile_names_the_same_settings():
    from stepladder.core import profiles

    for name in ("laptop", "mi300x"):
        args = stage06.build_parser().parse_args(["--profile", name])
        assert profiles.resolve(args, stage06.SECTIONS)["agents"].answer_seconds == 6.0


def test_evidence_and_matches_serve_every_run_that_asks_for_the_same(workdir, opened):
    asked, _ = opened

    def prompts():
        found = [request.prompt for backend in asked for request in backend.calls
                 if not request.id.startswith("pace#")]
        asked.clear()
        return found

    def rounds():
        return len(tournament(workdir)["arena"]["matches"])

    call(workdir, "--rounds", "2")
    assert prompts()
    first = tournament(workdir)["arena"]["matches"]
    write(workdir / "data" / "enhanced" / "test_results_sample.json", {"summary": {"headline": None}})  # tested again
    call(workdir, "--rounds", "2")
    assert prompts() == [], "neither the gate nor the validator asks again"
    assert tournament(workdir)["arena"]["matches"] == first
    call(workdir, "--rounds", "3")
    assert prompts()
    assert rounds() == 3
    assert tournament(workdir)["arena"]["matches"][:2] == first, "more rounds go on after those played"
    call(workdir, "--rounds", "2")
    assert prompts() == []
    assert tournament(workdir)["arena"]["matches"] == first
    call(workdir, "--rounds", "2", "--questions-per-round", "2")
    assert prompts(), "other rules are other matches"
    call(workdir, "--rounds", "2")
    prompts()
    changed = 117
    write(workdir / "data" / "enhanced" / "validation_sample.json",
          [record(50 if n == changed else n, key="C") for n in range(100, 140)])
    call(workdir, "--rounds", "2")
    once = prompts()
    assert any("value 50A" in prompt for prompt in once)
    assert not any("value 103A" in prompt for prompt in once), "only the new question was missing"


def test_a_peek_leaves_the_deployed_agents_alone(workdir):
    call(workdir)
    before = {path: path.read_bytes() for path in agents(workdir).rglob("*") if path.is_file()}
    played = tournament(workdir)
    call(workdir, "--limit", "4")
    assert {path: path.read_bytes() for path in before} == before
    assert tournament(workdir) == played
    peek = workdir / "models" / "smollm2_135m_cot_curriculum.limit4" / "agents" / "agents.json"
    assert read(peek)["validator"]["fitted_on"] == 4
    assert read(peek)["deployed"] == "student"
