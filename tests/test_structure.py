"""The rules of the house: who imports whom, thin scripts, light command lines."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from stepladder.core.cli import PROJECT

SCRIPTS = PROJECT / "scripts"
PACKAGE = SCRIPTS / "stepladder"
STAGES = sorted(SCRIPTS.glob("0*.py"))
ROOM_OF_STAGE = {"00": "questions", "01": "weights", "02": "reasoning", "03": "curriculum", "04": "training",
                 "05": "verdict", "06": "agents"}
SHARED = {"core", "engine", "puzzles"}
HEAVY = ("torch", "transformers", "llama_cpp", "datasets", "sklearn", "scipy", "matplotlib", "peft", "pandas")


def rooms_imported(path: Path) -> set[str]:
    """First-level rooms of stepladder that a file imports, relative imports resolved."""
    found = set()
    here = path.relative_to(SCRIPTS).with_suffix("").parts
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(here[: len(here) - node.level]) if node.level else ""
            module = ".".join(part for part in (base, node.module or "") if part)
            names = [f"{module}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            parts = name.split(".")
            if parts[0] == "stepladder" and len(parts) > 1:
                found.add(parts[1])
    return found & {room.name for room in PACKAGE.iterdir() if room.is_dir()}


def test_all_seven_stages_are_there() -> None:
    assert [path.name[:2] for path in STAGES] == list(ROOM_OF_STAGE)


@pytest.mark.parametrize("path", STAGES, ids=lambda path: path.name)
def test_a_stage_imports_its_own_room_and_shared_ones(path: Path) -> None:
    assert rooms_imported(path) <= SHARED | {ROOM_OF_STAGE[path.name[:2]]}


@pytest.mark.parametrize("room", sorted(p.name for p in PACKAGE.iterdir() if p.is_dir() and p.name != "__pycache__"))
def test_a_room_imports_no_other_stage_room(room: str) -> None:
    for path in (PACKAGE / room).rglob("*.py"):
        others = rooms_imported(path) - SHARED - {room}
        assert not others, f"{path.relative_to(PROJECT)} imports {others}"


def test_core_imports_no_room_and_engine_none_but_core() -> None:
    for room, allowed in (("core", {"core"}), ("engine", {"core", "engine"}), ("puzzles", {"core", "puzzles"})):
        for path in (PACKAGE / room).rglob("*.py"):
            assert rooms_imported(path) <= allowed, path


@pytest.mark.parametrize("path", [*STAGES, SCRIPTS / "show.py"], ids=lambda path: path.name)
def test_help_works_anywhere_and_loads_nothing_heavy(path: Path, tmp_path: Path) -> None:
    program = (f"import sys, runpy; sys.path.insert(0, {str(SCRIPTS)!r}); sys.argv = ['x', '--help']\n"
               f"try:\n    runpy.run_path({str(path)!r}, run_name='__main__')\nexcept SystemExit as end:\n"
               f"    assert end.code == 0\nassert not [m for m in {HEAVY!r} if m in sys.modules], 'heavy import'")
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stderr
    assert "--profile" in done.stdout or path.name == "show.py"


@pytest.mark.parametrize("path", STAGES, ids=lambda path: path.name)
def test_scripts_are_thin(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 150, "logic belongs into the room"


def test_modules_fit_a_reader() -> None:
    for path in PACKAGE.rglob("*.py"):
        assert len(path.read_text().splitlines()) <= 400, f"{path} holds more than one concept"
