"""Rows from the data hub through `datasets`, at a pinned revision."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from stepladder.core.errors import InputError, StepladderError
from stepladder.core.patience import ATTEMPTS, REACH_ATTEMPTS, hub_out_of_reach, refused, retrying
from stepladder.core.progress import duration, say

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


@dataclass(frozen=True)
class HubTable:
    """Any data set of the hub, as `REPOSITORY[@REVISION][/CONFIGURATION]` names it."""

    repository: str
    configuration: str | None = None
    revision: str | None = None

    @classmethod
    def of(cls, name: str, where: str) -> HubTable:
        """Read such a name. Raises InputError."""
        found = re.fullmatch(r"([\w.-]+/[\w.-]+)(?:@([\w./-]+?))?(?:/([\w.-]+))?", name)
        if found is None:
            raise InputError(f"--from {where}: a data set is hf://datasets/OWNER/NAME, then @REVISION and "
                             "/CONFIGURATION where it needs them")
        return cls(found[1], found[3], found[2])


def load_table(table: HubTable, attempts: int = ATTEMPTS) -> Iterator[tuple[str, dict[str, Any]]]:
    """(split, row) of all splits of a data set. Raises SourceUnavailable."""
    loaded = _load(table.repository, table.configuration, None, table.revision, attempts)
    return ((split, row) for split, rows in loaded.items() for row in rows)


def load_rows(data: HubData, revision: str | None, attempts: int = ATTEMPTS) -> Iterator[tuple[str, dict[str, Any]]]:
    """(split, row) of every configuration and split; with several configurations the split reads "CONFIG/SPLIT".

    A hub that fails for a moment is asked again, `attempts` times in all. Without a network only what the cache holds
    is there, and is used. Raises SourceUnavailable, also where the hub has no rows.
    """
    loaded = []
    for configuration in data.configurations:
        for split in data.splits:
            name = f"{configuration}/{split}" if len(data.configurations) > 1 else split
            loaded.append((name, _load(data.repository, configuration, split, revision, attempts)))
    if not any(len(rows) for _, rows in loaded):
        raise SourceUnavailable(f"{data.repository}: it has no rows")
    return ((name, row) for name, rows in loaded for row in rows)


def _load(repository: str, configuration: str | None, split: str | None, revision: str | None, attempts: int
          ) -> Any:
    import datasets
    import httpx
    import huggingface_hub

    # These files are small, and where the Xet storage cannot be reached its client is silent for minutes.
    huggingface_hub.constants.HF_HUB_DISABLE_XET = True
    _offline_if_unreachable(attempts)
    if huggingface_hub.constants.HF_HUB_OFFLINE:
        attempts = 1  # the cache says the same thing every time
    datasets.utils.logging.set_verbosity_error()
    datasets.disable_progress_bars()
    try:
        return retrying(attempts, tell=lambda error, seconds: say(
            f"00: {repository}: {_reason(error)}; asked again in {duration(seconds)}"))(
                datasets.load_dataset, repository, configuration, split=split, revision=revision)
    except (OSError, ValueError, RuntimeError, httpx.HTTPError, datasets.exceptions.DatasetsError) as error:
        token = "; it is private or gated: accept its terms on the hub and set HF_TOKEN" if refused(error) else ""
        raise SourceUnavailable(f"{repository}: {_reason(error)}{token}") from error


def _reason(error: BaseException) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__


def _offline_if_unreachable(attempts: int) -> None:
    """Spare every data set half a minute of retries where there is no network."""
    hub_out_of_reach(min(attempts, REACH_ATTEMPTS))


def megabytes(repository: str, revision: str | None) -> float | None:
    """Size of a data set's parquet files as the hub tells it; None when it cannot be asked."""
    import httpx
    from huggingface_hub import HfApi
    from huggingface_hub.errors import OfflineModeIsEnabled

    if hub_out_of_reach(attempts=1):
        return None
    try:
        info = HfApi().dataset_info(repository, revision=revision, files_metadata=True, timeout=SECONDS_TO_ANSWER)
    except (httpx.HTTPError, OfflineModeIsEnabled, OSError):
        return None
    return sum(file.size or 0 for file in info.siblings or [] if file.rfilename.endswith(".parquet")) / 1e6
