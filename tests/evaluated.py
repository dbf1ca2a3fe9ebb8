"""Evaluation records as short texts: a letter each, c(orrect), w(rong), r(efused), u(nparsed), i(ncomplete)."""

import numpy as np

from knowledge_boundary.evaluation import scores, seeds
from knowledge_boundary.evaluation.rates import answerable

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


def made_to_answer(outcomes, forced, scores, **fields):
    """``records`` with forced answers: a letter for the outcome of each ("-": there is none), and the scores.

    ``fields``: more of each record, a list a field.
    """
    rows = records(outcomes)
    for i, (r, o, score) in enumerate(zip(rows, forced, scores, strict=True)):
        r |= {"id": f"q{i}", "subject": "s", "dataset": "facts/dev", "p_refusal": 0.5, "p_sure": 0.5, "score": score}
        r["forced"] = None if o == "-" else {"text": f"forced {i}", "outcome": OUTCOMES[o], "p": 0.25}
        r |= {name: values[i] for name, values in fields.items()}
    return rows


# Eight questions by hand: the tie of 1 and 2, an answer that can't be read (4), one that stays a refusal (7).
EIGHT = made_to_answer("cwccrcrr", "cwccucwr", [3.0, 2.0, 2.0, 1.0, 0.5, -0.5, -1.0, 4.0])
EIGHT_BASE = records("cwcwccwr")  # the initial model: 4 right, 3 wrong, so that THS = P_c − 4/3 P_w
for _own, _base in zip(EIGHT, EIGHT_BASE, strict=True):
    _base |= {name: _own[name] for name in ("id", "subject", "dataset")}


def paired_test(a, b, base, seed):
    """The paired test of the THS of two models of one seed each, as a comparison has it."""
    samples = []
    for rows in (a, b):
        values, draws = scores.sampled(*answerable(rows, base), seed)
        value, drawn = values.get("ths", np.nan), draws.get("ths", np.zeros(0))
        samples.append(seeds.Sample(np.array([value]), drawn[None], (0,), seed))
    return seeds.paired_test(*samples)
