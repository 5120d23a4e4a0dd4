"""Stage 03 as the user runs it, with a scripted assessor: ratings, fallbacks, resume, reuse, bad input."""

from __future__ import annotations

import importlib
import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from fakes import ScriptedBackend

from stepladder.core.errors import InputError, Interrupted
from stepladder.core.interrupts import stop_flag
from stepladder.curriculum import models
from stepladder.curriculum.ratings import RATINGS
from stepladder.engine.requests import Completion, EngineError, Request

SCRIPT = Path(__file__).resolve().parents[1] / "scripts" / "03_create_curriculum_phi4.py"
stage = importlib.import_module("03_create_curriculum_phi4")


def question(number: int) -> dict:
    return {"id": f"q{number}", "question": f"What is {number} + {number}?", "source": "sums",
            "choices": {"A": str(2 * number), "B": "no", "C": "yes", "D": "maybe"}, "answer": "A",
            "domain": ("Arithmetic", "Mathematics", "Law")[number % 3],
            "chain_of_thought": f"{2 * number}.\nAnswer: A" if number % 5 else None,
            "cot": {"status": "verified" if number % 5 else "failed", "attempts": 1 + number % 2}}


def by_number(request: Request) -> dict[str, float] | None:
    """Question 0 is rated 1, question 39 nearly 10."""
    place = 1 + 9 * int(re.match(r"q(\d+)", request.id)[1]) / 40
    low = int(place)
    return {**dict.fromkeys(RATINGS, 0.0), str(low): low + 1 - place, str(low + 1): place - low}


class Assessor(ScriptedBackend):
    """Gives ratings the probabilities of `rate`, or writes `text`."""

    def __init__(self, rate: Callable[[Request], dict[str, float] | None],
                 text: Callable[[Request], str] = lambda request: "hm", **options: object) -> None:
        def reply(request: Request) -> Completion:
            if request.id == "ten":
                found = {"1": 0.1, "10": 0.9}
            elif " A" in request.choices:
                found = {" A": 0.4, " B": 0.1, " C": 0.1, " D": 0.1}
            else:
                found = rate(request) if request.choices else None
            return Completion(request.id, "" if request.choices else text(request), 5, 0, "length", found)

        super().__init__(reply, **options)


@pytest.fixture
def workdir(tmp_path: Path) -> Path:
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "tiny.gguf").write_bytes(b"weights")
    entry = {"name": "tiny", "gguf": "models/tiny.gguf", "transformers": None}
    write(tmp_path, "models", {"assessor": entry, "student": entry})
    write(tmp_path, "cot_enhanced", [question(number) for number in range(40)])
    return tmp_path


@pytest.fixture
def assess(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[Assessor]]:
    """Make every model that the stage opens an `Assessor`; the list of those opened is returned."""

    def install(rate: Callable[[Request], dict[str, float] | None] = by_number, **options: object) -> list[Assessor]:
        opened: list[Assessor] = []

        def open_model(model: models.Model, engine: object) -> Assessor:
            opened.append(Assessor(rate, **options))
            return opened[-1]

        monkeypatch.setattr(models, "open_model", open_model)
        return opened

    return install


def write(workdir: Path, name: str, content: object) -> None:
    path = workdir / "data" / "enhanced" / f"{name}_sample.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), "utf-8")


def read(workdir: Path, name: str = "curriculum_ordered_sample.json") -> list | dict:
    return json.loads((workdir / "data" / "enhanced" / name).read_text("utf-8"))


def counts(workdir: Path) -> dict:
    return read(workdir, "curriculum_ordered_sample.meta.json")["counts"]


def go(workdir: Path, *flags: str) -> int:
    args = stage.build_parser().parse_args(["--profile", "laptop", "--workdir", str(workdir), "--rating-prompts",
                                              "difficulty", "steps", *flags])
    return stage.run(args)


