"""Stage 1: where is the model's knowledge boundary, subject by subject? (R-Tuning's probe, and its training data.)

Examples:
  python run_MMLU.py --dataset world_facts_mc --split test --scoring cloze --num_shots 5
  python run_MMLU.py --model Qwen/Qwen2.5-3B --dataset mmlu --method unsure
  python run_MMLU.py --model openlm-research/open_llama_3b --dataset data/MMLU --domain ID --method unknown
  torchrun --nproc_per_node 8 run_MMLU.py --model Qwen/Qwen2.5-7B --dataset mmlu
"""

from functools import partial
from pathlib import Path

from knowledge_boundary import (
    boundary,
    cli,
    figures,
    mmlu,
    models,
    packing,
    prompts,
    questions,
    ranks,
    training_data,
)
from knowledge_boundary.results import Run, UserError


def arguments():
    """The stage's flags."""
    parser = cli.Parser(__doc__)
    cli.add_model_arguments(parser)
    cli.add_data_arguments(parser, "mmlu", "test")
    group = parser.add_argument_group("probe")
    group.add_argument("--method", default="unsure", choices=boundary.METHODS, help="R-Tuning's training data")
    group.add_argument("--num_try", type=cli.positive, default=5, help="sampled answers of --method uncertain")
    group.add_argument("--domain", default="all", choices=mmlu.DOMAINS, help="part of R-Tuning's MMLU split")
    cli.add_probe_arguments(group)
    group.add_argument("--result", help="name of the training data; default: MODEL_DATASET, with _DOMAIN for a part")
    cli.add_run_arguments(parser)
    return parser.parse_args()


def main():
    """Probe, write boundary.json, its picture and the training data."""
    args = arguments()
    asked = cli.load_questions(args, domain=args.domain)
    if not asked.multiple_choice:
        raise UserError(f"--dataset {args.dataset}: open questions; run_MMLU.py probes multiple choice")
    boundary.check_prompt(args)
    shots = [cli.shots_of(asked, q, args.num_shots) for q in asked.questions]
    about = cli.describe_model(args)
    part = f"_{args.domain}" if args.domain != "all" else ""
    path = cli.output_path(args, about["name"], asked.name, f"boundary{part}.json")
    run = Run("run_MMLU", path, args, about, asked.describe())
    finished = run.finished()
    if ranks.exchange(finished and Path(finished["summary"]["training_data"]).exists())[0]:
        return cli.already_done(run.path)
    run.resume()

    lm = models.load(args, about)
    shared = packing.check(lm)
    room = [boundary.room(lm, q, args) for q in asked.questions]
    build = partial(boundary.prompt, lm, args=args)
    texts, dropped = prompts.within_window(lm, asked.questions, shots, build, room)
    cut = cli.shots_dropped(lm, dropped)
    with cli.progress(len(texts), len(run.done), "probing") as bar:
        for group, group_texts in questions.grouped(asked.questions, texts, dropped):
            skip = run.skip([q.id for q in group])
            for indices, found in boundary.probabilities(lm, group, group_texts, args, shared, skip):
                run.journal([boundary.record(group[i], p) for i, p in zip(indices, found, strict=True)])
                bar.update(len(indices))

    records = run.collect([q.id for q in asked.questions])
    if records is None:  # the first process goes on alone
        return
    name = args.result or f"{about['name']}_{asked.name}{part}"
    pairs = boundary.training_pairs(asked.questions, texts, records, args, lm.tokenizer.eos_token or "")
    data = training_data.write(f"{name}_{args.method}", "text2text", pairs, None)
    summary = {"method": args.method, "domain": args.domain, **boundary.summarise(records), "shots_dropped": cut}
    summary["prefix_cache"] = "shared" if shared else "whole prompts"
    result = run.finish(summary | {"training_data": str(data)}, records)
    picture = run.path.with_suffix(".png")
    figures.boundary_figure(result, picture)
    print(boundary.table(summary))
    cli.closing([run.path, picture, data], f"python run_query_state.py --model {args.model}")


if __name__ == "__main__":
    cli.run(main, divided=True)
