"""What a GGUF file says about itself, read from its header alone: no weights are touched.

    header = read_gguf_header("DeepSeek-V3.1-UD-TQ1_0-00001-of-00004.gguf")
    print(header.architecture, header.tensor_types, header.size_bytes)

Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md. The `gguf` package has the type tables; its
reader is not used, as it unpacks every token of the vocabulary and stops at tensor types newer than itself.
"""

from __future__ import annotations

import mmap
import struct
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import prod
from pathlib import Path
from typing import Any

from ..core.errors import InputError
from ..core.shards import shard_paths

_SCALARS = {0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?", 10: "<Q", 11: "<q", 12: "<d"}
_STRING, _ARRAY = 8, 9
_LONGEST_ARRAY = 4096  # of longer ones (the vocabulary) only the length is kept
_MOST_DIMENSIONS = 4  # GGML_MAX_DIMS


class GgufError(InputError):
    """A file is no GGUF, is cut off or damaged, or lacks shards; the message names it and says what to do."""


class HeaderCutError(GgufError):
    """A file ends inside its header."""


@dataclass(frozen=True)
class LongArray:
    """Stands for a metadata array too long to keep."""

    length: int


@dataclass(frozen=True)
class GgufHeader:
    """A model's header, over all its shards.

    tensor_types: quantisation -> number of tensors; "type-40" for one the gguf package does not know.
    tensor_bytes: quantisation -> bytes.
    parameters: number of weights. size_bytes: of all files.
    """

    architecture: str
    metadata: dict[str, Any]
    tensor_types: dict[str, int]
    tensor_bytes: dict[str, int]
    parameters: int
    size_bytes: int
    shards: tuple[Path, ...]

    def value(self, key: str) -> Any:
        """Metadata under the architecture's own prefix, such as "block_count"; None where it is not given."""
        return self.metadata.get(f"{self.architecture}.{key}")

    def count(self, key: str) -> int:
        """A number under the architecture's own prefix, the largest where each layer has one; 0 where it is not given.

        Raises GgufError where it is something else.
        """
        value = self.value(key)
        return max(self._counts(key, value if isinstance(value, list) else [value or 0]), default=0)

    def by_layer(self, key: str) -> list[int] | None:
        """The same, a number for each layer; None where it is not given."""
        value, layers = self.value(key), self.count("block_count")
        if not 1 <= layers <= _LONGEST_ARRAY:
            raise GgufError(f"{self.shards[0]}: {self.architecture}.block_count is {layers}, no number of layers")
        if value is None:
            return None
        return self._counts(key, value if isinstance(value, list) else [value] * layers)

    def _counts(self, key: str, values: list[Any]) -> list[int]:
        wrong = next((value for value in values if type(value) is not int or value < 0), None)
        if wrong is not None:
            raise GgufError(f"{self.shards[0]}: {self.architecture}.{key} is {wrong!r}, which counts nothing")
        return values

    @property
    def vocabulary_size(self) -> int:
        """Tokens; 0 where the header does not say. Raises GgufError where it says nonsense."""
        tokens = self.metadata.get("tokenizer.ggml.tokens")
        if isinstance(tokens, LongArray):
            return tokens.length
        return len(tokens) if isinstance(tokens, list) else self.count("vocab_size")


@dataclass(frozen=True)
class _Part:
    metadata: dict[str, Any]
    types: Counter[str]
    sizes: Counter[str]
    parameters: int
    tensors: tuple[str, ...]


def read_gguf_header(path: str | Path) -> GgufHeader:
    """The header of a GGUF file, or of all shards where its name says it is one of several.

    Raises:
        GgufError: no GGUF, a damaged header, a header or tensor data that the file is too short for, a missing shard,
            shards that are not of one set.
        OSError: the file cannot be read.
    """
    shards = shard_paths(path)
    missing = [shard.name for shard in shards if not shard.is_file()]
    if missing:
        raise GgufError(f"{path}: {len(missing)} of {len(shards)} shards are missing, the first is {missing[0]}; fetch "
                        "them into the same folder")
    parts = [_read_part(shard) for shard in shards]
    _require_one_set(shards, parts)
    types: Counter[str] = sum((part.types for part in parts), Counter())
    sizes: Counter[str] = sum((part.sizes for part in parts), Counter())
    architecture = parts[0].metadata.get("general.architecture")
    if not isinstance(architecture, str):
        raise GgufError(f"{path}: its metadata names no general.architecture")
    return GgufHeader(
        architecture,
        parts[0].metadata,
        dict(types),
        dict(sizes),
        sum(part.parameters for part in parts),
        sum(shard.stat().st_size for shard in shards),
        shards,
    )


def holds_header(path: Path) -> bool:
    """Whether the beginning of a file holds all of its header, or shows that it is no GGUF."""
    try:
        _read_part(path)
    except HeaderCutError:
        return False
    except GgufError:  # no GGUF at all, or only tensor data is missing
        return True
    return True


def _require_one_set(shards: Sequence[Path], parts: Sequence[_Part]) -> None:
    """Refuse shards that were split from different models or in different ways, by what their headers say.

    split.no counts from 0; split.tensors.count is that of the whole model and stands in every shard (llama.cpp's
    gguf-split). Files without these keys say nothing about their set, and llama.cpp takes each for a whole model.
    """
    told = [tuple(_split_value(path, part, key) for key in ("count", "no", "tensors.count"))
            for path, part in zip(shards, parts, strict=True)]
    if len(parts) == 1 and told[0][0] in (None, 0, 1):
        return
    if all(count is None for count, _, _ in told):
        return
    whole = told[0][2]
    for number, (path, split) in enumerate(zip(shards, told, strict=True)):
        if split != (len(parts), number, whole):
            count, no, tensors = split
            says = ("it is no part of a set" if count is None or no is None else
                    f"it is shard {no + 1} of {count} of a model of {tensors} tensors")
            raise GgufError(f"{path}: shards of different sets: its header says {says}, its name and the first shard "
                            f"say {number + 1} of {len(parts)}, {whole} tensors; fetch all shards of one set")
    names = Counter(name for part in parts for name in part.tensors)
    twice = next((name for name, times in names.items() if times > 1), None)
    if twice is not None or (whole is not None and len(names) != whole):
        raise GgufError(f"{shards[0]}: shards of different sets: together they hold {names.total()} tensors of {whole}"
                        + (f", {twice} more than once" if twice else "") + "; fetch all shards of one set")


def _split_value(path: Path, part: _Part, key: str) -> int | None:
    value = part.metadata.get(f"split.{key}")
    if value is not None and type(value) is not int:
        raise GgufError(f"{path}: split.{key} is {value!r}, not a number; fetch it again")
    return value


def _read_part(path: Path) -> _Part:
    size = path.stat().st_size
    if size < 24:
        raise GgufError(f"{path}: not a GGUF file ({size} bytes); fetch it again")
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        try:
            return _parse(path, _Cursor(data), size)
        except EOFError:
            raise HeaderCutError(f"{path}: cut off inside its header ({size} bytes); fetch it again") from None
        except _Damaged as error:
            raise GgufError(f"{path}: {error}; fetch it again") from None


class _Damaged(ValueError):
    """A header says what none can say; the message says what."""


class _Cursor:
    """Reads little-endian values one after the other; raises EOFError where the file ends before one does."""

    def __init__(self, data: mmap.mmap) -> None:
        self.data, self.at = data, 0

    def read(self, form: str) -> Any:
        start = self._pass(struct.calcsize(form))
        return struct.unpack_from(form, self.data, start)[0]

    def text(self) -> str:
        start = self._pass(self.read("<Q"))
        return self.data[start : self.at].decode("utf-8", "replace")

    def value(self, kind: int) -> Any:
        if kind == _STRING:
            return self.text()
        if kind != _ARRAY:
            return self.read(_scalar(kind))
        kind, length = self.read("<I"), self.read("<Q")
        least = 8 if kind == _STRING else struct.calcsize(_scalar(kind))  # a string: its length
        start = self._pass(least * length)
        if length > _LONGEST_ARRAY and kind != _STRING:
            return LongArray(length)
        self.at = start
        if length <= _LONGEST_ARRAY:
            return [self.value(kind) for _ in range(length)]
        for _ in range(length):
            self._pass(self.read("<Q"))
        return LongArray(length)

    def _pass(self, count: int) -> int:
        """Go on by `count` bytes; returns where they begin."""
        start = self.at
        if count > len(self.data) - start:
            raise EOFError
        self.at += count
        return start


def _scalar(kind: int) -> str:
    if kind not in _SCALARS:
        raise _Damaged(f"its metadata has a value of type {kind}, which GGUF does not know")
    return _SCALARS[kind]


def _parse(path: Path, cursor: _Cursor, size: int) -> _Part:
    if cursor.data[:4] != b"GGUF":
        raise _Damaged(f"not a GGUF file (it begins with {cursor.data[:4]!r})")
    cursor.at = 4
    version = cursor.read("<I")
    if version not in (2, 3):
        raise GgufError(f"{path}: GGUF version {version} is not one this reads (2, 3); take a file of another source")
    tensor_count, pair_count = cursor.read("<Q"), cursor.read("<Q")
    metadata = {}
    for _ in range(pair_count):
        key = cursor.text()
        metadata[key] = cursor.value(cursor.read("<I"))
    tensors: dict[str, tuple[int, int, int]] = {}
    for _ in range(tensor_count):
        name, dimensions = cursor.text(), cursor.read("<I")
        if dimensions > _MOST_DIMENSIONS or name in tensors:
            raise _Damaged(f"its header has tensor {name[:60]!r} " +
                           ("twice" if name in tensors else f"of {dimensions} dimensions"))
        shape = [cursor.read("<Q") for _ in range(dimensions)]
        tensors[name] = prod(shape), cursor.read("<I"), cursor.read("<Q")
    alignment = metadata.get("general.alignment", 32)
    if type(alignment) is not int or alignment < 1:
        raise _Damaged(f"its general.alignment is {alignment!r}, not a number of bytes")
    data_start = -(-cursor.at // alignment) * alignment
    return _summary(path, metadata, tensors, size - data_start)


def _summary(path: Path, metadata: dict[str, Any], tensors: dict[str, tuple[int, int, int]], room: int) -> _Part:
    """Count tensors, name -> (elements, type, offset), by type, and check that the file has room for the last."""
    from gguf.constants import GGML_QUANT_SIZES, GGMLQuantizationType

    known = {int(kind): kind for kind in GGMLQuantizationType}
    types: Counter[str] = Counter()
    sizes: Counter[str] = Counter()
    offsets = [*sorted(offset for _, _, offset in tensors.values()), room]
    following = dict(pairwise(offsets))
    for elements, number, offset in tensors.values():
        kind = known.get(number)
        name = kind.name if kind is not None else f"type-{number}"
        if kind in GGML_QUANT_SIZES:
            block, block_bytes = GGML_QUANT_SIZES[kind]
            tensor_bytes = elements // block * block_bytes
        else:
            tensor_bytes = max(0, following[offset] - offset)  # alignment included
        if offset + tensor_bytes > room:
            raise GgufError(f"{path}: cut off: tensor data ends {offset + tensor_bytes - room} bytes past the file; "
                            "fetch it again")
        types[name] += 1
        sizes[name] += tensor_bytes
    return _Part(metadata, types, sizes, sum(elements for elements, _, _ in tensors.values()), tuple(tensors))
