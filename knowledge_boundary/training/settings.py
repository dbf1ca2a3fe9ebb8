"""The settings of a fine-tune, for every back end alike."""

import math
from dataclasses import dataclass

from ..running.errors import UserError

# Tokens of a step's part by default: on GPUs halved where they don't fit; elsewhere a process would be killed first.
PART_TOKENS = {"cuda": 16384}
FEWER = 2048


@dataclass(frozen=True)
class TrainingSettings:
    """How a model is fine-tuned.

    Attributes:
        lora_r: LoRA's rank; 0 trains all weights.
        lora_alpha: its scale, as a multiple of 1 / rank.
        lora_dropout: share of a layer's inputs that its adapter leaves out.
        lora_target_modules: names of the layers that it adapts, or their ends; None: all linear ones of the text part
            but the head and routers; ("none",): no layers.
        lora_target_parameters: names of parameters that it adapts too, such as experts that are no layers.
        epochs: passes over the examples; may be a fraction.
        learning_rate: the highest one, after the warmup.
        batch_size: examples an optimiser step, over all processes.
        micro_batch_tokens: tokens of a step that run at a time; None: ``PART_TOKENS`` by device.
        gradient_checkpointing: whether activations are computed again in the backward pass.
        warmup_ratio: share of the steps in which the learning rate rises.
        save_steps: optimiser steps between checkpoints.
        seed: of the order, the adapters' first weights and the dropout.
    """

    lora_r: int = 64
    lora_alpha: int = 16
    lora_dropout: float = 0.1
    lora_target_modules: tuple | None = None
    lora_target_parameters: tuple | None = None
    epochs: float = 3
    learning_rate: float = 2e-4
    batch_size: int = 16
    micro_batch_tokens: int | None = None
    gradient_checkpointing: bool = False
    warmup_ratio: float = 0.03
    save_steps: int = 20
    seed: int = 0

    def check(self) -> None:
        """UserError for a setting out of range, by the name of its flag."""
        for name, ok in (
            ("lora_r", self.lora_r >= 0),
            ("epochs", self.epochs > 0),
            ("learning_rate", self.learning_rate > 0),
            ("batch_size", self.batch_size >= 1),
            ("micro_batch_tokens", self.micro_batch_tokens is None or self.micro_batch_tokens >= 1),
            ("save_steps", self.save_steps >= 1),
            ("warmup_ratio", 0 <= self.warmup_ratio <= 1),
            ("lora_dropout", 0 <= self.lora_dropout < 1),
        ):
            if not ok:
                raise UserError(f"--{name} {getattr(self, name)}: out of range")
        if self.lora_r == 0 and (self.lora_target_modules or self.lora_target_parameters):
            raise UserError("--lora_target_modules, --lora_target_parameters: nothing is adapted with --lora_r 0")

    def part_tokens(self, device: str) -> int:
        """Tokens of a step that run at a time on a device of this type."""
        return self.micro_batch_tokens or PART_TOKENS.get(device, FEWER)

    def step_count(self, examples: int) -> int:
        """Optimiser steps of a training on so many examples; the last batch of an epoch may be smaller."""
        return math.ceil(self.epochs * math.ceil(examples / self.batch_size))

    def warmup_steps(self, examples: int) -> int:
        """Optimiser steps of the warmup: passed as a number, which all transformers understand alike."""
        return math.ceil(self.warmup_ratio * self.step_count(examples))
