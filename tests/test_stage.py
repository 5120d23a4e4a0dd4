"""A stage is done by hashes alone; one writer at a time; errors are one line with the right exit code."""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

import pytest

from stepladder.core import cli, profiles
from stepladder.core.errors import InputError, StageError
from stepladder.core.files import hash_json, read_json, write_json
from stepladder.core.records import problem, read_questions
from stepladder.core.stage import StageRun, meta_path

GOOD = {"id": "x/1", "question": "Which?", "choices": {"A": "1", "B": "2", "C": "3", "D": "4"}, "answer": "B"}
SECTIONS = ("reasoning",)


@pytest.fixture
def make(tmp_path: Path):
    """A function that makes a stage run over tmp_path's input, with more flags where given."""
    write_json(tmp_path / "in.json", [GOOD])
    (tmp_path / "weights.bin").write_bytes(b"weights")

    def run(*flags: str, **changes: object) -> StageRun:
        parser = cli.stage_parser("x", SECTIONS)
        args = parser.parse_args(["--profile", "laptop", "--workdir", str(tmp_path), *flags])
        arguments = {"inputs": {"in": tmp_path / "in.json"}, "outputs": {"out": tmp_path / "out.json"},
                     "weights": {"model": tmp_path / "weights.bin"}, **changes}
        return StageRun("99", args, profiles.resolve(args, SECTIONS), **arguments)

    return run


def finished(stage: StageRun, content: object = ("result",)) -> None:
    with stage:
        assert not stage.is_done()
        stage.finish({"out": list(content)}, counts={"records": 1})


def test_an_output_that_is_the_input_is_refused(make, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"in.json is input and output of this run"), \
            make(outputs={"out": tmp_path / "x" / ".." / "in.json"}):
        pass


def test_done_until_something_it_depends_on_changes(make, tmp_path: Path) -> None:
    finished(make())
    assert make().why_not_done() is None
    assert "other inputs or arguments" in make("--attempts", "9").why_not_done()
    assert "other inputs or arguments" in make("--seed", "9").why_not_done()
    assert "other inputs or arguments" in make("--limit", "9").why_not_done()
    write_json(tmp_path / "in.json", [GOOD, GOOD])
    assert "other inputs or arguments" in make().why_not_done()
    write_json(tmp_path / "in.json", [GOOD])
    assert make().why_not_done() is None, "the same bytes again are the same input"


def test_outputs_and_weights_count(make, tmp_path: Path) -> None:
    finished(make())
    (tmp_path / "weights.bin").write_bytes(b"other weights")
    assert "other inputs" in make().why_not_done()
    (tmp_path / "weights.bin").write_bytes(b"weights")
    assert make().why_not_done() is None
    out = tmp_path / "out.json"
    content = out.read_bytes()
    out.write_bytes(content + b" ")
    assert "changed since" in make().why_not_done()
    out.unlink()
    assert "missing" in make().why_not_done()
    out.write_bytes(content)
    meta_path(out).unlink()
    assert "meta.json is missing" in make().why_not_done()


def test_products_count(make, tmp_path: Path) -> None:
    adapter = tmp_path / "adapter"
    adapter.mkdir()
    (adapter / "weights").write_bytes(b"1")
    finished(make(products={"adapter": adapter}))
    assert make(products={"adapter": adapter}).why_not_done() is None
    (adapter / "weights").unlink()
    assert "adapter" in make(products={"adapter": adapter}).why_not_done()


def test_meta_says_where_everything_came_from(make, tmp_path: Path) -> None:
    finished(make("--attempts", "5"))
    meta = read_json(tmp_path / "out.meta.json")
    assert meta["arguments"]["reasoning.attempts"] == {"value": 5, "from": "flag"}
    assert meta["arguments"]["reasoning.max_tokens"]["from"] == "profile"
    assert meta["counts"] == {"records": 1}
    assert len(meta["inputs"]["in"]["sha256"]) == 64
    assert meta["versions"]["python"]


def test_one_writer_at_a_time(make) -> None:
    with make(), pytest.raises(StageError, match="another run is writing"), make():
        pass


def test_a_journal_without_keys_belongs_to_its_run_and_outlives_others(make) -> None:
    journal = make().journal("out")
    journal.append({"id": "a"})
    journal.close()
    assert make("--attempts", "9").journal("out").resumed == 0
    assert make().journal("out").resumed == 1
    assert make("--force").journal("out").resumed == 0
    assert make().journal("out").resumed == 0, "started anew, it is not mixed with what was before"


def test_a_keyed_journal_serves_every_run_that_asks_for_the_same(make, tmp_path: Path,
                                                                 capsys: pytest.CaptureFixture[str]) -> None:
    make().journal("out", {"a": "key"}).append({"id": "a"})
    assert make("--attempts", "9", "--limit", "3").journal("out", {"b": "key"}).resumed == 1
    assert "going on after 1 finished records of 99_out_sample.jsonl" in capsys.readouterr().out
    assert make("--force").journal("out", {"a": "key"}).resumed == 0
    path = tmp_path / "data/enhanced/journals/99_out_sample.jsonl"
    path.write_bytes(b"garbage\n" + path.read_bytes())
    assert make().journal("out", {"a": "key"}).resumed == 1
    assert "1 unreadable lines, the first is line 1" in capsys.readouterr().out


