"""The same requests, answered by OpenAI-compatible servers: llama-server, vLLM, SGLang, on one or many machines.

    with Endpoint(["http://a:8000", "http://b:8000"], model="deepseek-v3.1") as backend:
        prompt = backend.render([{"role": "user", "content": "..."}])
        for completion in backend.generate([Request("q1", prompt)]):
            ...

The chat template lives in the server, so `render` returns a `ChatPrompt`: a string that carries its messages, which go
to /v1/chat/completions. Any other prompt goes to /v1/completions as it is.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

from ..core.errors import Interrupted
from ..core.interrupts import stop_flag
from ..core.progress import standing
from . import plain, templates
from .client import Client, address, sendable_key
from .health import Health, growing_wait
from .intake import Intake
from .requests import Completion, Request, RequestError, Stats
from .servers import CallFailed, Server, Servers, Unavailable
from .wire import ChatPrompt, Reply, estimated_tokens, first_tokens, whole_tokens

log = logging.getLogger(__name__)

PAUSES = 0.5, 10.0  # seconds before a request goes to the server that failed it: the first, the longest
MOST_OUTAGES = 10  # of servers, that may befall one request before it is likely their cause
TICK_SECONDS = 1.0  # between looks at whether to stop
ALL_REFUSED = 20  # refusals without any answer that are worth a warning


@dataclass(frozen=True, eq=False)
class Failure:
    """One failed call of a request. ended: when, in the loop's time. outages: its server's, when the call was sent."""

    server: Server
    ended: float
    outages: int
    words: str


class Endpoint:
    """OpenAI-compatible servers that share the work; implements `Backend`.

    urls: with or without the trailing /v1. keys: url -> API key, sent to that server alone, as bearer token.
    sequences: requests in flight at once, all servers together. timeout: seconds for one reply. attempts: how often
    servers that work may fail a request before it is refused; a failure in an outage does not count. outage: seconds
    that "no server answers" is waited out. transport, loop: for tests, the HTTP transport and a clock of their own.
    thinking, template_arguments: what the servers' templates are given (chat_template_kwargs), as `Engine` has it.

    Each server has a health of its own (see `Health`); a request that one fails goes to another. Redirects are not
    followed. Servers show no more than their 20 or so most probable next tokens: a choice outside them gets
    probability 0. A choice of several tokens costs a call for each. A reply that misses its deadline is lost with all
    its text. A token count that a server does not give is estimated.

    Raises EngineError when no server answers at the start, or none did for the time of an outage, or none can serve
    this model and key. Raises Interrupted when a stop was asked for while no server answers.
    """

    def __init__(
        self,
        urls: Sequence[str],
        *,
        model: str,
        sequences: int = 32,
        context: int | None = None,
        timeout: float = 600.0,
        attempts: int = 6,
        outage: float = 1800.0,
        keys: Mapping[str, str] | None = None,
        transport: Any = None,
        loop: asyncio.AbstractEventLoop | None = None,
        thinking: bool | None = None,
        template_arguments: Mapping[str, Any] | None = None,
    ) -> None:
        self.model, self.sequences, self.context, self.attempts = model, sequences, context, attempts
        self.urls = [address(url) for url in urls]
        self.name = f"{model} at {', '.join(self.urls)}"
        self.stats = Stats(sequences=sequences)
        self.template_arguments = templates.arguments_for(None, thinking=thinking, others=template_arguments)
        if (remark := templates.remark(None, thinking)) is not None:
            log.warning("%s: %s", self.name, remark)
        self._refused = 0
        self._waited: Counter[str] = Counter()  # request -> seconds without a server
        self._loop = loop or asyncio.new_event_loop()
        by_address = {address(url): sendable_key(key, url) for url, key in (keys or {}).items()}
        servers = [Server(url, Health(self._loop.time), by_address.get(url, "")) for url in self.urls]
        most = sequences + len(servers)  # a probe each
        self._client = Client(model, self.stats, timeout=timeout, connections=most, transport=transport)
        self._servers = Servers(
            servers,
            places=-(-sequences // len(servers)),
            outage=outage,
            clock=self._loop.time,
            probe=self._client.probe,
        )
        try:
            self._loop.run_until_complete(self._client.greet(servers))
            self._servers.note()
        except BaseException:
            self.close()
            raise

    # -- Backend -------------------------------------------------------------------------------------------------

    def render(self, messages: list[dict[str, str]], prefix: str = "") -> str:
        return ChatPrompt(messages, prefix, self.template_arguments)

    def count_tokens(self, text: str) -> int:
        """An estimate, four bytes a token: the vocabulary is the server's."""
        return estimated_tokens(text)

    def warm(self, prompt: str) -> None:
        """Nothing: what a server keeps is its own affair."""

    def check(self, request: Request) -> None:
        """Contradictions only; whether it fits the context is known to the server."""
        if request.closing is not None and request.grammar is not None:
            raise RequestError(request.id, "a closing cannot be forced on text that follows a grammar")
        if request.choices and request.max_tokens and request.closing is None:
            raise RequestError(request.id, "choices need max_tokens 0 or a closing, to say where they are read")
        if (request.closing or request.choices) and not isinstance(request.prompt, str):
            raise RequestError(request.id, "a server cannot continue token ids with text: give the prompt as text")

    def close(self) -> None:
        if not self._loop.is_closed():
            self._loop.run_until_complete(self._client.close())
            self._loop.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def generate(self, requests: Iterable[Request | None]) -> Iterator[Completion]:
        """Complete requests, `sequences` in flight; see `Backend.generate`."""
        intake = Intake(requests)
        flying: set[asyncio.Task[Completion]] = set()
        failure: BaseException | None = None
        try:
            while True:
                while len(flying) < self.sequences and (request := intake.pull()) is not None:
                    flying.add(self._loop.create_task(self._complete(request)))
                self.stats.active = len(flying)
                if not flying:
                    break
                started = time.perf_counter()
                waiting = asyncio.wait(flying, timeout=TICK_SECONDS, return_when=asyncio.FIRST_COMPLETED)
                done, flying = self._loop.run_until_complete(waiting)
                waited = time.perf_counter() - started
                self.stats.seconds["decode"] += waited
                self.stats.seconds["total"] += waited
                for task in done:
                    error = task.exception()
                    if error is not None:  # take no more, but let those in flight land
                        failure = failure or error
                        intake.exhausted = True
                        continue
                    self.stats.completions += 1
                    yield task.result()
                self._look_around()
            if failure is not None:
                raise failure
        finally:
            for task in flying:
                task.cancel()
            if flying:
                self._loop.run_until_complete(asyncio.wait(flying))
            self.stats.active = 0
            standing("")

    def _look_around(self) -> None:
        """Say so while no server answers, and stop then if that was asked for: no record is in hand."""
        since = self._servers.down_since
        standing(f"waiting for servers, since {since:%H:%M:%S}" if since else "")
        if since and stop_flag.requested:
            raise Interrupted("stopped while no server answered; run the same command again to go on")

    # -- one request ---------------------------------------------------------------------------------------------

    async def _complete(self, request: Request) -> Completion:
        started = time.monotonic()
        try:
            self.check(request)
            async with asyncio.timeout(None if request.deadline is None else request.deadline - started):
                completion = await self._answer(request)
        except TimeoutError:
            completion = Completion(request.id, "", 0, 0, "deadline")
        except RequestError as error:
            completion = Completion.refused(error)
            self._count_refusal(error)
        waited = self._waited.pop(request.id, 0.0)
        self.stats.tokens += completion.tokens
        self.stats.prompt_tokens += completion.prompt_tokens
        return replace(completion, seconds=max(0.0, time.monotonic() - started - waited))

    def _count_refusal(self, error: RequestError) -> None:
        self._refused += 1
        if self._refused == ALL_REFUSED and self.stats.tokens == 0 and self.stats.prompt_tokens == 0:
            log.warning("all of the first %d requests were refused, the last one: %s", ALL_REFUSED, error.reason)

    async def _answer(self, request: Request) -> Completion:
        if request.max_tokens == 0:
            probabilities = await self._probabilities(request, "") if request.choices else None
            return Completion(request.id, "", self.count_tokens(str(request.prompt)), 0, "length", probabilities)
        budget = request.max_tokens
        if request.closing is not None:
            budget -= request.closing_tokens + self.count_tokens(request.closing)
        if budget < 0:
            raise RequestError(request.id, f"max_tokens {request.max_tokens} has no room for its closing")
        reply = await self._think(request, budget) if budget else Reply("", 0, 0, "length")
        if reply.finish_reason == "stop" or request.closing is None:
            return Completion(request.id, reply.text, reply.prompt_tokens, reply.tokens, reply.finish_reason,
                              thinking=reply.thinking)
        return await self._close(request, reply)

    async def _think(self, request: Request, budget: int) -> Reply:
        """A reply of at most `budget` tokens. A thought that has had its own is ended, and the reply asked for.

        A reply that was cut instead, its thought over, is continued, or told anew where the server continues none: one
        that goes on in a turn of its own may break off anywhere, also within a word.
        """
        most = request.thought_tokens or budget
        reply = await self._ask(request, "", min(most, budget))
        left = budget - most
        if reply.finish_reason == "stop" or left <= 0:
            return reply
        written = plain.with_thought("", reply.thinking, reply.text)
        rest = await self._ask(request, written, left, anew=plain.with_thought("", reply.thinking, ""))
        text = rest.text if rest.own_turn else reply.text + rest.text
        return replace(rest, text=text, thinking=reply.thinking or rest.thinking,
                       tokens=reply.tokens + rest.tokens, prompt_tokens=reply.prompt_tokens)

    async def _close(self, request: Request, reply: Reply) -> Completion:
        """Continue a reply that reached its limit with the forced closing."""
        text = reply.text + (request.closing or "")
        written = plain.with_thought("", reply.thinking, text)
        probabilities = await self._probabilities(request, written) if request.choices else None
        tokens, prompt_tokens = reply.tokens + self.count_tokens(request.closing or ""), reply.prompt_tokens
        if request.closing_tokens:
            end = await self._ask(request, written, request.closing_tokens)
            text, tokens = text + end.text, tokens + end.tokens
            prompt_tokens = prompt_tokens or end.prompt_tokens
        return Completion(request.id, text, prompt_tokens, tokens, "closed", probabilities, thinking=reply.thinking)

    async def _probabilities(self, request: Request, text: str) -> dict[str, float] | None:
        """The choices' probabilities after prompt and `text`, down the tree of the server's tokens.

        None where the server shows no probabilities, or cannot continue a reply and a choice has several tokens.
        """
        first = await self._ask(request, text, 1, top=True)
        if not first.top:
            return None
        if first.own_turn:
            return whole_tokens(first, request.choices)
        known = {"": first}

        async def after(written: str, choice: str) -> float:
            if written not in known:
                known[written] = await self._ask(request, text + written, 1, top=True)
            shares = first_tokens(known[written])
            if choice in shares:
                return shares[choice]
            beginnings = [token for token in shares if token and choice.startswith(token)]
            if not beginnings:
                return 0.0
            token = max(beginnings, key=len)
            return shares[token] * await after(written + token, choice[len(token) :])

        shares = {choice: await after("", choice) for choice in request.choices}
        return None if any(reply.own_turn or not reply.top for reply in known.values()) else shares

    # -- one call ------------------------------------------------------------------------------------------------

    async def _ask(self, request: Request, written: str, max_tokens: int, *, top: bool = False, anew: str | None = None
                   ) -> Reply:
        """What follows prompt and `written`, from whichever server answers. anew: as `Client.call` has it.

        Raises RequestError when servers that work refuse it, or fail it too often; EngineError as `Servers.lease`.
        """
        failures: list[Failure] = []
        last: Server | None = None
        while True:
            began = self._loop.time()
            last = server = await self._servers.lease(avoid=last)
            try:
                self._blame(request, failures)
                outages = server.health.outages
                if here := sum((one.server, one.outages) == (server, outages) for one in failures):
                    await asyncio.sleep(growing_wait(here, *PAUSES))
                sent = self._loop.time()
                self._waited[request.id] += sent - began
                reply = await self._client.call(server, request, written, max_tokens, top=top, anew=anew)
            except Unavailable as error:
                server.misplaced = error.misplaced and server.health.last_well < 0
                server.health.unavailable(str(error), error.wait)
            except CallFailed as error:
                failures.append(Failure(server, self._loop.time(), outages, f"{server.url}: {error}"))
                server.health.failed(str(error), sent)
            else:
                server.health.answered(sent)
                return reply
            finally:
                self._servers.release(server)

    def _blame(self, request: Request, failures: Sequence[Failure]) -> None:
        """Refuse a request that servers which work have failed too often.

        A failure is the request's own once its server has answered a later call, without an outage in between. One in
        an outage is not, unless outage follows outage: such a request brings servers down.
        """
        proven = [failure for failure in failures if failure.server.health.proven >= failure.ended]
        own = [failure for failure in proven if failure.outages == failure.server.health.outages]
        outages = {(id(failure.server), failure.outages) for failure in proven if failure not in own}
        if len(own) + max(0, len(outages) - MOST_OUTAGES) < self.attempts:
            return
        if own:
            reason = f"failed {len(own)} times where other requests did not, at last {own[-1].words}"
        else:
            reason = f"{len(outages)} outages came with it, at last {proven[-1].words}"
        raise RequestError(request.id, reason)
