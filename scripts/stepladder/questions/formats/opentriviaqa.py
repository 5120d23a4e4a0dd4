"""OpenTriviaQA: text files, one a category: "#Q" question, "^" the right option's text, lines "A ..." to "D ...".

Questions run over several lines; most rows have four options, the true-or-false ones two. Bytes that are not UTF-8
stand in single lines, so lines are decoded one by one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from ..rows import Rejection, Row, Rows
from .files import below, lines

_OPTION = re.compile(r"([A-Z])(?:\s+(.*))?")


def from_files(path: Path) -> Rows:
    """Rows of a category's file, or of a folder of them."""
    for file in below(path, "*"):
        text = lines(file)
        if not any(line.startswith("#Q") for line in text):
            continue
        for number, block in enumerate(_blocks(text)):
            yield parse(block, file.name, number)


def _blocks(text: list[str]) -> Iterator[list[str]]:
    """The lines of each row, from "#Q" on."""
    block: list[str] = []
    for line in text:
        if line.startswith("#Q"):
            if block:
                yield block
            block = []
        if line.startswith("#Q") or block:
            block.append(line)
    if block:
        yield block


def parse(block: list[str], category: str, number: int) -> Row | Rejection:
    """One row. The right option is given as text: it is looked up among the options."""
    identity = f"opentriviaqa/{category}/{number}"
    caret = next((place for place, line in enumerate(block) if line.startswith("^")), None)
    if caret is None:
        return Rejection(identity, "opentriviaqa", "no key", block)
    question = "\n".join([block[0].removeprefix("#Q"), *block[1:caret]]).strip()
    right = block[caret].removeprefix("^").strip()
    options: list[str] = []
    for line in block[caret + 1:]:
        match = _OPTION.fullmatch(line.strip())
        if match and match[1] == chr(ord("A") + len(options)):
            options.append((match[2] or "").strip())
        elif line.strip() and options:
            options[-1] = f"{options[-1]}\n{line.strip()}"
    key = options.index(right) if right in options else len(options)
    return Row(identity, "opentriviaqa", question, options, key, subject=category, split="train")
