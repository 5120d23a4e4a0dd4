"""The one notion of the same question: for duplicates, for splits, and for what training has seen of a test."""

from __future__ import annotations

from typing import Any

import pytest
import verdict_planted as planted

from stepladder.core import options
from stepladder.core.records import LETTERS
from stepladder.core.same import Look, seen_in
from stepladder.puzzles import KINDS, stream, to_record


def question(text: str, key: str = "right", **more: Any) -> dict[str, Any]:
    return {"id": text[:40], "question": text, "answer": "A",
            "choices": dict(zip(LETTERS, (key, "x", "y", "z"), strict=True)), **more}


def changed(record: dict, **fields: Any) -> dict:
    return {**record, "id": record["id"] + "/copy", **fields}


@pytest.mark.parametrize(("one", "other", "same"), [
    ("Which planet of our solar system is the largest?", "The largest planet of our solar system is which?", True),
    ("Which metal is liquid at room temperature?", "Which metal is not liquid at room temperature?", False),
    ("Which metal is liquid at room temperature?", "Which metal isn't liquid at room temperature?", False),
    ("Which metals conduct current well?", "Which metals never conduct current well?", False),
    ("All of these metals conduct current well except which?", "Which of these metals conduct current well?", False),
    ("How much is 15 percent of 80 apples?", "How much is 15 percent of 60 apples?", False),
    ("What is on the national flag of Iceland?", "What is on the national flag of Switzerland?", False),
    ("What is on the national flag of Iceland?", "What is on the national flag of Icelands?", True),
])  # fmt: skip
def test_numbers_negations_and_names_make_another_question(one: str, other: str, same: bool) -> None:
    why = Look.of(question(one)).repeats(Look.of(question(other)))
    assert (why is not None) == same, why


def test_a_test_question_is_found_in_training_in_every_disguise() -> None:
    test = planted.questions(30, seed=1)
    training = planted.questions(300, seed=2)
    assert seen_in(test, training) == []
    rotated, _ = options.rotate(test[0], 1)
    long = changed(test[3], question=" ".join([test[3]["question"], *planted.WORDS, *planted.DOMAINS]))
    test[3] = {**long, "id": "long"}
    training += [changed(rotated), changed(test[1], question=test[1]["question"].upper() + "!"), dict(test[2]),
                 changed(long, question=long["question"].replace("Biology", "Biologie"))]
    rows = {seen.record["id"]: seen for seen in seen_in(test, training)}
    assert list(rows) == [test[0]["id"], test[1]["id"], test[2]["id"], "long"]
    assert [rows[test[i]["id"]].why for i in range(3)] == ["exact duplicate"] * 3
    assert rows["long"].why == "near duplicate"
    assert 0.6 <= rows["long"].similarity < 1
    assert rows["long"].known["id"].endswith("/copy")


def test_another_answer_to_the_same_question_contradicts() -> None:
    first = planted.questions(1)[0]
    other = next(letter for letter in LETTERS if letter != first["answer"])
    assert seen_in([first], [changed(first, answer=other)])[0].why == "contradicting key"


def test_a_repeated_id_is_seen() -> None:
    first, second = planted.questions(2)
    assert seen_in([first], [{**second, "id": first["id"]}])[0].why == "same id"


def test_nothing_is_seen_in_nothing() -> None:
    assert seen_in([], planted.questions(3)) == []
    assert seen_in(planted.questions(3), []) == []


@pytest.mark.parametrize("kind", KINDS)
def test_puzzles_are_the_same_by_structure_alone(kind: str) -> None:
    """Different structures are different questions however alike in wording; the same one is seen under any names."""
    records = [to_record(puzzle) for puzzle in stream(440, 3, [kind], (1, 6))]
    assert seen_in(records[:60], records[60:]) == []
    renamed = {**records[0], "id": "other", "question": "Quite other words?"}
    assert [(seen.record["id"], seen.why) for seen in seen_in([records[0]], [*records[60:], renamed])] == [
        (records[0]["id"], "same puzzle")]


def test_a_puzzle_among_texts_is_not_compared_with_them() -> None:
    puzzle = to_record(next(stream(1, 3)))
    text = {key: value for key, value in puzzle.items() if key != "puzzle"} | {"id": "text"}
    assert seen_in([puzzle], [text]) == []
    assert seen_in([text], [text | {"id": "again"}])[0].why == "exact duplicate"
