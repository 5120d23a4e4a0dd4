"""One door to a model, wherever it runs: a GGUF file on this machine, or servers behind URLs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .requests import Backend


def open_backend(model: str | Path, *, endpoints: Sequence[str] = (), **options: Any) -> Backend:
    """The engine for a GGUF file; with `endpoints`, those servers instead, asked for the model named `model`.

    `options` go to `Engine` or `Endpoint`. Close what you get, or use it in a `with` block.

    Raises:
        EngineError: the model cannot be loaded, or no server answers.
    """
    if endpoints:
        from .endpoint import Endpoint

        return Endpoint(endpoints, model=str(model), **options)
    from .batching import Engine

    return Engine(model, **options)
