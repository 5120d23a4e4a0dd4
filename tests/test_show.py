"""show.py through its command line: overview, one record, filters, differences, journals, big files."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from stepladder.core.cli import PROJECT
from stepladder.core.errors import InputError
from stepladder.core.files import write_json
from stepladder.show import where

RECORDS = [
    {"id": f"q/{n}", "question": f"Question number {n}?", "choices": {"A": "1", "B": "2", "C": "3", "D": "[b]4"},
     "answer": "ABCD"[n % 4], "source": "puzzle" if n % 2 else "sample", "domain": "Law", "difficulty": float(n),
     "cot": {"status": "verified" if n < 5 else "failed", "tokens": 10 * n}, "chain_of_thought": "Because.\nAnswer: A"}
    for n in range(10)]


def show(*arguments: object) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, str(PROJECT / "scripts" / "show.py"), *map(str, arguments), "--profile",
                           "laptop"], capture_output=True, text=True, check=False)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    write_json(tmp_path / "x.json", RECORDS)
    return tmp_path / "x.json"


def test_overview_counts_and_spreads(file: Path) -> None:
    view = json.loads(show("look", file, "--json").stdout)
    assert view["records"] == 10
    assert view["counts"]["source"] == {"sample": 5, "puzzle": 5}
    assert view["counts"]["cot.status"] == {"verified": 5, "failed": 5}
    assert view["spreads"]["difficulty"] == {"min": 0.0, "p25": 2.0, "p50": 5.0, "p75": 7.0, "p95": 9.0, "max": 9.0,
                                             "mean": 4.5}
    text = show("look", file).stdout
    assert "10 records" in text
    assert "verified" in text


def test_one_record_by_id_shows_everything(file: Path) -> None:
    text = show("look", file, "--id", "q/3").stdout
    for part in ("Question number 3?", "[b]4", "Because.", "Answer: A", "difficulty", "3.0"):
        assert part in text
    missing = show("look", file, "--id", "q/99")
    assert (missing.returncode, len(missing.stderr.splitlines())) == (2, 1)


def test_filter_list_and_random(file: Path) -> None:
    lines = show("look", file, "--where", "difficulty>7 and source=puzzle", "--list").stdout.splitlines()
    assert [line.split("\t")[0] for line in lines] == ["q/9"]
    record = json.loads(show("look", file, "--where", "cot.status=failed", "--random", "--seed", 1, "--json").stdout)
    assert record["cot"]["status"] == "failed"


@pytest.mark.parametrize(("text", "ids"), [
    ("difficulty>=8", {8, 9}), ("difficulty < 1", {0}), ("answer!=A and difficulty<3", {1, 2}), ("id~Q/7", {7}),
    ("question!~number", set()), ("missing=null and difficulty=4.0", {4}), ("missing>3", set()),
    ("question>5", set(range(10))), ("cot.tokens=50", {5}), ("source='puzzle' and difficulty<=1", {1})])
def test_where(text: str, ids: set[int]) -> None:
    passes = where.parse(text)
    assert {n for n, record in enumerate(RECORDS) if passes(record)} == ids


@pytest.mark.parametrize("text", ["", "difficulty", "a>b", "__import__('os')", "difficulty>7 or x=1 >"])
def test_where_refuses_what_it_cannot_read(text: str) -> None:
    with pytest.raises(InputError, match="--where"):
        where.parse(text)


def test_difference(file: Path, tmp_path: Path) -> None:
    changed = [RECORDS[1], RECORDS[0] | {"difficulty": 5.5}, *RECORDS[3:], {"id": "q/new"}]
    write_json(tmp_path / "y.json", changed)
    view = json.loads(show("diff", file, tmp_path / "y.json", "--json").stdout)
    assert view["added"] == ["q/new"]
    assert view["removed"] == ["q/2"]
    assert view["changed"] == {"q/0": ["difficulty"]}
    assert view["same"] == 8
    assert view["same_order"] is False
    assert "1 changed, 1 added, 1 removed" in show("diff", file, tmp_path / "y.json").stdout.replace("\n", " ")


def test_a_running_stage_can_be_looked_into(tmp_path: Path) -> None:
    journal = tmp_path / "x.partial.jsonl"
    journal.write_text('{"fingerprint":"f"}\n' + "".join(json.dumps(r) + "\n" for r in RECORDS[:3]) + '{"id": "torn')
    assert json.loads(show("look", journal, "--json").stdout)["records"] == 3


@pytest.mark.parametrize("content", ["[1, 2]", "7", "{", ""])
def test_what_is_no_output_is_one_line(tmp_path: Path, content: str) -> None:
    (tmp_path / "bad.json").write_text(content)
    done = show("look", tmp_path / "bad.json")
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert show("look", tmp_path / "absent.json").returncode == 2


def test_summary_of_an_empty_run_says_so(tmp_path: Path) -> None:
    done = show("summary", "--workdir", tmp_path)
    assert done.returncode == 0
    assert "not there yet" in done.stdout
