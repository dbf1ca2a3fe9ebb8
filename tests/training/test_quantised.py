"""QLoRA: adapters on weights in four and eight bits, by the stages that train."""

import contextlib
from pathlib import Path

import pytest
import tiny
import torch
from safetensors.torch import load_file

from knowledge_boundary.models import families, placement
from knowledge_boundary.models.placement import Placement
from knowledge_boundary.training import adapters, trainer

pytestmark = pytest.mark.skipif(not families.MODERN, reason="needs transformers 5")
pytest.importorskip("bitsandbytes")
EXAMPLES = [(f"Question: What is {a} + {b}?\nAnswer:", f" {a + b}") for a in range(4) for b in range(3)]


@pytest.mark.parametrize("bits", ["4bit", "8bit"])
def test_an_adapter_learns_on_packed_weights_that_stay(tmp_path, checkpoint, bits):
    lm = tiny.load(checkpoint, placed=Placement(load_in=bits))
    packed = {n: p.clone() for n, p in lm.model.named_parameters()}
    found = trainer.fine_tune(lm, EXAMPLES, tiny.settings(epochs=6, learning_rate=1e-2), tmp_path / "out")
    assert found["last_loss"] < 0.8 * found["first_loss"]
    assert found["prefix_cache"] == "shared"
    own = {n.replace(".base_layer", "").removeprefix("base_model.model."): p for n, p in lm.model.named_parameters()}
    assert all(torch.equal(own[n], p) and own[n].dtype == p.dtype for n, p in packed.items())
    again = tiny.load(tmp_path / "out", placed=Placement(load_in=bits))
    assert again.about["adapter"] == "unmerged"
    lm.model.eval()  # on CPUs bitsandbytes takes int8 layers' inputs as they are while they are trained
    ids = lm.encode(EXAMPLES[0][0])
    assert (tiny.full_forward(again, ids) - tiny.full_forward(lm, ids)).abs().max() < 1e-4


def test_the_share_that_is_reached_is_of_weights_not_bytes(checkpoint):
    whole, packed = tiny.load(checkpoint), tiny.load(checkpoint, placed=Placement(load_in="4bit"))
    wanted, found = (adapters.reach(adapters.add_lora(lm.model, tiny.settings())) for lm in (whole, packed))
    assert found == wanted


def test_packed_steps_in_parts_are_the_whole_step(tmp_path, checkpoint):
    found = []
    for tokens in (None, 40):
        lm = tiny.load(checkpoint, placed=Placement(load_in="4bit"))
        trainer.fine_tune(lm, EXAMPLES, tiny.settings(epochs=1, micro_batch_tokens=tokens), tmp_path / str(tokens))
        found.append(load_file(tmp_path / str(tokens) / "adapter_model.safetensors"))
    assert all((found[0][n] - found[1][n]).abs().max() < 1e-4 for n in found[0])


def test_by_the_stages(tmp_path, checkpoint, capsys):
    flags = ["--model", checkpoint, "--load_in", "4bit", "--lora_r", 4, "--batch_size", 4, "--epochs", 1]
    with contextlib.chdir(tmp_path):
        ask = ["run_query_state.py", "--dataset", "world_facts_mc", "--limit", 2, "--num_shots", 0]
        assert tiny.call(*ask, "--model", checkpoint, "--load_in", "4bit", "--output_dir", "four") == 0
        state = "four/state_init.json"
        assert tiny.call("run_rehearsal.py", "--model", checkpoint, "--state", state) == 2
        assert "the state of another model" in capsys.readouterr().err  # of whole weights
        rehearse = ["run_rehearsal.py", *flags, "--state", state, "--num_examples", 8, "--output_model", "out"]
        assert tiny.call(*rehearse[:-1], "none", "--lora_r", 0) == 2
        assert f"--lora_r 0: weights in {placement.HELD['4bit']} can't be trained" in capsys.readouterr().err
        assert not Path("out.checkpoints").exists()  # nothing stands in the mended command's way
        assert tiny.call(*rehearse) == 0
        about = tiny.read_json("out/knowledge_boundary.json")["meta"]["model"]
        assert about["quantised"] == placement.HELD["4bit"]
        ask += ["--model", "out"]
        assert tiny.call(*ask, "--output_dir", "four", "--load_in", "4bit") == 0
        assert "another base" not in capsys.readouterr().out
        assert tiny.call(*ask, "--output_dir", "whole") == 0
        assert (
            f"Trained on weights in {placement.HELD['4bit']}, asked in float32: another base" in capsys.readouterr().out
        )


def compress(model, bits: int, folder) -> None:
    """Write ``model`` as a compressed-tensors checkpoint of integers, one scale for each row."""
    from compressed_tensors.compressors import ModelCompressor
    from compressed_tensors.quantization import (
        QuantizationArgs,
        QuantizationConfig,
        QuantizationScheme,
        apply_quantization_config,
    )

    rows = QuantizationArgs(num_bits=bits, symmetric=True, strategy="channel")
    groups = {"group_0": QuantizationScheme(targets=["Linear"], weights=rows)}
    config = QuantizationConfig(config_groups=groups, ignore=["lm_head"], quantization_status="compressed")
    apply_quantization_config(model, config)
    for layer in model.modules():
        if hasattr(layer, "weight_scale"):
            layer.weight_scale.data = layer.weight.data.abs().amax(1, keepdim=True) / (2 ** (bits - 1) - 1)
    compressor = ModelCompressor.from_pretrained_model(model)
    compressor.compress_model(model)
    model.save_pretrained(folder)
    compressor.update_config(folder)


@pytest.mark.parametrize("bits", [8, 4])
def test_a_checkpoint_of_compressed_tensors_is_asked_and_trained(tmp_path, checkpoint, bits):
    pytest.importorskip("compressed_tensors")
    whole = tiny.load(checkpoint)
    compress(tiny.load(checkpoint).model, bits, tmp_path / "packed")
    whole.tokenizer.save_pretrained(tmp_path / "packed")
    lm = tiny.load(tmp_path / "packed")
    assert lm.about["quantised"] == f"compressed-tensors, {bits} bits"
    assert lm.about["parameters"] == whole.about["parameters"]
    ids = lm.encode(EXAMPLES[0][0])
    error = (tiny.full_forward(lm, ids) - tiny.full_forward(whole, ids)).norm() / tiny.full_forward(whole, ids).norm()
    assert 1e-4 < error < (0.1 if bits == 8 else 0.9)
    found = trainer.fine_tune(lm, EXAMPLES, tiny.settings(epochs=6, learning_rate=1e-2), tmp_path / "out")
    assert found["last_loss"] < 0.8 * found["first_loss"]
    lm.model.eval()
    again = tiny.load(tmp_path / "out")
    assert (tiny.full_forward(again, ids) - tiny.full_forward(lm, ids)).abs().max() < 1e-4
