"""The batching engine with the real small model: llama.cpp's own texts, and every promise of a Request."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from stepladder.engine import batching, trial
from stepladder.engine.batching import Engine
from stepladder.engine.native import Batch, Context, DecodeError, quiet_llama
from stepladder.engine.requests import Completion, EngineError, Feed, Request, RequestError, Sampling

pytestmark = pytest.mark.model

NOISE = 0.03  # in log-probabilities, F16; measured: 0.009
QUESTIONS = ["Name three colours.", "What is 2+3?", "Why is the sky blue?", "What is a cat?", "Who wrote Hamlet?"]


@pytest.fixture(scope="module")
def engine(small_model: Path) -> Iterator[Engine]:
    with Engine(small_model, sequences=4, context=512, threads=2) as opened:
        yield opened


@pytest.fixture(scope="module")
def exact_model(small_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small model in F16. In Q8_0 activations are rounded to 8 bits as well, which makes rounding noise large."""
    import llama_cpp

    path = tmp_path_factory.mktemp("exact") / "f16.gguf"
    params = llama_cpp.llama_model_quantize_default_params()
    params.ftype, params.allow_requantize, params.nthread = llama_cpp.LLAMA_FTYPE_MOSTLY_F16, True, 2
    quiet_llama()
    assert llama_cpp.llama_model_quantize(bytes(small_model), bytes(path), params) == 0
    return path


@pytest.fixture(scope="module")
def exact(exact_model: Path) -> Iterator[Engine]:
    with Engine(exact_model, sequences=4, context=512, threads=2) as opened:
        yield opened


@pytest.fixture(scope="module")
def prompts(engine: Engine) -> list[str]:
    return [engine.render([{"role": "user", "content": question}]) for question in QUESTIONS]


@pytest.fixture(scope="module")
def alone(small_model: Path, prompts: list[str]) -> dict[str, str]:
    """What `Llama`, one prompt after the other, makes of the prompts: 24 tokens, greedy."""
    from llama_cpp import Llama

    llama = Llama(str(small_model), n_ctx=512, n_threads=2, n_threads_batch=2, flash_attn=True, verbose=False)
    texts = {}
    for question, prompt in zip(QUESTIONS, prompts, strict=True):
        llama.reset()
        ids = llama.tokenize(prompt.encode(), add_bos=True, special=True)
        reply = llama.create_completion(ids, max_tokens=24, temperature=0, repeat_penalty=1.0)
        texts[question] = reply["choices"][0]["text"]
    llama.close()
    return texts


def logs(probabilities: dict[str, float]) -> list[float]:
    return [float(np.log(value)) for value in probabilities.values()]


def answer(engine: Engine, *requests: Request) -> dict[str, Completion]:
    return {done.id: done for done in engine.generate(requests)}


def direct_probabilities(engine: Engine, text: str, choices: tuple[str, ...]) -> object:
    """By softmax over logits from a context of its own, one call a choice; to be compared with ==."""
    context = Context(engine._weights, sequences=1, context=512, threads=2, batch_tokens=512, unified=False)
    batch, ids, expected = Batch(512), engine.tokenize(text), {}
    for choice in choices:
        tokens = engine._weights.tokenize(choice)
        context.clear()
        batch.clear()
        batch.add(np.concatenate([ids, tokens]), 0, 0, wanted=1 + len(tokens))
        context.decode(batch)
        logits = context.logits(batch)[: len(tokens)].astype(np.float64)
        shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        expected[choice] = float(np.prod(shares[np.arange(len(tokens)), tokens]))
    context.close()
    return pytest.approx(expected, rel=NOISE)


# -- the same as llama.cpp alone -----------------------------------------------------------------------------------


def test_one_sequence_gives_llamas_own_greedy_text(small_model: Path, prompts: list[str], alone) -> None:
    with Engine(small_model, sequences=1, context=512, threads=2) as engine:
        done = answer(engine, *(Request(q, p, 24) for q, p in zip(QUESTIONS, prompts, strict=True)))
    assert {question: one.text for question, one in done.items()} == alone


