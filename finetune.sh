#!/usr/bin/env bash
# Stage 5: the final fine-tune, by LMFlow where it is installed, else by the built-in trainer; or by LLaMA-Factory.
#
#   bash finetune.sh --model smollm2 --data training_data/smollm2_world_facts_craft --output models/smollm2-craft
#   bash finetune.sh --model Qwen/Qwen2.5-3B --data training_data/Qwen2.5-3B_mmlu_craft --output models/craft --lora_r 64
#   bash finetune.sh --launcher "torchrun --nproc_per_node 8" --model Qwen/Qwen2.5-3B --data … --output …
#   bash finetune.sh --setup-lmflow          # clones LMFlow into LMFLOW_DIR (default: LMFlow/) and installs it there
#   LMFLOW_DIR=LMFlow bash finetune.sh --backend lmflow --data … --output …
#   bash finetune.sh --setup-llamafactory    # LLaMA-Factory from PyPI, in an environment of its own
#   bash finetune.sh --backend llamafactory --load_in 4bit --model Qwen/Qwen2.5-7B --data … --output …
#
# --backend auto is LMFlow if LMFLOW_DIR is set and the data has no weights, which LMFlow can't honour. What stands after
# -- goes to the backend untouched. docs/lmflow.md, docs/llamafactory.md
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

usage() {
    sed -n '2,/^set -/{/^set -/d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}"
    echo "Flags: --model --data --output --backend auto|lmflow|llamafactory|builtin --launcher --lora_r --epochs --learning_rate"
    echo "--batch_size; all of a backend's: python -m knowledge_boundary.finetune --help, … .lmflow --help, … .llamafactory --help"
}

weighted() {  # whether an example of the data has another weight than 1; what is wrong with the data, the backend says
    "$python" -c 'import sys; from knowledge_boundary.training import formats
sys.exit(not formats.weighted(formats.find(sys.argv[1])))' "$data" 2>/dev/null
}

backend=auto
data=
launcher=
setup=
arguments=()
rest=()
while [ $# -gt 0 ]; do
    case $1 in
        -h | --help) usage; exit 0 ;;
        --backend) backend=${2:-}; shift 2 || shift ;;
        --launcher) launcher=${2:-}; shift 2 || shift ;;
        --setup-lmflow | --setup-llamafactory) setup=${1#--setup-}_setup; shift ;;
        --) shift; rest=("$@"); break ;;
        --data) data=${2:-}; arguments+=("$1"); shift ;;
        --data=*) data=${1#--data=}; arguments+=("$1"); shift ;;
        *) arguments+=("$1"); shift ;;
    esac
done

python=python  # of the environment that is active, else .venv's
if [ -z "${VIRTUAL_ENV:-}" ] && [ -x "$here/.venv/bin/python" ]; then python=$here/.venv/bin/python; fi
export PYTHONPATH="$here${PYTHONPATH:+:$PYTHONPATH}"
if [ "$backend" = auto ] && [ -n "${LMFLOW_DIR:-}" ] && weighted; then
    echo "finetune.sh: $data has weights, which LMFlow can't honour: --backend builtin"
    backend=builtin
elif [ "$backend" = auto ]; then
    backend=$([ -n "${LMFLOW_DIR:-}" ] && echo lmflow || echo builtin)
fi
command=("$python")
case ${setup:-$backend} in
    *_setup) module=knowledge_boundary.$setup ;;
    builtin)
        module=knowledge_boundary.finetune
        arguments+=("${rest[@]}")
        case $launcher in
            "") ;;
            torchrun*) read -ra words <<<"$launcher"; command+=(-m torch.distributed.run "${words[@]:1}") ;;
            *) echo "finetune.sh: --launcher $launcher: the built-in trainer is started by torchrun" >&2; exit 2 ;;
        esac ;;
    lmflow | llamafactory)
        module=knowledge_boundary.$backend
        if [ -n "$launcher" ]; then arguments+=(--launcher "$launcher"); fi
        if [ ${#rest[@]} -gt 0 ]; then arguments+=(-- "${rest[@]}"); fi ;;
    *) echo "finetune.sh: --backend $backend: one of auto, lmflow, llamafactory, builtin is expected" >&2; exit 2 ;;
esac
exec "${command[@]}" -m "$module" "${arguments[@]}"
