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

import torch
import transformers

from . import cli, families, lmflow_checkout, lmflow_files, models, ranks, training, training_data
from .results import UserError


def arguments():
    """The backend's flags; ``rest`` is what goes to LMFlow untouched."""
    parser = cli.Parser(__doc__)
    cli.add_model_arguments(parser)
    parser.add_argument("--data", required=True, help="folder with one JSON file (training_data/NAME)")
    parser.add_argument("--output", dest="output_model", required=True, help="folder of the weights; empty or new")
    training.add_arguments(parser, epochs=3, learning_rate=2e-4)
    group = parser.add_argument_group("LMFlow")
    group.add_argument("--block_size", type=cli.positive, help="tokens of an example; default: the longest one's")
    group.add_argument(
        "--launcher", help="words that start LMFlow: python, torchrun …, accelerate launch …, deepspeed …"
    )
    group.add_argument("--processes", type=cli.positive, help="on all hosts; default: as --launcher says, or one a GPU")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--overwrite", action="store_true", help="replace the model that another run has written")
    at = sys.argv.index("--") if "--" in sys.argv else len(sys.argv)
    args = parser.parse_args(sys.argv[1:at])
    args.rest = sys.argv[at + 1 :]
    return args


def flags_of(words) -> dict:
    """{flag: its values} of command-line words.

    Raises:
        UserError: a value without a flag in front.
    """
    flags = {}
    for word in words:
        if word.startswith("--"):
            name, _, value = word[2:].partition("=")
            flags[name] = [value] if value else []
        elif flags:
            flags[name].append(word)
        else:
            raise UserError(f"-- {word}: only flags of LMFlow stand after --")
    return flags


def settings(args, about, folders, examples: int, block_size: int, per_device: int, targets) -> dict:
    """{flag: its value} for LMFlow, nothing that matters left to its defaults.

    Args:
        args: the flags of this stage.
        about: ``meta.model``.
        folders: {``model``, ``data``, ``out``}, absolute.
        examples: how many there are.
        block_size: in tokens.
        per_device: examples of a pass of one process.
        targets: the modules that LoRA adapts.
    """
    found = {
        "model_name_or_path": folders["model"],
        "trust_remote_code": int(args.trust_remote_code),
        "torch_dtype": about["dtype"],
        "use_flash_attention": 0,
        "padding_side": "right",
        "truncation_side": "right",
        "model_max_length": block_size,
        "dataset_path": folders["data"],
        "block_size": block_size,
        "disable_group_texts": 1,
        "validation_split_percentage": 0,
        "overwrite_cache": 1,
        "output_dir": folders["out"],
        "do_train": 1,
        "num_train_epochs": args.epochs,
        "per_device_train_batch_size": per_device,
        "gradient_accumulation_steps": 1,
        "learning_rate": args.learning_rate,
        "lr_scheduler_type": "cosine",
        "warmup_steps": training.warmup_steps(examples, args),
        "weight_decay": 0.0,
        "max_grad_norm": 1.0,
        "optim": "adamw_torch",
        "adam_beta1": 0.9,
        "adam_beta2": 0.999,
        "adam_epsilon": 1e-8,
        "seed": args.seed,
        "logging_strategy": "steps",
        "logging_steps": 1,
        "logging_nan_inf_filter": 0,  # else a loss that is not a number would be logged as another step's
        "save_strategy": "steps",
        "save_steps": args.save_steps,
        "save_total_limit": 1,
        "report_to": "none",
        "dataloader_num_workers": 0,
        "ddp_timeout": 72000,
        "use_lora": int(args.lora_r > 0),
    }
    if args.lora_r:
        found |= {"lora_r": args.lora_r, "lora_alpha": args.lora_alpha, "lora_dropout": args.lora_dropout}
        found |= {"lora_target_modules": targets}
    if about["device"] == "cpu":
        found["use_cpu"] = 1
    elif about["dtype"] != "float32":
        found["bf16" if about["dtype"] == "bfloat16" else "fp16"] = 1
    return found


def written_as(name: str, value, takes_list: bool) -> list:
    """A setting as command-line words; lists as this LMFlow's argument parser reads them."""
    if isinstance(value, list):
        return [f"--{name}", *(value if takes_list else [",".join(value)])]
    return [f"--{name}", str(value)]


def linear_layers(config, trust_remote_code: bool) -> list:
    """Names of a model's linear layers but the head, by its config: what the built-in backend's LoRA adapts."""
    with torch.device("meta"):
        model = transformers.AutoModelForCausalLM.from_config(config, trust_remote_code=trust_remote_code)
    kinds, head = (torch.nn.Linear, transformers.pytorch_utils.Conv1D), model.get_output_embeddings()
    return sorted(
        {name.rpartition(".")[2] for name, m in model.named_modules() if isinstance(m, kinds) and m is not head}
    )


def block_size_of(args, lengths, window: int) -> int:
    """The block size, and one line about what it does to the examples.

    Args:
        args: ``block_size`` (None: the longest example's tokens).
        lengths: [(tokens of the prompt, tokens of the answer)] of the examples.
        window: the longest sequence that the model takes.

    Raises:
        UserError: an example is longer than the model's window, or no answer would be left.
    """
    longest = max(p + a for p, a in lengths)
    size = args.block_size or longest
    if size > window:
        raise UserError(
            f"{size} tokens in the longest example (or --block_size), the model takes {window}; "
            f"leave such examples out, or let LMFlow cut them with --block_size {window}"
        )
    cut = [(p, a) for p, a in lengths if p + a > size]
    lost = sum(p >= size for p, _ in cut)
    if lost + sum(a == 0 for _, a in lengths) >= len(lengths):
        raise UserError(f"block size {size}: no example has a token of its answer in it, there is nothing to train on")
    said = f"{len(cut)} of {len(lengths)} examples are longer and are cut, {lost} of them lose their whole answer"
    print(f"Block size {size}: {said if cut else 'nothing is cut'}", flush=True)
    return size


