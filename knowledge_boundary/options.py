"""The flags that stages share, in groups, and the types of their values."""

import argparse
import datetime
import re

from .asking import judge
from .engine.drawing import MAX_NEW_TOKENS
from .evaluation import calibration
from .evaluation.signals import SIGNALS
from .judging import outcomes
from .models import families, placement
from .models.templates import TEMPLATE_DATE, THINKING
from .questions import columns, mmlu
from .running.errors import UserError
from .serving.address import Url, is_served
from .serving.client import CONCURRENCY
from .training.settings import TrainingSettings
from .wording.phrases import REFUSAL_LETTER, REFUSALS

MAX_THINKING_TOKENS = 2048
DEVICES = "auto|cpu|cuda|cuda:N|mps"


def positive(text: str) -> int:
    """An argparse type: a whole number from 1 on."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a whole number from 1 on")
    return value


def seed(text: str) -> int:
    """An argparse type: a whole number that numpy and torch take as a seed."""
    value = int(text)
    if not 0 <= value < 2**32:
        raise argparse.ArgumentTypeError(f"{text} is not a whole number from 0 to {2**32 - 1}")
    return value


def device(text: str) -> str:
    """An argparse type: one of ``DEVICES``."""
    if not re.fullmatch(r"auto|cpu|mps|cuda(:\d+)?", text):
        raise argparse.ArgumentTypeError(f"{text} is none of {DEVICES}")
    return text


def iso_date(text: str) -> str:
    """An argparse type: a day as YYYY-MM-DD."""
    try:
        return datetime.date.fromisoformat(text).isoformat()
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text} is not a day as YYYY-MM-DD") from None


def column_names(text: str) -> str:
    """An argparse type: ROLE=COLUMN,… as ``columns.parse`` reads it."""
    try:
        columns.parse(text)
    except UserError as e:
        raise argparse.ArgumentTypeError(str(e).removeprefix("--columns ")) from None
    return text


def names(text: str) -> tuple:
    """An argparse type: names parted by commas."""
    found = tuple(part.strip() for part in text.split(","))
    if not all(found):
        raise argparse.ArgumentTypeError(f"{text!r} has an empty name between its commas")
    return found


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


def level(text: str) -> float:
    """An argparse type: a number between 0 and 1, neither of them."""
    value = float(text)
    if not 0 < value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not above 0 and below 1")
    return value


def target(text: str) -> str:
    """An argparse type: a calibration's target as ``calibration.parse_target`` reads it."""
    try:
        calibration.parse_target(text)
    except UserError as e:
        raise argparse.ArgumentTypeError(str(e)) from None
    return text


def server_url(text: str) -> Url:
    """An argparse type: the URL of a server; what must not be shown of it is no part of its text."""
    try:
        return Url(text, "the URL")
    except UserError as e:
        raise argparse.ArgumentTypeError(str(e)) from None


def with_weights(text: str) -> str:
    """An argparse type: a model whose weights can be had."""
    if is_served(text):
        raise argparse.ArgumentTypeError(
            f"{text} is behind a server, and this stage needs a model's weights: give a hub id, folder or .gguf file "
            "(run_MMLU.py, run_query_state.py and eval_refusal.py ask servers)"
        )
    return text


def add_model_arguments(parser, served: bool = False) -> None:
    """--model and how it is loaded; ``served``: it may also be behind a server."""
    group = parser.add_argument_group("model")
    more = ", or openai:NAME of a server" * served
    group.add_argument(
        "--model",
        type=str if served else with_weights,
        default="smollm2",
        help=f"hub id, folder, .gguf file, smollm2 (embedded){more}",
    )
    group.add_argument("--revision", help="branch, tag or commit of a hub model")
    group.add_argument("--trust_remote_code", action="store_true", help="run code that comes with the model")
    group.add_argument("--dtype", default="auto", choices=("auto", *families.DTYPES), help="auto: float32 on CPUs")
    group.add_argument("--device", type=device, default="auto", metavar=DEVICES)
    group.add_argument("--device_map", metavar="auto|balanced|FILE", help="weights over several GPUs, CPU and disk")
    group.add_argument(
        "--tensor_parallel", action="store_true", help="torchrun's processes hold one model together, a part each"
    )
    group.add_argument("--load_in", choices=placement.HELD, help="weights in 8 or 4 bits (bitsandbytes)")
    group.add_argument(
        "--thinking", default="off", choices=THINKING, help="whether the model may think before it answers"
    )
    group.add_argument(
        "--template_date",
        type=iso_date,
        help=f"what chat templates print as today; default: {TEMPLATE_DATE}",
    )
    if served:
        add_server_arguments(parser)