@pytest.mark.parametrize("kv", ["split", "unified"])
def test_neighbours_change_no_more_than_floating_point_noise(exact_model: Path, exact: Engine, prompts, kv) -> None:
    """The probabilities after a prompt, alone and among others that decode beside it."""
    asked = Request("asked", prompts[0], 0, choices=tuple("ABCDEFGH"))
    lone = answer(exact, asked)["asked"].probabilities
    others = [Request(f"other {number}", prompt, 8 + number) for number, prompt in enumerate(prompts[1:])]
    with Engine(exact_model, sequences=4, context=512, threads=2, kv=kv) as crowded:
        among = answer(crowded, *others, asked)["asked"].probabilities
    assert logs(among) == pytest.approx(logs(lone), abs=NOISE)


def test_a_bos_token_is_never_doubled(engine: Engine) -> None:
    weights = engine._weights
    weights.bos = engine.tokenize("<|im_start|>")[0]  # a vocabulary that wants this one in front
    try:
        assert engine.tokenize("<|im_start|>user").tolist() == weights.tokenize("<|im_start|>user").tolist()
        assert engine.tokenize("user").tolist() == [weights.bos, *weights.tokenize("user").tolist()]
    finally:
        del weights.bos


def test_the_models_own_template_is_applied_and_the_prefix_begins_the_reply(engine: Engine) -> None:
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}]
    expected = (
        "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nWell,"
    )
    assert engine.render(messages, "Well,") == expected
    assert engine.tokenize("<|im_end|>").tolist() == [2]


# -- requests ------------------------------------------------------------------------------------------------------


def test_more_requests_than_places_are_all_answered_once(engine: Engine, prompts: list[str]) -> None:
    requests = [Request(f"r{number}", prompts[number % 2 * 2], 3 + number % 7) for number in range(17)]
    done = list(engine.generate(iter(requests)))
    assert sorted(one.id for one in done) == sorted(request.id for request in requests)
    assert all(one.finish_reason == "length" and one.tokens == 3 + int(one.id[1:]) % 7 for one in done)


def test_requests_are_pulled_only_as_places_become_free(engine: Engine, prompts: list[str]) -> None:
    pulled = []

    def lazily() -> Iterator[Request]:
        for number in range(9):
            pulled.append(number)
            yield Request(str(number), prompts[0], 2)

    stream = engine.generate(lazily())
    next(stream)
    assert len(pulled) == engine.stats.sequences
    stream.close()
    assert engine.stats.active == 0


def test_a_caller_can_feed_retries(engine: Engine, prompts: list[str]) -> None:
    feed, seen = Feed([Request("a", prompts[0], 2), Request("b", prompts[1], 2)]), []
    for done in engine.generate(feed):
        seen.append(done.id)
        if "#" not in done.id:
            feed.add(Request(done.id + "#2", prompts[2], 2))
    assert sorted(seen) == ["a", "a#2", "b", "b#2"]


def test_a_stop_string_ends_the_text_before_it(engine: Engine, alone: dict[str, str], prompts: list[str]) -> None:
    text = alone[QUESTIONS[2]]
    stop = text[30:41]  # several tokens, cut at neither end
    done = answer(engine, Request("q", prompts[2], 24, stop=(stop,)))["q"]
    assert (done.text, done.finish_reason) == (text[: text.index(stop)], "stop")


def test_the_end_of_turn_stops(engine: Engine, prompts: list[str], alone: dict[str, str]) -> None:
    done = answer(engine, Request("q", prompts[1], 100))["q"]
    assert done.finish_reason == "stop"
    assert "<|im_end|>" not in done.text
    assert done.text.startswith(alone[QUESTIONS[1]][:5])


def test_seeds_decide_what_is_sampled(small_model: Path, prompts: list[str]) -> None:
    def sample(seed: int) -> str:
        return answer(engine, Request("q", prompts[2], 12, Sampling(1.0, top_k=50, top_p=0.95, seed=seed)))["q"].text

    with Engine(small_model, sequences=1, context=256, threads=2) as engine:
        assert sample(1) == sample(1)
        assert len({sample(seed) for seed in range(4)}) > 1


