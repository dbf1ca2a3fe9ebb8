"""Stage 5, LMFlow backend: fine-tune with the LMFlow checkout of LMFLOW_DIR (called by finetune.sh).

LMFlow is no registry's package: LMFLOW_DIR names its checkout, LMFLOW_PYTHON the Python of its environment. Every
setting that matters is passed explicitly, and the run is checked afterwards, since LMFlow exits with 0 even where it
has trained on nothing.

Examples:
  LMFLOW_DIR=~/LMFlow LMFLOW_PYTHON=~/lmflow-env/bin/python bash finetune.sh --backend lmflow \\
    --model models/smollm2 --data training_data/smollm2_world_facts_craft --output models/smollm2-craft
"""

import json
import math
import os
import subprocess
import sys
from pathlib import Path

from transformers import AutoTokenizer

from . import cli, models, training, training_data
from .results import UserError

ENTRY = "examples/finetune.py"


def arguments():
    """The backend's flags, and what goes to LMFlow untouched."""
    parser = cli.Parser(__doc__)
    cli.add_model_arguments(parser)
    parser.add_argument("--data", required=True, help="folder with one text2text JSON file (training_data/NAME)")
    parser.add_argument("--output", dest="output_model", required=True, help="folder of the weights; empty or new")
    training.add_arguments(parser, epochs=3, learning_rate=2e-4)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--overwrite", action="store_true")
    return parser.parse_known_args()


def checkout() -> Path:
    """LMFlow's folder.

    Raises:
        UserError: LMFLOW_DIR is not set, is a symbolic link or is no checkout of LMFlow.
    """
    folder = Path(os.environ.get("LMFLOW_DIR", ""))
    if not os.environ.get("LMFLOW_DIR") or not (folder / ENTRY).is_file():
        raise UserError(
            f"LMFLOW_DIR={folder}: no {ENTRY} in it; set it to a checkout of LMFlow, or use --backend builtin"
        )
    if folder.is_symlink():
        raise UserError(
            f"LMFLOW_DIR={folder} is a symbolic link, which LMFlow's imports do not survive; give its target"
        )
    return folder.resolve()


def command(args, about, file: Path, block_size: int, python: str, rest) -> list:
    """LMFlow's command line, nothing left to its defaults."""
    flags = {
        "model_name_or_path": about["path"],
        "trust_remote_code": int(args.trust_remote_code),
        "torch_dtype": about["dtype"],
        "dataset_path": str(file.parent.resolve()),
        "output_dir": str(Path(args.output_model).resolve()),
        "num_train_epochs": args.epochs,
        "learning_rate": args.learning_rate,
        "lr_scheduler_type": "cosine",
        "warmup_ratio": args.warmup_ratio,
        "per_device_train_batch_size": args.batch_size,
        "gradient_accumulation_steps": 1,
        "block_size": block_size,
        "disable_group_texts": 1,
        "validation_split_percentage": 0,
        "use_lora": int(args.lora_r > 0),
        "lora_r": args.lora_r,
        "lora_alpha": args.lora_alpha,
        "lora_dropout": args.lora_dropout,
        "weight_decay": 0.0,
        "logging_steps": 1,
        "save_steps": args.save_steps,
        "save_total_limit": 1,
        "seed": args.seed,
        "report_to": "none",
        "overwrite_cache": 1,
        "use_flash_attention": 0,
        "dataloader_num_workers": 0,
    }
    if args.lora_r == 0:
        flags = {k: v for k, v in flags.items() if not k.startswith("lora_")}
    switches = ["--do_train"] + ["--use_cpu"] * (about["device"] == "cpu") + ["--bf16"] * (about["dtype"] == "bfloat16")
    return [python, ENTRY, *(x for k, v in flags.items() for x in (f"--{k}", str(v))), *switches, *rest]


def longest_example(args, about, file: Path) -> int:
    """Tokens of the longest example; LMFlow cuts and pads every example to its block size.

    Raises:
        UserError: the data is not text2text (the one layout whose loss is on the answer alone in every LMFlow).
    """
    content = json.loads(file.read_text(encoding="utf-8"))
    if not isinstance(content, dict) or content.get("type") != "text2text":
        raise UserError(f"{file}: LMFlow's loss is on the answers alone only for text2text; use --format text2text")
    tokenizer = AutoTokenizer.from_pretrained(about["path"], trust_remote_code=args.trust_remote_code)
    return max(
        len(tokenizer(i["input"], add_special_tokens=False).input_ids)
        + len(tokenizer(i["output"], add_special_tokens=False).input_ids)
        for i in content["instances"]
    )


def check_result(out: Path) -> dict:
    """The losses LMFlow logged; UserError if it trained on nothing or wrote no weights."""
    states = [out / "trainer_state.json", *sorted(out.glob("checkpoint-*/trainer_state.json"))]
    found = next((p for p in states if p.is_file()), None)
    history = json.loads(found.read_text(encoding="utf-8"))["log_history"] if found else []
    losses = [entry["loss"] for entry in history if "loss" in entry]
    if not losses or not all(math.isfinite(x) for x in losses) or max(losses) == 0:
        raise UserError(f"LMFlow's run in {out} trained on nothing: losses {losses[:3]}; look at its output above")
    if not any((out / f).is_file() for f in ("adapter_model.safetensors", "model.safetensors", "pytorch_model.bin")):
        raise UserError(f"LMFlow's run wrote no weights to {out}; look at its output above")
    return {"steps": len(losses), "first_loss": losses[0], "last_loss": losses[-1], "losses": losses}


def main():
    """Run LMFlow, check what it wrote."""
    args, rest = arguments()
    folder = checkout()
    python = os.environ.get("LMFLOW_PYTHON", sys.executable)
    if "/" in python:  # LMFlow runs in its own folder
        python = os.path.abspath(os.path.expanduser(python))
    file = training_data.find(args.data)
    about = models.describe(args)
    if not (Path(about["path"]) / "config.json").is_file():
        raise UserError(f"--model {args.model}: an adapter or a .gguf file; LMFlow trains from a whole model's folder")
    run = training.open_run("finetune", args, about, [file])
    if run.finished():
        return cli.already_done(run.path)
    out = Path(args.output_model)
    if out.is_dir() and any(out.iterdir()):
        raise UserError(f"--output {out}: not empty; LMFlow would resume from it silently, give a new folder")
    block_size = longest_example(args, about, file)
    line = command(args, about, file, block_size, python, rest)
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONSAFEPATH"} | {"PYTHONPATH": str(folder / "src")}
    print(f"LMFlow {folder}, block size {block_size} (the longest example: nothing is cut)", flush=True)
    try:
        code = subprocess.run(line, cwd=folder, env=environment, check=False).returncode
    except OSError as e:
        raise UserError(f"LMFLOW_PYTHON={python}: cannot be run ({e.strerror})") from e
    if code:
        raise UserError(f"LMFlow ended with exit code {code}; its output is above")
    run.finish({**check_result(out), "backend": "lmflow", "command": line}, [])
    cli.closing([args.output_model], f"python eval_refusal.py --model {args.output_model} --prompt refuse")


if __name__ == "__main__":
    cli.run(main)
