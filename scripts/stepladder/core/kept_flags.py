"""What a stage was last given by flag: a later run of the whole chain keeps it, until it is told otherwise.

Without that, `04 --order random` by hand and then `./run_all.sh` would train in the profile's order again.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .files import read_json
from .profiles import load
from .settings import SECTIONS
from .stage import meta_path
from .workspace import MAIN_OUTPUTS, Workspace

FLAGS = {"questions.local": "--from"}  # settings whose flag has another name


def kept(workspace: Workspace, profile: str, given: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """(stage, flags as for a shell) of each finished stage that was given flags beside what its profile says.

    profile: name or path. given: stage -> flags of this run; what they set is not kept. Flags that change nothing in
    what is written are not kept either.
    """
    content = load(profile)
    for stage, name in MAIN_OUTPUTS.items():
        path = meta_path(workspace.enhanced(name))
        if not path.exists():
            continue
        meta = read_json(path)
        if meta.get("profile") != content["profile"]["name"]:
            continue
        now = {word.partition("=")[0] for word in shlex.split(given.get(stage, ""))}
        words = [word for key, one in meta["arguments"].items() if one["from"] == "flag" and _shapes(key)
                 and one["value"] != content.get(key.split(".")[0], {}).get(key.split(".")[1])
                 for word in _words(key, one["value"]) if not now & _names(key)]
        if meta.get("seed") and "--seed" not in now:
            words += ["--seed", str(meta["seed"])]
        if words:
            yield stage, shlex.join(words)


def _shapes(key: str) -> bool:
    """Whether a setting still exists and takes part in what is written."""
    section, name = key.split(".")
    return section in SECTIONS and name in SECTIONS[section].model_fields and SECTIONS[section].shapes_output(name)


def _flag(key: str) -> str:
    return FLAGS.get(key, "--" + key.split(".")[1].replace("_", "-"))


def _names(key: str) -> set[str]:
    return {_flag(key), _flag(key).replace("--", "--no-", 1)}


def _words(key: str, value: Any) -> Sequence[str]:
    """A setting as words of a command line."""
    flag = _flag(key)
    if isinstance(value, bool):
        return [flag if value else flag.replace("--", "--no-", 1)]
    if isinstance(value, dict):
        return [word for name, one in value.items() for word in (flag, f"{name}={_plain(one)}")]
    if key in FLAGS:
        return [word for one in value for word in (flag, str(one))]
    if isinstance(value, list):
        return [flag, *map(str, value)]
    return [f"{flag}={_plain(value)}"]


def _plain(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
