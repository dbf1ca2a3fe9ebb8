"""Cor and Cer of open questions by `--estimator sample` and `mass`: how far they vary from seed to seed.

Each question's answers are drawn once a seed, and every estimator reads the same ones:
  sample             shares of the N samples
  horvitz_thompson   each distinct leaf a by p(a) / (1 − (1 − p(a))^N), pairs likewise (Horvitz & Thompson 1952)
  mass               the leave-one-out estimate of knowledge/mass.py

Examples:
  python benchmarks/bench_estimator.py
  python benchmarks/bench_estimator.py --subjects country_capital --limit 20 --seeds 8
"""

import dataclasses
import itertools

import common
import numpy as np

from knowledge_boundary import cli, options
from knowledge_boundary.asking import prompts
from knowledge_boundary.engine import exactness, sampling
from knowledge_boundary.judging import outcomes
from knowledge_boundary.knowledge import mass, querying, state
from knowledge_boundary.models.embedder import embedding
from knowledge_boundary.questions import readers
from knowledge_boundary.questions.records import spread
from knowledge_boundary.running.errors import UserError


def arguments():
    """The benchmark's flags."""
    parser = cli.Parser(__doc__)
    options.add_model_arguments(parser)
    common.add_batch_tokens(parser)
    group = parser.add_argument_group("benchmark")
    group.add_argument("--dataset", default="world_facts")
    group.add_argument("--split", default="train")
    group.add_argument("--subjects", help="comma-separated; default: the six kinds of quickstart.sh")
    group.add_argument("--limit", type=options.positive, default=100, help="questions, spread over the set")
    group.add_argument("--num_shots", type=options.natural, default=3)
    group.add_argument("--num_samples", type=options.positive, default=10, help="N of each seed")
    group.add_argument("--max_new_tokens", type=options.positive, default=16)
    group.add_argument("--seeds", type=options.positive, default=4, help="draws of each question, from --seed on")
    group.add_argument("--threshold", type=options.fraction, default=0.5, help="on Cor")
    group.add_argument("--embedder", default="minilm")
    group.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    if args.seeds < 2 or args.num_samples < 2:
        raise UserError("--seeds, --num_samples: a variance takes 2 or more")
    if args.dataset == "world_facts":
        args.subjects = args.subjects or common.KINDS
    return args


def sample(samples, verdicts, embed) -> tuple:
    """(Cor, Cer) by count."""
    texts = [s.text for s in samples]
    return state.sampled_correctness([v["correct"] for v in verdicts]), state.sampled_certainty(texts, embed)


def horvitz_thompson(samples, verdicts, embed) -> tuple:
    """(Cor, Cer), each leaf and each pair of leaves by its probability over that of its being drawn."""
    n, leaves = len(samples), {id(s): (s, v["correct"]) for s, v in zip(samples, verdicts, strict=True)}.values()
    p, vectors = mass.probabilities([s.log_p for s, _ in leaves]), embed([s.text for s, _ in leaves])
    drawn = -np.expm1(n * np.log1p(-np.minimum(p, 1 - 1e-15)))
    large, small = np.maximum(p[:, None], p), np.minimum(p[:, None], p)
    small_alone = -np.expm1(n * np.log1p(-np.minimum(small / np.maximum(1 - large, 1e-15), 1 - 1e-15)))
    both = np.minimum(drawn[:, None], drawn) - np.maximum(1 - large, 0) ** n * small_alone
    both = np.where(large < 1e-5, n * (n - 1) * large * small, both)  # where the difference cancels
    np.fill_diagonal(both, drawn)
    cor = (p / drawn) @ np.array([correct for _, correct in leaves], dtype=np.float64)
    return cor, np.sum(np.outer(p, p) / both * (vectors @ vectors.T))


ESTIMATORS = {"sample": sample, "horvitz_thompson": horvitz_thompson, "mass": querying.state_by_mass}


def draw(lm, groups, args, shared, seed) -> dict:
    """{question: its N Answers} of one seed."""
    found = {}
    for asked, texts in groups:
        drawn = sampling.answer(
            lm, texts, [q.id for q in asked], args.num_samples, args.max_new_tokens, args.batch_tokens, shared,
            seed=seed, greedy=False,
        )  # fmt: skip
        found |= {asked[i].id: own for indices, batch in drawn for i, (own, _) in zip(indices, batch, strict=True)}
    return found


