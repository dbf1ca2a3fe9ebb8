"""Where a model's weights lie, and how they are held: several devices, several processes, eight and four bits."""

import atexit
import hashlib
import importlib.util
import json
import logging
import re
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

import torch
import transformers

from ..running import ranks
from ..running.errors import UserError
from . import families

MAPS = ("auto", "balanced")  # how accelerate shares out the layers; or a file says where each part lies
BY_FLAG = "(bitsandbytes, --load_in)"
HELD = {"8bit": f"int8, 8 bits {BY_FLAG}", "4bit": f"nf4, 4 bits {BY_FLAG}"}
MOSTLY = 0.9  # of a model's weights
EXTRA = "pip install -r requirements-quantised.txt"
# What transformers needs for checkpoints that come quantised, by their quant_method.
PACKAGES = {
    "bitsandbytes": ("bitsandbytes",),
    "compressed-tensors": ("compressed_tensors",),
    "gptq": ("gptqmodel", "optimum"),
    "awq": ("gptqmodel",),
}


@dataclass(frozen=True)
class Placement:
    """Where the weights of one model lie beyond a single device in its own dtype.

    Attributes:
        device_map: ``auto``, ``balanced``, or a JSON file ``{module: device}``; None: all on one device.
        tensor_parallel: whether torchrun's processes hold one model together.
        load_in: ``8bit`` or ``4bit``, by bitsandbytes; None: as they come.
    """

    device_map: str | None = None
    tensor_parallel: bool = False
    load_in: str | None = None

    def alike(self) -> "Placement":
        """That of another model beside this one: a file's map names this one's modules only."""
        return Placement(self.device_map if self.device_map in MAPS else None, self.tensor_parallel, self.load_in)


ONE_DEVICE = Placement()


# ---- before the weights are read ----


def describe(name: str, path: Path, base: Path, device: str, placement: Placement) -> dict:
    """What ``meta.model`` says of a placement: nothing for one device and weights as they come.

    Args:
        name: the model, for errors.
        path: its folder or .gguf file.
        base: the whole model under its adapters; the same without any.
        device: as the user gave it.
        placement: as the user gave it.

    Raises:
        UserError: the placement can't be had here, or not for this model.
    """
    own = quantisation(base)
    found = {"quantised": own} if own else {}
    if placement.load_in:
        flag = f"--load_in {placement.load_in}"
        if own or base.is_file():
            raise UserError(f"{flag}: --model {name} comes quantised ({own or 'GGUF'}); leave it out")
        needs(flag, "bitsandbytes")
        found["quantised"] = HELD[placement.load_in]
    elif own:
        for package in PACKAGES.get(own.partition(",")[0], ()):
            needs(f"--model {name}: comes quantised ({own})", package)
    if placement.device_map and placement.tensor_parallel:
        raise UserError("--device_map and --tensor_parallel: one process with all weights, or a part in each; give one")
    if placement.device_map and not families.MODERN:  # its tied weights on a disk would be missed at the first call
        raise UserError(f"--device_map: needs transformers 5; use {families.MODERN_HINT}")
    if placement.device_map:
        found["device_map"] = read_map(placement.device_map, device)
    if placement.tensor_parallel:
        check_together(name, path, base, placement, own)
        found["tensor_parallel"] = ranks.processes()
    return found


def fingerprint(own: str, placement: Placement) -> str:
    """The fingerprint of a model as it is held: in fewer bits its answers are another model's."""
    if not placement.load_in:
        return own
    return hashlib.sha256(f"{own} {HELD[placement.load_in]}".encode()).hexdigest()[:16]


def needs(what: str, package: str) -> None:
    """UserError for a package, or a transformers, that ``what`` needs and that isn't here."""
    if not families.MODERN:
        raise UserError(f"{what}: needs transformers 5; use {families.MODERN_HINT}")
    if importlib.util.find_spec(package) is None:
        raise UserError(f"{what}: needs the package {package}, which isn't here; {EXTRA}")


def quantisation(folder: Path) -> str | None:
    """How a checkpoint's weights are held, by its config: the method and the bits; None: in a dtype."""
    if folder.is_file():
        return None
    config = json.loads((folder / "config.json").read_text(encoding="utf-8")).get("quantization_config")
    if not config:
        return None
    try:
        by_flag = {n: config.get(f"load_in_{n}bit") for n in (4, 8)}
        method = config.get("quant_method") or ("bitsandbytes" if any(by_flag.values()) else "unknown")
        bits = config.get("bits") or config.get("w_bit") or next((n for n in by_flag if by_flag[n]), None)
        groups = [(group or {}).get("weights") or {} for group in (config.get("config_groups") or {}).values()]
        bits = bits or next((group["num_bits"] for group in groups if group.get("num_bits")), None)
    except (AttributeError, TypeError) as e:
        raise UserError(f"{folder / 'config.json'}: its quantization_config is none ({e})") from e
    return f"{method}, {bits} bits" if bits else str(method)


