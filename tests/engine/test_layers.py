"""Hidden states of several layers: the model's own, packed and whole; no hook stays."""

import numpy as np
import pytest
import tiny
import torch

from knowledge_boundary.engine import layers
from knowledge_boundary.running.errors import UserError

TEXTS = ["What is the capital of Peru?", "What is the capital of France, and of Peru?", "What?", "Au is gold"]


def own_states(lm, text, number):
    """A layer's state at the text's last token, by the model's own output of all of them."""
    ids = torch.tensor([lm.encode(text)])
    with torch.no_grad():
        return lm.model(input_ids=ids, output_hidden_states=True, use_cache=False).hidden_states[number][0, -1].numpy()


def test_states_are_the_model_s_own(lm, shared):
    found = layers.last_token_states(lm, TEXTS, TEXTS, [1, 2], 512, shared)
    assert list(found) == [1, 2]
    for number, states in found.items():
        assert (states.shape, states.dtype) == ((4, 64), np.float32)
        wanted = np.stack([own_states(lm, text, number) for text in TEXTS])
        np.testing.assert_allclose(states, wanted, atol=2e-5 * np.abs(wanted).max())


@pytest.mark.parametrize("batch_tokens", [8, 512])
def test_layers_are_what_was_asked_for_in_any_batches(words, batch_tokens):
    lm = tiny.wrap(tiny.random_model("llama", len(words), num_hidden_layers=5), words)
    every = layers.last_token_states(lm, TEXTS, TEXTS, [1, 2, 3, 4, 5], 512, shared=False)
    some = layers.last_token_states(lm, TEXTS, TEXTS, [5, 2], batch_tokens, shared=True)
    assert list(some) == [5, 2]
    for number, states in some.items():
        np.testing.assert_allclose(states, every[number], atol=1e-4)
    assert not np.allclose(every[2], every[3], atol=1e-2)


@pytest.mark.parametrize(
    ("count", "most", "wanted"),
    [(5, 16, [1, 2, 3, 4, 5]), (30, 4, [1, 11, 20, 30]), (32, 1, [1]), (2, 2, [1, 2])],
)
def test_spread_over_the_depth(words, count, most, wanted):
    model = tiny.random_model("llama", len(words), num_hidden_layers=count, hidden_size=8, intermediate_size=8)
    assert layers.spread(model, most) == wanted


def test_no_hook_stays(llama):
    hooks = lambda: sum(len(m._forward_hooks) for m in llama.model.modules())  # noqa: E731
    with layers.stacked(llama.model, [1]):
        assert hooks() == 2
    assert hooks() == 0
    with pytest.raises(UserError):
        layers.last_token_states(llama, ["What? " * 2000], ["long"], [1], 512, shared=True)
    assert hooks() == 0


def test_a_state_that_is_not_finite_is_refused(words):
    lm = tiny.wrap(tiny.random_model("llama", len(words)), words)
    lm.model.model.layers[0].mlp.down_proj.weight.data[:] = float("nan")
    with pytest.raises(UserError, match="question q0: the model's output is not finite"):
        layers.last_token_states(lm, TEXTS[:1], ["q0"], [1], 512, shared=True)
