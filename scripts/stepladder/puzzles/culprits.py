"""Who did it: one of several people, judged from what they say and from how much of it is true.

Any of the suspects among the options can be the one; the statements are drawn after that, until they leave nobody else.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

from .base import LETTERS, Template, Told, World
from .canonical import Fact, canonical
from .words import listing, number_word, people

_DEEDS = ("broke the vase", "ate the last cake", "hid the key", "took the pen", "left the gate open",
          "spilled the paint", "sent the card", "won the prize", "rang the bell", "lost the ticket")  # fmt: skip
# suspects and statements, by level
_WITNESSES = {1: (4, 2), 2: (4, 3), 3: (5, 4)}
_CULPRIT = {4: (4, 3), 5: (4, 4), 6: (5, 4), 7: (5, 4), 8: (6, 4), 9: (7, 5), 10: (7, 5)}
_TRIES = 400


@dataclass(frozen=True)
class _Claim:
    """That it was one of these people, or none of them."""

    accuses: bool
    named: tuple[int, ...]

    def true_of(self, culprit: int) -> bool:
        return (culprit in self.named) == self.accuses

    def said(self, speaker: int, who: Sequence[str]) -> str:
        names = ["me" if i == speaker else who[i] for i in self.named]
        if self.accuses:
            return f"It was {listing(names, 'or')}"
        return f"It was not {names[0]}" if len(names) == 1 else f"It was neither {listing(names, 'nor')}"


def _claims(rng: Random, suspects: int, count: int) -> list[tuple[int, _Claim]]:
    """So many different people, each with a claim; nobody accuses himself or herself."""
    claims = []
    for speaker in sorted(rng.sample(range(suspects), count)):
        accuses = rng.random() < 0.5
        sizes = (1, 2, 2, 3) if accuses else (1, 1, 2)
        named = rng.sample([i for i in range(suspects) if i != speaker or not accuses], rng.choice(sizes))
        claims.append((speaker, _Claim(accuses, tuple(sorted(named, key=lambda i: (i == speaker, i))))))
    return claims


def _draw(sizes: dict[int, tuple[int, int]]) -> Callable[[Random, int], list[World]]:
    """Facts: the suspects' names, the culprit among them, what was done."""

    def draw(rng: Random, level: int) -> list[World]:
        who = [person.name for person in people(rng, sizes[level][0])]
        deed = rng.choice(_DEEDS)
        return [World(who[i], (who, i, deed)) for i in rng.sample(range(len(who)), len(LETTERS))]

    return draw


def _scene(rng: Random, who: Sequence[str], deed: str) -> str:
    scene = rng.choice(("One of {who} {deed}.", "Exactly one of {who} {deed}.",
                        "{who} are asked who {deed}. It was one of them alone."))
    return scene.format(who=listing(who), deed=deed)


def _facts(claims: Sequence[tuple[int, _Claim]]) -> list[Fact]:
    return [("accuses" if claim.accuses else "clears", ((speaker,), claim.named)) for speaker, claim in claims]


# -- each speaker's kind is told -------------------------------------------------------------------------------------


def _tell_witnesses(rng: Random, level: int, world: World) -> Told | None:
    who, culprit, deed = world.facts
    suspects, count = _WITNESSES[level]
    for _ in range(_TRIES):
        claims = _claims(rng, suspects, count)
        if not any(claim.true_of(culprit) for _, claim in claims):
            continue
        fits = [{i for i in range(suspects) if claim.true_of(i) == claim.true_of(culprit)} for _, claim in claims]
        left, steps = set(range(suspects)), []
        for (speaker, claim), fit in zip(claims, fits, strict=True):
            if not left - fit:
                break  # a statement that helps nobody
            left &= fit
            shown = listing([who[i] for i in sorted(left)], "or")
            steps.append(f"{who[speaker]} {'tells the truth' if claim.true_of(culprit) else 'lies'}: it was {shown}.")
        if len(steps) == count and len(left) == 1:
            break
    else:
        return None
    told = [f'{who[speaker]}: "{claim.said(speaker, who)}."' for speaker, claim in claims]
    question = f"{_scene(rng, who, deed)} {' '.join(told)} {_honesty(rng, who, culprit, claims)} Who {deed}?"
    kinds = [("honest" if claim.true_of(culprit) else "lying", ((speaker,),)) for speaker, claim in claims]
    return Told(question, steps, (canonical(suspects, [*_facts(claims), *kinds]),))


def _honesty(rng: Random, who: Sequence[str], culprit: int, claims: Sequence[tuple[int, _Claim]]) -> str:
    """Who of the speakers lied."""
    liars = [who[speaker] for speaker, claim in claims if not claim.true_of(culprit)]
    if not liars:
        return rng.choice(("All these statements are true.", "Nobody lied."))
    if len(liars) == 1:
        return rng.choice((f"Only {liars[0]} lied.", f"Only {liars[0]}'s statement is false."))
    return f"{listing(liars)} lied; all other statements are true."


# -- so many statements are true -------------------------------------------------------------------------------------


def _tell_culprit(rng: Random, level: int, world: World) -> Told | None:
    who, culprit, deed = world.facts
    suspects, count = _CULPRIT[level]
    for _ in range(_TRIES):
        claims = _claims(rng, suspects, count)
        trues = [sum(claim.true_of(i) for _, claim in claims) for i in range(suspects)]
        if trues.count(trues[culprit]) == 1 and len({claim for _, claim in claims}) == count:
            break
    else:
        return None
    true = trues[culprit]
    told = [f'{who[speaker]}: "{claim.said(speaker, who)}."' for speaker, claim in claims]
    question = f"{_scene(rng, who, deed)} {' '.join(told)} {_amount(true, count)} Who {deed}?"
    steps = []
    for i, name in enumerate(who):
        marks = "".join("T" if claim.true_of(i) else "F" for _, claim in claims)
        steps.append(f"If {name}: {' '.join(marks)}, {trues[i]} true.")
    steps.append(f"Only {who[culprit]} fits.")
    return Told(question, steps, (true, canonical(suspects, _facts(claims))))


def _amount(true: int, count: int) -> str:
    """How many of the statements are true."""
    if true in (0, count):
        return f"All {number_word(count)} statements are {'true' if true else 'false'}."
    return f"Exactly {number_word(true)} of the {number_word(count)} statements {'is' if true == 1 else 'are'} true."


WITNESSES = Template("witnesses", _draw(_WITNESSES), _tell_witnesses, range(1, 4))
CULPRIT = Template("culprit", _draw(_CULPRIT), _tell_culprit, range(4, 11))
