"""Installing LMFlow: its checkout, and the packages that it was tested with."""

import os
import shutil
import subprocess
from pathlib import Path

from ...running.errors import UserError

URL = "https://github.com/OptimalScale/LMFlow.git"
MAIN = "f3597dba134e8bb3d2cfedeaaae6fc7296ace924"  # the tested commit
TORCH = ["torch==2.13.0"]  # first: another package's open range would take the newest build
PINS = [
    "setuptools==80.10.2", "wheel", "datasets==3.6.0", "peft==0.21.2", "accelerate==1.15.0", "evaluate==0.4.0",
    "tensordict==0.15.3", "wandb==0.31.0", "numpy==2.4.6", "sentencepiece==0.2.3", "protobuf==7.36.2",
]  # fmt: skip
DEEPSPEED = ["--no-build-isolation", "deepspeed==0.19.8"]


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
