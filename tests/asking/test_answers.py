"""Evaluation by the probe's own prompt, as R-Tuning evaluates: against whole forward passes; parts of the split."""

import math

import pytest
import tiny
from sklearn.metrics import average_precision_score

from knowledge_boundary.asking import prompts
from knowledge_boundary.questions import readers
from knowledge_boundary.wording import phrases

PROBE = ["--prompt", "probe", "--num_shots", 2, "--max_new_tokens", 4]


@pytest.fixture(scope="module")
def evaluated(checkpoint, mmlu_like, tmp_path_factory):
    """``flags → eval file's content`` of the tiny model by the probe's prompt."""

    def evaluate(*flags):
        out = tmp_path_factory.mktemp("out")
        where = ["--output_dir", out, "--name", "tiny", "--dataset", f"{mmlu_like}:test"]
        assert tiny.call("eval_refusal.py", "--model", checkpoint, *where, *PROBE, *flags) == 0
        return tiny.read_json(out / "eval_tiny.json")

    return evaluate


def whole_sureness(lm, text):
    """p(sure) / (p(sure) + p(unsure)) by two whole forward passes, at the first token that differs."""
    one, other = (lm.encode(text + end) for end in (phrases.SURE, phrases.UNSURE))
    at = next(i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b)
    pair = tiny.full_forward(lm, one[:at])[-1][[one[at], other[at]]].double()
    return float(pair.softmax(-1)[0])


@pytest.mark.parametrize("scoring", ["letter", "cloze"])
def test_the_probe_is_run_mmlu_s_and_its_confidence_is_r_tuning_s(
    evaluated, checkpoint, mmlu_like, tmp_path, monkeypatch, scoring
):
    found = evaluated("--scoring", scoring)
    monkeypatch.chdir(tmp_path)
    flags = ["--num_shots", 2, "--scoring", scoring, "--output_dir", "out"]
    assert tiny.call("run_MMLU.py", "--model", checkpoint, "--dataset", mmlu_like, *flags) == 0
    probed = {r["id"]: r for r in tiny.read_json("out/boundary.json")["records"]}
    asked = readers.load(str(mmlu_like), "test")
    lm = tiny.load(checkpoint)
    assert len(found["records"]) == len(probed) == len(asked.questions)
    for r, q in zip(found["records"], asked.questions, strict=True):
        assert r["probs"] == pytest.approx(probed[r["id"]]["probs"], abs=1e-5)
        assert r["prediction"] == probed[r["id"]]["prediction"]
        assert r.get("letter_mass") == pytest.approx(probed[r["id"]].get("letter_mass"), abs=1e-6)
        assert ("letter_mass" in r) == (scoring == "letter")
        assert r["outcome"] == r["given"] == ("correct" if probed[r["id"]]["correct"] else "wrong")
        shots = asked.shots[q.subject][:2]
        text, said = prompts.letter_prompt(q, shots), r["prediction"]
        if scoring == "cloze":
            text, said = prompts.cloze_prompt(q, shots), q.choices["ABCD".index(said)]
        assert r["output"] == said
        sure = whole_sureness(
            lm, f"{text} {said}. Are you sure you accurately answered the question based on your internal knowledge?"
        )
        assert r["p_sure"] == pytest.approx(sure, abs=1e-5)
        assert r["confidence"] == pytest.approx((max(r["probs"].values()) + sure) / 2, abs=1e-5)
    right = [r["outcome"] == "correct" for r in found["records"]]
    ap = average_precision_score(right, [r["confidence"] for r in found["records"]])
    assert found["summary"]["datasets"]["mmlu_like/test"]["ap"]["value"] == pytest.approx(ap)


