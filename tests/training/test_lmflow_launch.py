"""How LMFlow is launched, and how it is set up."""

import subprocess
import sys

import pytest
import stub_lmflow

from knowledge_boundary import cli, lmflow_setup
from knowledge_boundary.training.lmflow import checkout, installation
from knowledge_boundary.training.outside import launching


@pytest.mark.parametrize(
    ("words", "processes"),
    [
        ("python", 1),
        ("torchrun --nproc_per_node 4", 4),
        ("torchrun --nnodes=2 --nproc-per-node=8 --node_rank 1", 16),
        ("accelerate launch --num_machines 2 --num_processes 16", 16),
        ("deepspeed --num_nodes 2 --num_gpus 8", 16),
        ("deepspeed --hostfile hosts", None),
        ("accelerate launch --config_file a.yaml", None),
    ],
)
def test_processes_are_counted_on_all_hosts(words, processes):
    assert launching.counted(words.split()) == processes


def test_the_host_is_known():
    assert launching.node(["torchrun", "--nnodes", "2", "--node_rank", "1"]) == 1
    assert launching.node(["accelerate", "launch", "--machine_rank=3"]) == 3
    assert launching.node(["python"]) == 0


@pytest.mark.parametrize(
    ("fsdp", "device", "gpus", "lora_r", "processes", "wanted"),
    [
        (True, "cpu", 0, 8, None, "python"),
        (True, "cpu", 0, 0, 2, "torchrun --standalone --nproc_per_node 2"),
        (True, "cuda", 1, 0, None, "python"),
        (True, "cuda", 8, 8, None, "torchrun --standalone --nproc_per_node 8"),
        (True, "cuda", 8, 0, None, "accelerate launch --config_file C --num_processes 8 --mixed_precision bf16"),
        (False, "cuda", 8, 0, None, "deepspeed --num_gpus 8"),
        (False, "cuda", 8, 8, 4, "deepspeed --num_gpus 4"),
    ],
)
def test_the_launcher_is_chosen(tmp_path, fsdp, device, gpus, lora_r, processes, wanted):
    folder = stub_lmflow.make(tmp_path, fsdp)
    words, count, settings = checkout.launcher(folder, None, processes, lora_r, device, "bfloat16", gpus)
    assert " ".join(words).replace(str(folder / checkout.FSDP), "C") == wanted
    assert count == (processes or max(1, gpus))
    zero = "ds_config_zero2.json" if lora_r else "ds_config_zero3.json"
    assert settings == ({"deepspeed": str(folder / "configs" / zero)} if words[0] == "deepspeed" else {})


def test_a_launcher_runs_in_lmflows_environment():
    line = launching.launched("/env/python", ["accelerate", "launch", "--num_processes", "2"])
    assert line == ["/env/python", "-m", "accelerate.commands.launch", "--num_processes", "2"]
    assert launching.launched("/env/python", ["python"]) == ["/env/python"]


# ---- finetune.sh --setup-lmflow ----


def setup(monkeypatch, *flags) -> int:
    """Run the setup in this process; returns its exit code."""
    monkeypatch.setattr(sys, "argv", ["lmflow_setup.py", *flags])
    try:
        cli.run(lmflow_setup.main)
    except SystemExit as e:
        return e.code
    return 0


@pytest.fixture
def repository(tmp_path):
    """A git repository of a stub checkout, with a tag."""
    folder = stub_lmflow.make(tmp_path / "origin", fsdp=False)
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    for step in (["init", "-q"], ["add", "."], [*identity, "commit", "-qm", "a"], ["tag", "v0.0.9"]):
        subprocess.run(["git", *step], cwd=folder, check=True)
    return folder


def test_a_clone_that_fails_says_what_to_do(tmp_path, monkeypatch, capfd):
    monkeypatch.setenv("LMFLOW_DIR", str(tmp_path / "LMFlow"))
    monkeypatch.setenv("LMFLOW_URL", str(tmp_path / "nowhere"))
    assert setup(monkeypatch, "v0.0.9") == 2
    err = capfd.readouterr().err
    assert err.count("\n") == 1
    assert f"LMFlow v0.0.9 cannot be fetched from {tmp_path / 'nowhere'} (fatal: " in err
    assert f"git clone {installation.URL} && git -C LMFlow checkout v0.0.9" in err
    assert "LMFLOW_DIR=/path/to/LMFlow bash finetune.sh --setup-lmflow" in err
    assert not (tmp_path / "LMFlow").exists()


def test_a_folder_of_something_else(tmp_path, monkeypatch, capfd):
    monkeypatch.setenv("LMFLOW_DIR", str(tmp_path))
    (tmp_path / "file").touch()
    assert setup(monkeypatch) == 2
    assert "not empty, and no checkout of LMFlow" in capfd.readouterr().err


def test_a_clone_gets_its_environment(tmp_path, repository, monkeypatch, capfd):
    folder = tmp_path / "LMFlow"
    monkeypatch.setenv("LMFLOW_DIR", str(folder))
    monkeypatch.setenv("LMFLOW_URL", str(repository))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setattr(installation, "TORCH", ["no-such-package-as-this==1.0"])
    assert setup(monkeypatch, "v0.0.9") == 2
    err = capfd.readouterr().err
    assert err.count("\n") == 1
    assert "pip could not install (ERROR: " in err
    assert f"{folder}/.venv/bin/python -m pip install" in err
    assert (folder / checkout.ENTRY).is_file()
    monkeypatch.setattr(installation, "requirements", lambda folder: [])
    assert setup(monkeypatch) == 2  # goes on where it stopped, and tries the environment
    assert "the package torch is missing there" in capfd.readouterr().err


def test_the_pins_follow_the_source(tmp_path):
    new, old = (stub_lmflow.make(tmp_path / str(fsdp), fsdp) for fsdp in (True, False))
    assert "transformers==5.23.0" in installation.requirements(new)[1]
    assert "transformers==4.56.2" in installation.requirements(old)[1]
    assert [installation.DEEPSPEED in installation.requirements(f) for f in (new, old)] == [False, True]
    assert installation.requirements(new)[0] == installation.TORCH
