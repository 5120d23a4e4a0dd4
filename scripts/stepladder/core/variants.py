"""Variants: further students of one run, each with files of its own from the first stage whose arguments differ.

Before that stage a variant reads what the main run wrote; from it on, what its stages write has its name. The arguments
that make it what it is are kept in variant_TAG.NAME.json. Stage 05 belongs to the main run and tests all of them.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from .errors import InputError, NotThereYet
from .files import read_json, write_json
from .profiles import value_before
from .settings import SECTIONS
from .stage import meta_path
from .workspace import MAIN_OUTPUTS, Workspace

KEPT = "variant"
SHARED_BY_ALL = ("00", "01")
TRAINS, TESTS_ALL = "04", "05"
ONCE = ("--force", "--debug", "--retry-failed", "--exports-only", "--chat", "--status", "--plan")
"""Flags that say how to run once, not what the variant is; so does --limit N, which has a value."""
ASIDE_FROM_IT = ("--exports-only", "--chat")
"""Flags of a run that makes nothing of the variant itself, whatever else it is given."""


@dataclass(frozen=True)
class Part:
    """A stage of a variant. how: "shared" (the main run's, which is there), "main" (the main run's, to be run as such)
    or "own"; flags: as for a shell."""

    stage: str
    how: str
    flags: str = ""


def kept_arguments(workspace: Workspace) -> dict[str, str]:
    """Stage -> flags of this workspace's variant; empty where none are kept."""
    path = _kept(workspace)
    return read_json(path)["arguments"] if path.exists() else {}


def keep_arguments(workspace: Workspace, arguments: Mapping[str, str]) -> None:
    """Keep a variant's flags for runs to come."""
    if arguments != kept_arguments(workspace):
        write_json(_kept(workspace), {"variant": workspace.variant, "arguments": dict(arguments)})


