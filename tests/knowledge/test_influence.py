import numpy as np
import pytest

from knowledge_boundary.knowledge.influence import measured, weigh

# Four unit gradients in the plane: two of D_idk's pool, two of D_van's.
GRADIENTS = np.array([[1, 0], [0.6, 0.8], [0, 1], [-1, 0]], dtype=np.float32)
KNOWN = [False, False, True, True]


def test_influence_by_hand():
    found = measured([{"id": i} for i in "abcd"], GRADIENTS, KNOWN)
    # D_idk's mean is (0.8, 0.4), D_van's (−0.5, 0.5); a question is one of its own pool.
    assert [e["influence"] for e in found] == pytest.approx([0.8, 0.8, 0.4, -0.8])
    assert [e["influence_van"] for e in found] == pytest.approx([-0.5, 0.1, 0.5, 0.5])
    assert [e["id"] for e in found] == list("abcd")


def test_influence_is_the_mean_over_all_pairs():
    random = np.random.default_rng(0)
    g = random.normal(size=(50, 30))
    g /= np.linalg.norm(g, axis=1, keepdims=True)
    known = random.random(50) < 0.4
    found = measured([{"id": i} for i in range(50)], g.astype(np.float32), known)
    for e in found:
        assert e["influence"] == pytest.approx(
            np.mean([g[e["id"]] @ g[j] for j in range(50) if not known[j]]), abs=1e-6
        )
        assert e["influence_van"] == pytest.approx(
            np.mean([g[e["id"]] @ g[j] for j in range(50) if known[j]]), abs=1e-6
        )


def test_weights_by_hand():
    chosen = [{"influence": 0.5, "influence_van": v} for v in (0.5, 0.5 - 0.05 * np.log(2), 0.5 + 0.05 * np.log(2))]
    weights = [e["weight"] for e in weigh(chosen)]
    assert weights == pytest.approx([1.5 * s / 3.5 for s in (1, 2, 0.5)])  # ½ · 3 in all
    assert np.mean(weights) == pytest.approx(0.5)


def test_weights_of_far_apart_influences_stay_numbers():
    chosen = [{"influence": 1.0, "influence_van": -1.0}, {"influence": -1.0, "influence_van": 1.0}]
    assert [e["weight"] for e in weigh(chosen)] == pytest.approx([1, 0], abs=1e-12)
    assert weigh([{"influence": -1e6, "influence_van": 1e6}])[0]["weight"] == 0.5