def test_rated_and_ordered(workdir: Path, assess: Callable, capsys: pytest.CaptureFixture) -> None:
    assess()
    assert go(workdir) == 0
    records = read(workdir)
    assert sorted(record["id"] for record in records) == sorted(f"q{number}" for number in range(40))
    assert [record["position"] for record in records] == list(range(40))
    trained = Counter(record["level"] for record in records if record["chain_of_thought"])
    assert trained == {"easy": 10, "medium": 16, "hard": 6}, "30/50/20 of the 32 with reasoning"
    assert {record["difficulty_by"] for record in records} == {"tiny"}
    climbed = sorted(records, key=lambda record: record["difficulty"])
    assert [record["id"] for record in climbed] == [f"q{number}" for number in range(40)]
    first = climbed[0]
    assert first["difficulty_raw"] == first["signals"]["assessor"] == 1.0
    assert first["signals"]["teacher"] == 1.0
    assert first["chain_of_thought"] is None
    assert first["rating"]["by_prompt"] == {"difficulty": 1.0, "steps": 1.0}
    told = counts(workdir)
    assert told["levels_with_reasoning"] == trained
    assert sum(told["levels"].values()) == 40
    assert "40 records, 32 with reasoning: 10 easy, 16 medium, 6 hard" in capsys.readouterr().out
    assert told["easiest"][0]["id"] == "q0"
    assert told["hardest"][0]["id"] == "q39"
    assert any(row["one"] == "assessor" and row["other"] == "heuristic" for row in told["correlations"])
    assert told["warnings"] == []
    assert not list((workdir / "data" / "enhanced").glob("*.jsonl"))
    assert go(workdir) == 0
    assert "already done" in capsys.readouterr().out


def test_the_order_of_input_and_batch_changes_nothing(workdir: Path, assess: Callable) -> None:
    assess()
    go(workdir)
    first = read(workdir)
    write(workdir, "cot_enhanced", [question(number) for number in reversed(range(40))])
    assess(reverse=True, sequences=7)
    go(workdir, "--force")
    assert read(workdir) == first


@pytest.mark.parametrize(("rate", "text", "says"), [
    (lambda request: {**dict.fromkeys(RATINGS, 0.0), "5": 0.9}, "", "alike"),
    (lambda request: dict.fromkeys(RATINGS, float("nan")), "", "0 of 40"),
    (lambda request: None, "What a lovely question!", "0 of 40"),
    (lambda request: dict.fromkeys(RATINGS, 1e-9), "5", "alike"),
])  # fmt: skip
def test_a_nonsense_rater_ends_in_the_heuristic_and_says_so(
        workdir: Path, assess: Callable, capsys: pytest.CaptureFixture, rate: Callable, text: str, says: str) -> None:
    assess(rate, text=lambda request: text)
    assert go(workdir) == 0
    told = capsys.readouterr().out
    assert "WARNING" in told
    assert says in told
    assert "HEURISTIC ORDERS ALL 40" in told
    records = read(workdir)
    assert {record["difficulty_by"] for record in records} == {"heuristic"}
    assert all(record["difficulty_raw"] == record["signals"]["heuristic"] for record in records)
    assert len(records) == 40
    assert len(counts(workdir)["warnings"]) == 2


def test_some_unreadable_ratings_are_placed_by_the_heuristic(workdir: Path, assess: Callable) -> None:
    assess(lambda request: None if request.id.startswith("q7#") else by_number(request))
    go(workdir)
    by = {record["id"]: record["difficulty_by"] for record in read(workdir)}
    assert by.pop("q7") == "heuristic"
    assert set(by.values()) == {"tiny"}
    assert counts(workdir)["assessor"]["parse_rate"] == 0.0
    assert "1 of 40" in counts(workdir)["warnings"][0]


def test_text_ratings_serve_where_there_are_no_probabilities(workdir: Path, assess: Callable) -> None:
    assess(lambda request: None, text=lambda request: f"{1 + int(request.id[1:].split('#')[0]) // 5} of 10")
    go(workdir)
    records = read(workdir)
    assert {record["difficulty_by"] for record in records} == {"tiny"}
    assert {record["rating"]["read"] for record in records} == {"text"}
    assert counts(workdir)["assessor"]["parse_rate"] == 1.0


def test_without_an_assessor(workdir: Path, capsys: pytest.CaptureFixture) -> None:
    write(workdir, "models", {"teacher": None})
    assert go(workdir) == 0
    assert "no assessor" in capsys.readouterr().out
    assert {record["difficulty_by"] for record in read(workdir)} == {"heuristic"}


def test_an_assessor_that_cannot_be_opened(workdir: Path, monkeypatch: pytest.MonkeyPatch,
                                           capsys: pytest.CaptureFixture) -> None:
    def refuse(model: models.Model, engine: object) -> None:
        raise EngineError("not enough memory for tiny.gguf")

    monkeypatch.setattr(models, "open_model", refuse)
    assert go(workdir) == 0
    assert "not enough memory" in capsys.readouterr().out
    assert {record["difficulty_by"] for record in read(workdir)} == {"heuristic"}


