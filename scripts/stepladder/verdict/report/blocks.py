"""The few kinds of things a page is made of; the template knows how each looks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Prose:
    """A paragraph of plain text. strong: it carries the result."""

    text: str
    strong: bool = False
    kind: str = "prose"


@dataclass(frozen=True)
class Bullets:
    """A list of plain texts."""

    texts: Sequence[str]
    kind: str = "bullets"


@dataclass(frozen=True)
class Table:
    """Rows of plain cells under a head; the first column names the row, all others are set as figures."""

    head: Sequence[str]
    rows: Sequence[Sequence[Any]]
    caption: str = ""
    folded: str = ""  # where given, the table is folded away under this line
    kind: str = "table"


@dataclass(frozen=True)
class Chart:
    """An inline SVG (made by charts.py) with the sentence that says what to see in it."""

    svg: str
    caption: str
    wide: bool = False
    kind: str = "chart"


@dataclass(frozen=True)
class Example:
    """One question with what each contestant replied: `replies` are (name, letter, right, text)."""

    title: str
    question: str
    choices: dict[str, str]
    answer: str
    replies: Sequence[tuple[str, str, bool, str]]
    kind: str = "example"


Block = Prose | Bullets | Table | Chart | Example


@dataclass(frozen=True)
class Section:
    """A part of the page. Sections without blocks are left out."""

    anchor: str
    title: str
    blocks: list[Block] = field(default_factory=list)


def percent(share: float | None, digits: int = 1) -> str:
    """A share as "41.7 %"; a dash where there is none."""
    return "–" if share is None else f"{100 * share:.{digits}f} %"


def interval(found: dict[str, float] | None, digits: int = 1) -> str:
    """An estimate with its 95 % interval, as shares in percent."""
    if found is None:
        return "–"
    return f"{100 * found['value']:.{digits}f} % ({100 * found['low']:.{digits}f} to {100 * found['high']:.{digits}f})"


def points(found: dict[str, float] | None) -> str:
    """A difference with its interval, in points."""
    if found is None:
        return "–"
    return f"{100 * found['value']:+.1f} ({100 * found['low']:+.1f} to {100 * found['high']:+.1f})"


def number(value: float | None, digits: int = 0) -> str:
    """A figure with thousands separated; a dash where there is none."""
    return "–" if value is None else f"{value:,.{digits}f}"


def gigabytes(value: float | None) -> str:
    """Bytes as GB (MB below a tenth); a dash where there are none."""
    if value is None:
        return "–"
    return f"{value / 1e9:.2f} GB" if value >= 1e8 else f"{value / 1e6:.1f} MB"
