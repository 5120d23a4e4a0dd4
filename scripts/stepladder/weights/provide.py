"""Give every role its weights: ask the candidates, choose what fits, fetch, convert, describe."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from stepladder.core import machine
from stepladder.core.errors import StageError
from stepladder.core.files import WeightHashes
from stepladder.core.interrupts import stop_flag
from stepladder.core.progress import say
from stepladder.core.settings import Candidate, EngineSettings, Models, Role
from stepladder.core.workspace import Workspace
from stepladder.engine.memory import GgufError, detect_machine, plan_memory
from stepladder.engine.quantize import quantize

from . import convert, sources
from .fit import Fit, Place, best_first, judge_disk, judge_gguf, judge_size
from .offers import Offer, SourceError, home


@dataclass(frozen=True)
class Row:
    """One line of the table of candidates."""

    role: str
    label: str
    size_bytes: int | None
    fit: Fit
    offer: Offer | None


class Provider:
    """Weights for the roles of one workspace, chosen so that the engine's sequences fit beside them."""

    def __init__(self, workspace: Workspace, models: Models, engine: EngineSettings) -> None:
        self.workspace, self.models, self.engine = workspace, models, engine
        found = detect_machine()
        use_gpu = bool(found.gpus) and engine.gpu_layers != 0
        self.place = Place(found.model_memory if use_gpu else found.ram_available,
                           machine.free_disk_bytes(workspace.models), "GPU" if use_gpu else "RAM")
        self.described = found.describe()
        self._hashes = WeightHashes(workspace.models / ".sha256.json")

    # -- choosing ------------------------------------------------------------------------------------------------------

    def survey(self, role: str, candidates: list[Candidate]) -> list[Row]:
        """Ask every candidate and judge it; one that cannot be asked gets its reason as a no."""
        # What was fetched for the roles before has taken its room by now.
        self.place = replace(self.place, free_disk_bytes=machine.free_disk_bytes(self.workspace.models))
        rows = []
        for candidate in candidates:
            try:
                offer = sources.ask(candidate)
                rows.append(Row(role, offer.label, offer.size_bytes, self._judge(offer), offer))
            except SourceError as error:
                label = f"{candidate.kind} {candidate.name}"
                rows.append(Row(role, label, None, Fit(False, str(error)), None))
        return rows

    def _judge(self, offer: Offer) -> Fit:
        size = offer.size_bytes
        missing = sources.missing_bytes(offer, self.workspace.models)
        copy = size if offer.candidate.requantize else 0
        refused = judge_disk(None if missing is None or copy is None else missing + copy, self.place)
        if refused:
            return refused
        if not any(file.name.endswith(".gguf") for file in offer.files):
            return Fit(True, "a checkpoint to train from; stage 04 weighs its memory, in 4-bit")
        header = sources.header(offer)
        if header is None:
            return judge_size(size, self.place, self.models.headroom)
        try:
            plan = plan_memory(header, context=self.engine.context, sequences=self.engine.sequences,
                               available=self.place.memory_bytes, batch_tokens=self.engine.batch_tokens,
                               headroom=round(self.models.headroom * self.place.memory_bytes))
        except GgufError:  # llama.cpp may know this kind of model better
            return judge_size(size, self.place, self.models.headroom)
        return judge_gguf(plan, header.tensor_types, self.place)

    def bring(self, role: str, candidates: list[Candidate]) -> tuple[list[Path], Offer]:
        """Fetch the best candidate that fits; a source that breaks falls through to the next one.

        Raises StageError with every reason when none is left.
        """
        rows = self.survey(role, candidates)
        print_rows(rows)
        failures = [f"{row.label}: {row.fit.reason}" for row in rows if not row.fit.ok]
        for index in best_first([row.fit for row in rows], self.engine.sequences):
            offer = rows[index].offer
            assert offer is not None
            try:
                files = sources.fetch(offer, self.workspace.models, self._hashes, self.models.downloads)
                sources.require_one_set(offer, files)
                return files, offer
            except SourceError as error:
                say(f"01: {error}; trying the next candidate")
                failures.append(str(error))
        raise StageError(f"no weights for the {role}:\n  " + "\n  ".join(failures or ["no candidate in the profile"]))

    # -- one role ------------------------------------------------------------------------------------------------------

    def provide(self, role_name: str, others: dict[str, Any]) -> dict[str, Any]:
        """The models_TAG.json entry of a role. `others`: entries made so far, for `same_as`."""
        stop_flag.check()
        role: Role = getattr(self.models, role_name)
        entry = dict(others[role.same_as]) if role.same_as else {"transformers": None}
        if not role.same_as and role.candidates:
            entry |= self._gguf(role_name, role)
        if role.transformers:
            _, offer = self.bring(role_name, role.transformers)
            entry["transformers"] = self._relative(home(offer.candidate, self.workspace.models))
            entry.setdefault("name", offer.candidate.name)
            entry["transformers_source"] = offer.label
        if role.dequantize:
            stop_flag.check()
            folder = self.workspace.models / self.workspace.student
            gguf = self.workspace.root / entry["gguf"]
            if not self._is_made_from(folder, gguf):
                say(f"01: dequantising {gguf.name} into {folder.name}/ for training")
                convert.dequantize(gguf, folder)
                self._mark_made_from(folder, gguf)
            entry["transformers"] = self._relative(folder)
        return entry

    def _gguf(self, role_name: str, role: Role) -> dict[str, Any]:
        files, offer = self.bring(role_name, role.candidates)
        first = files[0]
        requantize = offer.candidate.requantize
        if requantize:
            # Lower case and without the source's type: smollm2-135m-instruct-q8_0.gguf.
            stem = first.stem.rpartition(".")[0] or first.stem
            target = first.with_name(f"{stem}-{requantize}.gguf".lower())
            if not self._is_made_from(target, first):
                say(f"01: converting {first.name} to {requantize}")
                quantize(first, target, requantize, machine.cores())
                self._mark_made_from(target, first)
            files = [target]
        return {"name": files[0].stem, "gguf": self._relative(files[0]), "transformers": None,
                "quantization": requantize or None, "source": offer.label,
                "size_bytes": sum(file.stat().st_size for file in files), "sha256": self._sha256(files[0]),
                "files": [{"path": self._relative(file), "size_bytes": file.stat().st_size,
                           "sha256": self._hashes.of_file(file)} for file in files]}

    def _relative(self, path: Path) -> str:
        root = self.workspace.root
        return str(path.relative_to(root)) if path.is_relative_to(root) else str(path.resolve())

    # Conversions are remembered by the hash of what they were made from, so a rerun redoes only what changed.

    def _sha256(self, path: Path) -> str:
        return self._hashes(path)

    def _marker(self, made: Path) -> Path:
        return made.with_name(f".{made.name}.from")

    def _is_made_from(self, made: Path, source: Path) -> bool:
        marker = self._marker(made)
        if not (made.exists() and marker.exists()):
            return False
        return marker.read_text() == f"{self._sha256(source)} {self._sha256(made)}"

    def _mark_made_from(self, made: Path, source: Path) -> None:
        self._marker(made).write_text(f"{self._sha256(source)} {self._sha256(made)}")


def print_rows(rows: list[Row]) -> None:
    """The table of candidates, one line each with its reason."""
    for row in rows:
        size = "      ?" if row.size_bytes is None else f"{row.size_bytes / 1e9:5.1f} GB"
        say(f"  {row.role:<9} {'yes' if row.fit.ok else 'no ':<3} {size}  {row.label}: {row.fit.reason}")
