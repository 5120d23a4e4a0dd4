"""Taking the guard's readings: one prefill a question in fast mode, and a few short texts."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..core.errors import InputError
from ..core.records import LETTERS, Record
from ..engine import extract, prompts
from .decoder import causal, device_of, hidden_states
from .guard import Reading, entropy

if TYPE_CHECKING:
    import torch
    from torch import nn
    from transformers import PreTrainedTokenizerBase

BATCH = 8


def letter_tokens(tokenizer: PreTrainedTokenizerBase) -> list[int]:
    """Token ids of " A" to " D". Raises InputError where one is not a single token."""
    found = [tokenizer(choice, add_special_tokens=False)["input_ids"] for choice in prompts.LETTER_CHOICES]
    if any(len(ids) != 1 for ids in found):
        raise InputError("the student's tokenizer splits the answer letters, so the guard cannot read them; "
                         "train with --guard-steps 0")
    return [ids[0] for ids in found]


def fast_prompt(record: Record, tokenizer: PreTrainedTokenizerBase) -> list[int]:
    """Token ids up to where the letter comes next."""
    messages, prefix = prompts.fast(record)
    text = tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=False) + prefix
    return tokenizer(text, add_special_tokens=False)["input_ids"]


def letter_logits(model: nn.Module, tokenizer: PreTrainedTokenizerBase, questions: Sequence[Record]
                  ) -> tuple[torch.Tensor, list[bool]]:
    """(logits of the four letters (N, 4) on the CPU, whether the most probable token is a letter) by question."""
    import torch

    letters = letter_tokens(tokenizer)
    prompt_ids = [fast_prompt(record, tokenizer) for record in questions]
    order = sorted(range(len(questions)), key=lambda i: len(prompt_ids[i]))
    rows = torch.empty(len(questions), len(LETTERS))
    parsable = [False] * len(questions)
    head = causal(model).get_output_embeddings()
    for start in range(0, len(order), BATCH):
        part = order[start:start + BATCH]
        longest = max(len(prompt_ids[i]) for i in part)
        ids = torch.zeros(len(part), longest, dtype=torch.long)
        for row, i in enumerate(part):
            ids[row, :len(prompt_ids[i])] = torch.tensor(prompt_ids[i])
        last = torch.tensor([len(prompt_ids[i]) - 1 for i in part])
        hidden = hidden_states(model, ids.to(device_of(model)))
        logits = head(hidden[torch.arange(len(part)), last.to(hidden.device)]).float().cpu()
        for row, i in enumerate(part):
            rows[i] = logits[row, letters]
            parsable[i] = int(logits[row].argmax()) in letters
    return rows, parsable


def sample_texts(model: nn.Module, tokenizer: PreTrainedTokenizerBase, questions: Sequence[Record],
                 tokens: int) -> list[str]:
    """The student's greedy replies in reasoning mode, up to `tokens` tokens each."""
    import torch

    prompt_ids = []
    for record in questions:
        text = tokenizer.apply_chat_template(prompts.messages(record, prompts.STUDENT), add_generation_prompt=True,
                                             tokenize=False)
        prompt_ids.append(tokenizer(text, add_special_tokens=False)["input_ids"])
    longest = max(map(len, prompt_ids))
    pad = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else tokenizer.eos_token_id
    ids = torch.tensor([[pad] * (longest - len(p)) + p for p in prompt_ids])
    mask = torch.tensor([[0] * (longest - len(p)) + [1] * len(p) for p in prompt_ids])
    device = device_of(model)
    made = model.generate(input_ids=ids.to(device), attention_mask=mask.to(device), max_new_tokens=tokens,
                          do_sample=False, pad_token_id=pad)
    return tokenizer.batch_decode(made[:, longest:], skip_special_tokens=True)


def read(model: nn.Module, tokenizer: PreTrainedTokenizerBase, questions: Sequence[Record], step: int, *,
         samples: int, tokens: int, autocast: Any) -> Reading:
    """One reading. The random state and the training mode are as before afterwards."""
    import torch

    started = time.monotonic()
    training = model.training
    model.eval()
    try:
        with torch.no_grad(), autocast:
            rows, parsable = letter_logits(model, tokenizer, questions)
            texts = sample_texts(model, tokenizer, questions[:samples], tokens) if samples else []
    finally:
        model.train(training)
    keys = torch.tensor([LETTERS.index(record["answer"]) for record in questions])
    chosen = rows.argmax(-1)
    letters = Counter(LETTERS[i] for i in chosen.tolist())
    looping = sum(extract.degenerate(text) in ("loop", "constant") for text in texts)
    return Reading(
        step=step, parsable=sum(parsable) / len(questions), entropy=entropy(list(letters.values())),
        repeated=looping / len(texts) if texts else 0.0,
        loss=float(torch.nn.functional.cross_entropy(rows, keys)),
        accuracy=float((chosen == keys).float().mean()), questions=len(questions),
        letters={letter: letters[letter] for letter in LETTERS}, seconds=round(time.monotonic() - started, 2))
