"""Unanswerable questions are kept apart: what is measured elsewhere is of the others."""

import numpy as np
import pytest
from evaluated import paired_test, random_records, records
from sklearn.metrics import f1_score, precision_score, recall_score

from knowledge_boundary.evaluation import intervals
from knowledge_boundary.evaluation.caution import of_evaluation
from knowledge_boundary.evaluation.comparison import compare
from knowledge_boundary.evaluation.intervals import wilson
from knowledge_boundary.evaluation.scores import metrics, summarise
from knowledge_boundary.reporting import tables

NULL = {"value": None, "ci95": None}
APART = ("n_unanswerable", "unanswerable", "abstention")


def unanswerable(outcomes, confidences=None):
    return [r | {"should_abstain": True} for r in records(outcomes, confidences)]


def mixed(rows, others):
    """Two lists of records in turn, as far as both go, then the rest."""
    pairs = [r for pair in zip(rows, others, strict=False) for r in pair]
    return pairs + rows[len(others) :] + others[len(rows) :]


def test_by_hand():
    found = metrics(records("ccrrw") + unanswerable("rrrwui"), None, seed=0)
    assert (found["n"], found["n_unanswerable"]) == (5, 6)
    assert found["unanswerable"] == {"n": 6, "p_refused": wilson(3, 6), "p_wrong": wilson(3, 6)}
    abstention = found["abstention"]
    assert abstention["precision"] == wilson(3, 5)
    assert abstention["recall"] == wilson(3, 6)
    assert abstention["f1"]["value"] == pytest.approx(2 * 3 / (5 + 6))
    assert found["p_correct"] == wilson(2, 5)
    assert found["p_refused"] == wilson(2, 5)


def test_all_else_is_as_if_they_were_not_there():
    rows, base = random_records(40, 1), random_records(40, 2)
    extra, extra_base = unanswerable("rrww" * 5, [0.99] * 20), unanswerable("wwrw" * 5, [0.99] * 20)
    found = metrics(mixed(rows, extra), mixed(base, extra_base), seed=4, refuse_base=mixed(base, extra_base))
    alone = metrics(rows, base, seed=4, refuse_base=base)
    assert {k: v for k, v in found.items() if k not in APART} == {k: v for k, v in alone.items() if k not in APART}
    assert (alone["n_unanswerable"], alone["unanswerable"], alone["abstention"]) == (0, None, None)
    other = random_records(40, 3)
    together = paired_test(mixed(rows, extra), mixed(other, extra_base), mixed(base, extra_base), seed=4)
    assert together == paired_test(rows, other, base, seed=4)


def test_precision_recall_and_f1_are_scikit_learn_s(monkeypatch):
    monkeypatch.setattr(intervals, "RESAMPLES", 100)
    rows = mixed(random_records(30, 1), [r | {"should_abstain": True} for r in random_records(20, 2)])
    should = np.array([bool(r.get("should_abstain")) for r in rows])
    refused = np.array([r["outcome"] == "refused" for r in rows])
    found = metrics(rows, None, seed=9)["abstention"]
    for name, score in (("precision", precision_score), ("recall", recall_score), ("f1", f1_score)):
        assert found[name]["value"] == pytest.approx(score(should, refused)), name
    index = [np.repeat(np.arange(50), row) for block in intervals.resamples(50, 9) for row in block]
    draws = [f1_score(should[some], refused[some]) for some in index]
    assert found["f1"]["ci95"] == pytest.approx(np.quantile(draws, [0.025, 0.975]).tolist())


def test_no_refusal_has_no_precision():
    found = metrics(records("cc") + unanswerable("ww"), None, seed=0)["abstention"]
    assert found["precision"] == NULL
    assert (found["recall"]["value"], found["f1"]["value"]) == (0, 0)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("base", [None, "wwww"])
