"""Errors of devices without memory: recognised, and one line; devices that are not there."""

import sys

import pytest
import torch

from knowledge_boundary import cli, lmflow, options
from knowledge_boundary.models import loading
from knowledge_boundary.running import ranks
from knowledge_boundary.running.errors import UserError
from knowledge_boundary.running.memory import out_of_memory

LACKING = (
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
    RuntimeError("[enforce fail at alloc_cpu.cpp:114] DefaultCPUAllocator: can't allocate memory: you tried"),
    RuntimeError("MPS backend out of memory"),
    MemoryError(),
)


def test_what_a_cpu_itself_raises_is_recognised():
    with pytest.raises(RuntimeError) as raised:
        torch.empty(2**52)
    assert out_of_memory(raised.value)


@pytest.mark.parametrize("error", LACKING)
def test_a_stage_ends_with_one_line(monkeypatch, error):
    def end(line, code):
        raise SystemExit(f"{code} {line}")

    def main():
        raise error

    monkeypatch.setattr(ranks, "end", end)
    monkeypatch.setattr(sys, "argv", ["stage.py"])
    assert out_of_memory(error)
    with pytest.raises(SystemExit, match=r"2 stage.py: out of memory \(.+\); give fewer tokens at a time") as raised:
        cli.run(main)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("error", [RuntimeError("shapes differ"), ValueError("out of memory"), KeyError("x")])
def test_another_error_is_none_of_memory(error):
    assert not out_of_memory(error)


@pytest.mark.parametrize("device", ["cuda:x", "gpu", "cuda:-1", "cpu:1", ""])
def test_no_device(device):
    with pytest.raises(Exception, match="is none of auto"):
        options.device(device)


def test_one_of_several_gpus(monkeypatch):
    with pytest.raises(UserError, match="--device cuda:1: torch finds none on this machine"):
        loading.resolve_device("cuda:1")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert loading.resolve_device(options.device("cuda:1")) == torch.device("cuda", 1)
    with pytest.raises(UserError, match="--device cuda:2: torch finds 2 GPUs here, the first is cuda:0"):
        loading.resolve_device("cuda:2")


@pytest.mark.parametrize("flag", [["--micro_batch_tokens", "9"], ["--gradient_checkpointing"]])
def test_the_built_in_trainer_s_flags_are_not_lmflow_s(monkeypatch, flag):
    monkeypatch.setattr(sys, "argv", ["finetune.sh", "--data", "x", "--output", "y", *flag])
    with pytest.raises(UserError, match="of the built-in trainer"):
        lmflow.arguments()


def test_one_gpu_for_several_processes(monkeypatch):
    monkeypatch.setattr(ranks, "processes", lambda: 2)
    with pytest.raises(UserError, match="--device cuda:1: one GPU for 2 processes"):
        ranks.device("cuda:1")
