"""The rows of a comparison: seeds of one method, calibrated rows, tests among them, and what does not fit together."""

import json

import numpy as np
import pytest
from evaluated import OUTCOMES

from knowledge_boundary.evaluation import curve, intervals, seeds
from knowledge_boundary.evaluation.comparison import baseline_curves, compare
from knowledge_boundary.evaluation.confidence import NAMES
from knowledge_boundary.evaluation.intervals import bootstrap, with_interval
from knowledge_boundary.evaluation.pools import question_key
from knowledge_boundary.evaluation.scores import metrics, ths_measure
from knowledge_boundary.running.errors import UserError
from knowledge_boundary.running.results import clean

SETS = ("facts/test", "facts/ood")
ROW_KEYS = {"initial",
    "kind", "signal", "threshold", "target", "n_seeds", "seeds", "spread", "curve", "native", "auroc_all", "aurc_all",
    "cost", "warnings",
}  # fmt: skip


def answers(outcomes, forced=None, scores=None, **further):
    """Evaluation records: a letter each for the native outcome and the forced one, and the score."""
    forced, rows = forced or outcomes, []
    for i, (o, f) in enumerate(zip(outcomes, forced, strict=True)):
        score = scores[i] if scores else float(len(outcomes) - i)
        own = {"text": f"answer {i}", "outcome": OUTCOMES[f], "p": 0.9 - i / 100}
        rows.append(
            {
                "id": str(i),
                "subject": "s",
                "outcome": OUTCOMES[o],
                "given": OUTCOMES[o],
                "confidence": 0.5 + i / 100,
                "output": f"answer {i}",
                "p_refusal": 0.1,
                "forced": own,
                "score": score,
                **{key: values[i] for key, values in further.items()},
            }
        )
    return rows


def evaluation(name, rows, fingerprint=None, prompt="refuse", sets=SETS[:1], **meta):
    """An evaluation's file with the same records on each of its sets."""
    args = {"prompt": prompt, "wording": "craft", "thinking": "off", "refusal": "text"} | meta.pop("args", {})
    model = {"fingerprint": fingerprint or name, "name": name}
    records = [r | {"dataset": label} for label in sets for r in rows]
    return {
        "meta": {"args": args, "inputs": [], "model": model, **meta},
        "summary": {"model": name, "datasets": {label: {} for label in sets}},
        "records": records,
    }


def calibration(evaluated, signal="score", threshold=0.0, name=None, target="ths", **changes):
    """A calibration's file of an evaluation's model, asked alike."""
    own = evaluated["meta"]
    asked = {key: own["args"].get(key) for key in ("prompt", "wording", "thinking", "refusal")}
    model = {
        "name": own["model"]["name"], "fingerprint": own["model"]["fingerprint"], **asked,
        "num_shots": None, "scoring": "letter", "chat_template": False,
    }  # fmt: skip
    summary = {
        "name": name or evaluated["summary"]["model"], "signal": signal, "target": target, "delta": None,
        "threshold": threshold, "evaluations": [{"path": "dev/eval.json", "sha256": "dev"}], "sets": ["facts/test"],
        "model": model,
    }  # fmt: skip
    return {"meta": {"stage": "calibrate"}, "summary": summary | changes, "records": []}


BASE = evaluation("init_basic", answers("ccccwwww"), prompt="basic")  # THS = right − wrong
SEEDS = [
    evaluation("craft_seed0", answers("ccrrrrrw", "ccwwccww"), "f0"),
    evaluation("craft_seed1", answers("cccwrrrr", "cccwcwww"), "f1"),
    evaluation("craft_seed2", answers("crrrrrrr", "cwwwwwww"), "f2"),
]


def files(*evaluations):
    return {f"eval_{i}.json": e for i, e in enumerate(evaluations)}


def compared(*evaluations, calibrations=(), base=BASE, **more):
    given = {f"calibration_{i}.json": c for i, c in enumerate(calibrations)}
    return compare(files(*evaluations), base, calibrations=given, **more)


def refused(*evaluations, calibrations=(), base=BASE):
    """The line that a comparison is refused with."""
    with pytest.raises(UserError) as error:
        compared(*evaluations, calibrations=calibrations, base=base)
    assert "\n" not in str(error.value)
    return str(error.value)


# ---- one seed: as it was ----


