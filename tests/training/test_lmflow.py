"""finetune.sh's LMFlow backend, against a stub in the place of LMFlow's checkout."""

import itertools
import json
import os
import sys

import pytest
import stub_lmflow
import tiny
import torch
from safetensors.torch import load_file
from torch import distributed as dist

from knowledge_boundary.running.errors import UserError
from knowledge_boundary.training.lmflow import files
from knowledge_boundary.training.outside import launching, result

INSTANCES = [
    {"input": "<|im_start|>user\nWhat is the capital of Peru?<|im_end|>\n", "output": "Lima<|im_end|>"},
    {"input": "<|im_start|>user\nWhat?<|im_end|>\n", "output": "I don't know, Zoë.<|im_end|>"},
]


@pytest.fixture
def lmflow(tmp_path, monkeypatch):
    """A stub checkout, named by LMFLOW_DIR."""
    folder = stub_lmflow.make(tmp_path / "LMFlow", torch=True)
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
    (folder / "known.json").write_text(json.dumps({"type": "text2text", "instances": INSTANCES}, ensure_ascii=False))
    return folder


def flags_of(checkpoint, *more):
    """The flags of the runs here: every path relative but the model's."""
    return ["--model", checkpoint, "--data", "known", "--output", "tuned", *more]


def fails(capfd, *flags) -> str:
    """The line that the LMFlow backend prints on stderr, with exit code 2."""
    capfd.readouterr()
    assert tiny.call("finetune.sh", "--backend", "lmflow", *flags) == 2
    err = capfd.readouterr().err
    assert err.count("\n") == 1, err
    return err


def passes(*flags):
    """Run the backend to its end."""
    assert tiny.call("finetune.sh", "--backend", "lmflow", *flags) == 0


def weigh(data, weight):
    """Give the second example of the data a weight."""
    instances = [INSTANCES[0], INSTANCES[1] | {"weight": weight}]
    (data / "known.json").write_text(json.dumps({"type": "text2text", "instances": instances}))


@pytest.mark.parametrize("weight", [0.5, 0, None])
def test_weights_are_refused(tmp_path, lmflow, data, checkpoint, weight, capfd):
    weigh(data, weight)
    err = fails(capfd, *flags_of(checkpoint))
    assert err.endswith(
        "known.json: 1 examples have a weight other than 1, and LMFlow can't weigh; give --backend builtin\n"
    )
    assert sorted(p.name for p in tmp_path.iterdir()) == ["LMFlow", "known"]


def test_weights_of_1_are_no_weights(tmp_path, lmflow, data, checkpoint):
    weigh(data, 1.0)
    passes(*flags_of(checkpoint))
    (written,) = tiny.read_json(tmp_path / "record.json")["data"]
    assert all("weight" not in instance for instance in written["instances"])


@pytest.mark.parametrize("flags", [["--data", "known"], ["--data=known"]])
@pytest.mark.parametrize("weight", [0.5, 1])
def test_auto_takes_the_builtin_backend_for_weights(tmp_path, lmflow, data, weight, flags):
    weigh(data, weight)
    done = tiny.shell(tmp_path, "finetune.sh", *flags, "--model", "nowhere/at/all", "--output", "tuned")
    assert done.returncode == 2
    assert (done.stdout.count("known has weights, which LMFlow can't honour: --backend builtin") == 1) is (weight != 1)
    assert done.stderr.startswith("lmflow.py: " if weight == 1 else "finetune.py: ")


