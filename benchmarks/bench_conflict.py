"""CRSS's highest cosines in blocks, against one matrix of all cosines.

Examples:
  python benchmarks/bench_conflict.py
  python benchmarks/bench_conflict.py --n_van 100000 --n_idk 100000 --peers "" --rounds 1
"""

import json
from statistics import median
from types import SimpleNamespace

import common
import numpy as np
import torch

from knowledge_boundary import cli, options
from knowledge_boundary.knowledge import conflict


def arguments():
    """The benchmark's flags."""
    parser = cli.Parser(__doc__)
    common.add_run_arguments(parser, ("matrix",))
    parser.add_argument("--n_van", type=options.positive, default=20000)
    parser.add_argument("--n_idk", type=options.positive, default=20000)
    parser.add_argument("--dimensions", type=options.positive, default=576, help="of a vector; default: SmolLM2-135M's")
    return parser.parse_args()


def unit_vectors(n, dimensions, generator) -> np.ndarray:
    """Random unit vectors [n, dimensions], float32."""
    vectors = generator.normal(size=(n, dimensions)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def full_matrix(idk, van) -> tuple[np.ndarray, np.ndarray]:
    """What ``conflict.max_similarity`` returns, by way of all cosines at once."""
    cosines = idk @ van.T
    nearest = cosines.argmax(1)
    return cosines[np.arange(len(idk)), nearest], nearest


def main():
    """Measure, then the memory; print the table and the JSON line."""
    args = arguments()
    peers = common.chosen_peers(args)
    generator = np.random.default_rng(args.seed)
    idk, van = (unit_vectors(n, args.dimensions, generator) for n in (args.n_idk, args.n_van))
    machine = SimpleNamespace(device=torch.device("cpu"), about={"dtype": "float32"})  # no model is needed
    ways = {"matrix": full_matrix, "ours": conflict.max_similarity}
    if args.memory_only:
        before = common.memory_in_use(machine)
        return print(json.dumps(common.peak_memory(machine, lambda: ways[args.memory_only](idk, van)) - before))
    passes = {peer: lambda i, peer=peer: ways[peer](idk, van) for peer in peers}
    seconds, found, gflops = common.in_turn(machine, passes, args.rounds)
    best, nearest = found[peers[0]][-1]
    arithmetic = 2 * args.n_idk * args.n_van * args.dimensions
    figures = {"gflops": gflops, "peers": {}}
    for peer in peers:
        own_best, own_nearest = found[peer][-1]
        figures["peers"][peer] = {
            "seconds": {"median": median(seconds[peer]), "min": min(seconds[peer]), "max": max(seconds[peer])},
            "ours_is_faster_by": median(seconds[peer]) / median(seconds["ours"]),
            "max_difference": float(np.abs(own_best - best).max()),
            "same_nearest": float(np.mean(own_nearest == nearest)),
            "share_of_limit": arithmetic / median(seconds[peer]) / (gflops * 1e9),
            "peak_bytes": common.memory_in_fresh_process(peer),
        }
    columns = ("peer", "seconds", "ours is faster by", "max Δcos", "same nearest", "share of limit", "peak memory")
    rows = [
        (
            peer, common.spread(p["seconds"]), f"{p['ours_is_faster_by']:.2f} ×", f"{p['max_difference']:.1e}",
            f"{p['same_nearest']:.4f}", f"{p['share_of_limit']:.0%}",
            "–" if p["peak_bytes"] is None else f"{p['peak_bytes'] / common.MB:.0f} MB",
        )
        for peer, p in figures["peers"].items()
    ]  # fmt: skip
    title = f"{args.n_idk} × {args.n_van} vectors of {args.dimensions} dimensions; float32, cpu, {gflops:.0f} GFLOP/s"
    common.show_table(title, columns, rows)
    common.show_json("bench_conflict", machine, args, figures)


if __name__ == "__main__":
    cli.run(main)
