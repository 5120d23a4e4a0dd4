"""run_all.sh, signals and lost terminals: the real driver in a terminal of its own, over stages that only count.

The stages below are real as far as this goes: stepladder's command line, progress lines and stop flag.
"""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[1]
RECORDS = 30

STAGE = f"""
import os, signal, sys, time
from pathlib import Path
sys.path.insert(0, {str(PROJECT / 'scripts')!r})
from stepladder.core import cli
from stepladder.core.interrupts import stop_flag
from stepladder.core.progress import Progress, say

def build_parser():
    parser = cli.stage_parser("counts")
    parser.add_argument("--words", nargs="*", default=[])
    parser.add_argument("--long-from", type=int, default=10_000)
    return parser

def run(args):
    number = Path(sys.argv[0]).name[:2]
    folder = args.workdir / "data" / "enhanced"
    done, begun = folder / f"{{number}}.done", folder / f"{{number}}.begun"
    if done.exists():
        say(f"{{number}}: already done")
        return 0
    say(f"{{number}}: words {{args.words}}")
    total = {RECORDS} if number == "02" else 1
    with (folder / f"{{number}}.txt").open("a+") as file, Progress("counting", total) as progress:
        file.seek(0)
        for record in range(len(file.readlines()), total):
            begun.write_text(str(record))
            end = time.monotonic() + (60 if record >= args.long_from else 0.03)
            while time.monotonic() < end:
                time.sleep(0.01)
            file.write(f"{{record}}\\n")
            file.flush()
            say(f"record {{record}}")
            progress.update()
            stop_flag.check()
    done.touch()

cli.main(build_parser, run)
"""


class Run:
    """run_all.sh (or another command) as leader of a session with a terminal of its own."""

    def __init__(self, command: list[str], **options: object) -> None:
        self.master, slave = pty.openpty()

        def take_terminal() -> None:
            os.setsid()
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)
            for ignored in (signal.SIGINT, signal.SIGHUP):  # where the tests run in a shell's background, or with nohup
                signal.signal(ignored, signal.SIG_DFL)

        self.process = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, preexec_fn=take_terminal,
                                        **options)  # type: ignore[call-overload]
        os.close(slave)
        self.shown = b""

    def read(self) -> bool:
        """Take what came to the terminal; False where there is nothing."""
        if self.master < 0 or not select.select([self.master], [], [], 0.02)[0]:
            return False
        try:
            part = os.read(self.master, 65536)
        except OSError:
            part = b""
        self.shown += part
        return bool(part)

    def until(self, ready: Callable[[], bool]) -> None:
        end = time.monotonic() + 60
        while not ready():
            assert self.process.poll() is None, f"it ended too early: {self.shown.decode()}"
            assert time.monotonic() < end, f"it never came: {self.shown.decode()}"
            self.read()

    def hang_up(self) -> None:
        """The terminal is closed: writing to it fails from now on."""
        os.close(self.master)
        self.master = -1

    def end(self) -> int:
        end = time.monotonic() + 30
        while self.process.poll() is None:
            assert time.monotonic() < end, f"it does not end: {self.shown.decode()}"
            self.read() or time.sleep(0.02)
        while self.read():
            pass
        return self.process.returncode

    @property
    def text(self) -> str:
        return self.shown.decode().replace("\r", "")