def test_a_repeat_penalty_changes_greedy_text(engine: Engine) -> None:
    prompt = "one two three one two three one two"
    plain = answer(engine, Request("q", prompt, 20))["q"].text
    penalised = answer(engine, Request("q", prompt, 20, Sampling(repeat_penalty=1.8)))["q"].text
    assert plain != penalised


def test_a_grammar_is_followed(engine: Engine, prompts: list[str]) -> None:
    grammar = 'root ::= "{\\"answer\\": \\"" [A-D] "\\"}"'
    sampling = Sampling(temperature=1.5, seed=4)
    done = answer(engine, *(Request(str(n), prompts[n], 40, sampling, grammar=grammar) for n in range(3)))
    for one in done.values():
        assert json.loads(one.text)["answer"] in "ABCD"
        assert one.finish_reason == "stop"


def test_the_closing_is_forced_and_choices_are_read_after_it(exact: Engine, prompts: list[str]) -> None:
    request = Request("q", prompts[2], 20, closing="\nAnswer:", closing_tokens=3, choices=(" A", " B", " yellow"))
    done = answer(exact, request)["q"]
    assert done.finish_reason == "closed"
    before, _, after = done.text.partition("\nAnswer:")
    assert done.tokens <= 20
    assert exact.count_tokens(after) <= 3
    assert done.probabilities == direct_probabilities(exact, prompts[2] + before + "\nAnswer:", request.choices)


def test_no_closing_is_forced_on_a_text_that_ends_by_itself(engine: Engine, prompts: list[str]) -> None:
    done = answer(engine, Request("q", prompts[1], 60, closing="\nAnswer:", choices=(" A",)))["q"]
    assert (done.finish_reason, done.probabilities) == ("stop", None)


def test_choice_probabilities_equal_a_direct_softmax_over_all_their_tokens(exact: Engine) -> None:
    prompt = exact.render([{"role": "user", "content": "Rate 2+2=4 from 1 to 10."}], "Difficulty:")
    numbers = tuple(f" {number}" for number in range(1, 11))
    done = answer(exact, Request("q", prompt, 0, choices=numbers))["q"]
    assert done.probabilities == direct_probabilities(exact, prompt, numbers)
    assert (done.text, done.tokens, done.finish_reason) == ("", 0, "length")


def test_a_deadline_closes_in_time_or_cuts(engine: Engine, prompts: list[str], monkeypatch) -> None:
    """On a clock of its own, which advances by 0.02 s whenever the engine looks at it."""
    ticks = itertools.count()
    clock = SimpleNamespace(monotonic=lambda: 0.02 * next(ticks), perf_counter=lambda: 0.02 * next(ticks))
    monkeypatch.setattr(batching, "time", clock)
    done = answer(
        engine,
        Request("closed", prompts[2], 400, closing="\nAnswer:", closing_tokens=2, deadline=5.0),
        Request("cut", prompts[3], 400, Sampling(1.0, seed=1), grammar="root ::= [a-z ]+", deadline=5.0),
        Request("late", prompts[0], 5, deadline=-1.0),
        Request("in time", prompts[0], 3, deadline=500.0),
    )
    assert clock.monotonic() < 8.0
    assert done["closed"].finish_reason == "closed"
    assert "\nAnswer:" in done["closed"].text
    assert done["cut"].finish_reason == "deadline"
    assert 0 < done["cut"].tokens < 400
    assert (done["late"].finish_reason, done["late"].text) == ("deadline", "")
    assert done["in time"].finish_reason == "length"


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"prompt": "a b c", "max_tokens": 600}, "over the context of 512"),
        ({"prompt": ""}, "prompt is empty"),
        ({"prompt": (1, 999_999)}, "outside the vocabulary"),
        ({"prompt": "a", "grammar": "root ::= ("}, "grammar does not parse"),
        ({"prompt": "a", "choices": ("A",)}, "choices need max_tokens 0 or a closing"),
        ({"prompt": "a", "max_tokens": 4, "closing": "\nAnswer:"}, "no room for a closing"),
        ({"prompt": "a", "grammar": 'root ::= "a"', "closing": "\nAnswer:"}, "follows a grammar"),
    ],
)
def test_impossible_requests_are_refused_and_the_others_answered(engine, prompts, fields, message) -> None:
    bad = Request("bad one", **fields)
    with pytest.raises(RequestError, match=f"request bad one: .*{message}"):
        engine.check(bad)
    stream = engine.generate([Request("good", prompts[0], 2), bad, Request("after", prompts[0], 2)])
    done = {completion.id: completion for completion in stream}
    assert done["bad one"].finish_reason == "refused"
    assert re.search(message, done["bad one"].refusal)
    assert (done["good"].refusal, done["after"].refusal) == (None, None)
    assert done["good"].text == done["after"].text


