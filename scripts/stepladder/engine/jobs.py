"""The life of one request inside the engine: what it feeds next, when its closing is due, when it is finished.

Pure state, no model: the engine feeds `pending` tokens, hands drawn tokens to `take`, and reads `finish`.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

import numpy as np

from . import plain
from .native import Tokens
from .requests import Completion, FinishReason, Request
from .sampling import ChoiceScorer, Sampler

TAG_TOKENS = 16  # most tokens of a tag that begins or ends a thought


@dataclass(eq=False)
class Job:
    """A request in work.

    pending: tokens to be computed next: the rest of the prompt, the token drawn last, a forced closing, or a path
        of the choices' tree.
    finish: why it ended; None while it has not.
    """

    request: Request
    number: int  # in order of arrival
    prompt: Tokens
    closing: Tokens
    scorer: ChoiceScorer | None
    sampler: Sampler | None  # None: plain greedy
    started: float
    pending: Tokens = field(init=False)
    text: bytearray = field(default_factory=bytearray)
    tokens: int = 0
    closed: bool = False
    finish: FinishReason | None = None
    probabilities: dict[str, float] | None = None
    paths: deque[tuple[int, ...]] = field(default_factory=deque)  # of the choices' tree, still to be computed
    path: tuple[int, ...] | None = None  # the one being computed
    drawn: int | None = None  # the token to go on with when the paths are done

    def __post_init__(self) -> None:
        self.pending = self.prompt
        self.limit = self.request.max_tokens
        self._stops = [stop.encode() for stop in self.request.stop]
        self._longest_stop = max(map(len, self._stops), default=0)
        self._search_from = 0  # stop strings are looked for in generated text, not in the forced closing
        self.opening = plain.opened_thought(self.request.prompt) if isinstance(self.request.prompt, str) else ""
        self._thought_from = 0 if self.opening else None  # tokens there were where the last thought began

    @property
    def outputs(self) -> int:
        """How many of the last pending tokens' logits are wanted; these tokens go into one batch."""
        return 1 if self.path is None else len(self.path)

    @property
    def closing_due(self) -> bool:
        """Whether just enough room is left for the closing and the tokens after it."""
        if self.request.closing is None or self.closed:
            return False
        left = self.limit - self.tokens - len(self.closing) - self.request.closing_tokens
        return left <= 0 or (left <= TAG_TOKENS and bool(self.end_of_thought))

    @property
    def _tail(self) -> str:
        return self.text[-plain.MOST_TAG:].decode("utf-8", "replace")

    @property
    def end_of_thought(self) -> str:
        """What ends the thought that it is in; "" where it is in none."""
        return plain.end_of_thought(self.text.decode("utf-8", "replace"), self.opening)

    @property
    def thought_due(self) -> bool:
        """Whether it is in a thought that has had its tokens, the tag that began it not counted. A tag is not cut."""
        if self.request.thought_tokens is None or self._thought_from is None or self.closed:
            return False
        over = self.tokens - self._thought_from - self.request.thought_tokens
        return 0 <= over <= TAG_TOKENS and not plain.within_tag(self._tail) and bool(self.end_of_thought)

    @property
    def choices_due(self) -> bool:
        """Whether the logits now at hand are those the choices' probabilities are read from."""
        if self.scorer is None or self.probabilities is not None:
            return False
        return self.closed or self.request.max_tokens == 0

    def end_thought(self, end: Tokens) -> bool:
        """Force the end of the thought that it is in; whether there was room for it."""
        if not 0 < len(end) < self.limit - self.tokens:
            return False
        self._force((self.end_of_thought, end))
        return True

    def close(self, end: Tokens | None = None) -> None:
        """Force the closing: it becomes pending and part of the text, and `closing_tokens` may follow.

        end: what ends the thought that it is in; it comes first, where there is room for it.
        """
        forced = [(self.request.closing or "", self.closing)]
        room = self.limit - self.tokens - len(self.closing) - self.request.closing_tokens
        if end is not None and 0 < len(end) <= room:
            forced.insert(0, (self.end_of_thought, end))
        self._force(*forced)
        self.limit = min(self.limit, self.tokens + self.request.closing_tokens)
        self.closed = True

    def _force(self, *parts: tuple[str, Tokens]) -> None:
        """Make texts pending, and part of the text, that were not drawn."""
        self.pending = np.concatenate([tokens for _, tokens in parts])
        if self.sampler is not None:
            self.sampler.accept(self.pending)
        self.text += "".join(text for text, _ in parts).encode()
        self.tokens += len(self.pending)
        self._search_from = len(self.text)

    def take(self, token: int, piece: bytes, ends_turn: bool) -> None:
        """Add a drawn token, or finish."""
        if ends_turn:
            self.conclude("stop")
            return
        self.tokens += 1
        start = max(self._search_from, len(self.text) - self._longest_stop + 1)
        self.text += piece
        found = [place for stop in self._stops if (place := self.text.find(stop, start)) >= 0]
        if found:
            del self.text[min(found) :]
            self.conclude("stop")
        elif self.tokens >= self.limit:
            self.conclude("length")
        else:
            self.pending = np.array([token], np.int32)
            self._note_thought()

    def _note_thought(self) -> None:
        """Whether a thought begins with the token just taken; a tag within a thought begins none."""
        if self.request.thought_tokens is None:
            return
        tag = plain.opened_thought(self._tail)
        if tag and not plain.end_of_thought(self.text.decode("utf-8", "replace")[:-len(tag)], self.opening):
            self._thought_from = self.tokens

    def conclude(self, reason: FinishReason) -> None:
        self.finish = "closed" if self.closed else reason

    def completion(self, now: float) -> Completion:
        """The result, once `finish` is set. Bytes of an unfinished UTF-8 character at the end are dropped."""
        if self.finish is None:
            raise RuntimeError(f"request {self.request.id} is not finished")
        text = bytes(self.text)
        for cut in range(1, min(4, len(text)) + 1):
            if text[-cut] >= 0xC0:  # the last lead byte: is its character whole?
                length = 2 + (text[-cut] >= 0xE0) + (text[-cut] >= 0xF0)
                if cut < length:
                    text = text[:-cut]
                break
            if text[-cut] < 0x80:
                break
        thinking, said = plain.split_thought(text.decode("utf-8", "replace"), self.opening)
        return Completion(
            self.request.id,
            said,
            len(self.prompt),
            self.tokens,
            self.finish,
            self.probabilities,
            now - self.started,
            thinking=thinking,
        )
