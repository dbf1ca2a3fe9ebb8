"""What the stages' command lines share: flags, one-line errors, where files go, closing summaries."""

import argparse
import dataclasses
import os
import sys
from pathlib import Path

from tqdm import tqdm

from . import options
from .asking import answers, judge
from .evaluation import calibration, curve, signals
from .judging import outcomes
from .models import loading
from .questions import columns, mmlu, readers
from .questions.records import QuestionSet, check_set, chosen_subjects, spread
from .running import ranks
from .running.errors import UserError
from .running.memory import no_memory, out_of_memory
from .running.results import read_json
from .training.examples import refusal_flags
from .training.rtuning import evaluation_flags
from .training.settings import TrainingSettings

# All that later stages need of a state file's records.
STATE_FIELDS = ("id", "subject", "question", "choices", "answer", "aliases", "cor", "cer")
STATE_FIELDS_OPTIONAL = ("should_abstain", "exam", "shots_dropped")


class Parser(argparse.ArgumentParser):
    """An ArgumentParser whose help shows the stage's docstring as it is, and whose errors are one line."""

    def __init__(self, doc):
        super().__init__(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)

    def error(self, message):
        """One line and exit code 2 (see ``run``)."""
        raise UserError(message)


def run(main, divided: bool = False, trains: bool = False) -> None:
    """Call ``main``; what the user can mend ends as one line on stderr and exit code 2.

    Args:
        main: the stage.
        divided: whether the stage divides its batches over torchrun's processes.
        trains: whether they exchange gradients too.
    """
    name = Path(sys.argv[0]).name
    try:
        if divided:
            ranks.start(trains)
        main()
        ranks.stop()
    except UserError as e:
        ranks.end(f"{name}: {e}", 2)
    except ranks.PeerEnded as e:
        ranks.end(f"{name}: {e}", 1)
    except (RuntimeError, MemoryError) as e:
        if not out_of_memory(e):
            raise
        ranks.end(f"{name}: {no_memory(e)}", 2)
    except BrokenPipeError:  # whoever read the output has ended, such as ``head``
        os._exit(141)  # what is still to be flushed has nowhere to go
    except KeyboardInterrupt:
        ranks.end(f"\n{ranks.INTERRUPTED}", 130)


def check_thinking(args, chat: bool, why: str) -> None:
    """Settles --max_thinking_tokens; UserError for --thinking on without a chat template to ask through, by ``why``."""
    if args.thinking == "off" and args.max_thinking_tokens:
        raise UserError("--max_thinking_tokens: is of --thinking on; the model is told not to think")
    if args.thinking == "on":
        if not chat:
            raise UserError(f"--thinking on: {why}")
        args.max_thinking_tokens = args.max_thinking_tokens or options.MAX_THINKING_TOKENS


def state_records(state: dict, args, where: str) -> list:
    """A state file's records, cut to --subjects and --limit; UserError if it is of another --split."""
    dataset = state["meta"]["dataset"]
    if args.split and dataset["split"] != args.split:
        raise UserError(f"{where}: of split {dataset['split']}, not of --split {args.split}")
    groups = {}
    for r in state["records"]:
        groups.setdefault(r["subject"], []).append(r)
    chosen = chosen_subjects(groups, args.subjects)
    return [r for s in chosen for r in spread(groups[s], args.limit or len(groups[s]))]


def check_match(args, multiple_choice: bool) -> None:
    """UserError for --match and its flags without open questions, or for a flag of another --match than is given."""
    if multiple_choice and (args.match, args.match_threshold) != ("contains", outcomes.MATCH_THRESHOLD):
        raise UserError("--match, --match_threshold: for open questions only; a letter is the right one or it is not")
    if args.match == "judge" and not args.judge_model:
        raise UserError("--match judge: which model judges? give --judge_model: hub id, folder, .gguf file, or smollm2")
    if args.match != "judge" and args.judge_model:
        raise UserError(f"--judge_model: is of --match judge; with --match {args.match}, leave it out")
    if args.match != "embedding" and args.match_threshold != outcomes.MATCH_THRESHOLD:
        raise UserError(f"--match_threshold: is of --match embedding; with --match {args.match}, leave it out")


