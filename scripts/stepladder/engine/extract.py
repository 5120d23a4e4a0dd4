"""The answer letter in a model's reply, and replies that are no reasoning at all. Pure functions.

What counts is what the reply says aloud in its first turn (plain.py). Every statement of an answer in it is found
(statements.py), and they are taken in order:

- a stronger statement replaces a weaker one before it: an answer line outranks sentences on the way to it;
- one that says something else and is not stronger leaves None, but where the reply takes the first one back in between
  ("Answer: B. Wait, ... so C" is C);
- a statement of several letters or of none ("B or C", "none of these") is a statement: it gives None;
- an answer that is taken back with nothing said instead, or called wrong later on, is None too.

A wrong letter is worse than none.
"""

from __future__ import annotations

import re
import zlib
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache

from . import plain, verdict_lines
from .passage import Passage
from .statements import (
    CLOSING,
    DECLARED,
    Statement,
    is_answer_line,
    is_bare_line,
    is_last_line,
    statements,
)


def extract_answer(text: str, choices: Mapping[str, str] | None = None) -> str | None:
    """The letter "A" to "D" a reply concludes with, or None.

    choices: the options, letter -> text; with them "Answer: Paris" is understood too.
    """
    passage = _passage(text, choices)
    found = statements(passage)
    if plain.unclosed_thought(text):
        found = [one for one in found if is_last_line(passage, one)]
    declared = next((one for one in found if one.strength >= DECLARED), None)
    if declared is not None:  # what is said after options are listed again is another question's, or reviews these
        another = passage.next_question(declared.end)
        found = [one for one in found if one.start < another]
    return _decided(passage, found)


def _passage(text: str, choices: Mapping[str, str] | None) -> Passage:
    """What a reply says aloud, laid out."""
    return _laid_out(text, None if choices is None else tuple(choices.items()))


@lru_cache(4)  # the same reply is looked at for its answer, its verdicts and its faults
def _laid_out(text: str, choices: tuple[tuple[str, str], ...] | None) -> Passage:
    return Passage(plain.spoken(text), None if choices is None else dict(choices))


def _decided(passage: Passage, found: Sequence[Statement]) -> str | None:
    """The letter that stands in the end, None where there is none or statements disagree."""
    letter: str | None = None
    strength, end, disputed = -1, 0, False
    for one in found:
        if letter == one.letter or strength < 0 or (letter is None and not disputed and one.strength >= strength):
            letter, strength = one.letter, max(strength, one.strength)
        elif one.strength > strength or passage.taken_back(end, one.end):
            letter, strength, disputed = one.letter, one.strength, False
        elif one.strength == CLOSING:
            continue
        else:
            letter, disputed = None, True
        end = one.end
    return None if passage.retracted(end) or passage.denies(letter, end) else letter


def own_answer(text: str, closing: str, choices: Mapping[str, str] | None = None) -> str | None:
    """The letter that a reply had stated by itself before `closing` was forced upon it, or None."""
    return extract_answer(text.rpartition(closing)[0], choices)


def gives_no_reasoning(text: str, choices: Mapping[str, str] | None = None) -> bool:
    """Whether a reply is its answer and hardly a word more ("Answer: C"): clear, but no reasoning."""
    return degenerate(text) == "near-empty" and extract_answer(text, choices) is not None


def verdicts(text: str, choices: Mapping[str, str] | None = None) -> set[str] | None:
    """The letters judged right where a reply judges options line by line ("B. 66 yes"); None where it does not.

    A line that only repeats an option which ends in such a word ("A. Yes") is told apart by `choices`.
    """
    said = verdict_lines.judged(_passage(text, choices))
    return {letter for letter, (yes, _) in said.items() if yes} if len(said) >= 2 else None


def reasoning_part(text: str) -> str:
    """A reply without its thoughts in tags, its later turns and its concluding answer line with all after it.

    Where nothing stands before that line, what follows it: the answer came first and its reasons behind it. Where it
    concludes otherwise ("The answer is B."), all of it.
    """
    lines = plain.first_turn(plain.without_thoughts(text)).strip().splitlines()
    while lines and (not lines[-1].strip() or is_bare_line(plain.unmarked(lines[-1]))):
        lines.pop()
    ends = [number for number, line in enumerate(lines) if is_answer_line(plain.unmarked(line))]
    if not ends:
        return "\n".join(lines).strip()
    before = "\n".join(lines[:ends[-1]]).strip()
    return before or "\n".join(lines[ends[-1] + 1:]).strip()


# -- degenerate text --------------------------------------------------------------------------------------------------

LEAST_WORDS = 5
LOOP_WORDS = 24
_SENTENCE_END = re.compile(r"(?<=[.!?;])\s+|\n")
_RUN = re.compile(r"([^\s.\-_=*#])\1{19,}|(?:([^\s])\2{39,})")


def degenerate(text: str, least_words: int = LEAST_WORDS) -> str | None:
    """Why a reply is no reasoning: "empty", "near-empty", "constant", "loop"; None where nothing is wrong.

    near-empty: fewer than `least_words` words beside the answer line. constant: one character in a run of 20, or one
    word that makes up half of 8 words or more. loop: a sentence or line of four words or more that occurs three
    times; or, of 24 words or more, fewer than half of the 4-grams are distinct (distinct-n, Li et al. 2016); or text of
    200 characters or more that zlib packs into a tenth.
    """
    said = plain.spoken(text)
    if not re.search(r"\w", said):
        return "empty"
    body = "\n".join(line for line in said.split("\n") if not is_answer_line(line))
    words = re.findall(r"\w+|[^\w\s]+", body.casefold())
    real = [word for word in words if word[0].isalnum()]
    if _RUN.search(body):
        return "constant"
    if len(real) < least_words:
        return "near-empty"
    if len(real) >= 8 and Counter(real).most_common(1)[0][1] > len(real) / 2:
        return "constant"
    sentences = Counter(part.strip().casefold() for part in _SENTENCE_END.split(body)
                        if len([word for word in part.split() if re.search(r"\w", word)]) >= 4)  # "P - 5 = K" has three
    if sentences and max(sentences.values()) >= 3:
        return "loop"
    grams = [tuple(words[i:i + 4]) for i in range(len(words) - 3)]
    if len(words) >= LOOP_WORDS and len(set(grams)) < len(grams) / 2:
        return "loop"
    data = body.encode()
    if len(data) >= 200 and len(zlib.compress(data)) < len(data) / 10:
        return "loop"
    return None
