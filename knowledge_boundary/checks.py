"""Flags of the stages that do not go together: each combination gets its one line before anything is read."""

from . import options
from .evaluation import calibration, curve
from .judging import outcomes
from .running.errors import UserError


def check_thinking(args, chat: bool, why: str) -> None:
    """Settles --max_thinking_tokens; UserError for --thinking on without a chat template to ask through, by ``why``."""
    if args.thinking == "off" and args.max_thinking_tokens:
        raise UserError("--max_thinking_tokens: is of --thinking on; the model is told not to think")
    if args.thinking == "on":
        if not chat:
            raise UserError(f"--thinking on: {why}")
        args.max_thinking_tokens = args.max_thinking_tokens or options.MAX_THINKING_TOKENS


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
