"""The built-in supervised fine-tune: ``transformers.Trainer`` with a loss on the answers only.

Refusal-aware examples share their instruction. A step packs its examples into a tree (see ``packing``), so that what
they share runs once, with gradients, and without padding; only the answers' positions meet the LM head. Checkpoints
make a killed run resume to the same weights.
"""

import json
import os
import shutil
from pathlib import Path

import torch
import transformers
from torch.nn import functional
from transformers.trainer_callback import ProgressCallback

from . import packing
from .models import ABOUT
from .packing import WIDE_LANE, Tree, fill, head, hidden_states, pack, padded_states
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
    group.add_argument("--batch_size", type=int, default=16)
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
        ("lora_dropout", 0 <= args.lora_dropout < 1),
    ):
        if not ok:
            raise UserError(f"--{name} {getattr(args, name)}: out of range")


def tokenise(lm, examples) -> list:
    """``[{input_ids, start}]`` of (prompt, answer) pairs; the loss is on the tokens from ``start`` on.

    Raises:
        UserError: an example longer than the model's window, or an answer without tokens.
    """
    rows = []
    for number, (prompt, answer) in enumerate(examples):
        ids, start = lm.encode_pair(prompt, answer)
        start = max(start, 1)  # nothing predicts a text's first token
        if len(ids) > lm.window or len(ids) == start:
            raise UserError(
                f"training example {number}: {len(ids)} tokens, {len(ids) - start} of them answer; "
                f"the model takes {lm.window} and needs an answer"
            )
        rows.append({"input_ids": ids, "start": start})
    return rows


def answer_loss(model, rows, packed: bool, reduction: str = "mean") -> torch.Tensor:
    """Cross-entropy of the answers' tokens, in nats.

    Args:
        model: a causal LM (a PEFT model's own base with its adapters in place).
        rows: ``[{input_ids, start}]``.
        packed: whether what the rows share runs once (``packing.check``); with dropout, it then has one mask for them
            all. Else whole examples run, right-padded.
        reduction: as ``torch.nn.functional.cross_entropy``'s, over the answers' tokens of all rows.
    """
    device = model.get_output_embeddings().weight.device
    # The hidden state at position t predicts token t + 1.
    spans = [range(r["start"] - 1, len(r["input_ids"]) - 1) for r in rows]
    if packed:
        lanes, sizes = fill([[r["input_ids"]] for r in rows], WIDE_LANE, WIDE_LANE)
        trees = [Tree() for _ in sizes]
        paths = {i: (n, trees[n].add(rows[i]["input_ids"])) for n, lane in enumerate(lanes) for i in lane}
        hidden = hidden_states(model, pack(trees, 0, device))
        at = [(paths[i][0], paths[i][1][t]) for i, span in enumerate(spans) for t in span]
    else:
        hidden = padded_states(model, [r["input_ids"] for r in rows], device)
        at = [(i, t) for i, span in enumerate(spans) for t in span]
    targets = torch.tensor([t for r in rows for t in r["input_ids"][r["start"] :]], device=device)
    logits = head(model, hidden[tuple(zip(*at, strict=True))])
    return functional.cross_entropy(logits, targets, reduction=reduction)


class AnswerTrainer(transformers.Trainer):
    """A Trainer whose loss is ``answer_loss``."""

    def __init__(self, *args, packed: bool, **kwargs):
        super().__init__(*args, **kwargs)
        self.packed = packed
        self.model_accepts_loss_kwargs = False

    def compute_loss(self, model, inputs, return_outputs=False, num_items_in_batch=None):
        """The mean loss over the batch's answer tokens."""
        inner = model.get_base_model() if hasattr(model, "get_base_model") else model
        loss = answer_loss(inner, inputs["rows"], self.packed)
        if not torch.isfinite(loss):
            raise UserError(
                f"step {self.state.global_step + 1}: the loss is {loss.item()}; lower --learning_rate "
                f"or give --dtype float32, and --overwrite"
            )
        return loss


class MarkComplete(transformers.TrainerCallback):
    """Marks each checkpoint once all its files are written."""

    def on_save(self, args, state, control, **kwargs):
        """Called after a checkpoint is on disk."""
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


def add_lora(model, args):
    """``model`` with LoRA on all its linear layers but the head, or as it is for --lora_r 0."""
    if args.lora_r == 0:
        return model
    import peft

    config = peft.LoraConfig(
        r=args.lora_r,
        lora_alpha=args.lora_alpha,
        lora_dropout=args.lora_dropout,
        target_modules="all-linear",
        task_type="CAUSAL_LM",
    )
    return peft.get_peft_model(model, config)


def open_run(stage, args, about, inputs) -> Run:
    """The ``Run`` of a training: its JSON lies beside the weights, its journal beside the checkpoints.

    Raises:
        UserError: the output folder holds something that is not this program's.
    """
    check_arguments(args)
    out = Path(args.output_model)
    if args.overwrite:
        remove_checkpoints(out)
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


def trainer_arguments(lm, args) -> transformers.TrainingArguments:
    """The Trainer's settings: cosine schedule, a checkpoint every --save_steps, no reporting to anybody."""
    return transformers.TrainingArguments(
        output_dir=str(checkpoints(Path(args.output_model))),
        per_device_train_batch_size=args.batch_size,
        num_train_epochs=args.epochs,
        learning_rate=args.learning_rate,
        lr_scheduler_type="cosine",
        warmup_steps=args.warmup_ratio,
        max_grad_norm=1.0,
        weight_decay=0.0,
        logging_steps=1,
        save_steps=args.save_steps,
        save_total_limit=2,
        seed=args.seed,
        bf16=lm.about["dtype"] == "bfloat16",
        use_cpu=lm.device.type == "cpu",
        report_to="none",
        remove_unused_columns=False,
        dataloader_pin_memory=False,
    )


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
        args=trainer_arguments(lm, args),
        train_dataset=rows,
        data_collator=lambda batch: {"rows": batch},
        callbacks=[MarkComplete()],
        packed=shared,
    )
    trainer.remove_callback(ProgressCallback)
    trainer.add_callback(LossBar())
    trainer.train(resume_from_checkpoint=last_checkpoint(checkpoints(out)))
    losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
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
    run.begin()  # the checkpoints are this run's
    found = fine_tune(lm, examples, args, shared=packing.check(lm))
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
    lm.tokenizer.save_pretrained(unfinished)
    adapter = unfinished / "adapter_config.json"
    if adapter.is_file():  # the base by its local folder, so that the adapter loads without the hub
        config = json.loads(adapter.read_text(encoding="utf-8"))
        write_text(adapter, json.dumps(config | {"base_model_name_or_path": lm.about["path"]}, indent=2))
    shutil.rmtree(out, ignore_errors=True)
    os.replace(unfinished, out)
