"""Give every role its weights: survey all candidates, choose what fits, fetch, convert, describe."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from stepladder.core import machine
from stepladder.core.errors import StageError
from stepladder.core.files import WeightHashes
from stepladder.core.interrupts import stop_flag
from stepladder.core.progress import say
from stepladder.core.settings import Candidate, EngineSettings, Models, Role
from stepladder.core.shards import stem_of
from stepladder.core.weights_table import ROLES
from stepladder.core.workspace import Workspace
from stepladder.engine.memory import GgufError, GgufHeader, detect_machine, plan_memory
from stepladder.engine.quantize import quantize

from . import convert, hub, sources
from .fit import Fit, Place, judge_disk, judge_gguf, judge_size
from .offers import Offer, SourceError, home
from .survey import OPTIONAL, Row, Slot, Survey, download_line

WORTH_TIMING_BYTES = 8e6  # of reads in a survey, before their rate says anything about a download's
DEQUANTIZED_BYTES = 2  # a weight, as float16


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

    def survey(self, roles: Sequence[str] | None = None) -> Survey:
        """Ask every candidate of these roles (default: all that are needed) and judge it; nothing is fetched."""
        slots = []
        for name in roles if roles is not None else needed_roles(self.models, self.engine):
            role: Role = getattr(self.models, name)
            if role.candidates and not role.same_as:
                slots.append(Slot(name, "gguf", tuple(self._row(name, "gguf", one) for one in role.candidates)))
            if role.transformers:
                slots.append(Slot(name, "transformers",
                                  tuple(self._row(name, "transformers", one) for one in role.transformers)))
        return Survey(tuple(slots), self.engine.sequences, self.place.free_disk_bytes)

    def _row(self, role: str, form: str, candidate: Candidate) -> Row:
        """One that cannot be asked gets its reason as a no."""
        stop_flag.check()
        try:
            offer = sources.ask(candidate, self.workspace.models)
            return self._judged(role, form, offer)
        except SourceError as error:
            pattern = f":{candidate.pattern}" if candidate.pattern else ""
            return Row(role, form, f"{candidate.kind} {candidate.name}{pattern}", Fit(False, str(error)))

    def _judged(self, role: str, form: str, offer: Offer) -> Row:
        folder = self.workspace.models
        missing = sources.missing_bytes(offer, folder)
        copy = offer.size_bytes if offer.candidate.requantize else 0
        whole = None if missing is None or copy is None else missing + copy
        if form == "transformers":
            config = sources.config(offer, folder)
            fit = judge_disk(whole, self.place) or Fit(True, "a checkpoint to train from; stage 04 weighs its memory")
            return Row(role, form, offer.label, fit, offer, missing, copy, config=config)
        if not offer.files[0].name.endswith(".gguf"):
            return Row(role, form, offer.label, Fit(False, f"no GGUF: it begins with {offer.files[0].name}"), offer)
        header = sources.header(offer, folder)
        if getattr(self.models, role).dequantize and header is not None:
            copy = (copy or 0) + DEQUANTIZED_BYTES * header.parameters
        fit = judge_disk(whole, self.place) or self._weighed(offer, header)
        return Row(role, form, offer.label, fit, offer, missing, copy, header=header)

    def _weighed(self, offer: Offer, header: GgufHeader | None) -> Fit:
        if header is None:
            return judge_size(offer.size_bytes, self.place, self.models.headroom)
        try:
            plan = plan_memory(header, context=self.engine.context, sequences=self.engine.sequences,
                               available=self.place.memory_bytes, batch_tokens=self.engine.batch_tokens,
                               headroom=round(self.models.headroom * self.place.memory_bytes))
        except GgufError:  # llama.cpp may know this kind of model better
            return judge_size(offer.size_bytes, self.place, self.models.headroom)
        return judge_gguf(plan, header.tensor_bytes, self.place)

    def told(self, survey: Survey) -> list[str]:
        """The survey as lines: the table, disk and download."""
        rate, how = self.models.download_mbit * 1e6 / 8 or None, "as --download-mbit says"
        if rate is None and hub.timing.bytes >= WORTH_TIMING_BYTES:
            rate, how = hub.timing.rate, "as the survey's own reads were"
        return [*survey.lines(), download_line(survey.chosen(), rate, how)]

    # -- fetching ------------------------------------------------------------------------------------------------------

    def provide(self, survey: Survey) -> tuple[dict[str, dict[str, Any]], dict[str, str]]:
        """(entries of models_TAG.json, roles done without and why).

        Raises StageError where a role that cannot be done without has no weights, or the disk no room for all.
        """
        survey.require()
        missing = survey.missing()
        entries: dict[str, dict[str, Any]] = {}
        for name in needed_roles(self.models, self.engine):
            if name in missing:
                continue
            try:
                entries[name] = self._entry(name, survey, entries)
            except NoWeights as error:
                if name not in OPTIONAL:
                    raise
                missing[name] = str(error)
        return entries, missing

    def _entry(self, name: str, survey: Survey, others: dict[str, dict[str, Any]]) -> dict[str, Any]:
        stop_flag.check()
        role: Role = getattr(self.models, name)
        entry = dict(others[role.same_as]) if role.same_as else {"transformers": None}
        for slot in (slot for slot in survey.slots if slot.role == name):
            files, offer = self._bring(slot, survey)
            if slot.form == "gguf":
                entry |= self._gguf(files, offer)
                continue
            folder = home(offer.candidate, self.workspace.models)
            # A repository is what an adapter's base is known by, not the file that serves it.
            entry |= {"transformers": self._relative(folder), "transformers_source": offer.label,
                      "name": offer.candidate.name if offer.candidate.kind == "hub" else folder.name}
        if role.dequantize:
            entry["transformers"] = self._relative(self._dequantized(self.workspace.root / entry["gguf"]))
        return entry

    def _bring(self, slot: Slot, survey: Survey) -> tuple[list[Path], Offer]:
        """Fetch what was chosen; a source that breaks falls through to the next one that fits.

        Raises NoWeights with every reason when none is left.
        """
        failures = [f"{row.label}: {row.fit.reason}" for row in slot.rows if not row.fit.ok]
        chosen = survey.chosen()
        ranked = slot.ranked(survey.sequences)
        for row in sorted(ranked, key=lambda row: not any(row is one for one in chosen)):
            assert row.offer is not None
            try:
                files = sources.fetch(row.offer, self.workspace.models, self._hashes, self.models.downloads)
                sources.require_one_set(row.offer, files)
                return files, row.offer
            except SourceError as error:
                say(f"01: {error}; trying the next candidate")
                failures.append(str(error))
        raise NoWeights(f"no weights for the {slot.role} ({slot.form}):\n  " + "\n  ".join(failures))

    def _gguf(self, files: list[Path], offer: Offer) -> dict[str, Any]:
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
        return {"name": stem_of(files[0]), "gguf": self._relative(files[0]), "transformers": None,
                "quantization": requantize or None, "source": offer.label, "commit": offer.commit,
                "size_bytes": sum(file.stat().st_size for file in files), "sha256": self._hashes(files[0]),
                "files": [{"path": self._relative(file), "size_bytes": file.stat().st_size,
                           "sha256": self._hashes.of_file(file)} for file in files]}

    def _relative(self, path: Path) -> str:
        root = self.workspace.root
        return str(path.relative_to(root)) if path.is_relative_to(root) else str(path.resolve())

    # Conversions are remembered by the hash of what they were made from, so a rerun redoes only what changed.

    def _dequantized(self, gguf: Path) -> Path:
        stop_flag.check()
        folder = self.workspace.models / self.workspace.student
        if not self._is_made_from(folder, gguf):
            say(f"01: dequantising {gguf.name} into {folder.name}/ for training")
            convert.dequantize(gguf, folder)
            self._mark_made_from(folder, gguf)
        return folder

    def _marker(self, made: Path) -> Path:
        return made.with_name(f".{made.name}.from")

    def _is_made_from(self, made: Path, source: Path) -> bool:
        marker = self._marker(made)
        if not (made.exists() and marker.exists()):
            return False
        return marker.read_text() == f"{self._hashes(source)} {self._hashes(made)}"

    def _mark_made_from(self, made: Path, source: Path) -> None:
        self._marker(made).write_text(f"{self._hashes(source)} {self._hashes(made)}")


class NoWeights(StageError):
    """No candidate of a role could be fetched."""


def needed_roles(models: Models, engine: EngineSettings) -> list[str]:
    """Roles whose weights this machine needs: those the profile gives, but for those that servers run.

    One whose weights another needed role shares is needed all the same.
    """
    served = {"teacher", "assessor"} if engine.endpoints else set(models.served)
    given = given_roles(models)
    wanted = {name for name in given if name not in served}
    shared = {given[name].same_as for name in wanted if given[name].same_as}
    return [name for name in given if name in wanted | shared]


def given_roles(models: Models) -> dict[str, Role]:
    """Roles that the profile gives weights, by name."""
    return {name: role for name in ROLES
            if (role := getattr(models, name)).same_as or role.candidates or role.transformers}
