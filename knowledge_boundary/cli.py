"""What the stages' command lines share: flags, one-line errors, where files go, closing summaries."""

import argparse
import sys
from pathlib import Path

from tqdm import tqdm

from . import answers, families, mmlu, models, questions, ranks, readers
from .results import UserError


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
    except KeyboardInterrupt:
        ranks.end(f"\n{ranks.INTERRUPTED}", 130)


def positive(text: str) -> int:
    """An argparse type: a whole number from 1 on."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a whole number from 1 on")
    return value


def natural(text: str) -> int:
    """An argparse type: a whole number from 0 on."""
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"{text} is negative")
    return value


def fraction(text: str) -> float:
    """An argparse type: a number from 0 to 1."""
    value = float(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 1")
    return value


def add_model_arguments(parser) -> None:
    """--model and how it is loaded."""
    group = parser.add_argument_group("model")
    group.add_argument("--model", default="smollm2", help="hub id, folder, .gguf file, or smollm2 (embedded)")
    group.add_argument("--revision", help="branch, tag or commit of a hub model")
    group.add_argument("--trust_remote_code", action="store_true", help="run code that comes with the model")
    group.add_argument("--dtype", default="auto", choices=("auto", *families.DTYPES), help="auto: float32 on CPUs")
    group.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda", "mps"))


def add_data_arguments(parser, dataset: str, split: str, several: bool = False) -> None:
    """--dataset and which of its questions are asked."""
    group = parser.add_argument_group("data")
    more = {"nargs": "+", "default": [dataset]} if several else {"default": dataset}
    group.add_argument("--dataset", help="name, folder or file" + " (NAME:SPLIT for several)" * several, **more)
    group.add_argument("--split", default=split, help=f"default: {split}")
    group.add_argument("--data_dir", help="folder with local copies of data sets by name, used before the hub")
    group.add_argument("--subjects", help="only these, comma-separated")
    group.add_argument("--limit", type=positive, help="questions per subject, spread over the set")
    group.add_argument(
        "--skip_invalid", action="store_true", help="leave out questions that cannot be asked, and count"
    )


def add_probe_arguments(group) -> None:
    """The probe's few-shot prompt: run_MMLU.py's, and evaluation's --prompt probe."""
    group.add_argument("--num_shots", type=int, default=5, choices=range(6))
    group.add_argument("--scoring", default="letter", choices=("letter", "cloze"), help="cloze: the options' own text")
    group.add_argument("--chat_template", action="store_true", help="ask through the model's chat template")


def add_state_arguments(parser) -> None:
    """Which of a state file's questions a later stage uses; by default all."""
    group = parser.add_argument_group("data")
    group.add_argument("--dataset", default="world_facts", help="names the default folder, results/MODEL/DATASET")
    group.add_argument("--split", help="the split that the state files must be of")
    group.add_argument("--subjects", help="only these, comma-separated")
    group.add_argument("--limit", type=positive, help="questions per subject, spread over the file")


def state_records(state: dict, args, where: str) -> list:
    """A state file's records, cut to --subjects and --limit; UserError if it is of another --split."""
    dataset = state["meta"]["dataset"]
    if args.split and dataset["split"] != args.split:
        raise UserError(f"{where}: of split {dataset['split']}, not of --split {args.split}")
    groups = {}
    for r in state["records"]:
        groups.setdefault(r["subject"], []).append(r)
    chosen = questions.chosen_subjects(groups, args.subjects)
    return [r for s in chosen for r in questions.spread(groups[s], args.limit or len(groups[s]))]


def add_match_arguments(group, embedder_of: str) -> None:
    """--match, --match_threshold, --embedder; ``embedder_of`` says what the embedder is for."""
    group.add_argument(
        "--match",
        default="contains",
        choices=answers.MATCHES,
        help="when an open answer is right: it is an accepted one, contains one (default), or is near one in meaning",
    )
    group.add_argument(
        "--match_threshold",
        type=fraction,
        default=answers.MATCH_THRESHOLD,
        help=f"cosine of --match embedding; {answers.MATCH_THRESHOLD} takes 3 %% of wrong answers, 97 %% of right ones",
    )
    group.add_argument(
        "--embedder", default="minilm", help=f"sentence embedder of {embedder_of}: minilm, a path or a hub id"
    )


