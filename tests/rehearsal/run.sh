#!/usr/bin/env bash
# The night on the big box, rehearsed: the mi300x profile with smaller numbers, look-alikes and a local hub.
# One line PASS or FAIL a check, exit code 1 where one fails. --help tells the rest.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
scripts/setup_env.sh
exec .venv/bin/python tests/rehearsal/run.py "$@"
