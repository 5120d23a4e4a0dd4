"""How the assessor is asked: rated examples, then the record, then the label whose number is wanted.

All variants of a record are alike up to that label, so that the engine computes the record once for all of them, and
the examples once for all records. What is shown is compact: the reasoning's closing lines that only repeat options and
key are left out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from ..core.errors import InputError
from ..core.records import LETTERS, Record

VERSION = 2  # grows with every change of wording
Message = dict[str, str]

INSTRUCTION = ("Rate each question from 1 (very easy) to 10 (very hard): its difficulty, and the steps of reasoning it "
               "takes.")

LABELS: dict[str, str] = {"difficulty": "Difficulty: ", "steps": "Steps: "}

EXAMPLES: tuple[tuple[Record, Mapping[str, int]], ...] = (
    ({"question": "What colour is the sky on a clear day?",
      "choices": {"A": "green", "B": "blue", "C": "red", "D": "brown"}, "answer": "B",
      "chain_of_thought": "A clear sky looks blue."}, {"difficulty": 1, "steps": 1}),
    ({"question": "A shop sells pens at 3 for 2 dollars. How many dollars do 12 pens cost?",
      "choices": {"A": "6", "B": "18", "C": "8", "D": "24"}, "answer": "C",
      "chain_of_thought": "12 / 3 = 4 packs. 4 x 2 = 8 dollars."}, {"difficulty": 4, "steps": 3}),
    ({"question": "Ana, Ben, Cy, Dee and Eva sit in a row, seats 1 to 5. Ben sits in seat 3. Ana does not sit next to "
                  "Ben. Eva sits somewhere to the left of Cy. Dee sits directly to the right of Eva. Who sits in "
                  "seat 5?",
      "choices": {"A": "Ana", "B": "Cy", "C": "Dee", "D": "Eva"}, "answer": "A",
      "chain_of_thought": "Seat 3 Ben. Ana: seat 1 or 5. Eva and Dee fill 1 and 2 or 4 and 5. Seats 4 and 5 leave no "
                          "seat for Cy right of Eva. So Eva 1, Dee 2; Ana must be in seat 5, Cy in 4, right of Eva."},
     {"difficulty": 9, "steps": 8}),
)

# Any model goes on with "10" here, which shows whether it writes that as "1" and another token.
COUNTING: tuple[list[Message], str] = (
    [{"role": "user", "content": "Count from 1 to 10, one number a line."}],
    "".join(f"{number}\n" for number in range(1, 10)))

_REPEATS = re.compile(r"[A-D]\. .* (?:yes|no)|Answer: [A-D]")


def record_text(record: Record) -> str:
    """Question, options, key and, where there is one, the reasoning."""
    lines = [record["question"], *(f"{letter}. {record['choices'][letter]}" for letter in LETTERS),
             f"Key: {record['answer']}"]
    if reasoning := compact(record.get("chain_of_thought") or ""):
        lines.append(reasoning)
    return "\n".join(lines)


def compact(reasoning: str) -> str:
    """The reasoning without the lines that only say an option again, with yes or no, or the key."""
    lines = [line for line in reasoning.splitlines() if line.strip() and not _REPEATS.fullmatch(line.strip())]
    return "\n".join(lines)


def messages(record: Record, prompt: str) -> tuple[list[Message], str]:
    """(chat messages, the reply's beginning) of one variant."""
    chat = [{"role": "system", "content": INSTRUCTION}]
    for example, ratings in EXAMPLES:
        reply = "\n".join(f"{LABELS[name]}{rating}" for name, rating in ratings.items())
        chat += [{"role": "user", "content": record_text(example)}, {"role": "assistant", "content": reply}]
    return [*chat, {"role": "user", "content": record_text(record)}], LABELS[prompt]


def check(names: Sequence[str]) -> None:
    """Raise InputError for an unknown prompt, a repeated one, or none."""
    if not names or len(set(names)) < len(names) or not set(names) <= set(LABELS):
        raise InputError(f"rating prompts {list(names)}: name one or more of {', '.join(LABELS)}, each once")


def identity(names: Sequence[str]) -> dict[str, Any]:
    """What shapes ratings beside model and record: the wording. For fingerprints."""
    blank = {"question": "", "choices": dict.fromkeys(LETTERS, ""), "answer": "A", "chain_of_thought": "."}
    return {name: [VERSION, messages(blank, name)] for name in names}