def test_open_questions_are_evaluated_as_r_tuning_does(checkpoint, data, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    flags = ["--prompt", "probe", "--max_new_tokens", 6, "--name", "tiny", "--output_dir", "out"]
    line = ["--model", checkpoint, "--dataset", f"{data / 'facts'}:ood", *flags]
    assert tiny.call("eval_refusal.py", *line) == 0
    result = tiny.read_json("out/eval_tiny.json")
    assert result["meta"]["args"]["num_shots"] == 0
    lm = tiny.load(checkpoint)
    assert len(result["records"]) == 8
    assert len({r["output"] for r in result["records"]}) > 1
    for r in result["records"]:
        text = f"Question: {r['question']} Answer:"
        assert r["greedy"].startswith(r["output"])
        assert r["outcome"] in ("correct", "wrong", "unparsed")
        ids = lm.encode(f"{text} {r['output']}")
        start = len(lm.encode(text))
        assert ids[:start] == lm.encode(text)
        logprobs = tiny.full_forward(lm, ids).double().log_softmax(-1)
        own = [float(logprobs[at - 1, ids[at]]) for at in range(start, len(ids))]
        likely = math.exp(sum(own) / len(own)) if own else 0
        assert r["p_answer"] == pytest.approx(likely, abs=1e-5)
        said = r["output"].rstrip(".")
        sure = whole_sureness(
            lm, f"{text} {said}. Are you sure you accurately answered the question based on your internal knowledge?"
        )
        assert r["p_sure"] == pytest.approx(sure, abs=1e-5)
        assert r["confidence"] == pytest.approx((likely + sure) / 2, abs=1e-5)
    refusing = tiny.call("eval_refusal.py", *line, "--refuse_unsure", "--overwrite")
    assert refusing == 0
    for a, b in zip(result["records"], tiny.read_json("out/eval_tiny.json")["records"], strict=True):
        assert b["outcome"] == ("refused" if a["p_sure"] < 0.5 else a["outcome"])


def test_both_kinds_are_probed_in_one_run(checkpoint, data, mmlu_like, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    # without --num_shots, five examples of mmlu_like's two
    sets = ["--dataset", f"{data / 'facts'}:ood", f"{mmlu_like}:test", "--num_shots", 1, "--limit", 2]
    flags = ["--prompt", "probe", "--max_new_tokens", 4, "--name", "tiny", "--output_dir", "out"]
    assert tiny.call("eval_refusal.py", "--model", checkpoint, *sets, *flags) == 0
    records = tiny.read_json("out/eval_tiny.json")["records"]
    assert {("probs" in r, r["choices"] is None) for r in records} == {(True, False), (False, True)}


def test_a_refusal_in_its_own_words_is_one(evaluated, monkeypatch):
    monkeypatch.setattr("knowledge_boundary.judging.outcomes.is_refusal", lambda text: True)
    records = evaluated()["records"]
    assert {r["outcome"] for r in records} == {"refused"}
    assert all(r["output"] == r["greedy"] for r in records)


def test_refuse_unsure_counts_unsure_answers_as_refused_and_keeps_their_confidence(evaluated):
    plain, refusing = evaluated(), evaluated("--refuse_unsure")
    unsure = [r["p_sure"] < 0.5 for r in plain["records"]]
    assert any(unsure)
    assert [r["outcome"] for r in refusing["records"]] == [
        "refused" if u else r["outcome"] for u, r in zip(unsure, plain["records"], strict=True)
    ]
    assert [r["given"] for r in refusing["records"]] == [r["outcome"] for r in plain["records"]]
    ap = [f["summary"]["datasets"]["mmlu_like/test"]["ap"] for f in (plain, refusing)]
    assert ap[0] == ap[1]


def test_the_parts_of_the_split_are_test_sets_of_their_own(evaluated, mmlu_like):
    parts = [f"{mmlu_like}:test:{domain}" for domain in ("ID", "ID_test", "OOD")]
    found = evaluated("--dataset", *parts, "--limit", 2)
    sizes = {label: s["n"] for label, s in found["summary"]["datasets"].items()}
    assert sizes == {"mmlu_like/test/ID": 4, "mmlu_like/test/ID_test": 4, "mmlu_like/test/OOD": 2}
    ids = [r["id"] for r in found["records"]]
    assert len(set(ids)) == len(ids)  # --limit spreads over a part, and does not move its border


def test_shots_that_the_window_drops_are_counted(evaluated):
    dropped = evaluated()["summary"]["datasets"]["mmlu_like/test"]["shots_dropped"]
    assert dropped == {"questions": 0, "shots": 0}


def test_many_questions_are_asked_in_blocks(evaluated, monkeypatch):
    whole = evaluated()
    monkeypatch.setattr("knowledge_boundary.asking.answers.BLOCK", 2)
    blocks = evaluated()
    for a, b in zip(whole["records"], blocks["records"], strict=True):
        assert a["confidence"] == pytest.approx(b["confidence"], abs=1e-5)
        assert (a["outcome"], a["greedy"]) == (b["outcome"], b["greedy"])
