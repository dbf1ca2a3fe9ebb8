"""LLaMA-Factory's environment: where it is, how it is made, what it can do."""

import os
import subprocess
import sys
from pathlib import Path

from ...models.loading import ROOT
from ...running.errors import UserError
from ..outside import launching

VERSION = "0.9.5"
# pip's arguments, call by call: torch first, since another package's open range would take the newest build; then what
# a fine-tune on texts imports, within LLaMA-Factory's own ranges; then itself, without what its web pages ask for.
REQUIREMENTS = (
    ["torch==2.13.0"],
    [
        "transformers==5.6.0", "peft==0.18.1", "trl==0.24.0", "accelerate==1.11.0", "datasets==4.0.0", "numpy==2.4.6",
        "sentencepiece==0.2.3", "protobuf==7.36.2", "tiktoken==0.14.0", "einops==0.8.2", "pyyaml==6.0.4",
        "omegaconf==2.4.0", "scipy==1.17.1", "torchdata==0.11.0", "pandas==3.1.1", "matplotlib==3.11.2", "tyro==0.8.14",
        "fire==0.7.1", "pydantic==2.14.4", "bitsandbytes==0.50.2",
    ],
    ["--no-deps", f"llamafactory=={VERSION}", "torchaudio==2.11.1"],
)  # fmt: skip
# Its compiled half asks for CUDA's libraries; texts need none of it.
AUDIO = """
import importlib.util, pathlib, shutil
folder = pathlib.Path(importlib.util.find_spec("torchaudio").origin).parent / "lib"
try:
    import torchaudio
except OSError:
    shutil.rmtree(folder)
    print("torchaudio's compiled half was removed: this torch has no CUDA, and texts need no sound")
"""
# Imports what a fine-tune imports, and says what this LLaMA-Factory and its environment are: one line of JSON.
PROBE = """
import json
try:
    import dataclasses
    from importlib import metadata
    import torch
    from llamafactory import launcher
    from llamafactory.hparams import DataArguments, FinetuningArguments, ModelArguments, TrainingArguments
    from llamafactory.train import tuner
    classes = ModelArguments, DataArguments, FinetuningArguments, TrainingArguments
    found = {
        "version": metadata.version("llamafactory"),
        "launcher": launcher.__file__,
        "settings": [f.name for c in classes for f in dataclasses.fields(c)],
        "gpus": torch.cuda.device_count(),
        "versions": {},
    }
    for name in ("torch", "transformers", "datasets", "peft", "accelerate", "trl", "bitsandbytes", "deepspeed"):
        try:
            found["versions"][name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found["versions"][name] = None
except ModuleNotFoundError as e:
    found = {"missing": e.name}
except Exception as e:
    found = {"error": f"{type(e).__name__}: {(str(e).strip().splitlines() or ['no reason given'])[0]}"}
print("\\n" + json.dumps(found))
"""


def folder() -> Path:
    """Where ``finetune.sh --setup-llamafactory`` makes the environment: LLAMAFACTORY_ENV, else in this repository."""
    return Path(os.environ.get("LLAMAFACTORY_ENV") or ROOT / ".venv-llamafactory").expanduser().resolve()


def interpreter() -> str:
    """LLAMAFACTORY_PYTHON, else that of ``folder``.

    Raises:
        UserError: there is none yet.
    """
    named = os.environ.get("LLAMAFACTORY_PYTHON")
    own = folder() / "bin" / "python"
    if not named and not own.is_file():
        raise UserError(
            f"no LLaMA-Factory in {folder()}: bash finetune.sh --setup-llamafactory makes it there; "
            f"LLAMAFACTORY_PYTHON names the Python of another environment with it"
        )
    return launching.absolute(named or str(own))


def variables(python: str) -> dict:
    """The environment variables of a run: this program's packages are none of LLaMA-Factory's."""
    kept = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")}
    bin_first = os.pathsep.join([os.path.dirname(python), os.environ.get("PATH", "")])
    # Its own launch of processes, which takes no flags, is not used.
    return kept | {"PATH": bin_first, "HF_HUB_DISABLE_TELEMETRY": "1", "FORCE_TORCHRUN": "0"}


def probe(python: str) -> dict:
    """What an environment's LLaMA-Factory is: ``version``, ``launcher``, ``settings``, ``gpus``, ``versions``.

    Raises:
        UserError: the Python cannot be run, lacks a package, or LLaMA-Factory does not import in it.
    """
    found = launching.asked(python, PROBE, variables(python), "LLAMAFACTORY_PYTHON")
    if "missing" in found or "error" in found:
        what = f"the package {found['missing']} is missing" if "missing" in found else found["error"]
        raise UserError(
            f"{python}: LLaMA-Factory does not import there ({what}); finetune.sh --setup-llamafactory makes an "
            f"environment with the tested versions"
        )
    return found


def install(into: Path) -> None:
    """Make the environment; what is there already is not made again.

    Raises:
        UserError: pip can't install something.
    """
    python = into / "bin" / "python"
    if not python.is_file():
        subprocess.run([sys.executable, "-m", "venv", into], check=True)
    for packages in REQUIREMENTS:
        launching.install(python, packages)
    subprocess.run([python, "-c", AUDIO], check=True)
