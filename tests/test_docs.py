"""The docs are true: help texts as the scripts print them, links that lead somewhere, no claims without a run."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import update_docs

PROJECT = update_docs.PROJECT
PAGES = [PROJECT / "README.md", *sorted((PROJECT / "docs").glob("*.md"))]


def test_help_texts_are_current() -> None:
    assert update_docs.PAGE.read_text(encoding="utf-8") == update_docs.render(), "run: python tests/update_docs.py"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
        if not target.startswith("http"):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_scripts_named_exist(page: Path) -> None:
    for name in re.findall(r"(?:scripts|tests)/[\w/]+\.(?:py|sh|toml)", page.read_text(encoding="utf-8")):
        assert (PROJECT / name).exists(), f"{page.name} names {name}"


def test_every_stage_and_every_common_flag_is_in_the_readme_or_the_docs() -> None:
    text = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    for script in update_docs.SCRIPTS:
        assert script.name in text
    for flag in ("--from", "--only", "--plan", "--status", "--args", "--workdir", "--force"):
        assert flag in text


def test_messages_that_are_explained_are_messages_that_there_are() -> None:
    rows = re.findall(r"^\| `([^`]+)`", (PROJECT / "docs" / "troubleshooting.md").read_text(encoding="utf-8"), re.M)
    assert len(rows) > 10
    source = "".join(path.read_text(encoding="utf-8") for path in (
        PROJECT / "run_all.sh", *(PROJECT / "scripts").rglob("*.py")))
    source = " ".join(re.sub(r'"\s*\n\s*f?"', "", source).split())
    for row in rows:
        fixed = [part.strip(" ,;:.") for part in re.split(r"\.\.\.|\b(?:\d+|N)\b|\d\d:|=|stage 02|warning:", row)]
        longest = max(fixed, key=len)
        assert longest in source, f"no message says {longest!r}"
