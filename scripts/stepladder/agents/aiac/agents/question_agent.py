"""Write a file of questions.

    python -m agents.question_agent --output_file outputs/questions.json --num_questions 20 --verbose
"""

from __future__ import annotations

import argparse
import random
import time
from pathlib import Path
from typing import Any

from utils import deployment

from stepladder.agents.formats import read_topics
from stepladder.agents.published_filter import filter_questions
from stepladder.core.errors import StepladderError
from stepladder.core.files import read_json
from stepladder.engine.requests import EngineError

from .question_model import QAgent


class QuestioningAgent:
    """Writes lists of questions on the topics of a topic file."""

    def __init__(self, agent: QAgent | None = None) -> None:
        self.agent = agent or QAgent()

    def generate_batches(self, num_questions: int, topics: dict[str, list[str]], batch_size: int = 5,
                         verbose: bool = False) -> tuple[list[dict[str, Any]], list[float]]:
        """(exactly `num_questions` questions, seconds of each batch). Topics come in turn, subtopics at random."""
        rng = random.Random(self.agent.seed)
        names = list(topics)
        wanted = []
        for place in range(num_questions):
            topic = names[place % len(names)]
            wanted.append(rng.choice(topics[topic] or [topic]))
        questions, seconds = [], []
        for start in range(0, num_questions, batch_size):
            began = time.monotonic()
            written = self.agent.write(wanted[start:start + batch_size])
            seconds.append(time.monotonic() - began)
            questions += [one.question for one in written]
            if verbose:
                for place, one in enumerate(written, start=start + 1):
                    print(f"{place}: {one.question['topic']} ({one.source}): {one.question['question'][:90]}")
        return questions, seconds

    def filter_questions(self, questions: list[Any], requested: int | None = None) -> list[dict[str, Any]]:
        """The published filter. requested: questions that were asked for; fewer than half of them are none at all."""
        return filter_questions(questions, self.agent.tokenizer.count, requested)


def build_parser() -> argparse.ArgumentParser:
    """The organisers' flags, the topic file and a seed."""
    parser = argparse.ArgumentParser(description="Write a file of questions.")
    parser.add_argument("--num_questions", type=int, default=10, help="questions to write (default 10)")
    parser.add_argument("--output_file", type=Path, default=Path("outputs/questions.json"))
    parser.add_argument("--batch_size", type=int, default=5, help="questions written together (default 5)")
    parser.add_argument("--topics_file", type=Path, default=deployment.ROOT / "assets" / "topics.json")
    parser.add_argument("--seed", type=int, help="the same seed writes the same puzzles (default: a new one)")
    parser.add_argument("--verbose", action="store_true", help="show every question")
    return parser


def main() -> None:
    """Write the raw and the filtered file."""
    args = build_parser().parse_args()
    try:
        topics = read_topics(read_json(args.topics_file))
        agent = QuestioningAgent(QAgent(seed=args.seed))
        questions, seconds = agent.generate_batches(max(0, args.num_questions), topics, max(1, args.batch_size),
                                                    args.verbose)
        kept = agent.filter_questions(questions, max(0, args.num_questions))
        deployment.write(args.output_file, questions)
        deployment.write(deployment.filtered(args.output_file), kept)
    except (StepladderError, EngineError, OSError) as error:
        deployment.fail(error)
    if args.verbose:
        print(f"{len(questions)} questions, {len(kept)} pass the filter, {sum(seconds):.1f} s, slowest batch "
              f"{max(seconds, default=0):.2f} s (seed {agent.agent.seed}); {args.output_file}")


if __name__ == "__main__":
    main()
