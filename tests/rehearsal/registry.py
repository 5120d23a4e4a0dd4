"""Checks by name, and what they share. A check is a function of the world; it raises AssertionError, saying what."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hub import Hub

from .world import Done, World


@dataclass(frozen=True)
class Check:
    """short: whether it is among those of the short form."""

    name: str
    run: Callable[[World], None]
    short: bool


CHECKS: list[Check] = []


def check(name: str, short: bool = False) -> Callable[[Callable[[World], None]], Callable[[World], None]]:
    """Register a check under its name."""
    def register(function: Callable[[World], None]) -> Callable[[World], None]:
        CHECKS.append(Check(name, function, short))
        return function
    return register


def ended(done: Done, code: int) -> None:
    """The command ended so, and without a traceback."""
    last = "\n    ".join(done.text.strip().splitlines()[-6:])
    assert done.code == code, f"exit code {done.code} instead of {code}:\n    {last}"
    assert "Traceback" not in done.text, f"a traceback:\n    {last}"


def says(done: Done, pattern: str) -> str:
    """The first line that has it."""
    found = done.lines(pattern)
    assert found, f"no line says {pattern!r}:\n    " + "\n    ".join(done.text.strip().splitlines()[-6:])
    return found[0]


def enhanced(world: World, name: str, what: str, ending: str = "json") -> Any:
    """data/enhanced/WHAT_50k.json of a working folder; ending "meta.json": its meta."""
    path = world.work(name) / f"data/enhanced/{what}_50k.{ending}"
    assert path.exists(), f"{path.name} is not there"
    return json.loads(path.read_text())


def fetched(hub: Hub, repository: str) -> int:
    """Bytes of a repository's files that went out, headers not counted."""
    return sum(count for (name, _), count in hub.served.items() if name == repository)


def afresh(world: World, name: str) -> str:
    """A working folder with nothing in it."""
    shutil.rmtree(world.work(name), ignore_errors=True)
    return name
