"""Stage 3: fine-tune the model on what it surely knows; stage 2 again on the result shows how knowledge flows.

Examples:
  python run_rehearsal.py --state results/smollm2/world_facts/state_init.json --num_examples 100
  python run_rehearsal.py --model Qwen/Qwen2.5-3B --state results/Qwen2.5-3B/mmlu/state_init.json --lora_r 64
"""

from knowledge_boundary import cli, models, prompts, questions, selection, training
from knowledge_boundary.results import UserError, read_json

# CRaFT: 0.99 for multiple choice, 0.995 for open questions. Cer of multiple choice is −H: with four letters Cor > 0.99
# already means Cer > −0.07.
THRESHOLDS = {"choice": (0.99, -0.07), "open": (0.995, 0.995)}


def arguments():
    """The stage's flags."""
    parser = cli.Parser(__doc__)
    cli.add_model_arguments(parser)
    cli.add_state_arguments(parser)
    group = parser.add_argument_group("rehearsal set")
    group.add_argument("--state", help="the initial model's state; default: results/MODEL/DATASET/state_init.json")
    group.add_argument("--cor_threshold", type=float, help="default: 0.99 multiple choice, 0.995 open")
    group.add_argument("--cer_threshold", type=float, help="default: -0.07 multiple choice (nats), 0.995 open")
    group.add_argument("--num_examples", type=cli.positive, default=1000)
    group.add_argument("--wording", default="craft", choices=prompts.WORDINGS, help="instruction of the prompt")
    training.add_arguments(parser, epochs=3, learning_rate=2e-4)
    cli.add_run_arguments(parser)
    parser.add_argument("--output_model", help="folder of the weights; default: models/MODEL-rehearsal")
    return parser.parse_args()


def main():
    """Choose the rehearsal set, train, write the model."""
    args = arguments()
    args.state = args.state or str(
        cli.output_path(args, models.short_name(args.model), args.dataset, "state_init.json")
    )
    args.output_model = args.output_model or f"models/{models.short_name(args.model)}-rehearsal"
    state = read_json(args.state, "run_query_state", "--state")
    about = models.describe(args)
    if state["meta"]["model"]["fingerprint"] != about["fingerprint"]:
        raise UserError(f"--state {args.state}: the state of another model ({state['meta']['model']['name']})")
    records = cli.state_records(state, args, f"--state {args.state}")
    kind = "choice" if records[0]["choices"] else "open"
    cor, cer = THRESHOLDS[kind]
    args.cor_threshold = cor if args.cor_threshold is None else args.cor_threshold
    args.cer_threshold = cer if args.cer_threshold is None else args.cer_threshold
    chosen, above = selection.rehearsal_set(records, args.cor_threshold, args.cer_threshold, args.num_examples)
    run = training.open_run("run_rehearsal", args, about, [args.state])
    if run.finished():
        return cli.already_done(run.path)
    run.resume()
    cli.say(f"{above} questions have Cor > {args.cor_threshold} and Cer > {args.cer_threshold}")
    if above < len(chosen):
        lowest = chosen[-1]
        cli.say(f"The best {len(chosen)} by rank are taken, down to Cor {lowest['cor']:.3f}, Cer {lowest['cer']:.3f}")

    lm = models.load(args, about)
    asked = [questions.from_record(r) for r in chosen]
    examples = [
        (
            prompts.answer_prompt(lm.tokenizer, q, "basic", args.wording),
            prompts.answer_text(lm.tokenizer, q.answer),
        )
        for q in asked
    ]
    by_rank = max(0, len(chosen) - above)
    records = [{**q.record(), "cor": r["cor"], "cer": r["cer"]} for q, r in zip(asked, chosen, strict=True)]
    training.complete(run, lm, examples, args, {"above_thresholds": above, "by_rank": by_rank}, records)
    cli.closing([args.output_model], f"python run_query_state.py --model {args.output_model}")


if __name__ == "__main__":
    cli.run(main, divided=True, trains=True)
