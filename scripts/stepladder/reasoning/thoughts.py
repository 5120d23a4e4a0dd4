"""A thought is no reasoning to be learnt: the visible reply is, or a short form that the teacher makes of its thought.

A reply that thinks at length and then says "Answer: B" holds nothing to train on. The teacher is asked once more, with
its thought in front of it, ended, and the beginning of a short reasoning behind that; what follows is the chain.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from ..engine import extract
from .attempts import Attempt, Reply

SHORT_FORM = "The reasoning in short steps:\n"
"""The beginning of a reply that a teacher which has thought goes on from; no part of the chain."""


@dataclass(frozen=True)
class Thinking:
    """The setting --thinking. switch: for the chat template, None to leave it alone. tokens: most of a thought; None
    for as many as the reply may have."""

    switch: bool | None
    tokens: int | None

    @classmethod
    def of(cls, setting: str) -> Self:
        """setting: auto, off, on or a number of tokens."""
        if setting.isdecimal():
            return cls(int(setting) > 0, int(setting))
        return {"auto": cls(None, None), "off": cls(False, 0), "on": cls(True, None)}[setting]


def wants_short_form(reply: Reply, attempt: Attempt) -> bool:
    """Whether a reply thought and shows no reasoning beside it. What answers with a wrong letter needs none."""
    if not reply.thinking or reply.refused is not None:
        return False
    if extract.degenerate(extract.reasoning_part(reply.text)) not in ("empty", "near-empty"):
        return False
    return extract.extract_answer(reply.text, attempt.shown["choices"]) in (None, attempt.shown["answer"])
