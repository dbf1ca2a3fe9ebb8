"""The built-in supervised fine-tune: ``transformers.Trainer`` with a loss on the answers only.

Refusal-aware examples share their instruction. A step packs its examples into a tree (see ``packing``), so that what
they share runs once, with gradients, and without padding; only the answers' positions meet the LM head. Checkpoints
make a killed run resume to the same weights. Under torchrun each process takes its share of every batch; losses and
weights are those of one process, to rounding.
"""

import json
import math
import os
import shutil
from pathlib import Path

import numpy as np
import torch
import transformers
from accelerate.data_loader import prepare_data_loader
from torch.utils.data import DataLoader
from transformers.trainer_callback import ProgressCallback

from . import cli, packing, ranks
from .families import of
from .loss import answer_loss, tokenise
from .models import ABOUT, save_tokenizer
from .results import Run, UserError, write_text

COMPLETE = "complete"  # a checkpoint folder without this file was cut off in the middle


def add_arguments(parser, epochs: float, learning_rate: float) -> None:
    """The flags of a fine-tune."""
    group = parser.add_argument_group("training")
    group.add_argument("--lora_r", type=int, default=64, help="LoRA rank; 0 trains all weights")
    group.add_argument("--lora_alpha", type=int, default=16)
    group.add_argument("--lora_dropout", type=float, default=0.1)
    group.add_argument("--epochs", type=float, default=epochs)
    group.add_argument("--learning_rate", type=float, default=learning_rate)
    group.add_argument("--batch_size", type=int, default=16, help="examples an optimiser step, over all processes")
    group.add_argument("--warmup_ratio", type=float, default=0.03)
    group.add_argument("--save_steps", type=int, default=20, help="steps between checkpoints")


def check_arguments(args) -> None:
    """UserError for a training flag out of range."""
    for name, ok in (
        ("lora_r", args.lora_r >= 0),
        ("epochs", args.epochs > 0),
        ("learning_rate", args.learning_rate > 0),
        ("batch_size", args.batch_size >= 1),
        ("save_steps", args.save_steps >= 1),
        ("warmup_ratio", 0 <= args.warmup_ratio <= 1),
        ("lora_dropout", 0 <= args.lora_dropout < 1),
    ):
        if not ok:
            raise UserError(f"--{name} {getattr(args, name)}: out of range")


def step_count(examples: int, args) -> int:
    """Optimiser steps of a training on so many examples; the last batch of an epoch may be smaller."""
    return math.ceil(args.epochs * math.ceil(examples / args.batch_size))


def warmup_steps(examples: int, args) -> int:
    """Optimiser steps of the warmup: passed as a number, which all transformers understand alike."""
    return math.ceil(args.warmup_ratio * step_count(examples, args))


class AnswerTrainer(transformers.Trainer):
    """A Trainer whose loss is ``answer_loss``, and whose batches are the same for any number of processes."""

    def __init__(self, *args, packed: bool, batch_size: int, **kwargs):
        super().__init__(*args, **kwargs)
        self.packed = packed
        self.batch_size = batch_size
        self.model_accepts_loss_kwargs = False

    def get_train_dataloader(self):
        """Whole batches, the same on every process; ``compute_loss`` divides them.

        accelerate's own division would fill up the last batch of an epoch with examples that it has seen already.
        """
        loader = DataLoader(self.train_dataset, self.batch_size, shuffle=True, collate_fn=lambda rows: {"rows": rows})
        return prepare_data_loader(
            loader, num_processes=1, process_index=0, use_seedable_sampler=True, data_seed=self.args.seed
        )

    def compute_loss(self, model, inputs, return_outputs=False, num_items_in_batch=None):
        """The mean loss over the answer tokens of the whole batch, as this process's part of it.

        The processes' gradients are averaged, so that its part is the sum over its share's tokens, times the processes,
        over the number of all tokens.
        """
        inner = self.accelerator.unwrap_model(model)
        base = inner.get_base_model() if hasattr(inner, "get_base_model") else inner
        own = inputs["rows"][ranks.rank() :: ranks.world()]
        # A process without a share runs something too: the others wait for its gradients.
        rows, weight = (own, ranks.world()) if own else (inputs["rows"][:1], 0)
        loss = weight * ranks.as_forward(model, inner, lambda: answer_loss(base, rows, self.packed, "sum"))
        tokens = sum(len(r["input_ids"]) - r["start"] for r in inputs["rows"])
        mean = self.accelerator.reduce(loss.detach().clone(), "mean").item() / tokens
        if not math.isfinite(mean):  # seen by all processes alike
            raise UserError(
                f"step {self.state.global_step + 1}: the loss is {mean}; lower --learning_rate "
                f"or give --dtype float32, and --overwrite"
            )
        return loss / tokens


