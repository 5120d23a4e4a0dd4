"""The loop on a tiny random student: order, loss, resume after a kill, and a planted collapse."""

from __future__ import annotations

import math
import resource
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from training_models import make_llama, record

from stepladder.core.errors import Interrupted, StageError
from stepladder.core.journal import Journal, ScopedJournal
from stepladder.core.settings import Training
from stepladder.training import data, loading, loop, loss, readings
from stepladder.training.checkpoints import Checkpoints
from stepladder.training.checkpoints import load as load_checkpoint
from stepladder.training.guard import Reading, symptom
from stepladder.training.windows import World, windows

HELD_OUT = [record(100 + i, difficulty=1 + i) for i in range(8)]
SETTINGS = Training(quantization="none", dtype="float32", rank=8, alpha=16, gradient_checkpointing=False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_llama(tmp_path_factory.mktemp("student"))


@pytest.fixture
def student(folder: Path) -> loading.Student:
    return loading.load_student(folder, SETTINGS, seed=0)


@pytest.mark.parametrize(("weights", "moments"), [(50_000, 10), (10, 50_000)], ids=["weights", "optimiser"])
def test_a_full_disk_stops_a_checkpoint_in_one_line_and_keeps_the_last(
        tmp_path: Path, weights: int, moments: int) -> None:
    import torch

    saved = Checkpoints(tmp_path / "checkpoints", "of this one", kept=2)
    saved.save(1, {"w": torch.zeros(10)}, {"m": torch.zeros(10)}, {"step": 1})
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        with pytest.raises(StageError, match=r"cannot write .*step-000002.* MB of disk are left") as told:
            saved.save(2, {"w": torch.zeros(weights)}, {"m": torch.zeros(moments)}, {"step": 2})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert len(str(told.value).splitlines()) == 1
    latest = Checkpoints(tmp_path / "checkpoints", "of this one", kept=2).latest()
    assert latest is not None
    assert latest.step == 1


def encoded(student: loading.Student, count: int = 12) -> list[data.Example]:
    records = [record(i, difficulty=1 + i * 9 / count) for i in range(count)]
    return data.encode_all(records, student.tokenizer, max_length=600)[0]


def texts(student: loading.Student) -> list[data.Example]:
    return data.encode_all(HELD_OUT, student.tokenizer, max_length=600)[0]


def make_loop(student: loading.Student, root: Path, rate: float = 3e-3, guard: bool = False, epochs: int = 2,
              checkpoint_steps: int = 2, count: int = 12) -> loop.Loop:
    found = windows([encoded(student, count)] * epochs, batch=2, accumulation=2)
    return loop.Loop(student, found, [rate] * len(found), Checkpoints(root / "checkpoints", "print", 2),
                     ScopedJournal(Journal(root / "log.partial.jsonl"), "print"),
                     loop.Options(checkpoint_steps=checkpoint_steps, guard_steps=3),
                     (lambda step: read(student, step)) if guard else None)


def scripted(step: int, loss: float) -> Reading:
    """A reading with nothing to it but its held-out loss."""
    return Reading(step, (loss, loss), {"easy": loss})


def losses(outcome: loop.Outcome) -> list[float]:
    return [step["loss"] for step in outcome.steps]


def test_the_optimiser_meets_the_records_in_order_every_epoch(student: loading.Student, tmp_path: Path) -> None:
    run = make_loop(student, tmp_path)
    met: list[list[str]] = []
    weigh, step = loss.weighted_loss, run.optimizer.step
    pending: list[str] = []

    def spy_loss(model: Any, batch: Any, pad: int) -> Any:
        pending.extend(example.id for example in batch)
        return weigh(model, batch, pad)

    def spy_step() -> None:
        met.append(sorted(pending, key=lambda id_: int(id_[1:])))
        pending.clear()
        step()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "weighted_loss", spy_loss)
        patch.setattr(run.optimizer, "step", spy_step)
        outcome = run.run()
    one_epoch = [["q0", "q1", "q2", "q3"], ["q4", "q5", "q6", "q7"], ["q8", "q9", "q10", "q11"]]
    assert met == one_epoch * 2
    assert [entry["ids"] for entry in outcome.steps] == one_epoch * 2


