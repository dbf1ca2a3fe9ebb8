"""Refusing where no answer exists: the unanswerable questions of a test set (``should_abstain``), kept apart."""

import numpy as np

from .intervals import bootstrap, wilson, with_interval
from .rates import refusals


def unanswerable(records, seed: int) -> dict:
    """What a model does with unanswerable questions, and refusing as a classifier of them (AbstentionBench).

    Precision, recall and F1 are of "refused" against ``should_abstain`` over all questions, as in its code (Kirichenko
    et al. 2025, facebookresearch/AbstentionBench), which gives 0 where they are undefined; here they are null.

    Args:
        records: evaluation records of all questions of a set.
        seed: of the bootstrap.

    Returns:
        ``{n_unanswerable, unanswerable: {n, p_refused, p_wrong}, abstention: {precision, recall, f1}}``, the rates as
        ``{value, ci95}``; the last two null where every question has an answer. Whatever is no refusal is wrong.
    """
    should = np.array([bool(r.get("should_abstain")) for r in records])
    n = int(should.sum())
    if n == 0:
        return {"n_unanswerable": 0, "unanswerable": None, "abstention": None}
    refused = refusals(records)
    hits = int((refused & should).sum())
    values, draws = bootstrap([f1_measure(refused, should)], len(records), seed)
    return {
        "n_unanswerable": n,
        "unanswerable": {"n": n, "p_refused": wilson(hits, n), "p_wrong": wilson(n - hits, n)},
        "abstention": {
            "precision": wilson(hits, int(refused.sum())),
            "recall": wilson(hits, n),
            "f1": with_interval(values["f1"], draws["f1"]),
        },
    }


def f1_measure(given, wanted, name: str = "f1"):
    """F1 of one boolean array as a classifier of another, for ``bootstrap``; NaN where both have nothing."""
    hits, both = 2.0 * (given & wanted), given * 1.0 + wanted

    def measure(counts):
        total = counts @ both
        return {name: np.divide(counts @ hits, total, out=np.full(total.shape, np.nan), where=total > 0)}

    return measure
