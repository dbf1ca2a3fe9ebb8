"""Evaluation records as short texts: a letter each, c(orrect), w(rong), r(efused), u(nparsed), i(ncomplete)."""

import numpy as np

OUTCOMES = {"c": "correct", "w": "wrong", "r": "refused", "u": "unparsed", "i": "incomplete"}


def records(outcomes, confidences=None):
    confidences = [0.5] * len(outcomes) if confidences is None else confidences
    return [
        {"outcome": OUTCOMES[o], "given": OUTCOMES[o], "confidence": p, "output": f"answer {i}"}
        for i, (o, p) in enumerate(zip(outcomes, confidences, strict=True))
    ]


def random_records(n, seed, weights=(0.4, 0.3, 0.2, 0.06, 0.04)):
    random = np.random.default_rng(seed)
    confidences = random.integers(0, 11, n) / 10  # with ties
    return records(random.choice(list(OUTCOMES)[: len(weights)], n, p=weights), confidences.tolist())
