"""Stage 2: ask a model every question and write down its correctness (Cor) and certainty (Cer).

Multiple choice: from the letters' exact probabilities, or from N letters drawn from them (--estimator sample). Open
questions: from N sampled answers, and the greedy one.

Examples:
  python run_query_state.py --dataset world_facts --split train --num_shots 0 --chat_template
  python run_query_state.py --model models/smollm2-rehearsal --num_shots 0 --chat_template
  python run_query_state.py --model Qwen/Qwen2.5-3B --dataset mmlu --split test --num_shots 5
  python run_query_state.py --dataset world_facts_mc --split test --num_shots 5 --estimator sample --num_samples 100
  torchrun --nproc_per_node 8 run_query_state.py --model Qwen/Qwen2.5-7B --dataset triviaqa --split train
"""

import math
from functools import partial

import numpy as np

from knowledge_boundary import answers, cli, figures, models, packing, prompts, questions, sampling, scoring, state
from knowledge_boundary.results import Run, UserError


def arguments():
    """The stage's flags."""
    parser = cli.Parser(__doc__)
    cli.add_model_arguments(parser)
    cli.add_data_arguments(parser, "world_facts", "train")
    group = parser.add_argument_group("asking")
    group.add_argument(
        "--num_shots", type=cli.natural, help="few-shot examples, never itself; default: 5 multiple choice, 3 open"
    )
    group.add_argument("--chat_template", action="store_true", help="ask through the model's chat template")
    group.add_argument("--wording", default="craft", choices=prompts.WORDINGS, help="instruction of open questions")
    group.add_argument(
        "--estimator",
        choices=("exact", "sample"),
        help="default: exact for multiple choice, sample for open",
    )
    group.add_argument("--num_samples", type=cli.positive, help="N sampled answers to a question; default: 10")
    group.add_argument("--temperature", type=float, default=1.0, help="of open questions' sampled answers")
    group.add_argument("--top_p", type=float, default=1.0, help="they are drawn from the likeliest tokens up to this")
    group.add_argument("--max_new_tokens", type=cli.positive, default=16, help="longest answer, in tokens")
    cli.add_match_arguments(group, "Cer and --match embedding")
    cli.add_run_arguments(parser)
    parser.add_argument("--state", help="the file to write; default: state_init.json (rehearsed: state_rehearsal.json)")
    return parser.parse_args()


def query_choices(lm, asked, texts, args, shared, skip, embedder=None):
    """Records of multiple-choice questions, batch by batch."""
    letters, ids = [q.letters for q in asked], [q.id for q in asked]
    for indices, batch in scoring.letter_probabilities(lm, texts, letters, args.batch_tokens, shared, skip, ids):
        records = []
        for i, p in zip(indices, batch, strict=True):
            q = asked[i]
            gold = q.letters.index(q.answer)
            cor, cer = state.choice_state(p, gold)
            probs = dict(zip(q.letters, p, strict=True))
            prediction = q.letters[int(np.argmax(p))]
            record = {**q.record(), "cor": cor, "cer": cer, "probs": probs, "prediction": prediction}
            if args.estimator == "sample":
                own = sampling.generator(args.seed, q.id)
                drawn, record["cor"], record["cer"] = state.sampled_choice_state(p, gold, args.num_samples, own)
                record["samples"] = [{"text": q.letters[k], "correct": k == gold} for k in drawn]
            records.append(record)
        yield records


def query_open(lm, asked, texts, args, shared, skip, embedder):
    """Records of open questions, batch by batch."""
    embed = partial(models.unit_vectors, embedder)
    match = answers.matcher(args.match, args.match_threshold, embed)
    sampled = sampling.answer(
        lm, texts, [q.id for q in asked], args.num_samples, args.max_new_tokens, args.batch_tokens, shared,
        temperature=args.temperature, top_p=args.top_p, seed=args.seed, skip=skip,
    )  # fmt: skip
    for indices, batch in sampled:
        records = []
        for i, (samples, greedy) in zip(indices, batch, strict=True):
            q = asked[i]
            given = [s.text for s in (*samples, greedy)]
            *verdicts, best = [{"text": t, **v} for t, v in zip(given, match(q, given), strict=True)]
            cor = state.sampled_correctness([v["correct"] for v in verdicts])
            cer = state.sampled_certainty([s.text for s in samples], embed)
            records.append({**q.record(), "cor": cor, "cer": cer, "samples": verdicts, "greedy": best})
        yield records


