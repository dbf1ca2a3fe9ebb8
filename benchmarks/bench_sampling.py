"""Answers a second of N sampled answers to open questions: ours, and `generate`, on the same questions.

Peers:
  generate  transformers' `generate(do_sample=True, num_return_sequences=N)`, one question at a time or several,
            left-padded, whichever is faster; it stops at an end token or a token with a line break, where ours stops
            too unless nothing has been said before it
Timed are whole passes over the questions, from the prompts' text to the answers' text, the model loaded and run once.

Examples:
  python benchmarks/bench_sampling.py
  python benchmarks/bench_sampling.py --prompts 3shot --limit 100
  python benchmarks/bench_sampling.py --subjects country_capital --limit 4 --rounds 1
"""

import json

import common
import numpy as np
import sampling_checks
import torch
import transformers

from knowledge_boundary import cli, options
from knowledge_boundary.asking import prompts
from knowledge_boundary.engine import exactness, sampling
from knowledge_boundary.judging.extent import cut
from knowledge_boundary.questions import readers
from knowledge_boundary.questions.records import spread
from knowledge_boundary.running.errors import UserError

PROMPTS = {"short": (0, True), "3shot": (3, False)}  # shots, chat template
BATCH_SIZES = (1, 4, 8)


def arguments():
    """The benchmark's flags."""
    parser = cli.Parser(__doc__)
    common.add_arguments(parser, ("generate",))
    common.add_batch_tokens(parser)
    group = parser.add_argument_group("questions")
    group.add_argument("--dataset", default="world_facts")
    group.add_argument("--split", default="train")
    group.add_argument("--subjects", help="comma-separated; default: the six kinds of quickstart.sh")
    group.add_argument("--limit", type=options.positive, default=16, help="questions per subject (quickstart.sh: 100)")
    group.add_argument("--prompts", default=",".join(PROMPTS), help="short: no shots, chat template; 3shot: plain")
    group.add_argument("--num_samples", type=options.positive, default=10)
    group.add_argument("--max_new_tokens", type=options.positive, default=16)
    group.add_argument("--generate_batch", type=options.natural, default=0, help="questions at once; 0: best")
    args = parser.parse_args()
    if args.dataset == "world_facts":
        args.subjects = args.subjects or common.KINDS
    unknown = [name for name in args.prompts.split(",") if name not in PROMPTS]
    if unknown:
        raise UserError(f"--prompts {unknown[0]}: one of {', '.join(PROMPTS)} is expected")
    return args


def groups_of(lm, args, kind) -> list:
    """``[(questions, prompts)]`` in groups, as run_query_state.py has them."""
    num_shots, chat_template = PROMPTS[kind]
    asked = readers.load(args.dataset, args.split, subjects=args.subjects, limit=args.limit)
    if asked.multiple_choice:
        raise UserError(f"--dataset {args.dataset}: multiple choice; this is a benchmark of open questions")
    texts = [
        prompts.state_prompt(lm.format, q, asked.shots_of(q, num_shots), "craft", chat_template)
        for q in asked.questions
    ]
    return prompts.grouped(asked.questions, texts)


def generate(lm, texts, args, stops, batch_size, seed) -> list:
    """N answers to each prompt by ``generate``: ``[[(text, tokens)]]``."""
    torch.manual_seed(seed)
    settings = transformers.GenerationConfig(
        do_sample=True, temperature=1.0, top_k=0, top_p=1.0, repetition_penalty=1.0,
        num_return_sequences=args.num_samples, max_new_tokens=args.max_new_tokens,
        eos_token_id=sorted(stops), pad_token_id=min(stops),
    )  # fmt: skip
    found = []
    for start in range(0, len(texts), batch_size):
        rows = [lm.encode(text) for text in texts[start : start + batch_size]]
        longest = max(map(len, rows))
        ids = torch.tensor([[0] * (longest - len(row)) + row for row in rows], device=lm.device)
        mask = torch.tensor([[0] * (longest - len(row)) + [1] * len(row) for row in rows], device=lm.device)
        made = lm.model.generate(ids, attention_mask=mask, generation_config=settings)[:, longest:].tolist()
        made = [row[: next((i for i, token in enumerate(row) if token in stops), len(row))] for row in made]
        said = map(cut, lm.tokenizer.batch_decode(made, skip_special_tokens=True))
        pairs = list(zip(said, made, strict=True))
        found += [pairs[i : i + args.num_samples] for i in range(0, len(pairs), args.num_samples)]
    return found


def ours(lm, groups, args, shared, seed, num_samples=None, max_new_tokens=None) -> list:
    """N answers to each prompt by the sample tree: ``[[(text, log-probabilities)]]``."""
    found = []
    for asked, texts in groups:
        own = {}
        drawn = sampling.answer(
            lm, texts, [q.id for q in asked], num_samples or args.num_samples, max_new_tokens or args.max_new_tokens,
            args.batch_tokens, shared, seed=seed, greedy=False,
        )  # fmt: skip
        for indices, batch in drawn:
            own |= {i: [(s.text, s.logprobs) for s in samples] for i, (samples, _) in zip(indices, batch, strict=True)}
        found += [own[i] for i in range(len(texts))]
    return found


def best_batch_size(lm, texts, args, stops) -> int:
    """The fastest of ``BATCH_SIZES`` for ``generate``, each tried once on eight of the prompts."""
    rates, part = {}, spread(texts, 8)
    for size in BATCH_SIZES:
        seconds, _ = common.seconds_of(lm, lambda size=size: generate(lm, part, args, stops, size, args.seed))
        rates[size] = len(part) * args.num_samples / seconds
        print(f"  generate: {size} at once: {rates[size]:.2f} answers/s", flush=True)
    return max(rates, key=rates.get)


