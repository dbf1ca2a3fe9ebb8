"""Stage 5, LLaMA-Factory backend: fine-tune with LLaMA-Factory, in an environment of its own (called by finetune.sh).

``finetune.sh --setup-llamafactory`` makes that environment; LLAMAFACTORY_PYTHON names the Python of another one. The
prompts are rendered here, in the model's own template; every setting that matters is written into a YAML file, which is
kept beside the weights; the run is checked afterwards. What stands after -- are further settings of its YAML.

Examples:
  bash finetune.sh --backend llamafactory \\
    --model models/smollm2 --data training_data/smollm2_world_facts_craft --output models/smollm2-craft
  bash finetune.sh --backend llamafactory --load_in 4bit --model Qwen/Qwen2.5-7B --data … --output …
  bash finetune.sh --backend llamafactory --lora_r 0 --launcher "torchrun --nproc_per_node 8" --model … \\
    --data … --output … -- --deepspeed ds_z3_config.json
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
from .training.llamafactory import config, environment
from .training.outside import inputs, launching, result

YAML = "llamafactory.yaml"


def arguments():
    """The backend's flags; ``rest`` is what goes into its YAML besides."""
    parser = cli.Parser(__doc__)
    options.add_model_arguments(parser)
    options.add_outside_arguments(parser, "LLaMA-Factory")
    args = options.parted_arguments(parser, sys.argv[1:])
    if args.load_in == "8bit":
        raise UserError("--load_in 8bit: LLaMA-Factory keeps outliers apart, another base than is asked; give 4bit")
    if args.micro_batch_tokens:
        raise UserError(
            "--micro_batch_tokens: of the built-in trainer; -- --gradient_accumulation_steps N does so here"
        )
    return args


def main():
    """Run LLaMA-Factory, check what it wrote, put the model in place."""
    args = arguments()
    if ranks.launched():
        raise UserError("runs in one process, which starts LLaMA-Factory's: give torchrun's flags by --launcher")
    settings, out = cli.training_settings(args), Path(args.output_model)
    passed = config.passed_settings(args.rest)
    python = environment.interpreter()
    file = formats.find(args.data)
    inputs.check_weights(file, config.NAME)
    found = environment.probe(python)
    if args.device == "auto":
        args.device = "cuda" if found["gpus"] else "cpu"
    if ":" in args.device:
        one = args.device.removeprefix("cuda:")
        raise UserError(f"--device {args.device}: it takes GPUs itself; set CUDA_VISIBLE_DEVICES={one}, give cuda")
    about = cli.describe_model(args, trains=True)
    if not (Path(about["path"]) / "config.json").is_file():
        raise UserError(f"--model {args.model}: an adapter or a .gguf file; LLaMA-Factory trains from a whole model")
    if not settings.lora_r and about["dtype"] == "float16":
        raise UserError("--lora_r 0: weights in float16 can't be trained; give --lora_r 64, or --dtype bfloat16")
    run = output.open_run("finetune", out, settings, vars(args), about, [file])
    if run.finished():
        return cli.already_done(run.path)

    if args.launcher:
        launcher, processes = launching.given(args.launcher, args.processes)
    else:
        processes = args.processes or (max(1, found["gpus"]) if about["device"] == "cuda" else 1)
        launcher = launching.usual(processes)
    work = result.work_folder(out, "llamafactory", launching.node(launcher))
    with result.removed_on_error(work):
        words = cli.load_format(args, about)
        examples, _ = formats.read(file, words)
        pairs = formats.pairs_of(examples)
        about |= {"template": words.about, "master_dtype": "float32", "optimizer_dtype": "float32"}
        about["compute_dtype"] = "float32" if about["device"] == "cpu" else about["dtype"]
        lengths = config.write_data(work, pairs, LM(None, words.tokenizer, None, about, words))
        model = transformers.AutoConfig.from_pretrained(about["path"], trust_remote_code=args.trust_remote_code)
        given = passed.get("cutoff_len")
        cutoff = inputs.block_size_of(given, lengths, families.window(model), "-- --cutoff_len")
        folders = {"data": work / "data", "out": work / "out"}
        folders["model"] = result.readable(about, found["versions"]["transformers"], work, config.NAME)
        targets = inputs.lora_targets(model, settings, args.trust_remote_code, config.NAME)
        batch = inputs.per_device_batch(
            settings.batch_size, processes, {name: [value] for name, value in passed.items()}
        )
        ours = config.settled(settings, about, folders, len(pairs), cutoff, batch, targets, args.trust_remote_code)
        config.check_settings(found, ours, passed)
        effective = ours | passed
        config.write_config(work / YAML, effective)
    line = [*launching.launched(python, launcher), found["launcher"], str(work / YAML)]
    print(f"LLaMA-Factory {found['version']}, transformers {found['versions']['transformers']}: {python}")
    print(
        f"{launcher[0]}: {processes} processes, {args.batch_size} examples a step, {batch} on each in a pass",
        flush=True,
    )
    code = subprocess.run(line, cwd=work, env=environment.variables(python), check=False).returncode
    if code:
        raise UserError(f"LLaMA-Factory ended with exit code {code}; its output is above, what it wrote is in {work}")
    if launching.node(launcher):
        shutil.rmtree(work)
        return print("The first host writes the model")
    steps = None if passed.keys() & config.OTHER_STEPS else settings.step_count(len(pairs))
    summary = result.check_result(work / "out", about, steps, config.NAME)
    shutil.move(work / YAML, work / "out" / YAML)
    result.put_in_place(work, about, out)
    summary = {"examples": len(pairs), "tokens": sum(p + a for p, a in lengths), **summary, "backend": "llamafactory"}
    theirs = {k: found[k] for k in ("version", "versions")} | {"python": python, "yaml": str(out / YAML)}
    run.finish({**summary, "llamafactory": theirs, "processes": processes, "settings": effective, "command": line}, [])
    print(f"{len(pairs)} examples, {summary['steps']} steps, loss {summary['first_loss']:.3f} to ", end="")
    print(f"{summary['last_loss']:.3f}")
    cli.closing([out], cli.evaluation_command(args.output_model, args.data, pairs))


if __name__ == "__main__":
    cli.run(main)
