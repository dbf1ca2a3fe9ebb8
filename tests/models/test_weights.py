"""Weights: all of them or one line; whether they fit; adapters as they were trained; GGUF files."""

import json
import shutil
from pathlib import Path

import pytest
import tiny
import torch
import transformers
from safetensors.torch import load_file, save_file

from knowledge_boundary.models import loading, weights
from knowledge_boundary.models.families import MODERN
from knowledge_boundary.running.errors import UserError
from knowledge_boundary.training import trainer


@pytest.fixture
def folder(tmp_path):
    """A tiny checkpoint."""
    return tiny.save(tmp_path / "model", "llama")


def change(folder: Path, edit) -> None:
    """Change a checkpoint's weights by ``edit(dictionary)``."""
    tensors = load_file(folder / "model.safetensors")
    edit(tensors)
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})


def without_a_layer(tensors):
    for name in [n for n in tensors if ".layers.1." in n]:
        del tensors[name]


def with_another_layer(tensors):
    tensors["model.layers.7.mlp.up_proj.weight"] = torch.zeros(3, 3)


def misshapen(tensors):
    tensors["model.norm.weight"] = torch.ones(3)


@pytest.mark.parametrize(
    ("edit", "line"),
    [
        (without_a_layer, r"9 of its weights are missing, such as model\.layers\.1\.input_layernorm\.weight"),
        (with_another_layer, r"1 of its weights are left over: .* such as model\.layers\.7\.mlp\.up_proj\.weight"),
        (misshapen, r"of another shape .* such as model\.norm\.weight \(\(3,\) in the file, \(64,\) in the model\)"),
    ],
)
def test_weights_that_are_not_the_model_s_are_refused(edit, line, folder):
    change(folder, edit)
    with pytest.raises(UserError, match=line):
        tiny.load(folder)


def test_tables_that_a_model_makes_itself_are_no_weights(folder):
    change(folder, lambda t: t.update({"model.layers.0.self_attn.rotary_emb.inv_freq": torch.ones(8)}))
    tiny.load(folder)


def test_a_model_that_does_not_fit_is_refused_before_it_is_read(folder, monkeypatch):
    monkeypatch.setattr(weights.psutil, "virtual_memory", lambda: type("Memory", (), {"available": 1000}))
    monkeypatch.setattr(weights, "read", None)
    with pytest.raises(UserError, match=r"its weights take 0\.0 GiB in float32, 0\.0 GiB are free on cpu"):
        tiny.load(folder)


def test_what_is_counted_before_reading_is_what_is_read(folder):
    about = tiny.load(folder).about
    assert weights.stored_bytes(folder, about) == 4 * about["parameters"]
    assert weights.stored_bytes(folder, about | {"dtype": "bfloat16"}) == 2 * about["parameters"]


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
@pytest.mark.parametrize("device", ["cuda", "mps"])
def test_a_device_that_is_not_there_is_refused(device, folder):
    if device == "mps" and torch.backends.mps.is_available():
        pytest.skip("there is one")
    with pytest.raises(UserError, match=f"--device {device}: torch finds none"):
        loading.describe(str(folder), device=device)


# ---- adapters ----


def adapter(tmp_path, family="qwen2", tied=True, modules=("q_proj", "embed_tokens")) -> tuple:
    """(an adapter's folder, the same model as peft has it): LoRA with weights that do something."""
    import peft

    base = tmp_path / "base"
    tiny.save(base, family, tie_word_embeddings=tied)
    torch.manual_seed(1)
    config = peft.LoraConfig(r=8, target_modules=list(modules), task_type="CAUSAL_LM", init_lora_weights=False)
    model = peft.get_peft_model(transformers.AutoModelForCausalLM.from_pretrained(base), config).eval()
    model.save_pretrained(tmp_path / "adapter")
    return point(tmp_path / "adapter", str(base)), model


def point(folder: Path, base) -> Path:
    """Write where an adapter's base is."""
    file = folder / "adapter_config.json"
    config = json.loads(file.read_text(encoding="utf-8"))
    file.write_text(json.dumps(config | {"base_model_name_or_path": base}), encoding="utf-8")
    return folder


