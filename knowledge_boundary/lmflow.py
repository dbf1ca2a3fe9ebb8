"""Stage 5, LMFlow backend: fine-tune with the LMFlow checkout of LMFLOW_DIR (called by finetune.sh).

LMFlow is no registry's package: LMFLOW_DIR names its checkout, LMFLOW_PYTHON the Python of its environment. Every
setting that matters is passed explicitly, and the run is checked afterwards, since LMFlow exits with 0 even where it
has trained on nothing. What stands after -- goes to LMFlow untouched, after our own flags.

Examples:
  LMFLOW_DIR=~/LMFlow bash finetune.sh --backend lmflow \\
    --model models/smollm2 --data training_data/smollm2_world_facts_craft --output models/smollm2-craft
  LMFLOW_DIR=~/LMFlow bash finetune.sh --backend lmflow --launcher "torchrun --nproc_per_node 8" --model … \\
    -- --gradient_checkpointing 1
"""

import shutil
import subprocess
import sys
from pathlib import Path

import transformers

from . import cli, options
from .models import families
from .models.language_model import LM
from .running import ranks
from .running.errors import UserError
from .training import formats, output
from .training.lmflow import checkout, files, flags
from .training.outside import inputs, launching, result

NAME = "LMFlow"


def arguments():
    """The backend's flags; ``rest`` is what goes to LMFlow untouched."""
    parser = cli.Parser(__doc__)
    options.add_model_arguments(parser)
    group = options.add_outside_arguments(parser, "LMFlow")
    group.add_argument("--block_size", type=options.positive, help="tokens of an example; default: the longest one's")
    args = options.parted_arguments(parser, sys.argv[1:])
    if args.micro_batch_tokens or args.gradient_checkpointing or args.load_in:
        raise UserError(
            "--micro_batch_tokens, --gradient_checkpointing, --load_in: of the built-in trainer; LMFlow's own stand "
            "after --"
        )
    return args


def main():
    """Run LMFlow, check what it wrote, put the model in place."""
    args = arguments()
    if ranks.launched():
        raise UserError("runs in one process, which starts LMFlow's: give torchrun's flags by --launcher")
    settings, out = cli.training_settings(args), Path(args.output_model)
    passed = inputs.flags_of(args.rest, NAME)
    folder = checkout.checkout()
    python = checkout.interpreter(folder)
    file = formats.find(args.data)
    inputs.check_weights(file, NAME)
    found = checkout.probe(folder, python)
    if args.device == "auto":
        args.device = "cuda" if found["gpus"] else "cpu"
    if ":" in args.device:
        one = args.device.removeprefix("cuda:")
        raise UserError(f"--device {args.device}: LMFlow takes GPUs itself; set CUDA_VISIBLE_DEVICES={one}, give cuda")
    about = cli.describe_model(args, trains=True)
    if not (Path(about["path"]) / "config.json").is_file():
        raise UserError(f"--model {args.model}: an adapter or a .gguf file; LMFlow trains from a whole model's folder")
    if about["dtype"] == "float16" and not settings.lora_r:
        raise UserError("--dtype float16 --lora_r 0: gradients cannot be scaled for float16 weights; give bfloat16")
    run = output.open_run("finetune", out, settings, vars(args), about, [file])
    if run.finished():
        return cli.already_done(run.path)

    launcher, processes, launch_flags = checkout.launcher(
        folder, args.launcher, args.processes, settings.lora_r > 0, about["device"], about["dtype"], found["gpus"]
    )
    work = result.work_folder(out, "lmflow", launching.node(launcher))
    with result.removed_on_error(work):
        words = cli.load_format(args, about)
        examples, _ = formats.read(file, words)
        pairs = formats.pairs_of(examples)
        if len(pairs) > len(examples):
            print(f"{len(examples)} conversations are {len(pairs)} examples for LMFlow, one for each of their answers")
        compute = "float32" if about["device"] == "cpu" and not settings.lora_r else about["dtype"]
        about |= {
            "template": words.about,
            "master_dtype": "float32",
            "optimizer_dtype": "float32",
            "compute_dtype": compute,
        }
        lengths = files.write_data(work, pairs, LM(None, words.tokenizer, None, about, words))
        config = transformers.AutoConfig.from_pretrained(about["path"], trust_remote_code=args.trust_remote_code)
        size = inputs.block_size_of(args.block_size, lengths, families.window(config), "--block_size")
        folders = {"data": work / "data", "out": work / "out"}
        folders["model"] = result.readable(about, found["versions"]["transformers"], work, NAME)
        targets = inputs.lora_targets(config, settings, args.trust_remote_code, NAME)
        batch = inputs.per_device_batch(settings.batch_size, processes, passed)
        ours = flags.settled(settings, about, folders, len(pairs), size, batch, targets, args.trust_remote_code)
        ours |= launch_flags
        flags.check_flags(found, folder, ours, passed)
    own = [w for name, value in ours.items() for w in flags.written_as(name, value, found["flags"][name])]
    line = [*launching.launched(python, launcher), str(folder / checkout.ENTRY), *own, *args.rest]
    print(f"LMFlow {found['version']} in {folder}, transformers {found['versions']['transformers']}")
    print(
        f"{launcher[0]}: {processes} processes, {args.batch_size} examples a step, {batch} on each in a pass",
        flush=True,
    )
    code = subprocess.run(line, cwd=work, env=checkout.environment(folder, python), check=False).returncode
    if code:
        raise UserError(f"LMFlow ended with exit code {code}; its output is above, what it wrote is in {work}")
    if launching.node(launcher):
        shutil.rmtree(work)
        return print("The first host writes the model")
    steps = settings.step_count(len(pairs)) if not passed.keys() & {"max_steps", "num_train_epochs"} else None
    summary = result.check_result(work / "out", about, steps, NAME)
    result.put_in_place(work, about, out)
    summary = {"examples": len(pairs), "tokens": sum(p + a for p, a in lengths), **summary, "backend": "lmflow"}
    about_lmflow = {k: found[k] for k in ("version", "commit", "versions")} | {"folder": folder, "python": python}
    effective = ours | {name: " ".join(values) for name, values in passed.items()}
    run.finish({**summary, "lmflow": about_lmflow, "processes": processes, "settings": effective, "command": line}, [])
    print(f"{len(pairs)} examples, {summary['steps']} steps, loss {summary['first_loss']:.3f} to ", end="")
    print(f"{summary['last_loss']:.3f}")
    cli.closing([out], cli.evaluation_command(args.output_model, args.data, pairs))


if __name__ == "__main__":
    cli.run(main)