def test_a_single_seed_has_the_figures_that_it_had():
    rows, tests = compared(BASE, SEEDS[0])
    for record, e in zip(rows, (BASE, SEEDS[0]), strict=True):
        had = metrics(e["records"], BASE["records"], 0)
        assert {k: v for k, v in record.items() if k in had} == had
        assert record.keys() == had.keys() | ROW_KEYS | {"model", "dataset"}
    assert [r["model"] for r in rows] == ["init_basic", "craft_seed0"]  # one alone keeps its name
    assert (rows[1]["n_seeds"], rows[1]["seeds"], rows[1]["spread"]) == (1, ["craft_seed0"], None)
    assert (rows[1]["kind"], rows[1]["threshold"], rows[1]["target"]) == ("native", None, None)
    values, draws = bootstrap(
        [ths_measure(e["records"], BASE["records"], name) for e, name in ((SEEDS[0], "a"), (BASE, "b"))], 8, 0
    )
    (test,) = tests
    expected = with_interval(values["a"] - values["b"], draws["a"] - draws["b"])
    assert (test["difference"], test["ci95"]) == (expected["value"], expected["ci95"])
    assert (test["model_a"], test["model_b"], test["n_seeds"]) == ("craft_seed0", "init_basic", [1, 1])


def test_files_of_before_there_were_scores_have_no_curve():
    old = [json.loads(json.dumps(e)) for e in (BASE, SEEDS[0])]
    for e in old:
        for r in e["records"]:
            del r["forced"], r["score"], r["p_refusal"]
    rows, (test,) = compared(*old, base=old[0])
    assert rows[1]["ths"] == metrics(SEEDS[0]["records"], BASE["records"], 0)["ths"]
    assert rows[1]["curve"] is None
    assert rows[1]["auroc_all"] == {"value": None, "ci95": None}
    assert test["at_coverage"] == []
    assert baseline_curves(files(*old), old[0]) == []


# ---- several seeds ----


def test_three_seeds_by_hand():
    rows, (test,) = compared(BASE, *SEEDS)
    assert [r["model"] for r in rows] == ["init_basic", "craft"]
    row = rows[1]
    assert (row["n"], row["n_seeds"], row["seeds"]) == (8, 3, ["craft_seed0", "craft_seed1", "craft_seed2"])
    assert row["p_correct"]["value"] == pytest.approx((2 + 3 + 1) / 24)
    assert row["p_refused"]["value"] == pytest.approx((5 + 4 + 7) / 24)
    assert row["ths"]["value"] == pytest.approx((1 + 2 + 1) / 24)  # right − wrong: the base has as many of each
    assert row["over_refusal"]["value"] == pytest.approx((2 / 4 + 0 + 3 / 4) / 3)
    assert row["correct_given_attempted"]["value"] == pytest.approx((2 / 3 + 3 / 4 + 1) / 3)
    assert row["spread"]["ths"] == pytest.approx(np.std([1 / 8, 2 / 8, 1 / 8], ddof=1))
    assert row["spread"]["confidence_target"]["0.5"] == pytest.approx(np.std([1 / 8, 2 / 8, 1 / 8], ddof=1))
    # right above wrong, of the pairs that the score puts in order, of the forced answers of each seed
    expected = [(4 + 4 + 2 + 2) / 16, (4 + 4 + 4 + 3) / 16, 1]
    assert row["auroc_all"]["value"] == pytest.approx(np.mean(expected))
    assert row["spread"]["auroc_all"] == pytest.approx(np.std(expected, ddof=1))
    assert test["difference"] == pytest.approx(1 / 6)
    assert test["n_seeds"] == [3, 1]


