"""One run of one stage: is it done, who holds the lock, its journals, its outputs and their metas.

A stage is done when beside each output X.json stands X.meta.json whose fingerprint (stage, shaping settings, seed,
limit, hashes of inputs and weights) and hashes are those of now. The metas are written last.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import platform
import shlex
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from .errors import InputError, NotThereYet, StageError
from .files import WeightHashes, hash_file, hash_json, read_json, write_json
from .journal import Journal
from .machine import peak_memory_bytes
from .profiles import Settings
from .progress import duration, say
from .workspace import Workspace

LIBRARIES = ("llama-cpp-python", "transformers", "peft", "torch", "bitsandbytes", "unsloth", "datasets", "rensa",
             "scikit-learn", "pydantic")


def meta_path(output: Path) -> Path:
    """X.json -> X.meta.json."""
    return output.with_suffix(".meta.json")


class StageRun:
    """Context manager of one stage run; entering takes the lock of its outputs.

    inputs, outputs: JSON files by name. weights: model files or folders by role. products: files or folders that
    the stage makes beside its outputs (an adapter); they count for "done". extra: anything else that shapes it.
    """

    def __init__(self, stage: str, args: argparse.Namespace, settings: Settings, *, inputs: Mapping[str, Path],
                 outputs: Mapping[str, Path], weights: Mapping[str, Path] | None = None,
                 products: Mapping[str, Path] | None = None, extra: Mapping[str, Any] | None = None) -> None:
        self.stage, self.args, self.settings = stage, args, settings
        self.workspace = Workspace.of(args, settings.profile)
        self.inputs, self.outputs = dict(inputs), dict(outputs)
        self.weights, self.products = dict(weights or {}), dict(products or {})
        self.extra = dict(extra or {})
        self._hash_weights = WeightHashes(self.workspace.models / ".sha256.json")
        self._started = time.monotonic()
        self._fingerprint: str | None = None
        self._locks: list[FileLock] = []

    # -- is it done? ----------------------------------------------------------------------------------------------

    def input_hashes(self) -> dict[str, str]:
        """SHA-256 of every input and of all weights. Raises InputError when one is missing."""
        hashes = {}
        for name, path in self.inputs.items():
            if not path.is_file():
                if path.is_dir():
                    raise InputError(f"input {path}: it is a directory")
                raise NotThereYet(f"input {path}: it does not exist; run the stage that writes it")
            hashes[name] = hash_file(path)
        return hashes | {name: self._hash_weights(path) for name, path in self.weights.items()}

    @property
    def fingerprint(self) -> str:
        """Hash of everything that shapes the outputs."""
        if self._fingerprint is None:
            self._fingerprint = hash_json({
                "stage": self.stage, "settings": self.settings.shaping(), "seed": self.args.seed,
                "limit": self.args.limit, "inputs": self.input_hashes(), "extra": self.extra})
        return self._fingerprint

    def why_not_done(self) -> str | None:
        """None when done, else the reason why the stage has to run."""
        for output in self.outputs.values():
            if not output.exists():
                return f"{output.name} is missing"
            if not meta_path(output).exists():
                return f"{meta_path(output).name} is missing"
            meta = read_json(meta_path(output))
            if meta.get("fingerprint") != self.fingerprint:
                return f"{output.name} was made from other inputs or arguments"
            if meta.get("sha256") != hash_file(output):
                return f"{output.name} was changed since"
            for name, path in self.products.items():
                if not path.exists() or self._hash_weights(path) != meta["products"].get(name):
                    return f"{path.name} is missing or was changed since"
        return None

    def is_done(self) -> bool:
        """Whether there is nothing to do; says so. --force and --status are answered here too."""
        reason = self.why_not_done()
        if getattr(self.args, "status", False):
            say(f"{self.stage}: done" if reason is None else f"{self.stage}: to do ({reason})")
            return True
        if reason is None and not self.args.force:
            say(f"{self.stage}: already done ({', '.join(path.name for path in self.outputs.values())})")
            return True
        return False

    # -- the run --------------------------------------------------------------------------------------------------

    def __enter__(self) -> StageRun:
        if getattr(self.args, "status", False):  # a question leaves no folders and locks behind
            return self
        for output in self.outputs.values():
            output.parent.mkdir(parents=True, exist_ok=True)
            lock = FileLock(output.with_suffix(".json.lock"), timeout=0)
            try:
                lock.acquire()
            except Timeout:
                self._release()
                raise StageError(f"another run is writing {output}; wait for it or stop it") from None
            self._locks.append(lock)
        return self

    def __exit__(self, *exception: object) -> None:
        self._release()

    def _release(self) -> None:
        for lock in self._locks:
            lock.release()
        self._locks.clear()

    def announce(self) -> None:
        """Print where each setting that is not a default came from."""
        chosen = [f"{key}={item['value']} ({item['from']})" for key, item in self.settings.described().items()
                  if item["from"] != "default" and not isinstance(item["value"], (dict, list))]
        say(f"{self.stage}: profile {self.settings.profile.name}; " + ", ".join(chosen))

    def journal(self, output: str, name: str = "", extra: Any = None) -> Journal:
        """The journal of an output (X.partial.jsonl; with a name, X.NAME.partial.jsonl); says what it resumes."""
        path = self.outputs[output].with_suffix(f".{name}.partial.jsonl" if name else ".partial.jsonl")
        if self.args.force:
            path.unlink(missing_ok=True)
        journal = Journal(path, hash_json([self.fingerprint, extra]))
        if journal.started_afresh:
            say(f"{self.stage}: {path.name} starts afresh: {journal.started_afresh}")
        if journal.resumed:
            say(f"{self.stage}: going on after {journal.resumed} finished records of {path.name}")
        return journal

    def finish(self, contents: Mapping[str, Any], counts: Mapping[str, Any]) -> None:
        """Write all outputs, then their metas. `counts` is what the summary and `show.py` tell."""
        for name, value in contents.items():
            write_json(self.outputs[name], value)
        seconds = time.monotonic() - self._started
        meta = {
            "stage": self.stage, "finished": datetime.now(UTC).isoformat(timespec="seconds"),
            "command": shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]]),
            "arguments": self.settings.described(), "seed": self.args.seed, "limit": self.args.limit,
            "profile": self.settings.profile.name, "versions": versions(), "machine": platform.platform(),
            "inputs": {name: {"path": str(path), "sha256": self.input_hashes()[name]}
                       for name, path in {**self.inputs, **self.weights}.items()},
            "products": {name: self._hash_weights(path) for name, path in self.products.items()},
            "fingerprint": self.fingerprint, "counts": dict(counts), "seconds": round(seconds, 1),
            "peak_memory_bytes": peak_memory_bytes(),
        }
        for path in self.outputs.values():
            write_json(meta_path(path), {"output": path.name, "sha256": hash_file(path), **meta})
        say(f"{self.stage}: done in {duration(seconds)}, peak memory {meta['peak_memory_bytes'] / 1e9:.2f} GB")


def versions() -> dict[str, str]:
    """Versions of Python and of the libraries that shape results."""
    found = {"python": platform.python_version()}
    for name in LIBRARIES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found
