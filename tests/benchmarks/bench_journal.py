"""What keeping the books costs stage 02: journal, assembly, resume and memory, with a teacher that answers at once.

    python tests/benchmarks/bench_journal.py 50000

The real script runs on synthetic questions: once from the start, once more over a journal that lacks only the last
record's replies, once with other flags that ask for nothing new. Then a process of its own opens the journal and looks
up all keys. Nothing but the teacher is faked, so all that is measured here comes on top of a real teacher's hours.
"""

from __future__ import annotations

import importlib
import json
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable
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


def run(stage02: ModuleType, workdir: Path, opener: Callable[..., ScriptedBackend], *flags: str) -> float:
    """Seconds of the stage."""
    stage02.open_by_settings = opener
    started = time.perf_counter()
    stage02.run(stage02.build_parser().parse_args(["--profile", "laptop", "--workdir", str(workdir), *flags]))
    return time.perf_counter() - started


def until_asked(stage02: ModuleType, workdir: Path, journal: Path) -> float:
    """Seconds until the teacher is asked again, when all replies but those to the last record are kept."""
    lines = journal.read_bytes().splitlines(keepends=True)
    last = max(int(json.loads(line)["id"].partition("#")[0].rpartition("/")[2]) for line in lines)
    mark = f'"made/{last}#'.encode()
    journal.write_bytes(b"".join(line for line in lines if mark not in line))
    (workdir / "data/enhanced/cot_enhanced_sample.json").unlink()
    asked: list[float] = []

    def asked_again(request: Request) -> str:
        asked.append(time.perf_counter())
        return reply(request)

    started = time.perf_counter()
    run(stage02, workdir, lambda *_, **__: ScriptedBackend(asked_again))
    return asked[0] - started


OPENING = """
import sys, time
sys.path.insert(0, sys.argv[1])
from pathlib import Path
import psutil
from stepladder.core.journal import Journal
before, started = psutil.Process().memory_info().rss, time.perf_counter()
journal = Journal(Path(sys.argv[2]))
opened, held = time.perf_counter() - started, psutil.Process().memory_info().rss
started = time.perf_counter()
texts = sum(len(journal.get(key)["text"]) for key in list(journal._numbers))
print(f"opened in {opened:.2f} s, {(held - before) / 1e6:.0f} MB more, {held / 1e6:.0f} MB in all; "
      f"every entry read once in {time.perf_counter() - started:.2f} s ({len(journal):,} entries)")
"""


def main() -> None:
    """Measure and print."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 50_000
    stage02 = importlib.import_module("02_generate_cot_llama_cpp")
    workdir = Path(tempfile.mkdtemp(prefix="bench_journal_"))
    enhanced = prepare(workdir, count)
    result, journal = enhanced / "cot_enhanced_sample.json", enhanced / "journals" / "02_replies_sample.jsonl"
    teacher = Teacher(count)

    writes, reads, assembly = Clock(Journal, "put"), Clock(Journal, "get"), Clock(StageRun, "finish")
    total = run(stage02, workdir, teacher.open)
    told = [clock.seconds for clock in (writes, reads, assembly)]  # before the other runs add to them
    size, result_bytes = journal.stat().st_size, result.read_bytes()
    opened = subprocess.run([sys.executable, "-c", OPENING, str(PROJECT / "scripts"), str(journal)], check=True,
                            capture_output=True, text=True).stdout
    resumed = until_asked(stage02, workdir, journal)
    same = result.read_bytes() == result_bytes
    other = run(stage02, workdir, lambda *_, **__: sys.exit("the teacher was needed"), "--no-hint")
    shutil.rmtree(workdir)

    own, night, memory = total - teacher.seconds, NIGHT_SECONDS / 100, teacher.memory
    print(f"{count:,} records, {teacher.attempts:,} replies, journal {size / 1e6:.0f} MB ({size / count:.0f} bytes a "
          f"record), result {len(result_bytes) / 1e6:.0f} MB")
    print(f"whole stage without the teacher's own time: {own:.1f} s ({own / night:.2f} % of a night of "
          f"{NIGHT_SECONDS / 3600:.0f} h)")
    print(f"  journal: {told[0]:.1f} s writing, {told[1]:.1f} s looking up; assembly {told[2]:.1f} s; together "
          f"{sum(told) / night:.3f} % of it")
    print(f"journal: {opened.strip()}")
    print(f"resume: {resumed:.1f} s until the teacher is asked again (kept replies are judged anew), same bytes {same}")
    print(f"another flag for which all replies are known (--no-hint): {other:.1f} s")
    print("memory (MB) at each tenth: " + " ".join(f"{value:.0f}" for value in memory)
          + f"; {1e6 * (memory[-1] - memory[1]) / (count * (len(memory) - 2) / 10):.0f} bytes a record")


if __name__ == "__main__":
    main()
