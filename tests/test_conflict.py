import numpy as np
import pytest

from knowledge_boundary.conflict import TAUS, crss, max_similarity


def unit(vectors):
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def random_units(n, seed, dimensions=16):
    return unit(np.random.default_rng(seed).normal(size=(n, dimensions)))


@pytest.mark.parametrize("block", [1, 2, 7, 16, 30, 2048])
@pytest.mark.parametrize(("n_idk", "n_van"), [(1, 1), (30, 17), (16, 33)])
def test_max_similarity_is_the_full_matrix_s(block, n_idk, n_van):
    idk, van = random_units(n_idk, 1), random_units(n_van, 2)
    cosines = idk.astype(np.float64) @ van.astype(np.float64).T
    best, nearest = max_similarity(idk, van, block)
    np.testing.assert_allclose(best, cosines.max(1), atol=1e-6)
    np.testing.assert_array_equal(nearest, cosines.argmax(1))


@pytest.mark.parametrize("block", [1, 2, 3, 5, 2048])
def test_ties_go_to_the_first_row_whatever_the_block(block):
    # halves: sums and products are exact, so that equal cosines are equal bit by bit
    van = np.array(np.meshgrid(*[[-0.5, 0.5]] * 4), dtype=np.float32).reshape(4, -1).T
    van = np.concatenate([van, van[::-1], van])
    idk = np.concatenate([van[3:9], np.eye(4, dtype=np.float32)])
    cosines = idk @ van.T
    assert ((cosines == cosines.max(1, keepdims=True)).sum(1) > 1).all()
    best, nearest = max_similarity(idk, van, block)
    np.testing.assert_array_equal(best, cosines.max(1))
    np.testing.assert_array_equal(nearest, cosines.argmax(1))


def test_similarity_may_be_negative():
    best, nearest = max_similarity(np.array([[1.0, 0.0]]), np.array([[-1.0, 0.0], [-0.8, 0.6]]))
    assert (best.tolist(), nearest.tolist()) == ([pytest.approx(-0.8)], [1])


def test_crss_by_hand():
    best = np.array([0.5, 0.97, 0.98, 1.0])
    assert crss(best, 0.97) == 0.5  # above the threshold, not at it
    assert crss(best, 0.4) == 1
    assert crss(best, 0.9) == 0.75
    assert crss(best, 1.0) == 0
    assert crss(np.zeros(0), 0.97) is None


def test_crss_falls_as_tau_rises():
    best, _ = max_similarity(random_units(50, 3, dimensions=3), random_units(20, 4, dimensions=3))
    curve = [crss(best, tau) for tau in TAUS]
    assert (TAUS[0], TAUS[-1], 0.97 in TAUS) == (0.8, 1.0, True)
    assert curve == sorted(curve, reverse=True)
    assert curve[0] > curve[-1]
