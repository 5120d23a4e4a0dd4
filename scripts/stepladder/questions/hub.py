"""Rows from the data hub through `datasets`, at a pinned revision."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from stepladder.core.errors import StepladderError

SECONDS_TO_ANSWER = 10


class SourceUnavailable(StepladderError):
    """A source cannot be had from here; the message says why in one line."""


@dataclass(frozen=True)
class HubData:
    """A data set on the hub: repository, its configurations, the splits that have answers.

    rows and megabytes to download: what the plan says where the hub cannot be asked.
    """

    repository: str
    configurations: tuple[str | None, ...]
    splits: tuple[str, ...]
    rows: int
    megabytes: int


def load_rows(data: HubData, revision: str | None) -> Iterator[tuple[str, dict[str, Any]]]:
    """(split, row) of every configuration and split; with several configurations the split reads "CONFIG/SPLIT".

    Without a network only what the cache holds is there, and is used. Raises SourceUnavailable.
    """
    loaded = []
    for configuration in data.configurations:
        for split in data.splits:
            name = f"{configuration}/{split}" if len(data.configurations) > 1 else split
            loaded.append((name, _load(data.repository, configuration, split, revision)))
    return ((name, row) for name, rows in loaded for row in rows)


def _load(repository: str, configuration: str | None, split: str, revision: str | None) -> Any:
    import datasets
    import httpx

    _offline_if_unreachable()
    datasets.utils.logging.set_verbosity_error()
    datasets.disable_progress_bars()
    try:
        return datasets.load_dataset(repository, configuration, split=split, revision=revision)
    except (OSError, ValueError, RuntimeError, httpx.HTTPError, datasets.exceptions.DatasetsError) as error:
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise SourceUnavailable(f"{repository}: {reason}") from error


@cache
def _offline_if_unreachable() -> None:
    """Spare every data set half a minute of retries where there is no network."""
    import datasets
    import httpx
    import huggingface_hub

    try:
        httpx.head(huggingface_hub.constants.ENDPOINT, timeout=SECONDS_TO_ANSWER)
    except httpx.HTTPError:
        huggingface_hub.constants.HF_HUB_OFFLINE = True
        datasets.config.HF_HUB_OFFLINE = True


def megabytes(repository: str, revision: str | None) -> float | None:
    """Size of a data set's parquet files as the hub tells it; None when it cannot be asked."""
    import httpx
    from huggingface_hub import HfApi
    from huggingface_hub.errors import OfflineModeIsEnabled

    try:
        info = HfApi().dataset_info(repository, revision=revision, files_metadata=True, timeout=SECONDS_TO_ANSWER)
    except (httpx.HTTPError, OfflineModeIsEnabled, OSError):
        return None
    return sum(file.size or 0 for file in info.siblings or [] if file.rfilename.endswith(".parquet")) / 1e6
