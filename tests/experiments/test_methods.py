"""experiments/: the commands of methods.sh by the stages' own parsers, combined evaluations by hand, the page."""

import copy
import importlib.util
import json
import runpy
import sys

import numpy as np
import pytest
import tiny

from knowledge_boundary import cli

FOLDER = tiny.ROOT / "experiments"


def module(name):
    """A script of experiments/ as a module."""
    spec = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


def parsed(words, monkeypatch):
    """The flags of a Python command, by its script's own parser."""
    monkeypatch.setattr(sys, "argv", words[1:])
    return runpy.run_path(str(tiny.ROOT / words[1]))["arguments"]()


@pytest.mark.parametrize("form", ["open", "choice"])
def test_every_command_is_one_that_its_stage_takes(form, monkeypatch, tmp_path):
    methods = module("methods")
    monkeypatch.chdir(tmp_path)
    (tmp_path / f"results/methods-{form}").mkdir(parents=True)
    for name in ("init_basic", "craft_seed0"):
        (tmp_path / f"results/methods-{form}/eval_{name}.json").touch()
    (tmp_path / f"results/methods-{form}/calibration").mkdir()
    (tmp_path / f"results/methods-{form}/calibration/calibration_craft.json").touch()
    commands = list(methods.Form(form, 2, False).commands())
    trained = [words for words in commands if words[1] == "finetune.sh"]
    assert len(trained) == len({words[words.index("--output") + 1] for words in trained})  # no model stands for two
    assert len(trained) == 2 * len(methods.TUNED) + len(methods.ATTEMPTS) * (form == "open")
    data = {words[words.index("--data") + 1] for words in trained}
    built = [words for words in commands if words[1] == "build_rait_data.py"]
    made = {"training_data/{}_{}".format(*(w[w.index(f"--{f}") + 1] for f in ("name", "method"))) for w in built}
    assert data == made
    assert len(built) == len(made)
    for words in commands:
        if words[0] == "python":
            parsed(words, monkeypatch)


def test_quick_is_less_of_the_same():
    methods = module("methods")
    whole, quick = (list(methods.Form("choice", 1, q).once()) for q in (False, True))
    assert [w[1] for w in whole] == [w[1] for w in quick]
    assert all("methods-choice-quick" in " ".join(w) for w in quick)


# ---- combined evaluations ----


@pytest.fixture
def evaluations(checkpoint, data, tmp_path, monkeypatch):
    """Evaluations of the tiny model by three prompts, with outcomes and scores that are made up."""
    monkeypatch.chdir(tmp_path)
    asked = ["--dataset", f"{data / 'facts'}:train", f"{data / 'facts'}:ood", "--max_new_tokens", 2]
    for name, prompt in (("basic", "basic"), ("refuse", "refuse"), ("tuned", "cautious")):
        flags = ["--prompt", prompt, "--name", name, "--output_dir", "."]
        assert tiny.call("eval_refusal.py", "--model", checkpoint, *asked, *flags) == 0
        path = tmp_path / f"eval_{name}.json"
        content = tiny.read_json(path)
        for i, r in enumerate(content["records"]):
            right = (i % 3 > 0) if name != "basic" else i % 2 == 0
            r["outcome"] = r["given"] = r["forced"]["outcome"] = "correct" if right else "wrong"
            r["score"] = float(i % 5) if name == "tuned" else 0.0
            r["forced"]["p"] = 0.9 - 0.1 * (i % 3 == 0) - 0.001 * i
        path.write_text(json.dumps(content))
    return tmp_path


def combine(*flags) -> int:
    return tiny.call("experiments/combine.py", *flags, "--base_eval", "eval_basic.json")


def test_a_gate_has_the_answers_of_one_and_the_score_of_another(evaluations):
    assert combine("gate", "--answers", "eval_refuse.json", "--by", "eval_tuned.json", "--name", "gate") == 0
    found, answers, by = (tiny.read_json(f"eval_{name}.json") for name in ("gate", "refuse", "tuned"))
    scores = {r["id"]: r["score"] for r in by["records"]}
    assert len(found["records"]) == len(answers["records"])
    for r, own in zip(found["records"], answers["records"], strict=True):
        assert r == own | {"score": scores[r["id"]]}
    assert found["meta"]["model"]["fingerprint"] not in {e["meta"]["model"]["fingerprint"] for e in (answers, by)}
    assert found["summary"]["datasets"].keys() == answers["summary"]["datasets"].keys()
    flags = ["--calibrate", "eval_gate.json", "--base_eval", "eval_basic.json", "--sets", "facts/train"]
    assert tiny.call("eval_refusal.py", *flags) == 0
    assert tiny.read_json("calibration_gate.json")["summary"]["sets"] == ["facts/train"]
    compared = ["eval_basic.json", "eval_gate.json", "--sets", "facts/ood", "--calibration", "calibration_gate.json"]
    assert tiny.call("eval_refusal.py", "--compare", *compared, "--output_dir", "out") == 0
    rows = tiny.read_json("out/comparison.json")["records"]
    assert {r["dataset"] for r in rows} == {"facts/ood"}
    assert [(r["model"], r["kind"]) for r in rows] == [
        ("basic", "native"), ("gate", "native"), ("gate_calibrated", "calibrated"),
    ]  # fmt: skip
    assert not any("threshold" in text for text in rows[2]["warnings"])


