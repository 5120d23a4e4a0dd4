"""A training from records to the finished adapter; what is made from that is export.py's."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from ..core.errors import InputError
from ..core.journal import ScopedJournal, work_key
from ..core.progress import duration, say
from ..core.records import Record
from ..core.settings import Training
from ..core.stage import StageRun, versions
from ..core.workspace import Workspace
from ..engine import templates
from ..engine.reply_forms import FORMS
from . import data, effect, memory, orders, preflight, trained
from .checkpoints import Checkpoints, remove
from .data import Example
from .dtypes import choose_dtype
from .loading import Student, load_student, load_tokenizer
from .loop import Loop, Options, Outcome
from .packing import computed_tokens
from .readings import Reader
from .schedule import learning_rates
from .trained import Trained
from .windows import Window, batches_of, windows


class Session:
    """One training. `run` goes on with it where it was, or starts it; fewer epochs than it was planned for end it
    earlier, with the rates of the plan.
    """

    def __init__(self, stage: StageRun, workspace: Workspace, base: Path, records: list[Record],
                 rejected: list[Record]) -> None:
        self.stage, self.workspace, self.base = stage, workspace, base
        self.training: Training = stage.settings["training"]
        self.form = FORMS[self.training.reply_form]
        self.records = records
        self.template_arguments: dict[str, Any] = {}
        self.held_out: list[Example] = []
        self.rejected = Counter(f"malformed: {entry['reason']}" for entry in rejected)
        self.fingerprint = trained.fingerprint(stage)
        self.checkpoints = Checkpoints(workspace.checkpoints, self.fingerprint, self.training.checkpoints_kept,
                                       self.training.epochs, afresh=stage.args.force)
        self.journal = stage.journal("log", scope=trained.scope(stage, self.fingerprint, self.checkpoints.epochs))
        assert isinstance(self.journal, ScopedJournal)
        if self.checkpoints.latest() is None:
            self.journal.start_over()  # steps without the checkpoints they led to

    def run(self) -> Trained:
        """Prepare, train, save the adapter. Raises InputError and StageError before any long work where it can."""
        examples, left_out = self._examples()
        found = self._windows(examples, self.checkpoints.epochs)
        self._rates(found)  # a record without difficulty is found before the model is loaded
        plan = self._memory_plan(found)
        student = load_student(self.base, self._with_dtype(), self.stage.args.seed)
        self._announce(student, examples)
        examples, planned = self._preflight(student, examples, found)
        outcome, epochs = self._train(student, examples, planned)
        say(f"guard: {outcome.verdict}")
        if outcome.best_step < len(outcome.steps):
            say(f"the adapter is that of step {outcome.best_step}, which had the lowest held-out loss")
        counts = {**data.describe(examples, left_out), "order": self.training.order,
                  "reply_form": self.form.name, "epochs": epochs, "planned_epochs": planned,
                  "steps": len(outcome.steps), "best_step": outcome.best_step,
                  "dtype": str(student.dtype).removeprefix("torch."), "packed": student.packs,
                  "verdict": outcome.verdict}
        order = {"strategy": self.training.order, "seed": self.stage.args.seed, "epochs": orders.proof(outcome.steps)}
        log = {"counts": counts, "memory_plan": plan.as_json(), "agreement": {}, "order": order,
               "steps": [_log_step(step) for step in outcome.steps],
               "guard": {"verdict": outcome.verdict, "best_step": outcome.best_step, "readings": outcome.readings,
                         "decisions": outcome.rollbacks}}
        done = trained.save(student, self.base, self.workspace.adapter, self._record(student, examples, log, outcome))
        self.journal.close()
        say(f"adapter: {done.folder}")
        return done

    def _train(self, student: Student, examples: list[Example], planned: int) -> tuple[Outcome, int]:
        """Go through the windows; (how it ended, epochs)."""
        found = self._windows(examples, planned)
        rates, epochs = self._rates(found), min(planned, self.training.epochs)
        if epochs < planned:
            say(f"ends after {epochs} of {planned} planned epochs; the rates of its steps stay those of the plan")
            found = [window for window in found if window.epoch <= epochs]
        say(f"order: {self.training.order}, drawn for each epoch; the first begins with "
            + ", ".join(example.id for example in found[0].examples[:orders.FIRST_IDS]))
        say(f"{len(found)} optimiser steps, {sum(w.tokens for w in found)} tokens; "
            f"{computed_tokens(batches_of(found), student.packs)} computed, "
            + ("packed, a common beginning once" if student.packs else "padding included"))
        outcome = self._loop(student, found, rates).run()
        if len(outcome.steps) > len(found):
            say(f"it had gone further already: ends at step {len(outcome.steps)}")
            epochs = outcome.steps[-1]["epoch"]
        return outcome, epochs

    def _record(self, student: Student, examples: list[Example], log: dict[str, Any], outcome: Outcome
                ) -> dict[str, Any]:
        """training.json: all that log, card and exports need of this training."""
        training, hashes = self.training, self.stage.input_hashes()
        return {"fits": trained.of_epochs(self.fingerprint, training.epochs), "fingerprint": self.fingerprint,
                "planned_epochs": self.checkpoints.epochs, "base": hashes["student"],
                "quantization": training.quantization, "dtype": log["counts"]["dtype"], "targets": training.targets,
                "max_length": training.max_length, "reply_form": self.form.name,
                "template_arguments": self.template_arguments, "arguments": self.stage.settings.described(),
                "versions": versions(), "speed": _speed(outcome),
                "log": log, "texts": effect.measure(student, examples)}

    # -- before -----------------------------------------------------------------------------------------------------

    def _examples(self) -> tuple[list[Example], Counter[str]]:
        training = self.training
        tokenizer = load_tokenizer(self.base)
        self.template_arguments = self._template_arguments(tokenizer.get_chat_template())
        weights = {status: getattr(training, f"weight_{status}") for status in data.TRAINED_STATUSES}
        examples, left_out = data.encode_all(self.records, tokenizer, max_length=training.max_length,
                                             answer_only=training.answer_only, weights=weights, form=self.form,
                                             arguments=self.template_arguments)
        data.check_live(examples)
        left_out.update(self.rejected)
        examples = orders.ranked(examples, training.order)
        hinted = {record["id"] for record in self.records if (record.get("cot") or {}).get("status") == "hinted"}
        examples, self.held_out = data.hold_back(examples, training.held_out, hinted)
        left_out["held out"] = len(self.held_out)
        if training.guard_steps and not self.held_out:
            raise InputError("the guard reads held-out records: give --held-out and records enough, or --guard-steps 0")
        if training.early_stopping and not training.guard_steps:
            raise InputError("--early-stopping goes by the guard's readings: give --guard-steps too")
        if training.token_budget:
            fitting = data.thin_to_tokens(examples, training.token_budget)
            left_out["over the token budget"] += len(examples) - len(fitting)
            examples = fitting
        return examples, +left_out

    def _template_arguments(self, template: str) -> dict[str, Any]:
        """What the student's template is given: no thinking, for what it learns has no thought before it.

        A resumed run keeps what it began with; one of an earlier version had but the setting's.
        """
        known = self.journal.records.get("template")
        if known is None:
            thinking = None if self.journal.records else False
            known = {"id": "template", "arguments": templates.arguments_for(
                template, thinking=thinking, others=self.training.template_arguments)}
            self.journal.append(known)
        return known["arguments"]

    def _windows(self, examples: list[Example], epochs: int) -> list[Window]:
        walks = orders.epochs(examples, self.training.order, epochs, self.stage.args.seed)
        return windows(walks, batch=self.training.batch, accumulation=self.training.accumulation)

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
        memory.require_fits(plan, f"training {self.base.name}")
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
            f"{trainable / 1e6:.2f}M trainable; reply form: {self.form.name}{self._told()}")
        say(data.show(examples[0], student.tokenizer))

    def _told(self) -> str:
        told = ", ".join(f"{name}={value}" for name, value in self.template_arguments.items())
        return f"; its chat template is given {told}" if told else ""

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
                examples, epochs=training.epochs, pace=pace, deadline=training.deadline_hours,
                records=training.deadline_records, windows_of=self._windows)
            known = {"id": "preflight", "records": len(heeded.examples), "epochs": heeded.epochs,
                     "hours": round(heeded.hours, 4), "fallbacks": heeded.steps, "longest_batch": pace.longest,
                     "tokens_per_second": round(pace.tokens_per_second, 1), "deadline": training.deadline_hours}
            self.journal.append(known)
        for line in known["fallbacks"]:
            say(f"deadline: {line}")
        if training.deadline_hours != known["deadline"]:
            say("deadline: records and epochs were settled before the first step; --epochs can still be lowered")
        rows, length = known["longest_batch"]
        say(f"preflight: longest batch {rows} x {length} tokens fits, {known['tokens_per_second']:.0f} tokens/s, "
            f"{duration(known['hours'] * 3600)} of training expected")
        return data.thin(examples, known["records"]), known["epochs"]

    # -- the training -----------------------------------------------------------------------------------------------

    def _loop(self, student: Student, found: list[Window], rates: list[float]) -> Loop:
        training = self.training
        options = Options(training.weight_decay, training.max_grad_norm, training.checkpoint_steps,
                          training.guard_steps, training.guard_share, training.early_stopping)
        loop = Loop(student, found, rates, self.checkpoints, self.journal, options)
        if training.guard_steps:
            loop.read = Reader(student, self.held_out, batch=training.batch, samples=training.guard_samples,
                               tokens=training.guard_tokens, form=self.form).read
            loop.asked = work_key([text.ids for text in self.held_out], training.guard_samples, training.guard_tokens)
            loop.step_seconds = self.journal.records["preflight"]["hours"] * 3600 / len(rates)  # of all that is planned
        return loop


def clean_up(stage: StageRun, done: Trained) -> None:
    """End the journal and remove the checkpoints of a training whose stage is done: everything is in its outputs.

    One that fewer epochs ended early keeps them: it may be asked for as a whole after all.
    """
    fingerprint, planned = done.record["fingerprint"], done.record["planned_epochs"]
    whole = done.record["fits"] == trained.of_epochs(fingerprint, planned)
    if whole and remove(stage.workspace.checkpoints, fingerprint, planned):
        ScopedJournal(stage.open_journal("log", fresh=False), trained.scope(stage, fingerprint, planned)).remove()


def _log_step(step: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in step.items() if key != "id"}


def _speed(outcome: Outcome) -> dict[str, float]:
    seconds = sum(step["seconds"] for step in outcome.steps)
    tokens = sum(step["tokens"] for step in outcome.steps)
    return {"seconds": round(seconds, 1), "tokens_per_second": round(tokens / max(seconds, 1e-9), 1),
            "peak_memory_bytes": max((step["memory_bytes"] for step in outcome.steps), default=0)}
