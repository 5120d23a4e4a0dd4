"""Stage 00 at 5,000, 50,000 and 500,000 questions read from local files in their authors' formats.

    python tests/benchmarks/bench_questions.py 5000 50000

Each size runs in its own process on synthetic rows, far enough apart to survive the duplicate check; seconds and
peak memory are of the whole stage: reading, distractors, MinHash, domain classifier, sampling, writing.
"""

from __future__ import annotations

import json
import random
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import orjson

PROJECT = Path(__file__).resolve().parents[2]
SHARES = {"mmlu": 0.40, "triviaqa": 0.28, "commonsenseqa": 0.18, "logiqa": 0.14}
SYLLABLES = re.findall(
    r"\w+", "ba ce di fo gu ha je ki lo mu na pe ri so tu va we xi yo zu bra cle dri flo gru sta pre tri sho plu")


def vocabulary(rng: random.Random, size: int = 30_000) -> list[str]:
    """Made-up words."""
    return sorted({"".join(rng.choices(SYLLABLES, k=rng.randint(2, 4))) for _ in range(size)})


def sentence(rng: random.Random, words: list[str], low: int, high: int) -> str:
    """Some of these words."""
    return " ".join(rng.choices(words, k=rng.randint(low, high)))


def write(folder: Path, size: int) -> dict[str, Path]:
    """`size` rows in four formats; returns the paths by source."""
    rng = random.Random(size)
    words = vocabulary(rng)
    counts = {name: round(size * share) for name, share in SHARES.items()}
    paths = {name: folder / name for name in SHARES}
    for path in paths.values():
        path.mkdir(parents=True)
    subjects = [subject for item in json.loads((PROJECT / "data/domains.json").read_text())
                for subject in item["mmlu_subjects"]]
    for number, subject in enumerate(subjects):
        rows = range(number, counts["mmlu"], len(subjects))
        own = [f"{subject}{place}" for place in range(40)]
        lines = (",".join([f"{sentence(rng, words, 8, 25)} {rng.choice(own)}?",
                           *(f"{sentence(rng, words, 1, 8)} {letter}" for letter in "wxyz"), rng.choice("ABCD")])
                 for _ in rows)
        (paths["mmlu"] / f"{subject}_{rng.choice(('dev', 'val'))}.csv").write_text("\n".join(lines))
    with (paths["commonsenseqa"] / "train.jsonl").open("wb") as file:
        for number in range(counts["commonsenseqa"]):
            choices = [{"label": letter, "text": f"{sentence(rng, words, 1, 3)} {letter}"} for letter in "ABCDE"]
            file.write(orjson.dumps({"id": f"c{number}", "answerKey": rng.choice("ABCDE"), "question": {
                "stem": f"{sentence(rng, words, 8, 16)}?", "choices": choices}}) + b"\n")
    (paths["logiqa"] / "Train.txt").write_text("".join(logiqa(rng, words, counts["logiqa"])))
    heads = ["Which country", "Which city", "Which river", "Which singer", "In which film", "Which author"]
    data = [{"QuestionId": f"t{number}", "Question": f"{rng.choice(heads)} was {sentence(rng, words, 8, 16)}?",
             "Answer": answer(rng, words)} for number in range(counts["triviaqa"])]
    (paths["triviaqa"] / "unfiltered-web-train.json").write_bytes(orjson.dumps({"Data": data}))
    return paths


def logiqa(rng: random.Random, words: list[str], count: int) -> Iterator[str]:
    """Eight-line rows."""
    for _ in range(count):
        options = "".join(f"{letter}.{sentence(rng, words, 5, 20)}\n" for letter in "ABCD")
        yield f"\n{rng.choice('abcd')}\n{sentence(rng, words, 30, 100)}.\n{sentence(rng, words, 5, 12)}?\n{options}"


def answer(rng: random.Random, words: list[str]) -> dict[str, object]:
    """A TriviaQA answer with some aliases."""
    value = sentence(rng, words, 2, 2).title()
    others = [sentence(rng, words, 1, 3).title() for _ in range(rng.randint(0, 12))]
    return {"Value": value, "Aliases": [value, *others]}


def measure(size: int) -> tuple[float, float, float, int]:
    """(seconds, processor seconds, peak GB, questions written) of one run of the stage."""
    with tempfile.TemporaryDirectory() as folder:
        paths = write(Path(folder) / "raw", size)
        command = [sys.executable, str(PROJECT / "scripts/00_collect_questions.py"), "--profile", "mi300x", "--workdir",
                   f"{folder}/work", "--size", str(size), "--sources", *paths]
        command += [part for name, path in paths.items() for part in ("--from", f"{name}={path}")]
        start, used = time.perf_counter(), processor_seconds()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        seconds = time.perf_counter() - start
        meta = json.loads((Path(folder) / "work/data/enhanced/questions_50k.meta.json").read_bytes())
        used = processor_seconds() - used
        return seconds, used, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e6, meta["counts"]["records"]


def processor_seconds() -> float:
    """What finished child processes have used so far: less moved by other work on the machine than the clock."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def main() -> None:
    """Print one line a size; memory is the largest so far, so give sizes in rising order."""
    for size in sorted(map(int, sys.argv[1:] or ("5000", "50000"))):
        seconds, processor, memory, written = measure(size)
        print(f"{size:>7} rows: {seconds:6.1f} s ({processor:.1f} s of processor, {size / processor:.0f} rows/s), "
              f"peak {memory:.2f} GB, {written} questions written", flush=True)


if __name__ == "__main__":
    main()
