"""The journal survives a cut at any byte, keeps what nobody asks for now, and is shared by writers at once."""

from __future__ import annotations

import errno
import fcntl
import os
import subprocess
import sys
import tempfile
import threading
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from stepladder.core.errors import StageError
from stepladder.core.journal import Journal, RunJournal, ScopedJournal, work_key

SCRIPTS = Path(__file__).resolve().parents[1] / "scripts"
ENTRIES = [{"id": f"q{number}", "text": f"größer\n{number}"} for number in range(3)]
KEYS = {entry["id"]: work_key("made from", entry["id"]) for entry in ENTRIES}


def write(path: Path, entries: list[dict], keys: dict[str, str] = KEYS) -> None:
    journal = RunJournal(Journal(path), keys)
    for entry in entries:
        journal.append(entry)
    journal.close()


def read(path: Path, keys: dict[str, str] = KEYS) -> list[dict]:
    journal = RunJournal(Journal(path), keys)
    entries = list(journal.records.values())
    assert journal.resumed == len(entries)
    journal.close()
    return entries


def test_resumes_in_order(tmp_path: Path) -> None:
    write(tmp_path / "j", ENTRIES)
    assert read(tmp_path / "j") == ENTRIES


def test_cut_at_every_byte_loses_the_record_in_flight_and_no_more(tmp_path: Path) -> None:
    write(tmp_path / "whole", ENTRIES)
    whole = (tmp_path / "whole").read_bytes()
    path = tmp_path / "cut"
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        finished = whole[:length].count(b"\n")
        assert read(path) == ENTRIES[:finished], f"cut at byte {length}"
        write(path, ENTRIES[finished:])  # opening repaired the end; the record in flight is done again
        assert path.read_bytes() == whole, f"cut at byte {length}"


def test_what_nobody_asks_for_now_stays_and_is_found_again(tmp_path: Path) -> None:
    write(tmp_path / "j", ENTRIES)
    others = {name: work_key("something else", name) for name in KEYS}
    assert read(tmp_path / "j", others) == []
    write(tmp_path / "j", [{"id": "q1", "text": "another"}], others)
    assert read(tmp_path / "j", others) == [{"id": "q1", "text": "another"}]
    assert read(tmp_path / "j") == ENTRIES


def test_the_same_work_is_found_under_another_id(tmp_path: Path) -> None:
    write(tmp_path / "j", ENTRIES)
    assert read(tmp_path / "j", {"renamed": KEYS["q2"]}) == [{**ENTRIES[2], "id": "renamed"}]


def test_a_damaged_line_is_told_and_costs_itself_alone(tmp_path: Path) -> None:
    write(tmp_path / "j", ENTRIES)
    lines = (tmp_path / "j").read_bytes().splitlines(keepends=True)
    (tmp_path / "j").write_bytes(b"".join([lines[0], b"garbage\n", b"[]\n", b'{"id": "q1"}\n', lines[2]]))
    journal = Journal(tmp_path / "j")
    assert journal.damaged == [2, 3, 4]
    assert read(tmp_path / "j") == [ENTRIES[0], ENTRIES[2]]
    assert b"garbage" in (tmp_path / "j").read_bytes(), "a person may still mend it"


def test_entries_come_from_the_file_and_the_last_of_a_key_counts(tmp_path: Path) -> None:
    keys = {**KEYS, "q3": work_key(3)}
    journal = RunJournal(Journal(tmp_path / "j"), keys)
    for entry in [*ENTRIES, {"id": "q1", "text": "again"}, {"id": "q3", "text": "ü" * 5_000}]:
        journal.append(entry)
    assert list(journal.records) == ["q0", "q1", "q2", "q3"]
    assert journal.records["q1"] == {"id": "q1", "text": "again"}
    assert journal.records["q3"]["text"] == "ü" * 5_000
    assert journal.records["q0"] == ENTRIES[0]
    assert "q4" not in journal.records
    assert journal.records.get("q4") is None
    assert read(tmp_path / "j", keys) == list(journal.records.values())