def main():
    """Ask, write the state file and its picture."""
    args = arguments()
    if args.num_samples == 1:
        raise UserError("--num_samples 1: certainty compares answers with each other; give 2 or more")
    if not 0 < args.temperature < math.inf:
        raise UserError(f"--temperature {args.temperature}: must be above 0; the greedy answer is written in any case")
    if not 0 < args.top_p <= 1:
        raise UserError(f"--top_p {args.top_p}: must be above 0 and at most 1 (all tokens)")
    asked = cli.load_questions(args)
    about = cli.describe_model(args)
    multiple_choice = asked.multiple_choice
    if multiple_choice and (args.temperature, args.top_p) != (1, 1):
        raise UserError("--temperature, --top_p: for open questions only; letters have their exact probabilities")
    cli.check_match(args, multiple_choice)
    if not multiple_choice and args.estimator == "exact":
        raise UserError("--estimator exact: for multiple choice only; answers to open questions can only be sampled")
    args.estimator = args.estimator or ("exact" if multiple_choice else "sample")
    if args.estimator == "exact" and args.num_samples:
        raise UserError("--num_samples: nothing is sampled from exact probabilities; give --estimator sample with it")
    if args.estimator == "sample":
        args.num_samples = args.num_samples or 10
    if args.num_shots is None:
        args.num_shots = 5 if multiple_choice else 3
    shots = [cli.shots_of(asked, q, args.num_shots) for q in asked.questions]
    trained = models.trained_here(args.model)
    rehearsed = trained is not None and trained["meta"]["stage"] == "run_rehearsal"
    initial = trained["meta"]["args"]["model"] if rehearsed else args.model
    file = "state_rehearsal.json" if rehearsed else "state_init.json"
    args.state = args.state or str(cli.output_path(args, models.short_name(initial), asked.name, file))
    run = Run("run_query_state", args.state, args, about, asked.describe())
    if run.finished():
        return cli.already_done(run.path)
    run.resume()

    embedder = None if multiple_choice else models.load_embedder(args.embedder)
    lm = models.load(args, about)
    shared = packing.check(lm)
    room = [1 if multiple_choice else args.max_new_tokens] * len(shots)
    build = partial(prompts.state_prompt, lm.tokenizer, wording=args.wording, chat_template=args.chat_template)
    texts, dropped = prompts.within_window(lm, asked.questions, shots, build, room)
    cut = cli.shots_dropped(lm, dropped)
    query = query_choices if multiple_choice else query_open
    with cli.progress(len(texts), len(run.done), "asking") as bar:
        for group, group_texts in questions.grouped(asked.questions, texts, dropped):
            skip = run.skip([q.id for q in group])
            for records in query(lm, group, group_texts, args, shared, skip, embedder):
                run.journal(records)
                bar.update(len(records))

    records = run.collect([q.id for q in asked.questions])
    if records is None:  # the first process goes on alone
        return
    summary = {"estimator": args.estimator, **state.summarise(records), "shots_dropped": cut}
    summary["prefix_cache"] = "shared" if shared else "whole prompts"
    result = run.finish(summary, records)
    picture = run.path.with_suffix(".png")
    figures.state_figure(result, picture)
    print(state.table(summary))
    print(f"Prefix cache: {summary['prefix_cache']}")
    follow = "build_rait_data.py" if rehearsed else "run_rehearsal.py"
    flag = "--state_rehearsal" if rehearsed else "--state"
    cli.closing([run.path, picture], f"python {follow} --model {initial} {flag} {run.path}")


if __name__ == "__main__":
    cli.run(main, divided=True)
