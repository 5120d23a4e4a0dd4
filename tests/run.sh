#!/usr/bin/env bash
# Lint and tests, in the environment that run_all.sh uses. Arguments go to pytest.
#
#   tests/run.sh                     everything
#   tests/run.sh -m "not model"      without the tests that load the small model
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
scripts/setup_env.sh
export HF_HUB_OFFLINE=1 TOKENIZERS_PARALLELISM=false OMP_NUM_THREADS="${OMP_NUM_THREADS:-2}"
.venv/bin/ruff check .
bash -n run_all.sh scripts/setup_env.sh
.venv/bin/python -m pytest "$@"
