"""What writing would read, need and take: computed, nothing is loaded."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ..core import profiles
from ..core.errors import InputError
from ..core.files import read_json
from ..core.machine import free_disk_bytes
from ..core.progress import duration
from ..core.settings import EngineSettings, Reasoning
from ..core.stage import meta_path
from ..core.weights_table import read_weights
from ..core.workspace import Workspace
from .attempts import agreement
from .thoughts import Thinking
from .writing import needs_reasoning

PLANNED_HOURS = 6  # the upper end of the plan's 4-6 hours for this stage
RECORD_BYTES = 900  # a record as JSON without its reasoning, a rough mean; a token is about 4 bytes
REPLY_BYTES = 150  # a reply in the journal without its text


def lines(workspace: Workspace, source: Path, output: Path, reasoning: Reasoning, engine: EngineSettings, *,
          profile: str, limit: int | None) -> Iterator[str]:
    """The plan, line by line; works before any input exists."""
    total, count, where = _questions(source, profile, limit)
    _, attempts = agreement(reasoning)
    tries = attempts + reasoning.hint
    yield f"{total:,} questions ({where}), {count:,} of them to be reasoned about"
    thought = Thinking.of(reasoning.thinking).tokens or 0
    longest = reasoning.max_tokens + thought
    most, least = count * tries * longest, count * longest // 2
    yield (f"prompt {reasoning.prompt}: up to {attempts} attempts"
           f"{' and a hinted one' if reasoning.hint else ''} of {reasoning.max_tokens} tokens"
           f"{f' after {thought} tokens of thought' if thought else ''}")
    yield (f"tokens: {least:,} where every first attempt is right and half as long as allowed, {most:,} at the very "
           "most (computed)")
    yield from _hours(output, least, most)
    yield from _memory(workspace, engine)
    disk = total * RECORD_BYTES + count * longest * 4
    disk += count * tries * (REPLY_BYTES + longest * 4)
    yield (f"disk: at most {disk / 1e9:.2f} GB for result and journal (which stays), "
           f"{free_disk_bytes(output) / 1e9:.0f} GB free")


def _questions(source: Path, profile: str, limit: int | None) -> tuple[int, int, str]:
    """(records, those without a proven solution, where the numbers come from)."""
    if source.exists():
        records = read_json(source)[:limit]
        return len(records), sum(needs_reasoning(record) for record in records), source.name
    from ..core.settings import Questions

    wanted = profiles.validate("questions", profiles.load(profile).get("questions", {}), f"profile {profile}")
    assert isinstance(wanted, Questions)
    held_out = round(wanted.size * wanted.test_share)
    validation = min(wanted.validation_max, round((wanted.size - held_out) * wanted.validation_share))
    total = min(wanted.size - held_out - validation, limit or wanted.size)
    puzzles = wanted.quotas.get("puzzle", 0) / wanted.size
    return total, round(total * (1 - puzzles)), f"{source.name} does not exist yet; computed from the profile"


def _hours(output: Path, least: int, most: int) -> Iterator[str]:
    rate = None
    if meta_path(output).exists():
        rate = read_json(meta_path(output))["counts"].get("tokens_per_second")
    if rate:
        yield (f"hours: {duration(least / rate)} to {duration(most / rate)} at the {rate:.0f} tokens/s of the last run "
               "here")
    else:
        seconds = PLANNED_HOURS * 3600
        yield (f"hours: no run has been measured here; to end in {PLANNED_HOURS} hours it takes "
               f"{least / seconds:,.0f} to {most / seconds:,.0f} tokens/s")


def _memory(workspace: Workspace, engine: EngineSettings) -> Iterator[str]:
    if engine.endpoints:
        yield f"memory: none here, {engine.endpoint_model or 'the model'} runs at {', '.join(engine.endpoints)}"
        return
    from ..engine.memory import detect_machine, plan_memory, read_gguf_header

    machine = detect_machine()
    yield f"machine: {machine.describe()}"
    try:
        weights = read_weights(workspace, "teacher").need("gguf")
    except InputError as error:
        yield f"memory: the teacher's weights are not known yet ({error})"
        return
    plan = plan_memory(read_gguf_header(weights), context=engine.context, sequences=engine.sequences,
                       available=machine.model_memory, batch_tokens=engine.batch_tokens)
    yield f"memory: {weights.name}, {plan.describe()} (computed)"
