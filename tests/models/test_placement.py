"""Where weights lie and how they are held: what is refused, what ``meta.model`` says, what the engine makes of it."""

import json
import types

import pytest
import tiny
import torch
from safetensors.torch import load_file

from knowledge_boundary.engine import exactness, sampling, scoring
from knowledge_boundary.models import families, loading, placement, weights
from knowledge_boundary.models.language_model import LM
from knowledge_boundary.models.placement import Placement
from knowledge_boundary.running.errors import UserError

PROMPTS = ["Question: What is 2 + 3?\nAnswer:", "Question: Who is it?\nAnswer:", "Question: Where is Rome?\nAnswer:"]
PARTS = {"model.embed_tokens": "disk", "model.layers.0": "cpu", "model.layers.1": "disk", "model.norm": "cpu"}
PARTS |= {"model.rotary_emb": "cpu", "lm_head": "disk"}
pytestmark = pytest.mark.skipif(not families.MODERN, reason="needs transformers 5")


def placed(folder, *how, **named) -> LM:
    """A checkpoint folder as --device_map, --tensor_parallel, --load_in load it."""
    return tiny.load(folder, device="auto", placed=Placement(*how, **named))


def answers(lm) -> tuple:
    """What the engine makes of a model: letters' probabilities, sampled and greedy answers, how sequences run."""
    shared = exactness.check(lm, PROMPTS, 8)
    letters = [p for _, found in scoring.letter_probabilities(lm, PROMPTS, ["ABCD"] * 3, 64, shared) for p in found]
    draws = sampling.answer(lm, PROMPTS, list("abc"), 3, 6, 64, shared, 1.0, 1.0, 0)
    texts = [
        (i, [a.text for a in own], greedy.text)
        for ids, found in draws
        for i, (own, greedy) in zip(ids, found, strict=True)
    ]
    return [p for p, _ in letters], sorted(texts), exactness.manner(lm, shared)


def same(found, wanted):
    """Whether two of ``answers`` are equal to 1e-5."""
    return all(abs(a - b).max() < 1e-5 for a, b in zip(found[0], wanted[0], strict=True)) and found[1:] == wanted[1:]


def write(tmp_path, content) -> str:
    file = tmp_path / "map.json"
    file.write_text(content if isinstance(content, str) else json.dumps(content))
    return str(file)


# ---- device maps ----


@pytest.mark.parametrize("family", ["llama", "qwen2", "gemma2", "bloom"])
@pytest.mark.parametrize("given", ["file", "auto", "balanced"])
def test_weights_on_several_devices_answer_as_on_one(tmp_path, family, given):
    if family != "llama" and given != "file":
        pytest.skip("once is enough")
    folder = tiny.save(tmp_path / "tiny", family)
    wanted = tiny.load(folder)
    parts = (
        PARTS if family != "bloom" else {"transformer.word_embeddings": "disk", "transformer.h.0": "disk", "": "cpu"}
    )
    lm = placed(folder, write(tmp_path, parts) if given == "file" else given)
    assert lm.about["device_map"] == (parts if given == "file" else given)
    assert lm.about["parameters"] == wanted.about["parameters"]
    assert lm.device == torch.device("cpu")
    if given == "file":
        assert any(p.is_meta for p in lm.model.parameters())  # else nothing of it was tried
    assert same(answers(lm), answers(wanted))


@pytest.mark.parametrize("kind", ["mixture", "bin"])
def test_a_disk_for_what_cannot_be_read_where_it_lies(tmp_path, kind):
    changes = {"moe_intermediate_size": 64, "num_experts": 4, "num_experts_per_tok": 2, "head_dim": 16}
    tiny.FAMILIES.setdefault("qwen3_moe", tiny.GROUPED)
    folder = tiny.save(
        tmp_path / "tiny",
        *(("qwen3_moe",) if kind == "mixture" else ("llama",)),
        **(changes if kind == "mixture" else {}),
    )
    if kind == "bin":
        torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
        (folder / "model.safetensors").unlink()
    lm = placed(folder, write(tmp_path, {"": "cpu", "model.layers.1": "disk"}))
    assert any(p.is_meta for p in lm.model.parameters())
    ids = list(range(20, 50))
    assert (tiny.full_forward(lm, ids) - tiny.full_forward(tiny.load(folder), ids)).abs().max() < 1e-5


