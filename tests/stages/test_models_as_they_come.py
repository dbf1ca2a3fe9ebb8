"""Models that others bring, by the stages: dates, letters behind a template, broken bases, windows, conversations."""

import json
import re

import chat_templates
import every_family
import pytest
import tiny
import torch
from safetensors.torch import load_file, save_file

from knowledge_boundary.asking import prompts
from knowledge_boundary.engine import scoring
from knowledge_boundary.models.families import MODERN
from knowledge_boundary.questions import readers
from knowledge_boundary.running.errors import UserError

DATED = "{{ '<|im_start|>system\\nToday is ' + strftime_now('%d %B %Y') + '.<|im_end|>\\n' }}" + tiny.CHATML


@pytest.fixture
def dated(tmp_path):
    """A tiny model whose template prints today's date."""
    return with_template(tiny.save(tmp_path / "dated", "llama"), DATED)


def with_template(folder, template):
    """A checkpoint's folder with another chat template."""
    words = tiny.load(folder).tokenizer
    words.chat_template = template
    words.save_pretrained(folder)
    return folder


def test_all_stages_ask_with_one_date(dated, data, embedder, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    common = ["--model", dated, "--dataset", data / "facts", "--output_dir", "."]
    evaluate = [*common, "--split", "ood", "--limit", 2]
    assert tiny.call("eval_refusal.py", *evaluate, "--name", "usual") == 0
    assert "Its chat template prints today's date: it is given 2025-01-01 on all days" in capfd.readouterr().out
    assert tiny.call("eval_refusal.py", *evaluate, "--name", "own", "--template_date", "2020-05-06") == 0
    dates = [tiny.read_json(f"eval_{n}.json")["meta"]["model"]["template"]["date"] for n in ("usual", "own")]
    assert dates == ["2025-01-01", "2020-05-06"]
    query = [*common, "--split", "train", "--num_shots", 0, "--num_samples", 2, "--embedder", embedder, "--limit", 4]
    assert tiny.call("run_query_state.py", *query) == 0
    state = tiny.read_json("state_init.json")
    for i, r in enumerate(state["records"]):
        r["cor"] = float(i % 2)
    with open("state_init.json", "w", encoding="utf-8") as file:
        json.dump(state, file)
    build = ["--model", dated, "--state_init", "state_init.json", "--method", "cor", "--n_van", 2, "--n_idk", 2]
    assert tiny.call("build_rait_data.py", *build, "--output_dir", ".", "--name", "x") == 0
    written = (tmp_path / "training_data" / "x_cor" / "x_cor.json").read_text(encoding="utf-8")
    assert set(re.findall(r"Today is ([^.]*)\.", written)) == {"01 January 2025"}


def test_letters_behind_a_template_are_those_that_begin_the_turn(checkpoint, mmlu_like, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    flags = ["--model", checkpoint, "--dataset", mmlu_like, "--split", "test", "--num_shots", 0, "--output_dir", "."]
    assert tiny.call("run_query_state.py", *flags, "--chat_template") == 0
    state = tiny.read_json("state_init.json")
    lm = tiny.load(checkpoint)
    ids = [lm.tokenizer.convert_tokens_to_ids(letter) for letter in "ABCD"]
    prompt = lm.format.prompt([{"role": "user", "content": "Which?"}])
    assert scoring.candidate_ids(lm, prompt, "ABCD") == ids
    held = [r["letter_mass"] for r in state["records"]]
    assert state["summary"]["letter_mass"] == pytest.approx(sum(held) / len(held))
    low = state["summary"]["letter_mass"] < 0.05
    assert bool(state["summary"]["warnings"]) == low


@pytest.fixture
def silent(tmp_path):
    """A tiny model that ends its turn at once: every answer is empty."""
    folder = tiny.save(tmp_path / "silent", "llama", tie_word_embeddings=False)
    lm = tiny.load(folder)
    torch.nn.init.zeros_(lm.model.lm_head.weight)  # where all tokens are equal, the first one is the greedy one
    lm.model.generation_config.eos_token_id = [0, lm.tokenizer.eos_token_id]
    lm.model.save_pretrained(folder)
    return folder


def test_a_broken_base_is_said_wherever_its_score_stands(silent, checkpoint, data, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    common = ["--dataset", data / "facts", "--split", "train", "--output_dir", "."]
    assert tiny.call("eval_refusal.py", "--model", silent, *common, "--prompt", "basic", "--name", "init_basic") == 0
    assert "Warning: facts/train, init_basic: 24 of 24 answers are empty" in capfd.readouterr().out
    craft = ["--model", checkpoint, *common, "--name", "craft", "--base_eval", "eval_init_basic.json"]
    assert tiny.call("eval_refusal.py", *craft) == 0
    says = "The initial model gave no answer to 100.0% of these questions"
    assert says in capfd.readouterr().out
    (summary,) = tiny.read_json("eval_craft.json")["summary"]["datasets"].values()
    assert any(says in w for w in summary["warnings"])
    assert (
        tiny.call("eval_refusal.py", "--compare", "eval_init_basic.json", "eval_craft.json", "--output_dir", ".") == 0
    )
    assert says in capfd.readouterr().out
    assert all(any(says in w for w in r["warnings"]) for r in tiny.read_json("comparison.json")["records"])
    assert says in (tmp_path / "report.html").read_text(encoding="utf-8")


@pytest.mark.skipif(not MODERN, reason="families of transformers 5")
@pytest.mark.parametrize("name", ["gpt_neo", "phi3 (LongRoPE)", "mistral"])
def test_letters_are_the_model_s_own_on_both_sides_of_its_lengths(name, mmlu_like, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "model"
    every_family.tiny_model(name).save_pretrained(folder)
    tiny.tokenizer().save_pretrained(folder)
    flags = ["--model", folder, "--dataset", mmlu_like, "--split", "test", "--num_shots", 1, "--output_dir", "."]
    assert tiny.call("run_query_state.py", *flags) == 0
    state, lm = tiny.read_json("state_init.json"), tiny.load(folder)
    asked = readers.load(str(mmlu_like), "test")
    by_id = {r["id"]: r for r in state["records"]}
    lengths = []
    for q in asked.questions:
        text = prompts.letter_prompt(q, asked.shots_of(q, 1))
        ids = lm.encode(text)
        lengths.append(len(ids))
        own = tiny.full_forward(lm, ids)[-1, scoring.candidate_ids(lm, text, "ABCD")].double().softmax(-1)
        found = torch.tensor(list(by_id[q.id]["probs"].values()), dtype=torch.float64)
        assert (own - found).abs().max() < 1e-5
    assert min(lengths) > 16


def conversation(**more):
    """A conversation of two turns, with a system text."""
    said = [("user", "Who?"), ("assistant", "I"), ("user", "Why?"), ("assistant", "Why not")]
    return {"messages": [{"role": role, "content": text} for role, text in said], **more}


@pytest.mark.parametrize("form", ["conversation", "messages"])
def test_a_conversation_is_trained_whole(form, checkpoint, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    one = conversation(system="Be brief.") if form == "conversation" else conversation()
    if form == "messages":
        one["messages"].insert(0, {"role": "system", "content": "Be brief."})
    content = {"type": "conversation", "instances": [one]} if form == "conversation" else [one]
    (tmp_path / "talk").mkdir()
    (tmp_path / "talk" / "talk.json").write_text(json.dumps(content))
    flags = ["--backend", "builtin", "--model", checkpoint, "--data", "talk", "--output", "out", "--epochs", 1]
    assert tiny.call("finetune.sh", *flags, "--lora_r", 0) == 0
    summary = tiny.read_json("out/knowledge_boundary.json")["summary"]
    assert (summary["examples"], summary["turns"]) == (1, 2)
    # The loss is the mean over all tokens of both answers, each with its end, as the whole conversation gives it.
    lm = tiny.load(checkpoint)
    system = [{"role": "system", "content": "Be brief."}] if form == "conversation" else []
    ids = lm.tokenizer.apply_chat_template([*system, *one["messages"]], return_dict=True)["input_ids"]
    logits, end = tiny.full_forward(lm, ids), lm.tokenizer.eos_token_id
    trained, at = [], 0
    for text in ("I", "Why not"):
        own = [*lm.tokenizer(text, add_special_tokens=False).input_ids, end]
        at = next(i for i in range(at, len(ids)) if ids[i : i + len(own)] == own and ids[i - 1] != end)
        trained += range(at, at + len(own))
    wanted = -logits.log_softmax(-1)[[i - 1 for i in trained], [ids[i] for i in trained]].mean()
    assert summary["losses"][0] == pytest.approx(float(wanted), abs=1e-4)


def test_a_template_that_refuses_a_system_text_is_quoted(checkpoint, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    tiny.load(checkpoint).model.save_pretrained("strict")
    words = chat_templates.tokenizer(tiny.tokenizer(), chat_templates.OWN["strict"])
    words.save_pretrained("strict")
    (tmp_path / "talk").mkdir()
    (tmp_path / "talk" / "talk.json").write_text(
        json.dumps({"type": "conversation", "instances": [conversation(system="x")]})
    )
    flags = ["--backend", "builtin", "--model", "strict", "--data", "talk", "--output", "out"]
    assert tiny.call("finetune.sh", *flags) == 2
    assert "talk.json instance 0: --model strict: its chat template" in (err := capfd.readouterr().err)
    assert "Only user and assistant roles" in err


def test_a_checkpoint_with_a_layer_missing_does_not_run(checkpoint, data, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    tiny.save(tmp_path / "cut", "llama")
    tensors = {k: v for k, v in load_file("cut/model.safetensors").items() if "layers.1.mlp" not in k}
    save_file(tensors, "cut/model.safetensors", {"format": "pt"})
    flags = ["--model", "cut", "--dataset", data / "facts", "--split", "ood", "--output_dir", "."]
    assert tiny.call("eval_refusal.py", *flags) == 2
    assert "--model cut: 3 of its weights are missing" in capfd.readouterr().err
    with pytest.raises(UserError):
        tiny.load("cut")