def test_a_stack_ranks_by_what_its_signals_say_and_is_cross_fitted(evaluations):
    flags = ["--answers", "eval_refuse.json", "--more", "eval_basic.json", "--fit_on", "facts/train", "--name", "stack"]
    assert combine("stack", *flags) == 0
    found = tiny.read_json("eval_stack.json")["records"]
    # Of three answers the wrong one has the lower probability: all signals together must see it, also elsewhere.
    right = np.array([r["forced"]["outcome"] == "correct" for r in found])
    values = np.array([r["score"] for r in found])
    for label in ("facts/train", "facts/ood"):
        own = np.array([r["dataset"] == label for r in found])
        assert values[own & right].min() > values[own & ~right].max()
    module_ = module("combine")
    evaluated = [tiny.read_json(f"eval_{n}.json")["records"] for n in ("refuse", "basic")]
    changed = copy.deepcopy(evaluated)
    flipped = next(r for r in changed[0] if r["dataset"] == "facts/train")
    flipped["forced"]["outcome"] = {"correct": "wrong", "wrong": "correct"}[flipped["forced"]["outcome"]]
    before, after = (module_.stacked(e, "facts/train", 0) for e in (evaluated, changed))
    assert before[0] == after[0]  # its own label decides nothing of its score
    assert (before[1:] != after[1:]).any()


def test_a_choice_is_of_the_answer_that_is_most_likely_right(evaluations):
    flags = ["--answers", "eval_refuse.json", "--more", "eval_basic.json", "--fit_on", "facts/train"]
    for how in ("stack", "choose"):
        assert combine(how, *flags, "--name", how) == 0
    module_ = module("combine")
    own = {name: tiny.read_json(f"eval_{name}.json")["records"] for name in ("refuse", "basic", "choose")}
    likely = [
        module_.stacked([own[a], own[b]], "facts/train", 0) for a, b in (("refuse", "basic"), ("basic", "refuse"))
    ]
    for i, r in enumerate(own["choose"]):
        of = own["refuse"] if likely[0][i] >= likely[1][i] else own["basic"]
        assert {k: v for k, v in r.items() if k != "score"} == {k: v for k, v in of[i].items() if k != "score"}
        assert r["score"] == pytest.approx(max(likely[0][i], likely[1][i]), rel=1e-5)
    right = [sum(r["forced"]["outcome"] == "correct" for r in own[name]) for name in own]
    assert right[2] > max(right[:2])  # where one of the two is right, the signals tell which


def test_a_rank_is_the_share_of_its_own_set(evaluations):
    assert combine("rank", "--answers", "eval_tuned.json", "--name", "rank") == 0
    found, own = (tiny.read_json(f"eval_{name}.json")["records"] for name in ("rank", "tuned"))
    for label in ("facts/train", "facts/ood"):
        scores = [r["score"] for r in own if r["dataset"] == label]
        for r in (r for r in found if r["dataset"] == label):
            score = next(o["score"] for o in own if o["id"] == r["id"] and o["dataset"] == label)
            below, ties = sum(s < score for s in scores), sum(s == score for s in scores)
            assert r["score"] == pytest.approx((below + (ties + 1) / 2) / len(scores), rel=1e-5)


def test_a_state_restated(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    greedy = [{"text": "paris", "correct": True}, {"text": "oslo", "correct": False}]
    records = [{"id": f"q{i}", "answer": "Paris", "cor": 0.2 + 0.4 * i, "greedy": g} for i, g in enumerate(greedy)]
    state = {"meta": {"stage": "run_query_state"}, "summary": {}, "records": records}
    chosen = [{"id": "q1", "p_known": 0.1}, {"id": "q0", "p_known": 0.6}]
    selection = {"meta": {"stage": "build_rait_data"}, "summary": {}, "records": chosen}
    (tmp_path / "state.json").write_text(json.dumps(state))
    (tmp_path / "probe.json").write_text(json.dumps(selection))
    flags = ["--state_init", "state.json", "--own_words", "--blend", "probe.json", "--output", "new/state.json"]
    assert tiny.call("experiments/restate.py", *flags) == 0
    found = tiny.read_json("new/state.json")["records"]
    assert [(r["answer"], r["cor"]) for r in found] == [("paris", pytest.approx(0.4)), ("Paris", pytest.approx(0.35))]
    assert tiny.call("experiments/restate.py", "--state_init", "state.json", "--output", "x.json") == 2
    (tmp_path / "probe.json").write_text(json.dumps(selection | {"records": chosen[:1]}))
    assert tiny.call("experiments/restate.py", *flags) == 2
    assert "--blend probe.json: has no q0" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["gate", "--answers", "eval_refuse.json"], "give --by"),
        (["stack", "--answers", "eval_refuse.json", "--fit_on", "x/y"], "--fit_on x/y: no such test set"),
        (["gate", "--answers", "none.json", "--by", "eval_tuned.json"], "none.json"),
    ],
)
def test_bad_flags_are_one_line(evaluations, capfd, flags, message):
    capfd.readouterr()
    assert combine(*flags, "--name", "x") == 2
    line = capfd.readouterr().err
    assert message in line
    assert line.count("\n") == 1
    assert not (evaluations / "eval_x.json").exists()


