"""What a model's answer can be withheld by: signals of a question, the higher the more it should be answered."""

import math

import numpy as np

from ..running.results import clean

TINY = 1e-300  # a probability below it counts as this, so that its logarithm is finite


def logarithm(p) -> float | None:
    """log p in nats; None stays None."""
    return None if p is None else math.log(max(p, TINY))


def of_forced(record):
    """log p of the best answer that is no refusal."""
    return logarithm((record.get("forced") or {}).get("p"))


def of_refusal(record):
    """−log p of the refusal's text."""
    p = logarithm(record.get("p_refusal"))
    return None if p is None else -p


# name: a record's signal, None where it has none
SIGNALS = {
    "score": lambda r: r.get("score"),
    "confidence": of_forced,
    "refusal_prompt": of_refusal,
    "agreement": lambda r: r.get("agreement"),
    "certainty": lambda r: r.get("cer"),
    "probe": lambda r: r.get("p_known"),
    "sure": lambda r: r.get("p_sure"),
}


# The flag of an evaluation that a signal needs; the others every evaluation has.
FLAGS = {"agreement": "num_samples", "certainty": "num_samples", "probe": "probe_state"}


def signal_of(records, name: str) -> np.ndarray:
    """A signal of each evaluation record [records], float64; NaN where a record has none.

    Logarithms are rounded as a result file rounds every number (7 digits): a threshold read from a file is so the very
    value that it was found at.

    Args:
        records: evaluation records.
        name: of ``SIGNALS``: ``score`` (log p(forced) − log p(refusal)), ``confidence`` (log p of the whole forced
            answer), ``refusal_prompt`` (−log p(refusal)), in nats; ``agreement`` (share of the samples that agree with
            the greedy answer), ``probe`` (p(known)), ``sure`` (R-Tuning's p(sure)), from 0 to 1; ``certainty`` (Cer).
    """
    return np.array([np.nan if v is None else clean(float(v)) for v in map(SIGNALS[name], records)], dtype=np.float64)


def names_in(records) -> list:
    """The signals that at least one of the records has, in the order of ``SIGNALS``, where one has a forced answer."""
    if not any(r.get("forced") for r in records):
        return []
    return [name for name in SIGNALS if np.isfinite(signal_of(records, name)).any()]
