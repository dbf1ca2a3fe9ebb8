import numpy as np
import pytest
from evaluated import OUTCOMES, paired_test, random_records, records
from sklearn.metrics import average_precision_score, roc_auc_score

from knowledge_boundary.evaluation import curve, intervals
from knowledge_boundary.evaluation.comparison import compare
from knowledge_boundary.evaluation.confidence import risk_coverage
from knowledge_boundary.evaluation.intervals import resamples, wilson
from knowledge_boundary.evaluation.scores import metrics, summarise, ths
from knowledge_boundary.reporting import tables
from knowledge_boundary.running.errors import UserError


def plain_ths(rows, base):
    def rates(some):
        right = sum(r["outcome"] == "correct" for r in some)
        wrong = sum(r["outcome"] in ("wrong", "unparsed", "incomplete") for r in some)
        return right / len(some), wrong / len(some)

    (c, w), (c0, w0) = rates(rows), rates(base)
    return c - w * c0 / w0 if w0 else float("nan")


# ---- formulas ----


@pytest.mark.parametrize(("p_c", "p_w", "expected"), [(63.9, 21.6, 20.3), (53.3, 9.6, 33.9), (66.8, 33.1, 0)])
def test_ths_is_craft_s(p_c, p_w, expected):
    assert ths(p_c, p_w, 66.8, 33.1) == pytest.approx(expected, abs=0.1)


def test_ths_refusing_everything_is_zero_and_knowing_everything_is_one():
    assert ths(0, 0, 0.5, 0.4) == 0
    assert ths(1, 0, 0.5, 0.4) == 1
    assert np.isnan(ths(0.5, 0.1, 1, 0))
    np.testing.assert_allclose(ths(np.array([0.5, 0.5]), 0.1, 0.6, np.array([0.3, 0.0])), [0.3, np.nan])


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),  # Newcombe 1998, Statistics in Medicine 17, table I, method 3
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_interval_is_newcombe_s(successes, n, low, high):
    found = wilson(successes, n)
    assert found["value"] == successes / n
    assert found["ci95"] == pytest.approx([low, high], abs=5e-5)


def test_wilson_stays_within_zero_and_one():
    assert wilson(0, 5)["ci95"][0] == 0
    assert wilson(5, 5)["ci95"][1] == 1
    assert wilson(0, 0) == {"value": None, "ci95": None}


# ---- all metrics of a set ----

BASE = records("cccccwwwru")
MODEL = records("ccrrcrrcwu", [0.9, 0.8, 0.99, 0.99, 0.3, 0.99, 0.99, 0.6, 0.7, 0.1])


def test_metrics_by_hand():
    found = metrics(MODEL, BASE, seed=0)
    assert found["n"] == 10
    expected = {
        "p_correct": 0.4,
        "p_wrong": 0.1,
        "p_refused": 0.4,
        "p_unparsed": 0.1,
        "p_incomplete": 0,
        "ths": 0.4 - 0.2 * 0.5 / 0.4,  # unparsed is wrong, on both sides
        "over_refusal": 2 / 5,  # of the five that the initial model answers right
        "refusal_precision": 2 / 4,
        "refusal_recall": 2 / 5,
        "refusal_f1": 4 / 9,
        "ap": (1 + 1 + 3 / 4 + 4 / 5) / 4,  # over the six answers: right right wrong right right wrong
        "auroc": 6 / 8,
        "ece": (0.1 + 0.2 + 0.7 + 0.4 + 0.7 + 0.1) / 6,
        "aurc": (0 + 0 + 1 / 3 + 1 / 4 + 1 / 5 + 2 / 6) / 6,
        "e_aurc": (0 + 0 + 1 / 3 + 1 / 4 + 1 / 5 + 2 / 6) / 6 - (1 / 3 + 2 / 3 * np.log(2 / 3)),
        "brier": (0.01 + 0.04 + 0.49 + 0.16 + 0.49 + 0.01) / 6,
        "correct_given_attempted": 4 / 6,
        "f_simpleqa": 2 * 0.4 / (1 + 0.4 + 0.2),
        "truthfulness": 0.2,
        "omniscience": 0.2,
        "honesty": (1 - 2 / 5 + 2 / 4) / 2,  # one of the five that the initial model does not know is now right
    }
    targets = {"0.5": 0.4 - 0.2, "0.75": 0.4 - 0.6, "0.9": 0.4 - 1.8, "initial": 0.4 - 0.2 * 0.5 / 0.4}
    risks = {"0.05": 0.2, "0.1": 0.2, "0.2": 0.5}  # risks from the surest on: 0 0 1/3 1/4 1/5 1/3
    for name, of_key in (("confidence_target", targets), ("coverage_at_risk", risks)):
        assert {k: v["value"] for k, v in found[name].items()} == pytest.approx(of_key)
        assert all(v["ci95"][0] <= v["value"] <= v["ci95"][1] for v in found.pop(name).values())
    apart = {"n_unanswerable": 0, "unanswerable": None, "abstention": None}
    assert {name: found.pop(name) for name in apart} == apart
    assert found.pop("ths_refuse") == {"value": None, "ci95": None}  # no evaluation of the refusal prompt was given
    assert {k: v["value"] for k, v in found.items() if k != "n"} == pytest.approx(expected)
    for name in expected:
        low, high = found[name]["ci95"]
        assert low <= found[name]["value"] <= high, name
        assert low < high, name