def test_every_figure_of_several_seeds_is_a_mean_with_an_interval_and_a_spread():
    rng = np.random.default_rng(4)
    random = [answers("".join(rng.choice(list("cwru"), 40)), "".join(rng.choice(list("cw"), 40))) for _ in range(3)]
    for rows in random:
        for i, r in enumerate(rows):
            r["should_abstain"] = i >= 32
    several = [evaluation(f"m_seed{i}", rows) for i, rows in enumerate(random)]
    base = evaluation(
        "init", [r | {"should_abstain": i >= 32} for i, r in enumerate(answers("cw" * 20))], prompt="basic"
    )
    refuse = evaluation("init_refuse", base["records"], "init")
    row = compared(*several, refuse, base=base)[0][0]
    ones = [metrics(rows, base["records"], 0, base["records"]) for rows in random]

    def check(found, seeds_own, spread, place=()):
        for key, first in seeds_own[0].items():
            if isinstance(first, dict) and "ci95" not in first:
                check(found[key], [one[key] for one in seeds_own], spread.get(key, {}), (*place, key))
            elif isinstance(first, dict):
                values = [one[key]["value"] for one in seeds_own]
                assert found[key]["value"] == pytest.approx(np.mean(values)), (place, key)
                assert found[key]["ci95"][0] <= found[key]["value"] <= found[key]["ci95"][1], (place, key)
                assert spread[key] == pytest.approx(np.std(values, ddof=1)), (place, key)
            else:
                assert found[key] == first

    check(row, ones, row["spread"])
    assert row["n_unanswerable"] == 8
    assert {"ap", *NAMES, "auroc_all", "unanswerable", "abstention"} <= row["spread"].keys()
    assert clean(row) == json.loads(json.dumps(clean(row)))


def test_a_figure_that_a_seed_lacks_is_null():
    never = evaluation("craft_seed1", answers("rrrrrrrr", "cccccccc"), "f1")
    row = compared(BASE, SEEDS[0], never)[0][1]
    assert row["ap"] == {"value": None, "ci95": None}
    assert row["spread"]["ap"] is None
    assert row["ths"]["value"] == pytest.approx(1 / 16)


def test_the_interval_is_the_hierarchical_bootstrap_s():
    row = compared(BASE, *SEEDS)[0][1]
    parts = [bootstrap([ths_measure(e["records"], BASE["records"])], 8, 0) for e in SEEDS]
    sample = seeds.Sample(
        np.array([values["ths"] for values, _ in parts]),
        np.stack([draws["ths"] for _, draws in parts]),
        (0, 1, 2),
        0,
    )
    assert row["ths"] == seeds.interval(sample)
    alone = [metrics(e["records"], BASE["records"], 0)["p_correct"]["value"] for e in SEEDS]
    assert row["p_correct"]["value"] == pytest.approx(np.mean(alone))
    assert 0 <= row["p_correct"]["ci95"][0] < row["p_correct"]["ci95"][1] <= 1


def test_several_seeds_on_questions_without_any_answer():
    rows = [[r | {"should_abstain": True} for r in answers(o)] for o in ("rrww", "rrrw", "wwww")]
    base = evaluation("init", rows[2], prompt="basic")
    found, (test,) = compared(base, *(evaluation(f"m_seed{i}", rows[i]) for i in range(2)), base=base)
    assert found[1]["unanswerable"]["p_refused"]["value"] == pytest.approx(5 / 8)
    assert found[1]["spread"]["unanswerable"]["p_refused"] == pytest.approx(np.std([0.5, 0.75], ddof=1))
    assert (found[1]["n"], found[1]["ths"]["value"], found[1]["curve"], found[1]["native"]) == (0, None, None, None)
    assert (test["p"], test["at_coverage"]) == (None, [])


def test_equal_names_from_several_folders_are_seeds_of_one_row():
    same = [evaluation("craft", e["records"], f"f{i}") for i, e in enumerate(SEEDS)]
    row = compared(BASE, *same)[0][1]
    assert (row["model"], row["n_seeds"], row["seeds"]) == ("craft", 3, ["craft"] * 3)
    numbered = compared(BASE, *SEEDS)[0][1]
    assert row["ths"]["value"] == numbered["ths"]["value"]
    assert row["curve"] == numbered["curve"]


def test_the_order_of_the_files_changes_no_row():
    first = compared(BASE, *SEEDS)[0][1]
    assert compared(BASE, *SEEDS[::-1])[0][1] == first
    assert compared(BASE, SEEDS[2], SEEDS[0], SEEDS[1])[0][1] == first


def test_ten_seeds_are_in_the_order_of_their_numbers():
    many = [evaluation(f"m_seed{i}", answers("ccrrrrww"), f"f{i}") for i in (10, 2, 1)]
    assert compared(BASE, *many)[0][1]["seeds"] == ["m_seed1", "m_seed2", "m_seed10"]


