"""The extractor against the frozen corpus, against wrappings it has never seen, and its steps on long texts."""

from __future__ import annotations

import importlib
import json
import re
import sys
from pathlib import Path
from re import _constants, _parser  # the parsed form of a pattern, to look for repetitions in repetitions
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stepladder.core.options import rotate
from stepladder.core.records import LETTERS
from stepladder.engine import extract
from stepladder.engine.requests import Completion
from stepladder.reasoning.attempts import Attempt
from stepladder.reasoning.letters import map_letters
from stepladder.reasoning.verify import judge
from stepladder.verdict import answering

CORPUS = json.loads((Path(__file__).parent / "corpora" / "reply_endings.json").read_text(encoding="utf-8"))
CHOICES = {"A": "Rome", "B": "Paris", "C": "Oslo", "D": "Madrid"}
RECORD = {"id": "q", "question": "Where does the Seine flow?", "choices": CHOICES, "answer": "B"}
BODY = "The Seine is a river in the north of France and its mouth is near Le Havre."


def test_no_letter_is_wrong_and_few_are_missed() -> None:
    said = {item["id"]: extract.extract_answer(item["reply"], item["options"]) for item in CORPUS}
    wrong = [item["id"] for item in CORPUS if said[item["id"]] not in (item["letter"], None)]
    lettered = [item for item in CORPUS if item["letter"] is not None]
    assert wrong == []
    assert sum(said[item["id"]] == item["letter"] for item in lettered) >= 0.98 * len(lettered)


FORMS = ["Answer: {x}", "**Answer:** {x}", "The correct answer is {x}.", "So the answer is option {x}.",
         "\\boxed{{{x}}}", "Final answer: ({x})", "### Answer\n{x}", '{{"answer": "{x}"}}', "Answer: {t}", "{x}) {t}",
         "The answer is {t}.", "Antwort: {x}", "La bonne réponse est {x}.", "正确答案是{x}。", "Ответ: {x}",
         "I choose {x}.", "{x}"]
MARKUP = ["{}", "**{}**", "*{}*", "`{}`", "> {}", "- {}", "<b>{}</b>", "<p>{}</p>", "$\\text{{{}}}$", "\n\n{}\n"]
THOUGHTS = ["", "<think>Answer: {o}</think>", "[THINK]so it is {o}[/THINK]\n", "<reasoning>{o}?</reasoning>",
            "<|channel|>analysis<|message|>Answer: {o}<|end|><|start|>assistant<|channel|>final<|message|>",
            "<scratchpad>The answer is {o}.</scratchpad>\n"]
TURNS = ["", "\n\nUser: And now?\nAssistant: Answer: {o}", "<|im_end|>\n<|im_start|>assistant\nAnswer: {o}",
         "\n\nQuestion: What is next?\nAnswer: {o}", "</s>[INST] more [/INST] The answer is {o}.", "<|endoftext|>{o}"]


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(FORMS), st.sampled_from(MARKUP), st.sampled_from(THOUGHTS), st.sampled_from(TURNS),
       st.sampled_from(LETTERS), st.sampled_from(LETTERS), st.booleans())
def test_an_answer_is_found_in_whatever_it_is_wrapped(form: str, markup: str, thought: str, turn: str, letter: str,
                                                      other: str, reasoned: bool) -> None:
    said = form.format(x=letter, t=CHOICES[letter])
    wrapped = said if form.startswith(("\\", "#", "{{")) else markup.format(said)
    text = thought.format(o=other) + (BODY + "\n\n" if reasoned else "") + wrapped + turn.format(o=other)
    assert extract.extract_answer(text, CHOICES) == letter


@pytest.mark.parametrize("text", ["Answer: A. No, B.", "option (D) is incorrect and option (B) is correct",
                                  "Answer: B\n\nUser: next\nAnswer: C", "[THINK]Answer: A[/THINK]Answer: B",
                                  "analysisHm, A?assistantfinal**Answer: B**", "**Final Answer:**\n\n**B) Paris**",
                                  "\\boxed{\\Delta E}\n\n**Answer: B**", "Answer: B\n\n\\boxed{42}", "Answer => B"])
def test_what_was_reported(text: str) -> None:
    assert extract.extract_answer(text, CHOICES) == "B"


# -- linear time ----------------------------------------------------------------------------------------------------

PIECES = ["the answer is ", "Option A ", "A. yes\n", "answer: ", "<think>", "B, ", "\\boxed{", "A and ", "no, ",
          "wait ", "~~", "$", "\\text{", "<", "[", "| ", "so A. ", "if ", "not A but ", "o. ", "- ", "答案",
          "assistant", "Paris, "]
MODULES = ["engine.extract", "engine.plain", "engine.passage", "engine.statements", "engine.verdict_lines",
           "engine.wording", "reasoning.letters"]


def steps(work: Any) -> int:
    """Calls that Python makes while `work` runs, those into C (every pattern matched) included."""
    count = 0

    def counting(frame: Any, event: str, arg: Any) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(counting)
    try:
        work()
    finally:
        sys.setprofile(None)
    return count