def check_match(args, multiple_choice: bool) -> None:
    """UserError for --match or --match_threshold without open questions, or a threshold without embeddings."""
    if multiple_choice and (args.match, args.match_threshold) != ("contains", answers.MATCH_THRESHOLD):
        raise UserError("--match, --match_threshold: for open questions only; a letter is the right one or it is not")
    if args.match != "embedding" and args.match_threshold != answers.MATCH_THRESHOLD:
        raise UserError(f"--match_threshold: is of --match embedding; with --match {args.match}, leave it out")


def add_run_arguments(parser) -> None:
    """--seed, --batch_tokens, --output_dir, --overwrite."""
    group = parser.add_argument_group("run")
    group.add_argument("--seed", type=int, default=0)
    group.add_argument("--batch_tokens", type=positive, help="tokens of a pass at most; default: 1024, 16384 on GPUs")
    group.add_argument("--output_dir", help="default: results/MODEL/DATASET")
    group.add_argument("--overwrite", action="store_true", help="discard what another run left")


def describe_model(args) -> dict:
    """``meta.model`` (see ``models.describe``); puts in the default of --batch_tokens for the device."""
    about = models.describe(args)
    args.batch_tokens = args.batch_tokens or (1024 if about["device"] == "cpu" else 16384)
    return about


def load_questions(args, name=None, split=None, domain="all") -> questions.QuestionSet:
    """The questions that the flags of ``add_data_arguments`` ask for; says how many were left out.

    With ``name`` and ``split``, one of several sets: --subjects is then left to the caller. ``domain``: the part of
    R-Tuning's split of MMLU (``mmlu.DOMAINS``), taken before --limit.
    """
    subjects = None if name else args.subjects
    with ranks.first_on_host():
        asked = readers.load(
            name or args.dataset, split or args.split, args.data_dir, subjects, args.limit, args.skip_invalid, domain
        )
    if asked.skipped:
        say(f"{asked.name} {asked.split}: {asked.skipped} invalid records left out (--skip_invalid)")
    if domain != "all":
        say(f"{asked.name} {asked.split} {domain}: {mmlu.DOMAINS[domain]}: {len(asked.questions)} questions")
    return asked


def output_path(args, model: str, dataset: str, file: str) -> Path:
    """Where a stage writes ``file``: in --output_dir, or in results/MODEL/DATASET."""
    return Path(args.output_dir or Path("results") / model / Path(dataset).stem) / file


def shots_of(asked, question, num_shots: int) -> list:
    """The first ``num_shots`` few-shot examples for ``question``, itself left out.

    Raises:
        UserError: there are fewer.
    """
    others = [
        s
        for s in asked.shots.get(question.subject, [])
        if (s.question, s.choices) != (question.question, question.choices)
    ]
    shots = others[:num_shots]
    if len(shots) < num_shots:
        raise UserError(
            f"--num_shots {num_shots}: {asked.name} has {len(shots)} examples for {question.subject}; "
            f"use --num_shots {len(shots)}"
        )
    return shots


def shots_dropped(lm, dropped) -> dict:
    """``summary.shots_dropped`` from how many shots each question has lost to the model's window; says if any has."""
    found = {"questions": sum(cut > 0 for cut in dropped), "shots": sum(dropped)}
    if found["questions"]:
        say(
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


def say(line: str) -> None:
    """Print a line that all processes of a run would print, once."""
    if ranks.rank() == 0:
        print(line, flush=True)


def already_done(path) -> None:
    """The one line of a stage that has nothing to do."""
    say(f"Already done: {path} (--overwrite runs it again)")


def closing(written, next_command: str) -> None:
    """The last lines of a stage: what it wrote and what comes next."""
    for path in written:
        say(f"Written: {path}")
    say(f"Next:    {next_command}")
