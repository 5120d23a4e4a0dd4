"""How fast this machine reads and writes with this model, measured at start and kept up to date.

Everything that has to be ready in time (how many questions go into a batch, how long a prompt may be) follows from it.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from ..engine.requests import Backend, Request

PROBE_WORDS = 120
TYPICAL_PROMPT = 130  # tokens of a question with its instruction
READING_SHARE = 0.4  # of a time limit that reading the prompts is planned to take
MOST_READING = 0.75  # of a time limit that a single prompt may take before it is cut
READING_END = 0.55  # of a time limit after which no further prompt is begun
RESERVE_SHARE, LEAST_RESERVE = 0.06, 0.25  # of a time limit that is kept back, and seconds of it at least


@dataclass
class Pace:
    """prompt_per_second: prompt tokens read a second; step_seconds: one token for one sequence."""

    prompt_per_second: float
    step_seconds: float

    def longest_prompt(self, seconds: float) -> int:
        """Tokens of the longest prompt that can be read at all within a time limit of `seconds`."""
        return max(1, int(self.prompt_per_second * seconds * MOST_READING))

    def questions_in(self, seconds: float, prompt_tokens: float) -> int:
        """How many prompts of this length a batch with this time limit may hold, at least one."""
        return max(1, int(self.prompt_per_second * seconds * READING_SHARE / max(1.0, prompt_tokens)))

    def tokens_within(self, seconds: float) -> int:
        """Tokens that one question alone, its prompt read first, is given within a time limit of `seconds`."""
        left = time_left(seconds, self.step_seconds) - TYPICAL_PROMPT / self.prompt_per_second
        return max(0, int(left / self.step_seconds))

    def learn(self, tokens: int, seconds: float) -> None:
        """Take what reading `tokens` took: a slower machine counts at once, a faster one by and by."""
        if tokens < 20 or seconds <= 0:
            return
        seen = tokens / seconds
        share = 1.0 if seen < self.prompt_per_second else 0.2
        self.prompt_per_second += share * (seen - self.prompt_per_second)


def time_left(seconds: float, step_seconds: float = 0.0) -> float:
    """Seconds of a time limit that may be used: a reserve stays for the step in hand and for what is not the model."""
    return seconds - min(seconds / 2, max(LEAST_RESERVE, RESERVE_SHARE * seconds, 2 * step_seconds))


def measure(backend: Backend) -> Pace:
    """Read one made-up prompt and write a few tokens after it. Takes about a second on two cores with 135M."""
    list(backend.generate([Request("pace#warm", "Warm up.", max_tokens=2)]))  # first calls touch cold memory
    text = " ".join(f"{word} apples" for word in range(PROBE_WORDS // 2))
    before, started = backend.stats.prompt_tokens, time.monotonic()
    list(backend.generate([Request("pace#read", text, max_tokens=0, choices=(" A", " B"))]))
    reading = max(time.monotonic() - started, 1e-6)
    tokens = max(1, backend.stats.prompt_tokens - before)
    started = time.monotonic()
    written = list(backend.generate([Request("pace#write", text, max_tokens=8)]))
    step = (time.monotonic() - started) / max(1, written[0].tokens)
    return Pace(tokens / reading, step)
