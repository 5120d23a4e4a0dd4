"""The parts of chaos by themselves: what its teacher counts, and what its audit calls a fault."""

from __future__ import annotations

import json
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from chaos import teacher
from chaos.driver import Chaos, Row
from chaos.teacher import Teacher
from chaos.world import STOPS, Run, World


def _ask(url: str) -> None:
    body = {"model": "teacher", "messages": [{"role": "user", "content": "Say what comes before 3?"}]}
    httpx.post(f"{url}/v1/chat/completions", json=body)


def test_the_teacher_counts_what_a_run_asked() -> None:
    with Teacher(servers=1) as asked:
        asked.calm()
        _ask(asked.servers[0].url)
        _ask(asked.servers[0].url)
        assert list(asked.answered.values()) == [2]


def test_a_request_that_a_killed_run_left_behind_is_not_laid_to_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(teacher, "SECONDS_A_REPLY", 0.3)
    with Teacher(servers=1) as asked:
        asked.calm()
        late = threading.Thread(target=_ask, args=(asked.servers[0].url,))
        late.start()
        time.sleep(0.1)
        asked.calm()
        late.join()
        assert not asked.answered


def test_signals_arrive_also_where_the_driver_runs_in_a_shells_background(tmp_path: Path,
                                                                          monkeypatch: pytest.MonkeyPatch) -> None:
    told = "import signal; print([signal.getsignal(one) == signal.SIG_IGN for one in map(int, '1 2 15'.split())])"
    monkeypatch.setattr(World, "command", lambda self, *arguments: [sys.executable, "-c", told])
    before = [signal.signal(one, signal.SIG_IGN) for one in STOPS]
    try:
        run = World(tmp_path, tmp_path / "small.gguf").run("02")
    finally:
        for one, handler in zip(STOPS, before, strict=True):
            signal.signal(one, handler)
    assert run.text == "[False, False, False]\n"


@pytest.fixture
def chaos(tmp_path: Path) -> Iterator[Chaos]:
    made = Chaos(tmp_path, tmp_path / "small.gguf", 1)
    (made.world.work / "data" / "enhanced" / "journals").mkdir(parents=True)
    made.row = Row(0, "made up")
    yield made
    made.close()


def _rated(chaos: Chaos, outcomes: dict[str, str], rated: str, **allowed: object) -> list[str]:
    """The faults of a run of stage 03 that reads records of these outcomes, and rates one of them."""
    chaos.world.write("cot_enhanced", [{"id": name, "cot": {"outcomes": [{"outcome": outcome}]}}
                                       for name, outcome in outcomes.items()])
    with (chaos.world.work / "data/enhanced/journals/03_assessor_chaos.jsonl").open("a") as journal:
        journal.write(json.dumps({"key": f"{rated} {outcomes}", "id": rated}) + "\n")
    chaos.row.faults.clear()
    chaos.judge(Run("03", [], 130, "", True, None), [], **allowed)
    return chaos.row.faults


@pytest.mark.parametrize(("rated", "fine"), [("q/1", True), ("q/2", True), ("q/3", False)])
def test_a_record_that_was_refused_may_be_rated_when_it_is_answered_after_all(chaos: Chaos, rated: str,
                                                                              fine: bool) -> None:
    """q/1 is reworded; q/2, refused at first, is answered when stage 02 runs for that; nothing befalls q/3."""
    assert _rated(chaos, {"q/1": "accepted", "q/2": "refused", "q/3": "accepted"}, "q/1") == []
    assert (_rated(chaos, {"q/1": "wrong", "q/2": "accepted", "q/3": "accepted"}, rated, only=["q/1"]) == []) is fine
    assert _rated(chaos, {"q/1": "wrong", "q/2": "wrong", "q/3": "accepted"}, "q/2", only=["q/1"])


def test_a_run_that_has_nothing_to_do_is_known_by_its_adapter_not_by_checkpoints_of_another(chaos: Chaos) -> None:
    chaos.world.write("lessons", [])
    flags = ["--seed", "0", "--input", str(chaos.world.file("lessons"))]
    adapter = chaos.world.work / "models" / "tiny_cot_curriculum"
    adapter.mkdir(parents=True)
    (adapter / "training.json").write_text('{"fingerprint": "one", "planned_epochs": 2}')
    chaos.judge(Run("04", [], 0, "", False, None), flags)
    killed = adapter.with_name(".tiny_checkpoints")
    killed.mkdir()
    (killed / "fingerprint.json").write_text('{"fingerprint": "another", "epochs": 1}')
    chaos.judge(Run("04", [], 0, "", False, None), flags)
    assert chaos.row.faults == []
    (adapter / "training.json").write_text('{"fingerprint": "another", "planned_epochs": 2}')
    chaos.judge(Run("04", [], 0, "", False, None), flags)
    assert chaos.row.faults
