"""Stage 1: where is the model's knowledge boundary, subject by subject? (R-Tuning's probe, and its training data.)

Multiple choice: the likeliest letter, or option. Open questions: the greedy answer to R-Tuning's prompt, judged by
--match; where R-Tuning's code takes the gold answer as a substring, "contains" judges as a person would.

Examples:
  python run_MMLU.py --dataset world_facts_mc --split test --scoring cloze --num_shots 5
  python run_MMLU.py --model Qwen/Qwen2.5-3B --dataset mmlu --method unsure
  python run_MMLU.py --model openlm-research/open_llama_3b --dataset data/MMLU --domain ID --method unknown
  python run_MMLU.py --dataset world_facts --split train --method uncertain --num_try 10
  torchrun --nproc_per_node 8 run_MMLU.py --model Qwen/Qwen2.5-7B --dataset mmlu
"""

from pathlib import Path

from knowledge_boundary import checks, cli, options, servers
from knowledge_boundary.asking import means, probe
from knowledge_boundary.knowledge import boundary
from knowledge_boundary.models.embedder import embedding
from knowledge_boundary.reporting import figures, tables
from knowledge_boundary.running import ranks
from knowledge_boundary.running.errors import UserError
from knowledge_boundary.running.journal import Run
from knowledge_boundary.serving.address import is_served
from knowledge_boundary.serving.conversation import layout
from knowledge_boundary.training import formats, rtuning


def arguments():
    """The stage's flags."""
    parser = cli.Parser(__doc__)
    options.add_model_arguments(parser, served=True)
    options.add_data_arguments(parser, "mmlu", "test")
    group = parser.add_argument_group("probe")
    group.add_argument("--method", default="unsure", choices=rtuning.METHODS, help="R-Tuning's training data")
    group.add_argument("--num_try", type=options.positive, default=5, help="sampled answers of --method uncertain")
    options.add_domain_argument(group)
    options.add_probe_arguments(group)
    group.add_argument(
        "--max_new_tokens",
        type=options.positive,
        help=f"longest answer to an open question, in tokens; default: {rtuning.MAX_NEW_TOKENS}",
    )
    options.add_match_arguments(group, "--match embedding")
    group.add_argument("--result", help="name of the training data; default: MODEL_DATASET, with _DOMAIN for a part")
    options.add_run_arguments(parser)
    return parser.parse_args()


def main():
    """Probe, write boundary.json, its picture and the training data."""
    args = arguments()
    servers.check(args)
    asked = cli.load_questions(args, domain=args.domain)
    multiple_choice = asked.multiple_choice
    probe.check_prompt(args.scoring, args.chat_template, args.thinking, multiple_choice)
    checks.check_match(args, multiple_choice)
    if multiple_choice and args.max_new_tokens:
        raise UserError("--max_new_tokens: for open questions only; of multiple choice, options are compared")
    if not multiple_choice:
        args.max_new_tokens = args.max_new_tokens or rtuning.MAX_NEW_TOKENS
    if args.num_shots is None:
        args.num_shots = probe.usual_shots(multiple_choice)
    asked.check_shots(args.num_shots)
    if args.method != "unknown" and all(q.should_abstain for q in asked.questions):
        raise UserError(f"--method {args.method}: no question of {asked.name} has an answer; give --method unknown")
    judged_by = cli.describe_judge(args)
    about = cli.describe_model(args)
    part = cli.part_of(args.domain)
    path = cli.output_path(args, about["name"], asked.name, f"boundary{part}.json")
    run = Run("run_MMLU", path, vars(args), about, asked.describe(), judge=judged_by)
    finished = run.finished()
    if ranks.exchange(finished and Path(finished["summary"]["training_data"]).exists())[0]:
        return cli.already_done(run.path)
    run.resume()

    embed = embedding(args.embedder) if args.match == "embedding" else None
    num_samples = args.num_try if args.method == "uncertain" and not multiple_choice else 0
    lm = cli.load_model(args, about, run, num_samples)
    match = None if multiple_choice else cli.load_matcher(args, judged_by, lm, run, embed)
    room = [args.max_new_tokens or probe.room(lm, q, args.scoring) for q in asked.questions]
    texts, dropped = probe.fitted_prompts(lm, asked, args.num_shots, args.scoring, args.chat_template, room)
    shared = means.check(lm, texts, max(room))
    cut = cli.shots_dropped(lm, dropped)
    if multiple_choice:
        batches = probe.ask(lm, asked, texts, dropped, args.scoring, args.batch_tokens, shared, run.skip)
    else:
        batches = probe.ask_open(
            lm, asked, texts, dropped, match, num_samples, rtuning.UNCERTAIN_TEMPERATURE, args.max_new_tokens,
            args.batch_tokens, shared, run.skip, args.seed,
        )  # fmt: skip
    with cli.progress(len(texts), len(run.done), "probing", lm, match) as bar:
        records = run.fill(batches, [q.id for q in asked.questions], bar.update)
    if records is None:  # the first process goes on alone
        return

    name = args.result or f"{about['name']}_{asked.name}{part}"
    pairs = rtuning.training_pairs(
        lm.format, asked.questions, texts, records, args.method, args.scoring, args.num_try, args.seed
    )
    if len(pairs) < len(records):
        left_out = len(records) - len(pairs)
        ranks.say(f"{left_out} unanswerable questions are left out of the training data: --method unknown refuses them")
    if is_served(args.model):
        ranks.say("The training data's answers lack the model's end token, which a server does not tell: add it there")
    data = formats.write(f"{name}_{args.method}", *layout(pairs))
    summary = {"method": args.method, "domain": args.domain, **boundary.summarise(records), "shots_dropped": cut}
    summary["prefix_cache"] = means.manner(lm, shared)
    result = run.finish(summary | servers.summary(lm, match) | {"training_data": str(data)}, records)
    picture = run.path.with_suffix(".png")
    figures.boundary_figure(result, picture)
    print(tables.boundary_table(summary))
    cli.closing([run.path, picture, data], f"python run_query_state.py {servers.flags(args)}")


if __name__ == "__main__":
    cli.run(main, divided=True)
