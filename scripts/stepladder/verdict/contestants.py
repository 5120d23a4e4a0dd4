"""Who is tested, and how each one's weights are opened: GGUF, GGUF with adapter, transformers folder, server."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from stepladder.core import variants
from stepladder.core.errors import InputError, NotThereYet, StageError
from stepladder.core.files import WeightHashes
from stepladder.core.progress import say
from stepladder.core.settings import EngineSettings, Verdict
from stepladder.core.shards import missing_files, model_files
from stepladder.core.weights_table import read_weights
from stepladder.core.workspace import Workspace
from stepladder.engine import reply_forms
from stepladder.engine.reply_forms import REASONING, ReplyForm
from stepladder.engine.requests import Backend, EngineError

ADAPTER_FILE = "adapter.gguf"


@dataclass(frozen=True)
class Contestant:
    """One who is tested. kind: "gguf", "transformers" or "endpoint"; adapter: a LoRA GGUF over `model`, or None.

    variant: of a variant's student, the settings in which its training differs: [the main run's value, its own].
    form: the reply form it was trained in. template_arguments: what its chat template was given then; a base is asked
    as its student is.
    """

    name: str
    kind: str
    model: str
    adapter: Path | None = None
    variant: Mapping[str, Any] | None = None
    form: ReplyForm = REASONING
    template_arguments: Mapping[str, Any] = field(default_factory=dict)

    @property
    def paths(self) -> dict[str, Path]:
        """Its files by role, for hashing."""
        if self.kind == "endpoint":
            return {}
        files = {f"{self.name}": Path(self.model)}
        return files | {f"{self.name}.adapter": self.adapter} if self.adapter else files

    def size_bytes(self) -> int | None:
        """Bytes of weights on disk, all shards, the adapter included; None for a server."""
        files = [file for path in self.paths.values() for file in _weight_files(path)]
        return sum(file.stat().st_size for file in files) if files else None

    def described(self, hashes: WeightHashes) -> dict[str, Any]:
        """For the results: kind, file names, hashes, size."""
        row: dict[str, Any] = {"kind": self.kind, "model": self.model if self.kind == "endpoint"
                               else Path(self.model).name}
        if self.adapter is not None:
            row["adapter"] = f"{self.adapter.parent.name}/{self.adapter.name}"
        if self.variant is not None:
            row["variant"] = dict(self.variant)
        if self.form is not REASONING:
            row["reply_form"] = self.form.name
        if self.template_arguments:
            row["template_arguments"] = dict(self.template_arguments)
        row["sha256"] = {role: hashes(path) for role, path in self.paths.items()}
        return row | {"size_bytes": self.size_bytes()}


def _weight_files(path: Path) -> list[Path]:
    if path.is_dir():
        return [p for p in path.iterdir() if p.suffix in (".safetensors", ".bin", ".gguf")]
    return list(model_files(path))


def parse_spec(name: str, spec: str, base: Path) -> Contestant:
    """A `--model NAME=SPEC`: model.gguf, base.gguf:adapter.gguf, a transformers folder, or a URL (URL#model).

    Relative paths start at `base`. Raises InputError where there is no such thing.
    """
    if not name or any(c in name for c in "|:/ "):
        raise InputError(f"--model {name}={spec}: a name has no spaces and none of | : /")
    if spec.startswith(("http://", "https://")):
        return Contestant(name, "endpoint", spec)
    model, _, adapter = spec.partition(":")
    paths = [base / part for part in (model, adapter) if part]
    for path in paths:
        for gone in missing_files(path)[:1]:
            raise InputError(f"--model {name}={spec}: {gone} does not exist")
    form, told = reply_forms.of_weights(paths[-1]), reply_forms.arguments_of_weights(paths[-1])
    if paths[0].is_dir():
        if adapter:
            raise InputError(f"--model {name}={spec}: an adapter goes with a .gguf, not with a folder")
        if not (paths[0] / "config.json").exists():
            raise InputError(f"--model {name}={spec}: {paths[0]} has no config.json, so it is no transformers folder")
        return Contestant(name, "transformers", str(paths[0]), form=form, template_arguments=told)
    return Contestant(name, "gguf", str(paths[0]), paths[1] if adapter else None, form=form,
                      template_arguments=told)


def choose(settings: Verdict, workspace: Workspace) -> list[Contestant]:
    """The contestants that the settings ask for, base first. Raises InputError where one cannot be had."""
    others = _variants(workspace) if "variants" in settings.contestants else []
    chosen: list[Contestant] = []
    for role in settings.contestants:
        if role == "variants":
            chosen += others
            continue
        try:
            chosen.append(_of_this_run(role, workspace))
        except NotThereYet as error:
            if role != "student" or not others:
                raise
            say(f"05: tested without the main run's student: {error}")
    chosen += [parse_spec(name, spec, Path.cwd()) for name, spec in settings.model.items()]
    if not chosen:
        raise InputError("nobody to test: name --contestants, or --model NAME=SPEC")
    names = [contestant.name for contestant in chosen]
    if repeated := {name for name in names if names.count(name) > 1}:
        raise InputError(f"--model {repeated.pop()}=...: that name is taken; choose another, or leave it out of "
                         "--contestants")
    return chosen


def _of_this_run(role: str, workspace: Workspace) -> Contestant:
    weights = read_weights(workspace, "teacher" if role == "teacher" else "student").need("gguf")
    main = replace(workspace, variant=None)
    adapter = _student_adapter(main) if role == "student" else None
    told = {} if role == "teacher" else reply_forms.arguments_of_weights(main.trained / ADAPTER_FILE)
    return Contestant(role, "gguf", str(weights), adapter, form=reply_forms.of_weights(adapter or weights),
                      template_arguments=told)


def _variants(workspace: Workspace) -> list[Contestant]:
    """The students of all variants that have an adapter the engine can load; of others it is said why not."""
    found = []
    for student in variants.students(workspace):
        adapter = student.workspace.trained / ADAPTER_FILE
        if student.workspace.student_name == student.name and adapter.exists():
            weights = read_weights(workspace, "student").need("gguf")
            found.append(Contestant(student.name, "gguf", str(weights), adapter, student.differs(),
                                    reply_forms.of_weights(adapter), reply_forms.arguments_of_weights(adapter)))
        else:
            say(f"05: variant {student.name} has no {ADAPTER_FILE} and is left out; 04_train_qwen3_235b.py --variant "
                f"{student.name} makes it")
    return found


def _student_adapter(workspace: Workspace) -> Path:
    path = workspace.trained / ADAPTER_FILE
    if not path.exists():
        raise NotThereYet(f"the student has no {path}; run 04_train_qwen3_235b.py (with --gguf), or leave it out: "
                         "--contestants base")
    return path


def weight_files(contestants: Sequence[Contestant]) -> dict[str, Path]:
    """Everything that is to be hashed: role -> path."""
    return {role: path for contestant in contestants for role, path in contestant.paths.items()}


def by_weights(contestants: Sequence[Contestant]) -> list[list[Contestant]]:
    """Contestants that share weights side by side: those are loaded once."""
    groups: dict[tuple[str, str], list[Contestant]] = {}
    for contestant in contestants:
        groups.setdefault((contestant.kind, contestant.model), []).append(contestant)
    return list(groups.values())


@contextmanager
def opened(group: Sequence[Contestant], engine: EngineSettings) -> Iterator[Backend]:
    """The backend of contestants that share weights. Raises StageError naming them when it cannot be opened, or gives
    up in the middle."""
    names = ", ".join(contestant.name for contestant in group)
    try:
        backend = _open(group, engine)
    except EngineError as error:
        raise StageError(f"cannot open {names} ({group[0].model}): {error}") from error
    try:
        with backend:
            yield backend
    except EngineError as error:
        raise StageError(f"{names} ({group[0].model}): {error}; what was finished is kept, run it again") from error


def _open(group: Sequence[Contestant], engine: EngineSettings) -> Backend:
    first = group[0]
    if first.kind == "transformers":
        from .transformers_backend import TransformersBackend

        return TransformersBackend(Path(first.model), context=engine.context)
    from stepladder.engine.backend import open_by_settings

    if first.kind == "endpoint":
        url, _, model = first.model.partition("#")
        return open_by_settings(engine, model or engine.endpoint_model, endpoints=[url])
    adapters = {contestant.name: contestant.adapter for contestant in group if contestant.adapter}
    return open_by_settings(engine, first.model, adapters=adapters)


def put_on(backend: Backend, contestant: Contestant) -> None:
    """Switch a backend to this contestant's adapter, or to the bare weights, and to what its template is given."""
    backend.template_arguments = contestant.template_arguments
    if contestant.kind == "gguf":
        backend.use_adapter(contestant.name if contestant.adapter else None)


def sizes(contestants: Sequence[Contestant]) -> Mapping[str, int | None]:
    """Weights on disk by contestant, bytes."""
    return {contestant.name: contestant.size_bytes() for contestant in contestants}
