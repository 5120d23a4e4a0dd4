"""A short chaos: every kind of event once or twice on the real scripts, and faults planted that it must notice.

The long one is tests/benchmarks/bench_chaos.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from chaos.driver import KINDS, Chaos, Row
from chaos.ledger import Ledger
from chaos.plants import PLANTS

SEED = 3
DECK = [*KINDS, "kill", "endpoint", "endpoint"]

pytestmark = pytest.mark.model


@pytest.fixture(scope="module")
def chaos(small_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chaos]:
    made = Chaos(tmp_path_factory.mktemp("chaos"), small_model, SEED, DECK)
    try:
        made.begin(stages=("01", "02", "03", "04"))
        yield made
    finally:
        made.close()


def test_nothing_finished_is_lost_changed_or_done_twice(chaos: Chaos) -> None:
    for number in range(len(DECK)):
        row = chaos.event(number)
        assert not row.faults, "\n".join([f"seed {SEED} event {number}, {row.kind}", *row.faults, *row.runs])
    assert {row.kind for row in chaos.rows} == set(KINDS)
    assert sum(row.recomputed for row in chaos.rows) > 0


def test_a_driver_that_was_killed_begins_its_event_anew(chaos: Chaos, small_model: Path) -> None:
    rows = list(chaos.rows)
    chaos.world.keep(len(rows))
    chaos.world.file("questions").unlink()
    again = Chaos(chaos.world.root, small_model, SEED, DECK)
    try:
        again.resume()
        assert again.rows == rows
        assert again.ledger.as_json() == chaos.ledger.as_json()
        assert again.world.file("questions").exists()
        assert again.ledger.look(again.world.work).faults == []
    finally:
        again.close()


@pytest.mark.parametrize("plant", sorted(PLANTS))
def test_planted_faults_are_noticed(chaos: Chaos, plant: str) -> None:
    state = chaos.ledger.as_json()
    chaos.world.keep(1000)
    chaos.row, chaos.number = Row(1000, "planted"), 1000
    PLANTS[plant](chaos)
    chaos.run("02", ["--status"])
    assert chaos.row.faults
    assert chaos.row.lost + chaos.row.changed + chaos.row.doubled == len(chaos.row.faults), "nothing else"
    chaos.world.restore()
    chaos.ledger = Ledger(state)
