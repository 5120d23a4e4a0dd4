"""Files as every stage reads and writes them: whole or not at all, with their hashes."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson

from .errors import InputError, NotThereYet, StageError
from .shards import model_files


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Turn a full disk or a refused write into one clear line (StageError)."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StageError(
                f"disk full while writing {path}; what was finished is kept: free some space and run again"
            ) from error
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise StageError(f"cannot write {path}: {error.strerror}") from error
        raise


@contextmanager
def weight_errors(path: Path) -> Iterator[None]:
    """The same for weights: torch and safetensors turn what the system says of a full disk into errors of their own."""
    from safetensors import SafetensorError

    try:
        with disk_errors(path):
            yield
    except (RuntimeError, SafetensorError) as error:
        free = shutil.disk_usage(path.parent).free / 1e6
        raise StageError(f"cannot write {path} ({str(error).splitlines()[0]}); {free:.0f} MB of disk are left; what "
                         "was finished is kept: free some space and run again") from error


def write_bytes_atomically(path: Path, data: bytes) -> None:
    """Write under a temporary name, fsync, rename: readers see the old file or the new one, never half."""
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.chmod(temporary, 0o644)
            os.replace(temporary, path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise


def as_json_bytes(value: Any) -> bytes:
    """A value as the indented UTF-8 JSON that outputs are written in."""
    return orjson.dumps(value, option=orjson.OPT_INDENT_2) + b"\n"


def write_json(path: Path, value: Any) -> None:
    """Write indented UTF-8 JSON atomically. Raises StageError when the disk is full or refuses."""
    write_bytes_atomically(path, as_json_bytes(value))


def read_json(path: Path) -> Any:
    """Parse a JSON file. Raises NotThereYet, or InputError (a directory, not UTF-8, not JSON), naming the place."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise NotThereYet(f"{path} does not exist") from None
    except IsADirectoryError:
        raise InputError(f"{path} is a directory, a JSON file was expected") from None
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise InputError(f"{path} is not valid JSON: {_explain(data, error)}") from error


def _explain(data: bytes, error: orjson.JSONDecodeError) -> str:
    if not data.strip():
        return "the file is empty"
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as bad:
        line = data.count(b"\n", 0, bad.start) + 1
        return f"not UTF-8 at byte {bad.start} (line {line}); convert it with iconv"
    return str(error)


def hash_file(path: Path) -> str:
    """SHA-256 of a file, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def hash_json(value: Any) -> str:
    """SHA-256 of a value's canonical JSON, hexadecimal: for fingerprints."""
    return hashlib.sha256(orjson.dumps(value, option=orjson.OPT_SORT_KEYS)).hexdigest()


def _is_bookkeeping(path: Path) -> bool:
    """Whether a file in a folder of weights is a download's own note (.cache/huggingface, locks, parts), no weights."""
    return any(part.startswith(".") for part in path.parts) or path.suffix in (".lock", ".incomplete")


class WeightHashes:
    """SHA-256 of weights, computed once and then trusted while size and mtime stay the same.

    The cache is one JSON file under models/; losing it costs a re-hash, nothing else.
    """

    def __init__(self, cache: Path) -> None:
        self.cache = cache

    def __call__(self, path: Path) -> str:
        """Hash of a file; of a folder, or of all shards where `path` is the first: then over their names and hashes."""
        if path.is_dir():
            files = sorted(p for p in path.rglob("*") if p.is_file() and not _is_bookkeeping(p.relative_to(path)))
            return hash_json([[str(p.relative_to(path)), self.of_file(p)] for p in files])
        files = model_files(path)
        for file in files:
            if not file.exists():
                raise InputError(f"weights {file} do not exist; run 01_download_deepseek_gguf.py")
        return self.of_file(path) if len(files) == 1 else hash_json([[file.name, self.of_file(file)] for file in files])

    def known(self, path: Path) -> str | None:
        """The hash of a file that is as it was when it was hashed; else None."""
        entry = self._cache().get(str(path.resolve()))
        return entry[2] if entry and entry[:2] == self._stamp(path) else None

    def learn(self, path: Path, digest: str) -> None:
        """Keep the hash of a file that was computed elsewhere, as its bytes arrived."""
        write_json(self.cache, {**self._cache(), str(path.resolve()): [*self._stamp(path), digest]})

    def of_file(self, path: Path) -> str:
        """Hash of one file by itself, also where it is the first of several shards."""
        digest = self.known(path)
        if digest is None:
            digest = hash_file(path)
            self.learn(path, digest)
        return digest

    def _cache(self) -> dict[str, list[Any]]:
        return orjson.loads(self.cache.read_bytes()) if self.cache.exists() else {}

    @staticmethod
    def _stamp(path: Path) -> list[int]:
        status = path.stat()
        return [status.st_size, status.st_mtime_ns]
