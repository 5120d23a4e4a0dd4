"""The files of one GGUF model: large ones come in shards, NAME-00001-of-00004.gguf and so on, named by the first."""

from __future__ import annotations

import re
from pathlib import Path

_SHARD = re.compile(r"^(?P<stem>.+)-(?P<number>\d{5})-of-(?P<count>\d{5})\.gguf$")


def shard_paths(path: str | Path) -> tuple[Path, ...]:
    """All shards of the model that `path` is one of, by llama.cpp's naming; existing or not."""
    path = Path(path)
    match = _SHARD.match(path.name)
    if match is None:
        return (path,)
    stem, count = match["stem"], int(match["count"])
    return tuple(path.with_name(f"{stem}-{number:05}-of-{count:05}.gguf") for number in range(1, count + 1))


def model_files(path: str | Path) -> tuple[Path, ...]:
    """The files that a model's path stands for: every shard where it is the first one, else the file itself."""
    path = Path(path)
    shards = shard_paths(path)
    return shards if path in shards[:1] else (path,)


def stem_of(path: Path) -> str:
    """A model's name by its file: without the ending, and without the number of a shard."""
    match = _SHARD.match(path.name)
    return match["stem"] if match else path.stem


def missing_files(path: str | Path) -> list[Path]:
    """Files of a model that are not there."""
    return [file for file in model_files(path) if not file.exists()]
