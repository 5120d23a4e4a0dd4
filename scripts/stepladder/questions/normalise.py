"""A row becomes a record with exactly four options, or a rejection that says why not."""

from __future__ import annotations

import re

from stepladder.core.options import names_letters, refers_to_options
from stepladder.core.records import LETTERS, Record

from .rows import Rejection, Row, as_json, dice
from .text import clean

_LABELLED = re.compile(r"\(?([A-J])\s*[.):]\s*(?=\S)")
_RUN_TOGETHER = re.compile(r"\b[A-D]\s?[.)].+\b[B-D]\s?[.)].+\b[A-D]\s?[.)]", re.DOTALL)
_CJK = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_SPEAKS_OF_SIGNS = re.compile(
    r"\b(?:chinese|japanese|korean|kanji|hanja|mandarin|cantonese|characters?|hiragana|katakana)\b", re.IGNORECASE)
RUN_TOGETHER_CHARS = 400
MOST_OPTIONS = "ABCDEFGHIJ"


def to_record(row: Row, max_chars: int) -> Record | Rejection:
    """The record of a row that has options.

    Options are compared byte for byte ("BB Bb" and "Bb Bb" are two genotypes). Of more than four some wrong ones are
    left out, chosen by the row's id; an option that repeats another goes first. max_chars: question and options
    together.
    """
    question = clean(row.question)
    options = _without_labels([clean(option) for option in row.options])
    reason = _fault(question, options, row.key)
    note = row.note
    names = list(MOST_OPTIONS)
    while reason is None and len(options) > 4:
        dropped = _one_to_drop(row, options)
        if dropped is None:
            reason = "options that speak of one another"
        else:
            note = _joined(note, f"left out the wrong option {names.pop(dropped)}: {options[dropped]}")
            key_text = options[row.key]  # type: ignore[index]
            options = [option for index, option in enumerate(options) if index != dropped]
            row.key = options.index(key_text)
    if reason is None:
        reason = _fault_of_four(question, options, max_chars)
    if reason is not None:
        return Rejection(row.id, row.source, reason, as_json(row))
    assert row.key is not None
    return make_record(row, question, options, row.key, note)


def make_record(row: Row, question: str, options: list[str], key: int, note: str | None = None) -> Record:
    """The project's record; `domain` is None until it is known."""
    record: Record = {
        "id": row.id, "question": question, "choices": dict(zip(LETTERS, options, strict=True)),
        "answer": LETTERS[key], "source": row.source, "subject": row.subject,
        "domain": row.extra.get("domain"), "split": row.split}
    if note:
        record["note"] = note
    return record | {name: value for name, value in row.extra.items() if name not in record}


def _fault(question: str, options: list[str], key: int | None) -> str | None:
    if not question:
        return "empty question"
    if _stray_signs(question, options):
        return "stray signs of another script"
    if key is None:
        return "no key"
    if not 4 <= len(options) <= len(MOST_OPTIONS):
        return "not four options"
    if not 0 <= key < len(options):
        return "the key is none of the options"
    if not all(options):
        return "empty choice"
    if options.count(options[key]) > 1:
        return "the key's text under two letters"
    return None


def _stray_signs(question: str, options: list[str]) -> bool:
    """Whether Chinese, Japanese or Korean signs stand in an otherwise Latin question: leftovers of a translation."""
    text = " ".join([question, *options])
    signs = len(_CJK.findall(text))
    return 0 < signs < 0.1 * sum(map(str.isalpha, text)) and not _SPEAKS_OF_SIGNS.search(text)


def _fault_of_four(question: str, options: list[str], max_chars: int) -> str | None:
    if len(set(options)) < 4:
        return "equal choices"
    if any(len(option) > RUN_TOGETHER_CHARS and _RUN_TOGETHER.search(option) for option in options):
        return "options run together"
    if len(question) + sum(map(len, options)) > max_chars:
        return "too long"
    return None


def _one_to_drop(row: Row, options: list[str]) -> int | None:
    """Index of the wrong option to leave out; None when none can go without changing the others' meaning."""
    if any(map(names_letters, options)):
        return None
    wrong = [index for index in range(len(options)) if index != row.key]
    repeated = [index for index in wrong if options.index(options[index]) < index]
    plain = [index for index in wrong if not refers_to_options(options[index])]
    candidates = repeated or plain
    return candidates[dice("drop", row.id) % len(candidates)] if candidates else None


def _without_labels(options: list[str]) -> list[str]:
    """Take "A." or "(A)" off the options where every option carries one, in order; "B. F. Skinner" keeps his."""
    labels = [_LABELLED.match(option) for option in options]
    found = [label[1] for label in labels if label]
    if len(found) == len(options) >= 3 and len(set(found)) == len(found) and found == sorted(found):
        return [option[label.end():].strip() for option, label in zip(options, labels, strict=True) if label]
    return options


def _joined(first: str | None, second: str) -> str:
    return f"{first}; {second}" if first else second
