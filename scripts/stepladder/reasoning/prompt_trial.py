"""Which prompt suits a teacher: the first records are asked in each form, and the best is taken for all.

A model that follows instructions loses nothing by a strict form; one that does not loses most of its answers by it. The
choice is kept in the journal, so that no later edit of a record turns it over, and with it a night's replies.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

from ..core.journal import Journal, work_key
from ..core.progress import say
from ..core.records import Record
from ..engine import prompts
from ..engine.requests import Backend
from .attempts import Policy
from .replies import Replies
from .verify import ACCEPTED
from .writing import Writing

AUTO = "auto"
TRIED = ("options", "steps", "explain")
QUESTIONS = 20


def identity(variant: str) -> Any:
    """What of the wording shapes the outcome: of one variant, or of all that are tried."""
    return [prompts.identity(name) for name in TRIED] if variant == AUTO else prompts.identity(variant)


def choose(journal: Journal, policy: Policy, replies: Callable[[Policy], Replies], teacher: str, key: str,
           records: Sequence[Record], opened: Callable[[], AbstractContextManager[Backend]]) -> dict[str, Any]:
    """{"chosen", "questions", "tried": variant -> {"accepted", "right"}}, of greedy first attempts without a hint.

    key: what tells the teacher from others. replies: those of a policy. Of equals the one with more right letters is
    taken, then the first of `TRIED`. Of fewer than QUESTIONS records it is not kept. Raises as `Writing.run`.
    """
    known = work_key("prompt trial", identity(AUTO), policy.max_tokens, key, *policy.told())
    if (entry := journal.get(known)) is not None:
        return {name: entry[name] for name in entry if name != "id"}
    tried = {}
    for variant in TRIED:
        trying = replies(replace(policy, variant=variant, attempts=1, hint=False, agree=1))
        writing = Writing(trying, records[:QUESTIONS], teacher, f"02 trying prompt {variant}")
        writing.run(opened, retry_failed=False)
        firsts = [(record, writing.result(record)["cot"]["outcomes"][0]) for record in records[:QUESTIONS]]
        tried[variant] = {"accepted": sum(first["outcome"] == ACCEPTED for _, first in firsts),
                          "right": sum(first["answer"] == record["answer"] for record, first in firsts)}
    chosen = max(TRIED, key=lambda variant: (tried[variant]["accepted"], tried[variant]["right"]))
    found = {"chosen": chosen, "questions": len(records[:QUESTIONS]), "tried": tried}
    if len(records) >= QUESTIONS:  # a peek at a few records does not decide a night
        journal.put(known, {"id": "prompt trial", **found})
    return found


def tell(found: dict[str, Any]) -> None:
    """The trial's outcome in a line."""
    shares = ", ".join(f"{name} {row['accepted']}" for name, row in found["tried"].items())
    say(f"02: prompt {found['chosen']}: of {found['questions']} first replies were accepted with {shares} "
        "(--prompt fixes it)")