class MarkComplete(transformers.TrainerCallback):
    """Marks each checkpoint once all its files are written, by all processes."""

    def on_save(self, args, state, control, **kwargs):
        """Called after a checkpoint is on disk."""
        ranks.exchange()
        if ranks.rank() == 0:
            write_text(Path(args.output_dir) / f"checkpoint-{state.global_step}" / COMPLETE, "")


class LossBar(ProgressCallback):
    """The Trainer's progress bar with the loss in it, in place of a line for every step."""

    def on_log(self, args, state, control, logs=None, **kwargs):
        """Called with each step's figures."""
        if self.training_bar is not None and "loss" in (logs or {}):
            self.training_bar.set_postfix(loss=f"{float(logs['loss']):.3f}")


def last_checkpoint(folder: Path) -> str | None:
    """The newest whole checkpoint in ``folder``; cut-off ones are removed."""
    whole = []
    for path in folder.glob("checkpoint-*"):
        if (path / COMPLETE).is_file():
            whole.append(path)
        else:
            shutil.rmtree(path)
    return str(max(whole, key=lambda p: int(p.name.split("-")[1]))) if whole else None


def checkpoint_to_resume(folder: Path) -> str | None:
    """The first process's ``last_checkpoint``, for all.

    Raises:
        UserError: it lies on another host only.
    """
    found = ranks.exchange(last_checkpoint(folder) if ranks.rank() == 0 else None)[0]
    if found and not Path(found, COMPLETE).is_file():
        raise UserError(f"{found} is not on this host: to resume, all hosts need the same folder, or give --overwrite")
    return found


def add_lora(model, args):
    """``model`` with LoRA on its family's layers (by default all linear ones but the head); as it is at --lora_r 0."""
    if args.lora_r == 0:
        return model
    import peft

    config = peft.LoraConfig(
        r=args.lora_r,
        lora_alpha=args.lora_alpha,
        lora_dropout=args.lora_dropout,
        target_modules=of(model).lora,
        task_type="CAUSAL_LM",
    )
    return peft.get_peft_model(model, config)


def open_run(stage, args, about, inputs) -> Run:
    """The ``Run`` of a training: its JSON lies beside the weights, its journal beside the checkpoints.

    Raises:
        UserError: the output folder holds something that is not this program's, or a flag is out of range.
    """
    check_arguments(args)
    if args.batch_size % ranks.world():
        raise UserError(
            f"--batch_size {args.batch_size}: the examples of a step are divided among {ranks.world()} processes; "
            f"give a multiple of that"
        )
    out = Path(args.output_model)
    if args.overwrite and ranks.rank() == 0:
        remove_checkpoints(out)
    ranks.exchange()  # the others look at what is left
    run = Run(stage, out / ABOUT, args, about, inputs=inputs)
    run.partial = checkpoints(out) / "run.partial"
    if out.is_dir() and any(out.iterdir()) and not run.path.exists() and not run.partial.exists():
        raise UserError(f"{out} is not empty and holds no {ABOUT}; give another output folder")
    return run


def checkpoints(out: Path) -> Path:
    """The folder of an unfinished training's checkpoints."""
    return out.with_name(out.name + ".checkpoints")


def remove_checkpoints(out: Path) -> None:
    """Remove the checkpoints of a training that has written its result."""
    shutil.rmtree(checkpoints(out), ignore_errors=True)


