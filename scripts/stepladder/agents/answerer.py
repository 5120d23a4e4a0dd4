"""The agent that answers: it thinks as long as it may, is then made to conclude, and takes the best letter by logits.

    answerer = Answerer(backend, Limits(tokens=512, seconds=6.0))
    answer = answerer.answer(record)

Never blind and never late: the first thing computed for every question of a batch is the four letters' probabilities
without any reasoning. Only then does the reasoning begin, on the same prompt, which is in memory by now; what it comes
to replaces the first letter if it is ready in time. Where the student learnt to give its letter first, that one is the
answer, and only its explanation takes the time that is left.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from random import Random
from typing import Any, Literal

from ..core.records import LETTERS, Record
from ..engine import extract, plain, prompts
from ..engine.reply_forms import REASONING, ReplyForm
from ..engine.requests import Backend, Completion, Feed, Request, Sampling
from . import pace as pacing
from .fitting import shorten
from .formats import clip_words

How = Literal["reasoned", "concluded", "at once"]
LEAST_REASONING = 8  # tokens; with less room there is no point in beginning
WORD_TOKENS = 4.0  # the rules count tokens too: a reasoning is cut at this many a word on average
GREEDY = Sampling()


@dataclass(frozen=True)
class Limits:
    """tokens: of one answer with its reasoning; seconds: wall time of the batch a question is in, None for no limit."""

    tokens: int = 512
    seconds: float | None = 6.0


STANDARD = Limits()


@dataclass(frozen=True)
class Answer:
    """A letter and where it comes from.

    how: "reasoned" (it concluded by itself), "concluded" (it was made to, by its token or time limit), "at once" (read
    off the prompt, before any reasoning: no time for it, what was written was none, or the form begins with the
    letter). confidence: probability of the letter among the four; probabilities: of all four. seconds: wall time of
    its batch. shortened: the question was too long and was cut.
    """

    letter: str
    reasoning: str
    confidence: float
    probabilities: dict[str, float]
    how: How
    tokens: int
    seconds: float
    late: bool = False
    shortened: bool = False

    def as_json(self) -> dict[str, Any]:
        """Plain JSON types, rounded."""
        rounded = {letter: round(value, 5) for letter, value in self.probabilities.items()}
        return asdict(self) | {"confidence": round(self.confidence, 5), "probabilities": rounded,
                               "seconds": round(self.seconds, 3)}


@dataclass
class _Work:
    """One question of a batch while it is worked on."""

    key: str
    record: Record
    prompt: str
    prompt_tokens: int
    shortened: bool
    at_once: dict[str, float] | None = None
    said: str | None = None  # the letter that an explanation follows, where the form begins with one
    text: str = ""
    tokens: int = 0
    after: dict[str, float] | None = None  # probabilities after the reasoning
    ended: How = field(default="at once")
    own: str | None = None  # the letter the reasoning states by itself


class Answerer:
    """Answers four-option records with one backend, in the reply form that its model was trained in.

    `pace` is measured when it is made.
    """

    def __init__(self, backend: Backend, limits: Limits = STANDARD, pace: pacing.Pace | None = None,
                 form: ReplyForm = REASONING) -> None:
        self.backend, self.limits, self.form = backend, limits, form
        self.pace = pace or pacing.measure(backend)

    def answer(self, record: Record, **options: Any) -> Answer:
        """One question; see `answer_batch`."""
        return self.answer_batch([record], **options)[0]

    def answer_all(self, records: Sequence[Record], batch_size: int, **options: Any) -> Iterator[list[Answer]]:
        """Answers of all records in their order, batch by batch; each has the whole time limit to itself.

        A batch is no larger than what can be read in time. When the machine has become slower than it was, questions
        that could not be read go into the next batch instead of being answered late.
        """
        start = 0
        while start < len(records):
            size = self.batch_for(records[start:start + batch_size], batch_size)
            answers = self._attempt(records[start:start + size], **options)
            yield answers
            start += len(answers)

    def batch_for(self, records: Sequence[Record], batch_size: int) -> int:
        """How many of the next records make a batch: at most `batch_size`, the places, and what can be read in time."""
        size = min(batch_size, len(records), self.backend.stats.sequences or batch_size)
        if self.limits.seconds is None:
            return max(1, size)
        tokens = [self._fit(record)[2] for record in records[:size]]
        while size > 1 and size > self.pace.questions_in(self.limits.seconds, sum(tokens[:size]) / size):
            size -= 1
        return max(1, size)

    def answer_batch(self, records: Sequence[Record], *, seconds: float | None = None,
                     sampling: Sampling = GREEDY) -> list[Answer]:
        """Answers in the order of the records, all within `seconds` (default: the limit) of this call.

        Only where the machine has become so slow that not even the prompts could be read is an answer late: it still
        comes from the logits, and says that it is late.
        """
        return self._attempt(records, seconds=seconds, sampling=sampling, defer=False)

    def fit(self, record: Record) -> Record:
        """The record, its question cut where it is too long for a prompt."""
        return self._fit(record)[0]

    def fast(self, records: Sequence[Record]) -> list[dict[str, float]]:
        """Letter probabilities of one prefill each, summing to 1, in the order of the records."""
        requests = []
        for index, record in enumerate(records):
            messages, prefix = self.form.fast(record)
            requests.append(Request(f"fast#{index}", self.backend.render(messages, prefix), max_tokens=0,
                                    choices=prompts.LETTER_CHOICES))
        found = {completion.id: completion for completion in self.backend.generate(requests)}
        return [letters_of(found[request.id].probabilities, prompts.LETTER_CHOICES) for request in requests]

    # -- one batch ----------------------------------------------------------------------------------------------------

    def _attempt(self, records: Sequence[Record], *, seconds: float | None = None, sampling: Sampling = GREEDY,
                 defer: bool = True) -> list[Answer]:
        """One batch. With `defer` the answers end before the first question that could not be read in time."""
        started = time.monotonic()
        limit = self.limits.seconds if seconds is None else seconds
        deadline = None if limit is None else started + pacing.time_left(limit, self.pace.step_seconds)
        works = [self._work(index, record) for index, record in enumerate(records)]
        reading_ends = None if limit is None or len(works) == 1 else started + pacing.READING_END * limit
        self._read_at_once(works, reading_ends)
        unread = next((place for place, work in enumerate(works) if work.at_once is None), len(works))
        if defer:
            works = works[:max(1, unread)]
        self._reason([work for work in works if work.at_once is not None], deadline, sampling)
        self._read_at_once([work for work in works if work.at_once is None], None)
        took = time.monotonic() - started
        return [self._conclude(work, took, limit is not None and took > limit) for work in works]

    def _work(self, index: int, record: Record) -> _Work:
        fitted, prompt, tokens, shortened = self._fit(record)
        return _Work(f"answer#{index}", fitted, prompt, tokens, shortened)

    def _fit(self, record: Record) -> tuple[Record, str, int, bool]:
        """(record, prompt, its tokens, whether the question was cut) within context and reading time."""
        room = (self.backend.context or 1 << 20) - self._closing_room() - LEAST_REASONING
        if self.limits.seconds is not None:
            room = min(room, self.pace.longest_prompt(self.limits.seconds))
        room = max(room, 24)
        fitted, shortened = shorten(record, lambda shown: self.backend.count_tokens(self._prompt(shown)), room)
        prompt = self._prompt(fitted)
        return fitted, prompt, self.backend.count_tokens(prompt), shortened

    def _prompt(self, record: Record) -> str:
        """The prompt, at the end of a thought that the template opens: the time limit is for what is said."""
        prompt = self.backend.render(self.form.asked(record))
        return prompt + plain.with_thought(prompt, None, "")

    def _closing_room(self) -> int:
        return max(self.backend.count_tokens(text) for text in (self.form.opening, self.form.closing or "")) + 4

    def _read_at_once(self, works: Sequence[_Work], deadline: float | None) -> None:
        """Every question's letters without reasoning: what the answer is if nothing better comes in time."""
        if not works:
            return
        by_key = {work.key: work for work in works}
        before, started = self.backend.stats.prompt_tokens, time.monotonic()
        for completion in self.backend.generate(
                Request(work.key, work.prompt + self.form.opening, max_tokens=0, choices=self.form.choices,
                        deadline=deadline) for work in works):
            by_key[completion.id].at_once = letters_of(completion.probabilities, self.form.choices)
        self.pace.learn(self.backend.stats.prompt_tokens - before, time.monotonic() - started)

    def _reason(self, works: Sequence[_Work], deadline: float | None, sampling: Sampling) -> None:
        """Let every question think; those that end by themselves are asked for the letter, the others made to.

        A form that begins with its letter has nothing to conclude.
        """
        by_key = {work.key: work for work in works}
        feed = Feed(request for work in works if (request := self._thinking(work, deadline, sampling)) is not None)
        for completion in self.backend.generate(feed):
            work = by_key[completion.id.partition("/")[0]]
            if completion.id != work.key:  # the letter after reasoning that had ended by itself
                self._take(work, completion, "reasoned")
                continue
            work.text, work.tokens = completion.text, completion.tokens
            if completion.probabilities is not None:
                self._take(work, completion, "concluded")
            elif completion.finish_reason in ("stop", "length") and (closing := self._closing(work, deadline)):
                feed.add(closing)

    def _thinking(self, work: _Work, deadline: float | None, sampling: Sampling) -> Request | None:
        room = (self.backend.context or 1 << 20) - work.prompt_tokens - 1
        tokens = min(self.limits.tokens, room)
        if tokens < LEAST_REASONING + self._closing_room() or (deadline is not None and time.monotonic() >= deadline):
            return None
        if self.form.closing is None:
            return self._explaining(work, tokens - self._closing_room(), deadline, sampling)
        return Request(work.key, work.prompt, tokens, sampling, stop=self.form.stop, closing=self.form.closing,
                       closing_tokens=0, choices=self.form.choices, deadline=deadline)

    def _explaining(self, work: _Work, tokens: int, deadline: float | None, sampling: Sampling) -> Request:
        """What follows the letter that was read off the prompt, or with a temperature drawn as a reply's would be."""
        assert work.at_once is not None  # only what was read is reasoned about
        weights = [work.at_once[letter] for letter in LETTERS]
        work.said = LETTERS[weights.index(max(weights))]
        if sampling.temperature > 0:
            sharper = [weight ** (1 / sampling.temperature) for weight in weights]
            work.said = Random(f"{sampling.seed}/{work.key}").choices(LETTERS, sharper)[0]
        begun = work.prompt + self.form.opening + self.form.choices[LETTERS.index(work.said)]
        return Request(work.key, begun, tokens, sampling, deadline=deadline)

    def _closing(self, work: _Work, deadline: float | None) -> Request | None:
        if self.form.closing is None or self._rambles(work.text):
            return None
        prompt = work.prompt + self.form.concluded(work.text.rstrip())
        if self.backend.context and self.backend.count_tokens(prompt) >= self.backend.context:
            return None
        return Request(f"{work.key}/letter", prompt, max_tokens=0, choices=self.form.choices, deadline=deadline)

    def _reasoning(self, text: str) -> str:
        return self.form.steps(text.removesuffix(self.form.closing or ""))

    def _rambles(self, text: str) -> bool:
        return extract.degenerate(self._reasoning(text)) is not None

    def _take(self, work: _Work, completion: Completion, how: How) -> None:
        if self._rambles(work.text):
            return  # rambling is no ground for an answer
        work.own = self.form.read(work.text.removesuffix(self.form.closing or ""), work.record["choices"])
        found = letters_of(completion.probabilities, self.form.choices)
        if found is not None:
            work.after, work.ended = found, how

    def _conclude(self, work: _Work, took: float, late: bool) -> Answer:
        reasoned = work.after is not None
        probabilities = work.after or work.at_once
        if probabilities is None:  # the model gives no usable numbers: nothing is known, and it shows
            probabilities = dict.fromkeys(LETTERS, 0.25)
        letter = (work.own if reasoned else work.said) or max(LETTERS, key=lambda one: probabilities[one])
        explained = work.said is not None and not self._rambles(work.text)
        reasoning = self._shown(work.text) if reasoned or explained else ""
        return Answer(letter, reasoning, probabilities[letter], probabilities, work.ended, work.tokens, took, late,
                      work.shortened)

    def _shown(self, text: str) -> str:
        """The reasoning as the rules allow it: within 100 words, and within their tokens."""
        shown = clip_words(self._reasoning(text))
        words = len(shown.split())
        while words > 1 and self.backend.count_tokens(shown) > WORD_TOKENS * 100:
            words = words * 3 // 4
            shown = clip_words(shown, words)
        return shown if self.backend.count_tokens(shown) <= WORD_TOKENS * 100 else ""


def letters_of(probabilities: Mapping[str, float] | None, choices: Sequence[str]) -> dict[str, float] | None:
    """Letter -> probability, summing to 1; None where there are none, or none that is a number above 0.

    choices: the letters as they were asked for.
    """
    if probabilities is None:
        return None
    values = [probabilities[choice] for choice in choices]
    total = math.fsum(values)
    if not math.isfinite(total) or total <= 0:
        return None
    return {letter: value / total for letter, value in zip(LETTERS, values, strict=True)}


def with_limits(answerer: Answerer, limits: Limits) -> Answerer:
    """The same agent under other limits, its pace kept."""
    return Answerer(answerer.backend, replace(limits), answerer.pace, answerer.form)
