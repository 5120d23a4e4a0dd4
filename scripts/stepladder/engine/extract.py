"""The answer letter in a model's reply, and replies that are no reasoning at all. Pure functions.

Rules from strict to lenient; the first kind that occurs in the text decides, and within it the last statement:

1. a line "Answer: B" (also "Final answer", "Correct answer", "#### B", a boxed B);
2. a sentence that concludes: "The answer is (B).", "Option B is correct", "I choose B";
3. verdicts on the options, line by line, of which exactly one is yes: "B. 66 yes";
4. a reply, or its last line, that is a letter and nothing else, or one option written out: "B", "(B) Paris".

A last statement that names several letters ("B or C"), none ("Answer: none"), or contradicts the statement right
before it ("Answer: B\\nAnswer: C" with nothing in between) gives None; so does reasoning that never closes its think
tag, unless it ends in a line of the first kind. A correction after further thought counts: "Answer: B. Wait, ...
Answer: C" is C. Text after the answer that begins a new question is not looked at.
"""

from __future__ import annotations

import re
import unicodedata
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ..core.records import LETTERS


@dataclass(frozen=True)
class Statement:
    """A place where the reply concludes: characters [start, end) of the plain text, and the letter, if it is one."""

    start: int
    end: int
    letter: str | None


# -- reading a letter -------------------------------------------------------------------------------------------------

_OPEN, _CLOSE = r"[(\[{\"'“‘<]*", r"[)\]}\"'”’>]*"
_LETTER = re.compile(
    rf"\s*(?:(?:is|be|the|would|most|likely|correct|option|choice|letter|answer|therefore|thus|clearly|indeed)\s+|[:=]\s*)*"
    rf"(?P<open>{_OPEN})\s*(?P<letter>[A-Da-d])(?P<close>{_CLOSE})(?P<tail>[^\n]*)", re.IGNORECASE)
_SEVERAL = re.compile(
    rf"\s*(?:,|/|\||\+|&|;|-|–|,?\s*\b(?:or|and|nor|and/or)\b)\s*"
    rf"(?:(?:also|maybe|possibly|perhaps|even|both|option|choice)\s+)*{_OPEN}[A-E]{_CLOSE}(?![\w'’])")
_DENIED = re.compile(
    r"\s*(?:is|was|are|would be|seems|looks)?\s*(?:not|n't|wrong|incorrect|false)\b", re.IGNORECASE)
_GOES_ON = re.compile(
    r"\s*(?:$|[.,;:!?)\]}\-–—/|=→*(\"'”’]|(?:because|since|as|for|is|was|and|which|that|it|with|due|given|correct|"
    r"according|based|by|so|from|i|in|the|this|we|would|yes)\b)", re.IGNORECASE)


def _read_letter(rest: str, choices: Mapping[str, str] | None, strict: bool) -> str | None:
    """The one letter that `rest` (what follows "Answer:") names, or None."""
    found = _LETTER.match(rest)
    if found is None:
        return _option_named(rest, choices)
    letter, tail = found["letter"], found["tail"]
    marked = bool(found["open"] or found["close"])
    if re.match(r"[\w'’]|-\w{2}", tail) and not found["close"]:
        return _option_named(rest, choices)  # the beginning of a word
    if letter.islower() and not marked and (not strict or tail.strip(" .!")) and tail[:1] not in (")", ".", ":"):
        return _option_named(rest, choices)  # "a dog"
    letter = letter.upper()
    if _SEVERAL.match(tail) or _DENIED.match(tail):
        return None
    if marked or _GOES_ON.match(tail):
        return letter
    if choices is not None and _plain(tail) == _plain(choices[letter]):
        return letter
    return _option_named(rest, choices)  # "B cells"


def _option_named(rest: str, choices: Mapping[str, str] | None) -> str | None:
    if choices is None:
        return None
    named = [letter for letter in LETTERS if _plain(choices[letter]) == _plain(rest)]
    return named[0] if len(named) == 1 else None


