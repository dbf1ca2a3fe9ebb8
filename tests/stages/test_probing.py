"""The two stages that probe a model, by their flags: the parts of MMLU's split, the estimators, top-p."""

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import tiny
import torch

from knowledge_boundary import cli
from knowledge_boundary.asking import probe
from knowledge_boundary.knowledge import mass, state
from knowledge_boundary.models.embedder import embedding

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


# ---- run_MMLU.py on open questions ----


def probed(checkpoint, path, *flags):
    """run_MMLU.py on open questions; returns (boundary.json, the training data's instances)."""
    line = ["--model", checkpoint, "--dataset", path, "--split", "train", "--output_dir", "out", *flags]
    assert tiny.call("run_MMLU.py", *line) == 0
    result = tiny.without_times("out/boundary.json")
    return result, tiny.read_json(result["summary"]["training_data"])["instances"]


@pytest.fixture
def half_right(checkpoint, data, tmp_path, monkeypatch):
    """A file of open questions, every other one of which the tiny model answers as the file does."""
    monkeypatch.chdir(tmp_path)
    records = probed(checkpoint, data / "facts")[0]["records"]
    said = [r for r in records if any(c.isalnum() for c in r["prediction"])]
    rows = [{"question": r["question"], "subject": r["subject"]} for r in said]
    rows = [
        row | {"answer": r["prediction"] if i % 2 else "Xyzzy"}
        for i, (row, r) in enumerate(zip(rows, said, strict=True))
    ]
    assert len(rows) > 12
    shutil.rmtree("out")
    return tiny.write_jsonl(tmp_path / "half.jsonl", rows)


