"""The guard's judgement: is the student collapsing, where to go back to, when to give up. Pure logic.

What is normal is what the untrained base does: a small base that always says "C" is not collapsed for saying it
still. Readings come from readings.py, training losses from the loop.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from statistics import fmean
from typing import Any

MAX_ROLLBACKS = 2
LOSS_STEPS = 5


@dataclass(frozen=True)
class Reading:
    """The student at one optimiser step, on a fixed slice of the validation questions.

    parsable: share whose most probable next token in fast mode is a letter. entropy: of the letters chosen, bits
    (0 constant, 2 even). repeated: share of sampled texts that loop. loss: mean -log probability of the key among the
    letters, nats. accuracy: in fast mode. questions: how many.
    """

    step: int
    parsable: float
    entropy: float
    repeated: float
    loss: float
    accuracy: float
    questions: int
    letters: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0

    def as_json(self) -> dict[str, Any]:
        """Plain JSON types; a loss that is no number becomes null."""
        plain = asdict(self)
        plain["loss"] = self.loss if math.isfinite(self.loss) else None
        return plain

    @classmethod
    def from_json(cls, plain: dict[str, Any]) -> Reading:
        """Back from `as_json`."""
        values = {name: plain[name] for name in cls.__dataclass_fields__}
        return cls(**{**values, "loss": math.nan if plain["loss"] is None else plain["loss"]})


def symptom(base: Reading, now: Reading) -> str | None:
    """How `now` shows a collapse against the untrained base, or None."""
    if not math.isfinite(now.loss):
        return "the validation loss is not a number"
    if now.repeated - base.repeated > 0.5:
        return f"{now.repeated:.0%} of sampled texts loop (base {base.repeated:.0%})"
    if base.parsable >= 0.2 and now.parsable < base.parsable / 2:
        return f"only {now.parsable:.0%} of answers are parsable (base {base.parsable:.0%})"
    if base.entropy >= 0.5 and now.entropy < base.entropy / 4:
        letter = max(now.letters, key=now.letters.get, default="?")
        return f"nearly every answer is {letter} (entropy {now.entropy:.2f} bits, base {base.entropy:.2f})"
    if now.loss > max(2 * base.loss, base.loss + 1.0):
        return f"validation loss {now.loss:.2f} (base {base.loss:.2f})"
    chance = 1 / 4
    if base.accuracy > chance + 2 * _error(base) and now.accuracy - chance < (base.accuracy - chance) / 2:
        return f"accuracy {now.accuracy:.0%} (base {base.accuracy:.0%})"
    return None


def loss_symptom(losses: Sequence[float]) -> str | None:
    """How the training losses so far show a collapse, or None: not a number, or twice the best and above the first.

    losses: of the optimiser steps, in order; means are over LOSS_STEPS of them, as single ones jump.
    """
    if losses and not math.isfinite(losses[-1]):
        return f"the training loss is {losses[-1]}"
    if len(losses) < 2 * LOSS_STEPS:
        return None
    means = [fmean(losses[i:i + LOSS_STEPS]) for i in range(len(losses) - LOSS_STEPS + 1)]
    if means[-1] > 2 * min(means) and means[-1] > means[0]:
        return f"training loss {means[-1]:.2f}, was {min(means):.2f}"
    return None


def best_step(readings: Sequence[Reading]) -> int:
    """The step to go back to: the latest healthy reading within one standard error of the best accuracy.

    readings: healthy ones, in order, beginning with the base's.
    """
    top = max(readings, key=lambda reading: reading.accuracy)
    return max(reading.step for reading in readings if reading.accuracy >= top.accuracy - _error(top))


def _error(reading: Reading) -> float:
    """Standard error of its accuracy (binomial)."""
    return math.sqrt(reading.accuracy * (1 - reading.accuracy) / reading.questions)


def entropy(counts: Sequence[int]) -> float:
    """Shannon entropy of counts, bits; 0 where there are none."""
    total = sum(counts)
    return -sum(n / total * math.log2(n / total) for n in counts if n) + 0.0


def verdict(decisions: Sequence[dict[str, Any]], gave_up: bool, best: int) -> str:
    """One sentence for the log, the card and the summary. decisions: what the guard did, each with its reason."""
    reasons = "; ".join(f"step {decision['step']}: {decision['reason']}" for decision in decisions)
    if gave_up:
        return f"collapsed {len(decisions)} times ({reasons}); the adapter is that of step {best}"
    if decisions:
        return f"healthy after {len(decisions)} rollback(s) ({reasons})"
    return "healthy throughout"