def bits_of(quantised: str) -> int:
    """Bits of a weight, by ``quantisation``; 8 where it doesn't say."""
    found = re.search(r"(\d+) bits", quantised)
    return int(found[1]) if found else 8


def read_map(given: str, device: str) -> str | dict:
    """The value of --device_map: a way of sharing out, or a file's map of modules to devices.

    Raises:
        UserError: the file is none, names no device of this machine, or another flag says otherwise.
    """
    flag = f"--device_map {given}"
    if ranks.launched():
        raise UserError(f"{flag}: one process holds the model; start it with python, or give --tensor_parallel")
    if device != "auto":
        raise UserError(f"--device {device} and {flag}: which of the two? give one")
    if given in MAPS:
        return given
    file = Path(given)
    if not file.is_file():
        raise UserError(f"{flag}: neither {', nor '.join(MAPS)}, nor a file")
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as e:
        raise UserError(f"{flag}: is not valid JSON ({e})") from e
    if not isinstance(found, dict) or not found:
        raise UserError(f"{flag}: is no map of modules to devices, such as {{'model.layers.0': 'cuda:0', '': 'cpu'}}")
    there = ["cpu", "disk", *(f"cuda:{n}" for n in range(torch.cuda.device_count()))]
    there += ["mps"] if torch.backends.mps.is_available() else []
    for module, where in found.items():
        where = f"cuda:{where}" if isinstance(where, int) and not isinstance(where, bool) else where
        if where not in there:
            raise UserError(f"{flag}: {module!r} is on {where!r}; this machine has {', '.join(there)}")
        found[module] = where
    return found


def check_together(name: str, path: Path, base: Path, placement: Placement, own: str | None) -> None:
    """UserError for a model that torchrun's processes can't hold together."""
    flag = "--tensor_parallel"
    if not families.MODERN:
        raise UserError(f"{flag}: needs transformers 5; use {families.MODERN_HINT}")
    if ranks.processes() == 1:
        raise UserError(
            f"{flag}: several processes hold the model; start it with torchrun --nproc_per_node N (run_MMLU.py, "
            f"run_query_state.py, eval_refusal.py)"
        )
    if placement.load_in or own or base.is_file():
        what = "--load_in" if placement.load_in else own or "a .gguf file"
        raise UserError(f"{flag} with {what} (--model {name}): weights are divided as they come, in float; give one")
    if path != base:
        raise UserError(f"{flag}: --model {name} is an adapter; give a whole model's folder")
    config = json.loads((base / "config.json").read_text(encoding="utf-8"))
    if "auto_map" in config:
        raise UserError(f"{flag}: --model {name}: its own code names no plan; transformers' families have one")
    try:
        config = transformers.AutoConfig.from_pretrained(base).get_text_config()
    except Exception as e:  # whatever transformers raises for a config that it can't read
        reason = (str(e).strip() or type(e).__name__).splitlines()[0]
        raise UserError(f"{flag}: --model {name}: its config cannot be read ({reason})") from e
    if not getattr(config, "base_model_tp_plan", None):
        raise UserError(f"{flag}: --model {name}: transformers has no plan for {config.model_type}; give --device_map")
    heads = {n: getattr(config, n, None) for n in ("num_attention_heads", "num_key_value_heads")}
    for what, count in heads.items():
        if count and count % ranks.processes():
            raise UserError(
                f"{flag}: --model {name}: {ranks.processes()} processes can't share {count} heads ({what}); take a "
                f"number that divides them"
            )


# ---- loading ----


def options(about: dict, device: torch.device, base: Path, trust_remote_code: bool) -> dict:
    """What ``from_pretrained`` is given for the placement that ``about`` describes, on this process's ``device``."""
    found = {}
    if "quantised" in about:  # packed weights are made on their device
        found["device_map"] = {"": device}
    if about.get("quantised", "").endswith(BY_FLAG):
        compute = families.DTYPES[about["dtype"]]
        four = {"load_in_4bit": True, "bnb_4bit_quant_type": "nf4", "bnb_4bit_use_double_quant": True}
        four |= {"bnb_4bit_compute_dtype": compute}
        # Without a threshold for outliers: which inputs are outliers would depend on what else is in the batch.
        eight = {"load_in_8bit": True, "llm_int8_threshold": 0.0}
        kind = four if bits_of(about["quantised"]) == 4 else eight
        found["quantization_config"] = transformers.BitsAndBytesConfig(**kind)
        logging.getLogger("bitsandbytes").setLevel(logging.ERROR)  # else a line for each layer's casts
    if "device_map" in about:
        given = about["device_map"]
        found["device_map"] = given if given in MAPS else spelled_out(skeleton(base, trust_remote_code), given)
        # What a disk is to hold is read where it lies, but for a mixture's joined experts and *.bin files.
        found["offload_folder"] = tempfile.mkdtemp(prefix="knowledge_boundary_")
        atexit.register(shutil.rmtree, found["offload_folder"], ignore_errors=True)
    if "tensor_parallel" in about:
        from transformers.distributed import DistributedConfig

        found["distributed_config"] = DistributedConfig(tp_size=about["tensor_parallel"], tp_plan="auto")
    return found


