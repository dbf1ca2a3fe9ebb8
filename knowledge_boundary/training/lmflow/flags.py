"""LMFlow's flags for a fine-tune: nothing that matters is left to its defaults."""

from pathlib import Path

from ...running.errors import UserError
from ..outside import inputs
from . import checkout


def settled(
    settings, about, folders, examples: int, block_size: int, per_device: int, targets, trust_remote_code
) -> dict:
    """{flag: its value} for LMFlow, nothing that matters left to its defaults.

    Args:
        settings: ``TrainingSettings``.
        about: ``meta.model``.
        folders: {``model``, ``data``, ``out``}, absolute.
        examples: how many there are.
        block_size: in tokens.
        per_device: examples of a pass of one process.
        targets: the modules that LoRA adapts.
        trust_remote_code: whether code that comes with the model may run.
    """
    found = {
        "model_name_or_path": folders["model"],
        "trust_remote_code": int(trust_remote_code),
        # All weights are trained as float32 ones, and saved in the model's own dtype (``files.put_in_place``).
        "torch_dtype": about["dtype"] if settings.lora_r else "float32",
        "use_flash_attention": 0,
        "padding_side": "right",
        "truncation_side": "right",
        "model_max_length": block_size,
        "dataset_path": folders["data"],
        "block_size": block_size,
        "disable_group_texts": 1,
        "validation_split_percentage": 0,
        "overwrite_cache": 1,
        "output_dir": folders["out"],
        "do_train": 1,
        **inputs.common(settings, about, examples, per_device),
        "use_lora": int(settings.lora_r > 0),
    }
    if settings.lora_r:
        found |= {"lora_r": settings.lora_r, "lora_alpha": settings.lora_alpha, "lora_dropout": settings.lora_dropout}
        found |= {"lora_target_modules": targets}
    return {name: int(value) if isinstance(value, bool) else value for name, value in found.items()}


def written_as(name: str, value, takes_list: bool) -> list:
    """A setting as command-line words; lists as this LMFlow's argument parser reads them."""
    if isinstance(value, list):
        return [f"--{name}", *(value if takes_list else [",".join(value)])]
    return [f"--{name}", str(value)]


def check_flags(found: dict, folder: Path, ours, passed) -> None:
    """UserError for a flag that this LMFlow does not have."""
    for name in ours:
        if name not in found["flags"]:
            raise UserError(
                f"LMFLOW_DIR={folder}: this LMFlow ({found['version']}) has no --{name}, which a run here needs; "
                f"tested are {checkout.TESTED}"
            )
    for name in passed:
        if name not in found["flags"]:
            raise UserError(f"-- --{name}: no flag of LMFlow {found['version']} in {folder}")
