"""What a student's chat template is given travels from training to test and agents, and changes no key elsewhere."""

from __future__ import annotations

import importlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import verdict_planted as planted
from agent_fakes import Both, record
from fakes import ScriptedBackend
from test_05_06_reply_forms import Planted, in_form, read_off, space  # noqa: F401
from test_agents_bundle import alone
from thinking_templates import QWEN3, TEMPLATES
from training_models import make_llama, make_tokenizer, make_workdir
from training_models import record as trained_record

from stepladder.agents import bundle, players, work_keys
from stepladder.agents.answerer import Answerer, Limits
from stepladder.agents.players import Player, Stable
from stepladder.agents.validator import UNFITTED
from stepladder.core.files import hash_json, read_json, write_json
from stepladder.core.settings import Agents, EngineSettings, Verdict
from stepladder.core.workspace import Workspace
from stepladder.engine import reply_forms
from stepladder.engine.reply_forms import REASONING
from stepladder.engine.requests import Completion, Request
from stepladder.training.modelfile import modelfile
from stepladder.verdict import contestants
from stepladder.verdict import run as testing
from stepladder.verdict.answering import Manner, answer, units
from stepladder.verdict.contestants import Contestant
from stepladder.verdict.work_keys import WorkKeys

stage04, stage05, stage06 = (importlib.import_module(name) for name in (
    "04_train_qwen3_235b", "05_test_model", "06_deploy_agents"))
OFF = {"enable_thinking": False}
QUESTIONS = planted.questions(4, seed=5)


def given(space: Workspace, arguments: dict[str, Any] | None) -> None:  # noqa: F811
    """A finished training whose template was given this; None: of a version before there was anything."""
    in_form(space, REASONING)
    if arguments is not None:
        write_json(space.adapter / "training.json", {"reply_form": "reasoning", "template_arguments": arguments})


# -- 04 ---------------------------------------------------------------------------------------------------------------

def train(root: Path, *flags: str) -> dict[str, Any]:
    arguments = ["--profile", "laptop", "--workdir", str(root), "--dtype", "float32", "--rank", "4", "--alpha", "8",
                 "--guard-steps", "0", "--held-out", "1", "--max-length", "500", "--no-gguf", "--batch", "2", *flags]
    assert (stage04.run(stage04.build_parser().parse_args(arguments)) or 0) == 0
    return read_json(root / "models/smollm2_135m_cot_curriculum/training.json")


@pytest.mark.parametrize(("name", "flags", "arguments"), [
    ("qwen3", [], OFF), ("phi", [], {}), ("deepseek", [], {"enable_thinking": False, "thinking": False}),
    ("qwen3.5", ["--template-arguments", "enable_thinking=true", "--template-arguments", "n=2"],
     {"enable_thinking": True, "n": 2})])
def test_a_training_records_what_its_template_was_given(
        tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, flags: list[str], arguments: dict[str, Any]
        ) -> None:
    make_workdir(tmp_path, [trained_record(i, difficulty=1 + i) for i in range(5)])
    make_llama(tmp_path / "models/tiny", tokenizer=make_tokenizer(tmp_path / "models/tiny", TEMPLATES[name]))
    found = train(tmp_path, *flags)
    assert found["template_arguments"] == arguments
    assert reply_forms.arguments_of_weights(tmp_path / "models/smollm2_135m_cot_curriculum/x.gguf") == arguments
    said = capsys.readouterr().out
    assert ("its chat template is given" in said) == bool(arguments)
    live = said.partition("--- live\n")[2]
    assert live.startswith("\n</think>\n\nTwo" if "true" in str(flags) else "Two and two is four.")


def test_a_training_of_an_earlier_version_is_done_and_goes_on_as_it_began(tmp_path: Path) -> None:
    from stepladder.training.session import Session

    session = object.__new__(Session)
    session.training = type("T", (), {"template_arguments": {}})()
    session.journal = type("J", (), {"records": {"dtype": {"id": "dtype"}}, "append": lambda *_: None})()
    assert session._template_arguments(QWEN3) == {}
    session.journal.records.clear()
    assert session._template_arguments(QWEN3) == OFF
    session.journal.records["template"] = {"id": "template", "arguments": {"n": 1}}
    assert session._template_arguments(QWEN3) == {"n": 1}


