"""Signals that N further answers give, by hand and against the samples themselves; the probe's beside them."""

import json

import numpy as np
import pytest
import tiny

from knowledge_boundary.asking import prompts
from knowledge_boundary.engine import sampling
from knowledge_boundary.engine.drawing import SamplingSettings
from knowledge_boundary.knowledge import agreement
from knowledge_boundary.models.embedder import embedding
from knowledge_boundary.questions import readers
from knowledge_boundary.questions.records import Question


@pytest.mark.parametrize(
    ("choices", "answer", "samples", "same"),
    [
        (None, "Paris", ["Paris", "It is Paris.", "Rome", ""], [True, True, False, False]),
        (None, "The capital is Rome.", ["The capital is Rome.", "Rome"], [True, False]),  # says less than its gold
        (None, "", ["", "Rome"], [True, False]),
        (None, "I don't know.", ["I don't know.", "Rome"], [True, False]),
        (["Rome", "Paris"], "B", ["B", "B. Paris", "Paris", "A", "I don't know."], [True, True, True, False, False]),
        (["Rome", "Paris"], "nonsense", ["nonsense", "B"], [True, False]),
    ],
)
def test_who_agrees(choices, answer, samples, same):
    question = Question("q", "s", "What is the capital of France?", choices, "B" if choices else "Paris", ["Lutetia"])
    assert agreement.agrees(question, answer, samples) == same


def test_signals_are_of_the_samples(checkpoint, data, embedder):
    lm, embed = tiny.load(checkpoint), embedding(str(embedder))
    asked = readers.load(str(data / "facts"), "ood").questions
    texts = [prompts.answer_prompt(lm.format, q, "basic", "craft") for q in asked]
    draws = SamplingSettings(num_samples=6, max_new_tokens=3, seed=4)
    ids = [q.id for q in asked]
    drawn = {}
    for indices, batch in sampling.answer(lm, texts, ids, 6, 3, 400, True, seed=4, greedy=False):
        drawn |= {i: [s.text for s in samples] for i, (samples, _) in zip(indices, batch, strict=True)}
    answers = [drawn[i][0] for i in range(len(asked))]  # so that something agrees
    found = agreement.sampled_signals(lm, asked, texts, answers, draws, embed, 400, True)
    for i, one in enumerate(found):
        vectors = embed(drawn[i])
        cosines = [vectors[j] @ vectors[k] for j in range(6) for k in range(6) if j != k]
        assert one["cer"] == pytest.approx(np.mean(cosines), abs=1e-5)
        assert one["agreement"] == np.mean(agreement.agrees(asked[i], answers[i], drawn[i])) >= 1 / 6


def test_evaluation_writes_them_and_the_probe_s(checkpoint, data, embedder, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    where = ["--model", checkpoint, "--output_dir", "out", "--embedder", embedder, "--max_new_tokens", 3]
    asked = ["--dataset", data / "facts", "--split", "train"]
    assert tiny.call("run_query_state.py", *where, *asked, "--num_shots", 0, "--num_samples", 2) == 0
    state = tiny.read_json("out/state_init.json")
    for i, r in enumerate(state["records"]):
        r["cor"] = float(i % 2)
    (tmp_path / "state.json").write_text(json.dumps(state))
    evaluate = ["--prompt", "basic", "--dataset", f"{data / 'facts'}:ood", "--num_samples", 3]
    assert tiny.call("eval_refusal.py", *where, *evaluate, "--probe_state", "state.json", "--name", "one") == 0
    found = tiny.read_json("out/eval_one.json")
    assert {part: cost["forward_passes"] for part, cost in found["meta"]["costs"].items()} == {
        "answers": 1, "samples": 3, "probe": 1,
    }  # fmt: skip
    assert all(cost["seconds"] > 0 for cost in found["meta"]["costs"].values())
    for r in found["records"]:
        assert r["agreement"] in (0, pytest.approx(1 / 3), pytest.approx(2 / 3), 1)
        assert -1 <= r["cer"] <= 1 + 1e-6
        assert 0 < r["p_known"] < 1
    summary = found["summary"]["datasets"]["facts/ood"]
    assert {"agreement", "certainty", "probe", "confidence", "refusal_prompt", "sure"} <= summary["signals"].keys()

    state["meta"]["model"]["fingerprint"] = "another"
    (tmp_path / "state.json").write_text(json.dumps(state))
    capfd.readouterr()
    assert tiny.call("eval_refusal.py", *where, *evaluate, "--probe_state", "state.json", "--name", "two") == 2
    assert "--probe_state state.json: the state of another model" in capfd.readouterr().err
    assert not (tmp_path / "out" / "eval_two.json").exists()
