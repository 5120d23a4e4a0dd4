"""Hold a real server's answers against the engine's own: letters in fast and in reasoning mode, forced closings.

    python tests/servers/compare.py GGUF --transformers FOLDER --questions 12

Greedy, with the questions of data/sample; one line a server.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

from start import SERVERS, missing, running

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

from stepladder.engine import prompts  # noqa: E402
from stepladder.engine.backend import open_backend  # noqa: E402
from stepladder.engine.extract import extract_answer  # noqa: E402
from stepladder.engine.requests import Backend, Completion, Request  # noqa: E402

LOOSE = 0.05  # difference of a probability that is worth telling


def asked(backend: Backend, records: list[dict], max_tokens: int) -> dict[str, Completion]:
    """Completions by "fast ID" and "slow ID"."""
    requests = []
    for record in records:
        chat, prefix = prompts.fast(record)
        requests.append(Request(f"fast {record['id']}", backend.render(chat, prefix), 0,
                                choices=prompts.LETTER_CHOICES))
        requests.append(Request(f"slow {record['id']}", backend.render(prompts.messages(record, "steps")), max_tokens,
                                closing=prompts.CLOSING, closing_tokens=4, choices=prompts.LETTER_CHOICES))
    return {done.id: done for done in backend.generate(requests)}


def most(probabilities: dict[str, float] | None) -> str | None:
    return max(probabilities, key=probabilities.__getitem__).strip() if probabilities else None


def told(name: str, mine: dict[str, Completion], its: dict[str, Completion], records: list[dict]) -> str:
    """One line: where server and engine agree."""
    fast = [(mine[f"fast {r['id']}"].probabilities, its[f"fast {r['id']}"].probabilities) for r in records]
    slow = [(mine[f"slow {r['id']}"], its[f"slow {r['id']}"], r["choices"]) for r in records]
    shown = [(one, other) for one, other in fast if other]
    same_fast = sum(most(one) == most(other) for one, other in shown)
    worst = max((abs(one[c] - other[c]) for one, other in shown for c in one), default=float("nan"))
    letters = [(extract_answer(one.text, c), extract_answer(other.text, c)) for one, other, c in slow]
    closed = [(one.finish_reason == "closed", other.finish_reason == "closed") for one, other, _ in slow]
    read = sum(other.probabilities is not None for _, other, _ in slow if other.finish_reason == "closed")
    texts = sum(one.text == other.text for one, other, _ in slow)
    refused = sorted({one.refusal for one in its.values() if one.refusal})
    return (f"{name}: fast letters {same_fast} of {len(shown)} (of {len(fast)} asked), largest difference of a "
            f"probability {worst:.3f}; reasoning letters {sum(a == b for a, b in letters)} of {len(letters)}, "
            f"with a letter {sum(a is not None for a, _ in letters)} and {sum(b is not None for _, b in letters)}, "
            f"texts alike {texts}; closings {sum(a for a, _ in closed)} and {sum(b for _, b in closed)}, "
            f"{read} with probabilities; refused {refused or 'none'}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("gguf", type=Path)
    parser.add_argument("--servers", nargs="+", default=list(SERVERS), choices=SERVERS, help="all by default")
    parser.add_argument("--transformers", type=Path, help="the same model as a transformers folder")
    parser.add_argument("--questions", type=int, default=12)
    parser.add_argument("--tokens", type=int, default=100)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--texts", action="store_true", help="print the reasoning of both, too")
    args = parser.parse_args()
    records = json.loads((ROOT / "data/sample/questions.json").read_text())
    records = records[:: max(1, len(records) // args.questions)][: args.questions]
    with open_backend(args.gguf, sequences=8, context=1024, threads=args.threads) as engine:
        mine = asked(engine, records, args.tokens)
    for name in args.servers:
        model = args.gguf if SERVERS[name].gguf else args.transformers
        if lacks := missing(name):
            print(f"{name}: left out, {', '.join(lacks)} cannot be imported")
            continue
        started = time.monotonic()
        with (running(name, model, threads=args.threads) as url,
              open_backend(str(model), endpoints=[url], sequences=4) as backend):
            its = asked(backend, records, args.tokens)
        print(told(name, mine, its, records), f"({time.monotonic() - started:.0f} s)", flush=True)
        for record in records if args.texts else ():
            print(json.dumps([record["id"], mine[f"slow {record['id']}"].text, its[f"slow {record['id']}"].text]))


if __name__ == "__main__":
    main()
