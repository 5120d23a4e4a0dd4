"""The word lists of words.toml."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

_LISTED: dict[str, Any] = tomllib.loads((Path(__file__).parent / "words.toml").read_text(encoding="utf-8"))


def listed(*names: str) -> frozenset[str]:
    """The words of these lists together."""
    return frozenset(word for name in names for word in _LISTED[name].split())


def groups(name: str) -> list[list[str]]:
    """The words of a list that "|" divides into groups, in order."""
    return [group.split() for group in _LISTED[name].split("|")]


WRAPPING: dict[int, frozenset[str]] = {
    int(turn): frozenset(words.split()) for turn, words in _LISTED["wrapping"].items()}
NUMBERS: dict[str, str] = {word: str(value) for value, words in [
    *enumerate(groups("numbers")), *((10 * tens, words) for tens, words in enumerate(groups("tens"), start=3))]
    for word in words}
