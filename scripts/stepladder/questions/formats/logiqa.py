"""LogiQA 1.0: eight lines a row: empty, the key's letter, context, question, four options with printed letters.

The key means the printed letter, not the line: 19 rows of the test file print A, C, B, D. Machine translation moved
some letters into the option ("Storehouse B.3") or took their dots.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from stepladder.core.records import LETTERS

from ..hub import HubData
from ..rows import Rejection, Row, Rows, split_named
from .files import below, lines

HUB = HubData("lucasmccabe/logiqa", (None,), ("train", "validation", "test"), 8_678, 4)
_DOTTED = re.compile(r"\s*([A-Da-d])\s*[.?\u3001\uff0e:)]\s*(?=\S)")
_BARE = re.compile(r"\s*([A-D])\s+(?=\S)")
_FULL_FORM = 8


def from_files(path: Path) -> Rows:
    """Rows of Train.txt, Eval.txt, Test.txt, or of a folder with them (the Chinese zh_*.txt are left out)."""
    for file in below(path, "*.txt"):
        if file.name.startswith("zh_"):
            continue
        split = split_named(file.stem.partition(".")[0])
        for number, block in enumerate(_blocks(lines(file))):
            yield parse(block, f"logiqa/{(split or 'all').replace('validation', 'eval')}/{number}", split)


def _blocks(text: list[str]) -> Iterator[list[str]]:
    """The seven lines of each row; after a broken row, on from the next empty line that a key's letter follows."""
    start = 0
    while start < len(text):
        if text[start].strip():
            start += 1
            continue
        end = start + _FULL_FORM
        following = next((at for at in range(start + 1, min(end, len(text))) if not text[at].strip()), None)
        if following is not None:
            end = following
        block = text[start + 1:end]
        if block:
            yield block
        start = end


def parse(block: list[str], identity: str, split: str | None) -> Row | Rejection:
    """One row from its seven lines."""
    letter = block[0].strip().upper()
    if len(block) != _FULL_FORM - 1 or letter not in LETTERS:
        return Rejection(identity, "logiqa", "broken row", block)
    context, question, *printed = block[1:]
    options, note = by_printed_letter(printed)
    return Row(identity, "logiqa", f"{context.strip()}\n\n{question.strip()}", options, LETTERS.index(letter),
               split=split, note=note)


def by_printed_letter(printed: list[str]) -> tuple[list[str], str | None]:
    """The four options in the order of their printed letters, without them, and a note where that took a decision.

    A letter that is not at the start of its option is looked for inside ("Storehouse B.3"). Where the letters do not
    make up A to D, the options stay in the order of the lines.
    """
    found = [_label(text, LETTERS[place]) for place, text in enumerate(printed)]
    moved = False
    for letter in sorted(set(LETTERS) - {label for label, _ in filter(None, found)}):
        places = [place for place, item in enumerate(found) if item is None and _inside(printed[place], letter)]
        if len(places) == 1:
            found[places[0]] = (letter, _inside(printed[places[0]], letter))
            moved = True
    labels = [item[0] if item else "" for item in found]
    if sorted(labels) != sorted(LETTERS):
        texts = [item[1] if item and item[0] == LETTERS[place] else printed[place].strip()
                 for place, item in enumerate(found)]
        return texts, "the printed letters are not A to D; options in the order of the lines"
    options = [next(text for label, text in filter(None, found) if label == letter) for letter in LETTERS]
    if labels != list(LETTERS):
        return options, f"the source prints the options in the order {''.join(labels)}"
    return options, "a letter printed inside its option was taken out" if moved else None


def _label(text: str, expected: str) -> tuple[str, str] | None:
    """(letter, text without it) of an option that starts with a letter and a dot, or with the expected letter alone."""
    dotted = _DOTTED.match(text)
    if dotted:
        return dotted[1].upper(), text[dotted.end():].strip()
    bare = _BARE.match(text)
    return (bare[1], text[bare.end():].strip()) if bare and bare[1] == expected else None


def _inside(text: str, letter: str) -> str:
    """The option without a letter that slipped into it, or "" when there is none, or more than one."""
    pattern = re.compile(rf"(?<![A-Za-z]){letter}\.\s*(?=\S)")
    return pattern.sub("", text, count=1).strip() if len(pattern.findall(text)) == 1 else ""


def from_hub(rows: Iterable[tuple[str, dict[str, Any]]]) -> Rows:
    """Rows of the hub's copy: context, query, options, correct_option. It has lost the printed letters."""
    numbers: dict[str, int] = {}
    for name, content in rows:
        split = split_named(name)
        number = numbers[name] = numbers.get(name, -1) + 1
        identity = f"logiqa/{name.replace('validation', 'eval')}/{number}"
        options, key = content.get("options"), content.get("correct_option")
        if not isinstance(options, list) or not isinstance(key, int):
            yield Rejection(identity, "logiqa", "broken row", content)
            continue
        yield Row(identity, "logiqa", f"{str(content['context']).strip()}\n\n{str(content['query']).strip()}",
                  [str(option) for option in options], key, split=split)
