"""Stage 05 and 06 with variants, over planted models: one paired table, nothing asked twice, each student its gate."""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import fakes
import pytest
import verdict_planted as planted
from agent_fakes import Both, record

from stepladder.agents import players
from stepladder.core import variants
from stepladder.core.errors import InputError
from stepladder.core.files import read_json, write_json
from stepladder.core.stage import meta_path
from stepladder.core.workspace import Workspace
from stepladder.engine.requests import Request
from stepladder.show.summary import read_metas, variant_workspaces
from stepladder.verdict import contestants, report
from stepladder.verdict import run as testing

stage05, stage06 = (importlib.import_module(name) for name in ("05_test_model", "06_deploy_agents"))
QUESTIONS = planted.questions(60, seed=5)
SKILLS = {"base": planted.knows(0.2), "student": planted.knows(0.3), "control": planted.knows(0.9),
          "second": planted.knows(0.3, seed=2)}


class Planted(fakes.ScriptedBackend):
    """Answers as the contestant in the request's id would."""

    def use_adapter(self, name: str | None) -> None:
        self.adapter = name


@pytest.fixture
def space(tmp_path: Path) -> Workspace:
    """A main run up to its student."""
    main = Workspace(tmp_path, "sample", "smollm2_135m")
    weights = {"name": "m", "gguf": "models/m.gguf", "transformers": None}
    write_json(main.enhanced("models"), {"teacher": weights, "student": weights})
    write_json(main.enhanced("test"), QUESTIONS)
    write_json(main.enhanced("validation"), planted.questions(8, seed=7))
    write_json(main.enhanced("curriculum_ordered"), planted.questions(40, seed=6))
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "m.gguf").write_bytes(b"GGUF")
    train(main, "curriculum")
    return main


def train(space: Workspace, order: str, adapter: bool = True) -> None:
    """What stage 04 would leave."""
    space.adapter.mkdir(parents=True, exist_ok=True)
    (space.adapter / "adapter_config.json").touch()
    if adapter:
        (space.adapter / "adapter.gguf").write_bytes(f"adapter {space.variant}".encode())
    write_json(space.output("training_log"), {})
    write_json(meta_path(space.output("training_log")), {
        "variant": space.variant, "seed": 0, "arguments": {
            "training.order": {"value": order, "from": "flag"}, "training.guard_steps": {"value": 5, "from": "flag"}},
        "inputs": {"curriculum": {"path": "curriculum_ordered_sample.json", "sha256": "same"}}})


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Request]:
    """Every request that stage 05 makes."""
    calls: list[Request] = []
    by_id = {record["id"]: record for record in QUESTIONS}

    def reply(request: Request) -> Any:
        calls.append(request)
        return planted.reply(SKILLS[request.id.split("|")[0]], by_id, request)

    @contextmanager
    def opened(group: list[contestants.Contestant], engine: Any) -> Iterator[Planted]:
        yield Planted(reply)

    monkeypatch.setattr(testing, "opened", opened)
    return calls


def test(space: Workspace, *flags: str) -> dict[str, Any]:
    """Stage 05's results."""
    arguments = ["--profile", "laptop", "--workdir", str(space.root), "--latency-questions", "0", *flags]
    stage05.run(stage05.build_parser().parse_args(arguments))
    return read_json(space.enhanced("test_results"))


def test_a_variant_that_comes_later_is_asked_alone_and_stands_in_one_table(
        space: Workspace, asked: list[Request], capsys: pytest.CaptureFixture[str]) -> None:
    assert test(space)["students"] == []
    asked.clear()
    train(replace(space, variant="control"), "random")
    test(space, "--status")
    assert "05: to do (test_results_sample.json was made from other inputs" in capsys.readouterr().out
    found = test(space)
    assert {request.id.split("|")[0] for request in asked} == {"control"}
    assert len(asked) == 2 * len(QUESTIONS)
    rows = {row["name"]: row for row in found["students"] if row["mode"] == "reasoning"}
    assert list(rows) == ["base", "student", "control"]
    assert rows["control"]["differs"] == {"training.order": ["curriculum", "random"]}, "the guard shapes no weights"
    assert rows["student"]["against"].keys() == {"base"}
    assert rows["student"]["against"]["base"]["comparisons"] == 1
    against = rows["control"]["against"]
    assert [figures["comparisons"] for figures in against.values()] == [2, 2]
    assert against["base"]["p_corrected"] == pytest.approx(2 * against["base"]["p_value"])
    assert against["base"]["p_value"] < against["student"]["p_value"] == against["student"]["p_corrected"] < 0.01
    told = capsys.readouterr().out
    assert "reasoning: control against student: +" in told
    assert "corrected for 2 comparisons: better" in told
    train(replace(space, variant="second"), "reverse")
    asked.clear()
    found = test(space)
    assert {request.id.split("|")[0] for request in asked} == {"second"}
    assert {figures["comparisons"] for row in found["students"] for name, figures in row["against"].items()
            if row["name"] not in ("base", "student")} == {5}
    asked.clear()
    assert test(space, "--contestants", "base", "student")["students"] == []
    test(space)
    assert asked == []


