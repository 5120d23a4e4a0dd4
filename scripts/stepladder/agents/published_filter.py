"""The organisers' published filter of questions and of answers, and theirs of scoring. Pure functions.

docs/tournament.md has the rules in words. `count` is the number of tokens of a text. Where the published code breaks
off (an explanation that is null, an answer that is a number), this one takes the explanation for none, and drops the
rest.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

Count = Callable[[str], int]

QUESTION_TOKENS = 130  # question + answer + choices - CHOICE_ALLOWANCE stay below
CHOICE_ALLOWANCE = 15
QUESTION_TOTAL = 1024  # with the explanation
ANSWER_TOKENS = 50
ANSWER_TOTAL = 512  # with the reasoning
REQUIRED = ("topic", "question", "choices", "answer")


def question_problem(question: Any, count: Count) -> str | None:
    """Why the filter drops this question, or None."""
    if not isinstance(question, dict) or any(key not in question for key in REQUIRED):
        return "not an object with topic, question, choices and answer"
    choices = question["choices"]
    if not isinstance(choices, list) or len(choices) != 4:
        return "not four choices"
    if not all(isinstance(choice, str) and len(choice) > 2 and choice[0].upper() in "ABCD" for choice in choices):
        return "a choice that does not begin with A, B, C or D, or is too short"
    if not isinstance(question["question"], str) or not isinstance(question["answer"], str):
        return "question or answer is no text"
    explanation = question.get("explanation")
    explanation = "" if explanation is None else explanation
    if not isinstance(explanation, str):
        return "the explanation is no text"
    tokens = count(question["question"]) + count(question["answer"]) + sum(map(count, choices)) - CHOICE_ALLOWANCE
    if tokens >= QUESTION_TOKENS:
        return f"{tokens} tokens, {QUESTION_TOKENS - 1} are allowed"
    if tokens + count(explanation) > QUESTION_TOTAL:
        return "too long with its explanation"
    return None


def answer_problem(answer: Any, count: Count) -> str | None:
    """Why the filter nulls this answer, or None."""
    if not isinstance(answer, dict) or not isinstance(answer.get("answer"), str):
        return "not an object with an answer"
    if len(answer["answer"]) == 1 and answer["answer"] not in "ABCDabcd":
        return "the answer is no letter A to D"
    reasoning = answer.get("reasoning")
    reasoning = "" if reasoning is None else reasoning
    if not isinstance(reasoning, str):
        return "the reasoning is no text"
    tokens = count(answer["answer"])
    if tokens >= ANSWER_TOKENS:
        return f"an answer of {tokens} tokens, {ANSWER_TOKENS - 1} are allowed"
    if tokens + count(reasoning) >= ANSWER_TOTAL:
        return "too long with its reasoning"
    return None


def filter_questions(questions: Sequence[Any], count: Count, requested: int | None = None) -> list[dict[str, Any]]:
    """The questions that stay; none at all when they are fewer than half of what was requested (disqualified).

    requested: how many the side was asked for; None: as many as it wrote.
    """
    kept = [question for question in questions if question_problem(question, count) is None]
    return kept if 2 * len(kept) >= (len(questions) if requested is None else requested) else []


def filter_answers(answers: Sequence[Any], count: Count) -> list[dict[str, Any] | None]:
    """The answers, each at its position; null where the filter refuses one."""
    return [answer if answer_problem(answer, count) is None else None for answer in answers]


# -- scoring ----------------------------------------------------------------------------------------------------------

@dataclass(frozen=True)
class Innings:
    """One side's filtered questions answered by the other: scores in points of 100."""

    questions: int
    correct: int

    @property
    def a_score(self) -> float:
        """Of the side that answers. A writer without any question gives it away."""
        return 100 * self.correct / self.questions if self.questions else 100.0

    @property
    def q_score(self) -> float:
        """Of the side that wrote."""
        return 100.0 - self.a_score


def is_correct(question: dict[str, Any], answer: dict[str, Any] | None) -> bool:
    """q["answer"][0] == a["answer"], upper and lower case told apart; null is wrong."""
    return answer is not None and question["answer"][:1] == answer["answer"] != ""


def score(questions: Sequence[dict[str, Any]], answers: Sequence[dict[str, Any] | None]) -> Innings:
    """Points of an innings. Raises ValueError unless there is one answer, or null, for each question."""
    if len(questions) != len(answers):
        raise ValueError(f"{len(questions)} questions, {len(answers)} answers: they are matched by position")
    return Innings(len(questions), sum(map(is_correct, questions, answers)))