def test_a_modelfile_says_how_the_template_was_told(tmp_path: Path) -> None:
    tokenizer = make_tokenizer(tmp_path, QWEN3)
    assert "# It was trained with enable_thinking = False" in modelfile("x.gguf", tokenizer, arguments=OFF)
    assert "enable_thinking" not in modelfile("x.gguf", tokenizer)


# -- 05 ---------------------------------------------------------------------------------------------------------------

class Told(Planted):
    """Its prompts begin with what its template is given."""

    def render(self, messages: list[dict[str, str]], prefix: str = "") -> str:
        return f"{json.dumps(dict(self.template_arguments))}\n{super().render(messages, prefix)}"


def told(request: Request) -> dict[str, Any]:
    return json.loads(request.prompt.partition("\n")[0])


def test_base_student_and_variant_are_asked_as_they_were_trained(
        space: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    calls: list[Request] = []

    def reply(request: Request) -> Any:
        calls.append(request)
        return read_off(request, "B") if request.max_tokens == 0 else "Some thought about it as it stands.\nAnswer: B"

    def run() -> dict[str, dict[str, Any]]:
        calls.clear()
        stage05.run(stage05.build_parser().parse_args(
            ["--profile", "laptop", "--workdir", str(space.root), "--latency-questions", "1", "--limit", "4"]))
        return {request.id.split("|")[0]: told(request) for request in calls}

    monkeypatch.setattr(contestants, "_open", lambda group, engine: Told(reply))
    given(space, None)
    assert run() == {"base": {}, "student": {}}
    given(space, {})
    assert run() == {}, "nothing given is what it was before"
    given(space, OFF)
    assert run() == {"base": OFF, "student": OFF}, "a base is asked as its student is"
    given(replace(space, variant="thinker"), {"enable_thinking": True})
    assert run() == {"thinker": {"enable_thinking": True}}, "finished answers stay"
    found = read_json(replace(space, limit=4).output("test_results"))["contestants"]
    assert {name: row["weights"].get("template_arguments") for name, row in found.items()} == {
        "base": OFF, "student": OFF, "thinker": {"enable_thinking": True}}


def test_a_model_by_its_path_is_asked_as_the_record_beside_it_says(space: Workspace) -> None:  # noqa: F811
    own = replace(space, variant="thinker")
    given(own, OFF)
    spec = f"models/m.gguf:{own.adapter.relative_to(space.root)}/adapter.gguf"
    assert contestants.parse_spec("x", spec, space.root).template_arguments == OFF
    assert contestants.parse_spec("x", "models/m.gguf", space.root).template_arguments == {}


def test_keys_change_where_something_is_given() -> None:
    def keys(arguments: dict[str, Any]) -> dict[str, str]:
        who = [Contestant("base", "gguf", "m.gguf"), Contestant("student", "gguf", "m.gguf", Path("a.gguf"),
                                                                template_arguments=arguments)]
        files = {"base": "1", "student": "1", "student.adapter": "2"}
        return WorkKeys(who, QUESTIONS, Verdict(latency_questions=1), EngineSettings(), 0, files).all()

    first, other = keys({}), keys(OFF)
    assert {name for name in first if first[name] != other[name]} == {
        name for name in first if "student" in name or name.startswith("memory")}
    assert testing.prompt_identity(["fast"], [Contestant("a", "gguf", "m")]) == {
        "prompts": {"fast": REASONING.identity("fast")}}
    assert testing.prompt_identity(["fast"], [Contestant("a", "gguf", "m", template_arguments=OFF)])[
        "template_arguments"] == {"a": OFF}
    players_keys = [hash_json(work_keys.asking_identity(Player("x", Path("m.gguf"), template_arguments=arguments)))
                    for arguments in ({}, OFF, {"n": 1})]
    assert len(set(players_keys)) == 3
    assert work_keys.asking_identity(Player("x", Path("m.gguf"))) == []


def test_a_contestant_that_thinks_is_concluded_with_its_thought_before_it() -> None:
    backend = ScriptedBackend(lambda request: read_off(request, "C") if request.id.endswith("#forced") else
                              Completion(request.id, "", 9, 30, "stop", thinking="Hm, so C."))
    manner = Manner("reasoning", 64)
    run, = answer(backend, units(QUESTIONS[:1], "s", manner), manner)
    assert (run["letter"], run["ended"], run["thinking"]) == ("C", "forced", "Hm, so C.")
    first, second = backend.calls
    assert second.prompt == f"{first.prompt}<think>\nHm, so C.\n</think>\n\n\nAnswer:"


def test_a_letter_after_a_thought_is_no_reply_without_reasoning() -> None:
    manner = Manner("reasoning", 64)
    for thinking, bare in (("Hm, so C.", False), (None, True)):
        backend = ScriptedBackend(lambda request, thinking=thinking: Completion(
            request.id, "Answer: C", 9, 30, "stop", thinking=thinking))
        run, = answer(backend, units(QUESTIONS[:1], "s", manner), manner)
        assert (run["letter"], run["bare"], run["degenerate"], run.get("thinking")) == ("C", bare, None, thinking)


# -- 06 ---------------------------------------------------------------------------------------------------------------

def test_agents_are_told_what_they_were_trained_with(space: Workspace, monkeypatch: pytest.MonkeyPatch  # noqa: F811
                                                     ) -> None:
    given(space, OFF)
    write_json(space.enhanced("test"), [record(n, key="C") for n in range(20, 30)])
    write_json(space.enhanced("test_results"), {"summary": {"headline": {"sentence": "said"}}})
    found: list[Both] = []

    class Watched(Both):
        def generate(self, requests: Any) -> Any:
            assert self.template_arguments == OFF or not self.calls, "base and student alike"
            return super().generate(requests)

    def opened(*_: Any, **options: Any) -> Both:
        found.append(Watched())
        return found[-1]

    monkeypatch.setattr(players, "open_by_settings", opened)
    arguments = ["--profile", "laptop", "--workdir", str(space.root), "--questions-per-round", "2"]
    assert stage06.run(stage06.build_parser().parse_args(arguments)) == 0
    assert found
    assert all(backend.template_arguments == OFF for backend in found)
    agents = space.adapter / "agents"
    assert read_json(agents / "agents.json")["template_arguments"] == OFF
    assert read_json(agents / "AIAC" / "deployment.json")["template_arguments"] == OFF


def test_players_that_share_weights_are_each_told_their_own(tmp_path: Path) -> None:
    model = tmp_path / "m.gguf"
    model.write_bytes(b"GGUF")
    members = [Player("a", model, template_arguments=OFF), Player("b", model)]
    with Stable(members, lambda path, adapters: Both(), Limits(64, 6.0)) as stable:
        for member in (*members, members[0]):
            assert stable.answerer(member.name).backend.template_arguments == member.template_arguments


def test_the_bundle_tells_its_template_the_same(tmp_path: Path) -> None:
    model = tmp_path / "m.gguf"
    model.write_bytes(b"GGUF")
    bundle.build(tmp_path / "AIAC", Agents(), EngineSettings(), Player("student", model, template_arguments=OFF),
                 UNFITTED)
    described = read_json(tmp_path / "AIAC" / "deployment.json")
    assert reply_forms.arguments_of_training(described) == OFF
    opened = ("import utils.deployment as d; d.open_backend = lambda *_, **__: type('Backend', (), {})(); "
              "print(d.open_model().template_arguments)")
    done = alone(tmp_path / "AIAC", "-c", opened)
    assert done.stdout.strip() == str(OFF), done.stderr


def test_an_agent_answers_behind_a_thought_that_its_template_opens() -> None:
    class Opening(Both):
        def render(self, messages: list[dict[str, str]], prefix: str = "") -> str:
            return super().render(messages, prefix) + "<think>\n"

    backend = Opening()
    Answerer(backend, Limits(64, None)).answer(record(1))
    prompts = [call.prompt for call in backend.calls if call.id.startswith("answer#0")]
    assert prompts
    assert all("<think>\n\n</think>\n\n" in prompt for prompt in prompts)
