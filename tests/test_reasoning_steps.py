"""What a reasoning says of its own, where its numbers lead, and how good it is."""

from __future__ import annotations

import pytest

from stepladder.core.records import LETTERS
from stepladder.engine import extract, prompts
from stepladder.puzzles import stream, to_record
from stepladder.reasoning import quality, verify
from stepladder.reasoning.attempts import Attempt
from stepladder.reasoning.conclusion import grounded, leads_astray, number_of
from stepladder.reasoning.steps import Steps
from stepladder.reasoning.sums import stated

QUESTION = "A shop sells pens at 3 for 2 dollars. How many dollars do 9 pens cost?"
CHOICES = {"A": "6", "B": "18", "C": "3", "D": "27"}
RECORD = {"id": "q", "question": QUESTION, "choices": CHOICES, "answer": "A"}
CHECKED = "A. 6 yes\nB. 18 no\nC. 3 no\nD. 27 no"
EXAMPLE = prompts.VARIANTS["options"].example[1]


def steps(body: str, question: str = QUESTION, choices: dict[str, str] | None = None) -> Steps:
    return Steps.of(body, question, choices or CHOICES)


@pytest.mark.parametrize(("body", "lack"), [
    (f"9 / 3 = 3. 3 x 2 = 6.\n{CHECKED}", None), ("Nine pens are three packs of two dollars each.", None),
    ("Paris lies on the Seine.", None),
    ("Warm air rises above colder layers.", None), ("47 - 19 = 28. 28 + 14 = 42.", "foreign steps"),
    ("47 - 19 = 28 pens. 28 + 14 = 42.", None), ("47 - 18 = 29. 29 + 14 = 43.", None),
    ("47 - 19 = 28, nine each.", None), ("So 6.", "no step"),
    (CHECKED, "no step"), ("The correct answer is A, because it is the right one.", "no step"),
    ("A is correct. The other options are wrong.", "no step"), (f"The best option is 6.\n{CHECKED}", "no step"),
    ("A. 6\nB. 18\nC. 3\nD. 27", "copied options"), (QUESTION, "copied options"),
    (f"{QUESTION}\n{CHECKED}", "copied options"), ("How many dollars do 9 pens cost?\nA. 6", "copied options"),
    (EXAMPLE.partition("\n")[0], "copied options"),
])
def test_what_is_lacking(body: str, lack: str | None) -> None:
    assert steps(body).lack == lack


def test_sentences_by_kind() -> None:
    found = steps(f"How many dollars do 9 pens cost? 9 / 3 = 3 packs.\nThe answer is 6.\n{CHECKED}")
    assert found.own == ("9 / 3 = 3 packs.",)
    assert found.copied == ("How many dollars do 9 pens cost?",)
    assert found.asserted == ("The answer is 6.",)
    assert found.checked == frozenset("ABCD")
    assert found.own_share == pytest.approx(6 / (6 + 7 + 4))
    assert found.share_of("3 packs of pens") == 0.5


def test_an_option_told_with_a_slip_is_a_copy() -> None:
    choices = {"A": "Sparing her feelings", "B": "Asking for it", "C": "Showing delight", "D": "Starting a quarrel"}
    assert steps("A. Sparking her feelings\nB. Asking for it", "What does he do?", choices).lack == "copied options"
    assert steps("A. He spares her feelings, as the cake is burnt", "What does he do?", choices).lack is None


def test_steps_in_letters_are_not_foreign() -> None:
    choices = {"A": "FS", "B": "HS", "C": "HT", "D": "FT"}
    body = "Each letter is 4 places before the last one. L - 4 = H. Q + 3 = T, 2 of them, so HT."
    assert steps(body, "A series begins XH, TK, PN, LQ. What is the next block?", choices).lack is None


def test_words_that_an_option_shares_are_steps() -> None:
    choices = {"A": "South", "B": "North", "C": "East", "D": "West"}
    question = "He walks west, then turns right, then right."
    assert steps("West; right: north. Right: east.", question, choices).lack is None


@pytest.mark.parametrize(("text", "value"), [
    ("28 metres", 28), ("$4.50", 4.5), ("1,200", 1200), ("-3", -3), ("60%", 0.6), ("7 hours 50 minutes", None),
    ("12:30", None), ("3x", None), ("north", None), ("the third", None), ("3 + 4", None), ("45, 4", None)])
def test_options_that_are_numbers(text: str, value: float | None) -> None:
    found = number_of(text)
    assert (found and float(found.value)) == value


def astray(body: str, letter: str, question: str = QUESTION, choices: dict[str, str] | None = None) -> bool:
    own = steps(body, question, choices).own
    return leads_astray(own, stated(body, question), question, choices or CHOICES, letter)


