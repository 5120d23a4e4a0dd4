"""What a test would load, ask and take: computed, nothing is loaded."""

from __future__ import annotations

from pathlib import Path

from stepladder.core.errors import InputError
from stepladder.core.files import read_json
from stepladder.core.progress import duration, say
from stepladder.core.settings import EngineSettings, Verdict
from stepladder.core.workspace import Workspace

from . import contestants
from .latency import WARM_UP

PROMPT_TOKENS = 180  # a question with its options and the instruction, a rough mean
BYTES_A_RUN = {"fast": 250, "reasoning": 400}  # besides the text, about 4 bytes a token


def runs_per_contestant(questions: int, settings: Verdict) -> dict[str, int]:
    """How many replies each mode asks for, at most (options that may not move are asked once)."""
    return {mode: questions * settings.permute * (settings.votes if mode == "reasoning" else 1)
            for mode in settings.modes}


def tell(workspace: Workspace, questions_path: Path, settings: Verdict, engine: EngineSettings, limit: int | None
         ) -> None:
    """Print the plan; works before any input exists."""
    count, source = _questions(workspace, questions_path, limit)
    runs = runs_per_contestant(count, settings)
    try:
        chosen = contestants.choose(settings, workspace)
        names = [c.name for c in chosen]
        sizes = {name: size for name, size in contestants.sizes(chosen).items() if size}
    except InputError as error:
        names, sizes = [*(role for role in settings.contestants if role != "variants"), *settings.model], {}
        say(f"05: weights not known yet ({error})")
    say(f"05: {count} questions ({source}); {', '.join(names)}; "
        + ", ".join(f"{runs[mode]} {mode} replies each" for mode in settings.modes))
    for name, size in sizes.items():
        say(f"05: {name}: {size / 1e9:.2f} GB of weights, {engine.sequences} sequences of {engine.context} tokens")
    tokens = len(names) * runs.get("reasoning", 0) * settings.max_tokens
    prompt_tokens = len(names) * sum(runs.values()) * PROMPT_TOKENS
    text = sum(runs[mode] * BYTES_A_RUN[mode] for mode in runs) * len(names) + 4 * tokens
    say(f"05: at most {tokens:,} generated and about {prompt_tokens:,} prompt tokens (computed), up to "
        f"{2 * text / 1e9:.2f} GB of disk for journal and results")
    if (measured := _rates(workspace)) is None:
        say("05: hours: no test has run here yet, so no rate is known; "
            f"at 100 tokens/s generated and 1,000 read: {duration(tokens / 100 + prompt_tokens / 1000)}")
    else:
        say(f"05: hours: {duration(tokens / measured)} at most, at the {measured:.0f} tokens/s of the last test here")
    say(f"05: timed one at a time: {settings.latency_questions + WARM_UP} questions a mode and contestant")


def _questions(workspace: Workspace, path: Path, limit: int | None) -> tuple[int, str]:
    if path.exists():
        count, source = len(read_json(path)), path.name
    else:
        count, source = 5_000, f"{path.name} does not exist yet; the plan's number"
    return (count if limit is None else min(count, limit)), source


def _rates(workspace: Workspace) -> float | None:
    """Generated tokens per second of the last test in this workspace; None where there was none."""
    path = workspace.enhanced("test_results")
    if not path.exists():
        return None
    rows = [row["modes"].get("reasoning", {}).get("throughput") for row in read_json(path)["contestants"].values()]
    rates = [row["tokens_per_second"] for row in rows if row]
    return sum(rates) / len(rates) if rates else None
