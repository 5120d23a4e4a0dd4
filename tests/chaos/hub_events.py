"""Stage 01 against a hub that cuts, lies and disappears, with kills and deleted shards, in a workspace of its own."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import time
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

from gguf_shards import write_shards
from hub import Hub

from .ledger import Change, digest_of
from .world import Run, World, kill_group, wait_for

if TYPE_CHECKING:
    from .driver import Chaos

REPO, SHARDS, SHARD_BYTES = "a/one", 2, 4_000_000
LOOSE = 1 << 20  # bytes that may be on their way when a connection or a process ends
FAULTS = ("cut", "stall", "429", "500", "503", "wrong", "deaf", "elsewhere", "gone", "kill", "interrupt")
AFRESH = ("wrong", "deaf", "elsewhere")  # after which a file may rightly come from its first byte
PROFILE = f"""
[profile]
name = "hub"
tag = "hub"

[[models.teacher.candidates]]
kind = "hub"
name = "{REPO}"
pattern = "m/*.gguf"
"""


class HubLane:
    """The hub, and a workspace that stage 01 fills from it."""

    def __init__(self, world: World, seed: int) -> None:
        self.work = world.root / "hub"
        self.world = World(world.root, world.model)
        self.world.work, self.world.profile = self.work, world.root / "hub.toml"
        self.world.profile.write_text(PROFILE)
        noise, made = random.Random(seed), world.root / "shards"
        shutil.rmtree(made, ignore_errors=True)
        self.content = {f"m/{path.name}": path.read_bytes() + noise.randbytes(SHARD_BYTES)
                        for path in write_shards(made, tensors=SHARDS)}
        self.hub = Hub({REPO: self.content}, pace=0.005)
        self.hub.__enter__()
        self.port = self.hub.server.server_port
        self.environment = {"HF_ENDPOINT": self.hub.url, "HF_HOME": str(world.root / "hf"), "HF_HUB_OFFLINE": "0",
                            "STEPLADDER_RETRY_SECONDS": "0.01", "HF_HUB_DOWNLOAD_TIMEOUT": "1"}

    def close(self) -> None:
        self.hub.__exit__()

    @property
    def folder(self) -> Path:
        return self.work / "models" / REPO.replace("/", "--")

    def here(self, name: str) -> int:
        """Bytes of a shard that have arrived."""
        path = self.folder / name
        part = path.with_name(f".{path.name}.part")
        return next((each.stat().st_size for each in (path, part) if each.exists()), 0)

    def shards_here(self) -> int:
        return sum((self.folder / name).exists() for name in self.content)

    def gone_for(self, seconds: float) -> None:
        """No hub at its port for a while."""
        self.hub.server.shutdown()
        self.hub.server.server_close()
        time.sleep(seconds)
        handler = self.hub.server.RequestHandlerClass
        self.hub.server = ThreadingHTTPServer(("127.0.0.1", self.port), handler)
        import threading

        threading.Thread(target=self.hub.server.serve_forever, daemon=True).start()

    def run(self, fault: str = "", name: str = "", moment: int = 0) -> Run:
        """Stage 01, with a fault when it has come to `moment` bytes of the shard `name`."""
        self.hub.faults.clear()
        self.hub.served.clear()
        if fault and fault not in ("kill", "interrupt"):
            self.hub.faults[REPO, name] = ["cut" if fault == "gone" else fault]

        def disturb(process: subprocess.Popen) -> None:
            wait_for(process, lambda: self.hub.served[REPO, name] >= moment)
            if fault == "kill":
                kill_group(process)
            elif fault == "interrupt" and process.poll() is None:
                os.kill(process.pid, signal.SIGINT)
            elif fault == "gone":
                self.gone_for(0.5)

        return self.world.run("01", (), disturb if fault else None, environment=self.environment)

    def judge(self, run: Run, before: dict[str, int], wanted: dict[str, bool], fault: str, faulty: str) -> Change:
        """before: bytes of each shard that were here. wanted: whether a shard was missing."""
        change = Change()
        for name, content in self.content.items():
            served, missing = self.hub.served[REPO, name], len(content) - before[name]
            room = LOOSE + (len(content) if name == faulty and fault in AFRESH else 0)
            if not wanted[name] and served:
                change.doubled.append(f"{name} was here, and {served} bytes of it came again")
            elif served > missing + room:
                change.doubled.append(f"{name}: {served} bytes came where {missing} were missing")
            least = min(len(content), before[name] + served) - room
            if self.here(name) < least:
                change.lost.append(f"{name}: of {before[name]} + {served} bytes only {self.here(name)} are here")
            path = self.folder / name
            if path.exists() and digest_of(path.read_bytes()) != digest_of(content):
                change.changed.append(f"{name} has other bytes than the hub")
            if run.code == 0 and not path.exists():
                change.lost.append(f"{name}, although stage 01 ended well")
            change.recomputed += wanted[name] and path.exists()
        if run.code not in ({0} if not run.broken else {0, 1, 130, -9}):
            change.failed.append(f"stage 01 ended with exit code {run.code}: {run.text[-300:]}")
        if "Traceback (most recent call last)" in run.text:
            change.failed.append(f"stage 01: an error that nothing handles: {run.text[-300:]}")
        return change


def brought(chaos: Chaos, fault: str = "", name: str = "", moment: int = 0) -> Run:
    lane = chaos.lane
    before = {each: lane.here(each) for each in lane.content}
    wanted = {each: not (lane.folder / each).exists() for each in lane.content}
    run = lane.run(fault, name, moment)
    chaos.take(run, lane.judge(run, before, wanted, fault, name))
    return run


def hub(chaos: Chaos, rng: random.Random) -> None:
    """A shard, or all that was brought, has to be brought; the hub or the process fails on the way."""
    lane = chaos.lane
    chaos.risk = lane.shards_here()
    names = sorted(lane.content)
    name = rng.choice(names)
    for each in names if rng.random() < 0.3 else [name]:
        (lane.folder / each).unlink(missing_ok=True)
    brought(chaos, rng.choice(FAULTS), name, rng.randint(0, SHARD_BYTES * 3 // 4))
    if rng.random() < 0.7:
        brought(chaos)


def shard(chaos: Chaos, rng: random.Random) -> None:
    """A shard of a split GGUF is deleted: it is missed, and comes back alone."""
    lane = chaos.lane
    brought(chaos)
    chaos.risk = lane.shards_here()
    (lane.folder / rng.choice(sorted(lane.content))).unlink()
    status = lane.world.run("01", ["--status"], environment=lane.environment)
    if "to do" not in status.text:
        chaos.fault("lost: a deleted shard was not missed")
    brought(chaos)
