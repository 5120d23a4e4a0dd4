"""What stage 06 would load and take: computed, and marked so; works before its inputs exist."""

from __future__ import annotations

from stepladder.core import machine
from stepladder.core.errors import InputError
from stepladder.core.progress import duration, say
from stepladder.core.settings import Agents, Arena, EngineSettings
from stepladder.core.weights_table import read_weights
from stepladder.core.workspace import Workspace

from .players import ADAPTER_FILE, size_bytes

PROMPT_TOKENS = 130  # of a question
PROMPTS_A_QUESTION = 3  # new prompt reads for evidence, with four short ones after a shared beginning
MEASURED = (350.0, 150.0, "135M on two cores, measured")  # prompt and written tokens/s
GUESSED = (2000.0, 500.0, "guessed for a large model on one GPU")


def tell(workspace: Workspace, agents: Agents, arena: Arena, engine: EngineSettings, players: int, on_gpu: bool
         ) -> None:
    """Print model, memory, disk and time."""
    try:
        gguf = read_weights(workspace, "student").need("gguf")
        size = size_bytes(gguf)
        say(f"06 would load: {gguf} ({size / 1e9:.2f} GB), with {workspace.trained / ADAPTER_FILE} where the gate "
            "lets it pass")
        say(f"06 memory: {size / 1e9:.2f} GB of weights, and the cache of {engine.sequences} sequences of "
            f"{engine.context} tokens; this machine has {machine.memory_bytes() / 1e9:.0f} GB")
    except InputError as error:
        say(f"06 would load: the student ({error})")
    say(f"06 disk: results of about {_result_bytes(arena, players) / 1e6:.0f} MB; the bundle's weights are hard links "
        f"where the disk allows; {machine.free_disk_bytes(workspace.root) / 1e9:.0f} GB free")
    questions = agents.validation_questions + 1.7 * agents.heldout_questions
    reading, writing = PROMPT_TOKENS * PROMPTS_A_QUESTION, agents.answer_tokens
    prefill, decode, source = GUESSED if on_gpu else MEASURED
    seconds = questions * (reading / prefill + writing / decode)
    gate = 2 * agents.gate_questions * (PROMPT_TOKENS / prefill + writing / decode)
    pairs = players * (players - 1) // 2
    batches = -(-arena.questions_per_round // arena.batch_size)
    playing = arena.rounds * pairs * 2 * batches * (agents.answer_seconds + 0.2)
    say(f"06 time (computed): the gate {duration(gate)}, calibrating and measuring {duration(seconds)}, at most, at "
        f"{prefill:.0f} prompt and {decode:.0f} written tokens/s ({source}); tournament at most {duration(playing)}")


def _result_bytes(arena: Arena, players: int) -> int:
    return arena.rounds * players * (players - 1) * arena.questions_per_round * 1500
