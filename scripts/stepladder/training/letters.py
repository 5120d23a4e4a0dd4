"""The student's letters in fast mode, from the model in memory: one prefill a question, no text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..core.errors import InputError
from ..core.records import LETTERS, Record
from ..engine import prompts
from .decoder import causal, device_of, hidden_states

if TYPE_CHECKING:
    import torch
    from torch import nn
    from transformers import PreTrainedTokenizerBase

BATCH = 8


def letter_tokens(tokenizer: PreTrainedTokenizerBase) -> list[int]:
    """Token ids of " A" to " D". Raises InputError where one is not a single token."""
    found = [tokenizer(choice, add_special_tokens=False)["input_ids"] for choice in prompts.LETTER_CHOICES]
    if any(len(ids) != 1 for ids in found):
        raise InputError("the student's tokenizer splits the answer letters, so fast mode cannot read them")
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
