"""Profiles: unknown keys and wrong types by name; flag > profile > default; one flag a setting."""

from __future__ import annotations

from pathlib import Path

import pytest

from stepladder.core import cli, machine, profiles
from stepladder.core.errors import InputError
from stepladder.core.settings import SECTIONS

STAGE_SECTIONS = [("questions",), ("models", "engine"), ("reasoning", "engine"), ("curriculum", "engine"),
                  ("training",), ("verdict", "engine"), ("agents", "engine")]


def profile_file(tmp_path: Path, body: str) -> str:
    path = tmp_path / "mine.toml"
    path.write_text('[profile]\nname = "mine"\n' + body)
    return str(path)


@pytest.mark.parametrize("name", profiles.names())
def test_shipped_profiles_are_valid(name: str) -> None:
    assert profiles.load(name)["profile"]["name"] == name


@pytest.mark.parametrize(("body", "message"), [
    ("[training]\nrnak = 8\n", "training.rnak: unknown key"),
    ('[training]\nrank = "8"\n', "training.rank"),
    ("[training]\nrank = 0\n", "training.rank"),
    ("[trainign]\nrank = 8\n", r"unknown section \[trainign\]"),
    ('[training]\norder = "sideways"\n', "training.order"),
    ('[reasoning]\nvariant = "options"\n', "reasoning.variant: it is called prompt now"),
    ('[curriculum]\norder = "random"\n', "curriculum.order: the order is stage 04's now: 04_train"),
    ("[[models.teacher.candidates]]\nkind = \"hub\"\nnmae = \"x\"\n", "models.teacher.candidates.0"),
    ("[training\n", "mine.toml"),
])
def test_mistakes_are_refused_by_name(tmp_path: Path, body: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        profiles.load(profile_file(tmp_path, body))


def test_missing_profile_names_those_there_are() -> None:
    with pytest.raises(InputError, match="laptop, mi300x"):
        profiles.load("desktop")


def test_flag_beats_profile_beats_default(tmp_path: Path) -> None:
    name = profile_file(tmp_path, "[reasoning]\nattempts = 7\nmax_tokens = 9\n")
    parser = cli.stage_parser("x", ("reasoning", "engine"))
    settings = profiles.resolve(parser.parse_args(["--profile", name, "--attempts", "5", "--no-hint"]),
                                ("reasoning", "engine"))
    reasoning = settings["reasoning"]
    assert (reasoning.attempts, reasoning.max_tokens, reasoning.hint) == (5, 9, False)
    assert {settings.origin[f"reasoning.{key}"] for key in ("attempts", "hint")} == {"flag"}
    assert settings.origin["reasoning.max_tokens"] == "profile"
    assert settings.origin["reasoning.temperature"] == "default"


def test_only_shaping_settings_change_the_fingerprint() -> None:
    parser = cli.stage_parser("x", ("reasoning", "engine"))

    def fingerprint(*flags: str) -> str:
        args = parser.parse_args(["--profile", "laptop", *flags])
        return profiles.resolve(args, ("reasoning", "engine")).fingerprint()

    assert fingerprint("--sequences", "3", "--threads", "1") == fingerprint()
    assert fingerprint("--attempts", "9") != fingerprint()


def test_a_setting_that_was_added_later_shapes_nothing_while_it_is_as_before() -> None:
    parser = cli.stage_parser("x", ("training",))

    def shaping(*flags: str) -> dict[str, object]:
        return profiles.resolve(parser.parse_args(["--profile", "laptop", *flags]), ("training",)).shaping("training")

    assert "training.reply_form" not in shaping()
    assert shaping("--reply-form", "reasoning") == shaping()
    assert shaping("--reply-form", "json") == {**shaping(), "training.reply_form": "json"}


@pytest.mark.parametrize("sections", STAGE_SECTIONS)
def test_every_setting_is_a_flag_with_help(sections: tuple[str, ...]) -> None:
    text = cli.stage_parser("x", sections).format_help()
    for section in sections:
        for name, field in SECTIONS[section].model_fields.items():
            assert field.description
            if section != "models":
                assert f"--{name.replace('_', '-')}" in text


def test_profile_is_chosen_by_gpu_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    def with_gpu(gigabytes: float) -> tuple[str, str]:
        gpus = [machine.Gpu("amd", "card1", int(gigabytes * 1e9))] if gigabytes else []
        monkeypatch.setattr(machine, "gpus", lambda: gpus)
        return profiles.choose_for_this_machine()

    assert with_gpu(0) == ("laptop", "no GPU found")
    assert with_gpu(24)[0] == "laptop"
    assert with_gpu(206)[0] == "mi300x"


def test_amd_memory_is_read_from_sysfs(tmp_path: Path) -> None:
    device = tmp_path / "card0" / "device"
    device.mkdir(parents=True)
    (device / "mem_info_vram_total").write_text("205806108672\n")
    assert machine.gpus(tmp_path)[0] == machine.Gpu("amd", "card0", 205806108672)