def test_the_loss_is_that_of_transformers_on_the_reply_alone(student: loading.Student) -> None:
    import torch

    batch = encoded(student)[:3]
    pad = student.tokenizer.pad_token_id
    longest = max(map(len, batch))
    ids = torch.tensor([[*e.ids, *[pad] * (longest - len(e))] for e in batch])
    labels = torch.tensor([[*[-100] * e.prompt_length, *e.ids[e.prompt_length:], *[-100] * (longest - len(e))]
                           for e in batch])
    mask = torch.tensor([[1] * len(e) + [0] * (longest - len(e)) for e in batch])
    reference = student.model(input_ids=ids, attention_mask=mask, labels=labels).loss
    mine = loss.weighted_loss(student.model, batch, pad) / sum(e.live for e in batch)
    assert mine.item() == pytest.approx(reference.item(), abs=1e-5)


def test_many_live_tokens_are_computed_in_parts_with_the_same_gradient(
        student: loading.Student, monkeypatch: pytest.MonkeyPatch) -> None:
    batch = encoded(student)[:3]

    def gradient(rows: int) -> tuple[float, list[Any]]:
        monkeypatch.setattr(loss, "LOGIT_ROWS", rows)
        student.model.zero_grad()
        value = loss.weighted_loss(student.model, batch, 0)
        value.backward()
        return value.item(), [p.grad.clone() for p in student.trainable().values()]

    whole, parts = gradient(10_000), gradient(7)
    assert parts[0] == pytest.approx(whole[0], rel=1e-5)
    assert all(a.allclose(b, atol=1e-4) for a, b in zip(whole[1], parts[1], strict=True))


@pytest.mark.parametrize(("checkpointing", "times"), [(False, 1), (True, 2)])
def test_layers_are_recomputed_where_that_is_asked_for(folder: Path, checkpointing: bool, times: int) -> None:
    fresh = loading.load_student(folder, SETTINGS.model_copy(update={"gradient_checkpointing": checkpointing}), seed=0)
    seen: list[str] = []
    fresh.model.get_base_model().model.layers[1].mlp.register_forward_pre_hook(lambda *_: seen.append("pass"))
    loss.weighted_loss(fresh.model, encoded(fresh)[:2], 0).backward()
    assert len(seen) == times


def test_dropout_drops_from_the_first_step(folder: Path) -> None:
    fresh = loading.load_student(folder, SETTINGS.model_copy(update={"dropout": 0.5}), seed=0)
    for name, parameter in fresh.trainable().items():
        if "lora_B" in name:
            parameter.data.normal_()
    batch = encoded(fresh)[:2]
    assert loss.weighted_loss(fresh.model, batch, 0).item() != loss.weighted_loss(fresh.model, batch, 0).item()


def test_record_weights_scale_the_loss(student: loading.Student) -> None:
    one = encoded(student)[0]
    half = data.Example(one.id, one.ids, one.prompt_length, 0.5)
    assert loss.weighted_loss(student.model, [half], 0).item() == pytest.approx(
        loss.weighted_loss(student.model, [one], 0).item() / 2)


def test_micro_batches_do_not_change_the_step(student: loading.Student, folder: Path, tmp_path: Path) -> None:
    def after_a_step(name: str, batch: int, accumulation: int) -> tuple[float, Any]:
        fresh = loading.load_student(folder, SETTINGS, seed=0)
        found = windows([encoded(fresh)], batch=batch, accumulation=accumulation)[:1]
        run = loop.Loop(fresh, found, [1e-3], Checkpoints(tmp_path / name, "p", 1),
                        ScopedJournal(Journal(tmp_path / f"{name}.j"), "p"), loop.Options())
        outcome = run.run()
        return outcome.steps[0]["loss"], next(p for n, p in fresh.trainable().items() if "lora_B" in n)

    (loss_a, weight_a), (loss_b, weight_b) = after_a_step("a", 6, 1), after_a_step("b", 1, 6)
    assert loss_a == pytest.approx(loss_b, rel=1e-5)
    assert weight_a.allclose(weight_b, atol=2e-4)


