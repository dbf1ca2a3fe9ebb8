"""A tiny random model of every type that transformers makes as a causal language model."""

import functools

import torch
import transformers
from family_configs import NEEDS, NOT_LANGUAGE_MODELS, OWN, ROPE, SIZES, TOKENS, VARIANTS
from transformers import CONFIG_MAPPING
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

MODEL_TYPES = tuple(MODEL_FOR_CAUSAL_LM_MAPPING_NAMES)
LANGUAGE_MODELS = tuple(
    name
    for name in (*MODEL_TYPES, *VARIANTS)
    if VARIANTS.get(name, (name,))[0] not in NOT_LANGUAGE_MODELS and name not in NEEDS
)
LAYERS = SIZES["num_hidden_layers"]
PER_LAYER = "layer_types", "mlp_layer_types", "layers_block_type"  # what each layer is


def tiny_config(name: str):
    """The config of a tiny model whose windows, chunks and the like are met within 100 tokens.

    Args:
        name: a model type, or a name in ``VARIANTS``.
    """
    model_type, changes = VARIANTS.get(name, (name, {}))
    return tiny(CONFIG_MAPPING[model_type], merged(OWN.get(model_type, {}), changes))


def tiny_model(name: str, seed: int = 0):
    """A tiny model with seeded random weights, in float32, in evaluation mode, on the CPU.

    No weight is the same everywhere, as norms, biases and some gates are when they are made.

    Args:
        name: a model type, or a name in ``VARIANTS``.
        seed: of its weights.
    """
    config = tiny_config(name)
    torch.manual_seed(seed)
    model = transformers.AutoModelForCausalLM.from_config(config, dtype=torch.float32).eval()
    with torch.no_grad():
        for weight in model.parameters():
            if (weight == weight.flatten()[0]).all():
                weight += 0.1 * torch.randn_like(weight)
    return model


def tiny(kind, own: dict):
    """A tiny config.

    Args:
        kind: its class.
        own: what it has beside the sizes that all have; a part's as a dictionary under the part's name.
    """
    usual = default(kind)
    known = usual.__dataclass_fields__

    def said(name):
        """What the class says by itself; not by ``getattr``, which refuses what differs between layers."""
        return vars(usual).get(usual.attribute_map.get(name, name)) if name in known else None

    values = {name: value for name, value in TOKENS.items() if name in known}
    values |= {name: value for name, value in SIZES.items() if said(name) is not None}
    for name in PER_LAYER:
        if said(name):
            kinds = list(dict.fromkeys(said(name)))
            values[name] = [kinds[i % len(kinds)] for i in range(LAYERS)]
    if said("rope_parameters"):
        values["rope_parameters"] = near(said("rope_parameters"))
    for name, part in usual.sub_configs.items():
        if said(name) is not None or name in own:
            values[name] = tiny(part if said(name) is None else type(said(name)), own.get(name, {}))
    return kind(**{**values, **{name: value for name, value in own.items() if name not in usual.sub_configs}})


@functools.cache
def default(kind):
    """What a config of the class ``kind`` says by itself."""
    return kind()


def near(rope: dict) -> dict:
    """Rotary positions, of each kind of layer where they differ, with the lengths in ``ROPE``."""
    return {name: near(value) if isinstance(value, dict) else ROPE.get(name, value) for name, value in rope.items()}


def merged(first: dict, second: dict) -> dict:
    """Both dictionaries, the second above the first, in dictionaries that both have as well; one rope as a whole."""
    both = {
        name: merged(first[name], value)
        for name, value in second.items()
        if isinstance(value, dict) and name in first and name != "rope_parameters"
    }
    return {**first, **second, **both}
