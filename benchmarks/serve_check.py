"""A served model beside the same weights here: Cor and Cer question by question, by run_query_state.py on both.

Multiple choice by the letters' exact probabilities; open questions by many samples, whose Cor differs by the draws
alone: how often by more than 2.58 standard errors is said, where 1 % would be by chance.

Examples:
  bash benchmarks/serve.sh vllm models/smollm2 -- python benchmarks/serve_check.py
  bash benchmarks/serve.sh vllm models/mine -- python benchmarks/serve_check.py --weights models/mine --limit 20
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import common
import numpy as np

from knowledge_boundary import cli, options

ROOT = Path(__file__).resolve().parents[1]
TAU = 0.5  # what parts known questions from others


def arguments():
    """The check's flags."""
    parser = cli.Parser(__doc__)
    parser.add_argument("--weights", default="smollm2", help="the same model, loaded here")
    parser.add_argument("--model", default="openai:", help="the served one, of OPENAI_BASE_URL")
    parser.add_argument("--limit", type=options.positive, default=8, help="questions per kind, of six kinds")
    parser.add_argument("--num_samples", type=options.positive, default=100)
    parser.add_argument("--dtype", default="auto", help="of the weights here; give the server the same")
    return parser.parse_args()


def asked_of(model, folder, *flags) -> list:
    """The records of a state query."""
    command = [sys.executable, ROOT / "run_query_state.py", "--model", model, "--output_dir", folder, *flags]
    subprocess.run(list(map(str, command)), check=True, stdout=subprocess.DEVNULL, cwd=folder)
    return json.loads(Path(folder, "state_init.json").read_text(encoding="utf-8"))["records"]


def pair(args, *flags) -> list:
    """(served, here) records of the same questions."""
    found = []
    for model, own in ((args.model, []), (args.weights, ["--dtype", args.dtype])):
        with tempfile.TemporaryDirectory() as folder:
            where = model if model.startswith("openai:") or not Path(model).exists() else Path(model).resolve()
            found.append(asked_of(where, folder, *flags, "--limit", args.limit, *own))
    return found


def both(served, here, key: str) -> np.ndarray:
    """A field of the records [2, questions]."""
    return np.array([[r[key] for r in found] for found in (served, here)])


def letters_row(args, name: str, *flags) -> tuple:
    """The table's row of multiple choice asked in one way."""
    kinds = ["--dataset", "world_facts_mc", "--split", "test", "--subjects", common.KINDS]
    served, here = pair(args, *kinds, *flags)
    cors, n = both(served, here, "cor"), len(here)
    off = [f"{np.abs(np.diff(both(served, here, key), axis=0)).max():.0e} at most" for key in ("cor", "cer")]
    same = sum(one["prediction"] == other["prediction"] for one, other in zip(served, here, strict=True))
    side = int(np.sum((cors[0] >= TAU) == (cors[1] >= TAU)))
    return name, n, *off, f"{side} of {n}", f"{same} of {n} predictions"


def open_row(args, name: str, *flags) -> tuple:
    """The table's row of open questions asked in one way."""
    kinds = ["--dataset", "world_facts", "--split", "train", "--subjects", common.KINDS]
    served, here = pair(args, *kinds, *flags, "--num_samples", args.num_samples, "--max_new_tokens", 16)
    cors, n = both(served, here, "cor"), len(here)
    mean = cors.mean(0)
    error = np.sqrt(2 * mean * (1 - mean) / args.num_samples)
    far = int(np.sum(np.abs(cors[0] - cors[1]) > 2.58 * error + 1e-9))
    clear = np.abs(mean - TAU) > 2.58 * error / 2  # the draws leave no doubt on which side they are
    side = int(np.sum(((cors[0] >= TAU) == (cors[1] >= TAU))[clear]))
    off = [f"{np.abs(np.diff(both(served, here, key), axis=0)).mean():.3f} on average" for key in ("cor", "cer")]
    greedy = sum(one["greedy"]["text"] == other["greedy"]["text"] for one, other in zip(served, here, strict=True))
    return name, n, *off, f"{side} of {int(clear.sum())}", f"{greedy} of {n} greedy answers; {far} Cor beyond"


def main():
    """Ask both in four ways, print the table."""
    args = arguments()
    chat = ["--num_shots", 0, "--chat_template"]
    ways = [
        (letters_row, "letters, 5 shots", ["--num_shots", 5]),
        (letters_row, "letters, chat", chat),
        (open_row, "open, 3 shots", ["--num_shots", 3]),
        (open_row, "open, chat", chat),
    ]
    rows = []
    for row, name, flags in ways:
        rows.append(row(args, name, *flags))
        print(*rows[-1], sep=" | ", flush=True)
    columns = ("questions", "n", "Cor differs by", "Cer differs by", f"same side of τ = {TAU}", "the same")
    title = f"{args.model} beside {args.weights}; open questions by {args.num_samples} samples"
    common.show_table(title, columns, rows)


if __name__ == "__main__":
    cli.run(main)
