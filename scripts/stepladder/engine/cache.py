"""The KV cache as the places of requests: seating them, sharing what their prompts have in common, moving them."""

from __future__ import annotations

import numpy as np

from .jobs import Job
from .native import Context
from .places import Place, common_length, find_seat


class Cache:
    """The places of one context. What a place holds and what the context's sequence holds are kept the same here."""

    def __init__(self, context: Context, capacity: int) -> None:
        self.context = context
        self.places = [Place(index, capacity) for index in range(context.sequences)]
        self.reused_tokens = 0
        self._clock = 0

    @property
    def has_room(self) -> bool:
        return any(place.job is None for place in self.places)

    def busy(self) -> list[Place]:
        return [place for place in self.places if place.job is not None]

    def seat(self, job: Job) -> None:
        """Give a job a free place and whatever of its prompt is in memory, or have it wait for that."""
        seat = find_seat(self.places, job.prompt, trims=self.context.trims)
        if seat is None:
            raise RuntimeError("no free place")
        place = seat.place
        place.job = job
        if seat.source is None:
            self._begin(place, seat.own)
        else:
            place.leader, place.leader_job, place.awaited, place.held = seat.source, seat.source.job, seat.shared, 0
            self._follow(place)

    def follow(self) -> None:
        """Start the jobs whose awaited beginning is in memory by now."""
        for place in self.places:
            if place.leader is not None:
                self._follow(place)

    def _follow(self, place: Place) -> None:
        leader, prompt = place.leader, place.job.prompt
        there = common_length(leader.content, prompt[: place.awaited])
        if there < place.awaited and leader.job is place.leader_job:
            return  # it is still being computed
        place.leader = place.leader_job = None
        if there:
            self.context.copy(leader.sequence, place.sequence, there)
            place.hold(prompt[:there])
        self._begin(place, there)

    def _begin(self, place: Place, known: int) -> None:
        place.held = self.context.forget(place.sequence, known)
        place.job.pending = place.job.prompt[place.held :]
        self.reused_tokens += place.held

    def rewind(self, place: Place, count: int) -> None:
        """Drop the last `count` tokens of a place; what is lost with them is put in front of its job's pending ones."""
        kept = place.tokens[: place.held - count]
        place.held = self.context.forget(place.sequence, len(kept))
        place.job.pending = np.concatenate([kept[place.held :], place.job.pending])

    def vacate(self, place: Place) -> None:
        """Free a place; what it holds stays, for prompts that begin alike."""
        if place.job.sampler is not None:
            place.job.sampler.close()
        place.job = place.leader = place.leader_job = None
        self._clock += 1
        place.freed_at = self._clock

    def forget_all(self) -> None:
        """Empty the context: another adapter, or a call that was broken off, made it worthless."""
        self.context.clear()
        for place in self.places:
            place.held = 0

    def close_ranks(self) -> None:
        """Move the last sequences into gaps: llama.cpp batches split caches only where ids are consecutive."""
        if self.context.unified:
            return
        while True:
            gap = next((place for place in self.places if place.job is None), None)
            last = next((place for place in reversed(self.places) if place.job is not None), None)
            if gap is None or last is None or gap.sequence > last.sequence:
                return
            self.context.copy(last.sequence, gap.sequence, last.held)
            self.context.forget(last.sequence)
            gap.held = 0
            gap.sequence, last.sequence = last.sequence, gap.sequence
            self.places.sort(key=lambda place: place.sequence)
