"""finetune.sh's LMFlow backend, against a stub in the place of LMFlow's checkout."""

import itertools
import json
import os
import sys

import pytest
import tiny

STUB = """
import json, os, pathlib, sys
flags = sys.argv[1:]
value = lambda name: flags[flags.index(name) + 1]
out = pathlib.Path(value("--output_dir"))
out.mkdir(parents=True, exist_ok=True)
here = pathlib.Path(os.environ["RECORD"])
here.write_text(json.dumps({"argv": flags, "env": dict(os.environ), "cwd": os.getcwd()}))
loss = float(os.environ.get("LOSS", "1.5"))
state = {"log_history": [{"loss": loss}, {"loss": loss / 2}, {"train_loss": loss}]}
(out / "trainer_state.json").write_text(json.dumps(state))
if "NO_WEIGHTS" not in os.environ:
    (out / "adapter_model.safetensors").write_bytes(b"weights")
sys.exit(int(os.environ.get("CODE", "0")))
"""
INSTANCES = [
    {"input": "<|im_start|>user\nWhat is the capital of Peru?<|im_end|>\n", "output": "Lima<|im_end|>"},
    {"input": "<|im_start|>user\nWhat?<|im_end|>\n", "output": "I don't know.<|im_end|>"},
]


@pytest.fixture
def lmflow(tmp_path, monkeypatch):
    """A stub checkout, named by LMFLOW_DIR."""
    folder = tmp_path / "LMFlow"
    (folder / "examples").mkdir(parents=True)
    (folder / "examples" / "finetune.py").write_text(STUB)
    monkeypatch.setenv("LMFLOW_DIR", str(folder))
    monkeypatch.setenv("RECORD", str(tmp_path / "record.json"))
    monkeypatch.delenv("LMFLOW_PYTHON", raising=False)
    monkeypatch.chdir(tmp_path)
    return folder


@pytest.fixture
def data(tmp_path):
    """A folder of text2text training data."""
    folder = tmp_path / "known"
    folder.mkdir()
    (folder / "known.json").write_text(json.dumps({"type": "text2text", "instances": INSTANCES}))
    return folder


def flags_of(checkpoint, *more):
    """The flags of the runs here: every path relative but the model's."""
    return ["--model", checkpoint, "--data", "known", "--output", "tuned", *more]


