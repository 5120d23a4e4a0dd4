"""Downloads that go on: across kills, Ctrl-C, cuts and silence; files that change; refusals; a full disk."""

from __future__ import annotations

import errno
import hashlib
import os
import signal
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest
from hub import COMMIT, PIECE, Hub
from test_01_download import profile, provided, tiny_gguf

from stepladder.core import machine, patience
from stepladder.core.cli import PROJECT
from stepladder.core.errors import Interrupted, StageError
from stepladder.core.files import WeightHashes, hash_file
from stepladder.core.interrupts import stop_flag
from stepladder.core.settings import Candidate
from stepladder.weights import part, sources, transfer
from stepladder.weights.offers import Offer, RemoteFile, SourceError
from stepladder.weights.part import Part, bytes_here

REPO = "a/one"
LOOSE = 1 << 20  # bytes that may be on their way when a process is killed


def large(tmp_path: Path, megabytes: int = 24) -> bytes:
    """A GGUF followed by noise, so that a byte in the wrong place changes the hash."""
    return tiny_gguf(tmp_path) + os.urandom(megabytes * 1_000_000)


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """A hub with a/one, which this process and the scripts it starts speak to."""
    from huggingface_hub import constants

    with Hub({REPO: {"m.gguf": large(tmp_path)}}) as server:
        for name, value in {"HF_ENDPOINT": server.url, "HF_HOME": str(tmp_path / "hf"), "HF_HUB_OFFLINE": "0",
                            "STEPLADDER_RETRY_SECONDS": "0.001", "HF_HUB_DOWNLOAD_TIMEOUT": "10"}.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)  # read at import, where tests/run.sh forbids the hub
        monkeypatch.setattr(constants, "ENDPOINT", server.url)
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE",
                            server.url + "/{repo_id}/resolve/{revision}/{filename}")
        yield server


def start(tmp_path: Path, *flags: str) -> subprocess.Popen[str]:
    toml = profile(tmp_path, (REPO, "*.gguf"))
    return subprocess.Popen([sys.executable, str(PROJECT / "scripts/01_download_deepseek_gguf.py"), "--profile", toml,
                             "--workdir", str(tmp_path / "work"), *flags],
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finished(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=120)
    return process.returncode, out, err


def wait_until(reached, process: subprocess.Popen[str]) -> None:
    while not reached():
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)


def offer(*names: str, etag: str = "e", hub: Hub | None = None) -> Offer:
    """An offer of REPO as the hub tells it, or (without a hub) of a file whose hash nobody tells."""
    def told(name: str) -> RemoteFile:
        data = hub.repos[REPO][name] if hub else b""
        digest = hashlib.sha256(data).hexdigest() if hub and REPO not in hub.plain else None
        return RemoteFile(name, len(data), digest, digest or etag)

    return Offer(Candidate(kind="hub", name=REPO, pattern="*"), tuple(told(name) for name in names), COMMIT)


def fetch(tmp_path: Path, wanted: Offer) -> Path:
    hashes = WeightHashes(tmp_path / "models/.sha256.json")
    return sources.fetch(wanted, tmp_path / "models", hashes, 4)[0]


# -- going on ---------------------------------------------------------------------------------------------------------


def test_a_killed_download_goes_on_at_its_byte(hub: Hub, tmp_path: Path) -> None:
    size = len(hub.repos[REPO]["m.gguf"])
    hub.pace = 0.005
    for share in (0.3, 0.6):
        process = start(tmp_path)
        wait_until(lambda share=share: hub.served[REPO, "m.gguf"] > share * size, process)
        process.kill()
        process.communicate()
    code, out, err = finished(start(tmp_path))
    assert code == 0, err
    assert "going on after" in out
    assert provided(tmp_path).read_bytes() == hub.repos[REPO]["m.gguf"]
    assert hub.served[REPO, "m.gguf"] <= size + 2 * LOOSE, "no byte comes twice, but what was on its way"
    left = [path.name for path in provided(tmp_path).parent.iterdir()]
    assert left == ["m.gguf"], "nothing else stays beside it"


