"""The published filter and scoring, number by number."""

from __future__ import annotations

import pytest
from agent_fakes import AgentBackend

from stepladder.agents.published_filter import (
    Innings,
    answer_problem,
    filter_answers,
    filter_questions,
    question_problem,
    score,
)


def words(text: str) -> int:
    return len(text.split())


def question(**changes):
    plain = {"topic": "t", "question": "What is it?", "choices": ["A) 1", "B) 2", "C) 3", "D) 4"], "answer": "B"}
    return plain | changes


def test_a_plain_question_passes_and_every_required_key_is_required():
    assert question_problem(question(), words) is None
    for key in ("topic", "question", "choices", "answer"):
        assert question_problem({k: v for k, v in question().items() if k != key}, words)


@pytest.mark.parametrize("choices", [
    ["A) 1", "B) 2", "C) 3"], ["A) 1", "B) 2", "C) 3", "E) 4"], ["A)", "B) 2", "C) 3", "D) 4"],
    ["1) 1", "B) 2", "C) 3", "D) 4"], ["A) 1", "B) 2", "C) 3", 4], "ABCD", None])
def test_choices_the_filter_refuses(choices):
    assert question_problem(question(choices=choices), words)


def test_token_limits_of_questions_at_their_edges():
    # 1 of the answer, 8 of the choices, less the allowance of 15
    assert question_problem(question(question="w " * 135), words) is None  # 129
    assert question_problem(question(question="w " * 136), words)  # 130
    assert question_problem(question(explanation="w " * 1000), words) is None
    assert question_problem(question(explanation="w " * 1030), words)


def test_token_limits_of_answers_at_their_edges():
    assert answer_problem({"answer": "w " * 49}, words) is None
    assert answer_problem({"answer": "w " * 50}, words)
    assert answer_problem({"answer": "A", "reasoning": "w " * 510}, words) is None
    assert answer_problem({"answer": "A", "reasoning": "w " * 511}, words)


@pytest.mark.parametrize(("answer", "passes"), [("A", True), ("d", True), ("E", False), ("", True), ("A) 1", True)])
def test_letters_of_answers(answer, passes):
    assert (answer_problem({"answer": answer}, words) is None) is passes


def test_what_the_published_filter_lets_pass_or_breaks_off_at():
    assert question_problem(question(choices=["a) 1", "b) 2", "c) 3", "d) 4"]), words) is None, "it looks at capitals"
    assert question_problem(question(explanation=None), words) is None
    assert answer_problem({"answer": "A", "reasoning": None}, words) is None
    for bad in (question(answer=3), question(explanation=7), question(question=None)):
        assert question_problem(bad, words)
    for bad in ({"answer": "5"}, {"answer": 5}, {"answer": None}):
        assert answer_problem(bad, words)


def test_half_of_what_was_requested_is_wanted():
    assert len(filter_questions([question()] * 3, words, requested=6)) == 3
    assert filter_questions([question()] * 2, words, requested=6) == []


def test_fewer_than_half_disqualifies():
    bad = question(answer=3)
    assert len(filter_questions([question(), bad], words)) == 1
    assert filter_questions([question(), bad, bad], words) == []


def test_refused_answers_become_null_where_they_stand():
    answers = [{"answer": "A"}, "B", None, {"answer": "C"}, {"reasoning": "x"}]
    assert filter_answers(answers, words) == [{"answer": "A"}, None, None, {"answer": "C"}, None]


def test_scoring_tells_cases_apart_and_counts_null_as_wrong():
    questions = [question(answer=answer) for answer in ("B", "B) 2", "b", "C", "")]
    answers = [{"answer": "B"}, {"answer": "B"}, {"answer": "B"}, None, {"answer": ""}]
    result = score(questions, answers)
    assert (result.questions, result.correct) == (5, 2)
    assert (result.a_score, result.q_score) == (40.0, 60.0)


def test_positions_must_match():
    with pytest.raises(ValueError, match="1 questions, 2 answers"):
        score([question()], [None, None])


def test_a_side_without_questions_gives_the_innings_away():
    assert (Innings(0, 0).a_score, Innings(0, 0).q_score) == (100.0, 0.0)


def test_the_fake_counts_words():
    assert AgentBackend().count_tokens("one two") == 2
