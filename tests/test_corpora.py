"""The corpus of reply endings itself: what each item must have before anything may be measured against it.

An item is a reply to a question with the options A to D and the letter a careful human reader takes from it,
or null where the reader finds no single answer. "why" gives the reason where it is not obvious.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path

import pytest

ENDINGS = Path(__file__).parent / "corpora" / "reply_endings.json"
FIELDS = {"id", "kind", "options", "reply", "letter", "why"}
LETTERS = "ABCD"


@pytest.fixture(scope="module")
def endings() -> list[dict]:
    return json.loads(ENDINGS.read_text(encoding="utf-8"))


def shape(reply: str) -> str:
    """A reply with its letters, numbers and spacing made alike: two of one shape differ in nothing else."""
    return re.sub(r"\s+", " ", re.sub(r"\d+", "0", re.sub(r"\b[A-D]\b", "A", reply))).strip()


def test_every_item_has_the_fields_of_an_item(endings: list[dict]) -> None:
    for item in endings:
        assert set(item) == FIELDS, item
        assert all(isinstance(item[field], str) for field in FIELDS - {"options", "letter"}), item["id"]
        assert item["letter"] is None or item["letter"] in set(LETTERS), item["id"]


def test_the_options_are_four_different_texts(endings: list[dict]) -> None:
    for item in endings:
        assert "".join(item["options"]) == LETTERS, item["id"]
        texts = {text.strip() for text in item["options"].values()}
        assert len(texts - {""}) == len(LETTERS), item["id"]


def test_ids_are_unique_and_number_their_kind(endings: list[dict]) -> None:
    seen: Counter[str] = Counter()
    for item in endings:
        seen[item["kind"]] += 1
        assert item["id"] == f"{item['kind']}-{seen[item['kind']]:02d}"


def test_there_are_enough_items_of_every_kind(endings: list[dict]) -> None:
    kinds = Counter(item["kind"] for item in endings)
    assert len(endings) >= 420
    assert 15 <= len(kinds) <= 25
    assert {kind: count for kind, count in kinds.items() if not 12 <= count <= 40} == {}


def test_no_letter_is_a_good_guess_and_none_is_common(endings: list[dict]) -> None:
    letters = Counter(item["letter"] for item in endings)
    assert letters[None] >= len(endings) / 5
    for letter in LETTERS:
        assert len(endings) / 8 <= letters[letter] <= len(endings) / 4, letter


def test_a_reading_of_none_says_why(endings: list[dict]) -> None:
    assert [item["id"] for item in endings if item["letter"] is None and not item["why"]] == []


def test_replies_are_distinct_and_few_share_a_shape(endings: list[dict]) -> None:
    replies = Counter(item["reply"] for item in endings)
    assert [reply for reply, count in replies.items() if count > 1] == []
    shapes = Counter(shape(item["reply"]) for item in endings)
    assert [text for text, count in shapes.items() if count > 3] == []