@pytest.mark.parametrize("method", ["unsure", "unknown", "uncertain"])
def test_training_data_from_open_questions(checkpoint, half_right, capsys, method):
    result, instances = probed(checkpoint, half_right, "--method", method, "--num_try", 6, "--match", "exact")
    records, summary, args = result["records"], result["summary"], result["meta"]["args"]
    assert (args["num_shots"], args["max_new_tokens"]) == (0, 15)
    assert (summary["n"], summary["chance"], len(instances)) == (len(records), 0, len(records))
    assert [r["correct"] for r in records] == [bool(i % 2) for i in range(len(records))]
    assert summary["accuracy"] == summary["mean_cor"] == (len(records) // 2) / len(records)
    assert Path("out/boundary.png").is_file()
    assert "subjects have a right answer (known)" in capsys.readouterr().out
    for r, pair in zip(records, instances, strict=True):
        assert "probs" not in r
        assert r["cor"] == float(r["correct"])
        assert len(r.get("samples", [])) == (6 if method == "uncertain" else 0)
        assert pair["input"] == f"Question: {r['question']} Answer:"
        gold = f" {r['answer'].rstrip('.')}."
        assert pair["output"].startswith(gold) == (method != "unknown" or r["correct"])
    sure = [p["output"].endswith("I am sure.<|im_end|>") for p in instances]
    if method == "uncertain":
        assert sum(sure) == len(records) // 2
    else:
        assert sure == [r["correct"] and method == "unsure" for r in records]


def test_a_probe_of_open_questions_goes_on_where_it_was_stopped(checkpoint, data, tmp_path, monkeypatch, capsys):
    undisturbed, stopped = tmp_path / "undisturbed", tmp_path / "stopped"
    flags = ["--method", "uncertain", "--num_try", 3, "--batch_tokens", 64]
    for folder in (undisturbed, stopped):
        folder.mkdir()
    monkeypatch.chdir(undisturbed)
    wanted, instances = probed(checkpoint, data / "facts", *flags)
    monkeypatch.chdir(stopped)
    calls, own = [], probe.open_record

    def failing(*args):
        calls.append(args)
        if len(calls) == 14:
            raise KeyboardInterrupt
        return own(*args)

    monkeypatch.setattr(probe, "open_record", failing)
    monkeypatch.setattr(cli.ranks, "end", lambda message, code: sys.exit(code))
    line = ["--model", checkpoint, "--dataset", data / "facts", "--split", "train", "--output_dir", "out", *flags]
    assert tiny.call("run_MMLU.py", *line) == 130
    assert Path("out/boundary.json.partial").is_file()
    monkeypatch.setattr(probe, "open_record", own)
    monkeypatch.setattr(probe, "open_record", lambda *args: (calls.append(args), own(*args))[1])
    assert probed(checkpoint, data / "facts", *flags) == (wanted, instances)
    assert 14 < len(calls) < 14 + 24  # those in the journal are not asked again


def test_open_answers_are_judged_by_match(checkpoint, half_right, embedder):
    flags = ["--match", "embedding", "--match_threshold", 0.0, "--embedder", embedder]
    result, instances = probed(checkpoint, half_right, *flags)
    assert result["summary"]["accuracy"] > 0.5
    assert all("similarity" in r for r in result["records"])
    sure = [p["output"].endswith("I am sure.<|im_end|>") for p in instances]
    assert sure == [r["correct"] for r in result["records"]]


def test_what_comes_after_open_data_asks_as_it_was_asked(checkpoint, data, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result, instances = probed(checkpoint, data / "facts", "--method", "unknown")
    examples = [(i["input"], i["output"]) for i in instances]
    folder = Path(result["summary"]["training_data"]).parent
    assert cli.evaluation_command("m", str(folder), examples) == "python eval_refusal.py --model m --prompt probe"


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


def test_mass(data, checkpoint, embedder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    flags = ["--dataset", data / "many", "--limit", 6, "--num_shots", 0, "--max_new_tokens", 1, "--embedder", embedder]
    found = {}
    for estimator in ("sample", "mass"):
        line = ["--model", checkpoint, *flags, "--estimator", estimator, "--output_dir", estimator]
        assert tiny.call("run_query_state.py", *line) == 0
        found[estimator] = tiny.read_json(f"{estimator}/state_init.json")
        assert found[estimator]["meta"]["args"]["estimator"] == found[estimator]["summary"]["estimator"] == estimator
        assert found[estimator]["meta"]["args"]["num_samples"] == 10
    embed = embedding(str(embedder))
    for sampled, r in zip(found["sample"]["records"], found["mass"]["records"], strict=True):
        assert [{k: v for k, v in s.items() if k != "p"} for s in r["samples"]] == sampled["samples"]
        leaves = dict.fromkeys((s["text"], s["correct"], s["p"]) for s in r["samples"])
        texts, correct, p = zip(*leaves, strict=True)
        assert all(0 < x <= 1 for x in p)
        assert sum(p) < 1 + 1e-6
        assert r["cor"] == pytest.approx(mass.correctness(np.log(p), correct, 10), abs=1e-6)
        assert r["cer"] == pytest.approx(mass.certainty(np.log(p), embed(list(texts)), 10), abs=1e-5)
    cers = ([r["cer"] for r in found[estimator]["records"]] for estimator in ("sample", "mass"))
    assert all(abs(a - b) > 1e-6 for a, b in zip(*cers, strict=True))


# ---- questions that nobody can answer, and exams with a prompt of their own ----


@pytest.fixture
def mixed_states(data, checkpoint, embedder, tmp_path, monkeypatch):
    """Both state files of ``facts``, ten questions of each unanswerable, in the folder that the test runs in."""
    monkeypatch.chdir(tmp_path)
    flags = ["--dataset", data / "facts", "--num_shots", 0, "--num_samples", 3, "--max_new_tokens", 4]
    for seed, name in enumerate(("init", "rehearsal")):
        line = [*flags, "--embedder", embedder, "--seed", seed, "--state", f"{name}.json"]
        assert tiny.call("run_query_state.py", "--model", checkpoint, *line) == 0
        result = tiny.read_json(f"{name}.json")
        for i, r in enumerate(result["records"]):
            r["cor"] = float(i >= 16)
            if i < 10:
                r |= {"should_abstain": True, "answer": None, "aliases": [], "cor": 0.0, "cer": 1.0}
        Path(f"{name}.json").write_text(json.dumps(result))
    return ["--model", checkpoint]


FLAGS = ["--state_init", "init.json", "--state_rehearsal", "rehearsal.json", "--name", "x", "--output_dir", "out"]


@pytest.mark.parametrize("method", ["soft", "soft_flow"])
def test_soft_targets_are_two_examples_a_question(mixed_states, method):
    for file in ("init.json", "rehearsal.json"):
        result = tiny.read_json(file)
        for i, r in enumerate(result["records"]):
            r["cor"] = [1.04, 0.0, 0.25 if file == "init.json" else 0.75][i % 3]
        Path(file).write_text(json.dumps(result))
    assert tiny.call("build_rait_data.py", *mixed_states, *FLAGS, "--method", method) == 0
    result = tiny.read_json(f"out/selection_{method}.json")
    last = 0.25 if method == "soft" else 0.5
    wanted = [0 if i < 10 else (1, 0, last)[i % 3] for i in range(24)]
    assert [r["target"] for r in result["records"]] == wanted
    assert {r["reason"] for r in result["records"]} == {"kept: soft"}
    assert result["summary"]["taken"] == {"van": sum(t >= 0.5 for t in wanted), "idk": sum(t < 0.5 for t in wanted)}
    examples = tiny.read_json(f"training_data/x_{method}/x_{method}.json")["instances"]
    for r in result["records"]:
        own = {e["output"]: e.get("weight", 1) for e in examples if f"{r['question']}<" in e["input"]}
        both = {f"{r['answer']}<|im_end|>": r["target"], "I don't know.<|im_end|>": 1 - r["target"]}
        assert own == {text: w for text, w in both.items() if w}
    assert any(e.get("weight") == last for e in examples)
    tuned = ["--data", f"training_data/x_{method}", "--output", "tuned", "--epochs", 1, "--lora_r", 4]
    assert tiny.call("finetune.sh", "--backend", "builtin", *mixed_states, *tuned) == 0
    summary = tiny.read_json("tuned/knowledge_boundary.json")["summary"]
    assert [summary[k] for k in ("examples", "left_out", "weight")] == [len(examples), 0, pytest.approx(24)]


def test_soft_needs_no_rehearsal(mixed_states):
    Path("rehearsal.json").unlink()
    assert tiny.call("build_rait_data.py", *mixed_states, *FLAGS, "--method", "soft", "--n_van", 5, "--n_idk", 3) == 0
    records = tiny.read_json("out/selection_soft.json")["records"]
    assert sum(r["label"] != "dropped" for r in records) == 8
    assert all(r["delta_cor"] is None for r in records)


def test_a_probe_selects_what_is_far_from_its_hyperplane(mixed_states):
    state = tiny.read_json("init.json")
    for i, r in enumerate(state["records"]):
        r["cor"] = float(i >= 12)  # the questions of one subject
    Path("init.json").write_text(json.dumps(state))
    line = [*mixed_states, *FLAGS, "--method", "probe", "--n_van", 3, "--n_idk", 5]
    assert tiny.call("build_rait_data.py", *line) == 0
    result = tiny.read_json("out/selection_probe.json")
    assert result["summary"]["probe"].keys() == {"layer", "penalty", "log_loss", "auroc", "n", "known"}
    assert result["summary"]["taken"] == {"van": 3, "idk": 5}
    kept = {side: [r for r in result["records"] if r["label"] == side] for side in ("van", "idk")}
    assert all(r["distance"] >= 0 and r["cor_init"] == 1 for r in kept["van"])
    assert all(r["distance"] < 0 and r["cor_init"] == 0 for r in kept["idk"])
    near = [r["distance"] for r in result["records"] if r["reason"] == "dropped: near the hyperplane"]
    assert min(d for d in near if d < 0) >= max(r["distance"] for r in kept["idk"])


@pytest.mark.parametrize("form", ["text2text", "messages"])
def test_grait_weighs_its_refusals(mixed_states, form):
    line = [*mixed_states, *FLAGS, "--method", "grait", "--n_van", 3, "--n_idk", 6, "--format", form]
    assert tiny.call("build_rait_data.py", *line) == 0
    records = tiny.read_json("out/selection_grait.json")["records"]
    kept = [r for r in records if r["label"] == "idk"]
    assert len(kept) == 6
    less = [r["influence"] for r in records if r["reason"] == "dropped: less influence"]
    assert min(r["influence"] for r in kept) >= max(less)
    assert sum(r["weight"] for r in kept) == pytest.approx(3)  # ½ of each
    data = tiny.read_json("training_data/x_grait/x_grait.json")
    examples = data if form == "messages" else data["instances"]
    weights = [r.get("weight", 1) for r in records if r["label"] != "dropped"]
    assert [e.get("weight", 1) for e in examples] == pytest.approx(weights)


def test_later_stages_refuse_unanswerable_questions(mixed_states, capsys):
    flags = ["--state_init", "init.json", "--state_rehearsal", "rehearsal.json", "--n_van", 8, "--n_idk", 16]
    line = [*mixed_states, *flags, "--method", "all", "--name", "x", "--output_dir", "out"]
    assert tiny.call("build_rait_data.py", *line) == 0
    out = capsys.readouterr().out
    assert "--method van: 10 unanswerable questions are left out" in out
    for method in ("van", "cor", "corcer", "craft"):
        result = tiny.read_json(f"out/selection_{method}.json")
        assert result["summary"]["should_abstain"] == 10
        records = result["records"]
        marked = [r for r in records if r.get("should_abstain")]
        assert len(marked) == 10
        assert {r["label"] for r in marked} == {"dropped" if method == "van" else "idk"}
        assert all(r["label"] != "van" for r in marked)
        pairs = tiny.read_json(f"training_data/x_{method}/x_{method}.json")["instances"]
        taken = [r for r in records if r["label"] != "dropped"]
        assert len(pairs) == len(taken)
        for pair, r in zip(pairs, taken, strict=True):
            assert r["question"] in pair["input"]
            assert (pair["output"] == "I don't know.<|im_end|>") == (r["label"] == "idk")


def test_unanswerable_questions_are_not_rehearsed(mixed_states, capsys):
    tune = ["--lora_r", 4, "--epochs", 1, "--num_examples", 20, "--output_model", "rehearsed"]
    assert tiny.call("run_rehearsal.py", *mixed_states, "--state", "init.json", *tune) == 0
    assert "10 unanswerable questions are left out" in capsys.readouterr().out
    records = tiny.read_json("rehearsed/knowledge_boundary.json")["records"]
    assert len(records) == 14
    assert all(r["answer"] for r in records)


def test_a_state_of_unanswerable_questions_alone_is_nothing_to_rehearse(mixed_states, capsys):
    result = tiny.read_json("init.json")
    result["records"] = result["records"][:10]
    Path("init.json").write_text(json.dumps(result))
    assert tiny.call("run_rehearsal.py", *mixed_states, "--state", "init.json", "--output_model", "rehearsed") == 2
    assert "init.json: only unanswerable questions" in capsys.readouterr().err


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
