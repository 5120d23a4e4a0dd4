"""Finding and reading the files of a source, tolerant of what published files hold."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from stepladder.core.errors import InputError


def below(path: Path, *patterns: str) -> list[Path]:
    """The file itself, or a folder's files of these patterns, sorted. Raises InputError when there are none."""
    if path.is_file():
        return [path]
    found = sorted({file for pattern in patterns for file in path.rglob(pattern)
                    if file.is_file() and not file.name.startswith(".")})
    if not found:
        raise InputError(f"{path} holds no {' or '.join(patterns)}")
    return found


def read_bytes(path: Path) -> bytes:
    """The content of a file. Raises InputError when it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error


def decode(data: bytes) -> str:
    """UTF-8, or cp1252 where it is not (the bytes cp1252 lacks become the control characters of Latin-1)."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return "".join(_byte(byte) if byte >= 0x80 else chr(byte) for byte in data)


def _byte(byte: int) -> str:
    return bytes([byte]).decode("cp1252", "ignore") or chr(byte)


def lines(path: Path) -> list[str]:
    """Lines as newline bytes part them (str.splitlines would also part at U+2028 or U+0085), each decoded alone."""
    return [decode(line.removesuffix(b"\r")) for line in read_bytes(path).split(b"\n")]


def json_lines(path: Path) -> Iterator[tuple[int, Any]]:
    """(number, value) of each non-empty line; a line that is no JSON yields its text as a string."""
    for number, line in enumerate(read_bytes(path).split(b"\n")):
        if line.strip():
            try:
                yield number, orjson.loads(line)
            except orjson.JSONDecodeError:
                yield number, decode(line)


def string(value: Any) -> str:
    """The value where it is a string, else the empty one."""
    return value if isinstance(value, str) else ""
