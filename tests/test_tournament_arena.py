"""The arena: both innings, limits enforced, nothing lost or doubled when it is killed, ratings with intervals."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import Counter

import pytest
from agent_fakes import AgentBackend, Clock, install

from stepladder.agents import arena, rating
from stepladder.agents.answerer import Answerer, Limits
from stepladder.agents.pace import Pace
from stepladder.agents.players import Player, Stable
from stepladder.core.errors import Interrupted
from stepladder.core.interrupts import stop_flag
from stepladder.core.journal import Journal, ScopedJournal

RULES = arena.Rules(questions=6, batch_size=5)


def agent(letter="B", **options):
    """A player who always says this letter."""
    values = tuple(0.7 if one == letter else 0.1 for one in "ABCD")
    return Answerer(AgentBackend(lambda request: values, read=1e6, **options), Limits(32, 6.0), Pace(1e6, 0.001))


def test_fixtures_name_every_pair_once_a_round_and_take_turns():
    found = arena.fixtures(["x", "y", "z"], 4)
    assert len(found) == len({fixture.id for fixture in found}) == 12
    assert Counter(fixture.pair[0] for fixture in found if set(fixture.pair) == {"x", "y"}) == {"x": 2, "y": 2}


def test_a_match_has_two_innings_scored_by_the_rules():
    members = {"one": agent("A"), "two": agent("C")}
    match = arena.play_match(arena.fixtures(["one", "two"], 1)[0], RULES, members.__getitem__)
    first, second = match["innings"]
    assert (first["writer"], first["answerer"], second["writer"], second["answerer"]) == ("one", "two", "two", "one")
    for inning in (first, second):
        assert inning["n"] == len(inning["questions"]) == len(inning["answers"]) == 6
        right = sum(q["answer"] == a["answer"] for q, a in zip(inning["questions"], inning["answers"], strict=True))
        assert inning["correct"] == right
        assert inning["a_score"] + inning["q_score"] == 100
        assert {answer["answer"] for answer in inning["answers"]} == {"C" if inning is first else "A"}
    assert match["scores"]["one"] == first["q_score"] + second["a_score"]
    assert match["winner"] in ("one", "two", None)


def test_the_key_never_reaches_the_answerer():
    answerer = agent("A")
    fixture = arena.fixtures(["one", "two"], 1)[0]
    written = arena.write(agent("A"), "one", fixture, RULES)
    arena.reply(answerer, written["kept"], RULES)
    explanations = [question["explanation"][:40] for question in written["kept"]]
    prompts = "\n".join(request.prompt for request in answerer.backend.calls)
    assert not any(text in prompts for text in explanations)
    assert '"answer"' not in prompts


def test_questions_of_a_match_differ_and_follow_the_seed():
    fixture = arena.fixtures(["one", "two"], 1)[0]
    rules = arena.Rules(questions=40)
    first = arena.write(agent(), "one", fixture, rules)["kept"]
    assert len({question["question"] for question in first}) == 40
    assert arena.write(agent(), "one", fixture, rules)["kept"] == first
    assert arena.write(agent(), "two", fixture, rules)["kept"] != first


def test_late_answers_become_null(monkeypatch):
    clock = Clock()
    install(monkeypatch, clock)

    def stall(request):
        clock.now += 7.0
        return 0.7, 0.1, 0.1, 0.1

    backend = AgentBackend(stall, read=1e6, clock=clock)
    written = arena.write(agent(), "one", arena.fixtures(["one", "two"], 1)[0], arena.Rules(questions=2))
    found = arena.reply(Answerer(backend, Limits(32, 6.0), Pace(1e6, 0.1)), written["kept"], RULES)
    assert found["answers"] == [None, None]
    assert found["late"] == 2


def test_late_questions_are_not_played():
    written = arena.write(agent(), "one", arena.fixtures(["one", "two"], 1)[0], arena.Rules(question_seconds=1e-9))
    assert (written["kept"], written["late"]) == ([], 5)


def test_a_stop_keeps_the_match_in_hand(tmp_path):
    journal = ScopedJournal(Journal(tmp_path / "a.partial.jsonl"), "f")
    stop_flag.requested = True
    try:
        with pytest.raises(Interrupted):
            arena.play(["x", "y"], 3, RULES, lambda name: agent(), journal)
    finally:
        stop_flag.requested = False
    assert len(journal.records) == 1
    assert len(arena.play(["x", "y"], 3, RULES, lambda name: agent(), journal)) == 3


PLAYING = """
import sys
sys.path[:0] = sys.argv[2:4]
from pathlib import Path
from test_tournament_arena import agent
from stepladder.agents import arena
from stepladder.core.journal import Journal, ScopedJournal
journal = ScopedJournal(Journal(Path(sys.argv[1])), "f")
arena.play(["x", "y"], 50, arena.Rules(questions=3), lambda name: agent("A" if name == "x" else "B"), journal)
"""


def test_fifty_rounds_killed_ten_times_lose_and_double_nothing(tmp_path, request):
    path = tmp_path / "arena.partial.jsonl"
    command = [sys.executable, "-c", PLAYING, str(path), str(request.config.rootpath / "scripts"),
               str(request.config.rootpath / "tests")]
    kills = 0
    for number in range(10):
        process = subprocess.Popen(command)
        goal = (number + 1) * 4
        while process.poll() is None and _lines(path) < goal:
            time.sleep(0.002)
        kills += process.poll() is None
        process.kill()
        process.wait()
    assert kills == 10
    subprocess.run(command, check=True)
    rounds = [json.loads(line) for line in path.read_bytes().splitlines()]
    assert [match["round"] for match in rounds] == list(range(50))
    unbroken = arena.play(["x", "y"], 50, arena.Rules(questions=3), lambda name: agent("A" if name == "x" else "B"),
                          ScopedJournal(Journal(tmp_path / "other.partial.jsonl"), "f"))
    assert [match["scores"] for match in rounds] == [match["scores"] for match in unbroken]


def _lines(path):
    return path.read_bytes().count(b"\n") if path.exists() else 0


# -- ratings ----------------------------------------------------------------------------------------------------------

def matches(*results):
    """Matches from (one, other, winner)."""
    return [{"players": [one, other], "winner": winner, "scores": {}, "innings": [
        {"writer": one, "answerer": other, "a_score": 50.0, "q_score": 50.0, "n": 2, "late_answers": 0, "answers": []},
        {"writer": other, "answerer": one, "a_score": 50.0, "q_score": 50.0, "n": 2, "late_answers": 0, "answers": []}]}
        for one, other, winner in results]


def test_ratings_recover_odds_of_ten_to_one():
    wins = {("a", "b"): 10_000.0, ("b", "a"): 1_000.0}
    found = rating.strengths(["a", "b"], wins)
    assert found["a"] - found["b"] == pytest.approx(400, abs=2)


def test_equal_players_have_equal_ratings_and_intervals_that_hold_them():
    rows = rating.ratings(["a", "b"], matches(*[("a", "b", "a"), ("a", "b", "b")] * 20))
    assert rows[0]["rating"] == pytest.approx(1500, abs=1)
    for row in rows:
        assert row["low"] < 1500 < row["high"]
        assert (row["won"], row["drawn"], row["lost"]) == (20, 0, 20)


def test_a_player_who_always_wins_has_a_finite_rating_above():
    best, worst = rating.ratings(["a", "b"], matches(*[("a", "b", "a")] * 5))
    assert best["player"] == "a"
    assert 1500 < best["rating"] < 3000
    assert best["low"] < best["rating"] < best["high"]
    assert best["low"] > worst["low"]


def test_two_matches_won_are_no_certainty_and_sixty_are():
    few, many = (rating.ratings(["a", "b"], matches(*[("a", "b", "a")] * count)) for count in (2, 60))
    assert few[0]["high"] - few[0]["low"] > 200
    assert few[0]["low"] < few[1]["high"]
    assert many[0]["low"] > many[1]["high"]


def test_no_match_no_rating_but_the_mean():
    rows = rating.ratings(["a", "b"], [])
    assert [(row["rating"], row["low"], row["matches"]) for row in rows] == [(1500.0, None, 0)] * 2
    assert rating.told(rows[0]) == "a: no match"


def test_more_rounds_narrow_the_interval():
    def width(rounds):
        results = [("a", "b", "a"), ("a", "b", "b"), ("a", "b", None)] * rounds
        row = rating.ratings(["a", "b"], matches(*results))[0]
        return row["high"] - row["low"]

    assert width(50) < width(3) / 2


def test_three_players_are_ordered_through_a_common_opponent():
    rows = rating.ratings(["a", "b", "c"], matches(*[("a", "b", "a")] * 6, *[("b", "c", "b")] * 6, ("a", "b", "b"),
                                                   ("b", "c", "c")))
    assert [row["player"] for row in rows] == ["a", "b", "c"]


# -- players ----------------------------------------------------------------------------------------------------------

def test_players_of_the_same_weights_share_them_and_others_make_room(tmp_path):
    big, other = tmp_path / "big.gguf", tmp_path / "other.gguf"
    big.write_bytes(b"x" * 100)
    other.write_bytes(b"x" * 100)
    opened = []

    def opener(model, adapters):
        backend = AgentBackend(read=1e6)
        backend.switched = []
        backend.use_adapter = backend.switched.append
        opened.append((model.name, dict(adapters), backend))
        return backend

    members = [Player("base", big), Player("student", big, tmp_path / "adapter.gguf"), Player("other", other)]
    with Stable(members, opener, Limits(32, 6.0), memory=150) as stable:
        for name in ("base", "student", "other", "base"):
            stable.answerer(name)
    assert [name for name, _, _ in opened] == ["big.gguf", "other.gguf", "big.gguf"]
    assert opened[0][1] == {"student": tmp_path / "adapter.gguf"}
    assert opened[0][2].switched == [None, "student"]
    assert all(backend.closed for _, _, backend in opened)


def test_topics_take_turns_and_are_a_setting():
    rules = arena.Rules(questions=4, difficulty=1, topics=["Ages", "Arithmetic"])
    written = arena.write(agent(), "one", arena.fixtures(["one", "two"], 1)[0], rules)
    assert [question["topic"] for question in written["kept"]] == ["Ages", "Arithmetic"] * 2
    assert set(written["sources"]) == {"puzzle"}
    assert arena.Rules().topics[0] == "Linear seating arrangements"
