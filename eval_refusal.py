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

from functools import partial
from pathlib import Path

from knowledge_boundary import checks, cli, options, pages, servers
from knowledge_boundary.asking import answers, letters, means, probe
from knowledge_boundary.engine.drawing import SamplingSettings
from knowledge_boundary.evaluation import alike, calibration, comparison, curve, pools, scores
from knowledge_boundary.evaluation.rates import answerable
from knowledge_boundary.knowledge import further
from knowledge_boundary.knowledge import probe as known_probe
from knowledge_boundary.models.embedder import embedding
from knowledge_boundary.reporting import tables
from knowledge_boundary.running import ranks
from knowledge_boundary.running.costs import Costs
from knowledge_boundary.running.errors import UserError
from knowledge_boundary.running.journal import Run
from knowledge_boundary.running.results import read_json
from knowledge_boundary.serving.address import is_served
from knowledge_boundary.wording.phrases import PROMPTS, WORDINGS


def arguments():
    """The stage's flags."""
    parser = cli.Parser(__doc__)
    options.add_model_arguments(parser, served=True)
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
    checks.check_wording(args)
    if args.refusal == "letter":
        if args.prompt == "probe":
            raise UserError("--refusal letter: for the zero-shot prompts, not --prompt probe")
        if args.thinking == "on":
            raise UserError(f"--refusal letter with --thinking on: {letters.BEFORE_THOUGHT}")
        for label, asked in sets.items():
            letters.check_questions(asked.questions, f"--dataset {label}")


def evaluate_model(args) -> None:
    """Evaluate one model on every test set and write eval_NAME.json."""
    if args.probe_state and is_served(args.model):
        raise UserError("--probe_state: a probe reads a model's hidden states; give a model's weights")
    sets = cli.load_test_sets(args)
    check_probe(args, sets)
    check_refusal(args, sets)
    checks.check_signals(args)
    checks.check_thinking(args, args.prompt != "probe", "")
    checks.check_match(args, all(asked.multiple_choice for asked in sets.values()))
    judged_by = cli.describe_judge(args)
    base = evaluation_in(args.base_eval, "--base_eval") if args.base_eval else None
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
    held = [cli.held_in(one) for one in (base["meta"]["model"], about)] if base else []
    if held and held[0] != held[1] and any("bits" in one for one in held):
        ranks.say(f"--base_eval {args.base_eval}: its weights are in {held[0]}, these in {held[1]}: THS holds that too")
    state = cli.read_state(args.probe_state, "--probe_state") if args.probe_state else None
    if state:
        cli.check_same_model(state, about, f"--probe_state {args.probe_state}")
    calibrated = cli.read_calibration(args, about)
    args.name = args.name or "_".join(
        [about["name"], args.prompt, *["letter"] * (args.refusal == "letter"), *["calibrated"] * bool(calibrated)]
    )
    described = [asked.describe() for asked in sets.values()]
    dataset = {key: ", ".join(str(d[key]) for d in described) for key in ("name", "split", "n", "sha256")}
    path = cli.output_path(args, about["name"], described[0]["name"], f"eval_{args.name}.json")
    inputs = [
        *([args.base_eval] if base else []),
        *(args.calibration or []),
        *[args.probe_state] * bool(args.probe_state),
    ]
    run = Run("eval_refusal", path, vars(args), about, dataset, inputs, judged_by)
    if run.finished():
        return cli.already_done(run.path)
    run.resume()

    embed = embedding(args.embedder) if args.match == "embedding" or args.num_samples else None
    lm = cli.load_model(args, about, run, args.num_samples or 0)
    match = cli.load_matcher(args, judged_by, lm, run, embed)
    means.check(lm)  # a family that cannot run is refused before anything is asked
    passes = {"answers": 1} | ({"samples": args.num_samples} if args.num_samples else {})
    costs, cut = Costs(passes | ({"probe": 1} if args.probe_state else {})), {}
    signals = further_signals(args, lm, embed, state, costs)
    total = sum(len(asked.questions) for asked in sets.values())
    keys = [f"{label}:{q.id}" for label, asked in sets.items() for q in asked.questions]
    batches = ask_sets(args, lm, sets, match, run, cut, signals, costs)
    with cli.progress(total, len(run.done), "evaluating", lm, match) as bar:
        collected = run.fill(batches, keys, bar.update)
    if collected is None:  # the first process goes on alone
        return
    by_set = {label: [r for r in collected if r["dataset"] == label] for label in sets}
    summary = {}
    for label, own in by_set.items():
        records = calibration.apply(own, calibrated) if calibrated else own
        summary[label] = scores.summarise(records, bases[label], args.seed, args.thinking)
        summary[label] |= {"shots_dropped": cut.get(label)}
        by_set[label] = records
        if calibrated:  # the model's own decision is that of its own records
            summary[label]["native"] = curve.native(*answerable(own, bases[label]))
        if calibrated and (seen := calibration.overlap(calibrated, own)):
            ranks.say(
                f"Warning: {label}: the threshold was chosen on {seen} of these questions; its figures are too good"
            )
    collected = [r for records in by_set.values() for r in records]
    run.meta["costs"] = costs.of(total)
    run.finish({"model": args.name, "datasets": summary} | servers.summary(lm, match), collected)
    print(tables.evaluation_tables([{"model": args.name, "dataset": label, **m} for label, m in summary.items()]))
    cli.closing([run.path], "python eval_refusal.py --compare FILE… of the models to compare")


