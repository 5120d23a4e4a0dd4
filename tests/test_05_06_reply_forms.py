"""Stages 05 and 06 with students of each reply form, over scripted backends: how they are asked, closed and read."""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import verdict_planted as planted
from agent_fakes import AgentBackend, Both, Clock, install, record
from fakes import ScriptedBackend

from stepladder.agents import bundle, players, work_keys
from stepladder.agents.answerer import Answerer, Limits
from stepladder.agents.arena import Rules, fixtures
from stepladder.agents.players import Player
from stepladder.agents.validator import UNFITTED
from stepladder.core.files import hash_json, read_json, write_json
from stepladder.core.records import LETTERS
from stepladder.core.settings import Agents, EngineSettings, Verdict
from stepladder.core.stage import meta_path
from stepladder.core.workspace import Workspace
from stepladder.engine import prompts
from stepladder.engine.reply_forms import FORMS, JSON, LETTER_FIRST, REASONING, ReplyForm
from stepladder.engine.requests import Completion, Request, Sampling
from stepladder.verdict import contestants
from stepladder.verdict import run as testing
from stepladder.verdict.answering import Manner, answer, units
from stepladder.verdict.contestants import Contestant
from stepladder.verdict.work_keys import WorkKeys

stage05, stage06 = (importlib.import_module(name) for name in ("05_test_model", "06_deploy_agents"))
QUESTIONS = planted.questions(12, seed=5)
MANNER = Manner("reasoning", 64)
SHORT = Limits(64, 6.0)
STEPS = "Some thought about the question as it stands."
each_form = pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)


def read_off(request: Request, letter: str, seconds: float = 0.01, **more: Any) -> Completion:
    """Probabilities for one letter, by the choices that the request has."""
    found = {choice: 0.7 if choice.strip() == letter else 0.1 for choice in request.choices}
    return Completion(request.id, more.get("text", ""), 9, 3, more.get("finish", "length"), found, seconds)


def asked(form: ReplyForm, reply: Any, manner: Manner = MANNER) -> tuple[dict[str, Any], list[Request]]:
    """(the run of one question, the requests it took)."""
    backend = ScriptedBackend(reply)
    run, = answer(backend, units(QUESTIONS[:1], "s", manner, form), manner)
    return run, backend.calls


# -- 05: one question -------------------------------------------------------------------------------------------------

@each_form
def test_a_whole_reply_is_read_in_its_form(form: ReplyForm) -> None:
    run, (request,) = asked(form, lambda request: form.write(STEPS, "C"))
    assert (run["letter"], run["ended"], run["degenerate"], run["bare"]) == ("C", "answer", None, False)
    assert prompts.VARIANTS[form.variant].system in request.prompt
    assert request.prompt.endswith("<|assistant|>\n"), "nothing of the reply is given"
    assert request.closing == form.closing
    assert request.choices == (form.choices if form.closing else ()), "choices are read where something is closed"


@each_form
def test_a_bare_answer_is_told_as_one(form: ReplyForm) -> None:
    run, _ = asked(form, lambda request: form.write("", "B"))
    assert (run["letter"], run["degenerate"], run["bare"]) == ("B", None, True)


@each_form
def test_a_looping_reply_is_degenerate(form: ReplyForm) -> None:
    run, _ = asked(form, lambda request: form.write("again and " * 60, "B"))
    assert (run["degenerate"], run["bare"]) == ("loop", False)


@pytest.mark.parametrize("form", [REASONING, JSON], ids=lambda form: form.name)
def test_a_reply_at_its_limit_is_closed_in_its_form(form: ReplyForm) -> None:
    begun = form.write(STEPS, "B").partition(form.closing)[0]
    run, _ = asked(form, lambda r: read_off(r, "D", text=f"{begun}{r.closing}D", finish="closed"))
    assert (run["letter"], run["ended"]) == ("D", "closed")
    assert run["probabilities"][3] == pytest.approx(0.7)
    silent, _ = asked(form, lambda r: Completion(r.id, f"{begun}{r.closing}{form.choices[2]}{form.ending}", 9, 9,
                                                 "closed"))
    assert (silent["letter"], silent["ended"]) == ("C", "closed"), "a server that shows no probabilities"


