"""Recurrent and hybrid models, whose memory cannot drop the end of a sequence: the same replies, computed anew instead.

The models are tiny and random; one of attention alone goes through the same tests.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from test_engine_model import Scarce, logs
from tiny_models import ARCHITECTURES, write_tiny_model

from stepladder.engine import batching
from stepladder.engine.batching import Engine
from stepladder.engine.native import Batch, Context, Weights
from stepladder.engine.requests import Completion, Request

NOISE = 0.05  # in log-probabilities of -10 to -50; measured: 0.012
RECORD = "The quick brown fox jumps over the lazy dog. "  # a beginning that is worth copying
NUMBERS = (" 1", " 12", " 2", " 23", " one")  # a tree of tokens with several paths
MIXED = (
    *(Request(f"open {n}", f"{RECORD}Open {n % 3}", 5 + 3 * n) for n in range(5)),
    *(Request(f"rating {n}", f"{RECORD}Rate {n}:", 0, choices=NUMBERS) for n in range(3)),
    *(Request(f"closed {n}", f"{RECORD}Close", 30 + n, closing="\nAnswer:", closing_tokens=6, choices=NUMBERS)
      for n in range(3)),
    Request("read", f"{RECORD}Close", 30, closing="\nAnswer:", closing_tokens=0, choices=NUMBERS),
)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    folder = tmp_path_factory.mktemp("tiny")

    def written(architecture: str) -> Path:
        path = folder / f"{architecture}.gguf"
        return path if path.exists() else write_tiny_model(path, architecture)

    return written


def next_probabilities(context: Context, ids: list[int]) -> npt.NDArray[np.float64]:
    """(vocabulary,) after `ids`, all of them computed anew."""
    batch = Batch(512)
    context.clear()
    batch.add(np.array(ids, np.int32), 0, 0, wanted=1)
    context.decode(batch)
    shares = np.exp(context.logits(batch)[0].astype(np.float64))
    return shares / shares.sum()


def plainly(path: Path, request: Request) -> Completion:
    """The greedy completion, every token from a prompt that is computed anew."""
    weights = Weights(path, 0, {})
    context = Context(weights, sequences=1, context=512, threads=1, batch_tokens=512, unified=False)
    ids = weights.tokenize(request.prompt, bos=True).tolist()
    prompt, limit, probabilities = len(ids), request.max_tokens, None
    closing = weights.tokenize(request.closing or "").tolist()

    def write(end: int) -> None:
        while len(ids) - prompt < end:
            ids.append(int(next_probabilities(context, ids).argmax()))

    write(limit - len(closing) - request.closing_tokens if closing else limit)
    ids += closing
    if request.choices:
        probabilities = {}
        for choice in request.choices:
            tokens = weights.tokenize(choice).tolist()
            shares = [next_probabilities(context, ids + tokens[:n])[token] for n, token in enumerate(tokens)]
            probabilities[choice] = float(np.prod(shares))
    write(limit)
    context.close()
    text = b"".join(weights.piece(token) for token in ids[prompt:]).decode("utf-8", "replace")
    weights.close()
    return Completion(request.id, text, prompt, len(ids) - prompt, "closed" if closing else "length", probabilities)


def one_at_a_time(path: Path, requests: tuple[Request, ...]) -> dict[str, Completion]:
    """Every request by itself, nothing held from the one before."""
    done = {}
    with Engine(path, sequences=1, context=512, threads=1) as engine:
        for request in requests:
            engine.use_adapter(None)  # forgets what is held
            done |= {one.id: one for one in engine.generate([request])}
    return done


def assert_same(found: dict[str, Completion], expected: dict[str, Completion]) -> None:
    assert found.keys() == expected.keys()
    for name, one in found.items():
        other = expected[name]
        texts = [text.rstrip("\N{REPLACEMENT CHARACTER}") for text in (one.text, other.text)]  # perhaps cut at the end
        assert texts[0] == texts[1], name
        assert (one.tokens, one.finish_reason) == (other.tokens, other.finish_reason), name
        assert (one.probabilities is None) == (other.probabilities is None)
        if one.probabilities:
            assert logs(one.probabilities) == pytest.approx(logs(other.probabilities), abs=NOISE), name


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_reply_is_that_of_a_plain_loop(model, architecture: str) -> None:
    path = model(architecture)
    assert_same(one_at_a_time(path, MIXED), {request.id: plainly(path, request) for request in MIXED})


@pytest.mark.parametrize("batch_tokens", [512, 40])
@pytest.mark.parametrize("kv", ["split", "unified"])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_many_at_once_are_answered_as_one_at_a_time(model, architecture: str, kv: str, batch_tokens: int) -> None:
    """With the smaller batch what is computed anew comes in several pieces, too."""
    path = model(architecture)
    with Engine(path, sequences=3, context=512, threads=1, kv=kv, batch_tokens=batch_tokens) as engine:
        engine.warm(f"{RECORD}Open")
        found = {one.id: one for one in engine.generate(MIXED)}
        again = {one.id: one for one in engine.generate(reversed(MIXED))}
    expected = one_at_a_time(path, MIXED)
    assert_same(found, expected)
    assert_same(again, expected)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("sequences", [1, 2])
def test_a_beginning_that_is_held_whole_is_used_again(model, architecture: str, sequences: int) -> None:
    path = model(architecture)
    longer = Request("longer", f"{RECORD}Open and on", 9)
    with Engine(path, sequences=sequences, context=512, threads=1) as engine:
        engine.warm(f"{RECORD}Open")
        computed = engine.stats.prompt_tokens
        found = {one.id: one for one in engine.generate([longer])}
        assert engine.stats.prompt_tokens - computed == engine.count_tokens(" and on")
        assert engine.stats.reused_tokens == computed
    assert_same(found, one_at_a_time(path, (longer,)))


@pytest.mark.parametrize("architecture", ["mamba", "jamba", "lfm2"])
def test_places_are_moved_together_at_the_end(model, architecture: str) -> None:
    path = model(architecture)
    requests = (*(Request(f"short {n}", f"Short {n}", 2) for n in range(3)), Request("long", "A long one", 40))
    with Engine(path, sequences=4, context=512, threads=1) as engine:
        found = {one.id: one for one in engine.generate(requests)}
    assert_same(found, one_at_a_time(path, requests))


@pytest.mark.parametrize("architecture", ["mamba", "jamba", "lfm2"])
def test_after_a_failed_call_its_requests_start_again(model, architecture: str, monkeypatch) -> None:
    path = model(architecture)
    monkeypatch.setattr(batching, "Context", Scarce)
    with Engine(path, sequences=2, context=512, threads=1) as engine:
        stream = engine.generate(MIXED)
        first = next(stream)
        monkeypatch.setattr(Scarce, "broken", 1)
        found = {one.id: one for one in [first, *stream]}
        assert engine.stats.sequences == 1
    assert_same(found, one_at_a_time(path, MIXED))