def test_every_setting_is_passed(tmp_path, lmflow, data, checkpoint, words, monkeypatch, capfd):
    monkeypatch.setenv("PYTHONSAFEPATH", "1")
    flags = flags_of(checkpoint, "--epochs", 2, "--lora_r", 8, "--batch_size", 2, "--seed", 5)
    done = tiny.shell(
        tmp_path, "finetune.sh", "--backend", "lmflow", *flags, "--launcher", "python", "--",
        "--gradient_checkpointing", 1,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    record = tiny.read_json(tmp_path / "record.json")
    argv = record["argv"]
    longest = max(len(words(i["input"]).input_ids) + len(words(i["output"]).input_ids) for i in INSTANCES)
    wanted = {
        "model_name_or_path": checkpoint, "dataset_path": tmp_path / "tuned.lmflow/data",
        "output_dir": tmp_path / "tuned.lmflow/out", "num_train_epochs": 2.0, "learning_rate": 0.0002,
        "per_device_train_batch_size": 2, "block_size": longest, "model_max_length": longest, "use_lora": 1,
        "lora_r": 8, "lora_alpha": 16, "lora_dropout": 0.1, "seed": 5, "report_to": "none",
        "overwrite_cache": 1,
        "torch_dtype": "float32", "weight_decay": 0.0, "warmup_steps": 1, "max_grad_norm": 1.0, "optim": "adamw_torch",
        "lr_scheduler_type": "cosine", "gradient_accumulation_steps": 1, "disable_group_texts": 1, "save_steps": 20,
        "logging_steps": 1, "logging_nan_inf_filter": 0, "trust_remote_code": 0, "padding_side": "right", "do_train": 1,
        "use_cpu": 1, "lora_target_modules": "down_proj,gate_proj,k_proj,o_proj,q_proj,up_proj,v_proj",
        "validation_split_percentage": 0, "gradient_checkpointing": 1,
    }  # fmt: skip
    passed = {name.removeprefix("--"): value for name, value in itertools.pairwise(argv) if name.startswith("--")}
    assert {k: passed.get(k) for k in wanted} == {k: str(v) for k, v in wanted.items()}
    assert "overwrite_output_dir" not in passed
    assert argv[-2:] == ["--gradient_checkpointing", "1"]
    assert record["env"]["PYTHONPATH"] == str(lmflow / "src")
    assert "PYTHONSAFEPATH" not in record["env"]
    assert record["data"] == [{"type": "text2text", "instances": INSTANCES}]
    assert f"--block_size {longest}: nothing is cut" in done.stdout

    written = tiny.read_json(tmp_path / "tuned" / "knowledge_boundary.json")
    assert written["meta"]["stage"] == "finetune"
    summary = written["summary"]
    assert (summary["losses"], summary["steps"], summary["train_seconds"]) == ([1.5, 0.75], 2, 2.5)
    assert summary["command"][2:] == argv
    assert {k: str(summary["settings"][k]) for k in passed if k != "lora_target_modules"} == {
        k: v for k, v in passed.items() if k != "lora_target_modules"
    }
    assert summary["lmflow"]["version"] == "9.9"
    assert summary["lmflow"]["versions"]["torch"] == written["meta"]["versions"]["torch"]
    config = tiny.read_json(tmp_path / "tuned/adapter_config.json")
    assert config["base_model_name_or_path"] == str(checkpoint)
    left = sorted(p.name for p in (tmp_path / "tuned").iterdir())
    assert left == ["adapter_config.json", "adapter_model.safetensors", "knowledge_boundary.json", "trainer_state.json"]
    assert not (tmp_path / "tuned.lmflow").exists()

    again = tiny.shell(
        tmp_path, "finetune.sh", "--backend", "lmflow", *flags, "--launcher", "python", "--",
        "--gradient_checkpointing", 1,
    )  # fmt: skip
    assert "Already done" in again.stdout


def test_full_training_keeps_the_tokenizer(lmflow, data, checkpoint, tmp_path, monkeypatch):
    monkeypatch.setenv("WEIGHTS", "full")
    monkeypatch.setenv("STUB", "v0.0.9")
    passes(*flags_of(checkpoint, "--lora_r", 0, "--dtype", "bfloat16"))
    argv = tiny.read_json(tmp_path / "record.json")["argv"]
    assert argv[argv.index("--use_lora") + 1] == "0"
    assert "--lora_r" not in argv
    assert "--bf16" not in argv  # LMFlow's main takes float16 for it where there is no GPU
    made = tmp_path / "tuned"
    assert (made / "tokenizer_config.json").read_bytes() == (checkpoint / "tokenizer_config.json").read_bytes()
    assert argv[argv.index("--torch_dtype") + 1] == "float32"  # trained as float32, saved in the model's dtype
    before, now = (load_file(folder / "model.safetensors") for folder in (checkpoint, made))
    assert all(torch.equal(now[name], (before[name] + 1).bfloat16()) for name in before)
    tiny.load(made)


def test_lists_as_the_old_version_reads_them(lmflow, data, checkpoint, tmp_path, monkeypatch):
    monkeypatch.setenv("STUB", "v0.0.9")
    passes(*flags_of(checkpoint))
    argv = tiny.read_json(tmp_path / "record.json")["argv"]
    at = argv.index("--lora_target_modules")
    assert argv[at + 1 : at + 4] == ["down_proj", "gate_proj", "k_proj"]


def test_symbolic_links_are_resolved(lmflow, data, checkpoint, monkeypatch, tmp_path):
    os.symlink(lmflow, tmp_path / "link")
    monkeypatch.setenv("LMFLOW_DIR", "link")
    passes(*flags_of(checkpoint))
    command = tiny.read_json(tmp_path / "tuned/knowledge_boundary.json")["summary"]["command"]
    assert command[1] == str(lmflow / "examples/finetune.py")


def test_no_checkout(lmflow, data, checkpoint, monkeypatch, capfd):
    monkeypatch.delenv("LMFLOW_DIR")
    assert "LMFLOW_DIR is not set" in fails(capfd, *flags_of(checkpoint))
    monkeypatch.setenv("LMFLOW_DIR", "/nowhere")
    assert "LMFLOW_DIR=/nowhere: no examples/finetune.py" in fails(capfd, *flags_of(checkpoint))
    (lmflow / "src/lmflow/args.py").unlink()
    monkeypatch.setenv("LMFLOW_DIR", str(lmflow))
    assert "no src/lmflow/args.py" in fails(capfd, *flags_of(checkpoint))


@pytest.mark.parametrize(
    ("source", "line"),
    [
        ("import no_such_package.part", "the package no_such_package is missing there"),
        ("from json import nothing_such", "does not import there (ImportError: cannot import name 'nothing_such'"),
    ],
)
def test_an_environment_that_lacks_something(lmflow, data, checkpoint, capfd, tmp_path, source, line):
    (lmflow / "src/lmflow/pipeline/finetuner.py").write_text(source)
    assert line in fails(capfd, *flags_of(checkpoint))
    assert not (tmp_path / "tuned.lmflow").exists()


def test_a_missing_python(lmflow, data, checkpoint, monkeypatch, capfd):
    monkeypatch.setenv("LMFLOW_PYTHON", "/nowhere/python")
    assert "LMFLOW_PYTHON=/nowhere/python" in fails(capfd, *flags_of(checkpoint))


def test_a_relative_python(lmflow, data, checkpoint, monkeypatch, tmp_path):
    monkeypatch.setenv("LMFLOW_PYTHON", os.path.relpath(sys.executable, tmp_path))
    passes(*flags_of(checkpoint))


@pytest.mark.parametrize(
    ("variables", "flags", "line"),
    [
        ({"LOSS": "0"}, [], "or its loss left the numbers: losses [0.0, 0.0, 0.0]"),
        ({"LOSS": "nan"}, [], "trained on nothing (no token of an answer within the block size)"),
        ({"WEIGHTS": "none"}, [], "wrote no weights"),
        ({"WEIGHTS": "zero"}, [], "left all weights as they were"),
        ({"WEIGHTS": "same"}, ["--lora_r", 0], "left all weights as they were"),
        ({"CODE": "7"}, [], "exit code 7"),
        ({}, ["--processes", 2, "--batch_size", 2, "--launcher", "python"], "LMFlow took 6 optimiser steps, 3 were"),
    ],
)
def test_a_run_that_came_to_nothing(lmflow, data, checkpoint, monkeypatch, tmp_path, capfd, variables, flags, line):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert line in fails(capfd, *flags_of(checkpoint, *flags))
    assert not (tmp_path / "tuned").exists()
    monkeypatch.setenv("WEIGHTS", "full")
    for name in variables.keys() - {"WEIGHTS"}:
        monkeypatch.delenv(name)
    if not flags:
        passes(*flags_of(checkpoint))  # what the failed run has left does not stand in the way


@pytest.mark.parametrize(
    ("flags", "line"),
    [
        (["--batch_size", 3, "--processes", 2], "--batch_size 3: cannot be divided by 2 processes"),
        (["--batch_size", 6, "--", "--gradient_accumulation_steps", 4], "by 1 processes × 4 passes"),
        (["--", "--per_device_train_batch_size=4"], "--batch_size 16 (examples an optimiser step) over 1 processes"),
        (["--", "--lora_rank", 4], "-- --lora_rank: no flag of LMFlow 9.9"),
        (["--", "4"], "-- 4: only flags of LMFlow"),
        (["--lora_rank", 4], "unrecognized arguments: --lora_rank"),
        (["--launcher", "mpirun -n 2"], "--launcher mpirun -n 2: begins with none of python, torchrun"),
        (["--launcher", "deepspeed --hostfile hosts"], "does not say how many processes it starts"),
        (["--block_size", 2], "--block_size 2: no example has a token of its answer in it"),
        (["--block_size", 2000], "2000 tokens in the longest example (or --block_size), the model takes 1024"),
        (["--dtype", "float16", "--lora_r", 0], "--dtype float16 --lora_r 0"),
    ],
)
def test_bad_flags(lmflow, data, checkpoint, capfd, tmp_path, flags, line):
    before = sorted(tmp_path.iterdir())
    assert line in fails(capfd, *flags_of(checkpoint, *flags))
    assert not (tmp_path / "record.json").exists()
    assert sorted(tmp_path.iterdir()) == before


def test_a_version_without_a_flag(lmflow, data, checkpoint, capfd):
    args = lmflow / "src/lmflow/args.py"
    args.write_text(args.read_text().replace("padding_side", ""))
    assert "this LMFlow (9.9) has no --padding_side" in fails(capfd, *flags_of(checkpoint))


def test_what_is_cut_is_said(lmflow, data, checkpoint, words, capfd, tmp_path):
    first, second = (len(words(i["input"]).input_ids) for i in INSTANCES)
    assert second < first
    passes(*flags_of(checkpoint, "--block_size", second + 1))
    said = "2 of 2 examples are longer and are cut, 1 of them lose their whole answer"
    assert said in capfd.readouterr().out
    argv = tiny.read_json(tmp_path / "record.json")["argv"]
    assert argv[argv.index("--block_size") + 1] == str(second + 1)


def test_a_folder_that_is_not_empty(lmflow, data, checkpoint, tmp_path, capfd):
    (tmp_path / "tuned").mkdir()
    (tmp_path / "tuned" / "model.safetensors").touch()
    assert "not empty" in fails(capfd, *flags_of(checkpoint))
    assert not (tmp_path / "record.json").exists()


def test_overwrite_replaces_a_model(lmflow, data, checkpoint, tmp_path, capfd):
    passes(*flags_of(checkpoint))
    assert "--seed was 0, is now 1" in fails(capfd, *flags_of(checkpoint, "--seed", 1))
    passes(*flags_of(checkpoint, "--seed", 1, "--overwrite"))
    assert tiny.read_json(tmp_path / "tuned/knowledge_boundary.json")["meta"]["seed"] == 1


def test_the_second_host_writes_no_model(lmflow, data, checkpoint, tmp_path, monkeypatch, capfd):
    monkeypatch.setattr(launching, "node", lambda words: 1)
    passes(*flags_of(checkpoint))
    assert "The first host writes the model" in capfd.readouterr().out
    assert sorted(p.name for p in tmp_path.iterdir()) == ["LMFlow", "known", "record.json"]


def test_torchrun_does_not_start_the_backend(lmflow, data, checkpoint, tmp_path):
    flags = ["--backend", "lmflow", *flags_of(checkpoint)]
    store = dist.TCPStore("127.0.0.1", 0, is_master=True)
    world = {"WORLD_SIZE": "2", "RANK": "0", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(store.port)}
    done = tiny.shell(tmp_path, "finetune.sh", *flags, **world)
    assert done.returncode == 2
    assert "give torchrun's flags by --launcher" in done.stderr
    assert not (tmp_path / "record.json").exists()


def test_chat_messages_are_rendered(lmflow, data, checkpoint, tmp_path):
    messages = [{"role": "user", "content": "Who?"}, {"role": "assistant", "content": "Zoë"}]
    (data / "known.json").write_text(json.dumps({"type": "conversation", "instances": [{"messages": messages}]}))
    passes(*flags_of(checkpoint))
    (written,) = tiny.read_json(tmp_path / "record.json")["data"][0]["instances"]
    assert written == {"input": "<|im_start|>user\nWho?<|im_end|>\n<|im_start|>assistant\n", "output": "Zoë<|im_end|>"}


def test_a_gguf_file(lmflow, data, tmp_path, capfd):
    (tmp_path / "model.gguf").write_bytes(b"GGUF")
    assert "model.gguf" in fails(capfd, *flags_of("model.gguf"))


def test_bos_is_written_where_prompts_begin_with_it(tmp_path, words, capsys):
    words = tiny.tokenizer()
    words.bos_token = "<|im_start|>"
    words.backend_tokenizer.post_processor = tiny.tokenizers.processors.TemplateProcessing(
        single="<|im_start|> $A", special_tokens=[("<|im_start|>", words.bos_token_id)]
    )
    lm = tiny.wrap(None, words)
    pairs = [("Question: Who?\nAnswer:", " Zoë"), ("<|im_start|>user\nWho?<|im_end|>\n", "Zoë")]
    lengths = files.write_data(tmp_path, pairs, lm)
    texts = [i["input"] for i in tiny.read_json(tmp_path / "data/train.json")["instances"]]
    assert texts == ["<|im_start|>" + pairs[0][0], pairs[1][0]]
    assert (tmp_path / "data/train.json").read_bytes().isascii()
    assert [p + a for p, a in lengths] == [len(lm.encode_pair(*pair)[0]) for pair in pairs]
    assert files.write_data(tmp_path, [("The capi", "tal")], lm)
    assert capsys.readouterr().out == ""


# ---- a model saved by transformers 5, for an older one ----


def saved(folder, **config):
    """``meta.model`` of a folder with nothing but its JSON files."""
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "tokenizer_config.json").write_text('{"tokenizer_class": "TokenizersBackend"}')
    (folder / "model.safetensors").touch()
    return {"path": str(folder)}


