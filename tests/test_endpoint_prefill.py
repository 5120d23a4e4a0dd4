"""What real servers make of a begun reply, and the other shapes of their replies, as recorded from each of them."""

from __future__ import annotations

import threading
import time

import pytest
from test_engine_endpoint import MESSAGES, Answer, chat, serve  # noqa: F401

from stepladder.engine import client
from stepladder.engine.endpoint import Endpoint
from stepladder.engine.prefill import BEGUN, Prefill, prefill_of
from stepladder.engine.requests import Completion, Request, Sampling
from stepladder.engine.wire import NEUTRAL, parse_reply

CLOSED = {"max_tokens": 20, "closing": "\nAnswer:", "closing_tokens": 4}


def closed(server, *, count: int = 1, **fields) -> list[Completion]:
    with Endpoint([server.url], model="m", sequences=1) as backend:
        prompt = backend.render(MESSAGES)
        return list(backend.generate(Request(str(n), prompt, **CLOSED | fields) for n in range(count)))


def begun_in(body: dict) -> str | None:
    last = body["messages"][-1]
    return last["content"] if last["role"] == "assistant" else None


# -- the trial -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("text", "expected"), [
    ("0 11", Prefill(True)), (" 0 11", Prefill(True)), ("0", Prefill(True)),
    (f"{BEGUN}0 11", Prefill(True, echoes=True)),
    (f"{BEGUN}1 12", Prefill(False, echoes=True)),
    ("1 2 3", Prefill(False)), ("11 12", Prefill(False)), ("Sure", Prefill(False)), ("", Prefill(False)),
])
def test_the_answer_to_the_trial_tells_what_a_server_does(text: str, expected: Prefill) -> None:
    assert prefill_of(text) == expected


def test_the_trial_is_made_once_before_the_first_begun_reply_and_not_without_one(serve) -> None:  # noqa: F811
    server = serve(lambda path, body, number: chat("0" if begun_in(body) == BEGUN else "B", "length"), trial=None)
    with Endpoint([server.url], model="m", sequences=8) as backend:
        prompt = backend.render(MESSAGES)
        assert len(list(backend.generate(Request(str(n), prompt) for n in range(4)))) == 4
        assert not [body for _, body in server.bodies if begun_in(body)]
        assert len(list(backend.generate(Request(str(n), prompt, **CLOSED) for n in range(8)))) == 8
    assert [begun_in(body) for _, body in server.bodies].count(BEGUN) == 1


def test_a_trial_that_is_not_answered_is_made_again(serve) -> None:  # noqa: F811
    trials = []

    def script(path: str, body: dict, number: int) -> Answer:
        if begun_in(body) == BEGUN:
            trials.append(number)
            return (500, {}, b"out of memory") if len(trials) == 1 else chat("0 11")
        return chat("B", "length")

    (done,) = closed(serve(script, trial=None))
    assert (done.text, len(trials)) == ("B\nAnswer:B", 2)


@pytest.mark.parametrize("unusable", [
    chat(None, "length"), chat("0", None), (200, {}, {"choices": []}), (200, {}, b"<html>Hello</html>")])
def test_an_answer_to_the_trial_that_cannot_be_used_is_a_no(serve, unusable: Answer) -> None:  # noqa: F811
    def script(path: str, body: dict, number: int) -> Answer:
        if begun_in(body):
            return unusable
        return chat("Answer: B" if len(body["messages"]) > 1 else "Step one.\nStep", "length")

    server = serve(script, trial=None)
    assert {one.text for one in closed(server, count=2)} == {"Step one.\nStep\nAnswer: B"}
    assert len([body for _, body in server.bodies if begun_in(body)]) == 1


# -- llama-server: it sends what was begun again -------------------------------------------------------------------


def test_a_begun_reply_that_comes_back_is_not_taken_for_the_continuation(serve) -> None:  # noqa: F811
    def script(path: str, body: dict, number: int) -> Answer:
        return chat((begun_in(body) or "") + (" B" if begun_in(body) else "Step one."), "length")

    server = serve(script, trial=f"{BEGUN}0 11")
    for one in closed(server, count=2):
        assert (one.text, one.finish_reason) == ("Step one.\nAnswer: B", "closed")


def test_a_server_that_does_not_repeat_keeps_what_looks_like_a_repetition(serve) -> None:  # noqa: F811
    server = serve(lambda path, body, number: chat("A" if not begun_in(body) else "A\nAnswer: A", "length"))
    assert closed(server)[0].text == "A\nAnswer:A\nAnswer: A"


# -- llama-cpp-python: the begun reply is a turn that is over --------------------------------------------------------


