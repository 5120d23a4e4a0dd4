"""Questions that people bring: any table, its columns guessed or told, read as they were meant or refused in a line."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from stepladder.core.errors import InputError
from stepladder.questions.formats import mapped
from stepladder.questions.normalise import to_record
from stepladder.questions.rows import Rejection, Row

SCRIPT = Path(__file__).resolve().parents[1] / "scripts" / "00_collect_questions.py"
ASKED = [("Capital of Peru?", ["Lima", "Cusco", "Quito", "Bogota"], 0),
         ("Largest planet?", ["Mars", "Jupiter", "Venus", "Earth"], 1),
         ("What is H2O?", ["Salt", "Gold", "Iron", "Water"], 3)]
LETTERS = "ABCDEFGHIJ"


def write(path: Path, rows: list[dict[str, Any]], delimiter: str = ",") -> Path:
    """The rows in the form that the file's name says."""
    if path.suffix == ".json":
        path.write_text(json.dumps(rows))
    elif path.suffix == ".jsonl":
        path.write_text("\n".join(map(json.dumps, rows)))
    elif path.suffix == ".parquet":
        parquet.write_table(pyarrow.Table.from_pylist(rows), path)
    else:
        with path.open("w", newline="") as file:
            table = csv.DictWriter(file, list(rows[0]), delimiter=delimiter)
            table.writeheader()
            table.writerows(rows)
    return path


def read(path: Path, **told: str) -> list[Row | Rejection]:
    return list(mapped.read_file(path, "mine", told))


def meant(found: list[Row | Rejection]) -> list[tuple[str, list[str], int | None]]:
    assert all(isinstance(one, Row) for one in found), found
    return [(one.question, one.options, one.key) for one in found]


def letters(options: list[str]) -> dict[str, str]:
    return dict(zip(LETTERS, options, strict=False))


LAYOUTS = {
    "own": lambda q, o, k: {"question": q, "choices": letters(o), "answer": LETTERS[k]},
    "list, index from 0": lambda q, o, k: {"question": q, "choices": o, "answer": k},
    "list, letter": lambda q, o, k: {"question_text": q, "options": o, "correct_answer": LETTERS[k].lower()},
    "list, text": lambda q, o, k: {"stem": q, "Choices": o, "answerKey": o[k]},
    "objects": lambda q, o, k: {"question": {"stem": q, "choices": [
        {"label": label, "text": text} for label, text in letters(o).items()]}, "answerKey": LETTERS[k]},
    "labels beside": lambda q, o, k: {"question_stem": q, "choices": {"label": list("1234"), "text": o},
                                      "answerKey": str(k + 1)},
    "wrong ones": lambda q, o, k: {"question": q, "correct_answer": o[k], **{
        f"distractor{n}": text for n, text in enumerate(o[:k] + o[k + 1:], 1)}},
    "incorrect list": lambda q, o, k: {"question": q, "correct_answer": o[k], "incorrect_answers": o[:k] + o[k + 1:]}}
FLAT = {
    "columns a to d": lambda q, o, k: {"Question": q, "key": LETTERS[k],
                                       **{x.lower(): t for x, t in letters(o).items()}},
    "option1 to option4, from 1": lambda q, o, k: {"prompt": q, **{f"option {n}": t for n, t in enumerate(o, 1)},
                                                   "correct option": str(k + 1)},
    "opa to opd, cop": lambda q, o, k: {"question": q, **{f"op{x.lower()}": t for x, t in letters(o).items()},
                                        "cop": str(k)},
    "one cell, lettered": lambda q, o, k: {"question": q, "answer": f"{LETTERS[k]}) {o[k]}",
                                           "options": " ".join(f"{x}) {t}" for x, t in letters(o).items())},
    "one cell, bars": lambda q, o, k: {"question": q, "options": " | ".join(o), "answer": o[k].upper()},
    "one cell, list": lambda q, o, k: {"question": q, "options": str(o), "label": f"({LETTERS[k]})"}}


@pytest.mark.parametrize("ending", [".json", ".jsonl", ".parquet"])
@pytest.mark.parametrize("layout", list(LAYOUTS))
def test_the_usual_layouts_are_read_as_they_were_meant(tmp_path: Path, layout: str, ending: str) -> None:
    found = meant(read(write(tmp_path / f"q{ending}", [LAYOUTS[layout](*asked) for asked in ASKED])))
    keys = [(question, sorted(options), options[key]) for question, options, key in found]
    assert keys == [(question, sorted(options), options[key]) for question, options, key in ASKED]
    assert layout in ("wrong ones", "incorrect list") or found == ASKED, "in the order they stand in"


@pytest.mark.parametrize(("ending", "delimiter"), [(".csv", ","), (".csv", ";"), (".tsv", "\t")])
@pytest.mark.parametrize("layout", list(FLAT))
def test_the_usual_tables_are_read_as_they_were_meant(
        tmp_path: Path, layout: str, ending: str, delimiter: str) -> None:
    path = write(tmp_path / f"q{ending}", [FLAT[layout](*asked) for asked in ASKED], delimiter)
    assert meant(read(path)) == ASKED


