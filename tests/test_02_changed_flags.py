"""Stage 02 with changed flags, edited questions, peeks and kills: no reply is asked for twice, none is lost."""

from __future__ import annotations

import importlib
import json
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from fakes import ScriptedBackend
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule
from test_02_generate import BODY, journal, letter_of, make_workdir, question, read, reply, run, write

from stepladder.core.errors import StageError
from stepladder.core.files import hash_json
from stepladder.core.records import LETTERS
from stepladder.engine.requests import EngineError, Request
from stepladder.reasoning import writing
from stepladder.reasoning.attempts import Judgement

stage02 = importlib.import_module("02_generate_cot_llama_cpp")


@pytest.fixture
def workdir(tmp_path: Path) -> Path:
    return make_workdir(tmp_path)


def ids(backend: ScriptedBackend) -> set[str]:
    return {call.id.partition("#")[0] for call in backend.calls}


def enhanced(workdir: Path, name: str) -> Path:
    return workdir / "data" / "enhanced" / name


def stopped_at(request_id: str) -> Callable[[Request], str]:
    def breaks(request: Request) -> str:
        if request.id == request_id:
            raise EngineError("killed")
        return reply(request)
    return breaks


def test_a_peek_has_its_own_name_and_costs_the_night_nothing(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(StageError):
        run(workdir, monkeypatch, stopped_at("q/17#1"), sequences=1)
    night = journal(workdir).read_bytes()
    peek = run(workdir, monkeypatch, reply, "--limit", "5", sequences=1)
    assert peek.calls == [], "the night has these already"
    assert len(json.loads(enhanced(workdir, "cot_enhanced_sample.limit5.json").read_text())) == 5
    assert enhanced(workdir, "cot_enhanced_sample.limit5.meta.json").exists()
    assert not enhanced(workdir, "cot_enhanced_sample.json").exists(), "a peek is not the stage's output"
    assert journal(workdir).read_bytes() == night
    rest = run(workdir, monkeypatch, sequences=1)
    assert ids(rest) == {f"q/{n}" for n in range(17, 24) if n % 5}
    larger = run(workdir, monkeypatch, reply, "--limit", "9")
    assert larger.calls == []


def test_a_peek_of_new_questions_is_work_the_night_need_not_do(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert ids(run(workdir, monkeypatch, reply, "--limit", "5")) == {"q/1", "q/2", "q/3", "q/4"}
    assert ids(run(workdir, monkeypatch, reply, "--limit", "8")) == {"q/6", "q/7"}
    assert ids(run(workdir, monkeypatch)) == {f"q/{n}" for n in range(8, 24) if n % 5}


def test_changed_flags_and_back_ask_nothing_twice(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(workdir, monkeypatch)
    before = enhanced(workdir, "cot_enhanced_sample.json").read_bytes()
    assert run(workdir, monkeypatch, reply, "--max-tokens", "50").calls != []
    assert run(workdir, monkeypatch, reply, "--attempts", "2").calls == [], "fewer attempts are known already"
    assert run(workdir, monkeypatch, reply, "--seed", "5").calls != []
    assert run(workdir, monkeypatch, {}).calls == []
    assert enhanced(workdir, "cot_enhanced_sample.json").read_bytes() == before
    assert run(workdir, monkeypatch, {}, "--max-tokens", "50").calls == []
    assert run(workdir, monkeypatch, {}, "--seed", "5").calls == []


def test_a_killed_night_survives_every_other_flag(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(StageError):
        run(workdir, monkeypatch, stopped_at("q/17#1"), sequences=1)
    for flags in (["--attempts", "2"], ["--max-tokens", "50"], ["--no-hint"], ["--context", "512"]):
        with pytest.raises(StageError):
            run(workdir, monkeypatch, stopped_at("q/1#1") if "--max-tokens" in flags else stopped_at("q/17#1"), *flags,
                sequences=1)
    assert ids(run(workdir, monkeypatch, sequences=1)) == {f"q/{n}" for n in range(17, 24) if n % 5}


def test_more_attempts_extend_what_was_not_verified(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = run(workdir, monkeypatch)
    unverified = {r["id"] for r in read(workdir) if r["cot"]["status"] in ("hinted", "failed")}
    more = run(workdir, monkeypatch, reply, "--attempts", "4")
    assert ids(more) == unverified
    assert {call.id.partition("#")[2] for call in more.calls} == {"4"}, "the first three and the hinted one are known"
    assert not {str(call.prompt) for call in more.calls} & {str(call.prompt) for call in first.calls}
    journal(workdir).unlink()
    extended = read(workdir)
    run(workdir, monkeypatch, reply, "--attempts", "4", "--force")
    assert read(workdir) == extended, "as if it had been asked so from the start"


def test_an_edited_question_is_asked_again_alone(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(workdir, monkeypatch)
    original = read(workdir, "questions")
    edited = [r | {"question": f"Think: {r['question']}"} if r["id"] == "q/7" else r for r in original]
    write(workdir, "questions", edited)
    assert ids(run(workdir, monkeypatch)) == {"q/7"}
    assert run(workdir, monkeypatch).calls == []
    write(workdir, "questions", [*edited[:3], *edited[5:]])
    assert run(workdir, monkeypatch).calls == [], "one question less"
    write(workdir, "questions", original)
    assert run(workdir, monkeypatch).calls == []


def test_an_edited_key_is_judged_anew_and_asks_what_follows(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(workdir, monkeypatch)
    records = read(workdir, "questions")
    record = next(r for r in records if r["id"] == "q/3")  # the first reply was right
    record["answer"] = LETTERS[(LETTERS.index(record["answer"]) + 1) % 4]
    write(workdir, "questions", records)
    again = run(workdir, monkeypatch)
    assert ids(again) == {"q/3"}
    assert "q/3#1" not in {call.id for call in again.calls}, "the first reply is known, and now wrong"


def test_a_changed_judge_needs_no_new_replies(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(workdir, monkeypatch, reply, "--attempts", "1", "--no-hint")
    enhanced(workdir, "cot_enhanced_sample.meta.json").unlink()
    monkeypatch.setattr(writing, "judge", lambda *_, **__: Judgement("stricter now"))
    assert run(workdir, monkeypatch, reply, "--attempts", "1", "--no-hint").calls == []
    assert {r["cot"]["status"] for r in read(workdir)} == {"failed", "solver"}


def test_another_address_of_the_same_model_asks_nothing_again(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    served = ["--endpoint-model", "big", "--endpoints"]
    assert run(workdir, monkeypatch, reply, *served, "http://a").calls != []
    before = enhanced(workdir, "cot_enhanced_sample.json").read_bytes()
    assert run(workdir, monkeypatch, reply, *served, "http://b", "http://c").calls == []
    assert enhanced(workdir, "cot_enhanced_sample.json").read_bytes() == before
    assert run(workdir, monkeypatch, reply, "--endpoint-model", "bigger", "--endpoints", "http://a").calls != []


def test_retry_failed_asks_the_failed_ones_alone_and_is_kept(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = run(workdir, monkeypatch)
    failed = {r["id"] for r in read(workdir) if r["cot"]["status"] == "failed"}
    others = {r["id"]: r for r in read(workdir) if r["id"] not in failed}

    def luckier(request: Request) -> str:
        number = int(request.id.partition("#")[0].rpartition("/")[2])
        right = number == 11 and request.id.endswith("#6")
        return f"{BODY}\nAnswer: {letter_of(request, str(number if right else number + 1))}"

    again = run(workdir, monkeypatch, luckier, "--retry-failed")
    assert ids(again) == failed
    seeds = [(call.prompt, call.sampling) for call in [*first.calls, *again.calls]]
    assert len(set(seeds)) == len(seeds), "the same question with the same seed would bring the same reply"
    after = {r["id"]: r for r in read(workdir)}
    assert after["q/11"]["cot"]["status"] == "verified"
    assert {name: after[name] for name in others} == others
    assert run(workdir, monkeypatch).calls == []
    enhanced(workdir, "cot_enhanced_sample.json").unlink()
    assert run(workdir, monkeypatch).calls == [], "a plain run knows of the retry"
    assert {r["id"]: r for r in read(workdir)} == after
    assert ids(run(workdir, monkeypatch, luckier, "--retry-failed")) == failed - {"q/11"}


def test_a_broken_off_retry_is_gone_on_with(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(workdir, monkeypatch)
    with pytest.raises(StageError):
        run(workdir, monkeypatch, stopped_at("q/17#6"), "--retry-failed", sequences=1)
    kept = len(journal(workdir).read_bytes().splitlines())
    rest = run(workdir, monkeypatch, reply, "--retry-failed", sequences=1)
    keys = [json.loads(line)["key"] for line in journal(workdir).read_bytes().splitlines()]
    assert len(keys) == kept + len(rest.calls) == len(set(keys))


def test_force_asks_everything_again_and_deletes_nothing(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = run(workdir, monkeypatch)
    before = journal(workdir).read_bytes()
    assert len(run(workdir, monkeypatch, reply, "--force").calls) == len(first.calls)
    assert journal(workdir).read_bytes().startswith(before)


def former_journal(workdir: Path, monkeypatch: pytest.MonkeyPatch, fingerprint: Callable[[str], str]) -> dict:
    """Turn a whole run into a journal as earlier versions kept it, with all but two records; returns its results."""
    run(workdir, monkeypatch)
    meta = json.loads(enhanced(workdir, "cot_enhanced_sample.meta.json").read_text())
    results = {r["id"]: {key: r[key] for key in ("id", "chain_of_thought", "cot")} for r in read(workdir)
               if r["cot"]["status"] != "solver"}
    kept = [json.dumps(results[name]) for name in results if name not in ("q/22", "q/23")]
    lines = [json.dumps({"fingerprint": fingerprint(meta["fingerprint"])}), *kept, '{"id": "torn']
    for path in [*workdir.glob("data/enhanced/cot*"), journal(workdir)]:
        path.unlink()
    enhanced(workdir, "cot_enhanced_sample.partial.jsonl").write_text("\n".join(lines))
    return results


def test_a_journal_of_an_earlier_version_is_read(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    results = former_journal(workdir, monkeypatch, lambda now: hash_json([now, None]))
    with pytest.raises(StageError):
        run(workdir, monkeypatch, stopped_at("q/23#1"), sequences=1)
    assert ids(run(workdir, monkeypatch)) == {"q/23"}, "what was taken over stays"
    assert {r["id"]: r["cot"]["status"] for r in read(workdir) if r["id"] in results} == {
        name: result["cot"]["status"] for name, result in results.items()}
    assert list(enhanced(workdir, "aside").glob("cot_enhanced_sample.partial.*/cot_enhanced_sample.partial.jsonl"))


def test_a_journal_of_an_earlier_version_that_does_not_fit_is_set_aside(
        workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    former_journal(workdir, monkeypatch, lambda now: "another")
    text = enhanced(workdir, "cot_enhanced_sample.partial.jsonl").read_text()
    assert len(ids(run(workdir, monkeypatch))) == 19
    kept, = enhanced(workdir, "aside").glob("*/cot_enhanced_sample.partial.jsonl")
    assert kept.read_text() == text


class Killed(BaseException):
    """As good as kill -9: nothing in the stage catches it."""


class Nights(RuleBasedStateMachine):
    """Any sequence of runs, kills, flags, peeks and edits: no reply that arrived is ever asked for again."""

    @initialize()
    def begin(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.root = make_workdir(Path(self.folder.name))
        self.questions = [question(n) for n in range(8)]
        write(self.root, "questions", self.questions)
        self.arrived: set[tuple] = set()
        self.patch = pytest.MonkeyPatch()

    @rule(number=st.integers(0, 7), edits=st.integers(0, 2))
    def edit(self, number: int, edits: int) -> None:
        self.questions[number] = question(number) | {"question": f"{'Well. ' * edits}{question(number)['question']}"}
        write(self.root, "questions", self.questions)

    @rule(attempts=st.integers(1, 4), tokens=st.sampled_from([50, 96]), limit=st.sampled_from([0, 0, 3, 5]),
          hint=st.booleans(), retry=st.booleans(), killed_after=st.sampled_from([0, 1, 3, 9, 999, 999]),
          torn=st.binary(max_size=30))
    def night(self, attempts: int, tokens: int, limit: int, hint: bool, retry: bool, killed_after: int, torn: bytes
              ) -> None:
        heard = []

        def answer(request: Request) -> str:
            asked = (request.prompt, request.sampling, request.max_tokens)
            assert asked not in self.arrived, f"{request.id} was asked for twice"
            if len(heard) == killed_after:
                raise Killed
            heard.append(asked)
            return reply(request)

        flags = ["--attempts", str(attempts), "--max-tokens", str(tokens), "--hint" if hint else "--no-hint",
                 *(["--limit", str(limit)] if limit else []), *(["--retry-failed"] if retry else [])]
        try:
            run(self.root, self.patch, answer, *flags, sequences=1)
        except Killed:
            with journal(self.root).open("ab") as file:
                file.write(torn.replace(b"\n", b" "))
        else:
            name = f"cot_enhanced_sample.limit{limit}.json" if limit else "cot_enhanced_sample.json"
            written = json.loads(enhanced(self.root, name).read_text())
            assert [r["id"] for r in written] == [r["id"] for r in self.questions[:limit or None]]
        self.arrived |= set(heard)

    def teardown(self) -> None:
        self.patch.undo()
        self.folder.cleanup()


TestNights = Nights.TestCase
TestNights.settings = settings(max_examples=25, stateful_step_count=10, deadline=None)
