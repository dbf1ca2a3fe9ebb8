"""A step in parts: what happens where the memory does not suffice; the line before a training."""

import pytest
import tiny
import torch
from safetensors.torch import load_file

from knowledge_boundary.engine.parts import run_tokens
from knowledge_boundary.running.errors import UserError
from knowledge_boundary.training import steps, trainer
from knowledge_boundary.training.memory import Estimate, Watch

EXAMPLES = [(f"<|im_start|>user\nWhat is the capital number {i}?<|im_end|>\n", "Lima " * (1 + i % 5)) for i in range(8)]
ERRORS = (torch.OutOfMemoryError("CUDA out of memory"), RuntimeError("DefaultCPUAllocator: can't allocate memory"))


def tune(checkpoint, out, **changes):
    trainer.fine_tune(tiny.load(checkpoint), EXAMPLES, tiny.settings(batch_size=8, epochs=2, **changes), out, True)
    return load_file(out / "adapter_model.safetensors")


@pytest.mark.parametrize("error", ERRORS)
def test_parts_are_halved_until_they_fit(checkpoint, tmp_path, monkeypatch, capsys, error):
    def limited(model, rows, packed, *rest):
        if run_tokens(rows, packed, True) > 60 and model.training and trying[0]:
            raise error
        return own(model, rows, packed, *rest)

    own, trying = steps.answer_loss, [False]
    calm = tune(checkpoint, tmp_path / "calm", lora_dropout=0.1, micro_batch_tokens=60)
    monkeypatch.setattr(steps, "answer_loss", limited)
    estimate = steps.AnswerTrainer.estimate

    def first(self):
        found = estimate(self)
        trying[0] = True
        return found

    monkeypatch.setattr(steps.AnswerTrainer, "estimate", first)
    capsys.readouterr()
    found = tune(checkpoint, tmp_path / "halved", lora_dropout=0.1, micro_batch_tokens=120)
    said = capsys.readouterr().out
    assert said.count("Out of memory in a step: going on with at most") == said.count("(--micro_batch_tokens)") == 1
    assert calm.keys() == found.keys()
    assert all(torch.allclose(calm[k], found[k], atol=1e-6) for k in calm)


def test_one_example_that_does_not_fit_is_one_line(checkpoint, tmp_path, monkeypatch):
    def never(*args):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(steps.AnswerTrainer, "estimate", lambda self: Estimate(1, 1, 1, 1, 1, 1))
    monkeypatch.setattr(steps, "answer_loss", never)
    with pytest.raises(UserError, match=r"step 1: out of memory with one example \(\d+ tokens\); give --gradient_chec"):
        tune(checkpoint, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_another_error_is_no_lack_of_memory(checkpoint, tmp_path, monkeypatch):
    def broken(*args):
        raise RuntimeError("shapes differ")

    monkeypatch.setattr(steps.AnswerTrainer, "estimate", lambda self: Estimate(1, 1, 1, 1, 1, 1))
    monkeypatch.setattr(steps, "answer_loss", broken)
    with pytest.raises(RuntimeError, match="shapes differ"):
        tune(checkpoint, tmp_path / "out")


def test_a_watch_counts_what_is_alive_at_once():
    known = torch.zeros(1000)
    with Watch([known]) as watch:
        a = torch.ones(100)  # 400 bytes
        b = a + 1  # 800 together
        b.view(10, 10)
        known.view(10, 100)
        known.add_(1)
        del a
        c = torch.ones(25)  # 500
    assert (watch.most, watch.now) == (800, 500)
    del b, c


def test_an_estimate_changes_nothing(checkpoint, tmp_path, monkeypatch):
    told = tune(checkpoint, tmp_path / "told", lora_dropout=0.1)
    monkeypatch.setattr(steps.AnswerTrainer, "estimate", lambda self: Estimate(1, 1, 1, 1, 1, 1))
    silent = tune(checkpoint, tmp_path / "silent", lora_dropout=0.1)
    assert all(told[k].equal(silent[k]) for k in told)


def test_the_line_by_hand():
    found = Estimate(held=2 * 10**9, states=10**9, once=5 * 10**8, a_token=10**6, tokens=1000, step_tokens=4000)
    assert found.peak == 4.5e9
    line = "A step runs up to 4000 tokens, 1000 at a time, "
    line += "and takes up to about 4.5 GB of memory (1.0 GB for those tokens)"
    assert found.line(None) == found.line(3 * 10**9) == line
    few = "; 2.0 GB are free beside the 2.0 GB that are held: give --micro_batch_tokens 500"
    assert found.line(2 * 10**9) == line + few
    assert found.line(10**9).endswith("give a smaller --lora_r, --dtype or model")
