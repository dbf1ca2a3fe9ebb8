"""An optimiser step of the built-in fine-tune: its loss, in parts that fit the memory; its figures and checkpoints."""

import contextlib
import math
from pathlib import Path

import torch
import transformers
from accelerate.data_loader import prepare_data_loader
from torch.utils.data import DataLoader
from transformers.trainer_callback import ProgressCallback

from ..engine.loss import answer_loss, turns_of, weighted_tokens
from ..engine.parts import divided, run_tokens
from ..running import ranks
from ..running.errors import UserError
from ..running.memory import out_of_memory
from ..running.results import write_text
from . import memory
from .adapters import base_of

COMPLETE = "complete"  # a checkpoint folder without this file was cut off in the middle


def random_states(device: torch.device):
    """The random states of the CPU and of a GPU as they are now: a function that sets them so again."""
    here = torch.get_rng_state()
    there = torch.cuda.get_rng_state(device) if device.type == "cuda" else None

    def again():
        torch.set_rng_state(here)
        if there is not None:
            torch.cuda.set_rng_state(there, device)

    return again


class AnswerTrainer(transformers.Trainer):
    """A Trainer whose loss is ``answer_loss``, whose steps run in parts, and whose batches are the same for any number
    of processes.

    Args:
        packed: whether what a part's examples share runs once.
        padded: whether whole examples may run beside each other.
        batch_size: examples of a step, over all processes.
        most: tokens of a part (``parts.divided``); halved where they don't fit.
        compute: dtype of the passes; the weights that are trained are float32.
    """

    def __init__(self, *args, packed: bool, padded: bool, batch_size: int, most: int, compute: torch.dtype, **kwargs):
        super().__init__(*args, **kwargs)
        self.packed, self.padded = packed, padded
        self.batch_size, self.most, self.compute = batch_size, most, compute
        self.model_accepts_loss_kwargs = False

    def get_train_dataloader(self):
        """Whole batches, the same on every process; ``training_step`` divides them.

        accelerate's own division would fill up the last batch of an epoch with examples that it has seen already.
        """
        loader = DataLoader(self.train_dataset, self.batch_size, shuffle=True, collate_fn=lambda rows: {"rows": rows})
        return prepare_data_loader(
            loader, num_processes=1, process_index=0, use_seedable_sampler=True, data_seed=self.args.seed
        )

    def training_step(self, model, inputs, num_items_in_batch=None):
        """Forward and backward of a batch, part by part; its mean loss over the answer tokens, by weight.

        Where the memory does not suffice for a part, the step begins anew with parts of half the size.
        """
        model.train()
        loss, begin = None, random_states(self.args.device)
        while loss is None:
            try:
                loss = self.in_parts(model, inputs["rows"])
            except (RuntimeError, MemoryError) as e:
                if not out_of_memory(e):
                    raise
            if loss is None:  # outside the handler, which would keep the failed part's tensors alive
                self.halve(model, turns_of(inputs["rows"]))
                begin()
        mean = self.accelerator.reduce(loss.clone(), "mean").item()
        if not math.isfinite(mean):  # seen by all processes alike, before the weights change
            raise UserError(
                f"step {self.state.global_step + 1}: the loss is {mean}; lower --learning_rate "
                f"or give --dtype float32, and --overwrite"
            )
        return loss

    def in_parts(self, model, rows) -> torch.Tensor:
        """The loss of this process's share of a batch, whose gradients are added up, as its part of the whole's mean.

        The processes' gradients are averaged, so that it is the weighted sum over its share's tokens, times the
        processes, over the weighted number of all tokens. Only the last part's backward exchanges gradients.
        """
        inner = self.accelerator.unwrap_model(model)
        base = base_of(inner)
        own = rows[ranks.rank() :: ranks.world()]
        # A process without a share runs something too: the others wait for its gradients.
        own, times = (own, ranks.world()) if own else (rows[:1], 0)
        parts = divided(turns_of(own), self.most, self.packed, self.padded)
        scale, total = times / weighted_tokens(turns_of(rows)), 0

        for number, part in enumerate(parts, 1):
            last = number == len(parts)
            with contextlib.nullcontext() if last else self.accelerator.no_sync(model):
                loss = scale * ranks.as_forward(model, inner, lambda part=part: self.summed(base, part))
                self.accelerator.backward(loss)
            total = total + loss.detach()
        return total

    def summed(self, base, part) -> torch.Tensor:
        """The weighted sum of the losses of a part's answers."""
        with torch.autocast(base.device.type, dtype=self.compute, enabled=self.compute != torch.float32):
            return answer_loss(base, part, self.packed, "sum", self.padded)

    def estimate(self) -> memory.Estimate:
        """What the fine-tune will take at its peak."""
        base, rows = base_of(self.model), turns_of(self.train_dataset)
        share = -(-self.batch_size // ranks.world()) * -(-len(rows) // len(self.train_dataset))
        base.train()
        return memory.estimate(
            base, rows, self.most, share, self.packed, self.padded, lambda part: self.summed(base, part).backward()
        )

    def halve(self, model, turns) -> None:
        """Take parts of half the size from now on, and forget the gradients of the parts that did fit.

        Raises:
            UserError: a part is one example already, or other processes wait in the middle of the step.
        """
        longest = max(len(row["input_ids"]) for row in turns)
        step = f"step {self.state.global_step + 1}: out of memory"
        less = "give --gradient_checkpointing, --dtype bfloat16, a smaller --lora_r or a smaller model"
        if ranks.world() > 1:
            raise UserError(f"{step} with parts of {self.most} tokens; give --micro_batch_tokens {self.most // 2}")
        if self.most <= longest:
            raise UserError(f"{step} with one example ({longest} tokens); {less}; what is done stays on disk")
        model.zero_grad(set_to_none=True)
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        self.most = max(longest, min(self.most, run_tokens(turns, self.packed, self.padded)) // 2)
        ranks.say(f"Out of memory in a step: going on with at most {self.most} tokens at a time (--micro_batch_tokens)")


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
