"""Examples a second of refusal-aware fine-tuning with LoRA: ours, the plain padded step, LMFlow; the same examples.

Peers:
  lmflow  LMFlow's own run (LMFLOW_DIR, LMFLOW_PYTHON), block size that of the longest example; left out without
  plain   one right-padded batch of whole examples a step, the loss of the model's own forward pass on its labels
Of LMFlow the seconds that it reports itself count (train_runtime: loading and tokenising are not in it); it shuffles
the examples into batches of its own. The others take the same optimiser steps from the same weights: loss, backward,
clipping, AdamW. The examples are world_facts' training questions in the refusal prompt; every second one (after a
shuffle by the seed) keeps its answer, the others are answered "I don't know.", as D_van and D_idk are. LoRA, rates and
batch are those of quickstart.sh.

Examples:
  python benchmarks/bench_training.py
  python benchmarks/bench_training.py --batch_size 8 --steps 4 --rounds 1
"""

import json
import random

import common
import lmflow_peer
import numpy as np
import torch

from knowledge_boundary import cli, options
from knowledge_boundary.engine import exactness
from knowledge_boundary.engine.loss import answer_loss, tokenise, turns_of
from knowledge_boundary.questions import readers
from knowledge_boundary.running.errors import UserError
from knowledge_boundary.training.adapters import add_lora
from knowledge_boundary.training.examples import example
from knowledge_boundary.training.settings import TrainingSettings
from knowledge_boundary.wording import phrases


def arguments():
    """The benchmark's flags."""
    parser = cli.Parser(__doc__)
    common.add_arguments(parser, ("lmflow", "plain"))
    group = parser.add_argument_group("data")
    group.add_argument("--dataset", default="world_facts")
    group.add_argument("--split", default="train")
    group.add_argument("--subjects", help="comma-separated; default: the six kinds of quickstart.sh")
    group.add_argument("--limit", type=options.positive, default=50, help="questions per subject")
    group.add_argument("--steps", type=options.positive, default=5, help="optimiser steps a round")
    group = parser.add_argument_group("training")
    group.add_argument("--lora_r", type=options.natural, default=32, help="LoRA rank; 0 trains all weights")
    group.add_argument("--lora_alpha", type=options.positive, default=32)
    group.add_argument("--learning_rate", type=float, default=2e-4)
    group.add_argument("--batch_size", type=options.positive, default=16)
    parser.set_defaults(lora_dropout=0.0)  # as quickstart.sh; with dropout the two would draw different masks
    args = parser.parse_args()
    if args.dataset == "world_facts":
        args.subjects = args.subjects or common.KINDS
    return args


def batches_of(lm, args) -> tuple[list, list]:
    """Batches of tokenised examples, and the (prompt, answer) texts of them all."""
    asked = readers.load(args.dataset, args.split, subjects=args.subjects, limit=args.limit).questions
    random.Random(args.seed).shuffle(asked)
    examples = [
        example(lm.format, q, "refuse", "craft", q.answer if i % 2 == 0 else phrases.REFUSAL)
        for i, q in enumerate(asked)
    ]
    rows = turns_of(tokenise(lm, examples))
    if len(rows) < args.steps * args.batch_size:
        raise UserError(f"--steps {args.steps}: {len(rows)} examples are fewer than {args.steps} × {args.batch_size}")
    batches = [rows[i * args.batch_size : (i + 1) * args.batch_size] for i in range(args.steps)]
    return batches, examples[: args.steps * args.batch_size]


def plain_loss(model, rows) -> torch.Tensor:
    """The loss of a right-padded batch of whole examples, as the model's own forward pass computes it."""
    longest = max(len(r["input_ids"]) for r in rows)
    ids = torch.zeros(len(rows), longest, dtype=torch.long)
    mask, labels = torch.zeros_like(ids), torch.full_like(ids, -100)
    for i, r in enumerate(rows):
        n = len(r["input_ids"])
        ids[i, :n], mask[i, :n] = torch.tensor(r["input_ids"]), 1
        labels[i, r["start"] : n] = ids[i, r["start"] : n]
    return model(ids.to(model.device), attention_mask=mask.to(model.device), labels=labels.to(model.device)).loss


def losses_of(model, shared, padded) -> dict:
    """{peer: function of a batch that gives its loss}; ours as ``training.trainer`` calls it."""
    inner = model.get_base_model() if hasattr(model, "get_base_model") else model
    return {
        "plain": lambda rows: plain_loss(model, rows),
        "ours": lambda rows: answer_loss(inner, rows, shared, padded=padded),
    }


def trained(model) -> list:
    """The parameters that are trained."""
    return [p for p in model.parameters() if p.requires_grad]


def steps(model, start, batches, loss_of, args) -> list:
    """The losses of one optimiser step after another, from the weights ``start``."""
    parameters = trained(model)
    with torch.no_grad():
        for p, value in zip(parameters, start, strict=True):
            p.copy_(value)
    optimiser = torch.optim.AdamW(parameters, lr=args.learning_rate, weight_decay=0.0)
    losses = []
    for rows in batches:
        loss = loss_of(rows)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimiser.step()
        optimiser.zero_grad()
        losses.append(loss.item())
    return losses


