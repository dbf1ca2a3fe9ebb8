"""Stage 1: where is the model's knowledge boundary, subject by subject? (R-Tuning's probe, and its training data.)

Examples:
  python run_MMLU.py --dataset world_facts_mc --split test --scoring cloze --num_shots 5
  python run_MMLU.py --model Qwen/Qwen2.5-3B --dataset mmlu --method unsure
  python run_MMLU.py --model openlm-research/open_llama_3b --dataset data/MMLU --domain ID --method unknown
  torchrun --nproc_per_node 8 run_MMLU.py --model Qwen/Qwen2.5-7B --dataset mmlu
"""

from pathlib import Path

from knowledge_boundary import cli, options
from knowledge_boundary.asking import probe
from knowledge_boundary.engine import exactness
from knowledge_boundary.knowledge import boundary
from knowledge_boundary.questions import mmlu
from knowledge_boundary.reporting import figures, tables
from knowledge_boundary.running import ranks
from knowledge_boundary.running.errors import UserError
from knowledge_boundary.running.journal import Run
from knowledge_boundary.training import formats, rtuning


def arguments():
    """The stage's flags."""
    parser = cli.Parser(__doc__)
    options.add_model_arguments(parser)
    options.add_data_arguments(parser, "mmlu", "test")
    group = parser.add_argument_group("probe")
    group.add_argument("--method", default="unsure", choices=rtuning.METHODS, help="R-Tuning's training data")
    group.add_argument("--num_try", type=options.positive, default=5, help="sampled answers of --method uncertain")
    group.add_argument("--domain", default="all", choices=mmlu.DOMAINS, help="part of R-Tuning's MMLU split")
    options.add_probe_arguments(group)
    group.add_argument("--result", help="name of the training data; default: MODEL_DATASET, with _DOMAIN for a part")
    options.add_run_arguments(parser)
    return parser.parse_args()


def main():
    """Probe, write boundary.json, its picture and the training data."""
    args = arguments()
    asked = cli.load_questions(args, domain=args.domain)
    if not asked.multiple_choice:
        raise UserError(f"--dataset {args.dataset}: open questions; run_MMLU.py probes multiple choice")
    probe.check_prompt(args.scoring, args.chat_template, args.thinking)
    asked.check_shots(args.num_shots)
    about = cli.describe_model(args)
    part = f"_{args.domain}" if args.domain != "all" else ""
    path = cli.output_path(args, about["name"], asked.name, f"boundary{part}.json")
    run = Run("run_MMLU", path, vars(args), about, asked.describe())
    finished = run.finished()
    if ranks.exchange(finished and Path(finished["summary"]["training_data"]).exists())[0]:
        return cli.already_done(run.path)
    run.resume()

    lm = cli.load_model(args, about)
    room = [probe.room(lm, q, args.scoring) for q in asked.questions]
    texts, dropped = probe.fitted_prompts(lm, asked, args.num_shots, args.scoring, args.chat_template, room)
    shared = exactness.check(lm, texts, max(room))
    cut = cli.shots_dropped(lm, dropped)
    batches = probe.ask(lm, asked, texts, dropped, args.scoring, args.batch_tokens, shared, run.skip)
    with cli.progress(len(texts), len(run.done), "probing") as bar:
        records = run.fill(batches, [q.id for q in asked.questions], bar.update)
    if records is None:  # the first process goes on alone
        return

    name = args.result or f"{about['name']}_{asked.name}{part}"
    pairs = rtuning.training_pairs(
        lm.format, asked.questions, texts, records, args.method, args.scoring, args.num_try, args.seed
    )
    data = formats.write(f"{name}_{args.method}", "text2text", pairs, None)
    summary = {"method": args.method, "domain": args.domain, **boundary.summarise(records), "shots_dropped": cut}
    summary["prefix_cache"] = exactness.manner(lm, shared)
    result = run.finish(summary | {"training_data": str(data)}, records)
    picture = run.path.with_suffix(".png")
    figures.boundary_figure(result, picture)
    print(tables.boundary_table(summary))
    cli.closing([run.path, picture, data], f"python run_query_state.py --model {args.model}")


if __name__ == "__main__":
    cli.run(main, divided=True)