def test_a_server_that_begins_anew_is_asked_in_a_turn_of_its_own(serve, caplog) -> None:  # noqa: F811
    def script(path: str, body: dict, number: int) -> Answer:
        if begun_in(body):
            return chat("1. Let me begin again", "length")
        return chat("Answer: B" if len(body["messages"]) > 1 else "Step one.\nStep", "length")

    server = serve(script, trial="1 2")
    for one in closed(server, count=2):
        assert one.text == "Step one.\nStep\nAnswer: B"
    assert not [body for _, body in server.bodies if begun_in(body)], "nothing is begun for it"
    (told,) = [record.getMessage() for record in caplog.records]
    assert "does not continue a reply, it is asked in a turn of its own: begun as '1 2 3 4 5 6 7 8 9 1'" in told
    assert told.endswith("it says '1 2'")


# -- how servers refuse it -------------------------------------------------------------------------------------------

REFUSALS = {  # as each words it, or its template does
    "llama-server, thinking": (400, {"error": {
        "code": 400, "message": "Assistant response prefill is incompatible with enable_thinking.",
        "type": "invalid_request_error"}}),
    "llama-server, two": (400, {"error": {
        "code": 400, "message": "Cannot have 2 or more assistant messages at the end of the list.",
        "type": "invalid_request_error"}}),
    "vLLM": (400, {"error": {
        "message": "Cannot set both `continue_final_message` and `add_generation_prompt` to True.",
        "type": "BadRequestError", "param": None, "code": 400}}),
    "vLLM, template": (400, {"object": "error", "param": None, "code": 400, "type": "BadRequestError", "message":
                             "continue_final_message is set but the final message does not appear in the chat after "
                             "applying the chat template!"}),
    "SGLang, template": (400, {"object": "error", "type": "BadRequest", "param": None, "code": 400, "message":
                               "Conversation roles must alternate user/assistant/user/assistant/..."}),
    "transformers": (422, {"detail": "Unexpected fields in the request: {'continue_final_message'}"}),
    "FastAPI": (422, {"detail": [{"loc": ["body", "continue_final_message"], "msg": "extra fields not permitted",
                                  "type": "value_error.extra"}]}),
}


@pytest.mark.parametrize("trial", [None, "0 11"], ids=["at the trial", "later"])
@pytest.mark.parametrize("words", REFUSALS)
def test_a_refused_prefill_costs_no_request(serve, words: str, trial: str | None) -> None:  # noqa: F811
    def script(path: str, body: dict, number: int) -> Answer:
        if begun_in(body):
            return REFUSALS[words][0], {}, REFUSALS[words][1]
        return chat("Answer: B" if len(body["messages"]) > 1 else "Step one.\nStep", "length")

    server = serve(script, trial=trial)
    assert {one.text for one in closed(server, count=2)} == {"Step one.\nStep\nAnswer: B"}
    assert len([body for _, body in server.bodies if begun_in(body)]) == 1


def test_a_server_that_came_back_is_tried_again(serve) -> None:  # noqa: F811
    """It may be another program at the same address."""
    trials = []

    def script(path: str, body: dict, number: int) -> Answer:
        if begun_in(body) == BEGUN:
            trials.append(number)
            return chat("1 2" if len(trials) == 1 else f"{BEGUN}0")
        if len(trials) == 1 and number == 4:
            return 503, {}, b"shutting down"
        return chat((begun_in(body) or "") + "B", "length")

    server = serve(script, trial=None)
    done = closed(server, count=3)
    assert [one.text for one in done] == ["B\nAnswer: B", "B\nAnswer:B", "B\nAnswer:B"]
    assert len(trials) == 2


# -- sampling that is switched off ---------------------------------------------------------------------------------


@pytest.mark.parametrize("words", [
    {"detail": "Unexpected fields in the request: {'min_p', 'repeat_penalty', 'repetition_penalty'}"},
    {"error": {"message": "Unrecognized request arguments supplied: min_p, repeat_penalty", "param": None}},
    {"detail": [{"type": "extra_forbidden", "loc": ["body", "min_p"], "msg": "Extra inputs are not permitted"}]},
])
def test_a_server_that_takes_fewer_fields_is_sent_only_what_is_switched_on(serve, words: dict) -> None:  # noqa: F811
    def script(path: str, body: dict, number: int) -> Answer:
        return (422, {}, words) if "repeat_penalty" in body else chat("four")

    server = serve(script)
    with Endpoint([server.url], model="m", sequences=1) as backend:
        prompt = backend.render(MESSAGES)
        done = list(backend.generate(Request(str(n), prompt, 9, Sampling(0.7, top_p=0.9)) for n in range(3)))
    assert [one.text for one in done] == ["four"] * 3
    assert [sorted(NEUTRAL.keys() & body.keys()) for _, body in server.bodies] == [sorted(NEUTRAL), *[["top_p"]] * 3]