def test_a_peek_at_the_whole_student_looks_for_overlap_with_all_it_was_trained_on(
        space: Workspace, asked: list[Request]) -> None:
    write_json(space.enhanced("curriculum_ordered"), [*planted.questions(40, seed=6), QUESTIONS[0]])
    write_json(replace(space, limit=9).output("curriculum_ordered"), planted.questions(9, seed=6))
    with pytest.raises(InputError, match="1 of 9 test questions"):
        test(space, "--limit", "9")
    assert asked == []


def test_the_report_and_the_summary_show_every_student(space: Workspace, asked: list[Request]) -> None:
    train(replace(space, variant="control"), "random")
    test(space)
    page = report.render(space).read_text()
    assert "Students side by side" in page
    assert "training.order random instead of curriculum" in page
    assert "corrected (Holm) for the 2 of them" in page
    assert [(own.variant, list(read_metas(own))) for own in variant_workspaces(space)] == [("control", ["04"])]


def test_a_variant_without_an_adapter_for_the_engine_is_told_and_left_out(
        space: Workspace, asked: list[Request], capsys: pytest.CaptureFixture[str]) -> None:
    train(replace(space, variant="control"), "random", adapter=False)
    (space.models / "smollm2_135m_cot_curriculum.stray").mkdir()
    (space.models / "smollm2_135m_cot_curriculum.stray" / "adapter.gguf").write_bytes(b"no training of this run")
    assert test(space)["summary"]["contestants"] == ["base", "student"]
    assert "variant control has no adapter.gguf and is left out" in capsys.readouterr().out


def test_a_variant_is_tested_while_the_main_student_is_not_there(
        space: Workspace, asked: list[Request], capsys: pytest.CaptureFixture[str]) -> None:
    train(replace(space, variant="control"), "random")
    (space.adapter / "adapter.gguf").unlink()
    assert test(space)["summary"]["contestants"] == ["base", "control"]
    assert "05: tested without the main run's student: the student has no" in capsys.readouterr().out
    train(space, "curriculum")
    asked.clear()
    assert test(space)["summary"]["contestants"] == ["base", "student", "control"]
    assert {request.id.split("|")[0] for request in asked} == {"student"}


def test_what_a_variant_was_trained_on_is_no_test(space: Workspace, asked: list[Request]) -> None:
    own = replace(space, variant="control")
    train(own, "random")
    write_json(own.output("curriculum_ordered"), QUESTIONS[:3])
    with pytest.raises(InputError, match="3 of 60 test questions are in"):
        test(space)


def test_each_student_has_a_gate_and_agents_of_its_own(
        space: Workspace, asked: list[Request], monkeypatch: pytest.MonkeyPatch) -> None:
    own = replace(space, variant="control")
    train(own, "random")
    test(space)
    write_json(space.enhanced("validation"), [record(n, key="C") for n in range(40)])  # which the student knows
    monkeypatch.setattr(players, "open_by_settings", lambda *_, **options: Both())

    def deploy(*flags: str) -> int:
        arguments = ["--profile", "laptop", "--workdir", str(space.root), "--questions-per-round", "3", *flags]
        return stage06.run(stage06.build_parser().parse_args(arguments))

    assert deploy("--variant", "control") == 0
    agents = json.loads((own.adapter / "agents" / "agents.json").read_text())
    assert agents["deployed"] == "student"
    assert agents["gate"]["verdict"] == "not worse than 15 points"
    assert agents["gate"]["test"].startswith("reasoning: control is better than base")
    assert "06_deploy_agents.py --profile laptop --variant control --chat" in (
        own.adapter / "agents" / "README.md").read_text()
    weights = own.adapter / "agents" / "AIAC" / "weights" / "adapter.gguf"
    assert weights.read_bytes() == b"adapter control"
    assert own.output("tournament").exists()
    assert not space.enhanced("tournament").exists()
    assert not (space.adapter / "agents").exists()
    with pytest.raises(InputError, match=r"no variant contrl \(there are: control\)"):
        deploy("--variant", "contrl")
    assert variants.names(space) == ["control"]


test.__test__ = False  # a helper
