"""Matrix products of few rows with a model's weights, three ways: where sampling's steps spend their time on a CPU.

``linear`` is what the model runs; ``reversed`` is the same product the other way round, W xᵀ; ``packed`` is oneDNN's
with weights that were packed before. Weights come from memory, not from a cache: each product takes the next layer's.

Examples:
  python benchmarks/bench_products.py
  python benchmarks/bench_products.py --rows 1,8,64 --threads 1
"""

import argparse
import os

import common
import torch
from torch.nn import functional

from knowledge_boundary import cli, options
from knowledge_boundary.models import loading
from knowledge_boundary.models.families import lm_head


def counts(text: str) -> list:
    """Positive numbers by commas."""
    return [options.positive(n) for n in text.split(",")]


def arguments() -> argparse.Namespace:
    """The benchmark's flags."""
    parser = cli.Parser(__doc__)
    parser.add_argument("--model", default="smollm2", help="folder or hub id; smollm2 (embedded)")
    parser.add_argument("--rows", type=counts, default="1,3,10,20,48,120", help="rows of the products, by commas")
    parser.add_argument("--threads", type=options.positive, default=os.cpu_count())
    parser.add_argument("--rounds", type=options.positive, default=5, help="the fastest round counts")
    return parser.parse_args()


def weights_by_shape(model) -> dict:
    """{name: its weights of all layers} of each kind of linear layer that has weights of a shape of its own."""
    found = {"head": [lm_head(model).weight]}
    for name, module in model.named_modules():
        kind = name.rsplit(".", 1)[-1]
        if isinstance(module, torch.nn.Linear) and module is not lm_head(model):
            found.setdefault(kind, []).append(module.weight)
    shapes = {tuple(own[0].shape): kind for kind, own in reversed(found.items())}
    return {kind: found[kind] for kind in found if kind in shapes.values()}


def ways(weights, x) -> list:
    """The three ways to multiply x [rows, inputs] by the n-th weight."""
    packed, dense = [w.to_mkldnn() for w in weights], x.to_mkldnn()
    return [
        lambda n: functional.linear(x, weights[n]),
        lambda n: (weights[n] @ x.t()).t(),
        lambda n: torch._C._nn.mkldnn_linear(dense, packed[n], None),
    ]


def fastest(lm, product, count: int, rounds: int) -> float:
    """Milliseconds of one of ``count`` products, in the fastest round but the first."""
    taken = [common.seconds_of(lm, lambda: [product(n) for n in range(count)])[0] for _ in range(rounds + 1)]
    return min(taken[1:]) / count * 1e3


def main():
    """Time every way; print the table."""
    args = arguments()
    torch.set_num_threads(args.threads)
    about = loading.describe(args.model, dtype="float32", device="cpu")
    lm, table = loading.load(args.model, about), []
    with torch.no_grad():
        for kind, weights in weights_by_shape(lm.model).items():
            for rows in args.rows:
                x = torch.randn(rows, weights[0].shape[1])
                taken = [fastest(lm, product, len(weights), args.rounds) for product in ways(weights, x)]
                name = f"{kind} {' × '.join(map(str, weights[0].shape))}"
                table.append((name, rows, *(f"{t:.2f}" for t in taken)))
    columns = ("weights", "rows", "linear, ms", "reversed, ms", "packed, ms")
    common.show_table(f"{about['name']}, float32, {args.threads} threads, CPU", columns, table)


if __name__ == "__main__":
    cli.run(main)
