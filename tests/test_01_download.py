"""Stage 01 against a local hub: cut connections, 404, 429, wrong hashes, gated repositories, shards, choosing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hub import Hub

from stepladder.core.cli import PROJECT
from stepladder.core.files import read_json
from stepladder.engine.memory import GIB, MemoryPlan
from stepladder.weights.fit import Fit, Place, best_first, judge_disk, judge_gguf

SHARDS = ["m/q-00001-of-00002.gguf", "m/q-00002-of-00002.gguf"]


def tiny_gguf(tmp_path: Path, heads: int | None = 2) -> bytes:
    """A llama GGUF of a few kilobytes: enough for a header."""
    import gguf
    import numpy as np

    path = tmp_path / "tiny.gguf"
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_block_count(1)
    writer.add_embedding_length(32)
    if heads is not None:
        writer.add_head_count(heads)
    writer.add_head_count_kv(1)
    writer.add_feed_forward_length(64)
    writer.add_vocab_size(64)
    writer.add_tensor("token_embd.weight", np.zeros((64, 32), dtype=np.float16))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path.read_bytes()


@pytest.fixture
def gguf_bytes(tmp_path: Path) -> bytes:
    return tiny_gguf(tmp_path)


def profile(tmp_path: Path, *candidates: tuple[str, str]) -> str:
    rows = "".join(f'[[models.teacher.candidates]]\nkind = "hub"\nname = "{name}"\npattern = "{pattern}"\n'
                   for name, pattern in candidates)
    path = tmp_path / "mine.toml"
    path.write_text('[profile]\nname = "mine"\n' + rows)
    return str(path)


def run(tmp_path: Path, hub: Hub, toml: str, *flags: str) -> subprocess.CompletedProcess:
    environment = {**os.environ, "HF_ENDPOINT": hub.url, "STEPLADDER_RETRY_SECONDS": "0.01",
                   "HF_HOME": str(tmp_path / "hf"), "HF_HUB_OFFLINE": "0", "HF_HUB_DOWNLOAD_TIMEOUT": "5"}
    command = [sys.executable, str(PROJECT / "scripts" / "01_download_deepseek_gguf.py"), "--profile", toml,
               "--workdir", str(tmp_path / "work"), *flags]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


def provided(tmp_path: Path) -> Path:
    table = read_json(tmp_path / "work" / "data" / "enhanced" / "models_mine.json")
    return tmp_path / "work" / table["teacher"]["gguf"]


def test_faults_that_pass_are_retried_and_the_rest_resumed(tmp_path: Path, gguf_bytes: bytes) -> None:
    big = gguf_bytes + b"\0" * 40_000_000
    with Hub({"a/one": {"m.gguf": big}}, {("a/one", "info"): ["429"],
                                          ("a/one", "m.gguf"): ["", "cut", "429", "500"]}) as hub:
        done = run(tmp_path, hub, profile(tmp_path, ("a/one", "m.gguf")))
        assert done.returncode == 0, done.stderr
        assert provided(tmp_path).read_bytes() == big
        assert any(asked.startswith("bytes=") and not asked.startswith("bytes=0-") for asked in hub.ranges), \
            "the cut download went on where it ended"
        before = sum(hub.requests.values())
        again = run(tmp_path, hub, profile(tmp_path, ("a/one", "m.gguf")))
        assert "already done" in again.stdout
        assert sum(hub.requests.values()) == before


def test_wrong_hash_twice_falls_through_to_the_next(tmp_path: Path, gguf_bytes: bytes) -> None:
    with Hub({"a/bad": {"m.gguf": gguf_bytes}, "a/good": {"m.gguf": gguf_bytes}},
             {("a/bad", "m.gguf"): ["", "wrong", "wrong"]}) as hub:
        done = run(tmp_path, hub, profile(tmp_path, ("a/bad", "m.gguf"), ("a/good", "m.gguf")))
        assert done.returncode == 0, done.stderr
        assert "another SHA-256" in done.stdout
        assert provided(tmp_path).parent.name == "a--good"
        assert not (tmp_path / "work/models/a--bad/m.gguf").exists(), "nothing damaged is left under its final name"


def test_gated_and_missing_are_named_and_passed_over(tmp_path: Path, gguf_bytes: bytes) -> None:
    with Hub({"a/gated": {"m.gguf": b"x"}, "a/good": {"m.gguf": gguf_bytes}}, gated={"a/gated"}) as hub:
        toml = profile(tmp_path, ("a/gated", "m.gguf"), ("a/none", "m.gguf"), ("a/good", "*.txt"), ("a/good", "m.gguf"))
        done = run(tmp_path, hub, toml)
        assert done.returncode == 0, done.stderr
        assert "is gated: accept its terms" in done.stdout
        assert "a/none is not on the hub" in done.stdout
        assert "has no file like *.txt" in done.stdout
        done = run(tmp_path, hub, profile(tmp_path, ("a/gated", "m.gguf")))
        assert done.returncode == 1
        assert "no weights for the teacher" in done.stderr
        assert "Traceback" not in done.stderr


def test_shards_come_whole_or_not_at_all(tmp_path: Path, gguf_bytes: bytes) -> None:
    whole = dict.fromkeys(SHARDS, gguf_bytes)
    with Hub({"a/half": {SHARDS[0]: gguf_bytes}, "a/whole": whole}) as hub:
        done = run(tmp_path, hub, profile(tmp_path, ("a/half", "m/*.gguf")))
        assert done.returncode == 1
        assert "shard 2 of 2" in done.stdout


def test_plan_asks_but_downloads_nothing(tmp_path: Path, gguf_bytes: bytes) -> None:
    with Hub({"a/one": {"m.gguf": gguf_bytes}}) as hub:
        done = run(tmp_path, hub, profile(tmp_path, ("a/one", "m.gguf")), "--plan")
        assert done.returncode == 0
        assert "yes" in done.stdout
        assert "sequences" in done.stdout
        assert not (tmp_path / "work" / "models" / "a--one").exists()
        assert all(asked.startswith("bytes=0-") for asked in hub.ranges), "only the header was read"


@pytest.mark.parametrize("heads", [0, None])
def test_a_model_without_heads_is_weighed_too(tmp_path: Path, heads: int | None) -> None:
    with Hub({"a/one": {"m.gguf": tiny_gguf(tmp_path, heads)}}) as hub:
        done = run(tmp_path, hub, profile(tmp_path, ("a/one", "m.gguf")), "--plan")
        assert (done.returncode, done.stderr) == (0, "")
        assert ("KV cache not counted" in done.stdout) == (heads is None)


def plan(gigabytes: float, room: float, sequences: int = 8) -> MemoryPlan:
    return MemoryPlan(int(gigabytes * GIB), GIB // 8, GIB // 8, 0, int(room * GIB), sequences,
                      max(0, min(sequences, int((room - gigabytes - 0.125) * 8))))


def test_choice_is_by_need_not_by_name() -> None:
    gpu = Place(192 * GIB, 500 * GIB, "GPU")
    fits = [judge_gguf(plan(240, 192), {"Q2_K": 9}, gpu), judge_gguf(plan(170, 192), {"IQ1_M": 5, "Q4_K": 5}, gpu),
            judge_gguf(plan(191.5, 192), {"IQ1_S": 9}, gpu), judge_gguf(plan(170, 192), {"TQ1_0": 9}, gpu)]
    assert [fit.ok for fit in fits] == [False, False, True, True]
    assert "IQ1_M" in fits[1].reason
    assert fits[2].sequences == 3
    assert best_first(fits, 8) == [3, 2], "room for sequences beats the profile's order where it is short"
    assert best_first(fits, 6) == [2, 3], "with room for half of them the profile's order decides"
    assert judge_gguf(plan(170, 192), {"IQ1_M": 9}, Place(192 * GIB, 0, "RAM")).ok, "on a CPU that kernel is no matter"
    assert judge_gguf(plan(170, 192), {"IQ1_M": 5, "IQ1_S": 95}, gpu).ok, "one tensor refuses no file"


def test_disk_is_weighed_before_the_download() -> None:
    refused = judge_disk(2 * GIB, Place(8 * GIB, GIB, "RAM"))
    assert refused is not None
    assert "GB of disk" in refused.reason
    assert judge_disk(GIB // 2, Place(8 * GIB, GIB, "RAM")) is None
    assert best_first([Fit(False, "no")], 8) == []


@pytest.mark.model
def test_a_dequantised_tokenizer_ends_turns_as_the_model_does(small_transformers: Path) -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(small_transformers)
    config = read_json(small_transformers / "config.json")
    assert (tokenizer.eos_token, tokenizer.eos_token_id) == ("<|im_end|>", config["eos_token_id"])
    assert (tokenizer.bos_token, tokenizer.pad_token_id) == ("<|im_start|>", config["pad_token_id"])


def test_a_students_own_folder_of_weights_is_used_where_it_is(tmp_path: Path, gguf_bytes: bytes) -> None:
    (tmp_path / "own.gguf").write_bytes(gguf_bytes)
    folder = tmp_path / "Qwen3 235B"
    folder.mkdir()
    toml = tmp_path / "mine.toml"
    toml.write_text(f'[profile]\nname = "mine"\n[[models.student.candidates]]\nkind = "file"\n'
                    f'name = "{tmp_path}/own.gguf"\n[[models.student.transformers]]\nkind = "file"\n'
                    f'name = "{folder}"\n')
    with Hub({}) as hub:
        refused = run(tmp_path, hub, str(toml))
        assert refused.returncode == 1
        assert "has no GGUF, nor config.json and safetensors" in refused.stderr
        (folder / "config.json").write_text("{}")
        (folder / "model.safetensors").write_bytes(b"weights")
        assert run(tmp_path, hub, str(toml)).returncode == 0
    table = read_json(tmp_path / "work" / "data" / "enhanced" / "models_mine.json")
    assert table["student"]["transformers"] == str(folder)
    assert table["student"]["gguf"] == str(tmp_path / "own.gguf")
