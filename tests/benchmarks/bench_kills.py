"""Stage 02 with the real small model, killed with SIGKILL at random moments, until every record is accounted for.

    python tests/benchmarks/bench_kills.py WORKDIR QUESTIONS.json --kills 20

WORKDIR holds the laptop profile's weights (stage 01). Running it again goes on from the journal. Other flags go to
stage 02. Printed: kills, replies kept at each, and the check of the result.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]


def finished(journal: Path) -> list[str]:
    """Keys of the whole lines of a journal; a torn last line is not one."""
    if not journal.exists():
        return []
    whole = journal.read_bytes().rpartition(b"\n")[0]
    return [json.loads(line)["key"] for line in whole.splitlines()]


def main() -> None:
    """Kill, resume, kill ... and check."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("workdir", type=Path)
    parser.add_argument("questions", type=Path)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seconds", type=float, nargs=2, default=(3.0, 12.0), help="a kill comes after so long")
    options, others = parser.parse_known_args()
    output = options.workdir / "killed.json"
    journal = options.workdir / "data" / "enhanced" / "journals" / "02_replies_sample.jsonl"
    command = [sys.executable, str(PROJECT / "scripts" / "02_generate_cot_llama_cpp.py"), "--profile", "laptop",
               "--workdir", str(options.workdir), "--input", str(options.questions), "--output", str(output), *others]
    rng, started, kept = random.Random(), time.monotonic(), finished(journal)
    for kill in range(1, options.kills + 1):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            process.wait(rng.uniform(*options.seconds))
        except subprocess.TimeoutExpired:
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
        if output.exists():
            print("finished before the last kill")
            break
        now = finished(journal)
        assert now[:len(kept)] == kept, "a finished reply was lost or changed"
        assert len(now) == len(set(now)), "a reply was asked for twice"
        kept = now
        print(f"kill {kill}: {len(kept)} replies kept", flush=True)
    subprocess.run(command, check=True)
    before, after = json.loads(options.questions.read_text()), json.loads(output.read_text())
    assert [record["id"] for record in after] == [record["id"] for record in before]
    for record in after:
        good = (record["chain_of_thought"] or "").endswith(f"\nAnswer: {record['answer']}")
        assert good or (record["cot"]["status"] == "failed" and record["chain_of_thought"] is None), record["id"]
    print(f"all {len(after)} records accounted for after {time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    main()
