"""Cor and Cer from the probabilities of the answers that were drawn, in place of how often each was.

N answers are N independent leaves of a question's tree, and of each drawn leaf the probability p is known. Both are
leave-one-out estimates: one sample x is set against the distinct leaves D of the others,

    Σ_{a ∈ D} p(a) f(a) + (1 − p(D)) g + 1(x ∉ D) (f(x) − g),

which is unbiased whatever g is made of D: given D, the last term's mean is Σ_{a ∉ D} p(a) f(a) − (1 − p(D)) g (Liu et
al. 2019, arXiv 1810.04777, "sum and sample", with a control variate). g is the mean of f over D with weights 1 − p: the
likelier a leaf, the less it says of the others. What is given is the mean over the samples and over all orders in which
this set of leaves can have been drawn (Rao–Blackwell; that nothing but the set counts: Basu 1958): the variance can
only fall by that, and how often a leaf was drawn plays no part. For Cor f is 1 where an answer is right, else 0. Cer =
‖Σ p(a) E(a)‖² is the scalar product of two such estimates, of two samples against the leaves of the other N − 2.
"""

import numpy as np

TINY = 1e-300  # in place of a probability too small for a float


def probabilities(log_p) -> np.ndarray:
    """Probabilities [leaves] from log-probabilities in nats, above 0 and at most 1."""
    return np.maximum(np.exp(np.minimum(log_p, 0)), TINY)


def positive_counts(p: np.ndarray, num_samples: int) -> np.ndarray:
    """P(a leaf stands n times), n = 0 … N [leaves, N + 1], up to the condition that the leaves stand N times together.

    Given which leaves were drawn, how often each was is distributed as independent Poisson counts, none of them 0,
    given their sum N. Their rates are as the p; on what scale is all the same, this one keeps N among the likely sums.
    """
    n = np.arange(1, num_samples + 1)
    rate = num_samples * p[:, None] / p.sum()
    log_norm = rate + np.log(-np.expm1(-rate))  # of e^rate − 1
    counts = np.exp(n * np.log(rate) - np.cumsum(np.log(n)) - log_norm)
    return np.pad(counts, ((0, 0), (1, 0)))


def sums_of_others(counts: np.ndarray) -> np.ndarray:
    """P(all leaves but one stand n times together), n = 0 … N, for each that is left out [leaves, N + 1]."""
    size = counts.shape[1]
    before, behind = [np.eye(1, size)[0]], [np.eye(1, size)[0]]
    for own in counts[:-1]:
        before.append(np.convolve(before[-1], own)[:size])
    for own in counts[:0:-1]:
        behind.append(np.convolve(behind[-1], own)[:size])
    return np.array([np.convolve(a, b)[:size] for a, b in zip(before, reversed(behind), strict=True)])


def draws_once(p: np.ndarray, num_samples: int) -> np.ndarray:
    """P(the leaf was drawn once | which leaves were drawn) [leaves].

    Args:
        p: probabilities of the leaves that were drawn, each once [leaves].
        num_samples: N draws.
    """
    counts = positive_counts(p, num_samples)
    others = sums_of_others(counts)
    return counts[:, 1] * others[:, num_samples - 1] / (others[0] @ counts[0, ::-1])


def draws_of_pairs(p: np.ndarray, num_samples: int) -> np.ndarray:
    """P(both leaves were drawn once | which leaves were drawn) [leaves, leaves]; on the diagonal P(it was drawn twice).

    Args:
        p: see ``draws_once``.
        num_samples: N ≥ 2 draws.
    """
    counts = positive_counts(p, num_samples)
    others = sums_of_others(counts)
    found = np.diag(counts[:, 2] * others[:, num_samples - 2])
    for i in range(len(p) - 1):
        rest = np.arange(len(p)) != i
        found[i, rest] = counts[i, 1] * counts[rest, 1] * sums_of_others(counts[rest])[:, num_samples - 2]
        found[rest, i] = found[i, rest]
    return found / (others[0] @ counts[0, ::-1])


def expectation(p: np.ndarray, values: np.ndarray, known: np.ndarray) -> tuple:
    """(Σ p f, what f is taken to be elsewhere) with only some leaves known: Σ_{a ∈ D} p(a) f(a) + (1 − p(D)) g, and g.

    Args:
        p: [leaves].
        values: f [leaves] or [leaves, dimensions].
        known: bool [leaves], which are in D; in an empty D g is 0.
    """
    p, values = p[known], values[known]
    weights = np.maximum(1 - p, TINY)
    guess = weights @ values / max(weights.sum(), TINY)
    return p @ values + max(0, 1 - p.sum()) * guess, guess


def correctness(log_p, correct, num_samples: int) -> float:
    """Cor by mass: an unbiased estimate of the probability of a right answer; it may leave [0, 1] a little.

    Args:
        log_p: log-probabilities, in nats, of the leaves that were drawn, each once [leaves].
        correct: which of them are right [leaves].
        num_samples: N ≥ 2 draws.
    """
    p, right = probabilities(log_p), np.asarray(correct, dtype=np.float64)
    everything = np.ones(len(p), dtype=bool)
    all_known = expectation(p, right, everything)[0]
    found = all_known
    for i, once in enumerate(draws_once(p, num_samples)):
        others = everything.copy()
        others[i] = False
        mean, guess = expectation(p, right, others)
        found += once / num_samples * (mean + right[i] - guess - all_known)
    return float(found)


def certainty(log_p, vectors, num_samples: int) -> float:
    """Cer by mass: an unbiased estimate of the expected cosine of two independent answers; it may exceed 1 a little.

    Args:
        log_p: see ``correctness``.
        vectors: the leaves' embeddings, unit vectors [leaves, dimensions].
        num_samples: N ≥ 2 draws.
    """
    p, vectors = probabilities(log_p), np.asarray(vectors, dtype=np.float64)
    once, pairs = draws_once(p, num_samples), draws_of_pairs(p, num_samples)
    # Of the N (N − 1) ordered pairs of samples, how many take from D: one of them its leaf; both theirs, or one shared.
    alone = num_samples * once - once - (pairs.sum(1) - pairs.diagonal())
    everything = np.ones(len(p), dtype=bool)
    mean = expectation(p, vectors, everything)[0]
    all_known = mean @ mean
    more = 0.0
    for i in range(len(p)):
        others = everything.copy()
        others[i] = False
        mean, guess = expectation(p, vectors, others)
        first = mean + vectors[i] - guess
        more += 2 * alone[i] * (first @ mean - all_known) + 2 * pairs[i, i] * (first @ first - all_known)
        for j in range(i + 1, len(p)):
            others[j] = False
            mean, guess = expectation(p, vectors, others)
            others[j] = True
            cosine = (mean + vectors[i] - guess) @ (mean + vectors[j] - guess)
            more += 2 * pairs[i, j] * (cosine - all_known)
    return float(all_known + more / (num_samples * (num_samples - 1)))