def _plain(text: str) -> str:
    return re.sub(r"\W+", " ", text).strip().casefold()


# -- where replies conclude -------------------------------------------------------------------------------------------

_ANSWER_LINE = re.compile(
    r"^[ \t>#*\-]*(?:(?:so|thus|hence|therefore),?\s+)?(?:(?:the|my)\s+)?(?:(?:final|correct|right|best|my)\s+)*"
    r"(?:answer|ans)(?:\s+(?:choice|option|letter|key))?\s*(?:\(letter\))?\s*(?::|=|->|→|-|–)(?P<rest>[^\n]*)"
    r"|^[ \t]*####(?P<hashes>[^\n]*)|\\boxed\s*\{(?P<boxed>[^{}\n]*)\}", re.IGNORECASE | re.MULTILINE)
_INLINE_ANSWER = re.compile(r"(?<=[.!?;)] )(?:final |correct )?answer\s*:(?P<rest>[^\n]*)", re.IGNORECASE)

_IS = r"(?:is|must be|should be|has to be|would be|will be|would have to be|therefore is|becomes|=|:|→)"
_SURELY = r"(?:indeed |clearly |therefore |thus |the |only )*"
_CUE = re.compile(  # a letter is to follow
    rf"\b(?:(?:answer|option|choice|solution|conclusion|statement|result)(?:\s+(?:here|to (?:this|the) question|choice|"
    rf"option))?|correct one|right one)\s*(?:,?\s*(?:then|therefore|thus|clearly|hence),?)?\s*{_IS}(?:\s*:)?"
    rf"|\b(?:i|we)(?:'d| would| will|'ll)?\s+(?:choose|pick|select|go with|chose|conclude)\b"
    rf"|\b(?:so|thus|hence|therefore)\b,?(?:\s+it(?:'s| is| must be))?(?=\s+{_OPEN}[A-D]{_CLOSE}\s*(?:[.!]|$))",
    re.IGNORECASE | re.MULTILINE)
_JUDGED = re.compile(
    rf"\b(?:option|choice|answer)\s+{_OPEN}(?P<named>[A-D]){_CLOSE}[^.\n]{{0,80}}?\s(?:is|must be|seems|fits|matches)"
    rf"\s+{_SURELY}(?:correct|right|best|true|answer|one)\b"
    rf"|(?:^|[\s,]){_OPEN}(?P<leading>[A-D]){_CLOSE}[.:)]?\s(?:is|must be)\s+{_SURELY}(?:correct|right|best)\b",
    re.IGNORECASE | re.MULTILINE)
_CONDITION = re.compile(
    r"\b(?:if|whether|suppose|supposing|assume|assuming|unless|because|think|thinks|say|says|had|were)\s+(?:that\s+)?"
    r"(?:the\s+|my\s+|our\s+|(?:correct|right|best|final)\s+)*$", re.IGNORECASE)

_VERDICT = re.compile(
    rf"^[ \t>*\-]*(?:option\s+)?{_OPEN}(?P<letter>[A-D]){_CLOSE}[.:)]?(?=\s)[^\n]*?[\s:(\-–—,]*\b"
    rf"(?P<word>yes|no|correct|incorrect)\b[.!)]*[ \t]*$|"
    rf"^[ \t>*\-]*(?:option\s+)?{_OPEN}(?P<ticked>[A-D]){_CLOSE}[.:)]?(?=\s)[^\n]*?(?P<mark>[✓✔✅✗✘❌])[ \t]*$",
    re.IGNORECASE | re.MULTILINE)
_YES = {"yes", "correct", "✓", "✔", "✅"}

