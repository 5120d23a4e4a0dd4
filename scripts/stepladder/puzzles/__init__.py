"""Seeded puzzles with proven keys: a source of questions, the tournament's topics, matter for benchmarks."""

from __future__ import annotations

from .base import LETTERS, LEVELS, Kind, Puzzle
from .catalog import KINDS, generate, stream, structure_text, to_record

__all__ = [
    "KINDS",
    "LETTERS",
    "LEVELS",
    "Kind",
    "Puzzle",
    "generate",
    "stream",
    "structure_text",
    "to_record",
]
