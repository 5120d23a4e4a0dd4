"""What a server makes of a reply that was begun for it, found out once by a call whose answer is known beforehand.

Some go on with it, some send what was begun again in front of what follows, some refuse it, and some take it for a turn
that is over and silently begin another: then a forced closing and the probabilities after it would be worthless.
"""

from __future__ import annotations

from dataclasses import dataclass

from .requests import Request
from .wire import ChatPrompt

BEGUN = "1 2 3 4 5 6 7 8 9 1"  # cut inside a number: whatever goes on here says 0, and no turn begins with that
QUESTION = [{"role": "user", "content": "Count to twenty, in digits."}]


@dataclass(frozen=True)
class Prefill:
    """continues: it goes on with a begun reply. echoes: its text starts with what was begun."""

    continues: bool
    echoes: bool = False


def trial_of(prompt: ChatPrompt) -> Request:
    """The call that finds it out for such a prompt. Its template is given the same: some refuse it by what that is."""
    return Request("trial", ChatPrompt(QUESTION, BEGUN, prompt.arguments), max_tokens=4)


def prefill_of(text: str) -> Prefill:
    """What a server does, by its reply to the trial."""
    echoes = text.startswith(BEGUN)
    return Prefill(text.removeprefix(BEGUN).lstrip().startswith("0"), echoes)
