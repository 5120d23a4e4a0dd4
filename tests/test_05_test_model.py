"""Stage 05 as a script, with planted contestants behind the backend interface instead of models."""

from __future__ import annotations

import importlib
import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import fakes
import pytest
import verdict_planted as planted

from stepladder.core.errors import InputError, Interrupted, StageError
from stepladder.core.files import read_json, write_json
from stepladder.core.interrupts import stop_flag
from stepladder.engine.requests import Completion, Request, RequestError
from stepladder.verdict import contestants
from stepladder.verdict import run as testing

stage = importlib.import_module("05_test_model")

SKILLS = {"base": planted.knows(0.4), "student": planted.knows(0.7), "c": "C", "mute": None}


class Planted(fakes.ScriptedBackend):
    """Answers as the contestant in the request's id would."""

    def use_adapter(self, name: str | None) -> None:
        self.adapter = name


@pytest.fixture
def workdir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A workspace with weights, an adapter, 24 test and 40 training questions; backends are planted."""
    enhanced = tmp_path / "data" / "enhanced"
    weights = {"name": "m", "gguf": "models/m.gguf", "transformers": None}
    write_json(enhanced / "models_sample.json", {"teacher": weights, "student": weights})
    write_json(enhanced / "test_sample.json", planted.questions(24, seed=5))
    write_json(enhanced / "questions_sample.json", planted.questions(40, seed=6))
    (tmp_path / "models" / "smollm2_135m_cot_curriculum").mkdir(parents=True)
    (tmp_path / "models" / "m.gguf").write_bytes(b"weights")
    (tmp_path / "models" / "smollm2_135m_cot_curriculum" / "adapter.gguf").write_bytes(b"adapter")
    by_id = {record["id"]: record for record in planted.questions(24, seed=5)}

    @contextmanager
    def opened(group: list[contestants.Contestant], engine: Any) -> Iterator[Planted]:
        yield Planted(lambda request: planted.reply(SKILLS[request.id.split("|")[0]], by_id, request), reverse=True)

    monkeypatch.setattr(testing, "opened", opened)
    monkeypatch.setattr(stop_flag, "requested", False)
    return tmp_path


def main(workdir: Path, *flags: str) -> int:
    args = stage.build_parser().parse_args(["--profile", "laptop", "--workdir", str(workdir), *flags])
    return stage.run(args) or 0


def result(workdir: Path) -> dict[str, Any]:
    return read_json(workdir / "data" / "enhanced" / "test_results_sample.json")


def test_base_and_student_are_tested_on_the_same_questions(workdir: Path) -> None:
    assert main(workdir) == 0
    found = result(workdir)
    assert found["summary"]["contestants"] == ["base", "student"]
    assert found["summary"]["headline_mode"] == "reasoning"
    assert found["summary"]["overlap"]["found"] == 0
    assert [q["id"] for q in found["questions"]] == [q["id"] for q in planted.questions(24, seed=5)]
    for question in found["questions"]:
        for by_mode in question["answers"].values():
            for mode, answer in by_mode.items():
                run, = answer["runs"]
                assert answer["score"] == float(run["letter"] == question["answer"])
                assert ("text" in run) == (mode == "reasoning")
    row = found["contestants"]["student"]["modes"]
    expected = sum(planted.letter_of(SKILLS["student"], q, q, 0) == q["answer"] for q in planted.questions(24, seed=5))
    assert row["fast"]["accuracy"]["value"] == pytest.approx(expected / 24, abs=1e-5)
    assert row["reasoning"]["ended"] == {"answer": 24}
    assert row["fast"]["latency"]["n"] == 10
    meta = read_json(workdir / "data" / "enhanced" / "test_results_sample.meta.json")
    assert meta["counts"]["questions"] == 24
    assert set(meta["inputs"]) == {"test", "training", "base", "student", "student.adapter"}


def test_a_second_run_is_done_and_another_flag_is_not(workdir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(workdir, "--modes", "fast")
    main(workdir, "--modes", "fast")
    assert "already done" in capsys.readouterr().out
    main(workdir, "--modes", "fast", "--permute", "2")
    assert "already done" not in capsys.readouterr().out
    assert result(workdir)["contestants"]["base"]["modes"]["fast"]["runs"] == 48


def test_permutations_and_votes_are_asked_once_each(workdir: Path) -> None:
    main(workdir, "--contestants", "base", "--permute", "4", "--votes", "3")
    runs = result(workdir)["questions"][0]["answers"]["base"]
    assert [run["rotation"] for run in runs["fast"]["runs"]] == [0, 1, 2, 3]
    assert Counter((r["rotation"], r["vote"]) for r in runs["reasoning"]["runs"]) == Counter(
        {(rotation, vote): 1 for rotation in range(4) for vote in range(3)})


def test_an_interrupted_test_goes_on_and_counts_nothing_twice(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    main(workdir, "--permute", "2", "--output", str(workdir / "whole.json"))
    whole = read_json(workdir / "whole.json")
    journal = workdir / "data" / "enhanced" / "journals" / "05_test_results_sample.jsonl"
    journal.unlink()
    for stop_at in (1, 7, 50, 40, 30):
        checks = Counter()

        def check(limit: int = stop_at, seen: Counter = checks) -> None:
            seen["n"] += 1
            if seen["n"] >= limit:
                raise Interrupted("now")

        monkeypatch.setattr(stop_flag, "check", check)
        with pytest.raises(Interrupted):
            main(workdir, "--permute", "2")
        ids = [json.loads(line)["id"] for line in journal.read_text().splitlines()]
        answers = [name for name in ids if not name.startswith("memory|")]  # the highest memory is noted again
        assert len(answers) == len(set(answers))
        with journal.open("ab") as file:  # a kill in the middle of a write
            file.write(b'{"id": "base|fast|torn')
    monkeypatch.setattr(stop_flag, "check", lambda: None)
    main(workdir, "--permute", "2")
    assert [q["answers"] for q in result(workdir)["questions"]] == [q["answers"] for q in whole["questions"]]


def test_a_bake_off_is_one_command(workdir: Path) -> None:
    for name in ("c", "mute"):
        (workdir / f"{name}.gguf").write_bytes(name.encode())
    main(workdir, "--contestants", "--model", f"c={workdir}/c.gguf", "--model", f"mute={workdir}/mute.gguf",
         "--limit", "12", "--modes", "fast", "reasoning")
    found = read_json(workdir / "data" / "enhanced" / "test_results_sample.limit12.json")
    assert found["summary"]["contestants"] == ["c", "mute"]
    assert found["summary"]["questions"] == 12
    mute = found["contestants"]["mute"]["modes"]["reasoning"]
    assert mute["ended"] == {"forced": 12}, "a reply without a letter is made to conclude"
    assert any("c, fast: says C" in warning for warning in found["summary"]["warnings"])


def test_a_reply_without_any_letter_is_unparsed_not_wrong(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def reply(request: Request) -> Completion:
        return Completion(request.id, "" if request.max_tokens == 0 else "Who can tell?", 9, 3, "stop", None, 0.01)

    @contextmanager
    def opened(group: Any, engine: Any) -> Iterator[Planted]:
        yield Planted(reply)

    monkeypatch.setattr(testing, "opened", opened)
    main(workdir, "--contestants", "base")
    for mode in ("fast", "reasoning"):
        row = result(workdir)["contestants"]["base"]["modes"][mode]
        assert (row["unparsed"], row["ended"]) == (24, {"unparsed": 24})
    assert any("no letter" in warning for warning in result(workdir)["summary"]["warnings"])


@pytest.mark.parametrize("when", ["check", "_complete"])
def test_a_question_that_cannot_be_served_is_kept_and_said(workdir: Path, monkeypatch: pytest.MonkeyPatch,
                                                           when: str) -> None:
    questions = planted.questions(24, seed=5)
    by_id = {record["id"]: record for record in questions}

    class Narrow(Planted):
        """Refuses beforehand, or only when it is asked, as a server does."""

    def refusing(self: Narrow, request: Request) -> Any:
        if questions[3]["id"] in request.id:
            raise RequestError(request.id, "900 tokens do not fit a context of 768")
        return getattr(Planted, when)(self, request)

    setattr(Narrow, when, refusing)

    @contextmanager
    def opened(group: Any, engine: Any) -> Iterator[Narrow]:
        yield Narrow(lambda request: planted.reply(SKILLS["base"], by_id, request))

    monkeypatch.setattr(testing, "opened", opened)
    main(workdir, "--contestants", "base", "--latency-questions", "1")
    run, = result(workdir)["questions"][3]["answers"]["base"]["reasoning"]["runs"]
    assert (run["letter"], run["ended"]) == (None, "unparsed")
    assert "do not fit" in run["refused"]


def test_overlap_is_refused_unless_allowed(workdir: Path) -> None:
    path = workdir / "data" / "enhanced" / "questions_sample.json"
    write_json(path, [*planted.questions(40, seed=6), {**planted.questions(24, seed=5)[2], "id": "leak"}])
    with pytest.raises(InputError, match=r"1 of 24 test questions are in questions_sample.json.*made/5/2 = leak"):
        main(workdir)
    assert not (workdir / "data" / "enhanced" / "test_results_sample.json").exists()
    main(workdir, "--allow-overlap", "--modes", "fast")
    assert result(workdir)["summary"]["overlap"]["found"] == 1
    assert any("found in training" in warning for warning in result(workdir)["summary"]["warnings"])


def test_overlap_can_be_left_out(workdir: Path) -> None:
    other = workdir / "other.json"
    write_json(other, [{**planted.questions(24, seed=5)[2], "id": "leak"}])
    own = workdir / "data" / "enhanced" / "questions_sample.json"
    main(workdir, "--leave-out-overlap", "--modes", "fast", "--training", str(own), str(other))
    found = result(workdir)
    assert (found["summary"]["questions"], found["summary"]["overlap"]["found"]) == (23, 0)
    assert [(row["index"], row["reason"]) for row in found["rejected"]] == [(2, "in training: leak (exact duplicate)")]
    assert any("1 test questions were left out" in warning for warning in found["summary"]["warnings"])


def test_malformed_questions_are_left_out_and_kept_with_their_reason(workdir: Path) -> None:
    path = workdir / "data" / "enhanced" / "test_sample.json"
    bad = planted.questions(24, seed=5)
    bad[4] = {**bad[4], "answer": "E"}
    write_json(path, bad)
    main(workdir, "--modes", "fast")
    found = result(workdir)
    assert found["summary"]["questions"] == 23
    assert [(row["index"], row["reason"]) for row in found["rejected"]] == [(4, "answer is not A, B, C or D")]


def test_ratings_bring_difficulty_against_accuracy(workdir: Path) -> None:
    rated = [{**q, "difficulty": 1 + i % 9, "level": "easy"} for i, q in enumerate(planted.questions(24, seed=5))]
    write_json(workdir / "rated.json", rated)
    main(workdir, "--modes", "fast", "--ratings", str(workdir / "rated.json"))
    found = result(workdir)
    assert found["contestants"]["base"]["modes"]["fast"]["difficulty"]["n"] == 24
    assert "level" in found["slices"]


def test_the_plan_needs_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(tmp_path, "--plan") == 0
    told = capsys.readouterr().out
    assert "5000 questions" in told
    assert "computed" in told


@pytest.mark.parametrize(("flags", "told"), [
    (["--contestants"], "nobody to test"),
    (["--model", "x=missing.gguf"], "does not exist"),
    (["--model", "base={0}/models/m.gguf"], "that name is taken"),
    (["--model", "a|b={0}/models/m.gguf"], "a name has no spaces"),
    (["--model", "f={0}/models"], "no config.json"),
    (["--permute", "5"], "verdict.permute"),
    (["--modes"], "verdict.modes"),
])
def test_wrong_arguments_are_one_clear_line(workdir: Path, flags: list[str], told: str) -> None:
    with pytest.raises(InputError, match=told.replace("|", r"\|")):
        main(workdir, *(flag.format(workdir) for flag in flags))


def test_a_student_without_adapter_says_what_to_do(workdir: Path) -> None:
    (workdir / "models" / "smollm2_135m_cot_curriculum" / "adapter.gguf").unlink()
    with pytest.raises(InputError, match=r"run 04_train_qwen3_235b\.py"):
        main(workdir)


def test_contestants_that_share_weights_are_opened_once(workdir: Path) -> None:
    settings = stage.profiles.resolve(stage.build_parser().parse_args(["--profile", "laptop"]), stage.SECTIONS)
    workspace = stage.Workspace(workdir, "sample", "smollm2_135m")
    chosen = contestants.choose(settings["verdict"], workspace)
    assert [[c.name for c in group] for group in contestants.by_weights(chosen)] == [["base", "student"]]
    assert chosen[1].size_bytes() == len(b"weights") + len(b"adapter")


def test_weights_that_do_not_load_are_named(tmp_path: Path) -> None:
    (tmp_path / "bad.gguf").write_bytes(b"not a model")
    broken = contestants.parse_spec("broken", "bad.gguf", tmp_path)
    settings = stage.profiles.resolve(stage.build_parser().parse_args(["--profile", "laptop"]), stage.SECTIONS)
    with pytest.raises(StageError, match="cannot open broken"), contestants.opened([broken], settings["engine"]):
        pass


@pytest.fixture
def asking(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> list[Request]:
    """Every request that is answered from now on, latency left out by the flags below."""
    calls: list[Request] = []
    by_id = {record["id"]: record for record in planted.questions(24, seed=5)}

    def reply(request: Request) -> Any:
        calls.append(request)
        return planted.reply(SKILLS[request.id.split("|")[0]], by_id, request)

    @contextmanager
    def opened(group: list[contestants.Contestant], engine: Any) -> Iterator[Planted]:
        yield Planted(reply)

    monkeypatch.setattr(testing, "opened", opened)
    return calls


def taken(calls: list[Request]) -> set[tuple[str, str]]:
    """(contestant, question) of the requests so far, which are then forgotten."""
    pairs = {(call.id.split("|")[0], call.id.split("|")[2]) for call in calls}
    calls.clear()
    return pairs


def test_each_one_of_a_group_has_its_own_memory_reading(workdir: Path) -> None:
    main(workdir)
    found = result(workdir)["contestants"]
    assert {name: row["memory"]["shared_with"] for name, row in found.items()} == {
        "base": ["student"], "student": ["base"]}
    lines = (workdir / "data/enhanced/journals/05_test_results_sample.jsonl").read_text().splitlines()
    assert len({json.loads(line)["key"] for line in lines}) == len(lines)


def test_answers_serve_every_run_that_asks_for_the_same(workdir: Path, asking: list[Request]) -> None:
    flags = ["--latency-questions", "0"]
    questions = read_json(workdir / "data" / "enhanced" / "test_sample.json")
    ids = [record["id"] for record in questions]
    main(workdir, *flags, "--limit", "5")
    assert taken(asking) == {(who, name) for who in ("base", "student") for name in ids[:5]}
    assert not (workdir / "data" / "enhanced" / "test_results_sample.json").exists()
    main(workdir, *flags)
    assert taken(asking) == {(who, name) for who in ("base", "student") for name in ids[5:]}
    whole = result(workdir)["questions"]
    main(workdir, *flags, "--contestants", "base")
    main(workdir, *flags, "--modes", "fast")
    main(workdir, *flags, "--limit", "9")
    main(workdir, *flags, "--allow-overlap")
    assert taken(asking) == set()
    (workdir / "models/smollm2_135m_cot_curriculum/adapter.gguf").write_bytes(b"trained anew")
    main(workdir, *flags)
    assert taken(asking) == {("student", name) for name in ids}, "the base is what it was"
    (workdir / "models/smollm2_135m_cot_curriculum/adapter.gguf").write_bytes(b"adapter")
    main(workdir, *flags)
    assert taken(asking) == set()
    assert result(workdir)["questions"] == whole


def test_an_edited_question_is_put_again_alone(workdir: Path, asking: list[Request]) -> None:
    flags = ["--latency-questions", "0", "--contestants", "base"]
    main(workdir, *flags)
    asking.clear()
    questions = read_json(workdir / "data" / "enhanced" / "test_sample.json")
    questions[3]["question"] = f"Think. {questions[3]['question']}"
    write_json(workdir / "data" / "enhanced" / "test_sample.json", questions)
    main(workdir, *flags)
    assert taken(asking) == {("base", questions[3]["id"])}


def test_the_same_weights_under_another_name_are_not_asked_again(workdir: Path, asking: list[Request]) -> None:
    (workdir / "c.gguf").write_bytes(b"other weights")
    flags = ["--latency-questions", "0", "--contestants", "--model"]
    main(workdir, *flags, f"c={workdir}/c.gguf")
    assert taken(asking)
    (workdir / "c.gguf").rename(workdir / "moved.gguf")
    main(workdir, *flags, f"renamed={workdir}/moved.gguf")
    assert taken(asking) == set()
    found = result(workdir)
    assert found["summary"]["contestants"] == ["renamed"]
    assert found["questions"][0]["answers"].keys() == {"renamed"}


def test_the_memory_of_a_small_rest_does_not_replace_that_of_the_whole(
        workdir: Path, asking: list[Request], monkeypatch: pytest.MonkeyPatch) -> None:
    readings = iter([900, 400])

    class Peak:
        def __enter__(self) -> Peak:
            self.process_bytes, self.device_bytes = next(readings), None
            return self

        def __exit__(self, *_: object) -> None:
            pass

    monkeypatch.setattr(testing, "PeakMemory", Peak)
    flags = ["--latency-questions", "0", "--contestants", "base"]
    main(workdir, *flags)
    questions = read_json(workdir / "data" / "enhanced" / "test_sample.json")
    write_json(workdir / "data" / "enhanced" / "test_sample.json",
               [questions[0] | {"question": "Another one?"}, *questions[1:]])
    main(workdir, *flags)
    assert result(workdir)["contestants"]["base"]["memory"] == {
        "process_bytes": 900, "device_bytes": None, "shared_with": []}
    journal = workdir / "data" / "enhanced" / "journals" / "05_test_results_sample.jsonl"
    assert journal.read_text().count('"id":"memory|base"') == 1, "nothing higher, nothing to note"
