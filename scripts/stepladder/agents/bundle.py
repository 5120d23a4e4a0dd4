"""The tournament bundle: a folder AIAC that runs by the organisers' commands, by itself, wherever it is copied.

It holds the agents' programs, those modules of this package that they need, settings, and the deployed weights (as
hard links, so that they take no room here; copies or, above a size, symbolic links where that is not possible).
"""

from __future__ import annotations

import errno
import importlib.metadata
import os
import shutil
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from stepladder import puzzles
from stepladder.core.files import disk_errors, write_bytes_atomically, write_json
from stepladder.core.settings import Agents, EngineSettings
from stepladder.core.shards import model_files

from .formats import answer_object, question_object
from .players import Player, size_bytes
from .validator import Calibration

PACKAGE = Path(__file__).resolve().parents[1]
KIT = Path(__file__).resolve().parent / "aiac"
MODULES = ("__init__.py", "core/__init__.py", "core/errors.py", "core/files.py", "core/records.py", "core/options.py",
           "core/shards.py", "agents/__init__.py", "agents/answerer.py", "agents/fitting.py", "agents/formats.py",
           "agents/free_text.py", "agents/pace.py", "agents/published_filter.py", "agents/topics.py",
           "agents/validator.py", "agents/writer.py")
ROOMS = ("engine", "puzzles")  # copied whole
REQUIREMENTS = ("llama-cpp-python", "numpy", "orjson", "Jinja2", "PyYAML")
SAMPLE_SEED = 7
ANSWERING = """# The answering agent. seconds: wall time of a batch.
max_new_tokens: {tokens}
seconds: {seconds}
"""
WRITING = """# The question-writing agent. seconds: wall time of a batch; source: auto, puzzle or model;
# difficulty: 1 to 10.
max_new_tokens: {tokens}
seconds: {seconds}
difficulty: 10
source: auto
"""


def code_files() -> dict[str, Path]:
    """Path in the bundle -> file of this project, for everything that is program text."""
    files = {f"stepladder/{name}": PACKAGE / name for name in MODULES}
    for room in ROOMS:
        files |= {f"stepladder/{path.relative_to(PACKAGE)}": path for path in sorted((PACKAGE / room).rglob("*"))
                  if path.suffix in (".py", ".toml")}
    kit = {str(path.relative_to(KIT)): path for path in sorted(KIT.rglob("*")) if path.is_file() and
           "__pycache__" not in path.parts}
    return files | kit


def made_files(agents: Agents, engine: EngineSettings, deployed: Player, calibration: Calibration) -> dict[str, Any]:
    """Path in the bundle -> text, or JSON value, of what is written rather than copied."""
    topics = {kind.topic: list(kind.subtopics) for kind in puzzles.KINDS.values()}
    sample = puzzles.generate(next(iter(puzzles.KINDS)), SAMPLE_SEED, 4, short=True)
    question = question_object(puzzles.to_record(sample), puzzles.KINDS[sample.kind].topic, sample.reasoning)
    return {
        "assets/topics.json": topics,
        "assets/topics_example.json": {name: topics[name] for name in list(topics)[:3]},
        "assets/sample_question.json": question,
        "assets/sample_answer.json": answer_object(sample.answer, sample.reasoning),
        "agen.yaml": ANSWERING.format(tokens=agents.answer_tokens, seconds=agents.answer_seconds),
        "qgen.yaml": WRITING.format(tokens=agents.question_tokens, seconds=agents.question_seconds),
        "deployment.json": {
            "deployed": deployed.name, "model": f"weights/{deployed.model.name}",
            "adapter": f"weights/{deployed.adapter.name}" if deployed.adapter else None,
            "reply_form": deployed.form.name, "template_arguments": dict(deployed.template_arguments),
            "engine": {"sequences": engine.sequences, "context": engine.context,
                       "batch_tokens": min(engine.batch_tokens, agents.step_tokens), "kv": engine.kv},
            "calibration": asdict(calibration)},
        "requirements.txt": "".join(f"{name}=={importlib.metadata.version(name)}\n" for name in REQUIREMENTS),
        "outputs/.gitkeep": "",
    }


def paths(folder: Path) -> list[Path]:
    """Every file of a bundle but the weights: what "done" depends on."""
    made = ("assets/topics.json", "assets/topics_example.json", "assets/sample_question.json",
            "assets/sample_answer.json", "agen.yaml", "qgen.yaml", "deployment.json", "requirements.txt")
    return [folder / name for name in (*code_files(), *made)]


def build(folder: Path, agents: Agents, engine: EngineSettings, deployed: Player, calibration: Calibration) -> str:
    """Write the bundle afresh (what is in its outputs/ stays); returns how the weights got there."""
    with disk_errors(folder):
        for old in ("agents", "utils", "assets", "stepladder", "weights"):
            shutil.rmtree(folder / old, ignore_errors=True)
        for name, source in code_files().items():
            write_bytes_atomically(folder / name, source.read_bytes())
        for name, content in made_files(agents, engine, deployed, calibration).items():
            if isinstance(content, str):
                write_bytes_atomically(folder / name, content.encode())
            else:
                write_json(folder / name, content)
        files = [*model_files(deployed.model), *([deployed.adapter] if deployed.adapter else [])]
        return place_weights(files, folder / "weights", agents.copy_gb)


def place_weights(files: Sequence[Path], folder: Path, copy_gb: float) -> str:
    """Hard-link the files into `folder`; on another disk copy them, or link them symbolically above `copy_gb`."""
    folder.mkdir(parents=True, exist_ok=True)
    ways: set[str] = set()
    for file in files:
        source, target = file.resolve(), folder / file.name
        target.unlink(missing_ok=True)
        try:
            os.link(source, target)
            way = "hard link"
        except OSError as error:
            if error.errno not in (errno.EXDEV, errno.EPERM, errno.ENOTSUP, errno.EMLINK, errno.EACCES):
                raise
            if size_bytes(source) <= copy_gb * 1e9:
                shutil.copyfile(source, target)
                way = "copy"
            else:
                target.symlink_to(source)
                way = "symbolic link"
        ways.add(way)
    return " and ".join(sorted(ways))
