"""Making the agents: the gate's choice, then the validator fitted and measured on the deployed model; every finished
question is journalled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from random import Random
from typing import Any

from stepladder.core.clusters import clusters_of
from stepladder.core.files import read_json
from stepladder.core.interrupts import stop_flag
from stepladder.core.journal import Journal, RunJournal
from stepladder.core.profiles import Settings
from stepladder.core.progress import Progress, say
from stepladder.core.records import Record, read_questions
from stepladder.core.settings import Agents
from stepladder.core.stage import StageRun

from . import asking, calibration, gate
from .answerer import Answerer, Limits
from .players import Player, Stable, opener
from .validator import UNFITTED, Calibration, Evidence, Validator
from .work_keys import asking_identity, question_keys


def make_agents(stage: StageRun, settings: Settings, base: Player, student: Player | None, journal: Journal
                ) -> tuple[Player, dict[str, Any]]:
    """(who is deployed, agents.json): the gate on validation questions, the validator fitted on validation questions
    and measured on held-out ones. student: None where stage 04 left no adapter."""
    agents, engine = settings["agents"], settings["engine"]
    members = [base] if student is None else [base, student]
    validation, _ = read_questions(stage.inputs["validation"], stage.args.limit)
    with Stable(members, opener(engine, agents), Limits(agents.answer_tokens, agents.answer_seconds)) as stable:
        limits = [agents.answer_tokens, agents.answer_seconds, engine.context]
        identities = {member.name: [_weights(stage, member), *limits] for member in members}
        decision = _decision(stage, stable, members, identities, validation, agents, journal)
        deployed = base if student is None or decision.deployed == "base" else student
        validator = _validator(stage, stable, deployed, [identities[deployed.name], agents.orders], validation, agents,
                               journal)
    return deployed, {
        "gate": decision.as_json(), "deployed": deployed.name, "model": deployed.model.name,
        "adapter": deployed.adapter.name if deployed.adapter else None, "reply_form": deployed.form.name,
        "template_arguments": dict(deployed.template_arguments),
        "student_exists": student is not None,
        "validator": validator}


def _weights(stage: StageRun, member: Player) -> list[Any]:
    """Hashes of a member's weights, and how they are asked where that is not as ever."""
    hashes = stage.input_hashes()
    files = ("student", "adapter")[:1 + (member.adapter is not None)]
    return [*(hashes[role] for role in files), *asking_identity(member)]


def _decision(stage: StageRun, stable: Stable, members: Sequence[Player], identities: Mapping[str, Any],
              validation: Sequence[Record], agents: Agents, journal: Journal) -> gate.Decision:
    test = gate.said_of_test(read_json(stage.inputs["test_results"]), stage.workspace.student_name)
    if len(members) == 1:
        decision = gate.no_student(test)
    else:
        asked = sample(validation, agents.gate_questions, stage.args.seed)
        right = asking.scores(stage, stable, members, identities, asked, agents, journal)
        decision = gate.decide(right["student"], right["base"], clusters_of(asked), agents.gate_margin,
                               force_student=agents.force_student, test=test)
    say(f"06: gate: {decision.reason}")
    say(f"06: on the held-out questions, which had no part in it: {test}")
    return decision


def _validator(stage: StageRun, stable: Stable, deployed: Player, made_from: list[Any], validation: Sequence[Record],
               agents: Agents, journal: Journal) -> dict[str, Any]:
    """The validator's part of agents.json. made_from: the deployed weights, limits and orders."""
    seed = stage.args.seed
    heldout, _ = read_questions(stage.inputs["test"], stage.args.limit)
    fitting = sample(validation, agents.validation_questions, seed)
    heldout = sample(heldout, agents.heldout_questions, seed)
    answerer = asking.unhurried(stable.answerer(deployed.name), agents)
    evidence = RunJournal(journal, question_keys("fit", made_from, fitting))
    stage.take_over("agents", evidence)
    stage.tell_known(evidence)
    fitted = fit_validator(answerer, fitting, agents.orders, evidence)
    measured = RunJournal(journal, question_keys("test", made_from, heldout, fitted))
    stage.tell_known(measured)
    rows = measure_validator(answerer, fitted, heldout, agents.orders, measured)
    return {"calibration": asdict(fitted), "fitted_on": len(fitting), "rows": rows,
            "measured": calibration.measured(rows, fitted, clusters_of(heldout))}


def sample(records: Sequence[Record], most: int, seed: int) -> list[Record]:
    """At most `most` of the records, drawn at random, in their order in the file."""
    places = Random(f"agents/{seed}").sample(range(len(records)), min(most, len(records)))
    return [records[place] for place in sorted(places)]


def fit_validator(answerer: Answerer, records: Sequence[Record], orders: int, journal: RunJournal
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
    return calibration.fit([(Evidence(**row["evidence"]), row["answer"]) for row in rows])


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
