"""The workspace that chaos reigns in: small inputs, the real scripts upon it, and a small disk to fill."""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training_models import make_llama, record

PROJECT = Path(__file__).resolve().parents[2]
SCRIPTS = {path.name[:2]: path for path in sorted((PROJECT / "scripts").glob("0*.py"))}
OUTPUTS = {"02": "cot_enhanced", "03": "curriculum_ordered", "04": "training_log", "05": "test_results"}
QUESTIONS, TESTS = 16, 4
MOST_SECONDS = 240.0  # no run of a stage takes so long
STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
MARK = "STEPLADDER_CHAOS"  # environment variable: whose process this is

PROFILE = """
[profile]
name = "chaos"
tag = "chaos"
student = "tiny"

[engine]
sequences = 4
context = 512
threads = 1
concurrency = 3
endpoint_model = "teacher"
endpoint_timeout = 2.0
endpoint_outage = 0.25

[reasoning]
attempts = 2
max_tokens = 64

[curriculum]
rating_prompts = ["steps"]

[training]
quantization = "none"
dtype = "float32"
rank = 4
alpha = 8
epochs = 2
batch = 1
accumulation = 1
max_length = 600
checkpoint_steps = 3
guard_steps = 6
guard_share = 0.0
guard_samples = 1
guard_tokens = 4
gradient_checkpointing = false

[verdict]
contestants = []
model = {{ small = "{model}" }}
max_tokens = 16
latency_questions = 0
"""


def question(number: int, edition: int = 0) -> dict[str, Any]:
    """A question in its `edition`-th wording; its key is the number before the one it names."""
    letters = "ABCD"[number % 4:] + "ABCD"[:number % 4]
    values = dict(zip(letters, (str(number + more) for more in range(4)), strict=True))
    text = f"{f'In wording {edition},' if edition else 'Say'} what comes before {number + 1}?"
    return {"id": f"q/{number}", "question": text, "answer": letters[0], "choices": dict(sorted(values.items())),
            "source": "sample", "subject": "counting", "domain": "Arithmetic"}


@dataclass
class Run:
    """One run of a script that has ended. broken: it was meant to be disturbed, so it may have ended at any place."""

    stage: str
    command: list[str]
    code: int
    text: str
    broken: bool
    limit: int | None