@pytest.mark.parametrize("form", [REASONING, JSON], ids=lambda form: form.name)
def test_a_reply_without_a_letter_is_asked_for_one_in_its_form(form: ReplyForm) -> None:
    begun = form.write(STEPS, "B").partition(form.closing)[0]
    run, (first, second) = asked(
        form, lambda r: read_off(r, "A") if r.id.endswith("#forced") else begun + ('"}' if form is JSON else ""))
    assert (run["letter"], run["ended"]) == ("A", "forced")
    assert second.prompt == first.prompt + begun + form.closing
    assert second.choices == form.choices


def test_a_cut_reply_keeps_the_letter_that_it_began_with_and_is_never_closed() -> None:
    run, calls = asked(LETTER_FIRST, lambda r: Completion(r.id, "Answer: C\nSome thought, and so B", 9, 64, "length"))
    assert (run["letter"], run["ended"], len(calls)) == ("C", "answer", 1)
    run, calls = asked(LETTER_FIRST, lambda request: "I will not say.")
    assert (run["letter"], run["ended"], len(calls)) == (None, "unparsed", 1)


@each_form
def test_fast_mode_is_the_forms_own(form: ReplyForm) -> None:
    run, (request,) = asked(form, lambda r: read_off(r, "C"), Manner("fast", 1))
    assert (run["letter"], run["ended"]) == ("C", "logits")
    system = prompts.VARIANTS[form.variant if form is LETTER_FIRST else prompts.FAST].system
    assert system in request.prompt
    assert request.prompt.endswith("<|assistant|>\nAnswer:")
    assert request.choices == prompts.LETTER_CHOICES


# -- 05: the stage ----------------------------------------------------------------------------------------------------

class Planted(ScriptedBackend):
    """A scripted backend with adapters."""

    def use_adapter(self, name: str | None) -> None:
        self.adapter = name


@pytest.fixture
def space(tmp_path: Path) -> Workspace:
    """Everything that stages before 04 would have left."""
    found = Workspace(tmp_path, "sample", "smollm2_135m")
    weights = {"name": "m", "gguf": "models/m.gguf", "transformers": None}
    write_json(found.enhanced("models"), {"teacher": weights, "student": weights})
    write_json(found.enhanced("test"), QUESTIONS)
    write_json(found.enhanced("validation"), [record(n, key="C") for n in range(100, 140)])
    write_json(found.enhanced("curriculum_ordered"), planted.questions(40, seed=6))
    found.models.mkdir()
    (found.models / "m.gguf").write_bytes(b"GGUF")
    return found


def in_form(space: Workspace, form: ReplyForm | None) -> None:
    """A finished training of that form; None: of a version before there were any."""
    for name in ("adapter_config.json", "adapter.gguf"):
        (space.adapter / name).parent.mkdir(parents=True, exist_ok=True)
        (space.adapter / name).write_text(f"{name} of {space.variant}")
    write_json(space.adapter / "training.json", {} if form is None else {"reply_form": form.name})
    write_json(space.output("training_log"), {})
    arguments = {} if form is None else {"training.reply_form": {"value": form.name, "from": "flag"}}
    write_json(meta_path(space.output("training_log")), {
        "variant": space.variant, "seed": 0, "arguments": arguments,
        "inputs": {"curriculum": {"path": "curriculum_ordered_sample.json", "sha256": "same"}}})