def test_every_setting_is_passed(tmp_path, lmflow, data, checkpoint, words, monkeypatch, capfd):
    monkeypatch.setenv("PYTHONSAFEPATH", "1")
    done = tiny.shell(
        tmp_path, "finetune.sh", "--backend", "lmflow", *flags_of(checkpoint), "--epochs", 2, "--lora_r", 8,
        "--batch_size", 3, "--seed", 5, "--", "--gradient_checkpointing", 1,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    record = tiny.read_json(tmp_path / "record.json")
    argv = record["argv"]
    passed = dict(itertools.pairwise(argv))
    longest = max(len(words(i["input"]).input_ids) + len(words(i["output"]).input_ids) for i in INSTANCES)
    wanted = {
        "model_name_or_path": checkpoint, "dataset_path": data, "output_dir": tmp_path / "tuned",
        "num_train_epochs": 2.0, "learning_rate": 0.0002, "per_device_train_batch_size": 3, "block_size": longest,
        "use_lora": 1, "lora_r": 8, "lora_alpha": 16, "lora_dropout": 0.1, "seed": 5, "report_to": "none",
        "overwrite_cache": 1, "torch_dtype": "float32", "weight_decay": 0.0, "warmup_ratio": 0.03,
        "lr_scheduler_type": "cosine", "gradient_accumulation_steps": 1, "disable_group_texts": 1, "save_steps": 20,
        "logging_steps": 1, "trust_remote_code": 0, "gradient_checkpointing": 1,
    }  # fmt: skip
    assert {k: passed.get(f"--{k}") for k in wanted} == {k: str(v) for k, v in wanted.items()}
    assert {"--do_train", "--use_cpu"} <= set(argv)
    assert "--overwrite_output_dir" not in argv
    assert argv[-2:] == ["--gradient_checkpointing", "1"]
    assert record["env"]["PYTHONPATH"] == str(lmflow / "src")
    assert "PYTHONSAFEPATH" not in record["env"]
    assert record["cwd"] == str(lmflow)
    assert f"block size {longest}" in done.stdout
    written = tiny.read_json(tmp_path / "tuned" / "knowledge_boundary.json")
    assert written["meta"]["stage"] == "finetune"
    assert written["summary"]["losses"] == [1.5, 0.75]
    assert written["summary"]["command"][2:] == argv
    flags = flags_of(checkpoint, "--epochs", 2, "--lora_r", 8, "--batch_size", 3, "--seed", 5)
    assert tiny.call("finetune.sh", "--backend", "lmflow", *flags) == 0
    assert "Already done" in capfd.readouterr().out


def fails(capfd, *flags) -> str:
    """The line that the LMFlow backend prints on stderr, with exit code 2."""
    capfd.readouterr()
    assert tiny.call("finetune.sh", "--backend", "lmflow", *flags) == 2
    err = capfd.readouterr().err
    assert err.count("\n") == 1, err
    return err


def test_full_training_passes_no_lora(lmflow, data, checkpoint, tmp_path):
    assert (
        tiny.call("finetune.sh", "--backend", "lmflow", *flags_of(checkpoint, "--lora_r", 0, "--dtype", "bfloat16"))
        == 0
    )
    argv = tiny.read_json(tmp_path / "record.json")["argv"]
    assert argv[argv.index("--use_lora") + 1] == "0"
    assert "--lora_r" not in argv
    assert "--bf16" in argv


def test_no_checkout(lmflow, data, checkpoint, monkeypatch, capfd):
    monkeypatch.delenv("LMFLOW_DIR")
    assert "LMFLOW_DIR" in fails(capfd, *flags_of(checkpoint))
    monkeypatch.setenv("LMFLOW_DIR", "/nowhere")
    assert "LMFLOW_DIR=/nowhere" in fails(capfd, *flags_of(checkpoint))


def test_a_symbolic_link(lmflow, data, checkpoint, monkeypatch, tmp_path, capfd):
    os.symlink(lmflow, tmp_path / "link")
    monkeypatch.setenv("LMFLOW_DIR", str(tmp_path / "link"))
    assert "symbolic link" in fails(capfd, *flags_of(checkpoint))


@pytest.mark.parametrize("loss", ["0", "nan", "inf"])
def test_trained_on_nothing(lmflow, data, checkpoint, monkeypatch, tmp_path, capfd, loss):
    monkeypatch.setenv("LOSS", loss)
    assert "trained on nothing" in fails(capfd, *flags_of(checkpoint))
    assert not (tmp_path / "tuned" / "knowledge_boundary.json").exists()


def test_no_weights(lmflow, data, checkpoint, monkeypatch, capfd):
    monkeypatch.setenv("NO_WEIGHTS", "1")
    assert "wrote no weights" in fails(capfd, *flags_of(checkpoint))


def test_a_failing_run(lmflow, data, checkpoint, monkeypatch, capfd):
    monkeypatch.setenv("CODE", "7")
    assert "exit code 7" in fails(capfd, *flags_of(checkpoint))


def test_a_missing_python(lmflow, data, checkpoint, monkeypatch, capfd):
    monkeypatch.setenv("LMFLOW_PYTHON", "/nowhere/python")
    assert "LMFLOW_PYTHON=/nowhere/python" in fails(capfd, *flags_of(checkpoint))


def test_a_relative_python(lmflow, data, checkpoint, monkeypatch, tmp_path):
    (tmp_path / "python").symlink_to(sys.executable)
    monkeypatch.setenv("LMFLOW_PYTHON", "./python")
    assert tiny.call("finetune.sh", "--backend", "lmflow", *flags_of(checkpoint)) == 0


def test_a_folder_that_is_not_empty(lmflow, data, checkpoint, tmp_path, capfd):
    (tmp_path / "tuned").mkdir()
    (tmp_path / "tuned" / "model.safetensors").touch()
    assert "not empty" in fails(capfd, *flags_of(checkpoint))
    assert not (tmp_path / "record.json").exists()


def test_another_layout(lmflow, data, checkpoint, capfd):
    (data / "known.json").write_text(json.dumps({"type": "text_only", "instances": [{"text": "a"}]}))
    assert "text2text" in fails(capfd, *flags_of(checkpoint))


def test_a_gguf_file(lmflow, data, tmp_path, capfd):
    (tmp_path / "model.gguf").write_bytes(b"GGUF")
    assert "model.gguf" in fails(capfd, *flags_of("model.gguf"))
