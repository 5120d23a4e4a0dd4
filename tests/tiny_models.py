"""Random GGUF models of a few hundred kilobytes, of several architectures, by llama.cpp's own writer.

    path = write_tiny_model(folder / "m.gguf", "mamba")

Their vocabulary is the 256 bytes. A space has no token of its own: it is spelt in the three bytes of the sign that
stands for it, so a text can have more tokens than bytes.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

WIDTH, LAYERS, HEADS = 64, 2, 4
HIDDEN = 2 * WIDTH
VOCABULARY = "llama"  # its kind: SentencePiece's
TEMPLATE = "{% for message in messages %}<{{ message.role }}>{{ message.content }}{% endfor %}<assistant>"


class _Tensors:
    """Adds float32 tensors of reproducible random numbers to a writer; a seed of its own for each name."""

    def __init__(self, writer: Any) -> None:
        self._writer = writer

    def random(self, name: str, *shape: int, zeros: int = 0) -> None:
        """zeros: so many of the first rows are zero."""
        import numpy as np

        numbers = np.random.default_rng(list(name.encode())).normal(0.0, 0.3, shape).astype(np.float32)
        numbers[:zeros] = 0.0
        self._writer.add_tensor(name, numbers)

    def same(self, name: str, *shape: int, value: float = 1.0) -> None:
        import numpy as np

        self._writer.add_tensor(name, np.full(shape, value, np.float32))


def write_tiny_model(path: Path, architecture: str, context: int = 512) -> Path:
    """A model of the named architecture, one of `ARCHITECTURES`; returns its path."""
    import gguf

    writer = gguf.GGUFWriter(path, architecture)
    tensors = _Tensors(writer)
    writer.add_context_length(context)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_layer_norm_rms_eps(1e-5)
    _add_vocabulary(writer, tensors)
    tensors.same(ARCHITECTURES[architecture][0], WIDTH)
    ARCHITECTURES[architecture][1](writer, tensors)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _add_vocabulary(writer: Any, tensors: _Tensors) -> None:
    tokens = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))]
    writer.add_tokenizer_model(VOCABULARY)
    writer.add_vocab_size(len(tokens))
    writer.add_token_list(tokens)
    writer.add_token_scores([0.0] * len(tokens))
    writer.add_token_types([2, 3, 3] + [6] * 256)  # unknown, control, bytes
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_add_space_prefix(False)
    writer.add_chat_template(TEMPLATE)
    tensors.random("token_embd.weight", len(tokens), WIDTH, zeros=3)  # so that greedy texts never end by themselves


def _attention(tensors: _Tensors, layer: str, kv_heads: int) -> None:
    tensors.random(f"{layer}.attn_q.weight", WIDTH, WIDTH)
    for name in ("attn_k", "attn_v"):
        tensors.random(f"{layer}.{name}.weight", kv_heads * WIDTH // HEADS, WIDTH)
    tensors.random(f"{layer}.attn_output.weight", WIDTH, WIDTH)


def _feed_forward(tensors: _Tensors, layer: str) -> None:
    tensors.same(f"{layer}.ffn_norm.weight", WIDTH)
    tensors.random(f"{layer}.ffn_gate.weight", HIDDEN, WIDTH)
    tensors.random(f"{layer}.ffn_up.weight", HIDDEN, WIDTH)
    tensors.random(f"{layer}.ffn_down.weight", WIDTH, HIDDEN)


def _state_space(writer: Any, tensors: _Tensors, layers: list[str]) -> None:
    state, convolution, rank, inner = 16, 4, 4, 2 * WIDTH
    writer.add_ssm_conv_kernel(convolution)
    writer.add_ssm_inner_size(inner)
    writer.add_ssm_state_size(state)
    writer.add_ssm_time_step_rank(rank)
    for layer in layers:
        tensors.random(f"{layer}.ssm_in.weight", 2 * inner, WIDTH)
        tensors.random(f"{layer}.ssm_conv1d.weight", inner, convolution)
        tensors.random(f"{layer}.ssm_conv1d.bias", inner)
        tensors.random(f"{layer}.ssm_x.weight", rank + 2 * state, inner)
        tensors.random(f"{layer}.ssm_dt.weight", inner, rank)
        tensors.random(f"{layer}.ssm_dt.bias", inner)
        tensors.same(f"{layer}.ssm_a", inner, state, value=-0.1)
        tensors.same(f"{layer}.ssm_d", inner)
        tensors.random(f"{layer}.ssm_out.weight", WIDTH, inner)


def _mamba(writer: Any, tensors: _Tensors) -> None:
    """Recurrent: no attention at all, and a head count of 0, as llama.cpp's converter writes it."""
    writer.add_feed_forward_length(0)
    writer.add_head_count(0)
    layers = [f"blk.{number}" for number in range(LAYERS)]
    for layer in layers:
        tensors.same(f"{layer}.attn_norm.weight", WIDTH)
    _state_space(writer, tensors, layers)


def _jamba(writer: Any, tensors: _Tensors) -> None:
    """Hybrid: a state space layer, then one of attention; the heads are a list, with 0 for the former."""
    writer.add_feed_forward_length(HIDDEN)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv([0, 2])
    _state_space(writer, tensors, ["blk.0"])
    for name, length in (("ssm_dt_norm", 4), ("ssm_b_norm", 16), ("ssm_c_norm", 16)):
        tensors.same(f"blk.0.{name}.weight", length)
    _attention(tensors, "blk.1", kv_heads=2)
    for number in range(LAYERS):
        tensors.same(f"blk.{number}.attn_norm.weight", WIDTH)
        _feed_forward(tensors, f"blk.{number}")


def _lfm2(writer: Any, tensors: _Tensors) -> None:
    """Hybrid: a layer of short convolutions, then one of attention."""
    kernel = 3
    writer.add_shortconv_l_cache(kernel)
    writer.add_feed_forward_length(HIDDEN)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv([0, 2])
    writer.add_rope_freq_base(10_000.0)
    tensors.random("blk.0.shortconv.conv.weight", WIDTH, kernel)
    tensors.random("blk.0.shortconv.in_proj.weight", 3 * WIDTH, WIDTH)
    tensors.random("blk.0.shortconv.out_proj.weight", WIDTH, WIDTH)
    _attention(tensors, "blk.1", kv_heads=2)
    for name in ("attn_q_norm", "attn_k_norm"):
        tensors.same(f"blk.1.{name}.weight", WIDTH // HEADS)
    for number in range(LAYERS):
        tensors.same(f"blk.{number}.attn_norm.weight", WIDTH)
        _feed_forward(tensors, f"blk.{number}")


def _llama(writer: Any, tensors: _Tensors) -> None:
    """Attention alone: the ordinary kind, for comparison."""
    writer.add_feed_forward_length(HIDDEN)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(2)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    for number in range(LAYERS):
        tensors.same(f"blk.{number}.attn_norm.weight", WIDTH)
        _attention(tensors, f"blk.{number}", kv_heads=2)
        _feed_forward(tensors, f"blk.{number}")


# name -> (its output norm, what writes its settings and layers)
ARCHITECTURES: dict[str, tuple[str, Callable[[Any, _Tensors], None]]] = {
    "llama": ("output_norm.weight", _llama),
    "mamba": ("output_norm.weight", _mamba),
    "jamba": ("output_norm.weight", _jamba),
    "lfm2": ("token_embd_norm.weight", _lfm2),
}
