"""Stage 6: right, wrong or refused? Rates, THS, AP, over-refusal, in and out of domain; and one report for many models.

Examples:
  python eval_refusal.py --prompt basic --name init_basic --dataset world_facts:test world_facts:ood
  python eval_refusal.py --model models/smollm2-craft --prompt refuse --name craft --base_eval eval_init_basic.json
  python eval_refusal.py --model models/unsure --prompt probe --dataset mmlu:test:ID_test mmlu:test:OOD --name unsure
  python eval_refusal.py --model models/letter --prompt bare --refusal letter --dataset mmlu:test:OOD --name letter
  python eval_refusal.py --calibrate dev/eval_init_basic.json dev/eval_craft.json --target risk=0.2 --output_dir dev
  python eval_refusal.py --compare eval_init_basic.json eval_cor_rait.json eval_craft.json --output_dir results
  python eval_refusal.py --compare eval_init_basic.json eval_craft_seed*.json --calibration dev/calibration_*.json
"""

import json
from functools import partial
from pathlib import Path

from knowledge_boundary import cli, options
from knowledge_boundary.asking import answers, letters, probe
from knowledge_boundary.engine import exactness
from knowledge_boundary.engine.drawing import SamplingSettings
from knowledge_boundary.evaluation import alike, calibration, comparison, pools, scores
from knowledge_boundary.knowledge import further
from knowledge_boundary.knowledge import probe as known_probe
from knowledge_boundary.models import loading
from knowledge_boundary.models.embedder import embedding
from knowledge_boundary.reporting import report, tables
from knowledge_boundary.running import ranks
from knowledge_boundary.running.costs import Costs
from knowledge_boundary.running.errors import UserError
from knowledge_boundary.running.journal import Run
from knowledge_boundary.running.results import read_json
from knowledge_boundary.wording.phrases import PROMPTS, WORDINGS


def arguments():
    """The stage's flags."""
    parser = cli.Parser(__doc__)
    options.add_model_arguments(parser)
    options.add_data_arguments(parser, "world_facts", "test", several=True)
    group = parser.add_argument_group("evaluation")
    group.add_argument(
        "--prompt",
        default="refuse",
        choices=(*PROMPTS, "probe"),
        help="cautious: answer only when confident; bare: no instruction; probe: run_MMLU.py's",
    )
    group.add_argument("--wording", default="craft", choices=WORDINGS, help="instruction of the prompt")
    options.add_refusal_argument(group)
    options.add_answer_arguments(group)
    options.add_match_arguments(group, "--match embedding")
    group.add_argument(
        "--refuse_unsure", action="store_true", help="an answer that the model is unsure of counts as refused"
    )
    group.add_argument("--base_eval", help="the initial model's file with the basic prompt: for THS and over-refusal")
    group.add_argument("--name", help="the file is eval_NAME.json; default: MODEL_PROMPT, with _letter, _calibrated")
    options.add_probe_arguments(parser.add_argument_group("with --prompt probe"))
    options.add_calibration_arguments(parser)
    group = parser.add_argument_group("further signals of when to answer")
    group.add_argument(
        "--num_samples", type=options.positive, help="sampled answers a question: their agreement and certainty"
    )
    group.add_argument("--probe_state", help="a state file of this model: a probe is fitted to Cor of its questions")
    group = parser.add_argument_group("comparison")
    group.add_argument("--compare", nargs="+", metavar="FILE", help="write comparison.json and report.html of these")
    group.add_argument(
        "--sets", nargs="+", metavar="NAME/SPLIT", help="of --compare's and --calibrate's files these test sets alone"
    )
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


def check_refusal(args, sets) -> None:
    """UserError for --refusal letter where no letter can refuse, or for an instruction's flag without instruction."""
    cli.check_wording(args)
    if args.refusal == "letter":
        if args.prompt == "probe":
            raise UserError("--refusal letter: for the zero-shot prompts, not --prompt probe")
        if args.thinking == "on":
            raise UserError(f"--refusal letter with --thinking on: {letters.BEFORE_THOUGHT}")
        for label, asked in sets.items():
            letters.check_questions(asked.questions, f"--dataset {label}")