def form_of(request: Request) -> ReplyForm:
    """What a request of reasoning mode asks for, by its system prompt."""
    return next(form for form in FORMS.values() if prompts.VARIANTS[form.variant].system in request.prompt)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[Request]:
    """Every request of stage 05; all reply in the form that they are asked in."""
    found: list[Request] = []

    def reply(request: Request) -> Any:
        found.append(request)
        return read_off(request, "B") if request.max_tokens == 0 else form_of(request).write(STEPS, "B")

    @contextmanager
    def opened(group: list[Contestant], engine: Any) -> Iterator[Planted]:
        yield Planted(reply)

    monkeypatch.setattr(testing, "opened", opened)
    return found


def test_each_student_is_asked_in_the_form_it_was_trained_in(space: Workspace, calls: list[Request]) -> None:
    def run() -> dict[str, Any]:
        stage05.run(stage05.build_parser().parse_args(
            ["--profile", "laptop", "--workdir", str(space.root), "--latency-questions", "1", "--limit", "6"]))
        return read_json(replace(space, limit=6).output("test_results"))

    in_form(space, None)
    run()
    finished, _ = len(calls), calls.clear()
    assert finished
    for name, form in (("letter", LETTER_FIRST), ("object", JSON)):
        in_form(replace(space, variant=name), form)
    found = run()
    assert {request.id.split("|")[0] for request in calls} == {"letter", "object"}, "finished answers stay valid"
    assert {request.id.split("|")[0]: form_of(request).name for request in calls if request.max_tokens} == {
        "letter": "letter-then-reason", "object": "json"}
    rows = [row for row in found["students"] if row["mode"] == "reasoning"]
    assert [row["name"] for row in rows] == ["base", "student", "letter", "object"]
    assert len({row["accuracy"]["value"] for row in rows}) == 1, "all of them say B"
    assert [row["differs"] for row in rows] == [{}, {}, {"training.reply_form": ["reasoning", "letter-then-reason"]},
                                                {"training.reply_form": ["reasoning", "json"]}]
    weights = {name: row["weights"].get("reply_form") for name, row in found["contestants"].items()}
    assert weights == {"base": None, "student": None, "letter": "letter-then-reason", "object": "json"}
    calls.clear()
    in_form(space, JSON)
    (space.adapter / "adapter.gguf").write_bytes(b"trained anew")
    run()
    assert {request.id.split("|")[0] for request in calls} == {"student"}
    assert {form_of(request).name for request in calls if request.max_tokens} == {"json"}


def test_a_model_by_its_path_is_asked_in_the_form_beside_it(space: Workspace) -> None:
    own = replace(space, variant="letter")
    in_form(own, LETTER_FIRST)
    spec = f"models/m.gguf:{own.adapter.relative_to(space.root)}/adapter.gguf"
    assert contestants.parse_spec("x", spec, space.root).form is LETTER_FIRST
    assert contestants.parse_spec("x", "models/m.gguf", space.root).form is REASONING


# -- work keys --------------------------------------------------------------------------------------------------------

FILES = {"base": "1", "student": "1", "student.adapter": "2"}


def keys05(form: ReplyForm) -> dict[str, str]:
    who = [Contestant("base", "gguf", "m.gguf"),
           Contestant("student", "gguf", "m.gguf", Path("a/adapter.gguf"), form=form)]
    return WorkKeys(who, planted.questions(4), Verdict(latency_questions=1), EngineSettings(context=1024, sequences=4),
                    0, FILES).all()


def keys06(form: ReplyForm) -> list[dict[str, str]]:
    members = [Player("base", Path("m.gguf")), Player("student", Path("m.gguf"), Path("a/adapter.gguf"), form)]
    known = {member.name: work_keys.player_identity(member, FILES) for member in members}
    return [work_keys.question_keys("gate", known["student"], [record(1)]),
            work_keys.match_keys(fixtures(["base", "student"], 1), known, Rules(), [1])]


