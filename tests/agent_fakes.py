"""A backend for agents that reads, writes, closes and misses deadlines like the engine, on a clock of its own."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from itertools import takewhile
from types import SimpleNamespace
from typing import Any, Self

import numpy as np
import pytest

from stepladder.agents import answerer, free_text, pace, writer
from stepladder.agents.validator import Evidence
from stepladder.engine.requests import Completion, Request, Stats


class Clock:
    """Time that passes only when somebody works."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def install(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    """Let every agent module tell the time by this clock."""
    for module in (answerer, pace, writer, free_text):
        monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=clock))


class AgentBackend:
    """One request after the other. Reading a prompt token takes 1/read seconds, writing one 1/write.

    letters(request) gives the four probabilities; thought(request) the text written, word by word; a request whose
    thought is longer than its tokens or its deadline allow is closed. Everything asked is in `calls`.
    """

    name = "agents' fake"

    def __init__(self, letters: Callable[[Request], tuple[float, float, float, float]] | None = None,
                 thought: Callable[[Request], str] = lambda request: "One step. Another step. So it is clear then.",
                 read: float = 1000.0, write: float = 100.0, clock: Clock | None = None, context: int = 768,
                 sequences: int = 8) -> None:
        self.letters = letters or (lambda request: (0.1, 0.6, 0.2, 0.1))
        self.thought, self.read, self.write = thought, read, write
        self.clock, self.context = clock or Clock(), context
        self.stats = Stats(sequences=sequences)
        self.calls: list[Request] = []
        self.template_arguments: dict[str, object] = {}
        self.closed = False
        self._read: list[list[str]] = []  # prompts that were read to their end

    def generate(self, requests: Iterable[Request | None]) -> Iterator[Completion]:
        for request in requests:
            if request is None:
                break
            self.calls.append(request)
            yield self._complete(request)

    def _complete(self, request: Request) -> Completion:
        deadline = float("inf") if request.deadline is None else request.deadline
        tokens = self.count_tokens(request.prompt)
        assert self.context is None or tokens + request.max_tokens <= self.context, "does not fit the context"
        unread = max(1, tokens - self._known(request.prompt))
        affordable = (deadline - self.clock.now) * self.read
        readable = unread if unread <= affordable else max(0, int(affordable))
        self.clock.now += readable / self.read
        self.stats.prompt_tokens += readable
        if readable < unread:
            return Completion(request.id, "", tokens, 0, "deadline", None)
        self._read.append(request.prompt.split())
        if request.max_tokens == 0:
            return Completion(request.id, "", tokens, 0, "length", self._probabilities(request))
        return self._write(request, tokens, deadline)

    def _known(self, prompt: str) -> int:
        """Tokens of the prompt that are in memory from the last requests."""
        words, best = prompt.split(), 0
        for earlier in self._read[-self.stats.sequences:]:
            pairs = zip(words, earlier, strict=False)
            shared = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
            best = max(best, shared)
        return best

    def _write(self, request: Request, tokens: int, deadline: float) -> Completion:
        words = self.thought(request).split(" ")
        affordable = (deadline - self.clock.now) * self.write
        room = int(min(request.max_tokens - 4, max(0, affordable - 4)))
        self.clock.now += min(len(words), room) / self.write
        if len(words) <= room:
            return Completion(request.id, " ".join(words), tokens, len(words), "stop", None)
        if request.closing is None:
            return Completion(request.id, " ".join(words[:room]), tokens, room, "length", None)
        text = " ".join(words[:room]) + request.closing
        return Completion(request.id, text, tokens, room, "closed", self._probabilities(request))

    def _probabilities(self, request: Request) -> dict[str, float] | None:
        if not request.choices:
            return None
        values = self.letters(request) if len(request.choices) == 4 else (0.7, 0.2)
        return dict(zip(request.choices, values, strict=True))

    def render(self, messages: list[dict[str, str]], prefix: str = "") -> str:
        return "".join(f"<{m['role']}> {m['content']}\n" for m in messages) + "<assistant> " + prefix

    def count_tokens(self, text: Any) -> int:
        return len(text.split())

    def tokenize(self, text: str) -> list[int]:
        return [1, *range(10, 10 + self.count_tokens(text))]  # with a BOS

    def check(self, request: Request) -> None:
        """Everything is served."""

    def use_adapter(self, name: str | None) -> None:
        """One model for all."""

    def close(self) -> None:
        self.closed = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def knows(request: Request) -> tuple[float, ...]:
    """One who knows the option "value nC"."""
    shown = re.findall(r"^([A-D])\. value \d+C$", request.prompt, re.MULTILINE)
    return tuple(0.7 if shown and letter == shown[-1] else 0.1 for letter in "ABCD")


def says_b(request: Request) -> tuple[float, ...]:
    """One who says B, whatever the question."""
    return 0.1, 0.7, 0.1, 0.1


class Both(AgentBackend):
    """Base and student of one set of weights: each answers in its own way."""

    def __init__(self, student: Callable[[Request], tuple[float, ...]] = knows,
                 base: Callable[[Request], tuple[float, ...]] = says_b) -> None:
        super().__init__(lambda request: (student if self.adapter else base)(request), read=1e7)
        self.adapter: str | None = None

    def use_adapter(self, name: str | None) -> None:
        self.adapter = name


def record(number: int = 1, question: str = "", key: str = "B") -> dict[str, Any]:
    """A four-option record."""
    choices = {letter: f"value {number}{letter}" for letter in "ABCD"}
    return {"id": f"q{number}", "question": question or f"Which value is number {number}?", "choices": choices,
            "answer": key}


def planted_evidence(count: int, skill: float, seed: int) -> list[tuple[Evidence, str]]:
    """Evidence of three kinds, each overconfident in its own way, about keys it knows with this skill."""
    from scipy.special import softmax

    rng = np.random.default_rng(seed)
    found = []
    for _ in range(count):
        key = rng.integers(4)
        seen = rng.normal(0, 1, 4) + skill * (np.arange(4) == key)
        orders, reasoned = softmax(2 * skill * seen), softmax(skill * (seen + rng.normal(0, 1, 4)))
        yes = 1 / (1 + np.exp(-(seen + rng.normal(0, 2, 4) + 2)))
        found.append((Evidence(*(dict(zip("ABCD", map(float, kind), strict=True))
                                 for kind in (orders, yes, reasoned))), "ABCD"[key]))
    return found
