"""How long one question takes when nothing else runs: warm, one at a time, prompt and generation apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from stepladder.core.records import Record
from stepladder.engine.reply_forms import REASONING, ReplyForm
from stepladder.engine.requests import Backend, Completion, Request

from .answering import Manner, request_for, units
from .statistics import highest_percentile, percentiles

TARGET_MS = 60.0
WARM_UP = 2


def timed(backend: Backend, contestant: str, records: Sequence[Record], manner: Manner,
          form: ReplyForm = REASONING) -> dict[str, Any]:
    """Percentiles of `records`, each asked once by itself after a warm-up on the first ones.

    ms: the whole question. prefill_ms: in model calls that held prompt tokens. decode_ms: in calls that only
    generated. What the prompts share (the instruction) is in the cache, as it is in use; a question is not, unless
    there are too few of them to warm up on others. Times of a server hold its network; it has no parts.
    """
    wanted = units(records, contestant, _plain(manner), form)
    warm, measured = wanted[:WARM_UP], wanted[WARM_UP:] or wanted
    for unit in warm:
        _ask(backend, request_for(backend, unit, manner))
    rows: list[dict[str, float]] = []
    for unit in measured:
        before = _totals(backend)
        completion = _ask(backend, request_for(backend, unit, manner))
        spent = {key: value - before[key] for key, value in _totals(backend).items()}
        rows.append({"ms": 1000 * completion.seconds, "prefill_ms": 1000 * spent["prompt_seconds"],
                     "decode_ms": 1000 * spent["steady_seconds"], "tokens": completion.tokens,
                     "prompt_tokens": spent["prompt_tokens"], "reused_tokens": spent["reused_tokens"]})
    found: dict[str, Any] = {"n": len(rows), "warm_up": len(warm)}
    for part in ("ms", "prefill_ms", "decode_ms"):
        values = [row[part] for row in rows]
        found[part] = percentiles(values) if any(values) else None
    for part in ("tokens", "prompt_tokens", "reused_tokens"):
        found[f"{part}_mean"] = sum(row[part] for row in rows) / len(rows)
    generated = sum(row["decode_ms"] for row in rows)
    found["tokens_per_second"] = 1000 * sum(row["tokens"] for row in rows) / generated if generated else None
    return found


def _plain(manner: Manner) -> Manner:
    return Manner(manner.mode, manner.max_tokens, manner.temperature, seed=manner.seed)


def _ask(backend: Backend, request: Request) -> Completion:
    return next(iter(list(backend.generate([request]))))


def _totals(backend: Backend) -> dict[str, float]:
    stats = backend.stats
    return {"prompt_seconds": stats.prompt_seconds, "steady_seconds": stats.steady_seconds,
            "prompt_tokens": stats.prompt_tokens, "reused_tokens": stats.reused_tokens}


class Throughput:
    """What a backend did between two moments, for the batched run.

        meter = Throughput(backend); ...; row = meter.row(runs)
    """

    def __init__(self, backend: Backend) -> None:
        self._stats = backend.stats
        self._before = self._now()

    def _now(self) -> dict[str, float]:
        stats = self._stats
        return {"seconds": stats.seconds["total"], "tokens": stats.tokens, "prompt_tokens": stats.prompt_tokens,
                "reused_tokens": stats.reused_tokens}

    def row(self, runs: int) -> dict[str, Any] | None:
        """Answers and tokens a second over `runs` answers; None where nothing was computed."""
        spent = {key: value - self._before[key] for key, value in self._now().items()}
        seconds = spent.pop("seconds")
        if not runs or not seconds:
            return None
        return {"runs": runs, "seconds": round(seconds, 3), "sequences": self._stats.sequences,
                "answers_per_second": runs / seconds, "tokens_per_second": spent["tokens"] / seconds,
                "prompt_tokens_per_second": spent["prompt_tokens"] / seconds, "reused_tokens": spent["reused_tokens"]}


def against_target(row: Mapping[str, Any], name: str, mode: str) -> str:
    """The 60 ms target, said plainly, at the highest percentile that the timings bear."""
    highest = highest_percentile(row["ms"])
    most, p50 = row["ms"][highest], row["ms"]["p50"]
    if most <= TARGET_MS:
        said = "within"
    else:
        said = "half of them within" if p50 <= TARGET_MS else "over"
    at_highest = f", {most:.0f} ms at {highest}" if highest != "p50" else ""
    return (f"{name}, {mode}: {p50:.0f} ms a question at the median{at_highest} "
            f"({row['n']} questions, one at a time): {said} the target of {TARGET_MS:.0f} ms")