_MARKED = re.compile(r"[(\[](?P<bracketed>[A-D])[)\]]|(?<!\w)(?P<dotted>[A-D])[.):]")
_BARE = re.compile(rf"^[ \t>*#\-]*(?:option\s+)?{_OPEN}(?P<letter>[A-Da-d]){_CLOSE}[.!:]?\s*$", re.IGNORECASE)
_CORRECTION = re.compile(r"\b(?:wait|no|actually|sorry|correction|corrected|instead|rather|hmm|oops)\b", re.IGNORECASE)
_NEW_QUESTION = re.compile(r"\n\s*(?:#+\s*)?(?:next )?(?:question|q)\s*\d*\s*[:.)]", re.IGNORECASE)


def _answer_lines(text: str, choices: Mapping[str, str] | None) -> Iterator[Statement]:
    for found in sorted([*_ANSWER_LINE.finditer(text), *_INLINE_ANSWER.finditer(text)], key=lambda m: m.start()):
        rest = next((value for value in found.groupdict().values() if value is not None), "")
        if _plain(rest):  # "Answer:" cut off before its letter says nothing
            read = _LETTER.match(rest)
            end = found.end() - (len(read["tail"]) if read else 0)
            yield Statement(found.start(), end, _read_letter(rest, choices, strict=True))


def _sentences(text: str, choices: Mapping[str, str] | None) -> Iterator[Statement]:
    found = sorted([*_CUE.finditer(text), *_JUDGED.finditer(text)], key=lambda match: match.start())
    for match in found:
        if _CONDITION.search(text, max(0, match.start() - 40), match.start()):
            continue
        if match.re is _JUDGED:
            yield Statement(match.start(), match.end(), (match["named"] or match["leading"]).upper())
            continue
        rest = text[match.end():].partition("\n")[0]
        letter = _read_letter(rest, choices, strict=False)
        if letter is not None or _names_letter(rest):
            yield Statement(match.start(), match.end(), letter)


def _names_letter(rest: str) -> bool:
    """Whether an inconclusive sentence speaks of letters at all ("either B or C"): then it counts as a statement."""
    return bool(re.match(rf"\s*(?:either|both|neither)?\s*{_OPEN}[A-D]{_CLOSE}(?![\w'’])", rest)) or bool(
        re.match(r"\s*none\b", rest, re.IGNORECASE))


def _verdicts(text: str, choices: Mapping[str, str] | None) -> Iterator[Statement]:
    chosen = verdicts(text, choices)
    if chosen:
        last = list(_VERDICT.finditer(text))[-1]
        yield Statement(last.start(), last.end(), chosen.pop() if len(chosen) == 1 else None)


def _bare(text: str, choices: Mapping[str, str] | None) -> Iterator[Statement]:
    lines = text.strip().splitlines()
    if lines and (found := _BARE.match(lines[-1])) is not None:
        if found["letter"].isupper() or (len(lines) == 1 and lines[0] != "a"):
            yield Statement(text.rindex(lines[-1]), len(text), found["letter"].upper())
    elif _MARKED.match(text) and len({m["bracketed"] or m["dotted"] for m in _MARKED.finditer(text)}) == 1:
        yield Statement(0, len(text), _read_letter(text, choices, strict=True))


# -- the answer -------------------------------------------------------------------------------------------------------

def conclusion(text: str, choices: Mapping[str, str] | None = None) -> Statement | None:
    """The statement of `plain_text(text)` that decides, by the rules above; None where there is none at all."""
    plain = plain_text(text)
    unclosed = _unclosed_thought(text)
    statements = list(_answer_lines(plain, choices))
    if statements:
        another = _NEW_QUESTION.search(plain, statements[0].end)
        return _last(plain, [s for s in statements if another is None or s.start < another.start()])
    if unclosed:
        return None
    for rule in (list(_sentences(plain, choices)), list(_verdicts(plain, choices)), list(_bare(plain, choices))):
        if rule:
            return _last(plain, rule)
    return None


def extract_answer(text: str, choices: Mapping[str, str] | None = None) -> str | None:
    """The letter "A" to "D" a reply concludes with, or None.

    choices: the options, letter -> text; with them "Answer: Paris" is understood too.
    """
    statement = conclusion(text, choices)
    return None if statement is None else statement.letter


