"""How the assessor is asked: what is constant first, then the record, then the question that makes the variant.

All variants of a record begin alike, so that the engine computes the record once for all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..core.errors import InputError
from ..core.records import LETTERS, Record

Message = dict[str, str]


@dataclass(frozen=True)
class RatingPrompt:
    """What is asked after the record, and how the reply begins. `version` grows with every change of wording."""

    version: int
    question: str
    prefix: str


INSTRUCTION = "Rate the question on a scale from 1 to 10. Reply with the number only."

PROMPTS: dict[str, RatingPrompt] = {
    "difficulty": RatingPrompt(1, "How difficult is it, from 1 (very easy) to 10 (very hard)?", "Difficulty: "),
    "steps": RatingPrompt(1, "How much careful reasoning does it take, from 1 (none) to 10 (a lot)?", "Reasoning: "),
}

# Any model goes on with "10" here, which shows whether it writes that as "1" and another token.
COUNTING: tuple[list[Message], str] = (
    [{"role": "user", "content": "Count from 1 to 10, one number a line."}],
    "".join(f"{number}\n" for number in range(1, 10)))


def record_text(record: Record) -> str:
    """Question, options, key and, where there is one, the reasoning."""
    lines = [f"Question: {record['question']}", *(f"{letter}. {record['choices'][letter]}" for letter in LETTERS),
             f"Key: {record['answer']}"]
    if record.get("chain_of_thought"):
        lines.append(f"Solution: {record['chain_of_thought']}")
    return "\n".join(lines)


def messages(record: Record, prompt: str) -> tuple[list[Message], str]:
    """(chat messages, the reply's beginning) of one variant."""
    asked = PROMPTS[prompt]
    content = f"{record_text(record)}\n\n{asked.question}"
    return [{"role": "system", "content": INSTRUCTION}, {"role": "user", "content": content}], asked.prefix


def check(names: Sequence[str]) -> None:
    """Raise InputError for an unknown prompt, a repeated one, or none."""
    if not names or len(set(names)) < len(names) or not set(names) <= set(PROMPTS):
        raise InputError(f"rating prompts {list(names)}: name one or more of {', '.join(PROMPTS)}, each once")


def identity(names: Sequence[str]) -> dict[str, Any]:
    """What shapes ratings beside model and record: the wording. For fingerprints."""
    blank = {"question": "", "choices": dict.fromkeys(LETTERS, ""), "answer": "A", "chain_of_thought": "."}
    return {name: [PROMPTS[name].version, messages(blank, name)] for name in names}
