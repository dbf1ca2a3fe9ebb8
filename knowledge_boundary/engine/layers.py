"""Hidden states of several layers in one pass, at the positions that any other pass reads."""

import contextlib

import numpy as np
import torch

from ..models.families import base_model, text_config
from .passes import check_finite
from .scoring import Request, run

DEPTHS = ("num_hidden_layers", "num_layers", "n_layer")  # what configs call the number of layers


def depth(model) -> int:
    """How many layers the model's text part has."""
    config = text_config(model)
    return next(n for n in (getattr(config, name, None) for name in DEPTHS) if n)


def spread(model, most: int) -> list:
    """Numbers of at most ``most`` layers, evenly over the depth, from 1 (behind the first) to the last one's."""
    last = depth(model)
    return sorted({int(n) for n in np.linspace(1, last, min(most, last)).round()})


@contextlib.contextmanager
def stacked(model, layers):
    """Within it, the base model's last hidden states are those of all ``layers``, side by side: [.., layers · hidden].

    A layer's states are its output, the last one's what is behind the final norm. So whatever runs the model reads
    several layers at the positions at which it reads the last.
    """
    base, n, found = base_model(model), depth(model), {}

    def keep(number):
        def hook(module, given, out):
            states = out[0] if isinstance(out, tuple) else out
            if torch.is_tensor(states) and states.ndim == 3:  # lists of experts may be as long: theirs are rows
                found[number] = states

        return hook

    def stack(module, given, out):
        last = out.last_hidden_state
        own = [last if number == n else found.pop(number).to(last.device) for number in layers]
        found.clear()
        out.last_hidden_state = torch.cat(own, -1)
        return out

    lists = [m for m in base.modules() if isinstance(m, torch.nn.ModuleList) and len(m) == n]
    wanted = [(blocks[number - 1], number) for blocks in lists for number in layers if number < n]
    handles = [block.register_forward_hook(keep(number)) for block, number in wanted]
    handles.append(base.register_forward_hook(stack))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def last_token_states(lm, texts, names, layers, batch_tokens: int, shared: bool, progress=lambda n: None) -> dict:
    """{layer: float32 [texts, hidden]}: each layer's hidden states at the texts' last tokens.

    Args:
        lm: the model.
        texts: the prompts.
        names: their questions' ids, for errors.
        layers: numbers as in ``spread``.
        batch_tokens: see ``scoring.run``.
        shared: see ``scoring.run``.
        progress: called with the number of texts done.

    Raises:
        UserError: a state is not finite; a text is longer than the model's window.
    """
    units = [[Request(ids, len(ids))] for ids in map(lm.encode, texts)]
    states = [None] * len(texts)

    def read(hidden, requests, names):
        # In float32: a sum over all layers of a half precision's states may leave its numbers.
        check_finite(lm, hidden.float(), names)
        return hidden.float().cpu().numpy()

    with stacked(lm.model, layers):
        for indices, results in run(lm, units, read, batch_tokens, shared, names):
            for i, result in zip(indices, results, strict=True):
                states[i] = result[0]
            progress(len(indices))
    return dict(zip(layers, np.split(np.stack(states), len(layers), axis=1), strict=True))
