"""Text as it should have been written: stray bytes, invisible characters and doubled quotes put right.

Letters, case, line breaks inside the text and everything that carries meaning stay as they are.
"""

from __future__ import annotations

import re
import unicodedata

import ftfy

_C1 = re.compile("[\x80-\x9f]")
_BREAKS = re.compile("\r\n?|[\x0b\x0c\u2028\u2029]")
_INVISIBLE = re.compile("[\x00-\x08\x0e-\x1f\x7f\u200b\u2060\ufeff\ufffe\uffff\ud800-\udfff]")
_SPACES = re.compile("[\u00a0\u2007\u202f]")
_TRAILING = re.compile(r"[ \t]+\n")


def clean(text: str) -> str:
    """The text without what no reader sees.

    Bytes of cp1252 that were read as C1 control characters become the dash or quote they were, UTF-8 that was read
    as another encoding is read again, as often as it was (ftfy), all line breaks become newlines, no-break spaces
    become spaces.
    """
    if text.isascii() and text.isprintable():
        return _unwrap(text.strip())
    text = ftfy.fix_encoding(text)
    text = _BREAKS.sub("\n", text)
    text = _C1.sub(lambda match: bytes([ord(match[0])]).decode("cp1252", "ignore"), text)
    text = _SPACES.sub(" ", _INVISIBLE.sub("", text))
    return _unwrap(_TRAILING.sub("\n", unicodedata.normalize("NFC", text)).strip())


def _unwrap(text: str) -> str:
    """Undo CSV quoting that was never undone: "Who said ""x""?" in quotes becomes Who said "x"?"""
    if len(text) > 4 and text[0] == text[-1] == '"':
        inner = text[1:-1]
        if '""' in inner and '"' not in inner.replace('""', ""):
            return inner.replace('""', '"').strip()
    return text
