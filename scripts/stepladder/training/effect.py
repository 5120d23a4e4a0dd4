"""Is the whole adapter in an export, once and no more? Log-probabilities of texts that the student learnt to write.

Training keeps those of base and trained student (`measure`, in training.json): the way from the former to the latter is
the adapter's effect. `compare` says how much of it an export shows: 1 all, 0 none, 2 twice. Letters in fast mode
would not tell: they hardly move where a student learns to reason.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..engine.native import Batch, Context, Weights, physical_cores
from .data import Example, thin
from .decoder import device_of, hidden_states, logits

if TYPE_CHECKING:
    import torch
    from torch import nn

    from .loading import Student

Rows = list[list[float]]  # log-probabilities (nats) of the replies' tokens, a row a text

TEXTS = 8
BATCH = 512  # most tokens in one call of llama.cpp
WHOLE = (0.6, 1.5)  # shares that count as the whole effect
UNSURE = 0.2  # standard error of a share from which it tells nothing
CLOSE = 0.1  # of the effect: how far off an export may be whose own base was read; half an adapter makes 0.3 and more
NOISE = 1.5  # times how far its base is off the one that was trained; Q8_0 makes up to 1.1 in a 135M model
FLOOR = 0.1  # nats a token that are noise in any case
FAR = 0.6  # nats a token where the base was not read; 4 bits alone make 0.27 in a 135M model, and less in larger ones


def measure(student: Student, examples: Sequence[Example]) -> list[dict[str, Any]]:
    """Up to TEXTS of the examples, drawn evenly: [{"id", "ids", "prompt_length", "base", "trained"}]; the last two are
    log-probabilities (nats) of the reply's tokens, ids[prompt_length:], by the base alone and with its adapter.
    """
    import torch

    student.model.eval()
    found = []
    with torch.no_grad(), student.autocast:
        for example in thin(list(examples), TEXTS):
            trained = _log_probabilities(student.model, example.ids, example.prompt_length)
            with student.model.disable_adapter():
                base = _log_probabilities(student.model, example.ids, example.prompt_length)
            found.append({"id": example.id, "ids": list(example.ids), "prompt_length": example.prompt_length,
                          "base": base, "trained": trained})
    return found


def _log_probabilities(model: nn.Module, tokens: Sequence[int], first: int) -> list[float]:
    """Log-probabilities (nats) of tokens[first:] after what comes before each."""
    import torch

    ids = torch.tensor([list(tokens)], device=device_of(model))
    hidden = hidden_states(model, ids)[0, first - 1:-1]
    return _picked(logits(model, hidden), ids[0, first:])


def of_file(gguf: Path, texts: Sequence[dict[str, Any]]) -> list[list[float]]:
    """The same log-probabilities by llama.cpp, from one GGUF without adapters: a row a text."""
    return _by_llama(gguf, {}, texts)[0]


def of_adapter(gguf: Path, adapter: Path, texts: Sequence[dict[str, Any]]) -> tuple[Rows, Rows]:
    """By llama.cpp, from a GGUF base: (rows by the base alone, rows with the GGUF `adapter` on it)."""
    base, adapted = _by_llama(gguf, {"student": adapter}, texts)
    return base, adapted


def of_checkpoint(folder: Path, quantization: str, dtype: torch.dtype, texts: Sequence[dict[str, Any]]) -> Rows:
    """By torch, from a merged checkpoint, loaded as its base was for training."""
    import torch

    from .loading import autocast, load_base

    model = load_base(folder, quantization, dtype).eval()
    with torch.no_grad(), autocast(model, dtype):
        return [_log_probabilities(model, text["ids"], text["prompt_length"]) for text in texts]


def _by_llama(gguf: Path, adapters: dict[str, Path], texts: Sequence[dict[str, Any]]) -> list[Rows]:
    """Rows of the base, then of each adapter on it."""
    weights = Weights(gguf, "auto", adapters)
    try:
        longest = max(len(text["ids"]) for text in texts)
        context = Context(weights, sequences=1, context=longest, threads=physical_cores(),
                          batch_tokens=min(longest, BATCH), unified=False)
        try:
            found = []
            for name in (None, *adapters):
                context.use_adapter(name)
                found.append(_read(context, texts))
        finally:
            context.close()
    finally:
        weights.close()
    return found


def _read(context: Context, texts: Sequence[dict[str, Any]]) -> Rows:
    """A row a text; what a text has in common with the one before it is computed once."""
    rows, held = [], []
    context.clear()
    for text in texts:
        ids, first = text["ids"], text["prompt_length"]
        alike = takewhile(lambda pair: pair[0] == pair[1], zip(held, ids, strict=False))
        same = min(first - 1, sum(1 for _ in alike))
        same = context.forget(0, same)
        rows.append(_row(context, ids, first, same))
        held = ids
    return rows


def _row(context: Context, ids: Sequence[int], first: int, start: int) -> list[float]:
    """Log-probabilities of ids[first:]; the context holds ids[:start], and ids[:-1] afterwards."""
    import numpy as np
    import torch

    batch, found = Batch(BATCH), []
    while start < len(ids) - 1:
        live = start >= first - 1
        end = min(start + context.most_outputs, len(ids) - 1) if live else min(start + BATCH, first - 1)
        batch.clear()
        batch.add(np.array(ids[start:end], np.int32), start, 0, wanted=(end - start) * live)
        context.decode(batch)
        if live:
            found += _picked(torch.from_numpy(context.logits(batch).copy()), torch.tensor(ids[start + 1:end + 1]))
        start = end
    return found


def _picked(logits: torch.Tensor, ids: torch.Tensor) -> list[float]:
    """Log-probabilities of ids (N,) under logits (N, vocabulary)."""
    picked = logits.log_softmax(-1).gather(-1, ids[:, None])[:, 0]
    return [round(value, 4) for value in picked.tolist()]


def compare(texts: Sequence[dict[str, Any]], found: Rows, base: Rows | None = None, rounded: bool = False
            ) -> dict[str, Any]:
    """How much of the adapter's effect `found` shows against `base`: rows of the export's own base, where that was read
    too, else what training read. rounded: the export's weights have fewer bits, and its base was not read.

    "share" of the effect by least squares over all tokens, and its "standard_error" (None where the adapter has no
    effect); in nats a token (root mean square) "effect", "distance" of what is shown from it, and "allowed", the
    distance from which it is another student's. A strong adapter in half or twice shows in the distance rather than
    in the share: what it learnt cannot become much likelier.
    """
    read, trained, shown = (_flat(rows) for rows in ([text["base"] for text in texts],
                                                     [text["trained"] for text in texts], found))
    own = read if base is None else _flat(base)
    effect = [b - a for a, b in zip(read, trained, strict=True)]
    shown = [c - a for a, c in zip(own, shown, strict=True)]
    size, noise = _norm(effect), _norm([a - b for a, b in zip(own, read, strict=True)])
    share = error = None
    if any(effect):
        squares = sum(value * value for value in effect)
        share = sum(x * y for x, y in zip(effect, shown, strict=True)) / squares
        error = round(_norm([y - share * x for x, y in zip(effect, shown, strict=True)]) / math.sqrt(squares), 3)
        share = round(share, 3)
    return {"texts": len(texts), "tokens": len(effect), "effect": round(size, 4),
            "distance": round(_norm([y - x for x, y in zip(effect, shown, strict=True)]), 4),
            "allowed": FAR if rounded else round(max(FLOOR, CLOSE * size + NOISE * noise), 4),
            "share": share, "standard_error": error}


def _flat(rows: Rows) -> list[float]:
    return [value for row in rows for value in row]


def _norm(values: Sequence[float]) -> float:
    """Root mean square."""
    return math.sqrt(sum(value * value for value in values) / len(values))


def contradicts(found: dict[str, Any]) -> bool:
    """Whether a comparison shows that the export is not base and adapter; False too where it cannot tell."""
    share, error = found["share"], found["standard_error"]
    return found["distance"] > found["allowed"] or (
        tells(found) and not WHOLE[0] - 2 * error <= share <= WHOLE[1] + 2 * error)


def tells(found: dict[str, Any]) -> bool:
    """Whether the adapter does enough, against the noise of quantising, for a share of it to be told."""
    return found["share"] is not None and found["effect"] >= FLOOR and found["standard_error"] <= UNSURE


def told(found: dict[str, Any]) -> str:
    """A comparison in words."""
    allowed = f" (up to {found['allowed']:.2f} are noise)" if "allowed" in found else ""  # not in earlier ones
    said = (f"on {found['texts']} texts that the student learnt it is {found['distance']:.2f} nats a token off the "
            f"trained student{allowed}")
    if not tells(found):
        return f"{said}; the adapter's effect, {found['effect']:.2f} nats, is too little to be told from noise"
    return (f"{said} and shows {found['share']:.2f} of the adapter's effect ({found['effect']:.2f} nats a token, "
            f"standard error of the share {found['standard_error']:.2f})")
