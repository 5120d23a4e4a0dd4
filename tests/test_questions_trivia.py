"""Open questions get distractors of the answer's kind, never another name of it; all rows written for the tests."""

from __future__ import annotations

import pytest

from stepladder.core.records import problem
from stepladder.questions.domains import classify
from stepladder.questions.rows import Rejection, Row
from stepladder.questions.trivia.answers import Answer, shown
from stepladder.questions.trivia.distractors import convert
from stepladder.questions.trivia.kinds import kind_of


@pytest.mark.parametrize(
    ("question", "answer", "kind"),
    [
        ("Which country borders only Senegal?", "Gambia", "country"),
        ("Which French composer wrote Bolero?", "Maurice Ravel", "composer"),
        ("What is the capital of Kenya?", "Nairobi", "city"),
        ("In which year did the war end?", "1918", "year"),
        ("When was the bridge opened?", "1932", "year"),
        ("How many strings has a cello?", "4", "count"),
        ("Who painted The Hay Wain?", "John Constable", "painter"),
        ("Who wrote the novel Emma?", "Jane Austen", "writer"),
        ("What is the surname of the family in the play?", "Loman", "surname"),
        ("Which make of car is named after a goddess?", "Mazda", "car maker"),
        ("Which novel begins in a cave?", "Kim", "novel"),
        ("Who was the first king of Norway?", "Harald", "king"),
    ],
)
def test_kinds(question: str, answer: str, kind: str) -> None:
    assert kind_of(question, answer).name == kind


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("Name either of the two countries that border Haiti?", "Cuba"),
        ("Which two countries share the island?", "Haiti"),
        ("Which country and which city won?", "Peru"),
        ("What do bees make?", "honey"),
        ("To which group of primates does it belong?", "Lemurs"),
        ("Which Isle of Man school is old?", "King William's College"),
        ("Which country uses the lev?", "Sofia"),
        ("In which year was he born?", "a leap year"),
        ("Which radio station is at 98.9?", "KWJZ"),
        ("Who is she?", "Anna"),
    ],
)
def test_unclear_kinds_are_left_alone(question: str, answer: str) -> None:
    assert kind_of(question, answer) is None


@pytest.mark.parametrize(
    ("aliases", "canonical", "expected"),
    [
        (["Oslo", "oslo (city)"], True, "Oslo"),
        (["SUNSET STREET", "Sunset street", "Sunset Street"], True, "Sunset Street"),
        (
            ["Jordania", "Al Urdun", "Jordan", "Jordan (country)", "Hashemite Jordan", "JORDAN", "History of Jordan"],
            False,
            "Jordan",
        ),
        (["Oslo or Bergen"], True, None),
        (["a very long answer that explains itself at length"], True, None),
        (["\u6771\u4eac"], True, None),
    ],
)
def test_the_alias_shown(aliases: list[str], canonical: bool, expected: str | None) -> None:
    assert shown(aliases, canonical) == expected


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (["Mark Twain", "Samuel Clemens"], ["Sam Clemens", "Samuel Clemens"], True),
        (["Hills"], ["Red Hills"], True),
        (["The Tower"], ["tower"], True),
        (["Beyonc\u00e9"], ["Beyonce"], True),
        (["England"], ["United Kingdom"], True),
        (["Holland"], ["Netherlands"], True),
        (["Peru"], ["Chile"], False),
        (["George V"], ["George VI"], False),
    ],
)
def test_when_two_answers_may_be_the_same(one: list[str], other: list[str], same: bool) -> None:
    assert Answer(one[0], one).may_be(Answer(other[0], other)) is same
    assert Answer(other[0], other).may_be(Answer(one[0], one)) is same


def country(number: int, answer: str, *aliases: str, question: str = "Which country has river number {}?") -> Row:
    return Row(f"t/{number}", "triviaqa", question.format(number), aliases=[answer, *aliases])


COUNTRIES = ["Peru", "Chile", "Norway", "Sweden", "Kenya", "Uganda", "Japan", "Nepal", "Brazil", "Egypt"]


def test_distractors_are_other_answers_of_the_kind_and_no_names_of_the_key() -> None:
    rows = [country(number, name) for number, name in enumerate(COUNTRIES)]
    rows += [
        country(20, "Iran", "Persia"),
        country(21, "Holland", "Netherlands", "Peru"),
        country(22, "Chile", question="Which country lies between Peru and Norway, {}?"),
    ]
    records = {record["id"]: record for record in convert(rows, 999) if not isinstance(record, Rejection)}
    assert len(records) == len(rows)
    for row in rows:
        record = records[row.id]
        assert problem(record) is None
        assert record["choices"][record["answer"]] == row.aliases[0]
        others = set(record["choices"].values()) - {row.aliases[0]}
        assert others <= {*COUNTRIES, "Iran", "Holland"}
        assert not others & set(row.aliases)
    assert "Peru" not in records["t/21"]["choices"].values(), "an alias of the key"
    assert not {"Peru", "Norway"} & set(records["t/22"]["choices"].values()), "named in the question"


