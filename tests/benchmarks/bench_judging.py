"""What stage 02's judge lets pass: faults planted into proven solutions, false alarms on sound ones, real replies.

    python tests/benchmarks/bench_judging.py --puzzles 2000 --sound 20000
    python tests/benchmarks/bench_judging.py --results data/enhanced/test_results_sample.json \\
        --questions data/enhanced/test_sample.json        # replies of stage 05, held against the solver's equations

Every reply concludes with the key, so the letter alone keeps them all. "before" is the judge without what it looks at
in the steps (own words, sums, last result); "after" is the whole.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from unittest.mock import patch

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))

from stepladder.core.records import LETTERS
from stepladder.engine import extract, prompts
from stepladder.puzzles import KINDS, generate, stream, to_record
from stepladder.reasoning import quality, verify
from stepladder.reasoning.attempts import Attempt
from stepladder.reasoning.sums import stated

Record = dict[str, Any]
Fault = Callable[[random.Random, Record, Record, Record], str | None]
_RESULT = re.compile(r"= (-?\d+(?:\.\d+)?)(?=[.:; ]|$)")


def attempt(record: Record, kind: str = "greedy") -> Attempt:
    return Attempt(f"{record['id']}#1", 1, kind, record, {letter: letter for letter in LETTERS}, 0, False)


def before(text: str, asked: Attempt) -> verify.Judgement:
    """The judgement without what is looked at in the steps."""
    with ExitStack() as stack:
        stack.enter_context(patch.object(verify.Steps, "lack", None))
        stack.enter_context(patch.object(verify, "stated", lambda *_: []))
        stack.enter_context(patch.object(verify, "leads_astray", lambda *_: False))
        return verify.judge(text, asked)


# -- planted faults ---------------------------------------------------------------------------------------------------

def _parts(record: Record) -> tuple[str, str]:
    """(steps, option lines with the answer line) of a solution."""
    steps, _, rest = record["chain_of_thought"].partition("\nA. ")
    return steps, f"\nA. {rest}"


def _other_result(rng: random.Random, found: re.Match[str]) -> str:
    number, off = found[1], rng.choice((-10, -2, -1, 1, 2, 10))
    return f"= {float(number) + off:g}" if "." in number else f"= {int(number) + off}"


def wrong_result(rng: random.Random, record: Record, *_: Record) -> str | None:
    steps, rest = _parts(record)
    found = list(_RESULT.finditer(steps))
    if not found:
        return None
    chosen = rng.choice(found)
    return steps[:chosen.start()] + _other_result(rng, chosen) + steps[chosen.end():] + rest


def carried_on(rng: random.Random, record: Record, *_: Record) -> str | None:
    """A wrong result that the steps behind it compute with, rightly or not."""
    steps, rest = _parts(record)
    found = list(_RESULT.finditer(steps))
    if len(found) < 2:
        return None
    chosen = rng.choice(found[:-1])
    made = _other_result(rng, chosen)
    later = re.sub(rf"(?<![\d.:]){re.escape(chosen[1])}(?![\d.:]*\d)", made[2:], steps[chosen.end():])
    return steps[:chosen.start()] + made + later + rest


def another_end(rng: random.Random, record: Record, *_: Record) -> str | None:
    """A last sum that is right and comes to another option."""
    steps, rest = _parts(record)
    others = [text for letter, text in record["choices"].items() if letter != record["answer"]]
    numbers = [int(found[0]) for text in others if (found := re.match(r"\d+(?= ?[a-z]*$)", text))]
    if len(numbers) < 3 or not steps.rstrip(".").endswith(re.match(r"\d+", record["choices"][record["answer"]])[0]):
        return None
    end, add = rng.choice(numbers), rng.randrange(1, 9)
    head = steps.rstrip(".").rpartition(". ")[0]
    return f"{head}. {end - add} + {add} = {end}.".lstrip(". ") + rest


def swapped_steps(rng: random.Random, record: Record, *_: Record) -> str | None:
    steps, rest = _parts(record)
    sentences = steps.split(". ")
    if len(sentences) < 2:
        return None
    at = rng.randrange(len(sentences) - 1)
    sentences[at:at + 2] = [sentences[at + 1].rstrip("."), sentences[at]]
    return ". ".join(sentences).rstrip(".") + "." + rest


def same_kind(_: random.Random, record: Record, alike: Record, *__: Record) -> str | None:
    return _parts(alike)[0] + _parts(record)[1]


def other_kind(_: random.Random, record: Record, __: Record, other: Record) -> str | None:
    return _parts(other)[0] + _parts(record)[1]


def options_judged(_: random.Random, record: Record, *__: Record) -> str | None:
    return _parts(record)[1].strip()


def options_copied(_: random.Random, record: Record, *__: Record) -> str | None:
    return "\n".join([*(f"{letter}. {text}" for letter, text in record["choices"].items()),
                      f"Answer: {record['answer']}"])


def question_copied(_: random.Random, record: Record, *__: Record) -> str | None:
    return record["question"] + _parts(record)[1]


def example_copied(_: random.Random, record: Record, *__: Record) -> str | None:
    example = prompts.VARIANTS["options"].example
    return example[1].partition("\n")[0] + _parts(record)[1]


def bare_assertion(_: random.Random, record: Record, *__: Record) -> str | None:
    answer = record["answer"]
    return (f"The correct answer is {answer}. {record['choices'][answer]} is the most appropriate option, and the "
            f"others are incorrect.\nAnswer: {answer}")


def other_verdict(rng: random.Random, record: Record, *_: Record) -> str | None:
    other = rng.choice([letter for letter in LETTERS if letter != record["answer"]])
    steps, rest = _parts(record)
    turned = re.sub(rf"^({other}\. .*) no$", r"\1 yes", rest, flags=re.MULTILINE)
    return steps + re.sub(rf"^({record['answer']}\. .*) yes$", r"\1 no", turned, flags=re.MULTILINE)


FAULTS: dict[str, Fault] = {
    "a wrong result": wrong_result, "a wrong result, computed with": carried_on, "a last sum of another option":
    another_end, "two steps swapped": swapped_steps, "another puzzle's steps, same kind": same_kind,
    "another kind's steps": other_kind, "options judged, no steps": options_judged, "options copied": options_copied,
    "the question copied": question_copied, "the prompt's example copied": example_copied,
    "a bare assertion": bare_assertion, "another option judged right": other_verdict}


def records(count: int, seed: int) -> Iterator[Record]:
    return (to_record(puzzle) for puzzle in stream(count, seed))


def planted(count: int, seed: int) -> None:
    """Per fault: how many of the replies that have it are refused."""
    rng, caught = random.Random(seed), {name: Counter() for name in FAULTS}
    for record in records(count, seed):
        kind = record["subject"]
        level = record["puzzle"]["level"]
        alike = to_record(generate(kind, rng.getrandbits(30), level))
        other = to_record(generate(rng.choice([name for name in KINDS if name != kind]), rng.getrandbits(30), 3))
        for name, fault in FAULTS.items():
            text = fault(rng, record, alike, other)
            if text is None or text == record["chain_of_thought"]:
                continue
            row, asked = caught[name], attempt(record)
            row["all"] += 1
            row["before"] += before(text, asked).chain is None
            row["after"] += verify.judge(text, asked).chain is None
    print(f"| planted into {count:,} solutions | replies | refused before | refused after |\n|---|---|---|---|")
    for name, row in caught.items():
        print(f"| {name} | {row['all']:,} | {share(row['before'], row['all'])} | {share(row['after'], row['all'])} |")


def share(part: int, whole: int) -> str:
    return f"{part / whole:.1%}" if whole else "-"


# -- sound solutions --------------------------------------------------------------------------------------------------

def sound(count: int, seed: int) -> None:
    """Sound solutions that are refused, sums that are judged, and CPU time a reply."""
    refused: Counter[str] = Counter()
    seconds, sums, equations, scores = 0.0, 0, 0, []
    for record in records(count, seed):
        asked, text = attempt(record), record["chain_of_thought"]
        started = time.process_time()
        judgement = verify.judge(text, asked)
        seconds += time.process_time() - started
        if judgement.chain is None:
            refused[judgement.outcome] += 1
            print(f"refused: {judgement.outcome}: {record['question']}\n{text}\n")
        else:
            scores.append(quality.score(judgement.quality)["score"])
        steps = _parts(record)[0]
        equations += steps.count("=")
        sums += len(stated(steps, record["question"], record["choices"].values()))
    print(f"{count:,} sound solutions, refused: {dict(refused)}; {equations:,} equality signs, {sums:,} sums judged; "
          f"mean quality {sum(scores) / len(scores):.3f}; {1e6 * seconds / count:.0f} microseconds of CPU a reply")


# -- real replies -----------------------------------------------------------------------------------------------------

def real(results: Path, questions: Path, show: bool) -> None:
    """Replies of stage 05 to puzzles whose letter is right: are the steps the solver's?"""
    asked = {record["id"]: record for record in json.loads(questions.read_text(encoding="utf-8"))}
    table: dict[str, Counter[str]] = {}
    for question in json.loads(results.read_text(encoding="utf-8"))["questions"]:
        record = asked[question["id"]]
        if record["source"] != "puzzle":
            continue
        for name, answers in question["answers"].items():
            run = answers["reasoning"]["runs"][0]
            if run["letter"] != record["answer"]:
                continue
            text = run["text"] if run["ended"] != "forced" else f"{run['text']}\nAnswer: {run['letter']}"
            outcomes = [judge(text, attempt(record)).outcome for judge in (before, verify.judge)]
            right = _equations(text) == _equations(record["chain_of_thought"])
            row = table.setdefault(name, Counter())
            row["right letter"] += 1
            row["solver's equations"] += right
            for when, outcome in zip(("before", "after"), outcomes, strict=True):
                kept = outcome == verify.ACCEPTED
                row[f"kept {when}"] += kept
                row[f"kept {when}, solver's equations"] += kept and right
            if show and right != (outcomes[1] == verify.ACCEPTED):
                solution = record["chain_of_thought"]
                print(f"--- {name}, {outcomes[1]}: {record['question']}\n{text}\nsolver: {solution}")
    for name, row in table.items():
        print(f"{name}: " + ", ".join(f"{count} {what}" for what, count in row.items()))


def _equations(text: str) -> list[str]:
    """The equations of a reasoning's steps, in any order."""
    return sorted(re.sub(r"\s", "", found) for found in re.findall(r"[\d(][^=.:]*(?:= ?-?\d[\d.]*\d|= ?-?\d)",
                                                                  extract.reasoning_part(text)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--puzzles", type=int, default=2_000, help="solutions that faults are planted into")
    parser.add_argument("--sound", type=int, default=20_000, help="sound solutions to judge")
    parser.add_argument("--seed", type=int, default=16)
    parser.add_argument("--results", type=Path, help="stage 05's results instead")
    parser.add_argument("--questions", type=Path, help="the questions they are to")
    parser.add_argument("--list", action="store_true", help="print where judge and solver disagree")
    args = parser.parse_args()
    if args.results:
        real(args.results, args.questions, args.list)
        return
    planted(args.puzzles, args.seed)
    sound(args.sound, args.seed + 1)


if __name__ == "__main__":
    main()