def loss_and_gradient(model, rows, loss_of) -> tuple[float, torch.Tensor]:
    """Loss and gradient (one vector) of a batch at the model's present weights."""
    loss = loss_of(rows)
    loss.backward()
    gradient = torch.cat([p.grad.flatten().double() for p in trained(model)])
    model.zero_grad()
    return loss.item(), gradient


def measure(lm, model, batches, examples, shared, args, peers) -> dict:
    """All figures, peer by peer."""
    losses, start = losses_of(model, shared, lm.padded), [p.detach().clone() for p in trained(model)]
    sizes = [len(r["input_ids"]) for rows in batches for r in rows]
    unique = sum(common.unique_tokens(r["input_ids"] for r in rows) for rows in batches)
    print(f"{len(sizes)} examples in {len(batches)} batches, {sum(sizes)} tokens, {unique} of them unique", flush=True)
    passes = {peer: lambda i, peer=peer: steps(model, start, batches, losses[peer], args) for peer in peers}
    if "lmflow" in peers:
        passes["lmflow"] = lambda i: lmflow_peer.run(examples, args)
    seconds, found, gflops = common.in_turn(lm, passes, args.rounds)
    runs = found.get("lmflow", [])
    if runs:
        seconds["lmflow"] = [run["train_seconds"] for run in runs]
        found["lmflow"] = [run["losses"] for run in runs]
        print(f"  of which LMFlow's own training loop: {', '.join(f'{s:.1f} s' for s in seconds['lmflow'])}")
    # At weights that have been trained: at the start the gradient of LoRA's first matrices is 0.
    reference = loss_and_gradient(model, batches[0], losses["plain"])
    figures = {"examples": len(sizes), "tokens": sum(sizes), "unique_tokens": unique}
    figures |= {"gflops": gflops, "trained_parameters": sum(map(torch.numel, start)), "peers": {}}
    figures["lmflow"] = {k: runs[0][k] for k in ("lmflow", "settings")} if runs else None
    for peer in peers:
        differences = (None, None)
        if peer in losses:
            loss, gradient = loss_and_gradient(model, batches[0], losses[peer])
            differences = abs(loss / reference[0] - 1), float((gradient - reference[1]).norm() / reference[1].norm())
        # Forward, and the gradient of what flows through; frozen weights have none of their own.
        arithmetic = 2 if args.lora_r else 3
        figures["peers"][peer] = {
            "examples_per_second": common.rate(len(sizes), seconds[peer]),
            "tokens_per_second": common.rate(sum(sizes), seconds[peer]),
            "ours_is_faster_by": np.median(seconds[peer]) / np.median(seconds["ours"]),
            "losses": found[peer][-1],
            "loss_difference": differences[0],
            "gradient_difference": differences[1],
            "share_of_limit": common.share_of_limit(
                lm, unique if peer == "ours" else sum(sizes), seconds[peer], gflops, arithmetic
            ),
            "peak_bytes": None,
        }
    return figures


def main():
    """Measure, then the memory; print the table and the JSON line."""
    args = arguments()
    peers = common.chosen_peers(args)
    if "lmflow" in peers and not lmflow_peer.available():
        print("lmflow: left out, LMFLOW_DIR names no checkout (bash finetune.sh --setup-lmflow)", flush=True)
        peers.remove("lmflow")
    lm = common.load(args)
    batches, examples = batches_of(lm, args)
    shared = exactness.check(lm, [prompt + answer for prompt, answer in examples], trains=True)
    torch.manual_seed(args.seed)
    model = add_lora(lm.model, TrainingSettings(args.lora_r, args.lora_alpha, args.lora_dropout)).train()
    if args.memory_only:
        before = common.memory_in_use(lm)
        start = [p.detach().clone() for p in trained(model)]
        loss_of = losses_of(model, shared, lm.padded)[args.memory_only]
        return print(json.dumps(common.peak_memory(lm, lambda: steps(model, start, batches, loss_of, args)) - before))
    figures = measure(lm, model, batches, examples, shared, args, peers)
    for peer in [peer for peer in peers if peer != "lmflow"]:
        figures["peers"][peer]["peak_bytes"] = common.memory_in_fresh_process(peer)
    show(lm, args, figures)


def difference(value) -> str:
    """A relative difference as the table shows it."""
    return "–" if value is None else f"{value:.1e}"


def show(lm, args, figures) -> None:
    """The table and the JSON line."""
    columns = (
        "peer", "examples/s", "tokens/s", "ours is faster by", "loss differs by", "gradient differs by",
        "share of limit", "peak memory",
    )  # fmt: skip
    title = f"{figures['examples']} examples, batch {args.batch_size}, {figures['tokens']} tokens, "
    title += f"{figures['unique_tokens']} unique; {lm.about['name']}, LoRA r {args.lora_r}, {lm.about['dtype']}, "
    title += f"{lm.about['device']}, {figures['gflops']:.0f} GFLOP/s"
    rows = [
        (
            peer, common.spread(p["examples_per_second"]), common.spread(p["tokens_per_second"]),
            f"{p['ours_is_faster_by']:.2f} ×", difference(p["loss_difference"]), difference(p["gradient_difference"]),
            f"{p['share_of_limit']:.0%}", common.memory_text(p["peak_bytes"], lm),
        )
        for peer, p in figures["peers"].items()
    ]  # fmt: skip
    common.show_table(title, columns, rows)
    common.show_json("bench_training", lm, args, figures)


if __name__ == "__main__":
    cli.run(main)
