"""Reading weights: all of them or none, whether they fit, and adapters as they were trained."""

import json
import re
from pathlib import Path

import psutil
import torch
import transformers
from safetensors import safe_open

from ..running.errors import UserError
from .families import DTYPES, vocabulary
from .placement import BY_FLAG, bits_of

# What old checkpoints hold beside weights: tables that a model makes itself.
TABLES = ("rotary_emb.inv_freq", "attn.bias", "attn.masked_bias", "attention.bias", "attention.masked_bias")
PROBE_TOKENS = 24
# Of the adapter's own effect on the logits: how far a merged model may be from the adapted one.
MERGE_ERROR = 0.02
GIB = 1 << 30
# Matrices that bitsandbytes leaves as they are; transformers 5 joins a layer's experts into one parameter.
KEPT = re.compile(r"embed|wte|wpe|lm_head|output_layer|experts")


def read(path: Path, options: dict):
    """The model of a folder or .gguf file; its tensors are plain ones.

    Raises:
        UserError: the checkpoint and the architecture that its config names do not have the same weights.
    """
    place = {"gguf_file": path.name} if path.is_file() else {}
    folder = path.parent if path.is_file() else path
    model, found = transformers.AutoModelForCausalLM.from_pretrained(
        folder, output_loading_info=True, ignore_mismatched_sizes=True, **place, **options
    )
    check_complete(found, tied_names(model, found["missing_keys"]))
    if path.is_file():  # transformers takes it for a quantised model; its tensors are unpacked by now
        del model.config.quantization_config
        model.hf_quantizer, model.is_quantized = None, False
    return model


def tied_names(model, missing) -> set:
    """Of the names of ``missing`` weights those that are another, loaded one: the model has one tensor for both."""
    own = dict(model.named_parameters(remove_duplicate=False))
    loaded = {id(p) for name, p in own.items() if name not in missing}
    return {name for name in missing if id(own.get(name)) in loaded}


def check_complete(found: dict, tied=()) -> None:
    """UserError for weights that are missing, left over or of another shape, by ``from_pretrained``'s own report."""
    shapes = {
        name: f" ({tuple(own)} in the file, {tuple(wanted)} in the model)"
        for name, own, wanted in found["mismatched_keys"]
    }
    extra = [name for name in found["unexpected_keys"] if not name.endswith(TABLES)]
    missing = [name for name in found["missing_keys"] if name not in tied]
    for names, what in (
        (list(shapes), "of another shape than its config.json says"),
        (missing, "missing"),
        (extra, "left over: its config.json names an architecture without them"),
    ):
        if names:
            first = min(names)
            raise UserError(
                f"{len(names)} of its weights are {what}, such as {first}{shapes.get(first, '')}; "
                f"a model of these files would be another one: get the whole checkpoint"
            )
    if found.get("error_msgs"):
        raise UserError(f"its weights cannot be read ({str(found['error_msgs'][0]).splitlines()[0]})")


def stored_bytes(path: Path, about: dict) -> float:
    """Bytes that the weights of a model's folder take once they are loaded as ``about`` says."""
    files = list(path.glob("model*.safetensors")) or list(path.glob("*.safetensors"))  # some lie beside others' layouts
    itemsize, total = DTYPES[about["dtype"]].itemsize, 0
    if "quantised" in about and not about["quantised"].endswith(BY_FLAG):
        unpacked = about["quantised"].startswith("compressed-tensors")  # transformers does so at the first call
        return sum(file.stat().st_size for file in files) * (
            8 * itemsize / bits_of(about["quantised"]) if unpacked else 1
        )
    packed = bits_of(about["quantised"]) / 8 if "quantised" in about else itemsize
    for file in files:
        with safe_open(file, "pt") as f:
            for name in f.keys():  # noqa: SIM118
                shape = f.get_slice(name).get_shape()
                matrix = len(shape) > 1 and not KEPT.search(name)
                total += torch.Size(shape).numel() * (packed if matrix else itemsize)
    return total