class World:
    """root/work is the workspace; everything else in root is the driver's own."""

    def __init__(self, root: Path, model: Path) -> None:
        self.root, self.model = root.resolve(), model.resolve()
        self.work, self.profile = self.root / "work", self.root / "chaos.toml"
        self.log = self.root / "last.log"
        self.environment = {**os.environ, MARK: str(self.root), "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1",
                            "TOKENIZERS_PARALLELISM": "false", "PYTHONUNBUFFERED": "1"}

    # -- the files ----------------------------------------------------------------------------------------------------

    def make(self) -> None:
        """A workspace as stages 00 and 01 leave it: questions, a 135M assessor, a tiny random student."""
        self.profile.write_text(PROFILE.format(model=self.model))
        (self.work / "models").mkdir(parents=True)
        (self.work / "data" / "enhanced").mkdir(parents=True)
        (self.work / "models" / "small.gguf").symlink_to(self.model)
        make_llama(self.work / "models" / "random")
        self.write("models", {"assessor": {"name": "small", "gguf": "models/small.gguf"},
                              "student": {"name": "random", "gguf": None, "transformers": "models/random"}})
        self.write("questions", [question(number) for number in range(QUESTIONS)])
        self.write("validation", [question(100 + number) for number in range(4)])
        self.write("test", [question(200 + number) for number in range(TESTS)])
        self.write("lessons", [record(number, difficulty=1 + number) for number in range(8)])

    def file(self, name: str, limit: int | None = None) -> Path:
        """data/enhanced/NAME_chaos.json, or NAME_chaos.limitN.json."""
        return self.work / "data" / "enhanced" / f"{name}_chaos{f'.limit{limit}' if limit else ''}.json"

    def input(self, name: str, limit: int | None) -> Path:
        """What a stage with this limit reads."""
        peek = self.file(name, limit)
        return peek if peek.exists() else self.file(name)

    def write(self, name: str, content: Any) -> None:
        temporary = self.root / "writing.json"
        temporary.write_text(json.dumps(content, indent=1))
        os.replace(temporary, self.file(name))

    def read(self, name: str) -> Any:
        return json.loads(self.file(name).read_bytes())

    def edit(self, name: str, numbers: Sequence[int], edition: int) -> list[str]:
        """Reword some questions of a file; the ids of those that changed."""
        before, first = self.read(name), {"questions": 0, "test": 200}[name]
        after = list(before)
        for number in numbers:
            after[number] = question(first + number, edition)
        self.write(name, after)
        return [now["id"] for was, now in zip(before, after, strict=True) if was != now]

    def journal_lines(self, stage: str) -> int:
        """Whole lines in a stage's journals."""
        folder = self.work / "data" / "enhanced" / "journals"
        return sum(path.read_bytes().count(b"\n") for path in folder.glob(f"{stage}_*.jsonl"))

    # -- runs -----------------------------------------------------------------------------------------------------

    def command(self, stage: str, flags: Sequence[str], run_all: bool = False, workdir: Path | None = None
                ) -> list[str]:
        """The script's own command line, or run_all.sh's for it alone."""
        basics = ["--profile", str(self.profile), "--workdir", str(workdir or self.work)]
        if run_all:
            more = ["--args", stage, " ".join(flags)] if flags else []
            return [str(PROJECT / "run_all.sh"), *basics, "--only", stage, *more]
        return [sys.executable, str(SCRIPTS[stage]), *basics, *flags]

    def run(self, stage: str, flags: Sequence[str] = (), disturb: Callable[[subprocess.Popen], None] | None = None, *,
            run_all: bool = False, workdir: Path | None = None, broken: bool | None = None,
            most_bytes: int | None = None, environment: dict[str, str] | None = None) -> Run:
        """Run a stage to its end, whatever `disturb` does to it meanwhile. most_bytes: no file may grow beyond."""
        command = self.command(stage, flags, run_all, workdir)

        def prepared() -> None:
            for each in STOPS:  # a shell's background and nohup have them ignored, by those that they start too
                signal.signal(each, signal.SIG_DFL)
            if most_bytes is not None:
                resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, most_bytes))

        with self.log.open("wb") as log:
            process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                                       env={**self.environment, **(environment or {})}, start_new_session=True,
                                       preexec_fn=prepared)
            try:
                if disturb is not None:
                    disturb(process)
                process.wait(MOST_SECONDS)
            except BaseException:
                self.end_all()
                process.wait()
                raise
        limit = int(flags[list(flags).index("--limit") + 1]) if "--limit" in flags else None
        text = self.log.read_text(errors="replace")
        return Run(stage, command, process.returncode, text, disturb is not None if broken is None else broken, limit)

    def end_all(self) -> None:
        """Kill what is left of this driver's processes, known by the mark in their environment."""
        mark = f"{MARK}={self.root}".encode()
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                if int(folder.name) != os.getpid() and mark in (folder / "environ").read_bytes().split(b"\0"):
                    os.kill(int(folder.name), signal.SIGKILL)
            except (OSError, ValueError):  # it ended meanwhile, or is somebody else's
                continue

    # -- a small disk -------------------------------------------------------------------------------------------------

    @contextmanager
    def small_disk(self, room: int) -> Iterator[tuple[Path, int | None]]:
        """(a copy of the workspace with `room` bytes left on its disk, None); what is there in the end is taken back.

        Where no disk can be mounted: (the workspace, the most bytes that a file may have).
        """
        disk = self.root / "disk"
        disk.mkdir(exist_ok=True)
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=512m", "chaos", str(disk)], check=False,
                          capture_output=True).returncode:
            journals = (self.work / "data" / "enhanced" / "journals").glob("*.jsonl")
            yield self.work, max((path.stat().st_size for path in journals), default=0) + room
            return
        try:
            copy = disk / "work"
            shutil.copytree(self.work, copy, symlinks=True)
            status = os.statvfs(disk)
            used = (status.f_blocks - status.f_bfree) * status.f_frsize
            subprocess.run(["mount", "-o", f"remount,size={used + room}", str(disk)], check=True)
            yield copy, None
            shutil.copytree(copy, self.root / "work.new", symlinks=True)
            shutil.rmtree(self.work)
            os.rename(self.root / "work.new", self.work)
        finally:
            subprocess.run(["umount", str(disk)], check=True)

    # -- before and after a driver's own death ----------------------------------------------------------------------

    def keep(self, number: int) -> None:
        """Keep a copy of everything as it is before an event."""
        new, kept = self.root / "before.new", self.root / "before"
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir()
        for name in ("work", "hub"):
            if (self.root / name).exists():
                shutil.copytree(self.root / name, new / name, symlinks=True)
        (new / "event").write_text(str(number))
        shutil.rmtree(kept, ignore_errors=True)
        os.rename(new, kept)

    def kept(self) -> int | None:
        """The event before which everything was kept."""
        mark = self.root / "before" / "event"
        return int(mark.read_text()) if mark.exists() else None

    def restore(self) -> None:
        """As it was before that event. What a driver that was killed left running or mounted goes first."""
        self.end_all()
        if os.path.ismount(self.root / "disk"):
            subprocess.run(["umount", str(self.root / "disk")], check=True)
        for name in ("work", "hub", "work.new"):
            shutil.rmtree(self.root / name, ignore_errors=True)
            if (self.root / "before" / name).exists():
                shutil.copytree(self.root / "before" / name, self.root / name, symlinks=True)


def wait_for(process: subprocess.Popen, reached: Callable[[], bool], seconds: float = MOST_SECONDS) -> None:
    """Wait until something is so, the process has ended, or it takes too long."""
    end = time.monotonic() + seconds
    while process.poll() is None and not reached() and time.monotonic() < end:
        time.sleep(0.002)


def kill_group(process: subprocess.Popen) -> None:
    """kill -9, with whatever it has started."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
