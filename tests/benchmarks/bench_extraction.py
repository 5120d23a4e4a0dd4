"""The extractor held against the corpus of reply endings: a confusion table, kind by kind.

    python tests/benchmarks/bench_extraction.py                # the whole corpus
    python tests/benchmarks/bench_extraction.py --half dev     # the half that may be read while mending
    python tests/benchmarks/bench_extraction.py --list         # and every item that is misread

right: the letter a careful reader takes. none right: no letter where there is none. wrong: another letter, or a letter
where there is none. missed: none where there is a letter. The halves are drawn by a hash of each item's id.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))

from stepladder.engine import extract

CORPUS = Path(__file__).parents[1] / "corpora" / "reply_endings.json"
COLUMNS = ("right", "none right", "wrong", "missed")


def half_of(item_id: str) -> str:
    """"dev" or "held": by the id alone, so that an item stays where it is when others are added."""
    return "dev" if hashlib.sha256(item_id.encode()).digest()[0] % 2 == 0 else "held"


def outcome(item: dict[str, Any], said: str | None) -> str:
    if said == item["letter"]:
        return "right" if said else "none right"
    return "missed" if said is None else "wrong"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=Path, default=CORPUS)
    parser.add_argument("--half", choices=("dev", "held"))
    parser.add_argument("--list", action="store_true", help="print every item that is misread")
    args = parser.parse_args()

    items = [item for item in json.loads(args.corpus.read_text(encoding="utf-8"))
             if args.half in (None, half_of(item["id"]))]
    table: dict[str, Counter[str]] = defaultdict(Counter)
    for item in items:
        said = extract.extract_answer(item["reply"], item["options"])
        table[item["kind"]][outcome(item, said)] += 1
        if args.list and said != item["letter"]:
            print(f"{item['id']}: {item['letter']} read as {said}: {item['reply']!r}\n"
                  f"    {item['options']} {item['why']}")
    everything = sum(table.values(), Counter())
    print(f"| kind | {' | '.join(COLUMNS)} |\n|---|{'---|' * len(COLUMNS)}")
    for kind, row in [*sorted(table.items()), ("all", everything)]:
        print(f"| {kind} | {' | '.join(str(row[name]) for name in COLUMNS)} |")
    lettered = sum(item["letter"] is not None for item in items)
    print(f"{everything['right']} of {lettered} letters right ({everything['right'] / lettered:.1%})")


if __name__ == "__main__":
    main()
