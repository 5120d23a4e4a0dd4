"""The test itself: opens each set of weights once, times it, asks everything, and journals every finished answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from stepladder.core.errors import InputError
from stepladder.core.files import WeightHashes, read_json
from stepladder.core.interrupts import stop_flag
from stepladder.core.journal import RunJournal
from stepladder.core.progress import Progress, say
from stepladder.core.records import Record, read_questions
from stepladder.core.same import seen_in
from stepladder.core.settings import EngineSettings, Verdict
from stepladder.engine.reply_forms import REASONING
from stepladder.engine.requests import Backend

from . import latency
from .answering import Manner, Unit, answer, units
from .contestants import Contestant, by_weights, opened, put_on
from .memory import PeakMemory


def manner_of(settings: Verdict, mode: str, seed: int) -> Manner:
    """How the settings put a question in one mode."""
    return Manner(mode, settings.max_tokens, settings.temperature, settings.vote_temperature, settings.votes,
                  settings.permute, seed)


def check_overlap(test: list[Record], training_files: Sequence[Path], settings: Verdict, similarity: float
                  ) -> tuple[list[Record], list[dict[str, Any]], dict[str, Any]]:
    """(questions to test, those left out with their reason, {"training", "similarity", "found", "examples"}).

    similarity: the threshold that stage 00 kept questions together by. Raises InputError when test questions are in
    training, unless that is allowed or they are to be left out.
    """
    training = [record for path in training_files for record in read_questions(path)[0]]
    overlap = seen_in(test, training, similarity)
    names = " and ".join(path.name for path in training_files)
    left_out: list[dict[str, Any]] = []
    if overlap and settings.leave_out_overlap:
        why = {seen.record["id"]: f"in training: {seen.known['id']} ({seen.why})" for seen in overlap}
        left_out = [{"index": index, "reason": why[record["id"]], "record": record}
                    for index, record in enumerate(test) if record["id"] in why]
        test = [record for record in test if record["id"] not in why]
        if not test:
            raise InputError(f"all test questions are in {names}: there is nothing left to test on")
        say(f"05: {len(left_out)} test questions are left out, they are in {names}")
    elif overlap and not settings.allow_overlap:
        first = overlap[0]
        likeness = "" if first.similarity is None else f", similarity {first.similarity:.2f}"
        raise InputError(
            f"{len(overlap)} of {len(test)} test questions are in {names}, the first: {first.record['id']} = "
            f"{first.known['id']} ({first.why}{likeness}). Test without them (--leave-out-overlap), or with "
            "--allow-overlap and have the report say so")
    examples = [{"test": seen.record["id"], "training": seen.known["id"], "similarity": seen.similarity,
                 "why": seen.why} for seen in overlap[:20]]
    return test, left_out, {"training": len(training), "similarity": similarity, "found": len(overlap) - len(left_out),
                            "left_out": len(left_out), "examples": examples}


def with_ratings(records: Sequence[Record], path: Path) -> list[Record]:
    """Records with the difficulty that a rated copy of the test file gives them."""
    rated = {row["id"]: row for row in read_json(path) if isinstance(row, dict) and row.get("difficulty") is not None}
    missing = sum(record["id"] not in rated for record in records)
    if missing:
        say(f"05: {path.name} rates {len(records) - missing} of {len(records)} test questions")
    keys = ("difficulty", "difficulty_by", "level")
    return [record | {k: rated[record["id"]][k] for k in keys if k in rated.get(record["id"], {})}
            for record in records]


class Test:
    """All contestants, all modes, one journal."""

    __test__ = False  # not a pytest class

    def __init__(self, contestants: Sequence[Contestant], records: Sequence[Record], settings: Verdict,
                 engine: EngineSettings, seed: int, journal: RunJournal) -> None:
        self.contestants, self.records, self.settings = contestants, records, settings
        self.engine, self.seed, self.journal = engine, seed, journal

    def run(self) -> None:
        """Ask whatever the journal does not hold yet. Raises Interrupted after the record in hand."""
        for group in by_weights(self.contestants):
            if all(self._complete(contestant) for contestant in group):
                continue
            with PeakMemory() as peak, opened(group, self.engine) as backend:
                for contestant in group:
                    put_on(backend, contestant)
                    for mode in self.settings.modes:
                        self._mode(backend, contestant, mode)
            for contestant in group:
                self._note_memory(contestant, peak)

    def _complete(self, contestant: Contestant) -> bool:
        """Whether nothing is left to ask or to measure."""
        done = self.journal.records
        return f"memory|{contestant.name}" in done and all(
            f"speed|{contestant.name}|{mode}" in done and all(unit.id in done for unit in self._units(contestant, mode))
            for mode in self.settings.modes)

    def _units(self, contestant: Contestant, mode: str) -> list[Unit]:
        return units(self.records, contestant.name, manner_of(self.settings, mode, self.seed), contestant.form)

    def _note_memory(self, contestant: Contestant, peak: PeakMemory) -> None:
        """The highest reading of all runs: one that had little left to ask sees less than the whole takes."""
        name = f"memory|{contestant.name}"
        earlier = self.journal.records.get(name, {})
        reading = {"process_bytes": peak.process_bytes, "device_bytes": peak.device_bytes}
        highest = {kind: max((one for one in (value, earlier.get(kind)) if one is not None), default=None)
                   for kind, value in reading.items()}
        if not earlier or any(earlier[kind] != value for kind, value in highest.items()):
            self.journal.append({"id": name, **highest})

    def _mode(self, backend: Backend, contestant: Contestant, mode: str) -> None:
        speed_id = f"speed|{contestant.name}|{mode}"
        manner, timed = manner_of(self.settings, mode, self.seed), None
        known = speed_id in self.journal.records
        if self.settings.latency_questions and not known:
            sample = latency_sample(self.records, self.settings, mode)
            timed = latency.timed(backend, contestant.name, sample, manner, contestant.form)
        meter, asked = latency.Throughput(backend), self._ask(backend, self._units(contestant, mode), manner)
        if not known:
            self.journal.append({"id": speed_id, "latency": timed, "throughput": meter.row(asked)})

    def _ask(self, backend: Backend, wanted: Sequence[Unit], manner: Manner) -> int:
        done = self.journal.records
        left = sum(unit.id not in done for unit in wanted)
        with Progress(f"05 {wanted[0].contestant}, {manner.mode}", len(wanted), len(wanted) - left) as progress:
            for run in answer(backend, wanted, manner, frozenset(done)):
                self.journal.append(run)
                progress.update(tokens=run["tokens"])
                stop_flag.check()
        return left

    def runs(self) -> list[dict[str, Any]]:
        """Every answer in the journal, in the order of the questions."""
        found = self.journal.records
        return [found[unit.id] | {"contestant": contestant.name, "question": unit.question}
                for contestant in self.contestants for mode in self.settings.modes
                for unit in self._units(contestant, mode)]

    def described(self, hashes: WeightHashes) -> dict[str, dict[str, Any]]:
        """For `results.assemble`: weights, speed and memory by contestant."""
        found = self.journal.records
        sharing = {c.name: [other.name for other in group if other is not c]
                   for group in by_weights(self.contestants) for c in group}
        return {c.name: {"weights": c.described(hashes),
                         "speed": {mode: found[f"speed|{c.name}|{mode}"] for mode in self.settings.modes},
                         "memory": {**{k: v for k, v in found[f"memory|{c.name}"].items() if k != "id"},
                                    "shared_with": sharing[c.name]}}
                for c in self.contestants}


def latency_sample(records: Sequence[Record], settings: Verdict, mode: str) -> list[Record]:
    """Questions to time, others for each mode where there are enough, so that no prompt is in the cache."""
    count = settings.latency_questions + latency.WARM_UP
    start = settings.modes.index(mode) * count
    return list(records[start:start + count] if len(records) >= start + count else records[:count])


def prompt_identity(modes: Sequence[str], contestants: Sequence[Contestant]) -> dict[str, Any]:
    """The wording that shapes the answers, for the stage's fingerprint; that of other reply forms, and what chat
    templates are given, by contestant."""
    found: dict[str, Any] = {"prompts": {mode: REASONING.identity(mode) for mode in modes}}
    others = {one.name: {mode: one.form.identity(mode) for mode in modes}
              for one in contestants if one.form is not REASONING}
    told = {one.name: dict(one.template_arguments) for one in contestants if one.template_arguments}
    return found | ({"reply_forms": others} if others else {}) | ({"template_arguments": told} if told else {})


def in_short(summary: Mapping[str, Any]) -> str:
    """The result in one line: accuracy in the headline mode, and the planned comparison's verdict."""
    mode, parts = summary["headline_mode"], []
    for name, by_mode in summary["accuracy"].items():
        found = by_mode[mode]
        parts.append(f"{name} {100 * found['value']:.1f} % ({100 * found['low']:.1f} to {100 * found['high']:.1f})")
    told = f"; {summary['headline']['verdict']}" if summary["headline"] else ""
    return f"{mode}, {summary['questions']} questions: {', '.join(parts)}{told}"


def counts(content: Mapping[str, Any]) -> dict[str, Any]:
    """What the meta, the summary and `show.py` tell of the results."""
    summary = content["summary"]
    return {"summary": in_short(summary), "questions": summary["questions"], "rejected": summary["rejected"],
            "accuracy": summary["accuracy"],
            "headline": summary["headline"] and summary["headline"]["sentence"],
            "by_source": [row["sentence"] for row in summary["by_source"]], "warnings": summary["warnings"]}
