"""What a reply says aloud, as plain lines: without thoughts, later turns, markup, LaTeX, tables and odd letter forms.

    plain.spoken("<think>A?</think>**Answer:** $\\boxed{B}$\\n\\nUser: next")    # "\\nAnswer: B\\n"

Every step is one pass over the text, with patterns that cannot go back over more than a bounded stretch.
"""

from __future__ import annotations

import html
import re
import unicodedata
from functools import lru_cache

# -- thoughts ---------------------------------------------------------------------------------------------------------

_THOUGHT_NAME = r"(?:\w{1,12}:)?(?:think|thinking|thoughts?|reasoning|reflection|scratchpad|analysis|details|cot)"
_TAG = re.compile(rf"[<\[◁]\|?(?P<end>/?)\|?(?P<name>{_THOUGHT_NAME})(?:\|)?[>\]▷]", re.IGNORECASE)
_CHANNEL = re.compile(
    r"<\|channel\|>\s*(?P<tag>\w{1,12})[^<\n]{0,40}<\|message\|>"
    r"|^(?P<first>analysis|commentary)(?=[A-Z\s])|(?:<\|start\|>)?assistant\s?(?P<next>final|analysis|commentary)"
    r"|<\|(?P<edge>begin|end|start)_(?:of_thought|thinking)\|>", re.IGNORECASE)


def without_thoughts(text: str) -> str:
    """A reply without what stands in thought tags or channels, and without the tags."""
    return _aloud(text)[0]


def unclosed_thought(text: str) -> bool:
    """Whether the reply ends in the middle of a thought."""
    return _aloud(text)[1]


def _aloud(text: str) -> tuple[str, bool]:
    """(what is not thought, whether the last thought lacks its end: then it is kept in the text)."""
    if _CHANNEL.search(text):
        text = _in_tags(text)
    kept: list[str] = []
    depth = start = 0
    for tag in _TAG.finditer(text):
        if not tag["end"]:
            if depth == 0:
                kept.append(text[start:tag.start()])
                start = tag.end()
            depth += 1
        else:
            if depth == 0:
                kept = []  # some templates open the tag in the prompt
            start, depth = tag.end(), max(0, depth - 1)
    return "".join([*kept, text[start:]]), depth > 0


def _in_tags(text: str) -> str:
    """The channels of a reply as tags: everything but the final channel is a thought."""
    opened = False

    def tag(found: re.Match[str]) -> str:
        nonlocal opened
        edge = {"end": "final"}.get((found["edge"] or "").lower(), "analysis")
        name = found["tag"] or found["first"] or found["next"] or edge
        was, opened = opened, name != "final"
        return ("</think>" if was else "") + ("<think>" if opened else "")

    return _CHANNEL.sub(tag, text)


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
