"""A batch in parts: their sizes, and their losses and gradients together against those of the whole batch."""

import pytest
import tiny
import torch

from knowledge_boundary.engine.loss import answer_loss, tokenise, turns_of
from knowledge_boundary.engine.parts import divided, run_tokens
from knowledge_boundary.training.adapters import add_lora, checkpoint_activations

WAYS = [(True, True), (False, True), (False, False)]  # packed; whole side by side; whole one by one


def row(*ids, start=1):
    return {"input_ids": list(ids), "start": start}


def test_run_tokens_by_hand():
    rows = [row(1, 2, 3), row(1, 2, 4, 5), row(1, 2, 3, 6)]
    assert run_tokens(rows, True, True) == 6  # 1 2 3 6, 4 5
    assert run_tokens(rows, False, True) == 12  # three rows of four
    assert run_tokens(rows, False, False) == 11


def test_parts_by_hand():
    rows = [row(7, 8), row(1, 2, 3), row(7, 9), row(1, 2, 4)]
    assert divided(rows, 4, True, True) == [[rows[1], rows[3]], [rows[0], rows[2]]]
    assert divided(rows, 4, False, False) == [[rows[0], rows[2]], [rows[1]], [rows[3]]]
    assert divided(rows, 1, True, True) == [[rows[1]], [rows[3]], [rows[0]], [rows[2]]]
    assert len(divided(rows, 99, True, True)) == 1


@pytest.mark.parametrize(("packed", "padded"), WAYS)
def test_a_part_keeps_to_its_size_unless_it_is_one_row(packed, padded):
    generator = torch.Generator().manual_seed(0)
    rows = [row(*torch.randint(1, 4, (int(n),), generator=generator).tolist()) for n in torch.arange(2, 40)]
    for most in (10, 50, 200):
        parts = divided(rows, most, packed, padded)
        assert sorted(id(r) for part in parts for r in part) == sorted(map(id, rows))
        sizes = [run_tokens(part, packed, padded) for part in parts]
        assert all(size <= most or len(part) == 1 for size, part in zip(sizes, parts, strict=True))
        assert len(parts) < len(rows) or most == 10


def texts():
    known = ["red", "green", "blue", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
    return [(f"Answer {known[i % 7]} : the question {known[-i]} {known[i]} ?", f" {known[-1 - i]}") for i in range(9)]


def gradients(model, inner, parts, packed, padded):
    """The sum of the parts' losses, and the gradient as one vector."""
    model.zero_grad()
    losses = [answer_loss(inner, part, packed, "sum", padded) for part in parts]
    for loss in losses:
        loss.backward()
    return sum(losses).item(), torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None])


def compare_parts(words, family, lora, packed, padded, checkpointed):
    lm = tiny.wrap(tiny.random_model(family, len(words)), words)
    rows = turns_of(tokenise(lm, texts(), [1, 2, 0.5] * 3))
    model = add_lora(lm.model, tiny.settings()) if lora else lm.model
    inner = model.get_base_model() if lora else model
    for name, p in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(p, std=0.1)
    model.train()
    whole = gradients(model, inner, [rows], packed, padded)
    if checkpointed:
        checkpoint_activations(model)
    parts = divided(rows, 40, packed, padded)
    assert len(parts) > 1
    found = gradients(model, inner, parts, packed, padded)
    assert found[0] == pytest.approx(whole[0], rel=1e-5)
    assert whole[1].norm() > 0
    assert (found[1] - whole[1]).norm() <= 1e-5 * whole[1].norm()


@pytest.mark.parametrize("family", ["llama", "gpt_neox"])
@pytest.mark.parametrize("lora", [True, False])
@pytest.mark.parametrize(("packed", "padded"), WAYS)
@pytest.mark.parametrize("checkpointed", [False, True])
def test_the_parts_gradients_are_the_whole_s(words, family, lora, packed, padded, checkpointed):
    if packed and family not in tiny.PACKED:
        pytest.skip(f"{family} is not packed here")
    compare_parts(words, family, lora, packed, padded, checkpointed)


@pytest.mark.parametrize("family", tiny.FAMILIES)
def test_checkpointed_parts_of_every_family(words, family):
    compare_parts(words, family, True, family in tiny.PACKED, False, True)
