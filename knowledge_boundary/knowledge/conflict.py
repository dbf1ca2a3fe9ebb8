"""CRSS: how much of D_idk looks to the model like something of D_van (CRaFT, static conflict)."""

import itertools
from pathlib import Path

import numpy as np

from .. import __version__
from ..engine import layers
from ..running.results import replacing, sha256_json

TAUS = tuple(round(0.80 + 0.01 * i, 2) for i in range(21))
PART = 2048  # questions of one file of the cache, at most


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
    last = layers.depth(lm.model)
    states = layers.last_token_states(lm, texts, names, [last], batch_tokens, shared, progress)[last]
    return states / np.linalg.norm(states, axis=1, keepdims=True)


def cached_representations(lm, texts, names, batch_tokens: int, shared: bool, folder, progress) -> dict:
    """{name: vector} as ``representations`` gives them, kept in ``folder`` by the model, its dtype and the text.

    So what was computed is never computed again for this model, whatever is selected. What is missing is computed PART
    questions at a time and written at once, so that an interrupted run goes on; and with the batches of an undisturbed
    one, for the batch that a text is in can move its vector's last digits.
    """
    folder = Path(folder) / sha256_json([__version__, lm.about["fingerprint"], lm.about["dtype"]])[:16]
    keys = list(map(sha256_json, texts))
    found, wanted = {}, set(keys)
    for file in sorted(folder.glob("*.npz")):
        found |= read_part(file, wanted)
    missing = {key: i for i, key in enumerate(keys) if key not in found}  # a text that stands twice, once
    progress(len(texts) - len(missing))
    for start in range(0, len(missing), PART):
        part = dict(itertools.islice(missing.items(), start, start + PART))
        own, own_names = ([values[i] for i in part.values()] for values in (texts, names))
        vectors = representations(lm, own, own_names, batch_tokens, shared, progress)
        with replacing(folder / f"{sha256_json(list(part))[:16]}.npz", "wb") as f:
            np.savez(f, keys=np.array(list(part), dtype="S64"), vectors=vectors)
        found |= zip(part, vectors, strict=True)
    return {name: found[key] for name, key in zip(names, keys, strict=True)}


def read_part(file: Path, wanted: set) -> dict:
    """{key: vector} of the ``wanted`` keys in a part file; nothing of one that is cut off or damaged."""
    try:
        with np.load(file) as part:
            keys = [key.decode() for key in part["keys"]]
            rows = [i for i, key in enumerate(keys) if key in wanted]
            vectors = part["vectors"][rows] if rows else ()  # a copy: the file's other vectors don't stay in memory
    except Exception:  # damage ends in any of half a dozen, by the zip file's checksums at the latest
        return {}
    return dict(zip((keys[i] for i in rows), vectors, strict=True))


def compared(entries, selections) -> list:
    """The ``entries`` that must be represented: those that any of the ``selections`` with a D_idk has taken.

    Where these are half of all or more, all: for at most twice the work, any other selection finds its vectors.
    """
    taken = set()
    for labelled in selections:
        if any(e["label"] == "idk" for e in labelled):
            taken |= {e["id"] for e in labelled if e["label"] != "dropped"}
    return [e for e in entries if e["id"] in taken or 2 * len(taken) >= len(entries)]


def find_nearest(labelled, vectors: dict) -> np.ndarray:
    """Set each idk entry's ``nearest`` question of D_van and its ``similarity``; returns the similarities [idk].

    Args:
        labelled: entries of ``selection.select``; changed.
        vectors: {id: unit vector [hidden]} of those that are ``compared``.
    """
    van, idk = ([e for e in labelled if e["label"] == side] for side in ("van", "idk"))
    if not (idk and van):  # soft targets may all lie on one side
        return np.zeros(0)
    best, nearest = max_similarity(*(np.stack([vectors[e["id"]] for e in side]) for side in (idk, van)))
    for entry, similarity, j in zip(idk, best, nearest, strict=True):
        entry |= {"nearest": van[j]["id"], "similarity": float(similarity)}
    return best


def summarise(best: np.ndarray, tau_sim: float) -> dict:
    """``crss`` at many thresholds and at ``tau_sim``, and ``mean_max_similarity``, from ``find_nearest``."""
    return {
        "crss": {f"{tau:.2f}": crss(best, tau) for tau in sorted({*TAUS, tau_sim})},
        "mean_max_similarity": float(best.mean()) if len(best) else None,
    }


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
