"""How the hub's repositories are laid out: names and bytes of the files that profiles speak of.

exact: bytes as the hub or a catalogue states them. Others are rounded, or computed from the number of weights, and
those of shards are shares of a whole. What nothing is known of is marked as assumed. A profile believes none of it:
it asks the hub.
"""

from __future__ import annotations

from dataclasses import dataclass

GB = 10**9


@dataclass(frozen=True)
class Listed:
    """One file. exact: whether the bytes were stated; assumed: whether even the name is a guess."""

    name: str
    size: int
    exact: bool = False
    assumed: bool = False


def shards(stem: str, total: float, count: int, assumed: bool = False) -> list[Listed]:
    """`count` files of one size, as llama.cpp names the shards of a GGUF or transformers those of a checkpoint."""
    kind = ".safetensors" if stem.endswith("model") else ".gguf"
    return [Listed(f"{stem}-{number:05}-of-{count:05}{kind}", int(total / count), assumed=assumed)
            for number in range(1, count + 1)]


TEACHER = "unsloth/DeepSeek-V3.1-GGUF"
TEACHER_FILE = "DeepSeek-V3.1-UD-TQ1_0.gguf"
SECOND_TEACHER = "bartowski/deepseek-ai_DeepSeek-V3.1-GGUF"
ASSESSOR = "unsloth/phi-4-GGUF"
STUDENT = "Qwen/Qwen3-235B-A22B-Instruct-2507"
STUDENT_GGUF = "unsloth/Qwen3-235B-A22B-Instruct-2507-GGUF"

REPOSITORIES: dict[str, list[Listed]] = {
    TEACHER: [
        Listed(TEACHER_FILE, 170_499_768_256, exact=True),  # flat, at the root; the larger ones lie in folders
        *shards("UD-IQ1_S/DeepSeek-V3.1-UD-IQ1_S", 185 * GB, 4, assumed=True),
        *shards("UD-IQ1_M/DeepSeek-V3.1-UD-IQ1_M", 200 * GB, 5, assumed=True),
        *shards("Q2_K/DeepSeek-V3.1-Q2_K", 245 * GB, 5),
        *shards("UD-Q2_K_XL/DeepSeek-V3.1-UD-Q2_K_XL", 256 * GB, 6, assumed=True)],
    SECOND_TEACHER: shards("deepseek-ai_DeepSeek-V3.1-IQ1_S/deepseek-ai_DeepSeek-V3.1-IQ1_S", 140 * GB, 4,
                           assumed=True),
    ASSESSOR: [
        Listed("phi-4-Q4_K_M.gguf", 8_900_000_000), Listed("phi-4-Q6_K.gguf", 12 * GB),
        Listed("phi-4-Q8_0.gguf", 15_600_000_000), Listed("phi-4-F16.gguf", 29_300_000_000)],
    STUDENT: [*shards("model", 470 * GB, 118, assumed=True), Listed("model.safetensors.index.json", 0),
              Listed("config.json", 0), Listed("tokenizer.json", 0), Listed("tokenizer_config.json", 0)],
    STUDENT_GGUF: shards("Q4_K_M/Qwen3-235B-A22B-Instruct-2507-Q4_K_M", 142 * GB, 3, assumed=True),
    "unsloth/Qwen3-30B-A3B-Instruct-2507-GGUF": [Listed("Qwen3-30B-A3B-Instruct-2507-Q4_K_M.gguf", 18_600_000_000)],
    "bartowski/phi-4-GGUF": [Listed("phi-4-Q4_K_M.gguf", 9_053_114_816, exact=True)],
    "unsloth/Qwen3-4B-Instruct-2507-GGUF": [Listed("Qwen3-4B-Instruct-2507-Q4_K_M.gguf", 2_500_000_000)],
    "Qwen/Qwen3-4B-Instruct-2507": [*shards("model", 8.0 * GB, 3, assumed=True), Listed("config.json", 0)],
    "bartowski/Qwen2.5-14B-Instruct-GGUF": [Listed("Qwen2.5-14B-Instruct-Q4_K_M.gguf", 8_990_000_000)],
    "Qwen/Qwen2.5-14B-Instruct": [*shards("model", 29.5 * GB, 8, assumed=True), Listed("config.json", 0)],
    "Qwen/Qwen2.5-0.5B-Instruct-GGUF": [Listed("qwen2.5-0.5b-instruct-q4_k_m.gguf", 490_000_000)],
    "Qwen/Qwen2.5-0.5B-Instruct": [Listed("model.safetensors", 990_000_000), Listed("config.json", 0)],
}
