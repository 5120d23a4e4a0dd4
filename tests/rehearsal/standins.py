"""True-size stand-ins for plans: sparse files with real headers, which take next to no room on the disk.

    repositories = stand_ins(Path("folder"))      # for Hub(repositories); nothing of them can be loaded

The shapes are the models' own: a plan that reads headers reckons with the true numbers.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
from hub import Content, Large

from .layouts import ASSESSOR, REPOSITORIES, SECOND_TEACHER, STUDENT, STUDENT_GGUF, TEACHER, TEACHER_FILE, Listed

QWEN3_235B = {
    "model_type": "qwen3_moe", "architectures": ["Qwen3MoeForCausalLM"], "hidden_size": 4096,
    "intermediate_size": 12288, "moe_intermediate_size": 1536, "num_hidden_layers": 94, "num_attention_heads": 64,
    "num_key_value_heads": 4, "head_dim": 128, "num_experts": 128, "num_experts_per_tok": 8, "vocab_size": 151936,
    "tie_word_embeddings": False, "torch_dtype": "bfloat16", "max_position_embeddings": 262144}
ODD = "blk.30.attn_q_b.weight"
Shapes = dict[str, tuple[int, ...]]


def stand_ins(folder: Path, odd_tensor: bool = False) -> dict[str, dict[str, Content]]:
    """Repository -> its files, for those that the mi300x profile names.

    odd_tensor: the first teacher has one tensor of IQ1_M, for which GPUs have no batched kernel.
    """
    made: dict[str, dict[str, Content]] = {}
    for repository in (TEACHER, SECOND_TEACHER, ASSESSOR, STUDENT, STUDENT_GGUF):
        made[repository] = {}
        for listed in REPOSITORIES[repository]:
            path = folder / repository / listed.name
            path.parent.mkdir(parents=True, exist_ok=True)
            if listed.name.endswith(".gguf"):
                _gguf(path, listed, odd_tensor and listed.name == TEACHER_FILE)
            elif listed.name.endswith(".safetensors"):
                _safetensors(path, listed)
            else:
                content = QWEN3_235B if listed.name == "config.json" else {"stands_in": listed.name}
                path.write_text(json.dumps(content))
            made[repository][listed.name] = Large(path, hashlib.sha256(str(listed).encode()).hexdigest())
    return made


def _gguf(path: Path, listed: Listed, odd_tensor: bool) -> None:
    """One file, or one shard, which holds every n-th layer of its model."""
    name = path.name.lower()
    shapes, write = (_deepseek, _say_deepseek) if "deepseek" in name else (
        (_phi, _say_phi) if "phi" in name else (_qwen, _say_qwen))
    number, count = (int(path.stem[-14:-9]), int(path.stem[-5:])) if "-of-" in name else (1, 1)
    tensors = shapes()
    writer = _Header(path, {_deepseek: "deepseek2", _phi: "phi3", _qwen: "qwen3moe"}[shapes])
    if number == 1:
        write(writer)
    if count > 1:
        writer.add_uint16("split.no", number - 1)
        writer.add_uint16("split.count", count)
        writer.add_int32("split.tensors.count", len(tensors))
    part = list(tensors.items())[number - 1::count]
    kind = _kind_that_fills(sum(int(np.prod(shape)) for _, shape in part), listed.size)
    for tensor, shape in part:
        narrow = shape[-1] % 256
        writer.tensor(tensor, shape, "IQ1_M" if odd_tensor and tensor == ODD else "Q8_0" if narrow else kind)
    writer.close(listed.size)


def _kind_that_fills(elements: int, size: int) -> str:
    """The widest of some types in which so many weights take no more than these bytes."""
    from gguf.constants import GGML_QUANT_SIZES, GGMLQuantizationType

    def taken(name: str) -> float:
        block, held = GGML_QUANT_SIZES[GGMLQuantizationType[name]]
        return 1.01 * elements * held / block

    wide = ("F16", "Q8_0", "Q6_K", "Q4_K", "Q2_K", "IQ2_XXS", "IQ1_S")
    return next((name for name in wide if taken(name) <= size), wide[-1])


class _Header:
    """A GGUF's header alone: its tensors are told of, and the file is as long as they would take."""

    def __init__(self, path: Path, architecture: str) -> None:
        import gguf

        self.path, self.writer = path, gguf.GGUFWriter(path, architecture)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.writer, name)

    def tensor(self, name: str, shape: tuple[int, ...], kind: str) -> None:
        from gguf.constants import GGML_QUANT_SIZES, GGMLQuantizationType

        block, held = GGML_QUANT_SIZES[GGMLQuantizationType[kind]]
        self.writer.add_tensor_info(name, shape, np.dtype(np.float16), int(np.prod(shape)) // block * held,
                                    GGMLQuantizationType[kind])

    def close(self, size: int) -> None:
        self.writer.write_header_to_file()
        self.writer.write_kv_data_to_file()
        self.writer.write_ti_data_to_file()
        self.writer.close()
        os.truncate(self.path, size)


