"""The answering agent: never blind, never late, reasoning within its limits, positions kept."""

from __future__ import annotations

import re

import pytest
from agent_fakes import AgentBackend, Clock, install, record

from stepladder.agents.answerer import Answerer, Limits
from stepladder.agents.fitting import middle_cut, shorten
from stepladder.agents.pace import Pace

LETTERS = "ABCD"


def letter_by_number(request):
    """The right letter follows the question's number, so that a swapped position shows."""
    number = int(re.search(r"value (\d+)", request.prompt)[1])
    return tuple(0.7 if place == number % 4 else 0.1 for place in range(4))


@pytest.fixture
def clock(monkeypatch):
    found = Clock()
    install(monkeypatch, found)
    return found


@pytest.mark.parametrize("count", [1, 5, 6, 7, 23])
def test_every_question_is_answered_once_in_its_place(clock, count):
    answerer = Answerer(AgentBackend(letter_by_number, clock=clock), Limits(64, 6.0))
    batches = list(answerer.answer_all([record(n) for n in range(count)], 5))
    answers = [answer for batch in batches for answer in batch]
    assert [answer.letter for answer in answers] == [LETTERS[n % 4] for n in range(count)]
    assert max(map(len, batches)) <= 5


@pytest.mark.parametrize("read", [4000.0, 400.0, 60.0, 12.0])
@pytest.mark.parametrize("write", [1000.0, 30.0, 1.0])
def test_however_slow_the_engine_no_answer_is_late_or_blind(clock, read, write):
    backend = AgentBackend(letter_by_number, lambda request: "word " * 300, read, write, clock)
    answerer = Answerer(backend, Limits(512, 6.0))
    answers = [answer for batch in answerer.answer_all([record(n) for n in range(20)], 5) for answer in batch]
    assert len(answers) == 20
    assert not any(answer.late for answer in answers)
    assert max(answer.seconds for answer in answers) <= 6.0
    assert [answer.letter for answer in answers] == [LETTERS[n % 4] for n in range(20)]


def test_an_engine_that_becomes_ten_times_slower_makes_batches_smaller_not_answers_late(clock):
    words = " ".join(f"step {n} leads on" for n in range(300))
    backend = AgentBackend(letter_by_number, lambda request: words, read=100.0, clock=clock)
    answerer = Answerer(backend, Limits(512, 6.0))
    sizes, answers = [], []
    for number, batch in enumerate(answerer.answer_all([record(n) for n in range(25)], 5)):
        sizes.append(len(batch))
        answers += batch
        if number == 0:
            backend.read = 10.0
    assert sizes[0] == 5
    assert max(sizes[2:]) < 5
    assert answerer.pace.prompt_per_second < 20.0
    assert [answer.letter for answer in answers] == [LETTERS[n % 4] for n in range(25)]
    assert not any(answer.late for answer in answers)


def test_a_machine_that_stands_still_answers_late_but_by_logits_and_says_so(clock):
    backend = AgentBackend(letter_by_number, read=1000.0, clock=clock)
    answerer = Answerer(backend, Limits(64, 1.0))
    backend.read = 3.0
    [answer] = answerer.answer_batch([record(3, "Which one " * 100)])
    assert answer.late
    assert answer.letter == "D"


def test_reasoning_that_ends_by_itself_is_asked_for_its_letter(clock):
    backend = AgentBackend(lambda r: (0.1, 0.1, 0.1, 0.7) if "clear" in r.prompt else (0.7, 0.1, 0.1, 0.1), clock=clock)
    [answer] = Answerer(backend, Limits(64, 6.0)).answer_batch([record(1)])
    assert (answer.letter, answer.how) == ("D", "reasoned")
    assert answer.reasoning == "One step. Another step. So it is clear then."
    assert answer.confidence == pytest.approx(0.7)


def test_reasoning_that_does_not_end_is_made_to_conclude(clock):
    words = " ".join(f"step {n} leads on" for n in range(300))
    backend = AgentBackend(thought=lambda request: words, clock=clock)
    [answer] = Answerer(backend, Limits(400, 6.0)).answer_batch([record(1)])
    assert answer.how == "concluded"
    assert answer.letter == "B"
    assert 50 < len(answer.reasoning.split()) <= 100


def test_rambling_is_no_ground_for_an_answer(clock):
    backend = AgentBackend(lambda r: (0.7, 0.1, 0.1, 0.1) if r.prompt.endswith("Answer:") else (0.1, 0.1, 0.7, 0.1),
                           lambda request: "again and " * 200, clock=clock)
    [answer] = Answerer(backend, Limits(200, 6.0)).answer_batch([record(1)])
    assert (answer.letter, answer.how, answer.reasoning) == ("A", "at once", "")


def test_a_huge_question_is_cut_to_the_context_and_says_so(clock):
    backend = AgentBackend(clock=clock, context=200, read=1e6)
    big = record(1, "Beginning. " + "filler words go on " * 60_000 + "Which one is it?")
    [answer] = Answerer(backend, Limits(64, 6.0)).answer_batch([big])
    assert answer.shortened
    prompt = backend.calls[-1].prompt
    assert "Beginning." in prompt
    assert "Which one is it?" in prompt
    assert "value 1D" in prompt


def test_batches_follow_the_measured_speed(clock):
    answerer = Answerer(AgentBackend(clock=clock), Limits(64, 6.0), Pace(20.0, 0.1))
    records = [record(n) for n in range(5)]
    assert answerer.batch_for(records, 5) < 5
    assert Answerer(AgentBackend(clock=clock), Limits(64, 6.0), Pace(5000.0, 0.1)).batch_for(records, 5) == 5
    assert Answerer(AgentBackend(clock=clock, sequences=2), Limits(64, None), Pace(1.0, 1.0)).batch_for(records, 5) == 2


def test_unusable_probabilities_show_as_knowing_nothing(clock):
    backend = AgentBackend(lambda request: (float("nan"),) * 4, clock=clock)
    [answer] = Answerer(backend, Limits(64, 6.0)).answer_batch([record(1)])
    assert answer.confidence == 0.25


def test_shortening_keeps_a_short_question_untouched():
    whole = record(1)
    assert shorten(whole, lambda shown: 10, 50) == (whole, False)
    assert middle_cut("x" * 10, 10) == "x" * 10
    assert len(middle_cut("abcdef" * 100, 50)) == 50
