"""Stage 5, built-in backend: fine-tune a model on a folder of training data (called by finetune.sh).

Examples:
  python -m knowledge_boundary.finetune --data training_data/smollm2_world_facts_craft --output models/smollm2-craft
  python -m knowledge_boundary.finetune --model Qwen/Qwen2.5-3B --data training_data/mmlu_craft --output models/craft
  torchrun --nproc_per_node 8 -m knowledge_boundary.finetune --data training_data/mmlu_craft --output models/craft
"""

from . import cli, models, training, training_data


def arguments():
    """The stage's flags."""
    parser = cli.Parser(__doc__)
    cli.add_model_arguments(parser)
    parser.add_argument("--data", required=True, help="folder with one JSON file (training_data/NAME)")
    parser.add_argument("--output", dest="output_model", required=True, help="folder of the weights")
    training.add_arguments(parser, epochs=3, learning_rate=2e-4)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--overwrite", action="store_true", help="discard what another run left")
    return parser.parse_args()


def main():
    """Train, write the model."""
    args = arguments()
    file = training_data.find(args.data)
    about = models.describe(args)
    run = training.open_run("finetune", args, about, [file])
    if run.finished():
        return cli.already_done(run.path)
    examples = training_data.read(file, models.load_tokenizer(args, about))
    run.resume()
    lm = models.load(args, about)
    training.complete(run, lm, examples, args)
    cli.closing([args.output_model], f"python eval_refusal.py --model {args.output_model} --prompt refuse")


if __name__ == "__main__":
    cli.run(main, divided=True, trains=True)
