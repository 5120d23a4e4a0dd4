"""Every shard of a split model counts: in the weights table, in "done", in fingerprints; sets are never mixed."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from gguf_shards import write_shards
from hub import Hub
from test_01_download import profile, run

from stepladder.core.errors import NotThereYet
from stepladder.core.files import WeightHashes, hash_file, read_json, write_json
from stepladder.core.weights_table import read_weights
from stepladder.core.workspace import Workspace
from stepladder.engine.gguf_header import GgufError, read_gguf_header


def served(files: list[Path], folder: str = "m") -> dict[str, bytes]:
    return {f"{folder}/{file.name}": file.read_bytes() for file in files}


def test_all_shards_are_in_the_table_and_in_done(tmp_path: Path) -> None:
    files = write_shards(tmp_path / "made", tensors=3)
    assert [file.name for file in files] == [f"q-{n:05}-of-00003.gguf" for n in (1, 2, 3)]
    toml = profile(tmp_path, ("a/one", "m/*.gguf"))
    with Hub({"a/one": served(files)}) as hub:
        assert run(tmp_path, hub, toml).returncode == 0
        work = tmp_path / "work"
        table = read_json(work / "data/enhanced/models_mine.json")["teacher"]
        assert table["gguf"].endswith("q-00001-of-00003.gguf")
        assert [entry["sha256"] for entry in table["files"]] == [hash_file(file) for file in files]
        assert [work / entry["path"] for entry in table["files"]] == [work / "models/a--one/m" / f.name for f in files]
        assert table["size_bytes"] == sum(file.stat().st_size for file in files)
        meta = read_json(work / "data/enhanced/models_mine.meta.json")
        assert (meta["counts"]["files"], meta["counts"]["bytes"]) == (3, table["size_bytes"])
        assert "already done" in run(tmp_path, hub, toml).stdout

        second = work / table["files"][1]["path"]
        second.unlink()
        with pytest.raises(NotThereYet, match=r"00002-of-00003\.gguf is gone"):
            read_weights(Workspace(work, "mine", "student"), "teacher")
        assert "q-00002-of-00003.gguf is missing" in run(tmp_path, hub, toml, "--status").stdout
        hub.requests.clear()
        again = run(tmp_path, hub, toml)
        assert again.returncode == 0, again.stderr
        assert "already done" not in again.stdout
        assert second.read_bytes() == files[1].read_bytes()

        second.write_bytes(bytes(second.stat().st_size))
        assert "to do" in run(tmp_path, hub, toml, "--status").stdout, "a changed shard is noticed too"


def test_the_hash_of_a_model_covers_all_its_shards(tmp_path: Path) -> None:
    first, second = write_shards(tmp_path)
    hashes = WeightHashes(tmp_path / "hashes.json")
    before = hashes(first)
    assert hashes.of_file(first) == hash_file(first) != before
    second.write_bytes(second.read_bytes()[:-1] + b"\x01")
    assert hashes(first) != before


def test_shards_of_different_sets_are_refused_in_one_line(tmp_path: Path) -> None:
    right, larger = write_shards(tmp_path / "two"), write_shards(tmp_path / "three", tensors=3)
    assert read_gguf_header(right[0]).parameters == 2 * 64 * 32

    def mixed(shard: Path) -> Path:
        folder = tmp_path / f"mixed-{shard.parent.name}-{shard.stem}"
        folder.mkdir()
        shutil.copy(right[0], folder / right[0].name)
        shutil.copy(shard, folder / right[1].name)
        return folder / right[0].name

    for shard in (larger[1], right[0]):  # of a set of three; the first one twice
        with pytest.raises(GgufError, match="shards of different sets: its header says it is shard") as told:
            read_gguf_header(mixed(shard))
        assert len(str(told.value).splitlines()) == 1


def test_a_mixed_set_on_the_hub_or_the_disk_is_passed_over(tmp_path: Path) -> None:
    right, other = write_shards(tmp_path / "right"), write_shards(tmp_path / "other", tensors=3)
    local = tmp_path / "local"
    local.mkdir()
    for source, name in zip((right[0], other[1]), (file.name for file in right), strict=True):
        shutil.copy(source, local / name)
    bad = {"m/" + file.name: file.read_bytes() for file in sorted(local.iterdir())}
    toml = profile(tmp_path, ("a/bad", "m/*.gguf"), ("a/two", "*.gguf"), ("a/good", "m/*.gguf"))
    path = Path(toml)
    path.write_text(path.read_text().replace("[[models", f'[[models.teacher.candidates]]\nkind = "file"\n'
                                             f'name = "{local / right[0].name}"\n[[models', 1))
    with Hub({"a/bad": bad, "a/good": served(right), "a/two": {"x.gguf": b"1", "y.gguf": b"2"}}) as hub:
        done = run(tmp_path, hub, toml)
        assert done.returncode == 0, done.stderr
        assert done.stdout.count("shards of different sets") == 2
        assert "2 different models match, x.gguf and y.gguf" in done.stdout
        assert "a--good" in read_json(tmp_path / "work/data/enhanced/models_mine.json")["teacher"]["gguf"]


def test_a_local_first_shard_stands_for_all(tmp_path: Path) -> None:
    files = write_shards(tmp_path / "mine")
    toml = Path(profile(tmp_path))
    toml.write_text(toml.read_text() + f'[[models.teacher.candidates]]\nkind = "file"\nname = "{files[0]}"\n')
    with Hub() as hub:
        assert run(tmp_path, hub, str(toml)).returncode == 0
        table = read_json(tmp_path / "work/data/enhanced/models_mine.json")["teacher"]
        assert [entry["path"] for entry in table["files"]] == [str(file) for file in files]
        files[1].unlink()
        done = run(tmp_path, hub, str(toml))
        assert done.returncode == 1
        assert "shard 2 of 2 is missing" in done.stdout


def test_tables_of_one_file_read_as_before(tmp_path: Path) -> None:
    model = tmp_path / "models/m.gguf"
    model.parent.mkdir()
    model.write_bytes(b"x")
    workspace = Workspace(tmp_path, "sample", "student")
    write_json(workspace.enhanced("models"), {"teacher": {"name": "m", "gguf": "models/m.gguf"}})
    assert read_weights(workspace, "teacher").need("gguf") == model
    assert WeightHashes(tmp_path / "h.json")(model) == hash_file(model)
