"""Every prompt about a question, named and versioned, in one place.

    backend.render(prompts.messages(record, "options"))

What is constant (instruction, worked example) comes before the record, so that the engine computes it once for
all requests. A reasoning has the same form everywhere: steps, then each option with yes or no on a line of its own,
then "Answer: X"; small students learn little from any other (docs/reasoning.md). What a student makes of it is one of
reply_forms.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..core.records import LETTERS

Message = dict[str, str]

CLOSING = "\nAnswer:"
LETTER_CHOICES = tuple(f" {letter}" for letter in LETTERS)


@dataclass(frozen=True)
class Variant:
    """One way to ask. `version` grows with every change of wording, so that provenance tells texts apart.

    example: a question record with its reply, shown as an earlier turn of the chat.
    """

    version: int
    system: str
    example: tuple[Mapping[str, Any], str] | None = None


_EXAMPLE = {
    "question": "A shop sells pens at 3 for 2 dollars. How many dollars do 12 pens cost?",
    "choices": {"A": "6", "B": "18", "C": "8", "D": "24"},
}
_EXAMPLE_REPLY = ("12 pens are 12 / 3 = 4 packs of 3. Each pack costs 2 dollars, so 4 x 2 = 8 dollars.\n"
                  "A. 6 no\nB. 18 no\nC. 8 yes\nD. 24 no\nAnswer: C")

VARIANTS: dict[str, Variant] = {
    # The teacher's default: short steps, then every option, then the letter.
    "options": Variant(
        1, "Solve the multiple-choice question. First work out the answer in a few short steps. Then go through the "
        'options one by one, each on its own line, ending with yes or no. The last line is "Answer: " and the letter.',
        (_EXAMPLE, _EXAMPLE_REPLY)),
    # The usual chain of thought, for comparison.
    "steps": Variant(
        1, 'Solve the multiple-choice question. Think step by step, briefly. The last line is "Answer: " and the '
        "letter."),
    # The letter first, as models reply that do not follow a form; their reasons stand behind it.
    "explain": Variant(
        1, 'Answer the multiple-choice question. Begin with "Answer: " and the letter of the right option, then '
        "explain in two or three sentences why it is right."),
    # What the student is trained, tested and deployed with: few tokens, since every record pays for them.
    "student": Variant(1, 'Reason in short steps, check each option, end with "Answer: X".'),
    # The same for its other reply forms (reply_forms.py).
    "student-letter-first": Variant(1, 'Begin with "Answer: X", then reason in short steps and check each option.'),
    "student-json": Variant(1, 'Reply with one line of JSON: {"reasoning": "short steps, each option", "answer": "X"}'),
    # One prefill, the letter read off the logits.
    "letter": Variant(1, "Answer with the letter of the right option."),
}
STUDENT = "student"
FAST = "letter"
_FAST_PREFIX = "Answer:"

_HINT = ('The right option is {key}. Write the reasoning that leads to it as if you had found it yourself: do not '
         "mention that it was given.")


def question_text(record: Mapping[str, Any]) -> str:
    """The question and its four lettered options, as every variant shows them."""
    return "\n".join([record["question"], *(f"{letter}. {record['choices'][letter]}" for letter in LETTERS)])


def messages(record: Mapping[str, Any], variant: str = STUDENT, hint: str | None = None) -> list[Message]:
    """Chat messages that ask for `record` ({"question", "choices"}) in the form of `variant`.

    hint: the key's letter, told to the model with the order not to reveal it. Raises KeyError for an unknown variant.
    """
    form = VARIANTS[variant]
    chat = [{"role": "system", "content": form.system}]
    if form.example is not None:
        example, reply = form.example
        chat += [{"role": "user", "content": question_text(example)}, {"role": "assistant", "content": reply}]
    content = question_text(record)
    if hint is not None:
        content += "\n\n" + _HINT.format(key=hint)
    return [*chat, {"role": "user", "content": content}]


def fast(record: Mapping[str, Any]) -> tuple[list[Message], str]:
    """(messages, prefix of the reply) after which the probabilities of LETTER_CHOICES are the answer."""
    return messages(record, FAST), _FAST_PREFIX


def identity(variant: str) -> dict[str, Any]:
    """What a stage puts into its fingerprint: name, version and wording of a variant, and of the hint."""
    form = VARIANTS[variant]
    return {"variant": variant, "version": form.version, "closing": CLOSING, "hint": _HINT,
            "messages": messages({"question": "", "choices": dict.fromkeys(LETTERS, "")}, variant)}