def test_the_page_says_what_the_comparison_says(tmp_path, monkeypatch):
    page = module("results_page")

    def row(model, kind, label, ths, seeds=1):
        value = {"value": ths, "ci95": [ths - 0.1, ths + 0.1]}
        return {
            "model": model, "kind": kind, "dataset": label, "n_seeds": seeds, "ths": value, "auroc_all": value,
            "spread": {"ths": 0.02} if seeds > 1 else None, "n": 8, "signal": "score", "native": None, "initial": False,
            "curve": [{"coverage": 1.0, "p_correct": 0.5, "p_wrong": 0.5, "ths": 0.0, "threshold": 0.0}],
            "cost": {"seconds": 10.0, "forward_passes": 1},
        }  # fmt: skip

    def comparison(gap, p):
        labels = ("f/test", "f/ood")
        records = [
            row(*one, label, ths, n)
            for label in labels
            for *one, ths, n in (
                ("init_basic", "native", 0.0, 1), ("craft", "native", 0.1, 5), ("ours", "native", 0.1, 5),
                ("craft_calibrated", "calibrated", 0.2, 5), ("ours_calibrated", "calibrated", 0.2 + gap, 5),
                ("confidence", "baseline", 0.2, 1),
            )
        ]  # fmt: skip
        tests = [
            {
                "dataset": label,
                "model_a": other,
                "model_b": "ours_calibrated",
                "difference": -gap,
                "ci95": [-gap, 0],
                "p": p,
            }
            for label in labels
            for other in ("craft_calibrated", "confidence")
        ]
        summary = {"base": "init_basic", "paired_tests": tests, "baseline_curves": []}
        return {"meta": {"stage": "compare"}, "summary": summary, "records": records}

    readme = tmp_path / "README.md"
    flags = ["--results", str(tmp_path), "--output", str(tmp_path), "--readme", str(readme)]
    monkeypatch.setattr(sys, "argv", ["results_page.py", *flags])
    for gap, p, expected in ((0.06, 0.01, "reached by ours_calibrated"), (0.06, 0.2, "**It was not reached.**"),
                             (0.04, 0.01, "**It was not reached.**")):  # fmt: skip
        readme.write_text(f"# A\n\n{page.MARKS[0]}\nold\n{page.MARKS[1]}\n\nB\n")
        path = tmp_path / "methods-open" / "comparison.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(comparison(gap, p)))
        cli.run(page.main)
        text = (tmp_path / "results.md").read_text()
        assert expected in text
        assert (tmp_path / "results_open.png").stat().st_size > 1000
    assert "+4.0 [0.0, +4.0], p = 0.010 to CRaFT and +4.0 [0.0, +4.0], p = 0.010 to the highest baseline" in text
    ours = "24.0 [14.0, 34.0] ± 2.0"
    assert (
        f"| ours | 5 | 24.0 / 24.0 | 10.0 / 10.0 | {ours} / {ours} | +4.0* / +4.0* | 50.0 / 50.0 | 10 | 1.0 |" in text
    )
    assert "| *confidence* | 1 | 20.0 / 20.0 | – | 20.0 [10.0, 30.0] / 20.0 [10.0, 30.0] | – / – |" in text
    assert readme.read_text() == (
        f"# A\n\n{page.MARKS[0]}\n\n| {' | '.join(page.HEADS['README.md'])} |\n| --- | --- | --- | --- | --- | --- |\n"
        "| *confidence* | 1 | 20.0 | 20.0 [10.0, 30.0] | 20.0 | 20.0 [10.0, 30.0] |\n"
        "| craft | 5 | 20.0 | 20.0 [10.0, 30.0] ± 2.0 | 20.0 | 20.0 [10.0, 30.0] ± 2.0 |\n"
        f"| ours | 5 | 24.0 | {ours} | 24.0 | {ours} |\n\n{page.MARKS[1]}\n\nB\n"
    )
    readme.write_text("# A\n")
    monkeypatch.setattr(sys, "argv", ["results_page.py", *flags])
    with pytest.raises(SystemExit):
        cli.run(page.main)
    assert readme.read_text() == "# A\n"
