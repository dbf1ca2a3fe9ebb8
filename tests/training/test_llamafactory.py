"""finetune.sh's LLaMA-Factory backend, against a stub in the place of its environment."""

import json
import os
import subprocess
import sys

import pytest
import stub_llamafactory
import tiny
import yaml

from knowledge_boundary import cli, llamafactory_setup
from knowledge_boundary.training.llamafactory import environment

INSTANCES = [
    {"input": "<|im_start|>user\nWhat is the capital of Peru?<|im_end|>\n", "output": "Lima<|im_end|>"},
    {"input": "<|im_start|>user\nWhat?<|im_end|>\n", "output": "I don't know, Zoë.<|im_end|>"},
]


@pytest.fixture(autouse=True)
def factory(tmp_path, monkeypatch):
    """A stub environment, named by LLAMAFACTORY_PYTHON."""
    python = stub_llamafactory.make(tmp_path / "env")
    monkeypatch.setenv("LLAMAFACTORY_PYTHON", str(python))
    monkeypatch.setenv("RECORD", str(tmp_path / "record.json"))
    monkeypatch.chdir(tmp_path)
    return python


@pytest.fixture(autouse=True)
def data(tmp_path):
    """A folder of text2text training data."""
    (tmp_path / "known").mkdir()
    (tmp_path / "known/known.json").write_text(json.dumps({"type": "text2text", "instances": INSTANCES}))
    return tmp_path / "known"


def flags_of(checkpoint, *more):
    return ["--backend", "llamafactory", "--model", checkpoint, "--data", "known", "--output", "tuned", *more]


def fails(capfd, *flags) -> str:
    """The line that the backend prints on stderr, with exit code 2."""
    capfd.readouterr()
    assert tiny.call("finetune.sh", *flags) == 2
    err = capfd.readouterr().err
    assert err.count("\n") == 1, err
    return err


def test_every_setting_is_in_its_yaml(tmp_path, checkpoint, words):
    flags = flags_of(
        checkpoint, "--epochs", 2, "--lora_r", 8, "--batch_size", 2, "--seed", 5, "--gradient_checkpointing"
    )
    done = tiny.shell(tmp_path, "finetune.sh", *flags, "--", "--val_size=0.0", "--deepspeed", "zero3.json")
    assert done.returncode == 0, done.stderr
    record = tiny.read_json(tmp_path / "record.json")
    longest = max(len(words(i["input"]).input_ids) + len(words(i["output"]).input_ids) for i in INSTANCES)
    wanted = {
        "model_name_or_path": str(checkpoint), "stage": "sft", "do_train": True, "finetuning_type": "lora",
        "template": "empty", "dataset": "train", "dataset_dir": str(tmp_path / "tuned.llamafactory/data"),
        "output_dir": str(tmp_path / "tuned.llamafactory/out"), "cutoff_len": longest, "packing": False,
        "num_train_epochs": 2.0, "learning_rate": 0.0002, "per_device_train_batch_size": 2, "warmup_steps": 1,
        "gradient_accumulation_steps": 1, "lr_scheduler_type": "cosine", "weight_decay": 0.0, "max_grad_norm": 1.0,
        "optim": "adamw_torch", "seed": 5, "logging_steps": 1, "logging_nan_inf_filter": False, "save_steps": 20,
        "report_to": "none", "lora_rank": 8, "lora_alpha": 16, "lora_dropout": 0.1, "use_cpu": True,
        "lora_target": "down_proj,gate_proj,k_proj,o_proj,q_proj,up_proj,v_proj", "trust_remote_code": False,
        "disable_gradient_checkpointing": False, "val_size": 0.0, "deepspeed": "zero3.json", "overwrite_cache": True,
        "train_on_prompt": False,
    }  # fmt: skip
    assert {k: record["settings"].get(k) for k in wanted} == wanted
    assert "quantization_bit" not in record["settings"]
    assert record["argv"] == [str(tmp_path / "env/src/llamafactory/launcher.py"), *record["argv"][1:]]
    assert "knowledge" not in record["env"].get("PYTHONPATH", "")
    examples = [{"instruction": i["input"], "input": "", "output": i["output"]} for i in INSTANCES]
    assert examples in record["data"]
    columns = {"prompt": "instruction", "query": "input", "response": "output"}
    assert {"train": {"file_name": "train.json", "columns": columns}} in record["data"]

    written = tiny.read_json(tmp_path / "tuned/knowledge_boundary.json")
    summary = written["summary"]
    assert (summary["losses"], summary["steps"], summary["backend"]) == ([1.5, 0.75], 2, "llamafactory")
    assert summary["settings"] == record["settings"]
    assert yaml.safe_load((tmp_path / "tuned/llamafactory.yaml").read_text()) == record["settings"]
    assert summary["llamafactory"]["version"] == "9.9"
    assert tiny.read_json(tmp_path / "tuned/adapter_config.json")["base_model_name_or_path"] == str(checkpoint)
    assert not (tmp_path / "tuned.llamafactory").exists()
    again = tiny.shell(tmp_path, "finetune.sh", *flags, "--", "--val_size=0.0", "--deepspeed", "zero3.json")
    assert "Already done" in again.stdout


