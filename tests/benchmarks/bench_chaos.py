"""The real scripts through events drawn by seed; after each, nothing finished may be lost, changed or done twice.

    python tests/benchmarks/bench_chaos.py /tmp/chaos tests/.cache/models/smollm2-135m-instruct-q8_0.gguf \\
        --seed 1 --events 200
    python tests/benchmarks/bench_chaos.py /tmp/chaos MODEL.gguf --seed 1 --events 200 --resume --minutes 10

Events: kill -9, signals through run_all.sh, flags changed and back, a teacher behind endpoints that fails and comes
back, a hub that cuts, lies and disappears, a deleted shard, a full disk, an edited question, --limit peeks. What an
event draws depends on seed and number alone; when it strikes, on the machine. --only K has the last event happen again.
--plant spoils something once, to see that it is noticed. Exit code 1 where anything was found.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from chaos.driver import Chaos, table
from chaos.plants import PLANTS


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="where all of it happens")
    parser.add_argument("model", type=Path, help="the small model as GGUF")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--events", type=int, default=200, help="events in all")
    parser.add_argument("--minutes", type=float, default=1e9, help="begin no event after so long; --resume goes on")
    parser.add_argument("--resume", action="store_true", help="go on with what the folder holds")
    parser.add_argument("--only", type=int, help="have this event, the last one, happen again")
    parser.add_argument("--plant", choices=sorted(PLANTS), help="spoil this before the next event")
    return parser


def main() -> None:
    args = build_parser().parse_args()
    chaos = Chaos(args.folder, args.model, args.seed)
    try:
        if args.only is not None:
            chaos.back_to(args.only)
        elif args.resume:
            chaos.resume()
        else:
            chaos.begin()
        chaos.sabotage = PLANTS[args.plant] if args.plant else None
        end, last = time.monotonic() + 60 * args.minutes, args.events if args.only is None else args.only + 1
        while len(chaos.rows) < last and time.monotonic() < end:
            row = chaos.event(len(chaos.rows))
            chaos.sabotage = None
            print(f"{row.number} {row.kind} {row.seconds} s, {row.recomputed} recomputed", flush=True)
            for fault in row.faults:
                print(f"  seed {args.seed} event {row.number} {fault}")
            for number, run in enumerate(row.runs if row.faults else [], 1):
                print(f"  run {number}: {run}")
    finally:
        chaos.close()
    print("\n".join(table(chaos.rows)))
    sys.exit(any(row.faults for row in chaos.rows))


if __name__ == "__main__":
    main()
