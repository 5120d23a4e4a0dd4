"""What rating would load and take: computed, nothing is loaded."""

from __future__ import annotations

from pathlib import Path

from ..core import machine
from ..core.errors import InputError
from ..core.files import read_json
from ..core.progress import duration, say
from ..core.settings import Curriculum, EngineSettings
from ..core.stage import meta_path
from ..core.workspace import Workspace
from . import models, rating_prompts

BYTES_A_TOKEN = 4.0  # of English text, roughly
TYPICAL_BYTES = 1_400  # of a question with options and reasoning, where none can be read yet
PROBE_OVERHEAD_TOKENS = 30  # template and instruction of one fast-mode question
OVERHEAD_TOKENS = 8  # template and label of one prompt; instruction and examples are computed once
OUTPUT_BYTES = 1_000  # what the stage adds to a record, in the output and in the journal


def tell(workspace: Workspace, source: Path, settings: Curriculum, engine: EngineSettings, limit: int | None) -> None:
    """Print the plan; works before any input or model exists."""
    count, size, where = _records(source, limit)
    say(f"03: {count:,} records ({where}), ranked by {settings.difficulty}")
    if settings.difficulty == "heuristic":
        say("03: no model is needed, a few minutes for 50,000 records")
        return
    prompts = len(settings.rating_prompts)
    tokens = count * (size / BYTES_A_TOKEN + prompts * OVERHEAD_TOKENS)
    if settings.student_signal or settings.difficulty == "student":
        _tell_model(workspace, "student", engine)
        tokens += count * settings.student_rotations * (size / 2 / BYTES_A_TOKEN + PROBE_OVERHEAD_TOKENS)
    _tell_model(workspace, "assessor", engine)
    free = machine.free_disk_bytes(workspace.root)
    say(f"03: {count * (2 * size + OUTPUT_BYTES) / 1e9:.2f} GB of disk for output and journal, "
        f"{free / 1e9:.0f} GB free")
    rate = _rate(workspace)
    if rate is None:
        say(f"03: about {tokens / 1e6:.2f} million prompt tokens (computed); no rate was measured here yet; "
            f"at 2,000 tokens/s {duration(tokens / 2_000)}, at 400 {duration(tokens / 400)}")
    else:
        say(f"03: about {tokens / 1e6:.2f} million prompt tokens, {duration(tokens / rate)} at the {rate:.0f} tokens/s "
            "of the last run here (computed)")


def _tell_model(workspace: Workspace, role: str, engine: EngineSettings) -> None:
    try:
        if role == "student":
            model, why = models.find_student(workspace), ""
        else:
            model, why = models.find_assessor(workspace, engine)
    except InputError as error:
        model, why = None, f"not known yet ({error})"
    if model is None:
        say(f"03: {role}: {why}")
    elif model.gguf is None:
        say(f"03: {role}: {model.name} at {', '.join(model.endpoints)}")
    else:
        from ..engine.memory import detect_machine, plan_memory, read_gguf_header

        fitting = plan_memory(read_gguf_header(model.gguf), context=engine.context, sequences=engine.sequences,
                              available=detect_machine().model_memory, batch_tokens=engine.batch_tokens)
        say(f"03: {role}: {model.name}, {fitting.describe()}")


def _records(source: Path, limit: int | None) -> tuple[int, float, str]:
    """(count, mean bytes of text, where that is known from)."""
    if not source.exists():
        return limit or 50_000, TYPICAL_BYTES, f"{source.name} does not exist yet; the plan's number"
    records = [record for record in read_json(source)[:limit] if isinstance(record, dict)]
    total = sum(len(rating_prompts.record_text(record).encode()) for record in records if "choices" in record)
    return len(records), total / max(1, len(records)), source.name


def _rate(workspace: Workspace) -> float | None:
    """Prompt tokens per second of the last run in this workspace."""
    meta = meta_path(workspace.enhanced("curriculum_ordered"))
    return read_json(meta).get("counts", {}).get("tokens_per_second") if meta.exists() else None
