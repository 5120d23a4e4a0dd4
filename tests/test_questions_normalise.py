"""Rows to records: cleaning, four options, rejections, and letters; small rows for each oddity of published data."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepladder.core.options import may_permute
from stepladder.core.records import problem
from stepladder.questions.letters import balance
from stepladder.questions.normalise import to_record
from stepladder.questions.rows import Rejection, Row
from stepladder.questions.text import clean


def row(options: list[str], key: int = 0, question: str = "Which one?") -> Row:
    return Row("r/1", "test", question, options, key)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("a\u0096b", "a\u2013b"),
        ("it\u0092s", "it\u2019s"),
        ("wait\u0085", "wait\u2026"),
        ("caf\u00c3\u00a9", "caf\u00e9"),
        ("\u00c2\u00a7 3", "\u00a7 3"),
        ("a\u2028b\x0cc\r\nd", "a\nb\nc\nd"),
        ("zero\u200bwidth\ufeff", "zerowidth"),
        ("no\u00a0break", "no break"),
        ("  edges\t", "edges"),
        ('"Who said ""x""?"', 'Who said "x"?'),
        ('"x" and "y"', '"x" and "y"'),
        ("\u6709 \u767d \u672f", "\u6709 \u767d \u672f"),
        ("x_1 $\\frac{a}{b}$ <b>", "x_1 $\\frac{a}{b}$ <b>"),
        ("tab\tinside", "tab\tinside"),
        ("\u00c9t\u00e9 \u00a9 \u00e2ge", "\u00c9t\u00e9 \u00a9 \u00e2ge"),
    ],
)
def test_clean_repairs_what_is_broken_and_nothing_else(raw: str, expected: str) -> None:
    assert clean(raw) == expected


@given(st.text())
def test_clean_is_stable_and_writable(text: str) -> None:
    once = clean(text)
    assert clean(once).encode("utf-8").decode() == clean(once)
    assert "\r" not in once
    assert "\x00" not in once


@pytest.mark.parametrize(
    ("options", "key", "reason"),
    [
        (["60", "60", "7", "8"], 0, "the key's text under two letters"),
        (["60", "7", "8", "8"], 0, "equal choices"),
        (["a", "b ", "b", "c"], 0, "equal choices"),
        (["a", "", "b", "c"], 0, "empty choice"),
        (["a", "b", "c"], 0, "not four options"),
        (["a", "b", "c", "d"], 4, "the key is none of the options"),
        (["a", "b", "c", "x" * 999], 0, "too long"),
    ],
)
def test_rejections(options: list[str], key: int, reason: str) -> None:
    rejected = to_record(row(options, key), 500)
    assert isinstance(rejected, Rejection)
    assert rejected.reason == reason


@pytest.mark.parametrize(
    "options",
    [
        ["BB Bb", "BB bb", "Bb Bb", "bb bb"],
        ["None", "NA", "nan", "null"],
        ["A", "B", "C", "D"],
        ["1", "2", "3", "4"],
        ["a\nb", "a b", "c", "d"],
        ["D. Hughes", "B. F. Skinner", "A. Milne", "C. Lewis"],
        ["w", "All of these", "y", "z"],
    ],
)
def test_odd_options_stay_as_they_are(options: list[str]) -> None:
    assert list(to_record(row(options), 500)["choices"].values()) == options


def test_labels_go_only_where_every_option_has_its_own() -> None:
    assert list(to_record(row(["(A) in", "(B) out", "(C) up", "(E) down"]), 500)["choices"].values()) == [
        "in",
        "out",
        "up",
        "down",
    ]
    kept = ["A. Adams", "Bo", "Cy", "Di"]
    assert list(to_record(row(kept), 500)["choices"].values()) == kept


def test_five_options_lose_the_repeated_wrong_one_first_and_never_the_key() -> None:
    record = to_record(row(["mortal", "dying", "death", "dead", "dying"], 0), 500)
    assert sorted(record["choices"].values()) == ["dead", "death", "dying", "mortal"]
    assert record["choices"][record["answer"]] == "mortal"


def test_five_options_that_name_letters_cannot_lose_one() -> None:
    assert (
        to_record(row(["a", "b", "c", "both A and B", "d"], 0), 500).reason == "options that speak of one another"
    )


@given(st.lists(st.text(min_size=1, max_size=8), min_size=3, max_size=6), st.integers(0, 5), st.text(max_size=30))
def test_any_row_becomes_a_valid_record_or_a_reason(options: list[str], key: int, question: str) -> None:
    found = to_record(row(list(options), key, question), 100)
    if isinstance(found, Rejection):
        assert found.reason
    else:
        assert problem(found) is None
        assert found["choices"][found["answer"]] == clean(options[key])


@pytest.mark.parametrize(
    "text",
    [
        "both A and B",
        "A and C only",
        "(A) and (B) both in the same way",
        "all of the above",
        "None of these.",
        "Both a and b",
        "neither a nor b.",
        "All of (a), (b) and (c) will be true.",
        "Not listed here as an option",
        "B alone",
        "none",
        "both of above",
    ],
)
def test_options_that_speak_of_options_are_never_moved(text: str) -> None:
    record = {
        "id": "x",
        "question": "q",
        "choices": dict(zip("ABCD", ["w", "x", "y", text], strict=True)),
        "answer": "A",
    }
    assert not may_permute(record)
    many = balance([{**record, "id": str(number)} for number in range(20)])
    assert all(item["choices"] == record["choices"] and item["answer"] == "A" for item in many)


@pytest.mark.parametrize(
    "text", ["Vitamin C", "a cat and a dog", "Both have roots.", "The A team", "neither hot nor cold"]
)
def test_plain_options_may_be_moved(text: str) -> None:
    assert may_permute({"choices": dict(zip("ABCD", ["w", "x", "y", text], strict=True))})


def test_letters_are_balanced_and_beginnings_do_not_depend_on_the_end() -> None:
    records = [
        {"id": str(n), "question": "q", "choices": dict(zip("ABCD", "wxyz", strict=True)), "answer": "DDDC"[n % 4]}
        for n in range(101)
    ]
    balanced = balance(records)
    counts = Counter(record["answer"] for record in balanced)
    assert max(counts.values()) - min(counts.values()) <= 3
    assert balance(records[:40]) == balanced[:40]
    assert all(
        before["choices"][before["answer"]] == after["choices"][after["answer"]]
        and sorted(after["choices"].values()) == list("wxyz")
        for before, after in zip(records, balanced, strict=True)
    )


def test_reasoning_that_names_letters_keeps_its_letters() -> None:
    records = [
        {
            "id": str(n),
            "question": "q",
            "choices": dict(zip("ABCD", "wxyz", strict=True)),
            "answer": "D",
            "chain_of_thought": "... Answer: D",
        }
        for n in range(12)
    ]
    assert balance(records) == records


@pytest.mark.parametrize(("written", "meant"), [
    ("caf\u00c3\u0192\u00c2\u00a9", "caf\u00e9"),
    ("It\u00c3\u00a2\u00e2\u201a\u00ac\u00e2\u201e\u00a2s late", "It\u2019s late"),
    ("caf\u00e9 \u2019", "caf\u00e9 \u2019"), ("\u00c5ngstr\u00f6m", "\u00c5ngstr\u00f6m")])
def test_text_encoded_twice_is_read_as_often(written: str, meant: str) -> None:
    assert clean(written) == meant


@pytest.mark.parametrize(("question", "options", "reason"), [
    ("Which conclusion follows from what was said about the experiment?", ["one", "two \u547d\u8fd0", "three", "four"],
     "stray signs of another script"),
    ("Which Chinese character means tree, of these four ones?", ["\u6728", "\u65e5", "\u4e1c", "\u6773"], None),
    ("\u54ea\u4e2a\u5b57\u7684\u610f\u601d\u662f\u6811?", ["\u6728", "\u65e5", "\u4e1c", "\u6773"], None)])
def test_stray_signs_of_another_script_are_told_from_meant_ones(
        question: str, options: list[str], reason: str | None) -> None:
    record = to_record(row(options, 0, question=question), 500)
    assert getattr(record, "reason", None) == reason


def test_options_that_all_speak_of_others_are_no_crash() -> None:
    options = ["key", "all of the above", "none of the above", "both of these", "neither of these"]
    assert to_record(row(options, 0), 500).reason == "options that speak of one another"
