"""The journal survives a cut at any byte, and tells other arguments from the same ones."""

from __future__ import annotations

import errno
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepladder.core.errors import StageError
from stepladder.core.journal import Journal

RECORDS = [{"id": f"q{number}", "text": f"größer\n{number}"} for number in range(3)]


def write(path: Path, records: list[dict], fingerprint: str = "same") -> None:
    journal = Journal(path, fingerprint)
    for record in records:
        journal.append(record)
    journal.close()


def test_resumes_in_order(tmp_path: Path) -> None:
    write(tmp_path / "j", RECORDS)
    journal = Journal(tmp_path / "j", "same")
    assert list(journal.records.values()) == RECORDS
    assert journal.resumed == 3


def test_cut_at_every_byte_of_the_last_record(tmp_path: Path) -> None:
    write(tmp_path / "two", RECORDS[:2])
    write(tmp_path / "three", RECORDS)
    two, three = (tmp_path / "two").read_bytes(), (tmp_path / "three").read_bytes()
    for length in range(len(two), len(three)):
        path = tmp_path / "cut"
        path.write_bytes(three[:length])
        write(path, RECORDS[2:])  # opening repairs; the record in flight is done again
        assert path.read_bytes() == three, f"cut at byte {length}"


def test_cut_inside_the_header_starts_afresh(tmp_path: Path) -> None:
    write(tmp_path / "whole", RECORDS)
    whole = (tmp_path / "whole").read_bytes()
    for length in range(whole.index(b"\n") + 1):
        path = tmp_path / "cut"
        path.write_bytes(whole[:length])
        write(path, RECORDS)
        assert path.read_bytes() == whole


def test_another_fingerprint_starts_afresh_and_says_so(tmp_path: Path) -> None:
    write(tmp_path / "j", RECORDS)
    journal = Journal(tmp_path / "j", "other")
    assert dict(journal.records) == {}
    assert journal.started_afresh


def test_damage_in_the_middle_is_told_not_swallowed(tmp_path: Path) -> None:
    write(tmp_path / "j", RECORDS)
    lines = (tmp_path / "j").read_bytes().splitlines(keepends=True)
    (tmp_path / "j").write_bytes(b"".join([lines[0], b"garbage\n", *lines[2:]]))
    with pytest.raises(StageError, match="line 2 is damaged"):
        Journal(tmp_path / "j", "same")


def test_records_come_from_the_file_and_the_last_of_an_id_counts(tmp_path: Path) -> None:
    write(tmp_path / "j", RECORDS)
    journal = Journal(tmp_path / "j", "same")
    journal.append({"id": "q1", "text": "again"})
    journal.append({"id": "q3", "text": "ü" * 5_000})
    assert list(journal.records) == ["q0", "q1", "q2", "q3"]
    assert journal.records["q1"] == {"id": "q1", "text": "again"}
    assert journal.records["q3"]["text"] == "ü" * 5_000
    assert journal.records["q0"] == RECORDS[0]
    assert "q4" not in journal.records
    assert journal.records.get("q4") is None
    reopened = Journal(tmp_path / "j", "same")
    assert dict(reopened.records) == dict(journal.records)


def test_memory_holds_no_texts(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j", "same")
    tracemalloc.start()
    for number in range(2_000):
        journal.append({"id": str(number), "text": "x" * 5_000})
    held = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert held < 1_000_000, "of 10 MB of records"


def test_full_disk_is_one_clear_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal(tmp_path / "j", "same")

    def full(value: dict, name: str) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(journal, "_write", full)
    with pytest.raises(StageError, match="disk full"):
        journal.append(RECORDS[0])


@given(st.lists(st.text(), max_size=8))
def test_any_text_comes_back(texts: list[str]) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        records = [{"id": str(index), "text": text} for index, text in enumerate(texts)]
        write(Path(folder) / "j", records)
        assert list(Journal(Path(folder) / "j", "same").records.values()) == records
