"""What the gate chooses by: base and student answer the same validation questions, as they would once deployed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from stepladder.core.interrupts import stop_flag
from stepladder.core.journal import Journal, RunJournal
from stepladder.core.progress import Progress
from stepladder.core.records import Record
from stepladder.core.settings import Agents
from stepladder.core.stage import StageRun

from .answerer import Answerer, Limits, with_limits
from .players import Player, Stable
from .work_keys import question_keys


def unhurried(answerer: Answerer, agents: Agents) -> Answerer:
    """The agent without a clock, so that many questions can be asked at once: each has as many tokens as one question
    gets within the time limit, by the pace that was measured."""
    tokens = min(agents.answer_tokens, answerer.pace.tokens_within(agents.answer_seconds))
    return with_limits(answerer, Limits(tokens, None))


def scores(stage: StageRun, stable: Stable, members: Sequence[Player], identities: Mapping[str, Any],
           records: Sequence[Record], agents: Agents, journal: Journal) -> dict[str, list[float]]:
    """Player -> 1 or 0 for each question, right or wrong; every answer is journalled.

    identities: by player, of weights and limits. Raises Interrupted between two batches.
    """
    found = {}
    for member in members:
        run = RunJournal(journal, question_keys("gate", identities[member.name], records))
        stage.tell_known(run)
        _ask(unhurried(stable.answerer(member.name), agents), member.name, records, run)
        letters = [run.records[f"gate|{record['id']}"]["letter"] for record in records]
        found[member.name] = [float(letter == record["answer"])
                              for letter, record in zip(letters, records, strict=True)]
    return found


def _ask(answerer: Answerer, name: str, records: Sequence[Record], run: RunJournal) -> None:
    left = [record for record in records if f"gate|{record['id']}" not in run.records]
    size = answerer.backend.stats.sequences or 8
    with Progress(f"06 gate, {name}", len(records), len(records) - len(left)) as progress:
        for start in range(0, len(left), size):
            batch = left[start:start + size]
            for record, answer in zip(batch, answerer.answer_batch(batch), strict=True):
                run.append({"id": f"gate|{record['id']}", "letter": answer.letter, "how": answer.how,
                            "tokens": answer.tokens})
            progress.update(len(batch), tokens=sum(run.records[f"gate|{r['id']}"]["tokens"] for r in batch))
            stop_flag.check()
