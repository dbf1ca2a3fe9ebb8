import numpy as np
import pytest
from evaluated import EIGHT, EIGHT_BASE, made_to_answer, random_records, records
from sklearn.metrics import roc_auc_score

from knowledge_boundary.evaluation import confidence, curve
from knowledge_boundary.evaluation.intervals import bootstrap
from knowledge_boundary.evaluation.scores import metrics, summarise
from knowledge_boundary.evaluation.signals import SIGNALS, names_in, signal_of
from knowledge_boundary.wording.phrases import REFUSAL

# ---- signals ----


def test_every_signal_by_hand():
    row = {
        "score": -1.5, "forced": {"text": "a", "outcome": "correct", "p": 0.25}, "p_refusal": 0.5, "agreement": 0.3,
        "cer": -0.2, "p_known": 0.7, "p_sure": 0.6,
    }  # fmt: skip
    expected = {
        "score": -1.5,
        "confidence": np.log(0.25),
        "refusal_prompt": np.log(2),
        "agreement": 0.3,
        "certainty": -0.2,
        "probe": 0.7,
        "sure": 0.6,
    }
    assert expected.keys() == SIGNALS.keys()
    for name, value in expected.items():
        assert signal_of([row], name) == pytest.approx([value], rel=1e-6)
        assert np.isnan(signal_of([{"outcome": "wrong"}], name)).all()
    assert names_in([row]) == list(SIGNALS)
    assert names_in([row | {"forced": None}]) == []
    assert names_in([row | {"score": None, "p_known": None}])[:2] == ["confidence", "refusal_prompt"]


def test_a_probability_of_nothing_has_a_signal_and_a_threshold_in_a_file_is_the_very_value():
    rows = [{"p_refusal": p, "forced": {"p": p}} for p in (0.0, 1.0, 0.123456789)]
    assert np.isfinite(signal_of(rows, "refusal_prompt")).all()
    assert np.isfinite(signal_of(rows, "confidence")).all()
    third = signal_of(rows, "refusal_prompt")[2]
    assert float(f"{third:.7g}") == third


# ---- by hand ----


def test_the_curve_by_hand():
    found = curve.curve(EIGHT, EIGHT_BASE)
    assert [tuple(p) for p in map(dict.keys, found)] == [("threshold", "coverage", "p_correct", "p_wrong", "ths")] * 6
    expected = [  # threshold, right, wrong of 8; THS = (right − 4/3 wrong) / 8
        (3.0, 1, 0, 1 / 8),
        (2.0, 2, 1, (2 - 4 / 3) / 8),  # the two of equal score come together
        (1.0, 3, 1, (3 - 4 / 3) / 8),
        (0.5, 3, 2, (3 - 8 / 3) / 8),  # what can't be read is wrong
        (-0.5, 4, 2, (4 - 8 / 3) / 8),
        (-1.0, 4, 3, (4 - 12 / 3) / 8),  # the last one stays a refusal, whatever its score
    ]
    for point, (threshold, right, wrong, ths) in zip(found, expected, strict=True):
        assert point == pytest.approx(
            {
                "threshold": threshold,
                "coverage": (right + wrong) / 8,
                "p_correct": right / 8,
                "p_wrong": wrong / 8,
                "ths": ths,
            }
        )


def test_areas_over_all_questions_by_hand():
    found = curve.measure(EIGHT)(np.ones((1, 8), int))
    # Right: scores 3, 2, 1, −0.5; not right: 2, 0.5, −1, and at the bottom the refusal. Of 16 pairs 4 + 3.5 + 3 + 2.
    assert found["auroc_all"][0] == pytest.approx(12.5 / 16)
    # Risks at 1, 3, 3, 4, … 8 questions kept: 0, 1/3 twice (the tie), 1/4, 2/5, 2/6, 3/7, 4/8.
    assert found["aurc_all"][0] == pytest.approx((0 + 2 / 3 + 1 / 4 + 2 / 5 + 2 / 6 + 3 / 7 + 4 / 8) / 8)


