#!/usr/bin/env bash
# A paper's own setting as published, and its figures beside ours: rtuning (MMLU, its split, AP in and out of domain) or
# craft (MMLU and TriviaQA, its sizes and thresholds, all its rows). Stopped and started again, it resumes.
#   bash experiments/reproduce.sh rtuning --dry_run               prints commands, hours and memory only
#   bash experiments/reproduce.sh rtuning --model huggyllama/llama-7b
#   bash experiments/reproduce.sh craft --model meta-llama/Meta-Llama-3-8B-Instruct
# In an environment that is active, it runs there (open_llama needs .venv-legacy), else in .venv.
cd "$(dirname "${BASH_SOURCE[0]}")/.."
flags=("$@")
set --
if [ -z "${VIRTUAL_ENV:-}" ]; then source ./setup.sh; fi
export TOKENIZERS_PARALLELISM=false PYTHONPATH=$PWD
exec python experiments/reproduce.py "${flags[@]}"
