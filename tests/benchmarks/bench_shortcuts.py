"""Can the answer be guessed without solving? Guessers that never read the question, over every puzzle template.

    python tests/benchmarks/bench_shortcuts.py                            puzzles, and the shipped sample
    python tests/benchmarks/bench_shortcuts.py --seeds 5 6 --count 4000   learnt on one seed, tested on the other
    python tests/benchmarks/bench_shortcuts.py --sources FOLDER           real sets too: this project's question files

Prints a Markdown table: for each template the best of all guessers with its accuracy (chance is 25 %), the rank and
boosted ones, and three that see other parts: the question's words without its numbers (where everything is in words
they may well tell: that is reading), the first option alone, and the solver text's length. Exits 1 where a guesser that
sees options alone is above 32 % on a template or above 28 % over all puzzles.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np

PROJECT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(PROJECT / "scripts"))

from stepladder.core.records import LETTERS, Record, problem  # noqa: E402
from stepladder.puzzles import KINDS, generate, to_record  # noqa: E402
from stepladder.questions import shortcuts  # noqa: E402

A_TEMPLATE, OVER_ALL = 0.32, 0.28


def made(kind: str, template: str, count: int, seed: int) -> list[Record]:
    """`count` puzzles of one template, its levels in turn, a third of them short."""
    levels = next(one.levels for one in KINDS[kind].templates if one.name == template)
    return [to_record(generate(kind, seed * 10**7 + i, levels[i % len(levels)], i % 3 == 0, template))
            for i in range(count)]


def question_words(learn: list[Record], test: list[Record]) -> float:
    """Accuracy of a linear model over pairs of a question's word and an option's word or rank; no numbers seen."""
    from sklearn.feature_extraction.text import HashingVectorizer
    from sklearn.linear_model import SGDClassifier

    def rows(records: list[Record]) -> list[str]:
        lines = []
        for record in records:
            words = sorted(set(re.findall(r"[a-z]+", record["question"].lower())))
            table = shortcuts.scalars(record)
            ranks = (table[:, None, :] > table[None, :, :]).sum(axis=1)
            for i, letter in enumerate(LETTERS):
                own = [f"value{ranks[i, 0]}", f"like{ranks[i, 6]}",
                       *sorted(set(re.findall(r"[a-z]+", record["choices"][letter].lower())))]
                lines.append(" ".join(f"{word}_{part}" for word in words for part in own))
        return lines

    vectors = HashingVectorizer(n_features=2**18, token_pattern=r"\S+", binary=True, norm="l2", alternate_sign=False)
    right = np.array([letter == record["answer"] for record in learn for letter in LETTERS])
    model = SGDClassifier(loss="log_loss", alpha=1e-5, max_iter=15, tol=None, random_state=0)
    model.fit(vectors.transform(rows(learn)), right)
    chosen = model.decision_function(vectors.transform(rows(test))).reshape(-1, len(LETTERS)).argmax(axis=1)
    return float(np.mean([LETTERS[i] == record["answer"] for i, record in zip(chosen, test, strict=True)]))


def first_option(learn: list[Record], test: list[Record]) -> float:
    """Who sees option A alone says A where it looks right oftener than chance, else one of the others."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    words = shortcuts.WordGuesser().fit(learn)

    def look(records: list[Record]) -> np.ndarray:
        own = [shortcuts.SCALARS.index(name) for name in ("value", "roundness", "length", "words", "capitals")]
        alone = np.array([shortcuts.scalars(record)[0, own] for record in records])
        value = np.floor(alone[:, :1])
        return np.column_stack([alone, value % 2, value % 5, words.values(records)[:, 0]])

    model = HistGradientBoostingClassifier(max_iter=40, max_leaf_nodes=8, min_samples_leaf=30, random_state=0)
    model.fit(look(learn), [record["answer"] == "A" for record in learn])
    says_a = model.predict_proba(look(test))[:, 1] > shortcuts.CHANCE
    is_a = np.array([record["answer"] == "A" for record in test])
    return float(np.where(says_a, is_a, ~is_a / 3).mean())