def test_an_adapter_on_several_devices_stays_beside_its_base(tmp_path):
    import peft

    base = tiny.save(tmp_path / "base", "llama")
    torch.manual_seed(1)
    config = peft.LoraConfig(
        r=8, target_modules=["q_proj", "down_proj"], task_type="CAUSAL_LM", init_lora_weights=False
    )
    peft.get_peft_model(tiny.load(base).model, config).save_pretrained(tmp_path / "adapter")
    file = tmp_path / "adapter" / "adapter_config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"base_model_name_or_path": str(base)}))
    with pytest.raises(UserError, match="an adapter on weights that --device_map leaves on a disk"):
        placed(tmp_path / "adapter", write(tmp_path, PARTS))
    lm = placed(tmp_path / "adapter", "auto")
    assert lm.about["adapter"] == "unmerged"
    assert same(answers(lm), answers(tiny.load(tmp_path / "adapter")))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "is not valid JSON"),
        ([1], "is no map of modules to devices"),
        ({}, "is no map of modules to devices"),
        ({"": "cuda:7"}, "'' is on 'cuda:7'; this machine has cpu, disk"),
        ({"model": 5}, "'model' is on 'cuda:5'"),
        ({"model": None}, "'model' is on None"),
        ({"model": True}, "'model' is on True"),
    ],
)
def test_a_map_that_is_none(tmp_path, checkpoint, content, said):
    with pytest.raises(UserError, match=f"^--device_map .*{said}"):
        loading.describe(str(checkpoint), placed=Placement(write(tmp_path, content)))


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ({"model.layers.0": "cpu"}, r"says nothing of model\.embed_tokens; name it"),
        ({"": "cpu", "model.layers.7": "cpu"}, r"model\.layers\.7 is no part of this model; it has model, "),
        ({"": "cpu", "transformer": "disk"}, "transformer is no part of this model"),
    ],
)
def test_a_map_of_other_parts(tmp_path, checkpoint, parts, said):
    with pytest.raises(UserError, match=f"^--device_map: {said}"):
        placed(checkpoint, write(tmp_path, parts))


def test_the_nearest_part_decides(checkpoint):
    parts = {"": "cpu", "model.layers": "disk", "model.layers.1.mlp": "cpu", "model.norm.weight": "disk"}
    found = placement.spelled_out(placement.skeleton(checkpoint, False), parts)
    assert found["model.layers.0"] == found["model.layers.1.self_attn"] == found["model.norm.weight"] == "disk"
    assert found["model.layers.1.mlp"] == found["lm_head"] == found["model.embed_tokens"] == "cpu"
    assert not any(f"{a}.".startswith(f"{b}.") for a in found for b in found if a != b)


def test_two_readings_of_where(tmp_path, checkpoint):
    with pytest.raises(UserError, match=r"--device cpu and --device_map auto: which of the two\?"):
        loading.describe(str(checkpoint), device="cpu", placed=Placement("auto"))
    with pytest.raises(UserError, match="--device_map nowhere: neither auto, nor balanced, nor a file"):
        loading.describe(str(checkpoint), placed=Placement("nowhere"))


# ---- fewer bits ----


@pytest.mark.parametrize("bits", ["8bit", "4bit"])
def test_weights_in_fewer_bits(checkpoint, bits):
    pytest.importorskip("bitsandbytes")
    wanted = tiny.load(checkpoint)
    lm = placed(checkpoint, load_in=bits)
    assert lm.about["quantised"] == placement.HELD[bits]
    assert lm.about["dtype"] == "float32"
    assert lm.about["parameters"] == wanted.about["parameters"] > sum(p.nbytes for p in lm.model.parameters()) / 4
    ids = lm.encode(PROMPTS[0])
    own, found = tiny.full_forward(wanted, ids), tiny.full_forward(lm, ids)
    assert 1e-4 < (own - found).norm() / own.norm() < 0.5
    letters, _, manner = answers(lm)
    assert manner == "shared"
    exact = found[-1, scoring.candidate_ids(lm, PROMPTS[0], "ABCD", "")].softmax(-1)
    assert abs(torch.from_numpy(letters[0]).float() - exact).max() < 1e-4


