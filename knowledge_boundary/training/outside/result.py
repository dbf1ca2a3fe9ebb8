"""What a trainer outside this program reads and writes beside its output, and what must be true of its result.

A run has a folder of its own beside the output, ``NAME.lmflow`` or ``NAME.llamafactory``: ``data/`` holds the examples,
``model/`` the model where it must be written in another way for the trainer's transformers, ``out/`` is what it writes.
The model is put in place when it has passed the checks.
"""

import contextlib
import json
import math
import os
import shutil
from pathlib import Path

import torch
from packaging import version
from safetensors import safe_open
from safetensors.torch import save_file

from ...models import loading
from ...running.errors import UserError
from ...running.results import write_text

WEIGHTS = ("model*.safetensors", "pytorch_model*.bin")
ADAPTER = "adapter_model.safetensors"
TOKENIZER = (
    "tokenizer*",
    "vocab*",
    "merges.txt",
    "special_tokens_map.json",
    "added_tokens.json",
    "chat_template*",
    "*.model",
    "*.tiktoken",
    "*.py",
)


def work_folder(out: Path, backend: str, node: int) -> Path:
    """The run's own folder, new; what a run that failed has left there is removed. Absolute."""
    work = out.with_name(f"{out.name}.{backend}" + (f".{node}" if node else "")).resolve()
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    return work


@contextlib.contextmanager
def removed_on_error(work: Path):
    """Removes the run's folder where its preparation fails: nothing half-written stays."""
    try:
        yield
    except Exception:
        shutil.rmtree(work)
        raise


def readable(about, transformers_version: str, work: Path, trainer: str) -> Path:
    """The model's folder for the trainer's transformers.

    transformers 5 keeps the RoPE base where 4.x does not look for it: 4.x would take its default, without a word. Such
    a model is given to it through a folder of links with a config.json that both read.

    Raises:
        UserError: a model whose layers differ in their RoPE, which 4.x's config cannot say.
    """
    folder = Path(about["path"])
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    rope = config.get("rope_parameters")
    old = version.parse(transformers_version) < version.parse("5")
    if not old or not rope or "rope_theta" in config:
        return folder
    if "rope_theta" not in rope:
        raise UserError(
            f"{folder}: saved by transformers 5 with a RoPE for each kind of layer, which {trainer}'s "
            f"transformers {transformers_version} would not read; give {trainer} an environment with transformers 5"
        )
    config["rope_theta"] = rope["rope_theta"]
    if rope.get("rope_type", "default") != "default":
        config["rope_scaling"] = {k: v for k, v in rope.items() if k != "rope_theta"}
    model = work / "model"
    model.mkdir()
    for file in folder.iterdir():
        if file.is_file() and file.name != loading.ABOUT:
            os.symlink(file.resolve(), model / file.name)
    replace(model / "config.json", config)
    tokenizer = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
    if tokenizer.get("tokenizer_class") == "TokenizersBackend":  # 5's name for it
        replace(model / "tokenizer_config.json", tokenizer | {"tokenizer_class": "PreTrainedTokenizerFast"})
    print(f"RoPE base {rope['rope_theta']:g} written where transformers {transformers_version} reads it")
    return model


def replace(link: Path, content: dict) -> None:
    """A JSON file in the place of a link to another one."""
    link.unlink()
    write_text(link, json.dumps(content, indent=2))


