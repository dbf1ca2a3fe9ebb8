"""The six stages on the users' model families, end to end, and the one line that each gets where it must not run."""

import contextlib

import checkpoints
import numpy as np
import pytest
import tiny
from checkpoints import CASES, argmax_loop, letters, load

from knowledge_boundary.asking import prompts
from knowledge_boundary.models import families, loading
from knowledge_boundary.questions import readers
from knowledge_boundary.questions.records import by_subject
from knowledge_boundary.running.errors import UserError

TUNE = [
    "--lora_r",
    8,
    "--lora_dropout",
    0,
    "--batch_size",
    4,
    "--epochs",
    2,
    "--learning_rate",
    "5e-3",
    "--warmup_ratio",
    0,
]


@pytest.fixture(scope="module", params=CASES)
def finished(request, tmp_path_factory, mmlu_like, data, embedder):
    """The folder that the stages were run in."""
    folder = tmp_path_factory.mktemp("stages")
    checkpoints.make(folder / "model", *request.param.split("-"))
    model = ["--model", "model", "--trust_remote_code"]
    quiz = ["--dataset", mmlu_like, "--split", "test"]
    base = ["--base_eval", "out/eval_init.json"]
    evaluating = ["eval_refusal.py", *quiz, "--max_new_tokens", 4, "--output_dir", "out", "--trust_remote_code"]
    commands = [
        ["run_MMLU.py", *model, *quiz, "--num_shots", 1, "--output_dir", "out"],
        ["run_query_state.py", *model, "--dataset", data / "facts", "--limit", 3, "--num_shots", 2, "--num_samples", 3,
         "--max_new_tokens", 4, "--embedder", embedder, "--output_dir", "open"],
        ["run_query_state.py", *model, *quiz, "--num_shots", 1, "--output_dir", "out"],
        ["run_rehearsal.py", *model, "--state", "out/state_init.json", "--num_examples", 4, "--output_model",
         "models/rehearsed", *TUNE],
        ["run_query_state.py", "--model", "models/rehearsed", "--trust_remote_code", *quiz, "--num_shots", 1,
         "--output_dir", "out"],
        ["build_rait_data.py", *model, "--state_init", "out/state_init.json", "--state_rehearsal",
         "out/state_rehearsal.json", "--threshold", 0.25, "--n_van", 3, "--n_idk", 3, "--name", "small",
         "--output_dir", "out"],
        ["finetune.sh", "--backend", "builtin", *model, "--data", "training_data/small_craft", "--output",
         "models/craft", *TUNE],
        [*evaluating, "--model", "model", "--prompt", "basic", "--name", "init"],
        [*evaluating, "--model", "models/craft", "--name", "craft", *base],
    ]  # fmt: skip
    with contextlib.chdir(folder):
        for line in commands:
            assert tiny.call(*line) == 0, line
    return folder


@pytest.fixture(scope="module")
def asked(mmlu_like):
    """The questions by id, and the set that they are of."""
    return readers.load(str(mmlu_like), "test")


def test_the_boundary_and_the_states_equal_one_forward_each(finished, asked):
    by_id = {q.id: q for q in asked.questions}
    shots = by_subject(asked.questions)
    assert set(asked.shots) == set(shots)
    for file, model in (("boundary", "model"), ("state_init", "model"), ("state_rehearsal", "models/rehearsed")):
        lm = load(finished / model)
        records = tiny.read_json(finished / "out" / f"{file}.json")["records"]
        assert len(records) == len(by_id) == sum(tiny.MMLU_SIZES.values())
        for r in records:
            q = by_id[r["id"]]
            wanted = letters(lm, prompts.letter_prompt(q, asked.shots[q.subject][:1]))
            assert np.abs(np.array([*r["probs"].values()]) - wanted).max() <= 1e-5
            assert r["cor"] == pytest.approx(r["probs"][r["answer"]])


def test_open_answers_equal_an_argmax_loop(finished, data):
    facts = readers.load(str(data / "facts"), "train")
    by_id = {q.id: q for q in facts.questions}
    lm = load(finished / "model")
    records = tiny.read_json(finished / "open" / "state_init.json")["records"]
    assert len(records) == 6
    for r in records:
        q = by_id[r["id"]]
        shots = [s for s in facts.shots[q.subject] if s.question != q.question][:2]
        assert r["greedy"]["text"] == argmax_loop(lm, prompts.open_prompt(q, shots, "craft"), 4)
        assert len(r["samples"]) == 3


def test_the_last_evaluation_equals_an_argmax_loop(finished, asked):
    by_id = {q.id: q for q in asked.questions}
    for name, model, prompt in (("init", "model", "basic"), ("craft", "models/craft", "refuse")):
        lm = load(finished / model)
        records = tiny.read_json(finished / "out" / f"eval_{name}.json")["records"]
        assert len(records) == len(by_id)
        for r in records:
            text = prompts.answer_prompt(lm.format, by_id[r["id"]], prompt, "craft")
            assert r["output"] == argmax_loop(lm, text, 4)


def test_training_used_the_familys_own_way(finished):
    family = families.of(load(finished / "model").model)
    for folder in ("rehearsed", "craft"):
        summary = tiny.read_json(finished / "models" / folder / loading.ABOUT)["summary"]
        assert summary["prefix_cache"] == ("shared" if family.prefix_cache else "whole examples")
        losses, half = summary["losses"], len(summary["losses"]) // 2
        assert sum(losses[half:]) < sum(losses[:half])  # two epochs


