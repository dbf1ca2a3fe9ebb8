"""What answers are counted as, and which questions have an answer at all."""

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
