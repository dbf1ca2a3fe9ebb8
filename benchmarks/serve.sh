#!/usr/bin/env bash
# Start a server of a model, run a command against it, take the server down again; ends as the command does.
#
#   bash benchmarks/serve.sh vllm models/smollm2 -- python run_MMLU.py --model openai: --dataset world_facts_mc
#   bash benchmarks/serve.sh llama FILE.gguf -- python run_query_state.py --model openai: --num_shots 3
#   bash benchmarks/serve.sh setup-vllm       makes vLLM's environment only, in VLLM_ENV (default: .venv-vllm)
#
# The command finds the server by OPENAI_BASE_URL. PORT (8098), DTYPE of vLLM's weights (float32), WINDOW (2048) and
# SLOTS (4: requests that llama.cpp works on at a time) are read from the environment. llama.cpp's server is that of
# xllamacpp, which bash setup.sh --dev installs.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
environment=${VLLM_ENV:-$here/.venv-vllm}

setup_vllm() {
    if [ "$(cat "$environment/installed" 2>/dev/null)" = "$(cksum <"$here/requirements-vllm.txt")" ]; then return; fi
    echo "Making $environment (some minutes)" >&2
    "${PYTHON:-python3}" -m venv "$environment"
    "$environment/bin/python" -m pip install --quiet --disable-pip-version-check -r "$here/requirements-vllm.txt"
    # They come along, and don't fit a torch without CUDA.
    "$environment/bin/python" -m pip uninstall --quiet --yes torchvision torchaudio torchcodec
    cksum <"$here/requirements-vllm.txt" >"$environment/installed"
}

what=${1:-}
if [ "$what" = setup-vllm ]; then setup_vllm; exit; fi
if [ $# -lt 4 ] || [ "$3" != -- ]; then sed -n '2,/^set -/{/^set -/d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}" >&2; exit 2; fi
model=$2 port=${PORT:-8098} window=${WINDOW:-2048} slots=${SLOTS:-4}
shift 3
case $what in
    vllm)
        setup_vllm
        export VLLM_CPU_KVCACHE_SPACE=${VLLM_CPU_KVCACHE_SPACE:-2} VLLM_NO_USAGE_STATS=1
        # All processors; by default it keeps one for itself.
        export VLLM_CPU_OMP_THREADS_BIND=${VLLM_CPU_OMP_THREADS_BIND:-0-$(($(nproc) - 1))}
        server=("$environment/bin/python" -m vllm.entrypoints.openai.api_server --model "$model" --port "$port"
            --host 127.0.0.1 --served-model-name "$(basename "$model")" --dtype "${DTYPE:-float32}"
            --max-model-len "$window" --gpu-memory-utilization 0.3 --enable-prefix-caching) ;;
    llama)
        server=(python -c 'import sys, threading, xllamacpp
o = xllamacpp.CommonParams()
o.model.path, o.hostnames, o.port, o.n_parallel = sys.argv[1], ["127.0.0.1"], int(sys.argv[2]), int(sys.argv[4])
o.n_ctx = int(sys.argv[3]) * o.n_parallel
server = xllamacpp.Server(o)
threading.Event().wait()' "$model" "$port" "$window" "$slots") ;;
    *) echo "serve.sh: $what: one of vllm, llama is expected" >&2; exit 2 ;;
esac
if curl --silent --max-time 2 "http://127.0.0.1:$port/v1/models" >/dev/null; then
    echo "serve.sh: something answers at port $port already; give another PORT" >&2; exit 2
fi
log=$(mktemp)
setsid "${server[@]}" >"$log" 2>&1 &  # a group of its own: vLLM has children
pid=$!
trap 'kill -TERM -- -$pid 2>/dev/null; sleep 1; kill -KILL -- -$pid 2>/dev/null; rm -f "$log"' EXIT
for ((i = 0; ; i++)); do
    if curl --silent --fail --max-time 2 "http://127.0.0.1:$port/v1/models" >/dev/null; then break; fi
    if ! kill -0 $pid 2>/dev/null || [ $i -ge 600 ]; then
        echo "serve.sh: the server did not start:" >&2; tail -5 "$log" >&2; exit 1
    fi
    sleep 1
done
OPENAI_BASE_URL="http://127.0.0.1:$port/v1" "$@"
