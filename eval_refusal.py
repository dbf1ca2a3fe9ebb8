"""Stage 6: right, wrong or refused? Rates, THS, AP, over-refusal, in and out of domain; and one report for many models.

Examples:
  python eval_refusal.py --prompt basic --name init_basic --dataset world_facts:test world_facts:ood
  python eval_refusal.py --model models/smollm2-craft --prompt refuse --name craft --base_eval eval_init_basic.json
  python eval_refusal.py --model models/unsure --prompt probe --dataset mmlu:test:ID_test mmlu:test:OOD --name unsure
  python eval_refusal.py --compare eval_init_basic.json eval_cor_rait.json eval_craft.json --output_dir results
"""

import itertools
import json
from functools import partial
from pathlib import Path

from knowledge_boundary import (
    asking,
    boundary,
    cli,
    evaluation,
    mmlu,
    models,
    packing,
    prompts,
    questions,
    ranks,
    report,
)
from knowledge_boundary.results import Run, UserError, read_json


def arguments():
    """The stage's flags."""
    parser = cli.Parser(__doc__)
    cli.add_model_arguments(parser)
    cli.add_data_arguments(parser, "world_facts", "test", several=True)
    group = parser.add_argument_group("evaluation")
    group.add_argument("--prompt", default="refuse", choices=("basic", "refuse", "probe"), help="probe: run_MMLU.py's")
    group.add_argument("--wording", default="craft", choices=prompts.WORDINGS, help="instruction of the prompt")
    group.add_argument("--max_new_tokens", type=cli.positive, default=16, help="longest answer, in tokens")
    cli.add_match_arguments(group, "--match embedding")
    group.add_argument(
        "--refuse_unsure", action="store_true", help="an answer that the model is unsure of counts as refused"
    )
    group.add_argument("--base_eval", help="the initial model's file with the basic prompt: for THS and over-refusal")
    group.add_argument("--name", help="the file is eval_NAME.json; default: MODEL_PROMPT")
    cli.add_probe_arguments(parser.add_argument_group("with --prompt probe"))
    group = parser.add_argument_group("comparison")
    group.add_argument("--compare", nargs="+", metavar="FILE", help="write comparison.json and report.html of these")
    group.add_argument(
        "--include",
        nargs="+",
        default=[],
        metavar="FILE",
        help="other stages' files for the report, also the knowledge_boundary.json beside trained weights",
    )
    cli.add_run_arguments(parser)
    return parser.parse_args()


def test_sets(args) -> dict:
    """{"NAME/SPLIT": QuestionSet} of --dataset NAME[:SPLIT[:DOMAIN]] …; --subjects are those of all sets together."""
    sets = {}
    for spec in args.dataset:
        *parts, last = spec.split(":")
        domain = last if parts and last in mmlu.DOMAINS else "all"
        name, _, split = spec.removesuffix(f":{domain}").rpartition(":")
        name, split = (name, split) if name else (split, args.split)
        asked = cli.load_questions(args, name, split, domain)
        label = f"{asked.name}/{asked.split}" + f"/{domain}" * (domain != "all")
        if label in sets:
            raise UserError(f"--dataset {spec}: {label} is given twice")
        sets[label] = asked
    available = [q.subject for asked in sets.values() for q in asked.questions]
    chosen = set(questions.chosen_subjects(dict.fromkeys(available), args.subjects))
    for label, asked in sets.items():
        asked.questions = [q for q in asked.questions if q.subject in chosen]
        questions.check_set(asked.questions, f"{label} of --subjects {args.subjects}")
    return sets


def records_of(evaluated, label, ids, where) -> list | None:
    """The records of one test set in the order of ``ids``, out of an evaluation's file; None without a file.

    Raises:
        UserError: it was not evaluated on the same questions; ``where`` says which flag and file.
    """
    if evaluated is None:
        return None
    own = {r["id"]: r for r in evaluated["records"] if r["dataset"] == label}
    if own.keys() != set(ids):
        raise UserError(f"{where}: not evaluated on the same questions of {label}; evaluate all models alike")
    return [own[i] for i in ids]


def check_judged_alike(evaluated, args, where, other) -> None:
    """UserError if an evaluation's open answers were not matched as another's (``args``, said to be ``other``'s)."""
    own = evaluated["meta"]["args"]
    for name in ("match", "match_threshold"):
        if own.get(name) != args.get(name):
            raise UserError(
                f"{where}: evaluated with --{name} {own.get(name)}, {other} with {args.get(name)}; judge all alike"
            )


def check_probe(args, sets) -> None:
    """UserError for the probe's flags with another prompt, such as exclude each other, or open questions."""
    if args.prompt == "probe":
        boundary.check_prompt(args)
        for label, asked in sets.items():
            if not asked.multiple_choice:
                raise UserError(f"--prompt probe: {label} has open questions; the probe asks multiple choice")
    elif (args.num_shots, args.scoring, args.chat_template) != (5, "letter", False):
        raise UserError(f"--num_shots, --scoring, --chat_template: for --prompt probe, not --prompt {args.prompt}")