def test_from_the_start_finds_nothing_and_deletes_nothing(tmp_path: Path) -> None:
    write(tmp_path / "j", ENTRIES)
    fresh = RunJournal(Journal(tmp_path / "j", fresh=True), KEYS)
    assert dict(fresh.records) == {}
    fresh.append({"id": "q1", "text": "new"})
    assert dict(fresh.records) == {"q1": {"id": "q1", "text": "new"}}
    fresh.close()
    assert read(tmp_path / "j") == [ENTRIES[0], {"id": "q1", "text": "new"}, ENTRIES[2]]


def test_memory_holds_no_texts(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j")
    tracemalloc.start()
    for number in range(2_000):
        journal.put(work_key(number), {"id": str(number), "text": "x" * 5_000})
    held = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert held < 1_000_000, "of 10 MB of entries"


def test_full_disk_is_one_clear_line_and_leaves_whole_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = RunJournal(Journal(tmp_path / "j"), KEYS)
    journal.append(ENTRIES[0])
    before, really_write, fits = (tmp_path / "j").read_bytes(), os.write, [7]

    def full(file: int, data: bytes) -> int:
        if fits:
            return really_write(file, data[:fits.pop()])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(StageError, match="disk full"):
        journal.append(ENTRIES[1])
    assert (tmp_path / "j").read_bytes() == before
    monkeypatch.undo()
    journal.append(ENTRIES[1])  # some space was freed
    assert read(tmp_path / "j") == ENTRIES[:2]


def test_a_journal_that_is_taken_away_is_told(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j")
    journal.put("a", ENTRIES[0])
    (tmp_path / "j").unlink()
    with pytest.raises(StageError, match="removed or cut while in use"):
        journal.put("b", ENTRIES[1])


WRITER = f"""
import sys
sys.path.insert(0, {str(SCRIPTS)!r})
from pathlib import Path
from stepladder.core.journal import Journal
journal, who = Journal(Path(sys.argv[1])), sys.argv[2]
for number in range(int(sys.argv[3])):
    journal.put(f"{{who}}/{{number}}", {{"id": who, "text": who * (number % 50 * 100)}})
"""


def test_writers_at_once_neither_lose_nor_tear_anything(tmp_path: Path) -> None:
    path, count = tmp_path / "j", 300
    path.write_bytes(b'{"id": "torn')
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, str(path), who, str(count)]) for who in "abc"]
    assert [writer.wait() for writer in writers] == [0, 0, 0]
    journal = Journal(path)
    assert not journal.damaged
    assert len(journal) == 3 * count
    for who in "abc":
        for number in range(count):
            assert journal.get(f"{who}/{number}") == {"id": who, "text": who * (number % 50 * 100)}


