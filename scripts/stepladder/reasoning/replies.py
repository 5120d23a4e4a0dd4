"""Replies that are kept, each known by what it was asked with: whatever else changes, none is asked for twice.

The key of a reply: the chat messages (question, options, prompt wording, hint), the forced closing, how it is drawn,
its longest length, how it may think and what the template is given, where that is said, and the teacher (hash of the
weights, or the name the servers know it by, never their addresses). That of a thought's short form is made from it.
What is made of a reply, accepted or not and why, is no part of it: it is judged anew each time.

A reply may be asked for more, once each, its own words in front: for the short form of its thought where it shows no
reasoning, and for its letter where it ended without one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

from ..core.journal import Journal, RunJournal, work_key
from ..core.records import LETTERS, Record
from ..engine import plain, prompts
from ..engine.requests import Backend, Completion, Request, Sampling
from . import thoughts
from .attempts import Attempt, Judgement, Policy, Reply
from .verify import NO_ANSWER

RE_ASKED = "re-asked"
"""Finish reason of a reply that ended without a letter and was asked for it; what it said then is part of its text."""
RE_ASKED_TOKENS = 4
Step = Literal["reply", "short", "letter"]
"""What is asked of an attempt: its reply, the short form of the thought in that, the letter that it lacks."""


class Replies:
    """The kept replies of one teacher.

    teacher: what tells it from others. context: tokens of its context; what did not fit into one may fit into another.
    run: fingerprint of this run, by which results are known that a journal of an earlier version held without replies.
    """

    def __init__(self, journal: Journal, policy: Policy, teacher: str, context: int, run: str) -> None:
        self.journal, self.policy = journal, policy
        self._teacher, self._context, self._run = teacher, context, run

    def messages(self, attempt: Attempt) -> list[prompts.Message]:
        """What is asked, before the model's template is applied."""
        hint = attempt.shown["answer"] if attempt.kind == "hinted" else None
        return prompts.messages(attempt.shown, self.policy.variant, hint)

    def sampling(self, attempt: Attempt) -> Sampling:
        """How the reply is drawn."""
        if not attempt.sampled:
            return Sampling()
        return Sampling(self.policy.temperature, top_p=self.policy.top_p, seed=attempt.seed)

    def step_behind(self, attempt: Attempt, reply: Reply, judgement: Judgement) -> Step | None:
        """What a reply is still to be asked for; None where it is whole."""
        if reply.refused is not None:
            return None
        if thoughts.wants_short_form(reply, attempt) and self._kept(self._short_key(attempt)) is None:
            return "short"
        silent = judgement.outcome == NO_ANSWER and reply.finish_reason not in ("closed", RE_ASKED)
        return "letter" if silent and self._kept(self._letter_key(attempt)) is None else None

    def request(self, attempt: Attempt, step: Step, reply: Reply | None, backend: Backend) -> Request:
        """What is asked in a step, behind the reply as far as it is known."""
        prompt = backend.render(self.messages(attempt))
        most, may_think = self.policy.max_tokens, thoughts.Thinking.of(self.policy.thinking).tokens
        if reply is None:
            return Request(attempt.id, prompt, most + (may_think or 0), self.sampling(attempt),
                           closing=prompts.CLOSING, thought_tokens=may_think)
        begun = thoughts.SHORT_FORM if step == "short" else _up_to_its_letter(reply)
        prompt += plain.with_thought(prompt, reply.thinking, begun)
        if step == "letter":
            return Request(f"{attempt.id}/letter", prompt, RE_ASKED_TOKENS, thought_tokens=0)
        return Request(f"{attempt.id}/short", prompt, most, self.sampling(attempt), closing=prompts.CLOSING,
                       thought_tokens=0)

    def joined(self, step: Step, reply: Reply | None, completion: Completion) -> Reply:
        """The reply with what a step has brought."""
        if reply is None:
            return Reply(completion.text, completion.tokens, completion.finish_reason, thinking=completion.thinking)
        if step == "short":
            return replace(reply, text=completion.text, tokens=reply.tokens + completion.tokens,
                           finish_reason=completion.finish_reason)
        return replace(reply, text=_up_to_its_letter(reply) + completion.text,
                       tokens=reply.tokens + completion.tokens, finish_reason=RE_ASKED)

    def get(self, attempt: Attempt) -> Reply | None:
        """The reply to this attempt as far as it is known, or the refusal of it; None where it was never asked."""
        first = self._kept(self._key(attempt))
        if first is None or not thoughts.wants_short_form(first, attempt):
            return first
        short = self._kept(self._short_key(attempt))
        return first if short is None or short.refused is not None else short

    def _kept(self, key: str) -> Reply | None:
        entry = self.journal.get(key) or self.journal.get(self._refusal_key(key))
        if entry is None:
            return None
        reply = Reply(**{name: entry[name] for name in entry if name != "id"})
        if reply.thinking is None:  # some keep it in the text
            thinking, text = plain.split_thought(reply.text)
            reply = replace(reply, thinking=thinking, text=text)
        return reply

    def keep(self, attempt: Attempt, step: Step, reply: Reply) -> None:
        """Into the journal, at once; a letter goes with the reply that it was asked for.

        Raises StageError when the disk is full.
        """
        key, short = self._key(attempt), self._short_key(attempt)
        if step == "short" or (step == "letter" and short in self.journal):
            key = short
        entry = {"id": attempt.id, "text": reply.text, "tokens": reply.tokens, "finish_reason": reply.finish_reason}
        if reply.thinking is not None:
            entry["thinking"] = reply.thinking
        self.journal.put(key, entry)

    def keep_unasked(self, attempt: Attempt, step: Step, why: str) -> None:
        """Note that a step does not fit the context. `why`: in the backend's words. Raises StageError as `keep`."""
        entry = {"id": attempt.id, "text": "", "tokens": 0, "finish_reason": None, "refused": "too long", "words": why}
        key = {"reply": self._key, "short": self._short_key, "letter": self._letter_key}[step](attempt)
        self.journal.put(self._refusal_key(key), entry)

    def retries(self, record: Record) -> int:
        """How often this record was tried again after it had failed."""
        entry = self.journal.get(self._retry_key(record))
        return entry["retries"] if entry else 0

    def retry(self, record: Record) -> None:
        """Have the record tried once more, now and in later runs."""
        self.journal.put(self._retry_key(record), {"id": record["id"], "retries": self.retries(record) + 1})

    def result(self, record: Record) -> dict[str, Any] | None:
        """What an earlier version's journal held of this record in this very run."""
        return self.journal.get(self._result_key(record["id"]))

    def results(self, records: Sequence[Record]) -> RunJournal:
        """The results that an earlier version's journal may hold of these records."""
        return RunJournal(self.journal, {record["id"]: self._result_key(record["id"]) for record in records})

    def _result_key(self, name: str) -> str:
        return work_key("result", self._run, name)

    def _key(self, attempt: Attempt) -> str:
        drawn = self.sampling(attempt)
        return work_key("reply", self.messages(attempt), prompts.CLOSING, self.policy.max_tokens, self._teacher,
                        [drawn.temperature, drawn.top_p, drawn.seed], *self.policy.told())

    def _short_key(self, attempt: Attempt) -> str:
        return work_key(self._key(attempt), thoughts.SHORT_FORM)

    def _letter_key(self, attempt: Attempt) -> str:
        return work_key(self._key(attempt), prompts.CLOSING)

    def _refusal_key(self, key: str) -> str:
        return work_key(key, self._context)

    def _retry_key(self, record: Record) -> str:
        text = [record["id"], record["question"], *(record["choices"][letter] for letter in LETTERS), record["answer"]]
        return work_key("retries", text, self.policy.variant, self._teacher)


def _up_to_its_letter(reply: Reply) -> str:
    """The first turn of a reply, to where the letter that it lacks comes next."""
    return plain.first_turn(reply.text).rstrip() + prompts.CLOSING
