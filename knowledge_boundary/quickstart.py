"""The whole chain on one model and one data set: each stage's command is printed, then run.

Without flags: the embedded model and questions. A data set's own splits are taken where none is named: MMLU's as CRaFT
does (test to learn from, val to evaluate on), else train and test; a set of one split, such as a file, is divided into
two halves. What was taken is said. What is given here goes to the stages that know it.

Examples:
  bash quickstart.sh
  bash quickstart.sh --model Qwen/Qwen2.5-3B --dataset mmlu --eval arc_challenge:test --n_van 4000 --n_idk 1000
  bash quickstart.sh --model Qwen/Qwen2.5-3B --dataset my_questions.csv
  bash quickstart.sh --model models/mine --dataset my_questions.jsonl --eval other.jsonl --dry_run
"""

import argparse
import os
import re
import shlex
import subprocess
import sys
import time
from pathlib import Path

from . import chain, checks, cli, options, servers, splits
from .asking import judge, probe
from .judging import outcomes
from .models import families, loading, placement
from .models.templates import THINKING
from .questions import readers, sets
from .running.errors import UserError
from .serving.address import PREFIX, is_served
from .training.settings import TrainingSettings
from .wording.phrases import WORDINGS

EMBEDDED = ("smollm2", "world_facts", "world_facts_mc", "minilm")  # names that are no paths


def arguments():
    """The chain's flags; what is not given stays None, so that the stages' own defaults hold."""
    parser = cli.Parser(__doc__)
    group = parser.add_argument_group("chain")
    group.add_argument("--model", help="hub id, folder, .gguf file, openai:NAME; default: smollm2 (embedded)")
    group.add_argument("--dataset", help="name, owner/name, folder or file to learn from; default: embedded questions")
    group.add_argument("--split", help="to learn from; default: see above")
    group.add_argument(
        "--eval",
        nargs="+",
        default=[],
        metavar="DATASET[:SPLIT]",
        help="sets to evaluate on, beside the data set's own",
    )
    group.add_argument(
        "--calibrate", metavar="DATASET:SPLIT", help="questions to choose thresholds on; default: a split that is left"
    )
    group.add_argument("--name", help="results/NAME, models/NAME-…, training_data/NAME_…; default: MODEL-DATASET")
    group.add_argument("--dry_run", action="store_true", default=None, help="print the commands only")
    group = parser.add_argument_group("model")
    group.add_argument("--revision", help="branch, tag or commit of a hub model")
    group.add_argument("--trust_remote_code", action="store_true", default=None)
    group.add_argument("--dtype", choices=("auto", *families.DTYPES))
    group.add_argument("--device", type=options.device, metavar=options.DEVICES)
    group.add_argument("--load_in", choices=placement.HELD, help="weights in 8 or 4 bits; training is QLoRA then")
    group.add_argument("--thinking", choices=THINKING)
    group.add_argument("--template_date", type=options.iso_date)
    options.add_server_arguments(parser)
    group = parser.add_argument_group("questions")
    group.add_argument("--data_dir", help="folder with local copies of data sets by name")
    group.add_argument("--columns", type=options.column_names, help="of files: question=NAME,answer=NAME,…")
    group.add_argument("--subjects", help="only these, comma-separated")
    group.add_argument("--limit", type=options.positive, help="questions per subject")
    group.add_argument("--skip_invalid", action="store_true", default=None)
    group = parser.add_argument_group("asking")
    group.add_argument("--num_shots", type=options.natural, help="default: 5 multiple choice, 3 open, or what there is")
    group.add_argument("--scoring", choices=("letter", "cloze"), help="of the probe")
    group.add_argument("--chat_template", action="store_true", default=None)
    group.add_argument("--wording", choices=WORDINGS)
    group.add_argument("--num_samples", type=options.positive, help="sampled answers to an open question")
    group.add_argument("--max_new_tokens", type=options.positive)
    group.add_argument("--max_thinking_tokens", type=options.positive)
    group.add_argument("--match", choices=judge.MATCHES)
    group.add_argument("--judge_model", help="of --match judge: as --model")
    group.add_argument("--match_threshold", type=options.fraction)
    group.add_argument("--embedder")
    group.add_argument("--batch_tokens", type=options.positive)
    group = parser.add_argument_group("selection and training")
    group.add_argument("--num_examples", type=options.positive, help="rehearsed; default: a fifth, at most 1000")
    group.add_argument("--threshold", type=options.fraction, help="default: 0.5, or the median where a side is empty")
    group.add_argument("--n_van", type=options.positive)
    group.add_argument("--n_idk", type=options.positive)
    group.add_argument("--strict_flow", action="store_true", default=None)
    group.add_argument("--lora_r", type=int)
    group.add_argument("--lora_alpha", type=int)
    group.add_argument("--lora_target_modules", type=options.names)
    group.add_argument("--micro_batch_tokens", type=options.positive)
    group.add_argument("--gradient_checkpointing", action="store_true", default=None)
    group.add_argument("--lora_target_parameters", type=options.names)
    for name in ("lora_dropout", "learning_rate", "epochs"):
        group.add_argument(f"--{name}", type=float)
    group.add_argument("--batch_size", type=int)
    group = parser.add_argument_group("run")
    group.add_argument("--seed", type=options.seed)
    group.add_argument("--overwrite", action="store_true", default=None, help="discard what another run left")
    return parser.parse_args()


