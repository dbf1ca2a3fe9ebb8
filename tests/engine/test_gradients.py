"""Gradients of single examples against autograd's of the whole weights; packed against whole."""

import numpy as np
import pytest
import tiny
import torch

from knowledge_boundary.engine import gradients
from knowledge_boundary.engine.gradients import RANK, SIZE, grouped, unit_gradients
from knowledge_boundary.engine.loss import answer_loss, tokenise, turns_of
from knowledge_boundary.running.errors import UserError

START = "<|im_start|>user\nAnswer the following question: "
PAIRS = [
    (f"{START}{question}<|im_end|>\n<|im_start|>assistant\n", "I don't know.<|im_end|>")
    for question in ("What is the capital of Peru?", "Which element is Au?", "Who?", "What is the capital of Chile?")
]
APART = [("What is the capital of Peru?", " Lima"), ("Au is", " gold"), ("I don't", " know")]  # nothing in common


def linear_weights(lm):
    """The weights of all linear layers but the head."""
    head = lm.model.get_output_embeddings()
    return [m.weight for m in lm.model.modules() if isinstance(m, torch.nn.Linear) and m is not head]


def plain(lm, row, seed=0) -> np.ndarray:
    """A row's unit gradient from those of the whole weights, projected and hashed one layer after the other."""
    weights = linear_weights(lm)
    found = torch.zeros(SIZE)
    for number, g in enumerate(torch.autograd.grad(answer_loss(lm.model, [row], packed=False), weights)):
        a = torch.randn(RANK, g.shape[1], generator=torch.Generator().manual_seed(seed * 100_003 + number)) / RANK**0.5
        flat = (g @ a.T).flatten()
        generator = torch.Generator().manual_seed(seed * 100_003 - 1 - number)
        places = torch.randint(SIZE, (len(flat),), generator=generator)
        signs = torch.randint(2, (len(flat),), generator=generator) * 2 - 1
        for value, place, sign in zip(flat, places, signs, strict=True):
            found[place] += value * sign
    return (found / found.norm()).numpy()


@pytest.mark.parametrize("seed", [0, 3])
def test_gradients_are_those_of_the_whole_weights_projected(llama, seed):
    rows = turns_of(tokenise(llama, APART))
    assert len({row["input_ids"][0] for row in rows}) == 3
    found = unit_gradients(llama, rows, shared=False, seed=seed)
    np.testing.assert_allclose(found, np.stack([plain(llama, row, seed) for row in rows]), atol=1e-5)


def test_their_cosines_are_the_whole_gradients_own(llama):
    rows = turns_of(tokenise(llama, PAIRS))
    apart = [{**row, "input_ids": [5 + i, *row["input_ids"]], "start": row["start"] + 1} for i, row in enumerate(rows)]
    whole = []
    for row in apart:
        g = torch.autograd.grad(answer_loss(llama.model, [row], packed=False), linear_weights(llama))
        whole.append(torch.cat([part.flatten() for part in g]))
    whole = torch.nn.functional.normalize(torch.stack(whole), dim=1).numpy()
    found = unit_gradients(llama, apart, shared=False)
    np.testing.assert_allclose(found @ found.T, whole @ whole.T, atol=0.08)
    assert (whole @ whole.T)[0, 1] < 0.9


def test_packed_is_whole(lm, shared, monkeypatch):
    rows = turns_of(tokenise(lm, PAIRS))
    lm.padded = True
    found = unit_gradients(lm, rows, shared)
    assert found.shape == (4, SIZE)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, rtol=1e-5)
    monkeypatch.setattr(lm, "padded", False)
    np.testing.assert_allclose(found, unit_gradients(lm, rows, shared=False), atol=1e-4)


def test_the_division_into_passes_changes_nothing(llama, monkeypatch):
    rows = turns_of(tokenise(llama, PAIRS))
    done = []
    whole = unit_gradients(llama, rows, True, progress=done.append)
    monkeypatch.setattr(gradients, "PASS_TOKENS", 40)
    parts = []
    np.testing.assert_allclose(whole, unit_gradients(llama, rows, True, progress=parts.append), atol=1e-5)
    assert (done, sum(parts)) == ([4], 4)
    assert len(parts) > 1


def test_groups_are_of_like_length():
    rows = [{"input_ids": [0] * n} for n in (300, 100, 110, 90, 700)]
    assert grouped(rows, 0, one_by_one=False) == [[3, 1, 2], [0], [4]]
    assert grouped(rows, 50, one_by_one=False) == [[3, 1, 2], [0], [4]]
    assert grouped(rows, 0, one_by_one=True) == [[3], [1], [2], [0], [4]]


def test_the_model_is_left_as_it_was(llama):
    rows = turns_of(tokenise(llama, PAIRS))
    before = {name: p.clone() for name, p in llama.model.named_parameters()}
    unit_gradients(llama, rows, True)
    assert all(torch.equal(before[name], p) for name, p in llama.model.named_parameters())
    assert all(p.requires_grad and p.grad is None for p in llama.model.parameters())
    assert not any(m._forward_hooks for m in llama.model.modules())


def test_a_gradient_that_is_not_finite_is_refused(words):
    lm = tiny.wrap(tiny.random_model("llama", len(words)), words)
    lm.model.model.layers[0].mlp.down_proj.weight.data[:] = float("inf")
    with pytest.raises(UserError, match="a gradient is zero or not finite in float32"):
        unit_gradients(lm, turns_of(tokenise(lm, PAIRS)), False)
