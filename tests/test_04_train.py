"""Stage 04 as a user runs it, on a tiny student: outputs, bad input, kill -9, plan; the real small model last."""

from __future__ import annotations

import importlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from training_models import make_llama, make_workdir, record

from stepladder.core import cli, machine
from stepladder.core.tenths import tenth_bounds
from stepladder.training import memory, orders

PROJECT = Path(__file__).resolve().parents[1]
SCRIPT = PROJECT / "scripts" / "04_train_qwen3_235b.py"
FLAGS = ["--dtype", "float32", "--rank", "4", "--alpha", "8", "--guard-steps", "4", "--guard-share", "0",
         "--guard-samples", "1", "--guard-tokens", "4", "--held-out", "3",
         "--checkpoint-steps", "2", "--no-gguf", "--max-length", "400", "--order", "curriculum", "--schedule",
         "difficulty", "--batch", "2", "--accumulation", "4"]
RECORDS = [record(i, difficulty=1 + i / 4) for i in range(32)]
TRAINED = [f"q{i}" for i in range(32) if i not in (5, 16, 26)]  # held out evenly over the difficulty


def command(workdir: Path, *flags: str) -> list[str]:
    return [sys.executable, str(SCRIPT), "--profile", "laptop", "--workdir", str(workdir), *FLAGS, *flags]


def run(workdir: Path, *flags: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(workdir, *flags), capture_output=True, text=True, check=False,
                          env={**os.environ, "OMP_NUM_THREADS": "1"})


def log_of(workdir: Path) -> dict[str, Any]:
    return json.loads((workdir / "data/enhanced/training_log_sample.json").read_text())


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    root = tmp_path_factory.mktemp("work")
    records = [*RECORDS, record(98, chain_of_thought=None, cot={"status": "failed"}),
               record(99, steps="long " * 200), {"id": "broken"}]
    make_workdir(root, records)
    make_llama(root / "models/tiny")
    done = run(root, "--merge", "--epochs", "2")
    assert done.returncode == 0, done.stdout + done.stderr
    return root, done.stdout


def test_outputs(trained: tuple[Path, str]) -> None:
    root, said = trained
    folder = root / "models/smollm2_135m_cot_curriculum"
    for name in ("adapter_model.safetensors", "adapter_config.json", "tokenizer.json", "README.md", "merged"):
        assert (folder / name).exists(), name
    log = log_of(root)
    met = [name for step in log["steps"] for name in step["ids"]]
    count = len(TRAINED)
    assert sorted(met[:count]) == sorted(met[count:]) == sorted(TRAINED)
    assert met[:count] != met[count:], "each epoch is a draw of its own"
    for epoch in (met[:count], met[count:]):  # tenths of the records, in any order inside
        assert [set(epoch[low:high]) for low, high in pairwise(tenth_bounds(count))] == [
            set(TRAINED[low:high]) for low, high in pairwise(tenth_bounds(count))]
    assert log["order"] == {"strategy": "curriculum", "seed": 0, "epochs": [
        {"epoch": number, "records": count, "sha256": orders.hash_ids(ids), "first": ids[:5]}
        for number, ids in ((1, met[:count]), (2, met[count:]))]}
    assert log["counts"]["left_out"] == {"no reasoning": 1, "longer than 400 tokens": 1,
                                         "malformed: no question": 1, "held out": 3}
    assert all(step["loss"] and step["tokens_per_second"] and step["memory_bytes"] for step in log["steps"])
    assert log["counts"]["packed"]
    assert [reading["step"] for reading in log["guard"]["readings"]] == [0, 4, 8]
    assert log["agreement"]["merged"]["share"] == 1
    assert log["agreement"]["merged"]["distance"] < 1e-3
    assert "--- live\nTwo and two is four.\nAnswer: A<|im_end|>" in said
    assert "29 records" in (folder / "README.md").read_text()
    assert not (root / "models/.smollm2_135m_checkpoints").exists()
    assert not list((root / "data/enhanced").glob("*.partial*"))


