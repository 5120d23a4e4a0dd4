"""Which attempt comes next for a record: pure logic, no model.

greedy -> sampled, with the options rotated where that is safe -> hinted -> failed. A failed record that is retried
goes on with as many sampled attempts and a sampled hinted one. A `Case` is one record on this way. Where replies must
agree, a round of unaided attempts ends when enough of them conclude with the key, and the best of these is kept.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from ..core.errors import InputError
from ..core.options import rotate
from ..core.records import LETTERS, Record
from ..core.settings import Reasoning
from . import quality
from .letters import may_rotate

Kind = Literal["greedy", "sampled", "hinted"]


@dataclass(frozen=True)
class Policy:
    """How often and how a record is tried; see [reasoning] in the profile for the fields.

    agree: how many unaided replies of a round must conclude with the key for one of them to be kept.
    """

    variant: str
    attempts: int
    temperature: float
    top_p: float
    max_tokens: int
    permute: bool
    hint: bool
    seed: int
    thinking: str = "auto"
    template_arguments: Mapping[str, Any] = field(default_factory=dict)
    agree: int = 1

    def told(self) -> list[Any]:
        """What the template is told, for keys; nothing where it is left alone, as it always was in earlier versions."""
        how = {"thinking": self.thinking, "template_arguments": dict(self.template_arguments)}
        return [] if how == {"thinking": "auto", "template_arguments": {}} else [how]


def agreement(reasoning: Reasoning) -> tuple[int, int]:
    """(replies that must agree, unaided attempts of a round) of --agree, or of --attempts without it.

    Raises InputError where no replies could agree.
    """
    if not reasoning.agree:
        return 1, reasoning.attempts
    needed, _, asked = reasoning.agree.partition("of")
    if int(needed) > int(asked):
        raise InputError(f"--agree {reasoning.agree}: {needed} of {asked} cannot agree, write KofN such as 2of3")
    if reasoning.temperature == 0:
        raise InputError(f"--agree {reasoning.agree} needs replies that differ: give a --temperature above 0")
    return int(needed), int(asked)


@dataclass(frozen=True)
class Attempt:
    """One try. `shown` is the record as the teacher sees it, `back` maps its letters to the original ones.

    sampled: whether the reply is drawn, with `seed`, or greedy.
    """

    id: str
    number: int
    kind: Kind
    shown: Record
    back: dict[str, str]
    seed: int
    sampled: bool

    @property
    def shift(self) -> int:
        """By how many places the options were moved."""
        return LETTERS.index(next(shown for shown, original in self.back.items() if original == "A"))


@dataclass(frozen=True)
class Reply:
    """What an attempt brought. refused: why there is no text ("too long", "refused"), or None; words: the backend's.

    thinking: what was thought beside the text, None for nothing.
    """

    text: str
    tokens: int
    finish_reason: str | None
    refused: str | None = None
    words: str | None = None
    thinking: str | None = None


@dataclass(frozen=True)
class Judgement:
    """outcome: "accepted" or why not. answer: the letter concluded with, in original letters. chain: what is kept.

    words: why the request could not be served, in the backend's own words. thinking: what was thought before it.
    quality: the parts of a kept chain's score.
    """

    outcome: str
    answer: str | None = None
    chain: str | None = None
    words: str | None = None
    thinking: str | None = None
    quality: quality.Quality = field(default_factory=dict, compare=False)


@dataclass
class Case:
    """A record in work: `next_attempt` says what to ask, `take` hears what came of it, `result` ends it.

    retries: how often it was tried again after it had failed.
    """

    record: Record
    policy: Policy
    retries: int = 0
    outcomes: list[dict[str, Any]] = field(default_factory=list)
    accepted: Judgement | None = None
    _judged: list[Judgement] = field(default_factory=list)
    _kept: int | None = None

    def next_attempt(self) -> Attempt | None:
        """The next attempt; None when the record is finished."""
        number = len(self.outcomes) + 1
        if self.accepted is not None or number > 1 + len(self._later):
            return None
        return self._attempt(number)

    def last_attempt(self) -> Attempt | None:
        """The latest attempt that was taken; None before the first."""
        return self._attempt(len(self.outcomes)) if self.outcomes else None

    @cached_property
    def _later(self) -> list[tuple[Kind, int, bool, int]]:
        """(kind, rotation, sampled, round) of every attempt after the first."""
        policy, later = self.policy, []
        rotates = policy.permute and may_rotate(self.record)
        for retry in range(self.retries + 1):
            for _ in range(policy.attempts if retry else policy.attempts - 1):
                shift = (len(later) + 1) % len(LETTERS) if rotates else 0
                if policy.temperature == 0 and (retry or not shift):
                    break  # it would be asked what it was asked before
                later.append(("sampled", shift, True, retry))
            if policy.hint and (policy.temperature > 0 or not retry):
                later.append(("hinted", 0, retry > 0, retry))
        return later

    def take(self, attempt: Attempt, judgement: Judgement, tokens: int, finish_reason: str | None) -> None:
        """Record what the attempt came to. Raises ValueError for an attempt that was not the next."""
        if attempt.number != len(self.outcomes) + 1 or self.accepted is not None:
            raise ValueError(f"record {self.record['id']}: attempt {attempt.number} was not asked for")
        words = {} if judgement.words is None else {"words": judgement.words}
        self.outcomes.append({"kind": attempt.kind, "shift": attempt.shift, "answer": judgement.answer,
                              "outcome": judgement.outcome, "tokens": tokens, "finish_reason": finish_reason} | words)
        self._judged.append(judgement)
        self._kept = self._to_keep(attempt)
        self.accepted = None if self._kept is None else self._judged[self._kept]

    def _to_keep(self, latest: Attempt) -> int | None:
        """Whose outcome is kept after this attempt: of unaided replies the best, once enough of its round agree."""
        if latest.kind == "hinted":
            return None if self._judged[-1].chain is None else latest.number - 1
        this = self._round(latest.number)
        replies = [place for place, outcome in enumerate(self.outcomes)
                   if self._round(place + 1) == this and outcome["kind"] != "hinted"]
        sound = [place for place in replies if self._judged[place].chain is not None]
        right = sum(self.outcomes[place]["answer"] == self.record["answer"] for place in replies)
        if not sound or right < self.policy.agree:
            return None
        return max(sound, key=lambda place: quality.mean(self._judged[place].quality))  # the first of equals

    def _round(self, number: int) -> int:
        return self._later[number - 2][3] if number > 1 else 0

    def result(self, teacher: str) -> dict[str, Any]:
        """{"id", "chain_of_thought", "cot"}: what the finished record gains."""
        last = self.outcomes[-1 if self._kept is None else self._kept]
        if self.accepted is None:
            status = "failed"
        else:
            status = "hinted" if last["kind"] == "hinted" else "verified"
        thinking = self.accepted.thinking if self.accepted else None
        return {
            "id": self.record["id"],
            "chain_of_thought": None if self.accepted is None else self.accepted.chain,
            "cot": {"status": status, "teacher": teacher, "teacher_answer": self.outcomes[0]["answer"],
                    "attempts": len(self.outcomes), "finish_reason": last["finish_reason"], "tokens": last["tokens"],
                    "outcomes": self.outcomes} | self._quality() | ({"thinking": thinking} if thinking else {}),
        }

    def _quality(self) -> dict[str, quality.Quality]:
        if self.accepted is None or not self.accepted.quality:
            return {}
        unaided = [outcome for outcome in self.outcomes if outcome["kind"] != "hinted" and "words" not in outcome]
        right = sum(outcome["answer"] == self.record["answer"] for outcome in unaided)
        agreement = {"agreement": right / len(unaided)} if unaided else {}
        return {"quality": quality.score(self.accepted.quality | agreement)}

    def _attempt(self, number: int) -> Attempt:
        kind, shift, sampled, _ = self._later[number - 2] if number > 1 else ("greedy", 0, False, 0)
        shown, back = rotate(self.record, shift)
        return Attempt(f"{self.record['id']}#{number}", number, kind, shown, back,
                       seed_of(self.policy.seed, self.record["id"], number), sampled)


def seed_of(seed: int, record_id: str, number: int) -> int:
    """A sampling seed that depends on nothing but these three, so neither on order nor on interruptions."""
    return int.from_bytes(hashlib.sha256(f"{seed}|{record_id}|{number}".encode()).digest()[:4], "big")
