"""Forward passes: masks over packed lanes, keys and values that lanes share, hidden states, the head."""

import torch
from torch.nn import functional
from transformers import DynamicCache

from ..models.families import MODERN, lm_head, of, run_base, text_config
from ..running.errors import UserError
from .packing import Lanes

ROOT_PART = 1024  # tokens of the root that run at a time
ROOM = 8  # a growing cache has room for an eighth more, so that not every pass copies all of it
CAPS = ("final_logit_softcapping", "logits_soft_cap", "output_logit_soft_cap")  # what families call a cap on logits
WINDOWED = "sliding_attention"
PACKABLE = {"full_attention", WINDOWED}  # kinds of layers whose attention is a mask over positions


def windows(model) -> tuple:
    """How many tokens a window of attention has, or None, and which kinds of layers the model has."""
    config = text_config(model)
    window = getattr(config, "sliding_window", None) if getattr(config, "use_sliding_window", True) else None
    return window, set(getattr(config, "layer_types", None) or ([WINDOWED] if window else ["full_attention"]))


def attention_mask(model, lanes: Lanes):
    """What the model takes as its mask: additive [lanes, 1, width, past + width]; by kind where its layers differ."""
    window, kinds = windows(model)

    def additive(sees):
        mask = torch.zeros(sees.shape, dtype=model.dtype, device=sees.device)
        return mask.masked_fill_(~sees, torch.finfo(model.dtype).min)[:, None]

    masks = {}
    for kind in kinds:
        near = lanes.positions[..., None] - lanes.keys[:, None] < window if kind == WINDOWED else True
        masks[kind] = additive(lanes.sees & near)
    return masks if len(masks) > 1 else masks.popitem()[1]


def packable(model) -> bool:
    """Whether all layers of ``model`` attend by a mask over positions (no recurrent or chunked ones).

    transformers 4 cuts caches to a window by itself: windows that only a long prompt leaves are not tried there.
    """
    return of(model).prefix_cache and windows(model)[1] <= (PACKABLE if MODERN else {"full_attention"})


def check_packable(model) -> None:
    """UserError for a family whose sequences must not be packed, whoever asks for it."""
    if not packable(model):
        raise UserError(f"a shared prefix is not exact for {of(model).models} models here; run whole prompts")