def test_calls_that_are_on_their_way_together_are_all_asked_again(serve) -> None:  # noqa: F811
    """What one of them finds out does not turn the others' refusals into refused requests."""
    together, answered = threading.Barrier(4, timeout=20), threading.Event()

    def script(path: str, body: dict, number: int) -> Answer:
        if number <= 4 and together.wait() == 0:  # one of the four is refused after another was answered
            answered.wait(20)
            time.sleep(0.2)
        if begun_in(body):
            return 400, {}, b"no prefill"
        if "min_p" in body:
            return 422, {}, b"unexpected: min_p"
        answered.set()
        return chat("Answer: B")

    for fields in ({}, {"closing": "\nAnswer:", "closing_tokens": 20}):  # the second begins with its closing
        together.reset()
        answered.clear()
        server = serve(script)
        with Endpoint([server.url], model="m", sequences=4) as backend:
            prompt = backend.render(MESSAGES)
            done = list(backend.generate(Request(str(n), prompt, 22, **fields) for n in range(4)))
        assert {one.text.replace("\n", "") for one in done} == {"Answer: B"}


def test_a_field_that_is_wanted_and_refused_is_a_refusal(serve) -> None:  # noqa: F811
    server = serve(lambda path, body, number: (422, {}, {"detail": "Unexpected fields in the request: {'min_p'}"}))
    with Endpoint([server.url], model="m") as backend:
        (done,) = backend.generate([Request("q", backend.render(MESSAGES), 9, Sampling(0.7, min_p=0.1))])
    assert (done.finish_reason, len(server.bodies)) == ("refused", 2)
    assert "Unexpected fields in the request: {'min_p'}" in done.refusal


# -- probabilities ---------------------------------------------------------------------------------------------------

TOPS = [(" B", -0.5), (" A", -1.5)]
ENTRIES = [{"token": token, "logprob": value} for token, value in TOPS]
LOGPROBS = {
    "OpenAI, vLLM, SGLang": ("message", {"content": [{"token": " B", "logprob": -0.5, "bytes": [32, 66],
                                                      "top_logprobs": ENTRIES}], "refusal": None}),
    "llama-server": ("message", {"content": [{"id": 389, "token": " B", "bytes": [32, 66], "logprob": -0.5,
                                              "top_logprobs": [{"id": 1, **entry} for entry in ENTRIES]}]}),
    "llama-server, /v1/completions": ("text", {"content": [{"id": 389, "token": " B", "logprob": -0.5,
                                                            "top_logprobs": ENTRIES}]}),
    "vLLM, llama-cpp-python, /v1/completions": ("text", {
        "text_offset": [7], "token_logprobs": [-0.5], "tokens": [" B"], "top_logprobs": [dict(TOPS)]}),
    "none, a null": ("message", None),
    "none, empty": ("text", {"text_offset": [], "token_logprobs": None, "tokens": [], "top_logprobs": None}),
}


@pytest.mark.parametrize("shape", LOGPROBS)
def test_probabilities_come_in_several_shapes(shape: str) -> None:
    kind, logprobs = LOGPROBS[shape]
    said = {"message": {"role": "assistant", "content": " B"}} if kind == "message" else {"text": " B"}
    reply = parse_reply({"choices": [{"index": 0, **said, "logprobs": logprobs, "finish_reason": "length"}]}, top=True)
    assert reply.top == ([] if shape.startswith("none") else TOPS)


# -- connections that are cut while they are idle ----------------------------------------------------------------------


def test_an_idle_connection_is_given_up_before_the_server_cuts_it(serve, monkeypatch) -> None:  # noqa: F811
    """A server that has cut one does not answer the call that comes over it."""
    assert client.KEEP_SECONDS < 5.0, "uvicorn's and cpp-httplib's"
    monkeypatch.setattr(client, "KEEP_SECONDS", 0.05)
    server = serve(lambda path, body, number: chat("B"))
    with Endpoint([server.url], model="m", sequences=1, attempts=1) as backend:
        pool = backend._client._http._transport._pool
        assert len(list(backend.generate([Request("a", "p")]))) == 1
        (first,) = pool.connections
        time.sleep(0.2)
        assert len(list(backend.generate([Request("b", "p")]))) == 1
        (second,) = pool.connections
    assert second is not first
