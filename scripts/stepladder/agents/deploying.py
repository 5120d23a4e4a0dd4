"""Making the agents: the validator fitted and measured on the deployed model, every finished question journalled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from random import Random
from typing import Any

from stepladder.core.interrupts import stop_flag
from stepladder.core.journal import Journal, RunJournal
from stepladder.core.profiles import Settings
from stepladder.core.progress import Progress
from stepladder.core.records import Record, read_questions
from stepladder.core.stage import StageRun

from . import calibration
from .answerer import Answerer, Limits
from .gate import Decision
from .players import Player, Stable, opener
from .validator import UNFITTED, Calibration, Evidence, Validator
from .work_keys import question_keys


def make_agents(stage: StageRun, settings: Settings, deployed: Player, decision: Decision, journal: Journal,
                identity: list[str]) -> dict[str, Any]:
    """Fit the validator on validation questions, measure it on held-out ones; both journalled.

    identity: of the deployed weights.
    """
    agents, seed = settings["agents"], stage.args.seed
    validation, _ = read_questions(stage.inputs["validation"], stage.args.limit)
    heldout, _ = read_questions(stage.inputs["test"], stage.args.limit)
    validation = sample(validation, agents.validation_questions, seed)
    heldout = sample(heldout, agents.heldout_questions, seed)
    with Stable([deployed], opener(settings["engine"], agents), Limits(agents.answer_tokens, None)) as stable:
        answerer = stable.answerer(deployed.name)
        made_from = [identity, agents.orders, agents.answer_tokens, settings["engine"].context]
        evidence = RunJournal(journal, question_keys("fit", made_from, validation))
        stage.take_over("agents", evidence)
        stage.tell_known(evidence)
        fitted = fit_validator(answerer, validation, agents.orders, evidence, seed)
        measured = RunJournal(journal, question_keys("test", made_from, heldout, fitted))
        stage.tell_known(measured)
        rows = measure_validator(answerer, fitted, heldout, agents.orders, measured)
    return {"gate": decision.as_json(), "deployed": deployed.name, "model": deployed.model.name,
            "adapter": deployed.adapter.name if deployed.adapter else None,
            "validator": described(fitted, len(validation), rows)}


def sample(records: Sequence[Record], most: int, seed: int) -> list[Record]:
    """At most `most` of the records, drawn at random, in their order in the file."""
    places = Random(f"agents/{seed}").sample(range(len(records)), min(most, len(records)))
    return [records[place] for place in sorted(places)]


def fit_validator(answerer: Answerer, records: Sequence[Record], orders: int, journal: RunJournal, seed: int
                  ) -> Calibration:
    """The calibration from the validation questions; their evidence is journalled."""
    validator = Validator(answerer, UNFITTED, orders)
    done = sum(f"fit|{record['id']}" in journal.records for record in records)
    with Progress("06 calibrating", len(records), done) as progress:
        for batch in _batches(answerer, records, "fit", journal):
            for record, evidence in zip(batch, validator.evidence(batch), strict=True):
                row = {"id": f"fit|{record['id']}", "evidence": evidence.as_json(), "answer": record["answer"]}
                journal.append(row)
            progress.update(len(batch))
            stop_flag.check()
    rows = [journal.records[f"fit|{record['id']}"] for record in records]
    return calibration.fit([(Evidence(**row["evidence"]), row["answer"]) for row in rows], seed)


def measure_validator(answerer: Answerer, fitted: Calibration, records: Sequence[Record], orders: int,
                      journal: RunJournal) -> list[dict[str, Any]]:
    """Rows of the held-out questions: answer alone, validation, retry; journalled under this calibration."""
    validator = Validator(answerer, fitted, orders)
    done = sum(f"test|{record['id']}" in journal.records for record in records)
    with Progress("06 measuring", len(records), done) as progress:
        for batch in _batches(answerer, records, "test", journal):
            for row in calibration.examine(validator, batch):
                journal.append({**row, "id": f"test|{row['id']}"})
            progress.update(len(batch))
            stop_flag.check()
    return [{**journal.records[f"test|{record['id']}"], "id": record["id"]} for record in records]


def _batches(answerer: Answerer, records: Sequence[Record], kind: str, journal: RunJournal) -> list[Sequence[Record]]:
    left = [record for record in records if f"{kind}|{record['id']}" not in journal.records]
    size = answerer.backend.stats.sequences or 8
    return [left[start:start + size] for start in range(0, len(left), size)]


def described(fitted: Calibration, questions: int, rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The validator's part of the results."""
    return {"calibration": asdict(fitted), "fitted_on": questions, "measured": calibration.measured(rows, fitted),
            "rows": list(rows)}
