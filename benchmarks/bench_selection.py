"""build_rait_data.py as a whole: its time and its memory, by the number of records in the two state files.

The states are made up, with ten samples a question as run_query_state.py writes them; D_van and D_idk are small, so
that the model has little to do and the records show.

Examples:
  python benchmarks/bench_selection.py
  python benchmarks/bench_selection.py --records 2000 20000 --n_van 4000 --n_idk 1000
"""

import argparse
import itertools
import json
import runpy
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace

import common
import numpy as np
import torch

from knowledge_boundary import cli, options
from knowledge_boundary.knowledge import conflict, selection
from knowledge_boundary.running import journal, results
from knowledge_boundary.running.errors import UserError

SCRIPT = Path(__file__).resolve().parents[1] / "build_rait_data.py"
# What the stage's time goes into: the functions that do it.
PHASES = {
    "reading": [(cli, "read_state"), (journal, "sha256_file")],
    "selecting": [(selection, "join"), (selection, "sizes"), (selection, "select"), (selection, "summarise")],
    "representing": [(cli, "load_model"), (conflict, "cached_representations"), (conflict, "find_nearest")],
    "writing": [(journal.Run, "finish")],
}
# Answers of any model: some with characters that take two or four bytes each in memory, and their whole text with them.
WRONG = ["I am not sure", "Kraków", "the river of that name", "北京", "42", "", "It is known for 🙂", "none of these"]


def arguments():
    """The benchmark's flags."""
    parser = cli.Parser(__doc__)
    options.add_model_arguments(parser)
    group = parser.add_argument_group("benchmark")
    group.add_argument("--records", type=options.positive, nargs="+", default=[20000, 100000, 200000])
    group.add_argument("--n_van", type=options.positive, default=150)
    group.add_argument("--n_idk", type=options.positive, default=150)
    group.add_argument("--seed", type=int, default=0)
    common.add_batch_tokens(parser)
    # Internal: run the stage with these flags in this process, which measures it.
    group.add_argument("--stage", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    return parser.parse_args()


def write_state(path: Path, about: dict, n: int, known: np.ndarray, generator) -> None:
    """A state file of ``n`` open questions, answered right as often as ``known`` [n] says.

    Args:
        path: the file.
        about: the model, as ``loading.describe`` gives it.
        n: questions.
        known: their chances of a right answer.
        generator: of the answers.
    """
    wrong = [{"text": text, "correct": False} for text in WRONG]
    records = []
    for i, right in enumerate(generator.binomial(10, known).tolist()):
        answer = {"text": f"Port {i}", "correct": True}
        samples = [answer] * right + [wrong[j] for j in generator.integers(0, len(wrong), 10 - right)]
        records.append(
            {
                "id": f"harbours_{i % 20}/train/{i // 20}",
                "subject": f"harbours_{i % 20}",
                "question": f"Which harbour did the ship number {i} of the northern line call at first?",
                "choices": None,
                "answer": answer["text"],
                "aliases": [f"Port of {i}"],
                "cor": right / 10,
                "cer": generator.uniform(0.2, 1),
                "samples": samples,
                "greedy": answer if right > 5 else wrong[i % len(wrong)],
            }
        )
    asked = {"estimator": "sample", "num_samples": 10, "temperature": 1.0, "num_shots": 3}
    dataset = {"name": "harbours", "split": "train", "n": n, "skipped": 0, "sha256": f"{n}"}
    meta = {"stage": "run_query_state", "args": asked, "model": about, "dataset": dataset}
    results.write_json(path, {"meta": meta, "summary": {}, "records": records})


def clocked(function, spent: dict, phase: str):
    """``function``, its seconds added to ``spent[phase]``."""

    def run(*args, **options):
        start = time.perf_counter()
        result = function(*args, **options)
        spent[phase] += time.perf_counter() - start
        return result

    return run


def run_stage(flags) -> None:
    """Run the stage in this process; the last line that it prints is the JSON of its phases' seconds and its memory."""
    spent = dict.fromkeys(PHASES, 0.0)
    for phase, functions in PHASES.items():
        for owner, name in functions:
            setattr(owner, name, clocked(getattr(owner, name), spent, phase))
    sys.argv = [SCRIPT.name, *flags]
    runpy.run_path(str(SCRIPT), run_name="__main__")
    peak = common.status_bytes("VmHWM") if Path("/proc/self/status").exists() else None
    print(json.dumps({"phases": spent, "peak_bytes": peak}))


def measure(args, about: dict, n: int, folder: Path) -> dict:
    """The stage on ``n`` questions, in a process of its own."""
    generator = np.random.default_rng(args.seed)
    known = generator.beta(0.5, 0.7, n)
    states = {"--state_init": about, "--state_rehearsal": about | {"fingerprint": "rehearsed"}}
    flags = ["--model", about["path"], "--dtype", about["dtype"], "--device", about["device"]]
    flags += ["--batch_tokens", args.batch_tokens, "--seed", args.seed, "--method", "all", "--n_van", args.n_van]
    flags += ["--n_idk", args.n_idk, "--output_dir", folder, *["--trust_remote_code"] * args.trust_remote_code]
    for flag, model in states.items():
        path = folder / f"{flag[2:]}.json"
        write_state(path, model, n, known, generator)
        flags += [flag, path]
    print(f"  {n} records: two files of {path.stat().st_size / common.MB:.0f} MB", flush=True)
    start = time.perf_counter()
    command = [sys.executable, __file__, "--stage", *map(str, flags)]
    done = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise UserError(f"--records {n}: {SCRIPT.name} ended with exit code {done.returncode}")
    return {"seconds": time.perf_counter() - start, **json.loads(done.stdout.splitlines()[-1])}


def growth(peaks: dict) -> list:
    """[(from, to, bytes that each further record takes)] between neighbouring sizes of {records: peak bytes}."""
    return [(a, b, (peaks[b] - peaks[a]) / (b - a)) for a, b in itertools.pairwise(sorted(peaks))]


def main():
    """Measure every size; print the table, what a record takes, and the JSON line."""
    args = arguments()
    if args.stage:
        return run_stage(args.stage)
    about = cli.describe_model(args)
    figures = {}
    for n in args.records:
        with tempfile.TemporaryDirectory() as folder:
            figures[n] = measure(args, about, n, Path(folder))
    rows = []
    for n, found in figures.items():
        peak = "–" if found["peak_bytes"] is None else f"{found['peak_bytes'] / common.MB:.0f} MB"
        phases = (f"{found['phases'][phase]:.1f}" for phase in PHASES)
        rows.append((n, f"{found['seconds']:.1f}", *phases, f"{1e6 * found['seconds'] / n:.0f}", peak))
    title = (
        f"--method all --n_van {args.n_van} --n_idk {args.n_idk}; {about['name']}, {about['dtype']}, {about['device']}"
    )
    common.show_table(title, ("records", "seconds", *PHASES, "µs a record", "peak memory"), rows)
    peaks = {n: found["peak_bytes"] for n, found in figures.items()}
    steps = growth(peaks) if None not in peaks.values() else []
    print()
    for a, b, size in steps:
        print(f"From {a} to {b} records each takes {size / 1000:.2f} KB more.")
    machine = SimpleNamespace(device=torch.device(about["device"]), about=about)
    common.show_json("bench_selection", machine, args, {"sizes": figures, "growth": steps})


if __name__ == "__main__":
    cli.run(main)
