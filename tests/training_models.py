"""Tiny random students on disk, a byte tokenizer with a chat template, and records for them: training in a blink."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

TEMPLATE = ("{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + "
            "'<|im_end|>\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}")
SPECIAL = ["<|pad|>", "<|im_start|>", "<|im_end|>"]


def make_tokenizer(folder: Path, template: str | None = TEMPLATE) -> Any:
    """A byte-level tokenizer that knows the words of this project's prompts' ends: " A" to " D" are one token each."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    merges = [("Ġ", letter) for letter in "ABCD"]
    vocabulary = {text: i for i, text in enumerate([*SPECIAL, *alphabet, *("".join(pair) for pair in merges)])}
    raw = Tokenizer(models.BPE(vocab=vocabulary, merges=merges))
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.decoder = decoders.ByteLevel()
    raw.add_special_tokens(SPECIAL)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=raw, pad_token="<|pad|>", eos_token="<|im_end|>",
                                        bos_token="<|im_start|>", chat_template=template)
    tokenizer.save_pretrained(folder)
    return tokenizer


def make_llama(folder: Path, hidden: int = 64, layers: int = 2, seed: int = 0, tokenizer: Any = None) -> Path:
    """A random Llama of about 0.1M parameters and its embeddings, with the byte tokenizer or another one."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    if tokenizer is None:
        tokenizer = make_tokenizer(folder)
    else:
        tokenizer.save_pretrained(folder)
    torch.manual_seed(seed)
    config = LlamaConfig(vocab_size=len(tokenizer), hidden_size=hidden, intermediate_size=2 * hidden,
                         num_hidden_layers=layers, num_attention_heads=4, num_key_value_heads=2,
                         max_position_embeddings=1024, pad_token_id=0, bos_token_id=1, eos_token_id=2,
                         initializer_range=0.1)
    LlamaForCausalLM(config).save_pretrained(folder)
    return folder


def make_moe(folder: Path, hidden: int = 64, inner: int = 64, layers: int = 2, experts: int = 4, seed: int = 0,
             dtype: str = "bfloat16", shard: str = "1MB") -> Path:
    """A random Qwen3-MoE in shards, as checkpoints of that family are laid out (an expert a tensor)."""
    import torch
    from transformers import Qwen3MoeConfig, Qwen3MoeForCausalLM

    tokenizer = make_tokenizer(folder)
    torch.manual_seed(seed)
    config = Qwen3MoeConfig(vocab_size=len(tokenizer), hidden_size=hidden, intermediate_size=2 * hidden,
                            moe_intermediate_size=inner, num_hidden_layers=layers, num_attention_heads=4,
                            num_key_value_heads=2, head_dim=hidden // 4, num_experts=experts, num_experts_per_tok=2,
                            pad_token_id=0, bos_token_id=1, eos_token_id=2, max_position_embeddings=1024,
                            initializer_range=0.1, dtype=dtype)
    Qwen3MoeForCausalLM(config).to(getattr(torch, dtype)).save_pretrained(folder, max_shard_size=shard)
    return folder


def record(number: int, difficulty: float | None = None, steps: str = "Two and two is four.", **more: Any) -> dict:
    """A question with reasoning; `number` decides key and id."""
    letter = "ABCD"[number % 4]
    return {"id": f"q{number}", "question": f"What is {number} and {number}?",
            "choices": {key: str(2 * number + i) for i, key in enumerate("ABCD")}, "answer": letter,
            "chain_of_thought": f"{steps}\nAnswer: {letter}", "cot": {"status": "verified"},
            "difficulty": float(difficulty if difficulty is not None else 1 + number % 10),
            "level": "easy", "position": number, **more}


def make_workdir(root: Path, records: list[dict], student: str = "models/tiny") -> Path:
    """Files that stages before 04 would have written, in the laptop profile's names."""
    enhanced = root / "data" / "enhanced"
    enhanced.mkdir(parents=True, exist_ok=True)
    (enhanced / "curriculum_ordered_sample.json").write_text(json.dumps(records))
    (enhanced / "models_sample.json").write_text(json.dumps(
        {"student": {"name": "tiny", "gguf": None, "transformers": student}}))
    return root