def given(args) -> dict:
    """{flag: value} of what the command line says."""
    return {name: value for name, value in vars(args).items() if value is not None}


def own_plan(args, model: str) -> chain.Plan:
    """The chain on --dataset; says which splits and how many few-shot examples are taken.

    Raises:
        UserError: no such data set or split, nothing to evaluate on, or flags that its questions do not take.
    """
    dataset, specs = located(args.dataset, args.data_dir), [located_spec(spec, args.data_dir) for spec in args.eval]
    split, test = splits.chosen_splits(dataset, args.split, args.data_dir, specs)
    tests = [f"{dataset}:{test}"] * bool(test) + specs
    path, label = readers.local_path(dataset, args.data_dir)
    learnt = {"dataset": dataset, "split": split}
    chosen_on = located_spec(args.calibrate, args.data_dir) if args.calibrate else None
    name = args.name or f"{loading.short_name(model.removeprefix(PREFIX))}-{label}"
    plan = chain.Plan(model, name, learnt, learnt, {"dataset": tests}, [], [], given(args))
    which = {"subjects": args.subjects, "limit": args.limit, "skip_invalid": bool(args.skip_invalid)}
    which |= {"columns": args.columns, "seed": args.seed or 0}
    # Of what a dry run would have to fetch, nothing is looked at.
    asked = None
    if path or not args.dry_run:
        asked = cli.load_questions(argparse.Namespace(data_dir=args.data_dir, **which, **learnt))
    known = readers.located(dataset, args.data_dir).known
    multiple_choice = asked.multiple_choice if asked else known in sets.MULTIPLE_CHOICE
    chosen_on = chosen_on or splits.split_that_is_left(dataset, args.data_dir, split, tests, multiple_choice)
    looked_at = tests + [chosen_on] * bool(chosen_on)
    seen = [s for s in looked_at if not args.dry_run or readers.local_path(cli.parted(s, "test")[0], args.data_dir)[0]]
    test_flags = {**vars(args), **which, "dataset": seen, "split": "test"}
    evaluated = cli.load_test_sets(argparse.Namespace(**test_flags)) if seen else {}
    if asked:
        splits.check_apart(asked, evaluated, cli.label_of(chosen_on) if chosen_on else None)
        plan.defaults = defaults_of(asked, label, args.num_shots)
    if chosen_on:
        plan.evaluated = {"dataset": [*tests, chosen_on]}
        plan.calibrated, plan.shown = [cli.label_of(chosen_on)], [cli.label_of(spec) for spec in tests]
    check_kind(args, multiple_choice)
    if multiple_choice and args.thinking == "on":
        raise UserError(f"--thinking on: {probe.BEFORE_THOUGHT}")
    check_match(args, multiple_choice)
    if evaluated:
        check_match(args, all(own.multiple_choice for own in evaluated.values()))
    if not multiple_choice:
        plan.probed = None
        print("Open questions: run_MMLU.py is left out; run_query_state.py asks what the model knows of them")
    return plan


