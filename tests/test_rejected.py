"""Files of which every record is rejected: exit 2, the commonest reasons with a record of each, and the file."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from test_00_collect import made_up, write

from stepladder.core.cli import PROJECT
from stepladder.core.files import read_json
from stepladder.core.records import with_reasons

STAGES = {
    "00": ("00_collect_questions.py", ["--sources", "json"], "rejected_sample.json"),
    "02": ("02_generate_cot_llama_cpp.py", ["--endpoints", "http://127.0.0.1:9", "--endpoint-model", "none"],
           "cot_enhanced_rejected_sample.json"),
    "03": ("03_create_curriculum_phi4.py", ["--difficulty", "heuristic", "--endpoints", "http://127.0.0.1:9",
                                           "--endpoint-model", "none"], "curriculum_ordered_rejected_sample.json"),
}
BAD = [made_up(1, answer="E"), *(made_up(number, choices={"A": "x"}) for number in range(2, 5)), "no record"]


def run(stage: str, workdir: Path, *flags: str) -> subprocess.CompletedProcess[str]:
    script, given, _ = STAGES[stage]
    command = [sys.executable, str(PROJECT / "scripts" / script), "--profile", "laptop", "--workdir", str(workdir)]
    return subprocess.run([*command, *given, *flags], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("stage", STAGES)
def test_all_rejected_is_exit_2_with_the_reasons_and_the_file(tmp_path: Path, stage: str) -> None:
    source = write(tmp_path / "bad.json", BAD)
    done = run(stage, tmp_path, "--input", str(source))
    assert done.returncode == 2, done.stdout + done.stderr
    line, = done.stderr.strip().splitlines()
    assert "3 not four choices A-D, the first is" in line
    assert "1 answer is not A, B, C or D, the first is" in line
    assert line.index("not four choices") < line.index("answer is not")
    assert made_up(2)["question"][:20] in line
    rejected = tmp_path / "data/enhanced" / STAGES[stage][2]
    assert str(rejected) in line
    assert len(read_json(rejected)) == len(BAD)
    assert [path.name for path in rejected.parent.glob("*.json")] == [rejected.name], "and nothing else is written"


def test_a_finished_run_is_kept_when_another_ones_records_are_all_rejected(tmp_path: Path) -> None:
    good = write(tmp_path / "good.json", [made_up(number) for number in range(40)] + BAD[:1])
    assert run("00", tmp_path, "--input", str(good)).returncode == 0
    before = {path.name: path.read_bytes() for path in (tmp_path / "data/enhanced").glob("*_sample.json")}
    assert run("00", tmp_path, "--input", str(write(tmp_path / "bad.json", BAD))).returncode == 2
    back = run("00", tmp_path, "--input", str(good))
    assert back.returncode == 0
    assert "is brought back" in back.stdout
    assert {path.name: path.read_bytes() for path in (tmp_path / "data/enhanced").glob("*_sample.json")} == before


def test_an_empty_rejected_file_is_written_too(tmp_path: Path) -> None:
    assert run("00", tmp_path, "--input", str(write(tmp_path / "q.json", [made_up(n) for n in range(40)]))
               ).returncode == 0
    assert read_json(tmp_path / "data/enhanced/rejected_sample.json") == []


def test_the_line_stays_one_line_and_short() -> None:
    entries: list[dict[str, Any]] = [{"index": n, "reason": f"reason {n % 7}", "record": {"question": "x\n" * 9000}}
                                     for n in range(70)]
    told = with_reasons("f.json has no valid question", entries)
    assert told.count("the first is index") == 3
    assert "\n" not in told
    assert len(told) < 600