WORDS = st.text("abcdefghijklmnopqrstuvwxyz", min_size=2, max_size=8)
WILD = st.lists(st.tuples(st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=20),
                          st.lists(WORDS, min_size=4, max_size=4, unique=True), st.integers(0, 3)),
                min_size=2, max_size=8).map(
    lambda rows: [*rows, ("first?", ["xa", "xb", "xc", "xd"], 0), ("last?", ["ya", "yb", "yc", "yd"], 3)])


@settings(deadline=None, max_examples=40)
@given(WILD, st.sampled_from([*LAYOUTS, *FLAT]))
def test_no_key_is_ever_read_as_another(tmp_path_factory: pytest.TempPathFactory, rows: Any, layout: str) -> None:
    """Whatever a row says: it is read as meant, or rejected."""
    content = [{**LAYOUTS, **FLAT}[layout](*row) for row in rows]
    found = read(write(tmp_path_factory.mktemp("wild") / "q.json", content))
    assert len(found) == len(rows)
    for (_, options, key), one in zip(rows, found, strict=True):
        assert isinstance(one, Rejection) or one.options[one.key] == options[key]


def test_numbers_tell_where_they_begin_or_must_be_told(tmp_path: Path) -> None:
    def numbered(*keys: int) -> Path:
        return write(tmp_path / "q.json", [
            {"question": f"{n}?", "choices": ["w", "x", "y", "z"], "answer": key} for n, key in enumerate(keys)])

    assert [row.key for row in read(numbered(0, 3, 1))] == [0, 3, 1]
    assert [row.key for row in read(numbered(1, 4, 2))] == [0, 3, 1]
    with pytest.raises(InputError, match="do not tell whether the first option is 0 or 1; say it with --map first=0"):
        read(numbered(1, 2, 3))
    assert [row.key for row in read(numbered(1, 2, 3), first="1")] == [0, 1, 2]
    assert [row.key for row in read(numbered(1, 2, 3), first="0")] == [1, 2, 3]
    texts = write(tmp_path / "t.json", [{"question": "1 + 1?", "choices": ["1", "2", "3", "4"], "answer": "2"}])
    assert read(texts)[0].key == 1, "an option's own text comes before its number"


def test_columns_are_told_and_missing_ones_named(tmp_path: Path) -> None:
    path = write(tmp_path / "q.csv", [{"Frage": q, **letters(o), "richtig": LETTERS[k]} for q, o, k in ASKED])
    with pytest.raises(InputError, match=r"which column is the question and which are the answer\? It has Frage, A, B, "
                                         r"C, D, richtig; say it with --map question=COLUMN,answer=COLUMN"):
        read(path)
    assert meant(read(path, question="Frage", answer="richtig", choices="A+B+C+D")) == ASKED
    assert [row.key for row in read(path, **{"mine.question": "Frage", "answer": "richtig"})] == [0, 1, 3]
    with pytest.raises(InputError, match="has no column 'Fragen' for the question"):
        read(path, question="Fragen", answer="richtig")
    with pytest.raises(InputError, match=r"--map frage=\.\.\.: no such field"):
        read(path, frage="Frage")


def test_ids_come_from_the_content_and_do_not_depend_on_the_place(tmp_path: Path) -> None:
    rows = [LAYOUTS["list, text"](*asked) for asked in ASKED]
    first, second = (read(write(tmp_path / f"{name}.json", order)) for name, order in (("a", rows), ("b", rows[::-1])))
    assert [row.id for row in first] == [row.id for row in second[::-1]]
    assert len({row.id for row in first}) == 3
    numbered = read(write(tmp_path / "c.json", [{**row, "id": n} for n, row in enumerate(rows)]))
    assert [row.id for row in numbered] == ["mine/0", "mine/1", "mine/2"]


def test_two_to_ten_options_become_four_or_a_rejection(tmp_path: Path) -> None:
    content = [{"question": f"{count}?", "choices": [f"text {n}" for n in range(count)], "answer": f"text {count - 1}"}
               for count in range(2, 11)]
    records = [to_record(row, 999) for row in read(write(tmp_path / "q.json", content))]
    assert [one.reason for one in records[:2]] == ["not four options"] * 2
    for count, record in enumerate(records[2:], 4):
        assert record["choices"][record["answer"]] == f"text {count - 1}"
        assert len(set(record["choices"].values())) == 4
        assert record.get("note", "").count("left out the wrong option") == count - 4


@pytest.mark.parametrize(("row", "reason"), [
    ({"question": "Q?", "choices": ["w", "x", "y", "z"], "answer": "v"}, "the key is none of the options"),
    ({"question": "Q?", "choices": ["w", "x", "y", "z"], "answer": "E"}, "the key is none of the options"),
    ({"question": "Q?", "choices": ["w", "x", "y", "z"], "answer": None}, "no key"),
    ({"question": "Q?", "choices": ["w", "x", "y", "z"], "answer": True}, "the key is none of the options"),
    ({"question": "Q?", "choices": ["B", "A", "y", "z"], "answer": "A"}, "the key is none of the options"),
    ({"question": None, "choices": ["w", "x", "y", "z"], "answer": "w"}, "no question"),
    ({"question": "Q?", "choices": "w", "answer": "w"}, "no options"),
    ({"question": "Q?", "choices": [["w"], "x"], "answer": "x"}, "no options"), (["torn"], "broken row")])
