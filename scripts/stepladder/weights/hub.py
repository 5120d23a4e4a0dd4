"""The model hub: which files a repository has, the beginning of one, and why one is refused.

Files come by plain HTTP requests of our own (ranges, redirects to the hub's storage followed), never through Xet.
"""

from __future__ import annotations

import fnmatch
import os
import shutil
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from stepladder.core.patience import hub_out_of_reach, retrying
from stepladder.core.settings import Candidate

from .offers import Offer, RemoteFile, SourceError, first_line, require_one_model

if TYPE_CHECKING:
    import httpx

NAMES_SHOWN = 12
SECONDS_TO_CONNECT = 10.0
SECONDS_OF_SILENCE = 30.0
"""After which a connection that sends nothing is given up; HF_HUB_DOWNLOAD_TIMEOUT sets another number."""


@dataclass
class Timing:
    """Bytes that pieces brought so far, and the seconds it took."""

    bytes: int = 0
    seconds: float = 0.0

    @property
    def rate(self) -> float | None:
        """Bytes a second; None before anything came."""
        return self.bytes / self.seconds if self.seconds else None


timing = Timing()


def ask(candidate: Candidate) -> Offer:
    """Find out which files a repository has. Raises SourceError when it cannot be had, or lacks shards."""
    from huggingface_hub import HfApi

    if why := hub_out_of_reach():
        raise SourceError(f"{candidate.name}: {why}")
    with explained(candidate.name, "the hub cannot be asked about it"):
        info = retrying()(HfApi().model_info, candidate.name, revision=candidate.revision, files_metadata=True,
                          timeout=SECONDS_OF_SILENCE)
    pattern = candidate.pattern or "*"
    files = tuple(RemoteFile(s.rfilename, s.size, s.lfs.sha256 if s.lfs else None, s.lfs.sha256 if s.lfs else s.blob_id)
                  for s in sorted(info.siblings or [], key=lambda s: s.rfilename)
                  if fnmatch.fnmatch(s.rfilename, pattern))
    if not files:
        there = _names([sibling.rfilename for sibling in info.siblings or []])
        raise SourceError(f"{candidate.name} has no file like {pattern}; {there}")
    if candidate.sha256 and len(files) == 1:
        files = (RemoteFile(files[0].name, files[0].size_bytes, candidate.sha256, files[0].etag),)
    require_one_model(candidate.name, [file.name for file in files])
    return Offer(candidate, files, info.sha)


def _names(files: list[str]) -> str:
    """The GGUF files and folders of a repository, or else all of its files, for whoever mistook a name."""
    shown = [name for name in files if name.endswith(".gguf")] or files
    counts = Counter(f"{name.split('/')[0]}/" if "/" in name else name for name in shown)
    told = [f"{name} ({count} files)" if name.endswith("/") else name for name, count in sorted(counts.items())]
    more = f" and {len(told) - NAMES_SHOWN} more" if len(told) > NAMES_SHOWN else ""
    return f"it has {', '.join(told[:NAMES_SHOWN]) or 'no files'}{more}"


def url_of(offer: Offer, file: RemoteFile) -> str:
    """Where a file of the offer is, at the commit that was asked: its content there never changes."""
    from huggingface_hub import hf_hub_url

    return hf_hub_url(offer.candidate.name, file.name, revision=offer.commit or offer.candidate.revision)


@contextmanager
def opened(url: str, **headers: str) -> Iterator[httpx.Response]:
    """A running answer to a GET of a file, its content not compressed. Raises HfHubHTTPError, httpx.HTTPError."""
    import httpx
    from huggingface_hub import get_session
    from huggingface_hub.utils import build_hf_headers, hf_raise_for_status

    silence = float(os.environ.get("HF_HUB_DOWNLOAD_TIMEOUT", SECONDS_OF_SILENCE))
    sent = {**build_hf_headers(), "Accept-Encoding": "identity", **headers}
    with get_session().stream("GET", url, headers=sent, follow_redirects=True,
                              timeout=httpx.Timeout(silence, connect=SECONDS_TO_CONNECT)) as answer:
        hf_raise_for_status(answer)
        yield answer


def piece(offer: Offer, file: RemoteFile, begin: int, end: int) -> bytes:
    """Bytes `begin` to `end` (not included) of a file, by range request. Raises SourceError."""

    def read() -> bytes:
        parts, got = [], 0
        with opened(url_of(offer, file), Range=f"bytes={begin}-{end - 1}") as answer:
            skip = 0 if answer.status_code == 206 else begin
            for part in answer.iter_raw():  # a server that ignores ranges sends all: take no more than asked for
                parts.append(part)
                got += len(part)
                if got >= skip + end - begin:
                    break
        return b"".join(parts)[skip:skip + end - begin]

    with explained(offer.candidate.name, file.name):
        started = time.monotonic()
        content = retrying()(read)
        timing.bytes, timing.seconds = timing.bytes + len(content), timing.seconds + time.monotonic() - started
        return content


@contextmanager
def explained(repository: str, what: str) -> Iterator[None]:
    """Turn the hub's refusals and failures into a SourceError that says what to do."""
    import httpx
    from huggingface_hub.errors import (
        GatedRepoError,
        HfHubHTTPError,
        HFValidationError,
        OfflineModeIsEnabled,
        RepositoryNotFoundError,
    )

    try:
        yield
    except HfHubHTTPError as error:
        status = error.response.status_code if error.response is not None else None
        if isinstance(error, RepositoryNotFoundError) and not isinstance(error, GatedRepoError):
            raise SourceError(f"{repository} is not on the hub (or private: {_token_hint()})") from error
        if status in (401, 403):
            raise SourceError(f"{repository} is gated: accept its terms on the hub and {_token_hint()}") from error
        raise SourceError(f"{repository}: {what}: {first_line(error)}") from error
    except OfflineModeIsEnabled as error:
        raise SourceError(f"{repository}: {what}: offline mode is on; unset HF_HUB_OFFLINE") from error
    except (httpx.HTTPError, ConnectionError, TimeoutError, HFValidationError) as error:
        raise SourceError(f"{repository}: {what}: {first_line(error)}") from error


def _token_hint() -> str:
    from huggingface_hub import get_token

    return "set HF_TOKEN" if get_token() is None else "set HF_TOKEN to a token that has access (the one set has not)"


def clean_up_after_the_client(folder: Path) -> int:
    """Remove what huggingface_hub left in a download folder: parts it never goes on with, locks, notes. Bytes freed."""
    freed = 0
    for orphan in folder.rglob("*.incomplete"):
        freed += orphan.stat().st_size
        orphan.unlink()
    shutil.rmtree(folder / ".cache" / "huggingface", ignore_errors=True)
    cache = folder / ".cache"
    if cache.is_dir() and not any(cache.iterdir()):
        cache.rmdir()
    return freed
