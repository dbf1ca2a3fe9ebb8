import tracemalloc

import numpy as np
import pytest
import torch

from knowledge_boundary.knowledge import conflict
from knowledge_boundary.knowledge.conflict import TAUS, cached_representations, crss, max_similarity
from knowledge_boundary.running.errors import UserError


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
    """``folder → [vector of each text]``, and how many questions were run through the model each time."""
    llama.about["fingerprint"], ran, real = "f1", [], conflict.representations
    monkeypatch.setattr(conflict, "PART", 3)

    def count(lm, texts, *rest):
        ran.append(len(texts))
        return real(lm, texts, *rest)

    monkeypatch.setattr(conflict, "representations", count)

    def represent(folder, texts=TEXTS):
        done, names = [], [f"capitals/train/{i}" for i in range(len(texts))]
        vectors = cached_representations(llama, texts, names, 64, True, folder, done.append)
        assert sum(done) == len(texts)
        assert list(vectors) == names
        return list(vectors.values())

    return represent, ran


def parts(folder):
    return sorted(folder.glob("*/*"))


def test_representations_are_the_last_hidden_state_at_the_last_token(counted, llama, tmp_path):
    vectors = counted[0](tmp_path)
    for text, vector in zip(TEXTS, vectors, strict=True):
        whole = llama.model(torch.tensor([llama.encode(text)]), output_hidden_states=True).hidden_states[-1][0, -1]
        np.testing.assert_allclose(vector, (whole / whole.norm()).detach().numpy(), atol=1e-5)


def test_representations_are_computed_once(counted, tmp_path):
    represent, ran = counted
    first = represent(tmp_path)
    assert ran == [3, 3, 1]
    np.testing.assert_array_equal(first, represent(tmp_path))
    assert ran == [3, 3, 1]
    assert [p.suffix for p in parts(tmp_path)] == [".npz"] * 3


def test_other_selections_share_what_was_computed(counted, tmp_path):
    represent, ran = counted
    first = represent(tmp_path, TEXTS[:5])
    other = represent(tmp_path, [*TEXTS[6:2:-1], "Who?"])
    assert ran == [3, 2, 3]  # the last for countries 6 and 5, and for "Who?"
    np.testing.assert_array_equal(other[2:4], [first[4], first[3]])
    np.testing.assert_allclose(other[:2], represent(tmp_path / "alone", TEXTS[6:4:-1]), atol=1e-5)


def test_a_text_that_stands_twice_is_computed_once(counted, tmp_path):
    represent, ran = counted
    vectors = represent(tmp_path, [*TEXTS[:2], TEXTS[0]])
    assert ran == [2]
    np.testing.assert_array_equal(vectors[0], vectors[2])


def test_nothing_to_compare_leaves_nothing_behind(counted, tmp_path):
    represent, ran = counted
    assert represent(tmp_path, []) == []
    assert (ran, parts(tmp_path)) == ([], [])


def test_an_interrupted_run_goes_on_with_the_batches_of_an_undisturbed_one(counted, tmp_path, monkeypatch):
    represent, ran = counted
    whole, real = represent(tmp_path / "whole"), conflict.representations

    def killed(lm, texts, *rest):
        if len(ran) == 4:
            raise KeyboardInterrupt
        return real(lm, texts, *rest)

    monkeypatch.setattr(conflict, "representations", killed)
    with pytest.raises(KeyboardInterrupt):
        represent(tmp_path / "killed")
    monkeypatch.setattr(conflict, "representations", real)
    np.testing.assert_array_equal(whole, represent(tmp_path / "killed"))
    assert ran == [3, 3, 1, 3, 3, 1]
    names = [[p.name for p in parts(tmp_path / name)] for name in ("whole", "killed")]
    assert names[0] == names[1]


def test_a_damaged_part_is_computed_again(counted, tmp_path):
    represent, ran = counted
    whole = represent(tmp_path)
    file = parts(tmp_path)[0]
    content = file.read_bytes()
    count = len(np.load(file)["keys"])
    damaged = [content[:n] for n in (0, 1, 40, len(content) // 2, len(content) - 1)]
    damaged += [content[:n] + bytes([content[n] ^ 255]) + content[n + 1 :] for n in range(0, len(content), 37)]
    for bad in damaged:
        file.write_bytes(bad)
        ran.clear()
        np.testing.assert_array_equal(whole, represent(tmp_path))
        assert ran in ([count], [])  # a few bytes of the format mean nothing
    assert len(parts(tmp_path)) == 3
    file.write_bytes(content[:-1])
    ran.clear()
    represent(tmp_path)
    assert ran == [count]
    assert len(np.load(file)["keys"]) == count


def test_another_model_dtype_or_version_is_never_taken_from_the_cache(counted, llama, tmp_path, monkeypatch):
    represent, ran = counted
    represent(tmp_path)
    for name, value in (("fingerprint", "f2"), ("dtype", "bfloat16")):
        monkeypatch.setitem(llama.about, name, value)
        represent(tmp_path)
    monkeypatch.setattr(conflict, "__version__", "0")
    represent(tmp_path)
    assert ran == [3, 3, 1] * 4


def test_a_part_that_is_asked_for_few_does_not_stay_in_memory(tmp_path):
    vectors = np.ones((4, 1000), dtype=np.float32)
    np.savez(tmp_path / "a.npz", keys=np.array(["a", "b", "c", "d"], dtype="S64"), vectors=vectors)
    found = conflict.read_part(tmp_path / "a.npz", {"b", "z"})
    assert list(found) == ["b"]
    assert found["b"].base.nbytes == 4000


def test_a_representation_that_is_not_finite_ends_the_run(llama, tmp_path, monkeypatch):
    llama.about["fingerprint"] = "f3"
    monkeypatch.setattr(
        conflict.layers,
        "run",
        lambda lm, units, read, *_: [([0], read(torch.tensor([[0.0, torch.nan]]), units[0], NAMES))],
    )
    with pytest.raises(UserError, match="question capitals/train/0: the model's output is not finite in float32"):
        cached_representations(llama, TEXTS[:1], NAMES[:1], 64, True, tmp_path, lambda n: None)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("labels", "wanted"),
    [
        (["van idk dropped dropped dropped", "dropped idk dropped dropped van"], "01234"),  # 3 of 5: all
        (["van idk dropped dropped dropped", "idk van dropped dropped dropped"], "01"),
        (["dropped dropped dropped dropped dropped"], ""),
        (["van van van van dropped"], ""),  # Van-Tuning has no D_idk, so nothing conflicts
        (["van van van van van", "dropped dropped van idk dropped"], "23"),
    ],
)
def test_what_is_selected_is_represented_and_all_of_a_pool_half_of_which_is(labels, wanted):
    entries = [{"id": str(i)} for i in range(5)]
    selections = [[e | {"label": x} for e, x in zip(entries, own.split(), strict=True)] for own in labels]
    assert "".join(e["id"] for e in conflict.compared(entries, selections)) == wanted