def add_server_arguments(parser) -> None:
    """Where a served model is, and how it is asked."""
    group = parser.add_argument_group("server")
    group.add_argument(
        "--base_url", type=server_url, metavar="URL", help="of --model openai:NAME; default: OPENAI_BASE_URL, or OpenAI"
    )
    group.add_argument(
        "--judge_base_url", type=server_url, metavar="URL", help="of --judge_model openai:NAME; default: --base_url"
    )
    group.add_argument("--concurrency", type=positive, help=f"requests in flight at most; default: {CONCURRENCY}")
    group.add_argument("--max_requests", type=positive, help="stop after so many; the same command goes on")


def add_answer_arguments(group) -> None:
    """How long an answer, and a thought before it, may be."""
    group.add_argument(
        "--max_new_tokens", type=positive, default=MAX_NEW_TOKENS, help="longest answer, in tokens, behind its thought"
    )
    group.add_argument(
        "--max_thinking_tokens", type=positive, help=f"longest thought of --thinking on; default: {MAX_THINKING_TOKENS}"
    )


def add_data_arguments(parser, dataset: str, split: str, several: bool = False) -> None:
    """--dataset and which of its questions are asked."""
    group = parser.add_argument_group("data")
    more = {"nargs": "+", "default": [dataset]} if several else {"default": dataset}
    where = "name, owner/name of the hub, folder or file"
    group.add_argument("--dataset", help=where + " (NAME:SPLIT for several)" * several, **more)
    group.add_argument("--split", default=split, help=f"default: {split}")
    group.add_argument("--data_dir", help="folder with local copies of data sets by name, used before the hub")
    group.add_argument(
        "--columns", type=column_names, help="of files: question=NAME,answer=NAME,… (NAME:index0 for indices from 0)"
    )
    group.add_argument("--subjects", help="only these, comma-separated")
    group.add_argument("--limit", type=positive, help="questions per subject, spread over the set")
    group.add_argument(
        "--skip_invalid", action="store_true", help="leave out questions that cannot be asked, and count"
    )


def add_refusal_argument(group) -> None:
    """--refusal: how "I don't know" is said."""
    group.add_argument(
        "--refusal",
        default="text",
        choices=REFUSALS,
        help=f"letter: {REFUSAL_LETTER} stands for \"I don't know\" beside the choices' letters (multiple choice only)",
    )


def add_domain_argument(group) -> None:
    """--domain: the part of R-Tuning's split of MMLU."""
    group.add_argument("--domain", default="all", choices=mmlu.DOMAINS, help="part of R-Tuning's MMLU split")


def add_probe_arguments(group) -> None:
    """The probe's few-shot prompt: run_MMLU.py's, and evaluation's --prompt probe."""
    group.add_argument(
        "--num_shots", type=int, choices=range(6), help="few-shot examples; default: 5 multiple choice, 0 open"
    )
    group.add_argument("--scoring", default="letter", choices=("letter", "cloze"), help="cloze: the options' own text")
    group.add_argument("--chat_template", action="store_true", help="ask through the model's chat template")


def add_state_arguments(parser) -> None:
    """Which of a state file's questions a later stage uses; by default all."""
    group = parser.add_argument_group("data")
    group.add_argument("--dataset", default="world_facts", help="names the default folder, results/MODEL/DATASET")
    group.add_argument("--split", help="the split that the state files must be of")
    group.add_argument("--subjects", help="only these, comma-separated")
    group.add_argument("--limit", type=positive, help="questions per subject, spread over the file")


def add_match_arguments(group, embedder_of: str) -> None:
    """--match, --match_threshold, --judge_model, --embedder; ``embedder_of`` says what the embedder is for."""
    group.add_argument(
        "--match",
        default="contains",
        choices=judge.MATCHES,
        help="when an open answer is right: it is an accepted one, contains one (default), is near one in meaning, or "
        "a judge model says so",
    )
    group.add_argument("--judge_model", help="of --match judge: hub id, folder, .gguf file, smollm2, or openai:NAME")
    group.add_argument(
        "--match_threshold",
        type=fraction,
        default=outcomes.MATCH_THRESHOLD,
        help=f"cosine of --match embedding; {outcomes.MATCH_THRESHOLD} takes 3 %% of wrong answers, 97 %% of right",
    )
    group.add_argument(
        "--embedder", default="minilm", help=f"sentence embedder of {embedder_of}: minilm, a path or a hub id"
    )


