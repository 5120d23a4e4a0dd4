"""What a stage was given by hand is kept by later runs, said, and forgotten on request."""

from __future__ import annotations

import argparse
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from stepladder.core import cli, kept_flags, profiles
from stepladder.core.files import write_json
from stepladder.core.stage import meta_path
from stepladder.core.workspace import MAIN_OUTPUTS, Workspace

PROJECT = Path(__file__).resolve().parents[1]


def ran(workdir: Path, stage: str, *flags: str, profile: str = "laptop", sections: tuple[str, ...] = ("training",)
        ) -> Workspace:
    """A workspace whose stage was finished with these flags, as its meta tells."""
    parser = cli.stage_parser("", (*sections,))
    parser.add_argument("--from", dest="questions.local", action="append", default=argparse.SUPPRESS)
    args = parser.parse_args(["--profile", profile, "--workdir", str(workdir), *flags])
    settings = profiles.resolve(args, sections)
    workspace = Workspace.of(args, settings.profile)
    write_json(meta_path(workspace.enhanced(MAIN_OUTPUTS[stage])), {
        "profile": "laptop", "arguments": settings.described(), "seed": args.seed})
    return workspace


def kept(workspace: Workspace, **given: str) -> dict[str, list[str]]:
    return {stage: shlex.split(words) for stage, words in kept_flags.kept(
        workspace, "laptop", {name.removeprefix("s"): words for name, words in given.items()})}


@pytest.mark.parametrize(("sections", "flags"), [
    (("training",), ["--order=reverse"]), (("training",), ["--answer-only"]),
    (("training",), ["--learning-rate=0.0002"]),
    (("questions",), ["--sources", "sample", "puzzle", "arc"]), (("questions",), ["--quotas", "sample=3"]),
    (("questions",), ["--from", "mine=my questions.csv", "--from", "b=c.json"]),
    (("questions",), ["--map", "question=Die Frage"]), (("training",), ["--seed", "7"])])
def test_a_flag_comes_back_as_it_was_given(tmp_path: Path, sections: Any, flags: list[str]) -> None:
    stage = "04" if sections == ("training",) else "00"
    workspace = ran(tmp_path, stage, *flags, sections=sections)
    assert kept(workspace) == {stage: flags}
    again = ran(tmp_path, stage, *kept(workspace)[stage], sections=sections)
    assert kept(again) == {stage: flags}


def test_what_shapes_nothing_says_the_profiles_own_or_is_given_now_is_not_kept(tmp_path: Path) -> None:
    assert kept(ran(tmp_path, "04", "--deadline-hours", "0", "--order", "random")) == {}, "as the profile has it"
    workspace = ran(tmp_path, "04", "--order", "reverse", "--epochs", "2")
    assert kept(workspace) == {"04": ["--epochs=2", "--order=reverse"]}
    assert kept(workspace, s04="--order curriculum") == {"04": ["--epochs=2"]}
    assert kept(workspace, s04="--order=curriculum --epochs=3") == {}
    assert kept(ran(tmp_path, "04", "--answer-only"), s04="--no-answer-only") == {}


def test_another_profiles_flags_are_not_kept(tmp_path: Path) -> None:
    workspace = ran(tmp_path, "04", "--order", "reverse")
    path = meta_path(workspace.enhanced("training_log"))
    path.write_text(path.read_text().replace('"laptop"', '"other"'))
    assert kept(workspace) == {}


def test_the_driver_keeps_them_until_it_is_told_to_forget(tmp_path: Path) -> None:
    by_hand = [sys.executable, str(PROJECT / "scripts" / "00_collect_questions.py"), "--profile", "laptop", "--workdir",
               str(tmp_path), "--size", "150", "--seed", "3"]
    subprocess.run(by_hand, check=True, capture_output=True)

    def driver(*flags: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([str(PROJECT / "run_all.sh"), "--profile", "laptop", "--workdir", str(tmp_path), "--only",
                               "00", "--status", *flags], capture_output=True, text=True, check=False)

    told = driver()
    assert "00: keeps --size=150 --seed 3 from its last run; --forget takes the profile's settings" in told.stderr
    assert "00: done" in told.stdout, told.stdout
    assert "00: to do" in driver("--forget").stdout
    assert "--size=150" not in driver("--args", "00", "--size 151").stderr
