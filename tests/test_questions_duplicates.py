"""Near duplicates: what repeats, what only resembles, and that nothing alike stands on two sides."""

from __future__ import annotations

import random

import pytest

from stepladder.questions.duplicates import compare


def record(identity: str, question: str, key: str = "right", others: str = "x y z", **more) -> dict:
    texts = [key, *others.split()]
    return {
        "id": identity,
        "question": question,
        "choices": dict(zip("ABCD", texts, strict=True)),
        "answer": "A",
        **more,
    }


def verdict(first: dict, second: dict) -> str:
    grouping = compare([first, second], 0.6)
    if grouping.removed:
        return grouping.removed[0].reason
    return "together" if grouping.group[0] == grouping.group[1] else "apart"


WORDY = "What is the name of the largest planet in our solar system?"


@pytest.mark.parametrize(
    ("question", "key", "others", "expected"),
    [
        (WORDY, "right", "z y x", "exact duplicate"),
        (WORDY, "wrong", "right y z", "together"),
        ("Largest planet of our solar system: what is it called?", "right", "p q r", "near duplicate"),
        (WORDY.upper() + " ", "right", "p q r", "same question with other options"),
        (WORDY, "other", "p q r", "together"),
        ("What is the name of the smallest planet in our solar system?", "right", "x y z", "together"),
        ("What is the chemical symbol of the element gold?", "right", "x y z", "apart"),
    ],
)
def test_pairs(question: str, key: str, others: str, expected: str) -> None:
    assert verdict(record("a", WORDY), record("b", question, key, others)) == expected


def test_same_options_and_another_key_contradict() -> None:
    first = record("a", WORDY)
    assert verdict(first, {**first, "id": "b", "answer": "B"}) == "contradicting key"


def test_case_distinguishes_options() -> None:
    first = record("a", "Which cross gives these offspring?", "BBBb", "BBbb Bbbb bbbb")
    assert verdict(first, record("b", "Which cross gives these offspring?", "Bbbb", "BBBb BBBB bbbb")) == "together"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("What share is 15 of 80 apples?", "What share is 15 of 60 apples?"),
        ("What design is on the national flag of Iceland?", "What design is on the national flag of Switzerland?"),
    ],
)
def test_templates_with_another_number_or_thing_are_kept_together_not_dropped(one: str, other: str) -> None:
    assert verdict(record("a", one), record("b", other)) in ("together", "apart")


def test_two_questions_on_one_passage_stay_both_and_together() -> None:
    passage = (
        "A merchant of Venice travelled east with seven camels and a chest of glass, and came home after nine years. "
        * 2
    )
    assert (
        verdict(
            record("a", f"{passage}\nHow did he travel?", "by camel"),
            record("b", f"{passage}\nWhat did he carry?", "glass"),
        )
        == "together"
    )
    assert (
        verdict(
            record("a", f"{passage}\nHow did he travel?", "yes"),
            record("b", f"{passage}\nWas his chest heavy, light or empty?", "yes"),
        )
        == "together"
    )


def test_puzzles_are_compared_by_structure_alone() -> None:
    text = "Ann, Bo and Cy sit in a row. Ann sits left of Bo. Who sits in the middle?"
    first, second = (record(name, text, puzzle={"structure": form}) for name, form in (("a", "1"), ("b", "2")))
    assert verdict(first, second) == "apart"
    assert (
        verdict(first, {**second, "question": "Other words entirely?", "puzzle": {"structure": "1"}}) == "same puzzle"
    )


def test_the_preferred_one_stays() -> None:
    records = [record("a", WORDY), record("b", WORDY)]
    assert compare(records, 0.6, rank=lambda index: -index).removed[0].index == 0


def test_every_close_pair_among_many_is_found() -> None:
    rng = random.Random(1)
    words = [f"word{n}" for n in range(4_000)]
    originals = [" ".join(rng.sample(words, 14)) for _ in range(600)]
    changed = [" ".join([*rng.sample(text.split(), 14)[:12], f"new{n}"]) for n, text in enumerate(originals)]
    records = [record(str(n), text, str(n)) for n, text in enumerate(originals + changed)]
    group = compare(records, 0.6).group
    assert sum(group[n] == group[600 + n] for n in range(600)) >= 595
    assert len(set(group)) >= 600
