"""Look-alikes of the three models that `--profile mi300x` names: their architectures, layouts and templates' shapes.

    teacher(Path("t.gguf"))                  deepseek2 with MLA, one dense layer, then experts with a shared one
    teacher(Path("t.gguf"), shards=3)        the same as t-00001-of-00003.gguf and so on
    assessor(Path("a.gguf"))                 phi3
    student(Path("s"), Path("s.gguf"))       Qwen3-MoE: a transformers folder in shards with its index, and its GGUF

All are random and seeded, and of a few hundred kilobytes. A token is a byte, " A" to " D" are one each. The teacher
writes one sentence and guesses a letter: what it says next hangs on its last token alone, next to nothing on its
layers, though all are computed. A useless one never comes to a letter.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from thinking_templates import DEEPSEEK, PHI
from training_models import SPECIAL, make_moe

WIDTH, LAYERS, HEADS, EXPERTS, CONTEXT = 64, 3, 4, 8, 4096
BEGIN, END = "<｜begin▁of▁sentence｜>", "<｜end▁of▁sentence｜>"
TEACHER_SPECIAL = [BEGIN, END, "<｜User｜>", "<｜Assistant｜>", "<think>", "</think>"]
ASSESSOR_SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_sep|>", "<|im_end|>"]
SENTENCE = "Weighing what is asked against each option in turn leaves a single choice that can stand.\nAnswer:"
MUSING = "Much could be said of this and of that, and more of the other."
TEACHER_TENSORS = 52
SURE = 40.0  # logit of what comes next
CONTROL, USER_DEFINED = 3, 4

# In the shape of the 2507 instruct template: a system turn first, tools that nobody gives, no thoughts.
STUDENT_TEMPLATE = """\
{%- if tools -%}{{ raise_exception('this look-alike has no tools') }}{%- endif -%}
{%- if messages[0].role == 'system' -%}
  {{ '<|im_start|>system\\n' + messages[0].content + '<|im_end|>\\n' }}
{%- endif -%}
{%- for message in messages -%}
  {%- if message.role == 'user' or (message.role == 'system' and not loop.first) -%}
    {{ '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>\\n' }}
  {%- elif message.role == 'assistant' -%}
    {{ '<|im_start|>assistant\\n' + message.content + '<|im_end|>\\n' }}
  {%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}{{ '<|im_start|>assistant\\n' }}{%- endif -%}
