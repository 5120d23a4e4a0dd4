"""The report: one self-contained page about a whole run, made from whatever outputs exist.

    python scripts/show.py report --profile laptop
"""

from __future__ import annotations

from pathlib import Path

from stepladder.core.files import write_bytes_atomically
from stepladder.core.workspace import Workspace


def render(workspace: Workspace, output: Path | None = None) -> Path:
    """Write the page and return its path: `output`, or data/enhanced/report_TAG.html.

    A stage whose output is missing or unreadable is named on the page; nothing stops it from being made.
    """
    from .found import read_all
    from .page import html

    path = output or workspace.enhanced("report").with_suffix(".html")
    write_bytes_atomically(path, html(workspace, read_all(workspace)).encode())
    return path