def check_wording(args) -> None:
    """UserError for --wording with a prompt that has no instruction."""
    if args.prompt == "bare" and args.wording != "craft":
        raise UserError(f"--wording {args.wording}: is the instruction's, and --prompt bare has none; leave it out")


def check_signals(args) -> None:
    """UserError for flags of further signals where there are none, or too few samples."""
    given = next((name for name in ("num_samples", "probe_state") if getattr(args, name)), None)
    if args.num_samples == 1:
        raise UserError("--num_samples 1: certainty compares answers with each other; give 2 or more")
    if given and args.prompt == "probe":
        raise UserError(f"--{given}: is of the zero-shot prompts, not of --prompt probe")
    if args.num_samples and args.refusal == "letter":
        raise UserError("--num_samples: letters have their exact probabilities; leave it out with --refusal letter")


def check_calibration(args) -> None:
    """Settles the flags of --calibrate; UserError for one of them without it, or for it with what excludes it."""
    if args.sets and not (args.calibrate or args.compare):
        raise UserError("--sets: is of --compare and --calibrate; --dataset says what is evaluated")
    of_asking = next((n for n in ("num_samples", "probe_state", "refuse_unsure") if getattr(args, n)), None)
    if of_asking and (args.calibrate or args.compare):
        raise UserError(f"--{of_asking}: is of evaluating a model; --calibrate and --compare read what was evaluated")
    if args.refuse_unsure and args.calibration:
        raise UserError("--refuse_unsure and --calibration: which of the two refuses? give one")
    if args.calibrate is None:
        given = next((name for name in ("target", "delta", "signal") if getattr(args, name) is not None), None)
        if given:
            raise UserError(f"--{given}: is of --calibrate; --calibration takes what was chosen then")
        if args.calibration and len(args.calibration) > 1 and not args.compare:
            raise UserError("--calibration: one file for one model; several are of --compare")
        return
    if args.compare or args.calibration:
        other = "compare" if args.compare else "calibration"
        raise UserError(f"--calibrate and --{other}: one after the other; --calibrate writes what --calibration reads")
    args.target = args.target or "ths"
    promises = args.target.startswith("risk=")
    if args.delta is not None and not promises:
        raise UserError(f"--delta: is of --target risk=R; --target {args.target} promises nothing")
    args.delta = (args.delta or calibration.DELTA) if promises else None
    args.signal = args.signal or [curve.SIGNAL]
    if "all" in args.signal and len(args.signal) > 1:
        raise UserError("--signal all: is every signal; leave the others out")


def read_calibration(args, about: dict) -> dict | None:
    """The file of --calibration, None without; UserError if it is not of this model, asked as it is now."""
    if not args.calibration:
        return None
    (path,) = args.calibration
    found = calibration.read(path)
    differs = calibration.misfit(found, {"model": about, "args": vars(args)})
    if differs:
        raise UserError(f"--calibration {path}: {differs}; calibrate this model, asked in this way")
    needed = signals.FLAGS.get(found["summary"]["signal"])
    if needed and not getattr(args, needed):
        raise UserError(f"--calibration {path}: its signal is {found['summary']['signal']}; give --{needed}")
    return found


def describe_model(args, trains: bool = False) -> dict:
    """``meta.model`` of --model (``loading.describe``); unless the stage ``trains``, sets --batch_tokens' default."""
    about = loading.describe(args.model, args.revision, args.dtype, args.device, args.trust_remote_code)
    if not trains:
        args.batch_tokens = args.batch_tokens or (1024 if about["device"] == "cpu" else 16384)
    return about


def describe_judge(args) -> dict | None:
    """``meta.judge`` of --judge_model (``judge.describe``), None without it."""
    if args.match != "judge":
        return None
    return judge.describe(args.judge_model, args.dtype, args.device, args.trust_remote_code)