"""


def vocabulary(special: list[str], said: tuple[str, ...] = ()) -> list[str]:
    """Tokens by number: special ones, bytes as byte-level BPE spells them, the letters, whole sentences."""
    from tokenizers import pre_tokenizers

    return [*special, *sorted(pre_tokenizers.ByteLevel.alphabet()), *(f"Ġ{letter}" for letter in "ABCD"), *said]


def teacher(path: Path, useless: bool = False, shards: int = 1) -> list[Path]:
    """A deepseek2 GGUF as `path`, or in so many shards beside it; their paths."""
    import gguf

    said = (MUSING,) if useless else (SENTENCE,)
    tokens = vocabulary(TEACHER_SPECIAL, said)
    rank, rope, nope, value, inner = 32, 16, 16, 16, 32
    template = DEEPSEEK.replace("<|", "<｜").replace("|>", "｜>")
    writer = _writer(path, "deepseek2", tokens, TEACHER_SPECIAL, "deepseek-v3", template,
                     split=-(-TEACHER_TENSORS // shards) if shards > 1 else 0)
    writer.add_head_count_kv(1)
    writer.add_feed_forward_length(2 * WIDTH)
    writer.add_leading_dense_block_count(1)
    writer.add_q_lora_rank(rank)
    writer.add_kv_lora_rank(rank)
    writer.add_key_length(rank + rope)
    writer.add_value_length(rank)
    writer.add_key_length_mla(nope + rope)
    writer.add_value_length_mla(value)
    writer.add_rope_dimension_count(rope)
    _add_experts(writer, inner)
    writer.add_expert_shared_count(1)
    writer.add_expert_weights_scale(2.5)
    writer.add_expert_weights_norm(True)
    writer.add_expert_gating_func(gguf.ExpertGatingFuncType.SIGMOID)
    add = _Adder(writer)
    letters = tuple(f"Ġ{letter}" for letter in "ABCD")
    following = {"</think>": said, said[0]: said} if useless else {
        "</think>": said, said[0]: letters, ":": letters, **dict.fromkeys(letters, (END,))}
    _add_chain(add, tokens, following)
    for number in range(LAYERS):
        layer = f"blk.{number}"
        add.ones(f"{layer}.attn_norm.weight", WIDTH)
        add(f"{layer}.attn_q_a.weight", rank, WIDTH)
        add.ones(f"{layer}.attn_q_a_norm.weight", rank)
        add(f"{layer}.attn_q_b.weight", HEADS * (nope + rope), rank)
        add(f"{layer}.attn_kv_a_mqa.weight", rank + rope, WIDTH)
        add.ones(f"{layer}.attn_kv_a_norm.weight", rank)
        add(f"{layer}.attn_k_b.weight", HEADS, rank, nope)
        add(f"{layer}.attn_v_b.weight", HEADS, value, rank)
        add(f"{layer}.attn_output.weight", WIDTH, HEADS * value, scale=0.02)
        add.ones(f"{layer}.ffn_norm.weight", WIDTH)
        if number == 0:
            _add_dense(add, layer)
            continue
        _add_expert_tensors(add, layer, inner)
        add(f"{layer}.exp_probs_b.bias", EXPERTS)
        for name, shape in (("gate", (inner, WIDTH)), ("up", (inner, WIDTH)), ("down", (WIDTH, inner))):
            add(f"{layer}.ffn_{name}_shexp.weight", *shape, scale=0.02)
    return _close(writer, path, shards)


def assessor(path: Path) -> Path:
    """A phi3 GGUF."""
    tokens = vocabulary(ASSESSOR_SPECIAL)
    writer = _writer(path, "phi3", tokens, ASSESSOR_SPECIAL, "dbrx", PHI)
    writer.add_head_count_kv(2)
    writer.add_feed_forward_length(2 * WIDTH)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    add = _Adder(writer)
    add("token_embd.weight", len(tokens), WIDTH)
    add("output.weight", len(tokens), WIDTH)
    add.ones("output_norm.weight", WIDTH)
    for number in range(LAYERS):
        layer = f"blk.{number}"
        add.ones(f"{layer}.attn_norm.weight", WIDTH)
        add(f"{layer}.attn_qkv.weight", 2 * WIDTH, WIDTH)  # four heads of queries, two each of keys and values
        add(f"{layer}.attn_output.weight", WIDTH, WIDTH)
        add.ones(f"{layer}.ffn_norm.weight", WIDTH)
        add(f"{layer}.ffn_up.weight", 4 * WIDTH, WIDTH)  # gate and up in one
        add(f"{layer}.ffn_down.weight", WIDTH, 2 * WIDTH)
    return _close(writer, path, 1)[0]


def student(folder: Path, gguf_path: Path) -> None:
    """A Qwen3-MoE as a transformers folder of several shards, and the same weights and tokens as a GGUF."""
    from transformers import AutoTokenizer

    make_moe(folder, hidden=WIDTH, inner=WIDTH, layers=LAYERS, experts=EXPERTS, shard="300KB")
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.chat_template = STUDENT_TEMPLATE
    tokenizer.save_pretrained(folder)
    _student_gguf(folder, gguf_path)


def _student_gguf(folder: Path, path: Path) -> None:
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(folder)
    tokens = vocabulary(SPECIAL)
    writer = _writer(path, "qwen3moe", tokens, SPECIAL, "gpt-2", STUDENT_TEMPLATE, rms=model.config.rms_norm_eps)
    writer.add_head_count_kv(2)
    writer.add_feed_forward_length(2 * WIDTH)
    writer.add_key_length(WIDTH // HEADS)
    writer.add_value_length(WIDTH // HEADS)
    writer.add_rope_freq_base(model.config.rope_parameters["rope_theta"])
    writer.add_expert_count(EXPERTS)
    writer.add_expert_used_count(2)
    writer.add_expert_feed_forward_length(WIDTH)
    names = {"self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
             "self_attn.o_proj": "attn_output", "self_attn.q_norm": "attn_q_norm", "self_attn.k_norm": "attn_k_norm",
             "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm", "mlp.gate": "ffn_gate_inp"}
    outside = {"model.embed_tokens.weight": "token_embd.weight", "model.norm.weight": "output_norm.weight",
               "lm_head.weight": "output.weight"}
    for name, tensor in model.state_dict().items():
        numbers = tensor.float().numpy()
        if name in outside:
            writer.add_tensor(outside[name], numbers)
            continue
        _, _, number, inside = name.split(".", 3)
        if inside.startswith("mlp.experts.gate_up_proj"):
            gate, up = np.split(numbers, 2, axis=1)
            writer.add_tensor(f"blk.{number}.ffn_gate_exps.weight", np.ascontiguousarray(gate))
            writer.add_tensor(f"blk.{number}.ffn_up_exps.weight", np.ascontiguousarray(up))
        elif inside.startswith("mlp.experts.down_proj"):
            writer.add_tensor(f"blk.{number}.ffn_down_exps.weight", numbers)
        else:
            writer.add_tensor(f"blk.{number}.{names[inside.removesuffix('.weight')]}.weight", numbers)
    _close(writer, path, 1)


# -- what they share -------------------------------------------------------------------------------------------------


class _Adder:
    """Adds float32 tensors of reproducible numbers to a writer; a seed of its own for each name."""

    def __init__(self, writer: Any) -> None:
        self.writer = writer

    def __call__(self, name: str, *shape: int, scale: float = 0.3) -> None:
        numbers = np.random.default_rng(list(name.encode())).normal(0.0, scale, shape)
        self.writer.add_tensor(name, numbers.astype(np.float32))

    def ones(self, name: str, *shape: int) -> None:
        self.writer.add_tensor(name, np.ones(shape, np.float32))


def _writer(path: Path, architecture: str, tokens: list[str], special: list[str], pre: str, template: str,
            split: int = 0, rms: float = 1e-6) -> Any:
    """A GGUF writer with what every model says of itself. split: tensors in a shard, 0: one file."""
    import gguf

    path.parent.mkdir(parents=True, exist_ok=True)
    writer = gguf.GGUFWriter(path, architecture, split_max_tensors=split)
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_head_count(HEADS)
    writer.add_layer_norm_rms_eps(rms)
    writer.add_vocab_size(len(tokens))
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(pre)
    writer.add_token_list(tokens)
    writer.add_token_types([CONTROL if token in special else USER_DEFINED if len(token) > 2 else 1 for token in tokens])
    writer.add_token_merges([f"Ġ {letter}" for letter in "ABCD"])
    end = next(token for token in (END, "<|im_end|>") if token in tokens)
    writer.add_eos_token_id(tokens.index(end))
    if BEGIN in tokens:
        writer.add_bos_token_id(tokens.index(BEGIN))
        writer.add_add_bos_token(True)
    else:
        writer.add_add_bos_token(False)
    writer.add_chat_template(template)
    return writer


def _add_experts(writer: Any, inner: int) -> None:
    writer.add_expert_count(EXPERTS)
    writer.add_expert_used_count(2)
    writer.add_expert_feed_forward_length(inner)


def _add_dense(add: _Adder, layer: str) -> None:
    for name, shape in (("gate", (2 * WIDTH, WIDTH)), ("up", (2 * WIDTH, WIDTH)), ("down", (WIDTH, 2 * WIDTH))):
        add(f"{layer}.ffn_{name}.weight", *shape, scale=0.02)


def _add_expert_tensors(add: _Adder, layer: str, inner: int) -> None:
    add(f"{layer}.ffn_gate_inp.weight", EXPERTS, WIDTH)
    for name, shape in (("gate", (inner, WIDTH)), ("up", (inner, WIDTH)), ("down", (WIDTH, inner))):
        add(f"{layer}.ffn_{name}_exps.weight", EXPERTS, *shape, scale=0.02)


def _add_chain(add: _Adder, tokens: list[str], following: dict[str, tuple[str, ...]]) -> None:
    """Embeddings and output such that a token of `following` is followed by one of those named there."""
    noise = np.random.default_rng(0)
    embedded = noise.normal(0.0, 1.0, (len(tokens), WIDTH))
    embedded /= np.linalg.norm(embedded, axis=1, keepdims=True) / np.sqrt(WIDTH)
    output = noise.normal(0.0, 0.01, (len(tokens), WIDTH))
    for token, after in following.items():
        for name in after:
            output[tokens.index(name)] += embedded[tokens.index(token)] * SURE / WIDTH
    add.writer.add_tensor("token_embd.weight", embedded.astype(np.float32))
    add.writer.add_tensor("output.weight", output.astype(np.float32))
    add.ones("output_norm.weight", WIDTH)


def _close(writer: Any, path: Path, shards: int) -> list[Path]:
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return [path] if shards == 1 else sorted(path.parent.glob(f"{path.stem}-*-of-*.gguf"))
