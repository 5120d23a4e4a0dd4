"""Luck is not verification: how many right letters a teacher that guesses would have had."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from ..core.records import LETTERS

SIGNIFICANCE = 0.05
GUESS = 1 / len(LETTERS)


def interval(hits: int, tries: int) -> list[float] | None:
    """Wilson's 95 % interval of a share; None without tries."""
    if tries == 0:
        return None
    from scipy.stats import binomtest

    found = binomtest(hits, tries).proportion_ci(method="wilson")
    return [round(float(found.low), 4), round(float(found.high), 4)]


@dataclass(frozen=True)
class Luck:
    """First attempts held against guessing.

    answered, right: first attempts that concluded with a letter, and with the key. rate: the share of them a guesser
    would get right: 1/4, or more where the teacher prefers the letters that are more often the key (expected
    agreement of two independent raters, as in Cohen's kappa). p_value: of so many right or more by luck (one-sided
    binomial test). lucky_share: of the right ones, how many are estimated to be guessed: with a share q known and the
    rest guessed, right = q + (1 - q) rate.
    """

    answered: int
    right: int
    rate: float
    p_value: float | None
    lucky_share: float | None

    @property
    def proven(self) -> bool:
        """Whether the teacher can be told from a guesser."""
        return self.p_value is not None and self.p_value < SIGNIFICANCE


def of_first_attempts(answers: Sequence[str], keys: Sequence[str]) -> Luck:
    """Luck of a teacher that said `answers` where `keys` were right (both only where it said something)."""
    from scipy.stats import binomtest

    answered = len(answers)
    if not answered:
        return Luck(0, 0, GUESS, None, None)
    right = sum(said == key for said, key in zip(answers, keys, strict=True))
    said, wanted = Counter(answers), Counter(keys)
    rate = max(GUESS, sum(said[letter] * wanted[letter] for letter in LETTERS) / answered**2)
    p_value = float(binomtest(right, answered, min(1.0, rate), alternative="greater").pvalue)
    share = None
    if right and rate < 1:
        known = max(0.0, (right / answered - rate) / (1 - rate))
        share = min(1.0, (1 - known) * rate / (right / answered))
    return Luck(answered, right, rate, p_value, share)


def rates_at(attempt: int) -> tuple[float, float]:
    """(least, most) share of right answers a guesser has at this attempt.

    1/4 where each guess is a new one. More at later attempts where the same guess is not made twice, as when it
    always says C and the options move on: of the three options left one is right, then of two.
    """
    return GUESS, 1 / max(1, len(LETTERS) + 1 - attempt)


def luck_after(attempts: int, agree: int = 1) -> tuple[float, float]:
    """(least, most) share of records a guesser has right in `agree` of so many attempts at least.

    Once: 1 - (3/4)^attempts where each guess is a new one, to attempts/4 where none is made twice. Several times: the
    binomial tail of new guesses, or 1/4 where it stays with one option; agreement does not tell that from knowledge.
    """
    if agree == 1:
        return 1 - (1 - GUESS) ** attempts, min(1.0, attempts * GUESS)
    from scipy.stats import binom

    tail = float(binom.sf(agree - 1, attempts, GUESS))
    return min(tail, GUESS), max(tail, GUESS)
