"""Look-alikes of the six question sets, as parquet in the layouts they have on the hub.

    repositories = question_sets(120, 0, revisions)    # "datasets/cais/mmlu@c30699e..." -> files

The questions are strings of made-up words: nothing can be known, and no two are alike.
"""

from __future__ import annotations

import io
import random
from collections.abc import Iterator
from typing import Any

CONSONANTS, VOWELS = "bdfgklmnprstvz", "aeiou"
SUBJECTS = ("anatomy", "astronomy", "business_ethics", "college_physics", "formal_logic", "high_school_geography",
            "jurisprudence", "marketing", "nutrition", "prehistory", "sociology", "virology", "world_religions")
Table = list[dict[str, Any]]


class Words:
    """Made-up words, names and sentences of them."""

    def __init__(self, seed: int) -> None:
        self.lots = random.Random(seed)

    def word(self) -> str:
        return "".join(self.lots.choice(CONSONANTS) + self.lots.choice(VOWELS) for _ in range(self.lots.randint(2, 4)))

    def words(self, count: int) -> str:
        return " ".join(self.word() for _ in range(count))

    def question(self) -> str:
        return f"Which {self.word()} would {self.words(6)} when {self.words(4)}?"

    def options(self, count: int = 4) -> list[str]:
        return [self.words(2) for _ in range(count)]

    def key(self, count: int = 4) -> int:
        return self.lots.randrange(count)


def question_sets(rows: int, seed: int, revisions: dict[str, str]) -> dict[str, dict[str, bytes]]:
    """Repository as tests/hub.py names it -> its files. rows: of each set's largest split; revisions: by source."""
    words = Words(seed)
    made = {
        "mmlu": ("cais/mmlu", _mmlu(words, rows)), "triviaqa": ("mandarjoshi/trivia_qa", _triviaqa(words, rows)),
        "commonsenseqa": ("tau/commonsense_qa", _commonsenseqa(words, rows)),
        "logiqa": ("lucasmccabe/logiqa", _logiqa(words, rows)), "arc": ("allenai/ai2_arc", _arc(words, rows)),
        "openbookqa": ("allenai/openbookqa", _openbookqa(words, rows))}
    found: dict[str, dict[str, bytes]] = {}
    for source, (repository, files) in made.items():
        revision = revisions[source]
        content = {name: parquet(table) for name, table in files.items()}
        if revision == "refs/convert/parquet":  # beside a branch that holds a script
            found[f"datasets/{repository}"] = {"README.md": b"---\n---\n", "logiqa.py": b"raise SystemExit\n"}
        else:
            content["README.md"] = card(files)
        found[f"datasets/{repository}@{revision}"] = content
    return found


def parquet(table: Table) -> bytes:
    """A table as a parquet file."""
    import pyarrow
    import pyarrow.parquet

    stream = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(table), stream)
    return stream.getvalue()


def card(files: dict[str, Table]) -> bytes:
    """The README whose head says which files make which split of which configuration, as the hub's converter writes."""
    configurations: dict[str, list[tuple[str, str]]] = {}
    for name in files:
        folder, _, file = name.rpartition("/")
        split = file.partition("-")[0]
        configurations.setdefault("default" if folder == "data" else folder, []).append((split, f"{folder}/{split}-*"))
    lines = ["---", "configs:"]
    for configuration, splits in configurations.items():
        lines += [f"- config_name: {configuration}", "  data_files:"]
        lines += [f"  - split: {split}\n    path: {path}" for split, path in splits]
    return "\n".join([*lines, "---", ""]).encode()


def _splits(folder: str, sizes: dict[str, int]) -> Iterator[tuple[str, str, int]]:
    for split, rows in sizes.items():
        yield split, f"{folder}/{split}-00000-of-00001.parquet", max(4, rows)


def _mmlu(words: Words, rows: int) -> dict[str, Table]:
    sizes = {"auxiliary_train": rows, "dev": rows // 4, "validation": rows // 3, "test": rows // 2}
    return {name: [{"question": words.question(), "choices": words.options(), "answer": words.key(),
                    "subject": "" if split == "auxiliary_train" else words.lots.choice(SUBJECTS)} for _ in range(count)]
            for split, name, count in _splits("all", sizes)}


def _triviaqa(words: Words, rows: int) -> dict[str, Table]:
    def row(split: str, number: int) -> dict[str, Any]:
        value = str(words.lots.randint(1500, 1990))
        return {"question": f"In which year did {words.word().title()} {words.words(4)}?",
                "question_id": f"{split}_{number}", "question_source": "", "answer": {
                    "aliases": [value], "normalized_aliases": [value],
                    "matched_wiki_entity_name": "", "normalized_matched_wiki_entity_name": "",
                    "normalized_value": value, "type": "Numerical", "value": value}}

    return {name: [row(split, number) for number in range(count)] for split, name, count in _splits(
        "unfiltered.nocontext", {"train": rows, "validation": rows // 4, "test": rows // 4})}


def _labelled(words: Words, count: int, stem: str, options: int = 4, **more: Any) -> Table:
    def row(number: int) -> dict[str, Any]:
        labels = list("ABCDE"[:options])
        return {"id": f"{words.word()}{number}", stem: words.question(), **more,
                "choices": {"label": labels, "text": words.options(options)}, "answerKey": words.lots.choice(labels)}

    return [row(number) for number in range(count)]


def _commonsenseqa(words: Words, rows: int) -> dict[str, Table]:
    return {name: _labelled(words, count, "question", 5, question_concept="thing") for _, name, count in _splits(
        "data", {"train": rows, "validation": rows // 4, "test": rows // 4})}


def _arc(words: Words, rows: int) -> dict[str, Table]:
    return {name: _labelled(words, count, "question") for folder in ("ARC-Challenge", "ARC-Easy")
            for _, name, count in _splits(folder, {"train": rows // 3, "validation": rows // 8, "test": rows // 4})}


def _openbookqa(words: Words, rows: int) -> dict[str, Table]:
    return {name: _labelled(words, count, "question_stem") for folder in ("additional", "main")
            for _, name, count in _splits(folder, {"train": rows // 2, "validation": rows // 8, "test": rows // 8})}


def _logiqa(words: Words, rows: int) -> dict[str, Table]:
    return {f"default/{split}/0000.parquet": [
        {"context": f"{words.words(12).capitalize()}.", "query": words.question(), "options": words.options(),
         "correct_option": words.key()} for _ in range(count)]
        for split, count in {"train": rows, "validation": rows // 8, "test": rows // 8}.items()}
