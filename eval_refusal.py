"""Stage 6: right, wrong or refused? Rates, THS, AP, over-refusal, in and out of domain; and one report for many models.

Examples:
  python eval_refusal.py --prompt basic --name init_basic --dataset world_facts:test world_facts:ood
  python eval_refusal.py --model models/smollm2-craft --prompt refuse --name craft --base_eval eval_init_basic.json
  python eval_refusal.py --model models/unsure --prompt probe --dataset mmlu:test:ID_test mmlu:test:OOD --name unsure
  python eval_refusal.py --compare eval_init_basic.json eval_cor_rait.json eval_craft.json --output_dir results
"""

import json
from functools import partial
from pathlib import Path

from knowledge_boundary import cli, options
from knowledge_boundary.asking import answers, probe
from knowledge_boundary.engine import exactness
from knowledge_boundary.evaluation import comparison, scores
from knowledge_boundary.models import loading
from knowledge_boundary.models.embedder import embedding
from knowledge_boundary.reporting import report, tables
from knowledge_boundary.running import ranks
from knowledge_boundary.running.errors import UserError
from knowledge_boundary.running.journal import Run
from knowledge_boundary.running.results import read_json
from knowledge_boundary.wording.phrases import WORDINGS


def arguments():
    """The stage's flags."""
    parser = cli.Parser(__doc__)
    options.add_model_arguments(parser)
    options.add_data_arguments(parser, "world_facts", "test", several=True)
    group = parser.add_argument_group("evaluation")
    group.add_argument("--prompt", default="refuse", choices=("basic", "refuse", "probe"), help="probe: run_MMLU.py's")
    group.add_argument("--wording", default="craft", choices=WORDINGS, help="instruction of the prompt")
    options.add_answer_arguments(group)
    options.add_match_arguments(group, "--match embedding")
    group.add_argument(
        "--refuse_unsure", action="store_true", help="an answer that the model is unsure of counts as refused"
    )
    group.add_argument("--base_eval", help="the initial model's file with the basic prompt: for THS and over-refusal")
    group.add_argument("--name", help="the file is eval_NAME.json; default: MODEL_PROMPT")
    options.add_probe_arguments(parser.add_argument_group("with --prompt probe"))
    group = parser.add_argument_group("comparison")
    group.add_argument("--compare", nargs="+", metavar="FILE", help="write comparison.json and report.html of these")
    group.add_argument(
        "--include",
        nargs="+",
        default=[],
        metavar="FILE",
        help="other stages' files for the report, also the knowledge_boundary.json beside trained weights",
    )
    options.add_run_arguments(parser)
    return parser.parse_args()


def check_probe(args, sets) -> None:
    """UserError for the probe's flags with another prompt, or such as exclude each other; settles --num_shots.

    Of sets of both kinds it stays None: each has its own default.
    """
    if args.prompt == "probe":
        kinds = {asked.multiple_choice for asked in sets.values()}
        if args.num_shots is None and len(kinds) == 1:
            args.num_shots = probe.usual_shots(*kinds)
        for asked in sets.values():
            probe.check_prompt(args.scoring, args.chat_template, args.thinking, asked.multiple_choice)
    elif (args.num_shots, args.scoring, args.chat_template) != (None, "letter", False):
        raise UserError(f"--num_shots, --scoring, --chat_template: for --prompt probe, not --prompt {args.prompt}")


def evaluate_model(args) -> None:
    """Evaluate one model on every test set and write eval_NAME.json."""
    sets = cli.load_test_sets(args)
    check_probe(args, sets)
    cli.check_thinking(args, args.prompt != "probe", "")
    cli.check_match(args, all(asked.multiple_choice for asked in sets.values()))
    judged_by = cli.describe_judge(args)
    base = read_json(args.base_eval, "eval_refusal", "--base_eval") if args.base_eval else None
    if base:
        own = {"args": vars(args), "judge": judged_by}
        comparison.check_judged_alike(base["meta"], own, f"--base_eval {args.base_eval}", "this run")
    bases = {
        label: comparison.records_of(
            base, label, {q.id: q.should_abstain for q in asked.questions}, f"--base_eval {args.base_eval}"
        )
        for label, asked in sets.items()
    }
    about = cli.describe_model(args)
    args.name = args.name or f"{about['name']}_{args.prompt}"
    described = [asked.describe() for asked in sets.values()]
    dataset = {key: ", ".join(str(d[key]) for d in described) for key in ("name", "split", "n", "sha256")}
    path = cli.output_path(args, about["name"], described[0]["name"], f"eval_{args.name}.json")
    run = Run("eval_refusal", path, vars(args), about, dataset, [args.base_eval] if base else [], judged_by)
    if run.finished():
        return cli.already_done(run.path)
    run.resume()

    embed = embedding(args.embedder) if args.match == "embedding" else None
    lm = cli.load_model(args, about)
    match = cli.load_matcher(args, judged_by, lm, embed)
    exactness.check(lm)  # a family that cannot run is refused before anything is asked
    cut = {}
    total = sum(len(asked.questions) for asked in sets.values())
    keys = [f"{label}:{q.id}" for label, asked in sets.items() for q in asked.questions]
    batches = ask_sets(args, lm, sets, match, run, cut)
    with cli.progress(total, len(run.done), "evaluating") as bar:
        collected = run.fill(batches, keys, bar.update)
    if collected is None:  # the first process goes on alone
        return
    by_set = {label: [r for r in collected if r["dataset"] == label] for label in sets}
    summary = {
        label: scores.summarise(records, bases[label], args.seed, args.thinking) | {"shots_dropped": cut.get(label)}
        for label, records in by_set.items()
    }
    run.finish({"model": args.name, "datasets": summary}, collected)
    print(tables.evaluation_tables([{"model": args.name, "dataset": label, **m} for label, m in summary.items()]))
    cli.closing([run.path], "python eval_refusal.py --compare FILE… of the models to compare")


