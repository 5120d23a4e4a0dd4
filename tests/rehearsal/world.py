"""Where checks happen: what is built once, hubs made of it, and the project's own commands run against them.

    world = World(Path("/tmp/rehearsal"))
    with world.hub() as hub:
        done = world.stage("01", hub, "check-name")
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from hub import Content, Hub

from . import models
from .data import question_sets
from .layouts import ASSESSOR, SECOND_TEACHER, STUDENT, STUDENT_GGUF, TEACHER, TEACHER_FILE
from .standins import stand_ins

PROJECT = Path(__file__).resolve().parents[2]
PROFILE = PROJECT / "scripts" / "profiles" / "mi300x.toml"
PRETEND = Path(__file__).parent / "pretend"
ROWS = 120
SEED = 0

SMALLER: dict[str, list[str]] = {
    "00": ["--size", "200", "--puzzles", "60"],
    "01": ["--sequences", "16"],
    "02": ["--sequences", "16", "--max-tokens", "48"],
    "03": ["--sequences", "16"],
    "04": ["--rank", "8", "--alpha", "8", "--epochs", "1", "--token-budget", "30000", "--held-out", "8",
           "--guard-samples", "1", "--guard-tokens", "8"],
    "05": ["--sequences", "16", "--max-tokens", "24", "--latency-questions", "1"],
    "06": ["--sequences", "16", "--answer-tokens", "24", "--gate-questions", "8", "--validation-questions", "8",
           "--heldout-questions", "8", "--rounds", "1", "--questions-per-round", "2"],
}
"""The numbers in which the rehearsed profile differs from the real one; everything else is the profile's own."""


@dataclass(frozen=True)
class Done:
    """A command that has ended. text: all it said."""

    code: int
    text: str

    def lines(self, pattern: str) -> list[str]:
        """Lines in which a regular expression is found."""
        return [line for line in self.text.splitlines() if re.search(pattern, line)]


class World:
    """Look-alikes below `root`, built when first wanted and kept."""

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir(parents=True, exist_ok=True)

    # -- what the hub has ------------------------------------------------------------------------------------------

    @cached_property
    def teacher(self) -> bytes:
        return models.teacher(self.root / "made/teacher.gguf")[0].read_bytes()

    @cached_property
    def useless_teacher(self) -> bytes:
        return models.teacher(self.root / "made/useless.gguf", useless=True)[0].read_bytes()

    @cached_property
    def sharded_teacher(self) -> dict[str, Content]:
        stem = "deepseek-ai_DeepSeek-V3.1-IQ1_S"
        made = models.teacher(self.root / f"made/shards/{stem}.gguf", shards=3)
        return {f"{stem}/{path.name}": path.read_bytes() for path in made}

    @cached_property
    def assessor(self) -> bytes:
        return models.assessor(self.root / "made/assessor.gguf").read_bytes()

    @cached_property
    def student(self) -> tuple[dict[str, Content], bytes]:
        """(files of the transformers folder, the GGUF)."""
        folder, path = self.root / "made/student", self.root / "made/student.gguf"
        if not path.exists():
            shutil.rmtree(folder, ignore_errors=True)
            models.student(folder, path)
        return {file.name: file.read_bytes() for file in folder.iterdir()}, path.read_bytes()

    @cached_property
    def questions(self) -> dict[str, dict[str, Content]]:
        revisions = tomllib.loads(PROFILE.read_text())["questions"]["revisions"]
        return question_sets(ROWS, SEED, revisions)

    def weights(self) -> dict[str, dict[str, Content]]:
        """The repositories of the mi300x profile, laid out as the real ones, of look-alikes."""
        folder, gguf = self.student
        return {TEACHER: {TEACHER_FILE: self.teacher}, SECOND_TEACHER: dict(self.sharded_teacher),
                ASSESSOR: {"phi-4-Q4_K_M.gguf": self.assessor, "phi-4-Q8_0.gguf": self.assessor},
                STUDENT: dict(folder),
                STUDENT_GGUF: {"Q4_K_M/Qwen3-235B-A22B-Instruct-2507-Q4_K_M.gguf": gguf}}

    def hub(self, questions: bool = True, weights: bool = True, **options: object) -> Hub:
        """A hub that has all the profile asks for, answering large files from another host as the real one does."""
        repositories = (self.weights() if weights else {}) | (dict(self.questions) if questions else {})
        return Hub(repositories, elsewhere=True, **options)  # type: ignore[arg-type]

    def true_size_hub(self, odd_tensor: bool = False) -> Hub:
        """A hub of true sizes, for plans."""
        return Hub({**stand_ins(self.root / f"made/standins{odd_tensor}", odd_tensor), **self.questions},
                   elsewhere=True)

    # -- commands --------------------------------------------------------------------------------------------------

    def work(self, name: str) -> Path:
        """A working folder of that name."""
        return self.root / "work" / name

    def environment(self, hub: Hub, **more: str) -> dict[str, str]:
        """Of a process that knows this hub alone."""
        plain = {key: value for key, value in os.environ.items() if not key.startswith("HF_")}
        return {**plain, "HF_ENDPOINT": hub.url, "HF_HOME": str(self.root / f"hf-{hub.server.server_port}"),
                "HF_HUB_DOWNLOAD_TIMEOUT": "5", "STEPLADDER_RETRY_SECONDS": "0.05", "OMP_NUM_THREADS": "1",
                "PATH": f"{PRETEND}:{plain['PATH']}" if "PRETEND_GPU_BYTES" in more else plain["PATH"],
                "PYTHONPATH": str(PRETEND), **more}

    def command(self, number: str, name: str, *flags: str, profile: str = "mi300x") -> list[str]:
        """A stage with the smaller numbers."""
        script = next((PROJECT / "scripts").glob(f"{number}_*.py"))
        return [sys.executable, str(script), "--profile", profile, "--workdir", str(self.work(name)),
                *SMALLER[number], *flags]

    def stage(self, number: str, hub: Hub, name: str, *flags: str, profile: str = "mi300x", limit: float = 600,
              **more: str) -> Done:
        """Run one stage to its end; code 124 where it takes longer than `limit` seconds."""
        return self._run(self.command(number, name, *flags, profile=profile), hub, limit, more)

    def run_all(self, hub: Hub, name: str, *flags: str, limit: float = 1800, smaller: bool = True, **more: str) -> Done:
        """./run_all.sh with the smaller numbers."""
        numbers = [part for number, values in SMALLER.items() for part in ("--args", number, " ".join(values))]
        return self._run([str(PROJECT / "run_all.sh"), "--profile", "mi300x", "--workdir", str(self.work(name)),
                          *(numbers if smaller else []), *flags], hub, limit, more)

    def _run(self, command: list[str], hub: Hub, limit: float, more: dict[str, str]) -> Done:
        try:
            done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
                                  env=self.environment(hub, **more), timeout=limit, start_new_session=True)
        except subprocess.TimeoutExpired as error:
            return Done(124, (error.stdout or b"").decode(errors="replace"))
        return Done(done.returncode, done.stdout)
