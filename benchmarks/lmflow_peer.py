"""LMFlow as a peer of bench_training.py: its own run, by ``finetune.sh --backend lmflow``, on the same examples."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from knowledge_boundary.models import loading
from knowledge_boundary.running.errors import UserError


def available() -> bool:
    """Whether LMFLOW_DIR names a checkout."""
    return bool(os.environ.get("LMFLOW_DIR"))


def run(examples, args) -> dict:
    """One epoch of LMFlow on (prompt, answer) texts; returns its summary, with ``train_seconds``.

    Those are LMFlow's own figure, train_runtime: its training loop, without loading and tokenising. No checkpoints.

    Raises:
        UserError: it failed; its output is shown.
    """
    with tempfile.TemporaryDirectory() as folder:
        data, out = Path(folder, "data"), Path(folder, "out")
        data.mkdir()
        instances = [{"input": prompt, "output": answer} for prompt, answer in examples]
        (data / "data.json").write_text(json.dumps({"type": "text2text", "instances": instances}), encoding="utf-8")
        flags = {
            "model": args.model, "dtype": args.dtype, "device": args.device, "data": data, "output": out,
            "lora_r": args.lora_r, "lora_alpha": args.lora_alpha, "lora_dropout": 0.0, "epochs": 1,
            "learning_rate": args.learning_rate, "batch_size": args.batch_size, "warmup_ratio": 0.0, "seed": args.seed,
        }  # fmt: skip
        command = ["-m", "knowledge_boundary.lmflow", *(str(x) for k, v in flags.items() for x in (f"--{k}", v))]
        environment = os.environ | {"PYTHONPATH": str(loading.ROOT)}
        done = subprocess.run(
            [sys.executable, *command, "--", "--save_strategy", "no"],
            env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            print(done.stdout)
            raise UserError("--peers lmflow: its run failed; the output is above")
        return json.loads((out / loading.ABOUT).read_text(encoding="utf-8"))["summary"]
