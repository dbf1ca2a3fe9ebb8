"""Peak memory of an optimiser step against batch × length: whole batches at a time, and parts of bounded size.

Each cell is a process of its own that trains two steps with LoRA, as the stages do, and reads its peak; beside it
stands the peak that the line before a training names. ``ours`` runs parts of bounded size; ``whole`` runs a batch in
one part, however large. The examples are texts of world_facts' questions, one after the other up to the length. On a
CPU glibc keeps much of what is freed; MALLOC_MMAP_THRESHOLD_, unless it is set, makes it give that back (slower).

Examples:
  python benchmarks/bench_memory.py --plot memory.png
  python benchmarks/bench_memory.py --lengths 150 --batches 4 16 --micro_batch_tokens 512
"""

import gc
import itertools
import json
import os
import tempfile
from pathlib import Path

import common
import torch

from knowledge_boundary import cli, options
from knowledge_boundary.engine import exactness
from knowledge_boundary.engine.loss import tokenise
from knowledge_boundary.questions import readers
from knowledge_boundary.reporting import drawing
from knowledge_boundary.training.adapters import add_lora, checkpoint_activations
from knowledge_boundary.training.settings import TrainingSettings
from knowledge_boundary.training.trainer import prepared

WHOLE = 10**9  # tokens of a part that holds any batch


def arguments():
    """The benchmark's flags."""
    parser = cli.Parser(__doc__)
    common.add_arguments(parser, ("whole",))
    group = parser.add_argument_group("training")
    group.add_argument("--batches", type=options.positive, nargs="+", default=[1, 4, 16], help="examples a step")
    group.add_argument("--lengths", type=options.positive, nargs="+", default=[150, 700], help="tokens an example")
    group.add_argument("--lora_r", type=options.natural, default=64)
    group.add_argument("--lora_dropout", type=float, default=0.1)
    group.add_argument("--micro_batch_tokens", type=options.positive, help="of ours; default: as the stages'")
    group.add_argument("--gradient_checkpointing", action="store_true")
    group.add_argument("--plot", help="write the curves as this PNG")
    return parser.parse_args()


def examples_of(lm, batch: int, length: int) -> list:
    """(prompt, answer) pairs of about ``length`` tokens, which share nothing."""
    asked = itertools.cycle(readers.load("world_facts", "train").questions)
    pairs = []
    for question in itertools.islice(asked, batch):
        prompt = question.question
        while len(lm.tokenizer(prompt)["input_ids"]) < length - 8:
            prompt += f" {next(asked).question}"
        pairs.append((f"{prompt}\n", str(question.answer)))
    return pairs


def cell(args, peer: str, batch: int, length: int) -> dict:
    """Train two steps of a cell in this process: ``{peak, estimate, tokens}``, bytes of the whole process."""
    lm = cli.load_model(args, cli.describe_model(args, trains=True))
    examples = examples_of(lm, batch, length)
    shared = exactness.check(lm, [prompt + answer for prompt, answer in examples], trains=True)
    most = WHOLE if peer == "whole" else args.micro_batch_tokens
    settings = TrainingSettings(
        lora_r=args.lora_r, lora_dropout=args.lora_dropout, batch_size=batch, epochs=2, micro_batch_tokens=most,
        gradient_checkpointing=args.gradient_checkpointing, save_steps=100,
    )  # fmt: skip
    torch.manual_seed(args.seed)
    model = add_lora(lm.model, settings)
    if args.gradient_checkpointing:
        checkpoint_activations(model)
    with tempfile.TemporaryDirectory() as out:
        trainer, _, _ = prepared(lm, model, tokenise(lm, examples), settings, Path(out), shared)
        gc.collect()
        found = trainer.estimate()
        trainer.args.save_strategy = "no"
        peak = common.peak_memory(lm, trainer.train)
    return {"peak": peak, "estimate": found.peak, "held": found.held, "tokens": found.step_tokens}


def show(args, lm, figures) -> None:
    """The table, the curves and the JSON line."""
    rows = [
        (f["batch"], f["length"], f["tokens"], f["peer"], f"{f['peak'] / 1e9:.2f}", f"{f['estimate'] / f['peak']:.2f}")
        for f in figures
    ]
    columns = ("batch", "length", "tokens a step", "step", "peak, GB", "estimate over peak")
    common.show_table("Peak memory of the process", columns, rows)
    if args.plot:
        figure, ax = drawing.canvas(3.2)
        for peer in dict.fromkeys(f["peer"] for f in figures):
            points = sorted((f["tokens"], f["peak"] / 1e9) for f in figures if f["peer"] == peer)
            ax.plot(*zip(*points, strict=True), "o-", label=peer)
        ax.set_xlabel("tokens a step")
        ax.set_ylabel("peak memory, GB")
        ax.legend()
        drawing.png(figure, args.plot)
    common.show_json("bench_memory", lm, args, figures, ["peft"])


def main():
    """A process for each cell, then the table and the curves; or one cell."""
    args = arguments()
    if args.memory_only:
        peer, batch, length = args.memory_only.split(",")
        return print(json.dumps(cell(args, peer, int(batch), int(length))))
    os.environ.setdefault("MALLOC_MMAP_THRESHOLD_", str(2**17))
    figures = []
    for batch, length, peer in itertools.product(args.batches, args.lengths, common.chosen_peers(args)):
        found = common.memory_in_fresh_process(f"{peer},{batch},{length}")
        if found:
            figures.append({"batch": batch, "length": length, "peer": peer} | found)
    show(args, common.load(args), figures)


if __name__ == "__main__":
    cli.run(main)