def test_the_native_point_by_hand():
    # The model itself answers 0, 1, 2, 3 and 5: 4 right, 1 wrong; its score would answer 0 to 4: 3 right, 2 wrong.
    assert curve.native(EIGHT, EIGHT_BASE) == pytest.approx(
        {
            "coverage": 5 / 8,
            "p_correct": 4 / 8,
            "p_wrong": 1 / 8,
            "ths": (4 - 4 / 3) / 8,
            "threshold": 0.5,
            "ths_on_curve": (3 - 8 / 3) / 8,
        }
    )


@pytest.mark.parametrize(
    ("coverage", "right", "wrong"),
    [
        (0, 0, 0),
        (1 / 16, 0.5, 0),  # half a question
        (1 / 8, 1, 0),
        (2 / 8, 1.5, 0.5),  # one of the two tied ones, by a fair lot
        (3 / 8, 2, 1),
        (0.45, 2.6, 1),
        (4 / 8, 3, 1),
        (7 / 8, 4, 3),
        (1, 4, 3),  # the last is never answered
    ],
)
def test_ths_at_a_coverage_by_hand(coverage, right, wrong):
    once = np.ones((1, 8), int)
    assert curve.expected_rates(EIGHT, "score", [coverage])(once)[:, 0, 0] * 8 == pytest.approx([right, wrong])
    found = curve.at_coverage_measure(EIGHT, EIGHT_BASE, "score", {"x": coverage})(once)
    assert found["x"] == pytest.approx([(right - 4 / 3 * wrong) / 8])


def test_at_a_threshold_by_hand():
    nobody_knows = EIGHT[0] | {"id": "q8", "should_abstain": True, "score": 1.5, "forced": EIGHT[1]["forced"]}
    rows = curve.at_threshold([*EIGHT, nobody_knows], "score", 1.0)
    assert "".join(r["outcome"][0] for r in rows) == "cwccrrrrw"
    assert "".join(r["given"][0] for r in rows) == "cwccucwrw"
    assert [r["output"] for r in rows[3:6]] == ["forced 3", REFUSAL, REFUSAL]
    assert [r["confidence"] for r in rows[3:6]] == [0.5, None, 0.5]  # the model itself refused 4: not of that answer
    assert EIGHT[5]["outcome"] == "correct"  # a copy was changed
    found = metrics(rows, [*EIGHT_BASE, EIGHT_BASE[0]], seed=0)
    assert found["n"] == 8
    assert found["ths"]["value"] == pytest.approx((3 - 4 / 3) / 8)
    assert found["over_refusal"]["value"] == 2 / 4  # of 0, 2, 4, 5
    assert found["unanswerable"]["p_wrong"]["value"] == 1
    for nothing in (None, np.inf):
        assert {r["outcome"] for r in curve.at_threshold(EIGHT, "score", nothing)} == {"refused"}
    assert "".join(r["outcome"][0] for r in curve.at_threshold(EIGHT, "score", -np.inf)) == "cwccucwr"


def test_a_test_set_s_summary_has_the_curves():
    nobody_knows = EIGHT[0] | {"id": "q8", "should_abstain": True}
    found = summarise([*EIGHT, nobody_knows], [*EIGHT_BASE, EIGHT_BASE[0]])
    assert found["curve"] == curve.curve(EIGHT, EIGHT_BASE)
    assert found["native"] == curve.native(EIGHT, EIGHT_BASE)
    assert found["auroc_all"]["value"] == pytest.approx(12.5 / 16)
    low, high = found["aurc_all"]["ci95"]
    assert low < found["aurc_all"]["value"] < high
    assert list(found["signals"]) == ["confidence", "refusal_prompt", "sure"]
    # All confidences are equal: one threshold, no order.
    assert found["signals"]["confidence"]["auroc_all"]["value"] == pytest.approx((4 * 3 / 2 + 4) / 16)
    assert [p["coverage"] for p in found["signals"]["sure"]["curve"]] == pytest.approx([7 / 8])


