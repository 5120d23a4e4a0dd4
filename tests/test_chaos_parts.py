"""The parts of chaos by themselves: what its teacher counts, and what its audit calls a fault."""

from __future__ import annotations

import signal
import sys
import threading
import time
from pathlib import Path

import httpx
import pytest
from chaos import teacher
from chaos.teacher import Teacher
from chaos.world import STOPS, World


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
