#!/usr/bin/env bash
# Set up the environment if it is missing, then check formatting and lint, and run the tests.
# Usage: bash run_tests.sh [--legacy] [pytest arguments]
# --legacy: in .venv-legacy (transformers 4.41), the tests of what meets a model; what needs transformers 5 is skipped.
cd "$(dirname "${BASH_SOURCE[0]}")"
legacy=() tests=()
if [ "${1:-}" = --legacy ]; then
    shift
    legacy=(--legacy)
    if [ $# = 0 ]; then
        tests=(
            tests/{models,engine,asking,stages,running} tests/training/test_{trainer,training_ranks}.py
            tests/knowledge/test_conflict.py tests/docs/test_library.py
        )
    fi
fi
source ./setup.sh --dev "${legacy[@]}"

export HF_HUB_OFFLINE=1 TOKENIZERS_PARALLELISM=false
ruff format --check .
ruff check .
# Tiny models run on one thread each (tests/conftest.py), so that every core takes tests of its own.
python -m pytest --numprocesses "$(nproc)" --maxprocesses 8 --dist worksteal "${tests[@]}" "$@"