IDS = torch.tensor([[5, 9, 77, 301, 44, 6, 12]])


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("modules", "tied", "kept"),
    [(("q_proj", "v_proj"), True, "merged"), (("q_proj", "embed_tokens"), True, "unmerged")],
)
def test_an_adapter_is_merged_only_where_that_changes_nothing(modules, tied, kept, tmp_path):
    folder, trained = adapter(tmp_path, tied=tied, modules=modules)
    lm = tiny.load(folder)
    assert lm.about["adapter"] == kept
    with torch.no_grad():
        wanted, found = trained(IDS).logits, lm.model(IDS).logits
    assert (wanted - found).abs().max() <= 1e-4 * wanted.abs().max()
    if kept == "unmerged":  # and merging would not have done
        with torch.no_grad():
            merged = trained.merge_and_unload()(IDS).logits
        assert (wanted - merged).abs().max() > 0.1 * wanted.abs().max()


@pytest.mark.filterwarnings("ignore")
def test_the_engine_runs_an_unmerged_adapter(tmp_path):
    from batches import LARGE, PROMPTS, everything

    from knowledge_boundary.engine import exactness, scoring

    lm = tiny.load(adapter(tmp_path)[0])
    assert exactness.check(lm, PROMPTS)
    ids = [scoring.candidate_ids(lm, text, "ABCD") for text in PROMPTS]
    wanted = [tiny.full_forward(lm, lm.encode(t))[-1, i].softmax(-1) for t, i in zip(PROMPTS, ids, strict=True)]
    found = everything(scoring.letter_probabilities(lm, PROMPTS, ["ABCD"] * 7, LARGE, True), 7)
    assert all(abs(p - w.numpy()).max() < 1e-5 for (p, _), w in zip(found, wanted, strict=True))


@pytest.mark.parametrize(
    ("base", "line"), [(None, "names no base model"), ("", "names no base model"), ("/nowhere/x", "cannot be found")]
)
def test_an_adapter_without_its_base_is_refused(base, line, tmp_path):
    folder = point(adapter(tmp_path, modules=["q_proj"])[0], base)
    with pytest.raises(UserError, match=rf"adapter_config\.json.* {line}.*base_model_name_or_path"):
        tiny.load(folder)


def test_an_adapter_whose_weights_are_not_all_there_is_refused(tmp_path):
    folder, _ = adapter(tmp_path, modules=["q_proj"])
    file = folder / "adapter_model.safetensors"
    tensors = load_file(file)
    del tensors[min(tensors)]
    save_file(tensors, file)
    with pytest.raises(UserError, match="1 of the adapter's weights are missing"):
        tiny.load(folder)


def test_an_adapter_of_another_kind_is_refused(tmp_path):
    folder, _ = adapter(tmp_path, modules=["q_proj"])
    file = folder / "adapter_config.json"
    file.write_text(file.read_text(encoding="utf-8").replace('"LORA"', '"PROMPT_TUNING"'), encoding="utf-8")
    with pytest.raises(UserError, match="an adapter of type PROMPT_TUNING"):
        tiny.load(folder)


# ---- GGUF ----


