"""What the benchmarks share: peers in turn, the arithmetic limit, peak memory, tables and the JSON line.

Imported first by every benchmark, it makes the repository's package importable from anywhere.
"""

import argparse
import gc
import json
import os
import platform
import subprocess
import sys
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import torch

from knowledge_boundary import cli, options
from knowledge_boundary.engine import packing
from knowledge_boundary.models import families
from knowledge_boundary.running import journal, results
from knowledge_boundary.running.errors import UserError

MB = 1e6
# The kinds of world_facts questions that quickstart.sh trains on.
KINDS = "country_capital,country_currency,country_continent,city_country,element_symbol,symbol_element"


def add_arguments(parser, peers) -> None:
    """The flags of a benchmark that runs a model; ``peers`` are the names that ours is compared with."""
    options.add_model_arguments(parser)
    add_run_arguments(parser, peers)


def add_run_arguments(parser, peers) -> None:
    """The flags that all benchmarks have."""
    group = parser.add_argument_group("benchmark")
    group.add_argument("--peers", default=",".join(peers), help="comma-separated; ours always runs")
    group.add_argument(
        "--rounds", type=options.positive, default=3, help="times that each peer runs, in turn with the others"
    )
    group.add_argument("--seed", type=int, default=0)
    # Internal: measure the peak memory of one peer, in a process in which no other has run.
    group.add_argument("--memory_only", help=argparse.SUPPRESS)
    parser.set_defaults(known_peers=tuple(peers))


def add_batch_tokens(parser) -> None:
    """--batch_tokens as the stages have it."""
    parser.add_argument(
        "--batch_tokens", type=options.positive, help="tokens of a pass at most; default: as the stages'"
    )


def chosen_peers(args) -> list:
    """The names of the peers to run, ours last.

    Raises:
        UserError: a name that is none.
    """
    names = [name for name in args.peers.split(",") if name and name != "ours"]
    unknown = [name for name in names if name not in args.known_peers]
    if unknown:
        raise UserError(f"--peers {unknown[0]}: one of {', '.join(args.known_peers)} is expected")
    return [*names, "ours"]


def load(args):
    """The model of the command line, as the stages load it.

    The model has been run: the first run is slower, and takes memory that stays. Its ``about`` gets the two figures
    that others are measured by, before any adapter is added to it.
    """
    lm = cli.load_model(args, cli.describe_model(args, trains="batch_tokens" not in args))
    lm.about["non_embedding_parameters"] = non_embedding_parameters(lm.model)
    lm.about["weights_bytes"] = sum(p.numel() * p.element_size() for p in lm.model.parameters())  # tied ones once
    with torch.inference_mode():
        lm.model(torch.tensor([lm.encode("What is the capital of France?")], device=lm.device))
    return lm


def synchronise(lm) -> None:
    """Wait for the accelerator."""
    if lm.device.type == "cuda":
        torch.cuda.synchronize()


def seconds_of(lm, run) -> tuple:
    """(seconds, result) of ``run()``."""
    synchronise(lm)
    start = time.perf_counter()
    result = run()
    synchronise(lm)
    return time.perf_counter() - start, result


def matrix_rate(lm, repeats: int = 5) -> float:
    """GFLOP/s of a large square matrix product in the model's dtype on its device: the best of ``repeats``."""
    n = 8192 if lm.device.type == "cuda" else 2048
    dtype = families.DTYPES[lm.about["dtype"]]
    a, b = (torch.randn(n, n, device=lm.device).to(dtype) for _ in range(2))
    a @ b
    return max(2 * n**3 / seconds_of(lm, lambda: a @ b)[0] / 1e9 for _ in range(repeats))


def in_turn(lm, passes: dict, rounds: int) -> tuple[dict, dict, float]:
    """Run every pass once a round, A B C A B C …, so that the machine's moods fall on all of them.

    Args:
        lm: the model.
        passes: {name: function of the round's number}.
        rounds: how often.

    Returns:
        ({name: [seconds of each round]}, {name: [result of each round]}, median of the rounds' matrix rates in GFLOP/s)
    """
    seconds, found, rates = {name: [] for name in passes}, {name: [] for name in passes}, []
    for i in range(rounds):
        rates.append(matrix_rate(lm))
        for name, run in passes.items():
            taken, result = seconds_of(lm, lambda run=run, i=i: run(i))
            seconds[name].append(taken)
            found[name].append(result)
            print(f"  round {i + 1} of {rounds}: {name} {taken:.1f} s", flush=True)
    return seconds, found, median(rates)


