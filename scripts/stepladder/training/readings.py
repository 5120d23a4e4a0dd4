"""Taking the guard's readings: the loss of held-out texts, and a few replies to their questions."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from statistics import fmean
from typing import TYPE_CHECKING

from ..core.errors import InputError
from ..core.records import LETTERS
from ..engine import extract
from ..engine.reply_forms import REASONING, ReplyForm
from .data import Example, ends_turn
from .decoder import device_of
from .guard import Reading
from .loss import record_losses
from .windows import World, micro_batches

if TYPE_CHECKING:
    from .loading import Student

LENGTH_ROOM = 1.25  # replies may be so many times as long as the longest text of their questions
EMPTY_SHARE = 0.25  # a reply under this share of the shortest text's tokens says nothing


class Reader:
    """Reads one student on fixed held-out texts; `samples` questions, those of the shortest, it also answers, greedily.

    batch: texts at a time. tokens: of the longest reply, where the texts are not shorter anyway. form: of the texts.
    """

    def __init__(self, student: Student, texts: Sequence[Example], *, batch: int, samples: int, tokens: int,
                 form: ReplyForm = REASONING) -> None:
        self.student, self.texts, self.form = student, texts, form
        self.batches = micro_batches(texts, batch, World())
        count = min(samples, len(texts))
        self.asked = sorted(texts, key=lambda text: text.live)[:count]  # replies take time by their length
        self.most = min(tokens, int(LENGTH_ROOM * max((text.live for text in self.asked), default=0)))
        self.least = EMPTY_SHARE * min(text.live for text in texts)
        self.places = {text.id: answer_place(text, student, form) for text in texts}

    def read(self, step: int) -> Reading:
        """One reading. The random state and the training mode are as before afterwards."""
        import torch

        started = time.monotonic()
        model = self.student.model
        training = model.training
        model.eval()
        try:
            with torch.no_grad(), self.student.autocast:
                losses, letters, letter_loss = self._texts()
                replies = self._replies() if self.asked else []
        finally:
            model.train(training)
        by_level = defaultdict(list)
        for text in self.texts:
            by_level[text.level or "not levelled"].append(losses[text.id])
        decoded = [self.student.tokenizer.decode(reply, skip_special_tokens=True) for reply, _ in replies]
        return Reading(
            step=step, losses=tuple(losses[text.id] for text in self.texts),
            levels={level: fmean(found) for level, found in by_level.items()}, letters=letters,
            letter_loss=letter_loss, replies=len(replies),
            ended=sum(ended for _, ended in replies),
            answered=sum(self.form.read(text) is not None for text in decoded),
            looping=sum(extract.degenerate(self.form.steps(text)) in ("loop", "constant") for text in decoded),
            empty=sum(len(reply) < self.least for reply, _ in replies), distinct=len(set(decoded)),
            seconds=round(time.monotonic() - started, 2))

    def _texts(self) -> tuple[dict[str, float], dict[str, int], float]:
        """(loss by text's id, how often each letter is the likeliest where a text gives its own, letter loss)."""
        import torch

        tokens = sorted({text.ids[self.places[text.id]] for text in self.texts})
        losses: dict[str, float] = {}
        chosen: Counter[int] = Counter()
        wrong = 0.0
        for batch in self.batches:
            places = [self.places[text.id] - text.prompt_length for text in batch]
            found, logits = record_losses(self.student.model, batch, self.student.pad, places)
            losses |= zip((text.id for text in batch), found, strict=True)
            among = logits[:, tokens]
            right = torch.tensor([tokens.index(text.ids[self.places[text.id]]) for text in batch])
            wrong += torch.nn.functional.cross_entropy(among, right, reduction="sum").item()
            chosen.update(tokens[i] for i in among.argmax(-1).tolist())
        decode = self.student.tokenizer.decode
        letters = {decode([token]).strip(): chosen[token] for token in tokens}
        return losses, letters, wrong / len(self.texts)

    def _replies(self) -> list[tuple[list[int], bool]]:
        """(token ids, whether it ended by itself) of the greedy replies."""
        import torch

        prompts = [text.ids[:text.prompt_length] for text in self.asked]
        longest, pad = max(map(len, prompts)), self.student.pad
        ids = torch.tensor([[pad] * (longest - len(prompt)) + list(prompt) for prompt in prompts])
        mask = torch.tensor([[0] * (longest - len(prompt)) + [1] * len(prompt) for prompt in prompts])
        device = device_of(self.student.model)
        made = self.student.model.generate(input_ids=ids.to(device), attention_mask=mask.to(device),
                                           max_new_tokens=self.most, do_sample=False, pad_token_id=pad)
        replies = []
        for row in made[:, longest:].tolist():
            end = next((i for i, token in enumerate(row) if ends_turn(token, self.student.tokenizer)), None)
            replies.append((row[:end], end is not None))
        return replies


def answer_place(text: Example, student: Student, form: ReplyForm = REASONING) -> int:
    """Index of the token that is the text's answer: behind the form's opening, or the last before its ending.

    Raises InputError where that is no letter: the tokenizer writes it together with what stands beside it.
    """
    tokenizer = student.tokenizer
    if form.closing is None:
        place = text.prompt_length + len(tokenizer(form.opening, add_special_tokens=False)["input_ids"])
    else:
        last = next(i for i in range(len(text.ids) - 1, -1, -1) if not ends_turn(text.ids[i], tokenizer))
        place = last - len(tokenizer(form.ending, add_special_tokens=False)["input_ids"])
    if form is not REASONING and (found := tokenizer.decode([text.ids[place]]).strip()) not in LETTERS:
        raise InputError(f"record {text.id}: {found!r} stands where its letter was expected; the student's tokenizer "
                         f"does not go with the reply form {form.name}")
    return place
