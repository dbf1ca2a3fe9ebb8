"""LMFlow's checkout and environment: where they are, what they can do, how a run in them is launched."""

import os
import subprocess
import sys
from pathlib import Path

from ...running.errors import UserError
from ..outside import launching

ENTRY = "examples/finetune.py"
FSDP = "configs/accelerate_fsdp_config.yaml"  # LMFlow from v1.0.0 on; before, it was launched by deepspeed
TESTED = "main (f3597db), v1.0.0, v0.0.9"
# Imports what a fine-tune imports, and says what this LMFlow and its environment are: one line of JSON.
PROBE = """
import json
try:
    import dataclasses
    from importlib import metadata
    import torch
    from lmflow.args import AutoArguments, DatasetArguments, ModelArguments
    from lmflow.models import auto_model
    from lmflow.pipeline import finetuner
    from lmflow.version import __version__
    classes = ModelArguments, DatasetArguments, AutoArguments.get_pipeline_args_class("finetuner")
    found = {
        "version": __version__,
        "flags": {f.name: "List" in str(f.type) for c in classes for f in dataclasses.fields(c)},
        "gpus": torch.cuda.device_count(),
        "versions": {},
    }
    for name in ("torch", "transformers", "datasets", "peft", "accelerate", "deepspeed"):
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


def checkout() -> Path:
    """LMFlow's folder, symbolic links resolved: its own imports do not survive them.

    Raises:
        UserError: LMFLOW_DIR is not set, or is no checkout of LMFlow.
    """
    named = os.environ.get("LMFLOW_DIR")
    if not named:
        raise UserError("LMFLOW_DIR is not set; set it to a checkout of LMFlow (finetune.sh --setup-lmflow makes one)")
    folder = Path(named).expanduser()
    for part in (ENTRY, "src/lmflow/args.py"):
        if not (folder / part).is_file():
            raise UserError(
                f"LMFLOW_DIR={named}: no {part} in it; set it to a checkout of LMFlow, or use --backend builtin"
            )
    return (folder / ENTRY).resolve().parents[1]


def interpreter(folder: Path) -> str:
    """LMFLOW_PYTHON, else what ``--setup-lmflow`` has made in the checkout, else the Python that runs this."""
    own = folder / ".venv" / "bin" / "python"
    python = os.environ.get("LMFLOW_PYTHON") or (str(own) if own.is_file() else sys.executable)
    return launching.absolute(python)


def environment(folder: Path, python: str) -> dict:
    """The environment variables of a run: LMFlow's source first, no safe path (its script removes its own folder)."""
    kept = {k: v for k, v in os.environ.items() if k not in ("PYTHONSAFEPATH", "PYTHONHOME")}
    bin_first = os.pathsep.join([os.path.dirname(python), os.environ.get("PATH", "")])
    return kept | {"PYTHONPATH": str(folder / "src"), "PATH": bin_first, "HF_HUB_DISABLE_TELEMETRY": "1"}


def probe(folder: Path, python: str) -> dict:
    """What this LMFlow is: ``version``, ``commit``, ``flags`` {name: takes a list}, ``gpus``, ``versions`` of packages.

    Raises:
        UserError: the Python cannot be run, lacks a package, or LMFlow does not import in it.
    """
    found = launching.asked(python, PROBE, environment(folder, python), "LMFLOW_PYTHON")
    if "missing" in found:
        raise UserError(
            f"LMFLOW_PYTHON={python}: the package {found['missing']} is missing there, which LMFlow imports; "
            f"install it (docs/lmflow.md has the tested versions), or run finetune.sh --setup-lmflow"
        )
    if "error" in found:
        raise UserError(
            f"LMFLOW_PYTHON={python}: LMFlow of {folder} does not import there ({found['error']}); "
            f"docs/lmflow.md has the tested versions"
        )
    commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=folder, capture_output=True, text=True, check=False)
    inside = commit.returncode == 0 and (folder / ".git").exists()  # else the commit of a repository around it
    return found | {"commit": commit.stdout.strip() if inside else None}


def launcher(
    folder: Path, given: str | None, processes: int | None, lora: bool, device: str, dtype: str, gpus: int
) -> tuple[list, int, dict]:
    """How a run is launched: the launcher's words, how many processes there are, and the settings that go with it.

    Args:
        folder: the checkout.
        given: the launcher's words as the user gave them; None: chosen here.
        processes: on all hosts; None: counted.
        lora: whether adapters are trained, and not all weights.
        device: cpu or cuda.
        dtype: of the weights.
        gpus: those of this host.

    Raises:
        UserError: a launcher that is not known, or whose number of processes is not.
    """
    if given:
        return *launching.given(given, processes), {}
    processes = processes or (max(1, gpus) if device == "cuda" else 1)
    if processes == 1:
        return launching.usual(1), 1, {}
    if device == "cuda" and not (folder / FSDP).is_file():
        config = folder / "configs" / ("ds_config_zero2.json" if lora else "ds_config_zero3.json")
        return ["deepspeed", "--num_gpus", str(processes)], processes, {"deepspeed": str(config)}
    if device == "cuda" and not lora:
        mixed = {"bfloat16": "bf16", "float16": "fp16"}.get(dtype, "no")
        words = ["accelerate", "launch", "--config_file", str(folder / FSDP)]
        return [*words, "--num_processes", str(processes), "--mixed_precision", mixed], processes, {}
    return launching.usual(processes), processes, {}
