"""The deployed model: where its weights are, how it is opened, and what the yaml files set."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import yaml

from stepladder.agents.answerer import Answerer, Limits
from stepladder.core.errors import InputError
from stepladder.engine import reply_forms
from stepladder.engine.backend import open_backend
from stepladder.engine.requests import Backend

ROOT = Path(__file__).resolve().parents[1]


class Tokenizer:
    """The model's tokens, by the calls that the organisers' code makes."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    def encode(self, text: str, add_special_tokens: bool = False) -> list[int]:
        """Token ids of a text."""
        tokens = [int(token) for token in self._backend.tokenize(text)]  # type: ignore[attr-defined]
        extra = len(tokens) - self._backend.count_tokens(text)
        return tokens if add_special_tokens else tokens[extra:]

    def __call__(self, text: str, **options: Any) -> dict[str, list[int]]:
        return {"input_ids": self.encode(text, **options)}

    def count(self, text: str) -> int:
        """Number of tokens."""
        return self._backend.count_tokens(text)


def settings(name: str) -> dict[str, Any]:
    """The contents of qgen.yaml or agen.yaml. Raises InputError."""
    path = ROOT / name
    try:
        found = yaml.safe_load(path.read_text("utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise InputError(f"{path}: {error}") from error
    if not isinstance(found, dict):
        raise InputError(f"{path} holds no settings")
    return found


def describe() -> dict[str, Any]:
    """deployment.json: weights, reply form, what the chat template is given, engine, calibration."""
    return json.loads((ROOT / "deployment.json").read_text("utf-8"))


def open_model() -> Backend:
    """The deployed model, its adapter switched on and its chat template told.

    Raises InputError where its weights are not there.
    """
    found = describe()
    weights = [ROOT / found[key] for key in ("model", "adapter") if found[key]]
    for path in weights:
        if not path.exists():
            raise InputError(f"{path} is missing; copy the whole AIAC folder (cp -rL), or run stage 06 again")
    adapters = {"student": weights[1]} if found["adapter"] else {}
    backend = open_backend(weights[0], adapters=adapters, **found["engine"])
    backend.template_arguments = reply_forms.arguments_of_training(found)
    if adapters:
        backend.use_adapter("student")  # type: ignore[attr-defined]
    return backend


def answerer(backend: Backend) -> Answerer:
    """The answering agent by the limits in agen.yaml, in the form that its model was trained in."""
    found = settings("agen.yaml")
    limits = Limits(int(found["max_new_tokens"]), float(found["seconds"]))
    return Answerer(backend, limits, form=reply_forms.of_training(describe()))


def write(path: Path, content: list[Any]) -> None:
    """A JSON list, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", "utf-8")
    temporary.replace(path)


def filtered(path: Path) -> Path:
    """outputs/questions.json -> outputs/filtered_questions.json."""
    return path.with_name(f"filtered_{path.name}")


def fail(error: Exception) -> None:
    """End with the error in one line."""
    print(f"error: {error}", file=sys.stderr)
    sys.exit(2)