def test_a_date_is_a_text(tmp_path, checkpoint):
    assert tiny.call("finetune.sh", *flags_of(checkpoint, "--", "--run_name", "2024-01-05", "--max_samples", 1)) == 0
    settings = tiny.read_json(tmp_path / "tuned/knowledge_boundary.json")["summary"]["settings"]
    assert settings["run_name"] == "2024-01-05"


def test_all_weights(tmp_path, checkpoint, monkeypatch):
    monkeypatch.setenv("WEIGHTS", "full")
    assert tiny.call("finetune.sh", *flags_of(checkpoint, "--lora_r", 0)) == 0
    settings = tiny.read_json(tmp_path / "record.json")["settings"]
    assert settings["finetuning_type"] == "full"
    assert not {"lora_rank", "lora_target"} & settings.keys()
    tiny.load(tmp_path / "tuned")


def test_four_bits(tmp_path, checkpoint):
    pytest.importorskip("bitsandbytes")
    assert tiny.call("finetune.sh", *flags_of(checkpoint, "--load_in", "4bit")) == 0
    settings = tiny.read_json(tmp_path / "record.json")["settings"]
    assert (settings["quantization_bit"], settings["quantization_type"]) == (4, "nf4")
    about = tiny.read_json(tmp_path / "tuned/knowledge_boundary.json")["meta"]["model"]
    assert about["quantised"].startswith("nf4, 4 bits")


def test_two_processes(tmp_path, checkpoint, monkeypatch, capfd):
    monkeypatch.setenv("NOTHING", "1")
    line = ["--processes", 2, "--launcher", "python"]
    assert "LLaMA-Factory took 6 optimiser steps, 3 were" in fails(
        capfd, *flags_of(checkpoint, *line, "--batch_size", 2)
    )
    assert tiny.read_json(tmp_path / "record.json")["settings"]["per_device_train_batch_size"] == 1


@pytest.mark.parametrize(
    ("variables", "line"),
    [
        ({"LOSS": "0"}, "LLaMA-Factory's run trained on nothing"),
        ({"LOSS": "nan"}, "or its loss left the numbers"),
        ({"WEIGHTS": "none"}, "wrote no weights"),
        ({"WEIGHTS": "zero"}, "left all weights as they were"),
        ({"CODE": "7"}, "LLaMA-Factory ended with exit code 7"),
    ],
)
def test_a_run_that_came_to_nothing(checkpoint, monkeypatch, tmp_path, capfd, variables, line):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert line in fails(capfd, *flags_of(checkpoint))
    assert not (tmp_path / "tuned").exists()
    for name in variables:
        monkeypatch.delenv(name)
    assert tiny.call("finetune.sh", *flags_of(checkpoint)) == 0  # what it has left does not stand in the way


