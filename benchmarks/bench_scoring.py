"""Questions a second of multiple-choice scoring: ours, a plain loop, lm-evaluation-harness, on the same questions.

Peers:
  loop     R-Tuning's way: one full prompt a question, the whole vocabulary's logits after it, softmax over the letters
  lm_eval  lm-evaluation-harness `hf` at its best batch size; pip install -r requirements-bench.txt
Timed are whole passes over one subject's questions, prompts made before, the model loaded and run once. Of the harness
only its model's part is timed (`HFLM.loglikelihood`: tokenising and running), not its task's set-up and its metrics.

Examples:
  python benchmarks/bench_scoring.py
  python benchmarks/bench_scoring.py --subjects high_school_geography,high_school_european_history --limit 24
  python benchmarks/bench_scoring.py --dataset world_facts_mc --subjects country_capital --peers loop --rounds 1
"""

import json
import tempfile
from pathlib import Path

import common
import lm_eval_peer
import numpy as np
import torch

from knowledge_boundary import cli, options
from knowledge_boundary.asking import probe
from knowledge_boundary.engine import exactness, scoring
from knowledge_boundary.questions import readers
from knowledge_boundary.questions.records import by_subject
from knowledge_boundary.running.errors import UserError

PEERS = ("loop", "lm_eval")
MMLU = Path(__file__).resolve().parents[2] / "shared" / "data" / "mmlu"


def arguments():
    """The benchmark's flags."""
    parser = cli.Parser(__doc__)
    common.add_arguments(parser, PEERS)
    common.add_batch_tokens(parser)
    group = parser.add_argument_group("questions")
    group.add_argument("--dataset", help="as run_MMLU.py's; default: a local MMLU, else world_facts_mc")
    group.add_argument("--split", default="test")
    group.add_argument("--subjects", help="comma-separated, each reported apart; default: one of the default data set")
    group.add_argument("--limit", type=options.positive, default=48, help="questions per subject, spread over the set")
    group.add_argument("--num_shots", type=int, default=5, choices=range(6))
    group.add_argument("--lm_eval_batch", help="lm_eval's batch size, one for each subject; default: its best")
    parser.set_defaults(scoring="letter", chat_template=False)  # the probe's
    args = parser.parse_args()
    if args.dataset is None:
        args.dataset, usual = (
            (str(MMLU), "high_school_geography") if MMLU.is_dir() else ("world_facts_mc", "country_capital")
        )
        args.subjects = args.subjects or usual
    return args


def loop(lm, texts, candidates) -> list:
    """Letter probabilities by one full forward pass a question."""
    found = []
    with torch.inference_mode():
        for text, tokens in zip(texts, candidates, strict=True):
            ids = torch.tensor([lm.encode(text)], device=lm.device)
            logits = lm.model(ids, logits_to_keep=1, use_cache=False).logits[0, -1]
            found.append(logits[tokens].double().softmax(-1).cpu().numpy())
    return found


def ours(lm, texts, letters, args, shared) -> list:
    """Letter probabilities by the engine, as run_MMLU.py asks for them."""
    found = {}
    for indices, batch in scoring.letter_probabilities(lm, texts, letters, args.batch_tokens, shared):
        found |= {i: p for i, (p, _) in zip(indices, batch, strict=True)}
    return [found[i] for i in range(len(texts))]


def subjects_of(lm, args) -> list:
    """``[(subject, questions, shots, prompts)]``; the prompts are run_MMLU.py's."""
    asked = readers.load(args.dataset, args.split, subjects=args.subjects, limit=args.limit)
    if not asked.multiple_choice:
        raise UserError(f"--dataset {args.dataset}: open questions; this is a benchmark of multiple choice")
    shots = [asked.shots_of(q, args.num_shots) for q in asked.questions]
    texts = [
        probe.prompt(lm, q, s, args.scoring, args.chat_template) for q, s in zip(asked.questions, shots, strict=True)
    ]
    of_subject = {q.subject: s for q, s in zip(asked.questions, shots, strict=True)}
    text_of = {q.id: text for q, text in zip(asked.questions, texts, strict=True)}
    return [
        (subject, own, of_subject[subject], [text_of[q.id] for q in own])
        for subject, own in by_subject(asked.questions).items()
    ]


def runs(lm, subject, args, shared, peers, batch_size) -> tuple[dict, int | None]:
    """({name: function that scores the questions of ``indices``, or all}, lm_eval's batch size)."""
    name, asked, shots, texts = subject
    candidates = [scoring.candidate_ids(lm, texts[0], q.letters) for q in asked]
    everything = range(len(asked))

    def pick(items, indices):
        return [items[i] for i in indices]

    found = {}
    if "loop" in peers:
        found["loop"] = lambda indices=everything: loop(lm, pick(texts, indices), pick(candidates, indices))
    if "lm_eval" in peers:
        with tempfile.TemporaryDirectory() as folder:
            requests = lm_eval_peer.requests(Path(folder), name, asked, shots, texts)
        longest = max(len(lm.encode(text)) for text in texts)
        batch_size = batch_size or lm_eval_peer.best_batch_size(lm, requests, asked, longest)
        hf = lm_eval_peer.harness(lm, batch_size)
        found["lm_eval"] = lambda indices=everything: lm_eval_peer.probabilities(
            hf, *lm_eval_peer.of_questions(requests, asked, indices)
        )
    found["ours"] = lambda indices=everything: ours(
        lm, pick(texts, indices), [asked[i].letters for i in indices], args, shared
    )
    return found, batch_size