def test_a_thought_that_never_ends_is_as_wrong_as_an_answer_that_says_nothing():
    inside = [r | {"outcome": "incomplete", "given": "incomplete"} if r["outcome"] == "unparsed" else r for r in MODEL]
    base = [r | {"outcome": "incomplete", "given": "incomplete"} if r["outcome"] == "unparsed" else r for r in BASE]
    found, wanted = metrics(inside, base, seed=0), metrics(MODEL, BASE, seed=0)
    assert found["p_incomplete"] == wanted["p_unparsed"]
    assert found["p_unparsed"] == wanted["p_incomplete"]
    assert {k: v for k, v in found.items() if k not in ("p_incomplete", "p_unparsed")} == {
        k: v for k, v in wanted.items() if k not in ("p_incomplete", "p_unparsed")
    }


def test_rates_are_of_all_questions_and_sum_to_one():
    found = metrics(random_records(60, 1), random_records(60, 2), seed=0)
    assert sum(found[f"p_{o}"]["value"] for o in OUTCOMES.values()) == pytest.approx(1)


def test_without_a_base_what_needs_it_is_null():
    found = metrics(MODEL, None, seed=0)
    null = {"value": None, "ci95": None}
    for name in ("ths", "over_refusal", "refusal_precision", "refusal_recall", "refusal_f1", "honesty"):
        assert found[name] == null
    assert found["confidence_target"]["initial"] == null
    assert found["confidence_target"]["0.9"]["value"] == pytest.approx(0.4 - 1.8)
    assert found["p_correct"]["value"] == 0.4
    assert found["ap"]["value"] == pytest.approx(0.8875)


def test_ths_is_null_where_the_initial_model_is_never_wrong():
    found = metrics(records("ccrw"), records("cccr"), seed=0)
    assert found["ths"] == {"value": None, "ci95": None}
    assert found["over_refusal"]["value"] == pytest.approx(1 / 3)


def test_metrics_of_a_model_that_refuses_everything():
    found = metrics(records("rrrr"), records("ccww"), seed=0)
    assert found["ths"]["value"] == 0
    assert (found["over_refusal"]["value"], found["refusal_precision"]["value"]) == (1, 0.5)
    assert found["refusal_recall"]["value"] == 1
    assert {found[name]["value"] for name in ("ap", "auroc", "ece", "aurc", "e_aurc", "brier")} == {None}
    assert found["correct_given_attempted"] == {"value": None, "ci95": None}
    assert (found["f_simpleqa"]["value"], found["truthfulness"]["value"], found["honesty"]["value"]) == (0, 0, 0.5)
    assert {v["value"] for v in found["coverage_at_risk"].values()} == {0}


def test_refusal_metrics_without_a_refusal():
    found = metrics(records("ccww"), records("ccww"), seed=0)
    assert found["refusal_precision"] == {"value": None, "ci95": None}
    assert (found["refusal_recall"]["value"], found["refusal_f1"]["value"]) == (0, 0)


# ---- several models beside each other ----


