"""From requests to jobs: pulled lazily from the caller's iterable, checked, tokenised."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from functools import lru_cache

import numpy as np

from .jobs import Job
from .native import Tokens, Weights
from .requests import Request, RequestError
from .sampling import ChoiceScorer, Sampler, is_plain_greedy

MOST_CHOICE_TOKENS = 16  # bounds the logits that a batch may have to give for one sequence
_TAIL = 32  # characters before a choice that may shape its tokens


class Intake:
    """The caller's iterable, one request at a time, and how long the caller took over it."""

    def __init__(self, requests: Iterable[Request | None]) -> None:
        self._source: Iterator[Request | None] = iter(requests)
        self._seconds = 0.0
        self.exhausted = False
        self.idle = False  # the last time it was asked it had nothing

    def pull(self) -> Request | None:
        """The next request; None when there is none now, or none any more (`exhausted`)."""
        if self.exhausted:
            return None
        started = time.perf_counter()
        request = None
        try:
            request = next(self._source)
            return request
        except StopIteration:
            self.exhausted = True
            return None
        finally:
            self.idle = request is None
            self._seconds += time.perf_counter() - started

    def take_seconds(self) -> float:
        """Seconds the caller's iterable took since this was last asked."""
        seconds, self._seconds = self._seconds, 0.0
        return seconds


class Preparer:
    """Turns requests into jobs for one model and one context length."""

    def __init__(self, weights: Weights, context: int) -> None:
        self._weights, self._context = weights, context
        self._count = 0
        self._choice_tokens = lru_cache(maxsize=4096)(self._continuation)

    def __call__(self, request: Request) -> Job:
        """A job that is ready for a place; its sampler is to be closed by whoever holds it.

        Raises:
            RequestError: it does not fit the context, its grammar does not parse, or its fields contradict.
        """
        prompt = self._prompt(request)
        closing = self._closing(request)
        scorer = self._scorer(request, prompt)
        self._require_room(request, len(prompt), scorer)
        sampler = None
        if request.max_tokens and not (is_plain_greedy(request.sampling) and request.grammar is None):
            sampler = Sampler(self._weights, request.sampling, request.grammar, request.id)
        self._count += 1
        return Job(request, self._count, prompt, closing, scorer, sampler, time.monotonic())

    def _require_room(self, request: Request, prompt: int, scorer: ChoiceScorer | None) -> None:
        """Raise RequestError where prompt, text and the choices that are read after them are over the context."""
        wanted = [(request.max_tokens, "to generate")]
        if scorer is not None:
            before = request.max_tokens - request.closing_tokens if request.max_tokens else 0
            wanted.append((before + max(map(len, scorer.paths), default=0), "up to the choices' last tokens"))
        most, what = max(wanted, key=lambda pair: pair[0])
        if prompt + most > self._context:
            raise RequestError(request.id, f"{prompt} tokens of prompt + {most} {what} = {prompt + most}, over the "
                                           f"context of {self._context} a sequence")

    def _prompt(self, request: Request) -> Tokens:
        if isinstance(request.prompt, str):
            prompt = self._weights.tokenize(request.prompt, bos=True)
        else:
            prompt = np.array(request.prompt, np.int32)
        if not len(prompt):
            raise RequestError(request.id, "its prompt is empty")
        if prompt.min() < 0 or prompt.max() >= self._weights.vocab_size:
            raise RequestError(request.id, f"a token id outside the vocabulary of {self._weights.vocab_size}")
        return prompt

    def _closing(self, request: Request) -> Tokens:
        if request.closing is None:
            return np.empty(0, np.int32)
        if request.grammar is not None:
            raise RequestError(request.id, "a closing cannot be forced on text that follows a grammar")
        closing = self._weights.tokenize(request.closing)
        least = len(closing) + request.closing_tokens
        if request.max_tokens < least:
            raise RequestError(request.id, f"max_tokens {request.max_tokens} has no room for a closing of {least}")
        return closing

    def _scorer(self, request: Request, prompt: Tokens) -> ChoiceScorer | None:
        if not request.choices:
            return None
        if request.max_tokens and request.closing is None:
            raise RequestError(request.id, "choices need max_tokens 0 or a closing, to say where they are read")
        if request.max_tokens:
            before = request.closing or ""
        elif isinstance(request.prompt, str):
            before = request.prompt
        else:
            before = b"".join(self._weights.piece(int(t)) for t in prompt[-_TAIL:]).decode("utf-8", "replace")
        tokens = {choice: self._choice_tokens(before[-_TAIL:], choice) for choice in request.choices}
        for choice, ids in tokens.items():
            if not 1 <= len(ids) <= MOST_CHOICE_TOKENS:
                raise RequestError(request.id, f"choice {choice!r} has {len(ids)} tokens, not 1-{MOST_CHOICE_TOKENS}")
        return ChoiceScorer(tokens)

    def _continuation(self, before: str, choice: str) -> tuple[int, ...]:
        """The tokens of `choice` as they come after `before`; by itself where the two would merge."""
        alone = self._weights.tokenize(before, special=False)
        together = self._weights.tokenize(before + choice, special=False)
        if len(together) > len(alone) and np.array_equal(together[: len(alone)], alone):
            return tuple(together[len(alone) :].tolist())
        return tuple(self._weights.tokenize(choice, special=False).tolist())
