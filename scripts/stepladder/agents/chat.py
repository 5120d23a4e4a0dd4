"""The terminal: paste a four-option question, see reasoning, answer, validation and time."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TextIO

from stepladder.core.records import LETTERS, Record

from .answerer import Answerer
from .formats import read_text
from .validator import Validator

HELP = "A question with options A to D (on lines, or inline as A) ... B) ...), then an empty line. Ctrl-D ends."


def questions(stream: TextIO) -> Iterator[str]:
    """Texts from a stream: each ends with an empty line, or as soon as it has all its options and a line ends it."""
    lines: list[str] = []
    for line in stream:
        if line.strip():
            lines.append(line.rstrip("\n"))
        elif lines and read_text("\n".join(lines))[0] is None and not lines[-1].endswith("."):
            continue  # an empty line between question and options
        elif lines:
            yield "\n".join(lines)
            lines = []
    if lines:
        yield "\n".join(lines)


def converse(answerer: Answerer, validator: Validator, stream: TextIO, out: TextIO) -> int:
    """Answer what comes from the stream until it ends; returns how many questions were answered."""
    print(HELP, file=out)
    answered = 0
    for text in questions(stream):
        record, reason = read_text(text, "chat")
        if record is None:
            print(f"That has {reason}. {HELP}", file=out, flush=True)
            continue
        show(record, answerer, validator, out)
        answered += 1
    return answered


def show(record: Record, answerer: Answerer, validator: Validator, out: TextIO) -> None:
    """One question's answer and its validation, each with its time."""
    answer = answerer.answer(record)
    if answer.reasoning:
        print(f"\n{answer.reasoning}", file=out)
    print(f"\nAnswer: {answer.letter}. {record['choices'][answer.letter]}  ({answer.confidence:.0%}, {answer.how}, "
          f"{answer.tokens} tokens, {answer.seconds:.2f} s)", file=out, flush=True)
    started = time.monotonic()
    found = validator.validate(record, answer.letter)
    options = ", ".join(f"{letter} {found.probabilities[letter]:.0%}" for letter in LETTERS)
    print(f"Validation: {found.verdict}, {found.probability:.0%} ({time.monotonic() - started:.2f} s)\n"
          f"  {found.reason}\n  of the four options: {options}\n", file=out, flush=True)