def further_signals(args, lm, embed, state, costs):
    """What --num_samples and --probe_state ask for beside the answers."""
    draws, fitted, held_out = None, None, {}
    if args.num_samples:
        thinking = args.max_thinking_tokens or 0
        draws = SamplingSettings(args.num_samples, 1.0, 1.0, args.max_new_tokens, thinking, args.seed)
    if state:
        with costs.once("probe"):
            fitted = known_probe.fit_on_state(
                lm, state["records"], args.seed, batch_tokens=args.batch_tokens, prompt=args.prompt,
                wording=args.wording, refusal=args.refusal,
            )  # fmt: skip
        held_out = further.by_question(state["records"], fitted.held_out)
    how = (args.prompt, args.wording, args.refusal)
    return further.Further(lm, *how, draws, embed, fitted, held_out, args.batch_tokens)


def ask_sets(args, lm, sets, match, run, cut, signals, costs):
    """The records of every test set, batch by batch; puts into ``cut`` how many shots each has lost."""
    for label, asked in sets.items():
        skip = partial(skipped, run, label)
        signals.prepare(asked)
        if args.prompt == "probe":
            shots = probe.usual_shots(asked.multiple_choice) if args.num_shots is None else args.num_shots
            texts, dropped = answers.probe_prompts(
                lm, asked, shots, args.scoring, args.chat_template, args.max_new_tokens
            )
            cut[label] = cli.shots_dropped(lm, dropped)
            shared = means.check(lm, texts, args.max_new_tokens + answers.after_answer(lm))
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


def evaluation_in(path, flag: str, labels=()) -> dict:
    """An evaluation's file, with the test sets of --sets alone; UserError if a threshold has decided in it."""
    found, where = read_json(path, "eval_refusal", flag), f"{flag} {path}"
    pools.check_file(found, where)
    if found["meta"]["args"].get("calibration"):
        raise UserError(f"{where}: a threshold decided in it; give the evaluation without --calibration, and that here")
    return alike.only(found, labels, where)


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
        read = (
            "calibrate",
            "base_eval",
            "sets",
            "target",
            "delta",
            "seed",
            "output_dir",
            "overwrite",
        )  # no other flag is
        own = {key: vars(args)[key] for key in read} | {"name": summary["name"], "signal": summary["signal"]}
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
    given = " ".join(written) if len(written) < 4 else "FILE…"
    cli.closing(written, f"python eval_refusal.py --compare FILE… --calibration {given}")


def compare(args) -> None:
    """Write comparison.json and report.html of several evaluations."""
    if ranks.world() > 1:
        raise UserError("--compare: runs in one process; start it with python, without torchrun")
    calibrations = args.calibration or []
    for flag, paths in (("compare", args.compare), ("calibration", calibrations)):
        twice = next((path for path in paths if paths.count(path) > 1), None)
        if twice:
            raise UserError(f"--{flag} {twice}: given twice; name each file once")
    evaluations = {f"--compare {path}": evaluation_in(path, "--compare", args.sets) for path in args.compare}
    evals = list(evaluations.values())
    calibrated = {f"--calibration {path}": calibration.read(path) for path in calibrations}
    judged = evals[0]["meta"]
    for path, other in zip(args.compare[1:], evals[1:], strict=True):
        alike.check_judged_alike(other["meta"], judged, f"--compare {path}", args.compare[0])
    if args.base_eval:
        base, base_where = evaluation_in(args.base_eval, "--base_eval", args.sets), f"--base_eval {args.base_eval}"
    else:
        base = alike.initial_model(evals)
        base_where = next(where for where, e in evaluations.items() if e is base)
    alike.check_judged_alike(base["meta"], judged, base_where, args.compare[0])
    included = [pages.read_any(path) for path in args.include]
    folder = Path(args.output_dir or Path(args.compare[0]).parent)
    page = folder / "report.html"
    inputs = [*args.compare, *args.include, *([args.base_eval] if args.base_eval else []), *calibrations]
    run = Run("compare", folder / "comparison.json", vars(args), inputs=inputs)
    if page.exists() and run.finished():
        return cli.already_done(f"{run.path}, {page}")

    records, tests = comparison.compare(evaluations, base, args.seed, base_where, calibrated)
    curves = comparison.baseline_curves(evaluations, base, args.seed, base_where)
    found = {"base": base["summary"]["model"], "paired_tests": tests, "baseline_curves": curves}
    result = run.finish(found, records)
    pages.write_page(page, result, evals, included)
    print(tables.evaluation_tables(records))
    print(tables.tests_table(tests, [r["model"] for r in records if r["kind"] == "baseline"]))
    cli.closing([run.path, page], f"open {page} in a browser")


def main():
    """Evaluate one model, choose thresholds by evaluations, or compare several."""
    args = arguments()
    servers.check(args)
    checks.check_calibration(args)
    if args.calibrate:
        return calibrate(args)
    return compare(args) if args.compare else evaluate_model(args)


if __name__ == "__main__":
    cli.run(main, divided=True)
