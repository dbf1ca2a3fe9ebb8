"""Questions a second of evaluation with refusal scores: ours, and the same answers without them, or in other passes.

Peers:
  without  the greedy answer and R-Tuning's p(sure) alone, by the same engine: what the scores cost
  apart    these, then the refusal's probability by a pass of its own, and the forced answers by another greedy pass
Timed are whole passes over the questions, from the prompts' text to the judged records, the model loaded and run once.

Examples:
  python benchmarks/bench_evaluation.py
  python benchmarks/bench_evaluation.py --model models/quickstart-craft --limit 40
  python benchmarks/bench_evaluation.py --subjects country_capital --limit 4 --rounds 1
"""

import common
import numpy as np

from knowledge_boundary import cli, options
from knowledge_boundary.asking import answers, forced, means, prompts
from knowledge_boundary.engine import exactness, sampling, scoring
from knowledge_boundary.judging import outcomes
from knowledge_boundary.questions import readers
from knowledge_boundary.wording.phrases import REFUSAL


def arguments():
    """The benchmark's flags."""
    parser = cli.Parser(__doc__)
    common.add_arguments(parser, ("without", "apart"))
    common.add_batch_tokens(parser)
    group = parser.add_argument_group("questions")
    group.add_argument("--dataset", default="world_facts")
    group.add_argument("--split", default="test")
    group.add_argument("--subjects", help="comma-separated; default: the six kinds of quickstart.sh")
    group.add_argument("--limit", type=options.positive, default=20, help="questions per subject (quickstart.sh: 110)")
    group.add_argument("--prompt", default="refuse", choices=("basic", "refuse"))
    group.add_argument("--max_new_tokens", type=options.positive, default=64)
    args = parser.parse_args()
    if args.dataset == "world_facts":
        args.subjects = args.subjects or common.KINDS
    return args


def without(lm, asked, texts, args, shared) -> list:
    """[{output, p_answer, p_sure, outcome, greedy}]: evaluation's greedy answers with no refusal beside them."""
    ids, found = [q.id for q in asked.questions], [None] * len(texts)
    batches = sampling.answer(lm, texts, ids, 0, args.max_new_tokens, args.batch_tokens, shared)
    for indices, batch in batches:
        greedy = [one[1] for one in batch]
        asking = [
            prompts.sure_prompt(lm.format, texts[i], o.text, answers.before_answer(lm.format, o))
            for i, o in zip(indices, greedy, strict=True)
        ]
        sure = answers.sureness(lm, asking, [ids[i] for i in indices], args.batch_tokens, shared)
        for i, o, p in zip(indices, greedy, sure, strict=True):
            outcome = forced.verdict_on(asked.questions[i], o, outcomes.contains)["outcome"]
            found[i] = {"output": o.text, "p_answer": o.probability, "p_sure": p, "outcome": outcome, "greedy": o}
    return found


def apart(lm, asked, texts, args, shared) -> list:
    """``without``, and ``forced, score`` by two further passes over the prompts."""
    found = without(lm, asked, texts, args, shared)
    ids = [q.id for q in asked.questions]
    options_of = [[f"{lm.format.lead_of(text)}{REFUSAL}"] for text in texts]
    refusals = [None] * len(texts)
    for indices, sums in scoring.option_log_likelihoods(lm, texts, options_of, args.batch_tokens, shared, names=ids):
        for i, ((total, _),) in zip(indices, sums, strict=True):
            refusals[i] = total
    paths = means.refusings(lm, texts)
    batches = sampling.answer(
        lm, texts, ids, 0, args.max_new_tokens, args.batch_tokens, shared, greedy=False, refusings=paths
    )
    for indices, batch in batches:
        for i, one in zip(indices, batch, strict=True):
            answer = one[2] if found[i]["outcome"] == "refused" else found[i].pop("greedy")
            outcome = forced.verdict_on(asked.questions[i], answer, outcomes.contains)["outcome"]
            found[i] |= forced.keys(answer.text, outcome, forced.log_probability(answer), refusals[i])
    return found


def ours(lm, asked, args, shared) -> list:
    """Evaluation's own records."""
    batches = answers.ask(
        lm, asked, args.prompt, max_new_tokens=args.max_new_tokens, batch_tokens=args.batch_tokens, shared=shared
    )
    found = {r["id"]: r for records in batches for r in records}
    return [found[q.id] for q in asked.questions]


def main():
    """Run the peers in turn; print the table and the JSON line."""
    args = arguments()
    peers = common.chosen_peers(args)
    lm = common.load(args)
    asked = readers.load(args.dataset, args.split, subjects=args.subjects, limit=args.limit)
    texts = [prompts.answer_prompt(lm.format, q, args.prompt, "craft") for q in asked.questions]
    shared = exactness.check(lm, texts, args.max_new_tokens + answers.after_answer(lm))
    passes = {
        "without": lambda i: without(lm, asked, texts, args, shared),
        "apart": lambda i: apart(lm, asked, texts, args, shared),
        "ours": lambda i: ours(lm, asked, args, shared),
    }
    seconds, found, gflops = common.in_turn(lm, {name: passes[name] for name in peers}, args.rounds)
    mine = found["ours"][0]
    figures = {"questions": len(texts), "refused": sum(r["outcome"] == "refused" for r in mine), "gflops": gflops}
    figures["peers"] = {}
    for peer in peers:
        own = found[peer][0]
        scored = [(r["score"], m["score"]) for r, m in zip(own, mine, strict=True) if "score" in r]
        figures["peers"][peer] = {
            "questions_per_second": common.rate(len(texts), seconds[peer]),
            "ours_is_faster_by": np.median(seconds[peer]) / np.median(seconds["ours"]),
            "time_over_without": np.median(seconds[peer]) / np.median(seconds["without"])
            if "without" in seconds
            else None,
            "same_output": float(np.mean([r["output"] == m["output"] for r, m in zip(own, mine, strict=True)])),
            "largest_difference_of_scores": max((abs(a - b) for a, b in scored), default=None),
        }
    title = f"{len(texts)} questions, {figures['refused']} of them refused; {lm.about['name']}, {lm.about['dtype']}, "
    title += f"{lm.about['device']}, {gflops:.0f} GFLOP/s"
    rows = [
        (
            peer, common.spread(f["questions_per_second"]),
            "–" if f["time_over_without"] is None else f"{f['time_over_without']:.2f} ×", f"{f['same_output']:.1%}",
            "–" if f["largest_difference_of_scores"] is None else f"{f['largest_difference_of_scores']:.1g}",
        )
        for peer, f in figures["peers"].items()
    ]  # fmt: skip
    common.show_table(title, ("peer", "questions/s", "time over without", "same outputs", "max Δscore"), rows)
    common.show_json("bench_evaluation", lm, args, figures)


if __name__ == "__main__":
    cli.run(main)
