"""What a model knows of a question: correctness (Cor), certainty (Cer), and how they flow in training (CRaFT)."""

import numpy as np

SAME = 1e-9  # a change of Cor smaller than this is none


def choice_state(probabilities, gold: int) -> tuple[float, float]:
    """(Cor, Cer) of a multiple-choice question.

    Cor is the gold letter's probability, Cer = −H(p) in nats, in [−ln n, 0] (CRaFT).

    Args:
        probabilities: array [letters], normalised over them.
        gold: index of the right letter.
    """
    p = np.asarray(probabilities, dtype=np.float64)
    return float(p[gold]), float(np.sum(p * np.log(np.maximum(p, 1e-300))))


def sampled_correctness(correct) -> float:
    """Cor = (1/N) Σ 1(âⱼ = a) over N sampled answers (CRaFT)."""
    return float(np.mean(correct))


def sampled_certainty(texts, embed) -> float:
    """Cer = 1/(N(N−1)) Σ_{j≠k} cos(E(âⱼ), E(âₖ)) over N sampled answers (CRaFT).

    Args:
        texts: the N answers, N ≥ 2.
        embed: list of texts → array [texts, dimensions] of unit vectors.
    """
    n = len(texts)
    distinct = sorted(set(texts))
    counts = np.array([texts.count(t) for t in distinct], dtype=np.float64)
    vectors = embed(distinct).astype(np.float64)
    # Equal answers share a vector, so the double sum runs over the distinct ones, weighted by how often each stands.
    total = np.sum(np.square(counts @ vectors))
    return float((total - n) / (n * (n - 1)))


def flow(init: dict, rehearsal: dict, field: str = "cor") -> float:
    """ΔCor (or ΔCer) of one question between its records in two state files."""
    return rehearsal[field] - init[field]


def summarise(records) -> dict:
    """A state file's ``summary``: means and shares over all questions and by subject."""

    def means(rows):
        cor = np.array([r["cor"] for r in rows])
        return {
            "n": len(rows),
            "mean_cor": cor.mean(),
            "mean_cer": np.mean([r["cer"] for r in rows]),
            "share_cor_half": np.mean(cor >= 0.5),
        }

    subjects = {}
    for r in records:
        subjects.setdefault(r["subject"], []).append(r)
    return {**means(records), "subjects": {s: means(rows) for s, rows in subjects.items()}}