def skeleton(base: Path, trust_remote_code: bool):
    """The model of a folder or .gguf file without its weights."""
    place = {"gguf_file": base.name} if base.is_file() else {}
    folder = base.parent if base.is_file() else base
    config = transformers.AutoConfig.from_pretrained(folder, trust_remote_code=trust_remote_code, **place)
    with torch.device("meta"):
        return transformers.AutoModelForCausalLM.from_config(config, trust_remote_code=trust_remote_code)


def spelled_out(model, parts: dict) -> dict:
    """A map in which no part lies in another, which accelerate does not always read.

    Args:
        model: of ``skeleton``.
        parts: ``{module or parameter: device}``; the nearest one decides, "" is the rest.

    Raises:
        UserError: it names something that the model does not have, or leaves something out.
    """
    known = {name for name, _ in [*model.named_modules(), *model.named_parameters(), *model.named_buffers()]}
    stray = next((name for name in parts if name not in known), None)
    if stray is not None:
        raise UserError(f"--device_map: {stray} is no part of this model; it has {', '.join(children(model)[:6])}")
    found = {}

    def go(name, module, device):
        device = parts.get(name, device)
        if not any(part != name and part.startswith(f"{name}." if name else "") for part in parts):
            if device is None:
                raise UserError(f"--device_map: says nothing of {name}; name it, a part that it is in, or '' for all")
            found[name] = device
            return
        own = [*module.named_children(), *module.named_parameters(recurse=False), *module.named_buffers(recurse=False)]
        for inner, part in own:
            go(f"{name}.{inner}" if name else inner, part, device)

    go("", model, None)
    first = {}  # a head that is the embedding's own weight lies where that does
    for name, weight in model.named_parameters(remove_duplicate=False):
        part = next(part for part in found if f"{name}.".startswith(f"{part}.") or part == "")
        if first.setdefault(id(weight), part) != part:
            found[part] = found[first[id(weight)]]
    return found


def children(model) -> list:
    """Names of a model's parts as a map would name them: its lists' members too."""
    return [name for name, m in model.named_modules() if name and name.count(".") < 3 and not list(m.children())[8:]]


def keep_packed(model):
    """``model``, whose 4-bit layers stay as they are on every CPU.

    On those with AVX512-BF16 bitsandbytes repacks a layer at its first call and rounds its scales to bfloat16: answers
    would depend on the machine, and a later training begin with other weights.
    """
    for module in model.modules():
        if hasattr(module, "support_avx512bf16_for_cpu"):
            module.support_avx512bf16_for_cpu = False
    return model


def whole(about: dict) -> bool:
    """Whether a model lies on one device in a dtype: it can be moved, and an adapter merged into it."""
    return not {"quantised", "device_map", "tensor_parallel"} & about.keys()


def input_device(model) -> torch.device:
    """Where a model's token ids go: its embedding's device, also where accelerate brings its weights there."""
    embedding = model.get_input_embeddings()
    hook = getattr(embedding, "_hf_hook", None)
    device = getattr(hook, "execution_device", None)
    return embedding.weight.device if device is None else torch.device(device)


def tell_packed(model, about: dict) -> None:
    """Note in ``about`` the share of a model's weights, embeddings and head aside, that ``load_in`` holds in fewer
    bits; says where that is not nearly all."""
    if not about.get("quantised", "").endswith(BY_FLAG):
        return
    outer = {id(m) for m in (model.get_input_embeddings(), families.lm_head(model))}
    weights = [p for m in model.modules() if id(m) not in outer for p in m.parameters(recurse=False)]
    packed = sum(size(p) for p in weights if not p.is_floating_point())
    about["packed"] = round(packed / sum(size(p) for p in weights), 4)
    if about["packed"] < MOSTLY:
        ranks.say(
            f"Only {about['packed']:.0%} of its weights are in {about['quantised']}: what is no layer of its own, such "
            f"as experts, stays in {about['dtype']}; a checkpoint that comes quantised may hold them so"
        )


def size(weight: torch.Tensor) -> int:
    """How many numbers a weight stands for: bitsandbytes packs two in a byte."""
    packed = getattr(weight, "quant_state", None)
    return weight.numel() if packed is None else torch.Size(packed.shape).numel()


def parameters(model, packed: bool) -> int:
    """How many parameters a model has; of ``packed`` weights what they stand for, not the bytes that hold them."""
    if not packed:
        return sum(p.numel() for p in model.parameters())
    config = type(model.config).from_dict(
        {k: v for k, v in model.config.to_dict().items() if k != "quantization_config"}
    )
    with torch.device("meta"):
        return sum(p.numel() for p in type(model)(config).parameters())
