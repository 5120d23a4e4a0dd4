"""Variants: names, files and kept flags, and run_all.sh --variant over stages that say how they were called."""

from __future__ import annotations

import importlib
import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepladder.core import variants
from stepladder.core.cli import variant_name
from stepladder.core.errors import InputError, NotThereYet
from stepladder.core.files import write_json
from stepladder.core.stage import meta_path
from stepladder.core.workspace import MAIN_OUTPUTS, Workspace

PROJECT = Path(__file__).resolve().parents[1]
STAGES = list(MAIN_OUTPUTS)


# -- names ------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("name", ["", "a b", "a/b", "../x", "a.b", "-x", "_x", "ü", "x" * 41, "base", "student",
                                  "teacher", "meta", "limit5"])
def test_names_that_could_be_mistaken_are_refused(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    for script in ("02_generate_cot_llama_cpp", "03_create_curriculum_phi4", "04_train_qwen3_235b", "05_test_model",
                   "06_deploy_agents"):
        with pytest.raises(SystemExit) as ended:
            importlib.import_module(script).build_parser().parse_args([f"--variant={name}"])
        assert ended.value.code == 2
        assert f"argument --variant: {name!r} is no name of a variant" in capsys.readouterr().err


@given(st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}", fullmatch=True))
def test_other_names_name_files(name: str) -> None:
    if name not in ("base", "student", "teacher", "meta") and not name.removeprefix("limit").isdigit():
        assert variant_name(name) == name
        path = Workspace(Path("/w"), "sample", "tiny", 5, name).output("training_log")
        assert path.name == f"training_log_sample.{name}.limit5.json"
        assert meta_path(path).name == f"training_log_sample.{name}.limit5.meta.json"


@pytest.mark.parametrize("script", ["00_collect_questions", "01_download_deepseek_gguf"])
def test_questions_and_weights_have_no_variants(script: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        importlib.import_module(script).build_parser().parse_args(["--variant", "control"])
    assert "unrecognized arguments: --variant" in capsys.readouterr().err


# -- files ------------------------------------------------------------------------------------------------------------

def test_a_variant_reads_its_own_files_else_those_of_the_main_run(tmp_path: Path) -> None:
    main = Workspace(tmp_path, "sample", "tiny")
    own = replace(main, variant="control")
    both = replace(own, limit=5)
    assert both.input("x") == main.enhanced("x")
    for written in (replace(main, limit=5), own, both):  # each is read before those that were there
        write_json(main.output("x"), [])
        write_json(written.output("x"), [])
        assert both.input("x") == written.output("x")
    assert own.input("x") == own.output("x")
    assert main.input("x") == main.output("x")
    assert replace(main, variant="other").input("x") == main.output("x")


def test_a_variant_without_an_adapter_has_the_main_runs(tmp_path: Path) -> None:
    main = Workspace(tmp_path, "sample", "tiny")
    own = replace(main, variant="control")
    main.adapter.mkdir(parents=True)
    (main.adapter / "adapter.gguf").touch()
    (own.adapter / "agents").mkdir(parents=True)
    assert (own.trained, own.student_name) == (main.adapter, "student")
    (own.adapter / "adapter.gguf").touch()
    assert (own.trained, own.student_name) == (own.adapter, "control")
    assert (main.trained, main.student_name) == (main.adapter, "student")
    assert own.checkpoints != main.checkpoints


# -- flags ------------------------------------------------------------------------------------------------------------

def test_flags_are_kept_replaced_and_forgotten_but_not_how_to_run_once() -> None:
    lasting, now = variants.with_given({}, {"04": "--order random --force"})
    assert lasting == {"04": "--order random"}
    assert now == {"04": "--order random --force"}
    assert variants.with_given(lasting, {"04": "--force"}) == (lasting, now)
    assert variants.with_given(lasting, {}) == (lasting, lasting)
    assert variants.with_given(lasting, {"04": "--epochs 2", "06": "--orders 1"})[0] == {
        "04": "--epochs 2", "06": "--orders 1"}
    assert variants.with_given(lasting, {"04": ""})[0] == {}
    assert variants.with_given(lasting, {"04": "--limit 5"}) == (lasting, {"04": "--order random --limit 5"}), "a peek"
    assert variants.with_given({}, {"04": "--limit=5 --epochs 2"}) == ({"04": "--epochs 2"},
                                                                       {"04": "--epochs 2 --limit=5"})
    assert variants.with_given(lasting, {"04": "--exports-only --merge"}) == (
        lasting, {"04": "--order random --exports-only --merge"}), "what is exported makes it no other student"
    for given_, told in (({"00": "--size 5"}, "--args 00: all variants share"), ({"7": ""}, "no such stage"),
                         ({"04": "--input 'x"}, "No closing quotation")):
        with pytest.raises(InputError, match=told):
            variants.with_given({}, given_)


def main_run_of(own: Workspace, stages: str) -> None:
    """Outputs of these stages of the main run."""
    for stage in stages.split():
        output = own.enhanced(MAIN_OUTPUTS[stage])
        write_json(output, [])
        write_json(meta_path(output), {})


@pytest.mark.parametrize(("differs", "there", "expected"), [
    ("04", "00 01 02 03", "shared shared shared shared own main own"),
    ("03", "00 01 02 03 04 05", "shared shared shared own own main own"),
    ("02", "", "main main own own own main own"),
    ("05", "00 01 02 03 04 05 06", "shared shared shared shared shared own own"),
])
def test_a_variant_begins_where_its_flags_differ(tmp_path: Path, differs: str, there: str, expected: str) -> None:
    own = Workspace(tmp_path, "sample", "tiny", variant="control")
    main_run_of(own, there)
    lasting, now = variants.with_given({}, {differs: "--debug --x y"})
    found = variants.parts(own, lasting, now)
    assert [part.how for part in found] == expected.split()
    assert [part.stage for part in found] == STAGES
    assert {part.flags for part in found if part.stage != differs} == {""}
    assert found[STAGES.index(differs)].flags == "--x y --debug"


def test_what_is_given_for_once_reaches_its_stage_or_is_refused(tmp_path: Path) -> None:
    own = Workspace(tmp_path, "sample", "tiny", variant="control")
    main_run_of(own, "00 01 02 03 04 05")
    kept = {"04": "--order random"}
    found = variants.parts(own, *variants.with_given(kept, {"05": "--force"}))
    assert variants.Part("05", "main", "--force") in found
    with pytest.raises(InputError, match="--args 02 --retry-failed: stage 02 is the main run's"):
        variants.parts(own, *variants.with_given(kept, {"02": "--retry-failed"}))


def test_an_output_of_the_main_run_that_is_gone_is_made_again(tmp_path: Path) -> None:
    own = Workspace(tmp_path, "sample", "tiny", variant="control")
    main_run_of(own, "00 01 02 03")
    own.enhanced("cot_enhanced").unlink()
    found = variants.parts(own, *variants.with_given({}, {"04": "--order random"}))
    assert [part.how for part in found[:4]] == ["shared", "shared", "main", "shared"]


def test_a_variant_that_began_earlier_does_not_pass_for_one_that_shares(tmp_path: Path) -> None:
    """Stage 04 of the variant would read the variant's own curriculum, not the main run's."""
    own = Workspace(tmp_path, "sample", "tiny", variant="control")
    main_run_of(own, "00 01 02 03")
    write_json(own.output("curriculum_ordered"), [])
    kept = {"03": "--difficulty heuristic"}
    assert variants.parts(own, *variants.with_given(kept, {}))
    with pytest.raises(InputError, match=r"control has a curriculum_ordered_sample.control.json of its own"):
        variants.parts(own, *variants.with_given(kept, {"03": "", "04": "--order random"}))


def test_a_variant_that_is_not_trained_yet_has_no_student_to_judge(tmp_path: Path) -> None:
    own = Workspace(tmp_path, "sample", "tiny", variant="control")
    own.enhanced("x").parent.mkdir(parents=True)
    for space in (replace(own, variant=None), replace(own, limit=5)):
        space.adapter.mkdir(parents=True)
        (space.adapter / "adapter.gguf").touch()
    variants.keep_arguments(own, {"04": "--order random"})
    with pytest.raises(NotThereYet, match="variant control is not trained yet"):
        variants.require(own)
    variants.require(replace(own, limit=5))
    variants.keep_arguments(own, {"06": "--orders 1"})
    variants.require(own)


def test_a_variant_that_there_is_not_is_refused_with_those_there_are(tmp_path: Path) -> None:
    main = Workspace(tmp_path, "sample", "tiny")
    variants.require(main)
    with pytest.raises(InputError, match=r"no variant contrl \(there is none\)"):
        variants.require(replace(main, variant="contrl"))
    variants.keep_arguments(replace(main, variant="control"), {"04": "--order random"})
    write_json(meta_path(replace(main, variant="by_hand").output("training_log")), {"variant": "by_hand"})
    write_json(meta_path(replace(main, limit=5).output("training_log")), {"variant": None})
    assert variants.names(main) == ["by_hand", "control"]
    with pytest.raises(InputError, match="there are: by_hand, control"):
        variants.require(replace(main, variant="contrl"))


# -- run_all.sh -------------------------------------------------------------------------------------------------------

STAGE = f"""
import sys
from pathlib import Path
sys.path.insert(0, {str(PROJECT / 'scripts')!r})
from stepladder.core import cli, profiles
from stepladder.core.files import write_json
from stepladder.core.progress import say
from stepladder.core.stage import meta_path
from stepladder.core.workspace import MAIN_OUTPUTS, Workspace

def build_parser():
    parser = cli.stage_parser("says how it was called", variants=number not in ("00", "01"))
    parser.add_argument("--order")
    parser.add_argument("--fail", action="store_true")
    return parser

def run(args):
    variant = getattr(args, "variant", None)
    output = Workspace.of(args, profiles.resolve(args, ()).profile).output(MAIN_OUTPUTS[number])
    if args.status:
        say(f"{{number}}{{' ' + variant if variant else ''}}: {{'done' if output.exists() else 'to do'}}")
        return 0
    say(f"called {{number}} {{variant}} {{args.order}} {{args.force}}")
    if args.fail:
        return 1
    write_json(output, [])
    write_json(meta_path(output), {{"variant": variant}})

number = Path(sys.argv[0]).name[:2]
cli.main(build_parser, run)
"""


class Driver:
    """A copy of run_all.sh over stages that say how they were called; show.py's report and summary say nothing."""

    def __init__(self, root: Path) -> None:
        self.project, self.workdir = root / "project", root / "work"
        scripts = self.project / "scripts"
        scripts.mkdir(parents=True)
        shutil.copy(PROJECT / "run_all.sh", self.project)
        (self.project / ".venv").symlink_to(Path(sys.prefix))
        (scripts / "setup_env.sh").write_text("#!/bin/sh\n")
        (scripts / "setup_env.sh").chmod(0o755)
        for script in (PROJECT / "scripts").glob("0*.py"):
            (scripts / script.name).write_text(STAGE)
        (scripts / "show.py").write_text(
            f"import runpy, sys\nif sys.argv[1] not in ('report', 'summary'):\n"
            f"    sys.path[0] = {str(PROJECT / 'scripts')!r}\n"
            f"    runpy.run_path({str(PROJECT / 'scripts' / 'show.py')!r}, run_name='__main__')\n")

    def run(self, *flags: str) -> subprocess.CompletedProcess[str]:
        command = [str(self.project / "run_all.sh"), "--profile", "laptop", "--workdir", str(self.workdir), *flags]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    def called(self, *flags: str) -> list[str]:
        """"STAGE VARIANT ORDER FORCE" of each stage that was called."""
        done = self.run(*flags)
        assert done.returncode == 0, done.stdout + done.stderr
        return [line.removeprefix("called ") for line in done.stdout.splitlines() if line.startswith("called")]


def test_one_command_makes_a_second_student_and_remembers_how(tmp_path: Path) -> None:
    driver = Driver(tmp_path)
    assert driver.called() == [f"{stage} None None False" for stage in STAGES]
    refused = driver.run("--variant", "control")
    assert refused.returncode == 2
    assert "nothing makes it differ from the main run yet" in refused.stderr
    made = ["04 control random False", "05 None None False", "06 control None False"]
    assert driver.called("--variant", "control", "--args", "04", "--order random") == made
    assert driver.called("--variant", "control") == made, "its flags are kept"
    assert driver.called("--variant", "control", "--args", "04", "--force")[0] == "04 control random True"
    assert driver.called("--variant", "control", "--only", "04") == made[:1], "--force is not kept"
    assert driver.called() == [f"{stage} None None False" for stage in STAGES], "the main run's flags are its own"
    (driver.workdir / "data/enhanced/tournament_sample.control.json").unlink()
    told = driver.run("--status").stdout.splitlines()
    assert told == [*(f"{stage}: done" for stage in STAGES), "04 control: done", "06 control: to do"]
    assert driver.run("--variant", "control", "--status").stdout.splitlines() == [
        *(f"{stage}: the main run's, which is there" for stage in STAGES[:4]), "04 control: done", "05: done",
        "06 control: to do"]


def test_the_status_of_a_variant_that_cannot_be_planned_hides_no_other(tmp_path: Path) -> None:
    driver = Driver(tmp_path)
    main = Workspace(driver.workdir, "sample", "smollm2_135m")
    for name in ("a", "b"):
        variants.keep_arguments(replace(main, variant=name), {"04": "--order random"})
    write_json(replace(main, variant="a").output("cot_enhanced"), [])
    asked = driver.run("--status")
    assert "variant a has a cot_enhanced_sample.a.json of its own" in asked.stderr
    assert "04 b: to do" in asked.stdout


def test_a_variant_that_fails_says_how_to_go_on_and_asking_keeps_nothing(tmp_path: Path) -> None:
    driver = Driver(tmp_path)
    assert driver.run("--variant", "control", "--args", "04", "--order random", "--status").returncode == 0
    assert not list(driver.workdir.rglob("variant_*"))
    done = driver.run("--variant", "control", "--args", "04", "--order random --fail")
    assert done.returncode == 1
    assert "called 03 None None False" in done.stdout, "what the main run has not made yet is made as the main run's"
    way = next(line for line in done.stderr.splitlines() if line.startswith("go on with"))
    assert "--variant control --args 04 --order\\ random\\ --fail --from 04" in way
    assert list((driver.workdir / "data/enhanced/logs").glob("*_04.control.log"))


@pytest.mark.parametrize(("flags", "told"), [
    (["--variant", "a b", "--args", "04", "--order random"], "is no name of a variant"),
    (["--variant", "x", "--args", "01", "--order random"], "--args 01: all variants share questions and weights"),
    (["--variant"], "missing value: --variant"),
    (["--variant", "", "--args", "04", "--order random"], "--variant needs a name"),
    (["--variant", "--kept"], "--variant needs a name"),
])
def test_mistakes_are_exit_2(tmp_path: Path, flags: list[str], told: str) -> None:
    done = Driver(tmp_path).run(*flags)
    assert done.returncode == 2, done.stderr
    assert told in done.stderr


def test_show_knows_variants(tmp_path: Path) -> None:
    main = Workspace(tmp_path, "sample", "smollm2_135m")
    own = replace(main, variant="control")
    variants.keep_arguments(own, {"04": "--order random"})
    for space in (own, replace(own, limit=5)):
        write_json(space.output("cot_enhanced"), [{"id": f"limit {space.limit}"}])
    like_a_peek = replace(main, variant="limitless")
    write_json(like_a_peek.output("cot_enhanced"), [])
    like_a_peek.adapter.mkdir(parents=True)

    def show(command: str, *flags: str) -> str:
        call = [sys.executable, str(PROJECT / "scripts" / "show.py"), command, *flags, "--profile", "laptop",
                "--workdir", str(tmp_path)]
        return subprocess.run(call, capture_output=True, text=True, check=True).stdout

    assert show("variants") == "control\t04 --order random\n"
    assert json.loads(show("look", "cot_enhanced.control", "--random", "--json"))["id"] == "limit None"
    assert json.loads(show("look", "cot_enhanced.control.limit5", "--random", "--json"))["id"] == "limit 5"
    assert "cot_enhanced_sample.control.limit5" in show("prune")
    assert "cot_enhanced_sample.control " not in show("prune"), "a variant is no peek"
    assert "limitless" not in show("prune")
