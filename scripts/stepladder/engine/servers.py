"""Which server a call goes to: the healthy one with the fewest calls in flight, or a wait until one is healthy."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime

from .health import Health
from .requests import EngineError

log = logging.getLogger(__name__)


class CallError(Exception):
    """A call that was not answered; another server, or a later try, may answer it."""


class CallFailed(CallError):
    """It broke, took too long or gave no usable reply; whether server or request is to blame is open."""


class Unusable(CallFailed):
    """It was answered, and with no reply that can be used."""


class Unavailable(CallError):
    """The server's matter alone: unreachable, busy, or it serves nobody with this key, model or address.

    wait: seconds it asked for. misplaced: only a person can help (wrong key, model or address), unless it has worked
    with them before.
    """

    def __init__(self, words: str, wait: float | None = None, *, misplaced: bool = False) -> None:
        super().__init__(words)
        self.wait, self.misplaced = wait, misplaced


@dataclass(eq=False)
class Server:
    """One server.

    continues: whether it goes on with a reply that was begun for it; None: not known yet. echoes: whether its text
    starts with what was begun. tried: a trial has told both as far as a trial can; one runs at a time. strict: it
    refuses fields that it does not know.
    """

    url: str
    health: Health
    key: str = field(default="", repr=False)
    in_flight: int = 0
    leased: int = 0  # its turn: the number of its last lease
    continues: bool | None = None
    echoes: bool = False
    tried: bool = False
    strict: bool = False
    trial: asyncio.Lock = field(default_factory=asyncio.Lock, repr=False)
    misplaced: bool = False
    told: bool = False  # that it is in trouble

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}"} if self.key else {}


class Servers:
    """Leases servers to calls, so many at a time each, and probes those in trouble when their wait is over.

    places: calls in flight at one server. outage: seconds that "none is healthy" is waited out. probe: asks a server
    something small; raises CallError where it does not answer.
    """

    def __init__(self, servers: Sequence[Server], *, places: int, outage: float, clock: Callable[[], float],
                 probe: Callable[[Server], Awaitable[None]]) -> None:
        self.all = list(servers)
        self._places, self._outage, self._clock, self._probe = places, outage, clock, probe
        self._leases = 0
        self._changed = asyncio.Event()
        self._down_at: float | None = None
        self.down_since: datetime | None = None  # when the last healthy server was lost; None while there is one

    async def lease(self, avoid: Server | None = None) -> Server:
        """A healthy server with room, another than `avoid` where there is one; give it back with `release`.

        Raises EngineError when no server was healthy for the time of an outage, or none can ever be.
        """
        while True:
            if (server := self._healthy(avoid)) is not None:
                self._leases += 1
                server.leased = self._leases
                server.in_flight += 1
                return server
            if (due := next((server for server in self.all if server.health.due), None)) is not None:
                await self._send_probe(due)
                continue
            self._give_up_in_time()
            await self._something_new()

    def release(self, server: Server) -> None:
        """A call is over, and the server's health tells how."""
        server.in_flight -= 1
        self.note()

    def note(self) -> None:
        """Healths may have changed: tell whoever waits, and the user of what is lost or back."""
        for server in self.all:
            lost = server.health.state != "closed"
            if lost and not server.told:
                others = "; the others take over" if any(s.health.state == "closed" for s in self.all) else ""
                log.warning("%s is left alone for now: %s%s", server.url, server.health.words, others)
            elif not lost and server.told:
                log.warning("%s answers again", server.url)
            server.told = lost
        if any(server.health.state == "closed" for server in self.all):
            self._down_at = self.down_since = None
        elif self._down_at is None:
            self._down_at, self.down_since = self._clock(), datetime.now()
        self._changed.set()
        self._changed = asyncio.Event()

    def _healthy(self, avoid: Server | None) -> Server | None:
        ready = [s for s in self.all if s.health.state == "closed" and s.in_flight < self._places]
        return min(ready, key=lambda s: (s is avoid, s.in_flight, s.leased), default=None)

    async def _send_probe(self, server: Server) -> None:
        server.health.probe_sent()
        try:
            await self._probe(server)
        except CallError as error:
            server.misplaced = getattr(error, "misplaced", False) and server.health.last_well < 0
            server.health.probe_failed(str(error), getattr(error, "wait", None))
        except BaseException:
            server.health.probe_dropped()
            raise
        else:
            server.health.probe_passed()
            server.misplaced = False
            server.continues, server.echoes, server.tried, server.strict = None, False, False, False  # perhaps another
        finally:
            self.note()

    def _give_up_in_time(self) -> None:
        words = "; ".join(f"{server.url}: {server.health.words}" for server in self.all)
        if all(server.misplaced for server in self.all):
            raise EngineError(f"no server can serve this: {words}")
        if self._down_at is not None and self._clock() - self._down_at >= self._outage:
            raise EngineError(f"no server answered for {self._outage / 60:.0f} min: {words}")

    async def _something_new(self) -> None:
        """Wait until a health or a place changes, a probe is due or the outage has lasted too long."""
        moments = [server.health.retry_at for server in self.all if server.health.state == "open"]
        if self._down_at is not None:
            moments.append(self._down_at + self._outage)
        changed = self._changed
        with suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, min(moments) - self._clock()) if moments else None):
                await changed.wait()