@pytest.mark.parametrize("fits", [True, False])
def test_a_journal_of_an_earlier_version_is_taken_over_or_set_aside(make, tmp_path: Path, fits: bool) -> None:
    stage = make()
    former = tmp_path / "out.x.partial.jsonl"
    print_ = hash_json([stage.fingerprint, "more"]) if fits else "another"
    former.write_text(f'{{"fingerprint":"{print_}"}}\n{{"id":"a"}}\n{{"id":"gone"}}\n{{"id":"torn')
    assert stage.journal("out", {"a": "key"}, former="x", former_extra="more").resumed == 0
    again = make().journal("out", {"a": "key"}, former="x", former_extra="more")
    assert dict(again.records) == ({"a": {"id": "a"}} if fits else {})
    kept, = (tmp_path / "aside").glob("*/out.x.partial.jsonl")
    assert '"gone"' in kept.read_text()


@pytest.mark.parametrize(("change", "reason"), [
    ({"question": " "}, "no question"), ({"id": None}, "no id"), ({"answer": "E"}, "answer is not"),
    ({"answer": "b"}, "answer is not"), ({"choices": {"A": "1", "B": "2", "C": "3"}}, "not four choices"),
    ({"choices": ["1", "2", "3", "4"]}, "not four choices"),
    ({"choices": {"A": "1", "B": "2", "C": "3", "D": " 3 "}}, "equal choices"),
    ({"choices": {"A": "1", "B": "2", "C": "3", "D": ""}}, "empty choice"),
    ({"choices": {"A": "BB Bb", "B": "Bb Bb", "C": "3", "D": "4"}}, None), ({}, None)])
def test_problems_of_records(change: dict, reason: str | None) -> None:
    found = problem(GOOD | change)
    assert found is None if reason is None else reason in (found or "")


BAD_FILES = {
    "empty_list": (b"[]", "empty list"), "object": (b'{"a": 1}', "an object"),
    "truncated": (b'[{"id": 1}, {', "not valid"),
    "latin1": ('[{"id": "é"}]'.encode("latin-1"), "not UTF-8"), "nothing": (b"", "the file is empty"),
    "null": (b"null", "null")}


@pytest.mark.parametrize("name", BAD_FILES)
def test_files_that_are_no_question_files(tmp_path: Path, name: str) -> None:
    content, message = BAD_FILES[name]
    (tmp_path / "bad.json").write_bytes(content)
    with pytest.raises(InputError, match=message):
        read_questions(tmp_path / "bad.json")


def test_missing_and_directory(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        read_questions(tmp_path / "none.json")
    with pytest.raises(InputError, match="directory"):
        read_questions(tmp_path)


def test_malformed_and_repeated_records_are_told_apart(tmp_path: Path) -> None:
    write_json(tmp_path / "q.json", [GOOD, 7, GOOD, GOOD | {"id": "x/2", "answer": "E"}])
    valid, rejected = read_questions(tmp_path / "q.json")
    assert [record["id"] for record in valid] == ["x/1"]
    assert [(item["index"], item["reason"]) for item in rejected] == [
        (1, "not an object"), (2, "repeated id"), (3, "answer is not A, B, C or D")]


@pytest.mark.parametrize(("error", "code"), [
    ("InputError('bad')", 2), ("StageError('no')", 1), ("Interrupted('stop')", 130), ("KeyboardInterrupt()", 130),
    ("RuntimeError('in an import') from KeyboardInterrupt()", 130), ("FileNotFoundError(2, 'gone', 'x')", 1)])
def test_exit_codes_and_one_line(error: str, code: int) -> None:
    program = (f"import sys; sys.path.insert(0, {str(cli.PROJECT / 'scripts')!r})\n"
               "from stepladder.core import cli\nfrom stepladder.core.errors import *\n"
               f"def run(args): raise {error}\ncli.main(lambda: cli.stage_parser('x'), run)")
    done = subprocess.run([sys.executable, "-c", program, "--profile", "laptop"], capture_output=True, text=True,
                          check=False)
    assert done.returncode == code
    assert len(done.stderr.strip().splitlines()) == 1
    assert "Traceback" not in done.stderr


def test_interrupt_finishes_the_record_in_hand() -> None:
    from stepladder.core.errors import Interrupted
    from stepladder.core.interrupts import StopFlag

    flag = StopFlag()
    flag.check()
    flag._handle(2, None)
    with pytest.raises(Interrupted, match="run the same command again"):
        flag.check()
    with pytest.raises(KeyboardInterrupt):
        flag._handle(2, None)


def test_unknown_flag_is_exit_2() -> None:
    with pytest.raises(SystemExit) as stopped:
        cli.stage_parser("x", SECTIONS).parse_args(["--no-such-flag"])
    assert stopped.value.code == 2
    assert isinstance(cli.stage_parser("x"), argparse.ArgumentParser)
