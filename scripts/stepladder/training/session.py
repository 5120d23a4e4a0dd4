"""A training from records to exported adapter: the steps of stage 04 in their order."""

from __future__ import annotations

import gc
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..core.errors import InputError
from ..core.files import write_bytes_atomically
from ..core.journal import ScopedJournal
from ..core.progress import duration, say
from ..core.records import Record
from ..core.settings import Training
from ..core.stage import StageRun, versions
from ..core.weights_table import RoleWeights
from ..core.workspace import Workspace
from . import data, export, memory, preflight
from .card import model_card
from .checkpoints import Checkpoints
from .data import Example
from .dtypes import choose_dtype
from .guard import Reading
from .loading import Student, load_student, load_tokenizer
from .loop import Loop, Options, Outcome
from .merge import merge
from .packing import computed_tokens
from .schedule import learning_rates
from .windows import Window, batches_of, windows

AGREEMENT_QUESTIONS = 16


def products(folder: Path, training: Training) -> dict[str, Path]:
    """The files of the adapter folder that stage 04 answers for (stage 06 adds its own beside them)."""
    gguf = export.MERGED_GGUF_NAME if training.targets == "experts" else export.GGUF_NAME
    names = [*export.ADAPTER_FILES, "README.md", *([gguf] if training.gguf else [])]
    if training.merge:
        names.append(export.MERGED_NAME)
    return {name: folder / name for name in names}


@dataclass(frozen=True)
class Result:
    """What the stage writes."""

    log: dict[str, Any]
    counts: dict[str, Any]


