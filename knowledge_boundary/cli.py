"""What the stages' command lines share: flags, one-line errors, where files go, closing summaries."""

import argparse
import dataclasses
import os
import sys
import threading
from pathlib import Path

from tqdm import tqdm

from . import servers
from .asking import answers, judge
from .evaluation import calibration, signals
from .judging import outcomes
from .models import loading
from .models.placement import Placement
from .questions import columns, mmlu, readers
from .questions.records import QuestionSet, check_set, chosen_subjects, spread
from .running import ranks
from .running.errors import UserError
from .running.memory import no_memory, out_of_memory
from .running.results import read_json
from .serving.address import is_served
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


def run(main, divided: bool = False) -> None:
    """Call ``main``; what the user can mend ends as one line on stderr and exit code 2.

    Args:
        main: the stage.
        divided: whether the stage divides its batches over torchrun's processes.
    """
    name = Path(sys.argv[0]).name
    try:
        if divided:
            ranks.start()
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
        if any(thread.name.startswith("ThreadPool") for thread in threading.enumerate()):
            print(f"\n{ranks.INTERRUPTED}", file=sys.stderr, flush=True)
            os._exit(130)  # the interpreter's own way out would wait for the requests under way
        ranks.end(f"\n{ranks.INTERRUPTED}", 130)


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
    if not trains and is_served(args.model):
        return servers.describe(args)
    placed = placement_of(args)
    if trains and (placed.device_map or placed.tensor_parallel):
        flag = "--device_map" if placed.device_map else "--tensor_parallel"
        raise UserError(f"{flag}: is for asking; in training each process holds a whole model: give --load_in 4bit")
    about = loading.describe(args.model, args.revision, args.dtype, args.device, args.trust_remote_code, placed)
    if trains and "quantised" in about and not args.lora_r:
        raise UserError(f"--lora_r 0: weights in {about['quantised']} can't be trained; give --lora_r 64 (QLoRA)")
    if placed.tensor_parallel:
        ranks.hold_together()
    if not trains:
        args.batch_tokens = args.batch_tokens or usual_batch_tokens(about)
    return about


def usual_batch_tokens(about: dict) -> int:
    """--batch_tokens where it is not given."""
    return 1024 if about["device"] == "cpu" else 16384


def describe_judge(args) -> dict | None:
    """``meta.judge`` of --judge_model (``judge.describe``), None without it."""
    if args.match != "judge":
        return None
    if is_served(args.judge_model):
        return servers.describe_judge(args)
    placed = placement_of(args).alike()
    return judge.describe(args.judge_model, args.dtype, args.device, args.trust_remote_code, placed)


def placement_of(args) -> Placement:
    """--device_map, --tensor_parallel and --load_in."""
    return Placement(args.device_map, args.tensor_parallel, args.load_in)


def load_matcher(args, judged_by: dict | None, lm, run, embed=None):
    """What judges open answers by --match.

    Args:
        args: the stage's flags.
        judged_by: of ``describe_judge``.
        lm: the model whose answers are judged.
        run: the stage's, which keeps what a server has answered.
        embed: of ``embedder.embedding``, if the stage has it; else --match embedding loads it.
    """
    if judged_by and is_served(args.judge_model):
        return servers.load_judge(args, judged_by, run)
    if judged_by:
        batch_tokens = args.batch_tokens or usual_batch_tokens(judged_by)
        asked = None if "served" in lm.about else lm
        return judge.load(args.judge_model, judged_by, args.trust_remote_code, batch_tokens, asked)
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


def load_model(args, about: dict, run=None, num_samples: int = 0, only_exact: bool = False):
    """The model of ``describe_model``; says where it was trained with another template setting than it is now asked.

    Args:
        args: the stage's flags.
        about: of ``describe_model``.
        run: the stage's, which keeps what a server has answered; of stages that ask none, None.
        num_samples: answers to a question that are drawn at most; of a served model.
        only_exact: whether letters may not be drawn; likewise.
    """
    if "served" in about:
        return servers.load(args, about, run, num_samples, only_exact)
    lm = loading.load(args.model, about, args.trust_remote_code, args.thinking, args.template_date)
    trained = loading.trained_here(args.model)
    before = ((trained or {}).get("meta", {}).get("model") or {}).get("template")
    for name, flag in (("thinking", "--thinking"), ("date", "--template_date")):
        if before and lm.format.about and before.get(name) != lm.format.about[name]:
            ranks.say(f"Trained with {flag} {before.get(name)}, asked with {lm.format.about[name]}: another prompt")
    before = (trained or {}).get("meta", {}).get("model") or {}
    if trained and before.get("quantised") != about.get("quantised"):
        ranks.say(f"Trained on weights in {held_in(before)}, asked in {held_in(about)}: another base")
    return lm


def held_in(about: dict) -> str:
    """How a model's weights are held, by its ``meta.model``."""
    return about.get("quantised") or about.get("dtype") or "a dtype that its file does not name"


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


def progress(total: int, done: int, verb: str, lm=None, match=None):
    """The bar of a stage that asks ``total`` questions, ``done`` before; of several processes, of the first's share.

    What is asked of servers, if ``lm`` or the judge ``match`` has one, stands behind it.
    """
    if ranks.world() > 1:
        total = done - (done - total) // ranks.world()  # rounded up
        verb += f" (1 of {ranks.world()} processes)"
    bar = tqdm(total=total, initial=done, unit="question", desc=verb, disable=ranks.rank() > 0)
    servers.watch(bar, lm, match)
    return bar


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
