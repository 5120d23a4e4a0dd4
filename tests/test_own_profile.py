"""A profile of one's own: every setting is in it, none says anything but what it was made from."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from stepladder.core import own_profile, profiles
from stepladder.core.errors import InputError
from stepladder.core.settings import SECTIONS

PROJECT = Path(__file__).resolve().parents[1]


@pytest.mark.parametrize("base", profiles.names())
def test_it_says_what_its_base_says_under_a_name_of_its_own(base: str) -> None:
    content, was = tomllib.loads(own_profile.render("mine", base)), profiles.load(base)
    assert {key: content["profile"][key] for key in ("name", "tag", "student")} == dict.fromkeys(
        ("name", "tag", "student"), "mine"), "nothing of another profile is written over"
    assert {key: values for key, values in content.items() if key != "profile" and values} == {
        key: values for key, values in was.items() if key != "profile"}


@pytest.mark.parametrize("base", profiles.names())
def test_every_setting_is_there_and_its_comment_is_the_default(base: str) -> None:
    text = own_profile.render("mine", base).replace("\n# Where weights come from", "\n[models]\n#")
    for section, model in SECTIONS.items():
        if section == "models":
            continue
        part = re.search(rf"^\[{section}\]\n(.*?)(?=^\[|\Z)", text, re.MULTILINE | re.DOTALL)
        assert part is not None
        shown = tomllib.loads(re.sub(r"^# (\w+ = (?!\.\.\.$).*)$", r"\1", part[1], flags=re.MULTILINE))
        assert set(model.model_fields) - set(shown) <= {"gpu_memory_gb"}, section
        for key in set(shown) - set(tomllib.loads(part[1])):
            assert shown[key] == model.model_fields[key].get_default(), key
        profiles.validate(section, shown, "all of it taken in")


def test_a_profile_without_a_tag_writes_files_of_its_own_name() -> None:
    assert profiles.validate("profile", {"name": "my-own"}, "here").tag == "my_own"
    assert profiles.validate("profile", {"name": "laptop", "tag": "sample"}, "here").tag == "sample"


def test_it_is_written_once_and_found_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "laptop.toml").write_bytes((profiles.PROFILE_FOLDER / "laptop.toml").read_bytes())
    monkeypatch.setattr(profiles, "PROFILE_FOLDER", tmp_path)
    assert own_profile.write("mine", "laptop") == tmp_path / "mine.toml"
    assert "mine" in profiles.names()
    with pytest.raises(InputError, match="exists already; edit it"):
        own_profile.write("mine", "laptop")
    for bad in ("../x", "Mine", "", "a b"):
        with pytest.raises(InputError, match="small letters"):
            own_profile.write(bad, "laptop")


def test_run_all_writes_one_and_ends() -> None:
    path = profiles.PROFILE_FOLDER / "a_test_of_init.toml"
    try:
        ended = subprocess.run([PROJECT / "run_all.sh", "--init", "a_test_of_init", "--profile", "laptop"],
                               capture_output=True, text=True, check=True)
        assert f"{path} was written from laptop" in ended.stdout
        assert profiles.load("a_test_of_init")["profile"]["tag"] == "a_test_of_init"
    finally:
        path.unlink(missing_ok=True)