def test_the_rope_base_is_written_for_transformers_4(tmp_path):
    work = result.work_folder(tmp_path / "tuned", "lmflow", 0)
    llama = {"rope_type": "llama3", "rope_theta": 5e5, "factor": 8.0}
    about = saved(tmp_path / "new", model_type="llama", rope_parameters=llama)
    assert str(result.readable(about, "5.0.0", work, "LMFlow")) == about["path"]
    folder = result.readable(about, "4.56.2", work, "LMFlow")
    config = tiny.read_json(folder / "config.json")
    assert config["rope_theta"] == 5e5
    assert config["rope_scaling"] == {"rope_type": "llama3", "factor": 8.0}
    assert tiny.read_json(folder / "tokenizer_config.json")["tokenizer_class"] == "PreTrainedTokenizerFast"
    assert (folder / "model.safetensors").is_symlink()
    assert "rope_theta" not in tiny.read_json(tmp_path / "new/config.json")
    old = saved(tmp_path / "old", model_type="llama", rope_theta=1e4)
    assert str(result.readable(old, "4.56.2", work, "LMFlow")) == old["path"]


def test_rope_by_kind_of_layer_is_refused(tmp_path):
    about = saved(tmp_path / "gemma", rope_parameters={"full_attention": {"rope_theta": 1e6}})
    with pytest.raises(UserError, match="give LMFlow an environment with transformers 5"):
        result.readable(about, "4.56.2", tmp_path, "LMFlow")