class Session:
    """One run of stage 04. `run` does it all; `clean_up` is for when its outputs are on disk."""

    def __init__(self, stage: StageRun, workspace: Workspace, weights: RoleWeights, records: list[Record],
                 questions: list[Record], rejected: list[Record]) -> None:
        self.stage, self.workspace, self.weights = stage, workspace, weights
        self.training: Training = stage.settings["training"]
        self.base = weights.need("transformers")
        self.records, self.questions = records, questions[:self.training.guard_questions]
        self.rejected = Counter(f"malformed: {entry['reason']}" for entry in rejected)
        self.journal: ScopedJournal = stage.journal("log")
        self.checkpoints = Checkpoints(workspace.checkpoints, stage.fingerprint, self.training.checkpoints_kept)
        if self.checkpoints.started_afresh:
            say("04: checkpoints of another training are removed")
        if self.checkpoints.latest() is None:
            self.journal.start_over()  # steps without the checkpoints they led to

    def run(self) -> Result:
        """Prepare, train, export. Raises InputError and StageError before any long work where it can."""
        training = self.training
        if training.gguf:
            export.require_converter()
        examples, left_out = self._examples()
        found = self._windows(examples, training.epochs)
        self._rates(found)  # a record without difficulty is found before the model is loaded
        plan = self._memory_plan(found)
        self.student = student = load_student(self.base, self._with_dtype(), self.stage.args.seed)
        self._announce(student, examples)
        examples, epochs = self._preflight(student, examples, found)
        found = self._windows(examples, epochs)
        say(f"{len(found)} optimiser steps, {sum(w.tokens for w in found)} tokens; "
            f"{computed_tokens(batches_of(found), student.packs)} computed, "
            + ("packed, a common beginning once" if student.packs else "padding included"))
        outcome = self._loop(student, found, self._rates(found)).run()
        say(f"guard: {outcome.verdict}")
        counts = {**data.describe(examples, left_out), "epochs": epochs, "steps": len(outcome.steps),
                  "dtype": str(student.dtype).removeprefix("torch."), "packed": student.packs,
                  "verdict": outcome.verdict}
        log = {"counts": counts, "memory_plan": plan.as_json(), "agreement": {},
               "steps": [_log_step(step) for step in outcome.steps],
               "guard": {"verdict": outcome.verdict, "best_step": outcome.best_step, "readings": outcome.readings,
                         "decisions": outcome.rollbacks}}
        self._export(student, log)
        write_bytes_atomically(self.workspace.adapter / "README.md", self._card(counts, log).encode())
        return Result(log, {**counts, "agreement": log["agreement"], "speed": _speed(outcome)})

    def clean_up(self) -> None:
        """End the journal and remove the checkpoints: everything is in the outputs."""
        self.journal.remove()
        self.checkpoints.remove()

    # -- before -----------------------------------------------------------------------------------------------------

    def _examples(self) -> tuple[list[Example], Counter[str]]:
        training = self.training
        tokenizer = load_tokenizer(self.base)
        weights = {status: getattr(training, f"weight_{status}") for status in data.TRAINED_STATUSES}
        examples, left_out = data.encode_all(self.records, tokenizer, max_length=training.max_length,
                                             answer_only=training.answer_only, weights=weights)
        data.check_live(examples)
        left_out.update(self.rejected)
        if training.token_budget:
            fitting = data.thin_to_tokens(examples, training.token_budget)
            left_out["over the token budget"] += len(examples) - len(fitting)
            examples = fitting
        return examples, +left_out

    def _windows(self, examples: list[Example], epochs: int) -> list[Window]:
        return windows(examples, batch=self.training.batch, accumulation=self.training.accumulation, epochs=epochs)

    def _rates(self, found: list[Window]) -> list[float]:
        training = self.training
        return learning_rates(found, training.schedule, training.learning_rate, training.learning_rate_end,
                              training.warmup_steps)

    def _memory_plan(self, found: list[Window]) -> memory.MemoryPlan:
        longest = max(batches_of(found), key=lambda batch: len(batch) * max(map(len, batch)))
        plan = memory.plan(self.base, self.training, batch=len(longest), length=max(map(len, longest)),
                           live=sum(example.live for example in longest))
        for line in plan.lines():
            say(line)
        memory.require_fits(plan, f"training {self.weights.name}")
        return plan

    def _with_dtype(self) -> Training:
        """The settings with the compute dtype in place of "auto"; a resumed run keeps what was measured first."""
        known = self.journal.records.get("dtype")
        if known is None:
            known = {"id": "dtype", "dtype": str(choose_dtype(self.base, self.training)).removeprefix("torch.")}
            self.journal.append(known)
        return self.training.model_copy(update={"dtype": known["dtype"]})

    def _announce(self, student: Student, examples: list[Example]) -> None:
        trainable = sum(parameter.numel() for parameter in student.trainable().values())
        say(f"{student.backend} backend, {str(student.dtype).removeprefix('torch.')} on {student.device}; weights "
            f"{student.weight_bytes / 1e9:.2f} GB, {student.weight_bytes / student.parameters:.2f} bytes a parameter; "
            f"{trainable / 1e6:.2f}M trainable")
        say(data.show(examples[0], student.tokenizer))

    def _preflight(self, student: Student, examples: list[Example], found: list[Window]) -> tuple[list[Example], int]:
        """Probe and time; (examples, epochs) after the deadline's fallbacks, in the journal for a resumed run."""
        training = self.training
        known = self.journal.records.get("preflight")
        if known is None:
            if training.quantization == "nf4":
                preflight.probe_four_bit(student)
            preflight.require_disk(student, self.checkpoints.root, training.checkpoints_kept)
            pad = student.tokenizer.pad_token_id or student.tokenizer.eos_token_id
            pace = preflight.measure(student, found, pad)
            heeded = preflight.meet_deadline(
                examples, epochs=training.epochs, batch=training.batch, accumulation=training.accumulation, pace=pace,
                deadline=training.deadline_hours, records=training.deadline_records)
            known = {"id": "preflight", "records": len(heeded.examples), "epochs": heeded.epochs,
                     "hours": round(heeded.hours, 4), "fallbacks": heeded.steps, "longest_batch": pace.longest,
                     "tokens_per_second": round(pace.tokens_per_second, 1)}
            self.journal.append(known)
        for line in known["fallbacks"]:
            say(f"deadline: {line}")
        rows, length = known["longest_batch"]
        say(f"preflight: longest batch {rows} x {length} tokens fits, {known['tokens_per_second']:.0f} tokens/s, "
            f"{duration(known['hours'] * 3600)} of training expected")
        return data.thin(examples, known["records"]), known["epochs"]

    # -- the training -----------------------------------------------------------------------------------------------

    def _loop(self, student: Student, found: list[Window], rates: list[float]) -> Loop:
        training = self.training
        if training.guard_steps and not self.questions:
            raise InputError("the guard needs validation questions; give some, or --guard-steps 0")
        options = Options(training.weight_decay, training.max_grad_norm, training.checkpoint_steps,
                          training.guard_steps)
        return Loop(student, found, rates, self.checkpoints, self.journal, options,
                    self._read if training.guard_steps else None)

    def _read(self, step: int) -> Reading:
        from . import readings

        return readings.read(self.student.model, self.student.tokenizer, self.questions, step,
                             samples=self.training.guard_samples, tokens=self.training.guard_tokens,
                             autocast=self.student.autocast)

    # -- after ------------------------------------------------------------------------------------------------------

    def _export(self, student: Student, log: dict[str, Any]) -> None:
        """Adapter, and on request GGUF and merged model, each compared with what was trained."""
        training, folder, asked = self.training, self.workspace.adapter, self.questions[:AGREEMENT_QUESTIONS]
        with_experts = training.targets == "experts"
        export.save_adapter(student, self.base, folder)
        say(f"adapter: {folder}")
        if not (training.gguf or training.merge):
            return
        expected, autocast = export.torch_letters(student, asked), student.autocast
        merged = folder / export.MERGED_NAME
        if with_experts:
            student.model.merge_and_unload().save_pretrained(merged)
            student.tokenizer.save_pretrained(merged)
        elif training.merge:
            merge(self.base, folder, merged)
        student.model = self.student = None  # what is compared next loads its own weights; both need not fit at once
        gc.collect()
        if training.merge:
            found = export.merged_letters(merged, training.quantization, student.dtype, autocast, asked)
            self._compare("merged", expected, found, log)
        if training.gguf and with_experts:
            self._compare("gguf", expected, export.engine_letters(
                export.merged_to_gguf(merged, folder), None, asked, **self._engine()), log)
        elif training.gguf:
            adapter = export.adapter_to_gguf(folder, self.base)
            if self.weights.gguf is None:
                say("the student has no GGUF base, so the GGUF adapter could not be compared")
            else:
                letters = export.engine_letters(self.weights.gguf, adapter, asked, **self._engine())
                self._compare("gguf", expected, letters, log)

    def _engine(self) -> dict[str, int]:
        return {"sequences": 4, "context": self.training.max_length}

    @staticmethod
    def _compare(name: str, expected: list[list[float]], found: list[list[float]], log: dict[str, Any]) -> None:
        log["agreement"][name] = result = export.agreement(expected, found)
        say(("" if export.alike(result) else "WARNING: ") + f"{name} gives the trained adapter's answer to "
            f"{result['agreed']} of {result['decided']} decided questions, largest difference "
            f"{result['largest_difference']}")

    def _card(self, counts: dict[str, Any], log: dict[str, Any]) -> str:
        return model_card(base=self.weights.name, data=counts, arguments=self.stage.settings.described(), log=log,
                          versions=versions())


def _log_step(step: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in step.items() if key != "id"}


def _speed(outcome: Outcome) -> dict[str, float]:
    seconds = sum(step["seconds"] for step in outcome.steps)
    tokens = sum(step["tokens"] for step in outcome.steps)
    return {"seconds": round(seconds, 1), "tokens_per_second": round(tokens / max(seconds, 1e-9), 1),
            "peak_memory_bytes": max((step["memory_bytes"] for step in outcome.steps), default=0)}