# ---- what is absent ----


def test_files_from_before_have_no_curve_but_their_native_point():
    null = {"value": None, "ci95": None}
    found = summarise([r | {"subject": "s"} for r in records("ccrw")], records("cwww"))
    assert (found["curve"], found["auroc_all"], found["aurc_all"], found["signals"]) == (None, null, null, {})
    assert found["native"] == pytest.approx(
        {
            "coverage": 0.75,
            "p_correct": 0.5,
            "p_wrong": 0.25,
            "ths": 0.5 - 0.25 / 3,
            "threshold": None,
            "ths_on_curve": None,
        }
    )
    assert curve.native([], None) is None
    once = np.ones((1, 4), int)
    assert np.isnan(curve.at_coverage_measure(records("ccrw"), records("cwww"), "score", {"x": 0.5})(once)["x"]).all()


def test_without_a_base_or_a_mistake_of_its_there_is_no_ths():
    for base in (None, records("cccccccc")):
        assert {p["ths"] for p in curve.curve(EIGHT, base)} == {None}
        found = curve.native(EIGHT, base)
        assert (found["ths"], found["ths_on_curve"], found["threshold"]) == (None, None, 0.5)
    found = curve.at_coverage_measure(EIGHT, records("cccccccc"), "score", {"x": 0.5})(np.ones((1, 8), int))
    assert np.isnan(found["x"]).all()


def test_a_question_without_a_score_or_an_answer_is_never_answered_and_stands_at_the_bottom():
    rows = made_to_answer("ccww", "cc-w", [1.0, None, 5.0, 0.0])
    base = records("cwww")
    assert [p["coverage"] for p in curve.curve(rows, base)] == [0.25, 0.5]
    assert [r["outcome"] for r in curve.at_threshold(rows, "score", -9.0)] == ["correct", "refused", "refused", "wrong"]
    found = curve.measure(rows)(np.ones((1, 4), int))
    # The one without a score would be right: below the wrong one, level with the one that has no answer.
    assert found["auroc_all"][0] == pytest.approx((2 + 0 + 0.5) / 4)
    assert curve.native(rows, base)["threshold"] == 0.0  # answers 4 itself, more than the curve can


def test_a_model_that_refuses_everything_has_a_curve_but_no_place_on_it():
    rows = made_to_answer("rrrr", "ccww", [3.0, 2.0, 1.0, 0.0])
    found = curve.native(rows, records("ccww"))
    assert found["ths"] == 0
    assert (found["threshold"], found["ths_on_curve"]) == (None, None)
    assert len(curve.curve(rows, None)) == 4


# ---- against a second implementation ----


def random_forced(n, seed, ties=True):
    random = np.random.default_rng(seed)
    scores = random.integers(0, 9, n) / 2.0 if ties else random.normal(size=n)
    scores = [None if random.random() < 0.1 else float(s) for s in scores]
    native = random.choice(list("cwrui"), n)
    return made_to_answer(native, random.choice(list("cwuir-"), n, p=[0.4, 0.3, 0.1, 0.05, 0.1, 0.05]), scores)


def can(r):
    return r["forced"] is not None and r["forced"]["outcome"] != "refused" and r["score"] is not None


def plain_ths(right, wrong, base):
    right_0 = sum(r["outcome"] == "correct" for r in base)
    wrong_0 = sum(r["outcome"] in ("wrong", "unparsed", "incomplete") for r in base)
    return (right - wrong * right_0 / wrong_0) / len(base) if wrong_0 else np.nan


