"""Fixtures every test file shares."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from filelock import FileLock

PROJECT = Path(__file__).resolve().parents[1]
CACHE = PROJECT / "tests" / ".cache"


@pytest.fixture(scope="session")
def small_workdir() -> Path:
    """A working folder whose models/ holds the laptop profile's weights, made by stage 01 itself and kept."""
    command = [sys.executable, str(PROJECT / "scripts" / "01_download_deepseek_gguf.py"), "--profile", "laptop",
               "--workdir", str(CACHE)]
    CACHE.mkdir(exist_ok=True)
    with FileLock(CACHE / ".lock"):  # several workers ask for it
        run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    return CACHE


@pytest.fixture(scope="session")
def small_model(small_workdir: Path) -> Path:
    """The small model as Q8_0 GGUF."""
    return small_workdir / "models" / "smollm2-135m-instruct-q8_0.gguf"


@pytest.fixture(scope="session")
def small_transformers(small_workdir: Path) -> Path:
    """The small model as a transformers folder."""
    return small_workdir / "models" / "smollm2_135m"
