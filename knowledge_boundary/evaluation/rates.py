"""What answers are counted as, which questions have an answer at all, and THS of the rates."""

import numpy as np

OUTCOMES = ("correct", "wrong", "refused", "unparsed", "incomplete")
COUNTED_WRONG = ("wrong", "unparsed", "incomplete")


def right_wrong(records, field: str = "outcome") -> tuple[np.ndarray, np.ndarray]:
    """(right, wrong) as 0/1 arrays; what is no answer counts as wrong."""
    right = np.array([r[field] == "correct" for r in records], dtype=np.float64)
    wrong = np.array([r[field] in COUNTED_WRONG for r in records], dtype=np.float64)
    return right, wrong


def refusals(records) -> np.ndarray:
    """Which questions were refused, as a boolean array."""
    return np.array([r["outcome"] == "refused" for r in records], dtype=bool)


def answerable(records, *others) -> list:
    """``records`` and ``others`` without the unanswerable questions (``should_abstain``).

    Args:
        records: evaluation records; what they say of a question holds for the others too.
        others: records of the same questions in the same order, or None, which stays None.
    """
    kept = [i for i, r in enumerate(records) if not r.get("should_abstain")]
    return [rows and [rows[i] for i in kept] for rows in (records, *others)]


def ths(p_correct, p_wrong, p_correct_0, p_wrong_0):
    """THS = P_c − P_w · P_c⁰ / P_w⁰, as a fraction (CRaFT); NaN where P_w⁰ = 0. Scalars or arrays.

    Unparsed answers, and thoughts that never end, count as wrong, on both sides.
    """
    p_wrong_0 = np.asarray(p_wrong_0, dtype=np.float64)
    ratio = np.divide(p_correct_0, p_wrong_0, out=np.full_like(p_wrong_0, np.nan), where=p_wrong_0 > 0)
    return p_correct - p_wrong * ratio


def rate_measure(rates: dict):
    """Rates for ``bootstrap``; NaN where there is nothing to count among.

    Args:
        rates: {name: (which questions count, of which)}, boolean arrays [records] each.
    """
    hits, among = (np.stack(columns, axis=1).astype(np.float64) for columns in zip(*rates.values(), strict=True))

    def measure(counts):
        total = counts @ among
        found = np.divide(counts @ hits, total, out=np.full(total.shape, np.nan), where=total > 0)
        return dict(zip(rates, found.T, strict=True))

    return measure
