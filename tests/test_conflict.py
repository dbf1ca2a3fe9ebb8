import tracemalloc

import numpy as np
import pytest
import torch

from knowledge_boundary import conflict
from knowledge_boundary.conflict import TAUS, cached_representations, crss, max_similarity
from knowledge_boundary.results import UserError


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


def test_no_matrix_of_all_cosines_is_made():
    idk, van = random_units(6000, 5), random_units(5000, 6)
    tracemalloc.start()
    max_similarity(idk, van, block=512)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3 * 512 * 512 * 4 + 2e5  # the full matrix has 120 MB


# ---- representations ----

TEXTS = [f"What is the capital of country {i}?" for i in range(7)]
NAMES = [f"capitals/train/{i}" for i in range(7)]


@pytest.fixture
def counted(llama, monkeypatch):
    """``folder → vectors``, and how many questions were run through the model each time."""
    llama.about["fingerprint"], ran, real = "f1", [], conflict.representations
    monkeypatch.setattr(conflict, "PART", 3)

    def count(lm, texts, *rest):
        ran.append(len(texts))
        return real(lm, texts, *rest)

    monkeypatch.setattr(conflict, "representations", count)

    def represent(folder, texts=TEXTS):
        done = []
        vectors = cached_representations(llama, texts, NAMES[: len(texts)], 64, True, folder, done.append)
        assert sum(done) == len(texts)
        return vectors

    return represent, ran


def test_representations_are_the_last_hidden_state_at_the_last_token(counted, llama, tmp_path):
    vectors = counted[0](tmp_path)
    for text, vector in zip(TEXTS, vectors, strict=True):
        whole = llama.model(torch.tensor([llama.encode(text)]), output_hidden_states=True).hidden_states[-1][0, -1]
        np.testing.assert_allclose(vector, (whole / whole.norm()).detach().numpy(), atol=1e-5)


def test_representations_are_computed_once_and_an_interrupted_run_goes_on(counted, tmp_path):
    represent, ran = counted
    first = represent(tmp_path)
    assert ran == [3, 3, 1]
    (last,) = tmp_path.glob("*/0001.npy")
    last.unlink()
    again = represent(tmp_path)
    assert ran == [3, 3, 1, 3]
    np.testing.assert_array_equal(first, again)
    assert not list(tmp_path.glob("*/*.tmp"))


def test_other_questions_or_another_model_are_never_taken_from_the_cache(counted, llama, tmp_path):
    represent, ran = counted
    represent(tmp_path)
    represent(tmp_path, [*TEXTS[:6], "Who?"])
    llama.about["fingerprint"] = "f2"
    represent(tmp_path)
    assert ran == [3, 3, 1] * 3


def test_a_representation_that_is_not_finite_ends_the_run(llama, tmp_path, monkeypatch):
    llama.about["fingerprint"] = "f3"
    monkeypatch.setattr(
        conflict, "run", lambda lm, units, read, *_: [([0], read(torch.tensor([[0.0, torch.nan]]), units[0], NAMES))]
    )
    with pytest.raises(UserError, match="question capitals/train/0: the model's output is not finite in float32"):
        cached_representations(llama, TEXTS[:1], NAMES[:1], 64, True, tmp_path, lambda n: None)
    assert not list(tmp_path.iterdir())