def rate(count: float, seconds: list) -> dict:
    """``count`` a second: median, least and most over the rounds."""
    rates = [count / s for s in seconds]
    return {"median": median(rates), "min": min(rates), "max": max(rates)}


def share_of_limit(lm, tokens: float, seconds: list, gflops: float, passes: int = 1) -> float:
    """The arithmetic of ``tokens`` (2 × non-embedding parameters × ``passes`` each) over what the device could do."""
    return tokens * 2 * passes * lm.about["non_embedding_parameters"] / median(seconds) / (gflops * 1e9)


def non_embedding_parameters(model) -> int:
    """Parameters that are neither in the token embedding nor in the LM head."""
    outside = {
        id(p) for layer in (model.get_input_embeddings(), model.get_output_embeddings()) for p in layer.parameters()
    }
    return sum(p.numel() for p in model.parameters() if id(p) not in outside)


def unique_tokens(sequences) -> int:
    """Nodes of the sequences' tree: what is left to run when no beginning is run twice."""
    tree = packing.Tree()
    for sequence in sequences:
        tree.add(sequence)
    return len(tree)


def memory_in_use(lm) -> int:
    """Bytes in use: of the GPU, or of the process."""
    gc.collect()
    return torch.cuda.memory_allocated() if lm.device.type == "cuda" else status_bytes("VmRSS")


def peak_memory(lm, run) -> int:
    """The most bytes in use while ``run()`` runs."""
    if lm.device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
        run()
        return torch.cuda.max_memory_allocated()
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    run()
    return status_bytes("VmHWM")


def status_bytes(field: str) -> int:
    """A size in /proc/self/status, in bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{field}:"))


def memory_in_fresh_process(name: str, *flags):
    """The JSON that this very command prints with ``--memory_only NAME`` and ``flags``; None if it fails."""
    print(f"  peak memory of {name}, in a process of its own", flush=True)
    if platform.system() != "Linux":
        print("  not measured: there is no /proc/self/clear_refs")
        return None
    command = [sys.executable, *sys.argv, "--memory_only", name, *flags]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        print(f"  not measured: exit code {done.returncode}")
        return None
    return json.loads(done.stdout.splitlines()[-1])


def machine(lm, packages=()) -> dict:
    """Where the figures come from: processor, threads, model, versions, commit."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    versions = journal.package_versions()
    for package in packages:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            versions[package] = None
    return {
        "cpu": names[0] if names else platform.processor(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "gpu": torch.cuda.get_device_name() if lm.device.type == "cuda" else None,
        "model": lm.about,
        "versions": versions,
        "git_commit": journal.git_commit(),
    }


def spread(figures: dict) -> str:
    """A rate as tables show it: the median and, where there were several rounds, the least and the most."""
    return "{median:.2f} [{min:.2f}–{max:.2f}]".format(**figures)


def memory_text(peak, lm) -> str:
    """Bytes over the loaded model as tables show them: in MB, and as a share of the weights."""
    return "–" if peak is None else f"{peak / MB:.0f} MB, {peak / lm.about['weights_bytes']:.0%}"


def show_table(title: str, columns, rows) -> None:
    """Print a Markdown table."""
    lines = [list(columns), *([str(cell) for cell in row] for row in rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(columns))]
    lines.insert(1, ["-" * w for w in widths])
    print(f"\n**{title}**\n")
    for line in lines:
        print("| " + " | ".join(cell.ljust(w) for cell, w in zip(line, widths, strict=True)) + " |")


def show_json(benchmark: str, lm, args, figures, packages=()) -> None:
    """Print the run's one JSON line."""
    flags = {k: v for k, v in vars(args).items() if k not in ("known_peers", "memory_only")}
    line = {"benchmark": benchmark, "machine": machine(lm, packages), "args": flags, "results": figures}
    print("\n" + json.dumps(results.clean(line), ensure_ascii=False, allow_nan=False))