def test_a_writer_waits_for_another_one_s_line(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j")
    with (tmp_path / "j").open("ab") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        waiting = threading.Thread(target=journal.put, args=("a", ENTRIES[0]))
        waiting.start()
        waiting.join(0.3)
        other.write(b'{"key":"b","id":"q1","te')
        other.flush()
        other.write(b'xt":"slowly"}\n')
        other.flush()
        fcntl.flock(other, fcntl.LOCK_UN)
    waiting.join()
    assert journal.get("a") == ENTRIES[0]
    assert journal.get("b") == {"id": "q1", "text": "slowly"}
    assert [line[-1:] for line in (tmp_path / "j").read_bytes().splitlines()] == [b"}", b"}"]
    assert (tmp_path / "j").read_bytes().startswith(b'{"key":"b"'), "it did not wait"


def test_one_writer_sees_what_another_put_in_between(tmp_path: Path) -> None:
    one, other = Journal(tmp_path / "j"), Journal(tmp_path / "j")
    one.put("a", ENTRIES[0])
    other.put("b", ENTRIES[1])
    one.put("c", ENTRIES[2])
    assert [one.get(key) for key in "abc"] == ENTRIES
    assert [other.get(key) for key in "ab"] == ENTRIES[:2]


def test_a_scope_keeps_its_run_apart_and_ends_it(tmp_path: Path) -> None:
    def opened(scope: str, fresh: bool = False) -> ScopedJournal:
        return ScopedJournal(Journal(tmp_path / "j"), scope, fresh)

    mine, others = opened("mine"), opened("others")
    mine.append({"id": "step/1", "loss": 1.0})
    others.append({"id": "step/1", "loss": 2.0})
    assert dict(opened("mine").records) == {"step/1": {"id": "step/1", "loss": 1.0}}
    assert opened("others").resumed == 1
    opened("mine").remove()
    assert opened("mine").resumed == 0, "a run that is over is not gone on with"
    assert opened("others").resumed == 1
    assert opened("others", fresh=True).resumed == 0
    anew = opened("others")
    assert anew.resumed == 0, "nor one that was started anew, after a kill"
    anew.append({"id": "step/1", "loss": 3.0})
    anew.start_over()
    assert dict(anew.records) == {}
    anew.append({"id": "step/1", "loss": 4.0})
    assert dict(opened("others").records) == {"step/1": {"id": "step/1", "loss": 4.0}}
    assert b'"loss":2.0' in (tmp_path / "j").read_bytes()


@given(st.lists(st.text(), max_size=8))
def test_any_text_comes_back(texts: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        entries = [{"id": str(index), "text": text} for index, text in enumerate(texts)]
        keys = {entry["id"]: work_key(entry["id"]) for entry in entries}
        write(Path(folder) / "j", entries, keys)
        assert read(Path(folder) / "j", keys) == entries


class Nights(RuleBasedStateMachine):
    """Runs with other arguments and back, kills at any byte, edited records: nothing finished is lost or done twice."""

    @initialize()
    def begin(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "j"
        self.questions = {f"q{n}": 0 for n in range(5)}  # id -> how often it was edited
        self.flag = "a"
        self.finished: dict[str, dict] = {}  # key -> entry

    def keys(self) -> dict[str, str]:
        return {name: work_key(name, edits, self.flag) for name, edits in self.questions.items()}

    @rule(flag=st.sampled_from("abc"))
    def change_a_flag(self, flag: str) -> None:
        self.flag = flag

    @rule(name=st.sampled_from(["q0", "q3"]), edits=st.integers(0, 2))
    def edit_a_question(self, name: str, edits: int) -> None:
        self.questions[name] = edits

    @rule(most=st.integers(0, 5), torn=st.integers(0, 60), limit=st.integers(1, 5))
    def run_until_killed(self, most: int, torn: int, limit: int) -> None:
        """Finish up to `most` of the first `limit` questions; the kill tears the next line after `torn` bytes."""
        keys = dict(list(self.keys().items())[:limit])
        journal = RunJournal(Journal(self.path), keys)
        expected = {name: self.finished[key] for name, key in keys.items() if key in self.finished}
        assert dict(journal.records) == expected, "lost, changed, or found where it does not fit"
        for name in [name for name in keys if name not in journal.records][:most]:
            entry = {"id": name, "text": f"{name} {keys[name]} \n é"}
            journal.append(entry)
            self.finished[keys[name]] = entry
        journal.close()
        with self.path.open("ab") as file:
            file.write(b'{"id":"q9","text":"' + b"x" * torn if torn else b"")

    @invariant()
    def every_finished_entry_is_in_the_file(self) -> None:
        if getattr(self, "finished", None):
            journal = Journal(self.path)
            assert {key: journal.get(key) for key in self.finished} == self.finished
            journal.close()

    def teardown(self) -> None:
        self.folder.cleanup()


TestNights = Nights.TestCase
TestNights.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
