"""The two stages that probe a model, by their flags: the parts of MMLU's split, the estimators, top-p."""

from pathlib import Path

import numpy as np
import pytest
import tiny
import torch

from knowledge_boundary.knowledge import state

SIZES = tiny.MMLU_SIZES


@pytest.mark.parametrize(
    ("domain", "sizes"),
    [
        ("ID", {"anatomy": 3, "astronomy": 2}),
        ("ID_test", {"anatomy": 2, "astronomy": 2}),
        ("OOD", {"virology": 3}),
        ("all", SIZES),
    ],
)
def test_domain(checkpoint, mmlu_like, tmp_path, monkeypatch, capsys, domain, sizes):
    monkeypatch.chdir(tmp_path)
    flags = ["--num_shots", 2, "--domain", domain, "--method", "uncertain", "--output_dir", "out"]
    assert tiny.call("run_MMLU.py", "--model", checkpoint, "--dataset", mmlu_like, *flags) == 0
    (file,) = Path("out").glob("*.json")
    assert file.name == ("boundary.json" if domain == "all" else f"boundary_{domain}.json")
    summary = tiny.read_json(file)["summary"]
    assert (summary["method"], summary["domain"]) == ("uncertain", domain)
    assert {s: x["n"] for s, x in summary["subjects"].items()} == sizes
    categories = {"STEM": sizes.get("astronomy", 0)}
    categories["other"] = sum(sizes.values()) - categories["STEM"]
    assert {c: x["n"] for c, x in summary["categories"].items()} == {c: n for c, n in categories.items() if n}
    out = capsys.readouterr().out
    assert (f"mmlu_like test {domain}: " in out) == (domain != "all")
    assert ("smaller half" in out) == (domain == "ID_test")
    assert "MMLU's category" in out
    name = "tiny_mmlu_like_uncertain" if domain == "all" else f"tiny_mmlu_like_{domain}_uncertain"
    instances = tiny.read_json(f"training_data/{name}/{name}.json")["instances"]
    assert len(instances) == sum(sizes.values())
    assert {i["output"].rsplit("I am ")[-1] for i in instances} == {"sure.<|im_end|>", "unsure.<|im_end|>"}


# ---- run_query_state.py ----


@pytest.fixture(scope="module")
def states(checkpoint, mmlu_like, tmp_path_factory):
    """``flags → state file's content`` of the tiny model on the multiple-choice questions."""

    def ask(*flags):
        file = tmp_path_factory.mktemp("state") / "state_init.json"
        common = ["--model", checkpoint, "--dataset", mmlu_like, "--split", "test", "--num_shots", 2, "--state", file]
        assert tiny.call("run_query_state.py", *common, *flags) == 0
        assert file.with_suffix(".png").is_file()
        return tiny.without_times(file) | {"path": file}

    return ask


def test_letters_are_exact_by_default(states):
    result = states()
    assert result["meta"]["args"]["estimator"] == result["summary"]["estimator"] == "exact"
    assert all("samples" not in r and r["cor"] == r["probs"][r["answer"]] for r in result["records"])


def test_sampled_letters(states):
    exact, found = states(), states("--estimator", "sample", "--num_samples", 8)
    assert found["meta"]["args"]["estimator"] == found["summary"]["estimator"] == "sample"
    for e, r in zip(exact["records"], found["records"], strict=True):
        assert (r["probs"], r["prediction"]) == (e["probs"], e["prediction"])
        assert len(r["samples"]) == 8
        assert all(s["correct"] == (s["text"] == r["answer"]) for s in r["samples"])
        shares = np.array([sum(s["text"] == letter for s in r["samples"]) for letter in "ABCD"]) / 8
        assert (r["cor"], r["cer"]) == pytest.approx(state.choice_state(shares, "ABCD".index(r["answer"])), abs=1e-6)
    again = states("--estimator", "sample", "--num_samples", 8)
    assert again["records"] == found["records"]
    other = states("--estimator", "sample", "--num_samples", 8, "--seed", 1)
    assert [r["samples"] for r in other["records"]] != [r["samples"] for r in found["records"]]


def test_sampled_letters_tend_to_the_exact_state(states):
    exact = np.array([(r["cor"], r["cer"]) for r in states()["records"]])
    far, near = (
        np.abs(exact - [(r["cor"], r["cer"]) for r in states("--estimator", "sample", "--num_samples", n)["records"]])
        for n in (10, 4000)
    )
    assert (near.mean(0) < 0.2 * far.mean(0)).all()
    assert near.max() < 0.05


def test_later_stages_read_sampled_letters(states, checkpoint, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    init = states("--estimator", "sample", "--num_samples", 10)
    after = states("--estimator", "sample", "--num_samples", 10, "--seed", 5)
    flags = ["--state_init", init["path"], "--state_rehearsal", after["path"], "--n_van", 2, "--n_idk", 2]
    flags += ["--threshold", 0.3, "--output_dir", "out"]
    assert tiny.call("build_rait_data.py", "--model", checkpoint, "--method", "craft", *flags) == 0
    assert "of the same model as" in capsys.readouterr().out
    for r, a, b in zip(
        tiny.read_json("out/selection_craft.json")["records"], init["records"], after["records"], strict=True
    ):
        assert (r["cor_init"], r["cor_rehearsal"], r["cer_init"]) == (a["cor"], b["cor"], a["cer"])


def test_top_p(data, checkpoint, embedder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    flags = ["--dataset", data / "many", "--limit", 5, "--num_shots", 0, "--num_samples", 3, "--embedder", embedder]
    found = {}
    for p in (1e-6, 1):
        line = ["--model", checkpoint, *flags, "--top_p", p, "--output_dir", str(p)]
        assert tiny.call("run_query_state.py", *line) == 0
        result = tiny.read_json(f"{p}/state_init.json")
        assert result["meta"]["args"]["top_p"] == p
        found[p] = [{s["text"] for s in r["samples"]} == {r["greedy"]["text"]} for r in result["records"]]
    assert all(found[1e-6])  # only the likeliest token is left
    assert not any(found[1])


# ---- what a broken model leaves ----


@pytest.mark.parametrize("script", ["run_MMLU.py", "run_query_state.py"])
def test_logits_that_are_not_finite_leave_nothing(checkpoint, mmlu_like, tmp_path, monkeypatch, capsys, script):
    monkeypatch.chdir(tmp_path)
    lm = tiny.load(checkpoint)
    torch.nn.init.constant_(lm.model.base_model.norm.weight, float("nan"))
    lm.model.save_pretrained("broken")
    lm.tokenizer.save_pretrained("broken")
    flags = ["--dataset", mmlu_like, "--split", "test", "--num_shots", 1, "--output_dir", "out"]
    assert tiny.call(script, "--model", "broken", *flags) == 2
    err = capsys.readouterr().err
    assert "question anatomy/test/" in err
    assert "the model's output is not finite in float32" in err
    assert "Traceback" not in err
    assert not list(tmp_path.glob("out/*"))