def test_loss_falls(student: loading.Student, tmp_path: Path) -> None:
    got = losses(make_loop(student, tmp_path, epochs=6).run())
    assert sum(got[-3:]) < 0.6 * sum(got[:3])


@pytest.mark.parametrize("killed_after", [1, 2, 3, 5])
def test_a_killed_run_goes_on_with_the_very_same_losses(folder: Path, tmp_path: Path, killed_after: int) -> None:
    def fresh(root: Path) -> loop.Loop:
        return make_loop(loading.load_student(folder, SETTINGS, seed=0), root)

    unbroken = losses(fresh(tmp_path / "whole").run())
    dying = fresh(tmp_path / "broken")
    take, taken = dying._step, []

    def step_until_killed(window: Any) -> dict[str, Any]:
        if len(taken) == killed_after:
            raise KeyboardInterrupt
        taken.append(window.step)
        return take(window)

    dying._step = step_until_killed
    with pytest.raises(KeyboardInterrupt):
        dying.run()
    dying.journal.close()
    resumed = fresh(tmp_path / "broken").run()
    assert losses(resumed) == unbroken
    assert [step["step"] for step in resumed.steps] == list(range(1, len(unbroken) + 1))


def test_a_stop_request_keeps_the_step_in_hand(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = make_loop(loading.load_student(folder, SETTINGS, seed=0), tmp_path)
    monkeypatch.setattr(loop.stop_flag, "requested", True)
    with pytest.raises(Interrupted):
        run.run()
    assert run.checkpoints.latest().step == 1


def test_a_lost_journal_starts_afresh(folder: Path, tmp_path: Path) -> None:
    first = make_loop(loading.load_student(folder, SETTINGS, seed=0), tmp_path)
    whole = losses(first.run())
    first.journal.remove()
    again = make_loop(loading.load_student(folder, SETTINGS, seed=0), tmp_path)
    assert losses(again.run()) == whole


# -- a planted collapse ---------------------------------------------------------------------------------------------

HEALTHY = 3e-3
PLANTED = 100 * HEALTHY


@pytest.fixture(scope="module")
def schooled(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A base with something to lose: it has learnt the form of the texts."""
    import torch

    model = loading.load_base(folder, "none", torch.float32)
    tokenizer = loading.load_tokenizer(folder)
    examples = data.encode_all([record(i) for i in range(12)], tokenizer, max_length=600)[0]
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for _ in range(80):
        optimizer.zero_grad()
        (loss.weighted_loss(model, examples, 0) / sum(e.live for e in examples)).backward()
        optimizer.step()
    target = tmp_path_factory.mktemp("schooled")
    model.save_pretrained(target)
    tokenizer.save_pretrained(target)
    return target


def read(student: loading.Student, step: int = 0) -> Reading:
    return readings.Reader(student, texts(student), batch=4, samples=4, tokens=80).read(step)


def test_a_hundredfold_rate_collapses_without_the_guard(schooled: Path, tmp_path: Path) -> None:
    student = loading.load_student(schooled, SETTINGS, seed=0)
    base = read(student)
    outcome = make_loop(student, tmp_path / "planted", rate=PLANTED, epochs=4).run()
    assert outcome.verdict == "no guard"
    assert len(outcome.steps) == 12  # it went on to the end
    assert symptom(base, read(student, 12))
    assert losses(outcome)[-1] > 2 * losses(outcome)[0]
    healthy = loading.load_student(schooled, SETTINGS, seed=0)
    make_loop(healthy, tmp_path / "healthy", rate=HEALTHY, epochs=4).run()
    assert symptom(base, read(healthy, 12)) is None


def test_the_guard_catches_it_rolls_back_and_halves_the_rate(schooled: Path, tmp_path: Path) -> None:
    student = loading.load_student(schooled, SETTINGS, seed=0)
    run = make_loop(student, tmp_path, rate=PLANTED, guard=True, epochs=4)
    outcome = run.run()
    first = outcome.rollbacks[0]
    assert first["decision"] == "roll back"
    assert first["step"] - first["to"] <= 6  # within two intervals
    rates = {entry["attempt"]: entry["learning_rate"] for entry in run.journal.records.values() if "ids" in entry}
    assert rates[1] == pytest.approx(PLANTED / 2)
    if outcome.gave_up:
        assert [decision["decision"] for decision in outcome.rollbacks] == ["roll back", "roll back", "give up"]
        assert rates[2] == pytest.approx(PLANTED / 4)
        assert outcome.verdict.startswith("collapsed 3 times")


def plant(run: loop.Loop, what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Break one thing of a training."""
    weigh, step = loop.weighted_loss, run.optimizer.step

    def scale() -> None:
        step()
        if run.done == 2:
            for parameter in run.parameters.values():
                parameter.data.mul_(50)

    if what == "sign":
        monkeypatch.setattr(loop, "weighted_loss", lambda *args: -weigh(*args))
        run.rates = [3 * HEALTHY] * len(run.windows)
    elif what in ("dead", "scale"):
        monkeypatch.setattr(run.optimizer, "step", scale if what == "scale" else lambda: None)
    elif what in ("bare letter", "always A"):
        said = "Answer: A" if what == "bare letter" else "Two and two is four.\nAnswer: A"
        records = [record(i, difficulty=1 + i, chain_of_thought=said) for i in range(12)]
        examples = data.encode_all(records, run.student.tokenizer, max_length=600)[0]
        run.windows = windows([examples] * 6, batch=2, accumulation=2)
        run.rates = [10 * HEALTHY] * len(run.windows)


@pytest.mark.parametrize("what", ["sign", "scale", "dead", "bare letter", "always A"])
def test_planted_collapses_go_back_within_two_intervals(
        schooled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    run = make_loop(loading.load_student(schooled, SETTINGS, seed=0), tmp_path, guard=True, epochs=6)
    plant(run, what, monkeypatch)
    first = run.run().rollbacks[0]
    assert first["step"] - first["to"] <= 6, first


@pytest.mark.parametrize(("seed", "rate"), [(0, HEALTHY), (1, HEALTHY / 3), (2, 2 * HEALTHY)])
def test_healthy_trainings_of_the_same_base_are_left_alone(schooled: Path, tmp_path: Path, seed: int, rate: float
                                                           ) -> None:
    run = make_loop(loading.load_student(schooled, SETTINGS, seed=seed), tmp_path, rate=rate, guard=True, epochs=6)
    outcome = run.run()
    assert outcome.rollbacks == []
    assert outcome.verdict == "healthy throughout"


def test_after_giving_up_the_student_holds_the_best_adapter_and_a_rerun_agrees(folder: Path, tmp_path: Path) -> None:
    def sick(step: int) -> Reading:
        return scripted(step, 1.0 - step / 10 if step <= 3 else 2.0)

    def fresh() -> loop.Loop:
        run = make_loop(loading.load_student(folder, SETTINGS, seed=0), tmp_path, epochs=4)
        run.read = sick
        return run

    run = fresh()
    outcome = run.run()
    assert outcome.gave_up
    assert outcome.best_step == 3
    assert len(outcome.steps) == 3
    kept = {name: parameter.clone() for name, parameter in run.parameters.items()}
    again = fresh()
    second = again.run()
    assert second.gave_up
    assert second.steps == outcome.steps
    assert all(kept[name].equal(parameter) for name, parameter in again.parameters.items())


def test_a_kill_after_a_rollback_goes_on_from_the_rollback(folder: Path, tmp_path: Path) -> None:
    def read_once_sick(step: int) -> Reading:
        return scripted(step, 1.0 - step / 100 if step != 6 or sick_once else math.nan)

    sick_once: list[int] = []

    def fresh(root: Path) -> loop.Loop:
        run = make_loop(loading.load_student(folder, SETTINGS, seed=0), root, epochs=3)
        run.read = read_once_sick
        return run

    def rolled_back(run: loop.Loop) -> int:
        sick_once.append(1)
        return loop.Loop._roll_back(run, 6, "planted")

    whole = fresh(tmp_path / "whole")
    whole._roll_back = lambda step, reason: rolled_back(whole)
    expected = whole.run()
    assert [d["to"] for d in expected.rollbacks] == [3]
    sick_once.clear()
    dying = fresh(tmp_path / "broken")

    def roll_back_and_die(step: int, reason: str) -> int:
        rolled_back(dying)
        raise KeyboardInterrupt

    dying._roll_back = roll_back_and_die
    with pytest.raises(KeyboardInterrupt):
        dying.run()
    dying.journal.close()
    got = fresh(tmp_path / "broken").run()
    assert losses(got) == losses(expected)
    assert {step["learning_rate"] for step in got.steps[3:]} == {HEALTHY / 2}


def test_hard_windows_after_easy_ones_are_no_collapse(student: loading.Student, tmp_path: Path,
                                                      monkeypatch: pytest.MonkeyPatch) -> None:
    """An ordered run that improves by a tenth an epoch: its hard half costs twice its easy half, and more than that."""
    run = make_loop(student, tmp_path, guard=True, count=80, epochs=2)
    run.read = lambda step: scripted(step, 1.0 - step / 100)
    weight = next(iter(run.parameters.values()))

    def weigh(model: Any, batch: Any, pad: int) -> Any:
        epoch = 1 + run.done // 20
        each = (0.3 if int(batch[0].id[1:]) < 40 else 0.65) * 0.9 ** (epoch - 1)
        return 0 * weight.sum() + each * sum(example.live for example in batch)

    monkeypatch.setattr(loop, "weighted_loss", weigh)
    outcome = run.run()
    assert losses(outcome)[19] > 2 * losses(outcome)[0]
    assert outcome.rollbacks == []
    assert outcome.verdict == "healthy throughout"


def test_one_bad_reading_is_waited_out_and_two_go_back_to_the_best(folder: Path, tmp_path: Path) -> None:
    def trained(name: str, bad: set[int]) -> loop.Outcome:
        run = make_loop(loading.load_student(folder, SETTINGS, seed=0), tmp_path / name, epochs=5)
        run.read = lambda step: scripted(step, 2.0 if step in bad and not run.attempt else 1.0 - step / 100)
        return run.run()

    assert trained("one", {6}).rollbacks == []
    two = trained("two", {6, 9}).rollbacks
    assert [(decision["step"], decision["to"]) for decision in two] == [(9, 3)]


def test_a_student_that_ends_badly_is_kept_as_it_was_at_its_best(folder: Path, tmp_path: Path) -> None:
    run = make_loop(loading.load_student(folder, SETTINGS, seed=0), tmp_path, epochs=3)
    run.read = lambda step: scripted(step, 2.0 if step == 9 else 1.0 - step / 100)
    outcome = run.run()
    assert outcome.verdict.startswith("at step 9, the last reading: held-out loss 2.00 (base 1.00); the adapter is")
    assert outcome.best_step == 6
    saved, _, _ = load_checkpoint(run.checkpoints.at(6))
    assert all(saved[name].equal(parameter) for name, parameter in run.parameters.items())


def test_readings_are_as_rare_as_their_cost_asks(folder: Path, tmp_path: Path) -> None:
    run = make_loop(loading.load_student(folder, SETTINGS, seed=0), tmp_path, epochs=12)
    run.options = loop.Options(checkpoint_steps=2, guard_steps=3, guard_share=0.5)
    run.step_seconds = 1.0
    run.read = lambda step: replace(scripted(step, 1.0 - step / 100), seconds=5.0)
    assert [reading["step"] for reading in run.run().readings] == [0, 10, 20, 30, 36]


def test_what_a_text_costs_and_says_is_what_transformers_computes(student: loading.Student) -> None:
    """Losses record by record, in the order given, and the letter where the text says "Answer: X"."""
    import torch

    held = texts(student)
    reading = readings.Reader(student, held, batch=3, samples=0, tokens=1).read(0)
    letters = [student.tokenizer(f" {letter}")["input_ids"][0] for letter in "ABCD"]
    said = dict.fromkeys("ABCD", 0)
    for text, loss_ in zip(held, reading.losses, strict=True):
        with torch.no_grad():
            logits = student.model(input_ids=torch.tensor([text.ids])).logits[0]
        live = torch.tensor(text.ids[text.prompt_length:])
        expected = torch.nn.functional.cross_entropy(logits[text.prompt_length - 1:-1], live).item()
        assert loss_ == pytest.approx(expected, abs=1e-4)
        said["ABCD"[int(logits[-3, letters].argmax())]] += 1
    assert reading.letters == said
    assert reading.levels == {"easy": pytest.approx(reading.loss)}


def test_without_a_guard_a_loss_that_is_no_number_stops_the_stage(student: loading.Student, tmp_path: Path) -> None:
    import torch

    with torch.no_grad():
        next(iter(student.trainable().values())).fill_(math.nan)
    with pytest.raises(StageError, match="loss of step 1 is not a number"):
        make_loop(student, tmp_path).run()


def test_reading_leaves_no_trace(student: loading.Student, tmp_path: Path) -> None:
    import torch

    state = torch.get_rng_state()
    student.model.train()
    reading = readings.Reader(student, texts(student)[:4], batch=2, samples=1, tokens=4).read(0)
    assert student.model.training
    assert torch.equal(state, torch.get_rng_state())
    assert len(reading.losses) == sum(reading.letters.values()) == 4
    assert reading.replies == 1


def _work(rank: int, folder: Path, root: Path, port: int) -> None:
    import torch
    from torch import distributed

    torch.set_num_threads(1)
    distributed.init_process_group("gloo", init_method=f"tcp://127.0.0.1:{port}", rank=rank, world_size=2)
    student = loading.load_student(folder, SETTINGS, seed=0)
    world = World(rank, 2)
    found = windows([encoded(student)], batch=2, accumulation=1, world=world)
    run = loop.Loop(student, found, [3e-3] * len(found), Checkpoints(root / f"c{rank}", "p", 1),
                    ScopedJournal(Journal(root / f"{rank}.jsonl"), "p"), loop.Options(), world=world)
    torch.save([losses(run.run()), {n: p.detach() for n, p in student.trainable().items()}], root / f"{rank}.pt")
    distributed.destroy_process_group()


def test_two_workers_learn_what_one_learns(folder: Path, tmp_path: Path) -> None:
    import socket

    import torch
    from torch import multiprocessing

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    multiprocessing.spawn(_work, args=(folder, tmp_path, port), nprocs=2)
    alone = make_loop(loading.load_student(folder, SETTINGS, seed=0), tmp_path / "alone", epochs=1)
    expected = losses(alone.run())
    results = [torch.load(tmp_path / f"{rank}.pt") for rank in range(2)]
    assert results[0][0] == pytest.approx(expected, rel=1e-4)
    assert results[0][0] == results[1][0]
    assert all(results[0][1][name].equal(results[1][1][name]) for name in alone.parameters)
    assert all(parameter.allclose(results[0][1][name], atol=1e-3) for name, parameter in alone.parameters.items())
    assert not (tmp_path / "c1").exists() or not list((tmp_path / "c1").glob("step-*"))