def per_device_batch(args, processes: int, passed: dict) -> int:
    """Examples of a pass of one process, so that --batch_size is that of an optimiser step over all of them.

    Raises:
        UserError: it cannot be divided so, or what stands after -- says otherwise.
    """
    passes = int(passed.get("gradient_accumulation_steps", ["1"])[0])
    if args.batch_size % (processes * passes):
        raise UserError(
            f"--batch_size {args.batch_size}: cannot be divided by {processes} processes"
            + (f" × {passes} passes" if passes > 1 else "")
        )
    size = args.batch_size // (processes * passes)
    if int(passed.get("per_device_train_batch_size", [size])[0]) != size:
        raise UserError(
            f"-- --per_device_train_batch_size: --batch_size {args.batch_size} (examples an optimiser step) over "
            f"{processes} processes × {passes} passes makes it {size}; give another --batch_size"
        )
    return size


def check_flags(found: dict, folder: Path, ours, passed) -> None:
    """UserError for a flag that this LMFlow does not have."""
    for name in ours:
        if name not in found["flags"]:
            raise UserError(
                f"LMFLOW_DIR={folder}: this LMFlow ({found['version']}) has no --{name}, which a run here needs; "
                f"tested are {lmflow_checkout.TESTED}"
            )
    for name in passed:
        if name not in found["flags"]:
            raise UserError(f"-- --{name}: no flag of LMFlow {found['version']} in {folder}")


def main():
    """Run LMFlow, check what it wrote, put the model in place."""
    args = arguments()
    if ranks.launched():
        raise UserError("runs in one process, which starts LMFlow's: give torchrun's flags by --launcher")
    passed = flags_of(args.rest)
    folder = lmflow_checkout.checkout()
    python = lmflow_checkout.interpreter(folder)
    file = training_data.find(args.data)
    found = lmflow_checkout.probe(folder, python)
    if args.device == "auto":
        args.device = "cuda" if found["gpus"] else "cpu"
    about = models.describe(args)
    if not (Path(about["path"]) / "config.json").is_file():
        raise UserError(f"--model {args.model}: an adapter or a .gguf file; LMFlow trains from a whole model's folder")
    if about["dtype"] == "float16" and not args.lora_r:
        raise UserError("--dtype float16 --lora_r 0: gradients cannot be scaled for float16 weights; give bfloat16")
    run = training.open_run("finetune", args, about, [file])
    if run.finished():
        return cli.already_done(run.path)

    words, processes, launch_settings = lmflow_checkout.launcher(
        folder, args, about["device"], about["dtype"], found["gpus"]
    )
    work = lmflow_files.work_folder(Path(args.output_model), lmflow_checkout.node(words))
    with lmflow_files.removed_on_error(work):
        tokenizer = models.load_tokenizer(args, about)
        pairs = training_data.read(file, tokenizer)
        lengths = lmflow_files.write_data(work, pairs, models.LM(None, tokenizer, None, about))
        config = transformers.AutoConfig.from_pretrained(about["path"], trust_remote_code=args.trust_remote_code)
        size = block_size_of(args, lengths, families.window(config))
        folders = {"data": work / "data", "out": work / "out"}
        folders["model"] = lmflow_files.readable(about, found["versions"]["transformers"], work)
        targets = linear_layers(config, args.trust_remote_code) if args.lora_r else []
        batch = per_device_batch(args, processes, passed)
        ours = settings(args, about, folders, len(pairs), size, batch, targets) | launch_settings
        check_flags(found, folder, ours, passed)
    flags = [w for name, value in ours.items() for w in written_as(name, value, found["flags"][name])]
    line = [*lmflow_checkout.launched(python, words), str(folder / lmflow_checkout.ENTRY), *flags, *args.rest]
    print(f"LMFlow {found['version']} in {folder}, transformers {found['versions']['transformers']}")
    print(
        f"{words[0]}: {processes} processes, {args.batch_size} examples a step, {batch} on each in a pass", flush=True
    )
    code = subprocess.run(line, cwd=work, env=lmflow_checkout.environment(folder, python), check=False).returncode
    if code:
        raise UserError(f"LMFlow ended with exit code {code}; its output is above, what it wrote is in {work}")
    if lmflow_checkout.node(words):
        shutil.rmtree(work)
        return print("The first host writes the model")
    steps = training.step_count(len(pairs), args) if not passed.keys() & {"max_steps", "num_train_epochs"} else None
    summary = lmflow_files.check_result(work / "out", about, steps)
    lmflow_files.put_in_place(work, about, Path(args.output_model))
    summary = {"examples": len(pairs), "tokens": sum(p + a for p, a in lengths), **summary, "backend": "lmflow"}
    about_lmflow = {k: found[k] for k in ("version", "commit", "versions")} | {"folder": folder, "python": python}
    effective = ours | {name: " ".join(values) for name, values in passed.items()}
    run.finish({**summary, "lmflow": about_lmflow, "processes": processes, "settings": effective, "command": line}, [])
    print(f"{len(pairs)} examples, {summary['steps']} steps, loss {summary['first_loss']:.3f} to ", end="")
    print(f"{summary['last_loss']:.3f}")
    cli.closing([args.output_model], f"python eval_refusal.py --model {args.output_model} --prompt refuse")


if __name__ == "__main__":
    cli.run(main)
