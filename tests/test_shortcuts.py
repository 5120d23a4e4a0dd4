"""Nobody who looks at the options alone may know a puzzle's answer; and the guessers that say so can see a shortcut."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Any

import pytest

from stepladder.core.records import LETTERS
from stepladder.puzzles import KINDS, generate, to_record
from stepladder.puzzles.base import Kind, Template, Told, World
from stepladder.questions import shortcuts

COUNT = 1000  # puzzles a template and seed: chance plus five standard deviations is 31.8 %
A_TEMPLATE, OVER_ALL = 0.32, 0.28


def made(kind: Kind, template: Template, seed: int, count: int = COUNT) -> list[dict[str, Any]]:
    levels = template.levels
    return [to_record(kind.generate(seed * 10**6 + i, levels[i % len(levels)], i % 3 == 0, template.name))
            for i in range(count)]


def accuracy(kind: Kind, template: Template) -> dict[str, float]:
    return shortcuts.measure(made(kind, template, 1), made(kind, template, 2))


@pytest.fixture(scope="module")
def table() -> dict[str, dict[str, float]]:
    return {f"{kind.name}/{template.name}": accuracy(kind, template)
            for kind in KINDS.values() for template in kind.templates}


def test_no_template_gives_its_answer_away(table: dict[str, dict[str, float]]) -> None:
    told = {name: shortcuts.best(row) for name, row in table.items()}
    assert {name: row for name, row in told.items() if row["accuracy"] > A_TEMPLATE} == {}


def test_no_guesser_gains_over_all_puzzles(table: dict[str, dict[str, float]]) -> None:
    for guesser in next(iter(table.values())):
        assert sum(row[guesser] for row in table.values()) / len(table) <= OVER_ALL, guesser


# -- the guessers see what there is to see ----------------------------------------------------------------------------


def question(texts: list[str], right: str, number: int) -> dict[str, Any]:
    return {"id": str(number), "source": "planted", "question": "?", "answer": LETTERS[texts.index(right)],
            "choices": dict(zip(LETTERS, texts, strict=True))}


def planted(shortcut: str, count: int, seed: int) -> list[dict[str, Any]]:
    """Questions of four shuffled options whose right one stands out in one way, or not at all."""
    rng = Random(f"{shortcut}/{seed}")
    rows = []
    for number in range(count):
        value = rng.randint(50, 90)
        words = rng.sample(("oak", "elm", "ash", "fir", "yew", "box", "bay", "fig"), 4)
        options = {
            "lowest": [str(value + more) for more in (0, 3, 5, 9)],
            "amidst": [str(value + more) for more in (0, 1, -8, 9)],
            "odd one": [str(2 * value + more) for more in (1, 2, 8, 14)],
            "longest": [words[0] + " tree of the wood", *words[1:]],
            "a word": [f"never {words[0]}", *(f"often {word}" for word in words[1:])],
            "unlike": [f"big {words[0]}", *(f"old {word} leaf" for word in words[1:])],
            "nothing": words,
        }[shortcut]
        rows.append(question(rng.sample(options, 4), options[0], number))
    return rows


@pytest.mark.parametrize("shortcut", ["lowest", "amidst", "odd one", "longest", "a word", "unlike"])
def test_a_planted_shortcut_is_seen(shortcut: str) -> None:
    rows = shortcuts.measure(planted(shortcut, 400, 1), planted(shortcut, 400, 2))
    assert shortcuts.best(rows)["accuracy"] > 0.9, rows


def test_where_nothing_stands_out_nothing_is_seen() -> None:
    rows = shortcuts.measure(planted("nothing", 2000, 1), planted("nothing", 2000, 2))
    assert shortcuts.best(rows)["accuracy"] < 0.30


@pytest.mark.parametrize("kind", ["arithmetic", "ages"])
def test_a_kind_whose_wrong_options_all_lie_above_the_answer_is_caught(kind: str) -> None:
    """A template that can tell one of its four worlds alone, the lowest, is unfair, and is seen."""
    template = next(one for one in KINDS[kind].templates if one.levels[0] == 1)

    def draw(rng: Random, level: int) -> list[World] | None:
        worlds = template.draw(rng, level)
        lowest = worlds and min(int(world.option) for world in worlds)
        return worlds and [World(world.option, (int(world.option) == lowest, world)) for world in worlds]

    def tell(rng: Random, level: int, world: World) -> Told | None:
        lowest, own = world.facts
        return template.tell(rng, level, own) if lowest else None

    broken = replace(template, draw=draw, tell=tell)
    row = accuracy(replace(KINDS[kind], templates=(broken,)), broken)
    assert row["value"] == 1.0
    assert shortcuts.best(row)["accuracy"] > A_TEMPLATE


# -- over sources -----------------------------------------------------------------------------------------------------


def test_sources_are_measured_out_of_fold_each_by_itself() -> None:
    rows = [row | {"source": "clean"} for row in planted("nothing", 600, 1)]
    rows += [row | {"source": "leaky"} for row in planted("longest", 300, 2)]
    rows += [row | {"source": "tiny"} for row in planted("longest", shortcuts.FEWEST - 1, 3)]
    by_source = shortcuts.out_of_fold(rows)
    assert by_source["leaky"]["accuracy"] == 1.0
    assert by_source["clean"]["accuracy"] < 0.34
    assert by_source["tiny"] == {"questions": shortcuts.FEWEST - 1}
    assert {row["questions"] for row in by_source.values()} == {600, 300, shortcuts.FEWEST - 1}


def test_the_same_questions_in_another_order_measure_the_same() -> None:
    rows = planted("a word", 400, 5)
    assert shortcuts.out_of_fold(rows) == shortcuts.out_of_fold(Random(1).sample(rows, len(rows)))


def test_nothing_to_learn_on_is_an_error() -> None:
    with pytest.raises(ValueError, match="learn on"):
        shortcuts.measure([], planted("nothing", 3, 1))


def test_templates_can_be_asked_for_by_name() -> None:
    kind, template = next((kind, kind.templates[-1]) for kind in KINDS.values() if len(kind.templates) > 1)
    assert generate(kind.name, 5, template.levels[0], template=template.name).template == template.name
    with pytest.raises(ValueError, match="has no template 'riddle'"):
        generate(kind.name, 5, kind.levels[0], template="riddle")
