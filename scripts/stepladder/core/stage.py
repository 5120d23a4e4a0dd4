"""One run of one stage: is it done, who holds the lock, its journals, its outputs and their metas.

A stage is done when beside each output X.json stands X.meta.json whose fingerprint (stage, shaping settings, seed,
limit, hashes of inputs and weights) and hashes are those of now. The metas are written last. Outputs that a run would
replace by others are set aside, and brought back by a run that they fit.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import os
import platform
import shlex
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

from filelock import FileLock, Timeout

from . import aside
from .errors import InputError, NotThereYet, StageError
from .files import WeightHashes, as_json_bytes, hash_file, hash_json, read_json, write_bytes_atomically, write_json
from .former_journals import former_records
from .journal import Journal, RunJournal, ScopedJournal
from .machine import peak_memory_bytes
from .profiles import Settings
from .progress import duration, say
from .records import with_reasons
from .shards import missing_files
from .workspace import Workspace

LIBRARIES = ("llama-cpp-python", "transformers", "peft", "torch", "bitsandbytes", "unsloth", "datasets", "rensa",
             "scikit-learn", "pydantic")


def meta_path(output: Path) -> Path:
    """X.json -> X.meta.json."""
    return output.with_suffix(".meta.json")


def with_agents(meta: dict[str, Any], workspace: Workspace) -> dict[str, Any]:
    """The meta of stage 06's tournament with time and memory of the stage's first half, whose meta is the agents'.

    Raises InputError where that is not one.
    """
    path = meta_path(workspace.adapter / "agents" / "agents.json")
    if not path.exists():
        return meta
    first = read_json(path)
    try:
        return {**meta, "seconds": round(meta["seconds"] + first["seconds"], 1),
                "peak_memory_bytes": max(meta["peak_memory_bytes"], first["peak_memory_bytes"])}
    except (KeyError, TypeError) as error:
        raise InputError(f"{path}: not the meta of a finished stage; delete it and run stage 06 again") from error


class StageRun:
    """Context manager of one stage run; entering takes the lock of its outputs.

    inputs, outputs: JSON files by name. weights: model files or folders by role. products: files or folders that
    the stage makes beside its outputs (an adapter); they count for "done". extra: anything else that shapes it.
    accumulates: the output takes over what earlier ones held, so that none is set aside.
    """

    def __init__(self, stage: str, args: argparse.Namespace, settings: Settings, *, inputs: Mapping[str, Path],
                 outputs: Mapping[str, Path], weights: Mapping[str, Path] | None = None,
                 products: Mapping[str, Path] | None = None, extra: Mapping[str, Any] | None = None,
                 accumulates: bool = False) -> None:
        self.stage, self.args, self.settings = stage, args, settings
        self.workspace = Workspace.of(args, settings.profile)
        self.label = f"{stage} {self.workspace.variant}" if self.workspace.variant else stage
        self.inputs, self.outputs = dict(inputs), dict(outputs)
        self.weights, self.products = dict(weights or {}), dict(products or {})
        self.extra, self.accumulates = dict(extra or {}), accumulates
        self.missing_sources: dict[str, str] = {}
        self._hash_weights = WeightHashes(self.workspace.models / ".sha256.json")
        self._started = time.monotonic()
        self._fingerprint: str | None = None
        self._locks: list[FileLock] = []

    def without(self) -> dict[str, str]:
        """Sources that this stage, or what made its inputs, had to do without (--allow-missing), and why."""
        metas = [read_json(meta_path(path)) for path in self.inputs.values() if meta_path(path).exists()]
        return dict(item for meta in metas for item in meta.get("missing_sources", {}).items()) | self.missing_sources

    # -- is it done? ----------------------------------------------------------------------------------------------

    def input_hashes(self) -> dict[str, str]:
        """SHA-256 of every input and of all weights. Raises InputError when one is missing."""
        hashes = {}
        for name, path in self.inputs.items():
            if not path.is_file():
                if path.is_dir():
                    raise InputError(f"input {path}: it is a directory")
                raise NotThereYet(f"input {path}: it does not exist; run the stage that writes it{_peeks(path)}")
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
            if (reason := self._why_products_differ(meta)) is not None:
                return reason
        return None

    def _why_products_differ(self, meta: Mapping[str, Any]) -> str | None:
        for name, path in self.products.items():
            if gone := missing_files(path):
                return f"{gone[0].name} is missing"
            if self._hash_weights(path) != meta["products"].get(name):
                return f"{path.name} was changed since"
        return None

    def is_done(self, again: bool = False) -> bool:
        """Whether there is nothing to do; says so. --force and --status are answered here too.

        Outputs that fit and were set aside are brought back. again: run although it is done.
        """
        reason = self.why_not_done()
        fitting = None if reason is None or self.args.force else self._fitting()
        if getattr(self.args, "status", False):
            if fitting is not None:
                reason = f"{reason}; but {fitting.name} was set aside and fits, it is brought back"
            say(f"{self.label}: done" if reason is None else f"{self.label}: to do ({reason})")
            if reason is None:
                self.warn_of_missing()
            return True
        if fitting is not None:
            self._set_aside(f"{fitting.name} was brought back")
            fitting.bring_back()
            say(f"{self.stage}: {fitting.name} fits and is brought back")
            reason = self.why_not_done()
        if reason is None and not (self.args.force or again):
            say(f"{self.label}: already done ({', '.join(path.name for path in self.outputs.values())})")
            self.warn_of_missing()
            return True
        return False

    # -- making way -----------------------------------------------------------------------------------------------

    def _fitting(self) -> aside.Item | None:
        """The latest outputs set aside that are what this run would make, whole and unchanged."""
        first = next(iter(self.outputs.values()))
        for item in [] if self.accumulates else aside.matching(first.parent, self.fingerprint):
            lies = {place: member for member, place in item.members.items()}
            if all(self._is_whole(lies, output) for output in self.outputs.values()):
                return item
        return None

    def _is_whole(self, lies: Mapping[Path, Path], output: Path) -> bool:
        """Whether an item (place -> member) holds an output with its meta, as written, and its products are there."""
        output = Path(os.path.abspath(output))
        if output not in lies or meta_path(output) not in lies:
            return False
        meta = read_json(lies[meta_path(output)])
        return meta.get("sha256") == hash_file(lies[output]) and self._why_products_differ(meta) is None

    def _set_aside(self, why: str) -> None:
        """Set aside all outputs with their metas; they also stay in their places, to be replaced at once.

        They are found again by their fingerprint, unless it is this run's: then what it writes is the better of two.
        """
        paths = [path for output in self.outputs.values() for path in (output, meta_path(output))]
        metas = [read_json(path) for path in paths[1::2] if path.exists()]
        made_by = metas[0].get("fingerprint", "") if metas else ""
        item = aside.set_aside(paths, why, "" if made_by == self.fingerprint else made_by, leave=True)
        if item is not None:
            say(f"{self.stage}: what {paths[0].name} held is kept as {item.folder} (show.py prune lists and frees it)")

    def _make_way(self, contents: Mapping[str, bytes]) -> None:
        """Set the outputs aside unless what is to be written takes over all they hold, or is the same."""
        if self.accumulates:
            return
        for name, data in contents.items():
            path = self.outputs[name]
            if path.exists() and path.read_bytes() != data:
                self._set_aside("replaced by another run")
                return

    # -- the run --------------------------------------------------------------------------------------------------

    def __enter__(self) -> StageRun:
        read = {path.resolve() for path in self.inputs.values()}
        for output in self.outputs.values():
            if output.resolve() in read:
                raise InputError(f"{output} is input and output of this run, and would be lost as input; "
                                 "give --output another name")
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
        peeks = [path.name for path in self.inputs.values() if ".limit" in path.name]
        if self.workspace.variant:
            say(f"{self.stage}: variant {self.workspace.variant}; reads "
                + ", ".join(path.name for path in self.inputs.values()))
        elif peeks:
            say(f"{self.stage}: reads {', '.join(peeks)}")
        self.warn_of_missing()

    def warn_of_missing(self) -> None:
        """Say which sources are missing from what this stage works on."""
        for name, why in self.without().items():
            say(f"{self.stage}: warning: made without the source {name}: {why}")

    def open_journal(self, name: str, fresh: bool | None = None) -> Journal:
        """The journal of this stage that is called `name`; with --force nothing is found in it, and nothing deleted."""
        fresh = self.args.force if fresh is None else fresh
        journal = Journal(self.workspace.journal(f"{self.stage[:2]}_{name}"), fresh)
        if journal.damaged:
            say(f"{self.stage}: warning: {journal.path} has {len(journal.damaged)} unreadable lines, the first is line "
                f"{journal.damaged[0]}; what they held is done again")
        return journal

    def journal(self, name: str, keys: Mapping[str, str] | None = None, *, scope: str = "", output: str = "",
                former: str = "", former_extra: Any = None) -> RunJournal:
        """The journal `name` as this run sees it; says how much of its work is finished already.

        keys: id -> key of everything this run may ask for; None: entries belong to one scope alone (default: this
        run's fingerprint).
        output: the output it serves, where that has another name. former, former_extra: the name and what shaped the
        records of the journal that earlier versions kept beside that output; its records are taken over if they fit.
        """
        run: RunJournal
        if keys is None:
            run = ScopedJournal(self.open_journal(name, fresh=False), scope or self.fingerprint,
                                fresh=self.args.force)
        else:
            run = RunJournal(self.open_journal(name), keys)
        self.take_over(output or name, run, former, former_extra)
        self.tell_known(run)
        return run

    def tell_known(self, run: RunJournal) -> None:
        """Say how much of a run's work is finished already."""
        if known := len(run.records):
            say(f"{self.stage}: going on after {known} finished records of {run.journal.path.name}")

    def take_over(self, output: str, run: RunJournal, name: str = "", extra: Any = None) -> None:
        """Append the records of the journal that an earlier version kept beside an output, if they fit this run.

        Then the file itself is set aside, whether they fit or not.
        """
        path = self.outputs[output].with_suffix(f".{name}.partial.jsonl" if name else ".partial.jsonl")
        if not path.exists():
            return
        records = {} if self.args.force else former_records(path, hash_json([self.fingerprint, extra]))
        for record in records.values():
            if run.asks_for(record["id"]):
                run.append(record)
        told = "read" if records else "not read"
        item = aside.set_aside([path], f"journal of an earlier version, {told}")
        assert item is not None
        say(f"{self.stage}: {path.name}, a journal of an earlier version, is {told}; it is kept as {item.folder}")

    def refuse(self, what: str, rejected: Sequence[Mapping[str, Any]]) -> NoReturn:
        """Nothing of the input is left: write the rejected file, then raise InputError with `what` and the reasons."""
        path, data = self.outputs["rejected"], as_json_bytes(rejected)
        self._make_way({"rejected": data})
        write_bytes_atomically(path, data)
        raise InputError(f"{with_reasons(what, rejected)} (all of them: {path})")

    def finish(self, contents: Mapping[str, Any], counts: Mapping[str, Any]) -> None:
        """Write all outputs, then their metas; what they replace is set aside. `counts` is what the summary tells."""
        encoded = {name: as_json_bytes(value) for name, value in contents.items()}
        self._make_way(encoded)
        for name, data in encoded.items():
            write_bytes_atomically(self.outputs[name], data)
        seconds = time.monotonic() - self._started
        meta = {
            "stage": self.stage, "finished": datetime.now(UTC).isoformat(timespec="seconds"),
            "command": shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]]),
            "arguments": self.settings.described(), "seed": self.args.seed, "limit": self.args.limit,
            "variant": self.workspace.variant, "profile": self.settings.profile.name, "versions": versions(),
            "machine": platform.platform(),
            "inputs": {name: {"path": str(path), "sha256": self.input_hashes()[name]}
                       for name, path in {**self.inputs, **self.weights}.items()},
            "products": {name: self._hash_weights(path) for name, path in self.products.items()},
            "fingerprint": self.fingerprint, "counts": dict(counts), "missing_sources": self.without(),
            "seconds": round(seconds, 1),
            "peak_memory_bytes": peak_memory_bytes(),
        }
        for path in self.outputs.values():
            write_json(meta_path(path), {"output": path.name, "sha256": hash_file(path), **meta})
        say(f"{self.stage}: done in {duration(seconds)}, peak memory {meta['peak_memory_bytes'] / 1e9:.2f} GB")


def _peeks(path: Path) -> str:
    """A hint for a missing file of which there are only runs with --limit."""
    limits = [found.suffixes[-2].removeprefix(".limit") for found in path.parent.glob(f"{path.stem}.limit*.json")
              if not found.name.endswith(".meta.json")]
    return f" (there is one made with --limit {', '.join(sorted(limits))}: give that here too)" if limits else ""


def versions() -> dict[str, str]:
    """Versions of Python and of the libraries that shape results."""
    found = {"python": platform.python_version()}
    for name in LIBRARIES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found