def test_the_mean_curve_by_hand():
    row = compared(BASE, *SEEDS)[0][1]
    at = {round(p["coverage"], 2): p for p in row["curve"]}
    assert len(at) == 101
    assert at[0.25]["p_correct"] == pytest.approx((2 + 2 + 1) / 24)  # of two questions of highest score
    assert at[0.25]["p_wrong"] == pytest.approx(1 / 24)
    assert at[0.25]["ths"] == pytest.approx((2 + 2 + 0) / 24)
    # 0.3 of 8 questions: two, and 0.4 of the third
    assert at[0.3]["p_correct"] == pytest.approx((2 + 2.4 + 1) / 24)
    assert at[0.3]["p_wrong"] == pytest.approx((0.4 + 0 + 1.4) / 24)
    assert at[1]["ths"] == pytest.approx((0 + 0 - 6) / 24)
    assert {p["threshold"] for p in row["curve"]} == {None}
    native = row["native"]
    assert native["coverage"] == pytest.approx(8 / 24)
    assert native["ths"] == pytest.approx(4 / 24)
    assert native["ths_on_curve"] == pytest.approx((1 + 2 + 1) / 24)  # of the 3, 4 and 1 of highest score
    assert native["threshold"] is None


def test_ties_are_shared_and_the_mean_curve_ends_where_a_seed_s_does():
    tied = evaluation("m_seed0", answers("cwcwcwcw", scores=[1.0] * 8), "f0")
    half = evaluation("m_seed1", answers("cwcwrrrr", "cwcwrrrr"), "f1")
    row = compared(BASE, tied, half)[0][1]
    assert [p["coverage"] for p in row["curve"]] == pytest.approx(np.arange(51) / 100)
    assert row["curve"][10]["p_correct"] == pytest.approx((0.05 + 0.1) / 2)  # the first question is half answered


def test_warnings_say_which_seed_they_are_of():
    rows = answers("cwcwcwcw")
    first, second = evaluation("m_seed0", rows), evaluation("m_seed1", [r | {"output": "no"} for r in rows])
    assert compared(BASE, first, second)[0][1]["warnings"] == ["m_seed1: 8 of 8 answers are the same: 'no'"]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"fingerprint": "f0"}, "eval_2.json: two files are of craft and of one model (the other: eval_1.json)"),
        ({"fingerprint": "init_basic"}, "eval_2.json: craft_seed1 is the initial model, and others have its name"),
        ({"prompt": "bare"}, "eval_2.json: a seed of craft that was asked with --prompt bare, eval_1.json with refuse"),
        ({"sets": SETS[:1]}, "eval_2.json: evaluated on facts/test, eval_1.json of the same craft on facts"),
        ({"args": {"thinking": "on"}}, "asked with --thinking on"),
    ],
)  # fmt: skip
def test_what_are_no_seeds_of_one_method(change, says):
    base = evaluation("init_basic", answers("ccww"), prompt="basic", sets=SETS)
    first = evaluation("craft_seed0", answers("ccrr"), "f0", sets=SETS)
    second = evaluation("craft_seed1", answers("ccrr"), **({"fingerprint": "f1", "sets": SETS} | change))
    assert says in refused(base, first, second, base=base)


def test_other_questions_or_another_size_are_no_seed():
    fewer = evaluation("craft_seed1", answers("ccrr"), "f1")
    assert "eval_2.json: not evaluated on the same questions of facts/test" in refused(BASE, SEEDS[0], fewer)
    small, large = (evaluation(f"craft_seed{i}", answers("ccrrrrww"), f"f{i}") for i in range(2))
    small["meta"]["model"]["parameters"], large["meta"]["model"]["parameters"] = 100, 200
    assert "eval_2.json: not a seed of craft: its model has 200 parameters" in refused(BASE, small, large)


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        ({"forced": "Paris"}, "eval_1.json: record 3 (2): `forced`"),
        ({"score": "high"}, "eval_1.json: record 3 (2): `score` is 'high'"),
        ({"score": float("nan")}, "eval_1.json: record 3 (2): `score`"),
    ],
)
def test_a_damaged_answer_is_one_line(broken, says):
    model = evaluation("craft", answers("ccrrrrww"))
    model["records"][2] |= broken
    assert says in refused(BASE, model)
    del model["meta"]["model"]
    assert "eval_1.json: no `meta.model`" in refused(BASE, model)


# ---- THS at equal coverage ----


