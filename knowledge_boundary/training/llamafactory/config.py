"""LLaMA-Factory's YAML for a fine-tune, nothing that matters left to its defaults, and the data as it reads it."""

import json
from pathlib import Path

import yaml

from ...models.placement import bits_of
from ...running.errors import UserError
from ...running.results import write_text
from ..formats import INFO
from ..layouts import DATASET_INFO, written
from ..outside import inputs

NAME = "LLaMA-Factory"
DATA = "train"  # what the data set is called in its own folder
# Prompts are rendered already, in this model's own template; another one around it would be asked by nobody.
OURS = ("template", "dataset", "dataset_dir", "output_dir", "model_name_or_path", "stage", "finetuning_type")
OURS += ("logging_steps", "logging_strategy")  # a loss of each step is what a run is checked by
WHOLE = ("gradient_accumulation_steps", "per_device_train_batch_size", "cutoff_len")
# With one of these the number of steps is not what the examples and epochs here make it.
OTHER_STEPS = {"max_steps", "num_train_epochs", "max_samples", "val_size", "packing", "neat_packing", "streaming"}


def passed_settings(words) -> dict:
    """{setting: value} of what stands after --, each value as YAML reads it.

    Raises:
        UserError: a value without a flag in front, no YAML, or a setting that is this program's.
    """
    found = {}
    for name, values in inputs.flags_of(words, NAME).items():
        if name in OURS:
            raise UserError(f"-- --{name}: is set here; what stands after -- is {NAME}'s other settings")
        text = " ".join(values)
        try:
            value = yaml.safe_load(text) if values else True
        except (yaml.YAMLError, ValueError) as e:
            raise UserError(f"-- --{name} {text}: is no YAML value") from e
        # What is no number, truth or text, such as a date, is the text that it was.
        found[name] = value if isinstance(value, str | int | float | None) else text
        if name in WHOLE and (type(value) is not int or value < 1):
            raise UserError(f"-- --{name} {text}: is not a whole number from 1 on")
    return found


def settled(settings, about, folders, examples: int, cutoff: int, per_device: int, targets, trust_remote_code) -> dict:
    """{setting: its value} for LLaMA-Factory.

    Args:
        settings: ``TrainingSettings``.
        about: ``meta.model``.
        folders: {``model``, ``data``, ``out``}, absolute.
        examples: how many there are.
        cutoff: the longest sequence, in tokens.
        per_device: examples of a pass of one process.
        targets: the modules that LoRA adapts.
        trust_remote_code: whether code that comes with the model may run.
    """
    found = {
        "model_name_or_path": str(folders["model"]),
        "trust_remote_code": trust_remote_code,
        "stage": "sft",
        "do_train": True,
        "finetuning_type": "lora" if settings.lora_r else "full",
        "template": "empty",  # the texts as they are: the prompts are rendered
        "dataset": DATA,
        "dataset_dir": str(folders["data"]),
        "cutoff_len": cutoff,
        "packing": False,
        "train_on_prompt": False,
        "overwrite_cache": True,
        "output_dir": str(folders["out"]),
        **inputs.common(settings, about, examples, per_device),
        "disable_gradient_checkpointing": not settings.gradient_checkpointing,
    }
    if settings.lora_r:
        found |= {"lora_rank": settings.lora_r, "lora_alpha": settings.lora_alpha}
        found |= {"lora_dropout": settings.lora_dropout, "lora_target": ",".join(targets)}
    if "quantised" in about:
        found |= {"quantization_bit": bits_of(about["quantised"]), "quantization_method": "bnb"}
        found |= {"quantization_type": "nf4", "double_quantization": True}
    return found


def check_settings(found: dict, ours, passed) -> None:
    """UserError for a setting that this LLaMA-Factory does not have."""
    for name in ours:
        if name not in found["settings"]:
            raise UserError(f"this {NAME} ({found['version']}) has no setting {name}, which a run here needs")
    for name in passed:
        if name not in found["settings"]:
            raise UserError(f"-- --{name}: no setting of {NAME} {found['version']}")


def write_data(work: Path, pairs, lm) -> list:
    """Write ``work/data``; returns [(tokens of the prompt, tokens of the answer)] as LLaMA-Factory counts them.

    Its template adds no BOS (``inputs.with_bos``).

    Args:
        work: the run's folder.
        pairs: (prompt, answer) texts.
        lm: the model's tokenizer as an ``LM``.
    """
    pairs, lengths = inputs.with_bos(pairs, lm, NAME)
    instances = [written("alpaca", pair, [{"content": text} for text in pair]) for pair in pairs]
    write_text(work / "data" / f"{DATA}.json", json.dumps(instances, indent=1))
    write_text(work / "data" / INFO, json.dumps({DATA: {"file_name": f"{DATA}.json"} | DATASET_INFO["alpaca"]}))
    return lengths


def write_config(path: Path, settings: dict) -> None:
    """Write a run's YAML."""
    write_text(path, yaml.safe_dump(settings, sort_keys=False))
