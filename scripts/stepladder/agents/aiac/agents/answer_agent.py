"""Answer a file of questions.

    python -m agents.answer_agent --input_file outputs/filtered_questions.json --output_file outputs/answers.json
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import Any

from utils import deployment

from stepladder.agents.formats import answer_object, read_file, read_question
from stepladder.agents.published_filter import filter_answers
from stepladder.core.errors import StepladderError
from stepladder.engine.requests import EngineError

from .answer_model import AAgent


class AnsweringAgent:
    """Answers lists of questions, whatever they hold."""

    def __init__(self, agent: AAgent | None = None) -> None:
        self.agent = agent or AAgent()

    def answer_batches(self, questions: list[Any], batch_size: int = 5, verbose: bool = False
                       ) -> tuple[list[dict[str, Any] | None], list[float]]:
        """(one answer for each question, null where it is no four-option question; seconds of each batch)."""
        answers: list[dict[str, Any] | None] = [None] * len(questions)
        records = []
        for place, question in enumerate(questions):
            record, reason = read_question(question, str(place))
            if record is None:
                print(f"question {place + 1} cannot be answered: {reason}", file=sys.stderr)
            else:
                records.append(record)
        seconds, done = [], 0
        for batch in self.agent.answerer.answer_all(records, batch_size):
            seconds.append(batch[0].seconds)
            for answer in batch:
                place = int(records[done]["id"])
                answers[place] = answer_object(answer.letter, answer.reasoning)
                done += 1
                if verbose:
                    late = " LATE" if answer.late else ""
                    print(f"{place + 1}: {answer.letter} ({answer.confidence:.0%}, {answer.how}, {answer.tokens} "
                          f"tokens, {answer.seconds:.2f} s{late})")
        return answers, seconds

    def filter_answers(self, answers: list[Any]) -> list[dict[str, Any] | None]:
        """The published filter: null where it refuses an answer."""
        return filter_answers(answers, self.agent.tokenizer.count)


def build_parser() -> argparse.ArgumentParser:
    """The organisers' flags."""
    parser = argparse.ArgumentParser(description="Answer a file of questions.")
    parser.add_argument("--input_file", type=Path, default=Path("outputs/filtered_questions.json"))
    parser.add_argument("--output_file", type=Path, default=Path("outputs/answers.json"))
    parser.add_argument("--batch_size", type=int, default=5, help="questions answered together (default 5)")
    parser.add_argument("--verbose", action="store_true", help="show every answer")
    return parser


def main() -> None:
    """Read, answer, write the raw and the filtered file."""
    args = build_parser().parse_args()
    try:
        questions = read_file(args.input_file)
        started = time.monotonic()
        agent = AnsweringAgent()
        opened = time.monotonic()
        answers, seconds = agent.answer_batches(questions, max(1, args.batch_size), args.verbose)
        deployment.write(args.output_file, answers)
        deployment.write(deployment.filtered(args.output_file), agent.filter_answers(answers))
    except (StepladderError, EngineError, OSError) as error:
        deployment.fail(error)
    if args.verbose:
        print(f"{len(answers)} answers in {sum(seconds):.1f} s, slowest batch {max(seconds, default=0):.2f} s; model "
              f"opened in {opened - started:.1f} s; {args.output_file}")


if __name__ == "__main__":
    main()