def add_calibration_arguments(parser) -> None:
    """--calibrate and what it asks for, --calibration."""
    group = parser.add_argument_group("calibration")
    group.add_argument(
        "--calibrate",
        nargs="+",
        metavar="FILE",
        help="choose a threshold by these evaluations of a calibration split, and write calibration_NAME.json",
    )
    group.add_argument(
        "--target",
        type=target,
        metavar="ths|risk=R|coverage=C",
        help="highest THS (default); at most the share R wrong of the answers given; the share C answered",
    )
    group.add_argument(
        "--delta", type=level, help=f"how often a promised risk may be exceeded; default: {calibration.DELTA}"
    )
    group.add_argument(
        "--signal", nargs="+", choices=(*SIGNALS, "all"), help="what the threshold is of; default: score"
    )
    group.add_argument(
        "--calibration",
        nargs="+",
        metavar="FILE",
        help="calibration_NAME.json of this model: answer where its threshold says so",
    )


def add_training_arguments(parser) -> None:
    """The flags of a fine-tune."""
    group, default = parser.add_argument_group("training"), TrainingSettings()
    group.add_argument("--lora_r", type=int, default=default.lora_r, help="LoRA rank; 0 trains all weights")
    group.add_argument("--lora_alpha", type=int, default=default.lora_alpha)
    group.add_argument("--lora_dropout", type=float, default=default.lora_dropout)
    group.add_argument(
        "--lora_target_modules",
        type=names,
        help="layers that LoRA adapts, comma-separated; default: all linear ones but the head, routers, other senses",
    )
    group.add_argument(
        "--lora_target_parameters", type=names, help="parameters that LoRA adapts too, such as mlp.experts.down_proj"
    )
    group.add_argument("--epochs", type=float, default=default.epochs)
    group.add_argument("--learning_rate", type=float, default=default.learning_rate)
    group.add_argument(
        "--batch_size", type=int, default=default.batch_size, help="examples an optimiser step, over all processes"
    )
    group.add_argument(
        "--micro_batch_tokens",
        type=positive,
        help="tokens of a step that run at a time; default: 2048, 16384 on GPUs, fewer where they don't fit",
    )
    group.add_argument(
        "--gradient_checkpointing", action="store_true", help="less memory, slower: activations computed twice"
    )
    group.add_argument("--warmup_ratio", type=float, default=default.warmup_ratio)
    group.add_argument("--save_steps", type=int, default=default.save_steps, help="steps between checkpoints")


def add_outside_arguments(parser, trainer: str):
    """The flags of a fine-tune by a trainer outside this program; returns the group of its own."""
    parser.add_argument("--data", required=True, help="folder with one data file (training_data/NAME)")
    parser.add_argument("--output", dest="output_model", required=True, help="folder of the weights; empty or new")
    add_training_arguments(parser)
    parser.add_argument("--seed", type=seed, default=0)
    parser.add_argument("--overwrite", action="store_true", help="replace the model that another run has written")
    group = parser.add_argument_group(trainer)
    group.add_argument("--launcher", help="words that start it: python, torchrun …, accelerate launch …, deepspeed …")
    group.add_argument("--processes", type=positive, help="on all hosts; default: as --launcher says, or one a GPU")
    return group


def parted_arguments(parser, words):
    """The flags of a command line, ``rest`` what stands after --, which goes to the trainer untouched."""
    at = words.index("--") if "--" in words else len(words)
    args = parser.parse_args(words[:at])
    args.rest = words[at + 1 :]
    return args


def add_run_arguments(parser) -> None:
    """--seed, --batch_tokens, --output_dir, --overwrite."""
    group = parser.add_argument_group("run")
    group.add_argument("--seed", type=seed, default=0)
    group.add_argument("--batch_tokens", type=positive, help="tokens of a pass at most; default: 1024, 16384 on GPUs")
    group.add_argument("--output_dir", help="default: results/MODEL/DATASET")
    group.add_argument("--overwrite", action="store_true", help="discard what another run left")
