"""Do an export and the adapter it was made from answer alike? Letters of both in fast mode, and their comparison."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.records import LETTERS, Record
from ..engine import prompts
from ..engine.backend import open_backend
from ..engine.requests import Request

if TYPE_CHECKING:
    import torch

    from .loading import Student

SURE = 0.15  # lead of the best letter from which an answer counts as decided; Q8_0 alone moves letters by 0.05


def merged_letters(merged: Path, quantization: str, dtype: torch.dtype, questions: Sequence[Record]
                   ) -> list[list[float]]:
    """Probabilities of the four letters by question, from a merged checkpoint."""
    import torch

    from .letters import letter_logits
    from .loading import autocast, load_base, load_tokenizer

    model = load_base(merged, quantization, dtype).eval()
    with torch.no_grad(), autocast(model, dtype):
        rows, _ = letter_logits(model, load_tokenizer(merged), questions)
    return rows.softmax(-1).tolist()


def torch_letters(student: Student, questions: Sequence[Record]) -> list[list[float]]:
    """Probabilities of the four letters by question, from the trained model itself."""
    import torch

    from .letters import letter_logits

    student.model.eval()
    with torch.no_grad(), student.autocast:
        rows, _ = letter_logits(student.model, student.tokenizer, questions)
    return rows.softmax(-1).tolist()


def engine_letters(gguf: Path, adapter: Path | None, questions: Sequence[Record], **options: Any) -> list[list[float]]:
    """The same from the batching engine; probabilities are renormalised over the four letters."""
    adapters = {"student": adapter} if adapter is not None else {}
    with open_backend(gguf, adapters=adapters, **options) as backend:
        if adapter is not None:
            backend.use_adapter("student")
        requests = []
        for record in questions:
            messages, prefix = prompts.fast(record)
            requests.append(Request(record["id"], backend.render(messages, prefix), max_tokens=0,
                                    choices=prompts.LETTER_CHOICES))
        answers = {completion.id: completion.probabilities for completion in backend.generate(requests)}
    rows = []
    for record in questions:
        values = [answers[record["id"]][choice] for choice in prompts.LETTER_CHOICES]
        rows.append([value / sum(values) for value in values])
    return rows


def agreement(first: Sequence[Sequence[float]], second: Sequence[Sequence[float]]) -> dict[str, Any]:
    """How alike two models answer: letters agreed on among decided answers, and the largest difference.

    An answer is decided where the first model's two best letters differ by SURE or more.
    """
    decided = agreed = 0
    largest = 0.0
    for one, other in zip(first, second, strict=True):
        best, runner_up = sorted(one, reverse=True)[:2]
        largest = max(largest, *(abs(a - b) for a, b in zip(one, other, strict=True)))
        if best - runner_up >= SURE:
            decided += 1
            agreed += LETTERS[one.index(best)] == LETTERS[other.index(max(other))]
    return {"questions": len(first), "decided": decided, "agreed": agreed, "largest_difference": round(largest, 4)}


def alike(found: dict[str, Any]) -> bool:
    """Whether two exports count as the same model: nine in ten decided answers agree."""
    return found["agreed"] >= 0.9 * found["decided"]
