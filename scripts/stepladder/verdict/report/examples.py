"""Questions that the student won from the base or lost to it, with what both replied."""

from __future__ import annotations

from typing import Any

from .blocks import Block, Example, Prose
from .found import Found

SHOWN = 6
MOST_CHARS = 2_500


def won(found: Found) -> list[Block]:
    """Right by the student, wrong by the reference."""
    return _examples(found, sign=1)


def lost(found: Found) -> list[Block]:
    """Wrong by the student, right by the reference."""
    return _examples(found, sign=-1)


def _examples(found: Found, sign: int) -> list[Block]:
    content = found.outputs.get("05") or {}
    pair = _pair(content)
    if pair is None:
        return []
    contestant, reference, mode = pair
    apart = [q for q in content["questions"]
             if sign * (q["answers"][contestant][mode]["score"] - q["answers"][reference][mode]["score"]) > 0]
    if not apart:
        return [Prose(f"None in {mode} mode.")]
    apart.sort(key=lambda q: sign * (q["answers"][reference][mode]["score"] - q["answers"][contestant][mode]["score"]))
    shown: list[Block] = [Prose(f"{len(apart)} of {len(content['questions'])} questions in {mode} mode"
                                + (f"; {SHOWN} of them, spread over the file." if len(apart) > SHOWN else "."))]
    picked = apart if len(apart) <= SHOWN else [apart[i * len(apart) // SHOWN] for i in range(SHOWN)]
    return shown + [_example(q, (reference, contestant), mode) for q in picked]


def _pair(content: dict[str, Any]) -> tuple[str, str, str] | None:
    """(contestant, reference, mode) of the headline, else of the first comparison."""
    rows = content.get("comparisons") or []
    row = (content.get("summary") or {}).get("headline") or next(iter(rows), None)
    return None if row is None else (row["contestant"], row["reference"], row["mode"])


def _example(question: dict[str, Any], names: tuple[str, ...], mode: str) -> Example:
    replies = []
    for name in names:
        answer = question["answers"][name][mode]
        run = answer["runs"][0]
        text = run.get("text") or (f"(no text; probabilities {run['probabilities']})" if run.get("probabilities")
                                   else "(no text)")
        ended = {"closed": " [made to conclude at the token limit]", "forced": " [stopped without a letter, asked for "
                 "one]"}.get(run["ended"], "")
        cut = text if len(text) <= MOST_CHARS else text[:MOST_CHARS] + "…"
        replies.append((name, answer["letter"] or "no letter", answer["letter"] == question["answer"], cut + ended))
    where = ", ".join(str(question[key]) for key in ("source", "domain") if question.get(key))
    title = f"{question['id']} ({where})"
    return Example(title, question["question"], question["choices"], question["answer"], replies)
