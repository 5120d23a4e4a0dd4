"""The endpoint backend against a small local server that speaks the OpenAI protocol and misbehaves on demand."""

from __future__ import annotations

import json
import math
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from stepladder.engine.backend import open_backend
from stepladder.engine.endpoint import Endpoint
from stepladder.engine.prefill import BEGUN
from stepladder.engine.requests import EngineError, Feed, Request, Sampling
from stepladder.engine.wire import NEUTRAL, ChatPrompt, body_of

Answer = tuple[int, dict[str, str], dict | bytes]


def chat(text: str, finish: str = "stop", tokens: int = 3, **choice) -> Answer:
    body = {"choices": [{"message": {"content": text}, "finish_reason": finish, **choice}]}
    return 200, {}, body | {"usage": {"prompt_tokens": 11, "completion_tokens": tokens}}


class FakeServer:
    """Answers by `script(path, body, number)`; keeps the bodies and the most requests it saw at once.

    trial: its answer to the call that finds out what it makes of a begun reply, which is not kept; None: the script's.
    """

    def __init__(self, script: Callable[[str, dict, int], Answer], trial: str | None = "0 11") -> None:
        self.script, self.bodies, self.at_once, self.most = script, [], 0, 0
        self.authorisations: set[str | None] = set()
        self.dead = False
        self._lock = threading.Lock()
        fake = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *args: object) -> None:
                pass

            def do_GET(self) -> None:
                self.reply(200, {}, {"data": [{"id": "m"}]})

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                if fake.dead:  # a kept connection ends without a reply
                    self.close_connection = True
                    return
                if trial is not None and body.get("messages", [])[-1:] == [{"role": "assistant", "content": BEGUN}]:
                    self.reply(*chat(trial))
                    return
                with fake._lock:
                    fake.authorisations.add(self.headers.get("Authorization"))
                    fake.bodies.append((self.path, body))
                    number = len(fake.bodies)
                    fake.at_once += 1
                    fake.most = max(fake.most, fake.at_once)
                answer = fake.script(self.path, body, number)
                with fake._lock:
                    fake.at_once -= 1
                self.reply(*answer)

            def reply(self, status: int, headers: dict[str, str], body: dict | bytes) -> None:
                data = body if isinstance(body, bytes) else json.dumps(body).encode()
                self.send_response(status)
                for key, value in {**headers, "Content-Length": str(len(data))}.items():
                    self.send_header(key, value)
                with suppress(ConnectionError):  # the caller may have given up
                    self.end_headers()
                    self.wfile.write(data)

        self._handler = Handler
        self._listen(0)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def _listen(self, port: int) -> None:
        self.server = ThreadingHTTPServer(("127.0.0.1", port), self._handler)
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def die(self) -> None:
        """No more replies on connections that are open, no new connections."""
        self.dead = True
        self.close()

    def revive(self) -> None:
        """As it was, at the same address."""
        self.dead = False
        self._listen(self.server.server_port)

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def serve() -> Iterator[Callable[..., FakeServer]]:
    servers: list[FakeServer] = []

    def start(script: Callable[[str, dict, int], Answer], **options: str | None) -> FakeServer:
        servers.append(FakeServer(script, **options))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


MESSAGES = [{"role": "user", "content": "2+2?"}]


def test_messages_go_to_the_chat_route_with_the_sampling_that_was_asked_for(serve) -> None:
    server = serve(lambda path, body, number: chat("four", tokens=2))
    with open_backend("m", endpoints=[server.url + "/v1/"]) as backend:
        prompt = backend.render(MESSAGES)
        request = Request("q", prompt, 50, Sampling(0.7, top_k=5, seed=3), stop=("\n\n",))
        (done,) = backend.generate([request])
    ((path, body),) = server.bodies
    assert path == "/v1/chat/completions"
    assert body == {
        "model": "m", "max_tokens": 50, "temperature": 0.7, "seed": 3, "top_k": 5, "stop": ["\n\n"],
        "messages": MESSAGES, **NEUTRAL,
    }
    assert (done.id, done.text, done.tokens, done.prompt_tokens, done.finish_reason) == ("q", "four", 2, 11, "stop")


