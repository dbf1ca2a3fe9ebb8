#!/usr/bin/env bash
# Every method and every baseline on the embedded model, both forms of the embedded questions, five seeds, in and out of
# domain; ends with docs/results.md. Stopped and started again, it resumes.
#   bash experiments/methods.sh
#   bash experiments/methods.sh --dry_run                       prints the commands only
#   bash experiments/methods.sh --seeds 2 --quick               on a tenth of the questions, to see that it runs
cd "$(dirname "${BASH_SOURCE[0]}")/.."
flags=("$@")
set --
source ./setup.sh
export TOKENIZERS_PARALLELISM=false HF_HUB_OFFLINE=1 PYTHONPATH=$PWD
exec python experiments/methods.py "${flags[@]}"
