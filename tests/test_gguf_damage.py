"""GGUF files that are broken, cut, mixed up or of an unusual kind: one line that says what, where and what to do."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import gguf
import pytest
from gguf_shards import write_shards
from hypothesis import given, settings
from hypothesis import strategies as st
from test_engine_memory import LLAMA, write_gguf
from tiny_models import write_tiny_model

from stepladder.engine.batching import Engine
from stepladder.engine.gguf_header import GgufError, holds_header, read_gguf_header
from stepladder.engine.memory import GIB, kv_bytes_per_token, plan_memory, state_bytes
from stepladder.engine.requests import EngineError, Request, RequestError


def plan(path: Path) -> object:
    return plan_memory(read_gguf_header(path), context=512, sequences=4, available=64 * GIB)


def with_values(path: Path, values: dict[str, Any], architecture: str = "llama") -> Path:
    """A GGUF header with these metadata values, numbers as 32 bits, and no tensor."""
    writer = gguf.GGUFWriter(path, architecture)
    for key, value in values.items():
        kind = gguf.GGUFValueType.get_type(value)
        writer.add_key_value(key, value, gguf.GGUFValueType.UINT32 if kind == gguf.GGUFValueType.INT32 else kind,
                             sub_type=gguf.GGUFValueType.INT32 if isinstance(value, list) else None)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


# -- damage --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def bytes_of_a_model(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    values = LLAMA | {"attention__head_count_kv": [3] * 30}
    return write_gguf(tmp_path_factory.mktemp("whole") / "m.gguf", vocabulary=20, **values).read_bytes()


@pytest.fixture(scope="module")
def damaged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("damaged") / "m.gguf"


@settings(max_examples=600, deadline=None)
@given(st.data())
def test_any_damage_is_told_in_one_line_or_does_not_matter(bytes_of_a_model: bytes, damaged: Path, data) -> None:
    content = bytearray(bytes_of_a_model)
    for _ in range(data.draw(st.integers(0, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    if data.draw(st.booleans()):
        start = data.draw(st.integers(0, len(content) - 1))
        content[start : start + 8] = data.draw(st.sampled_from([b"\xff" * 8, bytes(8), b"\xff" * 7 + b"\x7f"]))
    damaged.write_bytes(content[: data.draw(st.one_of(st.just(len(content)), st.integers(0, len(content))))])
    told = ""
    try:
        plan(damaged).describe()
    except GgufError as error:
        told = str(error)
    assert not told or (str(damaged) in told and len(told.splitlines()) == 1)
    assert holds_header(damaged) in (True, False)


@pytest.mark.parametrize(("kept", "words"), [(2000, "cut off inside its header"), (-300, "cut off: tensor data ends")])
def test_a_cut_model_is_an_engine_error_in_one_line(tmp_path: Path, kept: int, words: str) -> None:
    path = write_tiny_model(tmp_path / "m.gguf", "llama")
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(EngineError, match=f"m.gguf: {words}.*; fetch it again") as told:
        Engine(path)
    assert len(str(told.value).splitlines()) == 1


def test_a_file_whose_end_never_came_is_damaged(tmp_path: Path) -> None:
    """Some downloaders set a file to its full size first: then all that is missing is zero."""
    path = write_tiny_model(tmp_path / "m.gguf", "llama")
    content = path.read_bytes()
    cut = content.index(b"blk.0.ffn_norm")  # among the tensors' names
    path.write_bytes(content[:cut] + bytes(len(content) - cut))
    with pytest.raises(EngineError, match=r"m\.gguf: its header has tensor .* twice; fetch it again"):
        Engine(path)


@pytest.mark.parametrize("alignment", ["32", 0, [32], 1.5])
def test_an_alignment_that_is_none(tmp_path: Path, alignment: object) -> None:
    path = with_values(tmp_path / "m.gguf", {"general.alignment": alignment})
    with pytest.raises(GgufError, match=r"m\.gguf: its general.alignment is .*, not a number of bytes; fetch it again"):
        read_gguf_header(path)


# -- shards --------------------------------------------------------------------------------------------------------


def test_wrong_shards_are_engine_errors_in_one_line(tmp_path: Path) -> None:
    first, second = write_shards(tmp_path / "two")
    with pytest.raises(EngineError, match=r"one of 2 shards; name the first, q-00001-of-00002.gguf"):
        Engine(second)
    three = write_shards(tmp_path / "three", tensors=3)
    shutil.copy(three[1], second)
    with pytest.raises(EngineError, match=r"00002.gguf: shards of different sets: .*; fetch all shards of one set"):
        Engine(first)
    second.unlink()
    with pytest.raises(EngineError, match=r"1 of 2 shards are missing, the first is q-00002-of-00002.gguf; fetch them"):
        Engine(first)
    shutil.copy(three[0], tmp_path / "two" / "q-00001-of-00001.gguf")
    with pytest.raises(EngineError, match=r"it is shard 1 of 3 .*; fetch all shards of one set"):
        Engine(tmp_path / "two" / "q-00001-of-00001.gguf")


@pytest.mark.parametrize("key", ["split.count", "split.no", "split.tensors.count"])
def test_a_shard_that_counts_in_words(tmp_path: Path, key: str) -> None:
    values = {"split.count": 2, "split.no": 0, "split.tensors.count": 0} | {key: "two"}
    path = with_values(tmp_path / "m.gguf", values)
    with pytest.raises(GgufError, match=f"m.gguf: {key} is 'two', not a number"):
        read_gguf_header(path)


# -- unusual heads -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("values", "expected"), [
    ({"attention__head_count": 0}, 0),
    ({"attention__head_count": [0, 8, 4], "attention__head_count_kv": [0, 2, 1]}, 3 * (8 + 8) * 2),
    ({"attention__head_count": [0, 8, 4]}, 12 * (8 + 8) * 2),
    ({"attention__head_count": 8, "attention__head_count_kv": 0}, 0),
    ({"attention__head_count": 8, "attention__head_count_kv": 2, "full_attention_interval": 3}, 2 * (8 + 8) * 2),
    ({"attention__head_count": 8, "feed_forward_length": [128, 64, 0]}, 24 * (8 + 8) * 2),
])
def test_heads_of_every_kind_make_a_plan(tmp_path: Path, values: dict, expected: int) -> None:
    path = write_gguf(tmp_path / "m.gguf", **{"block_count": 3, "embedding_length": 64} | values)
    assert kv_bytes_per_token(read_gguf_header(path)) == expected
    assert plan(path).sequences == 4


@pytest.mark.parametrize(("key", "value", "words"), [
    ("block_count", 0, "block_count is 0, no number of layers"),
    ("block_count", 1 << 31, "block_count is 2147483648, no number of layers"),
    ("attention.head_count", "eight", "attention.head_count is 'eight', which counts nothing"),
    ("attention.head_count", [8, -1], "attention.head_count is -1, which counts nothing"),
    ("embedding_length", 64.0, "embedding_length is 64.0, which counts nothing"),
    ("vocab_size", True, "vocab_size is True, which counts nothing"),
])
def test_a_count_that_counts_nothing_is_named(tmp_path: Path, key: str, value: object, words: str) -> None:
    values = {"block_count": 2, "embedding_length": 64, "attention.head_count": 8} | {key: value}
    path = with_values(tmp_path / "m.gguf", {f"llama.{name}": number for name, number in values.items()})
    with pytest.raises(GgufError, match=f"m.gguf: llama.{words}"):
        plan(path)


@pytest.mark.parametrize(("architecture", "numbers"), [
    ("llama", 0),
    ("mamba", 2 * (3 * 128 + 16 * 128)),  # both layers: convolution, state
    ("jamba", 3 * 128 + 16 * 128),  # one of two layers
    ("lfm2", 2 * 64),
])
def test_the_state_of_recurrent_layers_is_what_llama_allocates(tmp_path: Path, architecture: str, numbers: int) -> None:
    header = read_gguf_header(write_tiny_model(tmp_path / "m.gguf", architecture))
    assert state_bytes(header) == 4 * numbers
    roomy = plan_memory(header, context=512, sequences=4, available=64 * GIB)
    assert roomy.kv_per_sequence == 512 * kv_bytes_per_token(header) + 4 * numbers


@pytest.mark.parametrize(("values", "numbers"), [
    ({"wkv.head_size": 16}, 2 * 64 + 64 * 16),
    ({"wkv.head_size": 16, "token_shift_count": 1}, 64 + 64 * 16),
    ({"kda.head_dim": 16, "ssm.conv_kernel": 4}, 3 * 3 * 128 + 16 * 16 * 8),
    ({"ssm.conv_kernel": 4, "ssm.inner_size": 128, "ssm.state_size": 16, "ssm.group_count": 2}, 3 * 192 + 16 * 128),
])
def test_the_state_of_other_recurrent_layers(tmp_path: Path, values: dict, numbers: int) -> None:
    values = {"block_count": 2, "embedding_length": 64, "attention.head_count": 8} | values
    path = with_values(tmp_path / "m.gguf", {f"other.{key}": value for key, value in values.items()}, "other")
    assert state_bytes(read_gguf_header(path)) == 4 * 2 * numbers


# -- requests at the context's edge --------------------------------------------------------------------------------


@pytest.mark.parametrize("architecture", ["llama", "mamba"])
def test_choices_of_several_tokens_need_room_after_the_prompt(tmp_path: Path, architecture: str) -> None:
    with Engine(write_tiny_model(tmp_path / "m.gguf", architecture), sequences=1, context=64, threads=1) as engine:
        def done(length: int, choices: tuple[str, ...]) -> str:
            ids = (1, *range(10, 9 + length))
            return next(iter(engine.generate([Request("q", ids, 0, choices=choices)]))).finish_reason

        assert done(64, ("A", "B")) == "length"
        assert done(62, ("one", "two")) == "length"
        with pytest.raises(RequestError, match=r"63 tokens of prompt \+ 2 up to the choices' last tokens = 65, over"):
            engine.check(Request("q", (1, *range(10, 72)), 0, choices=("one", "two")))
        assert done(63, ("one", "two")) == "refused"
        closed = Request("q", (1,) * 24, 40, closing=":", closing_tokens=2, choices=("A", "four"))
        with pytest.raises(RequestError, match=r"24 tokens of prompt \+ 41 up to"):
            engine.check(closed)


# -- models that llama.cpp does not load -----------------------------------------------------------------------------


def test_what_llama_cpp_has_against_a_model_is_told(tmp_path: Path) -> None:
    values = {"block_count": 2, "embedding_length": 64, "attention.head_count": 8}
    unknown = with_values(tmp_path / "new.gguf", {f"new.{name}": number for name, number in values.items()}, "new")
    with pytest.raises(EngineError, match=r"new\.gguf: llama\.cpp cannot load it \(.*unknown .*architecture: 'new'"):
        Engine(unknown)
    without = with_values(tmp_path / "m.gguf", {f"llama.{name}": number for name, number in values.items()})
    with pytest.raises(EngineError, match=r"m\.gguf: llama\.cpp cannot load it \(.*key not found in model"):
        Engine(without)


# -- models that cannot write ----------------------------------------------------------------------------------------


def test_a_model_without_a_vocabulary_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tiny_models.VOCABULARY", "none")
    with pytest.raises(EngineError, match=r"m\.gguf: it has no vocabulary, so it cannot write"):
        Engine(write_tiny_model(tmp_path / "m.gguf", "llama"))