def test_keys_of_the_first_form_are_those_of_before_there_were_forms() -> None:
    """Recorded then. A change of wording, settings or planted questions changes them too, and rightly so."""
    assert hash_json(keys05(REASONING)) == "65422c94ffa25292f929e6c229e84e29668994a6864d09afa6023df6e0e15ef8"
    assert [hash_json(keys) for keys in keys06(REASONING)] == [
        "3126bca98a42b3f42de0b26ed720ff902d6323881470b144a74b94f9dfe3aafb",
        "ec83f95f784a4c48ca425cc35c53bd398df4508a93dfe80068b68f6f2ce57d1e"]


@pytest.mark.parametrize("form", [LETTER_FIRST, JSON], ids=lambda form: form.name)
def test_keys_of_another_form_differ_where_it_is_asked_otherwise(form: ReplyForm) -> None:
    first, other = keys05(REASONING), keys05(form)
    changed = {name for name in first if first[name] != other[name]}
    expected = ("reasoning", "fast") if form is LETTER_FIRST else ("reasoning",)
    assert changed == {name for name in first if "student" in name and any(mode in name for mode in expected)}
    assert all(one != two for one, two in zip(keys06(REASONING), keys06(form), strict=True))


# -- 06: the answering agent ------------------------------------------------------------------------------------------

@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock()
    install(monkeypatch, found)
    return found


def agent(form: ReplyForm, clock: Clock, thought: str = "", limits: Limits = SHORT, **options: Any
          ) -> Answerer:
    """An agent whose model says D once it has thought, and A at once; it stops where it is told to."""
    def letters(request: Request) -> tuple[float, ...]:
        reasoned = bool(request.closing) or "clear" in request.prompt
        return (0.1, 0.1, 0.1, 0.7) if reasoned else (0.7, 0.1, 0.1, 0.1)

    def think(request: Request) -> str:
        ends = [thought.index(stop) for stop in request.stop if stop in thought]
        return thought[:min(ends)] if ends else thought

    return Answerer(AgentBackend(letters, think, clock=clock, **options), limits, form=form)


@pytest.mark.parametrize("form", [REASONING, JSON], ids=lambda form: form.name)
def test_reasoning_that_ends_by_itself_is_asked_for_its_letter_in_its_form(form: ReplyForm, clock: Clock) -> None:
    made = agent(form, clock, form.write("One step and another. So it is clear then.", "C"))
    found = made.answer(record(1))
    assert (found.letter, found.how) == ("D", "reasoned")
    assert found.reasoning == "One step and another. So it is clear then."
    last = made.backend.calls[-1]
    assert last.prompt.endswith("clear then." + form.closing)
    assert last.choices == form.choices


@each_form
def test_a_long_reasoning_is_closed_or_cut_in_its_form(form: ReplyForm, clock: Clock) -> None:
    words = " ".join(f"step {number} leads on" for number in range(300))
    begun = {REASONING: words, LETTER_FIRST: f"\n{words}", JSON: json.dumps({"reasoning": words})}[form]
    made = agent(form, clock, begun, Limits(400, 6.0))
    found = made.answer(record(1))
    assert (found.letter, found.how) == (("A", "at once") if form is LETTER_FIRST else ("D", "concluded"))
    assert found.reasoning.startswith("step 0 leads on")
    assert 50 < len(found.reasoning.split()) <= 100
    assert not found.late


def test_a_letter_that_comes_first_is_the_answer_and_is_explained(clock: Clock) -> None:
    made = agent(LETTER_FIRST, clock, "\nIt says so. It is clear.")
    found = made.answer(record(1))
    assert (found.letter, found.how, found.reasoning) == ("A", "at once", "It says so. It is clear.")
    assert found.confidence == pytest.approx(0.7)
    at_once, explained = made.backend.calls[-2:]
    assert at_once.prompt.endswith("<assistant> Answer:")
    assert explained.prompt == at_once.prompt + " A"
    assert (explained.closing, explained.choices) == (None, ())
    assert agent(LETTER_FIRST, clock, "again and " * 60).answer(record(1)).reasoning == "", "rambling explains nothing"