def gguf_of(folder: Path, file: Path) -> Path:
    """Write a tiny Llama's folder as a .gguf file."""
    import gguf

    model = transformers.AutoModelForCausalLM.from_pretrained(folder)
    words = transformers.AutoTokenizer.from_pretrained(folder)
    config, state = model.config, model.state_dict()
    writer = gguf.GGUFWriter(file, "llama")
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_vocab_size(config.vocab_size)
    tokens = [token for token, _ in sorted(words.get_vocab().items(), key=lambda item: item[1])]
    merges = json.loads(words.backend_tokenizer.to_str())["model"]["merges"]
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list(tokens)
    writer.add_token_types([3 if token in words.all_special_tokens else 1 for token in tokens])
    writer.add_token_merges([" ".join(pair) if isinstance(pair, list) else pair for pair in merges])
    writer.add_eos_token_id(words.eos_token_id)
    writer.add_chat_template(words.chat_template)
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, config.num_hidden_layers)
    for name, tensor in state.items():
        if any(part in name for part in ("q_proj", "k_proj")):  # llama.cpp's order of rotary dimensions
            heads = config.num_attention_heads if "q_proj" in name else config.num_key_value_heads
            tensor = tensor.reshape(heads, 2, -1, tensor.shape[1]).swapaxes(1, 2).reshape(tensor.shape)
        writer.add_tensor(names.get_name(name, try_suffixes=(".weight",)), tensor.contiguous().numpy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return file


@pytest.mark.skipif(not MODERN, reason="transformers 5 reads GGUF files")
@pytest.mark.parametrize("lora_r", [0, 4])
def test_a_gguf_file_is_asked_and_trained(lora_r, folder, tmp_path):
    file = gguf_of(folder, tmp_path / "other.gguf")
    lm = tiny.load(file)
    with torch.no_grad():
        assert torch.allclose(lm.model(IDS).logits, tiny.load(folder).model(IDS).logits, atol=1e-4)
    out = tmp_path / "tuned"
    settings = tiny.settings(lora_r=lora_r, epochs=1)
    summary = trainer.fine_tune(lm, [("Who?", " I<|im_end|>")], settings, out)
    assert summary["steps"] == 1
    shutil.rmtree(folder)
    reloaded = tiny.load(out)
    with torch.no_grad():
        assert torch.allclose(lm.model(IDS).logits, reloaded.model(IDS).logits, atol=1e-4)


def test_a_head_that_is_missing_is_no_tied_one(tmp_path):
    folder = tiny.save(tmp_path / "untied", "llama", tie_word_embeddings=False)
    change(folder, lambda t: t.pop("lm_head.weight"))
    with pytest.raises(UserError, match=r"1 of its weights are missing, such as lm_head\.weight"):
        tiny.load(folder)
    tiny.load(tiny.save(tmp_path / "tied", "qwen2"))  # its head is its embeddings


def test_an_adapter_with_a_grown_vocabulary(tmp_path):
    import peft

    tiny.save(tmp_path / "base", "llama")
    base = transformers.AutoModelForCausalLM.from_pretrained(tmp_path / "base")
    base.resize_token_embeddings(base.config.vocab_size + 8)
    config = peft.LoraConfig(r=4, target_modules=["q_proj"], modules_to_save=["embed_tokens", "lm_head"])
    peft.get_peft_model(base, config).save_pretrained(tmp_path / "adapter")
    folder = point(tmp_path / "adapter", str(tmp_path / "base"))
    with pytest.raises(
        UserError, match=r"another shape than its base \(size mismatch .* vocabulary that had grown"
    ) as e:
        tiny.load(folder)
    assert "\n" not in str(e.value)


def test_an_adapter_in_torch_s_own_format_is_checked_too(tmp_path):
    folder, _ = adapter(tmp_path, modules=["q_proj"])
    tensors = load_file(folder / "adapter_model.safetensors")
    (folder / "adapter_model.safetensors").unlink()
    torch.save(tensors, folder / "adapter_model.bin")
    assert tiny.load(folder).about["adapter"] == "merged"
    torch.save({k: v for k, v in tensors.items() if "layers.1" not in k}, folder / "adapter_model.bin")
    with pytest.raises(UserError, match="of the adapter's weights are missing"):
        tiny.load(folder)


def test_what_lies_beside_the_weights_is_not_counted(folder):
    about = {"dtype": "float32"}
    before = weights.stored_bytes(folder, about)
    shutil.copy(folder / "model.safetensors", folder / "consolidated.safetensors")
    assert weights.stored_bytes(folder, about) == before


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("lora_r", [0, 4])
def test_an_adapter_that_stays_unmerged_is_not_trained_on(lora_r, tmp_path):
    lm = tiny.load(adapter(tmp_path)[0])
    with pytest.raises(UserError, match="an adapter that merging would change cannot be trained on"):
        trainer.fine_tune(lm, [("Who?", " I<|im_end|>")], tiny.settings(lora_r=lora_r), tmp_path / "out")
