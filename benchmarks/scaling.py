"""What the 14,042 five-shot questions of MMLU's test split cost a 3B, a 7B and a 70B model: memory and time, computed.

Nothing is run: the share of the arithmetic limit is a flag, to be taken from a measurement on the device in question.

Examples:
  python benchmarks/scaling.py --share 0.5
  python benchmarks/scaling.py --share 0.3 --tflops 312 --batch_tokens 8192
  python benchmarks/scaling.py --dataset data/MMLU      # counts the tokens anew, with the tokenizer of --tokenizer
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import model_sizes

from knowledge_boundary import cli, options
from knowledge_boundary.asking import prompts
from knowledge_boundary.engine import packing
from knowledge_boundary.models import loading
from knowledge_boundary.questions import readers
from knowledge_boundary.questions.records import by_subject
from knowledge_boundary.running.errors import UserError
from knowledge_boundary.training.sizes import sizes

QUESTIONS, SUBJECTS = 14042, 57  # MMLU's test split (Hendrycks et al. 2021)
# Printed by --dataset with the original release's CSV files of 20 subjects, SmolLM2's tokenizer, 5 shots.
COUNTED = {"subjects": 20, "questions": 4485, "prefix": 584.9, "own": 69.0, "whole": 669.8, "longest": 2495}

NAMES = ("openlm-research/open_llama_3b", "Qwen/Qwen2.5-7B", "meta-llama/Meta-Llama-3-70B")


def arguments():
    """The flags."""
    parser = cli.Parser(__doc__)
    parser.add_argument("--share", type=options.fraction, default=0.5, help="of the arithmetic limit that is reached")
    parser.add_argument("--tflops", type=float, default=989, help="the device's peak; default: H100, bfloat16, dense")
    parser.add_argument("--processes", type=options.positive, nargs="+", default=[1, 8])
    parser.add_argument("--batch_tokens", type=options.positive, default=16384, help="as the stages are given it")
    parser.add_argument("--dataset", help="MMLU's folder: count its tokens, instead of the stored counts")
    parser.add_argument("--tokenizer", default="smollm2", help="the model whose tokenizer counts")
    return parser.parse_args()


def count(dataset: str, tokenizer: str) -> dict:
    """Tokens of a data set's five-shot prompts: what each subject shares, and what its questions have of their own.

    What several questions begin with, such as a passage, counts once among the latter.
    """
    words = loading.load_tokenizer(tokenizer, loading.describe(tokenizer, device="cpu"))
    asked = readers.load(dataset, "test")
    groups = by_subject(asked.questions)
    shared, own, whole = [], 0, 0
    for subject, group in groups.items():
        sequences = [words(prompts.letter_prompt(q, asked.shots_of(q, 5))).input_ids for q in group]
        shared.append(packing.shared_length(sequences))
        tree = packing.Tree()
        for ids in sequences:
            tree.add(ids[shared[-1] :])
        own += len(tree)
        whole += sum(map(len, sequences))
        print(f"{subject:<36}{len(group):>6} questions{shared[-1]:>6} shared tokens", file=sys.stderr)
    total = len(asked.questions)
    return {
        "subjects": len(groups), "questions": total, "prefix": round(sum(shared) / len(groups), 1),
        "own": round(own / total, 1), "whole": round(whole / total, 1), "longest": max(shared),
    }  # fmt: skip


def duration(seconds: float) -> str:
    """Seconds as people say them."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def main():
    """Print the table, as Markdown."""
    args = arguments()
    if args.share == 0 or args.tflops <= 0:
        raise UserError("--share and --tflops must be above 0")
    counted = count(args.dataset, args.tokenizer) if args.dataset else COUNTED
    own, shared = QUESTIONS * counted["own"], SUBJECTS * counted["prefix"]
    print(
        f"Counted on {counted['questions']} questions of {counted['subjects']} subjects: {counted['prefix']} shared "
        f"tokens a subject (the longest {counted['longest']}), {counted['own']} own tokens a question, "
        f"{counted['whole']} in a whole prompt."
    )
    print(
        f"So {QUESTIONS} questions of {SUBJECTS} subjects are {(own + shared) / 1e6:.2f} million unique tokens; "
        f"as whole prompts they would be {QUESTIONS * counted['whole'] / 1e6:.2f} million."
    )
    print(f"{args.share:.0%} of {args.tflops:g} TFLOP/s; bfloat16; --batch_tokens {args.batch_tokens}\n")
    times = [f"time, {n} process{'es' * (n > 1)}" for n in args.processes]
    columns = ["model", "parameters", "weights", "+ longest prefix", "+ one batch", *times]
    print(f"| {' | '.join(columns)} |\n|{' --- |' * len(columns)}")
    for name in NAMES:
        m = sizes(model_sizes.config_of(name))
        batch = model_sizes.asking(m, args.batch_tokens, counted["longest"]) - counted["longest"] * m.cache
        parts = (m.weights, counted["longest"] * m.cache, batch)
        cells = [name, f"{m.parameters / 1e9:.2f} B", *(f"{b / 1e9:.1f} GB" for b in parts)]
        for n in args.processes:
            tokens = own / n + shared  # every process may run every prefix
            cells.append(duration(tokens * 2 * m.computing / (args.share * args.tflops * 1e12)))
        print(f"| {' | '.join(cells)} |")


if __name__ == "__main__":
    cli.run(main)
