"""Rates, THS, over-refusal, AP and calibration of evaluated answers, each with a 95 % interval."""

import numpy as np

from . import caution
from .intervals import bootstrap, two_sided_p, wilson, with_interval

OUTCOMES = ("correct", "wrong", "refused", "unparsed", "incomplete")
COUNTED_WRONG = ("wrong", "unparsed", "incomplete")
CURVE_POINTS = 100


def ths(p_correct, p_wrong, p_correct_0, p_wrong_0):
    """THS = P_c − P_w · P_c⁰ / P_w⁰, as a fraction (CRaFT); NaN where P_w⁰ = 0. Scalars or arrays.

    Unparsed answers, and thoughts that never end, count as wrong, on both sides.
    """
    p_wrong_0 = np.asarray(p_wrong_0, dtype=np.float64)
    ratio = np.divide(p_correct_0, p_wrong_0, out=np.full_like(p_wrong_0, np.nan), where=p_wrong_0 > 0)
    return p_correct - p_wrong * ratio


def right_wrong(records, field: str = "outcome") -> tuple[np.ndarray, np.ndarray]:
    """(right, wrong) as 0/1 arrays; what is no answer counts as wrong."""
    right = np.array([r[field] == "correct" for r in records], dtype=np.float64)
    wrong = np.array([r[field] in COUNTED_WRONG for r in records], dtype=np.float64)
    return right, wrong


def ths_measure(records, base):
    """THS of ``records`` against ``base`` (the same questions in the same order), for ``bootstrap``."""
    rates = np.stack([*right_wrong(records), *right_wrong(base)], axis=1)

    def measure(counts):
        return ths(*(counts @ rates / counts.sum(1, keepdims=True)).T)

    return measure


def metrics(records, base, seed: int, refuse_base=None) -> dict:
    """All metrics of one test set.

    Args:
        records: ``[{outcome, given, confidence, …}]``; ``given`` is the outcome of the answer's own text, which the
            measures of confidence judge (``outcome`` may be a refusal by ``--refuse_unsure``).
        base: the initial model's records of the same questions in the same order, or None (THS, over-refusal and the
            refusal metrics are then null).
        seed: of the bootstrap.
        refuse_base: the initial model's records with the refusal prompt, or None (``ths_refuse`` is then null).

    Returns:
        ``{n, p_correct, p_wrong, p_refused, p_unparsed, p_incomplete, ths, ths_refuse, over_refusal, refusal_precision,
        refusal_recall, refusal_f1, ap, auroc, ece, aurc}``, each but ``n`` as ``{value, ci95}``, rates as fractions.
        ``ths_refuse`` is THS measured against ``refuse_base``: what is left of it once the wording of the prompt is the
        same on both sides.
    """
    n = len(records)
    measures = confidence_measures(records)
    if base:
        measures |= {"ths": ths_measure(records, base), "refusal_f1": f1_measure(records, base)}
    if refuse_base:
        measures["ths_refuse"] = ths_measure(records, refuse_base)
    values, draws = bootstrap(measures, n, seed)
    found = {f"p_{o}": wilson(sum(r["outcome"] == o for r in records), n) for o in OUTCOMES}
    found |= refusal_rates(records, base)
    for name in ("ths", "ths_refuse", "refusal_f1", "ap", "auroc", "ece", "aurc"):
        found[name] = with_interval(values.get(name, np.nan), draws.get(name, np.zeros(0)))
    return {"n": n, **found}


def summarise(records, base=None, seed: int = 0, thinking: str = "off") -> dict:
    """A test set's part of ``summary.datasets``: ``metrics``, its risk–coverage curve, metrics by subject, warnings.

    ``thinking``: whether the model was asked to think, for what the warnings advise.
    """
    subjects = {}
    for i, r in enumerate(records):
        subjects.setdefault(r["subject"], []).append(i)
    by_subject = {
        name: metrics([records[i] for i in rows], base and [base[i] for i in rows], seed)
        for name, rows in subjects.items()
    }
    whole = metrics(records, base, seed)
    curve = {"points": risk_coverage(records), "aurc": whole["aurc"]}
    warnings = caution.of_base(base) + caution.of_evaluation(records, thinking)
    held = caution.mean_letter_mass(records)
    return {**whole, "risk_coverage": curve, "subjects": by_subject, "letter_mass": held, "warnings": warnings}


def refused_known(records, base) -> tuple[np.ndarray, np.ndarray]:
    """Boolean arrays: which questions this model refuses, and which the initial one answers right."""
    return np.array([r["outcome"] == "refused" for r in records]), np.array([r["outcome"] == "correct" for r in base])


def refusal_rates(records, base) -> dict:
    """Over-refusal, and refusing as a classifier of what the initial model gets wrong: precision and recall."""
    if not base:
        return {name: wilson(0, 0) for name in ("over_refusal", "refusal_precision", "refusal_recall")}
    refused, known = refused_known(records, base)
    hits = int((refused & ~known).sum())
    return {
        "over_refusal": wilson(int((refused & known).sum()), int(known.sum())),
        "refusal_precision": wilson(hits, int(refused.sum())),
        "refusal_recall": wilson(hits, int((~known).sum())),
    }