def test_ths_at_equal_coverage_by_hand():
    a = evaluation("a", answers("ccrrrrrr", "cccwcwww"))  # answers a quarter
    b = evaluation("b", answers("cwcwcrrr", "cwcwcwcw"))  # answers five eighths
    (test,) = compared(a, b)[1]
    assert (test["model_a"], test["model_b"], test["kind"]) == ("b", "a", "native")
    found = {p["coverage"]: (p["ths_a"], p["ths_b"], p["difference"]) for p in test["at_coverage"]}
    assert list(found) == [0.25, 0.5, 0.625, 0.75]
    expected = {0.25: (0, 2 / 8), 0.5: (0, 2 / 8), 0.625: (1 / 8, 3 / 8), 0.75: (0, 2 / 8)}
    for c, (first, second) in expected.items():
        assert found[c] == pytest.approx((first, second, first - second))


def test_a_test_at_equal_coverage_is_the_measure_s_own_bootstrap():
    (test,) = compared(BASE, SEEDS[1])[1]
    at = {p["coverage"]: p for p in test["at_coverage"]}
    measures = [
        curve.at_coverage_measure(e["records"], BASE["records"], "score", {name: 0.75})
        for e, name in ((SEEDS[1], "a"), (BASE, "b"))
    ]
    values, draws = bootstrap(measures, 8, 0)
    assert at[0.75]["ths_a"] == pytest.approx(values["a"])
    expected = with_interval(values["a"] - values["b"], draws["a"] - draws["b"])
    assert at[0.75]["ci95"] == pytest.approx(expected["ci95"])
    assert at[0.75]["p"] == intervals.two_sided_p(draws["a"] - draws["b"])


def test_several_seeds_are_tested_at_the_mean_of_what_they_answer():
    test = compared(BASE, *SEEDS)[1][0]
    assert [p["coverage"] for p in test["at_coverage"]] == pytest.approx([0.25, 1 / 3, 0.5, 0.75, 1])
    assert test["at_coverage"][0]["ths_a"] == pytest.approx(4 / 24)


# ---- calibrated rows ----


def test_a_calibrated_row_is_the_model_at_its_threshold():
    made = calibration(SEEDS[0], threshold=5.0)  # of scores 8 … 1 the first four are answered: right right wrong wrong
    rows, tests = compared(BASE, SEEDS[0], calibrations=[made])
    row = rows[2]
    assert (row["model"], row["kind"], row["signal"]) == ("craft_seed0_calibrated", "calibrated", "score")
    assert (row["threshold"], row["target"], row["n_seeds"]) == (5.0, "ths", 1)
    assert [row[f"p_{o}"]["value"] for o in ("correct", "wrong", "refused")] == [0.25, 0.25, 0.5]
    assert row["ths"]["value"] == 0
    assert row["over_refusal"]["value"] == 0
    assert row["native"] is None
    assert row["curve"] == rows[1]["curve"]
    at = metrics(curve.at_threshold(SEEDS[0]["records"], "score", 5.0), BASE["records"], 0)
    assert {k: row[k] for k in at} == at
    assert len(tests) == 1  # a calibrated row is tested against such rows alone


def test_nothing_is_answered_at_no_threshold():
    row = compared(BASE, SEEDS[0], calibrations=[calibration(SEEDS[0], threshold=None)])[0][2]
    assert row["p_refused"]["value"] == 1
    assert row["ths"]["value"] == 0
    assert row["threshold"] is None


def test_seeds_are_calibrated_each_by_its_own_threshold():
    made = [calibration(e, threshold=t) for e, t in zip(SEEDS, (7.0, 6.0, 8.0), strict=True)]
    rows, tests = compared(BASE, *SEEDS, calibrations=[made[2], made[0], made[1]])
    row = rows[2]
    assert (row["model"], row["n_seeds"], row["threshold"]) == ("craft_calibrated", 3, [7.0, 6.0, 8.0])
    assert row["p_correct"]["value"] == pytest.approx((2 + 3 + 1) / 24)
    assert row["ths"]["value"] == pytest.approx(6 / 24)
    assert row["spread"]["ths"] == pytest.approx(np.std([2 / 8, 3 / 8, 1 / 8], ddof=1))
    assert [(t["model_a"], t["model_b"]) for t in tests] == [("craft", "init_basic")]


