"""Questions of any length made to fit a prompt: what is too long is cut in the middle, and that is said."""

from __future__ import annotations

from collections.abc import Callable

from ..core.records import LETTERS, Record

GAP = " [...] "
CHARACTERS_A_TOKEN = 8  # text is cut to this many before it is counted at all


def shorten(record: Record, count: Callable[[Record], int], most_tokens: int) -> tuple[Record, bool]:
    """(record whose prompt has at most `most_tokens` tokens by `count`, whether it was cut).

    Options are cut before the question only where a single one is longer than a tenth of the room.
    """
    characters = max(64, most_tokens * CHARACTERS_A_TOKEN)
    fitted = _cut(record, characters)
    for _ in range(40):
        tokens = count(fitted)
        if tokens <= most_tokens or characters <= 16:
            break
        characters = max(16, int(characters * min(0.9, max(0.3, most_tokens / tokens))))
        fitted = _cut(record, characters)
    return fitted, fitted != record


def _cut(record: Record, characters: int) -> Record:
    choices = {letter: middle_cut(record["choices"][letter], max(4, characters // 10)) for letter in LETTERS}
    room = max(8, characters - sum(map(len, choices.values())))
    return {**record, "question": middle_cut(record["question"], room), "choices": choices}


def middle_cut(text: str, characters: int) -> str:
    """Beginning and end of a text that is too long: what is asked usually stands at one of them."""
    if len(text) <= characters:
        return text
    if characters <= 2 * len(GAP):
        return text[:characters]
    room = characters - len(GAP)
    head = room * 2 // 5
    return text[:head] + GAP + text[len(text) - (room - head):]
