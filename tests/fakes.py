"""A backend that answers from a script, for every test that needs a model's replies but no model.

    backend = ScriptedBackend({"q1": "Two and two is four.\\nAnswer: B"})
    backend = ScriptedBackend(lambda request: "Answer: A" if "#2" in request.id else "no idea")
    ...
    assert [call.id for call in backend.calls] == ["q1", "q1#2"]
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Self

from stepladder.engine.requests import Completion, Request, RequestError, Stats

Reply = str | Completion


@dataclass
class ScriptedBackend:
    """Replies by request id, or by a function of the request; records every request in `calls`.

    A reply is a text (finish reason "stop") or a whole Completion. `sequences` requests are taken at a time, as the
    engine does; with `reverse` each such group comes back in reversed order, so that callers which depend on the
    order fail. A request without a reply is a KeyError that names it.
    """

    replies: Mapping[str, Reply] | Callable[[Request], Reply]
    sequences: int = 4
    reverse: bool = False
    name: str = "scripted"
    context: int | None = 4096
    template_arguments: Mapping[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.calls: list[Request] = []
        self.stats = Stats(sequences=self.sequences)
        self.closed = False

    def generate(self, requests: Iterable[Request | None]) -> Iterator[Completion]:
        source = iter(requests)
        while group := [request for request in islice(source, self.sequences) if request is not None]:
            self.calls += group
            for request in reversed(group) if self.reverse else group:
                try:
                    completion = self._complete(request)
                except RequestError as error:  # from the script: a request that cannot be served
                    completion = Completion.refused(error)
                yield completion

    def render(self, messages: list[dict[str, str]], prefix: str = "") -> str:
        turns = "".join(f"<|{message['role']}|>\n{message['content']}\n" for message in messages)
        return f"{turns}<|assistant|>\n{prefix}"

    def count_tokens(self, text: str) -> int:
        return len(text.split())

    def warm(self, prompt: str) -> None:
        """A script has no prompt cache."""

    def check(self, request: Request) -> None:
        """Nothing is too long for a script."""

    def close(self) -> None:
        self.closed = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _complete(self, request: Request) -> Completion:
        reply = self.replies(request) if callable(self.replies) else self.replies[request.id]
        if isinstance(reply, str):
            prompt = request.prompt
            length = self.count_tokens(prompt) if isinstance(prompt, str) else len(prompt)
            reply = Completion(request.id, reply, length, self.count_tokens(reply), "stop", None, 0.01)
        self.stats.completions += 1
        self.stats.tokens += reply.tokens
        self.stats.prompt_tokens += reply.prompt_tokens
        return reply
