"""experiments/reproduce.sh: its commands are the stages', its settings the papers', and it runs on a tiny model."""

import importlib
import itertools
import json
import runpy
import sys

import pytest
import tiny

from knowledge_boundary.questions.mmlu import SUBJECTS

SCRIPT = tiny.ROOT / "experiments" / "reproduce.py"


@pytest.fixture(scope="module")
def copies(tmp_path_factory, data):
    """Small local copies of the papers' data sets: some subjects of MMLU; ``facts`` for the open ones."""
    folder = tmp_path_factory.mktemp("copies")
    for split, n in (("dev", 5), ("val", 3), ("test", 6)):
        (folder / "mmlu" / split).mkdir(parents=True)
        for at, subject in enumerate((*SUBJECTS[:3], *SUBJECTS[-2:])):
            rows = [f"{split} {i} {subject}?,{i},{at + 9},{i + 70},{i + 80},{'ABCD'[i % 4]}" for i in range(n)]
            (folder / "mmlu" / split / f"{subject}_{split}.csv").write_text("\n".join(rows) + "\n")
    choices = {"text": ["a", "b", "c", "d"], "label": list("ABCD")}
    asked = [{"id": f"q{i}", "question": f"Which {i}?", "choices": choices, "answerKey": "B"} for i in range(4)]
    for split in ("train", "validation", "test"):
        tiny.write_jsonl(folder / "arc_challenge" / f"{split}.jsonl", asked)
    for name in ("triviaqa", "nq_open"):
        for split, source in (("train", "train"), ("validation", "ood")):
            rows = [json.loads(line) for line in (data / "facts" / f"{source}.jsonl").read_text().splitlines()]
            tiny.write_jsonl(folder / name / f"{split}.jsonl", rows)
    return folder


def call(*flags) -> int:
    """Run the script in this process; its exit code."""
    before, path = sys.argv, list(sys.path)
    sys.argv, sys.path[:0] = [str(SCRIPT), *map(str, flags)], [str(SCRIPT.parent)]
    try:
        runpy.run_path(str(SCRIPT), run_name="__main__")
    except SystemExit as e:
        return e.code or 0
    finally:
        sys.argv, sys.path[:] = before, path
    return 0


def commands(capsys, *flags) -> list:
    """The commands that --dry_run prints, as words, and what it prints of their cost."""
    assert call(*flags, "--dry_run") == 0
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith(("python ", "bash "))]
    return [(line.partition("  # ")[0].split(), line.partition("  # ")[2]) for line in lines]


def test_r_tuning_as_published(capsys):
    found = commands(capsys, "rtuning")
    train = next(words for words, _ in found if words[1] == "finetune.sh")
    settings = dict(itertools.pairwise(train))
    wanted = {"--lora_r": "0", "--epochs": "1", "--learning_rate": "2e-05", "--batch_size": "4"}
    assert {flag: settings[flag] for flag in wanted} == wanted
    assert settings["--model"] == "openlm-research/open_llama_3b"
    probe = found[0][0]
    assert probe[probe.index("--domain") + 1] == "ID"
    assert found[-1][0][-4:-1] == ["mmlu:test:ID_test", "mmlu:test:OOD", "--output_dir"]
    assert all(cost.startswith("about ") and cost.endswith(" GB") for _, cost in found)


def test_craft_as_published(capsys):
    found = [words for words, _ in commands(capsys, "craft")]
    flags = [dict(itertools.pairwise(words)) for words in found]
    trained = [f for words, f in zip(found, flags, strict=True) if words[1] == "finetune.sh"]
    assert [(f["--lora_r"], f["--learning_rate"], f["--epochs"], f["--batch_size"]) for f in trained] == [
        *[("64", "0.0002", "3", "16")] * 4, *[("0", "8e-06", "3", "16")] * 4,
    ]  # fmt: skip
    built = [(words, f) for words, f in zip(found, flags, strict=True) if words[1] == "build_rait_data.py"]
    assert [(f["--n_van"], f["--n_idk"], "--strict_flow" in words) for words, f in built] == [
        ("4000", "1000", False), ("8000", "2000", True),
    ]  # fmt: skip
    rehearsed = [f for words, f in zip(found, flags, strict=True) if words[1] == "run_rehearsal.py"]
    assert [(f["--num_examples"], f["--learning_rate"]) for f in rehearsed] == [("1000", "0.0002"), ("1000", "2e-06")]


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["rtuning", "--load_in", "4bit"], "R-Tuning's setting trains all weights"),
        (["craft", "--load_in", "4bit"], "TriviaQA's setting (--sets mmlu leaves it out) trains all weights"),
        (["craft", "--tflops", 0], "--tflops and --share must be above 0"),
        (["craft", "--share", 0], "--tflops and --share must be above 0"),
    ],
)
def test_flags_that_cannot_be_had(capsys, flags, said):
    assert call(*flags, "--dry_run") == 2
    assert said in capsys.readouterr().err


