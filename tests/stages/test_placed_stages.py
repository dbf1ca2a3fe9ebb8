"""The stages on weights that lie on several devices, that several processes hold together, and in fewer bits."""

import contextlib
import json
import os
import signal

import pytest
import tiny
from processes import child, output, torchrun

from knowledge_boundary.models import families

pytestmark = pytest.mark.skipif(not families.MODERN, reason="needs transformers 5")
TOGETHER = "--tensor_parallel"


@pytest.fixture
def open_line(checkpoint, data, embedder):
    return [
        "run_query_state.py", "--model", checkpoint, "--data_dir", data, "--dataset", "facts", "--num_shots", 1,
        "--max_new_tokens", 6, "--num_samples", 4, "--embedder", embedder, "--batch_tokens", 200, "--output_dir", "out",
    ]  # fmt: skip


@pytest.fixture
def choice_line(checkpoint):
    return [
        "run_MMLU.py", "--model", checkpoint, "--dataset", "world_facts_mc", "--num_shots", 2, "--limit", 10,
        "--subjects", "country_capital,city_country", "--batch_tokens", 500, "--output_dir", "out",
    ]  # fmt: skip


def alone(cwd, *line) -> int:
    """Run a stage to its end in this process; its exit code."""
    cwd.mkdir(exist_ok=True)
    with contextlib.chdir(cwd):
        return tiny.call(*line)


def alike(found, wanted) -> None:
    """Assert that two parts of results are equal, numbers to 1e-5."""
    if isinstance(wanted, dict | list):
        assert len(found) == len(wanted)
        for key in wanted if isinstance(wanted, dict) else range(len(wanted)):
            alike(found[key], wanted[key])
    else:
        assert found == (pytest.approx(wanted, abs=1e-5) if isinstance(wanted, float) else wanted)


@pytest.mark.parametrize("kind", ["open", "choice"])
def test_two_processes_hold_one_model(tmp_path, open_line, choice_line, kind):
    line, file = (open_line, "state_init.json") if kind == "open" else (choice_line, "boundary.json")
    assert alone(tmp_path / "one", *line) == 0
    assert torchrun(tmp_path / "two", 2, *line, TOGETHER).wait() == 0, output(tmp_path / "two")
    one, two = (tiny.read_json(tmp_path / name / "out" / file) for name in ("one", "two"))
    assert two["meta"]["model"]["tensor_parallel"] == 2
    assert two["meta"]["model"]["parameters"] == one["meta"]["model"]["parameters"]
    alike(two["records"], one["records"])
    assert two["summary"]["prefix_cache"] == one["summary"]["prefix_cache"] == "shared"
    assert not list((tmp_path / "two/out").glob("*.partial*"))
    assert output(tmp_path / "two").count("Next: ") == 1


def test_one_model_in_two_processes_killed(tmp_path, open_line):
    line = [*open_line, "--batch_tokens", 1, TOGETHER]
    assert torchrun(tmp_path / "whole", 2, *line).wait() == 0
    journal = tmp_path / "killed/out/state_init.json.partial"
    process = torchrun(tmp_path / "killed", 2, *line)
    while not (journal.exists() and journal.read_bytes().count(b"\n") > 4):
        assert process.poll() is None
    os.kill(child(process, 1), signal.SIGKILL)
    assert process.wait() != 0
    assert not journal.with_name(journal.name + ".1").exists()  # the first process writes for both
    assert torchrun(tmp_path / "killed", 2, *line).wait() == 0
    whole, killed = (tiny.without_times(tmp_path / name / "out/state_init.json") for name in ("whole", "killed"))
    assert killed == whole


def test_heads_that_processes_cannot_share(tmp_path, choice_line):
    assert torchrun(tmp_path / "two", 3, *choice_line, TOGETHER).wait() != 0
    assert "3 processes can't share 4 heads (num_attention_heads)" in output(tmp_path / "two")


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ((TOGETHER,), "start it with torchrun --nproc_per_node N"),
        (("--device_map", "nowhere"), "--device_map nowhere: neither auto, nor balanced, nor a file"),
        (("--device_map", "auto", "--device", "cpu"), "which of the two? give one"),
        (("--load_in", "2bit"), "argument --load_in: invalid choice: '2bit'"),
    ],
)
def test_flags_that_cannot_be_had(tmp_path, choice_line, capsys, flags, said):
    assert alone(tmp_path / "out", *choice_line, *flags) == 2
    assert said in capsys.readouterr().err


def test_a_base_in_other_bits_is_told(tmp_path, checkpoint, data, embedder, capsys):
    line = [
        "eval_refusal.py", "--model", checkpoint, "--data_dir", data, "--dataset", "facts:ood", "--max_new_tokens", 4,
        "--embedder", embedder, "--output_dir", "out", "--limit", 2,
    ]  # fmt: skip
    assert alone(tmp_path, *line, "--prompt", "basic", "--name", "base") == 0
    tuned = [*line, "--base_eval", "out/eval_base.json"]
    assert alone(tmp_path, *tuned) == 0
    assert "THS holds that too" not in capsys.readouterr().out
    assert alone(tmp_path, *tuned, "--load_in", "4bit", "--name", "four") == 0
    assert "its weights are in float32, these in nf4, 4 bits (bitsandbytes, --load_in): THS" in capsys.readouterr().out


def test_every_asking_stage_with_weights_on_a_disk_and_in_four_bits(tmp_path, checkpoint, data, embedder, choice_line):
    where = {"model.embed_tokens": "disk", "model.layers.0": "disk", "": "cpu"}
    (tmp_path / "map.json").write_text(json.dumps(where))
    evaluate = [
        "eval_refusal.py", "--model", checkpoint, "--data_dir", data, "--dataset", "facts:ood", "--max_new_tokens", 6,
        "--embedder", embedder, "--output_dir", "out",
    ]  # fmt: skip
    for line, file in ((choice_line, "boundary.json"), (evaluate, "eval_tiny_refuse.json")):
        found = {}
        for name, flags in (
            ("plain", []),
            ("map", ["--device_map", tmp_path / "map.json"]),
            ("bits", ["--load_in", "4bit"]),
        ):
            assert alone(tmp_path / name, *line, *flags) == 0
            found[name] = tiny.read_json(tmp_path / name / "out" / file)
        alike(found["map"]["records"], found["plain"]["records"])
        assert found["map"]["meta"]["model"]["device_map"] == where
        assert found["bits"]["meta"]["model"]["quantised"].startswith("nf4, 4 bits")
        assert found["bits"]["meta"]["model"]["parameters"] == found["plain"]["meta"]["model"]["parameters"]
        assert found["bits"]["records"] != found["plain"]["records"]
