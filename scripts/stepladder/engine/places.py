"""Which sequence of the KV cache a request gets, and which of its prompt is there already.

Every place keeps the tokens of its last job until it is given away again, so the places themselves are the prompt
cache: a new prompt goes where the longest beginning of it is held, or copies that from another place. A prompt
whose beginning is being computed by another job at this moment waits for it instead of computing it twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from .jobs import Job
from .native import Tokens

MIN_COPY_GAIN = 16  # tokens; below it computing them anew costs less than copying a place


@dataclass(eq=False)
class Place:
    """One sequence of the KV cache: the tokens it holds, and the job that works in it."""

    sequence: int
    capacity: int
    held: int = 0
    job: Job | None = None
    leader: Place | None = None  # the place whose prompt this job waits for
    leader_job: Job | None = None
    awaited: int = 0  # tokens it waits for
    freed_at: int = 0
    tokens: Tokens = field(init=False)

    def __post_init__(self) -> None:
        self.tokens = np.zeros(self.capacity, np.int32)

    @property
    def content(self) -> Tokens:
        return self.tokens[: self.held]

    @property
    def promised(self) -> Tokens:
        """What it holds, or will hold as soon as its job's prompt is computed."""
        if self.job is not None and self.held < len(self.job.prompt):
            return self.job.prompt
        return self.content

    def hold(self, tokens: Tokens) -> None:
        """Note that `tokens` were appended to the sequence."""
        self.tokens[self.held : self.held + len(tokens)] = tokens
        self.held += len(tokens)


def common_length(one: Tokens, other: Tokens) -> int:
    """Number of leading tokens that two arrays share."""
    length = min(len(one), len(other))
    differs = one[:length] != other[:length]
    first = int(differs.argmax()) if length else 0
    return first if length and differs[first] else length


@dataclass(frozen=True)
class Seat:
    """Where a prompt goes: a free place, what of the prompt it holds, and a better source to copy from."""

    place: Place
    own: int  # leading tokens that the place holds itself
    source: Place | None = None
    shared: int = 0  # leading tokens that the source holds or promises


def find_seat(places: Sequence[Place], prompt: Tokens, *, trims: bool = True) -> Seat | None:
    """The free place for a prompt; None when all are taken.

    The last token of the prompt is always left to compute, since its logits are wanted. trims: whether a sequence can
    lose its end; where not, a place is of use only if the prompt begins with all that it holds.
    """
    free = [place for place in places if place.job is None]
    if not free:
        return None
    reusable = prompt[:-1]
    own = {place: common_length(place.content, reusable) for place in free}
    if not trims:
        own = {place: length if length == place.held else 0 for place, length in own.items()}
    best = max(free, key=lambda place: (own[place], -place.freed_at, -place.sequence))
    promised = {place: common_length(place.promised, reusable) for place in places}
    source = max(places, key=lambda place: (promised[place], place.job is None))
    if not trims or promised[source] - own[best] < MIN_COPY_GAIN:
        return Seat(best, own[best])
    # The copy overwrites the place: take one whose content is worth least, the source itself excepted.
    target = min((p for p in free if p is not source), key=lambda p: (p.freed_at, p.sequence), default=None)
    if target is None:
        return Seat(best, own[best])
    return Seat(target, own[target], source, promised[source])


def takes(places: Sequence[Place], budget: int, spare_outputs: int) -> dict[Place, int]:
    """How many pending tokens each ready place feeds into the next batch of at most `budget` tokens.

    Places that decode go first, one token each, so that no long prompt stalls them; the rest of the budget goes to
    prompts in order of arrival, cut into chunks where it does not suffice. A path of choices is not cut, as it needs
    logits at each of its tokens, of which `spare_outputs` more than one a place may be wanted.
    """
    working = ((place, place.job) for place in places if place.job is not None and place.job.finish is None)
    ready = [(place, job) for place, job in working if place.leader is None]
    shares: dict[Place, int] = {}
    for place, job in sorted(ready, key=lambda pair: (len(pair[1].pending) > 1, pair[1].number)):
        need, more_outputs = len(job.pending), job.outputs - 1
        share = min(need, budget)
        if share == need and more_outputs <= spare_outputs:
            spare_outputs -= more_outputs
        else:
            share = min(share, need - job.outputs)
        if share:
            shares[place] = share
            budget -= share
    return shares
