"""Prompts: what is constant comes first, nothing of the record is lost, the hint is told only where it is asked for."""

from __future__ import annotations

import os

import pytest

from stepladder.core.records import LETTERS
from stepladder.engine import extract, prompts

RECORD = {"id": "q1", "question": "What is 2 + 2?", "choices": {"A": "3", "B": "4", "C": "5", "D": "6"}, "answer": "B"}
OTHER = {"id": "q2", "question": "Who?", "choices": {"A": "I", "B": "you", "C": "he", "D": "she"}, "answer": "D"}


@pytest.mark.parametrize("variant", prompts.VARIANTS)
def test_everything_but_the_last_turn_is_constant(variant: str) -> None:
    first, second = prompts.messages(RECORD, variant), prompts.messages(OTHER, variant)
    assert first[:-1] == second[:-1]
    assert [turn["role"] for turn in first] in (["system", "user"], ["system", "user", "assistant", "user"])
    assert first[-1]["content"] == "What is 2 + 2?\nA. 3\nB. 4\nC. 5\nD. 6"


@pytest.mark.parametrize("variant", prompts.VARIANTS)
def test_the_key_is_told_only_as_a_hint_and_last(variant: str) -> None:
    plain, hinted = prompts.messages(RECORD, variant), prompts.messages(RECORD, variant, hint="B")
    assert hinted[:-1] == plain[:-1]
    assert hinted[-1]["content"].startswith(plain[-1]["content"])
    assert "right option is B" in hinted[-1]["content"]
    assert "right option" not in plain[-1]["content"]


def test_the_worked_example_has_the_form_it_asks_for() -> None:
    for form in prompts.VARIANTS.values():
        if form.example is not None:
            record, reply = form.example
            assert extract.degenerate(reply) is None
            letter = extract.extract_answer(reply)
            assert extract.verdicts(reply) == {letter}
            assert record["choices"][letter] == "8"


def test_wording_shapes_the_identity() -> None:
    identities = [str(prompts.identity(variant)) for variant in prompts.VARIANTS]
    assert len(set(identities)) == len(identities)
    assert prompts.VARIANTS["options"].system in identities[0]


def test_unknown_variant() -> None:
    with pytest.raises(KeyError, match="nonsense"):
        prompts.messages(RECORD, "nonsense")


def test_the_student_prompt_is_short() -> None:
    words = sum(len(turn["content"].split()) for turn in prompts.messages(RECORD, prompts.STUDENT)[:-1])
    assert words <= 12


@pytest.mark.model
def test_tokens_with_the_small_model(small_model: os.PathLike[str]) -> None:
    from stepladder.engine.backend import open_backend

    with open_backend(small_model, sequences=1, context=512) as backend:
        question = backend.count_tokens(prompts.question_text(RECORD))
        assert backend.count_tokens(backend.render(prompts.messages(RECORD, prompts.STUDENT))) - question <= 35
        # each letter is one token behind the forced closing, so its probability is read off in one step
        before = backend.count_tokens("so it is." + prompts.CLOSING)
        for choice in prompts.LETTER_CHOICES:
            assert backend.count_tokens("so it is." + prompts.CLOSING + choice) == before + 1


def test_letter_choices_follow_the_letters() -> None:
    assert tuple(choice.strip() for choice in prompts.LETTER_CHOICES) == LETTERS
    assert extract.extract_answer("some reasoning" + prompts.CLOSING + prompts.LETTER_CHOICES[2]) == "C"
    messages, prefix = prompts.fast(RECORD)
    assert extract.extract_answer(prefix + prompts.LETTER_CHOICES[1]) == "B"
    assert messages[-1]["content"].endswith("D. 6")
