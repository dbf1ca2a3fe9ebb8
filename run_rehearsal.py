"""Stage 3: fine-tune the model on what it surely knows; stage 2 again on the result shows how knowledge flows.

Examples:
  python run_rehearsal.py --state results/smollm2/world_facts/state_init.json --num_examples 100
  python run_rehearsal.py --model Qwen/Qwen2.5-3B --state results/Qwen2.5-3B/mmlu/state_init.json --lora_r 64
"""

from pathlib import Path

from knowledge_boundary import cli, options
from knowledge_boundary.knowledge import selection
from knowledge_boundary.knowledge.state import answerable
from knowledge_boundary.models import loading
from knowledge_boundary.questions.records import from_record
from knowledge_boundary.running import ranks
from knowledge_boundary.running.errors import UserError
from knowledge_boundary.training import output, trainer
from knowledge_boundary.training.examples import rehearsal_examples
from knowledge_boundary.wording.phrases import WORDINGS

# CRaFT: 0.99 for multiple choice, 0.995 for open questions. Cer of multiple choice is −H: with four letters Cor > 0.99
# already means Cer > −0.07.
THRESHOLDS = {"choice": (0.99, -0.07), "open": (0.995, 0.995)}


def arguments():
    """The stage's flags."""
    parser = cli.Parser(__doc__)
    options.add_model_arguments(parser)
    options.add_state_arguments(parser)
    group = parser.add_argument_group("rehearsal set")
    group.add_argument("--state", help="the initial model's state; default: results/MODEL/DATASET/state_init.json")
    group.add_argument("--cor_threshold", type=float, help="default: 0.99 multiple choice, 0.995 open")
    group.add_argument("--cer_threshold", type=float, help="default: -0.07 multiple choice (nats), 0.995 open")
    group.add_argument("--num_examples", type=options.positive, default=1000)
    group.add_argument("--wording", default="craft", choices=WORDINGS, help="instruction of the prompt")
    options.add_training_arguments(parser)
    options.add_run_arguments(parser)
    parser.add_argument("--output_model", help="folder of the weights; default: models/MODEL-rehearsal")
    return parser.parse_args()


def main():
    """Choose the rehearsal set, train, write the model."""
    args = arguments()
    args.state = args.state or str(
        cli.output_path(args, loading.short_name(args.model), args.dataset, "state_init.json")
    )
    args.output_model = args.output_model or f"models/{loading.short_name(args.model)}-rehearsal"
    state = cli.read_state(args.state, "--state")
    about = cli.describe_model(args, trains=True)
    cli.check_same_model(state, about, f"--state {args.state}")
    records = cli.state_records(state, args, f"--state {args.state}")
    unanswerable = len(records) - len(answerable(records))
    if unanswerable == len(records):
        raise UserError(
            f"--state {args.state}: only unanswerable questions; a model is trained on what it surely knows"
        )
    kind = "choice" if records[0]["choices"] else "open"
    cor, cer = THRESHOLDS[kind]
    args.cor_threshold = cor if args.cor_threshold is None else args.cor_threshold
    args.cer_threshold = cer if args.cer_threshold is None else args.cer_threshold
    chosen, above = selection.rehearsal_set(records, args.cor_threshold, args.cer_threshold, args.num_examples)
    settings, out = cli.training_settings(args), Path(args.output_model)
    run = output.open_run("run_rehearsal", out, settings, vars(args), about, [args.state])
    if run.finished():
        return cli.already_done(run.path)
    run.resume()
    if unanswerable:
        ranks.say(f"{unanswerable} unanswerable questions are left out: there is nothing in them to be known")
    ranks.say(f"{above} questions have Cor > {args.cor_threshold} and Cer > {args.cer_threshold}")
    if above < len(chosen):
        lowest = chosen[-1]
        ranks.say(f"The best {len(chosen)} by rank are taken, down to Cor {lowest['cor']:.3f}, Cer {lowest['cer']:.3f}")

    lm = cli.load_model(args, about)
    examples = rehearsal_examples(lm.format, chosen, args.wording)
    by_rank = max(0, len(chosen) - above)
    records = [{**from_record(r).record(), "cor": r["cor"], "cer": r["cer"]} for r in chosen]
    summary = {"above_thresholds": above, "by_rank": by_rank}
    trainer.complete(run, lm, examples, settings, out, summary, records)
    cli.closing([args.output_model], f"python run_query_state.py --model {args.output_model}")


if __name__ == "__main__":
    cli.run(main, divided=True)
