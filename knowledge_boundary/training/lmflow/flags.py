"""LMFlow's flags for a fine-tune: nothing that matters is left to its defaults."""

from pathlib import Path

import torch
import transformers

from ...running.errors import UserError
from ..adapters import target_modules
from . import checkout


def flags_of(words) -> dict:
    """{flag: its values} of command-line words.

    Raises:
        UserError: a value without a flag in front.
    """
    flags = {}
    for word in words:
        if word.startswith("--"):
            name, _, value = word[2:].partition("=")
            flags[name] = [value] if value else []
        elif flags:
            flags[name].append(word)
        else:
            raise UserError(f"-- {word}: only flags of LMFlow stand after --")
    return flags


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
        "num_train_epochs": settings.epochs,
        "per_device_train_batch_size": per_device,
        "gradient_accumulation_steps": 1,
        "learning_rate": settings.learning_rate,
        "lr_scheduler_type": "cosine",
        "warmup_steps": settings.warmup_steps(examples),
        "weight_decay": 0.0,
        "max_grad_norm": 1.0,
        "optim": "adamw_torch",
        "adam_beta1": 0.9,
        "adam_beta2": 0.999,
        "adam_epsilon": 1e-8,
        "seed": settings.seed,
        "logging_strategy": "steps",
        "logging_steps": 1,
        "logging_nan_inf_filter": 0,  # else a loss that is not a number would be logged as another step's
        "save_strategy": "steps",
        "save_steps": settings.save_steps,
        "save_total_limit": 1,
        "report_to": "none",
        "dataloader_num_workers": 0,
        "ddp_timeout": 72000,
        "use_lora": int(settings.lora_r > 0),
    }
    if settings.lora_r:
        found |= {"lora_r": settings.lora_r, "lora_alpha": settings.lora_alpha, "lora_dropout": settings.lora_dropout}
        found |= {"lora_target_modules": targets}
    if about["device"] == "cpu":
        found["use_cpu"] = 1
    elif about["dtype"] != "float32":
        found["bf16" if about["dtype"] == "bfloat16" else "fp16"] = 1
    return found


def written_as(name: str, value, takes_list: bool) -> list:
    """A setting as command-line words; lists as this LMFlow's argument parser reads them."""
    if isinstance(value, list):
        return [f"--{name}", *(value if takes_list else [",".join(value)])]
    return [f"--{name}", str(value)]


def lora_targets(config, settings, trust_remote_code: bool) -> list:
    """Names of the layers that LoRA adapts, as in the built-in backend, of a model with this config; [] without LoRA.

    Raises:
        UserError: parameters are to be adapted, which LMFlow has no flag for.
    """
    if settings.lora_target_parameters:
        raise UserError("--lora_target_parameters: LMFlow adapts layers only; give --backend builtin with it")
    if not settings.lora_r:
        return []
    with torch.device("meta"):
        model = transformers.AutoModelForCausalLM.from_config(config, trust_remote_code=trust_remote_code)
    return target_modules(model, settings.lora_target_modules)


def block_size_of(given: int | None, lengths, window: int) -> int:
    """The block size, and one line about what it does to the examples.

    Args:
        given: tokens; None: the longest example's.
        lengths: [(tokens of the prompt, tokens of the answer)] of the examples.
        window: the longest sequence that the model takes.

    Raises:
        UserError: an example is longer than the model's window, or no answer would be left.
    """
    longest = max(p + a for p, a in lengths)
    size = given or longest
    if size > window:
        raise UserError(
            f"{size} tokens in the longest example (or --block_size), the model takes {window}; "
            f"leave such examples out, or let LMFlow cut them with --block_size {window}"
        )
    cut = [(p, a) for p, a in lengths if p + a > size]
    lost = sum(p >= size for p, _ in cut)
    if lost + sum(a == 0 for _, a in lengths) >= len(lengths):
        raise UserError(f"block size {size}: no example has a token of its answer in it, there is nothing to train on")
    said = f"{len(cut)} of {len(lengths)} examples are longer and are cut, {lost} of them lose their whole answer"
    print(f"Block size {size}: {said if cut else 'nothing is cut'}", flush=True)
    return size


def per_device_batch(batch_size: int, processes: int, passed: dict) -> int:
    """Examples of a pass of one process, so that ``batch_size`` is that of an optimiser step over all of them.

    Raises:
        UserError: it cannot be divided so, or what stands after -- says otherwise.
    """
    passes = int(passed.get("gradient_accumulation_steps", ["1"])[0])
    if batch_size % (processes * passes):
        raise UserError(
            f"--batch_size {batch_size}: cannot be divided by {processes} processes"
            + (f" × {passes} passes" if passes > 1 else "")
        )
    size = batch_size // (processes * passes)
    if int(passed.get("per_device_train_batch_size", [size])[0]) != size:
        raise UserError(
            f"-- --per_device_train_batch_size: --batch_size {batch_size} (examples an optimiser step) over "
            f"{processes} processes × {passes} passes makes it {size}; give another --batch_size"
        )
    return size


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
