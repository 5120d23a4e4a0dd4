"""Stage 03 with the real small model: the rating of a record is its own, and the whole chain of flags works."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from stepladder.curriculum.ratings import Assessor, ten_continues_one
from stepladder.engine.backend import open_backend
from stepladder.puzzles import stream, to_record

pytestmark = pytest.mark.model
SCRIPT = Path(__file__).resolve().parents[1] / "scripts" / "03_create_curriculum_phi4.py"
PROMPTS = ("difficulty", "steps")
NOISE = 0.1  # of a rating; neighbours in a batch change the order of additions, and Q8_0 rounds activations


def test_a_rating_depends_neither_on_neighbours_nor_on_the_order(small_model: Path) -> None:
    records = [to_record(puzzle) for puzzle in stream(7, seed=2, kinds=["linear_seating", "family"])]
    with open_backend(small_model, sequences=4, context=768) as backend:
        assert ten_continues_one(backend) is (backend.count_tokens("10") > backend.count_tokens("1"))
        together = {r["id"]: r for r in Assessor(backend, PROMPTS).measure(records)}
        turned = {r["id"]: r for r in Assessor(backend, PROMPTS).measure(records[::-1])}
    with open_backend(small_model, sequences=1, context=768) as backend:
        alone = next(iter(Assessor(backend, PROMPTS).measure(records[3:4])))
    assert len({r["assessor"] for r in together.values()}) == 7
    for name, result in together.items():
        assert result["read"] == "probabilities"
        assert result["mass"] > 0.5
        assert turned[name]["assessor"] == pytest.approx(result["assessor"], abs=NOISE)
    assert alone["assessor"] == pytest.approx(together[alone["id"]]["assessor"], abs=NOISE)


def test_the_stage_from_end_to_end(small_model: Path, tmp_path: Path) -> None:
    folder = tmp_path / "data" / "enhanced"
    folder.mkdir(parents=True)
    entry = {"name": "smollm2", "gguf": str(small_model), "transformers": None}
    (folder / "models_sample.json").write_text(json.dumps({"assessor": entry, "student": entry}), "utf-8")
    records = [to_record(puzzle) for puzzle in stream(6, seed=2, kinds=["linear_seating", "family"])]
    (folder / "cot_enhanced_sample.json").write_text(json.dumps(records), "utf-8")
    command = [sys.executable, str(SCRIPT), "--profile", "laptop", "--workdir", str(tmp_path)]
    run = subprocess.run([*command, "--student-signal", "--student-rotations", "1"], capture_output=True, text=True,
                         check=False)
    assert run.returncode == 0, run.stderr
    ordered = json.loads((folder / "curriculum_ordered_sample.json").read_bytes())
    assert sorted(r["id"] for r in ordered) == sorted(r["id"] for r in records)
    assert {r["difficulty_by"] for r in ordered} == {"smollm2"}
    assert all(0 < r["signals"]["student"] < 1 for r in ordered)
    again = subprocess.run(command, capture_output=True, text=True, check=False)
    assert again.returncode == 0, again.stderr  # fewer signals: another run, with no model loaded
    assert len(json.loads((folder / "curriculum_ordered_sample.meta.json").read_bytes())["counts"]["identities"]) == 1
