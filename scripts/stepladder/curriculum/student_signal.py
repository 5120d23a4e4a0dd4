"""What the student finds hard before its training: the probability it gives the key, in fast mode.

A small model prefers some letters whatever the question; averaged over rotated options this preference cancels out.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Iterator
from typing import Any

from ..core.options import may_permute, rotate
from ..core.records import Record
from ..engine import prompts
from ..engine.requests import Backend, Completion, Request, RequestError


class StudentProbe:
    """Asks each record in up to `rotations` rotations of its options (one where they must not be permuted).

    `measure` yields, as they are done, {"id", "student": 1 - mean probability of the key among the four letters, or
    None, "read": "probabilities" or why there is none}.
    """

    def __init__(self, backend: Backend, rotations: int) -> None:
        self.backend, self.rotations = backend, rotations
        self._asked: dict[str, tuple[Record, str, int]] = {}  # request id -> record, key's letter, rotations
        self._open: dict[str, list[float | None]] = {}
        self._refusals: dict[str, str] = {}
        self._unfit: list[dict[str, Any]] = []
        self.tokens = 0

    def measure(self, records: Iterable[Record]) -> Iterator[dict[str, Any]]:
        for completion in self.backend.generate(self._requests(records)):
            yield from self._take_unfit()
            self.tokens += completion.prompt_tokens
            record, key, count = self._asked.pop(completion.id)
            found = self._open.setdefault(record["id"], [])
            found.append(probability_of(key, completion))
            if completion.refusal is not None:
                self._refusals[record["id"]] = completion.refusal
            if len(found) == count:
                del self._open[record["id"]]
                yield self._result(record, found)
        yield from self._take_unfit()

    def _requests(self, records: Iterable[Record]) -> Iterator[Request]:
        for record in records:
            count = self.rotations if may_permute(record) else 1
            rotated = [rotate(record, by)[0] for by in range(count)]
            requests = [
                Request(f"{record['id']}#{by}", self.backend.render(*prompts.fast(shown)), max_tokens=0,
                        choices=prompts.LETTER_CHOICES)
                for by, shown in enumerate(rotated)]
            try:
                for request in requests:
                    self.backend.check(request)
            except RequestError as error:
                self._unfit.append({"id": record["id"], "student": None, "read": error.reason})
                continue
            for request, shown in zip(requests, rotated, strict=True):
                self._asked[request.id] = (record, shown["answer"], count)
                yield request

    def _result(self, record: Record, found: list[float | None]) -> dict[str, Any]:
        if None in found:
            return {"id": record["id"], "student": None,
                    "read": self._refusals.pop(record["id"], "no probabilities")}
        return {"id": record["id"], "student": round(1.0 - statistics.fmean(found), 6), "read": "probabilities"}

    def _take_unfit(self) -> list[dict[str, Any]]:
        taken, self._unfit = self._unfit, []
        return taken


def probability_of(key: str, completion: Completion) -> float | None:
    """Probability of the key's letter among the four letters; None where there is none to be had."""
    found = completion.probabilities
    total = sum(found.values()) if found else 0.0
    return found[f" {key}"] / total if 0.0 < total <= 1.01 else None