@pytest.mark.parametrize(("body", "letter", "expected"), [
    ("9 / 3 = 3. 3 x 2 = 6.", "A", False), ("9 / 3 = 3. 9 x 2 = 18 dollars.", "A", True),
    ("9 / 3 = 3. 9 x 3 = 27.", "B", True), ("4 x 5 = 20.", "A", False),
    ("9 x 2 = 18. Wrong way: it is 6.", "A", False), ("9 / 3 = 3. 3 x 2 = 6. Check: 6 / 2 = 3.", "A", False),
    ("12 / 2 = six dollars", "A", False), ("9 pens cost 18 dollars, a third of which is six. 3 x 6 = 18.", "A", False),
    ("Each pen is dear. Three pens and two pens are 18 dollars.", "A", False), ("The price is 18.", "A", False),
    ("9 x 2 = 18, then a third of it", "A", False), ("9 x 2 = 18, then / 3", "A", False), ("9 x 2 = 18!", "A", False),
    ("So 9 x 2 = 18 dollars (for certain).", "A", False), ("9 x 2 = 18 thirded", "A", False),
    ("9 x 2 = 18 pens", "A", True), ("9 x 2 = 18 hours.", "A", True),
    ("A third of 18; check: 9 x 2 = 18.", "A", False), ("It is a third, as 9 x 2 = 18.", "A", False),
    ("As 9 / 3 = 3, it is 9 x 2 = 18.", "A", True), ("", "A", False),
])
def test_steps_that_lead_to_another_option(body: str, letter: str, expected: bool) -> None:
    assert astray(body, letter) is expected


@pytest.mark.parametrize(("question", "options", "body"), [
    ("Three more than twice a number is 19. Which number?", "8 16 20 11", "19 - 3 = 16, halve it; check: 16 + 3 = 19."),
    ("Each of two cats has 8 fleas, a dog has some. How many?", "20 16 8 4", "2 x 8 = 16, and a dog adds four."),
    ("A man born in 1700 lived for 56 years. In which century did he die?", "18 17 19 16",
     "He died between 1701 and 1800, as 1700 + 56 = 1756."),
    ("Ann has four fewer than Bob, who has 12. How many has Ann?", "8 12 16 4",
     "Ann has fewer by four than Bob has. Bob has 12."),
])
def test_right_steps_that_end_in_another_number(question: str, options: str, body: str) -> None:
    choices = dict(zip("ABCD", options.split(), strict=True))
    assert not astray(body, "A", question, choices)
    record = {"id": "q", "question": question, "choices": choices, "answer": "A"}
    asked = Attempt("q#1", 1, "greedy", record, {letter: letter for letter in LETTERS}, 0, False)
    assert verify.judge(f"{body}\nAnswer: A", asked).outcome == verify.ACCEPTED


@pytest.mark.parametrize("digits", [16, 5_000])
def test_numbers_too_long_to_read_are_ignored(digits: int) -> None:
    long = "9" * digits
    assert not astray(f"9 / 3 = 3. {long}. The price is {long}.", "A")
    assert astray(f"{long} it is not. 9 x 2 = 18.", "A")
    body = f"{long} it is not. 9 / 3 = 3. 3 x 2 = 6."
    assert grounded(body, stated(body), f"{QUESTION} {long}", CHOICES) == 1


def test_a_result_in_another_form_is_the_answer() -> None:
    minutes = {"A": "2 hours", "B": "3 hours", "C": "4 hours", "D": "5 hours"}
    assert not astray("8 x 15 = 120 minutes.", "A", "How long is it?", minutes)
    shares = {"A": "25%", "B": "30%", "C": "40%", "D": "50%"}
    assert not astray("5 / 20 = 0.25.", "A", "What share is it?", shares)
    assert not astray("22 / 7 = 3.142857.", "A", "How much?", {"A": "3.14", "B": "4", "C": "5", "D": "6"})
    assert not astray("2 x 9 = 18.", "A", "Which is not the price?")


@pytest.mark.parametrize(("body", "share"), [
    ("9 / 3 = 3. 3 x 2 = 6.", 1.0), ("3 x 2 = 6. 9 / 3 = 3.", 1.0), ("47 - 5 = 42. 42 - 36 = 6.", 0.25),
    ("12 x 60 = 720.", 1.0), ("13 x 4 = 52. 52 - 46 = 6.", 0.25), ("It is so.", None), ("17 = 8 x 2 + 1.", None)])
def test_operands_that_are_known(body: str, share: float | None) -> None:
    assert grounded(body, stated(body), QUESTION, CHOICES) == share


def test_quality_is_the_mean_of_its_parts() -> None:
    body = f"9 / 3 = 3. 3 x 2 = 6.\n{CHECKED}"
    parts = quality.parts(body, steps(body), stated(body), RECORD)
    assert parts == {"own": 1.0, "options": 1.0, "reached": 1.0, "sums": 1.0, "grounded": 1.0}
    assert quality.score(parts) == {"score": 1.0, **parts}
    poor = "Pens are dear things in that town. The answer is A."
    found = quality.score(quality.parts(poor, steps(poor), stated(poor), RECORD))
    assert found == {"score": 0.212, "options": 0.0, "own": 0.636, "reached": 0.0}
    assert quality.mean({}) == 0


def test_proven_solutions_lack_nothing() -> None:
    for record in map(to_record, stream(400, seed=1602)):
        body = extract.reasoning_part(record["chain_of_thought"])
        question, choices = record["question"], record["choices"]
        found, sums = Steps.of(body, question, choices), stated(body, question, choices.values())
        assert found.lack is None, record["id"]
        assert found.checked == frozenset("ABCD"), record["id"]
        assert not leads_astray(found.own, sums, question, choices, record["answer"]), record["id"]
        assert quality.score(quality.parts(body, found, sums, record))["score"] > 0.7, record["id"]