def tokens_run(lm, peer, groups, found, args) -> int:
    """Tokens of one pass: all of them for ``generate``, the distinct beginnings for ours.

    An answer's last token is not run when it is cut at ``--max_new_tokens``. Answers that begin with the same tokens
    have the same log-probabilities there, so that these tell distinct beginnings.
    """
    encoded = [[lm.encode(text) for text in texts] for _, texts in groups]
    drawn = [[steps[: args.max_new_tokens - 1] for _, steps in pairs] for pairs in found]
    if peer == "ours":
        return sum(map(common.unique_tokens, encoded)) + sum(map(common.unique_tokens, drawn))
    return args.num_samples * sum(len(s) for own in encoded for s in own) + sum(len(a) for own in drawn for a in own)


def measure(lm, args, kind, peers, stops) -> dict:
    """The figures of one kind of prompt, peer by peer."""
    groups = groups_of(lm, args, kind)
    asked, texts = [q for own, _ in groups for q in own], [text for _, own in groups for text in own]
    shared = exactness.check(lm, texts, args.max_new_tokens)
    total = len(texts) * args.num_samples
    print(f"{kind}: {len(texts)} questions, {args.num_samples} answers each", flush=True)
    passes, batch_size = {}, None
    if "generate" in peers:
        batch_size = args.generate_batch or best_batch_size(lm, texts, args, stops)
        passes["generate"] = lambda i: generate(lm, texts, args, stops, batch_size, args.seed + i)
    passes["ours"] = lambda i: ours(lm, groups, args, shared, args.seed + i)
    seconds, found, gflops = common.in_turn(lm, passes, args.rounds)
    # For the first tokens, ours draws one token an answer, as many as generate has drawn in all rounds.
    n = args.num_samples * args.rounds
    ones = [[text for text, _ in pairs] for pairs in ours(lm, groups, args, shared, args.seed, n, 1)]
    first = sampling_checks.first_tokens(lm, texts, stops, ones, found.get("generate"), args.seed)
    figures = {"questions": len(texts), "answers": total, "gflops": gflops, "generate_batch": batch_size}
    figures |= {"first_token": first, "peers": {}}
    for peer in passes:
        tokens = float(np.mean([tokens_run(lm, peer, groups, one, args) for one in found[peer]]))
        figures["peers"][peer] = {
            "answers_per_second": common.rate(total, seconds[peer]),
            "ours_is_faster_by": np.median(seconds[peer]) / np.median(seconds["ours"]),
            "cor": sampling_checks.correctness(asked, found[peer]),
            "first_token_distance": first["peers"][peer],
            "tokens": tokens,
            "share_of_limit": common.share_of_limit(lm, tokens, seconds[peer], gflops),
            "peak_bytes": None,
        }
    return figures


def memory(lm, args, stops) -> dict:
    """Peak bytes over the loaded model of ``--memory_only``'s peer, for each kind of prompt.

    Ours answers all questions; ``generate`` those of the longest prompts, one batch, which is its peak.
    """
    found = {}
    for kind in args.prompts.split(","):
        groups = groups_of(lm, args, kind)
        ordered = sorted((text for _, own in groups for text in own), key=len)
        longest = ordered[-max(args.generate_batch, 1) :]
        shared = exactness.check(lm, ordered, args.max_new_tokens)
        before = common.memory_in_use(lm)
        runs = {
            "generate": lambda longest=longest: generate(lm, longest, args, stops, len(longest), args.seed),
            "ours": lambda groups=groups, shared=shared: ours(lm, groups, args, shared, args.seed),
        }
        found[kind] = common.peak_memory(lm, runs[args.memory_only]) - before
    return found


def main():
    """Measure one kind of prompt after the other, then the memory; print the tables and the JSON line."""
    args = arguments()
    peers = common.chosen_peers(args)
    lm = common.load(args)
    stops = lm.end_tokens | lm.line_breaks
    if args.memory_only:
        return print(json.dumps(memory(lm, args, stops)))
    figures = {kind: measure(lm, args, kind, peers, stops) for kind in args.prompts.split(",")}
    for peer in peers:
        for kind, f in figures.items():
            flags = ["--prompts", kind, "--generate_batch", str(f["generate_batch"] or 0)]
            found = common.memory_in_fresh_process(peer, *flags) or {}
            f["peers"][peer]["peak_bytes"] = found.get(kind)
    show(lm, args, figures)


def show(lm, args, figures) -> None:
    """The tables, one a kind of prompt, and the JSON line."""
    columns = (
        "peer", "answers/s", "ours is faster by", "mean Cor", "first tokens", "share of limit", "peak memory",
    )  # fmt: skip
    for kind, f in figures.items():
        first = f["first_token"]
        title = f"{kind}: {f['questions']} questions, {args.num_samples} answers each; {lm.about['name']}, "
        title += f"{lm.about['dtype']}, {lm.about['device']}, {f['gflops']:.0f} GFLOP/s; "
        title += f"{first['draws']} exact draws: {first['exact_draws']:.3f} ± {first['exact_draws_sd']:.3f}"
        rows = [
            (
                f"generate, {f['generate_batch']} at once" if peer == "generate" else peer,
                common.spread(p["answers_per_second"]), f"{p['ours_is_faster_by']:.2f} ×",
                "{mean:.3f} ± {se:.3f}".format(**p["cor"]), f"{p['first_token_distance']:.3f}",
                f"{p['share_of_limit']:.0%}", common.memory_text(p["peak_bytes"], lm),
            )
            for peer, p in f["peers"].items()
        ]  # fmt: skip
        common.show_table(title, columns, rows)
    common.show_json("bench_sampling", lm, args, figures)


if __name__ == "__main__":
    cli.run(main)
