"""What every puzzle promises: one form, one key, the same again from the same seed, no two alike."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from stepladder.puzzles import KINDS, generate, stream, to_record
from stepladder.puzzles.base import SHORT_TOKENS, estimate_tokens
from stepladder.puzzles.words import a, count_of, listing, people, plural

ROOT = Path(__file__).resolve().parent.parent
ONE_OF_EACH = """
import hashlib, json
from stepladder.puzzles import KINDS, generate, stream, to_record
made = [generate(kind, seed, 1 + seed, seed % 2 == 0) for kind in KINDS for seed in range(10)]
made += stream(100, 7)
print(hashlib.sha256(json.dumps([to_record(p) for p in made]).encode()).hexdigest())
"""


def digest(hash_seed: str) -> str:
    env = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT / "scripts")}
    done = subprocess.run(
        [sys.executable, "-c", ONE_OF_EACH], env=env, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def test_the_same_puzzles_with_any_hash_seed() -> None:
    first = digest("1")
    assert len(first) == 64
    assert digest("12345") == first


@pytest.mark.parametrize("kind", KINDS)
def test_every_puzzle_is_well_formed(kind: str) -> None:
    for seed in range(300):
        puzzle = generate(kind, seed, 1 + seed % 10, short=seed % 3 == 0)
        assert list(puzzle.choices) == list("ABCD")
        assert len(set(puzzle.choices.values())) == 4
        assert all(text == text.strip() and text for text in puzzle.choices.values())
        assert puzzle.question[-1] in "?." or puzzle.question.endswith("...")
        assert not re.search(r"  | [.,](?!\.)|[^,] \?|\{|\}|None\b(?! of)", puzzle.question), puzzle.question
        hash(puzzle.structure)
        if seed % 3 == 0:
            assert puzzle.token_estimate <= SHORT_TOKENS


@pytest.mark.parametrize("kind", KINDS)
def test_the_reasoning_goes_through_the_options_and_ends_with_the_key(kind: str) -> None:
    for seed in range(300):
        puzzle = generate(kind, seed, 1 + seed % 10)
        *steps, a_line, b_line, c_line, d_line, last = puzzle.reasoning.split("\n")
        assert last == f"Answer: {puzzle.answer}"
        assert steps
        for letter, line in zip("ABCD", (a_line, b_line, c_line, d_line), strict=True):
            verdict = "yes" if letter == puzzle.answer else "no"
            assert line.replace(": ", " ") == f"{letter}. {puzzle.choices[letter]} {verdict}"
        # What the steps arrive at is what the key says.
        key = puzzle.choices[puzzle.answer]
        key = (
            key.removeprefix("Only ").removesuffix(" degrees").removesuffix(" metres").removesuffix(" metre")
        )
        found = re.sub(r"[^a-z0-9]+", " ", steps[-1].lower())
        words = re.sub(r"[^a-z0-9]+", " ", key.lower()).split()
        if key not in ("None of them", "Neither of them", "All of them", "Both of them"):
            assert (
                all(word in found.split() for word in words if word not in ("and", "metres", "metre"))
                or kind == "directions"
            ), puzzle
        assert puzzle.reasoning_words <= (66 if puzzle.level <= 3 else 115), puzzle


def test_letters_are_balanced_in_every_kind_and_cannot_be_guessed_from_the_options() -> None:
    letters: dict[str, Counter] = {kind: Counter() for kind in KINDS}
    ranks: Counter = Counter()
    for puzzle in stream(6500, 3):
        letters[puzzle.kind][puzzle.answer] += 1
        if all(text.isdigit() for text in puzzle.choices.values()):
            ordered = sorted(puzzle.choices.values(), key=int)
            ranks[ordered.index(puzzle.choices[puzzle.answer])] += 1
    for kind, count in letters.items():
        # 500 draws: the chi-square statistic (3 degrees of freedom) passes 21 once in ten thousand kinds.
        expected = count.total() / 4
        assert sum((count[letter] - expected) ** 2 / expected for letter in "ABCD") < 21, (kind, count)
    assert max(ranks.values()) < 0.45 * ranks.total()


def test_higher_levels_take_more_steps() -> None:
    for kind in KINDS:
        low, high = (
            [len(p.question) + len(p.reasoning) for p in stream(60, 1, [kind], levels)]
            for levels in ((1, 2), (9, 10))
        )
        assert sum(high) > 1.15 * sum(low), kind


def test_a_stream_has_no_two_alike_and_mixes_kinds_and_levels() -> None:
    puzzles = list(stream(2600, 11))
    assert len({p.structure for p in puzzles}) == len({p.id for p in puzzles}) == 2600
    assert set(Counter(p.kind for p in puzzles).values()) == {200}
    assert {p.level for p in puzzles} == set(range(1, 11))
    assert [p.id for p in puzzles[:50]] == [p.id for p in stream(50, 11)]


def test_kinds_can_be_held_out() -> None:
    kept = [kind for kind in KINDS if kind not in ("ages", "family")]
    assert {p.kind for p in stream(100, 5, kept)} == set(kept)


def test_a_used_up_kind_drops_out_and_none_left_is_an_error() -> None:
    assert len(list(stream(1500, 1, ["linear_seating", "clocks"], (1, 1)))) == 1500
    with pytest.raises(RuntimeError, match="different puzzles of linear_seating at levels"):
        list(stream(1500, 1, ["linear_seating"], (1, 1)))


def test_names_do_not_make_a_new_structure() -> None:
    """Among easy puzzles many differ in names and wording alone: their structures are equal."""
    made = [generate("linear_seating", seed, 1) for seed in range(600)]
    assert len({p.question for p in made}) > 590
    assert len({p.structure for p in made}) < 500


def test_unknown_kind_and_level_are_refused() -> None:
    with pytest.raises(ValueError, match="unknown puzzle kind 'chess'"):
        generate("chess", 1, 1)
    with pytest.raises(ValueError, match="level must be 1 to 10"):
        generate("ages", 1, 11)


def test_records() -> None:
    puzzle = generate("ages", 4, 2)
    record = json.loads(json.dumps(to_record(puzzle)))
    assert record["id"] == "puzzle/ages/2/4"
    assert record["cot"]["status"] == "solver"
    assert record["cot"]["teacher_answer"] == record["answer"] == puzzle.answer
    assert record["chain_of_thought"].endswith(f"\nAnswer: {puzzle.answer}")
    assert record["puzzle"] == {"kind": "ages", "level": 2, "structure": repr(puzzle.structure)}


def test_domains_are_among_the_projects() -> None:
    text = (ROOT / "data" / "domains.json").read_text(encoding="utf-8")
    for kind in KINDS.values():
        assert f'"{kind.domain}"' in text


def test_words() -> None:
    from random import Random

    assert (a("apple"), a("box")) == ("an apple", "a box")
    assert (plural("box of pens"), plural("cherry"), plural("toy"), count_of(1, "peach")) == (
        "boxes of pens",
        "cherries",
        "toys",
        "1 peach",
    )
    assert listing(["x"]) == "x"
    assert listing(["x", "y", "z"]) == "x, y and z"
    cast = people(Random(1), 8)
    assert len({p.name[:2] for p in cast}) == 8
    assert estimate_tokens("Nine cats, 42!") == 2 + 1 + 1 + 3 + 1