def test_a_set_of_only_unanswerable_questions(base):
    rows, base = [r | {"subject": "s"} for r in unanswerable("rrrw")], base and unanswerable(base)
    found = summarise(rows, base, seed=0)
    assert (found["n"], found["n_unanswerable"]) == (0, 4)
    assert found["unanswerable"]["p_refused"]["value"] == 0.75
    assert found["abstention"]["precision"]["value"] == 1
    nested = ("confidence_target", "coverage_at_risk")
    assert (found["curve"], found["native"], found["signals"]) == (None, None, {})
    curves = {"curve", "native", "signals", "risk_coverage"}
    others = {"n", *APART, *nested, *curves, "subjects", "letter_mass", "warnings"}
    assert all(v == NULL for k, v in found.items() if k not in others)
    assert all(v == NULL for name in nested for v in found[name].values())
    assert found["risk_coverage"] == {"points": [], "aurc": NULL}
    assert found["subjects"]["s"]["n_unanswerable"] == 4
    assert found["warnings"] == []
    assert paired_test(rows, rows, base or rows, seed=0) == {"difference": None, "ci95": None, "p": None}


def test_a_subject_of_only_unanswerable_questions_stands_beside_others():
    rows = [r | {"subject": "a"} for r in records("ccw")] + [r | {"subject": "b"} for r in unanswerable("rw")]
    subjects = summarise(rows, None, seed=0)["subjects"]
    assert (subjects["a"]["n"], subjects["a"]["unanswerable"]) == (3, None)
    assert (subjects["b"]["n"], subjects["b"]["unanswerable"]["n"]) == (0, 2)


def test_refusing_the_unanswerable_alike_is_no_reason_to_warn():
    alike = [r | {"output": "I don't know."} for r in unanswerable("r" * 20)]
    assert of_evaluation(alike) == []
    assert of_evaluation([r | {"output": "Paris"} for r in unanswerable("w" * 20)]) == [
        "20 of 20 answers are the same: 'Paris'"
    ]
    found = summarise([r | {"subject": "s"} for r in unanswerable("u" * 20)], unanswerable("u" * 20), seed=0)
    assert not any("initial model" in text for text in found["warnings"])  # nothing is measured against it


def file(name, rows, prompt):
    rows = [r | {"id": str(i), "subject": "s", "dataset": "kuq/test"} for i, r in enumerate(rows)]
    meta = {"args": {"prompt": prompt}, "inputs": [], "model": {"fingerprint": name}}
    return {"meta": meta, "summary": {"model": name, "datasets": {"kuq/test": {}}}, "records": rows}


def test_a_comparison_has_them_apart():
    base, model = (records(a) + unanswerable(u) for a, u in (("ccww", "wwww"), ("crrw", "rrrw")))
    files = {"init.json": file("init", base, "basic"), "m.json": file("m", model, "refuse")}
    (first, second), (test,) = compare(files, files["init.json"])
    assert (first["n"], first["n_unanswerable"]) == (4, 4)
    assert (first["ths"]["value"], second["ths"]["value"]) == (0, 0)
    assert first["unanswerable"]["p_refused"]["value"] == 0
    assert second["unanswerable"]["p_refused"]["value"] == 0.75
    assert test["difference"] == 0
    text = tables.evaluation_tables([first, second])
    row = next(line for line in text.split("Unanswerable questions")[1].splitlines() if " m " in line)
    assert row.split()[:3] == ["kuq/test", "m", "4"]
    assert "75.0 [30.1, 95.4]" in row


def test_a_comparison_of_only_unanswerable_questions_is_printed():
    files = {
        "init.json": file("init", unanswerable("wwww"), "basic"),
        "m.json": file("m", unanswerable("rrrw"), "refuse"),
    }
    rows, (test,) = compare(files, files["init.json"])
    assert test["p"] is None
    text = tables.evaluation_tables(rows)
    assert text.startswith("Unanswerable questions")
    assert "P_c" not in text
    assert tables.tests_table([test], ()) == "kuq/test: THS of m − init = undefined"
