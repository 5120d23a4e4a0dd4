"""Is the whole adapter in a merged file, once and no more? Log-probabilities of texts that the student learnt to write.

Training keeps those of base and trained student (`measure`, in training.json): the way from the former to the latter is
the adapter's effect. `compare` says how much of it a merged file shows: 1 all, 0 none, 2 twice. Letters in fast mode
would not tell: they hardly move where a student learns to reason.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .data import Example, thin
from .decoder import causal, device_of, hidden_states

if TYPE_CHECKING:
    import torch

    from .loading import Student

TEXTS = 8
WHOLE = (0.6, 1.5)  # shares that count as the whole effect
UNSURE = 0.2  # standard error of a share from which it tells nothing
FAR = 0.6  # nats a token from the trained student; 4 bits alone make 0.27 in a 135M model, and less in larger ones


def measure(student: Student, examples: Sequence[Example]) -> list[dict[str, Any]]:
    """Up to TEXTS of the examples, drawn evenly: [{"id", "ids", "prompt_length", "base", "trained"}]; the last two are
    log-probabilities (nats) of the reply's tokens, ids[prompt_length:], by the base alone and with its adapter.
    """
    import torch

    student.model.eval()
    found = []
    with torch.no_grad(), student.autocast:
        for example in thin(list(examples), TEXTS):
            trained = _log_probabilities(student, example)
            with student.model.disable_adapter():
                base = _log_probabilities(student, example)
            found.append({"id": example.id, "ids": list(example.ids), "prompt_length": example.prompt_length,
                          "base": base, "trained": trained})
    return found


def _log_probabilities(student: Student, example: Example) -> list[float]:
    import torch

    ids, first = torch.tensor([example.ids], device=device_of(student.model)), example.prompt_length
    hidden = hidden_states(student.model, ids)[0, first - 1:-1]
    return _picked(causal(student.model).get_output_embeddings()(hidden).float(), ids[0, first:])


def of_file(gguf: Path, texts: Sequence[dict[str, Any]]) -> list[list[float]]:
    """The same log-probabilities by llama.cpp, from one GGUF without adapters."""
    import torch
    from llama_cpp import Llama

    from ..engine.native import quiet_llama

    quiet_llama()
    longest = max(len(text["ids"]) for text in texts)
    model = Llama(str(gguf), n_ctx=longest, n_batch=longest, n_gpu_layers=-1, logits_all=True, verbose=False)
    try:
        found = []
        for text in texts:
            ids, first = text["ids"], text["prompt_length"]
            model.reset()
            model.eval(ids)
            found.append(_picked(torch.from_numpy(model.scores[first - 1:len(ids) - 1]), torch.tensor(ids[first:])))
    finally:
        model.close()
    return found


def _picked(logits: torch.Tensor, ids: torch.Tensor) -> list[float]:
    """Log-probabilities of ids (N,) under logits (N, vocabulary)."""
    picked = logits.log_softmax(-1).gather(-1, ids[:, None])[:, 0]
    return [round(value, 4) for value in picked.tolist()]


def compare(texts: Sequence[dict[str, Any]], found: Sequence[Sequence[float]]) -> dict[str, Any]:
    """How much of the adapter's effect `found` (from `of_file`) shows, by least squares over all tokens.

    "share" of the effect and its "standard_error" (None where the adapter has no effect); "effect" and "distance", the
    root mean squares of the effect and of what the file is off the trained student, nats a token. A strong adapter
    merged twice shows in the distance: what it learnt cannot become much likelier.
    """
    base, trained, merged = ([value for row in rows for value in row] for rows in
                             ([text["base"] for text in texts], [text["trained"] for text in texts], found))
    effect = [b - a for a, b in zip(base, trained, strict=True)]
    shown = [c - a for a, c in zip(base, merged, strict=True)]
    off = sum((c - b) ** 2 for b, c in zip(trained, merged, strict=True))
    size = sum(value * value for value in effect)
    share = error = None
    if size > 0:
        share = sum(x * y for x, y in zip(effect, shown, strict=True)) / size
        rest = sum((y - share * x) ** 2 for x, y in zip(effect, shown, strict=True))
        error = math.sqrt(rest / len(effect) / size)
    return {"texts": len(texts), "tokens": len(effect), "effect": round(math.sqrt(size / len(effect)), 4),
            "distance": round(math.sqrt(off / len(effect)), 4), "share": None if share is None else round(share, 3),
            "standard_error": None if error is None else round(error, 3)}


def contradicts(found: dict[str, Any]) -> bool:
    """Whether a comparison shows that the file is not base and adapter; False too where it cannot tell."""
    share, error = found["share"], found["standard_error"]
    return found["distance"] > FAR or (tells(found) and not WHOLE[0] - 2 * error <= share <= WHOLE[1] + 2 * error)


def tells(found: dict[str, Any]) -> bool:
    """Whether the adapter does enough, against the noise of quantising, for a share of it to be told."""
    return found["share"] is not None and found["standard_error"] <= UNSURE


def told(found: dict[str, Any]) -> str:
    """A comparison in words."""
    said = (f"on {found['texts']} texts that the student learnt it is {found['distance']:.2f} nats a token off the "
            "trained student")
    if not tells(found):
        return f"{said}; the adapter's effect, {found['effect']:.2f} nats, is too little to be told from noise"
    return (f"{said} and shows {found['share']:.2f} of the adapter's effect ({found['effect']:.2f} nats a token, "
            f"standard error of the share {found['standard_error']:.2f})")