def load_matcher(args, judged_by: dict | None, lm, embed=None):
    """What judges open answers by --match.

    Args:
        args: the stage's flags.
        judged_by: of ``describe_judge``.
        lm: the model whose answers are judged.
        embed: of ``embedder.embedding``, if the stage has it; else --match embedding loads it.
    """
    if judged_by:
        return judge.load(args.judge_model, judged_by, args.trust_remote_code, args.batch_tokens, lm)
    if embed:
        return outcomes.matcher(args.match, args.match_threshold, embed)
    return answers.matcher(args.match, args.match_threshold, args.embedder)


def read_state(path, flag: str) -> dict:
    """A state file of run_query_state.py; of each record ``STATE_FIELDS``, and those optional that it has.

    Raises:
        UserError: it is none, has no records, or one that lacks a field.
    """
    state = read_json(path, "run_query_state", flag, STATE_FIELDS + STATE_FIELDS_OPTIONAL)
    lacking = [key for key in ("args", "model", "dataset") if not isinstance(state["meta"].get(key), dict)]
    if lacking or not state["records"]:
        raise UserError(f"{flag} {path}: no {'meta.' + lacking[0] if lacking else 'records'}; run run_query_state.py")
    for number, record in enumerate(state["records"]):
        missing = [name for name in STATE_FIELDS if name not in record]
        if missing or not all(isinstance(record[name], (int, float)) for name in ("cor", "cer")):
            what = missing[0] if missing else "cor or cer as a number"
            raise UserError(f"{flag} {path}: record {number} has no {what}; run run_query_state.py again")
    return state


def check_same_model(state: dict, about: dict, where: str) -> None:
    """UserError if a state file, which ``where`` names, is not of the model of ``describe_model``."""
    own = state["meta"]["model"]
    if own["fingerprint"] != about["fingerprint"]:
        raise UserError(f"{where}: the state of another model ({own['name']})")


def load_model(args, about: dict):
    """The model of ``describe_model``; says where it was trained with another template setting than it is now asked."""
    lm = loading.load(args.model, about, args.trust_remote_code, args.thinking, args.template_date)
    trained = loading.trained_here(args.model)
    before = ((trained or {}).get("meta", {}).get("model") or {}).get("template")
    for name, flag in (("thinking", "--thinking"), ("date", "--template_date")):
        if before and lm.format.about and before.get(name) != lm.format.about[name]:
            ranks.say(f"Trained with {flag} {before.get(name)}, asked with {lm.format.about[name]}: another prompt")
    return lm


def load_format(args, about: dict):
    """How the model of ``describe_model`` is spoken to, without its weights."""
    return loading.load_format(args.model, about, args.trust_remote_code, args.thinking, args.template_date)


def training_settings(args) -> TrainingSettings:
    """The flags of ``add_training_arguments`` and --seed."""
    return TrainingSettings(**{f.name: getattr(args, f.name) for f in dataclasses.fields(TrainingSettings)})


def load_questions(args, name=None, split=None, domain="all") -> QuestionSet:
    """The questions that the flags of ``add_data_arguments`` ask for; says how many were left out.

    With ``name`` and ``split``, one of several sets: --subjects is then left to the caller. ``domain``: the part of
    R-Tuning's split of MMLU (``mmlu.DOMAINS``), taken before --limit.
    """
    subjects = None if name else args.subjects
    with ranks.first_on_host():
        asked = readers.load(
            name or args.dataset, split or args.split, args.data_dir, subjects, args.limit, args.skip_invalid, domain,
            columns.parse(args.columns) if args.columns else None, args.seed,
        )  # fmt: skip
    for said in (asked.reading and "; ".join(asked.reading), asked.licence and f"licence: {asked.licence}"):
        if said:
            ranks.say(f"{asked.name} {asked.split}: {said}")
    if asked.skipped:
        ranks.say(f"{asked.name} {asked.split}: {asked.skipped} invalid records left out (--skip_invalid)")
    if domain != "all":
        ranks.say(f"{asked.name} {asked.split} {domain}: {mmlu.DOMAINS[domain]}: {len(asked.questions)} questions")
    return asked