def check_result(out: Path, about, steps: int | None, trainer: str) -> dict:
    """What the trainer's own log and weights say: steps, losses, seconds of the training loop.

    Args:
        out: the folder that it has written.
        about: ``meta.model`` of the model that it began with.
        steps: how many optimiser steps there must have been; None: not known.
        trainer: its name.

    Raises:
        UserError: it trained on nothing, wrote no weights, left them as they were, or took another batch size.
    """
    state = out / "trainer_state.json"
    history = json.loads(state.read_text(encoding="utf-8"))["log_history"] if state.is_file() else []
    losses = [entry["loss"] for entry in history if "loss" in entry]
    if not losses or max(losses) == 0 or not all(map(math.isfinite, losses)):
        shown = [float(f"{x:.4g}") for x in losses[:3]]
        raise UserError(
            f"{trainer}'s run trained on nothing (no token of an answer within the block size), or its loss left the "
            f"numbers: losses {shown}; its output is above, what it wrote is in {out}"
        )
    if steps is not None and len(losses) != steps:
        raise UserError(
            f"{trainer} took {len(losses)} optimiser steps, {steps} were expected: another number of processes than "
            f"counted; say it with --processes"
        )
    if not changed(out, Path(about["path"]), trainer):
        raise UserError(
            f"{trainer}'s run left all weights as they were; its output is above, what it wrote is in {out}"
        )
    ran = next((e for e in reversed(history) if "train_runtime" in e), {})
    return {
        "steps": len(losses),
        "train_seconds": ran.get("train_runtime"),
        "first_loss": losses[0],
        "last_loss": losses[-1],
        "losses": losses,
    }


def tensors(folder: Path) -> dict:
    """{name: function that reads it} of all tensors in a model's folder."""
    found = {}
    for file in sorted(folder.glob(WEIGHTS[0])):
        with safe_open(file, "pt") as f:
            found |= {name: lambda file=file, name=name: read_tensor(file, name) for name in f.keys()}  # noqa: SIM118
    for file in sorted(folder.glob(WEIGHTS[1])) if not found else ():
        weights = torch.load(file, map_location="cpu", weights_only=True, mmap=True)
        found |= {name: lambda tensor=tensor: tensor for name, tensor in weights.items()}
    return found


def read_tensor(file: Path, name: str) -> torch.Tensor:
    """One tensor of a safetensors file."""
    with safe_open(file, "pt") as f:
        return f.get_tensor(name)


def changed(out: Path, base: Path, trainer: str) -> bool:
    """Whether the weights in ``out`` are others than those in ``base``; of an adapter, whether it does anything.

    Raises:
        UserError: there are none.
    """
    if (out / ADAPTER).is_file():
        with safe_open(out / ADAPTER, "pt") as f:
            return any(f.get_tensor(name).abs().max() > 0 for name in f.keys() if "lora_B" in name)  # noqa: SIM118
    now, before = tensors(out), tensors(base)
    if not now:
        raise UserError(f"{trainer}'s run wrote no weights to {out}; its output is above")
    for name in now.keys() & before.keys():
        tensor = now[name]()
        if not torch.equal(tensor, before[name]().to(tensor.dtype)):
            return True
    return not now.keys() & before.keys()  # under other names they cannot be compared


def cast(folder: Path, dtype: torch.dtype) -> None:
    """Give the weights of a folder, and what its config says of them, another dtype."""
    for file in sorted(folder.glob(WEIGHTS[0])):
        with safe_open(file, "pt") as f:
            found, about = {name: f.get_tensor(name) for name in f.keys()}, f.metadata()  # noqa: SIM118
        if any(t.dtype != dtype for t in found.values()):
            save_file({n: t.to(dtype) if t.is_floating_point() else t for n, t in found.items()}, file, about)
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    names = {name: str(dtype).removeprefix("torch.") for name in ("dtype", "torch_dtype") if name in config}
    write_text(folder / "config.json", json.dumps(config | names, indent=2))


def put_in_place(work: Path, about, out: Path) -> None:
    """Move the model to ``out``, with the tokenizer that it began with (an adapter takes its base's), and clean up."""
    made, base = work / "out", Path(about["path"])
    for path in [p for pattern in ("checkpoint-*", *TOKENIZER) for p in made.glob(pattern)]:
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    adapter = made / "adapter_config.json"
    if adapter.is_file():
        config = json.loads(adapter.read_text(encoding="utf-8"))
        write_text(adapter, json.dumps(config | {"base_model_name_or_path": str(base)}, indent=2))
    else:
        cast(made, loading.families.DTYPES[about["dtype"]])
        for file in (p for pattern in TOKENIZER for p in base.glob(pattern)):
            shutil.copy(file, made)
    loading.open_files(made)
    shutil.rmtree(out, ignore_errors=True)
    out.parent.mkdir(parents=True, exist_ok=True)
    os.replace(made, out)
    shutil.rmtree(work)