def estimates(asked, drawn, embed) -> dict:
    """{estimator: [questions, seeds, (Cor, Cer)]}.

    Args:
        asked: the questions.
        drawn: for each seed ``draw``'s answers.
        embed: list of texts → array [texts, dimensions] of unit vectors.
    """
    texts = sorted({s.text for own in drawn for samples in own.values() for s in samples})
    vectors = dict(zip(texts, embed(texts).astype(np.float64), strict=True))
    found = {name: [] for name in ESTIMATORS}
    for q in asked:
        judged = [(own[q.id], outcomes.contains(q, [s.text for s in own[q.id]])) for own in drawn]
        for name, estimate in ESTIMATORS.items():
            found[name].append([estimate(*one, lambda own: np.array([vectors[t] for t in own])) for one in judged])
    return {name: np.array(values) for name, values in found.items()}


def figures_of(values: np.ndarray, reference: np.ndarray, threshold: float) -> dict:
    """What one estimator's values say.

    Args:
        values: [questions, seeds, (Cor, Cer)].
        reference: those of ``sample``.
        threshold: on Cor.
    """
    above = values[..., 0] >= threshold
    pairs = list(itertools.combinations(range(values.shape[1]), 2))
    found = {"changes_side": float(np.mean([above[:, a] != above[:, b] for a, b in pairs]))}
    found["outside"] = float(np.mean((values[..., 0] < -1e-9) | (values[..., 0] > 1 + 1e-9)))
    for k, name in enumerate(("cor", "cer")):
        own, apart = values[..., k], values[..., k] - reference[..., k]
        found[name] = {
            "mean": float(own.mean()),
            "variance": float(own.var(1, ddof=1).mean()),
            "share_of_variance": float(own.var(1, ddof=1).mean() / reference[..., k].var(1, ddof=1).mean()),
            "difference": float(apart.mean()),
            "difference_se": float(np.sqrt(apart.var(1, ddof=1).mean() / apart.size)),
        }
    return found


def main():
    """Draw seed by seed, estimate, print the table and the JSON line."""
    args = arguments()
    lm = common.load(args)
    asked = readers.load(args.dataset, args.split, subjects=args.subjects)
    if asked.multiple_choice:
        raise UserError(f"--dataset {args.dataset}: multiple choice; this is a benchmark of open questions")
    asked = dataclasses.replace(asked, questions=spread(asked.questions, args.limit))
    texts, _ = querying.query_prompts(lm, asked, args.num_shots, room=args.max_new_tokens)
    shared = exactness.check(lm, texts, args.max_new_tokens)
    groups, drawn = prompts.grouped(asked.questions, texts), []
    for seed in range(args.seed, args.seed + args.seeds):
        seconds, own = common.seconds_of(lm, lambda seed=seed: draw(lm, groups, args, shared, seed))
        drawn.append(own)
        print(f"  seed {seed}: drawn in {seconds:.1f} s", flush=True)
    values = estimates(asked.questions, drawn, embedding(args.embedder))
    figures = {name: figures_of(v, values["sample"], args.threshold) for name, v in values.items()}
    show(lm, args, len(texts), figures)


def show(lm, args, n: int, figures: dict) -> None:
    """The table and the JSON line."""
    title = f"{n} questions, N = {args.num_samples}, {args.seeds} seeds; "
    title += f"{lm.about['name']}, {lm.about['dtype']}, {lm.about['device']}"
    columns = ["estimator"]
    for name in ("Cor", "Cer"):
        columns += [f"mean {name}", f"{name} − sample's", f"variance of {name}", "of sample's"]
    columns += [f"changes side of {args.threshold:g}", "outside [0, 1]"]
    rows = []
    for name, f in figures.items():
        row = [name]
        for k in (f["cor"], f["cer"]):
            row += [f"{k['mean']:.3f}", "{difference:+.4f} ± {difference_se:.4f}".format(**k)]
            row += [f"{k['variance']:.5f}", f"{k['share_of_variance']:.2f}"]
        rows.append([*row, f"{f['changes_side']:.1%}", f"{f['outside']:.1%}"])
    common.show_table(title, columns, rows)
    common.show_json("bench_estimator", lm, args, figures)


if __name__ == "__main__":
    cli.run(main)