def check_fits(path: Path, about: dict, device: torch.device) -> None:
    """UserError for weights that ``device`` has no memory for; a .gguf file, and several devices, are not counted."""
    if path.is_file() or "device_map" in about:
        return
    needed = stored_bytes(path, about)
    if device.type == "cuda":
        free, needed = torch.cuda.mem_get_info(device)[0], needed / about.get("tensor_parallel", 1)
    else:
        free = psutil.virtual_memory().available
    if needed > free:
        raise UserError(
            f"its weights take {needed / GIB:.1f} GiB in {about.get('quantised', about['dtype'])}, "
            f"{free / GIB:.1f} GiB are free on {device.type}; give --dtype bfloat16, --load_in 4bit, "
            f"--device_map auto, a smaller model or a larger machine"
        )


def with_adapter(load_base, path: Path, merges: bool = True):
    """The model of an adapter folder: merged into its base where that changes nothing, else beside it.

    Args:
        load_base: () → the base model; called again where merging would change it.
        path: of the adapter.
        merges: whether it may be merged: not where its base's weights are packed, or are elsewhere.

    Returns:
        The model (without peft's wrapper; unmerged layers stay adapted), and whether it is merged.

    Raises:
        UserError: an adapter that this program can't read, or whose weights are not all there.
    """
    import peft

    kind = json.loads((path / "adapter_config.json").read_text(encoding="utf-8")).get("peft_type")
    if kind not in ("LORA", "ADALORA", "LOHA", "LOKR", "IA3", "OFT", "BOFT", "VERA"):
        raise UserError(
            f"an adapter of type {kind}, which adds to the prompt or is not known; LoRA and its kin are read"
        )

    def adapted():
        base = load_base()
        if any(hasattr(m, "base_layer") for m in base.modules()):
            raise UserError(
                "an adapter on an adapter that cannot be merged; merge the first one into its base yourself"
            )
        if any(p.is_meta for p in base.parameters()):
            raise UserError(
                "an adapter on weights that --device_map leaves on a disk or beside a GPU; give --dtype bfloat16 or "
                "--load_in 4bit, so that its base fits the GPUs"
            )
        if not merges:
            probe_logits(base)  # what is unpacked at a model's first call must be so before it is adapted
        try:
            model = peft.PeftModel.from_pretrained(base, path).eval()
        except RuntimeError as e:
            other = next((line.strip() for line in str(e).splitlines() if "size mismatch" in line), None)
            if other is None:
                raise
            raise UserError(
                f"the adapter is of another shape than its base ({other}): it was trained on another one, or on a "
                f"vocabulary that had grown; name that base in its adapter_config.json, resized and saved"
            ) from e
        check_adapter(model, path)
        return model

    model = adapted()
    if not merges:
        return model.get_base_model(), False
    before = probe_logits(model.get_base_model())
    with model.disable_adapter():
        base = probe_logits(model.get_base_model())
    try:
        model = model.merge_and_unload()
        error, effect = (probe_logits(model) - before).abs().max(), (before - base).abs().max()
        noise = 1e-4 * before.abs().max() if before.dtype == torch.float32 and model.dtype == torch.float32 else 0
        if error <= max(float(noise), MERGE_ERROR * float(effect)):
            return model, True
    except (NotImplementedError, ValueError, RuntimeError, AttributeError):
        pass  # layers that can't be merged
    del model
    return adapted().get_base_model(), False


def check_adapter(model, path: Path) -> None:
    """UserError for an adapter whose file lacks weights of its own layers, or has others."""
    import peft

    file = path / "adapter_model.safetensors"
    if file.is_file():
        with safe_open(file, "pt") as f:
            stored = set(f.keys())
    else:
        stored = set(torch.load(path / "adapter_model.bin", map_location="cpu", weights_only=True))
    expected = set(peft.get_peft_model_state_dict(model, save_embedding_layers=False))
    possible = expected | set(peft.get_peft_model_state_dict(model, save_embedding_layers=True))
    for names, what in ((expected - stored, "missing"), (stored - possible, "of layers that its base does not have")):
        if names:
            raise UserError(f"{len(names)} of the adapter's weights are {what}, such as {min(names)}")


@torch.no_grad()
def probe_logits(model) -> torch.Tensor:
    """Logits [tokens, vocabulary] in float32 of a fixed sequence."""
    ids = torch.randint(3, min(1000, vocabulary(model)), (1, PROBE_TOKENS), generator=torch.Generator().manual_seed(0))
    return model(ids.to(model.device)).logits[0].float()
