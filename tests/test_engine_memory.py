"""GGUF headers, KV arithmetic and memory plans, on tiny GGUF files written here."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from stepladder.engine import memory
from stepladder.engine.gguf_header import GgufError, LongArray, read_gguf_header, shard_paths
from stepladder.engine.memory import GIB, kv_bytes_per_token, parse_nvidia_smi, parse_rocm_smi, plan_memory


def write_gguf(path: Path, architecture: str = "llama", vocabulary: int = 5000, **values) -> Path:
    """A GGUF of two small tensors, F32 (8 x 4) and Q8_0 (32 x 3), with the given metadata."""
    import gguf

    writer = gguf.GGUFWriter(str(path), architecture)
    writer.add_token_list([f"t{number}" for number in range(vocabulary)])
    for key, value in values.items():
        name = f"{architecture}.{key.replace('__', '.')}"
        if isinstance(value, list):
            writer.add_array(name, value)
        else:
            writer.add_uint32(name, value)
    writer.add_tensor("norm.weight", np.zeros((8, 4), np.float32))
    quantised = np.zeros((3, 34), np.uint8)
    writer.add_tensor("ffn.weight", quantised, raw_dtype=gguf.GGMLQuantizationType.Q8_0)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


LLAMA = {"block_count": 30, "embedding_length": 576, "attention__head_count": 9, "attention__head_count_kv": 3}
DEEPSEEK = {
    "block_count": 61,
    "embedding_length": 7168,
    "attention__head_count": 128,
    "attention__head_count_kv": 1,
    "attention__key_length": 576,
    "attention__value_length": 512,
    "attention__key_length_mla": 192,
    "attention__value_length_mla": 128,
    "attention__kv_lora_rank": 512,
    "rope__dimension_count": 64,
}


def test_a_header_tells_tensors_parameters_and_size_without_the_weights(tmp_path: Path) -> None:
    path = write_gguf(tmp_path / "m.gguf", **LLAMA)
    header = read_gguf_header(path)
    assert header.architecture == "llama"
    assert header.tensor_types == {"F32": 1, "Q8_0": 1}
    assert header.tensor_bytes == {"F32": 128, "Q8_0": 102}
    assert header.parameters == 32 + 96
    assert header.size_bytes == path.stat().st_size
    assert header.value("block_count") == 30
    assert header.metadata["tokenizer.ggml.tokens"] == LongArray(5000)
    assert header.vocabulary_size == 5000


def test_shards_count_together_and_a_missing_one_is_named(tmp_path: Path) -> None:
    first = write_gguf(tmp_path / "m-00001-of-00002.gguf", **LLAMA)
    second = tmp_path / "m-00002-of-00002.gguf"
    assert shard_paths(first) == (first, second)
    with pytest.raises(GgufError, match="1 of 2 shards are missing, the first is m-00002-of-00002"):
        read_gguf_header(first)
    write_gguf(second)
    header = read_gguf_header(first)
    assert header.tensor_types == {"F32": 2, "Q8_0": 2}
    assert header.size_bytes == first.stat().st_size + second.stat().st_size


def test_cut_and_foreign_files_are_refused(tmp_path: Path) -> None:
    whole = write_gguf(tmp_path / "m.gguf").read_bytes()
    for kept, message in [(10, "not a GGUF"), (3000, "inside its header"), (len(whole) - 200, "past the file")]:
        path = tmp_path / f"cut{kept}.gguf"
        path.write_bytes(whole[:kept])
        with pytest.raises(GgufError, match=message):
            read_gguf_header(path)
    foreign = tmp_path / "page.gguf"
    foreign.write_bytes(b"<!doctype html><title>404</title>")
    with pytest.raises(GgufError, match="not a GGUF"):
        read_gguf_header(foreign)


def test_kv_bytes_of_grouped_query_attention(tmp_path: Path) -> None:
    header = read_gguf_header(write_gguf(tmp_path / "m.gguf", **LLAMA))
    assert kv_bytes_per_token(header) == 30 * 3 * (64 + 64) * 2 == 23040
    assert kv_bytes_per_token(header, "q8_0") == round(23040 / 2 * 34 / 32)


def test_kv_bytes_of_latent_attention_are_keys_only(tmp_path: Path) -> None:
    header = read_gguf_header(write_gguf(tmp_path / "m.gguf", "deepseek2", **DEEPSEEK))
    assert kv_bytes_per_token(header) == 61 * 576 * 2 == 70272


def test_kv_heads_may_differ_by_layer(tmp_path: Path) -> None:
    values = LLAMA | {"block_count": 3, "attention__head_count_kv": [3, 0, 1]}
    header = read_gguf_header(write_gguf(tmp_path / "m.gguf", **values))
    assert kv_bytes_per_token(header) == 4 * 128 * 2


def test_metadata_that_says_too_little_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(GgufError, match="block_count"):
        kv_bytes_per_token(read_gguf_header(write_gguf(tmp_path / "m.gguf")))


def test_a_plan_gives_as_many_sequences_as_fit(tmp_path: Path) -> None:
    header = read_gguf_header(write_gguf(tmp_path / "m.gguf", **LLAMA))
    roomy = plan_memory(header, context=1024, sequences=16, available=64 * GIB)
    assert (roomy.sequences, roomy.fits) == (16, True)
    fixed = roomy.weights + roomy.compute
    tight = plan_memory(
        header, context=1024, sequences=16, available=fixed + int(5.5 * roomy.kv_per_sequence), headroom=0
    )
    assert tight.sequences == 5
    assert tight.needed <= tight.available < tight.needed + tight.kv_per_sequence
    assert "5 sequences (16 were wanted)" in tight.describe()
    none = plan_memory(header, context=1024, sequences=16, available=fixed, headroom=0)
    assert not none.fits
    assert none.describe().startswith("does not fit")


def test_smi_outputs_become_gpus() -> None:
    rocm = {
        "card0": {
            "VRAM Total Memory (B)": "205822885888",
            "VRAM Total Used Memory (B)": "300000000",
            "Card Series": "AMD Instinct MI300X VF",
        },
        "system": {"Driver version": "6.10"},
    }
    (gpu,) = parse_rocm_smi(json.dumps(rocm))
    assert (gpu.name, gpu.total, gpu.free) == ("AMD Instinct MI300X VF", 205822885888, 205522885888)
    assert parse_nvidia_smi("NVIDIA H100 80GB HBM3, 81559, 81000\n") == [
        memory.Gpu("NVIDIA H100 80GB HBM3", 81559 * 1024**2, 81000 * 1024**2)
    ]


def test_this_machine_is_described(monkeypatch: pytest.MonkeyPatch) -> None:
    for ask in ("_ask_rocm_smi", "_ask_nvidia_smi", "_ask_torch"):
        monkeypatch.setattr(memory, ask, list)
    machine = memory.detect_machine()
    assert machine.model_memory == machine.ram_available > 0
    assert machine.source == "none"
    assert "no GPU found" in machine.describe()
    monkeypatch.setattr(memory, "_ask_rocm_smi", lambda: [memory.Gpu("MI300X", 192 * GIB, 190 * GIB)])
    machine = memory.detect_machine()
    assert (machine.model_memory, machine.source) == (190 * GIB, "rocm-smi")
