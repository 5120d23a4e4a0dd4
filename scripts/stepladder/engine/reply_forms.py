"""The forms a student may be trained to reply in, each with all that asking, closing and reading it takes.

    form = of_weights(adapter)                      # what training.json beside the weights says
    messages, prefix = form.asked(record)           # or form.fast(record), for one prefill
    letter = form.read(reply, record["choices"])

A form is part of the training: the student is asked, tested and deployed in the one it learnt.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..core.errors import InputError
from ..core.files import read_json
from ..core.records import LETTERS, Record
from . import extract, plain, prompts
from .statements import is_answer_line

RECORD = "training.json"
"""What stage 04 writes about a training into its adapter's folder."""


@dataclass(frozen=True)
class ReplyForm:
    """Reasoning, then "Answer: X"; the other forms differ from this one.

    variant: the system prompt, of prompts.VARIANTS. opening: the beginning of a reply up to its letter, where it gives
    no reasoning. closing: what is forced upon a reply that must conclude; None where the letter comes first, so that
    there is nothing to conclude. choices: the letters as they follow opening and closing. ending: what a reply has
    after its letter. stop: where an agent's reasoning ends. described: the form in a sentence "It replies ...".
    """

    name: str = "reasoning"
    variant: str = prompts.STUDENT
    opening: str = prompts.CLOSING.lstrip()
    closing: str | None = prompts.CLOSING
    choices: tuple[str, ...] = prompts.LETTER_CHOICES
    ending: str = ""
    stop: tuple[str, ...] = (prompts.CLOSING.lstrip(),)
    described: str = 'by short reasoning that ends in "Answer: X"'

    # -- asking -------------------------------------------------------------------------------------------------------

    def asked(self, record: Record) -> list[prompts.Message]:
        """Chat messages that ask for a reply in this form."""
        return prompts.messages(record, self.variant)

    def fast(self, record: Record) -> tuple[list[prompts.Message], str]:
        """(messages, prefix of the reply) after which the probabilities of prompts.LETTER_CHOICES are the answer."""
        return prompts.fast(record)

    def identity(self, mode: str) -> dict[str, Any]:
        """What of the wording shapes an answer, as `prompts.identity` has it. mode: "fast" or "reasoning"."""
        return prompts.identity(prompts.FAST if mode == "fast" else self.variant)

    # -- writing and reading ------------------------------------------------------------------------------------------

    def write(self, reasoning: str, answer: str) -> str:
        """A whole reply from a reasoning without its answer line, which may be empty, and a letter."""
        return f"{reasoning}{prompts.CLOSING} {answer}" if reasoning else f"{self.opening} {answer}"

    def read(self, text: str, choices: Mapping[str, str] | None = None) -> str | None:
        """The letter that a reply states, or None. choices: the options, letter -> text."""
        return extract.extract_answer(text, choices)

    def own(self, text: str, choices: Mapping[str, str] | None = None) -> str | None:
        """The letter that a reply had stated by itself before the closing was forced upon it, or None."""
        return self.read(text if self.closing is None else text.rpartition(self.closing)[0], choices)

    def steps(self, text: str) -> str:
        """The reasoning in a reply, also in one that was cut."""
        return text

    def plain(self, text: str) -> str:
        """A reply as the words of a reasoning with an answer line, to be looked at for loops and the like."""
        return text

    def concluded(self, text: str) -> str:
        """A reply that ended without a letter, up to where its letter comes next. Not for forms without a closing."""
        return f"{text}{self.closing}"


class LetterFirst(ReplyForm):
    """The answer line first, then the reasoning: the letter can be read off one prefill of the student's own prompt.

    A reply that is cut keeps its letter.
    """

    def fast(self, record: Record) -> tuple[list[prompts.Message], str]:
        """The student's own prompt: its letter comes before any reasoning."""
        return self.asked(record), self.opening

    def identity(self, mode: str) -> dict[str, Any]:
        """In fast mode the student's own prompt with the opening."""
        found = {**prompts.identity(self.variant), "closing": None}
        return {**found, "opening": self.opening} if mode == "fast" else found

    def write(self, reasoning: str, answer: str) -> str:
        """The letter, and below it the reasoning."""
        return f"{self.opening} {answer}\n{reasoning.strip()}".strip()

    def read(self, text: str, choices: Mapping[str, str] | None = None) -> str | None:
        """What the first answer line states, whatever comes after it; of a reply without one, what it concludes."""
        lines = text.split("\n")
        at = next((number for number, line in enumerate(lines) if self._states(line)), None)
        if at is None:
            return extract.extract_answer(text, choices)
        reaches = 2 if plain.unmarked(lines[at]).rstrip().endswith(":") else 1  # "Answer:", its letter on the next line
        return extract.extract_answer("\n".join(lines[at:at + reaches]), choices)

    def steps(self, text: str) -> str:
        """All but the first line, where that is the answer."""
        first, _, rest = text.lstrip().partition("\n")
        return rest.strip() if self._states(first) else text

    @staticmethod
    def _states(line: str) -> bool:
        return is_answer_line(plain.unmarked(line))


