"""Rewrite docs/cli.md from the scripts' own --help texts.

    python tests/update_docs.py
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
PAGE = PROJECT / "docs" / "cli.md"
SCRIPTS = [*sorted((PROJECT / "scripts").glob("0*.py")), PROJECT / "scripts" / "show.py"]


def render() -> str:
    """The page: every script's --help, a hundred columns wide."""
    parts = ["# Command line\n", "Every setting of a profile is a flag of its stage. This page is the scripts' own "
             "`--help`; `python tests/update_docs.py` renews it, a test holds it true.\n"]
    for script in SCRIPTS:
        done = subprocess.run([sys.executable, str(script), "--help"], capture_output=True, text=True, check=True,
                              env={**os.environ, "COLUMNS": "100"})
        parts.append(f"## {script.name}\n\n```text\n{done.stdout.strip()}\n```\n")
    return "\n".join(parts)


if __name__ == "__main__":
    PAGE.write_text(render(), encoding="utf-8")
    print(PAGE)
