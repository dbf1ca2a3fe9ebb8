import numpy as np
import pytest
from evaluated import records
from sklearn.metrics import average_precision_score, brier_score_loss, roc_auc_score

from knowledge_boundary.evaluation import confidence as by_confidence
from knowledge_boundary.evaluation.confidence import RISKS, brier, expected_calibration_error, risk_coverage, thresholds
from knowledge_boundary.evaluation.intervals import wilson
from knowledge_boundary.evaluation.scores import metrics


def of_thresholds(measure):
    return lambda right, confidence, counts, *more: measure(*thresholds(right, confidence, counts), *more)


average_precision, auroc, aurc, e_aurc, coverage_at_risk = map(
    of_thresholds,
    (
        by_confidence.average_precision,
        by_confidence.auroc,
        by_confidence.aurc,
        by_confidence.e_aurc,
        by_confidence.coverage_at_risk,
    ),
)


def scored(seed, n=40):
    random = np.random.default_rng(seed)
    right = (random.random(n) < 0.5).astype(float)
    right[:2] = 0, 1
    return right, random.integers(0, 8, n) / 7, random


@pytest.mark.parametrize(
    ("ours", "theirs"), [(average_precision, average_precision_score), (auroc, roc_auc_score)], ids=["ap", "auroc"]
)
@pytest.mark.parametrize("seed", range(8))
def test_ranking_metrics_are_scikit_learn_s_on_resamples_with_ties(ours, theirs, seed):
    right, confidence, random = scored(seed)
    index = np.array([np.arange(40), *random.integers(0, 40, (20, 40))])
    counts = np.array([np.bincount(rows, minlength=40) for rows in index])
    expected = [theirs(right[rows], confidence[rows]) for rows in index]
    np.testing.assert_allclose(ours(right, confidence, counts), expected, atol=1e-12)


def test_ranking_metrics_without_ties_and_all_tied():
    random = np.random.default_rng(0)
    right, confidence, once = (random.random(50) < 0.3).astype(float), random.random(50), np.ones((1, 50), int)
    assert average_precision(right, confidence, once)[0] == pytest.approx(average_precision_score(right, confidence))
    assert auroc(right, confidence, once)[0] == pytest.approx(roc_auc_score(right, confidence))
    tied = np.full(50, 0.5)
    assert average_precision(right, tied, once)[0] == pytest.approx(right.mean())
    assert auroc(right, tied, once)[0] == pytest.approx(0.5)


def test_ranking_metrics_are_undefined_where_a_kind_is_absent():
    confidence, once = np.array([0.2, 0.4]), np.ones((1, 2), int)
    assert np.isnan(average_precision(np.zeros(2), confidence, once)).all()
    assert np.isnan(auroc(np.zeros(2), confidence, once)).all()
    assert np.isnan(auroc(np.ones(2), confidence, once)).all()
    assert average_precision(np.ones(2), confidence, once)[0] == 1


def test_ece_by_hand():
    right, confidence = np.array([1.0, 0.0, 1.0, 0.0]), np.array([0.62, 0.68, 0.91, 1.0])
    counts = np.array([[1, 1, 0, 0], [1, 1, 1, 0], [1, 1, 1, 1], [3, 1, 0, 0]])
    expected = [
        0.15,  # |1 − 1.30| / 2
        (0.30 + 0.09) / 3,
        (0.30 + 0.91) / 4,  # 0.91 and 1.0 are in the last bin: |1 − 1.91|
        (3 - 3 * 0.62 - 0.68) / 4,
    ]
    np.testing.assert_allclose(expected_calibration_error(right, confidence, counts), expected)


def test_ece_of_a_calibrated_model_is_zero():
    right, confidence = np.array([1.0, 0, 0, 0, 1, 1, 1, 0]), np.array([0.25] * 4 + [0.75] * 4)
    assert expected_calibration_error(right, confidence, np.ones((1, 8), int))[0] == pytest.approx(0)


def test_aurc_by_hand_and_with_ties():
    right, once = np.array([1.0, 0, 1, 0]), np.ones((1, 4), int)
    assert aurc(right, np.array([0.9, 0.8, 0.7, 0.6]), once)[0] == pytest.approx((0 + 1 / 2 + 1 / 3 + 2 / 4) / 4)
    assert aurc(right, np.array([0.9, 0.9, 0.7, 0.6]), once)[0] == pytest.approx((2 * 1 / 2 + 1 / 3 + 2 / 4) / 4)
    assert aurc(right, np.full(4, 0.5), once)[0] == 0.5
    np.testing.assert_allclose(aurc(right, np.array([0.9, 0.8, 0.7, 0.6]), np.array([[2, 1, 0, 0]])), [1 / 9])


def test_risk_coverage_by_hand():
    points = risk_coverage(records("cwrcwu", [0.9, 0.8, 0.99, 0.8, 0.5, 0.2]))
    expected = [(1 / 6, 0, 0.9), (3 / 6, 1 / 3, 0.8), (4 / 6, 2 / 4, 0.5), (5 / 6, 3 / 5, 0.2)]
    np.testing.assert_allclose([[p["coverage"], p["risk"], p["confidence"]] for p in points], expected)
    assert points[1]["ci95"] == wilson(1, 3)["ci95"]
    assert risk_coverage(records("rr")) == []