class Folder:
    """A copy of the driver over counting stages, in a path with spaces."""

    def __init__(self, root: Path) -> None:
        self.project, self.workdir = root / "my project", root / "my work"
        (self.project / "scripts").mkdir(parents=True)
        shutil.copy(PROJECT / "run_all.sh", self.project)
        (self.project / ".venv").symlink_to(Path(sys.prefix))
        (self.project / "scripts" / "setup_env.sh").write_text("#!/bin/sh\n")
        (self.project / "scripts" / "setup_env.sh").chmod(0o755)
        shutil.copy(PROJECT / "tests" / "tiny.toml", root / "a profile.toml")
        self.profile = root / "a profile.toml"
        for script in sorted((PROJECT / "scripts").glob("0*.py")):
            (self.project / "scripts" / script.name).write_text(STAGE)
        (self.project / "scripts" / "show.py").write_text(
            "import sys\nif sys.argv[1] == 'profile':\n    print(sys.argv[sys.argv.index('--profile') + 1])")
        self.enhanced = self.workdir / "data" / "enhanced"
        self.runs: list[Run] = []

    def command(self, *flags: str) -> list[str]:
        driver = str(self.project / "run_all.sh")
        return [driver, "--profile", str(self.profile), "--workdir", str(self.workdir), *flags]

    def start(self, *flags: str) -> Run:
        self.runs.append(Run(self.command(*flags)))
        return self.runs[-1]

    def records(self) -> list[str]:
        path = self.enhanced / "02.txt"
        return path.read_text().split() if path.exists() else []

    def log(self) -> str:
        return "".join(path.read_text() for path in sorted((self.enhanced / "logs").glob("*_02.log")))

    def stopped_well(self, run: Run) -> None:
        """The record in hand was finished, the log holds everything, and the way on leads to the end."""
        assert run.end() == 130, run.text
        kept = self.records()
        assert 3 <= len(kept) < RECORDS
        assert kept == [str(number) for number in range(len(kept))]
        assert (self.enhanced / "02.begun").read_text() == kept[-1], "the record in hand was finished"
        log = self.log()
        assert "stopping after the record in hand" in log
        assert f"record {kept[-1]}" in log
        assert "Traceback" not in log
        way = re.search(r"^go on with: (.*)$", log, re.MULTILINE)
        assert way, log
        again = subprocess.run(["bash", "-c", way[1]], capture_output=True, text=True, check=False, cwd="/")
        assert again.returncode == 0, again.stdout + again.stderr
        assert self.records() == [str(number) for number in range(RECORDS)]


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Folder]:
    made = Folder(tmp_path)
    yield made
    for run in made.runs:
        if run.process.poll() is None:
            os.killpg(run.process.pid, signal.SIGKILL)
        if run.master >= 0:
            run.hang_up()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
@pytest.mark.parametrize("whole_group", [True, False], ids=["group", "alone"])
def test_one_signal_finishes_the_record_in_hand_and_the_way_on_ends_the_run(
        folder: Folder, number: int, whole_group: bool) -> None:
    run = folder.start("--only", "02", "--args", "02", '--words "two words" "it is"')
    run.until(lambda: len(folder.records()) >= 3)
    (os.killpg if whole_group else os.kill)(run.process.pid, number)
    folder.stopped_well(run)


def test_ctrl_c_in_the_terminal(folder: Folder) -> None:
    run = folder.start()
    run.until(lambda: len(folder.records()) >= 3)
    os.write(run.master, b"\x03")
    folder.stopped_well(run)
    assert re.search(r"go on with: .*my\\ project/run_all.sh .*my\\ work --from 02", run.text)


def test_a_closed_terminal(folder: Folder) -> None:
    run = folder.start("--from", "2")
    run.until(lambda: len(folder.records()) >= 3)
    run.hang_up()
    folder.stopped_well(run)


@pytest.mark.parametrize("whole_group", [True, False], ids=["group", "alone"])
def test_two_signals_stop_at_once_and_lose_nothing_finished(folder: Folder, whole_group: bool) -> None:
    run = folder.start("--only", "02", "--args", "02", "--long-from 4")
    run.until(lambda: len(folder.records()) >= 4 and (folder.enhanced / "02.begun").read_text() == "4")
    send = os.killpg if whole_group else os.kill
    send(run.process.pid, signal.SIGINT)
    run.until(lambda: "stopping after the record in hand" in run.text)
    send(run.process.pid, signal.SIGINT)
    assert run.end() == 130, run.text
    assert folder.records() == ["0", "1", "2", "3"]
    assert "Traceback" not in folder.log()