def test_a_prefix_becomes_an_assistant_message_to_be_continued() -> None:
    _, body = body_of(Request("q", ChatPrompt(MESSAGES, "It is") + " "), "m", "", 9, top=False)
    assert body["messages"] == [*MESSAGES, {"role": "assistant", "content": "It is "}]
    assert (body["continue_final_message"], body["add_generation_prompt"]) == (True, False)


def test_text_and_token_prompts_go_to_the_completions_route(serve) -> None:
    text_reply = {"choices": [{"text": " four", "finish_reason": "length"}]}
    server = serve(lambda path, body, number: (200, {}, text_reply))
    with Endpoint([server.url], model="m", sequences=1) as backend:
        done = list(backend.generate([Request("a", "2+2 ="), Request("b", (1, 2))]))
    assert [(path, body["prompt"]) for path, body in server.bodies] == [
        ("/v1/completions", "2+2 ="), ("/v1/completions", [1, 2])
    ]
    assert [(one.text, one.finish_reason) for one in done] == [(" four", "length")] * 2


def real(server: FakeServer) -> list[dict]:
    """Bodies of calls that were no probes."""
    return [body for _, body in server.bodies if body.get("prompt") != "Hi"]


def test_busy_and_broken_replies_are_tried_again(serve) -> None:
    troubles = {1: (429, {"Retry-After": "0.3"}, b""), 3: (500, {}, b""), 4: (200, {}, b"<html>")}
    server = serve(lambda path, body, number: troubles.get(number) or chat("at last"))
    with Endpoint([server.url], model="m") as backend:
        (done,) = backend.generate([Request("q", "p")])
    assert (done.text, len(real(server))) == ("at last", 4)  # the second call is the probe after the 429


def test_a_dead_server_is_passed_over_for_the_next(serve) -> None:
    dead = serve(lambda path, body, number: chat("never"))
    dead.close()
    alive = serve(lambda path, body, number: chat("alive"))
    with Endpoint([dead.url, alive.url], model="m") as backend:
        done = list(backend.generate(Request(str(number), "p") for number in range(4)))
    assert [one.text for one in done] == ["alive"] * 4


def test_several_servers_take_turns(serve) -> None:
    servers = [serve(lambda path, body, number: chat("x")) for _ in range(2)]
    with Endpoint([server.url for server in servers], model="m") as backend:
        assert len(list(backend.generate(Request(str(number), "p") for number in range(6)))) == 6
    assert [len(server.bodies) for server in servers] == [3, 3]


def test_no_more_requests_are_in_flight_than_allowed_and_all_are_answered(serve) -> None:
    def slow(path: str, body: dict, number: int) -> Answer:
        time.sleep(0.03)
        return chat(body["prompt"])

    server = serve(slow)
    with Endpoint([server.url], model="m", sequences=3) as backend:
        done = list(backend.generate(Request(f"r{number}", f"p{number}") for number in range(12)))
    assert {one.id: one.text for one in done} == {f"r{number}": f"p{number}" for number in range(12)}
    assert 1 < server.most <= 3


def test_retries_fed_by_the_caller_are_answered(serve) -> None:
    server = serve(lambda path, body, number: chat(f"reply {number}"))
    with Endpoint([server.url], model="m") as backend:
        feed, seen = Feed([Request("a", "p")]), []
        for done in backend.generate(feed):
            seen.append(done.id)
            if len(seen) < 3:
                feed.add(Request(f"a#{len(seen) + 1}", "p"))
    assert seen == ["a", "a#2", "a#3"]


