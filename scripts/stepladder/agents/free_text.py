"""Plain chat replies: what an agent says where it is asked for something other than its job."""

from __future__ import annotations

import time
from collections.abc import Sequence

from ..engine.requests import Backend, Request, Sampling
from .formats import clean

LEAST_ROOM = 16


def replies(backend: Backend, messages: Sequence[str], system: str | None, tokens: int, seconds: float | None,
            temperature: float = 0.0, top_p: float = 1.0) -> list[tuple[str, int]]:
    """(reply, its tokens) for each message, in order; a message too long for the context is cut at its beginning."""
    deadline = None if seconds is None else time.monotonic() + seconds
    requests = []
    for place, message in enumerate(messages):
        prompt, room = _fitted(backend, clean(message), system)
        sampling = Sampling(temperature, top_p=top_p, seed=place)
        requests.append(Request(f"reply#{place}", prompt, max(1, min(tokens, room)), sampling, deadline=deadline))
    found = {completion.id: completion for completion in backend.generate(requests)}
    return [(found[request.id].text.strip(), found[request.id].tokens) for request in requests]


def _fitted(backend: Backend, message: str, system: str | None) -> tuple[str, int]:
    """(prompt, tokens left for the reply)."""
    context = backend.context or 1 << 20
    message = message[-8 * context:]
    while True:
        chat = [{"role": "system", "content": clean(system)}] if system else []
        prompt = backend.render([*chat, {"role": "user", "content": message}])
        room = context - backend.count_tokens(prompt) - 1
        if room >= LEAST_ROOM or not message:
            return prompt, room
        message = message[len(message) // 4 + 1:]