def test_one_interrupt_stops_at_once_even_where_the_hub_is_silent(hub: Hub, tmp_path: Path) -> None:
    size = len(hub.repos[REPO]["m.gguf"])
    hub.faults[REPO, "m.gguf"] = ["", "stall"]
    process = start(tmp_path)
    wait_until(lambda: hub.served[REPO, "m.gguf"] >= size // 2, process)
    process.send_signal(signal.SIGINT)
    process.wait(timeout=9)  # the hub is silent for longer, and only then would the connection be given up
    code, _, err = finished(process)
    assert code == 130
    assert "go on there" in err
    assert bytes_here(tmp_path / "work/models/a--one/m.gguf") >= size // 2 - LOOSE
    assert finished(start(tmp_path))[0] == 0
    assert hub.served[REPO, "m.gguf"] <= size + LOOSE
    assert provided(tmp_path).read_bytes() == hub.repos[REPO]["m.gguf"]


@pytest.mark.parametrize("faults", [["cut", "cut", "500", "cut"], ["stall"], ["503", "429", "cut"]])
def test_what_passes_is_asked_again_where_it_ended(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                                   faults: list[str]) -> None:
    monkeypatch.setenv("HF_HUB_DOWNLOAD_TIMEOUT", "0.5")
    hub.faults[REPO, "m.gguf"] = list(faults)
    path = fetch(tmp_path, offer("m.gguf", hub=hub))
    assert path.read_bytes() == hub.repos[REPO]["m.gguf"]
    assert hub.served[REPO, "m.gguf"] == path.stat().st_size


def test_cuts_that_brought_something_are_no_failures(hub: Hub, tmp_path: Path,
                                                     monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfer, "ATTEMPTS", 2)
    hub.faults[REPO, "m.gguf"] = ["cut", "cut", "cut", "500", "cut"]
    assert fetch(tmp_path, offer("m.gguf", hub=hub)).read_bytes() == hub.repos[REPO]["m.gguf"]


@pytest.mark.parametrize("fault", ["deaf", "elsewhere"])
def test_a_server_that_does_not_go_on_where_asked_is_not_believed(hub: Hub, tmp_path: Path, fault: str,
                                                                  capsys: pytest.CaptureFixture[str]) -> None:
    hub.faults[REPO, "m.gguf"] = ["cut", fault]
    assert fetch(tmp_path, offer("m.gguf", hub=hub)).read_bytes() == hub.repos[REPO]["m.gguf"]
    assert "it starts afresh" in capsys.readouterr().out


def test_storage_on_another_host_goes_on_too_and_gets_no_key(hub: Hub, tmp_path: Path,
                                                             monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    hub.elsewhere = True
    hub.faults[REPO, "m.gguf"] = ["cut"]
    path = fetch(tmp_path, offer("m.gguf", hub=hub))
    assert path.read_bytes() == hub.repos[REPO]["m.gguf"]
    assert hub.served[REPO, "m.gguf"] == path.stat().st_size
    assert hub.keys == ["", ""]


def test_an_outage_for_good_ends_in_one_line_and_keeps_what_is_here(hub: Hub, tmp_path: Path) -> None:
    hub.faults[REPO, "m.gguf"] = ["cut", *["500"] * 50]
    with pytest.raises(SourceError, match="500"):
        fetch(tmp_path, offer("m.gguf", hub=hub))
    assert bytes_here(tmp_path / "models/a--one/m.gguf") == len(hub.repos[REPO]["m.gguf"]) // 2


# -- files that change ------------------------------------------------------------------------------------------------


def test_a_file_that_changed_between_runs_starts_afresh(hub: Hub, tmp_path: Path) -> None:
    hub.faults[REPO, "m.gguf"] = ["", "cut", *["500"] * 12]
    assert finished(start(tmp_path))[0] == 1
    hub.faults.clear()
    hub.repos[REPO]["m.gguf"] = large(tmp_path)
    code, out, err = finished(start(tmp_path))
    assert code == 0, err
    assert "changed at its source since; it starts afresh" in out
    assert provided(tmp_path).read_bytes() == hub.repos[REPO]["m.gguf"]


def test_without_a_hash_the_servers_etag_guards_what_is_here(hub: Hub, tmp_path: Path,
                                                             capsys: pytest.CaptureFixture[str]) -> None:
    hub.plain.add(REPO)
    hub.faults[REPO, "m.gguf"] = ["cut", *["500"] * 12]
    wanted = offer("m.gguf", hub=hub)
    with pytest.raises(SourceError):
        fetch(tmp_path, wanted)
    hub.faults.clear()
    hub.repos[REPO]["m.gguf"] = large(tmp_path)
    assert fetch(tmp_path, wanted).read_bytes() == hub.repos[REPO]["m.gguf"]
    assert hub.conditions[-1].startswith('"')
    assert "starts afresh" in capsys.readouterr().out


def test_a_damaged_part_is_noticed_by_its_hash(hub: Hub, tmp_path: Path) -> None:
    hub.faults[REPO, "m.gguf"] = ["cut", *["500"] * 12]
    with pytest.raises(SourceError):
        fetch(tmp_path, offer("m.gguf", hub=hub))
    hub.faults.clear()
    here, _ = part.paths(tmp_path / "models/a--one/m.gguf")
    with here.open("r+b") as file:
        file.write(b"torn")
    assert fetch(tmp_path, offer("m.gguf", hub=hub)).read_bytes() == hub.repos[REPO]["m.gguf"]


# -- hashes, parallel, progress ---------------------------------------------------------------------------------------


def test_the_hash_is_taken_as_the_bytes_arrive_and_nothing_is_read_again(hub: Hub, tmp_path: Path,
                                                                         monkeypatch: pytest.MonkeyPatch) -> None:
    def read_again(path: Path) -> str:
        raise AssertionError(f"{path} is read again")

    monkeypatch.setattr("stepladder.core.files.hash_file", read_again)
    monkeypatch.setattr(sources, "_hashed", lambda path, hashes: read_again(path))
    path = fetch(tmp_path, offer("m.gguf", hub=hub))
    digest = WeightHashes(tmp_path / "models/.sha256.json")(path)
    assert digest == hashlib.sha256(hub.repos[REPO]["m.gguf"]).hexdigest()
    hub.requests.clear()
    fetch(tmp_path, offer("m.gguf", hub=hub))
    assert not hub.requests


def test_several_files_come_at_a_time_and_progress_is_told_without_a_terminal(hub: Hub, tmp_path: Path,
                                                                              capsys: pytest.CaptureFixture[str]
                                                                              ) -> None:
    names = [f"part{number}.bin" for number in range(6)]
    hub.repos[REPO] = {name: os.urandom(20 * PIECE) for name in names}
    hub.pace = 0.01
    fetch(tmp_path, offer(*names, hub=hub))
    assert hub.most == 4
    for name in names:
        assert hash_file(tmp_path / "models/a--one" / name) == hashlib.sha256(hub.repos[REPO][name]).hexdigest()
    assert "downloading 0.01/0.01 GB" in capsys.readouterr().err


def test_one_file_that_cannot_be_had_stops_the_others_and_keeps_their_parts(hub: Hub, tmp_path: Path) -> None:
    hub.repos[REPO] = {"good.bin": os.urandom(200 * PIECE), "bad.bin": os.urandom(PIECE)}
    wanted = offer("good.bin", "bad.bin", hub=hub)
    hub.pace = 0.02
    hub.faults[REPO, "bad.bin"] = ["wrong", "wrong"]
    with pytest.raises(SourceError, match=r"bad\.bin has another SHA-256"):
        fetch(tmp_path, wanted)
    assert bytes_here(tmp_path / "models/a--one/good.bin") > 0
    assert not (tmp_path / "models/a--one/bad.bin").exists()


def test_a_stop_is_looked_for_while_waiting_and_while_hashing(hub: Hub, tmp_path: Path,
                                                              monkeypatch: pytest.MonkeyPatch) -> None:
    path = fetch(tmp_path, offer("m.gguf", hub=hub))
    monkeypatch.setattr(stop_flag, "requested", True)
    with pytest.raises(Interrupted):
        patience.pause(60)
    with pytest.raises(Interrupted):
        sources._hashed(path, WeightHashes(tmp_path / "other.json"))


# -- refusals, room, orphans ------------------------------------------------------------------------------------------


def test_files_that_are_refused_are_called_gated_and_asked_once(hub: Hub, tmp_path: Path) -> None:
    hub.sealed.add(REPO)
    code, out, err = finished(start(tmp_path))
    assert code == 1
    assert "a/one is gated: accept its terms on the hub and set HF_TOKEN" in out
    assert "Traceback" not in err
    assert hub.requests[REPO, "m.gguf"] == 1
    with pytest.raises(SourceError, match="gated"):
        fetch(tmp_path, offer("m.gguf", hub=hub))


def test_no_byte_is_asked_for_where_the_disk_has_no_room(hub: Hub, tmp_path: Path,
                                                         monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "free_disk_bytes", lambda path: 1_000_000)
    with pytest.raises(SourceError, match="GB of disk"):
        fetch(tmp_path, offer("m.gguf", hub=hub))
    assert not hub.requests


def test_a_disk_that_fills_up_stops_the_stage(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started = Part.start_afresh

    def on_a_full_disk(self: Part) -> None:
        def write(data: object) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

        started(self)
        self._file = SimpleNamespace(write=write, close=self._file.close)

    monkeypatch.setattr(Part, "start_afresh", on_a_full_disk)
    with pytest.raises(StageError, match="disk full") as told:
        fetch(tmp_path, offer("m.gguf", hub=hub))
    assert not isinstance(told.value, SourceError), "no reason to try the next candidate"


def test_what_the_hubs_client_left_is_cleaned_and_is_no_progress(hub: Hub, tmp_path: Path) -> None:
    there = tmp_path / "work/models/a--one"
    orphans = [there / ".cache/huggingface/download/x.1234.incomplete", there / "m.gguf.incomplete"]
    for orphan in orphans:
        orphan.parent.mkdir(parents=True, exist_ok=True)
        orphan.write_bytes(bytes(1_000_000))
    wanted = offer("m.gguf", hub=hub)
    assert sources.missing_bytes(wanted, tmp_path / "work/models") == wanted.size_bytes
    code, out, err = finished(start(tmp_path))
    assert code == 0, err
    assert not any(orphan.exists() for orphan in orphans)
    assert not (there / ".cache").exists()
    assert "nothing goes on with" in out


def test_a_part_is_progress(hub: Hub, tmp_path: Path) -> None:
    hub.faults[REPO, "m.gguf"] = ["cut", *["500"] * 12]
    wanted = offer("m.gguf", hub=hub)
    with pytest.raises(SourceError):
        fetch(tmp_path, wanted)
    size = wanted.size_bytes
    assert sources.missing_bytes(wanted, tmp_path / "models") == size - size // 2


def test_two_runs_do_not_write_one_part(hub: Hub, tmp_path: Path) -> None:
    wanted = offer("m.gguf", hub=hub)
    target = tmp_path / "m.gguf"
    open_one = Part(target, {"etag": "e", "size": 1})
    with pytest.raises(StageError, match="another run is downloading"):
        transfer.Transfer(wanted, wanted.files[0], target, threading.Event(), lambda count: None).run()
    open_one.close()


def test_a_name_that_leads_out_of_the_folder_is_refused(hub: Hub, tmp_path: Path) -> None:
    hub.repos[REPO]["../../x"] = b"x"
    with pytest.raises(SourceError, match="outside"):
        fetch(tmp_path, offer("../../x", hub=hub))


# -- patience ---------------------------------------------------------------------------------------------------------


def failed(status: int, **headers: str) -> httpx.HTTPStatusError:
    request = httpx.Request("GET", "http://x")
    return httpx.HTTPStatusError("no", request=request, response=httpx.Response(status, request=request,
                                                                                headers=headers))


def test_waits_grow_and_obey_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEPLADDER_RETRY_SECONDS", "1")
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=300), usegmt=True)
    errors = [failed(500), failed(429, **{"Retry-After": "70"}), failed(503, **{"Retry-After": later}),
              failed(429, **{"Retry-After": "soon"}), httpx.ReadTimeout("silent")]
    waits: list[float] = []

    def ask() -> str:
        if errors:
            raise errors.pop(0)
        return "answer"

    assert patience.retrying(attempts=6, sleep=waits.append)(ask) == "answer"
    assert 1 <= waits[0] <= 2
    assert 70 <= waits[1] < 80
    assert 290 <= waits[2] <= 301
    assert 8 <= waits[3] <= 9
    assert 16 <= waits[4] <= 17


@pytest.mark.parametrize(("error", "passes"), [
    (failed(500), True), (failed(429), True), (failed(404), False), (failed(401), False), (failed(403), False),
    (httpx.ConnectError("refused"), True), (httpx.RemoteProtocolError("cut"), True), (TimeoutError(), True),
    (ValueError("no"), False), (OSError(errno.ENOSPC, "full"), False)])
def test_what_passes_by_itself(error: Exception, passes: bool) -> None:
    assert patience.transient(error) is passes
    wrapped = RuntimeError("a library's own words")
    wrapped.__cause__ = error
    assert patience.transient(wrapped) is passes


def test_offline_mode_does_not_pass() -> None:
    from huggingface_hub.errors import OfflineModeIsEnabled

    assert patience.transient(OfflineModeIsEnabled("offline")) is False