def f1_measure(records, base):
    """F1 of refusing as a classifier of what the initial model gets wrong, for ``bootstrap``."""
    refused, known = refused_known(records, base)
    hits, both = 2.0 * (refused & ~known), refused * 1.0 + ~known

    def measure(counts):
        total = counts @ both
        return np.divide(counts @ hits, total, out=np.full(total.shape, np.nan), where=total > 0)

    return measure


def confidence_measures(records) -> dict:
    """AP, AUROC, ECE and AURC of "right" by ``confidence``, over the answers given (no refusals), for ``bootstrap``."""
    usable, right, confidence = answered(records)

    def over_answers(measure):
        def of_counts(counts):
            return measure(right, confidence, counts[:, usable]) if usable.any() else np.full(len(counts), np.nan)

        return of_counts

    measures = {"ap": average_precision, "auroc": auroc, "ece": expected_calibration_error, "aurc": aurc}
    return {name: over_answers(measure) for name, measure in measures.items()}


def answered(records) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(which records [records] are answers with a confidence; of these, right 0/1 and the confidence [answers])."""
    right, wrong = right_wrong(records, "given")
    confidence = np.array([np.nan if r["confidence"] is None else r["confidence"] for r in records])
    usable = (right + wrong > 0) & np.isfinite(confidence)
    return usable, right[usable], confidence[usable]


def thresholds(right, confidence, counts) -> tuple[np.ndarray, np.ndarray]:
    """(right, wrong) answers at or above each distinct confidence, from the highest: [resamples, thresholds] each."""
    order = np.argsort(-confidence, kind="stable")
    last = np.append(np.diff(confidence[order]) != 0, True)  # a tie is one threshold
    hits, misses = counts[:, order] * right[order], counts[:, order] * (1 - right[order])
    return hits.cumsum(1)[:, last], misses.cumsum(1)[:, last]


def average_precision(right, confidence, counts) -> np.ndarray:
    """AP = Σ (Rₙ − Rₙ₋₁) Pₙ over confidence thresholds, for each row of ``counts``; NaN if none is right.

    Args:
        right: 0/1 [answers].
        confidence: [answers].
        counts: how often each answer stands in each resample [resamples, answers].
    """
    hits, misses = thresholds(right, confidence, counts)
    with np.errstate(invalid="ignore"):
        precision = np.nan_to_num(hits / (hits + misses))
        return (np.diff(hits, axis=1, prepend=0) * precision).sum(1) / hits[:, -1]


def auroc(right, confidence, counts) -> np.ndarray:
    """Area under the ROC curve (trapezoids), arguments as ``average_precision``; NaN where one kind is absent."""
    hits, misses = thresholds(right, confidence, counts)
    before = hits - np.diff(hits, axis=1, prepend=0)
    with np.errstate(invalid="ignore"):
        area = (np.diff(misses, axis=1, prepend=0) * (hits + before) / 2).sum(1)
        return area / (hits[:, -1] * misses[:, -1])


def aurc(right, confidence, counts) -> np.ndarray:
    """Area under the risk–coverage curve of the answers given: the mean of its risk over their coverages.

    (Geifman & El-Yaniv 2017; answers of equal confidence are kept or left out together.) Arguments as
    ``average_precision``; lower is better, 0 if none is wrong.
    """
    hits, misses = thresholds(right, confidence, counts)
    kept = hits + misses
    with np.errstate(invalid="ignore"):
        risk = np.nan_to_num(misses / kept)
        return (np.diff(kept, axis=1, prepend=0) * risk).sum(1) / kept[:, -1]


def expected_calibration_error(right, confidence, counts, bins: int = 10) -> np.ndarray:
    """ECE over equal-width bins of confidence (Guo et al. 2017, eq. 3), arguments as ``average_precision``."""
    at = np.eye(bins)[np.minimum((confidence * bins).astype(int), bins - 1)]
    with np.errstate(invalid="ignore"):
        return np.abs((counts * (right - confidence)) @ at).sum(1) / counts.sum(1)


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
    shown = np.unique(np.linspace(0, len(levels) - 1, min(len(levels), CURVE_POINTS + 1)).round().astype(int))
    points = []
    for i in shown:
        right_here, wrong_here = int(hits[0, i]), int(misses[0, i])
        risk = wilson(wrong_here, right_here + wrong_here)
        coverage = (right_here + wrong_here) / len(records)
        points.append(
            {"coverage": coverage, "risk": risk["value"], "ci95": risk["ci95"], "confidence": float(levels[i])}
        )
    return points


def paired_test(a, b, base, seed: int) -> dict:
    """Difference in THS of two models on the same questions: value, 95 % interval, two-sided bootstrap p.

    Args:
        a: records of the first model.
        b: records of the second, in the same order.
        base: the initial model's.
        seed: of the bootstrap.
    """
    values, draws = bootstrap({"a": ths_measure(a, base), "b": ths_measure(b, base)}, len(a), seed)
    difference = draws["a"] - draws["b"]
    difference = difference[np.isfinite(difference)]  # a draw without a wrong answer of the base has no THS
    result = with_interval(values["a"] - values["b"], difference)
    p = two_sided_p(difference) if result["ci95"] else None
    return {"difference": result["value"], "ci95": result["ci95"], "p": p}
