"""The agent that writes: proven puzzles within the filter, and of the model only what the agent itself confirms."""

from __future__ import annotations

import json
import re

import pytest
from agent_fakes import AgentBackend, Clock, install

from stepladder import puzzles
from stepladder.agents.answerer import Answerer, Limits
from stepladder.agents.pace import Pace
from stepladder.agents.published_filter import question_problem
from stepladder.agents.topics import kind_for, kind_in
from stepladder.agents.writer import QuestionWriter

DRAFT = {"question": "Which planet is the red one?", "choices": ["Venus", "Mars", "Earth", "Pluto"], "answer": "B",
         "explanation": "Its dust is rusty."}


def words(text):
    return len(text.split())


def knows_mars(request):
    shown = re.findall(r"^([A-D])\. Mars$", request.prompt, re.MULTILINE)
    return tuple(0.7 if shown and letter == shown[-1] else 0.1 for letter in "ABCD")


def writer(letters=knows_mars, draft=DRAFT, **options):
    backend = AgentBackend(letters, lambda request: draft if isinstance(draft, str) else json.dumps(draft), read=1e7,
                           write=1e4, **options)
    return QuestionWriter(Answerer(backend, Limits(32, 6.0), Pace(1e6, 0.01)), seed=1)


@pytest.mark.parametrize("kind", list(puzzles.KINDS))
def test_every_kind_is_found_by_its_topic_and_passes_the_filter(kind):
    about = puzzles.KINDS[kind]
    for label in (about.topic, *about.subtopics):
        assert kind_for(label) == kind, label
    for difficulty in (1, 5, 10):
        written = writer().ask(about.topic, difficulty)
        assert written.source == "puzzle"
        assert written.record["subject"] == kind
        assert written.question["topic"] == about.topic
        assert question_problem(written.question, words) is None
        assert words(written.question["explanation"]) <= 100


@pytest.mark.parametrize(("topic", "kind"), [
    ("Blood Relations and Family Tree", "family"), ("Seating Arrangements (Linear)", "linear_seating"),
    ("Truth-teller and Liar Problems", "truth_tellers"), ("CIRCULAR seating", "circular_seating"),
    ("Puzzles involving generations and family tree logic", "family"), ("Number series", "sequences"),
    ("Mixed Series (Alphanumeric)", "series"), ("Letter series", "series"), ("Direction Sense Test", "directions"),
    ("Knights and Knaves", "truth_tellers"), ("Order and Ranking", "orderings"), ("Coding-Decoding", "coding"),
    ("Quantum chromodynamics", None), ("", None), ("problems", None)])
def test_topics_in_other_words(topic, kind):
    assert kind_for(topic) == kind


@pytest.mark.parametrize("topic", [
    "Age of Enlightenment", "Family law", "Linear algebra", "Number theory", "Right to vote", "Blood types",
    "Iron Age", "Race relations", "Time travel", "Group theory", "Missing persons", "Codes of conduct",
    "Left and right wing politics",
    "Clock repair", "Coding theory", "The Addams Family", "Data interpretation", "Cubes and dice"])
def test_a_topic_that_shares_a_word_with_a_kind_is_none_of_it(topic):
    assert kind_for(topic) is None
    assert kind_in(topic) is None


@pytest.mark.parametrize(("message", "kind"), [
    ("Write a question about circular seating arrangements.", "circular_seating"),
    ("Please generate a hard question on the topic: Blood Relations and Family Tree, as JSON.", "family"),
    ("Tell me a joke about lawyers", None)])
def test_a_kind_is_found_in_what_a_message_says(message, kind):
    assert kind_in(message) == kind


def test_a_question_of_the_model_is_kept_when_the_agent_confirms_it_in_every_order():
    written = writer().ask("Astronomy")
    assert written.source == "model"
    assert written.question["answer"] == "B"
    assert written.question["choices"][1] == "B) Mars"


@pytest.mark.parametrize("draft", [
    {**DRAFT, "answer": "C"}, {**DRAFT, "choices": ["Mars", "Mars", "Earth", "Pluto"]}, {**DRAFT, "choices": ["Mars"]},
    {**DRAFT, "question": "Which one? " * 100}, {**DRAFT, "choices": ["Venus", "Mars", "Both A and B", "Pluto"]},
    "no JSON at all", json.dumps(DRAFT)[:60]])
def test_a_draft_that_is_wrong_or_broken_gives_way_to_a_puzzle(draft):
    written = writer(draft=draft).ask("Astronomy")
    assert written.source == "puzzle"
    assert written.question["topic"] != "Astronomy"  # it does not pretend


def test_one_who_always_says_b_confirms_nothing():
    assert writer(lambda request: (0.1, 0.7, 0.1, 0.1)).ask("Astronomy").source == "puzzle"


def test_the_same_question_is_not_written_twice():
    asking = writer()
    assert [asking.ask("Astronomy").source for _ in range(2)] == ["model", "puzzle"]


def test_no_time_for_the_model_still_gives_questions(monkeypatch):
    clock = Clock()
    install(monkeypatch, clock)
    backend = AgentBackend(knows_mars, lambda request: json.dumps(DRAFT), read=1e6, write=0.01, clock=clock)
    asking = QuestionWriter(Answerer(backend, Limits(32, 6.0), Pace(1e6, 0.01)), seed=1, seconds=10.0)
    written = asking.ask_batch(["Astronomy", "Family trees"])
    assert [one.source for one in written] == ["puzzle", "puzzle"]
    assert clock.now - 1000.0 <= 10.0
