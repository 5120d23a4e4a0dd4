"""How the teacher does as it writes: what is accepted, what is refused and why, and whether the prompt loses answers.

After `LOOKED_AT` records whose first replies were seldom accepted, the same questions are asked in fast mode, one
prefill each. A teacher that knows far more than it gets accepted is asked in a form that does not suit it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from ..core.records import LETTERS, Record
from ..engine import prompts
from ..engine.requests import Backend, Completion, Request, RequestError
from .attempts import Attempt, Case, Judgement
from .verify import ACCEPTED

LOOKED_AT = 100
LEAST_SHARE = 0.5  # of the questions that fast mode answers rightly
REASONS = 3
EXAMPLE_LENGTH = 240
FAST = "fast:"


@dataclass
class Watch:
    """Counts of this run's replies."""

    tries: Counter[str] = field(default_factory=Counter)
    accepted: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    tokens: int = 0
    kept: int = 0
    looked_at: list[Record] = field(default_factory=list)
    first_accepted: int = 0
    _first_refused: Counter[str] = field(default_factory=Counter)
    _examples: dict[str, str] = field(default_factory=dict)
    _right: list[bool] = field(default_factory=list)  # of fast mode's answers
    _compared: bool = False
    _awaited: int = 0

    def reply(self, record: Record, attempt: Attempt, judgement: Judgement, tokens: int, text: str) -> None:
        """Count one judged reply."""
        label = "hint" if attempt.kind == "hinted" else f"try {attempt.number}"
        self.tries[label] += 1
        self.tokens += tokens
        accepted = judgement.outcome == ACCEPTED
        self.accepted[label] += accepted
        if not accepted:
            self.refused[judgement.outcome] += 1
        if attempt.number == 1 and len(self.looked_at) < LOOKED_AT:
            self.looked_at.append(record)
            self.first_accepted += accepted
            if not accepted:
                self._first_refused[judgement.outcome] += 1
                self._examples.setdefault(judgement.outcome, f"{record['id']}: {_shortened(text)}")

    def finished(self, case: Case) -> None:
        """Count a record that is done."""
        self.kept += case.accepted is not None

    def note(self) -> str:
        """What stands beside the progress: accepted by try, the commonest refusals, tokens for a kept record."""
        shares = " ".join(f"{label} {self.accepted[label] / self.tries[label]:.0%}" for label in sorted(
            self.tries, key=lambda label: (label == "hint", label)))
        parts = [f"accepted: {shares}"]
        if self.refused:
            parts.append("refused: " + ", ".join(
                f"{reason} {count / sum(self.tries.values()):.0%}" for reason, count in self.refused.most_common(2)))
        if self.kept:
            parts.append(f"{self.tokens / self.kept:,.0f} tokens a kept one")
        return "; ".join(parts)

    # -- fast mode ------------------------------------------------------------------------------------------------

    def fast_requests(self, backend: Backend) -> list[Request]:
        """The first records in fast mode, once so little was accepted of them that it could know twice as much.

        Those that do not fit the context are left out.
        """
        if self._compared or len(self.looked_at) < LOOKED_AT or self.first_accepted >= LEAST_SHARE * LOOKED_AT:
            return []
        self._compared, fitting = True, []
        for record in self.looked_at:
            messages, prefix = prompts.fast(record)
            request = Request(f"{FAST}{record['id']}", backend.render(messages, prefix), max_tokens=0,
                              choices=prompts.LETTER_CHOICES)
            try:
                backend.check(request)
            except RequestError:
                continue
            fitting.append(request)
        self._awaited = len(fitting)
        return fitting

    def fast_reply(self, record: Record, completion: Completion) -> Iterator[str]:
        """Count one; with the last one the lines of the warning, if there is anything to warn of."""
        self._awaited -= 1
        if (shares := completion.probabilities) is not None:  # a server may show none
            best = max(prompts.LETTER_CHOICES, key=lambda choice: shares[choice])
            self._right.append(LETTERS[prompts.LETTER_CHOICES.index(best)] == record["answer"])
        if self._awaited == 0:
            yield from self._warning()

    def _warning(self) -> Iterator[str]:
        asked = self._right
        if not asked or self.first_accepted / len(self.looked_at) >= LEAST_SHARE * sum(asked) / len(asked):
            return
        yield (f"warning: {self.first_accepted} of the first {len(self.looked_at)} replies were accepted, but asked "
               f"for a letter alone the teacher has {sum(asked)} of {len(asked)} right: the form of its replies loses "
               "answers. Another --prompt or a larger --max-tokens may help. Why they were refused:")
        for reason, count in self._first_refused.most_common(REASONS):
            yield f"  {reason} ({count}), such as {self._examples[reason]}"


def _shortened(text: str) -> str:
    line = " / ".join(part.strip() for part in text.splitlines() if part.strip())
    half = EXAMPLE_LENGTH // 2
    return repr(line if len(line) <= EXAMPLE_LENGTH else f"{line[:half]} ... {line[-half:]}")
