"""Profiles: reading them, choosing one for this machine, and resolving flag > profile > default."""

from __future__ import annotations

import argparse
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from . import machine
from .errors import InputError
from .files import hash_json
from .settings import MOVED, SECTIONS, Profile, Section, value_as_json

PROFILE_FOLDER = Path(__file__).resolve().parents[2] / "profiles"


def names() -> list[str]:
    """Profiles that ship with the project."""
    return sorted(path.stem for path in PROFILE_FOLDER.glob("*.toml"))


def choose_for_this_machine() -> tuple[str, str]:
    """(profile name, why): mi300x where a GPU has the memory it is made for, else laptop."""
    needed = load("mi300x")["profile"]["gpu_memory_gb"]
    found = machine.gpus()
    for gpu in found:
        if gpu.memory_bytes >= needed * 1e9:
            return "mi300x", f"{gpu.vendor} GPU with {gpu.memory_bytes / 1e9:.0f} GB"
    if found:
        largest = max(gpu.memory_bytes for gpu in found)
        return "laptop", f"the largest GPU has {largest / 1e9:.0f} GB, mi300x needs {needed:.0f}"
    return "laptop", "no GPU found"


def load(name_or_path: str) -> dict[str, dict[str, Any]]:
    """Read a profile and check every key and type. Raises InputError naming the key."""
    path = PROFILE_FOLDER / f"{name_or_path}.toml"
    if name_or_path.endswith(".toml"):
        path = Path(name_or_path)
    try:
        with path.open("rb") as file:
            content = tomllib.load(file)
    except FileNotFoundError:
        raise InputError(f"no profile {path}; there are: {', '.join(names())}, or a path to a .toml") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, IsADirectoryError) as error:
        raise InputError(f"profile {path}: {error}") from error
    for section, values in content.items():
        if section not in SECTIONS:
            raise InputError(f"profile {path}: unknown section [{section}]; there are: {', '.join(SECTIONS)}")
        validate(section, values, f"profile {path}")
    if "profile" not in content:
        raise InputError(f"profile {path}: section [profile] with a name is missing")
    return content


def validate(section: str, values: dict[str, Any], where: str) -> Section:
    """Make a section from plain values. Raises InputError naming section, key and what is wrong."""
    for key, instead in MOVED.items():
        if key.split(".")[0] == section and key.split(".")[1] in values:
            raise InputError(f"{where}: {key}: {instead}")
    try:
        return SECTIONS[section].model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in (section, *first["loc"]))
        reason = "unknown key" if first["type"] == "extra_forbidden" else first["msg"]
        raise InputError(f"{where}: {key}: {reason}, got {first['input']!r}") from error


def value_before(key: str) -> Any:
    """What the setting "section.name" was before there was one, where it was added later; else None."""
    section, name = key.split(".")
    return SECTIONS[section].before(name)


@dataclass(frozen=True)
class Settings:
    """Resolved sections, and where each value came from ("flag", "profile" or "default")."""

    profile: Profile
    sections: dict[str, Section]
    origin: dict[str, str]

    def __getitem__(self, section: str) -> Any:
        return self.sections[section]

    def described(self) -> dict[str, dict[str, Any]]:
        """For the meta: "section.key" -> {"value", "from"}."""
        return {key: {"value": self._value(key), "from": source} for key, source in self.origin.items()}

    def shaping(self, *sections: str) -> dict[str, Any]:
        """The settings of these sections (default: all) that change what is written.

        One that was added later is among them only where it is not as it was before.
        """
        found = {key: self._value(key) for key in self.origin
                 if (section := key.split(".")[0]) in (sections or self.sections)
                 and SECTIONS[section].shapes_output(key.split(".")[1])}
        return {key: value for key, value in found.items() if value is None or value != value_before(key)}

    def fingerprint(self) -> str:
        """Hash of the settings that shape the output."""
        return hash_json(self.shaping())

    def _value(self, key: str) -> Any:
        section, name = key.split(".")
        return value_as_json(getattr(self.sections[section], name))


def resolve(args: argparse.Namespace, sections: tuple[str, ...]) -> Settings:
    """Merge flags, profile and defaults of a stage's sections. Raises InputError."""
    content = load(args.profile)
    given = vars(args)
    resolved: dict[str, Section] = {}
    origin: dict[str, str] = {}
    for section in sections:
        values = dict(content.get(section, {}))
        for name in SECTIONS[section].model_fields:
            key = f"{section}.{name}"
            origin[key] = "flag" if key in given else "profile" if name in values else "default"
            if key in given:
                values[name] = given[key]
        values |= {key.split(".")[1]: given[key] for key in MOVED if key in given and key.split(".")[0] == section}
        resolved[section] = validate(section, values, "settings")
    profile = validate("profile", content["profile"], f"profile {args.profile}")
    assert isinstance(profile, Profile)
    return Settings(profile, resolved, origin)