# ---- refused ----

REMOTE = {"auto_map": {"AutoConfig": "configuration.Config"}}
NEW_ROPE = {"rope_parameters": {"rope_theta": 100000.0, "rope_type": "default"}}
LLAMA3 = {"rope_scaling": {"rope_type": "llama3", "factor": 8.0}, "rope_theta": 500000.0}
if families.MODERN:
    REFUSED = [
        ({"model_type": "chatglm", **REMOTE}, ["--trust_remote_code"], "ChatGLM2 runs on", "setup.sh --legacy"),
        ({"model_type": "qwen", **REMOTE}, ["--trust_remote_code"], "Qwen v1 runs on", "requirements-legacy.txt"),
        ({"model_type": "mystery", **REMOTE}, [], "its code comes with the model", "--trust_remote_code"),
    ]
else:
    REFUSED = [
        ({"model_type": "chatglm", **REMOTE}, [], "its code comes with the model", "--trust_remote_code"),
        ({"model_type": "qwen", **REMOTE}, [], "its code comes with the model", "--trust_remote_code"),
        ({"model_type": "chatglm", **REMOTE}, ["--trust_remote_code", "--dtype", "bfloat16"],
         "--dtype bfloat16: ChatGLM2", "--dtype float16 or float32"),
        ({"model_type": "llama", **LLAMA3}, [], "rotary positions", "source .venv/bin/activate"),
        ({"model_type": "llama", **NEW_ROPE}, [], "rotary positions", "source .venv/bin/activate"),
        ({"model_type": "qwen2", **NEW_ROPE}, [], "rotary positions", "requirements.txt"),
    ]  # fmt: skip


@pytest.mark.parametrize(("config", "flags", "what", "hint"), REFUSED)
@pytest.mark.parametrize("script", ["run_MMLU.py", "run_query_state.py", "finetune.sh", "eval_refusal.py"])
def test_refused_in_one_line(tmp_path, mmlu_like, capsys, script, config, flags, what, hint):
    (tmp_path / "model").mkdir()
    checkpoints.write_json(tmp_path / "model" / "config.json", config)
    more = ["--dataset", mmlu_like, "--split", "test"]
    if script == "finetune.sh":
        (tmp_path / "data").mkdir()
        text = '{"type": "text2text", "instances": [{"input": "a", "output": " b"}]}'
        (tmp_path / "data" / "data.json").write_text(text)
        more = ["--data", tmp_path / "data", "--output", tmp_path / "out"]
    if script in ("run_MMLU.py", "run_query_state.py"):
        more += ["--num_shots", 1]
    start = [script, "--backend", "builtin"] if script == "finetune.sh" else [script]
    with contextlib.chdir(tmp_path):
        assert tiny.call(*start, "--model", "model", *flags, *more) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert what in line
    assert hint in line


@pytest.mark.skipif(families.MODERN, reason="transformers 5 reads GGUF files")
@pytest.mark.parametrize("model", ["smollm2", "weights.gguf"])
def test_gguf_files_need_the_modern_environment(tmp_path, monkeypatch, model):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "weights.gguf").write_bytes(b"GGUF")
    with pytest.raises(UserError, match=r"transformers 5.*source .venv/bin/activate"):
        loading.describe(str(model))


def test_dtypes_by_family():
    chatglm = families.named("chatglm")
    for device, dtype in (("cpu", "float32"), ("cuda", "float16")):
        assert families.resolve_dtype("m", chatglm, "auto", families.torch.device(device)) == dtype
    assert families.resolve_dtype("m", families.UNKNOWN, "auto", families.torch.device("cuda")) == "bfloat16"
    with pytest.raises(UserError, match="bfloat16"):
        families.resolve_dtype("m", chatglm, "bfloat16", families.torch.device("cpu"))


@pytest.mark.skipif(families.MODERN, reason="Qwen v1's code does not load with transformers 5")
def test_what_a_familys_own_code_raises_is_one_line(tmp_path):
    folder = checkpoints.make(tmp_path / "model", "qwen", "deep_training")
    code = folder / "tokenization_qwen.py"
    code.write_text(code.read_text().replace("self.mergeable_ranks = ", "self.ranks = "))
    with pytest.raises(UserError, match=r"cannot be loaded \(AttributeError"):
        load(folder)


def test_an_old_tokenizer_json_is_not_believed(tmp_path):
    """open_llama's first tokenizer.json splits "thermal": its sentencepiece model is what counts."""
    folder = checkpoints.make(tmp_path / "old", "open_llama")
    wrong = tiny.tokenizer()
    wrong.save_pretrained(tmp_path / "wrong")
    (folder / "tokenizer.json").write_bytes((tmp_path / "wrong" / "tokenizer.json").read_bytes())
    if families.MODERN:
        with pytest.raises(UserError, match=r"its own tokenizer.model; use .* --legacy"):
            load(folder)
    else:
        (token,) = load(folder).encode("thermal")[1:]
        assert load(folder).tokenizer.convert_ids_to_tokens(token) == "▁thermal"
