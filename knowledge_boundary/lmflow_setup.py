"""``finetune.sh --setup-lmflow [TAG]``: clone LMFlow and make the environment that it was tested in.

LMFLOW_DIR is the folder (default: LMFlow/ in this repository); a checkout that is there already stays as it is, and
only gets its environment, .venv in it. LMFLOW_URL is where to clone from, such as a mirror or a local clone.

Examples:
  bash finetune.sh --setup-lmflow            # the tested commit of main
  LMFLOW_DIR=~/LMFlow bash finetune.sh --setup-lmflow v0.0.9
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from . import cli, lmflow_checkout, models
from .results import UserError

URL = "https://github.com/OptimalScale/LMFlow.git"
MAIN = "f3597dba134e8bb3d2cfedeaaae6fc7296ace924"  # the tested commit
TORCH = ["torch==2.13.0"]  # first: another package's open range would take the newest build
PINS = [
    "setuptools==80.10.2", "wheel", "datasets==3.6.0", "peft==0.21.2", "accelerate==1.15.0", "evaluate==0.4.0",
    "tensordict==0.15.3", "wandb==0.31.0", "numpy==2.4.6", "sentencepiece==0.2.3", "protobuf==7.36.2",
]  # fmt: skip
DEEPSPEED = ["--no-build-isolation", "deepspeed==0.19.8"]


def arguments():
    """The one argument."""
    parser = cli.Parser(__doc__)
    parser.add_argument("tag", nargs="?", default=MAIN, help="tag, branch or commit; default: the tested one of main")
    return parser.parse_args()


def clone(tag: str, folder: Path) -> None:
    """Fetch one commit of LMFlow into ``folder``.

    Raises:
        UserError: there is something else, or the commit cannot be fetched.
    """
    url = os.environ.get("LMFLOW_URL", URL)
    if folder.exists() and any(folder.iterdir()):
        raise UserError(f"{folder}: not empty, and no checkout of LMFlow; name another folder with LMFLOW_DIR")
    print(f"Cloning {url} ({tag}) into {folder}", flush=True)
    folder.mkdir(parents=True, exist_ok=True)
    for step in (["init", "--quiet"], ["fetch", "--quiet", "--depth", "1", url, tag], ["checkout", "-q", "FETCH_HEAD"]):
        done = subprocess.run(["git", *step], cwd=folder, capture_output=True, text=True, check=False)
        if done.returncode:
            shutil.rmtree(folder)
            reason = (done.stderr.strip().splitlines() or ["no reason given"])[0]
            raise UserError(
                f"LMFlow {tag} cannot be fetched from {url} ({reason}). LMFLOW_URL=… names a mirror; or, where it can "
                f"be reached: git clone {URL} && git -C LMFlow checkout {tag}; bring that folder here, and give "
                f"LMFLOW_DIR=/path/to/LMFlow bash finetune.sh --setup-lmflow"
            )


def requirements(folder: Path) -> list:
    """pip's arguments, call by call, for the LMFlow in ``folder``: by what its source imports, not by its name."""
    source = folder / "src" / "lmflow"
    tuner = (source / "pipeline" / "finetuner.py").read_text(encoding="utf-8")
    # From transformers 5 on TrainingArguments lacks what an older finetuner asks it for.
    transformers = "transformers==5.23.0" if 'getattr(finetuner_args, "overwrite_output_dir"' in tuner else None
    model = (source / "models" / "hf_model_mixin.py").read_text(encoding="utf-8")
    calls = [TORCH, [*PINS, transformers or "transformers==4.56.2"]]
    return [*calls, DEEPSPEED] if "\nimport deepspeed" in model else calls


def main():
    """Clone, install, try."""
    args = arguments()
    folder = Path(os.environ.get("LMFLOW_DIR") or models.ROOT / "LMFlow").expanduser().resolve()
    if not (folder / lmflow_checkout.ENTRY).is_file():
        clone(args.tag, folder)
    python = folder / ".venv" / "bin" / "python"
    if not python.is_file():
        subprocess.run([sys.executable, "-m", "venv", folder / ".venv"], check=True)
    for packages in requirements(folder):
        print(f"Installing {' '.join(packages)}", flush=True)
        line = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *packages]
        done = subprocess.run(line, stderr=subprocess.PIPE, text=True, check=False)
        if done.returncode:
            reason = next((x for x in done.stderr.splitlines() if "ERROR" in x), f"exit code {done.returncode}")
            raise UserError(
                f"pip could not install ({reason.strip()}); when it can, the same command goes on: {' '.join(line)}"
            )
    found = lmflow_checkout.probe(folder, str(python))
    print(f"LMFlow {found['version']} with transformers {found['versions']['transformers']}: {folder}")
    print(f"Next:    LMFLOW_DIR={folder} bash finetune.sh --backend lmflow --model … --data … --output …")


if __name__ == "__main__":
    cli.run(main)
