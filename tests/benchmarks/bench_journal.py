"""What keeping the books costs stage 02: journal, assembly, resume and memory, with a teacher that answers at once.

    python tests/benchmarks/bench_journal.py 50000

The real script runs on synthetic questions: once from the start, once more over a journal that lacks only the last
record. Nothing but the teacher is faked, so all that is measured here comes on top of a real teacher's hours.
"""

from __future__ import annotations

import argparse
import importlib
import json
import random
import shutil
import sys
import tempfile
import time
from collections import deque
from pathlib import Path
from types import ModuleType

import psutil

PROJECT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(PROJECT / "scripts"), str(PROJECT / "tests")]

from fakes import ScriptedBackend  # noqa: E402

from stepladder.core.journal import Journal  # noqa: E402
from stepladder.core.stage import StageRun  # noqa: E402
from stepladder.engine.requests import Request  # noqa: E402

NIGHT_SECONDS = 5 * 3600  # the plan gives this stage 4 to 6 hours
WORDS = ("water", "light", "stone", "river", "house", "early", "method", "small", "people", "number", "change", "north")


class Clock:
    """Seconds spent inside a method, summed over its calls."""

    def __init__(self, owner: type, name: str) -> None:
        self.seconds = 0.0
        original = getattr(owner, name)

        def timed(*args: object, **options: object) -> object:
            started = time.perf_counter()
            try:
                return original(*args, **options)
            finally:
                self.seconds += time.perf_counter() - started

        setattr(owner, name, timed)


def write_questions(path: Path, count: int) -> None:
    """`count` questions with distinct options."""
    rng = random.Random(0)
    records = [{"id": f"made/{n}", "question": " ".join(rng.choices(WORDS, k=25)) + "?", "answer": rng.choice("ABCD"),
                "choices": {letter: f"{rng.choice(WORDS)} {letter.lower()}{n}" for letter in "ABCD"},
                "source": f"source{n % 4}", "subject": "made", "domain": f"domain {n % 42}"} for n in range(count)]
    path.write_text(json.dumps(records))


def reply(request: Request) -> str:
    """A short reasoning in another order for each request; it answers A, so later attempts and hints happen too."""
    words = random.Random(request.id).choices(WORDS, k=60)
    sentences = [" ".join(words[start:start + 10]) + "." for start in range(0, 60, 10)]
    letter = "ABCD"[len(request.prompt) % 4]
    return "\n".join([*sentences, f"Answer: {letter}"])


def prepare(workdir: Path, count: int) -> Path:
    """A working folder with `count` questions and a teacher that is only a name; returns its data/enhanced."""
    enhanced = workdir / "data" / "enhanced"
    enhanced.mkdir(parents=True)
    (workdir / "models").mkdir()
    (workdir / "models" / "t.gguf").write_bytes(b"none")
    (enhanced / "models_sample.json").write_text(json.dumps({"teacher": {"name": "none", "gguf": "models/t.gguf"}}))
    write_questions(enhanced / "questions_sample.json", count)
    return enhanced


class Teacher:
    """Replies at once; counts its own seconds and attempts, and the process's memory (MB) at each tenth."""

    def __init__(self, count: int) -> None:
        self.every, self.process = max(1, count // 10), psutil.Process()
        self.seconds, self.attempts = 0.0, 0
        self.memory: list[float] = []

    def __call__(self, request: Request) -> str:
        started = time.perf_counter()
        text = reply(request)
        self.seconds += time.perf_counter() - started
        self.attempts += 1
        if request.id.endswith("#1") and int(request.id.removesuffix("#1").rpartition("/")[2]) % self.every == 0:
            self.memory.append(self.process.memory_info().rss / 1e6)
        return text

    def open(self, *_: object, **__: object) -> ScriptedBackend:
        """In the place of stage 02's opener."""
        backend = ScriptedBackend(self, sequences=64)
        backend.calls = deque(maxlen=1)  # a real backend keeps no calls
        return backend


def run_whole(stage02: ModuleType, args: argparse.Namespace, teacher: Teacher, kept: Path) -> float:
    """Seconds of the stage from the start; its journal is copied to `kept` before the stage removes it."""
    remove = Journal.remove

    def keep_then_remove(self: Journal) -> None:
        shutil.copy(self.path, kept)
        remove(self)

    Journal.remove = keep_then_remove
    stage02.open_by_settings = teacher.open
    started = time.perf_counter()
    stage02.run(args)
    seconds = time.perf_counter() - started
    Journal.remove = remove
    return seconds


def run_resumed(stage02: ModuleType, args: argparse.Namespace, enhanced: Path, kept: Path) -> float:
    """Seconds until the teacher is asked again, when all records but the last are in the journal."""
    all_but_one = kept.read_bytes().splitlines(keepends=True)[:-1]
    (enhanced / "cot_enhanced_sample.partial.jsonl").write_bytes(b"".join(all_but_one))
    (enhanced / "cot_enhanced_sample.json").unlink()
    asked: list[float] = []

    def asked_again(request: Request) -> str:
        asked.append(time.perf_counter())
        return reply(request)

    stage02.open_by_settings = lambda *_, **__: ScriptedBackend(asked_again)
    started = time.perf_counter()
    stage02.run(args)
    return asked[0] - started


def main() -> None:
    """Measure and print."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 50_000
    stage02 = importlib.import_module("02_generate_cot_llama_cpp")
    workdir = Path(tempfile.mkdtemp(prefix="bench_journal_"))
    enhanced = prepare(workdir, count)
    args = stage02.build_parser().parse_args(["--profile", "laptop", "--workdir", str(workdir)])
    result, kept, teacher = enhanced / "cot_enhanced_sample.json", enhanced / "kept.jsonl", Teacher(count)

    journal, assembly = Clock(Journal, "append"), Clock(StageRun, "finish")
    total = run_whole(stage02, args, teacher, kept)
    books = journal.seconds + assembly.seconds  # before the second run adds to them
    size, result_bytes = kept.stat().st_size, result.read_bytes()
    opening = Clock(Journal, "__init__")
    resumed = run_resumed(stage02, args, enhanced, kept)
    same = result.read_bytes() == result_bytes
    shutil.rmtree(workdir)

    own, night, memory = total - teacher.seconds, NIGHT_SECONDS / 100, teacher.memory
    print(f"{count:,} records, {teacher.attempts:,} attempts, journal {size / 1e6:.0f} MB, "
          f"result {len(result_bytes) / 1e6:.0f} MB")
    print(f"whole stage without the teacher's own time: {own:.1f} s ({own / night:.2f} % of a night of "
          f"{NIGHT_SECONDS / 3600:.0f} h)")
    print(f"  journal and assembly {books:.1f} s: {books / night:.3f} % of it")
    print(f"resume: {resumed:.2f} s until the teacher is asked again, {opening.seconds:.2f} s of it for the journal; "
          f"same bytes: {same}")
    print("memory (MB) at each tenth: " + " ".join(f"{value:.0f}" for value in memory)
          + f"; {1e6 * (memory[-1] - memory[1]) / (count * (len(memory) - 2) / 10):.0f} bytes a record")


if __name__ == "__main__":
    main()
