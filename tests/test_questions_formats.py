"""The sources' formats, each with the traps its published files hold. All rows here were written for the tests."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from stepladder.core.errors import InputError
from stepladder.questions.formats import labelled, logiqa, mmlu, opentriviaqa, own, triviaqa
from stepladder.questions.normalise import to_record
from stepladder.questions.rows import Rejection, Row


def write(path: Path, content: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def rows(items) -> list[Row]:
    found = list(items)
    assert all(isinstance(item, Row) for item in found), found
    return found


# -- MMLU -------------------------------------------------------------------------------------------------------------


def test_mmlu_reads_quoted_newlines_numbers_none_and_a_missing_last_newline(tmp_path: Path) -> None:
    write(
        tmp_path / "val/cooking_val.csv",
        'How many eggs?,1,2,3,4,B\n"Read:\n""mix, then wait""\r\nWhat next?",None,NA,null,nan,A\n'
        "Age\x85?,0,1.50,007,9,D",
    )
    first, second, third = rows(mmlu.from_files(tmp_path))
    assert (first.id, first.subject, first.split) == ("mmlu/cooking/val/0", "cooking", "validation")
    assert (first.options, first.key) == (["1", "2", "3", "4"], 1)
    assert second.options == ["None", "NA", "null", "nan"]
    assert "\n" in second.question
    assert '"mix, then wait"' in second.question
    assert third.options == ["0", "1.50", "007", "9"]


def test_mmlu_does_not_lose_the_first_row_to_a_header_and_reads_exports_with_one(tmp_path: Path) -> None:
    write(tmp_path / "a/tea_test.csv", "Is it hot?,w,x,y,z,C\n")
    write(tmp_path / "b/tea_dev.csv", "question,choice0,choice1,choice2,choice3,answer\nIs it cold?,w,x,y,z,3\n")
    found = {row.id: row.key for row in rows(mmlu.from_files(tmp_path))}
    assert found == {"mmlu/tea/test/0": 2, "mmlu/tea/dev/0": 3}


def test_mmlu_rows_torn_by_unescaped_quotes_are_rejected_alone(tmp_path: Path) -> None:
    path = write(
        tmp_path / "tea_test.csv",
        'question,A,B,C,D,answer\n"Say "tea", or "milk"?","a","b","c","d",1\n"Fine?","a","b","c","d",2\n',
    )
    broken, fine = mmlu.from_files(path)
    assert isinstance(broken, Rejection)
    assert broken.reason == "broken row"
    assert isinstance(fine, Row)
    assert fine.id == "mmlu/tea/test/1"


def test_mmlu_hub_rows_are_numbered_within_subject_and_split() -> None:
    content = {"question": "q", "choices": ["a", "b", "c", "d"], "answer": 0}
    pairs = [("validation", {**content, "subject": name}) for name in ("anatomy", "law", "anatomy")]
    found = rows(mmlu.from_hub([*pairs, ("auxiliary_train", {**content, "subject": ""})]))
    assert [row.id for row in found] == [
        "mmlu/anatomy/val/0",
        "mmlu/law/val/0",
        "mmlu/anatomy/val/1",
        "mmlu/auxiliary_train/aux/0",
    ]
    assert [row.split for row in found] == ["validation"] * 3 + ["train"]


# -- CommonsenseQA, ARC, OpenBookQA -----------------------------------------------------------------------------------


def item(identity: str, texts: list[str], key: str | None, labels: str = "ABCDE") -> dict:
    choices = [{"label": label, "text": text} for label, text in zip(labels, texts, strict=False)]
    return {
        "id": identity,
        "question": {"stem": f"{identity}?", "choices": choices},
        **({} if key is None else {"answerKey": key}),
    }


def test_labelled_rows_with_letters_numbers_and_no_key(tmp_path: Path) -> None:
    lines = [
        item("five", list("vwxyz"), "E"),
        item("numbers", list("wxyz"), "2", "1234"),
        item("open", list("vwxyz"), None),
        item("lost", list("wxyz"), "G"),
    ]
    path = write(tmp_path / "dev_rand_split.jsonl", "\n".join([*map(json.dumps, lines), "{torn"]))
    five, numbers, unkeyed, lost, torn = labelled.from_files("commonsenseqa")(path)
    assert (five.id, five.key, five.split) == ("commonsenseqa/five", 4, "dev")
    assert numbers.key == 1
    assert unkeyed.reason == "no key"
    assert to_record(lost, 999).reason == "the key is none of the options"
    assert torn.reason == "broken row"


def test_labelled_reads_the_hubs_form() -> None:
    row = {
        "id": "x",
        "question_stem": "s?",
        "choices": {"label": ["A", "B", "C", "D"], "text": list("wxyz")},
        "answerKey": "C",
    }
    (found,) = rows(labelled.from_hub("openbookqa")([("main/train", row)]))
    assert (found.question, found.options, found.key, found.split) == ("s?", list("wxyz"), 2, "train")


@pytest.mark.parametrize("count", [3, 5])
def test_three_options_are_rejected_and_five_lose_a_wrong_one(count: int) -> None:
    parsed = labelled.parse(item("n", list("vwxyz")[:count], "B"), "arc", "train", "0")
    record = to_record(parsed, 999)
    if count == 3:
        assert record.reason == "not four options"
    else:
        assert len(record["choices"]) == 4
        assert record["choices"][record["answer"]] == "w"
        assert "left out the wrong option" in record["note"]


# -- LogiQA -----------------------------------------------------------------------------------------------------------


def block(letter: str, options: list[str], context: str = "All cats sleep.") -> str:
    return "\n".join(["", letter, context, "What follows?", *options]) + "\n"


def test_logiqa_key_means_the_printed_letter_not_the_line(tmp_path: Path) -> None:
    path = write(tmp_path / "Test.txt", block("b", ["A.ant", "C.cow", "B.bee", "D.dog"]))
    (row,) = rows(logiqa.from_files(path))
    assert row.options == ["ant", "bee", "cow", "dog"]
    assert (row.options[row.key], row.id, row.split) == ("bee", "logiqa/test/0", "test")
    assert "ACBD" in row.note


@pytest.mark.parametrize(
    ("printed", "expected"),
    [
        (["A.ant", "Shed B.3", "C.cow", "D.dog"], ["ant", "Shed 3", "cow", "dog"]),
        (["A ant", "B bee", "C cow", "D dog"], ["ant", "bee", "cow", "dog"]),
        (["A? ant", "b.bee", "C.cow", "D.dog"], ["ant", "bee", "cow", "dog"]),
        (["A.A and B lie", "B.A lies", "C.C lies", "D.D"], ["A and B lie", "A lies", "C lies", "D"]),
        (["A cat ran", "One bee", "Two cows", "Three dogs"], ["cat ran", "One bee", "Two cows", "Three dogs"]),
    ],
)
def test_logiqa_mangled_prefixes(printed: list[str], expected: list[str]) -> None:
    assert logiqa.by_printed_letter(printed)[0] == expected


def test_logiqa_goes_on_after_a_broken_row(tmp_path: Path) -> None:
    good = block("a", ["A.ant", "B.bee", "C.cow", "D.dog"])
    path = write(tmp_path / "Train.txt", good + "\nb\nonly a context\n" + good)
    first, broken, last = logiqa.from_files(path)
    assert isinstance(first, Row)
    assert isinstance(last, Row)
    assert broken.reason == "broken row"


def test_an_option_that_swallowed_the_next_question_is_rejected() -> None:
    swallowed = "to wait. B. to run. C. to hide. " + "What did he do then? " * 20 + "A. nothing"
    record = to_record(Row("r", "logiqa", "Why?", ["x", swallowed, "y", "z"], 0), 9_999)
    assert record.reason == "options run together"


# -- OpenTriviaQA -----------------------------------------------------------------------------------------------------


def test_opentriviaqa_text(tmp_path: Path) -> None:
    text = (
        b"#Q First line\r\nsecond line?\r\n^ Caf\xe9\r\nA Tea\r\nB Caf\xe9\r\nC Milk\r\nD Water\r\n\r\n"
        b"#Q True?\n^ True\nA True\nB False\n\n#Q Which?\n^ Gone\nA w\nB x\nC y\nD z\n\n"
        b"#Q Blank?\n^ x\nA \nB x\nC y\nD z\n"
    )
    first, two, gone, blank = rows(opentriviaqa.from_files(write(tmp_path / "drinks", text)))
    assert (first.id, first.question) == ("opentriviaqa/drinks/0", "First line\nsecond line?")
    assert (first.options, first.key) == (["Tea", "Caf\u00e9", "Milk", "Water"], 1)
    assert to_record(two, 999).reason == "not four options"
    assert to_record(gone, 999).reason == "the key is none of the options"
    assert to_record(blank, 999).reason == "empty choice"


# -- TriviaQA ---------------------------------------------------------------------------------------------------------


def test_triviaqa_nested_and_flat(tmp_path: Path) -> None:
    nested = {
        "Data": [
            {"QuestionId": "tc_1", "Question": "Where?", "Answer": {"Value": "Oslo", "Aliases": ["oslo", "Oslo"]}},
            {"QuestionId": "tc_2", "Question": "What?", "Answer": {}},
        ]
    }
    write(tmp_path / "web-train.json", json.dumps(nested))
    write(tmp_path / "more.jsonl", json.dumps({"id": "test_7", "question": "Who?", "golden_answers": ["B b", "A a"]}))
    flat, first, unkeyed = triviaqa.from_files(tmp_path)
    assert (first.id, first.aliases, first.canonical, first.split) == ("triviaqa/tc_1", ["Oslo", "oslo"], True, "train")
    assert (flat.canonical, flat.split) == (False, "test")
    assert unkeyed.reason == "no key"


# -- the project's own format -----------------------------------------------------------------------------------------


def record(**changes) -> dict:
    return {"id": "q1", "question": "Q?", "choices": dict(zip("ABCD", "wxyz", strict=True)), "answer": "A", **changes}


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (record(choices={"A": "w", "B": "x", "C": "y"}), "not four choices A-D"),
        (record(answer="E"), "answer is not A, B, C or D"),
                (record(id=[7]), "no id"),
        ("text", "not an object"),
        (record(question="  "), "no question"),
        (record(choices=dict(zip("ABCD", ["", "x", "y", "z"], strict=True))), "empty choice"),
    ],
)
def test_own_format_rejects_records_by_reason(tmp_path: Path, bad, reason: str) -> None:
    rejected, good = own.read_file(write(tmp_path / "q.json", json.dumps([bad, record(id="q2")])), "json")
    assert isinstance(rejected, Rejection)
    assert rejected.reason == reason
    assert isinstance(good, Row)


@pytest.mark.parametrize("content", [b"[]", b"{}", b"[1, 2", b"\xff\xfe[", b""])
def test_own_format_refuses_files_that_are_none(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(InputError):
        own.read_file(write(tmp_path / "q.json", content), "json")


def test_a_folder_without_fitting_files_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"holds no \*\.csv"):
        list(mmlu.from_files(tmp_path))
