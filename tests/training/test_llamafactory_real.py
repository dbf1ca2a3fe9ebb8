"""finetune.sh's LLaMA-Factory backend with LLaMA-Factory itself: LLAMAFACTORY_ENV names it; skipped without."""

import json

import pytest
import tiny
from safetensors.torch import load_file

from knowledge_boundary.training.llamafactory import environment

pytestmark = pytest.mark.skipif(
    not (environment.folder() / "bin/python").is_file(), reason="finetune.sh --setup-llamafactory was not run"
)
EXAMPLES = [
    (f"<|im_start|>user\nWhat is the capital number {i}?<|im_end|>\n<|im_start|>assistant\n", answer + "<|im_end|>")
    for i, answer in enumerate(["Lima", "I don't know.", "Buenos Aires", "Rome", "I don't know."] * 4)
]
FLAGS = ["--epochs", 2, "--batch_size", 8, "--lora_dropout", 0, "--learning_rate", "1e-3", "--seed", 3]
KINDS = {"lora": ["--lora_r", 4], "all": ["--lora_r", 0], "qlora": ["--lora_r", 4, "--load_in", "4bit"]}


@pytest.fixture
def data(tmp_path):
    """The examples as text2text."""
    (tmp_path / "facts").mkdir()
    instances = [{"input": prompt, "output": answer} for prompt, answer in EXAMPLES]
    (tmp_path / "facts" / "facts.json").write_text(json.dumps({"type": "text2text", "instances": instances}))
    return tmp_path / "facts"


def losses(cwd, backend, checkpoint, data, *more) -> list:
    """The losses of a run of finetune.sh in ``cwd``."""
    flags = ["--backend", backend, "--model", checkpoint, "--data", data, "--output", f"out/{backend}", *FLAGS, *more]
    done = tiny.shell(cwd, "finetune.sh", *flags)
    assert done.returncode == 0, done.stdout + done.stderr
    return tiny.read_json(cwd / f"out/{backend}/knowledge_boundary.json")["summary"]["losses"]


@pytest.mark.parametrize("kind", KINDS)
def test_the_losses_are_the_builtin_backends(tmp_path, checkpoint, data, kind):
    if kind == "qlora":
        pytest.importorskip("bitsandbytes")
    theirs, ours = (losses(tmp_path, name, checkpoint, data, *KINDS[kind]) for name in ("llamafactory", "builtin"))
    assert len(ours) == 6
    assert theirs == pytest.approx(ours, abs=1e-5)
    file = "model.safetensors" if kind == "all" else "adapter_model.safetensors"
    weights = [load_file(tmp_path / "out" / backend / file) for backend in ("llamafactory", "builtin")]
    assert weights[0].keys() == weights[1].keys()
    assert max((weights[0][k] - weights[1][k]).abs().max() for k in weights[0]) < 1e-4  # a step moves up to 1e-3


def test_two_processes(tmp_path, checkpoint, data):
    theirs = losses(tmp_path, "llamafactory", checkpoint, data, "--lora_r", 4, "--processes", 2)
    ours = losses(tmp_path, "builtin", checkpoint, data, "--lora_r", 4)
    # 20 examples: the last batch of an epoch has 4, which accelerate fills up with 4 that it has seen.
    assert theirs[:2] == pytest.approx(ours[:2], abs=1e-5)
