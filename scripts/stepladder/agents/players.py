"""Who plays, and with which weights: base, student, or any GGUF with or without an adapter; loaded when needed."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stepladder.core.errors import InputError, NotThereYet, StageError
from stepladder.core.machine import gpus, memory_bytes
from stepladder.core.settings import Agents, EngineSettings
from stepladder.core.shards import missing_files, model_files
from stepladder.core.weights_table import read_weights
from stepladder.core.workspace import Workspace
from stepladder.engine.backend import open_by_settings
from stepladder.engine.reply_forms import REASONING, ReplyForm, arguments_of_weights, of_weights
from stepladder.engine.requests import Backend, EngineError

from .answerer import Answerer, Limits
from .pace import Pace, measure

ADAPTER_FILE = "adapter.gguf"
MEMORY_SHARE = 0.6  # of memory that weights loaded side by side may take


@dataclass(frozen=True)
class Player:
    """One who answers and writes: a GGUF, with an adapter or without.

    form: the reply form it was trained in. template_arguments: what its chat template was given then; a base is asked
    as its student is.
    """

    name: str
    model: Path
    adapter: Path | None = None
    form: ReplyForm = REASONING
    template_arguments: Mapping[str, Any] = field(default_factory=dict)

    @property
    def files(self) -> dict[str, Path]:
        """Its files by role, for hashing."""
        return {self.name: self.model} | ({f"{self.name}.adapter": self.adapter} if self.adapter else {})


def size_bytes(model: Path) -> int:
    """Bytes on disk, all shards."""
    return sum(path.stat().st_size for path in model_files(model))


def player(spec: str, workspace: Workspace, folder: Path) -> Player:
    """base, student, model.gguf or model.gguf:adapter.gguf (paths start at `folder`).

    Raises InputError where there is no such thing.
    """
    if spec in ("base", "student"):
        model = read_weights(workspace, "student").need("gguf")
        adapter = workspace.trained / ADAPTER_FILE if spec == "student" else None
        if adapter is not None and not adapter.exists():
            raise NotThereYet(f"the student has no {adapter}; run 04_train_qwen3_235b.py, or leave the student out")
        told = arguments_of_weights(workspace.trained / ADAPTER_FILE)
        return Player(spec, model, adapter, of_weights(adapter or model), told)
    model_part, _, adapter_part = spec.partition(":")
    paths = [folder / part for part in (model_part, adapter_part) if part]
    for path in paths or [folder / spec]:
        if not path.is_file():
            raise InputError(f"{spec}: {path} does not exist; a player is base, student, or MODEL.gguf[:ADAPTER.gguf]")
    for gone in missing_files(paths[0]):
        raise InputError(f"{spec}: its shard {gone} is missing")
    return Player("+".join(path.stem for path in paths), paths[0], paths[1] if adapter_part else None,
                  of_weights(paths[-1]), arguments_of_weights(paths[-1]))


def players(specs: Sequence[str], workspace: Workspace, folder: Path) -> list[Player]:
    """All players, each name once. Raises InputError for fewer than two, or the same one twice."""
    found = [player(spec, workspace, folder) for spec in specs]
    names = [one.name for one in found]
    if len(names) < 2:
        raise InputError("an arena needs at least two players: --arena base student")
    if twice := {name for name in names if names.count(name) > 1}:
        raise InputError(f"--arena names {twice.pop()} twice; give each player a file of its own name")
    return found


class Stable:
    """Backends of the players, those with the same weights sharing one; the longest unused makes room when needed.

    `opener(model, adapters)` opens a backend; tests pass their own.
    """

    def __init__(self, members: Sequence[Player], opener: Callable[[Path, Mapping[str, Path]], Backend],
                 limits: Limits, memory: int | None = None) -> None:
        self.members = {member.name: member for member in members}
        self.limits, self._open_backend = limits, opener
        self._memory = memory or int(MEMORY_SHARE * max([memory_bytes(), *(gpu.memory_bytes for gpu in gpus())]))
        self._open: OrderedDict[Path, Backend] = OrderedDict()
        self._paces: dict[str, Pace] = {}

    def answerer(self, name: str, limits: Limits | None = None) -> Answerer:
        """The named player, its adapter switched on and its chat template told; valid until the next call."""
        member = self.members[name]
        backend = self._backend(member.model)
        backend.template_arguments = member.template_arguments
        adapters = self._adapters(member.model)
        if adapters:
            backend.use_adapter(name if member.adapter else None)  # type: ignore[attr-defined]
        if name not in self._paces:
            self._paces[name] = measure(backend)
        return Answerer(backend, limits or self.limits, self._paces[name], member.form)

    def _adapters(self, model: Path) -> dict[str, Path]:
        return {member.name: member.adapter for member in self.members.values()
                if member.adapter and member.model == model}

    def _backend(self, model: Path) -> Backend:
        if model not in self._open:
            while self._open and sum(map(size_bytes, [*self._open, model])) > self._memory:
                self._open.popitem(last=False)[1].close()
            try:
                self._open[model] = self._open_backend(model, self._adapters(model))
            except EngineError as error:
                raise StageError(f"cannot open {model}: {error}") from error
        self._open.move_to_end(model)
        return self._open[model]

    def close(self) -> None:
        """Free all weights."""
        while self._open:
            self._open.popitem()[1].close()

    def __enter__(self) -> Stable:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def opener(engine: EngineSettings, agents: Agents) -> Callable[[Path, Mapping[str, Path]], Backend]:
    """How the settings open a GGUF for agents: small steps, so that a deadline is not missed by a long one."""

    def open_it(model: Path, adapters: Mapping[str, Path]) -> Backend:
        return open_by_settings(engine, model, adapters=adapters, batch_tokens=agents.step_tokens)

    return open_it
