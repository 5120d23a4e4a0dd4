"""The kind of thing a question asks for: a person's trade, a kind of place, a title, a year, a number."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .answers import normalise
from .words import COUNTRIES_OF, FEMALE, GAZETTEER, MALE, NOUNS, PARTS_OF, PERSON_KINDS, VERBS, name_set

_STOP = name_set("""
    is was were are did does do has had have can could would will won be been being the a an of in on at by from
    with for to that who whom whose which what when where and or as than his her its their he she it they this
    these those first also famously once
""")
_SEVERAL = re.compile(
    r"\b(?:name|give|list) (?:a|an|any|one|either|two|three|four|all|both|the (?:two|three|four|top))\b|\bname one\b"
    r"|\beither\b|\bone of the (?:two|three|four)\b|\b(?:which|what) (?:two|three|four|five|six|[2-6])\b"
    r"|\band (?:who|what|which|where|when|how)\b|\bboth\b.{0,20}\brequired\b|\bfor example\b", re.IGNORECASE)
_YEAR = re.compile(r"\b(?:which|what) year\b|\bwhen (?:was|did|were)\b")
_FULL_YEAR = re.compile(r"1\d{3}|20[0-2]\d")
_COUNT = re.compile(r"\bhow many\b|\bwhat (?:number|age)\b|\bhow old\b")
_PLAIN_NUMBER = re.compile(r"\d{1,3}(?:,?\d{3})*")
_ASKING = re.compile(r"\b(?:which|what)(?: other)?(?: (?:is|was|are|were) (?:the|a|an))?"
                     r"(?: (?:name|title) of (?:the|a|an))? ")
_FEMALE_WORDS = re.compile(r"\b(?:she|her|female|woman|lady|wife|mother|daughter|sister|girl|actress|queen|princess"
                           r"|heroine|duchess|goddess|widow|niece|aunt|empress|mistress)\b")
_MALE_WORDS = re.compile(r"\b(?:he|his|him|husband|father|son|brother|king|prince|duke|actor|emperor|nephew|uncle)\b")
_VERB = re.compile(r"\w{2,}(?:ed|es|s|ose|ew|ang|ook|ent|ote|ell|aid|ade|ame|eld|ost|ught|ank|an|ould)")
_THRONE = re.compile(
    r"\bwho (?:is|was|became|were) (?:the |an |a )?(?:\w+ ){0,3}?(president|prime minister|king|queen|pope|emperor|"
    r"poet laureate) (?:of|to|in|at|during|when|from|before|after|since|who)\b")
_LONGEST = 4
_ALONE = name_set("isle group band series number letter company firm state team duo trio study fear unit single")
_PHRASES = [("make of car", "car maker"), ("sign of the zodiac", "zodiac sign"), ("breed of dog", "dog breed"),
            ("day of the week", "weekday"), ("book of the bible", "biblical book"), ("part of the body", "body part"),
            ("unit of currency", "currency")]
_PLURALS = name_set("""
    members players stations leaders stars characters songs films names clubs cities houses games awards prizes pass
    princess class business series news tales states counties
""")


@dataclass(frozen=True, slots=True)
class Kind:
    """name: what is asked for. closeness: words that narrow it ("french", "1960s"). gender: of a person, if known."""

    name: str
    closeness: frozenset[str] = frozenset()
    gender: str | None = None


def kind_of(question: str, answer: str) -> Kind | None:
    """The kind of an answer; None where it is not clear, or the question has several right answers."""
    text = question.casefold().replace("\u2019", "'")
    for phrase, noun in _PHRASES:
        text = text.replace(phrase, noun)
    if _SEVERAL.search(text):
        return None
    plain = normalise(answer)
    if _FULL_YEAR.fullmatch(plain):
        return Kind("year") if _YEAR.search(text) else None
    if _PLAIN_NUMBER.fullmatch(answer) or plain.isdigit():
        return Kind("count") if _COUNT.search(text) else None
    if _COUNT.search(text) or _YEAR.search(text):
        return None
    noun, around = _noun(text)
    name = noun or _doer(text)
    listed = next((kind for kind, members in GAZETTEER.items() if plain in members), None)
    if name in GAZETTEER and plain not in GAZETTEER[name]:
        return None
    if name is None and listed in ("country", "us state", "month", "weekday") and re.search(r"\bwhere\b", text):
        name = listed
    if name is None or not _looks_like(name, answer):
        return None
    if name == "country":
        around |= {region for region, members in (COUNTRIES_OF | PARTS_OF).items() if plain in members}
    return Kind(name, around, _gender(name, text, plain) if name in PERSON_KINDS else None)


def _noun(text: str) -> tuple[str | None, frozenset[str]]:
    """The kind a question's noun names ("Which French composer ..."), and the words that narrow it."""
    for asking in _ASKING.finditer(text):
        words: list[str] = []
        following = ""
        for match in re.finditer(r"[\w.'-]+|[^\w\s]", text[asking.end():]):
            if match[0] in _STOP or not match[0][0].isalnum() or len(words) == 8:
                following = match[0]
                break
            words.append(match[0])
        found = _last_noun(words, following)
        if found:
            return found
    return None, frozenset()


def _last_noun(words: list[str], following: str) -> tuple[str, frozenset[str]] | None:
    """The noun that ends the noun phrase: the last known one, if no unknown noun seems to follow it."""
    for end in range(len(words), 0, -1):
        for start in range(max(0, end - _LONGEST), end):
            kind = NOUNS.get(" ".join(words[start:end]))
            if kind is None:
                continue
            after = [*words[end:], following]
            if (len(after) > 1 and not _verb(after[0])) or (after[0] == "of" and words[end - 1] in _ALONE):
                return None
            return kind, frozenset(words[:start])
    return None


def _verb(word: str) -> bool:
    """Whether a word after the noun may be its verb: "which country invaded", "which river flows"."""
    return word not in _PLURALS and bool(_VERB.fullmatch(word))


def _doer(text: str) -> str | None:
    """The trade of a person asked for by what was done: "Who wrote ...", "Who painted ..."."""
    for kind, verbs in VERBS.items():
        if re.search(rf"\bwho (?:\w+ly |first |originally )?(?:{verbs})\b", text):
            return kind
    match = _THRONE.search(text)
    return NOUNS[match[1]] if match else None


def _looks_like(name: str, answer: str) -> bool:
    """Whether an answer's form fits its kind: a name begins with a capital, a title is no sentence."""
    words = answer.split()
    if name in PERSON_KINDS or name in ("surname", "first name", "middle name"):
        return words[0][0].isupper() and len(words) <= 4 and not any(char.isdigit() for char in answer)
    if name in ("letter", "element symbol"):
        return len(answer) <= 2
    if name == "study":
        return answer.casefold().endswith(("ology", "ics", "onomy", "graphy", "omy"))
    if name == "fear":
        return answer.casefold().endswith("phobia")
    if name == "vitamin":
        return True
    return len(answer) > 1


def _gender(name: str, text: str, answer: str) -> str | None:
    """"f" or "m" by the answer's first name, else by the words of the question."""
    first = answer.split()[0] if answer.split() else ""
    if name in ("actress", "queen", "goddess"):
        return "f"
    if name in ("king", "god", "pope", "emperor", "actor"):
        return "m"
    if (first in FEMALE) != (first in MALE):
        return "f" if first in FEMALE else "m"
    female, male = bool(_FEMALE_WORDS.search(text)), bool(_MALE_WORDS.search(text))
    if female != male:
        return "f" if female else "m"
    return None