def part_of(domain: str) -> str:
    """What a part of R-Tuning's split (``mmlu.DOMAINS``) adds to the names of files and of training data."""
    return f"_{domain}" if domain != "all" else ""


def parted(spec: str, split: str) -> tuple[str, str, str]:
    """(name, split, domain) of a ``NAME[:SPLIT[:DOMAIN]]``; ``split`` where it names none.

    Raises:
        UserError: it has no name.
    """
    if Path(spec).exists() and spec:
        return spec, split, "all"
    *parts, last = spec.split(":")
    domain = last if parts and last in mmlu.DOMAINS else "all"
    name, _, own = spec.removesuffix(f":{domain}").rpartition(":")
    name, own = (name, own) if name else (own, split)
    if not name:
        raise UserError(f"{spec!r} names no data set; NAME or NAME:SPLIT is expected")
    return name, own, domain


def label_of(spec: str) -> str:
    """A test set's label in an evaluation's file, by its NAME[:SPLIT[:DOMAIN]]."""
    name, split, domain = parted(spec, "test")
    return "/".join([readers.label_of(name), split, *[domain] * (domain != "all")])


def load_test_sets(args) -> dict:
    """{"NAME/SPLIT": QuestionSet} of --dataset NAME[:SPLIT[:DOMAIN]] …; --subjects are those of all sets together."""
    sets = {}
    for spec in args.dataset:
        name, split, domain = parted(spec, args.split)
        asked = load_questions(args, name, split, domain)
        label = f"{asked.name}/{asked.split}" + f"/{domain}" * (domain != "all")
        if label in sets:
            raise UserError(f"--dataset {spec}: {label} is given twice")
        sets[label] = asked
    available = [q.subject for asked in sets.values() for q in asked.questions]
    chosen = set(chosen_subjects(dict.fromkeys(available), args.subjects))
    for label, asked in sets.items():
        asked.questions = [q for q in asked.questions if q.subject in chosen]
        check_set(asked.questions, f"{label} of --subjects {args.subjects}")
    return sets


def output_path(args, model: str, dataset: str, file: str) -> Path:
    """Where a stage writes ``file``: in --output_dir, or in results/MODEL/DATASET."""
    return Path(args.output_dir or Path("results") / model / readers.label_of(dataset)) / file


def shots_dropped(lm, dropped) -> dict:
    """``summary.shots_dropped`` from how many shots each question has lost to the model's window; says if any has."""
    found = {"questions": sum(cut > 0 for cut in dropped), "shots": sum(dropped)}
    if found["questions"]:
        ranks.say(
            f"Longer than the model's window ({lm.window} tokens): {found['questions']} of {len(dropped)} prompts; "
            f"{found['shots']} examples left out from their front"
        )
    return found


def progress(total: int, done: int, verb: str):
    """The bar of a stage that asks ``total`` questions, ``done`` before; of several processes, of the first's share."""
    if ranks.world() > 1:
        total = done - (done - total) // ranks.world()  # rounded up
        verb += f" (1 of {ranks.world()} processes)"
    return tqdm(total=total, initial=done, unit="question", desc=verb, disable=ranks.rank() > 0)


def already_done(path) -> None:
    """The one line of a stage that has nothing to do."""
    ranks.say(f"Already done: {path} (--overwrite runs it again)")


def closing(written, next_command: str) -> None:
    """The last lines of a stage: what it wrote and what comes next."""
    for path in written:
        ranks.say(f"Written: {path}")
    ranks.say(f"Next:    {next_command}")


def evaluation_command(model: str, data: str, examples) -> str:
    """The command that evaluates a model fine-tuned on the ``examples`` of the folder ``data``, as they ask."""
    flags = evaluation_flags(Path(data).name, examples) or refusal_flags(examples)
    return f"python eval_refusal.py --model {model} {flags}"
