"""From records to token ids: the student's own chat template, loss on the reply alone, nothing cut.

    examples, left_out = encode_all(records, tokenizer, max_length=2048, answer_only=False, weights={"solver": 1.0})
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..core.errors import InputError
from ..core.records import Record
from ..engine import extract
from ..engine.reply_forms import REASONING, ReplyForm

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

TRAINED_STATUSES = ("verified", "hinted", "solver")


@dataclass(frozen=True)
class Example:
    """One record as the model sees it.

    ids: prompt and reply. prompt_length: ids[prompt_length:] are the live labels (reply and its end-of-turn token).
    weight: of each of its tokens in the loss.
    """

    id: str
    ids: tuple[int, ...]
    prompt_length: int
    weight: float = 1.0
    difficulty: float | None = None
    level: str | None = None
    domain: str | None = None

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def live(self) -> int:
        """Tokens that carry loss."""
        return len(self.ids) - self.prompt_length


def reply(record: Record, answer_only: bool, form: ReplyForm = REASONING) -> str | None:
    """What the student is to write: the reasoning; with `answer_only`, else the answer alone; None where neither.

    A chain of thought has the first form as it is.
    """
    chain = record.get("chain_of_thought")
    if chain:
        return chain if form is REASONING else form.write(extract.reasoning_part(chain), record["answer"])
    return form.write("", record["answer"]) if answer_only else None


def encode(record: Record, text: str, tokenizer: PreTrainedTokenizerBase, weight: float = 1.0,
           form: ReplyForm = REASONING, arguments: Mapping[str, Any] | None = None) -> Example:
    """Tokens of the prompt, and of `text` as the assistant's turn with its end.

    Both are tokenised apart, as generation meets them. arguments: what the chat template is given beside the messages.
    Raises InputError where it has no place for the reply.
    """
    chat, told = form.asked(record), dict(arguments or {})
    prompt = tokenizer.apply_chat_template(chat, add_generation_prompt=True, tokenize=False, **told)
    whole = tokenizer.apply_chat_template([*chat, {"role": "assistant", "content": text}], tokenize=False, **told)
    if not whole.startswith(prompt):
        raise InputError(f"record {record['id']}: the student's chat template rewrites earlier turns; "
                         "its reply cannot be told from the prompt")
    prompt_ids = tokenizer(prompt, add_special_tokens=False)["input_ids"]
    reply_ids = tokenizer(whole[len(prompt):].rstrip(), add_special_tokens=False)["input_ids"]
    if not ends_turn(reply_ids[-1], tokenizer):
        reply_ids.append(tokenizer.eos_token_id)
    difficulty = record.get("difficulty")
    return Example(record["id"], (*prompt_ids, *reply_ids), len(prompt_ids), weight,
                   None if difficulty is None else float(difficulty), record.get("level"), record.get("domain"))


def ends_turn(token: int, tokenizer: PreTrainedTokenizerBase) -> bool:
    """Whether a token is one of the tokenizer's special ones, as every end of turn is."""
    added = tokenizer.added_tokens_decoder.get(token)
    return token == tokenizer.eos_token_id or (added is not None and added.special)


def encode_all(records: Iterable[Record], tokenizer: PreTrainedTokenizerBase, *, max_length: int,
               answer_only: bool = False, weights: Mapping[str, float] | None = None,
               form: ReplyForm = REASONING, arguments: Mapping[str, Any] | None = None
               ) -> tuple[list[Example], Counter[str]]:
    """(examples in the given order, reason -> how many were left out). Weights are by status, default 1.

    Raises InputError when nothing is left to train on, saying why.
    """
    weights = weights or {}
    examples: list[Example] = []
    left_out: Counter[str] = Counter()
    for record in records:
        text = reply(record, answer_only, form)
        status = (record.get("cot") or {}).get("status")
        weight = weights.get(status, 1.0)
        if text is None:
            left_out["no reasoning"] += 1
        elif weight == 0:
            left_out[f"weight 0 for {status}"] += 1
        else:
            example = encode(record, text, tokenizer, weight, form, arguments)
            if len(example) > max_length:
                left_out[f"longer than {max_length} tokens"] += 1
            else:
                examples.append(example)
    if not examples:
        reasons = ", ".join(f"{count} {reason}" for reason, count in left_out.items()) or "there are no records"
        raise InputError(f"nothing to train on: {reasons}")
    return examples, left_out


def hold_back(examples: list[Example], count: int, without: Container[str] = ()) -> tuple[list[Example], list[Example]]:
    """(what is trained, held-out texts): `count` examples, at most a tenth, drawn evenly over the difficulty.

    without: ids that are not drawn. The order in which examples come plays no part, so trainings of the same records
    in another order hold back the same ones.
    """
    candidates = sorted((example for example in examples if example.id not in without),
                        key=lambda example: (example.difficulty or 0.0, example.id))
    count = min(count, max(len(examples) // 10, 1), len(candidates), len(examples) - 1)
    held = thin(candidates, count)
    ids = {example.id for example in held}
    return [example for example in examples if example.id not in ids], held


def thin(examples: list[Example], count: int) -> list[Example]:
    """`count` of the ranked examples, drawn evenly over their ranks; so every stretch keeps its share."""
    if count >= len(examples):
        return examples
    return [examples[(2 * i + 1) * len(examples) // (2 * count)] for i in range(count)]


def thin_to_tokens(examples: list[Example], budget: int) -> list[Example]:
    """As many examples as fit a budget of tokens (prompt and reply), drawn evenly over their ranks."""
    if sum(map(len, examples)) <= budget:
        return examples
    low, high = 0, len(examples)
    while low < high:  # the largest count whose even draw still fits
        middle = (low + high + 1) // 2
        low, high = (middle, high) if sum(map(len, thin(examples, middle))) <= budget else (low, middle - 1)
    if low == 0:
        raise InputError(f"token_budget {budget} does not hold a single record")
    return thin(examples, low)


def show(example: Example, tokenizer: PreTrainedTokenizerBase) -> str:
    """An example with its live part marked: what the loss sees, for the user's eye."""
    prompt = tokenizer.decode(example.ids[:example.prompt_length])
    live = tokenizer.decode(example.ids[example.prompt_length:])
    return (f"example {example.id}: {example.prompt_length} tokens without loss, {example.live} live\n"
            f"--- without loss\n{prompt}\n--- live\n{live}\n---")


def check_live(examples: Iterable[Example]) -> None:
    """Every example has masked and live labels both. Raises InputError naming the record (both bugs have shipped)."""
    for example in examples:
        if example.live <= 0 or example.prompt_length <= 0:
            side = "no label is live" if example.live <= 0 else "no label is masked"
            raise InputError(f"record {example.id}: {side}; the chat template or the record is broken")


def describe(examples: list[Example], left_out: Mapping[str, int]) -> dict[str, Any]:
    """Counts for the summary."""
    return {"records": len(examples), "left_out": dict(left_out),
            "levels": dict(Counter(example.level for example in examples if example.level)),
            "tokens": sum(map(len, examples)), "live_tokens": sum(example.live for example in examples),
            "longest": max(map(len, examples))}
