"""The run itself: attempts go to the backend as places become free, finished records to the journal at once."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence

from ..core.interrupts import stop_flag
from ..core.journal import Journal
from ..core.progress import Progress
from ..core.records import Record
from ..engine import prompts
from ..engine.requests import Backend, Completion, Feed, Request, RequestError, Sampling
from .attempts import Attempt, Case, Judgement, Policy
from .verify import judge


def needs_reasoning(record: Record) -> bool:
    """Everything but records that come with a proven solution."""
    return (record.get("cot") or {}).get("status") != "solver"


class Writing:
    """Takes every record that needs it from its first attempt to its line in the journal."""

    def __init__(self, backend: Backend, policy: Policy, journal: Journal, teacher: str) -> None:
        self.backend, self.policy, self.journal, self.teacher = backend, policy, journal, teacher
        self._asked: dict[str, tuple[Case, Attempt]] = {}
        self._accepted: Counter[str] = Counter()
        self._tries: Counter[str] = Counter()
        self._finished, self._started = 0, time.monotonic()

    def run(self, records: Sequence[Record]) -> None:
        """Work until every record is in the journal.

        Raises Interrupted after the record in hand when a stop was asked for, EngineError when the backend gives up;
        what was finished stays in the journal.
        """
        todo = [record for record in records if record["id"] not in self.journal.records]
        self._started = time.monotonic()
        with Progress("02 reasoning", len(records), len(records) - len(todo)) as self._progress:
            first = self._first_requests(todo)
            self._feed = Feed(first)
            for completion in self.backend.generate(self._feed):
                self._hear(completion)

    def _first_requests(self, records: Sequence[Record]) -> Iterator[Request]:
        for record in records:
            request = self._next_request(Case(record, self.policy))
            if request is not None:
                yield request

    def _next_request(self, case: Case) -> Request | None:
        """The next attempt's request; None when the record is finished, which is then in the journal."""
        while (attempt := case.next_attempt()) is not None:
            request = self._request(attempt)
            try:
                self.backend.check(request)
            except RequestError as error:
                case.take(attempt, Judgement("too long", words=error.reason), 0, None)
                continue
            self._asked[request.id] = case, attempt
            return request
        self._finish(case)
        return None

    def _request(self, attempt: Attempt) -> Request:
        policy = self.policy
        hint = attempt.shown["answer"] if attempt.kind == "hinted" else None
        sampling = Sampling()
        if attempt.kind == "sampled":
            sampling = Sampling(policy.temperature, top_p=policy.top_p, seed=attempt.seed)
        prompt = self.backend.render(prompts.messages(attempt.shown, policy.variant, hint))
        return Request(attempt.id, prompt, policy.max_tokens, sampling, closing=prompts.CLOSING)

    def _hear(self, completion: Completion) -> None:
        case, attempt = self._asked.pop(completion.id)
        if completion.finish_reason == "refused":
            self._settle(case, attempt, Judgement("refused", words=completion.refusal), 0, None)
            return
        judgement = judge(completion.text, attempt, closed=completion.finish_reason == "closed")
        self._settle(case, attempt, judgement, completion.tokens, completion.finish_reason)

    def _settle(self, case: Case, attempt: Attempt, judgement: Judgement, tokens: int, finish: str | None) -> None:
        case.take(attempt, judgement, tokens, finish)
        label = "hinted" if attempt.kind == "hinted" else str(attempt.number)
        self._tries[label] += 1
        self._accepted[label] += judgement.chain is not None
        self._progress.update(0, tokens)
        request = self._next_request(case)
        if request is not None:
            self._feed.add(request)

    def _finish(self, case: Case) -> None:
        self.journal.append(case.result(self.teacher))
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
