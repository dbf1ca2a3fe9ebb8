"""What a model knows of a question: correctness (Cor), certainty (Cer), and how they flow in training (CRaFT)."""

import numpy as np

from ..evaluation import caution
from ..evaluation.intervals import Z95

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


def sampled_choice_state(probabilities, gold: int, num_samples: int, generator) -> tuple[list, float, float]:
    """``num_samples`` choices drawn from their probabilities, and (Cor, Cer) of the drawn ones' shares.

    Both tend to ``choice_state``'s as the number grows; below that, Cer lies too high by about
    (choices − 1) / (2 · num_samples) nats, as every entropy of drawn shares does.

    Args:
        probabilities: array [choices], normalised over them.
        gold: index of the right choice.
        num_samples: N.
        generator: the question's own (``drawing.generator``).

    Returns:
        (indices of the drawn choices in the order drawn, Cor, Cer)
    """
    p = np.asarray(probabilities, dtype=np.float64)
    drawn = generator.choice(len(p), size=num_samples, p=p / p.sum())
    shares = np.bincount(drawn, minlength=len(p)) / num_samples
    return drawn.tolist(), *choice_state(shares, gold)


def sampled_correctness(correct) -> float:
    """Cor = (1/N) Σ 1(âⱼ = a) over N sampled answers (CRaFT)."""
    return float(np.mean(correct))


def embedded(groups, embed):
    """``embed`` of the texts in ``groups`` (lists of texts), which are embedded together: many at once are faster."""
    distinct = sorted({text for texts in groups for text in texts})
    vectors = dict(zip(distinct, embed(distinct), strict=True)) if distinct else {}
    return lambda texts: np.stack([vectors[text] for text in texts])


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


def answerable(records) -> list:
    """The records of questions that have an answer: all but those that ``should_abstain``."""
    return [r for r in records if not r.get("should_abstain")]


def flow(init: dict, rehearsal: dict, field: str = "cor") -> float:
    """ΔCor (or ΔCer) of one question between its records in two state files."""
    return rehearsal[field] - init[field]


def summarise(records, thinking: str = "off") -> dict:
    """A state file's ``summary``: over all questions and by subject; the distribution of Cor; what was empty.

    ``ci95`` is of mean Cor: normal approximation over questions; null for a single one. ``accuracy`` is of the most
    probable letter or of the greedy answer. ``cor_tenths`` counts the questions with Cor in [0, 0.1), … [0.9, 1]; what
    lies outside (``mass``) is in the nearest.
    ``letter_mass`` and ``warnings``: see ``caution``; ``thinking``: whether the model was asked to think.
    ``should_abstain`` counts the unanswerable questions: no answer of theirs is correct, their Cor is 0.
    """

    def means(rows):
        cor = np.array([r["cor"] for r in rows])
        half = Z95 * cor.std(ddof=1) / np.sqrt(len(rows)) if len(rows) > 1 else None
        return {
            "n": len(rows),
            "mean_cor": cor.mean(),
            "ci95": [max(0, cor.mean() - half), min(1, cor.mean() + half)] if half is not None else None,
            "mean_cer": np.mean([r["cer"] for r in rows]),
            "share_cor_half": np.mean(cor >= 0.5),
        }

    subjects = {}
    for r in records:
        subjects.setdefault(r["subject"], []).append(r)
    right = [r["prediction"] == r["answer"] if "prediction" in r else r["greedy"]["correct"] for r in records]
    texts = [s["text"] for r in records for s in r.get("samples", ())]
    greedy = [r["greedy"]["text"] for r in records if "greedy" in r]
    incomplete = sum(r["greedy"].get("incomplete", False) for r in records if "greedy" in r)
    tenths = np.clip(np.floor(np.array([r["cor"] for r in records]) * 10 + SAME), 0, 9).astype(int)
    return {
        **means(records),
        "accuracy": np.mean(right),
        "cor_tenths": np.bincount(tenths, minlength=10).tolist(),
        "empty_samples": texts.count("") / len(texts) if texts else None,
        "should_abstain": len(records) - len(answerable(records)),
        "letter_mass": caution.mean_letter_mass(records),
        "warnings": caution.of_letters(records) + caution.of_outputs(greedy, incomplete, thinking=thinking),
        "subjects": {s: means(rows) for s, rows in subjects.items()},
    }
