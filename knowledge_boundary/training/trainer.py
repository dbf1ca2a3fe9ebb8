"""The built-in supervised fine-tune: ``transformers.Trainer`` with a loss on the answers only.

Refusal-aware examples share their instruction. A step packs its examples into a tree (see ``engine.packing``), so that
what they share runs once, with gradients, and without padding; only the answers' positions meet the LM head.
Checkpoints make a killed run resume to the same weights. Under torchrun each process takes its share of every batch;
losses and weights are those of one process, to rounding.
"""

import dataclasses
import json
import os
import shutil
from pathlib import Path

import numpy as np
import torch
import transformers
from transformers.trainer_callback import ProgressCallback

from ..engine import exactness
from ..engine.loss import tokenise, turns_of
from ..models import families
from ..models.loading import open_files, save_tokenizer
from ..running import ranks
from ..running.errors import UserError
from ..running.results import write_text
from . import memory
from .adapters import add_lora, checkpoint_activations, described, reach
from .formats import pairs_of
from .output import checkpoints, remove_checkpoints
from .precision import compute_dtype, names, to_masters
from .steps import COMPLETE, AnswerTrainer, LossBar, MarkComplete


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


def trainer_arguments(lm, settings, out: Path, examples: int) -> transformers.TrainingArguments:
    """The Trainer's arguments: cosine schedule, a checkpoint every ``save_steps``, no reporting to anybody."""
    arguments = transformers.TrainingArguments(
        output_dir=str(checkpoints(out)),
        per_device_train_batch_size=settings.batch_size // ranks.world(),
        num_train_epochs=settings.epochs,
        learning_rate=settings.learning_rate,
        lr_scheduler_type="cosine",
        warmup_steps=settings.warmup_steps(examples),
        max_grad_norm=1.0,
        weight_decay=0.0,
        logging_steps=1,
        save_steps=settings.save_steps,
        save_total_limit=2,
        seed=settings.seed,
        fp16=lm.about["dtype"] == "float16" and lm.device.type == "cuda",  # its losses are scaled
        use_cpu=lm.device.type == "cpu",
        report_to="none",
        disable_tqdm=False,  # transformers' own printing of every step would come in place of the bar
        remove_unused_columns=False,
        dataloader_pin_memory=False,
    )
    if arguments.n_gpu > 1:  # one process on a host with several GPUs: no replicas, the loss is computed on one
        arguments._n_gpu = 1
    return arguments


def fine_tune(lm, examples, settings, out: Path, shared: bool | None = None, weights=None) -> dict:
    """Fine-tune ``lm`` on (prompt, answer) pairs and write the weights to ``out``.

    Resumes from the checkpoints beside the output folder; on the CPU the weights are then those of an undisturbed run.
    The weights that are trained are float32 meanwhile, and saved in the model's own dtype (``precision``).

    Args:
        lm: the model; its weights change.
        examples: list of (prompt, answer) texts, or of lists of them, the turns of a conversation.
        settings: ``TrainingSettings``.
        out: folder of the weights (an adapter with LoRA) and the tokenizer; replaced.
        shared: whether the model's sequences can be packed; None: as ``exactness.check`` finds.
        weights: of each example in the loss (``answer_loss``); None: all 1. Those of weight 0 are left out.

    Returns:
        A summary: examples, tokens, steps, the loss of every logged step.
    """
    out = Path(out)
    if lm.about.get("adapter") == "unmerged":
        raise UserError(
            f"--model {lm.about['name']}: an adapter that merging would change cannot be trained on; "
            f"train from its base, or give --dtype float32, where most can be merged"
        )
    if "quantised" in lm.about and not settings.lora_r:
        raise UserError(f"--lora_r 0: weights in {lm.about['quantised']} can't be trained; give --lora_r 64 (QLoRA)")
    weights = [1] * len(examples) if weights is None else weights
    rows = [row for row, weight in zip(tokenise(lm, examples, weights), weights, strict=True) if weight]
    if len(rows) < len(examples):
        ranks.say(f"{len(examples) - len(rows)} of {len(examples)} examples have weight 0: left out")
    if shared is None:
        shared = exactness.check(lm, [prompt + answer for prompt, answer in pairs_of(examples)], trains=True)
    transformers.set_seed(settings.seed)
    model = add_lora(lm.model, settings)
    if settings.gradient_checkpointing:
        checkpoint_activations(model)
    found = reach(model) if settings.lora_r else None
    if found:
        ranks.say(described(found))
    trainer, own, held = prepared(lm, model, rows, settings, out, shared)
    if ranks.world() > 1:
        ranks.say(f"{settings.batch_size} examples a step, {settings.batch_size // ranks.world()} on each process")
    ranks.say(trainer.estimate().line(memory.free_now(lm.device)))
    # A checkpoint's random states are numpy's: transformers 4 does not tell torch that they are safe to load.
    states = [np._core.multiarray._reconstruct, np.ndarray, np.dtype, type(np.dtype(np.uint32))]
    with ranks.training(), torch.serialization.safe_globals(states):
        trainer.train(resume_from_checkpoint=checkpoint_to_resume(checkpoints(out)))
    losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    lm.about |= trained_dtypes(trainer, own)
    for p, dtype in (own | held).items():
        p.data = p.data.to(families.DTYPES[lm.about["dtype"]] if settings.lora_r and p in own else dtype)
    if ranks.rank() == 0:
        save(lm, model, out)
    return {
        "examples": len(rows),
        "left_out": len(examples) - len(rows),
        "weight": sum(weights),
        "turns": len(turns_of(rows)),
        "steps": trainer.state.global_step,
        "tokens": sum(len(r["input_ids"]) for r in turns_of(rows)),
        "prefix_cache": "shared" if shared else "whole examples" if lm.padded else "whole examples, one by one",
        "trained_parameters": sum(p.numel() for p in own),
        "lora": dataclasses.asdict(found) if found else None,
        "first_loss": losses[0],
        "last_loss": losses[-1],
        "losses": losses,
    }


