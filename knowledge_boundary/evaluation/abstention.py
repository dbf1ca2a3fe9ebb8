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
    n = int(shunned(records).sum())
    if n == 0:
        return {"n_unanswerable": 0, "unanswerable": None, "abstention": None}
    found = {place: wilson(int(hits.sum()), int(among.sum())) for place, (hits, among) in rates(records).items()}
    values, draws = bootstrap([f1_of(records)], len(records), seed)
    found |= {place: with_interval(values[place], draws[place]) for place in values}
    apart = {"n_unanswerable": n, "unanswerable": {"n": n}, "abstention": {}}
    for (group, name), metric in found.items():
        apart[group][name] = metric
    return apart


def shunned(records) -> np.ndarray:
    """Which questions have no answer, as a boolean array."""
    return np.array([bool(r.get("should_abstain")) for r in records], dtype=bool)


def rates(records) -> dict:
    """The rates of ``unanswerable`` by their place there: (which questions count, of which), boolean arrays each."""
    should, refused = shunned(records), refusals(records)
    return {
        ("unanswerable", "p_refused"): (refused & should, should),
        ("unanswerable", "p_wrong"): (~refused & should, should),
        ("abstention", "precision"): (refused & should, refused),
        ("abstention", "recall"): (refused & should, should),
    }


def f1_of(records):
    """F1 of refusing as a classifier of unanswerable questions, for ``bootstrap``, by its place in ``unanswerable``."""
    return f1_measure(refusals(records), shunned(records), ("abstention", "f1"))


def f1_measure(given, wanted, name):
    """F1 of one boolean array as a classifier of another, for ``bootstrap``; NaN where both have nothing."""
    hits, both = 2.0 * (given & wanted), given * 1.0 + wanted

    def measure(counts):
        total = counts @ both
        return {name: np.divide(counts @ hits, total, out=np.full(total.shape, np.nan), where=total > 0)}

    return measure
