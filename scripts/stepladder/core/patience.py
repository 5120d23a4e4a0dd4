"""Asking again: which failures of a network pass by themselves, and how long to wait between attempts."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from .interrupts import stop_flag

if TYPE_CHECKING:
    from tenacity import RetryCallState, Retrying

ATTEMPTS = 5
REACH_ATTEMPTS = 3
SECONDS_TO_REACH = 10.0
LONGEST_WAIT = 600.0  # seconds; a server that asks for more is asked again then all the same
LOOK_SECONDS = 0.1  # between two looks at the stop flag


def pause(seconds: float) -> None:
    """Sleep, but not through a Ctrl-C. Raises Interrupted when a stop is asked for."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        stop_flag.check()
        time.sleep(min(left, LOOK_SECONDS))
    stop_flag.check()


def transient(error: BaseException) -> bool:
    """Whether a failure passes by itself: HTTP 429 and 5xx, connections cut or refused, time-outs.

    Libraries wrap such errors in their own, so the whole chain of causes is looked through. Offline mode never passes.
    """
    import httpx
    from huggingface_hub.errors import OfflineModeIsEnabled

    chain = list(_chain(error))
    if any(isinstance(link, OfflineModeIsEnabled) for link in chain):
        return False
    if statuses := _statuses(chain):
        return any(status == 429 or status >= 500 for status in statuses)
    return any(isinstance(link, (httpx.TransportError, ConnectionError, TimeoutError)) for link in chain)


def hub_out_of_reach(attempts: int = REACH_ATTEMPTS) -> str | None:
    """Why the model hub cannot be reached at all, or None; it is asked once a process.

    Where it cannot, huggingface_hub is set offline, so that nothing that is asked of it later waits again.
    """
    from huggingface_hub import constants

    if constants.ENDPOINT not in _out_of_reach:
        _out_of_reach[constants.ENDPOINT] = _knock(attempts)
    return _out_of_reach[constants.ENDPOINT]


_out_of_reach: dict[str, str | None] = {}  # by endpoint


def _knock(attempts: int) -> str | None:
    import httpx
    from huggingface_hub import constants

    if constants.HF_HUB_OFFLINE:
        return "offline mode is on; unset HF_HUB_OFFLINE"
    try:
        retrying(attempts)(httpx.head, constants.ENDPOINT, timeout=SECONDS_TO_REACH)
    except httpx.HTTPError as error:
        constants.HF_HUB_OFFLINE = True
        if "datasets" in sys.modules:
            sys.modules["datasets"].config.HF_HUB_OFFLINE = True
        reason = str(error).strip() or type(error).__name__
        return f"the hub {constants.ENDPOINT} does not answer ({reason}); see to the network, or set HF_ENDPOINT"
    return None


def refused(error: BaseException) -> bool:
    """Whether a server refused for want of rights: HTTP 401 or 403."""
    return any(status in (401, 403) for status in _statuses(_chain(error)))


def _statuses(chain: Iterable[BaseException]) -> list[int]:
    return [link.response.status_code for link in chain if getattr(link, "response", None) is not None]


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        link = waiting.pop()
        if link is not None and id(link) not in seen:
            seen.add(id(link))
            yield link
            waiting += [link.__cause__, link.__context__]


def retrying(attempts: int = ATTEMPTS, sleep: Callable[[float], Any] = pause,
             tell: Callable[[BaseException, float], None] | None = None) -> Retrying:
    """tenacity's Retrying for transient failures: growing waits, or what the server's Retry-After asks for.

    tell(error, seconds) is called before each wait. The last failure is raised as it is.
    """
    from tenacity import Retrying, retry_if_exception, stop_after_attempt

    def before_sleep(state: RetryCallState) -> None:
        if tell is not None:
            tell(state.outcome.exception(), state.next_action.sleep)

    return Retrying(retry=retry_if_exception(transient), stop=stop_after_attempt(attempts), wait=_wait, sleep=sleep,
                    before_sleep=before_sleep, reraise=True)


def _wait(state: RetryCallState) -> float:
    from tenacity import wait_exponential_jitter

    unit = float(os.environ.get("STEPLADDER_RETRY_SECONDS", "2"))
    growing = wait_exponential_jitter(multiplier=unit, max=60 * unit, jitter=unit)(state)
    return max(growing, min(LONGEST_WAIT, retry_after(state.outcome.exception()) or 0.0))


def retry_after(error: BaseException) -> float | None:
    """Seconds that the answer's Retry-After asks for, given as seconds or as a date; None where it asks for none."""
    for link in _chain(error):
        response = getattr(link, "response", None)
        value = response.headers.get("Retry-After", "").strip() if response is not None else ""
        if not value:
            continue
        try:
            return float(value)
        except ValueError:
            pass
        try:
            return max(0.0, (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds())
        except (ValueError, TypeError):  # neither form, or a date without a zone: the growing waits will do
            return None
    return None
