"""What makes way is set aside whole, found again when it fits, and freed only on request; peeks have own names."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from test_stage import GOOD, finished, make  # noqa: F401

from stepladder.core import aside
from stepladder.core.errors import NotThereYet, StageError
from stepladder.core.files import WeightHashes, read_json, write_json
from stepladder.core.stage import StageRun, meta_path
from stepladder.core.workspace import Workspace

SHOW = Path(__file__).resolve().parents[1] / "scripts" / "show.py"


def test_files_go_together_and_come_back(tmp_path: Path) -> None:
    one, other = tmp_path / "x.json", tmp_path / "x.meta.json"
    one.write_text("1")
    other.write_text("2")
    item = aside.set_aside([one, other, tmp_path / "absent"], "why", "print")
    assert not one.exists()
    assert not other.exists()
    assert item.folder.parent == tmp_path / "aside"
    assert item.name.startswith("x.20")
    assert [found.name for found in aside.matching(tmp_path, "print")] == [item.name]
    assert aside.matching(tmp_path, "another") == []
    one.write_text("newer")
    aside.items(tmp_path)[0].bring_back()
    assert (one.read_text(), other.read_text()) == ("1", "2")
    assert aside.items(tmp_path) == []


def test_left_in_place_what_is_renamed_over_stays_aside(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    write_json(path, [1])
    item = aside.set_aside([path], "why", leave=True)
    assert read_json(path) == [1]
    write_json(path, [2])
    assert read_json(item.folder / "x.json") == [1]


def test_a_folder_of_checkpoints(tmp_path: Path) -> None:
    root = tmp_path / ".student_checkpoints"
    (root / "step-000040").mkdir(parents=True)
    (root / "step-000040" / "weights").write_text("night")
    item = aside.set_aside([root], "another training", "print")
    assert not root.exists()
    assert item.name.startswith("student_checkpoints.20")
    root.mkdir()
    with pytest.raises(FileExistsError, match="set it aside first"):
        item.bring_back()
    second = aside.set_aside([root], "made way", "second")
    assert second.name != item.name
    aside.matching(tmp_path, "print")[0].bring_back()
    assert (root / "step-000040" / "weights").read_text() == "night"
    assert [found.note["fits"] for found in aside.items(tmp_path)] == ["second"]


@pytest.mark.parametrize("way", ["set_aside", "bring_back"])
@pytest.mark.parametrize("leave", [True, False])
def test_killed_between_any_two_steps_nothing_is_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str,
                                                      leave: bool) -> None:
    """Every system call that changes a name may be the last one: the content is in its place or in a whole item."""
    calls = ("link", "rename", "replace", "unlink", "mkdir", "rmdir")
    real = {name: getattr(os, name) for name in calls}
    for survived in range(30):
        folder = tmp_path / f"{survived}"
        folder.mkdir()
        paths = [folder / "x.json", folder / "x.meta.json"]
        for path in paths:
            path.write_text(f"night {path.name}")
        item = aside.set_aside(paths, "why", "print", leave) if way == "bring_back" else None
        left = [survived]

        def step(name: str, left: list[int] = left):
            def call(*arguments: object, **options: object) -> object:
                if not left[0]:
                    raise KeyboardInterrupt
                left[0] -= 1
                return real[name](*arguments, **options)
            return call

        for name in calls:
            monkeypatch.setattr(os, name, step(name))
        try:
            item.bring_back() if item else aside.set_aside(paths, "why", "print", leave)
            killed = False
        except KeyboardInterrupt:
            killed = True
        monkeypatch.undo()
        wholes = [{place: member.read_text() for member, place in found.members.items()}
                  for found in aside.items(folder)]
        in_place = {path: path.read_text() for path in paths if path.exists()}
        night = {path: f"night {path.name}" for path in paths}
        assert in_place == night or night in wholes, f"killed after {survived} steps"
        if not killed:
            break
    else:
        pytest.fail("it never ended")


def test_a_smaller_set_does_not_replace_a_finished_one(make, tmp_path: Path) -> None:  # noqa: F811
    finished(make(), ["a", "b", "c"])
    whole, meta = (tmp_path / "out.json").read_bytes(), meta_path(tmp_path / "out.json").read_bytes()
    finished(make("--attempts", "9"), ["a"])
    item, = aside.items(tmp_path)
    assert (item.folder / "out.json").read_bytes() == whole
    with make() as stage:
        assert stage.is_done(), "what fits is brought back, not computed"
    assert (tmp_path / "out.json").read_bytes() == whole
    assert meta_path(tmp_path / "out.json").read_bytes() == meta
    with make("--attempts", "9") as stage:
        assert stage.is_done(), "and the other one had made way in its turn"
    assert read_json(tmp_path / "out.json") == ["a"]
    assert len(aside.items(tmp_path)) == 1


def test_status_says_that_something_fits_and_moves_nothing(make, tmp_path: Path,  # noqa: F811
                                                           capsys: pytest.CaptureFixture[str]) -> None:
    finished(make())
    finished(make("--attempts", "9"), ["other"])
    stage = make("--status")
    assert stage.is_done()
    assert "was set aside and fits" in capsys.readouterr().out
    assert read_json(tmp_path / "out.json") == ["other"]


def test_the_same_bytes_or_the_same_run_leave_no_second_thing_to_bring_back(make, tmp_path: Path) -> None:  # noqa: F811
    finished(make(), ["a"])
    finished(make("--attempts", "9"), ["a"])
    assert aside.items(tmp_path) == []
    with make("--attempts", "9", "--force") as stage:
        assert not stage.is_done()
        stage.finish({"out": ["redone"]}, counts={})
    item, = aside.items(tmp_path)
    assert read_json(item.folder / "out.json") == ["a"]
    (tmp_path / "out.json").unlink()
    with make("--attempts", "9") as stage:
        assert not stage.is_done(), "what the same run replaced is not what it would make now"


def test_an_output_changed_by_hand_is_kept_and_not_taken_for_done(make, tmp_path: Path) -> None:  # noqa: F811
    finished(make(), ["a"])
    (tmp_path / "out.json").write_text('["my own work"]')
    finished(make("--attempts", "9"), ["b"])
    item, = aside.items(tmp_path)
    assert read_json(item.folder / "out.json") == ["my own work"]
    with make() as stage:
        assert not stage.is_done()


def test_products_have_to_fit_too(make, tmp_path: Path) -> None:  # noqa: F811
    adapter = tmp_path / "adapter.bin"
    adapter.write_text("one")
    finished(make(products={"adapter": adapter}), ["a"])
    adapter.write_text("another")
    finished(make("--attempts", "9", products={"adapter": adapter}), ["b"])
    with make(products={"adapter": adapter}) as stage:
        assert not stage.is_done(), "its log without its adapter is no training"


def test_a_full_disk_leaves_the_finished_output_in_its_place(make, tmp_path: Path,  # noqa: F811
                                                             monkeypatch: pytest.MonkeyPatch) -> None:
    finished(make(), ["a"])
    before = (tmp_path / "out.json").read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with make("--attempts", "9") as stage:
        stage.is_done()
        monkeypatch.setattr(os, "fsync", full)
        with pytest.raises(StageError, match="disk full"):
            stage.finish({"out": ["b"]}, counts={})
    monkeypatch.undo()
    assert (tmp_path / "out.json").read_bytes() == before
    assert not list((tmp_path / "aside").iterdir()), "nothing half set aside"
    assert make().why_not_done() is None


# -- peeks --------------------------------------------------------------------------------------------------------


def test_a_limit_has_names_of_its_own(tmp_path: Path) -> None:
    whole, peek = Workspace(tmp_path, "sample", "tiny"), Workspace(tmp_path, "sample", "tiny", 5)
    assert peek.output("x").name == "x_sample.limit5.json"
    assert meta_path(peek.output("x")).name == "x_sample.limit5.meta.json"
    assert peek.rejected("x", peek.output("x")).name == "x_rejected_sample.limit5.json"
    assert peek.journal("x") == whole.journal("x"), "what was done for a peek is done"
    assert peek.input("x") == whole.output("x") == whole.input("x") == tmp_path / "data/enhanced/x_sample.json"
    write_json(peek.output("x"), [])
    assert peek.input("x") == peek.output("x"), "what a run of the same limit wrote"
    assert whole.input("x") == whole.output("x")
    assert peek.adapter.name == "tiny_cot_curriculum.limit5"
    assert peek.trained == whole.adapter
    write_json(peek.adapter / "adapter_config.json", {})
    assert peek.trained == peek.adapter
    assert whole.trained == whole.adapter


def test_a_missing_input_of_which_there_is_a_peek_says_so(make, tmp_path: Path) -> None:  # noqa: F811
    write_json(tmp_path / "other.limit5.json", [GOOD])
    write_json(tmp_path / "other.limit5.meta.json", {})
    stage: StageRun = make(inputs={"in": tmp_path / "other.json"})
    with pytest.raises(NotThereYet, match=r"there is one made with --limit 5: give that here too"):
        stage.input_hashes()


# -- freeing ------------------------------------------------------------------------------------------------------


def prune(root: Path, *words: str) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, str(SHOW), "prune", *words, "--profile", "laptop", "--workdir", str(root)],
                          capture_output=True, text=True, check=False)


def test_prune_lists_and_frees_only_what_is_asked_for(tmp_path: Path) -> None:
    enhanced, models = tmp_path / "data" / "enhanced", tmp_path / "models"
    for number in (1, 2):
        write_json(enhanced / "x_sample.json", ["y" * 1_000_000 * number])
        aside.set_aside([enhanced / "x_sample.json"], f"reason {number}")
    (models / ".c").mkdir(parents=True)
    aside.set_aside([models / ".c"], "another training")
    write_json(enhanced / "x_sample.limit5.json", [])
    (enhanced / "journals").mkdir()
    (enhanced / "journals" / "02_replies_sample.jsonl").write_text("kept\n")
    (enhanced / "aside" / "left").mkdir()
    before = {path for path in tmp_path.rglob("*")}
    listed = prune(tmp_path).stdout
    for said in ("reason 1", "reason 2", "1.00 MB", "2.00 MB", "another training", "not whole", "x_sample.limit5",
                 "02_replies"):
        assert said in listed
    assert {path for path in tmp_path.rglob("*")} == before, "listing frees nothing"
    first, second = (item.name for item in aside.items(enhanced))
    assert prune(tmp_path, "no-such-thing").returncode == 2
    assert prune(tmp_path, first).returncode == 0
    assert [item.name for item in aside.items(enhanced)] == [second]
    assert prune(tmp_path, "--yes").returncode == 0
    assert aside.items(enhanced) == aside.items(models) == list((enhanced / "aside").iterdir()) == []
    assert (enhanced / "x_sample.limit5.json").exists()
    assert prune(tmp_path, "x_sample.limit5", "02_replies_sample.jsonl").returncode == 0
    assert not (enhanced / "x_sample.limit5.json").exists()
    assert not list((enhanced / "journals").iterdir())


# -- folders of weights -------------------------------------------------------------------------------------------


def test_the_bookkeeping_of_a_download_is_no_weights(tmp_path: Path) -> None:
    folder = tmp_path / "student"
    (folder / "sub").mkdir(parents=True)
    (folder / "model.safetensors").write_text("weights")
    (folder / "sub" / "part.bin").write_text("more")
    digest = WeightHashes(tmp_path / "cache.json")(folder)
    notes = folder / ".cache" / "huggingface" / "download"
    notes.mkdir(parents=True)
    for name in ("model.safetensors.metadata", "model.safetensors.lock", "abc.incomplete"):
        (notes / name).write_text("bookkeeping")
    (folder / "model.safetensors.lock").write_text("")
    (folder / "sub" / "uuid.incomplete").write_text("half")
    assert WeightHashes(tmp_path / "cache.json")(folder) == digest
    (folder / "sub" / "part.bin").write_text("other")
    assert WeightHashes(tmp_path / "cache.json")(folder) != digest
