"""Rows from the model hub through `datasets`, at a pinned revision."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from stepladder.core.errors import StepladderError


class SourceUnavailable(StepladderError):
    """A source cannot be had from here; the message says why in one line."""


@dataclass(frozen=True)
class HubData:
    """A data set on the hub: repository, its configurations, the splits that have answers, and rows in all."""

    repository: str
    configurations: tuple[str | None, ...]
    splits: tuple[str, ...]
    rows: int


def load_rows(data: HubData, revision: str | None) -> Iterator[tuple[str, dict[str, Any]]]:
    """(split, row) of every configuration and split; with several configurations the split reads "CONFIG/SPLIT".

    Raises SourceUnavailable when the hub or the data set cannot be reached.
    """
    loaded = []
    for configuration in data.configurations:
        for split in data.splits:
            name = f"{configuration}/{split}" if len(data.configurations) > 1 else split
            loaded.append((name, _load(data.repository, configuration, split, revision)))
    return ((name, row) for name, rows in loaded for row in rows)


def _load(repository: str, configuration: str | None, split: str, revision: str | None) -> Any:
    import datasets
    from huggingface_hub.errors import HfHubHTTPError

    datasets.utils.logging.set_verbosity_error()
    datasets.disable_progress_bars()
    try:
        return datasets.load_dataset(repository, configuration, split=split, revision=revision)
    except (OSError, ValueError, HfHubHTTPError, datasets.exceptions.DatasetsError) as error:
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise SourceUnavailable(f"{repository}: {reason}") from error
