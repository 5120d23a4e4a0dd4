"""What a reply says aloud, as plain lines: without thoughts, later turns, markup, LaTeX, tables and odd letter forms.

    plain.spoken("<think>A?</think>**Answer:** $\\boxed{B}$\\n\\nUser: next")    # "\\nAnswer: B\\n"

Every step is one pass over the text, with patterns that cannot go back over more than a bounded stretch.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache

# -- thoughts ---------------------------------------------------------------------------------------------------------

_SURE_NAME = r"(?:\w{1,12}:)?(?:think|thinking|thoughts?|reasoning|reflection|scratchpad|cot)"
_TAG = re.compile(rf"[<\[◁]\|?(?P<end>/?)\|?(?P<name>{_SURE_NAME}|analysis|details)\|?[>\]▷]", re.IGNORECASE)
_SURE_TAG = re.compile(rf"[<◁]\|?{_SURE_NAME}\|?[>▷]|\[think\]", re.IGNORECASE)
"""Opens a thought by itself; other tags ("[Reasoning]", "<details>") may be headings, unless they are closed."""
_CHANNEL = re.compile(
    r"(?i:<\|channel\|>\s*(?P<tag>\w{1,12})[^<\n]{0,40}<\|message\|>"
    r"|<\|(?P<edge>begin|end|start)_(?:of_thought|thinking)\|>)"
    r"|^(?P<first>analysis|commentary)(?=[A-Z\s])|(?:<\|start\|>)?assistant\s?(?P<next>final|analysis|commentary)")
_BARE_FINAL = "assistantfinal"  # nobody writes it; without it the bare words of channels are ordinary ones
_OPENED = re.compile(rf"(?:{_SURE_TAG.pattern}|<\|channel\|>analysis<\|message\|>"
                     r"|<\|(?:begin|start)_(?:of_thought|thinking)\|>)\s*\Z", re.IGNORECASE)
_TAG_BEGUN = re.compile(r"[<\[◁]\|?/?\|?[\w:]{0,24}\|?\Z")
_ANSWER_LINE = re.compile(r"[\W_]{0,12}(?:(?:final|correct)\s)?answer\b[\W_]{0,12}(?:(?:is|boxed)\b[\W_]{0,12})?[A-D]"
                          r"(?![^\W_])", re.IGNORECASE)
MOST_TAG = 64  # characters of an opening tag and the blank lines after it
_TAGS_BY_MARK = {"<|start|>": "<|channel|>analysis<|message|>", "[THINK]": "[THINK]"}
"""How a model opens a thought by itself, by what its prompts have in them; any other: <think>."""


def without_thoughts(text: str) -> str:
    """A reply without what stands in thought tags or channels, and without the tags."""
    aloud, _, rest, _ = _parts(text)
    return "".join([*aloud, rest])


def unclosed_thought(text: str) -> bool:
    """Whether the reply ends in the middle of a thought."""
    return _parts(text)[3]


def split_thought(text: str, opening: str = "") -> tuple[str | None, str]:
    """(what a reply thought, None where that is nothing; the reply without it).

    opening: the tag of a thought that its prompt had opened. A thought that is not closed goes on to the end, but one
    that ends in an answer line is the reply, and left as it is.
    """
    aloud, thoughts, rest, unclosed = _parts(text, opened=bool(opening))
    if not thoughts or (unclosed and _ANSWER_LINE.match(rest.rstrip().rpartition("\n")[2])):
        return None, text
    pieces = (piece.strip().removesuffix("<|start|>assistant").removesuffix("<|end|>") for piece in thoughts)
    thought = "\n\n".join(pieces).strip()
    return thought or None, "".join([*aloud, "" if unclosed else rest]).lstrip("\n")


def shapes_thought(token: str) -> bool:
    """Whether a special token is one of those that thoughts and channels are made of."""
    return _TAG.fullmatch(token) is not None or token in ("<|channel|>", "<|message|>", "<|start|>")


def opened_thought(prompt: str) -> str:
    """The opening tag, with the line break after it, that a prompt ends in; "" where it ends in none."""
    found = _OPENED.search(prompt, max(0, len(prompt) - MOST_TAG))
    return found.group() if found else ""


def within_tag(text: str) -> bool:
    """Whether a text ends in the middle of what may become a tag."""
    return _TAG_BEGUN.search(text, max(0, len(text) - MOST_TAG)) is not None


def end_of_thought(text: str, opening: str = "") -> str:
    """What ends the thought in which a reply stands, in the tags it was opened with; "" where it stands in none.

    opening: the tag of a thought that its prompt had opened.
    """
    tags = _tags(text)
    now, depth = _closing_tag(opening), _depth(text, tags, bool(opening))
    bare = _BARE_FINAL in text
    channels = [found for found in _CHANNEL.finditer(text) if _counts(found, bare)]
    for tag in sorted([*tags, *channels], key=lambda found: found.start()):
        if tag.re is _CHANNEL:
            now = "" if _channel(tag) == "final" else _end_of(tag)
        elif tag["end"]:
            depth = max(0, depth - 1)
            now = now if depth else ""
        else:
            now = now if depth else _end_of(tag)
            depth += 1
    return now


def with_thought(prompt: str, thought: str | None, text: str) -> str:
    """What a prompt is continued with: the thought in the tags that go with the prompt, then `text`.

    Without a thought it is `text` alone, behind the end of a thought that the prompt has opened.
    """
    opening = opened_thought(prompt)
    if thought is None:
        return _closing_tag(opening) + text
    begun = "" if opening else next((tags for mark, tags in _TAGS_BY_MARK.items() if mark in prompt), "<think>\n")
    return begun + thought + _closing_tag(opening or begun) + text


def _closing_tag(opening: str) -> str:
    """The end of a thought by its opening, which may be "" for no thought."""
    found = _TAG.search(opening) or _CHANNEL.search(opening)
    return _end_of(found) if found else ""


def _end_of(opening: re.Match[str]) -> str:
    """The end of a thought by the match of its opening; blank lines stand where the opening has a line of its own."""
    tag = opening.group()
    if opening.re is _TAG:
        place = opening.start("name") - opening.start()
        end = f"{tag[:place]}/{tag[place:]}"
    elif opening["edge"]:
        end = re.sub("begin|start", "end", tag, count=1, flags=re.IGNORECASE)
    else:
        return "<|end|><|start|>assistant<|channel|>final<|message|>" if opening["tag"] else "assistantfinal"
    return f"\n{end}\n\n" if opening.string[opening.end():opening.end() + 1] == "\n" else end


def _tags(text: str) -> list[re.Match[str]]:
    """The tags of thoughts in a text, without those that may be headings and are never closed."""
    found: list[re.Match[str]] = []
    ends: Counter[str] = Counter()  # behind the tag that is looked at, by name
    for tag in reversed(list(_TAG.finditer(text))):
        name = tag["name"].casefold()
        if tag["end"] or ends[name] or _SURE_TAG.fullmatch(tag.group()):
            ends[name] = max(0, ends[name] + (1 if tag["end"] else -1))
            found.append(tag)
    return found[::-1]


def _depth(text: str, tags: Sequence[re.Match[str]], opened: bool) -> int:
    """In how many thoughts a reply begins; a model that repeats the prompt's opening is in one all the same."""
    repeats = bool(tags) and not tags[0]["end"] and not text[:tags[0].start()].strip()
    return int(opened and not repeats)


