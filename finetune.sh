#!/usr/bin/env bash
# Stage 5: the final fine-tune, by LMFlow where it is installed, else by the built-in trainer.
#
#   bash finetune.sh --model smollm2 --data training_data/smollm2_world_facts_craft --output models/smollm2-craft
#   bash finetune.sh --model Qwen/Qwen2.5-3B --data training_data/Qwen2.5-3B_mmlu_craft --output models/craft --lora_r 64
#   LMFLOW_DIR=~/LMFlow LMFLOW_PYTHON=~/lmflow-env/bin/python bash finetune.sh --backend lmflow --data … --output …
#
# --backend auto is LMFlow if LMFLOW_DIR is set. What stands after -- goes to the backend untouched.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

usage() {
    sed -n '2,/^set -/{/^set -/d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}"
    echo "Flags: --model --data --output --backend auto|lmflow|builtin --lora_r --epochs --learning_rate --batch_size"
}

backend=auto
arguments=()
while [ $# -gt 0 ]; do
    case $1 in
        -h | --help) usage; exit 0 ;;
        --backend) backend=${2:-}; shift 2 || shift ;;
        --) shift; arguments+=("$@"); break ;;
        *) arguments+=("$1"); shift ;;
    esac
done

python=python
if [ -x "$here/.venv/bin/python" ]; then python=$here/.venv/bin/python; fi
if [ "$backend" = auto ]; then backend=$([ -n "${LMFLOW_DIR:-}" ] && echo lmflow || echo builtin); fi
case $backend in
    builtin) module=knowledge_boundary.finetune ;;
    lmflow) module=knowledge_boundary.lmflow ;;
    *) echo "finetune.sh: --backend $backend: one of auto, lmflow, builtin is expected" >&2; exit 2 ;;
esac
PYTHONPATH="$here${PYTHONPATH:+:$PYTHONPATH}" exec "$python" -m "$module" "${arguments[@]}"