def test_a_config_that_cannot_be_read_leaves_the_cost_out(capsys):
    assert call("rtuning", "--model", "no/such", "--dry_run") == 0
    out = capsys.readouterr().out
    assert "Hours and memory are left out: --model no/such" in out
    assert "run_MMLU.py" in out


def test_published_figures_have_their_sources():
    published = json.loads(SCRIPT.with_name("published.json").read_text())
    keys = [(one["paper"], one["model"], one["set"], one["row"], one["figure"]) for one in published]
    assert len(set(keys)) == len(keys)
    assert all(one["source"] and 0 <= one["value"] <= 100 for one in published)
    three = {one["row"]: one["value"] for one in published if one["figure"] == "ths"}
    given = {(one["row"], one["figure"]): one["value"] for one in published if one["paper"] == "craft"}
    for row, ths in three.items():  # THS = P_c − P_w · P_c⁰ / P_w⁰
        base = given["init_basic", "p_correct"] / given["init_basic", "p_wrong"]
        assert given[row, "p_correct"] - given[row, "p_wrong"] * base == pytest.approx(ths, abs=0.1)


def test_rows_say_whether_a_published_figure_lies_inside():
    sys.path.insert(0, str(SCRIPT.parent))
    row_of = runpy.run_path(str(SCRIPT))["row_of"]
    ours = {"value": 0.3, "ci95": [0.2, 0.4]}
    assert row_of("s", "r", "ths", ours, {"value": 39.9, "source": "x"})[3:] == [
        "39.9",
        "30.0 [20.0, 40.0]",
        "yes",
        "x",
    ]
    assert row_of("s", "r", "ths", ours, {"value": 40.1, "source": "x"})[5] == "no"
    assert row_of("s", "r", "ap", ours, None)[3:] == ["–", "30.0 [20.0, 40.0]", "", ""]
    assert row_of("s", "r", "ths", {"value": None, "ci95": None}, {"value": 1, "source": "x"})[4:6] == ["–", ""]


@pytest.mark.parametrize("paper", ["rtuning", "craft"])
def test_it_runs_on_a_tiny_model(tmp_path, knowing, copies, paper, monkeypatch):
    def run(command):
        assert tiny.call(*command[1:]) == 0, command

    monkeypatch.syspath_prepend(str(SCRIPT.parent))
    monkeypatch.chdir(tmp_path)
    script = importlib.import_module("reproduce")
    monkeypatch.setattr(script, "run", run)
    # What the tiny model has learned, it has learned without examples; what it has not, cannot become worse.
    monkeypatch.setitem(script.CRAFT["triviaqa"]["ask"], "num_shots", 0)
    monkeypatch.delitem(script.CRAFT["triviaqa"]["built"], "strict_flow")
    flags = [paper, "--model", knowing, "--data_dir", copies]
    monkeypatch.setattr(sys, "argv", ["reproduce.py", *map(str, flags)])
    script.main()
    table = (tmp_path / f"results/reproduce-{paper}-tiny.md").read_text()
    assert table.startswith("| set | row | figure | published | ours [95 %] | inside | source |")
    rows = [line.split(" | ") for line in table.splitlines()[2:]]
    if paper == "rtuning":
        assert [(row[0][2:], row[1], row[2]) for row in rows] == [
            (f"mmlu/test/{part}", name, "AP") for name in ("init", "rtuning") for part in ("ID_test", "OOD")
        ]
    else:
        assert {row[1] for row in rows} == {"init_basic", "init_refuse", "van", "cor_rait", "corcer_rait", "craft"}
        assert {row[0][2:] for row in rows} == {
            "mmlu/val", "arc_challenge/test", "triviaqa/validation", "nq_open/validation",
        }  # fmt: skip
