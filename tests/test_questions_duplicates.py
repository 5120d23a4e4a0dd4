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


@pytest.mark.parametrize(("one", "other"), [
    ("Which offspring come of BB x Bb?", "Which offspring come of Bb x bb?"),
    ("Which offspring come of BB x BB?", "Which offspring come of BB x bb?"),
    ("Is Co a metal?", "Is CO a metal?")])
@pytest.mark.parametrize("key", ["right", "x"])
def test_case_distinguishes_symbols(one: str, other: str, key: str) -> None:
    others = " ".join(sorted({"right", "x", "y", "z"} - {key}))
    grouping = compare([record("a", one, "right", "x y z"), record("b", other, key, others)], 0.6)
    assert grouping.removed == [], "neither a repeat nor a contradiction"


@pytest.mark.parametrize("template", [
    "Which of the following is a {}?", "What is the capital of {}?", "Who discovered {}?",
    "What is the official language spoken in {}?", "Which of these is the best known example of a famous {}?"])
def test_a_template_is_no_group(template: str) -> None:
    things = ["virtue", "consumer", "quartz", "omelette", "harbour", "Brazil", "Norway", "sonnet"]
    records = [record(str(n), template.format(thing), f"key{n}", "x y z") for n, thing in enumerate(things)]
    assert len(set(compare(records, 0.6).group)) == len(things)


@pytest.mark.parametrize(("one", "other", "key"), [
    ("What is the largest planet of the solar system?", "What is the biggest planet of the solar system?", "right"),
    ("Which of the following is a virtue?", "Which of these is a virtue?", "x"),
    ("Ann has three red cats, two old dogs, one grey parrot and a blue fish. How many has she?",
     "Ann has three red cats, two old dogs, one grey parrot and a blue fish. What does the smallest eat?", "x")])
def test_paraphrases_and_questions_on_one_passage_stay_together(one: str, other: str, key: str) -> None:
    assert len(set(compare([record("a", one), record("b", other, key, "p q r")], 0.6).group)) == 1


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
    records = [record(str(n), text, str(n % 600)) for n, text in enumerate(originals + changed)]
    group = compare(records, 0.6).group
    assert sum(group[n] == group[600 + n] for n in range(600)) >= 595
    assert len(set(group)) >= 600