def test_a_second_run_has_nothing_to_do(trained: tuple[Path, str]) -> None:
    again = run(trained[0], "--merge", "--epochs", "2")
    assert again.returncode == 0
    assert "already done" in again.stdout
    (trained[0] / "models/smollm2_135m_cot_curriculum/agents").mkdir(exist_ok=True)
    assert "done" in run(trained[0], "--merge", "--epochs", "2", "--status").stdout


def test_the_adapter_changes_the_base_as_the_merged_model_does(trained: tuple[Path, str]) -> None:
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    folder = trained[0] / "models/smollm2_135m_cot_curriculum"
    base = AutoModelForCausalLM.from_pretrained(trained[0] / "models/tiny", dtype=torch.float32)
    ids = torch.arange(5, 25).unsqueeze(0)
    with torch.no_grad():
        plain = base(ids).logits
        adapted = PeftModel.from_pretrained(base, folder)(ids).logits
        merged = AutoModelForCausalLM.from_pretrained(folder / "merged", dtype=torch.float32)(ids).logits
    assert torch.allclose(adapted, merged, atol=1e-4)
    assert not torch.allclose(adapted, plain, atol=1e-2)


def test_kill_9_and_run_again(trained: tuple[Path, str], tmp_path: Path) -> None:
    make_workdir(tmp_path, RECORDS)
    (tmp_path / "models").mkdir()
    (tmp_path / "models/tiny").symlink_to(trained[0] / "models/tiny")
    flags = ["--epochs", "6"]
    whole = run(tmp_path, *flags)
    assert whole.returncode == 0, whole.stderr
    expected, order = [step["loss"] for step in log_of(tmp_path)["steps"]], log_of(tmp_path)["order"]
    (tmp_path / "data/enhanced/training_log_sample.json").unlink()
    partial = tmp_path / "data/enhanced/journals/04_log_sample.jsonl"
    partial.unlink()
    shutil.rmtree(tmp_path / "models/smollm2_135m_cot_curriculum")
    process = subprocess.Popen(command(tmp_path, *flags), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                               env={**os.environ, "OMP_NUM_THREADS": "1"})
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline and process.poll() is None:
        if partial.exists() and partial.read_bytes().count(b'"id":"step/') >= 5:
            break
        time.sleep(0.005)
    assert process.poll() is None, "it ended before it could be killed"
    process.send_signal(signal.SIGKILL)
    process.wait()
    resumed = run(tmp_path, *flags)
    assert resumed.returncode == 0, resumed.stderr
    assert "going on after step" in resumed.stdout
    assert [step["loss"] for step in log_of(tmp_path)["steps"]] == expected
    assert log_of(tmp_path)["order"] == order


