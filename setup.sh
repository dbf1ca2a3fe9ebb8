#!/usr/bin/env bash
# Make an environment with pinned requirements; does nothing that is done already.
#
#   bash setup.sh          && source .venv/bin/activate         current models, and the embedded one, which it prepares
#   bash setup.sh --legacy && source .venv-legacy/bin/activate  open_llama, ChatGLM2, Qwen v1
#
# --dev adds what the tests need. PYTHON=python3.12 chooses the interpreter that the environment is made with.
# quickstart.sh and run_tests.sh source this file.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

install() { python -m pip install --quiet --disable-pip-version-check "$@"; }

make_environment() {
    local folder=.venv pinned=requirements.txt alone=(requirements-embedded.txt) dev=() stamp=installed
    for argument in "$@"; do
        case $argument in
            --legacy) folder=.venv-legacy pinned=requirements-legacy.txt ;;
            --dev) dev=(requirements-dev.txt) stamp=installed-dev ;;
            *) echo "setup.sh: $argument: one of --legacy, --dev is expected" >&2; exit 2 ;;
        esac
    done
    # These are installed without what they ask for.
    if [ $folder = .venv ] && [ ${#dev[@]} -gt 0 ]; then
        alone+=(requirements-templates.txt)
        dev+=(requirements-quantised.txt)
    fi
    if [ $folder = .venv-legacy ] && [ ${#dev[@]} -gt 0 ]; then alone+=(requirements-legacy-dev.txt); fi
    local hash
    hash=$(cat $pinned "${alone[@]}" "${dev[@]}" | cksum)
    if [ ! -x $folder/bin/python ]; then
        echo "Making $folder"
        "${PYTHON:-python3}" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
            { echo "setup.sh: Python 3.11 or later is needed; name one with PYTHON=…" >&2; exit 2; }
        "${PYTHON:-python3}" -m venv $folder
    fi
    # shellcheck disable=SC1090
    source $folder/bin/activate
    if [ "$(cat $folder/$stamp 2>/dev/null)" != "$hash" ]; then
        echo "Installing the pinned requirements into $folder (some minutes)"
        # torch first: another package's open range would take the newest build.
        install "$(grep '^torch==' $pinned)"
        install -r $pinned
        for file in "${alone[@]}"; do install --no-deps -r "$file"; done
        for file in "${dev[@]}"; do install -r "$file"; done
        echo "$hash" > $folder/$stamp
    fi
    if [ $folder = .venv ]; then python -c 'from knowledge_boundary.models.loading import embedded_folder; embedded_folder()'; fi
}

make_environment "$@"
