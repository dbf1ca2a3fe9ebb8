"""What LoRA adapts by default and when asked, on tiny models of the families that are peculiar there."""

import every_family
import pytest
import tiny
import torch

from knowledge_boundary.models.families import MODERN
from knowledge_boundary.running.errors import UserError
from knowledge_boundary.training import trainer
from knowledge_boundary.training.adapters import add_lora, described, reach

pytestmark = pytest.mark.skipif(not MODERN, reason="families of transformers 5")
ATTENTION = ["k_proj", "o_proj", "q_proj", "v_proj"]
DENSE = sorted([*ATTENTION, "down_proj", "gate_proj", "up_proj"])


def adapted(name: str, **options):
    """(what the adapter reaches, names of the adapted layers) of a tiny model."""
    model = add_lora(every_family.tiny_model(name), tiny.settings(**options))
    layers = [n for n, m in model.get_base_model().named_modules() if hasattr(m, "lora_A")]
    return reach(model), layers


def test_a_dense_model_is_reached_whole():
    found, _ = adapted("llama")
    assert (found.modules, found.unreached) == (DENSE, [])
    assert found.share > 0.98  # all but the norms


@pytest.mark.parametrize(
    "name", ["gpt_oss", "granitemoehybrid", "mixtral", "qwen3_moe", "gemma3", "llama4", "deepseek_v3"]
)
def test_no_router_and_no_other_sense_is_adapted(name):
    _, layers = adapted(name)
    assert layers
    assert not [n for n in layers if any(part in n for part in ("router", "vision", "projector", "lm_head"))]
    assert not [n for n in layers if n.rpartition(".")[2] == "gate"]


@pytest.mark.parametrize("name", ["gpt_oss", "granitemoehybrid", "mixtral"])
def test_experts_that_are_parameters_are_said_and_can_be_adapted(name):
    found, _ = adapted(name)
    assert found.unreached
    line = described(found)
    assert f"--lora_target_parameters {','.join(found.unreached)}" in line
    more, _ = adapted(name, lora_target_parameters=tuple(found.unreached))
    assert more.share > found.share + 0.2
    assert more.unreached == []
    assert len(more.parameters) >= len(found.unreached)


@pytest.mark.parametrize("name", ["mamba", "mamba2", "falcon_mamba", "jamba", "bamba", "granitemoehybrid", "falcon_h1"])
def test_layers_that_kernels_read_past_are_left_out(name):
    found, layers = adapted(name)
    assert any("in_proj" in n for n in layers)
    assert not [n for n in layers if "mamba" in n and n.endswith(("out_proj", "dt_proj"))]
    assert 0 < found.share < 1


def test_every_adapted_layer_learns():
    """No adapter stands where the model reads the weight past it."""
    for name in ("bamba", "mamba", "mamba2", "falcon_h1", "llama", "gemma3", "jamba"):
        model = add_lora(every_family.tiny_model(name), tiny.settings())
        model.train()
        model(torch.randint(3, 500, (2, 40))).logits.logsumexp(-1).sum().backward()
        idle = [n for n, p in model.named_parameters() if "lora_B" in n and (p.grad is None or not p.grad.any())]
        assert not [n for n in idle if "expert" not in n], name


def test_other_layers_when_asked():
    found, layers = adapted("llama", lora_target_modules=("q_proj", "layers.1.mlp.up_proj"))
    assert {n.rpartition(".")[2] for n in layers} == {"q_proj", "up_proj"}
    assert sum(n.endswith("up_proj") for n in layers) == 1
    assert found.share < 0.3


def test_parameters_alone():
    found, layers = adapted("mixtral", lora_target_modules=("none",), lora_target_parameters=("mlp.experts.down_proj",))
    assert found.modules == []
    assert layers


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (
            {"lora_target_modules": ("qproj",)},
            "--lora_target_modules qproj: no such name in this model; it has .*q_proj",
        ),
        ({"lora_target_parameters": ("experts",)}, "--lora_target_parameters experts: no such name"),
        ({"lora_target_parameters": ("mlp.up_proj.weight",), "lora_dropout": 0.1}, "give --lora_dropout 0 with it"),
        ({"lora_target_modules": ("input_layernorm",)}, "peft cannot adapt these"),
    ],
)
def test_what_cannot_be_adapted_is_one_line(options, line):
    with pytest.raises(UserError, match=line):
        adapted("llama", **options)


def test_names_without_an_adapter_are_refused():
    with pytest.raises(UserError, match="nothing is adapted with --lora_r 0"):
        tiny.settings(lora_r=0, lora_target_modules=("q_proj",)).check()


def test_experts_are_trained_and_reload(tmp_path):
    folder = tmp_path / "base"
    words = tiny.tokenizer()
    every_family.tiny_model("mixtral").save_pretrained(folder)
    words.save_pretrained(folder)
    lm = tiny.load(folder)
    settings = tiny.settings(lora_target_parameters=("mlp.experts.down_proj",), epochs=4, learning_rate=1e-2)
    summary = trainer.fine_tune(
        lm, [("Who?", " I am<|im_end|>"), ("What?", " That<|im_end|>")], settings, tmp_path / "out"
    )
    assert summary["last_loss"] < summary["first_loss"]
    assert summary["lora"]["parameters"]
    ids = torch.tensor([[5, 9, 77, 301]])
    with torch.no_grad():
        assert torch.allclose(tiny.load(tmp_path / "out").model(ids).logits, lm.model(ids).logits, atol=1e-4)


def test_only_what_kernels_read_past_is_left_out():
    """Qwen3-Next's linear attention calls its last layer as others do."""
    _, layers = adapted("qwen3_next")
    assert [n for n in layers if n.endswith("linear_attn.out_proj")]