def plain_at_coverage(rows, base, coverage):
    """Question by question: of a tie every member has the same share of what is left to be answered."""
    left, right, wrong = coverage * len(rows), 0.0, 0.0
    for score in sorted({r["score"] for r in rows if can(r)}, reverse=True):
        tied = [r for r in rows if can(r) and r["score"] == score]
        share = min(1.0, left / len(tied))
        for r in tied:
            right += share * (r["forced"]["outcome"] == "correct")
            wrong += share * (r["forced"]["outcome"] != "correct")
        left -= share * len(tied)
    return plain_ths(right, wrong, base)


@pytest.mark.parametrize("ties", [True, False])
@pytest.mark.parametrize("seed", range(4))
def test_at_a_coverage_is_a_plain_loop_s_on_resamples(seed, ties):
    n = 30
    rows, base, random = random_forced(n, seed, ties), random_records(n, seed + 50), np.random.default_rng(seed)
    index = np.array([np.arange(n), *random.integers(0, n, (15, n))])
    counts = np.array([np.bincount(own, minlength=n) for own in index])
    for coverage in (0, 0.013, 0.25, 1 / 3, 0.5, 0.77, 0.9, 1):
        found = curve.at_coverage_measure(rows, base, "score", {"x": coverage})(counts)["x"]
        expected = [plain_at_coverage([rows[i] for i in own], [base[i] for i in own], coverage) for own in index]
        np.testing.assert_allclose(found, expected, atol=1e-12)


@pytest.mark.parametrize("seed", range(4))
def test_the_areas_are_scikit_learn_s_and_a_plain_loop_s_on_resamples(seed):
    n = 40
    rows, random = random_forced(n, seed), np.random.default_rng(seed)
    index = np.array([np.arange(n), *random.integers(0, n, (15, n))])
    found = curve.measure(rows)(np.array([np.bincount(own, minlength=n) for own in index]))
    at = np.array([r["score"] if can(r) else -1.0 for r in rows])
    right = np.array([r["forced"] is not None and r["forced"]["outcome"] == "correct" for r in rows])
    for k, own in enumerate(index):
        assert found["auroc_all"][k] == pytest.approx(roc_auc_score(right[own], at[own]))
        kept = [at[own] >= s for s in at[own]]
        risk = np.mean([1 - right[own][some].mean() for some in kept])
        assert found["aurc_all"][k] == pytest.approx(risk)


def test_the_bootstrap_is_an_independent_one_s():
    rows, base, n = random_forced(60, 1), random_records(60, 2), 60
    name = "x"
    values, draws = bootstrap([curve.at_coverage_measure(rows, base, "score", {name: 0.5})], n, seed=3)
    assert values[name] == pytest.approx(plain_at_coverage(rows, base, 0.5))
    random = np.random.default_rng(99)
    own = [random.integers(0, n, n) for _ in range(600)]
    plain = [plain_at_coverage([rows[i] for i in index], [base[i] for i in index], 0.5) for index in own]
    assert draws[name].mean() == pytest.approx(np.mean(plain), abs=4 * np.std(plain) / np.sqrt(600))
    assert draws[name].std() == pytest.approx(np.std(plain), rel=0.15)


@pytest.mark.parametrize("seed", range(3))
def test_every_point_of_the_curve_is_what_the_records_are_at_its_threshold(seed):
    rows, base = random_forced(50, seed), random_records(50, seed + 50)
    for point in curve.curve(rows, base):
        found = metrics(curve.at_threshold(rows, "score", point["threshold"]), base, seed=0)
        assert point["p_correct"] == pytest.approx(found["p_correct"]["value"])
        assert point["coverage"] == pytest.approx(1 - found["p_refused"]["value"])
        assert point["ths"] == pytest.approx(found["ths"]["value"])


def test_a_long_curve_keeps_its_ends():
    random = np.random.default_rng(0)
    rows = made_to_answer("c" * 3000, random.choice(list("cw"), 3000), (random.permutation(3000) / 3000).tolist())
    points = curve.curve(rows, None)
    assert len(points) == confidence.CURVE_POINTS + 1
    assert (points[0]["coverage"], points[-1]["coverage"]) == (pytest.approx(1 / 3000), pytest.approx(1))
