"""GRAIT's choice of D_idk and its weights, from the gradients of refusals.

Zhu et al., *GRAIT: Gradient-Driven Refusal-Aware Instruction Tuning for Effective Hallucination Mitigation*, Findings
of NAACL 2025, arXiv 2502.05911; its code, github.com/opendatalab/GRAIT. g(x) is the gradient of the loss of refusing x,
as a unit vector (LESS: Xia et al., ICML 2024). What is implemented, and how it departs from both: docs/selections.md.
"""

import numpy as np

TEMPERATURE = 0.05  # of the weights' softmax (GRAIT's code)
MEAN_WEIGHT = 0.5  # of D_idk's examples (its code: 500 over 1,000 of them)


def measured(entries, gradients: np.ndarray, known) -> list:
    """New entries with ``influence`` and ``influence_van``: mean cosines of g(x) with D_idk's pool and with D_van's.

    influence(x) = mean over D_idk's pool of g(x)·g(x′), x itself among it: how much a step on refusing x refuses the
    unknown; influence_van the same over D_van's pool: how much it refuses the known.

    Args:
        entries: of ``selection.join``.
        gradients: g of each, unit vectors [n, size].
        known: whether each is of D_van's pool, [n].
    """
    known = np.asarray(known, dtype=bool)
    # A mean of products is the product with the mean.
    on_idk, on_van = (gradients @ gradients[side].mean(0, dtype=np.float64) for side in (~known, known))
    return [
        e | {"influence": float(i), "influence_van": float(v)} for e, i, v in zip(entries, on_idk, on_van, strict=True)
    ]


def weigh(chosen) -> list:
    """D_idk's entries with their ``weight``: MEAN_WEIGHT · n · softmax((influence − influence_van) / TEMPERATURE).

    So what refuses the unknown counts for more, and what would refuse the known too for less.
    """
    scores = np.array([e["influence"] - e["influence_van"] for e in chosen]) / TEMPERATURE
    shares = np.exp(scores - scores.max())
    weights = MEAN_WEIGHT * len(chosen) * shares / shares.sum()
    return [e | {"weight": float(w)} for e, w in zip(chosen, weights, strict=True)]
