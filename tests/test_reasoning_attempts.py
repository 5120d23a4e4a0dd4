"""From the first attempt to verified, hinted or failed: the order of attempts, and what a reply is worth."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepladder.core.records import LETTERS
from stepladder.engine import extract
from stepladder.reasoning.attempts import Attempt, Case, Judgement, Policy, seed_of
from stepladder.reasoning.verify import judge, reveals_hint

RECORD = {"id": "q", "question": "What is 2 + 2?", "choices": {"A": "3", "B": "4", "C": "5", "D": "6"}, "answer": "B"}
FIXED = RECORD | {"choices": {"A": "3", "B": "4", "C": "5", "D": "none of the above"}}
POLICY = Policy("options", attempts=3, temperature=0.7, top_p=0.95, max_tokens=64, permute=True, hint=True, seed=0)
WRONG, RIGHT = Judgement("wrong", "A"), Judgement("accepted", "B", "2 + 2 = 4.\nAnswer: B")


def walk(record: dict, policy: Policy, judgements: list[Judgement]) -> tuple[list[Attempt], Case]:
    case, attempts = Case(record, policy), []
    for judgement in judgements:
        attempt = case.next_attempt()
        if attempt is None:
            break
        attempts.append(attempt)
        case.take(attempt, judgement, 10, "stop")
    return attempts, case


def test_all_wrong_goes_all_the_way() -> None:
    attempts, case = walk(RECORD, POLICY, [WRONG] * 9)
    assert [(a.kind, a.shift, a.number) for a in attempts] == [
        ("greedy", 0, 1), ("sampled", 1, 2), ("sampled", 2, 3), ("hinted", 0, 4)]
    assert len({a.id for a in attempts}) == 4
    assert case.next_attempt() is None
    result = case.result("teacher")
    assert result["chain_of_thought"] is None
    assert result["cot"]["status"] == "failed"
    assert result["cot"]["attempts"] == 4


@pytest.mark.parametrize(("judgements", "status", "attempts"), [
    ([RIGHT], "verified", 1), ([WRONG, RIGHT], "verified", 2), ([WRONG, WRONG, RIGHT], "verified", 3),
    ([WRONG] * 3 + [RIGHT], "hinted", 4)])
def test_the_first_accepted_attempt_ends_it(judgements: list[Judgement], status: str, attempts: int) -> None:
    _, case = walk(RECORD, POLICY, [*judgements, RIGHT, RIGHT])
    cot = case.result("teacher")["cot"]
    assert (cot["status"], cot["attempts"]) == (status, attempts)
    assert cot["teacher_answer"] == ("B" if attempts == 1 else "A")
    assert [o["outcome"] for o in cot["outcomes"]] == ["wrong"] * (attempts - 1) + ["accepted"]


def test_options_that_name_options_stay_where_they_are() -> None:
    attempts, _ = walk(FIXED, POLICY, [WRONG] * 4)
    assert [a.shift for a in attempts] == [0, 0, 0, 0]
    assert all(a.shown["choices"] == FIXED["choices"] for a in attempts)


def test_a_second_greedy_attempt_at_the_same_prompt_is_not_made() -> None:
    greedy = Policy("options", 3, 0.0, 1.0, 64, permute=True, hint=False, seed=0)
    assert [a.number for a in walk(FIXED, greedy, [WRONG] * 4)[0]] == [1]
    assert [a.shift for a in walk(RECORD, greedy, [WRONG] * 4)[0]] == [0, 1, 2]


def test_without_hint_it_fails_after_the_last_attempt() -> None:
    attempts, case = walk(RECORD, Policy("options", 2, 0.7, 1.0, 64, permute=False, hint=False, seed=0), [WRONG] * 4)
    assert [a.kind for a in attempts] == ["greedy", "sampled"]
    assert [a.shift for a in attempts] == [0, 0]
    assert case.result("t")["cot"]["status"] == "failed"


OUTCOMES = st.sampled_from([WRONG, RIGHT, Judgement("loop", "B"), Judgement("no answer")])


@given(st.lists(OUTCOMES, min_size=9, max_size=9), st.integers(1, 4), st.booleans(), st.booleans())
def test_every_way_ends_and_adds_up(outcomes: list[Judgement], attempts: int, permute: bool, hint: bool) -> None:
    policy = Policy("options", attempts, 0.7, 1.0, 64, permute, hint, 0)
    made, case = walk(RECORD, policy, outcomes)
    result = case.result("t")
    assert case.next_attempt() is None
    assert len(made) == result["cot"]["attempts"] <= attempts + hint
    assert (result["chain_of_thought"] is None) == (result["cot"]["status"] == "failed")
    assert all(a.shown["choices"][a.shown["answer"]] == "4" for a in made)
    assert all(a.shown["choices"][shown] == RECORD["choices"][old] for a in made for shown, old in a.back.items())


def test_an_attempt_is_heard_once() -> None:
    case = Case(RECORD, POLICY)
    attempt = case.next_attempt()
    case.take(attempt, WRONG, 1, "stop")
    with pytest.raises(ValueError, match="q: attempt 1 was not asked for"):
        case.take(attempt, RIGHT, 1, "stop")


def test_seeds_depend_on_seed_record_and_attempt_alone() -> None:
    seeds = {seed_of(seed, record, number) for seed in (0, 1) for record in ("q", "r") for number in (1, 2)}
    assert len(seeds) == 8
    assert seed_of(0, "q", 1) == walk(RECORD, POLICY, [WRONG])[0][0].seed


# -- judging ----------------------------------------------------------------------------------------------------------

BODY = "Two and two make four, as counting on shows."


def attempt_of(number: int) -> Attempt:
    return walk(RECORD, POLICY, [WRONG] * 4)[0][number - 1]


@pytest.mark.parametrize(("text", "outcome", "answer"), [
    (f"{BODY}\nAnswer: B", "accepted", "B"),
    (f"{BODY}\nA. 3 no\nB. 4 yes\nC. 5 no\nD. 6 no\nAnswer: B", "accepted", "B"),
    (f"{BODY} The answer is (B).", "accepted", "B"), (f"<think>hm, A?</think>{BODY}\n**Answer:** B", "accepted", "B"),
    (f"{BODY}\nAnswer: C", "wrong", "C"), (BODY, "no answer", None), (f"{BODY}\nAnswer: B or C", "no answer", None),
    ("Answer: B", "near-empty", "B"), ("", "empty", None), ("B", "near-empty", "B"),
    ("It is four then. " * 8 + "\nAnswer: B", "loop", "B"), ("1" + "0" * 50 + "\nAnswer: B", "constant", "B"),
    (f"{BODY}\nA. 3 yes\nB. 4 no\nC. 5 no\nD. 6 no\nAnswer: B", "contradicts itself", "B"),
    (f"{BODY}\nA. 3 yes\nB. 4 yes\nC. 5 no\nD. 6 no\nAnswer: B", "contradicts itself", "B"),
    (f"{BODY} The correct answer is D.\nAnswer: B", "contradicts itself", "B"),
    ("2 + 2 = 4, so four it is.\nAnswer: B", "accepted", "B"), ("2 + 2 = 4, so four it is.\nAnswer: C", "wrong", "C"),
    ("Two and two: 2 + 2 = 5, so it is four.\nAnswer: B", "false arithmetic", "B"),
    ("Count on from there: 3 + 2 = 5.\nAnswer: B", "contradicts itself", "B"),
    ("The sum is 6 - 2 = 4.\nCheck: 4 + 2 = 6.\nAnswer: B", "accepted", "B"),
    ("The sum is 6 - 2 = 4.\nTo verify, 4 + 2 = 6.\nAnswer: B", "accepted", "B"),
    (f"{BODY} Checking the options, the correct answer is D.\nAnswer: B", "contradicts itself", "B"),
    ("A. 3 no\nB. 4 yes\nC. 5 no\nD. 6 no\nAnswer: B", "no step", "B"),
    ("The answer is B, as it is the correct one.\nAnswer: B", "no step", "B"),
    ("What is 2 + 2?\nA. 3\nB. 4\nC. 5\nD. 6\nAnswer: B", "copied options", "B"),
])
def test_judging_a_first_attempt(text: str, outcome: str, answer: str | None) -> None:
    judgement = judge(text, attempt_of(1))
    assert (judgement.outcome, judgement.answer) == (outcome, answer)
    assert (judgement.chain is not None) == (outcome == "accepted")
    if judgement.chain is not None:
        assert judgement.chain.endswith("\nAnswer: B")
        assert judgement.chain.count("Answer: B") == 1
        assert extract.extract_answer(judgement.chain) == "B"


def test_what_is_kept_has_the_parts_of_its_quality() -> None:
    kept = judge("2 + 2 = 4.\nA. 3 no\nB. 4 yes\nC. 5 no\nD. 6 no\nAnswer: B", attempt_of(1))
    assert kept.quality == {"own": 1.0, "options": 1.0, "reached": 1.0, "sums": 1.0, "grounded": 1.0}
    _, case = walk(RECORD, POLICY, [WRONG, kept])
    assert case.result("t")["cot"]["quality"] == {
        "score": 0.917, "agreement": 0.5, "grounded": 1.0, "options": 1.0, "own": 1.0, "reached": 1.0, "sums": 1.0}
    assert "quality" not in walk(RECORD, POLICY, [WRONG] * 4)[1].result("t")["cot"]


def test_a_sum_cut_by_the_forced_closing_is_not_judged() -> None:
    for mark, outcome in (("", "accepted"), (".", "false arithmetic")):
        text = f"Two and two are added: 2 + 2 = 1{mark}\nAnswer: B"
        assert judge(text, attempt_of(1), closed=True).outcome == outcome


def test_rotated_letters_come_back_in_answer_and_text() -> None:
    attempt = attempt_of(2)
    assert attempt.shown["choices"] == {"A": "6", "B": "3", "C": "4", "D": "5"}
    judgement = judge(f"{BODY} Option A is too much.\nA. 6 no\nB. 3 no\nC. 4 yes\nD. 5 no\nAnswer: C", attempt)
    assert judgement == Judgement(
        "accepted", "B", f"{BODY} Option D is too much.\nA. 3 no\nB. 4 yes\nC. 5 no\nD. 6 no\nAnswer: B")
    assert judge(f"{BODY}\nAnswer: B", attempt) == Judgement("wrong", "A")
    assert judge(f"{BODY} The first option is too much.\nAnswer: C", attempt) == Judgement("letters unclear", "B")


def test_a_sentence_cut_by_the_forced_closing_goes() -> None:
    text = f"{BODY} And then it goes on to\nAnswer: B"
    assert judge(text, attempt_of(1), closed=True).chain == f"{BODY}\nAnswer: B"
    assert judge(text, attempt_of(1)).chain == f"{BODY} And then it goes on to\nAnswer: B"
    options = f"{BODY}\nA. 3 no\nB. 4 yes\nC. 5"
    assert judge(f"{options}\nAnswer: B", attempt_of(1), closed=True).chain == f"{BODY}\nA. 3 no\nB. 4 yes\nAnswer: B"
    whole = f"{BODY}\nA. 3 no\nB. 4 yes\nC. 5 no\nD. 6 no."
    assert judge(f"{whole}\nAnswer: B", attempt_of(1), closed=True).chain == f"{whole}\nAnswer: B"


REVEALING = [
    "The hint says that it is four.", "As given, the answer is four.", "The correct answer is stated to be four.",
    "The correct answer is given as B.", "According to the given answer it is four.", "The answer was provided: B.",
    "The correct option is already given.", "I was told that it is four.", "We are told the answer is four.",
    "You said that B is right.", "Since the correct answer is B, two and two is four.", "The answer key has B here.",
    "The right option is B. Two and two make four.", "B is the correct option, since two and two make four.",
    "The correct answer is B because two and two make four.", "Answer: B. Two and two make four.",
    "As you stated, four is right.", "Because the right option is B, we count to four.",
    "This reasoning leads to the correct answer.", "I found it myself by counting to four.",
    "Four is the correct answer. The correct answer is B.",
    "We know the answer is four.", "Since B is correct, two and two make four.",
    "Given that option (B) is right, count.", "The prompt says that it is four.", "Four matches the correct option.",
    "We count in order to justify the right answer.",
    "We know that the correct answer is B, as provided.", "It is known that the correct option is B.",
]
INNOCENT = [
    BODY, "Given that two and two are added, we count on from two to four.", "The given numbers are 2 and 2, so four.",
    "We are given two numbers and add them, which makes four.", "The question states that two is added to two.",
    "As the sum of two and two is four, the correct answer is B.", "Two and two make four. The correct answer is B.",
    "The known sum of two and two is four.", "Counting provided four. The stated numbers are small.",
    "He was told to add two and two, which makes four.", "Four matches option B.", "The task is to add two and two.",
    "Since four is the sum, B is correct.", "We know that two and two make four.",
]


@pytest.mark.parametrize("text", REVEALING)
def test_a_hinted_reasoning_must_not_show_it(text: str) -> None:
    assert reveals_hint(text)
    hinted, sampled = judge(f"{text} {BODY}\nAnswer: B", attempt_of(4)), judge(f"{BODY}\nAnswer: B", attempt_of(4))
    assert hinted.chain is None
    assert hinted.outcome == ("near-empty" if text.startswith("Answer") else "reveals the hint")
    assert sampled.outcome == "accepted"


@pytest.mark.parametrize("text", INNOCENT)
def test_ordinary_words_reveal_nothing(text: str) -> None:
    assert not reveals_hint(text)


def test_letters_of_the_judged() -> None:
    for number in (1, 2, 3, 4):
        attempt = attempt_of(number)
        judgement = judge(f"{BODY}\nAnswer: {attempt.shown['answer']}", attempt)
        assert judgement == Judgement("accepted", "B", f"{BODY}\nAnswer: B")
        assert set(attempt.back) == set(LETTERS)
