import math

import numpy as np
import pytest

from knowledge_boundary import state

TEXTS = ["Paris", "Rome", "paris", "", "Bern"]


def embedder(seed=0, dimensions=7):
    vectors = np.random.default_rng(seed).normal(size=(len(TEXTS), dimensions))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return lambda texts: vectors[[TEXTS.index(t) for t in texts]].astype(np.float32)


def double_loop(texts, embed):
    total, n = 0.0, len(texts)
    for j in range(n):
        for k in range(n):
            if j != k:
                a, b = embed([texts[j]])[0], embed([texts[k]])[0]
                total += float(a @ b) / float(np.linalg.norm(a) * np.linalg.norm(b))
    return total / (n * (n - 1))


@pytest.mark.parametrize(
    ("p", "gold", "cor", "cer"),
    [
        ([0.25] * 4, 2, 0.25, -math.log(4)),
        ([0, 1, 0, 0], 1, 1.0, 0.0),
        ([0, 1, 0, 0], 0, 0.0, 0.0),
        ([0.5, 0.5, 0, 0], 0, 0.5, -math.log(2)),
        ([0.7, 0.1, 0.1, 0.1], 0, 0.7, 0.7 * math.log(0.7) + 0.3 * math.log(0.1)),
        ([1 / 3] * 3, 0, 1 / 3, -math.log(3)),
    ],
)
def test_choice_state(p, gold, cor, cer):
    assert state.choice_state(p, gold) == pytest.approx((cor, cer), abs=1e-12)


def test_choice_certainty_lies_between_uniform_and_sure():
    for p in np.random.default_rng(0).dirichlet([0.3] * 4, 200):
        cer = state.choice_state(p, 0)[1]
        assert -math.log(4) <= cer <= 0


def test_sampled_correctness():
    assert state.sampled_correctness([True, False, False, True, True]) == 0.6
    assert state.sampled_correctness([False] * 10) == 0
    assert type(state.sampled_correctness([True])) is float


@pytest.mark.parametrize("n", [2, 3, 5, 10])
def test_sampled_certainty_is_the_plain_double_loop(n):
    random = np.random.default_rng(n)
    for seed in range(5):
        texts = [TEXTS[i] for i in random.integers(0, len(TEXTS), n)]
        embed = embedder(seed)
        assert state.sampled_certainty(texts, embed) == pytest.approx(double_loop(texts, embed), abs=1e-6)


def test_sampled_certainty_by_hand():
    axes = {"a": [1.0, 0.0], "b": [0.0, 1.0], "c": [-1.0, 0.0]}

    def embed(texts):
        return np.array([axes[t] for t in texts])

    assert state.sampled_certainty(["a", "b"], embed) == 0
    assert state.sampled_certainty(["a", "c"], embed) == -1
    assert state.sampled_certainty(["a", "a", "b"], embed) == pytest.approx(1 / 3)  # one pair of three agrees
    assert state.sampled_certainty(["a", "a", "c"], embed) == pytest.approx(-1 / 3)


def test_equal_answers_are_certain_and_embedded_once():
    asked = []

    def embed(texts):
        asked.extend(texts)
        return embedder()(texts)

    assert state.sampled_certainty(["Paris"] * 10, embed) == pytest.approx(1, abs=1e-6)
    assert asked == ["Paris"]


def test_sampled_certainty_does_not_depend_on_the_order():
    texts = ["Paris", "Rome", "Paris", "Bern", ""]
    assert state.sampled_certainty(texts, embedder()) == state.sampled_certainty(texts[::-1], embedder())


def test_flow_is_after_minus_before():
    assert state.flow({"cor": 0.2, "cer": -1.0}, {"cor": 0.7, "cer": -0.5}) == pytest.approx(0.5)
    assert state.flow({"cor": 0.2, "cer": -1.0}, {"cor": 0.7, "cer": -1.5}, "cer") == -0.5


def test_summary_means_are_over_all_and_by_subject():
    records = [
        {"subject": "a", "cor": 1.0, "cer": 0.0},
        {"subject": "b", "cor": 0.5, "cer": -1.0},
        {"subject": "a", "cor": 0.0, "cer": -0.5},
        {"subject": "a", "cor": 0.2, "cer": -0.1},
    ]
    found = state.summarise(records)
    assert (found["n"], found["mean_cor"], found["mean_cer"]) == (4, pytest.approx(0.425), pytest.approx(-0.4))
    assert found["share_cor_half"] == 0.5
    assert list(found["subjects"]) == ["a", "b"]
    assert found["subjects"]["a"] == {
        "n": 3,
        "mean_cor": pytest.approx(0.4),
        "mean_cer": pytest.approx(-0.2),
        "share_cor_half": pytest.approx(1 / 3),
    }
