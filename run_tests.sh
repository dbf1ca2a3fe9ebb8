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
            tests/test_{families,family_stages,engine,sampling,window,training,conflict}.py
            tests/test_{probing,asking,readme,chain,kills,ranks,training_ranks,bad_input,embedded}.py
        )
    fi
fi
source ./setup.sh --dev "${legacy[@]}"

export HF_HUB_OFFLINE=1 TOKENIZERS_PARALLELISM=false
ruff format --check .
ruff check .
python -m pytest "${tests[@]}" "$@"
