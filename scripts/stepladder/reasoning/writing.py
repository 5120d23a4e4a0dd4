"""The run itself: attempts go to the backend as places become free, every reply to the journal at once."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any

import orjson

from ..core.interrupts import stop_flag
from ..core.progress import Progress, say
from ..core.records import Record
from ..engine.requests import Backend, Completion, Feed, Request, RequestError
from .attempts import Attempt, Case, Judgement, Reply
from .outlook import Outlook
from .replies import RE_ASKED, Replies, Step
from .verify import judge
from .watch import FAST, Watch


def needs_reasoning(record: Record) -> bool:
    """Everything but records that come with a proven solution."""
    return (record.get("cot") or {}).get("status") != "solver"


@dataclass(frozen=True)
class _Asked:
    """What is asked for a case. reply: as far as it is known, None before the first step."""

    case: Case
    attempt: Attempt
    step: Step = "reply"
    reply: Reply | None = None


class Writing:
    """Takes every record that needs it from its first attempt to its result. Kept replies are judged, not asked for."""

    def __init__(self, replies: Replies, records: Sequence[Record], teacher: str, label: str = "02 reasoning",
                 least_kept: float = 0.0) -> None:
        """least_kept: see `Outlook`."""
        self.replies, self.records, self.teacher, self.label = replies, records, teacher, label
        self._outlook = Outlook(records, least_kept)
        self._results: dict[str, bytes] = {}  # compressed: of 50,000 records they would else fill hundreds of MB
        self._asked: dict[str, _Asked] = {}
        self._asked_before: Attempt | None = None  # the last one that is known before the first that is asked
        self._watch = Watch()

    def run(self, opened: Callable[[], AbstractContextManager[Backend]], retry_failed: bool) -> float | None:
        """Ask whatever the journal does not hold; tokens per second, None where the teacher was not needed.

        retry_failed: then ask the failed records again, once; a retry that was broken off is only gone on with.
        Raises Interrupted after the record in hand when a stop was asked for, EngineError when the backend gives up,
        StageError where hardly anything is kept; what was finished stays in the journal.
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
        if (said := self._outlook.finished(record["id"], result["chain_of_thought"] is not None)) is not None:
            say(f"02: {said}")

    # -- what is known --------------------------------------------------------------------------------------------

    def _recall(self, records: Sequence[Record]) -> list[Case]:
        """Judge every kept reply (about a millisecond each); the cases that are still open."""
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

    def _next_unknown(self, case: Case) -> _Asked | None:
        """The first thing that was never asked; None when the case is finished."""
        while (attempt := case.next_attempt()) is not None:
            reply = self.replies.get(attempt)
            if reply is None:
                return _Asked(case, attempt)
            judgement = _judged(attempt, reply)
            if (step := self.replies.step_behind(attempt, reply, judgement)) is not None:
                return _Asked(case, attempt, step, reply)
            case.take(attempt, judgement, reply.tokens, reply.finish_reason)
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
        total = len(self.records)
        self._outlook.start()
        if self._asked_before is not None:  # what an unbroken run's prompt cache would hold now
            self.backend.warm(self.backend.render(self.replies.messages(self._asked_before)))
        with Progress(self.label, total, total - len(cases)) as self._progress:
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
        """What is to be asked next of a record; None when it is finished."""
        while (asked := self._next_unknown(case)) is not None:
            request = self.replies.request(asked.attempt, asked.step, asked.reply, self.backend)
            try:
                self.backend.check(request)
            except RequestError as error:
                self.replies.keep_unasked(asked.attempt, asked.step, error.reason)
                continue
            self._asked[request.id] = asked
            return request
        self._finish(case)
        return None

    def _hear(self, completion: Completion) -> None:
        if completion.id.startswith(FAST):
            self._hear_fast(completion)
            return
        asked = self._asked.pop(completion.id)
        self._progress.update(0, completion.tokens)
        if completion.finish_reason == "refused":  # not kept: what a server refused now it may take another time
            reply = asked.reply or Reply("", 0, None, "refused", completion.refusal)
            self._settle(asked, reply, _judged(asked.attempt, reply))
        else:
            self.replies.keep(asked.attempt, asked.step, self.replies.joined(asked.step, asked.reply, completion))
            reply = self.replies.get(asked.attempt)
            assert reply is not None
            judgement = _judged(asked.attempt, reply)
            if self.replies.step_behind(asked.attempt, reply, judgement) is None:
                self._settle(asked, reply, judgement)
        if (request := self._next_request(asked.case)) is not None:
            self._feed.add(request)

    def _settle(self, asked: _Asked, reply: Reply, judgement: Judgement) -> None:
        """An attempt is over: its reply counts."""
        case = asked.case
        case.take(asked.attempt, judgement, reply.tokens, reply.finish_reason)
        self._watch.reply(case.record, asked.attempt, judgement, reply.tokens, reply.text)
        for fast in self._watch.fast_requests(self.backend):
            self._feed.add(fast)

    def _hear_fast(self, completion: Completion) -> None:
        record = next(one for one in self._watch.looked_at if completion.id == FAST + one["id"])
        for line in self._watch.fast_reply(record, completion):
            say(f"02: {line}")

    def _finish(self, case: Case) -> None:
        self._note_result(case.record, case.result(self.teacher))
        self._watch.finished(case)
        self._progress.update(1, note=self._note())
        stop_flag.check()

    def _note(self) -> str:
        stats = self.backend.stats
        return f"{self._watch.note()}; KV {stats.kv_used / stats.kv_size:.0%}" if stats.kv_size else self._watch.note()


def _judged(attempt: Attempt, reply: Reply) -> Judgement:
    if reply.refused is not None:
        return Judgement(reply.refused, words=reply.words)
    judgement = judge(reply.text, attempt, closed=reply.finish_reason == "closed",
                      re_asked=reply.finish_reason == RE_ASKED)
    return replace(judgement, thinking=reply.thinking)
