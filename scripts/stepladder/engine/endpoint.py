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
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import cycle
from typing import Any, Self

from .intake import Intake
from .requests import Completion, EngineError, Request, RequestError, Stats
from .wire import ChatPrompt, Reply, body_of, first_tokens, parse_reply

MOST_RETRY_WAIT = 120.0  # seconds, also for a server's Retry-After


class _Unavailable(Exception):
    """A server was busy, broken or unreachable; worth another try. `wait` is what it asked for, in seconds."""

    def __init__(self, reason: str, wait: float | None = None) -> None:
        super().__init__(reason)
        self.wait = wait


class Endpoint:
    """OpenAI-compatible servers, used in turn; implements `Backend`.

    urls: with or without the trailing /v1. sequences: requests in flight at once, all servers together.
    attempts: tries of one request, on the next server each time, before the run gives up.
    timeout: seconds for one reply. api_key: sent as bearer token; by default the variable OPENAI_API_KEY.

    Servers show no more than their 20 or so most probable next tokens: a choice outside them gets probability 0. A
    choice of several tokens costs a call for each. A reply that misses its deadline is lost with all its text.

    Raises EngineError when none of the servers answers.
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
        api_key: str | None = None,
    ) -> None:
        import httpx

        self.model, self.sequences, self.context, self.attempts = model, sequences, context, attempts
        self.urls = [url.rstrip("/").removesuffix("/v1") for url in urls]
        self.name = f"{model} at {', '.join(self.urls)}"
        self.stats = Stats(sequences=sequences)
        self._next_url = cycle(self.urls)
        key = api_key or os.environ.get("OPENAI_API_KEY")
        self._timeout = timeout
        self._loop = asyncio.new_event_loop()
        self._client = httpx.AsyncClient(
            headers={"Authorization": f"Bearer {key}"} if key else {},
            timeout=httpx.Timeout(timeout, connect=20.0),
            limits=httpx.Limits(max_connections=sequences, max_keepalive_connections=sequences),
        )
        try:
            self._loop.run_until_complete(self._greet())
        except EngineError:
            self.close()
            raise

    # -- Backend -------------------------------------------------------------------------------------------------

    def render(self, messages: list[dict[str, str]], prefix: str = "") -> str:
        return ChatPrompt(messages, prefix)

    def count_tokens(self, text: str) -> int:
        """An estimate, four bytes a token: the vocabulary is the server's."""
        return -(-len(text.encode()) // 4)

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
            self._loop.run_until_complete(self._client.aclose())
            self._loop.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def generate(self, requests: Iterable[Request | None]) -> Iterator[Completion]:
        """Complete requests, `sequences` in flight; see `Backend.generate`."""
        intake = Intake(requests)
        flying: set[asyncio.Task[Completion]] = set()
        failure: Exception | None = None
        try:
            while True:
                while len(flying) < self.sequences and (request := intake.pull()) is not None:
                    flying.add(self._loop.create_task(self._complete(request)))
                self.stats.active = len(flying)
                if not flying:
                    break
                started = time.perf_counter()
                waiting = asyncio.wait(flying, return_when=asyncio.FIRST_COMPLETED)
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
            if failure is not None:
                raise failure
        finally:
            for task in flying:
                task.cancel()
            if flying:
                self._loop.run_until_complete(asyncio.wait(flying))
            self.stats.active = 0

    # -- one request ---------------------------------------------------------------------------------------------

    async def _complete(self, request: Request) -> Completion:
        self.check(request)
        started = time.monotonic()
        try:
            async with asyncio.timeout(None if request.deadline is None else request.deadline - started):
                completion = await self._answer(request)
        except TimeoutError:
            completion = Completion(request.id, "", 0, 0, "deadline")
        self.stats.tokens += completion.tokens
        self.stats.prompt_tokens += completion.prompt_tokens
        return replace(completion, seconds=time.monotonic() - started)

    async def _answer(self, request: Request) -> Completion:
        if request.max_tokens == 0:
            probabilities = await self._probabilities(request, "") if request.choices else None
            return Completion(request.id, "", self.count_tokens(str(request.prompt)), 0, "length", probabilities)
        if request.closing is None:
            reply = await self._ask(request, "", request.max_tokens)
            return Completion(request.id, reply.text, reply.prompt_tokens, reply.tokens, reply.finish_reason)
        budget = request.max_tokens - request.closing_tokens - self.count_tokens(request.closing)
        if budget < 0:
            raise RequestError(request.id, f"max_tokens {request.max_tokens} has no room for its closing")
        reply = await self._ask(request, "", budget) if budget else Reply("", 0, 0, "length")
        if reply.finish_reason == "stop":
            return Completion(request.id, reply.text, reply.prompt_tokens, reply.tokens, "stop")
        return await self._close(request, reply)

    async def _close(self, request: Request, reply: Reply) -> Completion:
        """Continue a reply that reached its limit with the forced closing."""
        text = reply.text + (request.closing or "")
        probabilities = await self._probabilities(request, text) if request.choices else None
        tokens, prompt_tokens = reply.tokens + self.count_tokens(request.closing or ""), reply.prompt_tokens
        if request.closing_tokens:
            end = await self._ask(request, text, request.closing_tokens)
            text, tokens = text + end.text, tokens + end.tokens
            prompt_tokens = prompt_tokens or end.prompt_tokens
        return Completion(request.id, text, prompt_tokens, tokens, "closed", probabilities)

    async def _probabilities(self, request: Request, text: str) -> dict[str, float]:
        """The choices' probabilities after prompt and `text`, down the tree of the server's tokens."""
        known: dict[str, dict[str, float]] = {}

        async def after(written: str, choice: str) -> float:
            if written not in known:
                reply = await self._ask(request, text + written, 1, top=True)
                known[written] = first_tokens(reply)
            shares = known[written]
            if choice in shares:
                return shares[choice]
            beginnings = [token for token in shares if token and choice.startswith(token)]
            if not beginnings:
                return 0.0
            token = max(beginnings, key=len)
            return shares[token] * await after(written + token, choice[len(token) :])

        return {choice: await after("", choice) for choice in request.choices}

    async def _ask(self, request: Request, written: str, max_tokens: int, *, top: bool = False) -> Reply:
        """One call of a server for what follows prompt and `written`, tried again while servers are unavailable."""
        import tenacity

        path, body = body_of(request, self.model, written, max_tokens, top=top)
        spread = tenacity.wait_random_exponential(multiplier=0.5, max=MOST_RETRY_WAIT)

        def pause(state: tenacity.RetryCallState) -> float:
            error = state.outcome.exception() if state.outcome else None
            asked = error.wait if isinstance(error, _Unavailable) else None
            return spread(state) if asked is None else min(asked, MOST_RETRY_WAIT)

        try:
            async for attempt in tenacity.AsyncRetrying(
                stop=tenacity.stop_after_attempt(self.attempts),
                wait=pause,
                retry=tenacity.retry_if_exception_type(_Unavailable),
                reraise=True,
            ):
                with attempt:
                    self.stats.calls += 1
                    return await self._post(next(self._next_url), path, body, request.id, top=top)
        except _Unavailable as error:
            raise EngineError(f"request {request.id}: gave up after {self.attempts} attempts: {error}") from error
        raise AssertionError("unreachable: the last attempt raises")

    async def _post(self, url: str, path: str, body: dict[str, Any], request_id: str, *, top: bool) -> Reply:
        import httpx

        try:
            response = await self._client.post(url + path, json=body)
        except httpx.TransportError as error:
            raise _Unavailable(f"{url}: {type(error).__name__} {error}".rstrip()) from error
        if response.status_code == 429 or response.status_code >= 500:
            raise _Unavailable(f"{url}: HTTP {response.status_code}", _retry_after(response.headers))
        if response.status_code in (400, 413, 422):
            raise RequestError(request_id, f"{url} refuses it: {response.text[:300]}")
        if response.status_code != 200:
            raise EngineError(f"{url}{path}: HTTP {response.status_code}: {response.text[:300]}")
        try:
            return parse_reply(response.json(), top=top)
        except (ValueError, KeyError, IndexError, TypeError) as error:  # a proxy's page, or half a reply
            raise _Unavailable(f"{url}: not a completion: {response.text[:80]!r}") from error

    async def _greet(self) -> None:
        """Fail early where no server is there at all."""
        import httpx

        problems = []
        for url in self.urls:
            try:
                response = await self._client.get(f"{url}/v1/models", timeout=20.0)
            except httpx.TransportError as error:
                problems.append(f"{url}: {type(error).__name__} {error}".rstrip())
                continue
            if response.status_code in (401, 403):
                raise EngineError(f"{url}: HTTP {response.status_code}; set OPENAI_API_KEY")
            return
        raise EngineError(f"no server answers: {'; '.join(problems)}")


def _retry_after(headers: Any) -> float | None:
    """Seconds a Retry-After header asks for; None where it is absent or a date."""
    with suppress(ValueError):
        return max(0.0, float(headers.get("Retry-After", "")))
    return None