def _common(writer: Any, *, layers: int, width: int, heads: int, kv_heads: int, vocabulary: int, inner: int) -> None:
    writer.add_context_length(131072)
    writer.add_block_count(layers)
    writer.add_embedding_length(width)
    writer.add_head_count(heads)
    writer.add_head_count_kv(kv_heads)
    writer.add_vocab_size(vocabulary)
    writer.add_feed_forward_length(inner)
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list([f"t{number}" for number in range(vocabulary)])


def _say_deepseek(writer: Any) -> None:
    _common(writer, layers=61, width=7168, heads=128, kv_heads=1, vocabulary=129280, inner=18432)
    writer.add_q_lora_rank(1536)
    writer.add_kv_lora_rank(512)
    writer.add_key_length(576)
    writer.add_value_length(512)
    writer.add_key_length_mla(192)
    writer.add_value_length_mla(128)
    writer.add_rope_dimension_count(64)
    writer.add_expert_count(256)
    writer.add_expert_used_count(8)
    writer.add_expert_feed_forward_length(2048)


def _deepseek() -> Shapes:
    shapes: Shapes = {"token_embd.weight": (129280, 7168), "output.weight": (129280, 7168)}
    for number in range(61):
        inside: Shapes = {
            "attn_q_a": (1536, 7168), "attn_q_b": (24576, 1536), "attn_kv_a_mqa": (576, 7168),
            "attn_k_b": (128, 512, 128), "attn_v_b": (128, 128, 512), "attn_output": (7168, 16384)}
        if number < 3:
            inside |= {"ffn_gate": (18432, 7168), "ffn_up": (18432, 7168), "ffn_down": (7168, 18432)}
        else:
            inside |= {"ffn_gate_exps": (256, 2048, 7168), "ffn_up_exps": (256, 2048, 7168),
                       "ffn_down_exps": (256, 7168, 2048)}
        shapes |= {f"blk.{number}.{name}.weight": shape for name, shape in inside.items()}
    return shapes


def _say_phi(writer: Any) -> None:
    _common(writer, layers=40, width=5120, heads=40, kv_heads=10, vocabulary=100352, inner=17920)
    writer.add_rope_dimension_count(128)


def _phi() -> Shapes:
    inside = {"attn_qkv": (7680, 5120), "attn_output": (5120, 5120), "ffn_up": (35840, 5120), "ffn_down": (5120, 17920)}
    return {"token_embd.weight": (100352, 5120), "output.weight": (100352, 5120), **{
        f"blk.{number}.{name}.weight": shape for number in range(40) for name, shape in inside.items()}}


def _say_qwen(writer: Any) -> None:
    _common(writer, layers=94, width=4096, heads=64, kv_heads=4, vocabulary=151936, inner=12288)
    writer.add_key_length(128)
    writer.add_value_length(128)
    writer.add_expert_count(128)
    writer.add_expert_used_count(8)
    writer.add_expert_feed_forward_length(1536)


def _qwen() -> Shapes:
    inside = {"attn_q": (8192, 4096), "attn_k": (512, 4096), "attn_v": (512, 4096), "attn_output": (4096, 8192),
              "ffn_gate_exps": (128, 1536, 4096), "ffn_up_exps": (128, 1536, 4096), "ffn_down_exps": (128, 4096, 1536)}
    return {"token_embd.weight": (151936, 4096), "output.weight": (151936, 4096), **{
        f"blk.{number}.{name}.weight": shape for number in range(94) for name, shape in inside.items()}}


def _safetensors(path: Path, listed: Listed) -> None:
    """A shard whose header says that one tensor of 16-bit numbers fills it."""
    number = int(path.stem.split("-")[1])
    size = listed.size
    for length in (size - 256, size - 257):  # even, so that the header's length is what is left
        if length % 2 == 0:
            told = json.dumps({f"model.layers.{number}.mlp.experts.gate_up_proj": {
                "dtype": "BF16", "shape": [length // 2], "data_offsets": [0, length]}}).encode()
            path.write_bytes((size - length - 8).to_bytes(8, "little") + told.ljust(size - length - 8))
            os.truncate(path, size)
            return
