"""The short form of the rehearsal (tests/rehearsal/run.sh is the whole): chosen checks, each through the real scripts.

The hub and the stand-ins have tests of their own here, so that a check which fails speaks of the project.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from hub import DATASETS, Hub, Large, commit_of
from rehearsal import models
from rehearsal.checks import CHECKS, Check
from rehearsal.data import Words, parquet
from rehearsal.layouts import REPOSITORIES, TEACHER, TEACHER_FILE
from rehearsal.standins import stand_ins
from rehearsal.world import World

from stepladder.engine.gguf_header import read_gguf_header
from stepladder.engine.memory import kv_bytes_per_token


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return World(tmp_path_factory.mktemp("rehearsal"))


@pytest.mark.parametrize("check", [pytest.param(check, id=check.name) for check in CHECKS if check.short])
def test_check(check: Check, world: World) -> None:
    check.run(world)


def test_no_two_checks_have_one_name() -> None:
    assert len({check.name for check in CHECKS}) == len(CHECKS)


def test_stand_ins_are_of_true_size_and_take_no_room(tmp_path: Path) -> None:
    made = stand_ins(tmp_path, odd_tensor=True)
    teacher = made[TEACHER][TEACHER_FILE]
    assert isinstance(teacher, Large)
    assert len(teacher) == 170_499_768_256
    header = read_gguf_header(teacher.path)
    assert (header.architecture, header.tensor_types["IQ1_M"]) == ("deepseek2", 1)
    assert 660e9 < header.parameters < 675e9
    assert kv_bytes_per_token(header) == 576 * 61 * 2
    for repository, files in made.items():
        assert sum(map(len, files.values())) >= sum(listed.size for listed in REPOSITORIES[repository])
        for name, content in files.items():
            assert isinstance(content, Large)
            assert content.path.stat().st_blocks * 512 < 20e6, name


def test_look_alikes_are_the_same_each_time_and_whole_in_shards(tmp_path: Path) -> None:
    (first,) = models.teacher(tmp_path / "a.gguf")
    (second,) = models.teacher(tmp_path / "b.gguf")
    assert first.read_bytes() == second.read_bytes()
    shards = models.teacher(tmp_path / "c.gguf", shards=3)
    assert [path.name for path in shards] == [f"c-0000{number}-of-00003.gguf" for number in (1, 2, 3)]
    assert read_gguf_header(shards[0]).parameters == read_gguf_header(first).parameters
    assert read_gguf_header(models.assessor(tmp_path / "d.gguf")).architecture == "phi3"


def test_the_hub_knows_revisions_and_tells_of_gates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import httpx
    from huggingface_hub import HfApi, constants
    from huggingface_hub.errors import RevisionNotFoundError

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)  # another test may have found no network
    branch, pinned = "refs/convert/parquet", "c" * 40
    table = parquet([{"text": Words(0).question()}])
    repos = {f"{DATASETS}a/b": {"README.md": b"x"}, f"{DATASETS}a/b@{branch}": {"d/0.parquet": table},
             f"{DATASETS}a/b@{pinned}": {"e/1.parquet": table}, "a/shut": {"m.gguf": b"y"}}
    with Hub(repos, sealed={"a/shut"}, elsewhere=True) as hub:
        api = HfApi(endpoint=hub.url)
        for revision, names in (("main", ["README.md"]), (branch, ["d/0.parquet"]), (pinned, ["e/1.parquet"])):
            info = api.dataset_info("a/b", revision=revision)
            assert [file.rfilename for file in info.siblings] == names
            assert info.sha == commit_of(revision)
        with pytest.raises(RevisionNotFoundError):
            api.dataset_info("a/b", revision="d" * 40)
        assert api.model_info("a/shut").siblings, "what is gated is told of"
        refused = httpx.get(f"{hub.url}/a/shut/resolve/main/m.gguf", follow_redirects=True)
        assert (refused.status_code, refused.headers["X-Error-Code"]) == (401, "GatedRepo")
        part = httpx.get(f"{hub.url}/datasets/a/b/resolve/{pinned}/e/1.parquet", follow_redirects=True,
                         headers={"Range": "bytes=2-5"})
        assert (part.status_code, part.content) == (206, table[2:6])
