"""torchrun's processes share a fine-tune: losses and weights of one process, one result, and a resumed run too."""

import json
import os
import signal

import pytest
import tiny
from processes import child, free_port, output, reached
from safetensors.torch import load_file

from knowledge_boundary.training import trainer


def start(cwd, processes, checkpoint, folder, *more):
    """Start a fine-tune; several processes print to files in ``cwd``'s ``logs``."""
    cwd.mkdir(exist_ok=True)
    launcher = f"torchrun --nproc_per_node {processes} --master_port {free_port()} --log_dir {cwd}/logs --redirects 3"
    run = tiny.start if processes > 1 else tiny.fork
    return run(
        cwd, "finetune.sh", "--backend", "builtin", *(["--launcher", launcher] if processes > 1 else []),
        "--model", checkpoint, "--data", folder, "--output", "out/tuned", "--lora_dropout", 0, "--epochs", 3,
        "--learning_rate", "1e-2", "--batch_size", 2, "--save_steps", 2, *more,
    )  # fmt: skip


def summary(cwd) -> dict:
    return tiny.read_json(cwd / "out/tuned/knowledge_boundary.json")["summary"]


def weights(cwd) -> dict:
    (file,) = (cwd / "out/tuned").glob("*model.safetensors")
    return load_file(file)


def same(one, other, start):
    """Whether two runs had the same losses and moved the weights alike, to rounding.

    Gradients summed in another order differ by some 1e-6 of their size. AdamW divides each by its own size, so that a
    weight whose gradient is mere rounding moves by a whole step in any direction: of single weights no difference below
    a step can be promised. With 1e-6 of the gradients that small, all weights together are off by the root of it.

    Args:
        one: the folder of a run.
        other: of the other.
        start: {name: the weight that both began with}; those of an adapter's B begin with 0.
    """
    assert summary(one)["losses"] == pytest.approx(summary(other)["losses"], rel=1e-5)
    a, b = weights(one), weights(other)
    assert a.keys() == b.keys()
    moved = {k: b[k] - start.get(k, 0) for k in b if k in start or "lora_B" in k}
    assert all(m.norm() > 0.01 for m in moved.values())
    apart = sum((a[k] - b[k]).square().sum() for k in a).sqrt()
    assert apart <= 1e-3 * sum(m.square().sum() for m in moved.values()).sqrt()


INSTANCES = [
    {"input": f"<|im_start|>user\nWhat is the capital number {i}?<|im_end|>\n", "output": "Lima " * (1 + i % 5)}
    for i in range(11)
]


def write(folder, instances):
    """A folder of text2text training data."""
    folder.mkdir()
    (folder / "facts.json").write_text(json.dumps({"type": "text2text", "instances": instances}))
    return folder


@pytest.fixture
def folder(tmp_path):
    """Text2text training data: 11 examples of unequal answers; in batches of 2 the last one has a single example."""
    return write(tmp_path / "facts", INSTANCES)


@pytest.mark.parametrize("lora_r", [0, 4])
def test_two_processes_train_as_one(tmp_path, checkpoint, folder, lora_r):
    for name, processes in (("one", 1), ("two", 2)):
        process = start(tmp_path / name, processes, checkpoint, folder, "--lora_r", lora_r)
        assert process.wait() == 0, (tmp_path / name / "log").read_text()
    same(tmp_path / "one", tmp_path / "two", {} if lora_r else load_file(checkpoint / "model.safetensors"))
    assert summary(tmp_path / "two")["steps"] == 18
    assert sorted(p.name for p in (tmp_path / "two" / "out").iterdir()) == ["tuned"]
    said = output(tmp_path / "two")
    assert "2 examples a step, 1 on each process" in said
    assert said.count("Next: ") == said.count("11 examples, 18 steps") == 1


@pytest.mark.parametrize("lora_r", [0, 4])
def test_two_processes_in_parts_train_as_one_in_one(tmp_path, checkpoint, folder, lora_r):
    more = ["--lora_r", lora_r, "--batch_size", 6]
    assert start(tmp_path / "one", 1, checkpoint, folder, *more).wait() == 0
    parts = ["--micro_batch_tokens", 20, "--gradient_checkpointing"]
    assert start(tmp_path / "two", 2, checkpoint, folder, *more, *parts).wait() == 0, output(tmp_path / "two")
    assert "at a time, and takes up to about" in output(tmp_path / "two")
    same(tmp_path / "one", tmp_path / "two", {} if lora_r else load_file(checkpoint / "model.safetensors"))


def test_two_processes_weigh_as_one(tmp_path, checkpoint):
    weights = [0.25, 1, 2, 0.5, 0, 3, 0.1, 1, 0.75, 0, 1.5]
    instances = [i | {"weight": w} for i, w in zip(INSTANCES, weights, strict=True)]
    folder = write(tmp_path / "weighed", instances)
    for name, processes in (("one", 1), ("two", 2)):
        process = start(tmp_path / name, processes, checkpoint, folder, "--lora_r", 4)
        assert process.wait() == 0, (tmp_path / name / "log").read_text()
    same(tmp_path / "one", tmp_path / "two", {})
    assert output(tmp_path / "two").count("2 of 11 examples have weight 0: left out") == 1
    assert [summary(tmp_path / "two")[k] for k in ("examples", "left_out", "weight", "steps")] == [9, 2, 10.1, 15]


def test_a_killed_process_and_one_that_resumes(tmp_path, checkpoint, folder):
    assert start(tmp_path / "calm", 1, checkpoint, folder).wait() == 0
    killed = tmp_path / "killed"
    launcher = start(killed, 2, checkpoint, folder)
    while not reached(killed / "out/tuned.checkpoints", 4)():
        assert launcher.poll() is None, (killed / "log").read_text()
    os.kill(child(launcher, 1), signal.SIGKILL)
    assert launcher.wait() != 0
    said = output(killed)
    assert said.count("the same command resumes") == 1
    assert "Traceback" not in said
    assert not (killed / "out/tuned").exists()
    assert start(killed, 1, checkpoint, folder).wait() == 0, (killed / "log").read_text()
    same(killed, tmp_path / "calm", {})
    assert not (killed / "out/tuned.checkpoints").exists()


def test_a_batch_that_cannot_be_divided(tmp_path, checkpoint, folder):
    assert start(tmp_path / "bad", 2, checkpoint, folder, "--batch_size", 3).wait() != 0
    assert output(tmp_path / "bad").count("--batch_size 3: the examples of a step are divided among 2 processes") == 1


def test_another_launcher(tmp_path, checkpoint, folder):
    done = tiny.shell(tmp_path, "finetune.sh", "--backend", "builtin", "--launcher", "mpirun -n 2")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "--launcher mpirun -n 2: the built-in trainer is started by torchrun" in done.stderr


def test_a_checkpoint_on_another_host(tmp_path, monkeypatch):
    monkeypatch.setattr(trainer.ranks, "exchange", lambda _: ["/on/the/first/host/checkpoint-2"])
    with pytest.raises(trainer.UserError, match="is not on this host"):
        trainer.checkpoint_to_resume(tmp_path)
