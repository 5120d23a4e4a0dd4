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
NOISE = 2  # accepted replies of QUESTIONS that two forms may differ by chance: then the cheaper one is taken


def identity(variant: str) -> Any:
    """What of the wording shapes the outcome: of one variant, or of all that are tried."""
    return [prompts.identity(name) for name in TRIED] if variant == AUTO else prompts.identity(variant)


def choose(journal: Journal, policy: Policy, replies: Callable[[Policy], Replies], teacher: str, key: str,
           records: Sequence[Record], opened: Callable[[], AbstractContextManager[Backend]]) -> dict[str, Any]:
    """{"chosen", "questions", "tried": variant -> {"accepted", "right", "tokens"}}, of first attempts without a hint.

    key: what tells the teacher from others. replies: those of a policy. Of fewer than QUESTIONS records it is not kept.
    Raises as `Writing.run`.
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
                          "right": sum(first["answer"] == record["answer"] for record, first in firsts),
                          "tokens": sum(first["tokens"] for _, first in firsts)}
    found = {"chosen": best(tried), "questions": len(records[:QUESTIONS]), "tried": tried}
    if len(records) >= QUESTIONS:  # a peek at a few records does not decide a night
        journal.put(known, {"id": "prompt trial", **found})
    return found


def best(tried: dict[str, dict[str, int]]) -> str:
    """Of the forms with the most accepted replies, but for noise, the one with the fewest tokens an accepted one.

    Of equals the one with more right letters is taken, then the first. A night pays for tokens: a form that is thrice
    as long for one more accepted reply in twenty keeps fewer records by the morning.
    """
    most = max(row["accepted"] for row in tried.values())
    return max((name for name, row in tried.items() if row["accepted"] >= most - NOISE), key=lambda name: (
        tried[name]["accepted"] / max(1, tried[name]["tokens"]), tried[name]["right"]))


def tell(found: dict[str, Any]) -> None:
    """The trial's outcome in a line."""
    shares = ", ".join(f"{name} {row['accepted']} ({row['tokens']:,} tokens)" for name, row in found["tried"].items())
    say(f"02: prompt {found['chosen']}: of {found['questions']} first replies were accepted with {shares} "
        "(--prompt fixes it)")
