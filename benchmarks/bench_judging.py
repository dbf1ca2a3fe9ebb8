"""How often judging agrees with a person, and how long it takes.

Agreement is with the labels of tests/judging/pairs: those that judging was tuned on, and two sets that it is
only measured on, one of hard cases and one of plain ones. Timed are 100,000 answers on one core, and answers of
8,000 characters. The answers are those of the pairs, each with a remark of its own behind it, so that no cache
knows them.

Examples:
  python benchmarks/bench_judging.py
  python benchmarks/bench_judging.py --answers 10000
"""

import itertools
import json
import statistics
import time
from pathlib import Path

import common  # noqa: F401 (makes the package importable)

from knowledge_boundary import cli, options
from knowledge_boundary.evaluation.intervals import wilson
from knowledge_boundary.judging.outcomes import outcome
from knowledge_boundary.questions.records import Question

ROOT = Path(__file__).resolve().parent.parent
LONGEST = 8_000
SETS = {"tune": "tuned on", "measure": "measured on, hard", "measure_plain": "measured on, plain"}


def arguments():
    """The benchmark's flags."""
    parser = cli.Parser(__doc__)
    parser.add_argument("--answers", type=options.positive, default=100_000)
    return parser.parse_args()


def labelled_pairs(name: str) -> list:
    """(question, answer, its label) of a file of labelled pairs."""
    lines = (ROOT / "tests/judging/pairs" / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    return [
        (Question("i", "s", r["question"], r["choices"], r["gold"], r["aliases"]), r["answer"], r["outcome"])
        for r in map(json.loads, lines)
    ]


def long_answers(pairs) -> list:
    """(question, text) with texts of LONGEST characters: each answer again and again, with what parts it or without."""
    joins = (" ", ", ", " or ", ". ", "; ", "/", "", " not ", "? ", ", but ", "，", "。")
    return [
        (question, (f"{answer or 'x'}{join}" * (LONGEST // (len(answer) + len(join) or 1) + 1))[:LONGEST])
        for (question, answer), join in zip(pairs, itertools.cycle(joins), strict=False)
    ]


def remark(number: int) -> str:
    """A word of its own for each number: "abca"."""
    return "".join(chr(ord("a") + int(digit)) for digit in str(number))


def main():
    """Print answers a second, the seconds that 100,000 take, and the slowest long answer."""
    args = arguments()
    pairs = []
    for name, what in SETS.items():
        own = labelled_pairs(name)
        agreed = wilson(sum(outcome(q, answer)["outcome"] == label for q, answer, label in own), len(own))
        low, high = agreed["ci95"]
        print(f"{what}: {agreed['value']:.1%} [{low:.1%}, {high:.1%}] of {len(own)} labelled answers")
        pairs += [(q, answer) for q, answer, _ in own]
    start = time.perf_counter()
    for i, (question, answer) in zip(range(args.answers), itertools.cycle(pairs), strict=False):
        outcome(question, f"{answer} ({remark(i)})")
    spent = time.perf_counter() - start
    print(f"{args.answers} answers: {spent:.1f} s, {1e6 * spent / args.answers:.0f} µs each")
    slowest = []
    for question, text in long_answers(pairs):
        start = time.perf_counter()
        outcome(question, text)
        slowest.append((time.perf_counter() - start, text[:60]))
    spent, text = max(slowest)
    median = statistics.median(s for s, _ in slowest)
    print(f"{len(slowest)} answers of {LONGEST} characters: median {median:.3f} s, slowest {spent:.2f} s ({text!r}…)")


if __name__ == "__main__":
    cli.run(main)
