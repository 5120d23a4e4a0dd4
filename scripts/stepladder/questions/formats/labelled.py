"""CommonsenseQA, ARC and OpenBookQA: a stem, labelled options, an answer key.

In the authors' jsonl the stem and options lie in an object "question", on the hub beside it; labels are letters or
numbers, options 3 to 5.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from ..hub import HubData
from ..rows import Rejection, Row, Rows, split_named
from .files import below, json_lines, string

HUB = {
    "commonsenseqa": HubData("tau/commonsense_qa", (None,), ("train", "validation"), 10_962, 2),
    "arc": HubData("allenai/ai2_arc", ("ARC-Challenge", "ARC-Easy"), ("train", "validation", "test"), 7_787, 2),
    "openbookqa": HubData("allenai/openbookqa", ("main",), ("train", "validation", "test"), 5_957, 1),
}


def from_files(source: str) -> Callable[[Path], Rows]:
    """A reader of *.jsonl files or folders of them."""

    def read(path: Path) -> Rows:
        for file in below(path, "*.jsonl"):
            split = split_named(file.stem)
            for number, content in json_lines(file):
                yield parse(content, source, split, f"{file.stem}/{number}")

    return read


def from_hub(source: str) -> Callable[[Iterable[tuple[str, dict[str, Any]]]], Rows]:
    """A reader of (split, row) pairs."""

    def read(rows: Iterable[tuple[str, dict[str, Any]]]) -> Iterator[Row | Rejection]:
        for number, (split, row) in enumerate(rows):
            yield parse(row, source, split_named(split.rpartition("/")[2]), f"{split}/{number}")

    return read


def parse(content: Any, source: str, split: str | None, place: str) -> Row | Rejection:
    """One row. place: where it stands, for rows that have no id."""
    if not isinstance(content, dict):
        return Rejection(f"{source}/{place}", source, "broken row", content)
    identity = f"{source}/{content['id']}" if string(content.get("id")) else f"{source}/{place}"
    nested = content["question"] if isinstance(content.get("question"), dict) else content
    stem = string(nested.get("stem")) or string(nested.get("question_stem")) or string(nested.get("question"))
    options = _options(nested.get("choices"))
    if options is None:
        return Rejection(identity, source, "broken row", content)
    label = string(content.get("answerKey")).strip()
    if not label:
        return Rejection(identity, source, "no key", content)
    labels = [name for name, _ in options]
    key = labels.index(label) if label in labels else len(labels)
    return Row(identity, source, stem, [text for _, text in options], key, split=split)


def _options(choices: Any) -> list[tuple[str, str]] | None:
    """(label, text) of the options; None when they are neither of the two known forms."""
    if isinstance(choices, dict):
        labels, texts = choices.get("label"), choices.get("text")
        if not isinstance(labels, list) or not isinstance(texts, list) or len(labels) != len(texts):
            return None
        choices = [{"label": label, "text": text} for label, text in zip(labels, texts, strict=True)]
    if not isinstance(choices, list):
        return None
    pairs = [(item.get("label"), item.get("text")) for item in choices if isinstance(item, dict)]
    if len(pairs) != len(choices) or not all(isinstance(part, str) for pair in pairs for part in pair):
        return None
    return pairs
