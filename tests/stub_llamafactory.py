"""A stub in the place of LLaMA-Factory's environment: takes its settings, records its YAML, writes what a run would."""

import os
import sys
from pathlib import Path

from stub_lmflow import RUN as LMFLOW

SETTINGS = """model_name_or_path trust_remote_code stage do_train finetuning_type template dataset dataset_dir
cutoff_len
packing train_on_prompt overwrite_cache output_dir num_train_epochs per_device_train_batch_size
gradient_accumulation_steps learning_rate lr_scheduler_type warmup_steps weight_decay max_grad_norm optim adam_beta1
adam_beta2 adam_epsilon seed logging_strategy logging_steps logging_nan_inf_filter save_strategy save_steps
save_total_limit report_to dataloader_num_workers ddp_timeout disable_gradient_checkpointing lora_rank lora_alpha
lora_dropout lora_target quantization_bit quantization_method quantization_type double_quantization use_cpu bf16 fp16
deepspeed fsdp fsdp_config val_size run_name max_samples"""
HPARAMS = f"""
import dataclasses
ModelArguments = dataclasses.make_dataclass("ModelArguments", {SETTINGS!r}.split())
DataArguments = FinetuningArguments = TrainingArguments = dataclasses.make_dataclass("Other", [])
"""
# As the stub of LMFlow, which see, but for where it reads its settings and data.
LAUNCHER = "import sys, yaml\nsettings = yaml.safe_load(open(sys.argv[-1]))\n" + LMFLOW.replace(
    "flags = sys.argv[1:]\n", "flags = sys.argv\n"
).replace(
    "value = lambda name: flags[len(flags) - 1 - flags[::-1].index(name) + 1]\n",
    "value = lambda name: settings[name[2:]]\n",
).replace('value("--dataset_path")', 'value("--dataset_dir")').replace(
    '"argv": flags', '"argv": flags, "settings": settings'
).replace('data[0]["instances"]', "next(d for d in data if isinstance(d, list))")


def make(folder: Path) -> Path:
    """Write the environment; returns its Python."""
    files = {
        "src/llamafactory/__init__.py": "",
        "src/llamafactory/launcher.py": "if __name__ == '__main__':\n"
        + "".join(f"    {line}\n" for line in LAUNCHER.splitlines()),
        "src/llamafactory/hparams.py": HPARAMS,
        "src/llamafactory/train/__init__.py": "",
        "src/llamafactory/train/tuner.py": "",
        "src/llamafactory-9.9.dist-info/METADATA": "Metadata-Version: 2.1\nName: llamafactory\nVersion: 9.9\n",
        "src/torch.py": "class cuda:\n    device_count = lambda: 0\n",
        "bin/python": f'#!/bin/sh\nPYTHONPATH={folder}/src exec {sys.executable} "$@"\n',
    }
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    os.chmod(folder / "bin/python", 0o755)
    return folder / "bin/python"
