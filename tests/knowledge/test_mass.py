"""Cor and Cer by mass: by hand, over all outcomes of small trees, and against a million samples of a tiny model."""

import itertools
import math
from collections import Counter

import numpy as np
import pytest
import tiny

from knowledge_boundary.engine import drawing, sampling
from knowledge_boundary.knowledge import mass, querying, state

AXES = np.eye(3)
TREES = {
    "likely right": ([0.7, 0.15, 0.1, 0.05], [1, 0, 0, 1]),
    "right is rare": ([0.55, 0.4, 0.05], [0, 0, 1]),
    "right in many ways": ([0.3, 0.25, 0.25, 0.2], [1, 1, 0, 1]),
    "nearly certain": ([1 - 1e-9, 1e-9], [1, 0]),
}


def vectors_of(n: int) -> np.ndarray:
    """``n`` unit vectors, some of them near each other."""
    found = np.random.default_rng(n).normal([1, 0, 0], 1, (n, 3))
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def outcomes(p, num_samples):
    """(leaves in the order drawn, probability) of all outcomes."""
    for drawn in itertools.product(range(len(p)), repeat=num_samples):
        yield drawn, math.prod(p[i] for i in drawn)


def estimates(p, correct, vectors, num_samples) -> dict:
    """{outcome: (probability, (Cor, Cer) by mass, (Cor, Cer) by count)}; the former a function of the set alone."""
    by_set, found = {}, {}
    for drawn, chance in outcomes(p, num_samples):
        own = tuple(sorted(set(drawn)))
        if own not in by_set:
            log_p, right, units = np.log([p[i] for i in own]), [correct[i] for i in own], vectors[list(own)]
            by_set[own] = mass.correctness(log_p, right, num_samples), mass.certainty(log_p, units, num_samples)
        texts = [str(i) for i in drawn]
        counted = state.sampled_correctness([correct[i] for i in drawn])
        cer = state.sampled_certainty(texts, lambda names: vectors[list(map(int, names))])
        found[drawn] = chance, by_set[own], (counted, cer)
    return found


def truth(p, correct, vectors) -> tuple:
    """(Cor, Cer) of a whole tree."""
    mean = p @ vectors
    return p @ correct, mean @ mean


# ---- by hand ----


def test_two_leaves_by_hand():
    # p = 0.6 (right), 0.4 (wrong); N = 3. One leaf drawn: it stands for all. Both: their probabilities say 0.6, and the
    # one that stands once (the right one with 3 · 0.6 · 0.4² / (3 · 0.6 · 0.4² + 3 · 0.6² · 0.4) = 0.4) sees only the
    # other.
    assert mass.correctness(np.log([0.6]), [1], 3) == pytest.approx(1)
    assert mass.correctness(np.log([0.4]), [0], 3) == pytest.approx(0)
    assert mass.draws_once(np.array([0.6, 0.4]), 3) == pytest.approx([0.4, 0.6])
    both = 0.6 + 0.4 / 3 * (1 - 0.6) + 0.6 / 3 * (0 - 0.6)
    assert mass.correctness(np.log([0.6, 0.4]), [1, 0], 3) == pytest.approx(both)
    assert 0.6**3 + (1 - 0.6**3 - 0.4**3) * both == pytest.approx(0.6)


def test_certainty_of_two_leaves_by_hand():
    # Alike within a leaf, a right angle between the two; N = 3, both drawn. Of the six ordered pairs of samples the two
    # of the leaf that stands twice leave only the other in D: 1, by their own cosine. In the four others D has lost the
    # leaf that stands once, and one of the two samples lies in D: 0.
    both = mass.certainty(np.log([0.6, 0.4]), AXES[:2], 3)
    assert both == pytest.approx((2 * 1 + 4 * 0) / 6)
    assert 0.6**3 + 0.4**3 + (1 - 0.6**3 - 0.4**3) * both == pytest.approx(0.6**2 + 0.4**2)


def test_of_two_samples_nothing_but_the_samples_is_known():
    assert mass.certainty(np.log([0.3]), AXES[:1], 2) == pytest.approx(1)
    cosine = 0.8
    vectors = np.array([[1, 0], [cosine, 0.6]])
    assert mass.certainty(np.log([0.3, 0.2]), vectors, 2) == pytest.approx(cosine)


