"""The computed table of docs/scaling.md: its sizes against the publishers' figures, its counts against tokenising."""

import runpy
import sys

import files
import pytest
import tiny

from knowledge_boundary.asking import prompts
from knowledge_boundary.questions import readers
from knowledge_boundary.training.sizes import sizes

BENCHMARKS = tiny.ROOT / "benchmarks"
sys.path.insert(0, str(BENCHMARKS))
scaling, model_sizes = (runpy.run_path(str(BENCHMARKS / f"{name}.py")) for name in ("scaling", "model_sizes"))


def test_sizes_are_those_that_the_publishers_state():
    found = {name: sizes(model_sizes["config_of"](name)) for name in model_sizes["TABLE"]}
    qwen = found["Qwen/Qwen2.5-7B"]
    assert round(qwen.parameters / 1e9, 2) == 7.62  # its model card: 7.61 B, and 6.53 B without embeddings
    assert round(qwen.computing / 1e9, 2) == 6.53
    assert qwen.cache == 28 * 2 * 4 * 128 * 2
    assert [one.parameters / 1e9 for one in found.values()] == pytest.approx(
        [3.43, 7.62, 30.53, 32.76, 70.55], abs=0.005
    )
    mixture = found["Qwen/Qwen3-30B-A3B"]  # its model card: 30.5 B, 3.3 B activated, with embeddings and head
    assert (mixture.computing + 2 * 151936 * 2048) / 1e9 == pytest.approx(3.35, abs=0.01)


def test_what_fits_is_named(capsys, monkeypatch):
    monkeypatch.setattr("sys.argv", ["model_sizes.py"])
    model_sizes["main"]()
    table = [[cell.strip() for cell in line.split("|")[1:-1]] for line in capsys.readouterr().out.splitlines() if line]
    rows = {(row[0], row[1]): row[2:] for row in table if len(row) == 5}
    assert rows["Qwen2.5-7B", "24 GB"] == [
        "whole, 18 GB",
        "`--gradient_checkpointing --micro_batch_tokens 4096`, 21 GB",
        "–",
    ]
    assert rows["Meta-Llama-3-70B", "80 GB"][0] == "`--load_in 4bit`, 44 GB"
    assert rows["Meta-Llama-3-70B", "8 × 80 GB"][0] == "`--tensor_parallel`, 18 GB"
    page = (tiny.ROOT / "docs" / "scaling.md").read_text(encoding="utf-8")
    for row in table:
        if not row[0].startswith("---"):
            assert f"| {' | '.join(row)} |" in page, "docs/scaling.md: python benchmarks/model_sizes.py prints it anew"


def test_counts_are_those_of_whole_prompts(tmp_path, checkpoint, words):
    row = "What is {0} plus {0}?,{0},1{0},2{0},3{0},A\n"
    rows = [row.format(i) for i in range(5)]
    folder = files.mmlu_folder(
        tmp_path, {"dev/sums_dev.csv": "".join(rows), "test/sums_test.csv": row.format(7) + row.format(81)}
    )
    asked = readers.load(folder, "test")
    lengths = [len(words(prompts.letter_prompt(q, asked.shots["sums"][:5])).input_ids) for q in asked.questions]
    counted = scaling["count"](folder, str(checkpoint))
    assert (counted["subjects"], counted["questions"]) == (1, 2)
    assert counted["prefix"] + counted["own"] == pytest.approx(sum(lengths) / 2)
    assert 0 < counted["own"] < counted["prefix"] == counted["longest"]


def test_twice_the_share_is_half_the_time(monkeypatch, capsys):
    found = []
    for share in (0.25, 0.5):
        monkeypatch.setattr("sys.argv", ["scaling.py", "--share", str(share), "--tflops", "1", "--processes", "1"])
        scaling["main"]()
        found.append([float(line.split("|")[-2].split()[0]) for line in capsys.readouterr().out.splitlines()[-3:]])
    assert found[0] == pytest.approx([2 * t for t in found[1]], rel=0.02)
