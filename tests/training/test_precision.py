"""A fine-tune learns in every dtype: float32 masters, and what a small learning rate leaves in the saved weights."""

import pytest
import tiny
import torch
from safetensors.torch import load_file

from knowledge_boundary.engine.loss import answer_loss, tokenise, turns_of
from knowledge_boundary.training import trainer
from knowledge_boundary.training.precision import dithered

EXAMPLES = [(f"What is {i}?", f" It is {i * 7}.<|im_end|>") for i in range(8)]


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_a_master_rounds_to_its_weight(dtype):
    weight = torch.cat([torch.randn(5000), torch.tensor([0.0, 1.0, -1.0, 2.0**-14, 2.0**-6, -(2.0**5)])]).to(dtype)
    masters = dithered(weight, torch.Generator().manual_seed(0))
    assert masters.dtype == torch.float32
    assert torch.equal(masters.to(dtype), weight)
    assert masters[5000] == 0
    moved = (masters - weight.float()).abs()
    assert (moved > 0).float().mean() > 0.99


def test_a_small_update_shows_in_the_right_share_of_the_weights():
    """Weights of 0.05 are 2⁻¹² apart in bfloat16; an update of a tenth of that moves a tenth of them a step."""
    weight = torch.full((20_000,), 0.05).bfloat16()
    step = float((weight.view(torch.int16) + 1).view(torch.bfloat16)[0].float() - weight[0].float())
    update = 0.1 * step
    assert torch.equal((weight.float() + update).bfloat16(), weight)  # without a master of its own: nothing moves
    moved = (dithered(weight, torch.Generator().manual_seed(0)) + update).bfloat16() != weight
    assert abs(moved.float().mean() - 0.1) < 0.01


def tune(checkpoint, out, dtype, lora_r, **changes):
    """(the summary of 8 steps at a small rate, the model)."""
    lm = tiny.load(checkpoint, dtype=dtype)
    rate = 3e-4 if lora_r else 3e-5
    settings = tiny.settings(lora_r=lora_r, epochs=8, batch_size=8, learning_rate=rate, warmup_ratio=0, **changes)
    return trainer.fine_tune(lm, EXAMPLES, settings, out), lm


@pytest.mark.parametrize("lora_r", [0, 4])
@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_half_precision_learns_as_float32_does(dtype, lora_r, checkpoint, tmp_path):
    wanted, _ = tune(checkpoint, tmp_path / "whole", "float32", lora_r)
    found, lm = tune(checkpoint, tmp_path / "half", dtype, lora_r)
    learnt = wanted["first_loss"] - wanted["last_loss"]
    assert learnt > 0.01
    assert abs((found["first_loss"] - found["last_loss"]) - learnt) < 0.1 * learnt
    assert abs(found["last_loss"] - wanted["last_loss"]) < 0.02 * wanted["last_loss"]
    about = {k: lm.about[k] for k in ("dtype", "master_dtype", "optimizer_dtype", "compute_dtype")}
    assert about == {
        "dtype": dtype,
        "master_dtype": "float32",
        "optimizer_dtype": "float32",
        "compute_dtype": "float32",
    }
    file = tmp_path / "half" / ("adapter_model.safetensors" if lora_r else "model.safetensors")
    assert {str(t.dtype) for t in load_file(file).values()} == {f"torch.{dtype}"}


@pytest.mark.parametrize("compute", [torch.float32, torch.bfloat16])
def test_what_was_learnt_is_in_the_saved_weights(compute, checkpoint, tmp_path, monkeypatch):
    """On GPUs the passes run in bfloat16 too."""
    monkeypatch.setattr(trainer, "compute_dtype", lambda lm: compute)
    found, _ = tune(checkpoint, tmp_path / "half", "bfloat16", 0)
    learnt = found["first_loss"] - found["last_loss"]
    assert learnt > 0.01

    def loss(folder):
        lm = tiny.load(folder, dtype="bfloat16")
        with torch.no_grad():
            return answer_loss(lm.model.float(), turns_of(tokenise(lm, EXAMPLES)), True).item()

    kept = loss(checkpoint) - loss(tmp_path / "half")
    assert 0.6 * learnt < kept < 1.6 * learnt