# -- reuse ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kv", ["split", "unified"])
def test_a_shared_beginning_is_computed_once_and_changes_nothing(exact_model: Path, kv: str) -> None:
    record = "The quick brown fox jumps over the lazy dog. " * 6
    variants = [Request(f"v{n}", f"{record}Question {n}: is it", 0, choices=(" a", " true")) for n in range(6)]
    with Engine(exact_model, sequences=3, context=256, threads=2, kv=kv) as engine:
        together = answer(engine, *variants)
        shared = engine.count_tokens(record)
        assert engine.stats.prompt_tokens < 2 * shared  # not 6 times
        assert engine.stats.reused_tokens > 4 * shared
        fresh = {}
        for request in variants:
            engine.use_adapter(None)  # forgets what is held
            fresh |= answer(engine, request)
    for request in variants:
        mine, its = together[request.id].probabilities, fresh[request.id].probabilities
        assert logs(mine) == pytest.approx(logs(its), abs=NOISE)


def test_several_samples_of_one_question_compute_its_prompt_once(small_model: Path, prompts: list[str]) -> None:
    with Engine(small_model, sequences=4, context=256, threads=2) as engine:
        length = engine.count_tokens(prompts[0])
        samples = [Request(str(n), prompts[0], 6, Sampling(1.0, seed=n)) for n in range(8)]
        assert len({one.text for one in answer(engine, *samples).values()}) > 1
        assert engine.stats.prompt_tokens == length + 7  # and the last token again for each other sample


def test_places_are_moved_together_at_the_end_without_changing_texts(engine, prompts, alone) -> None:
    """The first places finish first, so the last ones move into the gaps while they decode."""
    short = [Request(f"short {n}", prompts[4], 2 + n) for n in range(2)]
    long = [Request(QUESTIONS[n], prompts[n], 24) for n in (2, 0)]
    done = answer(engine, *short, *long)
    assert {one.id: done[one.id].text for one in long} == {one.id: alone[one.id] for one in long}


@pytest.mark.parametrize("source", [list, Feed])
def test_the_ranks_are_closed_whenever_no_request_waits(engine, prompts, alone, monkeypatch, source) -> None:
    """Else a split cache costs a pass over the weights for each run of neighbouring sequences, call after call."""
    apart = 0

    def decode(batch, real=engine._cache.context.decode) -> None:
        nonlocal apart
        at = sorted(set(batch.sequences[: batch.size].tolist()))
        apart += at != list(range(at[0], at[0] + len(at)))
        real(batch)

    monkeypatch.setattr(engine._cache.context, "decode", decode)
    requests = [Request(str(n), prompts[n % 2 * 2], 4 + 20 * (n % 2)) for n in range(4)]
    done = {one.id: one.text for one in engine.generate(source(requests))}
    assert apart == 0
    assert done["1"] == alone[QUESTIONS[2]]


def test_a_context_beyond_what_the_model_was_trained_on_is_warned_of(small_model: Path, caplog) -> None:
    for context, warned in ((256, False), (8_448, True)):
        caplog.clear()
        Engine(small_model, sequences=1, context=context, threads=1).close()
        assert ("over the 8192 it was trained on" in caplog.text) is warned


# -- memory --------------------------------------------------------------------------------------------------------