def measure(lm, subject, args, shared, peers, batch_size) -> dict:
    """One subject's figures, peer by peer."""
    name, asked, _, texts = subject
    sequences = [lm.encode(text) for text in texts]
    tokens = sum(map(len, sequences))
    unique = common.unique_tokens(sequences)
    print(f"{name}: {len(asked)} questions, {tokens} tokens, {unique} of them unique", flush=True)
    passes, batch_size = runs(lm, subject, args, shared, peers, batch_size)
    seconds, found, gflops = common.in_turn(
        lm, {peer: lambda i, run=run: run() for peer, run in passes.items()}, args.rounds
    )
    reference = found.get("loop", found["ours"])[0]
    figures = {
        "questions": len(asked),
        "tokens": tokens,
        "unique_tokens": unique,
        "gflops": gflops,
        "lm_eval_batch": batch_size,
        "compared_with": "loop" if "loop" in found else "ours",
        "peers": {},
    }
    for peer in passes:
        rate = common.rate(len(asked), seconds[peer])
        figures["peers"][peer] = {
            "questions_per_second": rate,
            "ours_is_faster_by": np.median(seconds[peer]) / np.median(seconds["ours"]),
            "agreement": np.mean([p.argmax() == r.argmax() for p, r in zip(found[peer][-1], reference, strict=True)]),
            "max_difference": max(np.abs(p - r).max() for p, r in zip(found[peer][-1], reference, strict=True)),
            "share_of_limit": common.share_of_limit(lm, unique if peer == "ours" else tokens, seconds[peer], gflops),
            "peak_bytes": None,
        }
    return figures


def memory(lm, subjects, args, shared) -> dict:
    """Peak bytes over the loaded model of ``--memory_only``'s peer, subject by subject.

    Ours runs all questions; the others run whole prompts, whose peak is that of the batch with the longest ones.
    """
    peer = args.memory_only
    sizes = batch_sizes(args, subjects) if peer == "lm_eval" else [1] * len(subjects)
    ready = [runs(lm, s, args, shared, [peer], size)[0][peer] for s, size in zip(subjects, sizes, strict=True)]
    before = common.memory_in_use(lm)
    found = {}
    for (name, asked, _, texts), size, run in zip(subjects, sizes, ready, strict=True):
        longest = sorted(range(len(asked)), key=lambda i, texts=texts: -len(texts[i]))
        indices = range(len(asked)) if peer == "ours" else longest[:size]
        found[name] = common.peak_memory(lm, lambda run=run, indices=indices: run(indices)) - before
    return found


def batch_sizes(args, subjects) -> list:
    """lm_eval's batch size for each subject, or None where it is to be found."""
    if args.lm_eval_batch is None:
        return [None] * len(subjects)
    sizes = args.lm_eval_batch.split(",")
    sizes = sizes * len(subjects) if len(sizes) == 1 else sizes
    if len(sizes) != len(subjects) or not all(size.isdigit() and int(size) for size in sizes):
        raise UserError(
            f"--lm_eval_batch {args.lm_eval_batch}: one number, or one for each of {len(subjects)} subjects"
        )
    return [int(size) for size in sizes]


def main():
    """Measure subject by subject, then the memory; print the tables and the JSON line."""
    args = arguments()
    peers = common.chosen_peers(args)
    if "lm_eval" in peers and not lm_eval_peer.available():
        print("lm_eval: left out, it is not installed (pip install -r requirements-bench.txt)", flush=True)
        peers.remove("lm_eval")
    lm = common.load(args)
    subjects = subjects_of(lm, args)
    shared = exactness.check(lm, [text for *_, texts in subjects for text in texts], 1)
    if args.memory_only:
        return print(json.dumps(memory(lm, subjects, args, shared)))
    sizes = batch_sizes(args, subjects)
    figures = {s[0]: measure(lm, s, args, shared, peers, size) for s, size in zip(subjects, sizes, strict=True)}
    for peer in peers:
        used = ",".join(str(f["lm_eval_batch"]) for f in figures.values())
        flags = ["--lm_eval_batch", used] if peer == "lm_eval" else []
        found = common.memory_in_fresh_process(peer, *flags) or {}
        for name in found:
            figures[name]["peers"][peer]["peak_bytes"] = found[name]
    show(lm, args, figures)


def show(lm, args, figures) -> None:
    """The tables, one a subject, and the JSON line."""
    for name, f in figures.items():
        title = (
            f"{name}: {f['questions']} questions, {args.num_shots} shots, {f['tokens']} tokens, {f['unique_tokens']} "
        )
        title += f"unique; {lm.about['name']}, {lm.about['dtype']}, {lm.about['device']}, {f['gflops']:.0f} GFLOP/s"
        columns = ("peer", "questions/s", "ours is faster by", "agreement", "max Δp", "share of limit", "peak memory")
        rows = []
        for peer, p in f["peers"].items():
            label = f"lm_eval, batch {f['lm_eval_batch']}" if peer == "lm_eval" else peer
            rows.append(
                (
                    label, common.spread(p["questions_per_second"]), f"{p['ours_is_faster_by']:.2f} ×",
                    f"{p['agreement']:.3f}", f"{p['max_difference']:.1e}", f"{p['share_of_limit']:.0%}",
                    common.memory_text(p["peak_bytes"], lm),
                )
            )  # fmt: skip
        common.show_table(title, columns, rows)
    common.show_json("bench_scoring", lm, args, figures, ["lm_eval", "datasets"])


if __name__ == "__main__":
    cli.run(main)