def test_baselines_are_tested_against_calibrated_rows():
    made = [
        calibration(SEEDS[0], threshold=7.0),
        calibration(BASE, "confidence", float(np.log(0.85)), "confidence"),
        calibration(BASE, "score", 4.5, "init_basic"),
    ]
    rows, tests = compared(BASE, SEEDS[0], calibrations=made)
    kinds = {r["model"]: r["kind"] for r in rows}
    assert kinds == {
        "init_basic": "native",
        "craft_seed0": "native",
        "craft_seed0_calibrated": "calibrated",
        "confidence": "baseline",
        "init_basic_calibrated": "baseline",  # the evaluation itself has the name
    }
    confidence = next(r for r in rows if r["model"] == "confidence")
    assert confidence["p_correct"]["value"] == 0.5  # p of 0.9 … 0.85 is answered: four right, the fifth is wrong
    assert [(t["model_a"], t["model_b"]) for t in tests if t["kind"] == "calibrated"] == [
        ("init_basic_calibrated", "confidence"),
        ("init_basic_calibrated", "craft_seed0_calibrated"),
        ("confidence", "craft_seed0_calibrated"),
    ]
    for t in tests:
        if t["kind"] == "calibrated":
            assert [p["coverage"] for p in t["at_coverage"]] == [0.25, 0.5, 0.75]


def test_another_signal_of_a_trained_model_has_both_names():
    made = calibration(SEEDS[0], "confidence", -0.11, "confidence")
    assert compared(BASE, SEEDS[0], calibrations=[made])[0][2]["model"] == "craft_seed0_confidence"
    named = calibration(SEEDS[0], "confidence", -0.11, "careful")
    assert compared(BASE, SEEDS[0], calibrations=[named])[0][2]["model"] == "careful_calibrated"


def test_a_baseline_and_a_method_of_one_name():
    probe = evaluation("probe", answers("ccrrrrww"))
    base = evaluation("init_basic", answers("ccccwwww", p_known=[0.5] * 8), prompt="basic")
    made = [calibration(base, "probe", 0.4, "probe"), calibration(probe)]
    rows, _ = compared(base, probe, calibrations=made, base=base)
    assert [r["model"] for r in rows] == ["init_basic", "probe", "probe_baseline", "probe_calibrated"]


def test_the_initial_model_may_be_no_row_of_its_own():
    rows, _ = compared(SEEDS[0], calibrations=[calibration(BASE, "confidence", -0.11, "confidence")])
    assert [(r["model"], r["kind"]) for r in rows] == [("craft_seed0", "native"), ("confidence", "baseline")]


def test_a_threshold_chosen_on_the_test_set_is_said_to_be():
    made = calibration(SEEDS[0], threshold=5.0)
    assert compared(BASE, SEEDS[0], calibrations=[made])[0][2]["warnings"] == []
    made["summary"]["questions"] = [question_key(r) for r in SEEDS[0]["records"][:3]]
    (warning,) = compared(BASE, SEEDS[0], calibrations=[made])[0][2]["warnings"]
    assert "chosen on 3 of these very questions" in warning


def test_unanswerable_questions_are_refused_by_the_threshold_too():
    rows = answers("ccwwww", "ccwwww")
    rows = [r | {"should_abstain": i >= 3} for i, r in enumerate(rows)]
    model, base = evaluation("m", rows), evaluation("init_basic", rows, prompt="basic")
    row = compared(base, model, calibrations=[calibration(model, threshold=3.0)], base=base)[0][2]
    assert (row["n"], row["n_unanswerable"]) == (3, 3)
    assert row["unanswerable"]["p_refused"]["value"] == pytest.approx(2 / 3)


STRANGER, ELSEWISE = evaluation("other", answers("ccww")), evaluation("a", answers("ccww"), "f0", prompt="bare")


