"""The engine's ground: token sequences run over a key-value cache of what they share.

The shared prefix is found in token ids and runs once; every row of a batch sees its cache. Rows are right-padded, with
explicit positions and a mask, which is exact for every family that passes ``check``; the others run whole prompts.
"""

from dataclasses import dataclass

import torch
from torch.nn import functional
from transformers import DynamicCache

from .results import UserError


def shared_length(sequences) -> int:
    """How many leading tokens all ``sequences`` have in common."""
    first, last = min(sequences), max(sequences)  # the two that differ earliest
    n = 0
    while n < min(len(first), len(last)) and first[n] == last[n]:
        n += 1
    return n


def expand(cache, rows: int) -> DynamicCache:
    """A new cache with the one row of ``cache`` seen by ``rows`` rows; ``cache`` itself stays as it is."""
    expanded = DynamicCache()
    for i, layer in enumerate(cache.layers):
        keys, values = (t.expand(rows, *t.shape[1:]) for t in (layer.keys, layer.values))
        expanded.update(keys, values, i)
    return expanded


def attention_window(model) -> int | None:
    """How many cache slots back a layer of ``model`` sees at the least; None where all layers see everything."""
    config = model.config.get_text_config()
    kinds = getattr(config, "layer_types", None)
    if kinds and set(kinds) == {"full_attention"}:
        return None
    return getattr(config, "sliding_window", None) or getattr(config, "attention_chunk_size", None)


def check_window(lm, longest: int) -> None:
    """UserError if a sequence of ``longest`` tokens exceeds what the model takes."""
    if longest > lm.window:
        raise UserError(
            f"a prompt needs {longest} tokens, --model {lm.about['name']} takes {lm.window}; lower --num_shots"
        )


@dataclass
class Batch:
    """Right-padded rows of own tokens behind a shared prefix.

    ``input_ids`` and ``position_ids`` are [rows, longest], ``attention_mask`` is [rows, prefix + longest].
    """

    input_ids: torch.Tensor
    attention_mask: torch.Tensor
    position_ids: torch.Tensor


def pad(suffixes, prefix_length: int, device) -> Batch:
    """A ``Batch`` of token lists that follow a prefix of ``prefix_length`` tokens; padding is token 0, masked."""
    longest = max(map(len, suffixes))
    ids = torch.zeros(len(suffixes), longest, dtype=torch.long)
    mask = torch.zeros(len(suffixes), prefix_length + longest, dtype=torch.long)
    mask[:, :prefix_length] = 1
    for i, suffix in enumerate(suffixes):
        ids[i, : len(suffix)] = torch.tensor(suffix)
        mask[i, prefix_length : prefix_length + len(suffix)] = 1
    positions = torch.arange(prefix_length, prefix_length + longest).expand(len(suffixes), -1)
    return Batch(ids.to(device), mask.to(device), positions.to(device))


def run_prefix(model, ids, device) -> DynamicCache | None:
    """The cache of the prefix ``ids`` (one row), or None for an empty prefix."""
    if not ids:
        return None
    batch = pad([ids], 0, device)
    return model.base_model(**vars(batch), past_key_values=DynamicCache(), use_cache=True).past_key_values


def hidden_states(model, batch: Batch, cache, use_cache=False):
    """Last hidden states [rows, longest, hidden] of ``batch`` over ``cache``, and the cache they leave if asked."""
    if cache is None and use_cache:
        cache = DynamicCache()
    out = model.base_model(**vars(batch), past_key_values=cache, use_cache=use_cache or cache is not None)
    return out.last_hidden_state, out.past_key_values


def head(model, hidden, tokens=None) -> torch.Tensor:
    """Logits in float32 of hidden states [n, hidden]: of the whole vocabulary, or of ``tokens``' rows only."""
    layer = model.get_output_embeddings()
    if tokens is None:
        return layer(hidden).float()
    bias = layer.bias[tokens] if layer.bias is not None else None
    return functional.linear(hidden, layer.weight[tokens], bias).float()


@torch.inference_mode()
def check(lm) -> bool:
    """Whether this model's shared prefix is exact: batched suffixes over one expanded cache, used twice, against whole
    sequences one at a time.

    Raises:
        UserError: not even whole prompts give the model's own logits (its head is more than a matrix product).
    """
    generator = torch.Generator().manual_seed(0)
    sequences = torch.randint(3, min(1000, lm.vocabulary), (3, 12), generator=generator).tolist()
    sequences = [sequences[0][:7] + s[7:n] for s, n in zip(sequences, (9, 12, 10), strict=True)]
    wanted = [lm.model(torch.tensor([s], device=lm.device)).logits[0, -1].float() for s in sequences]
    scale = max(w.abs().max() for w in wanted)
    tolerance = scale * (1e-4 if lm.about["dtype"] == "float32" else 5e-2)

    def last_logits(prefix):
        cache = run_prefix(lm.model, sequences[0][:prefix], lm.device)
        own = [s[prefix:] for s in sequences]
        for _ in range(2 if cache else 1):
            over = expand(cache, len(own)) if cache else None
            hidden, _ = hidden_states(lm.model, pad(own, prefix, lm.device), over)
        return head(lm.model, torch.stack([h[len(s) - 1] for h, s in zip(hidden, own, strict=True)]))

    def exact(prefix):
        found = last_logits(prefix)
        return all((f - w).abs().max() <= tolerance for f, w in zip(found, wanted, strict=True))

    if not exact(0):
        raise UserError(
            f"--model {lm.about['name']}: its last hidden state times its head is not its logits; "
            f"this family is not supported yet"
        )
    return exact(7)
