"""Reply forms: what is written is read back, a cut reply keeps its letter, and the first form is as it was."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepladder.core.errors import InputError
from stepladder.core.records import LETTERS
from stepladder.engine import extract, prompts, reply_forms
from stepladder.engine.reply_forms import FORMS, JSON, LETTER_FIRST, REASONING

CHOICES = {"A": "6", "B": "Paris", "C": "a dog", "D": 'the "sum"'}
RECORD = {"id": "q1", "question": "What?", "choices": CHOICES, "answer": "B"}
letters = st.sampled_from(LETTERS)
# What verified reasonings are made of; any text at all is tried with the forms that do not depend on what it says.
sentences = st.sampled_from([
    "12 pens are 12 / 3 = 4 packs of 3.", "Each pack costs 2 dollars, so 4 x 2 = 8 dollars.", "A. 6 no",
    "B. Paris yes", "C. a dog no", 'D. the "sum" no', "A dog is an animal.",
    "Therefore x = 5.", "é ü 中文 \\(x^2\\)", "1 < 2 {}"])
reasonings = st.lists(sentences, max_size=8).map("\n".join)


@given(reasonings, letters)
@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_what_is_written_is_read_back(form: reply_forms.ReplyForm, reasoning: str, letter: str) -> None:
    reply = form.write(reasoning, letter)
    assert form.read(reply, CHOICES) == form.read(reply) == letter
    assert reasoning in form.steps(reply)
    assert extract.extract_answer(form.plain(reply), CHOICES) in (letter, None)


@given(st.text(), letters)
@pytest.mark.parametrize("form", [LETTER_FIRST, JSON], ids=lambda form: form.name)
def test_whatever_the_reasoning_says_the_stated_letter_is_read(
        form: reply_forms.ReplyForm, reasoning: str, letter: str) -> None:
    assert form.read(form.write(reasoning, letter), CHOICES) == letter


@given(reasonings | st.text(), letters, letters)
def test_a_letter_that_comes_first_outlives_every_cut(reasoning: str, letter: str, other: str) -> None:
    reply = LETTER_FIRST.write(f"{reasoning}\nAnswer: {other}\nSo the answer is {other}.", letter)
    for end in range(len(f"Answer: {letter}"), len(reply) + 1):
        assert LETTER_FIRST.read(reply[:end], CHOICES) == letter
    assert LETTER_FIRST.own(reply, CHOICES) == letter


@given(reasonings, letters)
def test_a_cut_json_reply_states_nothing_until_its_answer_is_there(reasoning: str, letter: str) -> None:
    reply = JSON.write(f"{reasoning}\nAnswer: {letter}", letter)
    place = reply.rindex(JSON.closing) + len(JSON.closing)
    for end in range(place + 1):
        assert JSON.read(reply[:end], CHOICES) is None
    assert JSON.read(reply[:place + 1], CHOICES) == letter


@given(reasonings, letters)
@pytest.mark.parametrize("form", [REASONING, JSON], ids=lambda form: form.name)
def test_a_reply_that_is_made_to_conclude_is_read_where_the_closing_begins(
        form: reply_forms.ReplyForm, reasoning: str, letter: str) -> None:
    whole = form.write(reasoning or "So.", letter)
    begun = whole[:whole.rindex(form.closing)]
    forced = begun + form.closing
    assert form.concluded(begun) == forced
    choice = form.choices[LETTERS.index(letter)]
    assert forced + choice + form.ending == whole
    before = extract.extract_answer(begun, CHOICES) if form is REASONING else None
    assert form.own(forced + choice, CHOICES) == before
    assert form.steps(forced if form is JSON else begun) == (reasoning or "So.")


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_the_opening_is_an_answer_without_reasoning(form: reply_forms.ReplyForm) -> None:
    for letter, choice in zip(LETTERS, form.choices, strict=True):
        bare = form.write("", letter)
        assert bare == form.opening + choice + form.ending
        assert extract.gives_no_reasoning(form.plain(bare), CHOICES)


@pytest.mark.parametrize(("reply", "letter"), [
    ("Answer: C\nBecause.\nAnswer: B", "C"), ("Answer:\nB\nSo it is.\nAnswer: C", "B"),
    ("**Answer: C**\nB fits too.", "C"), ("Answer: B or C\nAnswer: C", None),
    ("Answer: Paris\nIt is.", "B"), ("Answer: E\nAnswer: C", None), ("So it is clear.\nAnswer: D\nAnswer: A", "D"),
    ("C\nBecause it is.", "C"), ("I will not say.", None), ("", None), ("Answer:", None)])
def test_of_a_letter_first_reply_the_first_answer_line_counts(reply: str, letter: str | None) -> None:
    assert LETTER_FIRST.read(reply, CHOICES) == letter


@pytest.mark.parametrize(("reply", "letter"), [
    ('{"reasoning": "x", "answer": "C"}', "C"), ('```json\n{"reasoning": "x", "answer": "(C)"}\n```', "C"),
    ('{"answer": "C", "reasoning": "Answer: B"}', "C"), ('{"reasoning": "x", "answer": "Paris"}', "B"),
    ('{"reasoning": "x", "answer": "B or C"}', None), ('{"reasoning": "x", "answer": ["B"]}', None),
    ('{"reasoning": "x", "answer": "B", "answer": "C"}', None), ('{"reasoning": "\\(x\\)", "answer": "C"}', "C"),
    ('{"reasoning": "a\nb", "answer": "D"}\nUser: next', "D"), ('{"reasoning": "So the answer is C.", "ans', None),
    ('{"reasoning": "The answer is C."}', None), ('{"reasoning": "x", "answer": "none"}', None),
    ('{"reasoning": "say \\"answer\\": \\"B\\" \\(', None), ('{"a": ' * 5000, None),
    ("Hm.\nAnswer: D", "D"), ("", None)])
def test_of_a_json_reply_the_answer_field_counts(reply: str, letter: str | None) -> None:
    assert JSON.read(reply, CHOICES) == letter


@pytest.mark.parametrize(("reply", "steps"), [
    ('{"reasoning": "a \\"b\\"\\nc", "answer": "C"}', 'a "b"\nc'), ('{"reasoning": "cut off', "cut off"),
    ('{"reasoning": "\\(x\\)", "answer": "C"}', "\\(x\\)"), ('{"reasoning": "", "answer": "C"}', ""),
    ('{"reasoning": "end \\', "end "), ("no JSON", "no JSON")])
def test_the_reasoning_of_a_json_reply(reply: str, steps: str) -> None:
    assert JSON.steps(reply) == steps


def test_a_json_reply_that_stopped_without_an_answer_goes_on_from_its_reasoning() -> None:
    for reply in ('{"reasoning": "clear"}', '{"reasoning": "clear", ', '{"reasoning": "clear'):
        assert JSON.concluded(reply) == '{"reasoning": "clear", "answer": "'
    assert JSON.concluded('{"reasoning": "say \\"x\\"') == '{"reasoning": "say \\"x\\"", "answer": "'


def test_the_first_form_is_asked_closed_and_read_as_ever() -> None:
    assert REASONING.asked(RECORD) == prompts.messages(RECORD, prompts.STUDENT)
    assert REASONING.fast(RECORD) == prompts.fast(RECORD)
    assert (REASONING.closing, REASONING.choices) == (prompts.CLOSING, prompts.LETTER_CHOICES)
    assert REASONING.identity("reasoning") == prompts.identity(prompts.STUDENT)
    assert REASONING.identity("fast") == JSON.identity("fast") == prompts.identity(prompts.FAST)
    assert prompts.VARIANTS[prompts.STUDENT] == prompts.Variant(
        1, 'Reason in short steps, check each option, end with "Answer: X".')


def test_every_wording_has_an_identity_of_its_own() -> None:
    for mode in ("fast", "reasoning"):
        found = [json.dumps(form.identity(mode)) for form in FORMS.values()]
        assert len(set(found)) == (3 if mode == "reasoning" else 2)
    assert LETTER_FIRST.fast(RECORD) == (prompts.messages(RECORD, "student-letter-first"), "Answer:")


def test_weights_are_asked_in_the_form_of_the_record_beside_them(tmp_path: Path) -> None:
    folder, base = tmp_path / "models" / "s_cot_curriculum", tmp_path / "models" / "base.gguf"
    for path in (base, folder / "adapter.gguf", folder / "gguf" / "s-Q8_0.gguf", folder / "merged" / "config.json"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("{}")
    weights = [folder / "adapter.gguf", folder / "gguf" / "s-Q8_0.gguf", folder / "merged"]
    assert all(reply_forms.of_weights(path) is REASONING for path in [base, *weights])
    for content, form in (({}, REASONING), ({"reply_form": "json"}, JSON)):
        (folder / "training.json").write_text(json.dumps(content))
        assert [reply_forms.of_weights(path) for path in [base, *weights]] == [REASONING, form, form, form]
    (folder / "training.json").write_text('{"reply_form": "verse"}')
    with pytest.raises(InputError, match="'verse' is not known here"):
        reply_forms.of_weights(folder / "adapter.gguf")