def test_another_attempt_at_a_letter_that_comes_first_draws_one(clock: Clock) -> None:
    made = agent(LETTER_FIRST, clock, "\nIt says so. It is clear.")
    attempts = {made.answer(record(1), sampling=Sampling(0.7, seed=seed)).letter for seed in range(40)}
    assert "A" in attempts
    assert len(attempts) > 1
    assert made.answer(record(1), sampling=Sampling(0.0, seed=7)).letter == "A"


@each_form
@pytest.mark.parametrize("read", [4000.0, 60.0, 12.0])
@pytest.mark.parametrize("write", [1000.0, 1.0])
def test_never_blind_and_never_late_in_any_form(form: ReplyForm, read: float, write: float, clock: Clock) -> None:
    made = agent(form, clock, form.write("word and step " * 200, "B"), Limits(512, 6.0), read=read, write=write)
    answers = [found for batch in made.answer_all([record(n) for n in range(9)], 5) for found in batch]
    assert len(answers) == 9
    assert not any(found.late for found in answers)
    assert max(found.seconds for found in answers) <= 6.0
    assert {found.letter for found in answers} <= {"A", "D"}, "always by the model's own probabilities"


@each_form
def test_a_tight_context_is_kept_in_any_form(form: ReplyForm, clock: Clock) -> None:
    made = agent(form, clock, form.write("word " * 300, "B"), Limits(512, 6.0), context=140, read=1e6)
    assert made.answer(record(1, "Which one? " * 200)).shortened  # the fake asserts that everything fits


@each_form
def test_fast_letters_are_read_in_the_forms_fast_mode(form: ReplyForm, clock: Clock) -> None:
    made = agent(form, clock)
    assert made.fast([record(1)]) == [dict(zip(LETTERS, (0.7, 0.1, 0.1, 0.1), strict=True))]
    system = prompts.VARIANTS[form.variant if form is LETTER_FIRST else prompts.FAST].system
    assert made.backend.calls[-1].prompt.startswith(f"<system> {system}")


# -- 06: the stage ----------------------------------------------------------------------------------------------------

@each_form
def test_stage_06_judges_and_deploys_the_student_in_its_form(
        form: ReplyForm, space: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    in_form(space, form)
    write_json(space.enhanced("test"), [record(n, key="C") for n in range(20, 30)])
    write_json(space.enhanced("test_results"), {"summary": {"headline": {"sentence": "said"}}})
    found: list[Both] = []

    def opened(*_: Any, **options: Any) -> Both:
        found.append(Both())
        return found[-1]

    monkeypatch.setattr(players, "open_by_settings", opened)
    arguments = ["--profile", "laptop", "--workdir", str(space.root), "--questions-per-round", "2"]
    assert stage06.run(stage06.build_parser().parse_args(arguments)) == 0
    made = read_json(space.adapter / "agents" / "agents.json")
    assert (made["deployed"], made["reply_form"]) == ("student", form.name)
    assert read_json(space.adapter / "agents" / "AIAC" / "deployment.json")["reply_form"] == form.name
    systems = {prompts.VARIANTS[name].system for name in ("student", form.variant)}
    thought = [call.prompt for backend in found for call in backend.calls if call.id == "answer#0" and call.max_tokens]
    assert {system for system in systems if any(system in prompt for prompt in thought)} == systems, (
        "base and student, each in its own form")


def test_the_bundle_answers_in_the_form_of_the_deployed_weights(tmp_path: Path) -> None:
    model = tmp_path / "m.gguf"
    model.write_bytes(b"GGUF")
    folder = tmp_path / "AIAC"
    bundle.build(folder, Agents(), EngineSettings(), Player("student", model, form=JSON), UNFITTED)
    assert (folder / "stepladder" / "engine" / "reply_forms.py").exists()
    assert read_json(folder / "deployment.json")["reply_form"] == "json"
