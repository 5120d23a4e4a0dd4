"""The agent that validates: is this answer to this question right, wrong, or can it not be told? With a probability.

    validation = Validator(answerer, calibration).validate(record, "B")

Three kinds of evidence, all from logits: the letters' probabilities with the options in several orders, yes or no to
the proposed answer, and the letters after reasoning of its own with the options in another order. A calibration
fitted on validation questions makes probabilities of them, over the four options together.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from ..core import options
from ..core.errors import InputError
from ..core.records import LETTERS, Record
from ..engine import prompts
from ..engine.requests import Request, RequestError
from .answerer import Answerer

Verdict = Literal["right", "wrong", "unsure"]
FEATURES = ("orders", "yes", "reasoned")
# A guess at one of four options has odds of 1 to 3. Three times these odds is "right", a third of them is "wrong".
RIGHT_FROM, WRONG_BELOW = 0.5, 0.1
ASK = ('\n\nProposed answer: {letter}. {text}\nIs the proposed answer right? Reply with one word, "yes" or "no".')
YES_NO = (" yes", " no")
_FLOOR = 1e-4


@dataclass(frozen=True)
class Evidence:
    """What was found about each option of one question: letter -> value in (0, 1).

    orders: mean probability over orders of the options, one prefill each. yes: probability of "yes" against "no".
    reasoned: probability after reasoning over options in another order.
    """

    orders: dict[str, float]
    yes: dict[str, float]
    reasoned: dict[str, float]

    def features(self, letter: str) -> list[float]:
        """What tells for this option, in the order of FEATURES: log-probabilities, of "yes" the log-odds."""
        orders, yes, reasoned = (min(max(getattr(self, name)[letter], _FLOOR), 1 - _FLOOR) for name in FEATURES)
        return [math.log(orders), math.log(yes / (1 - yes)), math.log(reasoned)]

    def as_json(self) -> dict[str, Any]:
        """Plain JSON types, rounded."""
        return {kind: {letter: round(value, 5) for letter, value in found.items()}
                for kind, found in asdict(self).items()}


@dataclass(frozen=True)
class Calibration:
    """A conditional logit over the four options: their probabilities are the softmax of the weighted FEATURES.

    Without "yes", and with one weight, that is temperature scaling of the letters' log-probabilities.
    """

    weights: tuple[float, ...]

    def probabilities(self, evidence: Evidence) -> dict[str, float]:
        """Probability that each option is the right one; they sum to 1."""
        totals = {letter: math.fsum(w * x for w, x in zip(self.weights, evidence.features(letter), strict=True))
                  for letter in LETTERS}
        most = max(totals.values())
        shares = {letter: math.exp(total - most) for letter, total in totals.items()}
        return {letter: share / math.fsum(shares.values()) for letter, share in shares.items()}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Calibration:
        """From what `asdict` gave. Raises InputError for that of an earlier version, which meant something else."""
        if set(value) != {"weights"}:
            raise InputError("the validator was calibrated by an earlier version; run 06_deploy_agents.py again")
        return cls(tuple(value["weights"]))


UNFITTED = Calibration((1 / 3, 1 / 3, 1 / 3))  # before anything was fitted: the geometric mean of all evidence


def verdict_of(probability: float) -> Verdict:
    """What a calibrated probability is called."""
    if probability >= RIGHT_FROM:
        return "right"
    return "wrong" if probability < WRONG_BELOW else "unsure"


@dataclass(frozen=True)
class Validation:
    """A verdict on a proposed answer; probabilities: of every option, summing to 1."""

    verdict: Verdict
    probability: float
    reason: str
    probabilities: dict[str, float]


class Validator:
    """Validates with the model of an Answerer. `orders`: how many cyclic orders of the options are read (1 to 4)."""

    def __init__(self, answerer: Answerer, calibration: Calibration = UNFITTED, orders: int = 2) -> None:
        self.answerer, self.calibration, self.orders = answerer, calibration, orders

    def validate(self, record: Record, letter: str) -> Validation:
        """The verdict on one answer, A to D."""
        return self.judge(self.evidence([record])[0], letter)

    def judge(self, evidence: Evidence, letter: str) -> Validation:
        """The verdict that evidence comes to. Pure."""
        found = self.calibration.probabilities(evidence)
        return Validation(verdict_of(found[letter]), found[letter], reason_of(evidence, letter), found)

    def evidence(self, records: Sequence[Record]) -> list[Evidence]:
        """Everything that is to be known about the options of each question, in the order of the records."""
        fitted = [self.answerer.fit(record) for record in records]
        orders, yes, reasoned = self._orders(fitted), self._yes(fitted), self._reasoned(fitted)
        return [Evidence(*found) for found in zip(orders, yes, reasoned, strict=True)]

    def _orders(self, records: Sequence[Record]) -> list[dict[str, float]]:
        shown, backs, owners = [], [], []
        for place, record in enumerate(records):
            for by in range(self.orders if options.may_permute(record) else 1):
                rotated, back = options.rotate(_keyed(record), by * (4 // self.orders))
                shown.append(rotated)
                backs.append(back)
                owners.append(place)
        found: list[dict[str, list[float]]] = [{letter: [] for letter in LETTERS} for _ in records]
        for probabilities, back, place in zip(self.answerer.fast(shown), backs, owners, strict=True):
            for letter, value in carried_back(probabilities, back).items():
                found[place][letter].append(value)
        return [{letter: sum(values) / len(values) for letter, values in row.items()} for row in found]

    def _yes(self, records: Sequence[Record]) -> list[dict[str, float]]:
        backend = self.answerer.backend
        requests = []
        for place, record in enumerate(records):
            for letter in LETTERS:
                messages = prompts.messages(record, prompts.FAST)
                messages[-1]["content"] += ASK.format(letter=letter, text=record["choices"][letter])
                requests.append(Request(f"{place}/{letter}", backend.render(messages, "Reply:"), max_tokens=0,
                                        choices=YES_NO))
        found: list[dict[str, float]] = [dict.fromkeys(LETTERS, 0.5) for _ in records]
        for completion in backend.generate(request for request in requests if _served(backend, request)):
            place, _, letter = completion.id.partition("/")
            yes, no = (completion.probabilities[word] for word in YES_NO)
            if yes + no > 0:
                found[int(place)][letter] = yes / (yes + no)
        return found

    def _reasoned(self, records: Sequence[Record]) -> list[dict[str, float]]:
        turned = [options.rotate(_keyed(record), 2 if options.may_permute(record) else 0) for record in records]
        size = self.answerer.backend.stats.sequences or len(records)
        answers = [answer for start in range(0, len(turned), size)
                   for answer in self.answerer.answer_batch([record for record, _ in turned[start:start + size]])]
        return [carried_back(answer.probabilities, back) for answer, (_, back) in zip(answers, turned, strict=True)]


def _served(backend: Any, request: Request) -> bool:
    try:
        backend.check(request)
    except RequestError:
        return False
    return True


def _keyed(record: Record) -> Record:
    """`options.rotate` moves the key along; a question without one gets any."""
    return record if "answer" in record else {**record, "answer": "A"}


def carried_back(probabilities: Mapping[str, float] | None, back: Mapping[str, str]) -> dict[str, float]:
    """Probabilities of shown letters as those of the original ones; a quarter each where there are none."""
    if probabilities is None:
        return dict.fromkeys(LETTERS, 0.25)
    return {back[shown]: value for shown, value in probabilities.items()}


def reason_of(evidence: Evidence, letter: str) -> str:
    """The evidence in a sentence."""
    best = max(LETTERS, key=lambda one: evidence.orders[one])
    after = max(LETTERS, key=lambda one: evidence.reasoned[one])
    return (f"over several orders of the options {best} is likeliest ({evidence.orders[best]:.0%}; {letter} "
            f"{evidence.orders[letter]:.0%}); asked directly, yes has {evidence.yes[letter]:.0%}; reasoning over other "
            f"orders ends in {after} ({evidence.reasoned[after]:.0%}; {letter} {evidence.reasoned[letter]:.0%})")