def evaluate_model(args) -> None:
    """Evaluate one model on every test set and write eval_NAME.json."""
    sets = cli.load_test_sets(args)
    check_probe(args, sets)
    check_refusal(args, sets)
    cli.check_signals(args)
    cli.check_thinking(args, args.prompt != "probe", "")
    cli.check_match(args, all(asked.multiple_choice for asked in sets.values()))
    judged_by = cli.describe_judge(args)
    base = read_json(args.base_eval, "eval_refusal", "--base_eval") if args.base_eval else None
    if base:
        own = {"args": vars(args), "judge": judged_by}
        alike.check_judged_alike(base["meta"], own, f"--base_eval {args.base_eval}", "this run")
    bases = {
        label: alike.records_of(
            base, label, {q.id: q.should_abstain for q in asked.questions}, f"--base_eval {args.base_eval}"
        )
        for label, asked in sets.items()
    }
    about = cli.describe_model(args)
    calibrated = cli.read_calibration(args, about)
    args.name = args.name or "_".join(
        [about["name"], args.prompt, *["letter"] * (args.refusal == "letter"), *["calibrated"] * bool(calibrated)]
    )
    described = [asked.describe() for asked in sets.values()]
    dataset = {key: ", ".join(str(d[key]) for d in described) for key in ("name", "split", "n", "sha256")}
    path = cli.output_path(args, about["name"], described[0]["name"], f"eval_{args.name}.json")
    inputs = [*([args.base_eval] if base else []), *(args.calibration or [])]
    run = Run("eval_refusal", path, vars(args), about, dataset, inputs, judged_by)
    if run.finished():
        return cli.already_done(run.path)
    run.resume()

    embed = embedding(args.embedder) if args.match == "embedding" or args.num_samples else None
    lm = cli.load_model(args, about)
    match = cli.load_matcher(args, judged_by, lm, embed)
    exactness.check(lm)  # a family that cannot run is refused before anything is asked
    signals = further_signals(args, lm, embed)
    costs, cut = Costs({"answers": 1, **signals.forward_passes}), {}
    total = sum(len(asked.questions) for asked in sets.values())
    keys = [f"{label}:{q.id}" for label, asked in sets.items() for q in asked.questions]
    batches = ask_sets(args, lm, sets, match, run, cut, signals, costs)
    with cli.progress(total, len(run.done), "evaluating") as bar:
        collected = run.fill(batches, keys, bar.update)
    if collected is None:  # the first process goes on alone
        return
    if calibrated:
        collected = calibration.apply(collected, calibrated)
    by_set = {label: [r for r in collected if r["dataset"] == label] for label in sets}
    summary = {
        label: scores.summarise(records, bases[label], args.seed, args.thinking) | {"shots_dropped": cut.get(label)}
        for label, records in by_set.items()
    }
    run.meta["costs"] = costs.of(total)
    run.finish({"model": args.name, "datasets": summary}, collected)
    print(tables.evaluation_tables([{"model": args.name, "dataset": label, **m} for label, m in summary.items()]))
    cli.closing([run.path], "python eval_refusal.py --compare FILE… of the models to compare")


def further_signals(args, lm, embed):
    """What --num_samples and --probe_state ask for beside the answers."""
    draws = fitted = None
    if args.num_samples:
        thinking = args.max_thinking_tokens or 0
        draws = SamplingSettings(args.num_samples, 1.0, 1.0, args.max_new_tokens, thinking, args.seed)
    if args.probe_state:
        state = cli.read_state(args.probe_state, "--probe_state")
        cli.check_same_model(state, lm.about, f"--probe_state {args.probe_state}")
        fitted = known_probe.fit_on_state(
            lm, state["records"], args.seed, batch_tokens=args.batch_tokens, prompt=args.prompt, wording=args.wording,
            refusal=args.refusal,
        )  # fmt: skip
    return further.Further(lm, args.prompt, args.wording, args.refusal, draws, embed, fitted, args.batch_tokens)


def ask_sets(args, lm, sets, match, run, cut, signals, costs):
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
        elif args.refusal == "letter":
            batches = letters.ask_letters(
                lm, asked, args.prompt, args.wording, args.refuse_unsure, args.batch_tokens, None, skip
            )
        else:
            batches = answers.ask(
                lm, asked, args.prompt, args.wording, args.max_new_tokens, match, args.refuse_unsure,
                args.batch_tokens, None, skip, args.max_thinking_tokens or 0,
            )  # fmt: skip
        for records in costs.batches("answers", batches):
            records = signals.added(records, asked, costs)
            yield [r | {"dataset": label} for r in records]


def skipped(run, label, ids):
    """``Run.skip`` for the questions of one test set."""
    return run.skip([f"{label}:{i}" for i in ids])


