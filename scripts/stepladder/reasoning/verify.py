"""What a reply is worth: the letter it concludes with, and the reasoning that may be kept, or why not.

A reasoning is kept when it concludes with the key, is not degenerate, has a step of its own, does not contradict its
own verdicts on the options or what it computes, states no sum that does not hold, does not show that the answer was
given to it, and can be written in the original letters.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from ..engine import extract, prompts
from . import quality
from .attempts import Attempt, Judgement
from .conclusion import leads_astray
from .letters import map_letters
from .steps import Steps
from .sums import stated

ACCEPTED = "accepted"
NO_ANSWER = "no answer"

# Said of an answer, an option or a key: that it was there beforehand.
_GIVEN = r"(?:given|provided|stated|specified|supplied|told|known|mentioned|indicated|marked|listed as correct)"
_ANSWER = r"(?:answer|option|choice|solution|letter|key)"
_REVEALING = re.compile(
    rf"\b(?:the|your|this|a) hint\b|\bhint(?:ed|s)?\s+(?:says|that|tells|at)\b|\banswer key\b"
    rf"|\b{_GIVEN}\s+(?:\w+\s+){{0,2}}(?:correct|right)\s+{_ANSWER}\b"
    rf"|\b(?:correct|right|final)\s+{_ANSWER}\s+(?:\w+\s+){{0,2}}(?:is|was|has been|as)\s+(?:already\s+)?{_GIVEN}\b"
    rf"|\b{_ANSWER}\s+(?:is|was|as)\s+(?:already\s+)?(?:given|provided|supplied|told|stated|specified)\b"
    rf"|\b(?:given|provided)\s+{_ANSWER}\b"
    rf"|\b(?:i|we)\s+(?:was|were|am|are|have been|had been)\s+(?:told|informed|given\s+(?:\w+\s+){{0,2}}{_ANSWER})\b"
    rf"|\b(?:told|informed|know|knowing)\s+(?:in advance\s+)?that\s+the\s+(?:correct|right)\b"
    rf"|\byou\s+(?:said|told|gave|mentioned|stated|want|asked)\b|\bas (?:you )?(?:given|instructed|told|requested)\b"
    rf"|\b(?:found|find) it (?:myself|yourself)\b|\bdo(?:es)? not mention\b|\bwithout mentioning\b"
    rf"|\b(?:since|because|as|given that)\s+(?:we know\s+)?(?:that\s+)?the\s+(?:correct|right)\s+{_ANSWER}\s+is\b"
    rf"|\b(?:since|because|as|given that|knowing)\s(?:that\s|we know\s){{0,2}}(?:{_ANSWER}\s)?\(?(?-i:[A-D])\)?\s"
    r"is\s(?:the\s)?(?:correct|right)\b"
    rf"|\b(?:we|i)\s(?:already\s)?know\s(?:that\s)?the\s{_ANSWER}\sis\b"
    r"|\b(?:the|your)\s(?:prompt|instructions?|task|user)\s(?:says?|states?|tells?|gives?|said|told|gave|asks?)\b"
    rf"|\b(?:match|matches|agrees? with|consistent with|in line with)\sthe\s(?:provided|right|correct)\s{_ANSWER}\b"
    rf"|\bto\s(?:reach|arrive at|justify|support)\sthe\s(?:given|right|correct)\s{_ANSWER}\b"
    rf"|\bleads? to (?:it|the (?:right|correct) {_ANSWER})\b", re.IGNORECASE)
_OPENS_WITH_KEY = re.compile(
    rf"[^.\n]{{0,60}}\bis (?:the )?(?:correct|right) {_ANSWER}\b"
    rf"|\W*(?:the\s+)?(?:(?:correct|right|best|final)\s+)*{_ANSWER}\b[^.\n]{{0,25}}\s(?:is|:)|\W*[A-D]\W*is (?:the )?"
    r"(?:correct|right)|\W*answer\s*:", re.IGNORECASE)


# A sum that is gone through again: its last number may be another option, and is no answer.
_CHECK = re.compile(
    r"\b(?:check(?:s|ed|ing)?|verify|verifies|verifying|verification)\b(?:[^.=\n]|\.(?=\d))*=(?:[^.\n]|\.(?=\d))*",
    re.IGNORECASE)
_SENTENCE_END = re.compile(r"(?<!\n[A-D])[.!?][\"')\]]*(?=\s|$)|\n|(?<= yes)$|(?<= no)$")


def reveals_hint(text: str) -> bool:
    """Whether a reasoning shows that it was given the answer: by saying so, or by beginning with it."""
    return bool(_REVEALING.search(text) or _OPENS_WITH_KEY.match(text))


def finished_part(body: str) -> str:
    """A reasoning without a last sentence that lacks its end; all of it where no sentence has one."""
    ends = [found.end() for found in _SENTENCE_END.finditer(body)]
    return body[:ends[-1]].rstrip() if ends else body


def contradicts(body: str, letter: str, choices: Mapping[str, str]) -> bool:
    """Whether a reasoning says of other options that they are right, or calls another one the answer."""
    verdicts = extract.verdicts(body, choices)
    said = extract.extract_answer(_CHECK.sub("", body), choices)
    return (verdicts is not None and verdicts != {letter}) or said not in (letter, None)


def judge(text: str, attempt: Attempt, closed: bool = False, re_asked: bool = False) -> Judgement:
    """Weigh one reply to `attempt`; `closed` where its conclusion was forced, in the middle of a sentence perhaps.

    What the reply had answered before that counts, not what was forced. re_asked: it had answered nothing clearly, and
    was asked for its letter: that alone counts.
    """
    if closed and extract.own_answer(text, prompts.CLOSING, attempt.shown["choices"]) is not None:
        text = text.rpartition(prompts.CLOSING)[0]
    telling = f"{prompts.CLOSING}{text.rpartition(prompts.CLOSING)[2]}" if re_asked else text
    concluded = extract.extract_answer(telling, attempt.shown["choices"])
    answer = None if concluded is None else attempt.back[concluded]
    reason = extract.degenerate(text)
    if reason is not None:
        return Judgement(reason, answer)
    if concluded is None:
        return Judgement(NO_ANSWER)
    if concluded != attempt.shown["answer"]:
        return Judgement("wrong", answer)
    body = extract.reasoning_part(text)
    if closed:
        body = finished_part(body)
    if extract.degenerate(body) is not None:  # what is left without the conclusion
        return Judgement("near-empty", answer)
    question, choices = attempt.shown["question"], attempt.shown["choices"]
    steps = Steps.of(body, question, choices)
    if steps.lack is not None:
        return Judgement(steps.lack, answer)
    cut = closed and not _SENTENCE_END.search(body)  # then its last sum may be, too
    sums = stated(body + " ..." * cut, question, choices.values())
    if not all(one.holds for one in sums):
        return Judgement("false arithmetic", answer)
    if contradicts(body, concluded, choices) or leads_astray(steps.own, sums, question, choices, concluded):
        return Judgement("contradicts itself", answer)
    if attempt.kind == "hinted" and reveals_hint(body):
        return Judgement("reveals the hint", answer)
    mapped = map_letters(body, attempt.back)
    if mapped is None:
        return Judgement("letters unclear", answer)
    chain = f"{mapped}\nAnswer: {answer}"
    if extract.extract_answer(chain) != answer:  # a reader of the record must find what was verified
        return Judgement("contradicts itself", answer)
    return Judgement(ACCEPTED, answer, chain, quality=quality.parts(body, steps, sums, attempt.shown))