def test_a_resumed_run_keeps_the_dtype_measured_first(
        trained: tuple[Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two dtypes may be nearly as fast; a second measurement must not change the computing in mid-training."""
    import torch

    from stepladder.training import session

    make_workdir(tmp_path, RECORDS[:8])
    (tmp_path / "models").mkdir()
    (tmp_path / "models/tiny").symlink_to(trained[0] / "models/tiny")
    stage = importlib.import_module("04_train_qwen3_235b")
    args = stage.build_parser().parse_args(command(tmp_path, "--dtype", "auto")[2:])
    chosen = iter([torch.bfloat16, torch.float32])
    monkeypatch.setattr(session, "choose_dtype", lambda *_: next(chosen))
    save = session.trained.save
    monkeypatch.setattr(session.trained, "save", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        stage.run(args)
    monkeypatch.setattr(session.trained, "save", save)
    stage.run(args)
    assert log_of(tmp_path)["counts"]["dtype"] == "bfloat16"


def test_steps_without_their_checkpoints_are_not_gone_on_with(
        trained: tuple[Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is known of an earlier run, a rollback perhaps, must not shape one that begins at the first step."""
    from stepladder.training import session

    make_workdir(tmp_path, RECORDS[:8])
    (tmp_path / "models").mkdir()
    (tmp_path / "models/tiny").symlink_to(trained[0] / "models/tiny")
    stage = importlib.import_module("04_train_qwen3_235b")
    args = stage.build_parser().parse_args(command(tmp_path)[2:])
    monkeypatch.setattr(session.trained, "save", lambda *_: 1 / 0)
    resumed = []
    started = session.Session.run
    monkeypatch.setattr(session.Session, "run", lambda self: (resumed.append(self.journal.resumed), started(self))[1])
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            stage.run(args)
    shutil.rmtree(tmp_path / "models/.smollm2_135m_checkpoints")
    with pytest.raises(ZeroDivisionError):
        stage.run(args)
    assert resumed[0] == resumed[2] == 0 < resumed[1]


@pytest.mark.parametrize(("change", "code", "message"), [
    ("no records", 2, "nothing to train on: 1 no reasoning"),
    ("too long", 2, "longer than 10 tokens"),
    ("no base", 2, "is gone"),
    ("no difficulty", 2, "record q0 has no difficulty"),
    ("no curriculum", 2, "curriculum_ordered_sample.json: it does not exist"),
    ("no disk", 1, "GB are free"),
    ("no memory", 1, "needs"),
])
def test_bad_input_ends_early_with_one_line(
        trained: tuple[Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
        change: str, code: int, message: str) -> None:
    records = [record(0, chain_of_thought=None)] if change == "no records" else RECORDS[:4]
    if change == "no difficulty":
        records = [{**records[0], "difficulty": None}, records[1]]
    make_workdir(tmp_path, records)
    (tmp_path / "models").mkdir()
    if change != "no base":
        (tmp_path / "models/tiny").symlink_to(trained[0] / "models/tiny")
    if change == "no curriculum":
        (tmp_path / "data/enhanced/curriculum_ordered_sample.json").unlink()
    if change == "no disk":
        monkeypatch.setattr(machine, "free_disk_bytes", lambda path: 1000)
    if change == "no memory":
        monkeypatch.setattr(memory, "available", lambda: (1000, "this machine"))
    flags = ["--max-length", "10"] if change == "too long" else []
    monkeypatch.setattr(sys, "argv", command(tmp_path, *flags)[1:])
    stage = importlib.import_module("04_train_qwen3_235b")
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    with pytest.raises(SystemExit) as ended:
        cli.main(stage.build_parser, stage.run)
    for number, handler in handlers.items():
        signal.signal(number, handler)
    assert ended.value.code == code
    said = [line for line in capsys.readouterr().err.splitlines() if line.startswith("04_train_qwen3_235b.py: ")]
    assert len(said) == 1
    assert message in said[0]


def test_the_plan_needs_no_input(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, str(SCRIPT), "--profile", "mi300x", "--plan", "--workdir", str(tmp_path)],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "parameters 235.09B, trainable 203.3M" in done.stdout
    assert "weights 123.20 GB" in done.stdout


@pytest.mark.model
def test_the_small_model_learns_and_its_gguf_adapter_does_what_it_learnt(small_workdir: Path, tmp_path: Path) -> None:
    from stepladder.puzzles import catalog

    puzzles = [catalog.to_record(p) for p in catalog.stream(16, seed=3, kinds=["arithmetic"], levels=(1, 2))]
    records = [{**p, "difficulty": float(p["puzzle"]["level"]), "level": "easy"} for p in puzzles]
    make_workdir(tmp_path, records, student="models/smollm2_135m")
    table = tmp_path / "data/enhanced/models_sample.json"
    entry = json.loads(table.read_text())
    entry["student"]["gguf"] = "models/smollm2-135m-instruct-q8_0.gguf"
    table.write_text(json.dumps(entry))
    (tmp_path / "models").mkdir()
    for name in ("smollm2_135m", "smollm2-135m-instruct-q8_0.gguf"):
        (tmp_path / "models" / name).symlink_to(small_workdir / "models" / name)
    done = run(tmp_path, "--gguf", "--guard-steps", "0", "--rank", "16", "--batch", "2", "--accumulation", "2",
               "--warmup-steps", "0")
    assert done.returncode == 0, done.stdout + done.stderr
    log = log_of(tmp_path)
    assert log["steps"][-1]["loss"] < 0.9 * log["steps"][0]["loss"]
    found = log["agreement"]["gguf"]
    assert found["share"] == pytest.approx(1, abs=0.05)
    assert found["distance"] < 0.6 * found["allowed"]
    assert (tmp_path / "models/smollm2_135m_cot_curriculum/adapter.gguf").stat().st_size > 1_000_000