@pytest.mark.parametrize(
    ("flags", "line"),
    [
        (["--batch_size", 3, "--processes", 2], "--batch_size 3: cannot be divided by 2 processes"),
        (["--", "--template", "qwen"], "-- --template: is set here"),
        (["--", "--rank", 4], "-- --rank: no setting of LLaMA-Factory 9.9"),
        (["--", "4"], "-- 4: only flags of LLaMA-Factory"),
        (["--", "--logging_steps", 10], "-- --logging_steps: is set here"),
        *[
            (["--", f"--{name}", value], f"-- --{name} {value}: is not a whole number from 1 on")
            for name in ("gradient_accumulation_steps", "cutoff_len", "per_device_train_batch_size")
            for value in ("four", "0", "-4", "2.5", "null", "[4]", "2024-01-05")
        ],
        (["--load_in", "8bit"], "--load_in 8bit: LLaMA-Factory keeps outliers apart"),
        (["--", "--val_size", "{"], "-- --val_size {: is no YAML value"),
        (["--", "--cutoff_len", 2], "-- --cutoff_len 2: no example has a token of its answer in it"),
        (["--", "--per_device_train_batch_size=4"], "--batch_size 16 (examples an optimiser step) over 1 processes"),
        (["--launcher", "mpirun -n 2"], "begins with none of python, torchrun"),
        (["--launcher", "deepspeed --hostfile hosts"], "does not say how many processes it starts"),
        (["--dtype", "float16", "--lora_r", 0], "--lora_r 0: weights in float16 can't be trained"),
        (["--micro_batch_tokens", 64], "--micro_batch_tokens: of the built-in trainer"),
        (["--device_map", "auto"], "--device_map: is for asking"),
    ],
)
def test_bad_flags(checkpoint, capfd, tmp_path, flags, line):
    before = sorted(tmp_path.iterdir())
    assert line in fails(capfd, *flags_of(checkpoint, *flags))
    assert not (tmp_path / "record.json").exists()
    assert sorted(tmp_path.iterdir()) == before


def test_weights_of_examples_are_refused(data, checkpoint, capfd):
    instances = [INSTANCES[0], INSTANCES[1] | {"weight": 0.5}]
    (data / "known.json").write_text(json.dumps({"type": "text2text", "instances": instances}))
    assert "1 examples have a weight other than 1, and LLaMA-Factory can't weigh" in fails(capfd, *flags_of(checkpoint))


def test_no_environment(tmp_path, checkpoint, monkeypatch, capfd):
    monkeypatch.delenv("LLAMAFACTORY_PYTHON")
    monkeypatch.setenv("LLAMAFACTORY_ENV", str(tmp_path / "nowhere"))
    assert "bash finetune.sh --setup-llamafactory makes it there" in fails(capfd, *flags_of(checkpoint))
    monkeypatch.setenv("LLAMAFACTORY_PYTHON", "/nowhere/python")
    assert "LLAMAFACTORY_PYTHON=/nowhere/python: cannot be run" in fails(capfd, *flags_of(checkpoint))
    monkeypatch.setenv("LLAMAFACTORY_PYTHON", sys.executable)
    said = fails(capfd, *flags_of(checkpoint))
    assert "LLaMA-Factory does not import there (the package llamafactory is missing)" in said


def test_what_its_own_layouts_hold_is_rendered(data, checkpoint, tmp_path):
    (data / "known.json").write_text(json.dumps([{"instruction": "Who?", "input": "", "output": "Zoë"}] * 2))
    (data / "dataset_info.json").write_text("{}")
    assert tiny.call("finetune.sh", *flags_of(checkpoint)) == 0
    (examples,) = (d for d in tiny.read_json(tmp_path / "record.json")["data"] if isinstance(d, list))
    prompt = "<|im_start|>user\nWho?<|im_end|>\n<|im_start|>assistant\n"
    assert examples[0] == {"instruction": prompt, "input": "", "output": "Zoë<|im_end|>"}


def test_setup(tmp_path, monkeypatch, capfd):
    lines = []

    def run(line, **options):
        lines.append([str(word) for word in line])
        return subprocess.CompletedProcess(
            line, int("numpy" in str(line) and "FAIL" in os.environ), "", "ERROR: no space"
        )

    monkeypatch.setenv("LLAMAFACTORY_ENV", str(tmp_path / "made"))
    monkeypatch.setattr(environment.subprocess, "run", run)
    monkeypatch.setattr(environment, "probe", lambda python: {"version": "9.9", "versions": {"transformers": "5"}})
    monkeypatch.setattr(sys, "argv", ["llamafactory_setup.py"])
    cli.run(llamafactory_setup.main)
    assert lines[0] == [sys.executable, "-m", "venv", str(tmp_path / "made")]
    assert [line[6:] for line in lines[1:-1]] == [list(packages) for packages in environment.REQUIREMENTS]
    assert "LLaMA-Factory 9.9 with transformers 5" in capfd.readouterr().out
    monkeypatch.setenv("FAIL", "1")
    with pytest.raises(SystemExit):
        cli.run(llamafactory_setup.main)
    assert "pip could not install (ERROR: no space); when it can, the same command goes on" in capfd.readouterr().err
