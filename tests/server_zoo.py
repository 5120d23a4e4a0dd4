"""Servers that misbehave by a timetable, in a time of their own: hours of outage pass in a moment.

    zoo = Zoo({"a": [(30.0, "dead")], "b": [(5.0, "ok"), (600.0, "stall")]})
    with zoo.endpoint() as backend: ...

Each animal behaves as its list says, one entry after the other, and well from then on. What never ends fails its test
instead of hanging it.
"""

from __future__ import annotations

import asyncio
import heapq
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import httpx

from stepladder.engine.endpoint import Endpoint
from stepladder.engine.requests import Completion, Request

BAD_MODES = ("dead", "cut", "stall", "429", "429 later", "503", "500", "nonsense", "half", "abort", "no reason", "null",
             "no usage")
FOREVER = 1e9  # seconds, more than any test lasts
MOST_TIME = 1e5  # seconds
MOST_STEPS = 50_000  # of the loop at one moment
Timetable = Sequence[tuple[float, str]]


class CompressedLoop(asyncio.SelectorEventLoop):
    """An event loop whose clock jumps to the next timer when nothing else is to be done."""

    def __init__(self) -> None:
        self.now, self.moment, self.steps, self.ran_away = 0.0, 0.0, 0, False
        super().__init__()

    def time(self) -> float:
        return self.now

    def _run_once(self) -> None:
        while self._scheduled and self._scheduled[0]._cancelled:
            self._timer_cancelled_count -= 1
            heapq.heappop(self._scheduled)._scheduled = False
        if not self._ready and self._scheduled:
            self.now = max(self.now, self._scheduled[0]._when)
        self.steps = self.steps + 1 if self.now == self.moment else 0
        self.moment = self.now
        if (self.now > MOST_TIME or self.steps > MOST_STEPS) and not self.ran_away:
            self.ran_away = True
            raise AssertionError(f"it goes on for ever, now {self.now:.0f} s")
        super()._run_once()


class Zoo:
    """Servers by name, reached at http://NAME.

    refuses: which prompts get HTTP 400. poison: (server, prompt) -> how that call goes wrong at a server that is well.
    seconds: how long a server thinks about a prompt. calls: all that came; asked: the same as (server, prompt).
    """

    def __init__(self, timetables: Mapping[str, Timetable], refuses: Callable[[str], bool] = lambda prompt: False,
                 poison: Callable[[str, str], str | None] = lambda name, prompt: None,
                 seconds: Callable[[str], float] = lambda name: 1.0) -> None:
        self.timetables, self.refuses, self.poison, self.seconds = dict(timetables), refuses, poison, seconds
        self.loop = CompressedLoop()
        self.answered: Counter[str] = Counter()  # prompt -> good answers
        self.calls: list[tuple[str, str, float]] = []  # server, mode, when
        self.asked: list[tuple[str, str]] = []

    def endpoint(self, **options: object) -> Endpoint:
        return Endpoint([f"http://{name}" for name in self.timetables], model="m", loop=self.loop,
                        transport=httpx.MockTransport(self._handle), **options)

    def mode(self, name: str) -> str:
        end = 0.0
        for seconds, mode in self.timetables[name]:
            end += seconds
            if self.loop.now < end:
                return mode
        return "ok"

    async def _handle(self, request: httpx.Request) -> httpx.Response:
        name = request.url.host
        if request.method == "GET":
            return httpx.Response(200, json={"data": [{"id": "m"}]})
        body = json.loads(request.content)
        prompt, mode = body.get("prompt", "Hi"), self.mode(name)
        if mode == "ok":
            mode = self.poison(name, prompt) or mode
        self.calls.append((name, mode, self.loop.now))
        self.asked.append((name, prompt))
        if mode == "dead":
            raise httpx.ConnectError("All connection attempts failed")
        if mode == "stall":
            await asyncio.sleep(MOST_TIME)
        await asyncio.sleep(self.seconds(name))
        if mode == "cut":
            raise httpx.RemoteProtocolError("Server disconnected without sending a response.")
        if (reply := misbehaved(mode)) is not None:
            return reply
        if self.refuses(prompt):
            return httpx.Response(400, json={"error": {"message": f"{prompt} is too long for me"}})
        if prompt != "Hi":
            self.answered[prompt] += 1
        more = {"usage": None} if mode == "no usage" else {}
        choice = {"text": f"reply to {prompt}", "finish_reason": "stop"}
        return httpx.Response(200, json={"choices": [choice], "usage": {"completion_tokens": None}} | more)


def ask(zoo: Zoo, count: int, **options) -> dict[str, Completion]:
    """All completions by id; fails where one comes twice."""
    with zoo.endpoint(**options) as backend:
        done = list(backend.generate(Request(str(number), f"p{number}") for number in range(count)))
    assert len({one.id for one in done}) == len(done), "answered twice"
    return {one.id: one for one in done}


def misbehaved(mode: str) -> httpx.Response | None:
    """What a server in this mode sends; None where it behaves."""
    choice = {"text": "half a senten", "finish_reason": "stop"}
    answers = {
        "429": lambda: httpx.Response(429), "429 later": lambda: httpx.Response(429, headers={"Retry-After": "90"}),
        "503": lambda: httpx.Response(503, json={"error": {"message": "Loading model"}}),
        "500": lambda: httpx.Response(500, text="CUDA error: out of memory"),
        "nonsense": lambda: httpx.Response(200, text="<html>Bad gateway</html>"),
        "half": lambda: httpx.Response(200, json={"choices": []}),
        "abort": lambda: httpx.Response(200, json={"choices": [choice | {"finish_reason": "abort"}]}),
        "no reason": lambda: httpx.Response(200, json={"choices": [choice | {"finish_reason": None}]}),
        "null": lambda: httpx.Response(200, json={"choices": [choice | {"text": None}]})}
    return answers[mode]() if mode in answers else None
