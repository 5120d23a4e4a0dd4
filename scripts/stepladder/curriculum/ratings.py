"""The assessor's rating: one prefill a prompt, the expectation over the probabilities of "1" to "10".

Where the probabilities cannot be had, or hardly any of them lies on a rating, the assessor's greedy text is parsed
instead. A record that yields neither stays without a rating: None, never an invented number.
"""

from __future__ import annotations

import math
import re
import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..core.records import Record
from ..engine.requests import Backend, Completion, Feed, Request, RequestError
from . import rating_prompts

RATINGS = tuple(str(number) for number in range(1, 11))
LEAST_MASS = 0.05  # of the probability that must lie on ratings; below it they say nothing
LEAST_SPREAD = 0.01  # standard deviation of the ratings; below it the assessor rates everything alike
LEAST_RATED = 0.5  # share of the records that must have a rating
JUDGED_FROM = 10  # records; the spread of fewer is not judged
TEXT_TOKENS = 12

_NUMBER = re.compile(r"(?<![\d.,/-])(\d+(?:\.\d+)?)(?!\d|[.,]\d)")


def ten_continues_one(backend: Backend) -> bool:
    """Whether this model writes "10" as "1" and another token, so that P("1") includes P("10").

    Asked of the model itself, where "10" is bound to come: P("10") exceeds P("1") only when "10" is a token of its own.
    """
    request = Request("ten", backend.render(*rating_prompts.COUNTING), max_tokens=0, choices=("1", "10"))
    found = next(iter(backend.generate([request]))).probabilities or {}
    return found.get("10", 0.0) <= found.get("1", 0.0)


def expectation(probabilities: Mapping[str, float] | None, ten_in_one: bool) -> tuple[float | None, float]:
    """(expected rating, probability mass on ratings); the rating is None where the mass is under LEAST_MASS.

    probabilities: of RATINGS, not renormalised. ten_in_one: P("1") includes P("10"), see `ten_continues_one`.
    """
    if probabilities is None:
        return None, 0.0
    shares = {int(text): probabilities[text] for text in RATINGS}
    if ten_in_one:
        shares[1] = max(0.0, shares[1] - shares[10])
    mass = sum(shares.values())
    if not math.isfinite(mass) or mass < LEAST_MASS:
        return None, mass if math.isfinite(mass) else 0.0
    return sum(rating * share for rating, share in shares.items()) / mass, mass


def parse_rating(text: str) -> float | None:
    """The rating a text gives: its first number, if it is one from 1 to 10 ("7", "7/10", "about 6.5"); else None."""
    found = _NUMBER.search(text)
    value = float(found[1]) if found else math.nan
    return value if 1 <= value <= 10 else None


@dataclass(frozen=True)
class Asked:
    """What a request was for: a record and a prompt; text: whether a text is wanted instead of probabilities."""

    record: Record
    prompt: str
    text: bool = False


class Assessor:
    """Rates records through a backend, all its prompts on each.

    `measure` yields, as they are done, {"id", "assessor": rating or None, "by_prompt": {prompt: rating or None},
    "mass": probability on ratings (the least of the prompts), "read": "probabilities", "text" or why there is none}.
    """

    def __init__(self, backend: Backend, prompts: Sequence[str]) -> None:
        self.backend, self.prompts = backend, tuple(prompts)
        self.ten_in_one = ten_continues_one(backend)
        self._asked: dict[str, Asked] = {}
        self._open: dict[str, dict[str, tuple[float | None, float]]] = {}
        self._refusals: dict[str, str] = {}
        self._unfit: list[dict[str, Any]] = []
        self.tokens = 0  # of prompts

    def measure(self, records: Iterable[Record]) -> Iterator[dict[str, Any]]:
        feed = Feed(self._requests(records))
        for completion in self.backend.generate(feed):
            yield from self._take_unfit()
            asked = self._asked.pop(completion.id)
            self.tokens += completion.prompt_tokens
            result = self._read_text(asked, completion) if asked.text else self._read(asked, completion, feed)
            if result is not None:
                yield result
        yield from self._take_unfit()

    def _requests(self, records: Iterable[Record]) -> Iterator[Request]:
        """All prompts of a record one after the other, so that what they share is computed once."""
        for record in records:
            requests = [self._request(Asked(record, prompt)) for prompt in self.prompts]
            try:
                for request in requests:
                    self.backend.check(request)
            except RequestError as error:
                self._unfit.append(self._result(record, None, {}, 0.0, error.reason))
                continue
            for request, prompt in zip(requests, self.prompts, strict=True):
                self._asked[request.id] = Asked(record, prompt)
                yield request

    def _request(self, asked: Asked) -> Request:
        prompt = self.backend.render(*rating_prompts.messages(asked.record, asked.prompt))
        name = f"{asked.record['id']}#{asked.prompt}"
        if asked.text:
            return Request(f"{name}#text", prompt, max_tokens=TEXT_TOKENS)
        return Request(name, prompt, max_tokens=0, choices=RATINGS)

    def _read(self, asked: Asked, completion: Completion, feed: Feed) -> dict[str, Any] | None:
        """Note one prompt's rating; the record's result when it was the last one."""
        record, found = asked.record, self._open.setdefault(asked.record["id"], {})
        found[asked.prompt] = expectation(completion.probabilities, self.ten_in_one)
        if completion.refusal is not None:
            self._refusals[record["id"]] = completion.refusal
        if len(found) < len(self.prompts):
            return None
        del self._open[record["id"]]
        if record["id"] in self._refusals:
            return self._result(record, None, {}, 0.0, self._refusals.pop(record["id"]))
        by_prompt = {prompt: found[prompt][0] for prompt in self.prompts}
        mass = min(mass for _, mass in found.values())
        if None not in by_prompt.values():
            return self._result(record, statistics.fmean(by_prompt.values()), by_prompt, mass, "probabilities")
        # All prompts or none: an average over fewer of them would lie on another scale than its neighbours'.
        retry = self._request(Asked(record, self.prompts[0], text=True))
        self._asked[retry.id] = Asked(record, self.prompts[0], text=True)
        feed.add(retry)
        return None

    def _read_text(self, asked: Asked, completion: Completion) -> dict[str, Any]:
        value = parse_rating(completion.text)
        unread = completion.refusal or "no rating in its text"
        return self._result(asked.record, value, {}, 0.0, unread if value is None else "text")

    def _result(self, record: Record, value: float | None, by_prompt: Mapping[str, float | None], mass: float,
                read: str) -> dict[str, Any]:
        rounded = {prompt: rating if rating is None else round(rating, 6) for prompt, rating in by_prompt.items()}
        return {"id": record["id"], "assessor": None if value is None else round(value, 6), "by_prompt": rounded,
                "mass": round(mass, 6), "read": read}

    def _take_unfit(self) -> list[dict[str, Any]]:
        taken, self._unfit = self._unfit, []
        return taken


def why_unusable(values: Sequence[float | None]) -> str | None:
    """Why these ratings cannot order anything, or None when they can."""
    rated = [value for value in values if value is not None and math.isfinite(value)]
    if len(rated) < LEAST_RATED * len(values) or not rated:
        return f"it rated {len(rated)} of {len(values)} records"
    if len(rated) >= JUDGED_FROM and (spread := statistics.pstdev(rated)) < LEAST_SPREAD:
        return f"it rates everything alike ({statistics.fmean(rated):.2f} with a standard deviation of {spread:.4f})"
    return None