def _parts(text: str, opened: bool = False) -> tuple[list[str], list[str], str, bool]:
    """(pieces said aloud, pieces thought, what follows the last tag, whether the last thought lacks its end).

    The end of a thought that was never opened makes all before it thought: some templates open it in the prompt.
    """
    if _CHANNEL.search(text):
        text = _in_tags(text, opened)
    tags = _tags(text)
    aloud: list[str] = []
    thoughts: list[str] = []
    depth, start, since = _depth(text, tags, opened), 0, 0
    for tag in tags:
        if not tag["end"]:
            if depth == 0:
                aloud.append(text[start:tag.start()])
                start = since = tag.end()
            depth += 1
            continue
        if depth == 0:
            thoughts.append("".join([*aloud, text[start:tag.start()]]))
            aloud = []
        elif depth == 1:
            thoughts.append(text[since:tag.start()])
        start, depth = tag.end(), max(0, depth - 1)
    if depth:
        thoughts.append(text[since:])
    return aloud, thoughts, text[start:], depth > 0


def _in_tags(text: str, opened: bool) -> str:
    """The channels of a reply as tags: everything but the final channel is a thought."""

    bare = _BARE_FINAL in text

    def tag(found: re.Match[str]) -> str:
        nonlocal opened
        if not _counts(found, bare):
            return found.group()
        was, opened = opened, _channel(found) != "final"
        return ("</think>" if was else "") + ("<think>" if opened else "")

    return _CHANNEL.sub(tag, text)


