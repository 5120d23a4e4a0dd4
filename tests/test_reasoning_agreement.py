"""--agree: a reasoning is kept only where enough replies of a round conclude with the answer."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_02_generate import BODY, letter_of, make_workdir, read, run
from test_reasoning_attempts import RECORD, RIGHT, WRONG, walk

from stepladder.core.errors import InputError
from stepladder.core.settings import Reasoning
from stepladder.engine.requests import Request
from stepladder.reasoning import luck
from stepladder.reasoning.attempts import Case, Judgement, Policy, agreement

POLICY = Policy("options", 3, 0.7, 0.95, 64, permute=True, hint=True, seed=0, agree=2)
BETTER = Judgement("accepted", "B", "Better.\nAnswer: B", quality={"own": 0.9})
POORER = Judgement("accepted", "B", "Poorer.\nAnswer: B", quality={"own": 0.5})
BARE = Judgement("near-empty", "B")


@pytest.mark.parametrize(("judgements", "status", "attempts"), [
    ([RIGHT, RIGHT], "verified", 2), ([RIGHT, WRONG, RIGHT], "verified", 3), ([WRONG, RIGHT, RIGHT], "verified", 3),
    ([RIGHT, BARE], "verified", 2), ([BARE, BARE, RIGHT], "verified", 3), ([RIGHT, WRONG, WRONG, RIGHT], "hinted", 4),
    ([RIGHT, WRONG, WRONG, WRONG], "failed", 4), ([BARE, BARE, BARE, RIGHT], "hinted", 4)])
def test_two_of_three(judgements: list[Judgement], status: str, attempts: int) -> None:
    _, case = walk(RECORD, POLICY, [*judgements, RIGHT, RIGHT])
    cot = case.result("t")["cot"]
    assert (cot["status"], cot["attempts"]) == (status, attempts)


def test_the_best_of_those_that_agree_is_kept() -> None:
    for judgements in ([POORER, BETTER], [BETTER, POORER], [POORER, WRONG, BETTER]):
        _, case = walk(RECORD, POLICY, judgements)
        result = case.result("t")
        assert result["chain_of_thought"] == BETTER.chain
        assert result["cot"]["quality"]["agreement"] == round(2 / len(judgements), 3)


def test_of_equals_the_first_is_kept() -> None:
    second = Judgement("accepted", "B", "Second.\nAnswer: B", quality={"own": 0.9})
    assert walk(RECORD, POLICY, [BETTER, second])[1].accepted is BETTER


def test_a_kept_reply_brings_its_own_length() -> None:
    case = Case(RECORD, POLICY)
    for judgement, tokens, reason in ((BETTER, 40, "stop"), (POORER, 70, "closed")):
        case.take(case.next_attempt(), judgement, tokens, reason)
    cot = case.result("t")["cot"]
    assert (cot["tokens"], cot["finish_reason"], cot["attempts"]) == (40, "stop", 2)


def test_a_retry_is_a_round_of_its_own() -> None:
    case = Case(RECORD, POLICY, retries=1)
    kinds = []
    for judgement in [RIGHT, WRONG, WRONG, WRONG, RIGHT, WRONG, RIGHT]:
        attempt = case.next_attempt()
        kinds.append(attempt.kind)
        case.take(attempt, judgement, 1, "stop")
    assert kinds == ["greedy", "sampled", "sampled", "hinted", "sampled", "sampled", "sampled"]
    assert case.result("t")["cot"]["status"] == "verified"
    assert case.next_attempt() is None


@settings(deadline=None)
@given(st.lists(st.sampled_from([WRONG, RIGHT, BARE, Judgement("no answer")]), min_size=9, max_size=9),
       st.integers(1, 5), st.integers(1, 5), st.booleans())
def test_kept_means_that_enough_agree(outcomes: list[Judgement], agree: int, attempts: int, hint: bool) -> None:
    made, case = walk(RECORD, Policy("options", attempts, 0.7, 1.0, 64, True, hint, 0, agree=agree), outcomes)
    cot = case.result("t")["cot"]
    right = sum(one["answer"] == "B" for one in cot["outcomes"] if one["kind"] != "hinted")
    assert case.next_attempt() is None
    assert len(made) <= attempts + hint
    assert (cot["status"] == "verified") <= (right >= agree)
    if right >= agree and any(one["outcome"] == "accepted" and one["kind"] != "hinted" for one in cot["outcomes"]):
        assert cot["status"] == "verified"


def test_what_the_flag_says() -> None:
    assert agreement(Reasoning(attempts=5)) == (1, 5)
    assert agreement(Reasoning(attempts=5, agree="2of3")) == (2, 3)
    with pytest.raises(InputError, match="4 of 3 cannot agree"):
        agreement(Reasoning(agree="4of3"))
    with pytest.raises(InputError, match="temperature above 0"):
        agreement(Reasoning(agree="2of3", temperature=0.0))


def test_luck_of_agreement() -> None:
    assert luck.luck_after(3) == (1 - 0.75**3, 0.75)
    assert luck.luck_after(3, 2) == (pytest.approx(3 * 0.25**2 * 0.75 + 0.25**3), 0.25)


def test_the_stage_asks_for_agreement_and_nothing_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def reply(request: Request) -> str:
        """Right at every attempt of even numbers, at the first alone of odd ones."""
        name, _, attempt = request.id.partition("#")
        number = int(name.rpartition("/")[2])
        right = number % 2 == 0 or attempt == "1"
        return f"{BODY}\nAnswer: {letter_of(request, str(number if right else number + 1))}"

    workdir = make_workdir(tmp_path)
    first = run(workdir, monkeypatch, reply, "--no-hint")
    assert {call.id.partition("#")[2] for call in first.calls} == {"1"}
    agreed = run(workdir, monkeypatch, reply, "--no-hint", "--agree", "2of3")
    assert {call.id.partition("#")[2] for call in agreed.calls} == {"2", "3"}, "the first is known"
    records = [record for record in read(workdir) if record["cot"]["status"] != "solver"]
    for record in records:
        even = int(record["id"].partition("/")[2]) % 2 == 0
        assert record["cot"]["status"] == ("verified" if even else "failed")
        assert record["cot"]["attempts"] == (2 if even else 3)
    assert run(workdir, monkeypatch, {}, "--no-hint", "--agree", "2of3").calls == [], "done"
    assert run(workdir, monkeypatch, {}, "--no-hint").calls == []
    with pytest.raises(InputError, match="cannot agree"):
        run(workdir, monkeypatch, reply, "--agree", "3of2")
