"""Which sources can be had, and what it means when one cannot."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from stepladder.core.errors import InputError
from stepladder.core.patience import ATTEMPTS
from stepladder.core.settings import Questions

from . import sources
from .hub import SourceUnavailable
from .rows import Rows

ALL = "all"


def check_allowed(settings: Questions) -> None:
    """Raise InputError where --allow-missing names a source that there is not."""
    for name in settings.allow_missing:
        if name != ALL and name not in sources.SOURCES:
            raise InputError(f"--allow-missing {name}: no such source; there are {', '.join(sources.SOURCES)}, {ALL}")


def open_all(names: Iterable[str], settings: Questions, sample: Path, seed: int,
             attempts: int = ATTEMPTS) -> tuple[dict[str, Rows], dict[str, str]]:
    """(the rows of each source that can be had, why each of the others cannot).

    attempts: how often a hub that fails for a moment is asked.
    """
    readers: dict[str, Rows] = {}
    missing: dict[str, str] = {}
    for name in names:
        try:
            readers[name] = sources.rows(name, settings, sample, seed, attempts)
        except SourceUnavailable as error:
            missing[name] = str(error)
    return readers, missing


def not_allowed(missing: Mapping[str, str], settings: Questions, by_hand: bool) -> list[str]:
    """The missing sources that a run must not go on without.

    They are those with a quota (all of them where no quotas are set, or where the sources were named by_hand), but
    for those that --allow-missing names. The others fill up what sources with a quota lack.
    """
    allowed = settings.allow_missing
    return [name for name in missing if (by_hand or not settings.quotas or name in settings.quotas)
            and ALL not in allowed and name not in allowed]


def remedy(names: Sequence[str], missing: Mapping[str, str]) -> str:
    """What failed and what can be done, in two lines."""
    told = "; ".join(f"{name} ({missing[name]})" for name in names)
    return (f"sources that cannot be had: {told}\n  run it again when the hub answers (set HF_TOKEN where a source is "
            f"private or gated), give local files with " + " ".join(f"--from {name}=PATH" for name in names)
            + f", or go on without: --allow-missing {' '.join(names)} (or {ALL})")
