"""Planted contestants get the verdict they deserve; scores, slices and warnings say what happened."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import verdict_planted as planted
from hypothesis import given, settings
from hypothesis import strategies as st

from stepladder.core import options
from stepladder.core.records import LETTERS
from stepladder.verdict import comparing, memory, results, scoring


def verdict_of(skills: dict[str, Any], count: int = 600, permute: int = 1) -> dict[str, Any]:
    content = planted.results_of(planted.questions(count), skills, permute=permute)
    return content | {"row": content["comparisons"][0]}


# -- the four planted students ----------------------------------------------------------------------------------------

@pytest.mark.parametrize("permute", [1, 4])
def test_a_student_that_is_better_by_ten_points_is_better(permute: int) -> None:
    found = verdict_of({"base": planted.knows(0.55), "student": planted.knows(0.65)}, permute=permute)
    assert found["row"]["verdict"] == comparing.BETTER
    assert found["row"]["difference"]["value"] == pytest.approx(0.10, abs=0.035)
    assert found["row"]["n"] == 600, "permutations never multiply the questions"
    assert found["summary"]["headline"]["verdict"] == comparing.BETTER
    assert "student is better than base" in found["summary"]["verdicts"][0]


@pytest.mark.parametrize("seed", range(3))
def test_an_equal_student_shows_no_difference(seed: int) -> None:
    found = verdict_of({"base": planted.knows(0.6, seed=seed), "student": planted.knows(0.6, seed=seed + 50)})
    assert found["row"]["won"] > 50, "they answer differently, question by question"
    assert found["row"]["verdict"] == comparing.SAME
    assert "no difference seen" in found["summary"]["verdicts"][0]


def test_the_very_same_student_shows_no_difference() -> None:
    found = verdict_of({"base": planted.knows(0.6), "student": planted.knows(0.6)})["row"]
    assert (found["won"], found["lost"], found["p_value"]) == (0, 0, 1.0)
    assert found["verdict"] == comparing.SAME
    assert found["difference"]["low"] < 0 < found["difference"]["high"]


def test_a_student_that_answers_at_random_is_worse_than_a_knowing_base() -> None:
    found = verdict_of({"base": planted.knows(0.55), "student": "random"})
    assert found["row"]["verdict"] == comparing.WORSE
    accuracy = found["contestants"]["student"]["modes"]["reasoning"]["accuracy"]
    assert accuracy["low"] < 0.25 < accuracy["high"]


def test_a_student_that_always_says_c_is_worse_and_found_out() -> None:
    found = verdict_of({"base": planted.knows(0.55), "student": "C"}, permute=4)
    row = found["contestants"]["student"]["modes"]["reasoning"]
    assert found["row"]["verdict"] == comparing.WORSE
    assert row["accuracy"]["value"] == pytest.approx(0.25), "over four rotations the key is C exactly once"
    assert row["permuted"]["consistency"]["value"] == 0
    assert row["letters"]["favourite"] == "C"
    assert row["letters"]["accuracy_by_key"] == {"A": 0, "B": 0, "C": 1, "D": 0}
    assert any("student" in text and "says C to 100 %" in text for text in found["summary"]["warnings"])


def test_fifty_questions_cannot_show_four_points() -> None:
    found = verdict_of({"base": planted.knows(0.56), "student": planted.knows(0.60)}, count=50)
    assert found["row"]["verdict"] == comparing.SAME
    assert found["row"]["detectable_difference"] > 0.04
    assert any("only 50 questions" in text for text in found["summary"]["warnings"])


def test_equal_contestants_are_rarely_told_apart() -> None:
    wrong = 0
    for seed in range(40):
        records = planted.questions(200, seed)
        runs = {name: [float(planted.letter_of(skill, r, r, 0) == r["answer"]) for r in records]
                for name, skill in (("a", planted.knows(0.6, seed)), ("b", planted.knows(0.6, seed + 1_000)))}
        wrong += comparing.compare(runs["a"], runs["b"])["verdict"] != comparing.SAME
    assert wrong <= 2


def test_many_contestants_are_corrected_for_their_number() -> None:
    skills = {f"m{i}": planted.knows(0.5, seed=i) for i in range(8)}
    found = planted.results_of(planted.questions(150), skills)
    assert len(found["comparisons"]) == 28
    assert all(row["p_corrected"] >= row["p_value"] for row in found["comparisons"])
    assert {row["verdict"] for row in found["comparisons"]} == {comparing.SAME}


# -- scores -----------------------------------------------------------------------------------------------------------

def run(letter: str | None, rotation: int = 0, vote: int = 0, probabilities: list[float] | None = None) -> dict:
    return {"letter": letter, "shown": letter, "rotation": rotation, "vote": vote, "probabilities": probabilities,
            "ms": 1.0, "tokens": 3, "ended": "answer" if letter else "unparsed", "text": ""}


RECORD = {"id": "q", "question": "?", "choices": dict(zip(LETTERS, "wxyz", strict=True)), "answer": "B"}


def test_permutations_are_averaged_within_the_question() -> None:
    found = scoring.judge(RECORD, [run("B", 0), run("B", 1), run("A", 2), run(None, 3)])
    assert found["score"] == 0.5
    assert found["letter"] == "B"


def test_votes_decide_within_a_rotation() -> None:
    found = scoring.judge(RECORD, [run("B", 0, 0), run("A", 0, 1), run("B", 0, 2)])
    assert (found["score"], found["letter"], found["confidence"]) == (1.0, "B", pytest.approx(0.6667))


def test_unparsed_votes_do_not_count_while_a_letter_is_there() -> None:
    found = scoring.judge(RECORD, [run(None, 0, 0), run(None, 0, 1), run("B", 0, 2)])
    assert found["score"] == 1.0
    assert scoring.judge(RECORD, [run(None)]) | {"runs": None} == {
        "letter": None, "score": 0.0, "confidence": None, "runs": None}


def test_unparsed_is_a_number_of_its_own() -> None:
    row = scoring.table_row([RECORD, RECORD], [scoring.judge(RECORD, [run(letter)]) for letter in ("B", None)])
    assert (row["unparsed"], row["unparsed_runs"], row["accuracy_of_parsed_runs"]) == (1, 1, 1.0)
    assert row["accuracy"]["value"] == 0.5
    assert row["ended"] == {"answer": 1, "unparsed": 1}


@given(st.sampled_from(LETTERS), st.integers(0, 3))
def test_shown_letters_follow_the_rotation(original: str, by: int) -> None:
    shown, back = options.rotate(RECORD | {"answer": original}, by)
    assert scoring.shown_letter(original, by) == shown["answer"]
    assert back[shown["answer"]] == original


@settings(max_examples=30)
@given(st.lists(st.lists(st.sampled_from([*LETTERS, None]), min_size=4, max_size=4), min_size=1, max_size=12))
def test_table_rows_add_up(letters: list[list[str | None]]) -> None:
    answers = [scoring.judge(RECORD, [run(letter, rotation) for rotation, letter in enumerate(four)])
               for four in letters]
    row = scoring.table_row([RECORD] * len(letters), answers)
    assert row["runs"] == 4 * len(letters)
    assert sum(row["letters"]["said"].values()) == row["runs"] == sum(row["ended"].values())
    assert sum(row["letters"]["key"].values()) == row["runs"]
    same = sum(len(set(four)) == 1 and four[0] is not None for four in letters)
    assert row["permuted"]["consistency"]["value"] == pytest.approx(same / len(letters), abs=1e-6)


# -- slices, difficulty -----------------------------------------------------------------------------------------------

def test_slices_cover_every_question_once_and_are_corrected_together() -> None:
    records = planted.questions(120)
    content = planted.results_of(records, {"base": planted.knows(0.5), "student": planted.knows(0.6)})
    assert set(content["slices"]) == {"source", "domain", "length"}
    for rows in content["slices"].values():
        assert sum(row["n"] for row in rows) == 120
    domain = Counter(record["domain"] for record in records)
    assert {row["value"]: row["n"] for row in content["slices"]["domain"]} == dict(domain)
    rows = [row for kind in content["slices"].values() for row in kind]
    assert all(row["p_corrected"] >= row["p_value"] for row in rows)
    assert all(row["contestant"] == "student" for row in rows)


def test_a_gain_is_told_where_it_was_made() -> None:
    records = planted.questions(240)
    made, other = ([r for r in records if r["source"] == source] for source in ("made", "other"))
    skills = {"base": planted.knows(0.3), "student": planted.knows(0.9)}
    runs = planted.runs(made, skills) + planted.runs(other, dict.fromkeys(skills, skills["base"]))
    gained, not_gained = results.assemble(records, runs, {name: planted.about() for name in skills},
                                          ("reasoning",))["summary"]["by_source"]
    assert (gained["value"], gained["n"]) == ("made", 160)
    assert gained["difference"]["low"] > 0.4
    assert gained["sentence"].startswith("of 160 made questions ")
    assert not_gained["difference"]["value"] == 0
    assert not_gained["p_corrected"] == 1
    assert planted.results_of(made, skills)["summary"]["by_source"] == [], "one source says what all questions say"


def test_difficulty_that_predicts_failure_is_recognised() -> None:
    difficulties = [float(i % 10) for i in range(200)]
    scores = [float(d < 5) for d in difficulties]
    found = comparing.difficulty_against_accuracy(difficulties, scores)
    assert found["spearman"]["high"] < -0.5
    assert found["bands"][0]["accuracy"]["value"] == 1.0
    assert found["bands"][-1]["accuracy"]["value"] == 0.0
    assert sum(band["n"] for band in found["bands"]) == 200
    assert comparing.difficulty_against_accuracy([None, None], [1.0, 0.0]) is None


# -- memory -----------------------------------------------------------------------------------------------------------

def test_memory_of_the_process_is_the_peak_inside_the_block() -> None:
    with memory.PeakMemory() as peak:
        block = bytearray(150 * 2**20)
    size = len(block)
    del block
    assert peak.process_bytes > size


def test_device_memory_is_read_from_amd_and_nvidia(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for card, used in (("card0", 3_000), ("card1", 500)):
        (tmp_path / card / "device").mkdir(parents=True)
        (tmp_path / card / "device" / "mem_info_vram_used").write_text(f"{used}\n")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert memory.device_used_bytes(tmp_path) == 3_500
    assert memory.device_used_bytes(tmp_path / "none") is None
    tool = tmp_path / "nvidia-smi"
    tool.write_text("#!/bin/sh\necho 10\necho 20\n")
    tool.chmod(0o755)
    assert memory.device_used_bytes(tmp_path / "none") == 30 * 2**20
    with memory.PeakMemory(tmp_path) as peak:
        pass
    assert peak.device_bytes == 3_500 + 30 * 2**20
