"""One call of one server over HTTP: what is sent, and whether the answer is a reply, a refusal or trouble."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from .plain import split_thought
from .prefill import BEGUN, Prefill, prefill_of, trial_of
from .requests import EngineError, Request, RequestError, Stats
from .servers import CallFailed, Server, Unavailable, Unusable
from .wire import (
    NEUTRAL,
    ChatPrompt,
    Reply,
    ReplyRefused,
    body_of,
    continuation,
    continues_reply,
    estimated_tokens,
    parse_reply,
)

log = logging.getLogger(__name__)

CONNECT_SECONDS = 20.0
KEEP_SECONDS = 2.0  # that an idle connection is kept: servers (uvicorn, cpp-httplib) cut theirs after 5
PROBE_SECONDS = 60.0
PROBE_TOKENS = 16


class Client:
    """Asks servers for a model's replies. timeout: seconds for one. connections: the most at once.

    Redirects are not followed, so a key goes to its own server only. Its methods raise RequestError for what the
    server refuses, and CallError where it was not answered.
    """

    def __init__(self, model: str, stats: Stats, *, timeout: float, connections: int, transport: Any = None) -> None:
        import httpx

        self._model, self._stats, self._timeout = model, stats, timeout
        self._probe_route = "/v1/chat/completions"  # the one last used
        self._http = httpx.AsyncClient(
            timeout=httpx.Timeout(timeout, connect=CONNECT_SECONDS),
            limits=httpx.Limits(max_connections=connections, max_keepalive_connections=connections,
                                keepalive_expiry=KEEP_SECONDS),
            follow_redirects=False,
            transport=transport,
        )

    async def close(self) -> None:
        await self._http.aclose()

    async def call(self, server: Server, request: Request, written: str, max_tokens: int, *, top: bool,
                   anew: str | None = None) -> Reply:
        """One reply of one server; in a turn of its own where that server refuses to continue one.

        anew: what is written for such a server instead, where the reply is to be told again from its beginning.
        """
        begun = continues_reply(request, written)
        if begun:
            await self._try_prefill(server, trial_of(request.prompt))
        sent = asyncio.get_running_loop().time()
        continues = server.continues  # before the call: another one may find out meanwhile
        own_turn = begun and continues is False

        async def send(own_turn: bool) -> Reply:
            if not own_turn or anew is None:
                return await self._send(server, request, written, max_tokens, top=top, own_turn=own_turn)
            asked = continues_reply(request, anew)
            return replace(await self._send(server, request, anew, max_tokens, top=top, own_turn=asked), own_turn=True)

        try:
            reply = await send(own_turn)
        except RequestError as refusal:
            server.health.answered(sent)
            if not begun or continues is not None:
                raise
            try:
                reply = await send(own_turn=True)
            except RequestError:
                raise refusal from None
            self._note_unwilling(server, refusal.reason)
        else:
            server.continues = server.continues if own_turn or not begun else True
        return reply

    def _note_unwilling(self, server: Server, told: str) -> None:
        if server.continues is not False:
            log.warning("%s does not continue a reply, it is asked in a turn of its own: %s", server.url, told)
        server.continues = False

    async def _try_prefill(self, server: Server, trial: Request) -> None:
        """Find out, once, what a server makes of a reply that was begun for it."""
        async with server.trial:
            if server.tried:
                return
            try:
                text = (await self._send(server, trial, "", trial.max_tokens, top=False, own_turn=False)).text
                found, told = prefill_of(text), f"begun as {BEGUN!r} it says {text!r}"
            except RequestError as refusal:
                found, told = Prefill(continues=False), refusal.reason
            except Unusable as answer:
                found, told = Prefill(continues=False), str(answer)
            if not found.continues:
                self._note_unwilling(server, told)
            server.echoes, server.tried = found.echoes, True

    async def _send(self, server: Server, request: Request, written: str, max_tokens: int, *, top: bool,
                    own_turn: bool) -> Reply:
        def called(strict: bool) -> Awaitable[Reply]:
            route, body = body_of(request, self._model, written, max_tokens, top=top, own_turn=own_turn, strict=strict)
            self._probe_route = route
            return self._post(server, route, body, self._timeout, request.id, top=top)

        strict = server.strict
        try:
            reply = await called(strict)
        except RequestError as refusal:
            if strict or not any(name in refusal.reason for name in NEUTRAL):
                raise
            log.info("%s takes fewer fields: %s", server.url, refusal.reason)
            server.strict = True
            reply = await called(strict=True)
        if own_turn or server.echoes:
            begun = split_thought(request.prompt.prefix + written)[1] if isinstance(request.prompt, ChatPrompt) else ""
            text = continuation(reply.text, begun) if own_turn else reply.text.removeprefix(begun)
            reply = replace(reply, own_turn=own_turn, text=text)
        if reply.tokens is None:
            reply = replace(reply, tokens=estimated_tokens((reply.thinking or "") + reply.text))
        if reply.prompt_tokens is None:
            prompt = request.prompt
            known = len(prompt) if isinstance(prompt, tuple) else estimated_tokens(prompt + written)
            reply = replace(reply, prompt_tokens=known)
        return reply

    async def probe(self, server: Server) -> None:
        """Ask for a few tokens. Raises CallError when none come; a refusal too shows that the server works."""
        body: dict[str, Any] = {"model": self._model, "max_tokens": PROBE_TOKENS}
        if "chat" in self._probe_route:
            body["messages"] = [{"role": "user", "content": "Hi"}]
        else:
            body["prompt"] = "Hi"
        with suppress(RequestError):
            await self._post(server, self._probe_route, body, min(PROBE_SECONDS, self._timeout), "probe", top=False)

    async def _post(self, server: Server, route: str, body: dict[str, Any], timeout: float, request_id: str, *,
                    top: bool) -> Reply:
        import httpx

        self._stats.calls += 1
        try:
            async with asyncio.timeout(timeout):
                response = await self._http.post(server.url + route, json=body, headers=server.headers)
        except TimeoutError:
            raise CallFailed(f"no reply within {timeout:.0f} s") from None
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise Unavailable(f"{type(error).__name__} {error}".rstrip()) from error
        except httpx.RequestError as error:
            raise CallFailed(f"{type(error).__name__} {error}".rstrip()) from error
        return self._read(response, server, request_id, top=top)

    def _read(self, response: Any, server: Server, request_id: str, *, top: bool) -> Reply:
        status, words = response.status_code, _words(response, server.key)
        if status == 200:
            try:
                return parse_reply(response.json(), top=top)
            except ReplyRefused as error:
                raise RequestError(request_id, f"{server.url}: {error}") from error
            except (ValueError, LookupError, TypeError, AttributeError) as error:  # a proxy's page, half a reply
                raise Unusable(f"not a completion ({type(error).__name__} {error}): {words[:80]!r}") from error
        if status in (429, 503):
            raise Unavailable(f"HTTP {status} {words}".rstrip(), _retry_after(response.headers))
        if status in (408, 409, 425) or status >= 500:
            raise CallFailed(f"HTTP {status} {words}".rstrip())
        if status in (401, 403):
            raise Unavailable(f"HTTP {status} {words}; {_how_to_give_a_key(server)}", misplaced=True)
        if status < 400 or status in (404, 405):
            target = response.headers.get("Location")
            where = f" to {target}, which is not followed" if target else ""
            raise Unavailable(f"HTTP {status}{where} {words}".rstrip(), misplaced=True)
        raise RequestError(request_id, f"{server.url} refuses it: HTTP {status} {words}".rstrip())

    async def greet(self, servers: Sequence[Server]) -> None:
        """Fail early: raise EngineError where no server is there at all, or one wants another key."""
        await asyncio.gather(*(self._greet_one(server) for server in servers))
        if all(server.health.state != "closed" for server in servers):
            problems = "; ".join(f"{server.url}: {server.health.words}" for server in servers)
            raise EngineError(f"no server answers: {problems}")

    async def _greet_one(self, server: Server) -> None:
        import httpx

        try:
            url = f"{server.url}/v1/models"
            response = await self._http.get(url, headers=server.headers, timeout=CONNECT_SECONDS)
        except httpx.RequestError as error:
            server.health.unavailable(f"{type(error).__name__} {error}".rstrip())
            return
        if response.status_code in (401, 403):
            raise EngineError(f"{server.url}: HTTP {response.status_code}; {_how_to_give_a_key(server)}")


def address(url: str) -> str:
    """The URL without /v1. Raises EngineError for what is no server's address, without repeating secrets in it."""
    import httpx

    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise EngineError(f"an endpoint is no URL: {error}") from None
    shown = f"{parsed.scheme}://{parsed.host}"
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise EngineError(f"an endpoint is http://HOST:PORT or https://HOST, not {shown}")
    if parsed.userinfo or parsed.query or parsed.fragment:
        raise EngineError(f"endpoint {shown}: an address has no user, ? or #; a key goes into an environment variable "
                          "that --endpoint-keys names")
    return url.rstrip("/").removesuffix("/v1").rstrip("/")


def sendable_key(key: str, url: str) -> str:
    """The key as it goes into a header. Raises EngineError, without the key, where it cannot."""
    key = key.strip()
    if not key.isascii() or not key.isprintable():
        raise EngineError(f"the key of {url} has characters that no HTTP header can hold")
    return key


def _how_to_give_a_key(server: Server) -> str:
    return f"--endpoint-keys {server.url}=VARIABLE names the environment variable that holds its key"


def _words(response: Any, key: str) -> str:
    """What the server says, in one short line; its message where it sends one, and never the key."""
    text = response.text
    with suppress(ValueError, AttributeError):
        data = response.json()
        error = data.get("error", data)
        said = error if isinstance(error, str) else error.get("message") or error.get("detail")
        text = said if isinstance(said, str) else text
    line = " ".join(text.split())
    return (line.replace(key, "***") if key else line)[:300]


def _retry_after(headers: Any) -> float | None:
    """Seconds a Retry-After header asks for, given as such or as a date; None where it has none."""
    value = headers.get("Retry-After", "")
    with suppress(ValueError):
        seconds = float(value)
        return max(0.0, seconds) if seconds < float("inf") else None
    with suppress(ValueError, TypeError):
        return max(0.0, (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds())
    return None
