"""How well confidence tells right answers from wrong ones, over the answers given (no refusals)."""

import numpy as np

from .intervals import wilson
from .rates import right_wrong

CURVE_POINTS = 100
RISKS = (0.05, 0.1, 0.2)
NAMES = ("ap", "auroc", "ece", "aurc", "brier", "e_aurc")
RISK_NAMES = tuple(map(str, RISKS))


def measure(records):
    """AP, AUROC, ECE, AURC, E-AURC, Brier score and coverages at risks of "right" by ``confidence``, for ``bootstrap``.

    NaN where no answer has a confidence; a coverage is then 0 if nothing was answered.
    """
    usable, right, confidence = answered(records)
    if not usable.any():
        nothing_given = not np.any(right_wrong(records, "given"))
        return lambda counts: {
            ("coverage_at_risk", str(r)): np.full(len(counts), 0.0 if nothing_given else np.nan) for r in RISKS
        }

    def of_counts(counts):
        own = counts[:, usable]
        hits, misses = thresholds(right, confidence, own)
        coverages = {("coverage_at_risk", str(r)): coverage_at_risk(hits, misses, counts.sum(1), r) for r in RISKS}
        return {
            "ap": average_precision(hits, misses),
            "auroc": auroc(hits, misses),
            "ece": expected_calibration_error(right, confidence, own),
            "aurc": aurc(hits, misses),
            "e_aurc": e_aurc(hits, misses),
            "brier": brier(right, confidence, own),
            **coverages,
        }

    return of_counts


def answered(records) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(which records [records] are answers with a confidence; of these, right 0/1 and the confidence [answers])."""
    right, wrong = right_wrong(records, "given")
    confidence = np.array([np.nan if r["confidence"] is None else r["confidence"] for r in records], dtype=np.float64)
    usable = (right + wrong > 0) & np.isfinite(confidence)
    return usable, right[usable], confidence[usable]


def thresholds(right, confidence, counts) -> tuple[np.ndarray, np.ndarray]:
    """(right, wrong) answers at or above each distinct confidence, from the highest: [resamples, thresholds] each.

    Args:
        right: 0/1 [answers].
        confidence: [answers].
        counts: how often each answer stands in each resample [resamples, answers].
    """
    order = np.argsort(-confidence, kind="stable")
    last = np.append(np.diff(confidence[order]) != 0, True)  # a tie is one threshold
    hits, misses = counts[:, order] * right[order], counts[:, order] * (1 - right[order])
    return hits.cumsum(1)[:, last], misses.cumsum(1)[:, last]


def average_precision(hits, misses) -> np.ndarray:
    """AP = Σ (Rₙ − Rₙ₋₁) Pₙ over the ``thresholds``, for each resample; NaN if none is right."""
    with np.errstate(invalid="ignore"):
        precision = np.nan_to_num(hits / (hits + misses))
        return (np.diff(hits, axis=1, prepend=0) * precision).sum(1) / hits[:, -1]


def auroc(hits, misses) -> np.ndarray:
    """Area under the ROC curve (trapezoids) over the ``thresholds``; NaN where one kind is absent."""
    before = hits - np.diff(hits, axis=1, prepend=0)
    with np.errstate(invalid="ignore"):
        area = (np.diff(misses, axis=1, prepend=0) * (hits + before) / 2).sum(1)
        return area / (hits[:, -1] * misses[:, -1])


def aurc(hits, misses) -> np.ndarray:
    """Area under the risk–coverage curve of the answers given: the mean of its risk over their coverages.

    (Geifman & El-Yaniv 2017; answers of equal confidence are kept or left out together.) Lower is better, 0 if none is
    wrong.
    """
    kept = hits + misses
    with np.errstate(invalid="ignore"):
        risk = np.nan_to_num(misses / kept)
        return (np.diff(kept, axis=1, prepend=0) * risk).sum(1) / kept[:, -1]


def e_aurc(hits, misses) -> np.ndarray:
    """E-AURC = AURC − (ρ + (1 − ρ) ln(1 − ρ)), ρ the share wrong of the answers given: what a perfect order would save.

    (Geifman, Uziel & El-Yaniv 2019.) The subtrahend is the best area for infinitely many answers, so that a few
    perfectly ordered ones stay a little above 0.
    """
    with np.errstate(invalid="ignore"):
        correct = hits[:, -1] / (hits[:, -1] + misses[:, -1])
    best = 1 - correct + correct * np.log(np.maximum(correct, np.finfo(float).tiny))  # x ln x is 0 at 0
    return aurc(hits, misses) - best


def coverage_at_risk(hits, misses, n, risk: float) -> np.ndarray:
    """The largest coverage, as a share of ``n`` questions, whose share wrong is at most ``risk``; 0 if there is none.

    (Geifman & El-Yaniv 2017.) Found on the questions themselves: it promises nothing about others.
    """
    kept = hits + misses
    with np.errstate(invalid="ignore"):
        within = misses / kept <= risk  # division is exact to rounding: 1 wrong of 20 is at most 0.05
    return np.where(within, kept, 0).max(1) / n


def brier(right, confidence, counts) -> np.ndarray:
    """Mean (confidence − right)² of the answers given (Brier 1950), arguments as ``thresholds``; lower is better."""
    with np.errstate(invalid="ignore"):
        return counts @ (confidence - right) ** 2 / counts.sum(1)


def expected_calibration_error(right, confidence, counts, bins: int = 10) -> np.ndarray:
    """ECE over equal-width bins of confidence (Guo et al. 2017, eq. 3), arguments as ``thresholds``."""
    at = np.eye(bins)[np.minimum((confidence * bins).astype(int), bins - 1)]
    with np.errstate(invalid="ignore"):
        return np.abs((counts * (right - confidence)) @ at).sum(1) / counts.sum(1)


def shown(levels: int) -> np.ndarray:
    """Which thresholds a curve is drawn by: at most CURVE_POINTS + 1, evenly spread, first and last among them."""
    return np.unique(np.linspace(0, levels - 1, min(levels, CURVE_POINTS + 1)).round().astype(int))


def risk_coverage(records) -> list:
    """The risk–coverage curve: ``[{coverage, risk, ci95, confidence}]`` from the highest confidence to the lowest.

    ``coverage`` is the share of all questions answered with at least that confidence (a refusal is never covered),
    ``risk`` the share of these that is wrong, with its Wilson interval. At most CURVE_POINTS + 1 of the distinct
    confidences, evenly spread, the last one among them. Empty where nothing was answered.
    """
    usable, right, confidence = answered(records)
    if not usable.any():
        return []
    hits, misses = thresholds(right, confidence, np.ones((1, len(right)), dtype=np.int64))
    levels = np.unique(confidence)[::-1]
    points = []
    for i in shown(len(levels)):
        right_here, wrong_here = int(hits[0, i]), int(misses[0, i])
        risk = wilson(wrong_here, right_here + wrong_here)
        coverage = (right_here + wrong_here) / len(records)
        points.append(
            {"coverage": coverage, "risk": risk["value"], "ci95": risk["ci95"], "confidence": float(levels[i])}
        )
    return points
