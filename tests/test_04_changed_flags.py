"""Stage 04 when flags change: what shapes weights is a training, what shapes exports is none. On a tiny student."""

from __future__ import annotations

import importlib
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from training_models import make_llama, make_moe, make_workdir, record

from stepladder.core.errors import InputError, StageError
from stepladder.training import changes, converter, export, loop, trained
from stepladder.training.guard import Reading
from stepladder.training.readings import Reader

STAGE = importlib.import_module("04_train_qwen3_235b")
BASICS = ["--dtype", "float32", "--rank", "4", "--alpha", "8", "--guard-steps", "4", "--guard-share", "0",
          "--guard-samples", "0", "--checkpoint-steps", "2", "--max-length", "400", "--schedule", "linear",
          "--epochs", "3", "--batch", "2", "--accumulation", "1"]
RECORDS = [record(i, difficulty=1 + i) for i in range(8)]  # 4 steps an epoch
ADAPTER = "models/smollm2_135m_cot_curriculum"
CHECKPOINTS = "models/.smollm2_135m_checkpoints"


class Killed(BaseException):
    """kill -9, as far as this process can see it."""


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_llama(tmp_path_factory.mktemp("base") / "tiny")


@pytest.fixture
def root(llama: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A workspace with a scripted converter."""
    make_workdir(tmp_path, RECORDS)
    (tmp_path / "models").mkdir()
    (tmp_path / "models/tiny").symlink_to(llama)
    monkeypatch.setattr(converter, "require_converter", lambda: tmp_path)
    monkeypatch.setattr(converter, "convert", converted)
    monkeypatch.setattr(changes, "require_in_gguf", lambda *_: None)
    return tmp_path


def converted(script: str, arguments: list[str]) -> None:
    source, target = Path(arguments[-1]), Path(arguments[arguments.index("--outfile") + 1])
    card = source / export.CARD
    described = card.read_bytes() if card.exists() else b""  # the real one takes it in, too
    target.write_bytes(b"GGUF" + (source / trained.WEIGHTS).read_bytes()[-64:] + described)


def run(root: Path, *flags: str) -> int:
    arguments = ["--profile", "laptop", "--workdir", str(root), *BASICS, *flags]
    return STAGE.run(STAGE.build_parser().parse_args(arguments))


def kill_after(root: Path, steps: int, *flags: str) -> None:
    """A run that dies after so many steps of its own."""
    with pytest.MonkeyPatch.context() as patch:
        take, taken = loop.Loop._step, []

        def step(self: loop.Loop, window: Any) -> dict[str, Any]:
            if len(taken) == steps:
                raise Killed
            taken.append(window.step)
            return take(self, window)

        patch.setattr(loop.Loop, "_step", step)
        with pytest.raises(Killed):
            run(root, *flags)


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The steps that are really computed from now on."""
    computed: list[int] = []
    take = loop.Loop._step

    def step(self: loop.Loop, window: Any) -> dict[str, Any]:
        computed.append(window.step)
        return take(self, window)

    monkeypatch.setattr(loop.Loop, "_step", step)
    return computed


def script(monkeypatch: pytest.MonkeyPatch, loss: Callable[[int], float]) -> list[int]:
    """Readings with a scripted held-out loss by step; the steps that are read."""
    taken: list[int] = []

    def read(self: Reader, step: int) -> Reading:
        taken.append(step)
        return Reading(step, (loss(step),), {"easy": loss(step)})

    monkeypatch.setattr(Reader, "read", read)
    return taken


def log_of(root: Path) -> dict[str, Any]:
    return json.loads((root / "data/enhanced/training_log_sample.json").read_text())


def losses(root: Path) -> list[float]:
    return [step["loss"] for step in log_of(root)["steps"]]


def weights(root: Path) -> bytes:
    return (root / ADAPTER / trained.WEIGHTS).read_bytes()


@pytest.fixture(scope="module")
def unbroken(llama: Path, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """The steps of a run that nobody disturbed."""
    root = tmp_path_factory.mktemp("unbroken")
    make_workdir(root, RECORDS)
    (root / "models").mkdir()
    (root / "models/tiny").symlink_to(llama)
    run(root, "--no-gguf")
    return log_of(root)["steps"]


@pytest.mark.parametrize("changed", [
    ["--merge"], ["--no-gguf"], ["--guard-steps", "0"], ["--guard-steps", "3", "--guard-share", "0.5"],
    ["--guard-tokens", "7", "--guard-samples", "1"], ["--deadline-hours", "100", "--deadline-records", "9"],
    ["--checkpoint-steps", "5", "--checkpoints-kept", "1"]], ids="".join)
def test_a_running_training_goes_on_and_a_finished_one_stands(
        root: Path, steps: list[int], unbroken: list[dict[str, Any]], changed: list[str]) -> None:
    kill_after(root, 6)
    steps.clear()
    assert run(root, *changed) == 0
    assert steps == list(range(7, 13))
    assert losses(root) == [step["loss"] for step in unbroken]
    assert not (root / CHECKPOINTS).exists()
    steps.clear()
    made = weights(root)
    assert run(root, "--merge") == 0
    assert steps == []
    assert weights(root) == made
    assert not (root / "models/aside").exists()


def test_the_guard_may_come_late(root: Path, steps: list[int], unbroken: list[dict[str, Any]]) -> None:
    kill_after(root, 6, "--guard-steps", "0")
    steps.clear()
    run(root, "--guard-steps", "3", "--no-gguf")
    assert steps == list(range(7, 13))
    assert losses(root) == [step["loss"] for step in unbroken]
    readings = log_of(root)["guard"]["readings"]
    assert [reading["step"] for reading in readings] == [0, 6, 9, 12], "base first, then where it went on"


def test_a_late_guard_has_somewhere_to_go_back_to(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kill_after(root, 6, "--guard-steps", "0")
    script(monkeypatch, lambda step: {0: 1.0, 6: 0.9}.get(step, math.nan))
    run(root, "--guard-steps", "3", "--no-gguf")
    guard = log_of(root)["guard"]
    assert [decision["to"] for decision in guard["decisions"]] == [6, 6, 6]
    assert guard["best_step"] == 6
    assert len(losses(root)) == 6


def test_a_late_guard_that_finds_the_student_collapsed_goes_back_as_far_as_it_can(
        root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kill_after(root, 6, "--guard-steps", "0")
    script(monkeypatch, lambda step: math.nan if step else 1.0)
    run(root, "--guard-steps", "3", "--no-gguf")
    assert [decision["to"] for decision in log_of(root)["guard"]["decisions"]] == [0, 0, 0]


def test_readings_asked_otherwise_are_not_compared(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another base reading, one where it goes on; and no way back to a step whose checkpoint is gone."""
    taken: list[tuple[int, int]] = []

    def read(self: Reader, step: int) -> Reading:
        taken.append((step, len(self.asked)))
        return Reading(step, (math.nan if self.asked and step else 1.0 - step / 100,), {"easy": 1.0})

    monkeypatch.setattr(Reader, "read", read)
    kill_after(root, 7, "--guard-steps", "2", "--checkpoints-kept", "1")
    run(root, "--guard-steps", "2", "--checkpoints-kept", "1", "--guard-samples", "1", "--no-gguf")
    assert taken[:6] == [(0, 0), (2, 0), (4, 0), (6, 0), (0, 1), (6, 1)]
    assert {decision["to"] for decision in log_of(root)["guard"]["decisions"]} == {4}, "the first one that is left"


def test_the_best_adapter_is_kept_and_a_kill_keeps_the_same(
        root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The held-out loss is lowest at step 4 of 12: that adapter is saved, exported and named in log and card."""
    run(root, "--epochs", "3", "--guard-steps", "0", "--no-gguf")
    last = weights(root)
    script(monkeypatch, lambda step: 1.0 - step / 10 if step <= 4 else 0.8)
    flags = ["--guard-steps", "2", "--checkpoints-kept", "1", "--seed", "0"]
    run(root, *flags, "--force")
    log, best, gguf = log_of(root), weights(root), (root / ADAPTER / "adapter.gguf").read_bytes()
    assert (log["guard"]["best_step"], log["counts"]["best_step"], len(log["steps"])) == (4, 4, 12)
    assert best != last
    assert "the adapter is that of step 4, which had the lowest held-out loss" in capsys.readouterr().out
    assert "The adapter is that of step 4" in (root / ADAPTER / "README.md").read_text()
    kill_after(root, 9, *flags, "--force")
    run(root, *flags)
    assert (weights(root), (root / ADAPTER / "adapter.gguf").read_bytes()) == (best, gguf)


def test_early_stopping_ends_a_training_and_is_another_one(root: Path, steps: list[int],
                                                           monkeypatch: pytest.MonkeyPatch) -> None:
    taken = script(monkeypatch, lambda step: 1.0 - step / 10 if step <= 4 else 0.8)
    run(root, "--guard-steps", "2", "--early-stopping", "2", "--no-gguf")
    assert (taken, steps[-1], log_of(root)["guard"]["best_step"]) == ([0, 2, 4, 6, 8], 8, 4)
    run(root, "--guard-steps", "2", "--early-stopping", "2")
    assert steps[-1] == 8
    run(root, "--guard-steps", "2", "--no-gguf")
    assert steps[-1] == 12


def test_nothing_to_read_is_said_before_the_student_is_loaded(root: Path) -> None:
    with pytest.raises(InputError, match="--held-out and records enough, or --guard-steps 0"):
        run(root, "--held-out", "0")
    with pytest.raises(InputError, match="give --guard-steps too"):
        run(root, "--guard-steps", "0", "--early-stopping", "1")


def test_fewer_epochs_end_a_running_training_earlier_with_its_rates(
        root: Path, steps: list[int], unbroken: list[dict[str, Any]], capsys: pytest.CaptureFixture[str]) -> None:
    kill_after(root, 5)
    steps.clear()
    run(root, "--epochs", "2", "--no-gguf")
    assert steps == [5, 6, 7, 8], "from the checkpoint of step 4"
    assert "ends after 2 of 3 planned epochs; the rates of its steps stay those of the plan" in capsys.readouterr().out
    log = log_of(root)
    assert [(step["loss"], step["learning_rate"]) for step in log["steps"]] == [
        (step["loss"], step["learning_rate"]) for step in unbroken[:8]]
    assert (log["counts"]["epochs"], log["counts"]["planned_epochs"]) == (2, 3)
    assert log["guard"]["readings"][-1]["step"] == 8
    steps.clear()
    run(root, "--epochs", "2")
    assert steps == []


@pytest.mark.parametrize(("killed", "ended"), [(4, 4), (7, 6)])
def test_fewer_epochs_than_are_behind_it_end_it_where_it_stands(
        root: Path, steps: list[int], unbroken: list[dict[str, Any]], killed: int, ended: int) -> None:
    kill_after(root, killed)
    steps.clear()
    run(root, "--epochs", "1", "--no-gguf")
    assert steps == []
    log = log_of(root)
    assert [step["loss"] for step in log["steps"]] == [step["loss"] for step in unbroken[:ended]]
    assert log["counts"]["epochs"] == (ended + 3) // 4
    assert log["guard"]["readings"][-1]["step"] == ended


def test_a_training_that_was_ended_early_can_be_asked_for_as_a_whole_after_all(
        root: Path, steps: list[int], unbroken: list[dict[str, Any]]) -> None:
    kill_after(root, 5)
    run(root, "--epochs", "2", "--no-gguf")
    steps.clear()
    run(root, "--epochs", "2", "--no-gguf")
    assert steps == []
    run(root, "--no-gguf")
    assert steps == [9, 10, 11, 12], "what the shorter one had is not done again"
    assert losses(root) == [step["loss"] for step in unbroken]
    assert not (root / CHECKPOINTS).exists()


def test_more_epochs_are_another_training_and_the_first_one_is_kept(root: Path, steps: list[int]) -> None:
    kill_after(root, 6)
    steps.clear()
    kill_after(root, 2, "--epochs", "4")
    assert steps[0] == 1
    assert len(list((root / "models/aside").iterdir())) == 1
    steps.clear()
    run(root, "--no-gguf")
    assert steps == list(range(7, 13)), "the training of just these epochs goes on, not the longer one"


def test_killed_a_b_a_goes_on_where_a_was(root: Path, steps: list[int], unbroken: list[dict[str, Any]],
                                           capsys: pytest.CaptureFixture[str]) -> None:
    kill_after(root, 6)
    kill_after(root, 4, "--rank", "2")
    assert "checkpoints of another training are kept as" in capsys.readouterr().out
    steps.clear()
    assert run(root) == 0
    assert "fit and are brought back" in capsys.readouterr().out
    assert steps == list(range(7, 13))
    assert losses(root) == [step["loss"] for step in unbroken]
    steps.clear()
    assert run(root, "--rank", "2") == 0
    assert steps == list(range(5, 13))


def test_finished_a_b_a_trains_nothing_again(root: Path, steps: list[int]) -> None:
    agents = root / ADAPTER / "agents"
    agents.mkdir(parents=True)
    (agents / "kept").write_text("by stage 06")
    run(root)
    first, log = weights(root), log_of(root)
    run(root, "--seed", "1", "--merge")
    second, gguf = weights(root), (root / ADAPTER / "adapter.gguf").read_bytes()
    assert first != second
    steps.clear()
    assert run(root) == 0
    assert steps == []
    assert weights(root) == first
    assert log_of(root)["steps"] == log["steps"]
    assert (root / ADAPTER / "adapter.gguf").read_bytes() != gguf, "the export is the adapter's"
    assert not (root / ADAPTER / "merged").exists(), "the other one's would lie"
    assert (agents / "kept").exists()
    assert run(root, "--seed", "1") == 0
    assert (steps, weights(root)) == ([], second)


def test_a_finished_training_does_not_cost_a_running_one_its_checkpoints(root: Path, steps: list[int]) -> None:
    run(root)
    kill_after(root, 6, "--seed", "1")
    (root / "data/enhanced/training_log_sample.json").unlink()
    steps.clear()
    run(root)
    assert steps == []
    run(root, "--seed", "1")
    assert steps == list(range(7, 13))


def test_force_trains_anew_and_keeps_what_was(root: Path, steps: list[int]) -> None:
    kill_after(root, 6)
    steps.clear()
    run(root, "--force")
    assert steps == list(range(1, 13))
    steps.clear()
    run(root, "--force")
    assert steps == list(range(1, 13))
    names = sorted(path.name.split(".")[0] for path in (root / "models/aside").iterdir())
    assert names == ["smollm2_135m_checkpoints", "smollm2_135m_cot_curriculum"]


@pytest.mark.parametrize("then", [[], ["--no-gguf"]], ids=["again", "without"])
def test_a_converter_that_fails_leaves_the_training_finished(
        root: Path, steps: list[int], monkeypatch: pytest.MonkeyPatch, then: list[str]) -> None:
    def failing(script: str, arguments: list[str]) -> None:
        raise StageError(f"{script} failed: no such architecture")

    monkeypatch.setattr(converter, "convert", failing)
    with pytest.raises(StageError, match=r"^export gguf: convert_lora.*no such arch.*--no-gguf$") as failed:
        run(root, "--merge")
    assert failed.value.exit_code == 1
    assert len(steps) == 12
    assert list((root / CHECKPOINTS).glob("step-*")), "they go when the stage is done"
    made = weights(root)
    if not then:
        monkeypatch.setattr(converter, "convert", converted)
    monkeypatch.setattr(export, "merge", lambda *_: pytest.fail("merged/ is there already"))
    assert run(root, "--merge", *then) == 0
    assert (len(steps), weights(root)) == (12, made)
    assert (root / ADAPTER / "adapter.gguf").exists() == (not then)
    assert list(log_of(root)["agreement"]) == ["merged"]
    assert not (root / CHECKPOINTS).exists()


def test_an_export_asked_for_later_is_made_alone(root: Path, steps: list[int],
                                                  monkeypatch: pytest.MonkeyPatch) -> None:
    run(root)
    steps.clear()
    monkeypatch.setattr(converter, "convert", lambda *_: pytest.fail("adapter.gguf is there already"))
    assert run(root, "--merge") == 0
    assert steps == []
    found = log_of(root)["agreement"]["merged"]
    assert (found["texts"], found["share"]) == (7, 1)  # of eight records one is held out
    assert found["distance"] < 1e-3
    card = (root / ADAPTER / "README.md").read_text()
    assert "merged: on 7 texts" in card
    assert "What can load it" not in card


def test_a_damaged_export_is_made_again(root: Path, steps: list[int]) -> None:
    run(root)
    whole = (root / ADAPTER / "adapter.gguf").read_bytes()
    (root / ADAPTER / "adapter.gguf").write_bytes(b"half")
    steps.clear()
    run(root)
    assert (root / ADAPTER / "adapter.gguf").read_bytes() == whole
    assert steps == []


def test_a_damaged_adapter_is_no_finished_training(root: Path, steps: list[int],
                                                   capsys: pytest.CaptureFixture[str]) -> None:
    run(root)
    whole = weights(root)
    (root / ADAPTER / trained.WEIGHTS).write_bytes(whole[:-1])
    capsys.readouterr()
    with pytest.raises(InputError, match="holds no finished adapter"):
        run(root, "--exports-only")
    steps.clear()
    run(root)
    assert len(steps) == 12
    assert "going on" not in capsys.readouterr().out
    assert weights(root) == whole


@pytest.mark.parametrize("name", ["tokenizer.json", trained.RECORD])
def test_killed_while_the_adapter_is_written_it_is_written_again(
        root: Path, steps: list[int], monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    real = trained.os.replace

    def replace(source: Path, target: Path) -> None:
        if Path(target) == root / ADAPTER / name:
            raise Killed
        real(source, target)

    monkeypatch.setattr(trained.os, "replace", replace)
    with pytest.raises(Killed):
        run(root)
    monkeypatch.setattr(trained.os, "replace", real)
    run(root)
    assert len(steps) == 12
    assert trained.held_in(root / ADAPTER, trained.hash_file) is not None
    assert (root / ADAPTER / "tokenizer.json").exists()


def test_exports_only_needs_the_adapter_alone(root: Path, steps: list[int]) -> None:
    with pytest.raises(InputError, match="holds no finished adapter"):
        run(root, "--exports-only", "--merge")
    run(root, "--no-gguf")
    log, made = log_of(root), weights(root)
    steps.clear()
    (root / "data/enhanced/curriculum_ordered_sample.json").unlink()
    assert run(root, "--exports-only", "--merge", "--rank", "7") == 0
    assert (steps, weights(root), log_of(root)) == ([], made, log)
    assert (root / ADAPTER / "adapter.gguf").exists()
    assert (root / ADAPTER / "merged").is_dir()
    assert "merged: on 7 texts" in (root / ADAPTER / "README.md").read_text()


def test_exports_only_refuses_another_base(root: Path) -> None:
    run(root, "--no-gguf")
    (root / "models/tiny").unlink()
    make_llama(root / "models/tiny", seed=1)
    with pytest.raises(InputError, match="trained on another base"):
        run(root, "--exports-only", "--merge")


def test_adapters_on_experts_are_merged_from_their_files(root: Path) -> None:
    (root / "models/tiny").unlink()
    make_moe(root / "models/tiny", dtype="float32")
    flags = ["--targets", "experts", "--expert-rank", "2", "--epochs", "1", "--learning-rate", "0.01"]
    run(root, *flags, "--no-gguf")
    assert run(root, *flags, "--no-gguf", "--merge") == 0
    found = log_of(root)["agreement"]["merged"]
    assert found["share"] == pytest.approx(1, abs=0.001)
    assert found["distance"] < 1e-3
    card = (root / ADAPTER / "README.md").read_text()
    assert "PEFT loads that from 0.17.0 on" in card
    assert "`--lora` cannot load it" in card
    import torch
    from safetensors.torch import load_file

    def experts(folder: Path) -> dict[str, torch.Tensor]:
        return {name: tensor for path in folder.glob("*.safetensors") for name, tensor in load_file(path).items()
                if ".experts." in name}

    base, merged = experts(root / "models/tiny"), experts(root / ADAPTER / "merged")
    assert base.keys() == merged.keys()
    assert any(not base[name].equal(merged[name]) for name in base)


def test_a_log_elsewhere_is_refused_before_anything_is_touched(root: Path, steps: list[int]) -> None:
    with pytest.raises(InputError, match="--variant NAME") as refused:
        run(root, "--output", str(root / "data/enhanced/control_log.json"))
    assert refused.value.exit_code == 2
    assert "\n" not in str(refused.value)
    assert steps == []
    assert not (root / ADAPTER).exists()
    assert run(root, "--output", str(root / "data/enhanced/training_log_sample.json"), "--no-gguf") == 0


def test_the_dtype_and_deadline_settled_first_stay(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kill_after(root, 6)
    capsys.readouterr()
    run(root, "--deadline-hours", "0.000001", "--no-gguf")
    assert "deadline: records and epochs were settled before the first step" in capsys.readouterr().out
    assert len(losses(root)) == 12


def test_checkpoints_of_an_earlier_version_are_kept(root: Path, steps: list[int]) -> None:
    kill_after(root, 6)
    (root / CHECKPOINTS / "fingerprint.json").write_text('{"fingerprint": "of then"}')
    steps.clear()
    run(root, "--no-gguf")
    assert steps == list(range(1, 13))
    assert list((root / "models/aside").glob("*/*/step-000006/weights.safetensors"))