def test_a_long_risk_coverage_curve_keeps_its_ends_and_its_shape():
    random = np.random.default_rng(0)
    confidence = random.permutation(5000) / 5000
    rows = records(np.where(random.random(5000) < confidence, "c", "w"), confidence.tolist())
    points = risk_coverage(rows)
    assert len(points) == by_confidence.CURVE_POINTS + 1
    assert (points[0]["coverage"], points[-1]["coverage"]) == (1 / 5000, 1)
    assert points[-1]["risk"] == pytest.approx(np.mean([r["outcome"] == "wrong" for r in rows]))
    kept = [r for r in rows if r["confidence"] >= points[50]["confidence"]]
    assert points[50]["coverage"] == pytest.approx(len(kept) / 5000)
    assert points[50]["risk"] == pytest.approx(np.mean([r["outcome"] == "wrong" for r in kept]))


# ---- Brier, E-AURC, coverage at a risk ----


@pytest.mark.parametrize("seed", range(4))
def test_brier_is_scikit_learn_s_on_resamples(seed):
    right, confidence, random = scored(seed)
    index = np.array([np.arange(40), *random.integers(0, 40, (20, 40))])
    counts = np.array([np.bincount(rows, minlength=40) for rows in index])
    expected = [brier_score_loss(right[rows], confidence[rows], pos_label=1) for rows in index]
    np.testing.assert_allclose(brier(right, confidence, counts), expected, atol=1e-12)


def test_e_aurc_by_hand():
    right, once = np.array([1.0, 0, 1, 0]), np.ones((1, 4), int)
    confidence = np.array([0.9, 0.8, 0.7, 0.6])
    best = 0.5 + 0.5 * np.log(0.5)
    assert e_aurc(right, confidence, once)[0] == pytest.approx((0 + 1 / 2 + 1 / 3 + 2 / 4) / 4 - best)
    assert e_aurc(np.ones(4), confidence, once)[0] == 0
    assert e_aurc(np.zeros(4), confidence, once)[0] == pytest.approx(0)


def test_e_aurc_of_a_perfect_order_goes_to_zero():
    n = 20000
    right, confidence = (np.arange(n) < 0.7 * n).astype(float), 1 - np.arange(n) / n
    assert 0 < e_aurc(right, confidence, np.ones((1, n), int))[0] < 1e-4
    worst = e_aurc(1 - right, confidence, np.ones((1, n), int))[0]
    assert worst > 0.5


def test_coverage_at_risk_by_hand_with_ties_and_with_risk_that_falls_again():
    right, once = np.array([0.0, 1, 1, 1, 0]), np.ones((1, 5), int)
    apart = np.array([0.9, 0.8, 0.7, 0.6, 0.5])  # risks 1, 1/2, 1/3, 1/4, 2/5

    def at(risk, confidence=apart, counts=once, n=10):
        return coverage_at_risk(right, confidence, counts, np.array([n]), risk)[0]

    assert at(0.2) == 0
    assert at(0.25) == 0.4
    assert at(0.34) == 0.4
    assert at(0.4) == 0.5
    assert at(0.25, np.array([0.9, 0.8, 0.7, 0.5, 0.5])) == 0  # the last two come together: 2/5
    assert at(0.0, counts=np.array([[0, 1, 1, 1, 2]]), n=5) == 0.6


def test_a_risk_is_reached_by_exactly_that_share_of_mistakes():
    for risk, n in ((0.05, 20), (0.05, 60), (0.1, 30), (0.2, 35)):
        right = np.ones(n)
        right[-round(risk * n) :] = 0
        found = coverage_at_risk(right, np.arange(n, 0, -1) / n, np.ones((1, n), int), np.array([n]), risk)
        assert found[0] == 1, (risk, n)


def test_coverage_at_risk_is_the_risk_coverage_curve_s():
    random = np.random.default_rng(1)
    confidence = random.integers(0, 60, 300) / 60
    rows = records(np.where(random.random(300) < confidence, "c", random.choice(["w", "r"], 300)), confidence.tolist())
    found = metrics(rows, None, seed=0)["coverage_at_risk"]
    points = risk_coverage(rows)
    for risk in RISKS:
        expected = max((p["coverage"] for p in points if p["risk"] <= risk), default=0)
        assert found[str(risk)]["value"] == pytest.approx(expected)
    assert 0 < found["0.1"]["value"] < found["0.2"]["value"] < 1


def test_answers_without_a_confidence_have_no_coverage_and_no_answers_have_none_at_all():
    for rows, expected in ((records("cw", [None, None]), None), (records("rr"), 0)):
        found = metrics(rows, None, seed=0)
        assert {v["value"] for v in found["coverage_at_risk"].values()} == {expected}
        assert found["brier"]["value"] is None
