"""The agent that writes questions: from the puzzle generators, whose keys are proven, and from the model.

    written = QuestionWriter(answerer, seed=1).ask("Blood Relations and Family Tree", difficulty=8)

What the model writes is kept only where the agent itself answers it alike in four orders of the options, with the key
that was written, and where the published filter keeps it. A topic that no generator has, and for which the model
brings nothing of use in time, gets a puzzle, under the puzzle's own topic.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from .. import puzzles
from ..core import options
from ..core.records import LETTERS, Record
from ..engine.requests import Request, Sampling
from .answerer import Answerer
from .formats import clip_words, question_object, read_question
from .pace import time_left
from .published_filter import question_problem
from .topics import kind_in
from .validator import carried_back

PUZZLE_TRIES = 60
MODEL_TRIES = 2
TEMPERATURE = 0.8
GRAMMAR = r"""root ::= "{\"question\": " text ", " choices ", " answer ", \"explanation\": " text "}"
choices ::= "\"choices\": [" four "]"
answer ::= "\"answer\": \"" [A-D] "\""
four ::= text ", " text ", " text ", " text
text ::= "\"" ([^"\\\x00-\x1f] | "\\" ["\\/bfnrt])+ "\""
"""


@dataclass(frozen=True)
class Written:
    """A question in the tournament's form, its record, and who made it: "puzzle" or "model"."""

    question: dict[str, Any]
    record: Record
    source: str


class QuestionWriter:
    """Writes questions that the filter keeps, none twice. `seconds` and `tokens` limit what the model writes."""

    def __init__(self, answerer: Answerer, seed: int = 0, seconds: float = 10.0, tokens: int = 1024) -> None:
        self.answerer, self.seconds, self.tokens = answerer, seconds, tokens
        self._random = Random(f"writer/{seed}")
        self._seen: set[str] = set()

    def ask(self, topic: str, difficulty: int = 10, source: str = "auto") -> Written:
        """One question. difficulty: 1 to 10; source: "puzzle", "model" (a puzzle where it fails) or "auto".

        auto asks the generators where they have the topic, and the model where they do not.
        """
        return self.ask_batch([topic], difficulty, source)[0]

    def ask_batch(self, topics: Sequence[str], difficulty: int = 10, source: str = "auto") -> list[Written]:
        """One question for each topic, in order, within `seconds` together."""
        deadline = time.monotonic() + time_left(self.seconds)
        difficulty = min(10, max(1, int(difficulty)))
        kinds = [kind_in(topic) for topic in topics]
        by_model = [place for place, kind in enumerate(kinds)
                    if source == "model" or (source == "auto" and kind is None)]
        made = self._from_model([topics[place] for place in by_model], difficulty, deadline)
        found = {place: written for place, written in zip(by_model, made, strict=True) if written is not None}
        return [found.get(place) or self._puzzle(kind, difficulty, topic)
                for place, (topic, kind) in enumerate(zip(topics, kinds, strict=True))]

    # -- puzzles ------------------------------------------------------------------------------------------------------

    def _puzzle(self, kind: str | None, difficulty: int, topic: str) -> Written:
        asked = topic if kind is not None else None
        for attempt in range(PUZZLE_TRIES):
            name = kind or self._random.choice(list(puzzles.KINDS))
            puzzle = puzzles.generate(name, self._random.getrandbits(40), difficulty, short=True)
            record = puzzles.to_record(puzzle)
            steps = puzzle.reasoning.rpartition("\nAnswer:")[0]
            question = question_object(record, asked or puzzles.KINDS[name].topic, steps)
            structure = puzzles.structure_text(puzzle)
            repeated = structure in self._seen and attempt < PUZZLE_TRIES // 2  # a small kind may be used up
            if not repeated and question["question"] not in self._seen and self._passes(question):
                self._seen |= {structure, question["question"]}
                return Written(question, record, "puzzle")
        if kind is None:
            raise RuntimeError(f"no puzzle passes the filter in {PUZZLE_TRIES} tries")
        return self._puzzle(None, difficulty, topic)

    def _passes(self, question: Mapping[str, Any]) -> bool:
        return question_problem(dict(question), self.answerer.backend.count_tokens) is None

    # -- the model ----------------------------------------------------------------------------------------------------

    def _from_model(self, topics: Sequence[str], difficulty: int, deadline: float) -> list[Written | None]:
        """What the model writes about each topic, None where it is not to be trusted or there is no time."""
        if not topics:
            return []
        backend = self.answerer.backend
        half = time.monotonic() + 0.6 * (deadline - time.monotonic())  # the rest is for checking
        requests = []
        for place, topic in enumerate(topics):
            prompt = backend.render(writing_messages(topic, difficulty))
            room = (backend.context or 1 << 20) - backend.count_tokens(prompt) - 1
            if room > 40:
                sampling = Sampling(TEMPERATURE, top_p=0.95, seed=self._random.getrandbits(30))
                requests.append(Request(f"write#{place}", prompt, min(self.tokens, 400, room), sampling,
                                        grammar=GRAMMAR, deadline=half))
        drafts: list[Written | None] = [None] * len(topics)
        for completion in backend.generate(requests):
            place = int(completion.id.partition("#")[2])
            drafts[place] = self._draft(completion.text, topics[place])
        return self._checked(drafts, deadline)

    def _draft(self, text: str, topic: str) -> Written | None:
        try:
            raw = json.loads(text)
        except ValueError:  # cut off at its limit
            return None
        record, _ = read_question(raw, "model")
        if record is None or "answer" not in record or len(set(record["choices"].values())) < len(LETTERS):
            return None
        question = question_object(record, topic, clip_words(record.get("explanation", "")))
        if question["question"] in self._seen or not self._passes(question) or not options.may_permute(record):
            return None
        return Written(question, record, "model")

    def _checked(self, drafts: list[Written | None], deadline: float) -> list[Written | None]:
        """Only those that the agent answers alike, and as written, in all four orders of the options."""
        kept: list[Written | None] = [None] * len(drafts)
        for place, draft in enumerate(drafts):
            if draft is None or time.monotonic() >= deadline:
                continue
            turned = [options.rotate(draft.record, by) for by in range(4)]
            found = self.answerer.fast([record for record, _ in turned])
            if all(best(carried_back(row, back)) == draft.record["answer"]
                   for row, (_, back) in zip(found, turned, strict=True)):
                self._seen.add(draft.question["question"])
                kept[place] = draft
        return kept


def best(probabilities: Mapping[str, float]) -> str:
    """The letter with the highest probability, the first of equals."""
    return max(LETTERS, key=lambda letter: probabilities[letter])


def writing_messages(topic: str, difficulty: int) -> list[dict[str, str]]:
    """The chat that asks for a question in JSON."""
    system = ("You write multiple-choice questions. Reply with one JSON object with the keys question, choices (a list "
              "of four short options, one of them right), answer (the letter A, B, C or D) and explanation (short).")
    return [{"role": "system", "content": system},
            {"role": "user", "content": f"Topic: {topic}. Difficulty: {difficulty} of 10. Keep it under 90 words."}]