def evaluate_model(args) -> None:
    """Evaluate one model on every test set and write eval_NAME.json."""
    sets = test_sets(args)
    check_probe(args, sets)
    cli.check_match(args, all(asked.multiple_choice for asked in sets.values()))
    base = read_json(args.base_eval, "eval_refusal", "--base_eval") if args.base_eval else None
    if base:
        check_judged_alike(base, vars(args), f"--base_eval {args.base_eval}", "this run")
    bases = {
        label: records_of(base, label, [q.id for q in asked.questions], f"--base_eval {args.base_eval}")
        for label, asked in sets.items()
    }
    about = cli.describe_model(args)
    args.name = args.name or f"{about['name']}_{args.prompt}"
    described = [asked.describe() for asked in sets.values()]
    dataset = {key: ", ".join(str(d[key]) for d in described) for key in ("name", "split", "n", "sha256")}
    path = cli.output_path(args, about["name"], described[0]["name"], f"eval_{args.name}.json")
    run = Run("eval_refusal", path, args, about, dataset, [args.base_eval] if base else [])
    if run.finished():
        return cli.already_done(run.path)
    run.resume()

    match = asking.matcher(args)
    lm = models.load(args, about)
    shared = packing.check(lm)
    total = sum(len(asked.questions) for asked in sets.values())
    cut = {}
    with cli.progress(total, len(run.done), "evaluating") as bar:
        for label, asked in sets.items():
            if args.prompt == "probe":
                texts, dropped = asking.probe_prompts(lm, asked, args)
                cut[label] = cli.shots_dropped(lm, dropped)
                batches = asking.probe(lm, asked, texts, dropped, args, shared, partial(skip, run, label))
            else:
                batches = asking.ask(lm, asked, args, shared, partial(skip, run, label), match)
            for records in batches:
                run.journal([r | {"dataset": label} for r in records])
                bar.update(len(records))

    collected = run.collect([f"{label}:{q.id}" for label, asked in sets.items() for q in asked.questions])
    if collected is None:  # the first process goes on alone
        return
    by_set = {label: [r for r in collected if r["dataset"] == label] for label in sets}
    summary = {
        label: evaluation.summarise(records, bases[label], args.seed) | {"shots_dropped": cut.get(label)}
        for label, records in by_set.items()
    }
    run.finish({"model": args.name, "datasets": summary}, collected)
    print(evaluation.table([{"model": args.name, "dataset": label, **m} for label, m in summary.items()]))
    cli.closing([run.path], "python eval_refusal.py --compare FILE… of the models to compare")


def skip(run, label, ids):
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
    for path, other in zip(args.compare[1:], evals[1:], strict=True):
        check_judged_alike(other, evals[0]["meta"]["args"], f"--compare {path}", args.compare[0])
    base = initial_model(args, evals)
    check_judged_alike(base, evals[0]["meta"]["args"], f"--base_eval {args.base_eval}", args.compare[0])
    wording = same_model_refusing(base, evals)
    included = [read_any(path) for path in args.include]
    folder = Path(args.output_dir or Path(args.compare[0]).parent)
    page = folder / "report.html"
    inputs = [*args.compare, *args.include, *([args.base_eval] if args.base_eval else [])]
    run = Run("compare", folder / "comparison.json", args, inputs=inputs)
    if page.exists() and run.finished():
        return cli.already_done(f"{run.path}, {page}")

    records, tests = [], []
    for label in evals[0]["summary"]["datasets"]:
        ids = [r["id"] for r in evals[0]["records"] if r["dataset"] == label]
        own = {
            name: records_of(e, label, ids, f"--compare {path}")
            for name, e, path in zip(names, evals, args.compare, strict=True)
        }
        initial = records_of(base, label, ids, f"--base_eval {args.base_eval}")
        for name, rows in own.items():
            found = evaluation.metrics(rows, initial, args.seed, own.get(wording))
            records.append({"model": name, "dataset": label, **found})
        for a, b in itertools.combinations(reversed(names), 2):
            tested = evaluation.paired_test(own[a], own[b], initial, args.seed)
            tests.append({"dataset": label, "model_a": a, "model_b": b, **tested})
    result = run.finish({"base": base["summary"]["model"], "paired_tests": tests}, records)
    write_page(page, result, evals, included)
    print(evaluation.table(records))
    print(evaluation.tests_table(tests))
    cli.closing([run.path, page], f"open {page} in a browser")


def initial_model(args, evals) -> dict:
    """The evaluation that THS is measured against: --base_eval, or the one file with no leave to refuse and no base."""
    if args.base_eval:
        return read_json(args.base_eval, "eval_refusal", "--base_eval")
    initial = [e for e in evals if e["meta"]["args"]["prompt"] != "refuse" and not e["meta"]["inputs"]]
    if len(initial) != 1:
        raise UserError("--compare: name the initial model's file with --base_eval; THS is measured against it")
    return initial[0]


def same_model_refusing(base, evals) -> str | None:
    """The name of the one evaluation of the initial model with the refusal prompt: THS without the wording's share."""
    fingerprint = base["meta"]["model"]["fingerprint"]
    own = [e for e in evals if e["meta"]["model"]["fingerprint"] == fingerprint]
    names = [e["summary"]["model"] for e in own if e["meta"]["args"]["prompt"] == "refuse"]
    return names[0] if len(names) == 1 else None


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
    trained = models.trained_here(state["meta"]["model"]["path"])
    return trained is not None and trained["meta"]["stage"] == "run_rehearsal"


def main():
    """Evaluate one model, or compare several evaluations."""
    args = arguments()
    return compare(args) if args.compare else evaluate_model(args)


if __name__ == "__main__":
    cli.run(main, divided=True)