def test_experts_that_stay_as_they_are_are_told(tmp_path, capsys):
    pytest.importorskip("bitsandbytes")
    changes = {"moe_intermediate_size": 64, "num_experts": 4, "num_experts_per_tok": 2, "head_dim": 16}
    tiny.FAMILIES.setdefault("qwen3_moe", tiny.GROUPED)
    lm = placed(tiny.save(tmp_path / "moe", "qwen3_moe", **changes), load_in="4bit")
    assert 0.1 < lm.about["packed"] < 0.3
    assert "of its weights are in nf4, 4 bits" in capsys.readouterr().out
    assert placed(tiny.save(tmp_path / "dense", "llama"), load_in="4bit").about["packed"] > 0.98
    assert "of its weights are in" not in capsys.readouterr().out
    about = lm.about | {"dtype": "float32"}
    held = sum(p.nbytes for p in lm.model.parameters())
    assert weights.stored_bytes(tmp_path / "moe", about) == pytest.approx(held, rel=0.02)


def test_no_cpu_repacks_what_is_packed(checkpoint, monkeypatch):
    bnb = pytest.importorskip("bitsandbytes")
    monkeypatch.setattr(bnb.nn.modules, "has_avx512bf16", lambda: True)
    lm = placed(checkpoint, load_in="4bit")
    layer = lm.model.model.layers[0].mlp.up_proj
    before = layer.weight.clone()
    tiny.full_forward(lm, [5, 6, 7])
    assert torch.equal(layer.weight, before)


def test_checkpoints_that_come_quantised(tmp_path, checkpoint):
    pytest.importorskip("bitsandbytes")
    lm = placed(checkpoint, load_in="4bit")
    lm.model.save_pretrained(tmp_path / "packed")
    lm.tokenizer.save_pretrained(tmp_path / "packed")
    found = tiny.load(tmp_path / "packed")
    assert found.about["quantised"] == "bitsandbytes, 4 bits"
    assert found.about["parameters"] == lm.about["parameters"]
    assert same(answers(found), answers(lm))
    with pytest.raises(UserError, match=r"--load_in 8bit: --model .* comes quantised \(bitsandbytes, 4 bits\)"):
        loading.describe(str(tmp_path / "packed"), placed=Placement(load_in="8bit"))


def test_a_model_in_fewer_bits_is_another(checkpoint):
    pytest.importorskip("bitsandbytes")
    about = [loading.describe(str(checkpoint), placed=Placement(load_in=bits)) for bits in (None, "8bit", "4bit")]
    assert len({one["fingerprint"] for one in about}) == 3
    assert loading.describe(str(checkpoint), placed=Placement("auto"))["fingerprint"] == about[0]["fingerprint"]


@pytest.mark.parametrize("odd", [[1], "x", {"config_groups": [1]}, {"config_groups": {"a": {"weights": 4}}}])
def test_an_odd_quantization_config(tmp_path, odd):
    folder = tiny.save(tmp_path / "odd", "llama")
    file = folder / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"quantization_config": odd}))
    with pytest.raises(UserError, match="its quantization_config is none"):
        loading.describe(str(folder))


def test_a_package_that_is_not_here(tmp_path, checkpoint, monkeypatch):
    monkeypatch.setattr(placement.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"--load_in 4bit: needs the package bitsandbytes, .* requirements-quantised"):
        loading.describe(str(checkpoint), placed=Placement(load_in="4bit"))
    tiny.save(tmp_path / "gptq", "llama")
    file = tmp_path / "gptq" / "config.json"
    file.write_text(
        json.dumps(json.loads(file.read_text()) | {"quantization_config": {"quant_method": "gptq", "bits": 4}})
    )
    with pytest.raises(UserError, match=r"comes quantised \(gptq, 4 bits\): needs the package gptqmodel"):
        loading.describe(str(tmp_path / "gptq"))


# ---- several processes ----


def test_one_process_holds_nothing_together(checkpoint, monkeypatch):
    with pytest.raises(UserError, match="start it with torchrun"):
        loading.describe(str(checkpoint), placed=Placement(tensor_parallel=True))
    with pytest.raises(UserError, match=r"--device_map and --tensor_parallel: .*give one"):
        loading.describe(str(checkpoint), placed=Placement("auto", tensor_parallel=True))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"model_type": "nothing"}, "its config cannot be read"),
        ({"num_key_value_heads": 1}, "2 processes can't share 1 heads"),
        ({"auto_map": {}}, "its own code names no plan"),
    ],
)
def test_models_that_two_processes_cannot_hold(tmp_path, monkeypatch, change, said):
    monkeypatch.setattr(placement, "ranks", types.SimpleNamespace(processes=lambda: 2))
    folder = tiny.save(tmp_path / "odd", "llama")
    file = folder / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | change))
    with pytest.raises(UserError, match=said):
        loading.describe(str(folder), trust_remote_code=True, placed=Placement(tensor_parallel=True))
