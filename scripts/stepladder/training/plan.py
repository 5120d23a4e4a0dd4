"""--plan of stage 04: what it would load and need, from whatever is known before anything is there."""

from __future__ import annotations

import tempfile
from pathlib import Path

from ..core import machine
from ..core.errors import InputError
from ..core.files import read_json, write_json
from ..core.profiles import Settings
from ..core.progress import duration, say
from ..core.settings import Training
from ..core.weights_table import read_weights
from ..core.workspace import Workspace
from . import data, memory
from .preflight import CHECKPOINT_BYTES

# Shapes of the students the profiles name (their config.json), for plans made before the download.
KNOWN = {
    "qwen3_235b": {
        "model_type": "qwen3_moe", "architectures": ["Qwen3MoeForCausalLM"], "hidden_size": 4096,
        "intermediate_size": 12288, "moe_intermediate_size": 1536, "num_hidden_layers": 94, "num_attention_heads": 64,
        "num_key_value_heads": 4, "head_dim": 128, "num_experts": 128, "num_experts_per_tok": 8, "vocab_size": 151936,
        "tie_word_embeddings": False},
    "smollm2_135m": {
        "model_type": "llama", "architectures": ["LlamaForCausalLM"], "hidden_size": 576, "intermediate_size": 1536,
        "num_hidden_layers": 30, "num_attention_heads": 9, "num_key_value_heads": 3, "vocab_size": 49152,
        "tie_word_embeddings": True},
}
TOKENS_A_SECOND = {"qwen3_235b": (300.0, "assumed for one MI300X"), "smollm2_135m": (140.0, "measured on two cores")}
TOKENS_A_RECORD = 250  # where there is no input to count yet


def show(settings: Settings, workspace: Workspace, curriculum: Path) -> int:
    """Print the plan; 0. What is computed or assumed is marked so."""
    training: Training = settings["training"]
    if settings.profile.gpu_memory_gb:  # the plan is for the profile's machine, wherever it is made
        training = training.model_copy(update={"dtype": "bfloat16"})
    with tempfile.TemporaryDirectory() as scratch:
        folder, origin = _config_folder(workspace, Path(scratch))
        say(f"04 would train {workspace.student} ({origin}), {training.quantization}, LoRA rank {training.rank}, "
            f"order {training.order}, reply form {training.reply_form}")
        found = memory.plan(folder, training, batch=training.batch, length=training.max_length,
                            live=training.batch * training.max_length // 2)
    for line in found.lines():
        say(line)
    there, where = memory.available()
    if settings.profile.gpu_memory_gb:
        there, where = round(settings.profile.gpu_memory_gb * memory.GB), f"a machine for {settings.profile.name}"
    fits = "fits" if found.total <= there else "does NOT fit"
    say(f"{fits} {where} ({there / memory.GB:.1f} GB); batches of {training.batch} x {training.max_length} tokens")
    disk = found.trainable * (CHECKPOINT_BYTES * (training.checkpoints_kept + 2) + 6)
    say(f"disk (computed): {disk / memory.GB:.2f} GB of checkpoints and adapter, "
        f"{machine.free_disk_bytes(workspace.models) / memory.GB:.1f} GB free")
    records, known = _records(curriculum)
    tokens = records * TOKENS_A_RECORD
    tokens = training.epochs * (min(tokens, training.token_budget) if training.token_budget else tokens)
    speed, why = TOKENS_A_SECOND.get(workspace.student, (None, ""))
    time = f"{duration(tokens / speed)} at {speed:.0f} tokens/s ({why})" if speed else "unknown before the preflight"
    say(f"{records} records ({known}), {training.epochs} epoch(s), about {tokens / 1e6:.2f}M tokens: {time}; "
        "the preflight measures it")
    return 0


def _config_folder(workspace: Workspace, scratch: Path) -> tuple[Path, str]:
    """A folder with the student's config.json, and where it comes from."""
    try:
        return read_weights(workspace, "student").need("transformers"), "downloaded"
    except InputError:
        if workspace.student not in KNOWN:
            raise
    write_json(scratch / "config.json", KNOWN[workspace.student])
    return scratch, "not downloaded yet; its shape is known"


def _records(curriculum: Path) -> tuple[int, str]:
    if not curriculum.exists():
        return (50_000, "the plan's; the input is not there yet") if "50k" in curriculum.name else (
            430, "assumed; the input is not there yet")
    found = read_json(curriculum)
    trainable = sum(data.reply(record, False) is not None for record in found if isinstance(record, dict))
    return trainable, f"with reasoning, of {len(found)} in {curriculum.name}"
