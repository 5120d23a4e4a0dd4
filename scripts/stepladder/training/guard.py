"""The guard's judgement: is the student collapsing, which adapter is the best, when to give up. Pure logic.

It judges health, not merit or data: every held-out text is compared with its own loss under the untrained base, replies
with the base's replies to the same questions, and both are in the form that is trained. Readings come from readings.py;
how often healthy runs are called collapsed, and planted collapses missed: tests/benchmarks/bench_guard.py.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from statistics import fmean
from typing import Any

MAX_ROLLBACKS = 2
LEAST_READINGS = 3
RISE = 0.15  # nats a token: each token of the form that is trained is 14 % less likely than before training
ONE_LETTER = 0.25  # bits; of 24 letters 23 are the same
SURELY_WRONG = 2.0  # nats; chance among four letters is 1.39, and only who is sure of wrong ones loses more


@dataclass(frozen=True)
class Reading:
    """The student at one optimiser step.

    losses: -log probability of each held-out text, mean over its live tokens, nats. levels: their mean by level.
    letters: how often each letter is the likeliest where the texts give their answer; letter_loss: -log probability of
    the right one among the letters there, nats. replies: questions of those texts
    that it answered at length; of the replies, so many ended, gave a letter (answered), loop, or are empty beside the
    texts; distinct: how many different ones.
    """

    step: int
    losses: tuple[float, ...]
    levels: dict[str, float] = field(default_factory=dict)
    letters: dict[str, int] = field(default_factory=dict)
    letter_loss: float = 0.0
    replies: int = 0
    ended: int = 0
    answered: int = 0
    looping: int = 0
    empty: int = 0
    distinct: int = 0
    seconds: float = 0.0

    @property
    def loss(self) -> float:
        """Mean over the held-out texts, nats a token."""
        return fmean(self.losses)

    def as_json(self) -> dict[str, Any]:
        """Plain JSON types; a loss that is no number becomes null."""
        return {**asdict(self), "loss": _or_null(self.loss), "losses": [_or_null(loss) for loss in self.losses],
                "letter_loss": _or_null(self.letter_loss),
                "levels": {level: _or_null(loss) for level, loss in self.levels.items()}}

    @classmethod
    def from_json(cls, plain: dict[str, Any]) -> Reading:
        """Back from `as_json`."""
        values = {name: plain[name] for name in cls.__dataclass_fields__}
        return cls(**{**values, "losses": tuple(map(_or_nan, plain["losses"])),
                      "letter_loss": _or_nan(plain["letter_loss"]),
                      "levels": {level: _or_nan(loss) for level, loss in plain["levels"].items()}})


def symptom(base: Reading, now: Reading) -> str | None:
    """How `now` shows a collapse against the untrained base, or None."""
    if not math.isfinite(now.loss):
        return "the held-out loss is not a number"
    rise = fmean(one - other for one, other in zip(now.losses, base.losses, strict=True))
    if rise > RISE:
        return f"held-out loss {now.loss:.2f} (base {base.loss:.2f})"
    if now.losses == base.losses:
        return "the adapter changes nothing: every held-out loss is the base's"
    if entropy(now.letters) < ONE_LETTER and now.letter_loss > max(SURELY_WRONG, base.letter_loss):
        letter = max(now.letters, key=now.letters.__getitem__)
        return f"the answer is {letter} whatever the text before it"
    return _reply_symptom(base, now)


def _reply_symptom(base: Reading, now: Reading) -> str | None:
    """What the replies show; shares, since the base may have been asked for as many only."""
    count = now.replies
    if now.looping - base.looping > count / 2:
        return f"{now.looping} of {count} replies loop (base {base.looping})"
    if now.empty - base.empty > count / 2:
        return f"{now.empty} of {count} replies are empty (base {base.empty})"
    if count > 2 and now.distinct == 1 < base.distinct:
        return f"all {count} replies are the same"
    if not now.answered and base.answered > count / 2:
        return f"none of {count} replies gives a letter (base {base.answered})"
    return None


def collapse(readings: Sequence[Reading]) -> str | None:
    """What the latest of the readings (the base's first) demands a rollback for, or None.

    One bad reading may be chance or pass by; two in a row, or a loss that is no number, do not.
    """
    base, *later = readings
    found = [symptom(base, reading) for reading in later[-2:]]
    if not found or found[-1] is None:
        return None
    certain = not math.isfinite(later[-1].loss) or (len(found) == 2 and None not in found)
    return found[-1] if certain else None


def healthy(readings: Sequence[Reading]) -> list[Reading]:
    """The readings without a symptom; the first one, the untrained base's, is among them."""
    base, *later = readings
    return [base, *(reading for reading in later if symptom(base, reading) is None)]


def best(found: Sequence[Reading]) -> Reading:
    """The reading of the lowest held-out loss; the earliest of equals."""
    return min(found, key=lambda reading: reading.loss)


def is_stale(readings: Sequence[Reading], patience: int) -> bool:
    """Whether the last `patience` readings brought nothing better than what was there before."""
    return len(readings) > patience and best(healthy(readings)).step <= readings[-1 - patience].step


def interval(steps: int, planned: int, reading_seconds: float, step_seconds: float, share: float) -> int:
    """Optimiser steps between readings: `steps`, or more, so that they take at most `share` of the training's time.

    share 0: whatever they take. A training of `planned` steps has LEAST_READINGS in any case. step_seconds may be 0:
    steps too short to be told.
    """
    if not share:
        return steps
    paced = math.ceil(reading_seconds / (share * step_seconds)) if step_seconds else planned
    return max(steps, min(paced, math.ceil(planned / LEAST_READINGS)))


def entropy(counts: dict[str, int]) -> float:
    """Shannon entropy of counts, bits; 0 where there are none."""
    total = sum(counts.values())
    return -sum(n / total * math.log2(n / total) for n in counts.values() if n) + 0.0


def verdict(decisions: Sequence[dict[str, Any]], readings: Sequence[Reading], gave_up: bool, kept: int) -> str:
    """One sentence for the log, the card and the summary.

    decisions: what the guard did, each with its reason. kept: the step whose adapter is kept.
    """
    reasons = "; ".join(f"step {decision['step']}: {decision['reason']}" for decision in decisions)
    if gave_up:
        return f"collapsed {len(decisions)} times ({reasons}); the adapter is that of step {kept}"
    sick = symptom(readings[0], readings[-1]) if len(readings) > 1 else None
    if sick is not None:
        return f"at step {readings[-1].step}, the last reading: {sick}; the adapter is that of step {kept}"
    return f"healthy after {len(decisions)} rollback(s) ({reasons})" if decisions else "healthy throughout"


def _or_null(loss: float) -> float | None:
    return loss if math.isfinite(loss) else None


def _or_nan(loss: float | None) -> float:
    return math.nan if loss is None else loss
