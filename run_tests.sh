#!/usr/bin/env bash
# Set up .venv if it is missing, then check formatting and lint, and run the tests.
# Usage: bash run_tests.sh [pytest arguments]
cd "$(dirname "${BASH_SOURCE[0]}")"
source ./setup.sh --dev

export HF_HUB_OFFLINE=1 TOKENIZERS_PARALLELISM=false
ruff format --check .
ruff check .
python -m pytest "$@"
