"""``finetune.sh --setup-lmflow [TAG]``: clone LMFlow and make the environment that it was tested in.

LMFLOW_DIR is the folder (default: LMFlow/ in this repository); a checkout that is there already stays as it is, and
only gets its environment, .venv in it. LMFLOW_URL is where to clone from, such as a mirror or a local clone.

Examples:
  bash finetune.sh --setup-lmflow            # the tested commit of main
  LMFLOW_DIR=~/LMFlow bash finetune.sh --setup-lmflow v0.0.9
"""

import os
import subprocess
import sys
from pathlib import Path

from . import cli
from .models import loading
from .training.lmflow import checkout, installation
from .training.outside import launching


def arguments():
    """The one argument."""
    parser = cli.Parser(__doc__)
    parser.add_argument(
        "tag", nargs="?", default=installation.MAIN, help="tag, branch or commit; default: the tested one of main"
    )
    return parser.parse_args()


def main():
    """Clone, install, try."""
    args = arguments()
    folder = Path(os.environ.get("LMFLOW_DIR") or loading.ROOT / "LMFlow").expanduser().resolve()
    if not (folder / checkout.ENTRY).is_file():
        installation.clone(args.tag, folder)
    python = folder / ".venv" / "bin" / "python"
    if not python.is_file():
        subprocess.run([sys.executable, "-m", "venv", folder / ".venv"], check=True)
    for packages in installation.requirements(folder):
        launching.install(python, packages)
    found = checkout.probe(folder, str(python))
    print(f"LMFlow {found['version']} with transformers {found['versions']['transformers']}: {folder}")
    print(f"Next:    LMFLOW_DIR={folder} bash finetune.sh --backend lmflow --model … --data … --output …")


if __name__ == "__main__":
    cli.run(main)
