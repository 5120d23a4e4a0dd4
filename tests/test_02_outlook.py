"""Stage 02 says after a hundred records what the night will bring, and does not spend it on a useless teacher."""

from __future__ import annotations

from pathlib import Path

import pytest
from test_02_generate import BODY, journal, letter_of, make_workdir, question, reply, run, solved, write

from stepladder.core.errors import StageError
from stepladder.engine.requests import Completion, Request
from stepladder.reasoning.outlook import LOOKED_AT, Outlook


@pytest.fixture
def workdir(tmp_path: Path) -> Path:
    make_workdir(tmp_path)
    write(tmp_path, "questions", [question(n) for n in range(130)] + [solved(n) for n in range(130, 140)])
    return tmp_path


def useless(request: Request) -> str | Completion:
    if request.max_tokens == 0:
        return reply(request)
    return "hm" if request.id.endswith("/letter") else "It is hard to say what this is about, or why it is asked."


def knows(first: int) -> object:
    """A teacher that is right on the first so many records and useless on all others."""
    def answer(request: Request) -> str | Completion:
        name = request.id.partition("#")[0].rpartition("/")[2]
        if request.max_tokens == 0 or request.id.endswith("/letter") or int(name) >= first:
            return useless(request)
        return f"{BODY}\nAnswer: {letter_of(request, name)}"
    return answer


def said(shown: str) -> list[str]:
    return [line for line in shown.splitlines() if line.startswith("02: outlook")]


def test_a_useless_teacher_is_stopped_after_a_hundred_records(
        workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(StageError, match=r"no use here: 0 of the first 100 .* at most 4% of the 130 .*--least-kept 0"):
        run(workdir, monkeypatch, useless)
    asked = journal(workdir).read_bytes()
    with pytest.raises(StageError, match="0 of the first 100"):  # known at once: the teacher is not asked again
        run(workdir, monkeypatch, lambda request: pytest.fail("asked again"))
    assert journal(workdir).read_bytes() == asked
    assert not (workdir / "data/enhanced/cot_enhanced_sample.json").exists(), "stage 03 has nothing to go on with"
    run(workdir, monkeypatch, useless, "--least-kept", "0")
    assert (workdir / "data/enhanced/cot_enhanced_sample.json").exists()


def test_what_the_night_will_bring_is_said_once(
        workdir: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    run(workdir, monkeypatch, knows(20))
    (line,) = said(capsys.readouterr().out)
    assert line.startswith("02: outlook after 100 records: about 26 of 130 will be kept (17 to 38), in ")
    assert line.endswith("from now at the pace so far")


def test_fewer_than_a_hundred_need_one_record_but_in_a_peek(
        workdir: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    run(workdir, monkeypatch, useless, "--limit", "30")
    write(workdir, "questions", [question(n) for n in range(30)])
    with pytest.raises(StageError, match="nothing to train on: of 30 records none was kept"):
        run(workdir, monkeypatch, useless)
    assert not (workdir / "data/enhanced/cot_enhanced_sample.json").exists()
    run(workdir, monkeypatch, knows(1), "--seed", "1", "--force")
    assert not said(capsys.readouterr().out)


def test_the_first_hundred_are_looked_at_not_the_fastest() -> None:
    seconds = iter([0.0, 240.0])
    outlook = Outlook([{"id": str(n)} for n in range(1_000)], 0.05, lambda: next(seconds))
    outlook.start()
    for number in range(LOOKED_AT, 119):
        assert outlook.finished(str(number), True) is None
    for number in range(LOOKED_AT - 1, 0, -1):
        assert outlook.finished(str(number), number < 51) is None
    told = outlook.finished("0", False)
    assert told is not None
    assert "about 500 of 1,000 will be kept (404 to 596)" in told
    assert told.endswith("in 29 min 37 s from now at the pace so far")  # 119 in 240 s, 881 to go


def test_about_none_by_the_interval() -> None:
    def outlook(kept: int, least: float) -> str | None:
        found = Outlook([{"id": str(n)} for n in range(LOOKED_AT)], least)
        return [found.finished(str(number), number < kept) for number in range(LOOKED_AT)][-1]

    assert outlook(1, 0.05), "1 of 100 may be 5.4 %"
    assert outlook(0, 0.0)
    with pytest.raises(StageError, match="2 of the first 100"):
        outlook(2, 0.1)
