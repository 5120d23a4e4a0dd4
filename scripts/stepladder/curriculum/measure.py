"""Measuring: what the models say of each record, through journals that survive a kill and serve every later run."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

from ..core.errors import StageError
from ..core.files import hash_json
from ..core.interrupts import stop_flag
from ..core.journal import RunJournal, work_key
from ..core.progress import Progress
from ..core.records import Record
from ..core.settings import Curriculum
from ..core.stage import StageRun
from ..core.workspace import Workspace
from ..engine import prompts
from ..engine.requests import Backend, EngineError
from . import models, rating_prompts, reuse
from .ratings import Assessor, why_unusable
from .student_signal import StudentProbe

FIELDS = {"assessor": "rating", "student": "probe"}  # role -> field of an output record that keeps what was measured
READ = {"assessor": reuse.READ, "student": ("question", "choices", "answer")}  # role -> fields its model reads


class Meter(Protocol):
    """What measures records through a backend; `tokens` counts the prompt tokens it sent."""

    tokens: int

    def measure(self, records: Iterable[Record]) -> Iterator[dict[str, Any]]: ...


def asked(role: str, settings: Curriculum) -> Any:
    """What shapes a role's measurements beside model and record: prompts and their number."""
    if role == "assessor":
        return rating_prompts.identity(settings.rating_prompts)
    return [settings.student_rotations, prompts.identity(prompts.FAST)]


class Measuring:
    """One run's measurements: `results[role]` maps record ids to what was found; `failures` says why a role has none.

    chosen: the models by role, measured in this order.
    """

    def __init__(self, stage: StageRun, records: Sequence[Record], chosen: Mapping[str, models.Model]) -> None:
        self.stage, self.records, self.chosen = stage, records, dict(chosen)
        self.curriculum, self.engine = stage.settings["curriculum"], stage.settings["engine"]
        hashes = stage.input_hashes()
        self.identities = {
            role: hash_json([model.name, hashes.get(role), self.engine.context, asked(role, self.curriculum)])
            for role, model in self.chosen.items()}
        self.results: dict[str, Mapping[str, Any]] = {}
        self.failures: dict[str, str] = {}
        self.tokens, self.seconds, self.reused = 0, 0.0, 0
        self._journals: list[RunJournal] = []
        self._opened: tuple[models.Model, Backend] | None = None

    def run(self, workspace: Workspace) -> None:
        """Measure whatever neither a journal nor an earlier output holds. Raises StageError and Interrupted."""
        outputs = (self.stage.outputs["curriculum"], workspace.enhanced("curriculum_ordered"))
        earlier = {} if self.stage.args.force else reuse.earlier(outputs, self.records, self.identities, FIELDS)
        try:
            for role in self.chosen:
                journal = self._journal(role, earlier.get(role, {}))
                if any(record["id"] not in journal.records for record in self.records):
                    try:
                        backend = self._backend(role)
                    except EngineError as error:
                        self.failures[role] = str(error)
                        continue
                    self._measure(role, backend, journal)
                self.results[role] = journal.records
        finally:
            self._close_model()

    def counts(self) -> dict[str, Any]:
        """For the meta: what was measured with, how fast, and how much of it was known already."""
        return {"identities": self.identities, "reused": self.reused, "prompt_tokens": self.tokens,
                "tokens_per_second": round(self.tokens / self.seconds, 1) if self.tokens else None}

    def close(self) -> None:
        """Close the journals, when nothing is read from the results any more."""
        for journal in self._journals:
            journal.close()

    def _journal(self, role: str, earlier: Mapping[str, dict[str, Any]]) -> RunJournal:
        identity = self.identities[role]
        keys = {record["id"]: work_key(role, identity, [record.get(field) for field in READ[role]])
                for record in self.records}
        journal = self.stage.journal(role, keys, output="curriculum", former="" if role == "assessor" else role,
                                     former_extra=identity)
        self._journals.append(journal)
        for name, result in earlier.items():
            if name not in journal.records:
                journal.append(result)
                self.reused += 1
        return journal

    def _backend(self, role: str) -> Backend:
        """The role's model, opened; the one that is open where the weights are the same."""
        model = self.chosen[role]
        if self._opened is None or not self._opened[0].same_weights(model):
            self._close_model()
            self._opened = model, models.open_model(model, self.engine)
        return self._opened[1]

    def _close_model(self) -> None:
        if self._opened is not None:
            self._opened[1].close()
            self._opened = None

    def _measure(self, role: str, backend: Backend, journal: RunJournal) -> None:
        started = time.monotonic()
        waiting = [record for record in self.records if record["id"] not in journal.records]
        try:
            meter: Meter = (Assessor(backend, self.curriculum.rating_prompts) if role == "assessor"
                            else StudentProbe(backend, self.curriculum.student_rotations))
            with Progress(f"03 {role}", len(self.records), done=len(self.records) - len(waiting)) as progress:
                sent = 0
                for result in meter.measure(waiting):
                    journal.append(result)
                    progress.update(1, meter.tokens - sent)
                    sent = meter.tokens
                    stop_flag.check()
        except EngineError as error:
            raise StageError(f"{role} {backend.name} gave up after {len(journal.records)} of {len(self.records)} "
                             f"records: {error}; run the same command again to go on") from error
        self.tokens += meter.tokens
        self.seconds += time.monotonic() - started


def judge(results: Mapping[str, Mapping[str, Any]], ids: Sequence[str]) -> tuple[dict[str, Any], str | None]:
    """(counts about the assessor's ratings, why they are unusable or None)."""
    found = [results[name] for name in ids]
    read = Counter(result["read"] for result in found)
    texts = read["text"] + read["no rating in its text"]
    counts = {
        "rated": sum(result["assessor"] is not None for result in found), "read": dict(read),
        "parse_rate": round(read["text"] / texts, 4) if texts else None,
        "least_mass": min((result["mass"] for result in found if result["read"] == "probabilities"), default=None)}
    return counts, why_unusable([result["assessor"] for result in found])
