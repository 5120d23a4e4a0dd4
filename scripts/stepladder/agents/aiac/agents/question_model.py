"""QAgent: writes multiple-choice questions.

    text, tokens, seconds = QAgent().generate_response("Write a question about circular seating arrangements.")
"""

from __future__ import annotations

import json
import secrets
import time
from typing import Any

from utils import deployment

from stepladder.agents.free_text import replies
from stepladder.agents.topics import kind_in
from stepladder.agents.writer import QuestionWriter, Written


class QAgent:
    """The question-writing agent; opening it loads the model. seed: the same seed writes the same puzzles."""

    def __init__(self, seed: int | None = None, **_: Any) -> None:
        self.settings = deployment.settings("qgen.yaml")
        self.backend = deployment.open_model()
        self.seed = secrets.randbits(32) if seed is None else seed
        self.writer = QuestionWriter(deployment.answerer(self.backend), self.seed, float(self.settings["seconds"]),
                                     int(self.settings["max_new_tokens"]))
        self.tokenizer = deployment.Tokenizer(self.backend)

    def write(self, topics: list[str]) -> list[Written]:
        """A question for each topic."""
        return self.writer.ask_batch(topics, int(self.settings["difficulty"]), str(self.settings["source"]))

    def generate_response(self, message: str | list[str], system_prompt: str | None = None, **options: Any
                          ) -> tuple[str | list[str], int, float]:
        """(a reply, or a list of them for a list of any length; tokens written; seconds).

        A message that names a topic of the puzzle generators gets a question as JSON; any other one a plain reply.
        options: max_new_tokens, temperature and top_p of plain replies.
        """
        started = time.monotonic()
        messages = [message] if isinstance(message, str) else list(message)
        texts, tokens = [""] * len(messages), 0
        known = [place for place, text in enumerate(messages) if kind_in(text) is not None]
        for place, written in zip(known, self.write([messages[place] for place in known]), strict=True):
            texts[place] = json.dumps(written.question, ensure_ascii=False)
        others = [place for place in range(len(messages)) if place not in set(known)]
        found = replies(self.backend, [messages[place] for place in others], system_prompt,
                        int(options.get("max_new_tokens", self.settings["max_new_tokens"])),
                        float(self.settings["seconds"]), float(options.get("temperature", 0.0)),
                        float(options.get("top_p", 1.0)))
        for place, (text, count) in zip(others, found, strict=True):
            texts[place] = text
            tokens += count
        return texts[0] if isinstance(message, str) else texts, tokens, time.monotonic() - started
