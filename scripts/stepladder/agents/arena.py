"""Rounds between any players: both innings, time limits enforced, the published filter and scoring, every word kept.

A match is one round of one pair: each writes questions, each answers the other's. It is journalled whole when it is
done, so that a killed arena goes on with the first match that is missing.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from stepladder.core.interrupts import stop_flag
from stepladder.core.journal import RunJournal
from stepladder.core.settings import Arena as ArenaSettings

from .answerer import Answerer
from .formats import answer_object, read_question
from .published_filter import filter_answers, filter_questions, score
from .writer import QuestionWriter


@dataclass(frozen=True)
class Rules:
    """What every match is played by. question_seconds and answer_seconds: wall time of a batch."""

    questions: int = 5
    batch_size: int = 5
    difficulty: int = 10
    question_seconds: float = 10.0
    answer_seconds: float = 6.0
    question_tokens: int = 1024
    topics: Sequence[str] = tuple(ArenaSettings().topics)
    seed: int = 0


@dataclass(frozen=True)
class Fixture:
    """One match to be played."""

    id: str
    pair: tuple[str, str]
    round: int


def fixtures(names: Sequence[str], rounds: int) -> list[Fixture]:
    """Every pair once a round; who begins changes from round to round."""
    found = []
    for number in range(rounds):
        for one, other in combinations(names, 2):
            pair = (one, other) if number % 2 == 0 else (other, one)
            found.append(Fixture(f"{number:04}|{one}|{other}", pair, number))
    return found


def play(names: Sequence[str], rounds: int, rules: Rules, agent: Callable[[str], Answerer], journal: RunJournal,
         after: Callable[[Mapping[str, Any]], None] = lambda match: None) -> list[dict[str, Any]]:
    """All matches, in order; those in the journal are not played again. `agent(name)` is that player, ready to go.

    `after` is told every match that was played. Raises Interrupted after the match in hand.
    """
    wanted = fixtures(names, rounds)
    for fixture in wanted:
        if fixture.id in journal.records:
            continue
        match = play_match(fixture, rules, agent)
        journal.append(match)
        after(match)
        stop_flag.check()
    return [journal.records[fixture.id] for fixture in wanted]


def play_match(fixture: Fixture, rules: Rules, agent: Callable[[str], Answerer]) -> dict[str, Any]:
    """Both innings of one round, and the team scores: each one's own Q-score and A-score together."""
    one, other = fixture.pair
    # In this order each player's weights have to be loaded no more than twice.
    by_one = write(agent(one), one, fixture, rules)
    answers_other = reply(agent(other), by_one["kept"], rules)
    by_other = write(agent(other), other, fixture, rules)
    answers_one = reply(agent(one), by_other["kept"], rules)
    first, second = innings(one, other, by_one, answers_other), innings(other, one, by_other, answers_one)
    team = {one: first["q_score"] + second["a_score"], other: second["q_score"] + first["a_score"]}
    return {"id": fixture.id, "round": fixture.round, "players": [one, other], "scores": team,
            "winner": winner(team), "innings": [first, second]}


def winner(team: Mapping[str, float]) -> str | None:
    """The player with the higher team score; None for a draw."""
    (one, points), (other, others) = team.items()
    return None if points == others else one if points > others else other


def write(answerer: Answerer, name: str, fixture: Fixture, rules: Rules) -> dict[str, Any]:
    """{"written", "kept", "late", "seconds", "sources"}: batches over the time limit do not count."""
    seed = int.from_bytes(hashlib.sha256(f"{rules.seed}|{fixture.id}|{name}".encode()).digest()[:4], "big")
    writer = QuestionWriter(answerer, seed, rules.question_seconds, rules.question_tokens)
    topics = [rules.topics[(fixture.round + place) % len(rules.topics)] for place in range(rules.questions)]
    questions, sources, late, took = [], [], 0, 0.0
    for start in range(0, len(topics), rules.batch_size):
        began = time.monotonic()
        written = writer.ask_batch(topics[start:start + rules.batch_size], rules.difficulty)
        seconds = time.monotonic() - began
        took += seconds
        if seconds > rules.question_seconds:
            late += len(written)
            continue
        questions += [one.question for one in written]
        sources += [one.source for one in written]
    kept = filter_questions(questions, answerer.backend.count_tokens, rules.questions)
    return {"written": questions, "kept": kept, "late": late, "seconds": took, "sources": sources}


def reply(answerer: Answerer, questions: Sequence[Mapping[str, Any]], rules: Rules) -> dict[str, Any]:
    """{"answers", "late", "seconds"}: one answer or null for each question; an answer over the limit becomes null."""
    records = [read_question({**question, "answer": None}, str(place))[0] for place, question in enumerate(questions)]
    readable = [record for record in records if record is not None]
    answers: list[dict[str, Any] | None] = [None] * len(questions)
    hows: list[str | None] = [None] * len(questions)
    batches = list(answerer.answer_all(readable, rules.batch_size))
    for record, answer in zip(readable, (answer for batch in batches for answer in batch), strict=True):
        place = int(record["id"])
        hows[place] = answer.how
        answers[place] = None if answer.late else answer_object(answer.letter, answer.reasoning)
    late = sum(answer.late for batch in batches for answer in batch)
    took = sum(batch[0].seconds for batch in batches)
    kept = filter_answers(answers, answerer.backend.count_tokens)
    return {"answers": kept, "late": late, "seconds": took, "how": hows}


def innings(writer: str, answerer: str, written: Mapping[str, Any], replied: Mapping[str, Any]) -> dict[str, Any]:
    """The transcript of one innings with its scores."""
    result = score(written["kept"], replied["answers"])
    return {"writer": writer, "answerer": answerer, "questions": written["kept"], "answers": replied["answers"],
            "how": replied["how"], "n": result.questions, "correct": result.correct, "a_score": result.a_score,
            "q_score": result.q_score, "filtered_out": len(written["written"]) - len(written["kept"]),
            "late_questions": written["late"], "late_answers": replied["late"], "sources": written["sources"],
            "write_seconds": round(written["seconds"], 3), "answer_seconds": round(replied["seconds"], 3)}
