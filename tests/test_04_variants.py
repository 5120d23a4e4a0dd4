"""Two students of one run in training at once: each comes out as it would alone. On a tiny student."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from training_models import make_llama, make_workdir, record

from stepladder.training import loop, trained

PROJECT = Path(__file__).resolve().parents[1]
STAGE = importlib.import_module("04_train_qwen3_235b")
FLAGS = ["--profile", "laptop", "--dtype", "float32", "--rank", "4", "--alpha", "8", "--guard-steps", "0",
         "--held-out", "0", "--checkpoint-steps", "2", "--max-length", "400", "--epochs", "4", "--batch", "2",
         "--accumulation", "1", "--no-gguf", "--order", "curriculum"]
CONTROL = ["--variant", "control", "--order", "random"]
TWIN = ["--variant", "twin"]
RECORDS = [record(i, difficulty=1 + i) for i in range(8)]  # 4 steps an epoch


class Killed(BaseException):
    """kill -9, as far as this process can see it."""


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_llama(tmp_path_factory.mktemp("base") / "tiny")


def workspace(folder: Path, llama: Path) -> Path:
    make_workdir(folder, RECORDS)
    (folder / "models").mkdir()
    (folder / "models/tiny").symlink_to(llama)
    return folder


@pytest.fixture
def root(llama: Path, tmp_path: Path) -> Path:
    return workspace(tmp_path, llama)


def run(root: Path, *flags: str) -> int:
    return STAGE.run(STAGE.build_parser().parse_args([*FLAGS, "--workdir", str(root), *flags])) or 0


def log_of(root: Path, mark: str = "") -> dict[str, Any]:
    return json.loads((root / f"data/enhanced/training_log_sample{mark}.json").read_text())


def came_out(root: Path, mark: str = "") -> tuple[list[Any], bytes]:
    """(ids and loss of each step, trained weights)."""
    steps = [(step["ids"], step["loss"]) for step in log_of(root, mark)["steps"]]
    return steps, (root / f"models/smollm2_135m_cot_curriculum{mark}" / trained.WEIGHTS).read_bytes()


@pytest.fixture(scope="module")
def alone(llama: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[list[Any], bytes]]:
    """How the main training and the control come out in workspaces of their own."""
    found = {}
    for mark, flags in (("", []), (".control", CONTROL[2:])):
        folder = workspace(tmp_path_factory.mktemp("alone"), llama)
        run(folder, *flags)
        found[mark] = came_out(folder)
    return found


IN_STEP = f"""
import runpy, sys, time
from pathlib import Path
sys.path.insert(0, {str(PROJECT / 'scripts')!r})
from stepladder.training import loop

folder, me, other, *sys.argv = sys.argv[1:]
take = loop.Loop._step

def step(self, window):
    Path(folder, f"{{me}}{{window.step}}").touch()
    end = time.monotonic() + 120
    while not Path(folder, f"{{other}}{{window.step}}").exists():
        assert time.monotonic() < end, "the other one never came"
        time.sleep(0.005)
    return take(self, window)

loop.Loop._step = step
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def test_two_trainings_at_once_come_out_as_each_alone(root: Path, alone: dict[str, tuple[list[Any], bytes]]) -> None:
    """Each takes a step only when the other is about to take the same."""
    import torch

    script = [str(PROJECT / "scripts" / "04_train_qwen3_235b.py"), *FLAGS, "--workdir", str(root)]
    both = [subprocess.Popen([sys.executable, "-c", IN_STEP, str(root), *names, *script, *flags],
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                             env={**os.environ, "OMP_NUM_THREADS": str(torch.get_num_threads())})
            for names, flags in ((("main", "control"), []), (("control", "main"), CONTROL))]
    for process in both:
        told = process.communicate()[0]
        assert process.returncode == 0, told
    assert came_out(root) == alone[""]
    assert came_out(root, ".control") == alone[".control"]
    assert alone[""] != alone[".control"]
    assert not (root / "data/enhanced/aside").exists()
    assert not (root / "models/aside").exists()


@pytest.mark.parametrize("other", [CONTROL, TWIN], ids=["another order", "the very same training"])
def test_a_killed_training_goes_on_whatever_a_variant_did_meanwhile(
        root: Path, alone: dict[str, tuple[list[Any], bytes]], monkeypatch: pytest.MonkeyPatch, other: list[str]
        ) -> None:
    take, taken = loop.Loop._step, []

    def step(self: loop.Loop, window: Any) -> dict[str, Any]:
        if len(taken) == 7:
            raise Killed
        taken.append(window.step)
        return take(self, window)

    monkeypatch.setattr(loop.Loop, "_step", step)
    with pytest.raises(Killed):
        run(root)
    taken.clear()
    with pytest.raises(Killed):
        run(root, *other)
    assert taken == list(range(1, 8)), "it finds no steps of the main run's"
    for flags in ([], other):
        taken[:] = [-1] * 8  # no more kills
        run(root, *flags)
        assert taken[8:] == list(range(7, 17)), "both go on from their own checkpoint of step 6"
    assert came_out(root) == alone[""]
    assert came_out(root, f".{other[1]}") == alone[".control" if other is CONTROL else ""]
    assert not list((root / "models").glob(".*_checkpoints*")), "each removes its own"


def test_the_log_tells_orders_apart_and_meets_the_same_records(alone: dict[str, tuple[list[Any], bytes]]) -> None:
    met = {mark: [name for ids, _ in steps for name in ids] for mark, (steps, _) in alone.items()}
    assert met[""] != met[".control"]
    for ids in met.values():
        assert [sorted(ids[start:start + 8]) for start in range(0, 32, 8)] == [[f"q{i}" for i in range(8)]] * 4


def test_a_variant_reads_its_own_curriculum_where_there_is_one(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(root, *CONTROL)
    assert "variant control; reads curriculum_ordered_sample.json" in capsys.readouterr().out
    own = root / "data/enhanced/curriculum_ordered_sample.control.json"
    own.write_text(json.dumps(RECORDS[:4]))
    assert run(root, *CONTROL, "--status") == 0
    assert "04 control: to do (training_log_sample.control.json was made from other inputs" in capsys.readouterr().out
    run(root, *CONTROL)
    assert log_of(root, ".control")["counts"]["records"] == 4
    run(root)
    assert log_of(root)["counts"]["records"] == 8
    meta = json.loads((root / "data/enhanced/training_log_sample.control.meta.json").read_text())
    assert meta["variant"] == "control"
