"""What a trainer outside this program is given: settings after --, examples with their BOS, lengths, LoRA's layers."""

from pathlib import Path

import torch
import transformers

from ...running.errors import UserError
from .. import formats
from ..adapters import target_modules


def flags_of(words, trainer: str) -> dict:
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
            raise UserError(f"-- {word}: only flags of {trainer} stand after --")
    return flags


def common(settings, about, examples: int, per_device: int) -> dict:
    """{setting: value} of a training by transformers' Trainer, the built-in trainer's own.

    Args:
        settings: ``TrainingSettings``.
        about: ``meta.model``.
        examples: how many there are.
        per_device: examples of a pass of one process.
    """
    found = {
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
        "logging_nan_inf_filter": False,  # else a loss that is not a number would be logged as another step's
        "save_strategy": "steps",
        "save_steps": settings.save_steps,
        "save_total_limit": 1,
        "report_to": "none",
        "dataloader_num_workers": 0,
        "ddp_timeout": 72000,
    }
    if about["device"] == "cpu":
        found["use_cpu"] = True
    elif about["dtype"] != "float32":
        found["bf16" if about["dtype"] == "bfloat16" else "fp16"] = True
    return found


def check_weights(file: Path, trainer: str) -> None:
    """UserError for training data with weights: the trainer has no place for them in its data, nor in its loss."""
    found = formats.weighted(file)
    if found:
        raise UserError(
            f"{file}: {found} examples have a weight other than 1, and {trainer} can't weigh; give --backend builtin"
        )


def with_bos(pairs, lm, trainer: str) -> tuple[list, list]:
    """(prompt, answer) texts with the BOS that a trainer doesn't add, and [(tokens of the prompt, of the answer)].

    Where this model's prompts begin with one, it is written into the text. Says how many examples are then still
    tokenised otherwise than here.

    Args:
        pairs: (prompt, answer) texts.
        lm: the model's tokenizer as an ``LM``.
        trainer: its name.
    """
    tokenizer = lm.tokenizer
    bos = tokenizer.bos_token_id
    begins = [bos is not None and lm.encode(prompt)[:1] == [bos] for prompt, _ in pairs]
    pairs = [
        (tokenizer.bos_token + p if b and not p.startswith(tokenizer.bos_token) else p, a)
        for (p, a), b in zip(pairs, begins, strict=True)
    ]
    ids = [[tokenizer(text, add_special_tokens=False).input_ids for text in pair] for pair in pairs]
    different = sum(p + a != lm.encode_pair(*pair)[0] for (p, a), pair in zip(ids, pairs, strict=True))
    if different:
        print(
            f"{different} of {len(pairs)} examples: {trainer} splits them into other tokens where prompt and answer "
            f"meet"
        )
    return pairs, [(len(p), len(a)) for p, a in ids]


def lora_targets(config, settings, trust_remote_code: bool, trainer: str) -> list:
    """Names of the layers that LoRA adapts, as in the built-in backend, of a model with this config; [] without LoRA.

    Raises:
        UserError: parameters are to be adapted, which the trainer has no flag for.
    """
    if settings.lora_target_parameters:
        raise UserError(f"--lora_target_parameters: {trainer} adapts layers only; give --backend builtin with it")
    if not settings.lora_r:
        return []
    with torch.device("meta"):
        model = transformers.AutoModelForCausalLM.from_config(config, trust_remote_code=trust_remote_code)
    return target_modules(model, settings.lora_target_modules)


def block_size_of(given: int | None, lengths, window: int, flag: str) -> int:
    """The longest sequence that is trained, and one line about what it does to the examples.

    Args:
        given: tokens; None: the longest example's.
        lengths: [(tokens of the prompt, tokens of the answer)] of the examples.
        window: the longest sequence that the model takes.
        flag: what sets it.

    Raises:
        UserError: an example is longer than the model's window, or no answer would be left.
    """
    longest = max(p + a for p, a in lengths)
    size = given or longest
    if size > window:
        raise UserError(
            f"{size} tokens in the longest example (or {flag}), the model takes {window}; "
            f"leave such examples out, or let them be cut with {flag} {window}"
        )
    cut = [(p, a) for p, a in lengths if p + a > size]
    lost = sum(p >= size for p, _ in cut)
    if lost + sum(a == 0 for _, a in lengths) >= len(lengths):
        raise UserError(f"{flag} {size}: no example has a token of its answer in it, there is nothing to train on")
    said = f"{len(cut)} of {len(lengths)} examples are longer and are cut, {lost} of them lose their whole answer"
    print(f"{flag} {size}: {said if cut else 'nothing is cut'}", flush=True)
    return size


def number(passed: dict, name: str, usual: int) -> int:
    """A whole number of what stands after --; UserError for one that is none."""
    values = passed.get(name, [usual])
    if len(values) != 1 or not str(values[0]).isdigit() or int(values[0]) < 1:
        raise UserError(f"-- --{name} {' '.join(map(str, values))}: is not a whole number from 1 on")
    return int(values[0])


def per_device_batch(batch_size: int, processes: int, passed: dict) -> int:
    """Examples of a pass of one process, so that ``batch_size`` is that of an optimiser step over all of them.

    Raises:
        UserError: it cannot be divided so, or what stands after -- says otherwise.
    """
    passes = number(passed, "gradient_accumulation_steps", 1)
    if batch_size % (processes * passes):
        raise UserError(
            f"--batch_size {batch_size}: cannot be divided by {processes} processes"
            + (f" × {passes} passes" if passes > 1 else "")
        )
    size = batch_size // (processes * passes)
    if number(passed, "per_device_train_batch_size", size) != size:
        raise UserError(
            f"-- --per_device_train_batch_size: --batch_size {batch_size} (examples an optimiser step) over "
            f"{processes} processes × {passes} passes makes it {size}; give another --batch_size"
        )
    return size