def test_a_likely_answer_counts_with_its_probability():
    # A right leaf of 0.6 and nine wrong ones of next to nothing, each drawn once: Cor is 0.6 and what the others,
    # without it nearly all wrong, are taken to hold of the rest.
    log_p = np.log([0.6, *[1e-6] * 9])
    found = mass.correctness(log_p, [1, *[0] * 9], 10)
    assert 0.6 < found < 0.7
    # The same ten equally unlikely: no probability is known, one of ten is right.
    assert mass.correctness(np.log([1e-6] * 10), [1, *[0] * 9], 10) == pytest.approx(0.1, abs=1e-5)


# ---- over all outcomes ----


@pytest.mark.parametrize("num_samples", [2, 3, 5])
@pytest.mark.parametrize("tree", TREES)
def test_expectations_are_the_true_values(tree, num_samples):
    p, correct = map(np.array, TREES[tree])
    vectors = vectors_of(len(p))
    found = estimates(p, correct, vectors, num_samples)
    assert sum(chance for chance, *_ in found.values()) == pytest.approx(1, abs=1e-12)
    for i, value in enumerate(truth(p, correct, vectors)):
        assert sum(chance * by_mass[i] for chance, by_mass, _ in found.values()) == pytest.approx(value, abs=1e-12)
        assert sum(chance * counted[i] for chance, _, counted in found.values()) == pytest.approx(value, abs=1e-12)


def slow(p, values, drawn, left_out) -> np.ndarray:
    """One of the leave-one-out estimates: the sample ``left_out[0]`` against the leaves of all but ``left_out``."""
    known = {leaf for k, leaf in enumerate(drawn) if k not in left_out}
    weights = [(1 - p[a], values[a]) for a in known]
    guess = sum(w * f for w, f in weights) / sum(w for w, _ in weights) if weights else 0 * values[0]
    found = sum(p[a] * values[a] for a in known) + (1 - sum(p[a] for a in known)) * guess
    own = drawn[left_out[0]]
    return found if own in known else found + values[own] - guess


@pytest.mark.parametrize("num_samples", [2, 3, 4])
@pytest.mark.parametrize("tree", ["likely right", "right in many ways"])
def test_a_set_has_the_mean_of_all_orders_that_give_it(tree, num_samples):
    p, correct = map(np.array, TREES[tree])
    vectors, sums = vectors_of(len(p)), {}
    for drawn, chance in outcomes(p, num_samples):
        each = range(num_samples)
        cor = np.mean([slow(p, correct, drawn, [i]) for i in each])
        cer = [
            slow(p, vectors, drawn, [i, j]) @ slow(p, vectors, drawn, [j, i])
            for i, j in itertools.permutations(each, 2)
        ]
        sums.setdefault(frozenset(drawn), []).append((chance, chance * cor, chance * np.mean(cer)))
    for drawn, found in estimates(p, correct, vectors, num_samples).items():
        chance, cor, cer = np.sum(sums[frozenset(drawn)], axis=0)
        assert found[1] == pytest.approx((cor / chance, cer / chance), abs=1e-12)


# Where the right leaf is the rarest of three, counting is a little better.
@pytest.mark.parametrize(
    ("tree", "most"),
    [("likely right", (0.6, 0.9)), ("right is rare", (1.06, 1.02)), ("right in many ways", (0.6, 0.8))],
)
def test_variances_against_those_of_counting(tree, most):
    p, correct = map(np.array, TREES[tree])
    vectors = vectors_of(len(p))
    wanted = truth(p, correct, vectors)
    found = list(estimates(p, correct, vectors, 6).values())
    for i in (0, 1):
        by_mass, counted = (sum(f[0] * (f[k][i] - wanted[i]) ** 2 for f in found) for k in (1, 2))
        assert by_mass < most[i] * counted


@pytest.mark.parametrize("num_samples", [2, 3, 5])
@pytest.mark.parametrize("tree", TREES)
def test_how_often_leaves_stand(tree, num_samples):
    p = np.array(TREES[tree][0])
    single, twice, both, total = Counter(), Counter(), Counter(), Counter()
    for drawn, chance in outcomes(p, num_samples):
        counts, own = Counter(drawn), frozenset(drawn)
        total[own] += chance
        for a in own:
            single[own, a] += chance * (counts[a] == 1)
            twice[own, a] += chance * (counts[a] == 2)
            for b in own - {a}:
                both[own, a, b] += chance * (counts[a] == counts[b] == 1)
    for own, chance in total.items():
        leaves = sorted(own)
        once, pairs = mass.draws_once(p[leaves], num_samples), mass.draws_of_pairs(p[leaves], num_samples)
        assert once == pytest.approx([single[own, a] / chance for a in leaves], abs=1e-12)
        wanted = [[(both[own, a, b] if a != b else twice[own, a]) / chance for b in leaves] for a in leaves]
        assert pairs == pytest.approx(np.array(wanted), abs=1e-12)