def _last(text: str, statements: list[Statement]) -> Statement:
    """The last statement; without a letter where the one right before it says something else."""
    last = statements[-1]
    if len(statements) > 1 and statements[-2].letter != last.letter:
        between = text[statements[-2].end:last.start]
        if len(between.split()) <= 3 and not _CORRECTION.search(between):
            return Statement(last.start, last.end, None)
    return last


def verdicts(text: str, choices: Mapping[str, str] | None = None) -> set[str] | None:
    """The letters judged right where a reply judges options line by line ("B. 66 yes"); None where it does not.

    A line that only repeats an option which ends in such a word ("A. Yes") is told apart by `choices`.
    """
    said: dict[str, bool] = {}
    for found in _VERDICT.finditer(plain_text(text)):
        letter = (found["letter"] or found["ticked"]).upper()
        if choices is None or _plain(found.group()) not in (_plain(f"{letter} {choices[letter]}"),
                                                            _plain(f"option {letter} {choices[letter]}")):
            said[letter] = (found["word"] or found["mark"]).lower() in _YES
    return {letter for letter, yes in said.items() if yes} if len(said) >= 2 else None


def reasoning_part(text: str) -> str:
    """A reply without its thoughts in tags and without its concluding answer line and all after it.

    Where it concludes otherwise ("The answer is B."), all of it.
    """
    lines = without_thoughts(text).strip().splitlines()
    for number, line in enumerate(lines):
        plain = plain_text(line)
        if number and _NEW_QUESTION.match("\n" + plain) and any(map(_is_answer_line, lines[:number])):
            lines = lines[:number]
            break
    while lines and (not lines[-1].strip() or _BARE.match(plain_text(lines[-1]))):
        lines.pop()
    ends = [number for number, line in enumerate(lines) if _is_answer_line(line)]
    return "\n".join(lines[:ends[-1]] if ends else lines).strip()


def _is_answer_line(line: str) -> bool:
    return bool(_ANSWER_LINE.match(plain_text(line)))


# -- markup -----------------------------------------------------------------------------------------------------------

_THOUGHT = re.compile(r"<(think|thinking|reasoning|thought)>.*?</\1>", re.IGNORECASE | re.DOTALL)
_THOUGHT_END = re.compile(r"^.*</(?:think|thinking|reasoning|thought)>", re.IGNORECASE | re.DOTALL)
_THOUGHT_BEGIN = re.compile(r"<(?:think|thinking|reasoning|thought)>", re.IGNORECASE)
_EMPHASIS = re.compile(r"\*\*|__|`+|(?<!\w)[*_](?=\S)|(?<=\S)[*_](?!\w)|\$+")
_LATEX_TEXT = re.compile(r"\\(?:text|textbf|mathrm|mathbf|rm|bf)\s*\{([^{}]*)\}")


def plain_text(text: str) -> str:
    """A reply without its thoughts in tags, its emphasis marks and its LaTeX wrappers; line breaks stay."""
    without = unicodedata.normalize("NFKC", without_thoughts(text)).replace("\r\n", "\n")
    without = re.sub(r"</?(?:answer|b|strong|em|i|br)\s*/?>", " ", without, flags=re.IGNORECASE)
    return _EMPHASIS.sub("", _LATEX_TEXT.sub(r"\1", without)).strip()


def without_thoughts(text: str) -> str:
    """A reply without what stands in think tags, and without the tags."""
    without = _THOUGHT.sub("", text)
    without = _THOUGHT_END.sub("", without)  # some templates open the tag in the prompt
    return _THOUGHT_BEGIN.sub("", without)


def _unclosed_thought(text: str) -> bool:
    return bool(_THOUGHT_BEGIN.search(_THOUGHT.sub("", text)))


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
    plain = plain_text(text)
    if not re.search(r"\w", plain):
        return "empty"
    body = _ANSWER_LINE.sub("", plain)
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
