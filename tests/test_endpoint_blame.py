"""Whose fault a failed call was: an outage costs no request an attempt, a poisonous request holds nobody up."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from server_zoo import BAD_MODES, FOREVER, Zoo, ask

from stepladder.engine.health import THRESHOLD
from stepladder.engine.requests import EngineError, Request

FAILING_MODES = [mode for mode in BAD_MODES if mode != "no usage"]
outages = st.lists(st.tuples(st.sampled_from([30.0, 200.0]), st.sampled_from([700.0, 4000.0]),
                             st.sampled_from(FAILING_MODES)), min_size=1, max_size=2)


@pytest.mark.parametrize("attempts", [1, 2])
@pytest.mark.parametrize("mode", FAILING_MODES)
def test_an_outage_of_all_servers_costs_no_request_an_attempt(mode: str, attempts: int) -> None:
    zoo = Zoo({"a": [(5.0, "ok"), (1500.0, mode)], "b": [(4.0, "ok"), (1400.0, mode)]})
    done = ask(zoo, 100, sequences=8, timeout=60.0, attempts=attempts)
    assert {one.text for one in done.values()} == {f"reply to p{number}" for number in range(100)}


@settings(max_examples=60, deadline=None)
@given(st.lists(outages, min_size=1, max_size=3), st.integers(1, 12), st.integers(1, 2))
def test_outages_of_any_kind_cost_no_request_an_attempt(plans, sequences, attempts) -> None:
    tables = [[entry for well, bad, mode in plan for entry in ((well, "ok"), (bad, mode))] for plan in plans]
    zoo = Zoo({f"s{number}": table for number, table in enumerate(tables)})
    done = ask(zoo, 200, sequences=sequences, attempts=attempts, timeout=60.0, outage=FOREVER)
    assert {one.text for one in done.values()} == {f"reply to p{number}" for number in range(200)}


@pytest.mark.parametrize("mode", ["500", "cut", "stall", "nonsense"])
@pytest.mark.parametrize("others", [0, 1, 40])
def test_a_poisonous_request_is_refused_after_its_attempts_and_holds_nothing_up(mode: str, others: int) -> None:
    """Where no other request is left to show that the server works, a probe does."""
    zoo = Zoo({"a": []}, poison=lambda name, prompt: mode if prompt == "p0" else None)
    done = ask(zoo, 1 + others, sequences=4, attempts=3, timeout=60.0)
    assert done["0"].finish_reason == "refused"
    assert re.match(r"failed \d+ times where other requests did not, at last http://a", done["0"].refusal)
    assert {done[str(number)].finish_reason for number in range(1, 1 + others)} <= {"stop"}
    assert 3 <= zoo.asked.count(("a", "p0")) <= 3 + 2 * THRESHOLD


def test_several_poisonous_requests_and_no_other_are_all_refused() -> None:
    zoo = Zoo({"a": [], "b": []}, poison=lambda name, prompt: "500" if prompt != "Hi" else None)
    assert {one.finish_reason for one in ask(zoo, 12, sequences=6, attempts=2).values()} == {"refused"}


@pytest.mark.parametrize("others", [0, 30])
def test_a_request_that_brings_servers_down_each_time_is_refused_in_the_end(others: int) -> None:
    def kill(name: str, prompt: str) -> str | None:
        if prompt == "p0":  # and a minute later it is started again
            zoo.timetables[name] = [(zoo.loop.now, "ok"), (60.0, "dead")]
        return "cut" if prompt == "p0" else None

    zoo = Zoo({"a": [], "b": []}, poison=kill)
    done = ask(zoo, 1 + others, sequences=4, attempts=1)
    assert re.match(r"\d+ outages came with it, at last http://[ab]: RemoteProtocolError", done["0"].refusal)
    assert zoo.asked.count(("a", "p0")) + zoo.asked.count(("b", "p0")) < 30
    assert {done[str(number)].finish_reason for number in range(1, 1 + others)} <= {"stop"}


def test_nobody_is_blamed_without_proof_that_the_server_works() -> None:
    """Each server fails p0 once and then never answers anything again: that tells nothing about p0."""
    zoo = Zoo({"a": [(FOREVER, "500")], "b": [(FOREVER, "cut")]})
    with zoo.endpoint(sequences=2, attempts=1, outage=600.0) as backend, pytest.raises(EngineError, match="10 min"):
        assert list(backend.generate([Request("0", "p0")])) == []


def test_a_request_goes_on_to_a_server_that_has_not_just_failed_it() -> None:
    """Even where the one that failed it has fewer calls in flight."""
    zoo = Zoo({"a": [], "b": []}, poison=lambda name, prompt: "500" if (name, prompt) == ("a", "p0") else None,
              seconds=lambda name: 1.0 if name == "a" else 100.0)
    done = ask(zoo, 4, sequences=6, attempts=5)
    assert {one.finish_reason for one in done.values()} == {"stop"}
    assert [name for name, prompt in zoo.asked if prompt == "p0"] == ["a", "b"]