def _counts(channel: re.Match[str], bare: bool) -> bool:
    """Whether a match of _CHANNEL is one. bare: its text has the final channel in bare words, so "analysis" is one too.
    """
    return bare or bool(channel["tag"] or channel["edge"])


def _channel(found: re.Match[str]) -> str:
    """The name of the channel that a match begins; "final" for the end of a thought."""
    edge = {"end": "final"}.get((found["edge"] or "").lower(), "analysis")
    return found["tag"] or found["first"] or found["next"] or edge


# -- turns ------------------------------------------------------------------------------------------------------------

_LEADING = re.compile(r"^(?:\s|<\|?(?:start_header_id|im_start|start|start_of_turn|assistant|bos|s)\|?>"
                      r"|(?<=>)(?:assistant|model)\b|<\|end_header_id\|>)+")
_TURN = re.compile(
    r"<\|[^|\n<>]{1,40}\|>|<｜[^｜\n<>]{1,40}｜>|</?s>|<(?:end|start)_of_turn>|<eos>|\[/?INST\]"
    r"|</?(?:user|human|assistant)>"
    r"|^[ \t>*_#\[]{0,8}(?:(?:next|new|another|example|follow-up)\s)?(?:user|human|system|student|q|question|questions|"
    r"exercise|problem|task|instruction|input|assistant|ai|用户|问题|問題|質問|usuario|utilisateur|nutzer|frage|"
    r"pregunta|pergunta|domanda|вопрос|пользователь|질문|사용자)"
    r"[ \t]{0,3}(?:\#?\d{1,4})?[ \t*_\]]{0,5}(?:[:：.)](?!\d)|$)"
    r"|^[ \t#*]{0,8}(?:example\s\d|(?:the\s)?next\squestion)"
    r"|^[ \t]{0,4}\d{1,3}[.)][ \t][^\n?]{5,300}\?[ \t]*$", re.IGNORECASE | re.MULTILINE)


def first_turn(text: str) -> str:
    """A reply up to where another turn or another question begins."""
    text = text[found.end():] if (found := _LEADING.match(text)) else text
    for turn in _TURN.finditer(text):
        if re.search(r"\w", text[:turn.start()]):
            return text[:turn.start()]
    return text


# -- markup -----------------------------------------------------------------------------------------------------------

_STRUCK = re.compile(r"~~[^~\n]{0,300}~~|<(?:s|del|strike)>[^<\n]{0,300}</(?:s|del|strike)>", re.IGNORECASE)
_ANSWER_TAG = re.compile(
    r"[<\[](?P<end>/?)(?:final[_ -]?)?(?:answer|output|choice|response|solution|result|option)"
    r"[^<>\[\]\n]{0,40}[>\]]", re.IGNORECASE)
_LETTER_TAG = re.compile(r"<([A-D])>(?![^<\n]{0,200}</[A-Za-z]>)")
_LINE_TAG = re.compile(r"</?(?:br|p|li|ul|ol|div|tr|td|th|table|h[1-6]|hr|summary|details)\b[^<>\n]{0,80}>",
                       re.IGNORECASE)
_OTHER_TAG = re.compile(r"</?[a-zA-Z][\w:-]{0,30}(?:\s[^<>\n]{0,80})?/?>")
_TEX_WRAPPER = re.compile(
    r"\\(?:text\w{0,8}|math\w{0,8}|operatorname|underline|emph|bf|rm|mbox|bold\w{0,8}|colorbox|fbox|displaystyle)"
    r"\s{0,2}\{([^{}]{0,400})\}")
