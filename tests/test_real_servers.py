"""Endpoints against real servers, each started here on loopback; those that are not installed are left out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from servers.start import SERVERS, missing, running

from stepladder.engine import prompts
from stepladder.engine.backend import open_backend
from stepladder.engine.requests import Backend, Completion, Request

pytestmark = pytest.mark.model

RECORDS = [
    {"id": "a", "question": "What is 2 + 3?", "choices": {"A": "5", "B": "4", "C": "9", "D": "1"}},
    {"id": "b", "question": "Which is a colour?", "choices": {"A": "dog", "B": "red", "C": "two", "D": "Paris"}},
]
NOISE = 0.1  # of a probability: other kernels and batches, 8-bit activations; measured: 0.056


@pytest.fixture(scope="module", params=SERVERS)
def server(request: pytest.FixtureRequest, small_model: Path, small_transformers: Path) -> Iterator[Backend]:
    if lacks := missing(request.param):
        pytest.skip(f"{request.param} is not installed: {', '.join(lacks)} cannot be imported")
    model = small_model if SERVERS[request.param].gguf else small_transformers
    with running(request.param, model) as url, open_backend(str(model), endpoints=[url], sequences=4) as backend:
        backend.shows_probabilities = request.param != "transformers"  # type: ignore[attr-defined]
        yield backend


@pytest.fixture(scope="module")
def engine(small_model: Path) -> Iterator[Backend]:
    with open_backend(small_model, sequences=4, context=1024, threads=2) as opened:
        yield opened


def answers(backend: Backend, **fields) -> list[Completion]:
    """To RECORDS, in their order."""
    asked = [Request(record["id"], backend.render(prompts.messages(record, "steps")), **fields) for record in RECORDS]
    done = {one.id: one for one in backend.generate(asked)}
    return [done[record["id"]] for record in RECORDS]


def test_a_reply_begins_as_the_engines_own(server: Backend, engine: Backend) -> None:
    for its, mine in zip(answers(server, max_tokens=8), answers(engine, max_tokens=8), strict=True):
        assert (its.finish_reason, its.tokens, its.prompt_tokens) == ("length", 8, mine.prompt_tokens)
        assert its.text[:5] == mine.text[:5]


def test_the_probabilities_of_letters_are_the_engines_own(server: Backend, engine: Backend) -> None:
    def read(backend: Backend) -> list[dict[str, float] | None]:
        prompt = [backend.render(*prompts.fast(record)) for record in RECORDS]
        done = backend.generate(Request(str(n), one, 0, choices=prompts.LETTER_CHOICES) for n, one in enumerate(prompt))
        return [one.probabilities for one in sorted(done, key=lambda one: one.id)]

    for its, mine in zip(read(server), read(engine), strict=True):
        if not server.shows_probabilities:  # type: ignore[attr-defined]
            assert its is None
        elif server._servers.all[0].continues:
            assert its == pytest.approx(mine, abs=NOISE)
        else:  # asked in a turn of its own, the model sees another prompt
            assert its.keys() == mine.keys()
            assert 0.0 < sum(its.values()) <= 1.0 + NOISE


def test_a_forced_closing_stands_once_after_what_was_written(server: Backend) -> None:
    begun = answers(server, max_tokens=8)
    closed = answers(server, max_tokens=20, closing=prompts.CLOSING, closing_tokens=4)
    for one, before in zip(closed, begun, strict=True):
        assert one.finish_reason == "closed"
        assert one.text.startswith(before.text[:5])
        assert one.text.count(prompts.CLOSING) == 1
        written, _, rest = one.text.partition(prompts.CLOSING)
        assert written[:20] not in rest or not server._servers.all[0].continues, "what was begun came back"