def test_interrupted_and_resumed(workdir: Path, assess: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    assess()
    go(workdir)
    whole = (workdir / "data/enhanced/curriculum_ordered_sample.json").read_bytes()
    for pattern in ("curriculum_ordered*", "journals/*"):
        for path in (workdir / "data/enhanced").glob(pattern):
            path.unlink()

    def stop_at_20(request: Request) -> dict[str, float]:
        stop_flag.requested = request.id.startswith("q20#") or stop_flag.requested
        return by_number(request)

    assess(stop_at_20)
    try:
        with pytest.raises(Interrupted):
            go(workdir)
    finally:
        stop_flag.requested = False
    journal = workdir / "data/enhanced/journals/03_assessor_sample.jsonl"
    kept = journal.read_bytes()
    assert 10 < kept.count(b"\n") < 40
    journal.write_bytes(kept + b'{"id": "q3')  # torn by a kill
    opened = assess()
    go(workdir)
    assert (workdir / "data/enhanced/curriculum_ordered_sample.json").read_bytes() == whole
    asked = {call.id.split("#")[0] for call in opened[0].calls} - {"ten"}
    assert len(asked) == 40 - kept.count(b"\n")


def test_the_file_climbs_and_an_edited_question_is_rated_alone(workdir: Path, assess: Callable) -> None:
    opened = assess()
    go(workdir)
    assert len(opened) == 1
    difficulties = [record["difficulty"] for record in read(workdir)]
    assert difficulties == sorted(difficulties)
    assert [record["position"] for record in read(workdir)] == list(range(40))
    changed = [question(number) for number in range(40)]
    changed[4]["question"] += " Really?"
    write(workdir, "cot_enhanced", changed)
    go(workdir)
    assert {call.id for call in opened[1].calls} == {"ten", "q4#difficulty", "q4#steps"}
    go(workdir, "--rating-prompts", "steps")
    assert len(opened[2].calls) == 41, "other prompts are other ratings"


@pytest.mark.parametrize("signal", ["student", "teacher", "blend"])
def test_other_signals_order_when_asked(workdir: Path, assess: Callable, signal: str) -> None:
    opened = assess()
    go(workdir, "--difficulty", signal)
    records = read(workdir)
    assert {record["difficulty_by"] for record in records} == {signal}
    assert len(opened) == 1, "one model serves as assessor and student"
    if signal == "student":
        assert records[0]["signals"]["student"] == pytest.approx(1 - 0.25, abs=1e-6)


def test_the_heuristic_needs_no_model(workdir: Path, assess: Callable) -> None:
    opened = assess()
    (workdir / "data/enhanced/models_sample.json").unlink()
    go(workdir, "--difficulty", "heuristic")
    assert not opened
    assert counts(workdir)["warnings"] == []
    with pytest.raises(InputError, match="01_download"):
        go(workdir, "--difficulty", "assessor")


def test_malformed_records_are_kept_apart(workdir: Path, assess: Callable) -> None:
    assess()
    write(workdir, "cot_enhanced", [question(1), {"id": "bad"}, question(1), question(2)])
    go(workdir)
    assert len(read(workdir)) == 2
    assert [item["reason"] for item in read(workdir, "curriculum_ordered_rejected_sample.json")] == [
        "no question", "repeated id"]


@pytest.mark.parametrize("content", [[], {}, [{"id": "bad"}]])
def test_bad_input_is_refused(workdir: Path, content: object) -> None:
    write(workdir, "cot_enhanced", content)
    with pytest.raises(InputError):
        go(workdir)


def test_one_record(workdir: Path, assess: Callable) -> None:
    assess()
    go(workdir, "--limit", "1")
    found = json.loads((workdir / "data/enhanced/curriculum_ordered_sample.limit1.json").read_text())
    assert [(r["level"], r["position"]) for r in found] == [("medium", 0)]


def test_a_variant_ranks_by_a_signal_of_its_own_and_shares_the_ratings(workdir: Path, assess: Callable) -> None:
    opened = assess()
    go(workdir)
    whole = (workdir / "data/enhanced/curriculum_ordered_sample.json").read_bytes()
    go(workdir, "--variant", "teachers", "--difficulty", "teacher")
    assert len(opened) == 1, "the main run's ratings serve the variant"
    own = read(workdir, "curriculum_ordered_sample.teachers.json")
    assert {record["difficulty_by"] for record in own} == {"teacher"}
    assert read(workdir, "curriculum_ordered_rejected_sample.teachers.json") == []
    assert (workdir / "data/enhanced/curriculum_ordered_sample.json").read_bytes() == whole
    assert not (workdir / "data/enhanced/aside").exists()


def test_the_order_says_where_it_went(workdir: Path) -> None:
    run = subprocess.run([sys.executable, str(SCRIPT), "--profile", "laptop", "--workdir", str(workdir), "--order",
                          "random"], capture_output=True, text=True, check=False)
    assert run.returncode == 2
    assert run.stderr == ("03_create_curriculum_phi4.py: settings: curriculum.order: the order is stage 04's now: "
                          "04_train_qwen3_235b.py --order, or order under [training]\n")


def test_plan_and_help_need_nothing(tmp_path: Path) -> None:
    run = subprocess.run([sys.executable, str(SCRIPT), "--profile", "mi300x", "--workdir", str(tmp_path), "--plan"],
                         capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert "50,000 records" in run.stdout
    assert "(computed)" in run.stdout
    missing = subprocess.run([sys.executable, str(SCRIPT), "--profile", "laptop", "--workdir", str(tmp_path)],
                             capture_output=True, text=True, check=False)
    assert missing.returncode == 2
    assert "01_download" in missing.stderr


def asked(opened: list[Assessor]) -> set[str]:
    return {call.id.split("#")[0] for backend in opened for call in backend.calls} - {"ten"}


def test_ratings_serve_every_run_that_asks_for_the_same(workdir: Path, assess: Callable) -> None:
    opened = assess()
    go(workdir, "--limit", "10")
    assert asked(opened) == {f"q{number}" for number in range(10)}
    opened = assess()
    go(workdir)
    assert asked(opened) == {f"q{number}" for number in range(10, 40)}, "what the peek rated is rated"
    whole = (workdir / "data/enhanced/curriculum_ordered_sample.json").read_bytes()
    opened = assess()
    go(workdir, "--rating-prompts", "steps")
    assert len(asked(opened)) == 40
    for flags in (["--seed", "3"], ["--output", str(workdir / "control.json")], ["--rating-prompts", "steps"], []):
        opened = assess()
        go(workdir, *flags)
        assert asked(opened) == set(), flags
    assert (workdir / "data/enhanced/curriculum_ordered_sample.json").read_bytes() == whole
    edited = [question(number) | ({"chain_of_thought": "Another way.\nAnswer: A"} if number == 7 else {})
              for number in range(40)]
    write(workdir, "cot_enhanced", edited)
    opened = assess()
    go(workdir)
    assert asked(opened) == {"q7"}


def test_the_students_probability_does_not_depend_on_the_reasoning(workdir: Path, assess: Callable) -> None:
    assess()
    go(workdir, "--student-signal")
    write(workdir, "cot_enhanced", [question(number) | {"chain_of_thought": f"New {number}.\nAnswer: A"}
                                    for number in range(40)])
    opened = assess()
    go(workdir, "--student-signal")
    assert {call.id.partition("#")[2] for backend in opened for call in backend.calls} == {"", "difficulty", "steps"}


def test_a_killed_rating_survives_a_peek_with_other_flags(workdir: Path, assess: Callable) -> None:
    def breaks(request: Request) -> dict[str, float] | None:
        if request.id.startswith("q20#"):
            raise KeyboardInterrupt
        return by_number(request)

    assess(breaks, sequences=1)
    with pytest.raises(KeyboardInterrupt):
        go(workdir)
    assess()
    go(workdir, "--limit", "3", "--rating-prompts", "steps")
    opened = assess()
    go(workdir)
    assert asked(opened) == {f"q{number}" for number in range(20, 40)}


def test_a_peek_reads_what_a_run_of_the_same_limit_wrote(workdir: Path, assess: Callable,
                                                         capsys: pytest.CaptureFixture[str]) -> None:
    assess()
    write(workdir, "cot_enhanced", [question(number) for number in range(40)])
    (workdir / "data/enhanced/cot_enhanced_sample.limit2.json").write_text(json.dumps([question(30), question(31)]))
    go(workdir, "--limit", "2")
    assert {r["id"] for r in read(workdir, "curriculum_ordered_sample.limit2.json")} == {"q30", "q31"}
    go(workdir, "--limit", "3")
    assert {r["id"] for r in read(workdir, "curriculum_ordered_sample.limit3.json")} == {"q0", "q1", "q2"}
    assert not (workdir / "data/enhanced/curriculum_ordered_sample.json").exists()
    (workdir / "data/enhanced/cot_enhanced_sample.json").unlink()
    with pytest.raises(InputError, match="made with --limit 2: give that here too"):
        go(workdir)