def evaluation(name, rows, prompt="refuse", thinking="off"):
    """An evaluation's file, as far as a comparison reads it."""
    rows = [r | {"id": str(i), "subject": "facts", "dataset": "facts/test"} for i, r in enumerate(rows)]
    meta = {"args": {"prompt": prompt, "thinking": thinking}, "inputs": [], "model": {"fingerprint": name}}
    return {"meta": meta, "summary": {"model": name, "datasets": {"facts/test": {}}}, "records": rows}


@pytest.mark.parametrize(("thinking", "mend"), [("on", "raise --max_thinking_tokens"), ("off", "it thinks unasked")])
def test_a_comparison_warns_as_the_evaluation_did(thinking, mend):
    base = evaluation("init", records("ccccwwwwrr"), "basic")
    model = evaluation("m", records("ciiiwcccrr"), thinking=thinking)
    (first, second), tests = compare({"init.json": base, "m.json": model}, base)
    assert first["warnings"] == []
    (warning,) = second["warnings"]
    assert warning.startswith(f"3 of 10 answers are thoughts that never end; {mend}")
    assert [(t["model_a"], t["model_b"]) for t in tests] == [("m", "init")]


def test_an_initial_model_that_does_not_answer_is_no_measure_of_others():
    base, model = evaluation("init", records("ccuuwwwwrr"), "basic"), evaluation("m", records("ccccwcccrr"))
    for row in compare({"init.json": base, "m.json": model}, base)[0]:
        (warning,) = row["warnings"]
        assert warning.startswith("The initial model gave no answer to 20.0% of these questions")


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        ({"dataset": None}, "a.json: record 3 (2) has no `dataset`; evaluate again"),
        ({"outcome": None}, "a.json: record 3 (2) has no `outcome`; evaluate again"),
        ({"id": None}, "a.json: record 3 has no `id`; evaluate again"),
        ({"outcome": "right"}, "a.json: record 3 (2) has the outcome 'right'; it is one of correct, wrong"),
        ({"should_abstain": True}, "2 of facts/test is unanswerable (`should_abstain`) in one evaluation and not in"),
    ],
)
@pytest.mark.parametrize("place", [0, 1])
def test_a_damaged_evaluation_is_one_line_that_names_file_and_record(broken, says, place):
    files = [evaluation("init", records("ccww"), "basic"), evaluation("m", records("ccrr"))]
    changed = files[place]["records"][2] | broken
    files[place]["records"][2] = {k: v for k, v in changed.items() if v is not None}
    with pytest.raises(UserError) as error:
        compare(dict(zip(["a.json", "b.json"] if place == 0 else ["b.json", "a.json"], files, strict=True)), files[0])
    assert says in str(error.value)
    assert "\n" not in str(error.value)


# ---- the bootstrap ----


def drawn(n, seed):
    """The bootstrap's samples as lists of indices."""
    return [np.repeat(np.arange(n), row) for block in resamples(n, seed) for row in block]


def test_resamples_are_a_function_of_seed_and_size():
    first, again, other = (np.concatenate(list(resamples(7, seed))) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first, again)
    assert first.shape == (intervals.RESAMPLES, 7)
    assert (first.sum(1) == 7).all()
    assert (first != other).any()
    assert first.mean(0) == pytest.approx(np.ones(7), abs=0.1)


def test_many_questions_are_resampled_in_small_blocks():
    shapes = [block.shape for block in resamples(14042, 0)]
    assert sum(rows for rows, _ in shapes) == intervals.RESAMPLES
    assert max(rows * n for rows, n in shapes) <= intervals.BLOCK


def test_bootstrap_intervals_are_a_plain_loop_s(monkeypatch):
    monkeypatch.setattr(intervals, "RESAMPLES", 200)
    rows, base = random_records(25, 5), random_records(25, 6, (0.5, 0.5, 0, 0))
    draws = {"ths": [], "ap": [], "auroc": [], "refusal_f1": []}
    for index in drawn(25, 9):
        some, some_base = [rows[i] for i in index], [base[i] for i in index]
        draws["ths"].append(plain_ths(some, some_base))
        answered = [r for r in some if r["outcome"] != "refused"]
        right = [r["outcome"] == "correct" for r in answered]
        confidences = [r["confidence"] for r in answered]
        draws["ap"].append(average_precision_score(right, confidences))
        draws["auroc"].append(roc_auc_score(right, confidences))
        refused = [r["outcome"] == "refused" for r in some]
        unknown = [b["outcome"] != "correct" for b in some_base]
        hits = sum(r and u for r, u in zip(refused, unknown, strict=True))
        draws["refusal_f1"].append(2 * hits / (sum(refused) + sum(unknown)))
    found = metrics(rows, base, seed=9)
    for name, values in draws.items():
        assert found[name]["ci95"] == pytest.approx(np.quantile(values, [0.025, 0.975]).tolist()), name