_TEX_SWITCH = re.compile(r"\\(?:bf|it|rm|em|tt)(?![a-zA-Z])|\\textcolor\{\w{1,20}\}|\\(?:begin|end)\{[\w*]{1,20}\}")
_TEX_FRACTION = re.compile(r"\\[dt]?frac\s{0,2}\{([^{}]{0,200})\}\s{0,2}\{([^{}]{0,200})\}")
_BOXED = re.compile(r"\\f?boxed\s{0,2}\{([^{}\n]{0,400})\}|\\f?boxed\s{0,2}([A-D])(?![a-zA-Z])")
_TEX_ARROW = re.compile(r"\\(?:Rightarrow|rightarrow|to|implies|longrightarrow|Longrightarrow|therefore)(?![a-zA-Z])")
_TEX_MARK = re.compile(r"\\[()\[\]]|\$+|\\(?:quad|qquad|left|right|displaystyle|,|;|!|\\)|(?<=\d)\\%?|\\(?=[a-zA-Z])"
                       r"|\^\\?circ\b")
_EMPHASIS = re.compile(r"\*{2,3}|__|`+|(?<!\w)[*_](?=\S)|(?<=\S)[*_](?!\w)")
_LINE_START = re.compile(
    r"^[ \t]*(?:(?:>|[-*•+▪◦‣]|\d{1,2}[.)](?=\s)|#{1,6}(?=\s)|\|(?![-:| \t]*$))[ \t]*)+", re.MULTILINE)
_GSM = re.compile(r"^[ \t]*####[ \t]*(?=[A-D]\b)", re.MULTILINE)
_BOX_TICKED, _BOX_EMPTY = re.compile(r"\[[xX✓✔]\]"), re.compile(r"\[ ?\]")
_CIRCLED = {chr(first + place): chr(65 + place) for first in (0x1F150, 0x1F170) for place in range(26)}
_LOOKALIKES = str.maketrans({"А": "A", "С": "C", "Α": "A", "Β": "B"})  # Cyrillic and Greek
_SAME_SIGNS = str.maketrans({
    **_CIRCLED, "’": "'", "‘": "'", "＂": '"', "\u2212": "-", "\u00a0": " ",
    **dict.fromkeys("\u200b\u200e\u200f\u2060\ufeff\ufe0f", "")})
_LONE = re.compile(r"(?<!\w)[АСΑΒ](?!\w)")


@lru_cache(4)
def spoken(text: str) -> str:
    """A reply's first turn without its thoughts, as plain lines; a box and an answer tag become "Answer: ..." lines."""
    return unmarked(first_turn(without_thoughts(text)))


def unmarked(text: str) -> str:
    """Text without markup, LaTeX wrappers and odd forms of letters; line breaks stay."""
    text = unicodedata.normalize("NFKC", html.unescape(text)).replace("\r\n", "\n").replace("\r", "\n")
    text = _LONE.sub(lambda found: found.group().translate(_LOOKALIKES), text).translate(_SAME_SIGNS)
    text = _STRUCK.sub(" ", text)
    text = _ANSWER_TAG.sub(lambda found: "\n" if found["end"] else "\nAnswer: ", text)
    text = _OTHER_TAG.sub(" ", _LINE_TAG.sub("\n", _LETTER_TAG.sub(r"(\1)", text)))
    for _ in range(3):  # nested as deep as people write
        text = _TEX_FRACTION.sub(r"(\1)/(\2)", _TEX_WRAPPER.sub(r"\1", text))
    text = _TEX_SWITCH.sub(" ", text)
    text = _BOXED.sub(lambda found: f"\nboxed: {found[1] or found[2]}\n", text)
    text = _TEX_MARK.sub(" ", _TEX_ARROW.sub(" ⇒ ", text))
    text = _BOX_EMPTY.sub(" ✗ ", _BOX_TICKED.sub(" ✓ ", text))
    text = _LINE_START.sub("", _GSM.sub("Answer: ", _EMPHASIS.sub("", text)))
    return text.strip()
