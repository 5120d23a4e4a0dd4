"""Stage 00 as it is run: the real script on small files in a temporary working folder."""

from __future__ import annotations

import importlib
import json
import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from stepladder.core.records import problem
from stepladder.core.settings import Questions
from stepladder.questions import duplicates
from stepladder.questions.collect import collect
from stepladder.questions.formats import own

PROJECT = Path(__file__).resolve().parents[1]
SCRIPT = PROJECT / "scripts/00_collect_questions.py"
WORDS = [
    a + b
    for a in ("ba", "ke", "li", "mo", "nu", "pa", "re", "si", "to", "vu")
    for b in ("dan", "fel", "gor", "hit", "jun", "lam", "mek", "nor", "pil", "ruz")
]


def run(
    workdir: Path, *arguments: str, hash_seed: str = "0", profile: str = "laptop"
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(SCRIPT), "--profile", profile, "--workdir", str(workdir), *arguments],
        capture_output=True,
        text=True,
        cwd=workdir,
        timeout=120,
        env={
            **os.environ,
            "PYTHONHASHSEED": hash_seed,
            "HF_HUB_OFFLINE": "1",
            "HF_ENDPOINT": "http://127.0.0.1:9",
            "HF_HOME": str(workdir / "hf"),
        },
    )


def read(workdir: Path, name: str, tag: str = "sample") -> Any:
    return json.loads((workdir / f"data/enhanced/{name}_{tag}.json").read_bytes())


def parts(workdir: Path) -> dict[str, list[dict[str, Any]]]:
    return {part: read(workdir, part) for part in ("questions", "validation", "test")}