class KeyValues(DynamicCache):
    """Keys and values that each lane of a pass sees in front of its own, whatever transformers keeps in its caches.

    Args:
        pairs: (keys, values) of each layer, [lanes or 1, heads, tokens, dim].
        grows: whether what passes through is kept.
    """

    def __init__(self, pairs, grows: bool):
        super().__init__()
        self.pairs, self.grows, self.buffers = list(pairs), grows, {}

    def update(self, key_states, value_states, layer_idx, *args, **kwargs):
        """What a layer attends to: the kept keys and values, and those of the pass behind them."""
        seen = key_states, value_states
        if layer_idx < len(self.pairs):
            kept = (t.expand(len(key_states), *t.shape[1:]) for t in self.pairs[layer_idx])
            pairs = zip(kept, seen, strict=True)
            if self.grows:
                seen = tuple(self.appended((layer_idx, n), *pair) for n, pair in enumerate(pairs))
            else:
                seen = tuple(torch.cat(pair, -2) for pair in pairs)
        if self.grows:
            self.pairs[layer_idx : layer_idx + 1] = [seen]
        return seen

    def appended(self, which, kept, new):
        """``new`` [lanes, heads, tokens, dim] behind ``kept``, in a buffer that has room for the next passes' too."""
        before, length = kept.shape[-2], kept.shape[-2] + new.shape[-2]
        if which not in self.buffers or self.buffers[which].shape[-2] < length:
            buffer = new.new_empty((*new.shape[:2], length + length // ROOM, new.shape[-1]))
            buffer[..., :before, :] = kept
            self.buffers[which] = buffer
        self.buffers[which][..., before:length, :] = new
        return self.buffers[which][..., :length, :]

    def lay_out(self, places) -> None:
        """Keep for each lane the tokens at its ``places`` [lanes, tokens], counted over all kept, lane after lane."""
        self.buffers = {}
        for layer, pair in enumerate(self.pairs):
            _, heads, tokens, _ = pair[0].shape
            lane, place = (places[:, None] // tokens, places[:, None] % tokens)
            head = torch.arange(heads, device=places.device)[:, None]
            rows = ((lane * heads + head) * tokens + place).to(pair[0].device)  # rows of memory: they are copied whole
            self.pairs[layer] = tuple(
                t.reshape(-1, t.shape[-1]).index_select(0, rows.flatten()).view(*rows.shape, t.shape[-1]) for t in pair
            )

    def get_seq_length(self, layer_idx=0) -> int:
        """Tokens that are kept."""
        return self.pairs[layer_idx][0].shape[-2] if layer_idx < len(self.pairs) else 0


def run_root(model, ids, device) -> KeyValues | None:
    """The cache of the root's tokens, to be seen and not changed; None for an empty root."""
    if not ids:
        return None
    check_packable(model)
    cache = DynamicCache()
    for start in range(0, len(ids), ROOT_PART):  # in parts: a long root's activations would be the peak of memory
        part = torch.tensor([ids[start : start + ROOT_PART]], device=device)
        positions = torch.arange(start, start + part.shape[1], device=device)[None]
        model.base_model(input_ids=part, position_ids=positions, past_key_values=cache, use_cache=True)
    if hasattr(cache, "layers"):
        return KeyValues([(layer.keys, layer.values) for layer in cache.layers], grows=False)
    return KeyValues(zip(cache.key_cache, cache.value_cache, strict=True), grows=False)  # transformers 4


def growing(cache) -> KeyValues:
    """A cache that begins as the root's in each lane and keeps what passes through it; ``cache`` stays as it is."""
    return KeyValues(cache.pairs if cache is not None else (), grows=True)


def hidden_states(model, lanes: Lanes, cache=None) -> torch.Tensor:
    """Last hidden states [lanes, width, hidden] of a packed pass over ``cache``."""
    check_packable(model)
    hidden, _ = run_base(
        model,
        input_ids=lanes.ids,
        position_ids=lanes.positions,
        attention_mask=attention_mask(model, lanes),
        past_key_values=cache,
        use_cache=cache is not None,
    )
    return hidden


def padded_states(model, sequences, device) -> torch.Tensor:
    """Last hidden states [sequences, longest, hidden] of whole sequences, right-padded: the plain way."""
    shape = len(sequences), max(map(len, sequences))
    ids, mask = torch.zeros(shape, dtype=torch.long), torch.zeros(shape, dtype=torch.long)
    for i, sequence in enumerate(sequences):
        ids[i, : len(sequence)] = torch.tensor(sequence)
        mask[i, : len(sequence)] = 1
    hidden, _ = run_base(model, input_ids=ids.to(device), attention_mask=mask.to(device), use_cache=False)
    return hidden


def head(model, hidden, tokens=None) -> torch.Tensor:
    """Logits in float32 of hidden states [n, hidden]: of the whole vocabulary, or of ``tokens``' rows only."""
    layer, config = lm_head(model), text_config(model)
    if tokens is not None and readable(layer):
        bias = layer.bias[tokens] if layer.bias is not None else None
        logits = functional.linear(hidden, layer.weight[tokens], bias).float()
    else:
        logits = layer(hidden).to(hidden.device).float()  # of several devices, the head's may be another
        logits = logits if tokens is None else logits[:, tokens]
    # What some families do to each logit: Cohere, Granite, Gemma 2. ``exactness.check`` compares with the model's own.
    family = of(model)
    for names, up in ((family.multiplied, True), (family.divided, False)):
        for factor in (getattr(config, name, None) or 1 for name in names):
            logits = logits * factor if up else logits / factor
    cap = next((c for c in (getattr(config, name, None) for name in CAPS) if c), None)
    return torch.tanh(logits / cap) * cap if cap else logits


def readable(layer) -> bool:
    """Whether single rows of a layer's weight may be read and are all that it does: an adapter's are not, nor packed
    ones, those on a disk (accelerate brings them for a call) or of several processes."""
    weight = getattr(layer, "weight", None)
    plain = type(layer) is torch.nn.Linear and type(weight) is torch.nn.Parameter and weight.is_floating_point()
    return plain and not hasattr(layer, "_hf_hook")


def check_finite(lm, logits, names) -> None:
    """UserError that names the first row of ``logits`` with NaN or infinity in it."""
    bad = ~torch.isfinite(logits.sum(-1))  # one such value makes the sum so too
    if bad.any():
        name = names[int(bad.nonzero()[0, 0])]
        raise UserError(
            f"question {name}: the model's output is not finite in {lm.about['dtype']}; "
            f"give another --dtype (float32 is the safest), or check the weights"
        )


def check_window(lm, needed, names) -> None:
    """UserError that names the first question that needs more tokens than the model takes.

    Args:
        lm: the model.
        needed: for each question, the tokens of its prompt and of what must fit in behind it.
        names: the questions' names.
    """
    for tokens, name in zip(needed, names, strict=True):
        if tokens > lm.window:
            raise UserError(
                f"question {name} needs {tokens} tokens without any example, --model {lm.about['name']} takes "
                f"{lm.window}; leave the question out, or use a model with a longer window"
            )
