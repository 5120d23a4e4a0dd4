#!/usr/bin/env bash
# Lint and tests, in the environment that run_all.sh uses. Arguments go to pytest.
#
#   tests/run.sh                     everything
#   tests/run.sh -m "not model"      without the tests that load the small model
#   tests/run.sh -n 0 tests/test_extract.py -k boxed      one process: for a debugger, or a single test
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
scripts/setup_env.sh
export HF_HUB_OFFLINE=1 TOKENIZERS_PARALLELISM=false OMP_NUM_THREADS="${OMP_NUM_THREADS:-1}"
.venv/bin/ruff check .
bash -n run_all.sh scripts/setup_env.sh
# A file's tests stay together, on one of two workers: most of them wait for processes of one thread.
.venv/bin/python -m pytest -n 2 --dist loadfile "$@"
