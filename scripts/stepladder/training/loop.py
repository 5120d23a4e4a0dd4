"""The training loop: one window a step, in the epoch's order, with readings, rollbacks, checkpoints and a journal.

What the journal (a line a step) and the last checkpoint hold is all there is to a run, so a killed one goes on from
its last checkpoint and repeats the very steps it had lost.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..core.errors import StageError
from ..core.interrupts import stop_flag
from ..core.journal import RunJournal
from ..core.progress import Progress, say
from . import checkpoints as saved
from . import guard
from .checkpoints import Checkpoints
from .guard import Reading
from .loading import Student
from .loss import weighted_loss
from .memory import training_bytes
from .windows import Window, World


@dataclass(frozen=True)
class Options:
    """What the loop needs of the settings."""

    weight_decay: float = 0.0
    max_grad_norm: float = 1.0
    checkpoint_steps: int = 50
    guard_steps: int = 0
    guard_share: float = 0.0
    early_stopping: int = 0


@dataclass
class Outcome:
    """How a training ended: its steps without those taken back, readings, rollbacks and verdict.

    best_step: whose adapter the student holds; later steps were taken, but are not in it.
    """

    steps: list[dict[str, Any]]
    readings: list[dict[str, Any]]
    rollbacks: list[dict[str, Any]]
    verdict: str
    best_step: int
    gave_up: bool = False


@dataclass
class Loop:
    """One training. `read` takes a guard reading at a step; None switches the guard off.

    windows: the steps to take; fewer than were planned end it earlier, with the plan's rates. asked: what readings are
    of (texts, how replies are asked for); only those of the same are compared. step_seconds: what a step is expected to
    take; readings are spaced by it.
    """

    student: Student
    windows: Sequence[Window]
    rates: Sequence[float]
    checkpoints: Checkpoints
    journal: RunJournal
    options: Options
    read: Callable[[int], Reading] | None = None
    asked: str = ""
    step_seconds: float = 1.0
    world: World = field(default_factory=World)

    def __post_init__(self) -> None:
        import torch

        self.done = 0
        self.entries = dict(self.journal.records)  # looked through at every step, so kept in memory
        self.parameters = self.student.trainable()
        self.optimizer = torch.optim.AdamW(self.parameters.values(), lr=self.rates[0],
                                           weight_decay=self.options.weight_decay, fused=True)

    # -- the run --------------------------------------------------------------------------------------------------

    def run(self) -> Outcome:
        """Train to the end, or to the guard's last word; the student then holds the best adapter."""
        guard_is_new = self.read is not None and not self._gave_up() and not self._readings()
        if guard_is_new:
            self._take_reading(0)  # nothing is loaded yet, so this is the untrained base
        step = self._resume()
        if self._gave_up():
            return self._outcome()
        if self.checkpoints.latest() is None:
            self._save(0)
        if step and self.read and (guard_is_new or step >= len(self.windows)):
            step = self._read_where_it_stands(step)
            if self._gave_up():
                return self._outcome()
        with Progress("training", len(self.windows), done=step) as progress:
            while step < len(self.windows) and not self._is_stale():
                entry = self._step(self.windows[step])
                self.done = step = step + 1
                reason = self._failure(entry)
                if reason is None and self._reading_is_due(step):
                    reason = self._take_reading(step)
                if reason is not None:
                    self.done = step = progress.done = self._roll_back(step, reason)
                    if self._gave_up():
                        break
                    continue
                if self._reading_is_due(step) or step % self.options.checkpoint_steps == 0 or stop_flag.requested:
                    self._save(step)
                progress.update(1, tokens=entry["tokens"], note=f"loss {entry['loss']:.3f}")
                stop_flag.check()
        return self._outcome()

    def _step(self, window: Window) -> dict[str, Any]:
        import torch

        started = time.monotonic()
        rate = self.rates[window.step - 1] * 0.5 ** self.attempt
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        loss = 0.0
        for batch in window.batches:
            with self.student.autocast:
                part = weighted_loss(self.student.model, batch, self.student.pad) / window.live_weight
            part.backward()
            loss += part.item()
        loss = self.world.sum_gradients(self.parameters.values(), loss)
        norm = float(torch.nn.utils.clip_grad_norm_(self.parameters.values(), self.options.max_grad_norm))
        if math.isfinite(loss) and math.isfinite(norm):
            self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        seconds = time.monotonic() - started
        entry = {
            "id": f"step/{self.attempt}/{window.step}", "step": window.step, "attempt": self.attempt,
            "epoch": window.epoch, "ids": [example.id for example in window.examples],
            "loss": loss if math.isfinite(loss) and math.isfinite(norm) else None, "learning_rate": rate,
            "difficulty": window.difficulty, "gradient_norm": norm if math.isfinite(norm) else None,
            "tokens": window.tokens, "seconds": round(seconds, 3),
            "tokens_per_second": round(window.tokens / max(seconds, 1e-9), 1),
            "memory_bytes": training_bytes(self.student.device),
        }
        self._note(entry)
        return entry

    # -- what the journal knows -----------------------------------------------------------------------------------

    def _note(self, entry: dict[str, Any]) -> None:
        self.journal.append(entry)
        self.entries[entry["id"]] = entry

    @property
    def attempt(self) -> int:
        """How often training was rolled back so far."""
        return len(self._rollbacks())

    def _kind(self, kind: str) -> list[dict[str, Any]]:
        return [record for id_, record in self.entries.items() if id_.startswith(f"{kind}/")]

    def _rollbacks(self) -> list[dict[str, Any]]:
        return [record for record in self._kind("guard") if record["decision"] == "roll back"]

    def _path(self, kind: str) -> list[dict[str, Any]]:
        """Records of a kind on the path to the steps done: without what a rollback took back, or a kill let go."""
        upto = [rollback["to"] for rollback in self._rollbacks()]
        kept = [record for record in self._kind(kind) if record["step"] <= self.done
                and all(record["step"] <= to for to in upto[record["attempt"]:])]
        return sorted(kept, key=lambda record: (record["step"], record["attempt"]))

    def _gave_up(self) -> bool:
        return any(record["decision"] == "give up" for record in self._kind("guard"))

    def _readings(self) -> list[Reading]:
        """Readings that can be compared: of what the guard asks now, or all where it is off."""
        return [Reading.from_json(record["reading"]) for record in self._path("reading")
                if self.read is None or record["asked"] == self.asked]

    # -- the guard ------------------------------------------------------------------------------------------------

    def _reading_is_due(self, step: int) -> bool:
        if self.read is None:
            return False
        every = guard.interval(self.options.guard_steps, len(self.windows), self._readings()[0].seconds,
                               self.step_seconds, self.options.guard_share)
        return step % every == 0 or step == len(self.windows)

    def _take_reading(self, step: int) -> str | None:
        """Read, write it down, and say what demands a rollback, if anything."""
        reading = self.read(step)
        self._note({"id": f"reading/{self.attempt}/{step}", "step": step, "attempt": self.attempt,
                    "asked": self.asked, "reading": reading.as_json()})
        readings = self._readings()
        levels = ", ".join(f"{level} {loss:.3f}" for level, loss in reading.levels.items())
        say(f"guard at step {step}: held-out loss {reading.loss:.3f} ({levels}); of {reading.replies} replies "
            f"{reading.ended} ended, {reading.answered} gave a letter, {reading.looping} loop")
        sick = guard.symptom(readings[0], reading) if step else None
        reason = guard.collapse(readings)
        if sick is not None and reason is None:
            say(f"guard: a bad reading at step {step}: {sick}; a second one in a row would go back")
        return reason

    def _is_stale(self) -> bool:
        """Whether early stopping ends the training here."""
        patience = self.options.early_stopping if self.read else 0
        return bool(patience) and guard.is_stale(self._readings(), patience)

    def _read_where_it_stands(self, step: int) -> int:
        """The reading of a resumed run that has none where it goes on; the step to go on from."""
        if any(reading.step == step for reading in self._readings()):
            return step
        reason = self._take_reading(step)
        return step if reason is None else self._roll_back(step, reason)

    def _failure(self, entry: dict[str, Any]) -> str | None:
        """Why to go back after a step without a reading. Raises StageError where nothing can be gone back to."""
        if entry["loss"] is not None:
            return None
        if self.read is None:
            raise StageError(f"the training loss of step {entry['step']} is not a number; lower the learning rate")
        return "the training loss is not a number"

    def _roll_back(self, step: int, reason: str) -> int:
        """Back to the best healthy checkpoint, whose step is returned, with half the learning rate or to give up."""
        best = self._best(step)
        if best is None:  # without readings of what is asked now: as far back as the checkpoints go
            best = self.checkpoints.first().step
        give_up = self.attempt >= guard.MAX_ROLLBACKS
        self._note({"id": f"guard/{self.attempt}/{step}", "step": step, "attempt": self.attempt, "to": best,
                    "reason": reason, "decision": "give up" if give_up else "roll back"})
        say(f"guard: COLLAPSE at step {step}: {reason}; back to step {best}"
            + (", giving up" if give_up else ", learning rate halved"))
        self._load(self.checkpoints.at(best))
        self.checkpoints.drop_after(best)
        return best

    def _best(self, before: int) -> int | None:
        """The step below `before` of the best reading whose checkpoint is there; None where there is none."""
        found = [reading for reading in guard.healthy(self._readings())
                 if reading.step < before and self.checkpoints.at(reading.step)]
        return guard.best(found).step if found else None

    # -- checkpoints ----------------------------------------------------------------------------------------------

    def _save(self, step: int) -> None:
        if not self.world.is_main:
            return
        readings = self._readings()
        # without readings the first one: a guard that comes later needs somewhere to go back to
        best = guard.best(guard.healthy(readings)).step if readings else 0
        self.checkpoints.save(step, self.parameters, self.optimizer.state_dict(), {"step": step}, protect=best)

    def _load(self, checkpoint: saved.Checkpoint) -> None:
        import torch

        weights, optimizer, random = saved.load(checkpoint)
        with torch.no_grad():
            for name, parameter in self.parameters.items():
                parameter.copy_(weights[name])
        self.optimizer.load_state_dict(optimizer)
        saved.set_random_state(random)

    def _resume(self) -> int:
        """Go to the last checkpoint that the journal knows the way to; returns its step."""
        decisions = self._kind("guard")
        if decisions and not any(record["attempt"] == self.attempt for record in self._kind("step")):
            self.checkpoints.drop_after(decisions[-1]["to"])
        if self._gave_up():
            self.checkpoints.drop_after(decisions[-1]["to"])
        checkpoint = self.checkpoints.latest()
        if checkpoint is not None:
            self.done = checkpoint.step
            if len(self._path("step")) < checkpoint.step:
                say("the journal of these checkpoints is gone: training starts from the first step")
                self.checkpoints.drop_after(-1)
                checkpoint, self.done = None, 0
        if checkpoint is not None:
            self._load(checkpoint)
            if checkpoint.step:
                say(f"going on after step {checkpoint.step} of {len(self.windows)}")
        return self.done

    def _outcome(self) -> Outcome:
        """How it ended; where the guard watched, the student goes back to the best adapter first."""
        decisions, gave_up, readings = self._kind("guard"), self._gave_up(), self._readings()
        best = decisions[-1]["to"] if gave_up else self.done
        if self.read and not gave_up:
            best = self._best(self.done + 1)
            assert best is not None, "the step that ends a training has a checkpoint, and so has the best one"
            if best != self.done:
                self._load(self.checkpoints.at(best))
        verdict = guard.verdict(decisions, readings, gave_up, best) if readings else "no guard"
        if readings and not self.read and not gave_up:
            verdict += f", by readings up to step {readings[-1].step} of {self.done}"
        return Outcome(self._path("step"), [record["reading"] for record in self._path("reading")], decisions, verdict,
                       best, gave_up)
