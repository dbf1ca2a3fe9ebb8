"""The computed table of docs/scaling.md: its sizes against the publishers' figures, its counts against tokenising."""

import runpy

import files
import pytest
import tiny

from knowledge_boundary.asking import prompts
from knowledge_boundary.questions import readers

scaling = runpy.run_path(str(tiny.ROOT / "benchmarks" / "scaling.py"))


def test_sizes_are_those_that_the_publishers_state():
    family, config = scaling["MODELS"]["Qwen/Qwen2.5-7B"]
    qwen = scaling["sizes"](family, config)
    assert round(qwen["parameters"] / 1e9, 2) == 7.62  # its model card: 7.61 B, and 6.53 B without embeddings
    assert round(qwen["computing"] / 1e9, 2) == 6.53
    assert qwen["cache"] == 28 * 2 * 4 * 128 * 2
    parameters = [scaling["sizes"](*model)["parameters"] / 1e9 for model in scaling["MODELS"].values()]
    assert parameters == pytest.approx([3.43, 7.62, 70.55], abs=0.005)


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