@pytest.mark.parametrize("piece", PIECES)
def test_four_times_the_text_takes_about_four_times_the_steps(piece: str) -> None:
    def read(size: int) -> None:
        text = piece * (size // len(piece))
        extract.extract_answer(text, CHOICES)
        map_letters(text, rotate(RECORD, 1)[1])

    read(400)  # the lists of words are read once
    assert steps(lambda: read(4000)) <= 4.8 * steps(lambda: read(1000)) + 500


def unbounded_within_unbounded(parsed: Any, inside: bool = False) -> bool:
    """Whether a pattern can try a text in exponentially many ways: an open repetition within an open one."""
    found = False
    for kind, value in parsed:
        if kind in (_constants.MAX_REPEAT, _constants.MIN_REPEAT):
            is_open = value[1] is _constants.MAXREPEAT
            found |= (inside and is_open) or unbounded_within_unbounded(value[2], inside or is_open)
        elif isinstance(value, _parser.SubPattern):
            found |= unbounded_within_unbounded(value, inside)
        elif isinstance(value, (tuple, list)):
            for part in value:
                for each in part if isinstance(part, list) else [part]:
                    if isinstance(each, _parser.SubPattern):
                        found |= unbounded_within_unbounded(each, inside)
    return found


@pytest.mark.parametrize("name", MODULES)
def test_no_pattern_repeats_within_a_repetition(name: str) -> None:
    module = importlib.import_module(f"stepladder.{name}")
    patterns = {key: value for key, value in vars(module).items() if isinstance(value, re.Pattern)}
    assert patterns
    assert unbounded_within_unbounded(_parser.parse(r"(?:a+b?)*"))
    allowed = {"_TOKEN", "_LINE_START"}  # each turn begins with a sign that the inner one cannot take
    nested = {key for key, value in vars(module).items() if isinstance(value, re.Pattern)
              and unbounded_within_unbounded(_parser.parse(value.pattern, value.flags))}
    assert nested <= allowed


# -- its own answer ---------------------------------------------------------------------------------------------------

FIRST = "Answer: B. Paris\nExplanation: the Seine runs through the town and on to the sea, and"


def test_an_answer_given_before_the_limit_is_not_replaced_by_the_forced_one() -> None:
    shown, back = rotate(RECORD, 0)
    judgement = judge(f"{FIRST}\nAnswer: D", Attempt("q#1", 1, "greedy", shown, back, 0, False), closed=True)
    assert judgement.answer == "B"
    unit = answering.Unit("base|reasoning|q|r0|v0", "base", "reasoning", "q", 0, 0, shown, back)
    forced = {" A": 0.1, " B": 0.2, " C": 0.1, " D": 0.6}
    run = answering.run_of(unit, Completion("x", f"{FIRST}\nAnswer: D", 9, 40, "closed", forced))
    assert (run["letter"], run["ended"]) == ("B", "answer")
    cut = answering.run_of(unit, Completion("x", f"{BODY} So we look at\nAnswer: D", 9, 40, "closed", forced))
    assert (cut["letter"], cut["ended"]) == ("D", "closed")


def test_a_bare_letter_is_no_reasoning_and_not_degenerate() -> None:
    shown, back = rotate(RECORD, 0)
    unit = answering.Unit("base|reasoning|q|r0|v0", "base", "reasoning", "q", 0, 0, shown, back)
    bare = answering.run_of(unit, Completion("x", "Answer: C", 9, 4, "stop"))
    assert (bare["letter"], bare["bare"], bare["degenerate"]) == ("C", True, None)
    empty = answering.run_of(unit, Completion("x", "It is.", 9, 4, "stop"))
    assert (empty["bare"], empty["degenerate"]) == (False, "near-empty")


def test_reasons_given_behind_the_answer_are_the_reasoning() -> None:
    assert extract.reasoning_part(f"Answer: B\nExplanation: {BODY}") == f"Explanation: {BODY}"
    assert extract.reasoning_part(f"{BODY}\nAnswer: B\nHope that helps!") == BODY


OPTIONS = {"A": "Koala", "B": "Echidna", "C": "Armadillo", "D": "Sloth"}


@pytest.mark.parametrize("text", [
    "A. Koala\nC. Armadillo\nD. Sloth",  # as small models do: some are left out or said twice
    "A. Koala\nA. Koala (from Australia)\nB. Echidna\nC. Armadillo\nD. Sloth",
    "1. Koala\nC. Armadillo\nD. Sloth",
    "A. Koala\nD. Sloth\nC. Armadillo\nD. Sloth\nA. Koala\nD. Sloth\nC. Arm",
    "A. Koala\nA. Koala is a branch of zoology.\nA. Koala\nB. Echidna\nA. Echidna is a branch of zoology.",
    "It is known as a spiny one.\nA. Koala\nKoala is an animal that sleeps for most of the day, and it eats leaves",
])
def test_options_that_are_told_over_are_no_answer(text: str) -> None:
    assert extract.extract_answer(text, OPTIONS) is None


@pytest.mark.parametrize(("text", "letter"), [
    ("A. Koala\nIt carries its young in a pouch and sleeps for most of the day.", "A"),
    ("B. Echidna\nA is a bear, C has plates, D sleeps.", "B"),
    ("C. Armadillo\nThe answer is D. Sloth.", "D"),
    ("A. Koala\nC. Armadillo\nD. Sloth\nAnswer: C", "C"),
    ("It hangs from trees all day.\nD. Sloth", "D"),
])
def test_an_option_that_is_answered_with_is_one(text: str, letter: str) -> None:
    assert extract.extract_answer(text, OPTIONS) == letter


@pytest.mark.parametrize(("text", "letter"), [
    ("The answer is D.\n(A) cannot be.\n(B) cannot be.\nAnswer: C", "C"),  # found by the mapping's property test
    ("The answer is D.\n(A) cannot be.\n(B) cannot be.\n(C) cannot be.\nAnswer: B", "B"),
    ("Answer: B\nWhat is it?\nA. one\nB. two\nC. three\nD. four\nAnswer: C", "B"),
])
def test_options_that_are_reviewed_begin_no_other_question(text: str, letter: str) -> None:
    assert extract.extract_answer(text) == letter