# ---- at the ends of what floats hold ----


@pytest.mark.parametrize(
    "log_p",
    [
        [0.0],
        [1e-7],  # by rounding
        [-1e-17, -40.0],
        [math.log(0.6), math.log(0.4) + 1e-6],
        [math.log(0.5), -800.0, -2000.0],
        [-1000.0] * 10,
        [-5000.0, -5000.0],
        [math.log(1e-3)] * 10,
    ],
)
@pytest.mark.parametrize("num_samples", [10, 100, 1000])
def test_every_probability_gives_finite_values(log_p, num_samples):
    n = len(log_p)
    for correct, value in ((np.ones(n), 1), (np.zeros(n), 0)):
        assert mass.correctness(log_p, correct, num_samples) == pytest.approx(value, abs=1e-6)
    assert mass.certainty(log_p, np.tile(AXES[0], (n, 1)), num_samples) == pytest.approx(1, abs=1e-6)
    once, pairs = (f(mass.probabilities(log_p), num_samples) for f in (mass.draws_once, mass.draws_of_pairs))
    for found in (once, pairs):
        assert ((found >= 0) & (found <= 1 + 1e-9)).all()
    assert once.sum() <= num_samples + 1e-9


def test_leaves_drawn_once_each_are_drawn_once():
    p = np.random.default_rng(0).dirichlet(np.ones(10))
    assert mass.draws_once(p, 10) == pytest.approx(np.ones(10))
    assert mass.draws_of_pairs(p, 10) == pytest.approx(1 - np.eye(10))


# ---- against a million samples ----


def test_a_tiny_model_against_a_million_samples(monkeypatch):
    monkeypatch.setattr(drawing, "BLOCK", 8)  # as large as the vocabulary: no memory for what is not there
    monkeypatch.setattr(drawing, "PART", 8)
    lm, trees, n = tiny.word_model(), 20, 50_000
    drawn = sampling.answer(lm, ["a b a"] * trees, [f"x{i}" for i in range(trees)], n, 2, 1, True, greedy=False)
    samples = [own for _, batch in drawn for own, _ in batch]
    counts = Counter((s.text, round(s.log_p, 4)) for own in samples for s in own)
    assert len(counts) > 30
    for (_, log_p), count in counts.items():  # the leaves' own probabilities are what they are drawn with
        p = math.exp(log_p)
        assert abs(count - 1e6 * p) < 6 * math.sqrt(1e6 * p) + 6

    def embed(texts):
        found = np.array([[1 + text.count(word) ** 2 for word in "abcd"] for text in texts], dtype=np.float64)
        return found / np.linalg.norm(found, axis=1, keepdims=True)

    texts = sorted({text for text, _ in counts})
    shares = sum(np.array([k * (text == t) for t in texts]) for (text, _), k in counts.items()) / 1e6
    right = np.array([text.startswith("d") for text in texts])
    mean = shares @ embed(texts)
    wanted = shares @ right, mean @ mean
    generator, by_mass, by_count = np.random.default_rng(0), [], []
    for own in samples:
        for some in generator.permutation(n)[:300].reshape(30, 10):
            group = [own[i] for i in some]
            correct = [s.text.startswith("d") for s in group]
            verdicts = [{"correct": c} for c in correct]
            by_mass.append(querying.state_by_mass(group, verdicts, embed))
            cer = state.sampled_certainty([s.text for s in group], embed)
            by_count.append((state.sampled_correctness(correct), cer))
    by_mass, by_count = np.array(by_mass), np.array(by_count)  # [groups, (Cor, Cer)]
    assert (abs(by_mass.mean(0) - wanted) < 4 * by_mass.std(0) / math.sqrt(len(by_mass))).all()
    assert (by_mass.var(0) < 0.9 * by_count.var(0)).all()
