"""Stage 5, built-in backend: fine-tune a model on a folder of training data (called by finetune.sh).

Examples:
  python -m knowledge_boundary.finetune --data training_data/smollm2_world_facts_craft --output models/smollm2-craft
  python -m knowledge_boundary.finetune --model Qwen/Qwen2.5-3B --data training_data/mmlu_craft --output models/craft
  torchrun --nproc_per_node 8 -m knowledge_boundary.finetune --data training_data/mmlu_craft --output models/craft
"""

from pathlib import Path

from . import cli, options
from .training import formats, output, trainer


def arguments():
    """The stage's flags."""
    parser = cli.Parser(__doc__)
    options.add_model_arguments(parser)
    parser.add_argument("--data", required=True, help="folder with one JSON file (training_data/NAME)")
    parser.add_argument("--output", dest="output_model", required=True, help="folder of the weights")
    options.add_training_arguments(parser)
    parser.add_argument("--seed", type=options.seed, default=0)
    parser.add_argument("--overwrite", action="store_true", help="discard what another run left")
    return parser.parse_args()


def main():
    """Train, write the model."""
    args = arguments()
    settings, out = cli.training_settings(args), Path(args.output_model)
    file = formats.find(args.data)
    about = cli.describe_model(args, trains=True)
    run = output.open_run("finetune", out, settings, vars(args), about, [file])
    if run.finished():
        return cli.already_done(run.path)
    examples, weights = formats.read(file, cli.load_format(args, about))
    run.resume()
    lm = cli.load_model(args, about)
    trainer.complete(run, lm, examples, settings, out, weights=weights)
    cli.closing([out], cli.evaluation_command(args.output_model, args.data, formats.pairs_of(examples)))


if __name__ == "__main__":
    cli.run(main, divided=True)