def with_given(kept: Mapping[str, str], given: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """(flags to keep, flags of this run) by stage. What is given for a stage replaces what was kept; "" forgets it.

    Raises InputError for what is no stage, one that all variants share, or a quote that is not closed.
    """
    lasting, once = dict(kept), {}
    for stage, flags in given.items():
        if stage in SHARED_BY_ALL:
            raise InputError(f"--args {stage}: all variants share questions and weights; for others take a --workdir "
                             "of its own")
        if stage not in MAIN_OUTPUTS:
            raise InputError(f"--args {stage}: there is no such stage (02 to 06)")
        try:
            words = shlex.split(flags)
        except ValueError as error:
            raise InputError(f"--args {stage} {flags}: {error}") from error
        stays, once[stage] = _sorted_out(words)
        if stays:
            lasting[stage] = shlex.join(stays)
        elif not words:
            lasting.pop(stage, None)
    now = {stage: shlex.join([*shlex.split(lasting.get(stage, "")), *once.get(stage, [])])
           for stage in sorted({*lasting, *once})}
    return lasting, now


def _sorted_out(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """(flags that make the variant what it is, flags for once)."""
    if any(word in ASIDE_FROM_IT for word in words):
        return [], list(words)
    lasting: list[str] = []
    once: list[str] = []
    for before, word in zip(["", *words], words, strict=False):
        for_once = word in ONCE or "--limit" in (word, before) or word.startswith("--limit=")
        (once if for_once else lasting).append(word)
    return lasting, once


def parts(workspace: Workspace, lasting: Mapping[str, str], now: Mapping[str, str]) -> list[Part]:
    """Every stage of a variant in order.

    Raises InputError where nothing makes it differ from the main run, where a stage that it shares is given flags, and
    where it has an output of such a stage from an earlier life: its later stages would read that.
    """
    if not lasting:
        raise InputError(f"variant {workspace.variant}: nothing makes it differ from the main run yet; say what does, "
                         "such as --args 04 \"--order random\"")
    main, first, found = replace(workspace, variant=None), min(lasting), []
    for stage, name in MAIN_OUTPUTS.items():
        if stage >= first:
            how = "own" if stage != TESTS_ALL or stage in lasting else "main"
            found.append(Part(stage, how, now.get(stage, "")))
            continue
        _check_shared(workspace, stage, now)
        there = all(path.exists() for path in (main.enhanced(name), meta_path(main.enhanced(name))))
        found.append(Part(stage, "shared" if there else "main"))
    return found


def _check_shared(workspace: Workspace, stage: str, now: Mapping[str, str]) -> None:
    if flags := now.get(stage):
        raise InputError(f"--args {stage} {flags}: stage {stage} is the main run's; give it that without --variant")
    own = workspace.output(MAIN_OUTPUTS[stage])
    if stage not in (*SHARED_BY_ALL, TESTS_ALL) and own.exists():
        raise InputError(f"variant {workspace.variant} has a {own.name} of its own, which its later stages would read "
                         f"instead of the main run's; give --args {stage} the flags that made it, or take another "
                         "name: what both have in common is not computed again")


def names(workspace: Workspace) -> list[str]:
    """Every variant that has arguments or a finished stage."""
    folder, tag = workspace.enhanced(KEPT).parent, workspace.tag
    files = [path for name in MAIN_OUTPUTS.values() for path in folder.glob(f"{name}_{tag}.*.meta.json")]
    files += folder.glob(f"{KEPT}_{tag}.*.json")
    return sorted({name for path in files if (name := read_json(path).get("variant"))})


def require(workspace: Workspace) -> None:
    """Raises InputError where the workspace is of a variant that there is not, NotThereYet where that is to train a
    student and has not: either way its student would be the main run's."""
    if not workspace.variant:
        return
    if workspace.variant not in (known := names(workspace)):
        there = f"there are: {', '.join(known)}" if known else "there is none"
        raise InputError(f"there is no variant {workspace.variant} ({there}); 04_train_qwen3_235b.py --variant "
                         f"{workspace.variant} trains one")
    if min(kept_arguments(workspace), default=TRAINS) <= TRAINS and workspace.student_name != workspace.variant:
        raise NotThereYet(f"variant {workspace.variant} is not trained yet; run 04_train_qwen3_235b.py --variant "
                          f"{workspace.variant}")


# -- their students ---------------------------------------------------------------------------------------------------

@dataclass(frozen=True)
class Student:
    """A variant whose training is finished. meta: of its training log."""

    workspace: Workspace
    meta: Mapping[str, Any]

    @property
    def name(self) -> str:
        """The variant's."""
        assert self.workspace.variant is not None
        return self.workspace.variant

    def differs(self) -> dict[str, list[Any]]:
        """Setting -> [the main run's value, its own] of what shapes the weights; empty without a main training."""
        path = meta_path(replace(self.workspace, variant=None).enhanced("training_log"))
        if not path.exists():
            return {}
        main, found = read_json(path), {}
        added = [key for key in main["arguments"] if value_before(key) is not None]
        for key in dict.fromkeys([*self.meta["arguments"], *added]):
            theirs, own = (meta["arguments"].get(key, {}).get("value", value_before(key))
                           for meta in (main, self.meta))
            section, name = key.split(".")
            if SECTIONS[section].shapes_output(name) and own != theirs:
                found[key] = [theirs, own]
        if self.meta["seed"] != main["seed"]:
            found["seed"] = [main["seed"], self.meta["seed"]]
        files = [meta["inputs"]["curriculum"] for meta in (main, self.meta)]
        if files[0]["sha256"] != files[1]["sha256"]:
            found["curriculum"] = [Path(file["path"]).name for file in files]
        return found


def students(workspace: Workspace) -> list[Student]:
    """Variants with a finished training, by the metas of their training logs, in the order of their names."""
    found = []
    for name in names(workspace):
        own = replace(workspace, variant=name)
        path = meta_path(replace(own, limit=None).output("training_log"))
        if path.exists():
            found.append(Student(own, read_json(path)))
    return found


def _kept(workspace: Workspace) -> Path:
    return replace(workspace, limit=None).output(KEPT)
