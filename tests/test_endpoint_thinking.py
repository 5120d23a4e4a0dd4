"""Thoughts at endpoints: fields of servers, what their templates are told, budgets, and thoughts that are continued."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from test_engine_endpoint import MESSAGES, Answer, chat, serve  # noqa: F401

from stepladder.engine.endpoint import Endpoint
from stepladder.engine.prefill import BEGUN
from stepladder.engine.requests import Request
from stepladder.engine.wire import THOUGHT_ENOUGH, ChatPrompt, body_of, parse_reply

OFF = {"enable_thinking": False, "thinking": False}
ON = {"enable_thinking": True, "thinking": True}


def thought(text: str | None, thinking: str, finish: str = "stop", field: str = "reasoning_content", tokens: int = 20
            ) -> Answer:
    message = {"content": text, field: thinking}
    return 200, {}, {"choices": [{"message": message, "finish_reason": finish}], "usage": {"completion_tokens": tokens}}


def bodies(server: Any) -> list[dict[str, Any]]:
    return [body for _, body in server.bodies]


@pytest.mark.parametrize("message", [
    {"content": "B.", "reasoning_content": "Hm."}, {"content": "B.", "reasoning": "Hm."},
    {"content": "B.", "reasoning": None, "reasoning_content": "Hm."}, {"content": "<think>\nHm.\n</think>\n\nB."},
    {"content": "Hm.\n</think>\n\nB."}, {"content": "[THINK]Hm.[/THINK]B."}])
def test_a_thought_is_found_wherever_a_server_puts_it(message: dict[str, Any]) -> None:
    reply = parse_reply({"choices": [{"message": message, "finish_reason": "stop"}]})
    assert (reply.thinking, reply.text) == ("Hm.", "B.")


def test_a_reply_without_a_thought_has_none() -> None:
    for message in ({"content": "B."}, {"content": "B.", "reasoning_content": ""}, {"content": "B.", "reasoning": {}}):
        reply = parse_reply({"choices": [{"message": message, "finish_reason": "stop"}]})
        assert (reply.thinking, reply.text) == (None, "B.")


def test_templates_are_told_by_keyword_arguments(serve, caplog: pytest.LogCaptureFixture) -> None:  # noqa: F811
    server = serve(lambda path, body, number: thought("B.", "Hm."))
    for thinking, others, told in ((None, {}, None), (None, {"effort": "low"}, {"effort": "low"}), (False, {}, OFF),
                                   (True, {"effort": "low"}, ON | {"effort": "low"})):
        with caplog.at_level(logging.WARNING), Endpoint([server.url], model="m", thinking=thinking,
                                                        template_arguments=others) as backend:
            (done,) = backend.generate([Request("q", backend.render(MESSAGES), 50)])
        assert (done.text, done.thinking, done.tokens) == ("B.", "Hm.", 20)
        assert bodies(server)[-1].get("chat_template_kwargs") == told
    assert sum("chat_template_kwargs" in one.getMessage() for one in caplog.records) == 2, "where it is switched"


def test_a_budget_spent_in_thought_is_concluded_with_the_thought_before_it(serve) -> None:  # noqa: F811
    server = serve(lambda path, body, number: chat(" B", "length") if "continue_final_message" in body
                   else thought(None, "Hm.", "length"))
    with Endpoint([server.url], model="m", thinking=True) as backend:
        (done,) = backend.generate([Request("q", backend.render(MESSAGES), 60, closing="\nAnswer:")])
    assert (done.text, done.thinking, done.finish_reason) == ("\nAnswer: B", "Hm.", "closed")
    assert bodies(server)[1]["messages"][-1] == {"role": "assistant", "content": "Answer:", "reasoning_content": "Hm."}
    assert bodies(server)[1]["chat_template_kwargs"] == OFF, "what was to be thought is thought"


def test_a_thought_over_its_tokens_is_ended_and_the_reply_asked_for(serve) -> None:  # noqa: F811
    server = serve(lambda path, body, number: chat("So B.") if number == 2 else thought("", "Hm.", "length"))
    with Endpoint([server.url], model="m", thinking=True) as backend:
        (done,) = backend.generate([Request("q", backend.render(MESSAGES), 100, thought_tokens=20)])
    assert (done.text, done.thinking, done.finish_reason, done.tokens) == ("So B.", "Hm.", "stop", 23)
    first, second = bodies(server)
    assert (first["max_tokens"], second["max_tokens"]) == (20, 80)
    assert second["messages"] == [*MESSAGES, {"role": "assistant", "content": "Hm."},
                                  {"role": "user", "content": THOUGHT_ENOUGH}]
    assert second["chat_template_kwargs"] == OFF
    assert "continue_final_message" not in second


def test_a_reply_that_was_cut_at_the_thoughts_limit_is_continued(serve) -> None:  # noqa: F811
    server = serve(lambda path, body, number: chat("is B.") if number == 2 else thought("It ", "Hm.", "length"))
    with Endpoint([server.url], model="m", thinking=True) as backend:
        (done,) = backend.generate([Request("q", backend.render(MESSAGES), 100, thought_tokens=20)])
    assert (done.text, done.thinking) == ("It is B.", "Hm.")
    assert bodies(server)[1]["messages"][-1] == {"role": "assistant", "content": "It ", "reasoning_content": "Hm."}


@pytest.mark.parametrize("trial", [None, "1 2"], ids=["refuses", "begins anew"])
@pytest.mark.parametrize("thinking", ["Hm.", ""])
def test_a_reply_that_was_cut_at_the_thoughts_limit_is_told_anew_where_none_is_continued(
    serve, thinking: str, trial: str | None) -> None:  # noqa: F811
    def script(path: str, body: dict, number: int) -> Answer:
        if body["messages"][-1]["role"] == "assistant":
            return 400, {}, {"error": {"message": "no prefill"}}
        return thought("It costs 1", thinking, "length") if body["max_tokens"] == 20 else chat("It costs 12 dollars.")

    server = serve(script, trial=trial)
    with Endpoint([server.url], model="m", thinking=True) as backend:
        done = list(backend.generate(Request(n, backend.render(MESSAGES), 100, thought_tokens=20) for n in "ab"))
    for one in done:
        assert (one.text, one.thinking, one.finish_reason) == ("It costs 12 dollars.", thinking or None, "stop")
        assert one.tokens == 23
    last = bodies(server)[-1]
    assert last["max_tokens"] == 80, "all that a reply may have"
    told = [{"role": "assistant", "content": "Hm."}, {"role": "user", "content": THOUGHT_ENOUGH}] if thinking else []
    assert last["messages"] == [*MESSAGES, *told]
    assert last["chat_template_kwargs"] == (OFF if thinking else ON)


@pytest.mark.parametrize("tokens", [None, 0, 100])
def test_a_reply_within_its_limits_takes_one_call(serve, tokens: int | None) -> None:  # noqa: F811
    server = serve(lambda path, body, number: thought("B.", "Hm."))
    with Endpoint([server.url], model="m") as backend:
        (done,) = backend.generate([Request("q", backend.render(MESSAGES), 100, thought_tokens=tokens)])
    assert (done.text, len(server.bodies), bodies(server)[0]["max_tokens"]) == ("B.", 1, 100)


def test_the_prefill_trial_is_told_what_its_request_is_with_thinking_off(serve) -> None:  # noqa: F811
    """As llama-server has it: no reply is begun for it while it is to think, which it does unless told."""
    def script(path: str, body: dict, number: int) -> Answer:
        if body["messages"][-1]["role"] != "assistant":
            return thought("Step one.", "Hm.", "length")
        if body.get("chat_template_kwargs", ON)["enable_thinking"]:
            return 400, {}, {"error": {"message": "Assistant response prefill is incompatible with enable_thinking."}}
        return chat("0" if body["messages"][-1]["content"] == BEGUN else " B")

    server = serve(script, trial=None)
    with Endpoint([server.url], model="m", thinking=True, template_arguments={"effort": "low"}) as backend:
        (done,) = backend.generate([Request("q", backend.render(MESSAGES), 60, closing="\nAnswer:")])
    assert done.text == "Step one.\nAnswer: B"
    assert [body["chat_template_kwargs"] for body in bodies(server)[1:]] == [OFF | {"effort": "low"}] * 2


def test_a_thought_in_the_beginning_of_a_reply_is_sent_as_one() -> None:
    prompt = ChatPrompt(MESSAGES, "", ON) + "<think>\nHm.\n</think>\n\nIn short:\n"
    _, body = body_of(Request("q", prompt), "m", "", 9, top=False)
    assert body["messages"][-1] == {"role": "assistant", "content": "In short:\n", "reasoning_content": "Hm."}
    assert body["chat_template_kwargs"] == OFF
    _, body = body_of(Request("q", prompt), "m", "", 9, top=False, own_turn=True)
    assert body["messages"][-2] == {"role": "assistant", "content": "Hm.\n\nIn short:"}


def test_a_server_that_continues_no_reply_sees_the_thought_all_the_same(serve) -> None:  # noqa: F811
    def script(path: str, body: dict, number: int) -> Answer:
        if body["messages"][-1]["role"] == "assistant":
            return 400, {}, {"error": {"message": "no prefill"}}
        return thought("", "Hm.", "length") if number == 1 else chat("B")

    server = serve(script)
    with Endpoint([server.url], model="m") as backend:
        (done,) = backend.generate([Request("q", backend.render(MESSAGES), 60, closing="\nAnswer:")])
    assert (done.text, done.thinking) == ("\nAnswer: B", "Hm.")
    assert bodies(server)[-1]["messages"][1] == {"role": "assistant", "content": "Hm."}