def test_two_names_of_one_thing_are_never_both_distractors() -> None:
    rows = [country(number, name) for number, name in enumerate(["Peru", "Chile", "Kenya", "Japan"])]
    rows += [
        country(10, "Iran", "Persia"),
        country(11, "Persia", "Iran"),
        country(12, "Holland"),
        country(13, "Netherlands"),
    ]
    for record in convert(rows, 999):
        assert isinstance(record, dict)
        shown_texts = set(record["choices"].values())
        assert not {"Iran", "Persia"} <= shown_texts
        assert not {"Holland", "Netherlands"} <= shown_texts


@pytest.mark.parametrize(("aliases", "expected"), [
    (["GEORGE VI", "George VI"], "George VI"), (["HENRY VIII"], "Henry VIII"), (["JOHN MCENROE"], "John McEnroe"),
    (["JOHN MCENROE", "John McEnroe", "Mcenroe"], "John McEnroe"), (["MAURICE O'BRIEN"], "Maurice O'Brien"),
    (["BATTLE OF HASTINGS", "Battle of Hastings"], "Battle of Hastings")])
def test_capitals_become_the_spelling_that_names_have(aliases: list[str], expected: str) -> None:
    assert shown(aliases, canonical=True) == expected


def test_a_short_number_in_the_question_is_its_answer_named() -> None:
    (found,) = convert([country(1, "55", question="How many miles is it, 55, 75 or 95?")], 999)
    assert isinstance(found, Rejection)
    assert found.reason == "the question names its answer"


def test_a_part_of_a_continent_is_kept_to() -> None:
    asked = country(1, "Bolivia", question="Which South American country has no coast?")
    rows = [asked, *(country(n, name) for n, name in enumerate(
        ["Canada", "Mexico", "Cuba", "Norway", "Japan", "Peru", "Chile", "Brazil"], 10))]
    record = next(one for one in convert(rows, 999) if not isinstance(one, Rejection) and one["id"] == "t/1")
    assert set(record["choices"].values()) == {"Bolivia", "Peru", "Chile", "Brazil"}


def test_too_few_of_a_kind_are_rejected_and_nothing_is_lost() -> None:
    rows = [country(number, name) for number, name in enumerate(["Peru", "Chile", "Kenya"])]
    found = list(convert(rows, 999))
    assert [item.reason for item in found] == ["no plausible wrong options"] * 3


def test_years_and_counts_get_near_numbers_in_the_same_writing() -> None:
    rows = [
        Row("y", "t", "In which year did it open?", aliases=["1932"]),
        Row("n", "t", "How many are there?", aliases=["12,500"]),
        Row("s", "t", "How many legs?", aliases=["0"]),
    ]
    year, many, few = convert(rows, 999)
    assert all(1915 < int(text) < 1950 for text in year["choices"].values())
    assert all("," in text for text in many["choices"].values())
    assert all(0 <= int(text) < 6 for text in few["choices"].values())
    assert all(len(set(record["choices"].values())) == 4 for record in (year, many, few))


def test_actresses_are_not_mixed_with_actors() -> None:
    women = ["Judi Dench", "Meryl Streep", "Helen Mirren", "Emma Stone", "Kate Winslet"]
    men = ["Peter Sellers", "Michael Caine", "David Niven", "James Dean", "Clint Eastwood"]
    rows = [
        Row(f"p{n}", "t", f"Who played the part of number {n}?", aliases=[name])
        for n, name in enumerate([*women, *men])
    ]
    for record in convert(rows, 999):
        side = women if record["choices"][record["answer"]] in women else men
        assert set(record["choices"].values()) <= set(side)


def test_options_do_not_depend_on_the_order_of_rows() -> None:
    rows = [country(number, name) for number, name in enumerate(COUNTRIES)]
    forth = {record["id"]: record for record in convert(rows, 999)}
    back = {record["id"]: record for record in convert(rows[::-1], 999)}
    assert forth == back


def test_the_classifier_tells_domains_apart_and_says_how_well() -> None:
    def record(number: int, text: str, domain: str | None) -> dict:
        return {
            "id": f"c{number}",
            "question": text,
            "choices": dict(zip("ABCD", "wxyz", strict=True)),
            "answer": "A",
            "source": "made",
            "subject": None,
            "domain": domain,
        }

    law = [record(n, f"May the court void contract {n} of the plaintiff?", "Law") for n in range(30)]
    physics = [
        record(100 + n, f"What force moves the mass number {n} with this velocity?", "Physics") for n in range(30)
    ]
    unknown = [
        record(200, "Which force gives the mass its velocity?", None),
        record(201, "Did the court hear the plaintiff?", None),
    ]
    report = classify([*law, *physics, *unknown], [])
    assert [item["domain"] for item in unknown] == ["Physics", "Law"]
    assert report["classified"] == 2
    assert report["accuracy"]["all"] > 0.8
