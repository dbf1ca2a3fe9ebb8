"""finetune.sh's LMFlow backend with LMFlow itself: LMFLOW_DIR (and LMFLOW_PYTHON) name it; skipped without."""

import json
import os
import subprocess
import sys

import pytest
import tiny
import torch
from safetensors.torch import load_file

pytestmark = pytest.mark.skipif(not os.environ.get("LMFLOW_DIR"), reason="LMFLOW_DIR names no checkout of LMFlow")
EXAMPLES = [
    (f"<|im_start|>user\nWhat is the capital number {i}?<|im_end|>\n<|im_start|>assistant\n", answer + "<|im_end|>")
    for i, answer in enumerate(["Lima", "I don't know.", "Buenos Aires", "Rome", "I don't know."] * 4)
]
FLAGS = ["--epochs", 2, "--batch_size", 8, "--lora_dropout", 0, "--learning_rate", "1e-3", "--seed", 3]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A tiny Llama as transformers 5 saves it, with a RoPE base that is not the default one of 4.x."""
    rope = {"rope_type": "default", "rope_theta": 500.0}
    return tiny.save(tmp_path_factory.mktemp("models") / "tiny", "llama", rope_parameters=rope)


@pytest.fixture
def data(tmp_path):
    """The examples as text2text."""
    (tmp_path / "facts").mkdir()
    instances = [{"input": prompt, "output": answer} for prompt, answer in EXAMPLES]
    (tmp_path / "facts" / "facts.json").write_text(json.dumps({"type": "text2text", "instances": instances}))
    return tmp_path / "facts"


def tune(cwd, backend, model, data, *more, code=0) -> subprocess.CompletedProcess:
    """Run finetune.sh in ``cwd``."""
    flags = ["--backend", backend, "--model", model, "--data", data, "--output", f"out/{backend}", *FLAGS, *more]
    done = tiny.shell(cwd, "finetune.sh", *flags)
    assert done.returncode == code, done.stdout + done.stderr
    return done


@pytest.mark.parametrize("lora_r", [0, 4])
def test_the_losses_are_the_builtin_backends(tmp_path, model, data, lora_r):
    summaries = {}
    for backend in ("lmflow", "builtin"):
        tune(tmp_path, backend, model, data, "--lora_r", lora_r)
        summaries[backend] = tiny.read_json(tmp_path / f"out/{backend}/knowledge_boundary.json")["summary"]
    theirs, ours = (summaries[backend]["losses"] for backend in ("lmflow", "builtin"))
    assert len(ours) == 6
    assert theirs == pytest.approx(ours, abs=1e-4)  # transformers 4 logs four digits
    file = "adapter_model.safetensors" if lora_r else "model.safetensors"
    weights = [load_file(tmp_path / "out" / backend / file) for backend in ("lmflow", "builtin")]
    assert weights[0].keys() == weights[1].keys()
    assert max((weights[0][k] - weights[1][k]).abs().max() for k in weights[0]) < 1e-4  # a step moves up to 1e-3
    ids = tiny.load(model).encode(EXAMPLES[0][0])
    logits = [tiny.full_forward(tiny.load(tmp_path / "out" / backend), ids) for backend in ("lmflow", "builtin")]
    assert torch.allclose(*logits, atol=1e-3)


def test_two_processes(tmp_path, model, data):
    done = tune(tmp_path, "lmflow", model, data, "--lora_r", 4, "--processes", 2)
    assert "torchrun: 2 processes, 8 examples a step, 4 on each in a pass" in done.stdout
    tune(tmp_path, "builtin", model, data, "--lora_r", 4)
    theirs, ours = (
        tiny.read_json(tmp_path / f"out/{backend}/knowledge_boundary.json")["summary"]["losses"]
        for backend in ("lmflow", "builtin")
    )
    # 20 examples: the last batch of an epoch has 4, which accelerate fills up with 4 that it has seen.
    assert theirs[:2] == pytest.approx(ours[:2], abs=1e-4)


def test_a_run_that_trains_on_nothing(tmp_path, model, data):
    done = tune(tmp_path, "lmflow", model, data, "--lora_r", 4, "--", "--block_size", 2, code=2)
    assert done.stderr.splitlines()[-1].startswith("lmflow.py: LMFlow's run trained on nothing")
    assert not (tmp_path / "out/lmflow").exists()


def test_a_missing_package(tmp_path, model, data):
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "empty"], check=True)
    python = str(tmp_path / "empty/bin/python")
    flags = ["--backend", "lmflow", "--model", model, "--data", data, "--output", "out"]
    done = tiny.shell(tmp_path, "finetune.sh", *flags, LMFLOW_PYTHON=python)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert f"LMFLOW_PYTHON={python}: the package torch is missing there" in done.stderr


def test_refusals_are_learned_and_evaluated(tmp_path, model, data):
    instances = [{"input": prompt, "output": "I don't know.<|im_end|>"} for prompt, _ in EXAMPLES]
    (data / "facts.json").write_text(json.dumps({"type": "text2text", "instances": instances}))
    tune(tmp_path, "lmflow", model, data, "--lora_r", 0, "--epochs", 20, "--learning_rate", "5e-3")
    done = tiny.shell(
        tmp_path, "eval_refusal.py", "--model", "out/lmflow", "--dataset", "world_facts:test", "--limit", 3,
        "--subjects", "country_capital", "--output_dir", "eval", "--name", "tuned",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (result,) = tiny.read_json(tmp_path / "eval/eval_tuned.json")["summary"]["datasets"].values()
    assert result["p_refused"]["value"] > 0
