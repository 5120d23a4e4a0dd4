"""Letters mapped back after a rotation: all of them or the text is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepladder.core.options import rotate
from stepladder.core.records import LETTERS
from stepladder.engine import extract
from stepladder.reasoning.letters import map_letters, may_rotate

RECORD = {"id": "q", "question": "What is 2 + 2?", "choices": {"A": "3", "B": "4", "C": "5", "D": "6"}, "answer": "B"}
BACK = {"A": "D", "B": "A", "C": "B", "D": "C"}  # rotated by one


@pytest.mark.parametrize(("text", "mapped"), [
    ("Answer: B", "Answer: A"), ("The answer is (C).", "The answer is (B)."), ("**Answer:** D", "**Answer:** C"),
    ("Option A is wrong.", "Option D is wrong."), ("option A and option B", "option D and option A"),
    ("Options A, B and D are wrong.", "Options D, A and C are wrong."), ("We can rule out A and B.",
                                                                        "We can rule out D and A."),
    ("(A) is too small", "(D) is too small"), ("B is correct.", "A is correct."), ("So it is B.", "So it is A."),
    ("A dog is not B", None), ("A dog. Answer: B", "A dog. Answer: A"), ("Vitamin B helps. Answer: B", None),
    ("The points A and B are 5 apart.", None), ("A is the area.", None), ("Answer: b", "Answer: b"),
    ("option b is right", None), ("(c) fits", None), ("The first option is wrong.", None),
    ("the latter is right", None),
    ("none of the above fits", None), ("a line\nB\n", "a line\nA\n"), ("A. 5 no\nB. 3 no", "D. 5 no\nA. 3 no"),
    ("2 + 2 = 4.\nA. 6 no\nB. 3 no\nC. 4 yes\nD. 5 no\nAnswer: C",
     "2 + 2 = 4.\nA. 3 no\nB. 4 yes\nC. 5 no\nD. 6 no\nAnswer: B"),
    ("I choose A.", "I choose D."), ("Grade A, plan B, Big C.", None),
    ("ABC and DNA are words", "ABC and DNA are words"),
])
def test_mapping(text: str, mapped: str | None) -> None:
    assert map_letters(text, BACK) == mapped


def test_nothing_to_map_without_a_rotation() -> None:
    assert map_letters("vitamin B, the first option", {letter: letter for letter in LETTERS}) is not None


@pytest.mark.parametrize(("question", "choices", "wanted"), [
    ("What is 2 + 2?", ["3", "4", "5", "6"], True), ("A dog barks. Why?", ["joy", "fear", "a cat", "A storm"], True),
    ("Where is vitamin C found?", ["fruit", "meat", "rock", "air"], False),
    ("Which blood group is rare?", ["A", "B", "AB", "O"], False), ("Who?", ["I", "you", "both of these", "he"], False),
    ("Segment AB has length 5.", ["1", "2", "3", "4"], True), ("Point A lies on B.", ["1", "2", "3", "4"], False),
])
def test_which_records_may_be_rotated(question: str, choices: list[str], wanted: bool) -> None:
    record = {"id": "q", "question": question, "choices": dict(zip(LETTERS, choices, strict=True)), "answer": "A"}
    assert may_rotate(record) is wanted


PIECES = ["Option {x} is too small.", "({x}) cannot be.", "We rule out {x}.", "A dog barks.",
          "It is 4, so {x} is wrong.",
          "Options {x} and {y} are wrong.", "Nothing else to say.", "The answer is {x}."]


@given(st.lists(st.tuples(st.sampled_from(PIECES), st.sampled_from(LETTERS), st.sampled_from(LETTERS)), max_size=8),
       st.integers(1, 3), st.sampled_from(LETTERS))
def test_there_and_back_again(parts: list[tuple[str, str, str]], shift: int, letter: str) -> None:
    text = "\n".join([*(piece.format(x=x, y=y) for piece, x, y in parts), f"Answer: {letter}"])
    _, back = rotate(RECORD, shift)
    forth = {original: shown for shown, original in back.items()}
    mapped = map_letters(text, back)
    assert mapped is not None
    assert extract.extract_answer(mapped) == back[letter]
    assert map_letters(mapped, forth) == text


@given(st.text(alphabet="ABCDabcd .,:()\nOption answer is", max_size=80), st.integers(1, 3))
def test_what_is_mapped_can_be_mapped_back(text: str, shift: int) -> None:
    _, back = rotate(RECORD, shift)
    mapped = map_letters(text, back)
    if mapped is not None:
        assert len(mapped) == len(text)
        assert sorted(sign.isupper() for sign in mapped) == sorted(sign.isupper() for sign in text)