_OBJECT = re.compile(r'\{\s*"')
_STATED = re.compile(r'(?<!\\)"answer"\s*:\s*"([^"\\]*)(?:"|$)')
_REASONING = re.compile(r'\{\s*"reasoning"\s*:\s*"')
_STRING = re.compile(r'(?:[^"\\]|\\.)*', re.DOTALL)
_ENDED = re.compile(r'(?<!\\)"\s*[,}]\s*$')


class Json(ReplyForm):
    """One line of JSON, {"reasoning": "...", "answer": "X"}."""

    def identity(self, mode: str) -> dict[str, Any]:
        """In fast mode the same question as any student's."""
        found = super().identity(mode)
        return found if mode == "fast" else {**found, "closing": self.closing}

    def write(self, reasoning: str, answer: str) -> str:
        """Non-ASCII text stays as it is: fewer tokens."""
        return json.dumps({"reasoning": reasoning, "answer": answer}, ensure_ascii=False)

    def read(self, text: str, choices: Mapping[str, str] | None = None) -> str | None:
        """The value of "answer", never what the reasoning says; of a reply that is no JSON, what it concludes."""
        begin = _OBJECT.search(text)
        if begin is None:
            return extract.extract_answer(text, choices)
        stated = _answers(text[begin.start():])
        return extract.extract_answer(f"Answer: {stated[0]}", choices) if len(set(stated)) == 1 else None

    def steps(self, text: str) -> str:
        """The value of "reasoning", as far as it goes."""
        begin = _REASONING.search(text)
        if begin is None:
            return text
        found = _STRING.match(text, begin.end())
        assert found is not None  # it matches the empty string, too
        try:
            return json.loads(f'"{found.group()}"', strict=False)
        except ValueError:  # an escape that JSON does not know, as in "\("
            return found.group()

    def plain(self, text: str) -> str:
        """Its two values in the form of a reasoning."""
        letter = self.read(text)
        return self.steps(text) + (f"{prompts.CLOSING} {letter}" if letter else "")

    def concluded(self, text: str) -> str:
        """Where the reasoning's string was ended, it goes on from there."""
        return f"{_ENDED.sub('', text)}{self.closing}"


def _answers(text: str) -> list[str]:
    """Every value of "answer" in a JSON object at the beginning of a text, or in what there is of one."""
    try:
        pairs, _ = json.JSONDecoder(object_pairs_hook=list, strict=False).raw_decode(text)
    except (ValueError, RecursionError):
        return _STATED.findall(text)
    return [value if isinstance(value, str) else "" for key, value in pairs if key == "answer"]


REASONING = ReplyForm()
LETTER_FIRST = LetterFirst("letter-then-reason", "student-letter-first", closing=None, stop=(),
                           described='by "Answer: X" and short reasoning after it')
JSON = Json("json", "student-json", opening='{"reasoning": "", "answer": "', closing='", "answer": "', choices=LETTERS,
            ending='"}', stop=('", "answer"',),
            described='by one line of JSON, {"reasoning": "...", "answer": "X"}, its reasoning short')
FORMS: dict[str, ReplyForm] = {form.name: form for form in (REASONING, LETTER_FIRST, JSON)}


def of_training(record: Mapping[str, Any]) -> ReplyForm:
    """The form of a training by its record (training.json); those of earlier versions had but one.

    Raises InputError for a form of a later version.
    """
    name = record.get("reply_form", REASONING.name)
    if name not in FORMS:
        raise InputError(f"the reply form {name!r} is not known here (known: {', '.join(FORMS)})")
    return FORMS[name]


def of_weights(path: Path) -> ReplyForm:
    """The form that weights were trained in; the first one for weights without a training record, as any base's.

    path: file or folder. Raises InputError for a form of a later version.
    """
    return of_training(_record_of(path))


def arguments_of_training(record: Mapping[str, Any]) -> dict[str, Any]:
    """What the chat template was given beside the messages in a training by its record; nothing in earlier versions."""
    return dict(record.get("template_arguments", {}))


def arguments_of_weights(path: Path) -> dict[str, Any]:
    """What the chat template was given when weights were trained; nothing for weights without a training record."""
    return arguments_of_training(_record_of(path))


def _record_of(path: Path) -> dict[str, Any]:
    """The training record in the folder of weights, or in the one above that; empty where there is none.

    So an adapter has its own, and so has what was merged with it.
    """
    folders = [path, path.parent, path.parent.parent] if path.is_dir() else [path.parent, path.parent.parent]
    record = next((folder / RECORD for folder in folders if (folder / RECORD).is_file()), None)
    return {} if record is None else read_json(record)
