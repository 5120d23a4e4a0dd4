"""Stage 06 by its own script: gate to hand-over on a fake model, resumed, repeated, forced; and its errors."""

from __future__ import annotations

import importlib
import io
import json
import re
import subprocess
import sys

import pytest
from agent_fakes import AgentBackend, record

from stepladder.agents import players
from stepladder.core.errors import InputError, Interrupted
from stepladder.core.interrupts import stop_flag

stage06 = importlib.import_module("06_deploy_agents")
LETTERS = "ABCD"


def knows(request):
    """One who knows the option "value nC"."""
    shown = re.findall(r"^([A-D])\. value \d+C$", request.prompt, re.MULTILINE)
    return tuple(0.7 if shown and letter == shown[-1] else 0.1 for letter in LETTERS)


def results(student, base, count=400):
    def answered(score):
        return {"reasoning": {"letter": "A", "score": float(score)}}

    return {"questions": [{"id": f"q{n}", "answer": "A", "answers": {
        "student": answered(n % 100 < student), "base": answered(n % 100 < base)}} for n in range(count)]}


@pytest.fixture
def workdir(tmp_path, monkeypatch):
    """Everything the stages before would have left, with a model of four bytes."""
    data, models = tmp_path / "data" / "enhanced", tmp_path / "models"
    adapter = models / "smollm2_135m_cot_curriculum"
    data.mkdir(parents=True)
    adapter.mkdir(parents=True)
    (models / "tiny.gguf").write_bytes(b"GGUF")
    (adapter / "adapter.gguf").write_bytes(b"LORA")
    write(data / "models_sample.json", {"student": {"name": "tiny", "gguf": "models/tiny.gguf", "transformers": None}})
    write(data / "validation_sample.json", [record(n, key="C") for n in range(12)])
    write(data / "test_sample.json", [record(n, key="C") for n in range(20, 30)])
    write(data / "test_results_sample.json", results(80, 30))
    monkeypatch.setattr(players, "open_by_settings", lambda settings, model, **options: AgentBackend(knows, read=1e7))
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
    assert made["validator"]["fitted_on"] == 12
    assert [row["id"] for row in made["validator"]["rows"]] == [f"q{n}" for n in range(20, 30)]
    assert made["validator"]["measured"]["retry"]["alone"] == 1.0
    content = tournament(workdir)
    assert len(content["arena"]["matches"]) == 2
    assert {row["player"] for row in content["arena"]["ratings"]} == {"base", "student"}
    assert content["gate"]["verdict"] == "better or equal"
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
    assert "Gate: better or equal" in text
    assert "student minus base +50.0 points in reasoning mode on 400 questions" in text
    assert "Answer alone 100.0 %" in text
    flags = stage06.build_parser().format_help()
    for flag in re.findall(r"06_deploy_agents\.py (.*)", text):
        for name in re.findall(r"--[a-z-]+", flag):
            assert name in flags


@pytest.mark.parametrize(("student", "base", "count", "verdict"), [
    (30, 80, 400, "worse"), (80, 80, 10, "too few questions")])
def test_otherwise_the_base_is_deployed_and_force_overrides_visibly(workdir, capsys, student, base, count, verdict):
    write(workdir / "data" / "enhanced" / "test_results_sample.json", results(student, base, count))
    call(workdir)
    assert (tournament(workdir)["deployed"], tournament(workdir)["gate"]["verdict"]) == ("base", verdict)
    assert read(agents(workdir) / "AIAC" / "deployment.json")["adapter"] is None
    assert f"Gate: {verdict}" in (agents(workdir) / "README.md").read_text()
    capsys.readouterr()
    call(workdir, "--force-student")
    assert "BY FORCE" in capsys.readouterr().out
    assert tournament(workdir)["deployed"] == "student"
    assert "BY FORCE" in (agents(workdir) / "README.md").read_text()


def test_without_an_adapter_the_base_goes_alone(workdir):
    (agents(workdir).parent / "adapter.gguf").unlink()
    call(workdir)
    assert tournament(workdir)["gate"]["verdict"] == "no student"
    assert tournament(workdir)["arena"]["matches"] == []


def test_a_stopped_run_goes_on_where_it_was(workdir, monkeypatch, capsys):
    asked = []

    def opened(settings, model, **options):
        backend = AgentBackend(knows, read=1e7)
        asked.append(backend)
        return backend

    monkeypatch.setattr(players, "open_by_settings", opened)
    stop_flag.requested = True
    try:
        with pytest.raises(Interrupted):
            call(workdir)
    finally:
        stop_flag.requested = False
    call(workdir)
    assert "going on after 8 finished records" in capsys.readouterr().out
    judged = [[request.prompt for request in backend.calls if "Proposed answer: A" in request.prompt]
              for backend in asked[:2]]
    assert (len(judged[0]), len(judged[1])) == (8, 4 + 10)  # 12 validation questions, 10 held-out ones, each once
    assert not set(judged[0]) & set(judged[1])
    assert read(agents(workdir) / "agents.json")["validator"]["fitted_on"] == 12


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


def test_evidence_and_matches_serve_every_run_that_asks_for_the_same(workdir, monkeypatch):
    asked = []

    def opened(settings, model, **options):
        asked.append(AgentBackend(knows, read=1e7))
        return asked[-1]

    def prompts():
        found = [request.prompt for backend in asked for request in backend.calls]
        asked.clear()
        return found

    def rounds():
        return len(tournament(workdir)["arena"]["matches"])

    monkeypatch.setattr(players, "open_by_settings", opened)
    call(workdir, "--rounds", "2")
    assert prompts()
    first = tournament(workdir)["arena"]["matches"]
    write(workdir / "data" / "enhanced" / "test_results_sample.json", results(85, 30))  # tested again, the same winner
    call(workdir, "--rounds", "2")
    assert not [prompt for prompt in prompts() if "Proposed answer" in prompt]
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
    write(workdir / "data" / "enhanced" / "validation_sample.json",
          [record(n, key="C") for n in range(11)] + [record(50, key="C")])
    call(workdir, "--rounds", "2")
    fitted = {prompt for prompt in prompts() if "Proposed answer: A" in prompt}
    assert any("value 50A" in prompt for prompt in fitted)
    assert not any("value 3A" in prompt for prompt in fitted), "only the new question's evidence was missing"


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
