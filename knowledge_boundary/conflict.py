"""CRSS: how much of D_idk looks to the model like something of D_van (CRaFT, static conflict)."""

import numpy as np

from .scoring import Request, run

TAUS = tuple(round(0.80 + 0.01 * i, 2) for i in range(21))


def representations(lm, texts, batch_tokens: int, shared: bool, progress=lambda n: None) -> np.ndarray:
    """Unit vectors [texts, hidden]: the last hidden layer at each text's last token."""
    units = [[Request(ids, len(ids))] for ids in map(lm.encode, texts)]
    vectors = [None] * len(texts)

    def read(hidden, requests, names):
        return hidden.float().cpu().numpy()

    for indices, results in run(lm, units, read, batch_tokens, shared):
        for i, result in zip(indices, results, strict=True):
            vectors[i] = result[0] / np.linalg.norm(result[0])
        progress(len(indices))
    return np.stack(vectors)


def max_similarity(idk: np.ndarray, van: np.ndarray, block: int = 2048) -> tuple[np.ndarray, np.ndarray]:
    """For each row of ``idk`` its highest cosine with a row of ``van``, and which row that is.

    Args:
        idk: unit vectors [n_idk, hidden].
        van: unit vectors [n_van, hidden].
        block: rows of each side at a time; no more than block² cosines are in memory.
    """
    best = np.full(len(idk), -np.inf, dtype=np.float32)
    nearest = np.zeros(len(idk), dtype=np.int64)
    for i in range(0, len(idk), block):
        for j in range(0, len(van), block):
            cosines = idk[i : i + block] @ van[j : j + block].T
            at = cosines.argmax(1)
            value = cosines[np.arange(len(at)), at]
            better = value > best[i : i + block]
            best[i : i + block][better] = value[better]
            nearest[i : i + block][better] = at[better] + j
    return best, nearest


def crss(best: np.ndarray, tau: float) -> float | None:
    """CRSS(τ): the share of D_idk whose highest cosine with D_van exceeds ``tau``; None for an empty D_idk."""
    return float(np.mean(best > tau)) if len(best) else None