def test_paired_test_is_a_plain_loop_s(monkeypatch):
    monkeypatch.setattr(intervals, "RESAMPLES", 200)
    a, b, base = (random_records(30, seed, (0.4, 0.4, 0.2, 0)) for seed in (1, 2, 3))
    differences = []
    for index in drawn(30, 4):
        some = [[rows[i] for i in index] for rows in (a, b, base)]
        differences.append(plain_ths(some[0], some[2]) - plain_ths(some[1], some[2]))
    found = paired_test(a, b, base, seed=4)
    assert found["difference"] == pytest.approx(plain_ths(a, base) - plain_ths(b, base))
    assert found["ci95"] == pytest.approx(np.quantile(differences, [0.025, 0.975]).tolist())
    below = min(sum(d <= 0 for d in differences), sum(d >= 0 for d in differences))
    assert found["p"] == pytest.approx(min(1, 2 * (below + 1) / 201))


def test_identical_models_do_not_differ():
    a = random_records(50, 1)
    assert paired_test(a, a, random_records(50, 2), seed=0) == {"difference": 0, "ci95": [0, 0], "p": 1}


def test_clearly_different_models_differ_and_swapping_them_flips_the_sign():
    base = records("cw" * 60)
    good, bad = records("cr" * 60), records("cw" * 40 + "ww" * 20)
    one, two = paired_test(good, bad, base, seed=0), paired_test(bad, good, base, seed=0)
    assert one["difference"] == pytest.approx(0.5 + 1 / 3)
    assert two["difference"] == pytest.approx(-one["difference"])
    assert two["ci95"] == pytest.approx([-x for x in one["ci95"][::-1]])
    assert one["p"] == two["p"] < 0.01
    assert one["ci95"][0] > 0


def test_nearly_equal_models_are_not_told_apart():
    base = records("cw" * 60)
    other = records("cw" * 59 + "cr")
    assert paired_test(other, base, base, seed=0)["p"] > 0.2


def test_p_is_never_zero():
    base = records("cw" * 60)
    assert paired_test(records("cr" * 60), records("wc" * 60), base, seed=0)["p"] >= 1 / (intervals.RESAMPLES + 1)


def test_paired_test_is_undefined_where_the_initial_model_is_never_wrong():
    found = paired_test(records("cccr"), records("ccrr"), records("cccc"), seed=0)
    assert found == {"difference": None, "ci95": None, "p": None}


# ---- confidence judges the answers given ----


def test_an_answer_that_counts_as_refused_still_counts_for_the_confidence():
    unsure = [r | {"outcome": "refused"} for r in records("ccww", [0.9, 0.3, 0.6, 0.2])]
    found = metrics(unsure, records("ccww"), seed=0)
    assert found["p_refused"]["value"] == 1
    assert found["ap"]["value"] == pytest.approx((1 + 2 / 3) / 2)
    assert found["auroc"]["value"] == pytest.approx(3 / 4)


def test_ap_is_scikit_learn_s_on_r_tuning_s_mixture():
    random = np.random.default_rng(3)
    right = random.random(200) < 0.4
    p_answer, p_sure = random.random(200), random.random(200)
    rows = records(np.where(right, "c", "w"), (0.5 * p_answer + 0.5 * p_sure).tolist())
    expected = average_precision_score(right, 0.5 * p_answer + 0.5 * p_sure)
    assert metrics(rows, None, seed=0)["ap"]["value"] == pytest.approx(expected)


def test_ths_against_the_refusal_prompt_takes_the_wording_out():
    base, wording, model = records("cccwwwwwww"), records("cccccwwwww"), records("ccccrrrrww")
    found = metrics(model, base, seed=0, refuse_base=wording)
    assert found["ths"]["value"] == pytest.approx(0.4 - 0.2 * 3 / 7)
    assert found["ths_refuse"]["value"] == pytest.approx(0.4 - 0.2 * 5 / 5)
    assert metrics(wording, base, seed=0, refuse_base=wording)["ths_refuse"]["value"] == 0


