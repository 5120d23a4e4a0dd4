"""AAgent: answers multiple-choice questions.

    text, tokens, seconds = AAgent().generate_response("Which is a prime?  A) 4  B) 6  C) 7  D) 9")
"""

from __future__ import annotations

import json
import time
from typing import Any

from utils import deployment

from stepladder.agents.formats import answer_object, read_text
from stepladder.agents.free_text import replies


class AAgent:
    """The answering agent; opening it loads the model."""

    def __init__(self, **_: Any) -> None:
        self.backend = deployment.open_model()
        self.answerer = deployment.answerer(self.backend)
        self.tokenizer = deployment.Tokenizer(self.backend)

    def generate_response(self, message: str | list[str], system_prompt: str | None = None, **options: Any
                          ) -> tuple[str | list[str], int, float]:
        """(a reply, or a list of them for a list of any length; tokens written; seconds).

        A message with a question and its options A to D gets {"answer": ..., "reasoning": ...} as JSON; any other one
        a plain reply. options: max_new_tokens, temperature and top_p of plain replies.
        """
        started = time.monotonic()
        messages = [message] if isinstance(message, str) else list(message)
        texts: list[str] = [""] * len(messages)
        questions, others, tokens = [], [], 0
        for place, text in enumerate(messages):
            record, _ = read_text(text, str(place))
            if record is None:
                others.append(place)
            else:
                questions.append(record)
        answers = (answer for batch in self.answerer.answer_all(questions, max(1, len(questions))) for answer in batch)
        for record, answer in zip(questions, answers, strict=True):
            texts[int(record["id"])] = json.dumps(answer_object(answer.letter, answer.reasoning), ensure_ascii=False)
            tokens += answer.tokens
        limits = self.answerer.limits
        written = replies(self.backend, [messages[place] for place in others], system_prompt,
                          int(options.get("max_new_tokens", limits.tokens)), limits.seconds,
                          float(options.get("temperature", 0.0)), float(options.get("top_p", 1.0)))
        for place, (text, count) in zip(others, written, strict=True):
            texts[place] = text
            tokens += count
        return texts[0] if isinstance(message, str) else texts, tokens, time.monotonic() - started