def test_what_cannot_be_read_for_certain_is_left_out_with_its_reason(tmp_path: Path, row: Any, reason: str) -> None:
    good = [LAYOUTS["list, text"](*asked) | {"question": "ok", "choices": asked[1], "answer": asked[1][asked[2]]}
            for asked in ASKED]
    *_, bad = read(write(tmp_path / "q.json", [*good, row]), question="question", choices="choices", answer="answer")
    assert (bad.reason, bad.row) == (reason, row)


@pytest.mark.parametrize(("name", "content", "said"), [
    ("q.csv", b"question,a,b,c,d,answer\n", "no rows below its header"), ("q.parquet", b"PAR1", "as Parquet"),
    ("q.json", b'{"a": 1}', "holds dict"), ("q.jsonl", b"\n", "has no records")])
def test_files_that_are_none_are_one_line(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=said):
        read(tmp_path / name)


# -- through the stage ------------------------------------------------------------------------------------------------

def stage(folder: Path, *flags: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, str(SCRIPT), "--profile", "laptop", "--workdir", str(folder), *flags],
                          capture_output=True, text=True, check=False)


def many(count: int) -> list[dict[str, Any]]:
    """Questions that share few words."""
    return [{"stem": f"Which wug{n} does zib{n * 7} fep{n * 13} at tor{n * 3}?", "right": f"kal{n}",
             **{x: f"kal{n + place}" for place, x in enumerate("abcd")}} for n in range(count)]


def test_a_table_goes_in_beside_the_profiles_questions_and_is_held_out_too(tmp_path: Path) -> None:
    path = write(tmp_path / "q.csv", many(200))
    flags = ("--from", f"mine={path}", "--map", "question=stem,answer=right")
    looked = stage(tmp_path, *flags, "--preview")
    assert looked.returncode == 0, looked.stderr
    assert "choices = a+b+c+d, answer = right; 200 with 4 options" in looked.stdout
    assert "nothing was written" in looked.stdout
    assert not (tmp_path / "data").exists()
    assert stage(tmp_path, *flags).returncode == 0
    folder = tmp_path / "data" / "enhanced"
    parts = {name: [one for one in json.loads((folder / f"{name}_sample.json").read_bytes()) if one["source"] == "mine"]
             for name in ("questions", "validation", "test")}
    assert all(parts.values()), "in each part"
    assert sum(map(len, parts.values())) >= 190
    assert all(one["choices"][one["answer"]] == f"kal{one['question'].split('wug')[1].split()[0]}"
               for part in parts.values() for one in part)


def test_a_source_whose_rows_are_all_rejected_ends_the_stage(tmp_path: Path) -> None:
    path = write(tmp_path / "q.csv", many(5), ";")
    ended = stage(tmp_path, "--from", f"mmlu={path}")
    assert ended.returncode == 2
    assert "all 6 rows of --from mmlu=... were rejected" in ended.stderr
    assert "--from mine=PATH" in ended.stderr
    assert not (tmp_path / "data/enhanced/questions_sample.json").exists()


def test_questions_that_are_all_alike_are_warned_of(tmp_path: Path) -> None:
    passage = "Ann has three red cats, two old dogs, one grey parrot and a blue fish."
    rows = [{"question": f"{passage} What is number {n}?", "answer": 0,
             "choices": [str(n + place) for place in range(4)]} for n in range(20)]
    rows[0]["answer"] = 3
    ended = stage(tmp_path, "--from", f"mine={write(tmp_path / 'q.json', rows)}", "--only-source", "mine")
    assert "without them a student can be neither judged nor tested" in ended.stdout


def test_a_data_set_of_the_hub_is_read_by_its_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    from stepladder.core.settings import Questions
    from stepladder.questions import hub, sources

    asked: list[Any] = []

    def load(*arguments: Any) -> dict[str, list[dict[str, Any]]]:
        asked.append(arguments[:4])
        return {"train": many(3), "test": many(4)[3:]}

    monkeypatch.setattr(hub, "_load", load)
    chosen = Questions(local=["mine=hf://datasets/me/quiz@v1.2/hard"], map={"question": "stem", "answer": "right"})
    assert sources.wanted(chosen) == ["sample", "puzzle", "mine"]
    found = list(sources.rows("mine", chosen, Path(), 0))
    assert asked == [("me/quiz", "hard", None, "v1.2")]
    assert [(row.split, row.options[row.key]) for row in found] == [
        ("train", "kal0"), ("train", "kal1"), ("train", "kal2"), ("test", "kal3")]
    for bad in ("mine=hf://datasets/quiz", "mmlu=hf://datasets/me/quiz", "My Name=q.csv", "sample=q.csv"):
        with pytest.raises(InputError, match="--from"):
            sources.wanted(Questions(local=[bad]))
