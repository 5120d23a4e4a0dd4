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
from typing import Any, Literal, Self

import numpy as np

from . import templates
from .cache import Cache
from .chat import TEMPLATE, chat_renderer
from .intake import Intake, Preparer
from .jobs import Job
from .memory import GgufError, detect_machine, plan_memory, read_gguf_header
from .native import Batch, Context, DecodeError, Tokens, Weights, physical_cores, uses_gpu
from .places import Place, takes
from .requests import Completion, EngineError, Request, RequestError, Stats
from .sampling import Logits
from .trial import faster_kv

log = logging.getLogger(__name__)

MOST_SEQUENCES = 256  # llama.cpp's LLAMA_MAX_SEQ
SPARE_OUTPUTS = 32  # logits a batch may give beyond one a sequence; Context allows for them


class Engine:
    """A GGUF model that completes many requests at once; implements `Backend`.

    sequences: requests in work at once; halved (with a warning) when memory does not suffice for them.
    context: tokens of prompt and completion together, for each sequence.
    batch_tokens: most tokens in one call of the model.
    kv: "split" gives each sequence its own cache, "unified" shares one; "auto" tries both out on a GPU and takes split
        on a CPU, where docs/engine.md has them measured.
    gpu_layers: "auto" puts every layer on the GPU where llama.cpp was built for one.
    adapters: name -> LoRA adapter (GGUF) to be switched on by `use_adapter`.
    thinking: what the chat template's switches for it are set to; None leaves them alone. template_arguments: what else
        the template is given.

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
        thinking: bool | None = None,
        template_arguments: Mapping[str, Any] | None = None,
    ) -> None:
        if not 1 <= sequences <= MOST_SEQUENCES:
            raise ValueError(f"sequences must be 1 to {MOST_SEQUENCES}, not {sequences}")
        path = Path(model_path)
        if not path.is_file():
            raise EngineError(f"{path}: no such model file")
        self.name = path.name
        self.context = context
        self.threads = threads or physical_cores()
        self.batch_tokens = max(batch_tokens, sequences + SPARE_OUTPUTS)
        self.adapter: str | None = None
        self.stats = Stats()
        self._busy = False
        on_gpu = uses_gpu(gpu_layers)
        sequences = self._affordable(path, sequences, on_gpu=on_gpu)  # before the weights take theirs
        self._weights = Weights(path, gpu_layers, {n: Path(p) for n, p in (adapters or {}).items()})
        if kv == "auto":
            kv = faster_kv(self._weights, sequences=sequences, **self._cache_options()) if on_gpu else "split"
        self.kv = kv
        self._render = chat_renderer(self._weights, self.name)
        template = self._weights.text_metadata(TEMPLATE) or ""
        self.template_arguments = templates.arguments_for(template, thinking=thinking, others=template_arguments)
        if (remark := templates.remark(template, thinking)) is not None:
            log.warning("%s: %s", self.name, remark)
        if 0 < self._weights.trained_context < context:
            log.warning("%s: a context of %d tokens is over the %d it was trained on; what lies beyond may be nonsense",
                        self.name, context, self._weights.trained_context)
        self._batch = Batch(self.batch_tokens)
        self._prepare = Preparer(self._weights, context)
        self._waiting: deque[Job] = deque()  # to be started again after the cache had to shrink
        try:
            self._cache = self._open_cache(sequences)
        except EngineError:
            self._weights.close()
            raise

    # -- Backend -------------------------------------------------------------------------------------------------

    def render(self, messages: list[dict[str, str]], prefix: str = "") -> str:
        return self._render(messages, prefix, self.template_arguments)

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
        self._cache.context.use_adapter(name)
        self._cache.forget_all()
        self.adapter = name

    def close(self) -> None:
        self._cache.context.close()
        self._weights.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def warm(self, prompt: str) -> None:
        """Compute a prompt and keep it: what begins alike is computed from there, as it was in an unbroken run."""
        for _ in self.generate([Request("warm", prompt, max_tokens=0)]):
            pass

    def generate(self, requests: Iterable[Request | None]) -> Iterator[Completion]:
        """Complete requests, pulled as places become free; see `Backend.generate`."""
        if self._busy or self._weights.model is None:
            raise EngineError("generate is already running on this engine" if self._busy else "this engine is closed")
        self._busy = True
        intake = Intake(requests)
        try:
            while True:
                started = time.perf_counter()
                finished = self._refill(intake)
                if not self.stats.active and not finished:
                    break
                if self.stats.active:
                    finished += self._step(draining=intake.idle)
                self.stats.seconds["total"] += time.perf_counter() - started - intake.take_seconds()
                yield from finished
        except GeneratorExit:  # the caller wants no more; what is in memory is sound
            raise
        except BaseException:
            self._cache.forget_all()
            raise
        finally:
            self._drop_jobs()
            self._busy = False

    # -- a step --------------------------------------------------------------------------------------------------

    def _refill(self, intake: Intake) -> list[Completion]:
        """Give every free place to the next request, as long as there are any; returns those that cannot be served."""
        refused: list[Completion] = []
        while self._cache.has_room:
            if self._waiting:
                job = self._waiting.popleft()
            elif (request := intake.pull()) is not None:
                try:
                    job = self._prepare(request)
                except RequestError as error:
                    refused.append(Completion.refused(error))
                    continue
            else:
                break
            self._cache.seat(job)
        self.stats.active = len(self._cache.busy())
        return refused

    def _step(self, *, draining: bool) -> list[Completion]:
        """One call of the model for all that are ready; returns what finished.

        draining: no more requests are there now; a Feed may have some after the next completion.
        """
        self._cache.follow()
        if draining:
            self._cache.close_ranks()
        self._mind_deadlines()
        shares = takes(self._cache.places, self.batch_tokens, SPARE_OUTPUTS)
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
        for place in self._cache.places:  # in order of sequence, as llama.cpp groups neighbours into one micro-batch
            share = shares.get(place)
            if share is None:
                continue
            job = place.job
            fed, job.pending = job.pending[:share], job.pending[share:]
            prompt_tokens += max(0, min(share, len(job.prompt) - place.held))
            done = not len(job.pending)
            batch.add(fed, place.held, place.sequence, wanted=job.outputs if done else 0)
            place.hold(fed)
            if done:
                ends.append((place, batch.size - 1))
        started = time.perf_counter()
        self._cache.context.decode(batch)
        computed = time.perf_counter()
        rows = self._cache.context.logits(batch)
        row = 0
        for place, index in ends:
            count = place.job.outputs
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
        stats.kv_used = sum(place.held for place in self._cache.busy())
        stats.reused_tokens = self._reused_before + self._cache.reused_tokens
        self._step_seconds.append(time.perf_counter() - started)

    def _advance(self, place: Place, logits: Logits, index: int) -> None:
        """Go on after a job's pending tokens were computed; logits: (1 or the path's length, vocabulary)."""
        job = place.job
        if job.path is not None:
            for depth, row in enumerate(logits):
                job.scorer.observe(job.path[: depth + 1], row)
            self._next_path(job)
            self._cache.rewind(place, len(logits))
        elif job.choices_due:
            job.scorer.observe((), logits[0])
            job.paths = deque(job.scorer.paths)
            job.drawn = self._draw(job, logits[0], index) if job.tokens < job.limit else None
            self._next_path(job)
        elif job.tokens >= job.limit:  # nothing more was wanted than prompt or closing
            job.conclude("length")
        elif job.closing_due or (job.request.closing is not None and not job.closed and self._late(job)):
            job.close(self._end_of_thought(job))
        elif job.thought_due and job.end_thought(self._end_of_thought(job)):
            pass  # it is pending
        else:
            self._take(job, self._draw(job, logits[0], index))

    def _end_of_thought(self, job: Job) -> Tokens:
        return self._weights.tokenize(job.end_of_thought)

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
        token = int(logits.argmax()) if job.sampler is None else job.sampler.draw(self._cache.context, index, logits)
        self.stats.seconds["sample"] += time.perf_counter() - started
        return token

    def _take(self, job: Job, token: int) -> None:
        before = job.tokens
        job.take(token, self._weights.piece(token), self._weights.ends_turn(token))
        self.stats.tokens += job.tokens - before

    def _collect(self) -> list[Completion]:
        finished = []
        for place in self._cache.busy():
            if place.job.finish is not None:
                finished.append(place.job.completion(time.monotonic()))
                self._cache.vacate(place)
        self.stats.completions += len(finished)
        return finished

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
        for job in (place.job for place in self._cache.busy()):
            if job.request.deadline is None or job.finish is not None:
                continue
            unclosed = job.request.closing is None and self._late(job)
            if unclosed or time.monotonic() >= job.request.deadline:
                job.conclude("deadline")

    # -- memory --------------------------------------------------------------------------------------------------

    def _affordable(self, path: Path, sequences: int, *, on_gpu: bool) -> int:
        """Of the wanted sequences as many as the memory plan allows, as RAM is promised freely and then runs out."""
        machine = detect_machine()
        try:
            header = read_gguf_header(path)
        except GgufError as error:
            raise EngineError(str(error)) from error
        if path.name != header.shards[0].name:
            raise EngineError(f"{path}: one of {len(header.shards)} shards; name the first, {header.shards[0].name}")
        try:
            plan = plan_memory(
                header,
                context=self.context,
                sequences=sequences,
                available=machine.model_memory if on_gpu else machine.ram_available,
                batch_tokens=self.batch_tokens,
            )
        except GgufError as error:  # llama.cpp may know this kind of model better
            log.info("no memory plan: %s", error)
            return sequences
        if plan.sequences < sequences:
            log.warning("%s: %s", self.name, plan.describe())
        return max(1, plan.sequences)

    def _cache_options(self) -> dict[str, int]:
        return {"context": self.context, "threads": self.threads, "batch_tokens": self.batch_tokens}

    def _open_cache(self, sequences: int) -> Cache:
        """Allocate the KV cache for as many sequences as memory allows, halving until it does."""
        while True:
            try:
                context = Context(
                    self._weights, sequences=sequences, unified=self.kv == "unified", **self._cache_options()
                )
                break
            except DecodeError as error:
                if sequences == 1:
                    raise EngineError(f"{self.name}: {error}; try a shorter context or a smaller model") from error
                sequences //= 2
                log.warning("%s: going on with %d sequences", error, sequences)
        if self.adapter is not None:
            context.use_adapter(self.adapter)
        self._step_seconds: deque[float] = deque(maxlen=8)
        self._reused_before = self.stats.reused_tokens
        self.stats.sequences, self.stats.kv_size = sequences, sequences * self.context
        return Cache(context, self.context)

    def _shrink(self, error: DecodeError) -> None:
        """After a failed call: half the sequences, and every job in work starts again."""
        sequences = len(self._cache.places) // 2
        if sequences == 0:
            raise EngineError(f"{self.name}: {error}, with a single sequence") from error
        log.warning("%s: starting its requests again with %d sequences", error, sequences)
        jobs = [place.job for place in self._cache.busy()] + list(self._waiting)
        again = [job.request for job in sorted(jobs, key=lambda job: job.number)]
        self._drop_jobs()
        self._cache.context.close()
        self._cache = self._open_cache(sequences)
        self._waiting.extend(self._prepare(request) for request in again)

    def _drop_jobs(self) -> None:
        for place in self._cache.busy():
            self._cache.vacate(place)
        for job in self._waiting:
            if job.sampler is not None:
                job.sampler.close()
        self._waiting.clear()
        self.stats.active = self.stats.kv_used = 0