def test_ctrl_z_stops_the_stage_too_until_it_is_continued(folder: Folder) -> None:
    run = folder.start("--only", "02")
    run.until(lambda: len(folder.records()) >= 3)
    os.write(run.master, b"\x1a")
    end = time.monotonic() + 30
    while Path(f"/proc/{run.process.pid}/stat").read_text().split()[2] != "T":
        assert time.monotonic() < end
        time.sleep(0.02)
    kept = folder.records()
    time.sleep(0.3)
    assert folder.records() == kept, "nothing works while it is stopped"
    os.kill(run.process.pid, signal.SIGCONT)
    assert run.end() == 0, run.text
    assert len(folder.records()) == RECORDS


def test_a_signal_before_a_stage_listens_stops_the_run(folder: Folder) -> None:
    run = folder.start()
    run.until(lambda: bool(list((folder.enhanced / "logs").glob("*_00.log"))))
    os.kill(run.process.pid, signal.SIGINT)
    assert run.end() == 130, run.text
    assert not folder.records(), "no later stage was begun"


def test_a_stage_by_hand_survives_its_terminal(folder: Folder) -> None:
    folder.enhanced.mkdir(parents=True)
    command = [sys.executable, str(next((folder.project / "scripts").glob("02*"))), "--profile", str(folder.profile),
               "--workdir", str(folder.workdir)]
    run = Run(command)
    folder.runs.append(run)
    run.until(lambda: len(folder.records()) >= 3)
    run.hang_up()
    assert run.end() == 130
    assert folder.records()[-1] == (folder.enhanced / "02.begun").read_text()


def test_nohup_is_respected(folder: Folder) -> None:
    run = Run(["nohup", *folder.command("--only", "2")], cwd=folder.project)
    folder.runs.append(run)
    run.until(lambda: len(folder.records()) >= 3)
    os.killpg(run.process.pid, signal.SIGHUP)
    assert run.end() == 0, run.text
    assert len(folder.records()) == RECORDS


def test_a_reader_that_goes_away_does_not_stop_the_work_and_the_log_is_whole(folder: Folder) -> None:
    head = subprocess.Popen(["head", "-n", "1"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    run = subprocess.run(folder.command("--only", "2"), stdout=head.stdin, stderr=subprocess.DEVNULL, check=False)
    head.stdin.close()
    head.wait()
    assert run.returncode == 0
    assert folder.records() == [str(number) for number in range(RECORDS)]
    assert f"record {RECORDS - 1}" in folder.log()


# -- arguments -----------------------------------------------------------------------------------------------------


def run(folder: Folder, *flags: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(folder.command(*flags), capture_output=True, text=True, check=False)


def test_quoted_values_of_args_stay_whole_and_repeated_args_add_up(folder: Folder) -> None:
    done = run(folder, "--only", "3", "--args", "3", "--words 'a b' \"it's\" c\\ d", "--args", "03", "--seed 7")
    assert done.returncode == 0, done.stderr
    assert "03: words ['a b', \"it's\", 'c d']" in done.stdout


def test_args_with_an_open_quote_are_exit_2_before_anything_runs(folder: Folder) -> None:
    done = run(folder, "--args", "03", "--words 'a b")
    assert done.returncode == 2, done.stdout
    assert "quot" in done.stderr
    assert "00:" not in done.stdout


@pytest.mark.parametrize("name", ["3", "03", "03_create_curriculum_phi4"])
def test_a_stage_is_named_by_number_or_name(folder: Folder, name: str) -> None:
    done = run(folder, "--only", name)
    assert done.returncode == 0, done.stderr
    assert [path.name for path in sorted(folder.enhanced.glob("*.done"))] == ["03.done"]


@pytest.mark.parametrize("name", ["7", "x", "0x", ""])
def test_what_is_no_stage_is_exit_2(folder: Folder, name: str) -> None:
    assert run(folder, "--only", name).returncode == 2


def test_a_long_log_of_a_stage_that_worked_is_kept(folder: Folder) -> None:
    words = " ".join(f"word{number}" for number in range(9000))
    assert run(folder, "--only", "2", "--args", "2", f"--words {words}").returncode == 0
    assert "word8999" in folder.log()
    assert run(folder, "--only", "2", "--args", "2", f"--words {words}").returncode == 0
    assert len(list((folder.enhanced / "logs").glob("*_02.log"))) == 1, "a stage that was done already leaves no log"