def made_up(number: int, **changes: Any) -> dict[str, Any]:
    """A record whose text shares hardly a word with any other number's."""
    text = " ".join(
        WORDS[(number * 7 + step * step * 3 + number // 10 * step) % 100] + str(number % 97) for step in range(9)
    )
    return {
        "id": f"made/{number}",
        "question": f"{text}?",
        "choices": {letter: f"{letter} {number}" for letter in "ABCD"},
        "answer": "ABCD"[number % 4],
        "source": "made",
        "subject": None,
        "domain": "Physics",
        **changes,
    }


def write(path: Path, value: Any) -> Path:
    path.write_text(json.dumps(value))
    return path


@pytest.fixture(scope="module")
def laptop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    workdir = tmp_path_factory.mktemp("laptop")
    result = run(workdir)
    assert result.returncode == 0, result.stderr
    return workdir


# -- the laptop's sample ----------------------------------------------------------------------------------------------


def test_the_laptop_sample_has_its_sizes_domains_letters_and_solved_puzzles(laptop: Path) -> None:
    found = parts(laptop)
    assert {part: len(records) for part, records in found.items()} == {"questions": 1000, "validation": 64, "test": 240}
    everything = [record for records in found.values() for record in records]
    assert len({record["id"] for record in everything}) == 1304
    assert all(problem(record) is None for record in everything)
    assert len({record["domain"] for record in found["questions"]}) == 42
    sources = Counter(record["source"] for record in everything)
    assert set(sources) == {"sample", "puzzle"}
    assert sources["sample"] >= 255
    tested = Counter((record.get("puzzle") or {}).get("kind", "sample") for record in found["test"])
    assert tested.pop("sample") == 80, "a third is of the 42 domains"
    assert len(tested) == 3
    assert min(tested.values()) >= 50
    letters = Counter(record["answer"] for record in everything)
    assert all(0.2 < count / 1304 < 0.3 for count in letters.values())
    solved = [record for record in everything if record["source"] == "puzzle"]
    assert all(
        record["cot"]["status"] == "solver" and record["chain_of_thought"].endswith(f"Answer: {record['answer']}")
        for record in solved
    )


def test_the_meta_keeps_the_books(laptop: Path) -> None:
    counts = json.loads((laptop / "data/enhanced/questions_sample.meta.json").read_bytes())["counts"]
    for row in counts["by_source"].values():
        assert row["read"] == row["kept"] + row["rejected"] + row["duplicates"] + row["not_sampled"]
    assert (counts["records"], counts["training"], counts["test"]) == (1304, 1000, 240)
    assert counts["coverage"]["covered"] == 42


def test_a_second_run_has_nothing_to_do_and_another_hash_seed_writes_the_same_bytes(
    laptop: Path, tmp_path: Path
) -> None:
    assert "already done" in run(laptop).stdout
    assert run(tmp_path, hash_seed="77").returncode == 0
    for name in ("questions", "validation", "test", "rejected"):
        path = f"data/enhanced/{name}_sample.json"
        assert (laptop / path).read_bytes() == (tmp_path / path).read_bytes()


def test_datasets_loads_the_files(laptop: Path, tmp_path: Path) -> None:
    import datasets

    loaded = datasets.load_dataset(
        "json", data_files=str(laptop / "data/enhanced/questions_sample.json"), split="train", cache_dir=str(tmp_path)
    )
    assert len(loaded) == 1000
    assert set(loaded.column_names) >= {"id", "question", "choices", "answer", "source", "domain", "chain_of_thought"}


def test_a_smaller_sample_lies_within_the_larger_one(laptop: Path, tmp_path: Path) -> None:
    assert run(tmp_path, "--size", "302").returncode == 0
    for part, records in parts(tmp_path).items():
        larger = {record["id"]: record for record in parts(laptop)[part]}
        assert all(larger[record["id"]] == record for record in records)


def test_only_source_makes_a_control_of_equal_size(tmp_path: Path) -> None:
    assert run(tmp_path, "--only-source", "puzzle", "--size", "100", "--puzzle-kinds", "family").returncode == 0
    everything = [record for records in parts(tmp_path).values() for record in records]
    assert len(everything) == 100
    assert {record["subject"] for record in everything} == {"family"}


def test_a_held_out_quota_of_no_source_is_refused_and_a_source_without_one_is_named(tmp_path: Path) -> None:
    refused = run(tmp_path, "--heldout-quotas", "puzzles=2")
    assert refused.returncode == 2
    assert "no source 'puzzles'" in refused.stderr
    told = run(tmp_path, "--heldout-quotas", "puzzle=1")
    assert "nothing of sample is held out: heldout_quotas name others" in told.stdout
    assert {record["source"] for record in parts(tmp_path)["test"]} == {"puzzle"}


# -- duplicates and contamination -------------------------------------------------------------------------------------


def plant(tmp_path: Path) -> Path:
    """A published test row, its paraphrase, its text with other options, and 60 rows apart from it."""
    text = "What is the name of the largest planet in our solar system?"
    planted = [
        made_up(
            900,
            question=text,
            split="test",
            choices=dict(zip("ABCD", ["Jupiter", "Mars", "Io", "Pluto"], strict=True)),
            answer="A",
        ),
        made_up(
            901,
            question="Largest planet of our solar system: what is it called?",
            answer="B",
            choices=dict(zip("ABCD", ["Venus", "Jupiter", "Mars", "Sun"], strict=True)),
        ),
        made_up(
            902, question=text, choices=dict(zip("ABCD", ["Jove", "Mars", "Ceres", "Vesta"], strict=True)), answer="A"
        ),
        made_up(
            903,
            question="Which is the largest planet in our whole solar system?",
            answer="C",
            choices=dict(zip("ABCD", ["Earth", "Titan", "the gas giant Jupiter", "Sun"], strict=True)),
        ),
    ]
    return write(tmp_path / "q.json", [made_up(number) for number in range(60)] + planted)


def straddles(found: dict[str, list[dict[str, Any]]]) -> list[tuple[str, str]]:
    """Pairs of questions on two sides that share most of their longer words: counted here, not by the project."""
    words = [(part, record["id"], {word[:6] for word in re.findall(r"[a-z0-9]{4,}", record["question"].lower())})
             for part, records in found.items() for record in records]
    return [(a, b) for number, (part, a, one) in enumerate(words) for other, b, two in words[number + 1:]
            if part != other and len(one & two) >= 0.6 * len(one | two)]


def test_no_paraphrase_stands_on_two_sides(tmp_path: Path) -> None:
    path = plant(tmp_path)
    assert run(tmp_path, "--sources", "json", "--from", f"json={path}").returncode == 0
    found = parts(tmp_path)
    assert straddles(found) == []
    held = {record["id"] for record in found["test"]}
    assert {"made/900", "made/902", "made/903"} <= held, "a published test row, and what is like it, is held out"
    gone = {entry["id"]: entry for entry in read(tmp_path, "rejected")}
    assert gone["made/901"]["reason"] == "near duplicate"
    assert gone["made/901"]["of"] == "made/900"


def test_without_the_near_duplicate_check_the_same_files_do_straddle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Proves that the test above can fail."""
    monkeypatch.setattr(duplicates, "candidate_pairs", lambda texts: iter(()))
    monkeypatch.setattr(duplicates, "_join_equal", lambda records, sets: None)
    assert straddles(collected(json.loads(plant(tmp_path).read_text())).parts)


def test_contradicting_keys_both_go(tmp_path: Path) -> None:
    clash = [made_up(1, id=f"clash/{letter}", answer=letter) for letter in "AB"]
    collection = collected([*(made_up(number) for number in range(2, 30)), *clash])
    assert {entry["id"] for entry in collection.rejected} == {"clash/A", "clash/B"}
    assert {entry["reason"] for entry in collection.rejected} == {"contradicting key"}


# -- the books --------------------------------------------------------------------------------------------------------


def collected(content: list[Any], size: int = 10_000, **changes: Any):
    chosen = Questions(quotas={}, **changes)
    return collect(
        {"json": own.from_records(content, "json", "q.json")}, chosen, [], ["Physics"], {}, 0, size, lambda line: None
    )


WILD = st.one_of(
    st.none(),
    st.text(max_size=5),
    st.just({}),
    st.builds(lambda number: made_up(number), st.integers(0, 40)),
    st.builds(
        lambda number, question, options, answer: {
            **made_up(number),
            "id": f"wild/{number}",
            "question": question,
            "choices": dict(zip("ABCD", options, strict=False)),
            "answer": answer,
        },
        st.integers(0, 40),
        st.text(max_size=20),
        st.lists(st.text(max_size=4), max_size=4),
        st.sampled_from(["A", "D", "E", "", None]),
    ),
)


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@example([{**made_up(0), "id": "wild/0", "choices": dict.fromkeys("ABCD", "0"), "answer": "E"}], 1)
@given(st.lists(WILD, max_size=30), st.integers(1, 80))
def test_every_row_is_kept_rejected_a_duplicate_or_not_sampled(content: list[Any], size: int) -> None:
    content = content + [made_up(number) for number in range(100, 115)]
    collection = collected(content, size)
    kept = [record["id"] for records in collection.parts.values() for record in records]
    table = collection.counts["by_source"]
    assert sum(row["read"] for row in table.values()) == len(content)
    assert sum(row["rejected"] + row["duplicates"] for row in table.values()) == len(collection.rejected)
    assert sum(row["not_sampled"] for row in table.values()) == len(content) - len(kept) - len(collection.rejected)
    assert all(row["not_sampled"] >= 0 for row in table.values())
    assert len(kept) == len(set(kept)) <= size
    json.dumps(collection.rejected)


def test_ids_do_not_depend_on_the_order_of_files(tmp_path: Path) -> None:
    first, second = (
        write(tmp_path / f"{name}.json", [made_up(number) for number in numbers])
        for name, numbers in (("one", range(40)), ("two", range(40, 80)))
    )
    for name, files in (("a", (first, second)), ("b", (second, first))):
        (tmp_path / name).mkdir()
        result = run(tmp_path / name, "--sources", "json", *(f"--from=json={file}" for file in files))
        assert result.returncode == 0, result.stderr
    assert parts(tmp_path / "a") == parts(tmp_path / "b")


# -- sources ----------------------------------------------------------------------------------------------------------


def test_classified_domains_come_with_a_measured_accuracy(tmp_path: Path) -> None:
    rows = [made_up(number, domain=None, subject="anatomy" if number % 2 else None) for number in range(60)]
    (tmp_path / "data").mkdir()
    result = run(tmp_path, "--sources", "json", "--from", f"json={write(tmp_path / 'q.json', rows)}")
    assert result.returncode == 0, result.stderr
    counts = json.loads((tmp_path / "data/enhanced/questions_sample.meta.json").read_bytes())["counts"]
    assert counts["classifier"]["classified"] == 30
    assert counts["classifier"]["trained_on"]["made"] == 30
    assert 0 <= counts["classifier"]["accuracy"]["all"] <= 1
    found = [record for records in parts(tmp_path).values() for record in records]
    assert all(record["domain"] == "Anatomy" for record in found if record["subject"] == "anatomy")
    assert all(record["domain"] for record in found)


def test_the_hub_is_read_through_datasets_at_the_pinned_revision(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import datasets

    from stepladder.questions import hub, sources

    real = datasets.load_dataset
    asked = []

    def local(repository: str, configuration: str | None, split: str, revision: str) -> Any:
        asked.append((repository, configuration, split, revision))
        rows = [
            {"question": f"{split} {n}?", "subject": "anatomy", "choices": ["w", "x", "y", "z"], "answer": n}
            for n in range(4)
        ]
        path = tmp_path / f"{split}.parquet"
        datasets.Dataset.from_list(rows).to_parquet(path)
        return real("parquet", data_files=str(path), split="train", cache_dir=str(tmp_path / "cache"))

    monkeypatch.setattr(datasets, "load_dataset", local)
    monkeypatch.setattr(hub, "_offline_if_unreachable", lambda attempts: None)
    found = list(sources.rows("mmlu", Questions(revisions={"mmlu": "abc123"}), Path("none"), 0))
    assert {entry[3] for entry in asked} == {"abc123"}
    assert asked[0][:2] == ("cais/mmlu", "all")
    assert [row.id for row in found if row.split == "validation"] == [f"mmlu/anatomy/val/{n}" for n in range(4)]
    assert [row.key for row in found if row.split == "test"] == [0, 1, 2, 3]


@pytest.mark.parametrize("profile", ["laptop", "mi300x"])
def test_the_plan_writes_nothing(tmp_path: Path, profile: str) -> None:
    result = run(tmp_path, "--plan", profile=profile)
    assert result.returncode == 0, result.stderr
    assert "computed" in result.stdout
    assert "held out" in result.stdout
    assert not (tmp_path / "data").exists()


# -- bad input --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"[]", "has no records"),
        (b'{"a": 1}', "a JSON list"),
        (b"[{", "not valid JSON"),
        ('["\u00e9"]'.encode("latin-1"), "UTF-8"),
        (b"", "empty"),
        (None, "does not exist"),
        ("folder", "holds no *.json or *.jsonl"),
    ],
)
def test_bad_files_end_in_one_line_and_touch_nothing(tmp_path: Path, content: bytes | str | None, said: str) -> None:
    path = tmp_path / "q.json"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content == "folder":
        path.mkdir()
    result = run(tmp_path, "--sources", "json", "--from", f"json={path}")
    assert result.returncode == 2
    assert said in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert not list(tmp_path.glob("data/enhanced/*.json"))


def test_bad_records_are_rejected_by_reason_and_the_rest_goes_on(tmp_path: Path) -> None:
    bad = [
        made_up(70, choices={"A": "x", "B": "y", "C": "z"}),
        made_up(71, answer="E"),
        made_up(72, choices=dict.fromkeys("ABCD", "same")),
        "no object",
        made_up(5),
    ]
    path = write(tmp_path / "q.json", [*(made_up(number) for number in range(40)), *bad])
    assert run(tmp_path, "--input", str(path)).returncode == 0
    assert Counter(entry["reason"] for entry in read(tmp_path, "rejected")) == {
        "not four choices A-D": 1,
        "answer is not A, B, C or D": 1,
        "the key's text under two letters": 1,
        "not an object": 1,
        "repeated id": 1,
    }
    assert sum(map(len, parts(tmp_path).values())) == 40


@pytest.mark.parametrize(
    "arguments",
    [
        ["--from", "mmlu"],
        ["--from", "nope=x"],
        ["--sources", "nope"],
        ["--only-source", "nope"],
        ["--puzzle-kinds", "nope"],
    ],
)
def test_bad_arguments(tmp_path: Path, arguments: list[str]) -> None:
    result = run(tmp_path, *arguments)
    assert result.returncode == 2, result.stdout
    assert len(result.stderr.strip().splitlines()) == 1


def test_the_script_can_be_imported_and_builds_its_parser() -> None:
    module = importlib.import_module("00_collect_questions")
    assert "--from" in module.build_parser().format_help()