def test_a_request_that_servers_fail_while_they_work_is_its_own_failure(serve) -> None:
    server = serve(lambda path, body, number: chat("x") if body["prompt"] != "bad" else (500, {}, b"boom"))
    with Endpoint([server.url], model="m", attempts=3) as backend:
        done = {one.id: one for one in backend.generate([Request("a", "p"), Request("q", "bad"), Request("b", "p")])}
    assert (done["a"].text, done["b"].text) == ("x", "x")
    assert done["q"].finish_reason == "refused"
    assert "HTTP 500 boom" in done["q"].refusal
    assert re.search(r"failed \d times", done["q"].refusal)


@pytest.mark.parametrize("status", [400, 413, 422])
def test_a_refused_request_is_refused_alone_in_the_servers_words(serve, status: int) -> None:
    words = b'{"error": {"message": "This model\'s maximum context length is 8 tokens", "type": "BadRequestError"}}'

    def script(path: str, body: dict, number: int) -> Answer:
        return (status, {}, words) if body["prompt"] == "bad" else chat("good")

    server = serve(script)
    with Endpoint([server.url], model="m", sequences=2) as backend:
        requests = [Request("bad", "bad")] + [Request(str(number), "p") for number in range(9)]
        done = {one.id: one for one in backend.generate(requests)}
    assert len(done) == 10, "the others go on"
    assert done["bad"].finish_reason == "refused"
    assert done["bad"].text == ""
    assert "maximum context length is 8 tokens" in done["bad"].refusal
    assert len(real(server)) == 10, "a refused request is asked once"


def test_no_server_at_all_is_an_error_at_once(serve) -> None:
    server = serve(lambda path, body, number: chat("x"))
    server.close()
    with pytest.raises(EngineError, match="no server answers"):
        Endpoint([server.url], model="m")


def test_the_closing_is_forced_by_a_second_call(serve) -> None:
    def script(path: str, body: dict, number: int) -> Answer:
        if body["messages"][-1]["role"] == "user":
            return chat("Let me think", "length", tokens=body["max_tokens"])
        return chat(" B", "length", tokens=1)

    server = serve(script)
    with Endpoint([server.url], model="m") as backend:
        request = Request("q", backend.render(MESSAGES), 20, closing="\nAnswer:", closing_tokens=2)
        (done,) = backend.generate([request])
    assert (done.text, done.finish_reason) == ("Let me think\nAnswer: B", "closed")
    assert server.bodies[1][1]["messages"][-1]["content"] == "Let me think\nAnswer:"
    assert done.tokens <= 20


def test_choice_probabilities_come_from_the_servers_top_tokens(serve) -> None:
    """One call shows " A" and the beginning of " 10", whose digits need one more each."""
    tops = {"": {" A": 0.5, " 1": 0.3, " 2": 0.1}, " 1": {"0": 0.25, ".": 0.75}}

    def script(path: str, body: dict, number: int) -> Answer:
        written = body["messages"][-1]["content"] if body["messages"][-1]["role"] == "assistant" else ""
        top = [{"token": token, "logprob": math.log(share)} for token, share in tops[written].items()]
        return chat("x", "length", logprobs={"content": [{"top_logprobs": top}]})

    server = serve(script)
    with Endpoint([server.url], model="m") as backend:
        request = Request("q", backend.render(MESSAGES), 0, choices=(" A", " 1", " 10", " Z"))
        (done,) = backend.generate([request])
    assert done.probabilities == pytest.approx({" A": 0.5, " 1": 0.3, " 10": 0.075, " Z": 0.0})
    assert (done.finish_reason, len(server.bodies)) == ("length", 2)


def test_a_reply_that_misses_its_deadline_is_given_up(serve) -> None:
    def script(path: str, body: dict, number: int) -> Answer:
        time.sleep(0.5)
        return chat("late")

    server = serve(script)
    with Endpoint([server.url], model="m") as backend:
        (done,) = backend.generate([Request("q", "p", deadline=time.monotonic() + 0.1)])
    assert (done.text, done.finish_reason) == ("", "deadline")
