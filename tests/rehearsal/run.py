"""Run the checks: one line PASS or FAIL each, exit code 1 where one fails. What has passed is not run again.

    tests/rehearsal/run.sh                       all, in /tmp/stepladder-rehearsal
    tests/rehearsal/run.sh --short               those of the short form
    tests/rehearsal/run.sh --match kill          those with this in their name
    tests/rehearsal/run.sh --list                their names
    tests/rehearsal/run.sh --work DIR --afresh   somewhere else, and from the start
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import sys
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[2] / "scripts"), str(Path(__file__).resolve().parents[1])]

from rehearsal.checks import CHECKS, Check  # noqa: E402 (the path comes first)
from rehearsal.world import PROJECT, World  # noqa: E402


def build_parser() -> argparse.ArgumentParser:
    """--short, --match, --list, --work, --afresh."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--short", action="store_true", help="only the checks of the short form")
    parser.add_argument("--match", default="", help="only checks with this in their name")
    parser.add_argument("--list", action="store_true", help="say which checks there are, and exit")
    parser.add_argument("--work", type=Path, default=Path("/tmp/stepladder-rehearsal"), help="where it happens")
    parser.add_argument("--afresh", action="store_true", help="forget what was built and what has passed")
    return parser


def code_hash() -> str:
    """Of everything that a check runs: what has passed with other code is run again."""
    files = [*PROJECT.glob("scripts/**/*.py"), *PROJECT.glob("scripts/**/*.toml"), PROJECT / "run_all.sh",
             PROJECT / "tests/hub.py", *PROJECT.glob("tests/rehearsal/**/*.py")]
    digest = hashlib.sha256()
    for path in sorted(files):
        digest.update(f"{path.relative_to(PROJECT)}\0".encode() + path.read_bytes())
    return digest.hexdigest()


def outcome(check: Check, world: World) -> str | None:
    """None where it holds, else what does not."""
    try:
        check.run(world)
    except (AssertionError, OSError, KeyError, ValueError) as error:  # a check that cannot even look has failed
        return f"{type(error).__name__}: {error}" if not isinstance(error, AssertionError) else str(error)
    return None


def main() -> int:
    """0 where all hold."""
    arguments = build_parser().parse_args()
    chosen = [check for check in CHECKS if arguments.match in check.name and (check.short or not arguments.short)]
    if arguments.list:
        print("\n".join(f"{'short ' if check.short else '      '}{check.name}" for check in chosen))
        return 0
    if arguments.afresh:
        shutil.rmtree(arguments.work, ignore_errors=True)
    world, now = World(arguments.work), code_hash()
    notes = arguments.work / "passed.json"
    passed = json.loads(notes.read_text()) if notes.exists() else {}
    failed = 0
    for check in chosen:
        if passed.get(check.name) == now:
            print(f"PASS  {check.name} (before)")
            continue
        started = time.monotonic()
        why = outcome(check, world)
        seconds = time.monotonic() - started
        print(f"{'PASS' if why is None else 'FAIL'}  {check.name} ({seconds:.0f} s)" + (f"\n    {why}" if why else ""),
              flush=True)
        failed += why is not None
        if why is None:
            passed[check.name] = now
            notes.write_text(json.dumps(passed, indent=1))
    print(f"{len(chosen) - failed} of {len(chosen)} checks hold")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
