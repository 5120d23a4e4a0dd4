"""What goes into a backend and what comes out of it: requests, completions, and the interface between them.

Everything that asks a language model for text (teacher, assessor, student, agents) speaks only these types, so the
batching engine, an HTTP endpoint and a scripted fake are interchangeable:

    with open_backend("model.gguf") as backend:
        prompt = backend.render([{"role": "user", "content": "Why is the sky blue?"}])
        for completion in backend.generate([Request("q1", prompt)]):
            print(completion.text)
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, Self, runtime_checkable

FinishReason = Literal["stop", "length", "closed", "deadline", "refused"]


class EngineError(RuntimeError):
    """The backend cannot work: weights do not load, memory does not suffice, a server does not answer."""


class RequestError(ValueError):
    """One request cannot be served (too long, bad grammar, contradictory fields); the message names its id."""

    def __init__(self, request_id: str, reason: str) -> None:
        super().__init__(f"request {request_id}: {reason}")
        self.request_id = request_id
        self.reason = reason


@dataclass(frozen=True)
class Sampling:
    """How the next token is drawn. Temperature 0 takes the most probable one; the defaults switch the rest off.

    Samplers apply in llama.cpp's usual order: repeat penalty (last 64 tokens), top-k, top-p, min-p, temperature.
    The same seed, prompt and batch neighbours give the same text.
    """

    temperature: float = 0.0
    top_k: int = 0
    top_p: float = 1.0
    min_p: float = 0.0
    repeat_penalty: float = 1.0
    seed: int = 0


@dataclass(frozen=True)
class Request:
    """One text to be continued.

    prompt: what `Backend.render` returned, or any text with the chat template already applied (special tokens are
        parsed, a BOS token is never doubled), or token ids.
    max_tokens: most tokens to generate, forced closing included; 0 only computes the prompt (for `choices`).
    stop: the text ends before the first of these strings; an end-of-turn token always ends it.
    grammar: GBNF that the generated text must follow.
    closing: text such as "\\nAnswer:" forced when what is left of max_tokens (or of the time until the deadline) just
        suffices for it and `closing_tokens` more; so a long chain of thought is concluded instead of cut. A thought in
        the model's own tags is ended first.
    choices: texts whose probabilities of being what follows next are wanted: at the end of the prompt when max_tokens
        is 0, else right after the forced closing. Text of several tokens gets the product over its tokens, so "1"
        includes the cases that go on as "10".
    deadline: time.monotonic() seconds by which the completion should be out: it is closed, or cut, in time for that.
    thought_tokens: most tokens of a thought in the model's own tags, which is then ended by force; the reply follows.
        0: none, where it can be helped (a server's thought is not ended); None: as many as there is room for.
    """

    id: str
    prompt: str | tuple[int, ...]
    max_tokens: int = 256
    sampling: Sampling = Sampling()
    stop: tuple[str, ...] = ()
    grammar: str | None = None
    closing: str | None = None
    closing_tokens: int = 4
    choices: tuple[str, ...] = ()
    deadline: float | None = None
    thought_tokens: int | None = None


@dataclass(frozen=True)
class Completion:
    """What a request came to.

    text: what was generated, forced closing included, prompt, thought and stop string excluded.
    finish_reason: "stop" (end of turn, or a stop string), "length" (max_tokens reached; always for max_tokens 0),
        "closed" (the closing was forced), "deadline" (cut at its deadline with no closing), "refused" (it cannot be
        served: `refusal` says why, in the server's own words where there is one; then the text is empty).
    probabilities: choice -> probability in [0, 1], not renormalised; None where none were asked for, no closing was
        forced, or the server shows none.
    seconds: from the start of its computation to its end; time spent waiting for a free place is not in it.
    thinking: what it thought beside the text, in tags, channels or a field of the server's; None for nothing. `tokens`
        counts both.
    """

    id: str
    text: str
    prompt_tokens: int
    tokens: int
    finish_reason: FinishReason
    probabilities: dict[str, float] | None = None
    seconds: float = 0.0
    refusal: str | None = None
    thinking: str | None = None

    @classmethod
    def refused(cls, error: RequestError) -> Completion:
        """What a request comes to that cannot be served."""
        return cls(error.request_id, "", 0, 0, "refused", refusal=error.reason)


@dataclass
class Stats:
    """Running totals of a backend since it was opened; read it at any time, also while `generate` runs.

    Seconds: `decode` inside llama_decode (or waiting for a server), `sample` inside samplers, `total` in generate.
    A model call that only decodes, one token a sequence, also counts as steady: `steady_tokens / steady_seconds` is the
    rate to hold against a batched benchmark.
    """

    prompt_tokens: int = 0  # computed, chunk by chunk
    reused_tokens: int = 0  # prompt tokens that were found in memory instead
    tokens: int = 0  # generated
    calls: int = 0
    completions: int = 0
    seconds: dict[str, float] = field(default_factory=lambda: {"decode": 0.0, "sample": 0.0, "total": 0.0})
    steady_tokens: int = 0
    steady_seconds: float = 0.0
    prompt_seconds: float = 0.0  # in calls that held prompt tokens
    sequences: int = 0  # places
    active: int = 0  # places in use now
    kv_used: int = 0  # tokens in the KV cache now
    kv_size: int = 0

    @property
    def tokens_per_second(self) -> float | None:
        """Generated tokens over all time spent in generate; None before the first."""
        total = self.seconds["total"]
        return self.tokens / total if total else None

    @property
    def decode_per_second(self) -> float | None:
        """Tokens per second of the calls that only decoded; None before the first."""
        return self.steady_tokens / self.steady_seconds if self.steady_seconds else None

    @property
    def prompt_per_second(self) -> float | None:
        """Prompt tokens per second of the calls that held any; None before the first."""
        return self.prompt_tokens / self.prompt_seconds if self.prompt_seconds else None

    @property
    def python_share(self) -> float | None:
        """Part of the time in generate that was spent neither in the model nor in samplers."""
        total = self.seconds["total"]
        return 1 - (self.seconds["decode"] + self.seconds["sample"]) / total if total else None


class Feed:
    """Requests that may grow while they are being served: `add` puts one before the rest of the source.

        feed = Feed(first_attempts)
        for completion in backend.generate(feed):
            if wrong(completion):
                feed.add(next_attempt(completion))

    Yields None when it has nothing at the moment; `generate` then asks again after its next completion.
    """

    def __init__(self, requests: Iterable[Request] = ()) -> None:
        self._source = iter(requests)
        self._added: deque[Request] = deque()

    def add(self, request: Request) -> None:
        self._added.append(request)

    def __iter__(self) -> Feed:
        return self

    def __next__(self) -> Request | None:
        return self._added.popleft() if self._added else next(self._source, None)


@runtime_checkable
class Backend(Protocol):
    """Anything that completes requests.

    `generate` takes requests from a possibly lazy iterable as places become free and yields completions in the order
    they finish. None from the iterable means "nothing at the moment": it is asked again after the next completion, and
    the end is reached when nothing is in flight either (see `Feed`). A request that cannot be served is yielded as a
    completion with finish reason "refused", and the others go on; `check` says so beforehand.
    """

    name: str  # for provenance: file name or server and model
    stats: Stats
    context: int | None  # most tokens of prompt and completion together; None where only the server knows
    template_arguments: Mapping[str, Any]  # what the chat template is given beside the messages; may be set

    def generate(self, requests: Iterable[Request | None]) -> Iterator[Completion]: ...

    def render(self, messages: list[dict[str, str]], prefix: str = "") -> str:
        """The prompt for chat messages by the model's own template, ending with `prefix` as the reply's beginning.

        A thought that the template opens is ended before a prefix.
        """
        ...

    def count_tokens(self, text: str) -> int: ...

    def check(self, request: Request) -> None:
        """Raise `RequestError` where the request can never be served here."""
        ...

    def warm(self, prompt: str) -> None:
        """Have a prompt in the prompt cache, as after a request with it; nothing where the cache is the server's."""
        ...

    def close(self) -> None: ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *exc: object) -> None: ...
