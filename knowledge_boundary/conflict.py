"""CRSS: how much of D_idk looks to the model like something of D_van (CRaFT, static conflict)."""

import os
from pathlib import Path

import numpy as np

from . import __version__
from .packing import check_finite
from .results import sha256_json
from .scoring import Request, run

TAUS = tuple(round(0.80 + 0.01 * i, 2) for i in range(21))
PART = 2048  # questions of one file of the cache


def representations(lm, texts, names, batch_tokens: int, shared: bool, progress=lambda n: None) -> np.ndarray:
    """Unit vectors [texts, hidden]: the last hidden layer at each text's last token (CRaFT).

    Args:
        lm: the model.
        texts: the questions.
        names: their ids, for errors.
        batch_tokens: see ``scoring.run``.
        shared: see ``scoring.run``.
        progress: called with the number of texts done.

    Raises:
        UserError: a vector is not finite; a text is longer than the model's window.
    """
    units = [[Request(ids, len(ids))] for ids in map(lm.encode, texts)]
    vectors = [None] * len(texts)

    def read(hidden, requests, names):
        check_finite(lm, hidden, names)
        return hidden.float().cpu().numpy()

    for indices, results in run(lm, units, read, batch_tokens, shared, names):
        for i, result in zip(indices, results, strict=True):
            vectors[i] = result[0] / np.linalg.norm(result[0])
        progress(len(indices))
    return np.stack(vectors)


def cached_representations(lm, texts, names, batch_tokens: int, shared: bool, folder, progress) -> np.ndarray:
    """``representations``, kept in ``folder`` by what decides them: the model, its dtype, the texts.

    They are written PART questions at a time, so that an interrupted run goes on; what was computed is never computed
    again for this model and these questions, whatever is selected from them.
    """
    key = sha256_json([__version__, lm.about["fingerprint"], lm.about["dtype"], texts])[:16]
    parts = []
    for start in range(0, len(texts), PART):
        file = Path(folder) / key / f"{start // PART:04}.npy"
        here = slice(start, start + PART)
        if file.is_file():
            parts.append(np.load(file))
            progress(len(parts[-1]))
            continue
        parts.append(representations(lm, texts[here], names[here], batch_tokens, shared, progress))
        file.parent.mkdir(parents=True, exist_ok=True)
        unfinished = file.with_suffix(".tmp")
        with open(unfinished, "wb") as f:
            np.save(f, parts[-1])
            f.flush()
            os.fsync(f.fileno())
        os.replace(unfinished, file)
    return np.concatenate(parts)


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