def ask_sets(args, lm, sets, match, run, cut):
    """The records of every test set, batch by batch; puts into ``cut`` how many shots each has lost."""
    for label, asked in sets.items():
        skip = partial(skipped, run, label)
        if args.prompt == "probe":
            shots = probe.usual_shots(asked.multiple_choice) if args.num_shots is None else args.num_shots
            texts, dropped = answers.probe_prompts(
                lm, asked, shots, args.scoring, args.chat_template, args.max_new_tokens
            )
            cut[label] = cli.shots_dropped(lm, dropped)
            shared = exactness.check(lm, texts, args.max_new_tokens + answers.after_answer(lm))
            if asked.multiple_choice:
                batches = answers.ask_probe(
                    lm, asked, texts, dropped, args.scoring, args.max_new_tokens, args.refuse_unsure,
                    args.batch_tokens, shared, skip,
                )  # fmt: skip
            else:
                batches = answers.ask_open_probe(
                    lm, asked, texts, dropped, args.max_new_tokens, match, args.refuse_unsure, args.batch_tokens,
                    shared, skip,
                )  # fmt: skip
        else:
            batches = answers.ask(
                lm, asked, args.prompt, args.wording, args.max_new_tokens, match, args.refuse_unsure,
                args.batch_tokens, None, skip, args.max_thinking_tokens or 0,
            )  # fmt: skip
        for records in batches:
            yield [r | {"dataset": label} for r in records]


def skipped(run, label, ids):
    """``Run.skip`` for the questions of one test set."""
    return run.skip([f"{label}:{i}" for i in ids])


def compare(args) -> None:
    """Write comparison.json and report.html of several evaluations."""
    if ranks.world() > 1:
        raise UserError("--compare: runs in one process; start it with python, without torchrun")
    evals = [read_json(path, "eval_refusal", "--compare") for path in args.compare]
    names = [e["summary"]["model"] for e in evals]
    if len(set(names)) < len(names):
        raise UserError(f"--compare: two files are of {max(names, key=names.count)}; evaluate with different --name")
    judged = evals[0]["meta"]
    for path, other in zip(args.compare[1:], evals[1:], strict=True):
        comparison.check_judged_alike(other["meta"], judged, f"--compare {path}", args.compare[0])
    if args.base_eval:
        base = read_json(args.base_eval, "eval_refusal", "--base_eval")
    else:
        base = comparison.initial_model(evals)
    comparison.check_judged_alike(base["meta"], judged, f"--base_eval {args.base_eval}", args.compare[0])
    included = [read_any(path) for path in args.include]
    folder = Path(args.output_dir or Path(args.compare[0]).parent)
    page = folder / "report.html"
    inputs = [*args.compare, *args.include, *([args.base_eval] if args.base_eval else [])]
    run = Run("compare", folder / "comparison.json", vars(args), inputs=inputs)
    if page.exists() and run.finished():
        return cli.already_done(f"{run.path}, {page}")

    evaluations = {f"--compare {path}": e for path, e in zip(args.compare, evals, strict=True)}
    records, tests = comparison.compare(evaluations, base, args.seed, f"--base_eval {args.base_eval}")
    result = run.finish({"base": base["summary"]["model"], "paired_tests": tests}, records)
    write_page(page, result, evals, included)
    print(tables.evaluation_tables(records))
    print(tables.tests_table(tests))
    cli.closing([run.path, page], f"open {page} in a browser")


def write_page(page, result, evals, included) -> None:
    """The report of a comparison, with what other stages' files add to it."""
    of = {}
    for file in included:
        of.setdefault(file["meta"]["stage"], []).append(file)
    states = of.get("run_query_state", [])
    report.write_report(
        page,
        result,
        boundary=next(iter(of.get("run_MMLU", [])), None),
        state_init=next((s for s in states if not is_rehearsed(s)), None),
        state_rehearsal=next((s for s in states if is_rehearsed(s)), None),
        selections=of.get("build_rait_data", []),
        evaluations=evals,
        trainings=[*of.get("run_rehearsal", []), *of.get("finetune", [])],
    )


def read_any(path) -> dict:
    """A result file of any stage, as its own ``meta.stage`` says."""
    try:
        stage = json.loads(Path(path).read_text(encoding="utf-8"))["meta"]["stage"]
    except (OSError, ValueError, KeyError, TypeError) as e:
        raise UserError(f"--include {path}: not a result file ({type(e).__name__}); give a stage's JSON") from e
    return read_json(path, stage, "--include")


def is_rehearsed(state) -> bool:
    """Whether a state file is of a model that run_rehearsal.py trained."""
    trained = loading.trained_here(state["meta"]["model"]["path"])
    return trained is not None and trained["meta"]["stage"] == "run_rehearsal"


def main():
    """Evaluate one model, or compare several evaluations."""
    args = arguments()
    return compare(args) if args.compare else evaluate_model(args)


if __name__ == "__main__":
    cli.run(main, divided=True)
