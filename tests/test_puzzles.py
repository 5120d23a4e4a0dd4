"""What every puzzle promises: one form, one key, the same again from the same seed, no two alike."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from random import Random

import pytest
from scipy.stats import spearmanr

from stepladder.puzzles import KINDS, generate, stream, structure_text, to_record
from stepladder.puzzles.base import SHORT_TOKENS, Kind, Template, Told, World, estimate_tokens
from stepladder.puzzles.words import MEN, WOMEN, a, count_of, listing, people, plural

ROOT = Path(__file__).resolve().parent.parent
ONE_OF_EACH = """
import hashlib, json
from stepladder.puzzles import KINDS, generate, stream, to_record
made = [generate(kind, seed, level, seed % 2 == 0) for kind in KINDS for seed, level in enumerate(KINDS[kind].levels)]
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
    levels = KINDS[kind].levels
    for seed in range(300):
        puzzle = generate(kind, seed, levels[seed % len(levels)], short=seed % 3 == 0)
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
    levels = KINDS[kind].levels
    for seed in range(300):
        puzzle = generate(kind, seed, levels[seed % len(levels)])
        *steps, a_line, b_line, c_line, d_line, last = puzzle.reasoning.split("\n")
        assert last == f"Answer: {puzzle.answer}"
        assert steps
        for letter, line in zip("ABCD", (a_line, b_line, c_line, d_line), strict=True):
            verdict = "yes" if letter == puzzle.answer else "no"
            assert line.replace(": ", " ") == f"{letter}. {puzzle.choices[letter]} {verdict}"
            assert f": {verdict}" in line or not re.search(r" (is|are) ", line), line  # not "No cats are dogs no"
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


def test_letters_are_balanced_in_every_kind() -> None:
    letters: dict[str, Counter] = {kind: Counter() for kind in KINDS}
    for puzzle in stream(500 * len(KINDS), 3):
        letters[puzzle.kind][puzzle.answer] += 1
    for kind, count in letters.items():
        # 500 draws: the chi-square statistic (3 degrees of freedom) passes 21 once in ten thousand kinds.
        expected = count.total() / 4
        assert sum((count[letter] - expected) ** 2 / expected for letter in "ABCD") < 21, (kind, count)


@pytest.mark.parametrize("kind", KINDS)
def test_the_level_follows_the_solver_steps(kind: str) -> None:
    levels = KINDS[kind].levels
    drawn = [generate(kind, seed, levels[seed % len(levels)]) for seed in range(400)]
    assert spearmanr([p.level for p in drawn], [p.steps for p in drawn]).statistic >= 0.8


@pytest.mark.parametrize("kind", KINDS)
def test_the_smallest_worlds_have_a_thousand_structures(kind: str) -> None:
    """The two easiest levels; tests/benchmarks/bench_puzzle_levels.py counts all of them."""
    for level in KINDS[kind].levels[:2]:
        structures: set[tuple] = set()
        for seed in range(3_000):
            structures.add(generate(kind, seed, level).structure)
            if len(structures) == 1_000:
                break
        assert len(structures) == 1_000, level


def test_a_stream_has_no_two_alike_and_mixes_kinds_and_levels() -> None:
    count = 200 * len(KINDS)
    puzzles = list(stream(count, 11))
    assert len({p.structure for p in puzzles}) == len({p.id for p in puzzles}) == count
    assert set(Counter(p.kind for p in puzzles).values()) == {200}
    assert {p.level for p in puzzles} == set(range(1, 11))
    assert [p.id for p in puzzles[:50]] == [p.id for p in stream(50, 11)]


def test_kinds_can_be_held_out() -> None:
    kept = [kind for kind in KINDS if kind not in ("ages", "family")]
    assert {p.kind for p in stream(100, 5, kept)} == set(kept)


def few_structures(monkeypatch: pytest.MonkeyPatch) -> None:
    """A kind of five puzzles beside the others."""

    def draw(rng: Random, level: int) -> list[World]:
        return [World(str(n)) for n in range(4)]

    def tell(rng: Random, level: int, world: World) -> Told:
        return Told(f"Which is {world.option}?", [f"It is {world.option}."], (rng.randrange(5),))

    tiny = Kind("tiny", "Tiny", (), "Puzzles", (Template("only", draw, tell, range(1, 3)),))
    monkeypatch.setitem(KINDS, "tiny", tiny)


def test_a_used_up_kind_drops_out_and_none_left_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    few_structures(monkeypatch)
    assert Counter(p.kind for p in stream(100, 1, ["tiny", "clocks"], (1, 1))) == {"tiny": 5, "clocks": 95}
    with pytest.raises(RuntimeError, match="only 5 different puzzles of tiny at levels"):
        list(stream(6, 1, ["tiny"], (1, 2)))


def test_a_kind_without_the_levels_asked_for_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    few_structures(monkeypatch)
    assert {p.kind for p in stream(20, 1, ["tiny", "clocks"], (3, 4))} == {"clocks"}
    with pytest.raises(RuntimeError, match="only 0 different puzzles of tiny"):
        list(stream(1, 1, ["tiny"], (3, 4)))
    assert (KINDS["tiny"].nearest_level(9), KINDS["clocks"].nearest_level(9)) == (2, 9)


@pytest.mark.parametrize("kind", KINDS)
def test_a_structure_has_no_names_in_it(kind: str) -> None:
    levels = KINDS[kind].levels
    for seed in range(200):
        text = repr(generate(kind, seed, levels[seed % len(levels)]).structure)
        assert not re.search(rf"\b({'|'.join((*WOMEN, *MEN))})\b", text), text


def test_other_names_and_words_do_not_make_a_new_structure() -> None:
    template = KINDS["ages"].templates[1]
    world = template.draw(Random(1), 3)[0]
    told = [template.tell(Random(seed), 3, world) for seed in range(50)]
    assert len({one.question for one in told}) > 40
    assert len({one.structure for one in told}) == 1


def test_unknown_kind_and_level_are_refused() -> None:
    with pytest.raises(ValueError, match="unknown puzzle kind 'chess'"):
        generate("chess", 1, 1)
    with pytest.raises(ValueError, match=r"level of ages must be one of 1, 2.*not 11"):
        generate("ages", 1, 11)


def test_records() -> None:
    puzzle = generate("ages", 4, 2)
    record = json.loads(json.dumps(to_record(puzzle)))
    assert record["id"] == "puzzle/ages/2/4"
    assert record["cot"]["status"] == "solver"
    assert record["cot"]["teacher_answer"] == record["answer"] == puzzle.answer
    assert record["chain_of_thought"].endswith(f"\nAnswer: {puzzle.answer}")
    assert record["puzzle"] == {"kind": "ages", "template": puzzle.template, "level": 2, "steps": puzzle.steps,
                                "structure": structure_text(puzzle)}
    assert re.fullmatch(rf"ages/{puzzle.template}/[0-9a-f]{{16}}", structure_text(puzzle))


def test_domains_are_those_that_the_project_has_for_them() -> None:
    domains = {row["name"]: row["about"].lower() for row in json.loads((ROOT / "data" / "domains.json").read_text())}
    assert {kind.domain for kind in KINDS.values()} <= set(domains)
    seated = ("linear_seating", "circular_seating", "orderings", "truth_tellers", "family", "calendars", "sequences",
              "series")  # fmt: skip
    for kind in KINDS.values():
        assert (kind.domain == "Puzzles") == (kind.name in seated), kind.name


def test_words() -> None:
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
