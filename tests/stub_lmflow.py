"""A stub in the place of LMFlow's checkout: takes its flags, records its command line, writes what a run would."""

from pathlib import Path

FLAGS = """model_name_or_path trust_remote_code torch_dtype use_flash_attention padding_side truncation_side
model_max_length dataset_path block_size disable_group_texts validation_split_percentage overwrite_cache output_dir
do_train num_train_epochs per_device_train_batch_size gradient_accumulation_steps learning_rate lr_scheduler_type
warmup_steps weight_decay max_grad_norm optim adam_beta1 adam_beta2 adam_epsilon seed logging_strategy logging_steps
logging_nan_inf_filter save_strategy save_steps save_total_limit report_to dataloader_num_workers ddp_timeout use_lora
lora_r lora_alpha lora_dropout use_cpu bf16 fp16 deepspeed gradient_checkpointing"""
ARGS = f"""
import dataclasses, os, typing
FLAGS = {FLAGS!r}.split()
lists = typing.List[str] if "v0.0.9" in os.environ.get("STUB", "") else str
ModelArguments = dataclasses.make_dataclass("ModelArguments", [("lora_target_modules", lists)])
DatasetArguments = dataclasses.make_dataclass("DatasetArguments", [])
class AutoArguments:
    get_pipeline_args_class = lambda name: dataclasses.make_dataclass("FinetunerArguments", FLAGS)
"""
# LOSS, CODE and WEIGHTS (adapter, zero, none, full, same) say what the run is to be like.
RUN = """
import json, math, os, pathlib, shutil, sys
import numpy as np
from safetensors.numpy import load_file, save_file
flags = sys.argv[1:]
value = lambda name: flags[len(flags) - 1 - flags[::-1].index(name) + 1]
out, base = pathlib.Path(value("--output_dir")), pathlib.Path(value("--model_name_or_path"))
data = [json.loads(p.read_text()) for p in pathlib.Path(value("--dataset_path")).glob("*.json")]
record = {"argv": flags, "env": dict(os.environ), "cwd": os.getcwd(), "data": data}
pathlib.Path(os.environ["RECORD"]).write_text(json.dumps(record))
out.mkdir(parents=True, exist_ok=True)
batches = math.ceil(len(data[0]["instances"]) / int(value("--per_device_train_batch_size")))
loss = float(os.environ.get("LOSS", "1.5"))
history = [{"loss": loss / (i + 1)} for i in range(math.ceil(float(value("--num_train_epochs")) * batches))]
(out / "trainer_state.json").write_text(json.dumps({"log_history": [*history, {"train_runtime": 2.5}]}))
(out / "checkpoint-1").mkdir()
(out / "tokenizer_config.json").write_text("{}")
weights = os.environ.get("WEIGHTS", "adapter")
if weights in ("adapter", "zero"):
    (out / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": str(base)}))
    tensor = np.full((2, 2), float(weights == "adapter"), dtype=np.float32)
    save_file({"a.lora_A.weight": np.ones((2, 2)), "a.lora_B.weight": tensor}, out / "adapter_model.safetensors")
elif weights != "none":
    tensors = load_file(base / "model.safetensors")
    save_file({k: v + (weights == "full") for k, v in tensors.items()}, out / "model.safetensors")
    shutil.copy(base / "config.json", out)
sys.exit(int(os.environ.get("CODE", "0")))
"""


def make(folder: Path, fsdp: bool = True, torch: bool = False) -> Path:
    """Write the checkout.

    Args:
        folder: where.
        fsdp: with the launch configuration of LMFlow from v1.0.0 on.
        torch: with a stub of that package too: importing the real one takes seconds.
    """
    files = {
        "examples/finetune.py": RUN,
        "src/lmflow/__init__.py": "",
        "src/lmflow/version.py": "__version__ = '9.9'",
        "src/lmflow/args.py": ARGS,
        "src/lmflow/models/__init__.py": "",
        "src/lmflow/models/auto_model.py": "",
        "src/lmflow/models/hf_model_mixin.py": "import os\n" if fsdp else "import os\nimport deepspeed\n",
        "src/lmflow/pipeline/__init__.py": "",
        "src/lmflow/pipeline/finetuner.py": '# getattr(finetuner_args, "overwrite_output_dir"' if fsdp else "",
    }
    files |= {"configs/accelerate_fsdp_config.yaml": ""} if fsdp else {}
    files |= {"src/torch.py": "class cuda:\n    device_count = lambda: 0\n"} if torch else {}
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder
