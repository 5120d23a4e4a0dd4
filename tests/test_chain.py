"""run_all.sh from questions to report with the real small model, and again with things missing or changed."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from stepladder.core.files import read_json
from stepladder.core.records import problem

PROJECT = Path(__file__).resolve().parents[1]
TINY = PROJECT / "tests" / "tiny.toml"
STAGES = ["00", "01", "02", "03", "04", "05", "06"]
OUTPUTS = ["questions", "validation", "test", "rejected", "models", "cot_enhanced", "curriculum_ordered",
           "training_log", "test_results", "tournament"]

pytestmark = pytest.mark.model


class Chain:
    """A working folder with the weights in place, and run_all.sh upon it."""

    def __init__(self, workdir: Path) -> None:
        self.workdir = workdir

    def run(self, *flags: str) -> subprocess.CompletedProcess:
        command = [str(PROJECT / "run_all.sh"), "--profile", str(TINY), "--workdir", str(self.workdir), *flags]
        return subprocess.run(command, capture_output=True, text=True, check=False, cwd=self.workdir)

    def ran(self, *flags: str) -> list[str]:
        """Stages that did work in a successful run."""
        done = self.run(*flags)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        skipped = re.findall(r"^(\d\d): already done", done.stdout, re.MULTILINE)
        return [stage for stage in STAGES if stage not in skipped]

    def file(self, name: str) -> Path:
        return self.workdir / "data" / "enhanced" / f"{name}_tiny.json"


@pytest.fixture(scope="module")
def chain(small_workdir: Path, tmp_path_factory: pytest.TempPathFactory) -> Chain:
    workdir = tmp_path_factory.mktemp("chain")
    shutil.copytree(small_workdir / "models", workdir / "models", copy_function=os.link)
    made = Chain(workdir)
    done = made.run()
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    made.first = done  # type: ignore[attr-defined]
    return made


def test_every_output_has_its_meta_and_the_report_is_there(chain: Chain) -> None:
    for name in OUTPUTS:
        assert chain.file(name).exists(), name
        assert chain.file(name).with_suffix(".meta.json").exists(), name
    assert not (chain.workdir / "data" / "enhanced" / "aside").exists(), "nothing had to make way"
    assert chain.file("report").with_suffix(".html").stat().st_size > 10_000
    assert (chain.workdir / "models" / "smollm2_135m_cot_curriculum" / "agents" / "AIAC").is_dir()
    assert "report:" in chain.first.stdout  # type: ignore[attr-defined]


def test_the_small_model_trains_in_packed_rows(chain: Chain) -> None:
    assert json.loads(chain.file("training_log").read_text())["counts"]["packed"]


def test_a_second_run_finds_everything_done(chain: Chain) -> None:
    assert chain.ran() == []
    status = chain.run("--status").stdout
    assert set(re.findall(r"^(\d\d): done$", status, re.MULTILINE)) == set(STAGES), status
    assert "to do" not in status


def test_a_variant_shares_what_lies_before_it_and_is_tested_beside_the_first(chain: Chain) -> None:
    shared = {path: (path.stat().st_mtime_ns, path.read_bytes()) for name in [*OUTPUTS[:-2], "tournament"]
              for path in (chain.file(name), chain.file(name).with_suffix(".meta.json"))}
    journal = chain.workdir / "data" / "enhanced" / "journals" / "05_test_results_tiny.jsonl"
    answered = journal.read_bytes()
    done = chain.run("--variant", "control", "--args", "04", "--order random")
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in shared} == shared
    main, own = (read_json(chain.file("training_log").with_suffix(f"{mark}.json")) for mark in ("", ".control"))
    assert own["order"]["strategy"] == "random"
    assert own["order"]["epochs"][0]["records"] == main["order"]["epochs"][0]["records"]
    assert own["order"]["epochs"][0]["sha256"] != main["order"]["epochs"][0]["sha256"]
    results = read_json(chain.file("test_results"))
    assert results["summary"]["contestants"] == ["base", "student", "control"]
    new = journal.read_bytes().removeprefix(answered)
    asked = [json.loads(line)["id"] for line in new.splitlines()]
    assert {name.split("|")[1] if name.startswith(("speed", "memory")) else name.split("|")[0] for name in asked
            if not name.startswith("memory")} == {"control"}, "memory alone is read anew: of all that share the weights"
    assert (chain.workdir / "models/smollm2_135m_cot_curriculum.control/agents/AIAC").is_dir()
    assert "Students side by side" in chain.file("report").with_suffix(".html").read_text()
    again = chain.run("--variant", "control")
    assert re.findall(r"^(\d\d)[ \w]*: (?:already done|the main run's)", again.stdout, re.MULTILINE) == [
        *STAGES, "06"], "of stage 06 agents and tournament"
    assert chain.ran() == [], "the main run is done, with the variant in its test"


def test_a_deleted_output_reruns_its_stage_and_not_those_before(chain: Chain) -> None:
    chain.file("curriculum_ordered").unlink()
    ran = chain.ran()
    assert ran[0] == "03"
    assert set(ran) <= {"03", "04", "05", "06"}
    chain.file("tournament").unlink()
    assert chain.ran() == ["06"]


def test_the_same_bytes_again_leave_later_stages_done(chain: Chain) -> None:
    chain.file("questions").unlink()
    assert chain.ran() == ["00"], "the same questions again: nothing after them has to run"


@pytest.mark.parametrize(("script", "output"), [
    ("04_train_qwen3_235b", "training_log"), ("03_create_curriculum_phi4", "curriculum_ordered"),
    ("02_generate_cot_llama_cpp", "cot_enhanced")])  # backwards, so that none makes a later one out of date
def test_kill_9_in_the_middle_loses_nothing(chain: Chain, script: str, output: str) -> None:
    def journals() -> list[Path]:
        return list((chain.workdir / "data" / "enhanced" / "journals").glob(f"{script[:2]}_*_tiny.jsonl"))

    unbroken = read_json(chain.file(output))
    chain.file(output).unlink()
    for path in journals():
        path.unlink()
    if output == "training_log":  # the adapter alone would do: nothing would be trained
        shutil.rmtree(chain.workdir / "models" / "smollm2_135m_cot_curriculum")
    command = [sys.executable, str(PROJECT / "scripts" / f"{script}.py"), "--profile", str(TINY), "--workdir",
               str(chain.workdir)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def journalled() -> int:
        """Finished records; of a training its steps, not what was measured before them."""
        texts = [path.read_bytes() for path in journals()]
        return sum(text.count(b'"id":"step/' if output == "training_log" else b"\n") for text in texts)

    while journalled() < 3 and process.poll() is None:
        time.sleep(0.05)
    process.kill()
    process.wait()
    kept = journalled()
    assert kept >= 3, "the run ended before it was killed"
    assert not chain.file(output).exists(), "nothing half-written under the final name"
    again = subprocess.run(command, capture_output=True, text=True, check=False)
    assert again.returncode == 0, again.stderr
    assert "going on after" in again.stdout
    made = read_json(chain.file(output))
    if output == "training_log":
        assert [step["loss"] for step in made["steps"]] == pytest.approx([step["loss"] for step in unbroken["steps"]])
    else:
        assert sorted(record["id"] for record in made) == sorted(record["id"] for record in unbroken)
        assert all(problem(record) is None for record in made)


def test_another_flag_reruns_its_stage_and_what_it_feeds(chain: Chain) -> None:
    before = chain.file("curriculum_ordered").read_bytes()
    assert "03" in chain.ran("--only", "03", "--args", "03", "--difficulty heuristic")
    assert chain.file("curriculum_ordered").read_bytes() != before
    kept = chain.run("--status")
    assert "03: keeps --difficulty=heuristic" in kept.stderr
    assert re.search(r"^03: done", kept.stdout, re.MULTILINE)
    status = chain.run("--status", "--forget").stdout
    assert re.search(r"^03: to do", status, re.MULTILINE), "without the flag it is another run"
    assert re.search(r"^02: done", status, re.MULTILINE)


def test_the_status_of_an_empty_folder_is_seven_stages_to_do(tmp_path: Path) -> None:
    status = Chain(tmp_path).run("--status")
    assert status.returncode == 0, status.stderr
    assert re.findall(r"^(\d\d)(?: \w+)?: to do \(", status.stdout, re.MULTILINE) == STAGES
    assert not list(tmp_path.rglob("*.json*")), "asking leaves nothing behind"


def test_a_failing_stage_is_named_with_its_log_and_the_way_on(chain: Chain, tmp_path: Path) -> None:
    done = chain.run("--only", "03", "--args", "03", f"--input {tmp_path / 'absent.json'} --force")
    assert done.returncode == 2
    assert "stage 03 stopped with exit code 2" in done.stderr
    assert re.search(r"go on with: .*--only 03", done.stderr), "what was asked for, not all that follows"
    log = re.search(r"its log: (\S+)", done.stderr)
    assert log
    assert "absent.json" in Path(log[1]).read_text()


@pytest.mark.parametrize("flags", [["--from", "9"], ["--only", "x"], ["--bogus"], ["--profile"], ["--profile", "none"]])
def test_bad_arguments_are_exit_2(tmp_path: Path, flags: list[str]) -> None:
    done = subprocess.run([str(PROJECT / "run_all.sh"), "--workdir", str(tmp_path), *flags], capture_output=True,
                          text=True, check=False)
    assert done.returncode == 2, done.stderr
