"""What a model takes by its config alone, against models that are there."""

from dataclasses import replace

import pytest
import tiny
import torch
import transformers

from knowledge_boundary.engine.loss import answer_loss
from knowledge_boundary.models import families
from knowledge_boundary.models.placement import Placement
from knowledge_boundary.training import memory
from knowledge_boundary.training.adapters import add_lora, checkpoint_activations
from knowledge_boundary.training.settings import TrainingSettings
from knowledge_boundary.training.sizes import MASTER, sizes

DEEP = {
    "hidden_size": 128, "intermediate_size": 256, "num_hidden_layers": 10, "num_attention_heads": 8,
    "num_key_value_heads": 4, "vocab_size": 1024, "tie_word_embeddings": False,
}  # fmt: skip
SETTINGS = TrainingSettings(lora_r=8)


def config_of(family: str, **changes):
    """A config of ten layers."""
    return transformers.AutoConfig.for_model(family, **{**DEEP, **changes})


def measured(config, settings) -> float:
    """Bytes that a token of a step keeps in the whole model, as before a training."""
    torch.manual_seed(0)
    base = transformers.AutoModelForCausalLM.from_config(config).to(torch.bfloat16)
    model = add_lora(base, settings)
    for p in model.parameters():
        p.data = p.data.float() if p.requires_grad else p.data
    if settings.gradient_checkpointing:
        checkpoint_activations(model)
    model.train()
    ids = torch.randint(3, config.vocab_size, (8, 256)).tolist()
    rows = [{"input_ids": row, "start": 224} for row in ids]

    def run(part):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            answer_loss(base, part, True, "sum").backward()

    return memory.estimate(base, rows, 256, len(rows), True, True, run).a_token


@pytest.mark.parametrize("family", ["llama", "qwen2"])
def test_a_token_of_a_step(family):
    config = config_of(family)
    found = sizes(config, 8)
    assert found.kept == pytest.approx(measured(config, SETTINGS), rel=0.1)
    assert found.recomputed == pytest.approx(measured(config, replace(SETTINGS, gradient_checkpointing=True)), rel=0.35)
    assert found.recomputed < found.kept / 2


@pytest.mark.skipif(not families.MODERN, reason="needs transformers 5")
def test_weights_and_four_bits(tmp_path):
    pytest.importorskip("bitsandbytes")
    lm = tiny.load(
        tiny.save(tmp_path / "tiny", "llama", hidden_size=256, intermediate_size=512), placed=Placement(load_in="4bit")
    )
    found = sizes(lm.model.config)
    assert found.parameters == lm.about["parameters"]
    held = sum(p.nbytes for n, p in lm.model.named_parameters() if p.dtype == torch.uint8)
    outer = 2 * lm.vocabulary * 256
    assert found.packed == pytest.approx(held * 4.127 / 4 + 2 * outer, rel=0.02)


def test_peaks_add_up():
    found = sizes(config_of("llama"), 8)
    whole, packed = found.lora_peak(100, False, False), found.lora_peak(100, True, False)
    assert whole == found.weights + MASTER * found.lora + 100 * found.kept
    assert whole - packed == pytest.approx(found.weights - found.packed)
    assert found.full_peak(0, 4) == pytest.approx(18 * found.parameters / 4)


@pytest.mark.skipif(not families.MODERN, reason="needs transformers 5")
def test_experts_count_by_those_that_are_chosen():
    mixture = {"moe_intermediate_size": 64, "num_experts": 32, "num_experts_per_tok": 4, "head_dim": 32}
    found = sizes(config_of("qwen3_moe", **mixture), 8)
    experts = 10 * 32 * 3 * 128 * 64
    assert found.parameters - found.computing == 2 * 1024 * 128 + experts * 28 / 32
    assert found.packed > 2 * experts  # bitsandbytes leaves them as they are
