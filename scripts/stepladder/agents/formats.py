"""Questions and answers as the tournament writes them, read from whatever they may be. Pure functions.

A tournament question is {"topic", "question", "choices": ["A) ...", ..., "D) ..."], "answer": "B", "explanation"}, an
answer {"answer": "B", "reasoning"}. Inside, agents work on the project's records ({"id", "question", "choices": {"A":
...}, ...}); `read_question` and `read_text` make one from outside matter or say why they cannot.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..core.errors import InputError
from ..core.records import LETTERS, Record

MOST_WORDS = 100  # of an explanation or a reasoning, by the rules
MOST_CHARACTERS = 200_000  # of a question or an option that is looked at; more is cut

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]")
_SURROGATES = re.compile(r"[\ud800-\udfff]")
# A chat template's own marks: inside a question they must stay text, or the question could speak as the system.
_MARKS = re.compile(
    r"<(\s*[|｜][^<>\n]{0,60}?[|｜]\s*|/?(?:s|bos|eos|pad|unk|think|tool_call|tools|start_of_turn|end_of_turn))>"
    r"|\[(/?INST|/?SYSTEM_PROMPT|/?AVAILABLE_TOOLS)\]", re.IGNORECASE)
_PREFIX = re.compile(r"^\s*[(\[{*\"']*\s*(?:(?:option|choice)\s+)?(?P<mark>[A-Da-d])\s*(?:[)\]}.:*、]+|\s[-–]\s)\s*")
# A number is a mark only with space behind it: "1.5", "2:30" and "4" are options themselves.
_NUMBER = re.compile(r"^\s*[(\[]?\s*(?P<mark>[1-4])\s*[)\]}.:]\s+(?=\S)")
_OPTION_LINE = re.compile(r"^[ \t>*\-]*[(\[]?(?P<mark>[A-Da-d])\s*[)\].:][ \t]*(?=\S)", re.MULTILINE)
_OPTION_INLINE = re.compile(r"(?:(?<=\s)|^)[(\[]?(?P<mark>[A-D])[)\].:]\s*(?=\S)")
_LETTER = re.compile(r"^\s*[(\[{*\"']*\s*(?:(?:option|choice|answer)\s*:?\s*)?([A-Da-d])(?![\w])", re.IGNORECASE)


def clean(text: str) -> str:
    """Text without control characters and lone surrogates, its chat-template marks made harmless."""
    text = _SURROGATES.sub("\ufffd", text[:MOST_CHARACTERS].replace("\r\n", "\n").replace("\r", "\n"))
    return _MARKS.sub(_spaced, _CONTROL.sub(" ", text)).strip()


def _spaced(found: re.Match[str]) -> str:
    return f"< {found[1].strip().strip('|｜').strip()} >" if found[1] else f"( {found[2]} )"


def clip_words(text: str, most: int = MOST_WORDS) -> str:
    """At most `most` words, cut at the end; line breaks stay."""
    words = list(re.finditer(r"\S+", text))
    return text.strip() if len(words) <= most else text[: words[most - 1].end()].strip()


# -- reading ----------------------------------------------------------------------------------------------------------

def read_question(raw: Any, name: str = "question") -> tuple[Record | None, str | None]:
    """(record, None), or (None, why it is no four-option question).

    Takes choices as a list or as an object, with any usual prefix or none, keys in any case, further keys, and a
    missing or odd answer: then the record has no "answer". `name` becomes the record's id.
    """
    if isinstance(raw, str):
        return read_text(raw, name)
    if not isinstance(raw, Mapping):
        return None, f"not an object but {type(raw).__name__}"
    fields = {key.strip().lower(): value for key, value in raw.items() if isinstance(key, str)}
    question = fields.get("question")
    if not isinstance(question, str) or not clean(question):
        return None, "no question text"
    choices, reason = read_choices(fields.get("choices", fields.get("options")))
    if choices is None:
        return None, reason
    record: Record = {"id": name, "question": clean(question), "choices": choices}
    answer = read_letter(fields.get("answer"))
    if answer is not None:
        record["answer"] = answer
    for key in ("topic", "explanation"):
        if isinstance(fields.get(key), str):
            record[key] = clean(fields[key])
    return record, None


def read_choices(raw: Any) -> tuple[dict[str, str] | None, str | None]:
    """(letter -> text without prefix, None), or (None, reason).

    Letters come from the keys of an object, else from the prefixes where these are A to D or 1 to 4, each once, else
    from the order.
    """
    named = isinstance(raw, Mapping)
    if named:
        marks = {str(key).strip().upper()[:1]: value for key, value in raw.items()}
        if len(raw) != len(LETTERS) or set(marks) != set(LETTERS):
            return None, "choices are not A, B, C and D"
        raw = [marks[letter] for letter in LETTERS]
    if not isinstance(raw, Sequence) or isinstance(raw, (str, bytes)) or len(raw) != len(LETTERS):
        return None, "not four choices"
    texts = []
    for value in raw:
        if isinstance(value, bool) or not isinstance(value, (str, int, float)):
            return None, "a choice is no text"
        texts.append(clean(str(value)))
    for pattern in (_PREFIX,) if named else (_PREFIX, _NUMBER):
        prefixes = [pattern.match(text) for text in texts]
        letters = [found and LETTERS[("ABCD" if pattern is _PREFIX else "1234").index(found["mark"].upper())]
                   for found in prefixes]
        if set(letters) == set(LETTERS) and (not named or letters == list(LETTERS)):
            bare = {letter: text[found.end():].strip()
                    for letter, text, found in zip(letters, texts, prefixes, strict=True)}
            if all(bare.values()):
                return {letter: bare[letter] for letter in LETTERS}, None
    if not all(texts):
        return None, "an empty choice"
    return dict(zip(LETTERS, texts, strict=True)), None


def read_letter(raw: Any) -> str | None:
    """The letter A to D that an answer begins with ("b", "B) Paris", "(C)"), or None."""
    found = _LETTER.match(raw[:40]) if isinstance(raw, str) else None
    return found[1].upper() if found else None


def read_text(text: str, name: str = "question") -> tuple[Record | None, str | None]:
    """A record from a question pasted as text with its options A to D, on lines of their own or inline; or a reason."""
    text = clean(text)
    for pattern in (_OPTION_LINE, _OPTION_INLINE):
        marks = list(pattern.finditer(text))
        for first in range(len(marks) - 3):
            four = marks[first:first + 4]
            if "".join(mark["mark"].upper() for mark in four) != "".join(LETTERS):
                continue
            ends = [mark.start() for mark in four[1:]] + [len(text)]
            texts = [text[mark.end():end].strip().strip(",;").strip() for mark, end in zip(four, ends, strict=True)]
            texts[3] = texts[3].split("\n")[0].strip()  # what follows the last option belongs to something else
            question = text[: four[0].start()].strip()
            if question and all(texts):
                return {"id": name, "question": question, "choices": dict(zip(LETTERS, texts, strict=True))}, None
    return None, "no question with options A, B, C and D in it"


def read_file(path: Path) -> list[Any]:
    """The list in a tournament file. Raises InputError when it cannot be read or is no JSON list."""
    try:
        content = json.loads(path.read_text("utf-8-sig", errors="replace"))
    except FileNotFoundError:
        raise InputError(f"{path} does not exist") from None
    except IsADirectoryError:
        raise InputError(f"{path} is a directory, a JSON file was expected") from None
    except RecursionError:
        raise InputError(f"{path} is nested too deeply to be a list of questions") from None
    except ValueError as error:
        raise InputError(f"{path} is not valid JSON: {error}") from error
    if not isinstance(content, list):
        raise InputError(f"{path} holds {type(content).__name__}, a list was expected")
    return content


def read_topics(raw: Any) -> dict[str, list[str]]:
    """topic -> subtopics from any topic file's content. Raises InputError when it names no topic at all."""
    found: dict[str, list[str]] = {}
    if isinstance(raw, Mapping):
        for topic, below in raw.items():
            inner = below if isinstance(below, (list, Mapping)) else [below]
            found[clean(str(topic))] = [text for item in inner if isinstance(item, str) and (text := clean(item))]
    elif isinstance(raw, list):
        found = {clean(item): [] for item in raw if isinstance(item, str)}
    found.pop("", None)
    if not found:
        raise InputError('a topic file is {"topic": ["subtopic", ...]} with at least one topic')
    return found


# -- writing ----------------------------------------------------------------------------------------------------------

def question_object(record: Record, topic: str, explanation: str | None = None) -> dict[str, Any]:
    """The tournament's form of a record."""
    found = {"topic": topic, "question": record["question"],
             "choices": [f"{letter}) {record['choices'][letter]}" for letter in LETTERS], "answer": record["answer"]}
    return found | ({"explanation": clip_words(explanation)} if explanation else {})


def answer_object(letter: str, reasoning: str) -> dict[str, str]:
    """The tournament's form of an answer, its reasoning within 100 words."""
    return {"answer": letter, "reasoning": clip_words(reasoning)}