class Scarce(Context):
    """A context for at most 2 sequences; `broken` further calls fail as if no KV cell were free."""

    broken = 0

    def __init__(self, *args, sequences: int, **named) -> None:
        if sequences > 2:
            raise DecodeError("no memory")
        super().__init__(*args, sequences=sequences, **named)

    def decode(self, batch) -> None:
        if Scarce.broken:
            Scarce.broken -= 1
            raise DecodeError("llama_decode returned 1")
        super().decode(batch)


def test_sequences_are_halved_until_the_cache_fits(small_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batching, "Context", Scarce)
    with Engine(small_model, sequences=8, context=128, threads=2) as engine:
        assert engine.stats.sequences == 2


def test_a_failed_call_halves_and_starts_its_requests_again(small_model, prompts, alone, monkeypatch) -> None:
    monkeypatch.setattr(batching, "Context", Scarce)
    with Engine(small_model, sequences=2, context=256, threads=2) as engine:
        stream = engine.generate(Request(q, p, 24) for q, p in zip(QUESTIONS, prompts, strict=True))
        first = next(stream)
        monkeypatch.setattr(Scarce, "broken", 1)
        done = {one.id: one.text for one in [first, *stream]}
        assert engine.stats.sequences == 1
        assert done == alone
        monkeypatch.setattr(Scarce, "broken", 1)
        with pytest.raises(EngineError, match="with a single sequence"):
            answer(engine, Request("q", prompts[0], 2))


def test_a_file_that_is_no_model_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="no such model file"):
        Engine(tmp_path / "none.gguf")
    (tmp_path / "page.gguf").write_bytes(b"<!doctype html>")
    with pytest.raises(EngineError, match=r"page\.gguf: not a GGUF file \(15 bytes\); fetch it again"):
        Engine(tmp_path / "page.gguf")


def test_a_second_generate_or_an_unknown_adapter_is_refused(engine: Engine, prompts: list[str]) -> None:
    stream = engine.generate([Request("a", prompts[0], 3)])
    other = engine.generate([Request("b", prompts[0], 3)])
    with pytest.raises(EngineError, match="already running"):
        [next(stream), next(other)]
    stream.close()
    with pytest.raises(EngineError, match="no adapter 'x'"):
        engine.use_adapter("x")


# -- adapters and the choice of cache --------------------------------------------------------------------------------


def write_adapter(path: Path, size: float) -> Path:
    """A LoRA of rank 4 on the first eight attention outputs, of random numbers of the given size."""
    import gguf

    numbers = np.random.default_rng(0)
    writer = gguf.GGUFWriter(str(path), "llama")
    writer.add_type("adapter")
    writer.add_string("adapter.type", "lora")
    writer.add_float32("adapter.lora.alpha", 4.0)
    for layer in range(8):
        name = f"blk.{layer}.attn_output.weight"
        writer.add_tensor(f"{name}.lora_a", numbers.normal(0, size, (4, 576)).astype(np.float32))
        writer.add_tensor(f"{name}.lora_b", numbers.normal(0, size, (576, 4)).astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def test_an_adapter_is_switched_on_and_off_over_one_set_of_weights(small_model, prompts, alone, tmp_path) -> None:
    paths = {"loud": write_adapter(tmp_path / "loud.gguf", 0.3), "silent": write_adapter(tmp_path / "silent.gguf", 0.0)}
    question = QUESTIONS[2]
    texts = {}
    with Engine(small_model, sequences=2, context=256, threads=2, adapters=paths) as engine:
        for name in ("loud", None, "silent"):
            engine.use_adapter(name)
            texts[name] = answer(engine, Request(question, prompts[2], 24))[question].text
    assert texts["loud"] != alone[question]
    assert texts[None] == texts["silent"] == alone[question]


def test_the_faster_cache_is_found_by_trying_both(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def seconds(context: Context, batch_tokens: int, depth: int) -> float:
        seen.append((context.unified, measured(context, batch_tokens, depth) > 0))
        return 1.0 if context.unified else 2.0

    measured = trial._decode_seconds
    monkeypatch.setattr(trial, "_decode_seconds", seconds)
    options = {"sequences": 2, "context": 64, "threads": 2, "batch_tokens": 64}
    assert trial.faster_kv(engine._weights, **options) == "unified"
    assert seen == [(False, True), (True, True)]
