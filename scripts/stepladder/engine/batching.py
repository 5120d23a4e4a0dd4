"""Continuous batching on llama.cpp: many requests share one model, each finished one makes room for the next at once.

    with Engine("model.gguf", sequences=16) as engine:
        for completion in engine.generate(Request(str(i), prompt) for i, prompt in enumerate(prompts)):
            print(completion.id, completion.text)

Every call of the model carries one token of each sequence that is decoding, and as many prompt tokens as fit
beside them.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Literal, Self

import numpy as np

from .chat import chat_renderer
from .intake import Intake, Preparer
from .jobs import Job
from .native import Batch, Context, DecodeError, Tokens, Weights, physical_cores
from .places import Place, common_length, find_seat, takes
from .requests import Completion, EngineError, Request, RequestError, Stats
from .sampling import Logits

log = logging.getLogger(__name__)

MOST_SEQUENCES = 256  # llama.cpp's LLAMA_MAX_SEQ
SPARE_OUTPUTS = 32  # logits a batch may give beyond one a sequence; Context allows for them


class Engine:
    """A GGUF model that completes many requests at once; implements `Backend`.

    sequences: requests in work at once; halved (with a warning) when memory does not suffice for them.
    context: tokens of prompt and completion together, for each sequence.
    batch_tokens: most tokens in one call of the model.
    kv: "split" gives each sequence its own cache, "unified" shares one; docs/engine.md has both measured.
    gpu_layers: "auto" puts every layer on the GPU where llama.cpp was built for one.
    adapters: name -> LoRA adapter (GGUF) to be switched on by `use_adapter`.

    Raises EngineError when the model, an adapter or even a single sequence's cache cannot be loaded.
    """

    def __init__(
        self,
        model_path: str | Path,
        *,
        sequences: int = 16,
        context: int = 1024,
        threads: int | None = None,
        batch_tokens: int = 512,
        kv: Literal["auto", "split", "unified"] = "auto",
        gpu_layers: int | Literal["auto"] = "auto",
        adapters: Mapping[str, str | Path] | None = None,
    ) -> None:
        if not 1 <= sequences <= MOST_SEQUENCES:
            raise ValueError(f"sequences must be 1 to {MOST_SEQUENCES}, not {sequences}")
        path = Path(model_path)
        self.name = path.name
        self.context = context
        self.threads = threads or physical_cores()
        self.batch_tokens = max(batch_tokens, sequences + SPARE_OUTPUTS)
        self.kv = "split" if kv == "auto" else kv
        self.adapter: str | None = None
        self.stats = Stats()
        self._busy = False
        self._weights = Weights(path, gpu_layers, {n: Path(p) for n, p in (adapters or {}).items()})
        self._render = chat_renderer(self._weights, self.name)
        self._batch = Batch(self.batch_tokens)
        self._context: Context | None = None
        self._prepare = Preparer(self._weights, context)
        self._waiting: deque[Job] = deque()  # to be started again after the cache had to shrink
        try:
            self._open_context(sequences)
        except EngineError:
            self._weights.close()
            raise

    # -- Backend -------------------------------------------------------------------------------------------------

    def render(self, messages: list[dict[str, str]], prefix: str = "") -> str:
        return self._render(messages, prefix)

    def tokenize(self, text: str) -> Tokens:
        """Token ids of a prompt: special tokens parsed, BOS first where the model wants one, never twice."""
        return self._weights.tokenize(text, bos=True)

    def count_tokens(self, text: str) -> int:
        return len(self._weights.tokenize(text))

    def check(self, request: Request) -> None:
        """Raise RequestError where the request does not fit the context or contradicts itself."""
        job = self._prepare(request)
        if job.sampler is not None:
            job.sampler.close()

    def use_adapter(self, name: str | None) -> None:
        """Answer with the named LoRA adapter from now on, or with the bare model (None)."""
        if self._busy:
            raise EngineError("the adapter cannot change while requests are in work")
        if name is not None and name not in self._weights.adapters:
            raise EngineError(f"no adapter {name!r} was loaded: {sorted(self._weights.adapters)}")
        self._context.use_adapter(name)
        self.adapter = name
        for place in self._places:
            place.held = 0

    def close(self) -> None:
        if self._context is not None:
            self._context.close()
            self._context = None
        self._weights.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def generate(self, requests: Iterable[Request | None]) -> Iterator[Completion]:
        """Complete requests, pulled as places become free; see `Backend.generate`."""
        if self._busy:
            raise EngineError("generate is already running on this engine")
        self._busy = True
        intake = Intake(requests)
        try:
            while True:
                started = time.perf_counter()
                self._refill(intake)
                if not self.stats.active:
                    break
                finished = self._step()
                self.stats.seconds["total"] += time.perf_counter() - started - intake.take_seconds()
                yield from finished
            if intake.error is not None:
                raise intake.error
        finally:
            self._release()
            self._busy = False

    # -- a step --------------------------------------------------------------------------------------------------

    def _refill(self, intake: Intake) -> None:
        """Give every free place to the next request, as long as there are any."""
        while any(place.job is None for place in self._places):
            if self._waiting:
                job = self._waiting.popleft()
            elif (request := intake.pull()) is not None:
                try:
                    job = self._prepare(request)
                except RequestError as error:  # raised when everything in flight is done
                    intake.fail(error)
                    continue
            else:
                break
            self._seat(job)
        self.stats.active = sum(place.job is not None for place in self._places)
        if intake.exhausted and self.kv == "split":
            self._close_ranks()

    def _step(self) -> list[Completion]:
        """One call of the model for all that are ready; returns what finished."""
        self._follow()
        self._mind_deadlines()
        shares = takes(self._places, self.batch_tokens, SPARE_OUTPUTS)
        if shares:
            try:
                self._compute(shares)
            except DecodeError as error:
                self._shrink(error)
        return self._collect()

    def _compute(self, shares: Mapping[Place, int]) -> None:
        batch, stats = self._batch, self.stats
        batch.clear()
        ends: list[tuple[Place, int]] = []  # places whose pending is done, and where in the batch it ended
        prompt_tokens = 0
        for place in self._places:  # in order of sequence, as llama.cpp groups neighbours into one micro-batch
            share = shares.get(place)
            if share is None:
                continue
            job = place.job
            fed, job.pending = job.pending[:share], job.pending[share:]
            prompt_tokens += max(0, min(share, len(job.prompt) - place.held))
            batch.add(fed, place.held, place.sequence, last=not len(job.pending), every=job.path is not None)
            place.hold(fed)
            if not len(job.pending):
                ends.append((place, batch.size - 1))
        started = time.perf_counter()
        self._context.decode(batch)
        computed = time.perf_counter()
        rows = self._context.logits(batch)
        row = 0
        for place, index in ends:
            count = len(place.job.path) if place.job.path is not None else 1
            self._advance(place, rows[row : row + count], index)
            row += count
        stats.calls += 1
        stats.prompt_tokens += prompt_tokens
        stats.seconds["decode"] += computed - started
        if prompt_tokens:
            stats.prompt_seconds += computed - started
        elif batch.size == len(shares):
            stats.steady_tokens += batch.size
            stats.steady_seconds += computed - started
        stats.kv_used = sum(place.held for place in self._places if place.job is not None)
        self._step_seconds.append(time.perf_counter() - started)

    def _advance(self, place: Place, logits: Logits, index: int) -> None:
        """Go on after a job's pending tokens were computed; logits: (1 or the path's length, vocabulary)."""
        job = place.job
        if job.path is not None:
            for depth, row in enumerate(logits):
                job.scorer.observe(job.path[: depth + 1], row)
            place.held -= len(job.path)
            self._context.forget(place.sequence, place.held)
            self._next_path(job)
        elif job.choices_due:
            job.scorer.observe((), logits[0])
            job.paths = deque(job.scorer.paths)
            job.drawn = self._draw(job, logits[0], index) if job.tokens < job.limit else None
            self._next_path(job)
        elif job.request.max_tokens == 0:
            job.conclude("length")
        elif job.closing_due or (job.request.closing is not None and not job.closed and self._late(job)):
            job.close()
        else:
            self._take(job, self._draw(job, logits[0], index))

    def _next_path(self, job: Job) -> None:
        if job.paths:
            job.path = job.paths.popleft()
            job.pending = np.array(job.path, np.int32)
            return
        job.path = None
        job.probabilities = job.scorer.probabilities()
        if job.drawn is None:
            job.conclude("length")
        else:
            self._take(job, job.drawn)

    def _draw(self, job: Job, logits: Logits, index: int) -> int:
        started = time.perf_counter()
        token = int(logits.argmax()) if job.sampler is None else job.sampler.draw(self._context, index, logits)
        self.stats.seconds["sample"] += time.perf_counter() - started
        return token

    def _take(self, job: Job, token: int) -> None:
        before = job.tokens
        job.take(token, self._weights.piece(token), self._weights.ends_turn(token))
        self.stats.tokens += job.tokens - before

    def _collect(self) -> list[Completion]:
        finished = []
        for place in self._places:
            if place.job is not None and place.job.finish is not None:
                finished.append(place.job.completion(time.monotonic()))
                self._vacate(place)
        self.stats.completions += len(finished)
        return finished

    # -- places --------------------------------------------------------------------------------------------------

    def _seat(self, job: Job) -> None:
        """Give a job a free place and whatever of its prompt is in memory, or lead it to wait for that."""
        seat = find_seat(self._places, job.prompt)
        place = seat.place
        place.job = job
        if seat.source is None:
            self._begin(place, seat.own)
        else:
            place.leader, place.leader_job = seat.source, seat.source.job
            place.awaited = seat.shared
            place.held = 0
            self._follow_one(place)

    def _follow(self) -> None:
        for place in self._places:
            if place.leader is not None:
                self._follow_one(place)

    def _follow_one(self, place: Place) -> None:
        """Copy the awaited beginning of the prompt if it is there by now (or will never be)."""
        leader, prompt = place.leader, place.job.prompt
        there = common_length(leader.content, prompt[: place.awaited])
        if there < place.awaited and leader.job is place.leader_job:
            return
        place.leader = place.leader_job = None
        if there:
            self._context.copy(leader.sequence, place.sequence, there)
            place.hold(prompt[:there])
        self._begin(place, there)

    def _begin(self, place: Place, known: int) -> None:
        self._context.forget(place.sequence, known)
        place.held = known
        place.job.pending = place.job.prompt[known:]
        self.stats.reused_tokens += known

    def _vacate(self, place: Place) -> None:
        if place.job.sampler is not None:
            place.job.sampler.close()
        place.job = place.leader = place.leader_job = None
        self._clock += 1
        place.freed_at = self._clock

    def _release(self) -> None:
        """Empty all places, whatever their jobs were doing."""
        self._waiting.clear()
        for place in self._places:
            if place.job is not None:
                self._vacate(place)
        self.stats.active = self.stats.kv_used = 0

    def _close_ranks(self) -> None:
        """Move the last sequences into gaps: llama.cpp batches split caches only where ids are consecutive."""
        while True:
            gap = next((p for p in self._places if p.job is None), None)
            last = next((p for p in reversed(self._places) if p.job is not None), None)
            if gap is None or last is None or gap.sequence > last.sequence:
                return
            self._context.copy(last.sequence, gap.sequence, last.held)
            self._context.forget(last.sequence)
            gap.held = 0
            gap.sequence, last.sequence = last.sequence, gap.sequence
            self._places.sort(key=lambda place: place.sequence)

    # -- deadlines -----------------------------------------------------------------------------------------------

    def _late(self, job: Job) -> bool:
        """Whether the closing must begin now for the job to be done by its deadline."""
        if job.request.deadline is None:
            return False
        paths = len(job.scorer.paths) if job.scorer is not None else 0
        steps = 1 if job.request.closing is None else 2 + job.request.closing_tokens + paths
        return time.monotonic() + 1.25 * steps * max(self._step_seconds, default=0.0) >= job.request.deadline

    def _mind_deadlines(self) -> None:
        """Cut the jobs whose time is up. Those with a closing are closed in `_advance`, in time for it."""
        for place in self._places:
            job = place.job
            if job is None or job.request.deadline is None or job.finish is not None:
                continue
            unclosed = job.request.closing is None and self._late(job)
            if unclosed or time.monotonic() >= job.request.deadline:
                job.conclude("deadline")

    # -- memory --------------------------------------------------------------------------------------------------

    def _open_context(self, sequences: int) -> None:
        """Allocate the cache for as many sequences as memory allows, halving until it does."""
        if self._context is not None:
            self._context.close()
            self._context = None
        while self._context is None:
            try:
                self._context = Context(
                    self._weights,
                    sequences=sequences,
                    context=self.context,
                    threads=self.threads,
                    batch_tokens=self.batch_tokens,
                    unified=self.kv == "unified",
                )
            except DecodeError as error:
                if sequences == 1:
                    raise EngineError(f"{self.name}: {error}; a shorter context or a smaller model may fit") from error
                log.warning("%s: going on with %d sequences", error, sequences // 2)
                sequences //= 2
        if self.adapter is not None:
            self._context.use_adapter(self.adapter)
        self._places = [Place(index, self.context) for index in range(sequences)]
        self._step_seconds: deque[float] = deque(maxlen=8)
        self._clock = 0
        self.stats.sequences = sequences
        self.stats.kv_size = sequences * self.context

    def _shrink(self, error: DecodeError) -> None:
        """After a failed call: half the sequences, and every job in work starts again ."""
        sequences = len(self._places) // 2
        if sequences == 0:
            raise EngineError(f"{self.name}: {error}, with a single sequence") from error
        log.warning("%s: starting its requests again with %d sequences", error, sequences)
        jobs = sorted((place.job for place in self._places if place.job is not None), key=lambda job: job.number)
        self._release()
        self._open_context(sequences)
        self._waiting.extend(self._prepare(job.request) for job in jobs)
