"""LoRA's dropout against torch's own: the same outputs and gradients, with less kept."""

import copy

import pytest
import tiny
import torch

from knowledge_boundary.training.adapters import add_lora
from knowledge_boundary.training.dropout import DroppedLinear


def results(run, x, weight):
    torch.manual_seed(3)
    kept = []
    x = x.clone().requires_grad_()
    with torch.autograd.graph.saved_tensors_hooks(lambda t: kept.append(t) or t, lambda t: t):
        out = run(x)
    (out.float() ** 2).sum().backward()
    return [out, x.grad, weight.grad.clone()], kept


@pytest.mark.parametrize("shape", [(5, 24), (2, 7, 24)])
def test_outputs_and_gradients_are_those_of_dropout_and_linear(shape):
    torch.manual_seed(0)
    x, linear = torch.randn(shape), torch.nn.Linear(24, 4, bias=False)
    drop, own = torch.nn.Dropout(0.3), DroppedLinear(linear, 0.3).train()
    expected, _ = results(lambda x: linear(drop(x)), x, linear.weight)
    linear.weight.grad = None
    found, _ = results(own, x, linear.weight)
    for a, b in zip(found, expected, strict=True):
        torch.testing.assert_close(a, b)
    assert (found[1] == 0).any()
    torch.testing.assert_close(own.eval()(x), linear(x))


def test_in_half_precision_it_is_near_float32():
    torch.manual_seed(0)
    x, linear = torch.randn(6, 64).bfloat16(), torch.nn.Linear(64, 8, bias=False)
    own = DroppedLinear(linear, 0.25).train()

    def mixed(x):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            return own(x)

    found, kept = results(mixed, x, linear.weight)
    linear.weight.grad = None
    expected, _ = results(own, x.float(), linear.weight)
    assert found[0].dtype == found[1].dtype == torch.bfloat16
    for a, b in zip(found, expected, strict=True):
        torch.testing.assert_close(a.float(), b.float(), atol=0.15, rtol=0.05)
    assert sorted(t.element_size() for t in kept if t.shape == x.shape) == [1, 2]  # the mask, and x itself


def test_a_model_with_it_is_the_one_with_peft_s_own(words, monkeypatch):
    def trained(replaced):
        if not replaced:
            monkeypatch.setattr("knowledge_boundary.training.adapters.keep_less", lambda *a: None)
        torch.manual_seed(0)
        model = add_lora(copy.deepcopy(inner), tiny.settings(lora_dropout=0.2)).train()
        for name, p in model.named_parameters():
            if "lora_B" in name:
                torch.nn.init.normal_(p, std=0.1)
        torch.manual_seed(1)
        loss = model(input_ids=ids, labels=ids).loss
        loss.backward()
        return loss.item(), [(n, p.grad) for n, p in model.named_parameters() if p.grad is not None]

    inner, ids = tiny.random_model("llama", len(words)), torch.arange(3, 20)[None]
    (loss, own), (reference, others) = trained(True), trained(False)
    assert loss == pytest.approx(reference, rel=1e-6)
    assert [n for n, _ in own] == [n for n, _ in others]
    for (_, a), (_, b) in zip(own, others, strict=True):
        torch.testing.assert_close(a, b, atol=1e-5, rtol=1e-4)