def test_summarise_has_every_subject_s_own_metrics():
    rows, base = random_records(40, 1), random_records(40, 2)
    for i, r in enumerate(rows):
        r["subject"] = "ab"[i % 4 == 0]
    found, curves = summarise(rows, base, seed=5), curve.summary(rows, base, seed=5)
    added = ("risk_coverage", "subjects", "letter_mass", "warnings", *curves)
    assert {k: v for k, v in found.items() if k not in added} == metrics(rows, base, seed=5)
    assert {name: found[name] for name in curves} == curves
    assert (found["letter_mass"], found["warnings"]) == (None, [])
    assert found["risk_coverage"] == {"points": risk_coverage(rows), "aurc": found["aurc"]}
    assert list(found["subjects"]) == ["b", "a"]
    assert found["subjects"]["b"] == metrics(rows[::4], base[::4], seed=5)
    assert summarise(rows, None, seed=5)["subjects"]["a"]["ths"]["value"] is None


# ---- text ----


def test_percent():
    assert tables.percent({"value": 0.28349, "ci95": [0.2351, 0.3342]}) == "28.3 [23.5, 33.4]"
    assert tables.percent({"value": None, "ci95": None}) == "–"
    assert tables.percent({"value": -1e-9, "ci95": [-0.0001, 0.0]}) == "0.0 [0.0, 0.0]"


def test_table_has_a_row_for_each_model():
    rows = [
        {"model": m, "dataset": "facts/test", **metrics(MODEL, BASE, 0), "warnings": []}
        for m in ("init_basic", "craft")
    ]
    lines = tables.comparison_table(rows).splitlines()
    assert len(lines) == 3
    assert len({len(line) for line in lines}) == 1
    assert lines[2].split()[:3] == ["facts/test", "craft", "10"]
    assert "40.0 [16.8, 68.7]" in lines[1]
    rows[1]["ths_refuse"] = {"value": 0.123, "ci95": [0.1, 0.2]}
    with_wording = tables.comparison_table(rows).splitlines()
    assert "12.3 [10.0, 20.0]" in with_wording[2]
    assert "refusal prompt" in with_wording[3]
    assert "incomplete" not in lines[0]
    rows[0] |= {"p_incomplete": {"value": 0.25, "ci95": [0.2, 0.3]}, "warnings": ["a", "b"]}
    with_thoughts = tables.evaluation_tables(rows).splitlines()
    assert "incomplete" in with_thoughts[0]
    assert "25.0 [20.0, 30.0]" in with_thoughts[1]
    assert with_thoughts[-2:] == [f"Warning: facts/test, init_basic: {text}" for text in "ab"]


def test_no_interval_of_a_table_touches_the_next():
    found = metrics(MODEL, BASE, 0) | {"ths_refuse": {"value": -10.19, "ci95": [-15.61, -6.39]}}
    rows = [{"model": "m" * 20, "dataset": "facts/test", **found, "warnings": []}]
    row = tables.comparison_table(rows).splitlines()[1]
    assert "m  10  " in row
    assert "]  -1019.0 [-1561.0, -639.0]  " in row


def test_other_scores_fit_a_terminal_and_stand_where_they_have_a_value():
    rows = [{"model": "corcer_rait", "dataset": "world_facts/test", **metrics(MODEL, BASE, 0), "warnings": []}]
    title, head, row = tables.other_scores_table(rows).splitlines()
    assert max(map(len, (title, head, row))) <= 120
    assert head.split()[3:] == [
        "c/(c+w)", "F", "c−w", "t=0.75", "t=0.9", "honesty", "cov@5%", "cov@10%", "cov@20%", "Brier", "E-AURC"
    ]  # fmt: skip
    assert row.split()[2:] == [
        "66.7",
        "50.0",
        "20.0",
        "-20.0",
        "-140.0",
        "55.0",
        "20.0",
        "20.0",
        "50.0",
        "20.0",
        "12.3",
    ]
    rows[0] |= metrics(MODEL, None, 0)
    assert "honesty" not in tables.other_scores_table(rows)
    assert tables.unanswerable_table(rows) == ""