def evaluation_in(path, flag: str, labels) -> dict:
    """An evaluation's file, with the test sets of --sets alone."""
    return alike.only(read_json(path, "eval_refusal", flag), labels, f"{flag} {path}")


def calibrate(args) -> None:
    """Choose thresholds by evaluations of a calibration split; write calibration_NAME.json of each."""
    if ranks.world() > 1:
        raise UserError("--calibrate: runs in one process; start it with python, without torchrun")
    files = {path: evaluation_in(path, "--calibrate", args.sets) for path in args.calibrate}
    base = (args.base_eval, evaluation_in(args.base_eval, "--base_eval", args.sets)) if args.base_eval else None
    pooled = pools.pools(files, base)
    found, left_out = calibration.calibrations(pooled, args.signal, args.target, args.delta, args.name)
    folder = Path(args.output_dir or Path(args.calibrate[0]).parent)
    runs = []
    for pool, summary in found:
        own = vars(args) | {"name": summary["name"], "signal": summary["signal"]}
        path = folder / f"calibration_{summary['name']}.json"
        runs.append(Run(calibration.STAGE, path, own, inputs=list(dict.fromkeys([*pool.paths, *pool.base_paths]))))
    done = [run.finished() for run in runs]
    if all(done):
        return cli.already_done(", ".join(str(run.path) for run in runs))
    for run, (pool, summary), before in zip(runs, found, done, strict=True):
        hashes = [one for one in run.meta["inputs"] if one["path"] in pool.paths]
        if not before:
            sets = list(dict.fromkeys(r["dataset"] for r in pool.records))
            run.finish(summary | {"evaluations": hashes, "sets": sets}, [])
        ranks.say(calibration.in_words(summary))
    for line in left_out:
        ranks.say(f"Left out: {line}")
    written = [str(run.path) for run in runs]
    cli.closing(written, f"python eval_refusal.py --compare FILE… --calibration {' '.join(written)}")


def compare(args) -> None:
    """Write comparison.json and report.html of several evaluations."""
    if ranks.world() > 1:
        raise UserError("--compare: runs in one process; start it with python, without torchrun")
    calibrations = args.calibration or []
    for flag, paths in (("compare", args.compare), ("calibration", calibrations)):
        twice = next((path for path in paths if paths.count(path) > 1), None)
        if twice:
            raise UserError(f"--{flag} {twice}: given twice; name each file once")
    evals = [evaluation_in(path, "--compare", args.sets) for path in args.compare]
    calibrated = {f"--calibration {path}": calibration.read(path) for path in calibrations}
    judged = evals[0]["meta"]
    for path, other in zip(args.compare[1:], evals[1:], strict=True):
        alike.check_judged_alike(other["meta"], judged, f"--compare {path}", args.compare[0])
    if args.base_eval:
        base = evaluation_in(args.base_eval, "--base_eval", args.sets)
    else:
        base = alike.initial_model(evals)
    alike.check_judged_alike(base["meta"], judged, f"--base_eval {args.base_eval}", args.compare[0])
    included = [read_any(path) for path in args.include]
    folder = Path(args.output_dir or Path(args.compare[0]).parent)
    page = folder / "report.html"
    inputs = [*args.compare, *args.include, *([args.base_eval] if args.base_eval else []), *calibrations]
    run = Run("compare", folder / "comparison.json", vars(args), inputs=inputs)
    if page.exists() and run.finished():
        return cli.already_done(f"{run.path}, {page}")

    evaluations = {f"--compare {path}": e for path, e in zip(args.compare, evals, strict=True)}
    base_where = f"--base_eval {args.base_eval}"
    hashes = {f"{flag} {i['path']}": i["sha256"] for i in run.meta["inputs"] for flag in ("--compare", "--base_eval")}
    records, tests = comparison.compare(evaluations, base, args.seed, base_where, calibrated, hashes)
    curves = comparison.baseline_curves(evaluations, base, args.seed, base_where)
    found = {"base": base["summary"]["model"], "paired_tests": tests, "baseline_curves": curves}
    result = run.finish(found, records)
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
    """Evaluate one model, choose thresholds by evaluations, or compare several."""
    args = arguments()
    cli.check_calibration(args)
    if args.calibrate:
        return calibrate(args)
    return compare(args) if args.compare else evaluate_model(args)


if __name__ == "__main__":
    cli.run(main, divided=True)