def prepared(lm, model, rows, settings, out: Path, shared: bool) -> tuple:
    """The Trainer of a fine-tune, its weights as they are trained.

    Args:
        lm: the model.
        model: it, or it with an adapter (``add_lora``); its weights' dtypes change.
        rows: see ``loss.tokenise``.
        settings: ``TrainingSettings``.
        out: folder of the weights.
        shared: whether the model's sequences are packed.

    Returns:
        ``(AnswerTrainer, own, held)``: the dtypes that its trained and its other weights had, by parameter.
    """
    compute = compute_dtype(lm)
    own = to_masters(model, not settings.lora_r, settings.seed)
    # Packed ones stay as they are.
    held = {p: p.dtype for p in model.parameters() if p not in own and p.is_floating_point()}
    if compute == torch.float32:
        for p in held:  # the weights under an adapter
            p.data = p.data.float()
    trainer = AnswerTrainer(
        model=model,
        args=trainer_arguments(lm, settings, out, len(rows)),
        train_dataset=rows,
        callbacks=[MarkComplete()],
        packed=shared,
        padded=lm.padded,
        batch_size=settings.batch_size,
        most=settings.part_tokens(lm.device.type),
        compute=compute,
    )
    trainer.remove_callback(ProgressCallback)
    if ranks.rank() == 0:
        trainer.add_callback(LossBar())
    return trainer, own, held


def trained_dtypes(trainer, trained) -> dict:
    """For ``meta.model``: the dtypes of the trained weights in training, of the optimiser's states, of the passes."""
    states = [t for s in trainer.optimizer.state.values() for t in s.values() if torch.is_tensor(t) and t.numel() > 1]
    compute = str(trainer.compute).removeprefix("torch.")
    return {"master_dtype": names(trained), "optimizer_dtype": names(states), "compute_dtype": compute}


def complete(run, lm, examples, settings, out: Path, summary=None, records=(), weights=None) -> None:
    """The last part of a stage that trains: fine-tune, write its JSON, remove the checkpoints, say the loss.

    Args:
        run: the ``Run`` of ``output.open_run``.
        lm: the model; its weights change.
        examples: list of (prompt, answer) texts.
        settings: see ``fine_tune``.
        out: see ``fine_tune``.
        summary: what the stage has to add to the training's own.
        records: the result's records.
        weights: see ``fine_tune``.
    """
    quantizer = getattr(lm.model, "hf_quantizer", None)
    if quantizer is not None and not quantizer.is_trainable:
        raise UserError(
            f"--model {lm.about['name']}: no adapter can be trained on weights in {lm.about.get('quantised')}; give "
            f"the model's unquantised weights, with --load_in 4bit"
        )
    if ranks.rank() == 0:
        run.begin()  # the checkpoints are this run's
    found = fine_tune(lm, examples, settings, out, weights=weights)
    if ranks.rank() > 0:
        ranks.exchange()  # until the result is written
        return
    run.finish({**(summary or {}), **found}, list(records))
    remove_checkpoints(out)
    print(f"{found['examples']} examples, {found['steps']} steps, ", end="")
    print(f"loss {found['first_loss']:.3f} to {found['last_loss']:.3f}, {found['prefix_cache']}")


def save(lm, model, out: Path) -> None:
    """Write the weights (an adapter under LoRA) and the tokenizer, then put the folder in place in one step."""
    unfinished = out.with_name(out.name + ".tmp")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    model.save_pretrained(unfinished)
    save_tokenizer(lm, unfinished)
    open_files(unfinished)
    adapter = unfinished / "adapter_config.json"
    if adapter.is_file():  # the base by its local folder, so that the adapter loads without the hub
        config = json.loads(adapter.read_text(encoding="utf-8"))
        write_text(adapter, json.dumps(config | {"base_model_name_or_path": lm.about["path"]}, indent=2))
    shutil.rmtree(out, ignore_errors=True)
    os.replace(unfinished, out)