def defaults_of(asked, label: str, num_shots: int | None) -> dict:
    """{stage: {flag: value}} that follow from the questions to learn from; says where they have few examples.

    Raises:
        UserError: ``num_shots`` is more than they have.
    """
    usual = 5 if asked.multiple_choice else 3
    shots = min(usual, min(len(asked.own_shots(q)) for q in asked.questions))
    found = {"run_rehearsal.py": {"num_examples": max(1, min(1000, len(asked.questions) // 5))}}
    if num_shots is not None:
        asked.check_shots(num_shots)
    elif shots < usual:
        print(f"Few-shot examples: {shots}, as many as {label} has for every subject")
        found |= {stage: {"num_shots": shots} for stage in ("run_MMLU.py", "run_query_state.py")}
    return found


def check_kind(args, multiple_choice: bool) -> None:
    """UserError for flags that the questions to learn from do not take; the stage itself would say it much later."""
    name, kind, other = ("scoring", "open", "multiple choice")
    if multiple_choice:
        name, kind, other = ("num_samples", "multiple choice", "open questions")
    if getattr(args, name) is not None:
        raise UserError(f"--{name}: for {other} only; the questions of --dataset {args.dataset} are {kind}")
    if args.num_shots is not None and args.num_shots > 5 and multiple_choice:
        raise UserError(f"--num_shots {args.num_shots}: the probe takes 0 to 5")


def check_match(args, multiple_choice: bool) -> None:
    """``checks.check_match`` with the stages' defaults in place of what was not given."""
    threshold = outcomes.MATCH_THRESHOLD if args.match_threshold is None else args.match_threshold
    given = {"match": args.match or "contains", "match_threshold": threshold, "judge_model": args.judge_model}
    checks.check_match(argparse.Namespace(**given), multiple_choice)


def check_embedded(args) -> None:
    """UserError for flags that the chain on the embedded questions does not take."""
    if args.split or args.eval or args.calibrate:
        raise UserError("--split, --eval, --calibrate: are of --dataset; the embedded questions have their own")
    if args.chat_template and args.scoring != "letter" and not is_served(args.model):
        raise UserError("--chat_template: the embedded questions are probed by cloze; give --scoring letter with it")
    if args.num_shots is not None and args.num_shots > 5:
        raise UserError(f"--num_shots {args.num_shots}: the probe takes 0 to 5")
    check_match(args, False)


def located(name: str, data_dir=None) -> str:
    """A path that was given from the folder of the call, as one from here; names stay as they are."""
    path = Path(os.environ.get("CALLED_FROM", "."), name)
    named = name in EMBEDDED or (data_dir and Path(data_dir, name).exists())
    return name if named or not path.exists() or path.resolve() == Path(name).resolve() else str(path.resolve())


def located_spec(spec: str, data_dir) -> str:
    """``located`` for the name of a ``NAME[:SPLIT[:DOMAIN]]``."""
    whole = located(spec, data_dir)
    if whole != spec or not cli.parted(spec, "")[1]:
        return whole
    name = cli.parted(spec, "")[0]
    return located(name, data_dir) + spec.removeprefix(name)


def checked_model(args) -> str:
    """--model as the stages are given it.

    Raises:
        UserError: it cannot be found, cannot run here, or a training flag is out of range.
    """
    model = located(args.model or "smollm2")
    servers.check(args)
    if is_served(model):
        trained = chain.flags_of_training(given(args))
        if trained:
            raise UserError(f"--{trained[0]}: is of training, which needs weights; --model {model} has a server's")
        model = PREFIX + servers.describe(args)["served"]["model"]
    TrainingSettings(**{name: getattr(args, name) for name in chain.TUNE if getattr(args, name) is not None}).check()
    if args.num_samples == 1:
        raise UserError("--num_samples 1: certainty compares answers with each other; give 2 or more")
    probe.check_prompt(args.scoring, args.chat_template)
    if args.max_thinking_tokens and args.thinking != "on":
        raise UserError("--max_thinking_tokens: is of --thinking on; the model is told not to think")
    placed = placement.Placement(load_in=args.load_in)
    how = (args.dtype or "auto", args.device or "auto", bool(args.trust_remote_code), placed)
    if args.load_in and args.lora_r == 0:
        raise UserError(f"--load_in {args.load_in}, --lora_r 0: weights in fewer bits can't be trained; leave one out")
    if not is_served(model) and may_look(args, model):
        loading.describe(model, args.revision, *how)
    if (
        args.match == "judge"
        and args.judge_model
        and not is_served(args.judge_model)
        and may_look(args, args.judge_model)
    ):
        judge.describe(args.judge_model, *how)
    return model


def may_look(args, model: str) -> bool:
    """Whether a model can be described: a dry run fetches nothing, neither a model of the hub nor an adapter's base."""
    hub_id = re.fullmatch(r"[\w-]+/[\w.-]+", model) and not Path(model).exists()
    return not args.dry_run or not (hub_id or Path(model, "adapter_config.json").exists())


def main():
    """Check everything that can be checked, then run the stages one by one."""
    args = arguments()
    for name in ("data_dir", "embedder", "judge_model"):
        setattr(args, name, getattr(args, name) and located(getattr(args, name)))
    model = checked_model(args)
    # finetune.sh takes the Python of the active environment: it shall be this one.
    environment = os.environ | {"VIRTUAL_ENV": sys.prefix}
    environment["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    if args.dataset:
        if os.environ.get("QUICK"):
            raise UserError("QUICK: is of the embedded questions; --limit N takes fewer of --dataset's")
        plan = own_plan(args, model)
    else:
        check_embedded(args)
        plan = chain.embedded_plan(model, args.name, given(args))
        own = (model, args.embedder or "minilm", args.judge_model or "smollm2")
        if own == ("smollm2", "minilm", "smollm2"):  # nothing to ask the hub for
            environment["HF_HUB_OFFLINE"] = "1"
    if args.thinking == "on":  # where a model thinks
        plan.defaults.setdefault("run_query_state.py", {})["chat_template"] = True
    for flag in ("base_url", "judge_base_url"):
        url = plan.given.get(flag)
        if url and (url.login or url.query):  # what must not be shown goes to the stages out of sight
            if not is_served(model) or flag == "judge_base_url":
                raise UserError(f"--{flag}: put no password into it for a judge here; a key goes into JUDGE_API_KEY")
            environment["OPENAI_BASE_URL"] = plan.given.pop(flag).whole
    began = time.monotonic()
    for words in chain.stages(plan):
        print(f"\n$ {shlex.join(words)}", flush=True)
        if args.dry_run:
            continue
        start = time.monotonic()
        program = [sys.executable if words[0] == "python" else words[0], *words[1:]]
        code = subprocess.run(program, env=environment, check=False).returncode
        if code and "--calibrate" in words:
            print("No threshold is chosen: the comparison goes without", flush=True)
        elif code:
            raise SystemExit(code)  # the stage has said why
        now = time.monotonic()
        print(f"  [{now - start:.0f} s; {now - began:.0f} s in all]", flush=True)
    if not args.dry_run:
        print(f"\nDone in {time.monotonic() - began:.0f} s. Look at:")
        for file, what in looked_at(plan):
            print(f"  {f'{plan.out}/{file}':<40} {what}")


def looked_at(plan: chain.Plan) -> list:
    """(a file of the results, what is in it): what is worth a look in the end."""
    first = [
        ("report.html", "figures and tables, in a browser"),
        ("comparison.json", "all models on the test sets, as they are and at calibrated thresholds"),
    ]
    if is_served(plan.model):
        return [*first, ("state_init.json", "each question, its Cor and Cer, and the answers")]
    return [
        *first,
        ("selection_craft.json", "each training question, its label and the reason"),
        ("eval_craft.json", "each answer of the CRaFT model"),
    ]


if __name__ == "__main__":
    cli.run(main)
