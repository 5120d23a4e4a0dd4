"""The page: what was gained first, then warnings, then the sections in their order; set by one template."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from stepladder.core.workspace import Workspace

from . import data, examples, lead, learning, ran, students, testing, tournament
from .blocks import Block, Section
from .found import Found

SECTIONS: tuple[tuple[str, str, Callable[[Found], list[Block]]], ...] = (
    ("verdict", "The verdict", testing.verdict),
    ("students", "Students side by side", students.blocks),
    ("ran", "What ran", ran.blocks),
    ("data", "The data, stage by stage", data.funnel),
    ("teacher", "The teacher, against luck", data.teacher),
    ("difficulty", "Difficulty", data.difficulty),
    ("training", "Training", learning.blocks),
    ("accuracy", "Accuracy", testing.accuracy),
    ("domains", "By source, domain and length", testing.by_slice),
    ("formats", "Letters, options moved, replies", testing.formats),
    ("calibration", "Calibration", testing.calibration),
    ("latency", "Latency, throughput, memory", testing.latency),
    ("tournament", "Tournament", tournament.blocks),
    ("won", "Won by the student", examples.won),
    ("lost", "Lost by the student", examples.lost),
    ("settings", "Settings and versions", ran.settings),
)
_UNEXPECTED = (KeyError, TypeError, ValueError, AttributeError, IndexError, ZeroDivisionError)


def html(workspace: Workspace, found: Found) -> str:
    """The whole page as text."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    here = Path(__file__).parent
    environment = Environment(loader=FileSystemLoader(here), autoescape=True, undefined=StrictUndefined,
                              trim_blocks=True, lstrip_blocks=True)
    sections, warnings = sections_of(found)
    cards = _made("What was gained", lead.cards, found, warnings)
    return environment.get_template("page.html.j2").render(
        tag=workspace.tag, profile=ran.profile_name(found) or workspace.tag, finished=ran.finished(found),
        warnings=[*ran.warnings(found), *warnings], sections=sections, cards=cards,
        style=(here / "page.css").read_text(encoding="utf-8"))


def sections_of(found: Found) -> tuple[list[Section], list[str]]:
    """(sections that have something to show, a warning for each that could not be made from what is there)."""
    warnings: list[str] = []
    sections = [Section(anchor, title, _made(title, make, found, warnings)) for anchor, title, make in SECTIONS]
    return [section for section in sections if section.blocks], warnings


def _made(title: str, make: Callable[[Found], list[Any]], found: Found, warnings: list[str]) -> list[Any]:
    """What `make` makes of a run; nothing, and a warning, where a file is not as expected."""
    try:
        return make(found)
    except _UNEXPECTED as error:
        warnings.append(f"The section \"{title}\" could not be made: a file is not as expected "
                        f"({type(error).__name__}: {error})")
        return []
