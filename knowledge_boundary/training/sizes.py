"""What a model of a size takes, by its config alone: nothing of its weights is read.

What a token of a training step keeps for the backward pass is counted, as before a real training (``memory.estimate``),
on models of two and of four layers whose widths, vocabulary and rank are all divided by the same number (heads, and the
width of a head, by its factors): every tensor of such a pass is then as many times smaller.
"""

import copy
from dataclasses import dataclass, replace

import torch
import transformers

from ..engine.loss import answer_loss
from ..models import families
from . import memory
from .adapters import add_lora
from .settings import TrainingSettings

BYTES = 2  # of a weight in bfloat16
NF4 = 4.127 / 8  # bytes of a weight in four bits, its scales quantised too (Dettmers et al. 2023, §3)
MASTER = 16  # bytes of a trained weight: float32, its gradient, Adam's two states
WIDTHS = ("hidden_size", "intermediate_size", "moe_intermediate_size", "vocab_size")
HEADS = ("num_attention_heads", "num_key_value_heads")
DIVISORS = [(heads, width) for heads in (8, 4, 2, 1) for width in (4, 2, 1)]  # of heads, and of a head's width
EXAMPLE, ANSWER = 64, 8  # tokens of an example that is counted, and of its answer
EXPERTS = 16  # of a mixture's, where passes are counted


@dataclass(frozen=True)
class Sizes:
    """A model's numbers and bytes.

    Attributes:
        parameters: all of them.
        computing: those that a token meets, without embeddings and head: of experts the chosen share.
        packed: bytes of all weights with its layers in four bits; embeddings, head and experts stay in bfloat16.
        cache: bytes of a token's keys and values, all layers.
        layer_cache: those of one layer.
        activations: bytes of a token while one layer runs.
        lora: parameters of an adapter on all linear layers.
        kept: bytes that a token keeps for the backward pass, with that adapter.
        recomputed: the same with ``--gradient_checkpointing``.
    """

    parameters: int
    computing: float
    packed: float
    cache: int
    layer_cache: int
    activations: int
    lora: int
    kept: float
    recomputed: float

    @property
    def weights(self) -> int:
        """Bytes of all weights in bfloat16."""
        return BYTES * self.parameters

    def lora_peak(self, tokens: int, four_bits: bool, recomputes: bool) -> float:
        """Bytes of a training with the adapter, in parts of so many tokens."""
        held = self.packed if four_bits else self.weights
        return held + MASTER * self.lora + tokens * (self.recomputed if recomputes else self.kept)

    def full_peak(self, tokens: int, share: int = 1) -> float:
        """Bytes of a training of all weights, whose weights and states are divided over ``share`` devices.

        What a token keeps is taken from the adapter's passes, which keep more.
        """
        return (MASTER + BYTES) * self.parameters / share + tokens * self.recomputed


def on_meta(config):
    """A model of a config without weights."""
    with torch.device("meta"):
        return transformers.AutoModelForCausalLM.from_config(config)


def sizes(config, lora_r: int = 64) -> Sizes:
    """The sizes of a model with this config.

    Args:
        config: a transformers config, as ``AutoConfig`` gives it.
        lora_r: rank of the adapter.
    """
    model = on_meta(config)
    parameters = sum(p.numel() for p in model.parameters())
    outer = {
        id(p): p.numel() for m in (model.get_input_embeddings(), model.get_output_embeddings()) for p in m.parameters()
    }
    experts = sum(p.numel() for n, p in model.named_parameters() if ".experts." in n)
    count = getattr(config, "num_experts", None) or getattr(config, "num_local_experts", None) or 1
    chosen = (getattr(config, "num_experts_per_tok", None) or 1) / count
    inner = parameters - sum(outer.values())
    layer_cache = 2 * key_heads(config) * head_width(config) * BYTES
    wide = getattr(config, "moe_intermediate_size", None)
    width = wide * config.num_experts_per_tok if wide else config.intermediate_size
    settings = TrainingSettings(lora_r=lora_r)
    outside, layer = kept(config, settings)
    with torch.device("meta"):
        adapted = add_lora(on_meta(config), settings)
    return Sizes(
        parameters=parameters,
        computing=inner - experts * (1 - chosen),
        packed=NF4 * (inner - experts) + BYTES * (sum(outer.values()) + experts),
        cache=layer_cache * config.num_hidden_layers,
        layer_cache=layer_cache,
        # one layer at a time: its input and output, queries, attention output, the MLP's three
        activations=(4 * config.hidden_size + 3 * width) * BYTES,
        lora=sum(p.numel() for n, p in adapted.named_parameters() if "lora_" in n),
        kept=outside + config.num_hidden_layers * layer,
        # each layer's input, and all of one layer at a time
        recomputed=outside + config.num_hidden_layers * config.hidden_size * BYTES + layer,
    )


def kept(config, settings) -> tuple[float, float]:
    """Bytes that a token of a training step keeps for the backward pass, in bfloat16 with an adapter: outside the
    layers, and in each of them."""
    widths = [*(getattr(config, name, None) or 0 for name in WIDTHS), settings.lora_r]
    heads = [config.num_attention_heads, key_heads(config)]
    by = next(
        (h, w)
        for h, w in DIVISORS
        if not any(n % h for n in heads) and not head_width(config) % (2 * w) and not any(n % (h * w) for n in widths)
    )
    times = by[0] * by[1]
    small = replace(settings, lora_r=settings.lora_r // times)
    few, more = (times * counted(narrowed(config, *by, layers), small) for layers in (2, 4))
    layer = (more - few) / 2
    return few - 2 * layer, layer


def key_heads(config) -> int:
    """Heads of keys and values: all, where the config does not say."""
    return getattr(config, "num_key_value_heads", None) or config.num_attention_heads


def head_width(config) -> int:
    """Numbers of a head."""
    return getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads


def narrowed(config, heads: int, width: int, layers: int):
    """A config with its heads and their width divided, all widths and the vocabulary by both, and so many layers."""
    found = copy.deepcopy(config)
    found.head_dim = head_width(config) // width
    for names, by in ((WIDTHS, heads * width), (HEADS, heads)):
        for name in names:
            if getattr(found, name, None):
                setattr(found, name, getattr(found, name) // by)
    found.num_hidden_layers = layers
    if getattr(found, "layer_types", None):
        found.layer_types = found.layer_types[:layers]
    for name in ("num_experts", "num_local_experts"):
        if getattr(found, name, None):
            setattr(found, name, max(EXPERTS, found.num_experts_per_tok))
    return found


def counted(config, settings) -> float:
    """Bytes that a token keeps in a small model, by ``memory.estimate``."""
    torch.manual_seed(0)
    base = transformers.AutoModelForCausalLM.from_config(
        config, **{"dtype" if families.MODERN else "torch_dtype": torch.bfloat16}
    )
    model = add_lora(base, settings)
    model.train()
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(3, config.vocab_size, (8, EXAMPLE), generator=generator).tolist()
    rows = [{"input_ids": row, "start": EXAMPLE - ANSWER} for row in ids]

    def run(part):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            answer_loss(base, part, True, "sum").backward()

    return memory.estimate(base, rows, EXAMPLE, len(rows), True, True, run).a_token