def solver_length(learn: list[Record], test: list[Record]) -> float:
    """The letter that was most frequent with as many steps."""
    letters: dict[int, Counter[str]] = defaultdict(Counter)
    for record in learn:
        letters[record["puzzle"]["steps"]][record["answer"]] += 1
    guess = {steps: count.most_common(1)[0][0] for steps, count in letters.items()}
    return sum(guess.get(record["puzzle"]["steps"], "A") == record["answer"] for record in test) / len(test)


def puzzle_table(count: int, seeds: list[int]) -> list[str]:
    """Prints a row a template and one over all; returns what is above its limit."""
    print(f"Puzzles: learnt on {count:,} of seed {seeds[0]}, tested on {count:,} of seed {seeds[1]}, a template.\n\n"
          "| template | best guesser | accuracy | rank of value | most alike | boosted | question's words | "
          "first option | steps |\n|---|---|---|---|---|---|---|---|---|")
    rows, failures = [], []
    for kind in KINDS.values():
        for template in kind.templates:
            learn, test = (made(kind.name, template.name, count, seed) for seed in seeds)
            accuracy = shortcuts.measure(learn, test)
            best = shortcuts.best(accuracy)
            accuracy |= {"question": question_words(learn, test), "first": first_option(learn, test),
                         "steps": solver_length(learn, test)}
            rows.append(accuracy)
            name = f"{kind.name} / {template.name}"
            print(f"| {name} | {best['guesser']} | {best['accuracy']:.1%} | {_shown(accuracy)} |", flush=True)
            if best["accuracy"] > A_TEMPLATE:
                failures.append(f"{name}: {best['guesser']} is right in {best['accuracy']:.1%}")
    mean = {guesser: float(np.mean([row[guesser] for row in rows])) for guesser in rows[0]}
    blind = {name: share for name, share in mean.items() if name not in ("question", "first", "steps")}
    best = shortcuts.best(blind)
    print(f"| **all {len(rows)} templates** | {best['guesser']} | {best['accuracy']:.1%} | {_shown(mean)} |\n")
    if best["accuracy"] > OVER_ALL:
        failures.append(f"over all puzzles {best['guesser']} is right in {best['accuracy']:.1%}")
    return failures


def _shown(accuracy: dict[str, float]) -> str:
    columns = ("value", "likeness", "boosted", "question", "first", "steps")
    return " | ".join(f"{accuracy[name]:.1%}" for name in columns)


def set_table(title: str, records: list[Record]) -> None:
    """Prints a row a source, out of fold."""
    started = time.monotonic()
    print(f"{title}: {len(records):,} questions, out of fold.\n\n"
          "| source | questions | best guesser | accuracy | boosted |\n|---|---|---|---|---|")
    for source, row in shortcuts.out_of_fold(records).items():
        if "accuracy" in row:
            print(f"| {source} | {row['questions']:,} | {row['guesser']} | {row['accuracy']:.1%} | "
                  f"{row['guessers']['boosted']:.1%} |")
        else:
            print(f"| {source} | {row['questions']:,} | too few to tell | | |")
    print(f"\n{time.monotonic() - started:.1f} s\n")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=2000, help="puzzles a template and seed")
    parser.add_argument("--seeds", type=int, nargs=2, default=[101, 202], metavar=("LEARN", "TEST"))
    parser.add_argument("--sources", type=Path, help="a folder of question files (JSON lists in this project's form)")
    args = parser.parse_args()
    failures = puzzle_table(args.count, args.seeds)
    files = [PROJECT / "data/sample/questions.json", *(sorted(args.sources.glob("*.json")) if args.sources else [])]
    for path in files:
        content = json.loads(path.read_text(encoding="utf-8"))
        usable = [{"source": path.stem, **record} for record in content if problem(record) is None]
        if usable:
            set_table(path.name, usable)
    for failure in failures:
        print(f"FAILED {failure}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
