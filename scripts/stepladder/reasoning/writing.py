"""The run itself: attempts go to the backend as places become free, every reply to the journal at once."""

from __future__ import annotations

import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

import orjson

from ..core.interrupts import stop_flag
from ..core.progress import Progress, say
from ..core.records import Record
from ..engine.requests import Backend, Completion, Feed, Request, RequestError
from .attempts import Attempt, Case, Judgement, Reply
from .replies import Replies
from .thoughts import with_short_form
from .verify import judge


def needs_reasoning(record: Record) -> bool:
    """Everything but records that come with a proven solution."""
    return (record.get("cot") or {}).get("status") != "solver"


class Writing:
    """Takes every record that needs it from its first attempt to its result. Kept replies are judged, not asked for."""

    def __init__(self, replies: Replies, records: Sequence[Record], teacher: str) -> None:
        self.replies, self.records, self.teacher = replies, records, teacher
        self._results: dict[str, bytes] = {}  # compressed: of 50,000 records they would else fill hundreds of MB
        self._asked: dict[str, tuple[Case, Attempt]] = {}
        self._asked_before: Attempt | None = None  # the last one that is known before the first that is asked
        self._accepted: Counter[str] = Counter()
        self._tries: Counter[str] = Counter()
        self._finished, self._started = 0, time.monotonic()

    def run(self, opened: Callable[[], AbstractContextManager[Backend]], retry_failed: bool) -> float | None:
        """Ask whatever the journal does not hold; tokens per second, None where the teacher was not needed.

        retry_failed: then ask the failed records again, once; a retry that was broken off is only gone on with.
        Raises Interrupted after the record in hand when a stop was asked for, EngineError when the backend gives up;
        what was finished stays in the journal.
        """
        waiting = self._recall(self.records)
        retry = retry_failed and not any(case.retries for case in waiting)
        if retry and not waiting:
            waiting, retry = self._retry(), False
        if not waiting:
            return None
        with opened() as self.backend:
            self._ask(waiting)
            if retry and (waiting := self._retry()):
                self._ask(waiting)
            return self.backend.stats.tokens_per_second

    def result(self, record: Record) -> dict[str, Any]:
        """{"id", "chain_of_thought", "cot"}: what the finished record gains; nothing for those with a solution."""
        packed = self._results.get(record["id"])
        return {} if packed is None else orjson.loads(zlib.decompress(packed))

    def _note_result(self, record: Record, result: dict[str, Any]) -> None:
        self._results[record["id"]] = zlib.compress(orjson.dumps(result), 1)

    # -- what is known --------------------------------------------------------------------------------------------

    def _recall(self, records: Sequence[Record]) -> list[Case]:
        """Judge every kept reply (some 2,000 a second); the cases that are still open."""
        if len(self.replies.journal):
            say(f"02: judging what is kept of {len(records)} records")
        waiting: list[Case] = []
        for record in records:
            case = Case(record, self.replies.policy, self.replies.retries(record))
            known = None if case.retries else self.replies.result(record)
            if known is not None:
                self._note_result(record, known)
            elif self._next_unknown(case) is None:
                self._note_result(record, case.result(self.teacher))
            else:
                waiting.append(case)
            if not waiting or waiting[0] is case:
                self._asked_before = case.last_attempt() or self._asked_before
        if len(waiting) < len(records) or any(case.outcomes for case in waiting):
            say(f"02: going on after {len(records) - len(waiting)} finished records of {len(records)}")
        return waiting

    def _next_unknown(self, case: Case) -> Attempt | None:
        """The first attempt that was never asked; None when the case is finished."""
        while (attempt := case.next_attempt()) is not None:
            reply = self.replies.get(attempt)
            if reply is None:
                return attempt
            self._take(case, attempt, reply)
        return None

    def _retry(self) -> list[Case]:
        """Failed records, to be tried once more."""
        failed = [record for record in self.records if self.result(record)["cot"]["status"] == "failed"]
        if self.replies.policy.temperature == 0:
            say("02: --retry-failed has nothing to ask: at --temperature 0 the same replies would come again")
            return []
        for record in failed:
            self.replies.retry(record)
        say(f"02: {len(failed)} failed records are tried again")
        return self._recall(failed)

    # -- asking ---------------------------------------------------------------------------------------------------

    def _ask(self, cases: list[Case]) -> None:
        """Finish these cases; the list is emptied, so that none is held longer than it is in work."""
        self._started, total = time.monotonic(), len(self.records)
        if self._asked_before is not None:  # what an unbroken run's prompt cache would hold now
            self.backend.warm(self.backend.render(self.replies.messages(self._asked_before)))
        with Progress("02 reasoning", total, total - len(cases)) as self._progress:
            first = self._first_requests(cases)
            self._feed = Feed(first)
            for completion in self.backend.generate(self._feed):
                self._hear(completion)

    def _first_requests(self, cases: list[Case]) -> Iterator[Request]:
        cases.reverse()
        while cases:
            request = self._next_request(cases.pop())
            if request is not None:
                yield request

    def _next_request(self, case: Case) -> Request | None:
        """The next attempt's request; None when the record is finished."""
        while (attempt := self._next_unknown(case)) is not None:
            request = self.replies.request(attempt, self.backend)
            try:
                self.backend.check(request)
            except RequestError as error:
                self.replies.keep(attempt, Reply("", 0, None, "too long", error.reason))
                continue
            self._asked[request.id] = case, attempt
            return request
        self._finish(case)
        return None

    def _hear(self, completion: Completion) -> None:
        case, attempt = self._asked.pop(completion.id)
        if completion.finish_reason == "refused":
            reply = Reply("", 0, None, "refused", completion.refusal)
        else:
            reply = Reply(completion.text, completion.tokens, completion.finish_reason, thinking=completion.thinking)
            if (thought := self.replies.thought(attempt)) is not None:
                reply = with_short_form(thought, reply)
        self._progress.update(0, completion.tokens)
        self._settle(case, attempt, reply)

    def _settle(self, case: Case, attempt: Attempt, reply: Reply) -> None:
        whole: Reply | None = reply
        if reply.refused is None:  # what a server refused now it may take another time
            self.replies.keep(attempt, reply)
            whole = self.replies.get(attempt)
        if whole is not None:  # None: it only thought, and is asked for the short form next
            label = "hinted" if attempt.kind == "hinted" else str(attempt.number)
            self._tries[label] += 1
            self._accepted[label] += self._take(case, attempt, whole)
        request = self._next_request(case)
        if request is not None:
            self._feed.add(request)

    @staticmethod
    def _take(case: Case, attempt: Attempt, reply: Reply) -> bool:
        """Judge a reply; whether it was accepted."""
        if reply.refused is not None:
            judgement = Judgement(reply.refused, words=reply.words)
        else:
            judgement = replace(judge(reply.text, attempt, closed=reply.finish_reason == "closed"),
                                thinking=reply.thinking)
        case.take(attempt, judgement, reply.tokens, reply.finish_reason)
        return judgement.chain is not None

    def _finish(self, case: Case) -> None:
        self._note_result(case.record, case.result(self.teacher))
        self._finished += 1
        self._progress.update(1, note=self._note())
        stop_flag.check()

    def _note(self) -> str:
        parts = [f"{'hint' if label == 'hinted' else f'try {label}'} {self._accepted[label] / self._tries[label]:.0%}"
                 for label in sorted(self._tries)]
        hour = 3600 * self._finished / max(1e-9, time.monotonic() - self._started)
        stats = self.backend.stats
        kv = [f"KV {stats.kv_used / stats.kv_size:.0%}"] if stats.kv_size else []
        return ", ".join(["accepted: " + " ".join(parts), f"{hour:,.0f}/h", *kv])