def trainer_arguments(lm, args, examples: int) -> transformers.TrainingArguments:
    """The Trainer's settings: cosine schedule, a checkpoint every --save_steps, no reporting to anybody."""
    settings = transformers.TrainingArguments(
        output_dir=str(checkpoints(Path(args.output_model))),
        per_device_train_batch_size=args.batch_size // ranks.world(),
        num_train_epochs=args.epochs,
        learning_rate=args.learning_rate,
        lr_scheduler_type="cosine",
        warmup_steps=warmup_steps(examples, args),
        max_grad_norm=1.0,
        weight_decay=0.0,
        logging_steps=1,
        save_steps=args.save_steps,
        save_total_limit=2,
        seed=args.seed,
        bf16=lm.about["dtype"] == "bfloat16",
        use_cpu=lm.device.type == "cpu",
        report_to="none",
        disable_tqdm=False,  # transformers' own printing of every step would come in place of the bar
        remove_unused_columns=False,
        dataloader_pin_memory=False,
    )
    if settings.n_gpu > 1:  # one process on a host with several GPUs: no replicas, the loss is computed on one
        settings._n_gpu = 1
    return settings


def fine_tune(lm, examples, args, shared: bool) -> dict:
    """Fine-tune ``lm`` on (prompt, answer) pairs and write the weights to ``args.output_model``.

    Resumes from the checkpoints beside the output folder; on the CPU the weights are then those of an undisturbed run.

    Args:
        lm: the model; its weights change.
        examples: list of (prompt, answer) texts.
        args: the flags of ``add_arguments``, and ``output_model``, ``seed``.
        shared: whether the model's sequences can be packed (``packing.check``).

    Returns:
        A summary: examples, tokens, steps, the loss of every logged step.
    """
    out = Path(args.output_model)
    rows = tokenise(lm, examples)
    transformers.set_seed(args.seed)
    model = add_lora(lm.model, args)
    trainer = AnswerTrainer(
        model=model,
        args=trainer_arguments(lm, args, len(rows)),
        train_dataset=rows,
        callbacks=[MarkComplete()],
        packed=shared,
        batch_size=args.batch_size,
    )
    trainer.remove_callback(ProgressCallback)
    if ranks.rank() == 0:
        trainer.add_callback(LossBar())
    if ranks.world() > 1:
        cli.say(f"{args.batch_size} examples a step, {args.batch_size // ranks.world()} on each process")
    # A checkpoint's random states are numpy's: transformers 4 does not tell torch that they are safe to load.
    states = [np._core.multiarray._reconstruct, np.ndarray, np.dtype, type(np.dtype(np.uint32))]
    with ranks.training(), torch.serialization.safe_globals(states):
        trainer.train(resume_from_checkpoint=checkpoint_to_resume(checkpoints(out)))
    losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    if ranks.rank() == 0:
        save(lm, model, out)
    return {
        "examples": len(rows),
        "steps": trainer.state.global_step,
        "tokens": sum(len(r["input_ids"]) for r in rows),
        "prefix_cache": "shared" if shared else "whole examples",
        "trained_parameters": sum(p.numel() for p in model.parameters() if p.requires_grad),
        "first_loss": losses[0],
        "last_loss": losses[-1],
        "losses": losses,
    }


def complete(run, lm, examples, args, summary=None, records=()) -> None:
    """The last part of a stage that trains: fine-tune, write its JSON, remove the checkpoints, say the loss.

    Args:
        run: the ``Run`` of ``open_run``.
        lm: the model; its weights change.
        examples: list of (prompt, answer) texts.
        args: see ``fine_tune``.
        summary: what the stage has to add to the training's own.
        records: the result's records.
    """
    if ranks.rank() == 0:
        run.begin()  # the checkpoints are this run's
    found = fine_tune(lm, examples, args, shared=packing.check(lm))
    if ranks.rank() > 0:
        ranks.exchange()  # until the result is written
        return
    run.finish({**(summary or {}), **found}, list(records))
    remove_checkpoints(Path(args.output_model))
    print(f"{found['examples']} examples, {found['steps']} steps, ", end="")
    print(f"loss {found['first_loss']:.3f} to {found['last_loss']:.3f}, {found['prefix_cache']}")


def save(lm, model, out: Path) -> None:
    """Write the weights (an adapter under LoRA) and the tokenizer, then put the folder in place in one step."""
    unfinished = out.with_name(out.name + ".tmp")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    model.save_pretrained(unfinished)
    save_tokenizer(lm, unfinished)
    adapter = unfinished / "adapter_config.json"
    if adapter.is_file():  # the base by its local folder, so that the adapter loads without the hub
        config = json.loads(adapter.read_text(encoding="utf-8"))
        write_text(adapter, json.dumps(config | {"base_model_name_or_path": lm.about["path"]}, indent=2))
    shutil.rmtree(out, ignore_errors=True)
    os.replace(unfinished, out)