@pytest.mark.parametrize(
    ("made", "says"),
    [
        ([calibration(STRANGER)], "calibration_0.json: fits none of the evaluations (it is of the model other)"),
        ([calibration(ELSEWISE)], "calibration_0.json: fits none of the evaluations (was asked with --prompt bare"),
        (
            [calibration(SEEDS[0])],
            "calibration_0.json: craft has 3 seeds, and no calibration for the row craft_calibrated is of eval_2.json",
        ),
        ([calibration(SEEDS[0])] * 2, "calibration_1.json: a second calibration for the row craft_calibrated"),
        (
            [calibration(SEEDS[0]), calibration(SEEDS[1], target="risk=0.1")],
            "calibration_1.json: target risk=0.1, calibration_0.json of the same row craft_calibrated: ths",
        ),
        (
            [calibration(BASE, "agreement", 0.5, "agreement")],
            "calibration_0.json: no record of eval_0.json has both the signal `agreement` and a forced answer",
        ),
    ],
)
def test_a_calibration_that_does_not_fit_is_one_line(made, says):
    assert says in refused(BASE, *SEEDS, calibrations=made)


def test_a_calibration_of_two_evaluations_or_of_a_taken_name():
    again = evaluation("craft_again", SEEDS[0]["records"], "f0")
    rows = compared(BASE, SEEDS[0], again, calibrations=[calibration(SEEDS[0])])[0]
    assert [r["model"] for r in rows if r["kind"] == "calibrated"] == ["craft_seed0_calibrated"]  # the one of its name
    other = calibration(SEEDS[0])
    other["summary"]["model"] |= {"name": "else"}
    assert "fits both eval_1.json and eval_2.json" in refused(BASE, SEEDS[0], again, calibrations=[other])
    taken = evaluation("m_calibrated", answers("ccrrrrww"))
    model = evaluation("m", answers("ccrrrrww"))
    line = refused(BASE, model, taken, calibrations=[calibration(model)])
    assert "calibration_0.json: m_calibrated is the name of an evaluation too" in line


# ---- costs, and what needs no calibration ----

COSTS = {
    "answers": {"seconds": 10, "forward_passes": 2},
    "samples": {"seconds": 50, "forward_passes": 10},
    "probe": {"seconds": 1, "forward_passes": 1},
}


@pytest.mark.parametrize(
    ("signal", "seconds", "passes"),
    [("confidence", 10, 2), ("agreement", 60, 12), ("certainty", 60, 12), ("probe", 11, 3), ("refusal_prompt", 10, 2)],
)
def test_a_baseline_costs_what_its_signal_takes(signal, seconds, passes):
    rows = answers("ccccwwww", agreement=[0.5] * 8, cer=[0.5] * 8, p_known=[0.5] * 8)
    base = evaluation("init_basic", rows, prompt="basic", costs=dict(COSTS))
    found = compared(base, calibrations=[calibration(base, signal, -9.0, signal)], base=base)[0]
    assert found[0]["cost"] == {"seconds": 10, "forward_passes": 2}
    assert found[1]["cost"] == {"seconds": seconds, "forward_passes": passes}
    del base["meta"]["costs"]["samples"], base["meta"]["costs"]["probe"]
    found = compared(base, calibrations=[calibration(base, signal, -9.0, signal)], base=base)[0]
    assert found[1]["cost"] == (found[0]["cost"] if seconds == 10 else None)  # what was not measured is not guessed


def test_several_seeds_cost_what_one_does_on_average():
    costs = [{"answers": {"seconds": 10 + i, "forward_passes": 2}} for i in range(3)]
    own = [evaluation(f"m_seed{i}", answers("ccrrrrww"), costs=costs[i]) for i in range(3)]
    assert compared(BASE, *own)[0][1]["cost"] == {"seconds": 11, "forward_passes": 2}
    own[1]["meta"]["costs"] = None
    assert compared(BASE, *own)[0][1]["cost"] is None


def test_baseline_curves_are_of_every_signal_of_the_initial_model():
    base = evaluation("init_basic", answers("ccccwwww", agreement=[0.5] * 8), prompt="basic", sets=SETS)
    found = baseline_curves(files(base), base)
    assert [(f["dataset"], f["name"], f["signal"]) for f in found[:3]] == [
        ("facts/test", "init_basic", "score"),
        ("facts/test", "confidence", "confidence"),
        ("facts/test", "agreement", "agreement"),  # refusal_prompt is of the evaluation with that prompt
    ]
    assert {f["dataset"] for f in found[3:]} == {"facts/ood"}
    assert found[0]["auroc_all"]["value"] == 1
    assert found[2]["auroc_all"]["value"] == 0.5
    assert [p["ths"] for p in found[2]["curve"]] == [0]
    assert found[0].keys() == {"name", "dataset", "signal", "curve", "auroc_all", "aurc_all"}
