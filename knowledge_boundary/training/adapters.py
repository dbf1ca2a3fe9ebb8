"""LoRA: which layers it adapts by default, what it is asked to adapt, and how much of a model that reaches."""

import re
from dataclasses import dataclass

import torch
from transformers.pytorch_utils import Conv1D

from ..models.families import lm_head, of
from ..models.placement import size
from ..running.errors import UserError
from .dropout import keep_less

# Parts of multimodal models that no text goes through.
OTHER_SENSES = re.compile(r"vision|visual|image|audio|speech|video|vit\b|tower|projector|connector|resampler|aligner")
# Layers that choose experts: adapting them moves whole tokens from one expert to another.
ROUTERS = re.compile(r"(^|\.)(\w*router\w*|gate|shared_expert_gate|wg)(\.|$)")
# Layers of state-space mixers whose weights their kernels read past the layer: an adapter there would do nothing.
BYPASSED = ("out_proj", "dt_proj")


@dataclass(frozen=True)
class Reach:
    """What an adapter reaches.

    Attributes:
        modules: the adapted layers' names, shortened where a last part names them all.
        parameters: the adapted parameters' names.
        share: of the weights that are no embedding and no head, the share in adapted layers.
        unreached: names of the largest parameters that are no layer's (experts, for one) and are not adapted.
    """

    modules: list
    parameters: list
    share: float
    unreached: list


def linear_layers(model) -> list:
    """Names of all layers that LoRA can adapt, but the head."""
    head = lm_head(model)
    return [n for n, m in model.named_modules() if isinstance(m, (torch.nn.Linear, Conv1D)) and m is not head]


def default_modules(model) -> list:
    """Names of the layers that are adapted by default: all linear ones of the text part, but the head and routers."""
    names = []
    for name in linear_layers(model):
        parent, _, last = name.rpartition(".")
        bypassed = last in BYPASSED and all(hasattr(model.get_submodule(parent), name) for name in ("A_log", "D"))
        if not (OTHER_SENSES.search(name) or ROUTERS.search(name) or bypassed):
            names.append(name)
    return names


def shortened(names, every) -> list:
    """``names`` by their last parts where one names no others of ``every``."""
    chosen, last = set(names), {}
    for name in every:
        last.setdefault(name.rpartition(".")[2], []).append(name)
    short = {part for part, own in last.items() if chosen.issuperset(own)}
    return sorted({part for name in names if (part := name.rpartition(".")[2]) in short}) + sorted(
        name for name in names if name.rpartition(".")[2] not in short
    )


def check_names(flag: str, asked, every, usual) -> None:
    """UserError for a name that is none of ``every`` and ends none of them; ``usual`` ones are told."""
    for name in asked:
        if not any(own == name or own.endswith(f".{name}") for own in every):
            known = sorted({re.sub(r"^.*\.\d+\.", "", own) for own in usual})
            raise UserError(f"{flag} {name}: no such name in this model; it has {', '.join(known[:12])}")


def target_modules(model, asked) -> list | str:
    """What peft is given as ``target_modules``: what is ``asked`` for, else the family's, else the default layers'."""
    every = linear_layers(model)
    if asked == ("none",):
        return []
    if asked:
        check_names("--lora_target_modules", asked, [name for name, _ in model.named_modules()], every)
        return list(asked)
    own = of(model).lora
    if own != "all-linear":
        return list(own)
    names = default_modules(model)
    if not names:
        raise UserError(
            "LoRA finds no layer to adapt in this model; name some with --lora_target_modules, or --lora_r 0"
        )
    return shortened(names, every)


def add_lora(model, settings):
    """``model`` with LoRA on what ``settings`` ask for; as it is at rank 0. Its adapters are float32.

    Raises:
        UserError: a name that the model does not have, or a layer that peft cannot adapt.
    """
    if settings.lora_r == 0:
        return model
    import peft

    modules, parameters = (
        target_modules(model, settings.lora_target_modules),
        list(settings.lora_target_parameters or ()),
    )
    weights = [name for name, p in model.named_parameters() if p.ndim > 1]
    check_names("--lora_target_parameters", parameters, weights, weights)
    options = {"target_parameters": parameters} if parameters else {}
    if parameters and settings.lora_dropout:
        raise UserError(
            "--lora_target_parameters: peft adapts parameters without dropout only; give --lora_dropout 0 with it"
        )
    try:
        config = peft.LoraConfig(
            r=settings.lora_r,
            lora_alpha=settings.lora_alpha,
            lora_dropout=settings.lora_dropout,
            target_modules=modules,
            task_type="CAUSAL_LM",
            **options,
        )
        adapted = peft.get_peft_model(model, config)
    except (ValueError, TypeError, NotImplementedError) as e:
        reason = str(e).strip().splitlines()[0]
        raise UserError(f"--lora_target_modules, --lora_target_parameters: peft cannot adapt these ({reason})") from e
    if settings.lora_dropout:
        keep_less(adapted, settings.lora_dropout)
    return adapted


def base_of(model):
    """The model itself of one that peft may have wrapped; its adapters are in it."""
    return model.get_base_model() if hasattr(model, "get_base_model") else model


def checkpoint_activations(model) -> None:
    """Have the layers of a peft ``model`` compute their activations again in the backward pass, and not keep them.

    Raises:
        UserError: the model's own code has no such thing.
    """
    try:
        base_of(model).gradient_checkpointing_enable({"use_reentrant": False})
    except (ValueError, TypeError, AttributeError, NotImplementedError) as e:
        reason = (str(e).strip() or type(e).__name__).splitlines()[0]
        raise UserError(f"--gradient_checkpointing: this model has none ({reason}); give --micro_batch_tokens") from e


def reach(model) -> Reach:
    """What the adapter of a peft ``model`` reaches."""
    inner = model.get_base_model()
    outside = {id(p) for m in (inner.get_input_embeddings(), lm_head(inner)) if m for p in m.parameters()}
    wrapped = [(n, m) for n, m in inner.named_modules() if hasattr(m, "base_layer") and hasattr(m, "lora_A")]
    reached, modules, parameters = {}, [], []
    for name, module in wrapped:
        own = getattr(module, "parameter_name", None)
        layer = module.get_base_layer()
        weight = getattr(layer, own or "weight", None)
        if weight is None or id(weight) in outside:
            continue
        reached[id(weight)] = size(weight)
        (parameters if own else modules).append(re.sub(r"\.base_layer\b", "", f"{name}.{own}" if own else name))
    own_parameters = [(n, p) for n, p in inner.named_parameters() if "lora_" not in n and id(p) not in outside]
    total = sum(size(p) for _, p in own_parameters)
    left = [(n, p) for n, p in own_parameters if id(p) not in reached and p.ndim == 3]
    names = sorted({re.sub(r"^.*\.\d+\.|\.base_layer\b", "", n) for n, _ in left if not OTHER_SENSES.search(n)})
    every = [re.sub(r"\.base_layer\b", "", n) for n in linear_layers(inner) if "lora_" not in n]
    return Reach(shortened(modules, {*every, *modules}), sorted(set(parameters)), sum(reached.values()) / total, names)


def described(found: Reach) -> str:
    """The line that says what an adapter reaches."""
    line = f"LoRA reaches {found.share:.1%} of the weights that are no embeddings ({', '.join(found.modules[:12])}"
    line += f"; {', '.join(found.parameters[:4])})" if found.parameters else ")"
    if found.unreached:
        names = ",".join(found.unreached)
        line += f"; parameters of experts are not adapted: --lora_target_parameters {names} --lora_dropout 0 does"
    return line
