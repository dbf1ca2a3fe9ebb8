import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from knowledge_boundary.asking import prompts
from knowledge_boundary.engine import layers
from knowledge_boundary.knowledge import probe
from knowledge_boundary.questions.records import from_record
from knowledge_boundary.running.errors import UserError


def states(n=120, hidden=8, seed=0):
    """States of three layers, of which the second tells Cor best, and Cor."""
    random = np.random.default_rng(seed)
    told = random.normal(size=n)
    cors = np.clip(0.5 + 0.3 * told + 0.1 * random.normal(size=n), 0, 1).round(1)
    vectors = {}
    for layer, noise in ((3, 2.0), (7, 0.5), (9, 4.0)):
        vectors[layer] = random.normal(size=(n, hidden)) * np.arange(1, hidden + 1) * 3 + 5
        vectors[layer][:, 2] += 9 * told / noise
    return {layer: v.astype(np.float32) for layer, v in vectors.items()}, cors


def by_the_book(vectors, known, seed):
    """(log loss, layer, C, held-out probabilities) of the best, by scikit-learn's own pipeline."""
    folds = list(StratifiedKFold(5, shuffle=True, random_state=seed).split(known, known))
    found = []
    for layer, x in vectors.items():
        for c in probe.PENALTIES:
            p = np.empty(len(known))
            for learnt, left in folds:
                model = make_pipeline(StandardScaler(), LogisticRegression(C=c, max_iter=1000, tol=1e-6))
                p[left] = model.fit(x[learnt].astype(float), known[learnt]).predict_proba(x[left].astype(float))[:, 1]
            found.append((log_loss(known, p), layer, c, p))
    return min(found, key=lambda f: f[0])


@pytest.mark.parametrize("seed", [0, 1])
def test_the_best_layer_and_penalty_by_cross_validation(seed):
    vectors, cors = states()
    known = cors >= 0.5
    loss, layer, c, p = by_the_book(vectors, known, seed)
    found = probe.fit(vectors, cors, seed, 0.5)
    assert (found.layer, found.penalty, layer) == (7, c, 7)
    np.testing.assert_allclose(found.held_out, p, atol=2e-4)
    assert found.log_loss == pytest.approx(loss, abs=1e-4)
    assert found.auroc == pytest.approx(roc_auc_score(known, p), abs=1e-3)
    whole = make_pipeline(StandardScaler(), LogisticRegression(C=c, max_iter=1000, tol=1e-6)).fit(
        vectors[7].astype(float), known
    )
    wanted = whole.predict_proba(vectors[7].astype(float))[:, 1]
    np.testing.assert_allclose(found.p_known(vectors), wanted, atol=2e-4)
    assert found.about() | {"log_loss": 0, "auroc": 0} == {
        "layer": 7, "penalty": c, "log_loss": 0, "auroc": 0, "n": 120, "known": known.sum(),
    }  # fmt: skip


def test_distances_are_geometric_and_held_out():
    vectors, cors = states()
    found = probe.fit(vectors, cors, 0, 0.5)
    sure = abs(found.held_out - found.known / 120) > 0.01  # of the parts' shares each is a little off
    assert ((found.distance >= 0) == (found.held_out >= found.known / 120))[sure].all()
    plane = found.plane
    assert plane.prior == pytest.approx(np.log(found.known / (120 - found.known)))
    x = (vectors[7] - plane.mean) / plane.scale
    # A step of that length along the unit normal leads onto the plane.
    on_it = x - plane.distance(vectors[7])[:, None] * plane.normal / np.linalg.norm(plane.normal)
    np.testing.assert_allclose(on_it @ plane.normal + plane.offset, plane.prior, atol=1e-6)
    assert not np.allclose(found.distance, plane.distance(vectors[7]))


def test_a_function_of_the_seed():
    vectors, cors = states()
    first, again, other = (probe.fit(vectors, cors, seed) for seed in (0, 0, 1))
    assert first.held_out.tobytes() == again.held_out.tobytes()
    assert (first.held_out != other.held_out).any()


def test_the_threshold_says_what_is_known():
    vectors, cors = states()
    assert [probe.fit(vectors, cors, 0, t).known for t in (0.3, 0.5, 0.7)] == [
        (cors >= t).sum() for t in (0.3, 0.5, 0.7)
    ]


def test_noise_is_not_read_as_knowledge():
    random = np.random.default_rng(0)
    found = probe.fit({1: random.normal(size=(200, 40))}, random.random(200), 0)
    assert 0.35 < found.auroc < 0.65
    assert found.log_loss > 0.65  # near ln 2: the strongest penalty is chosen, and no side is believed


def test_a_state_that_never_changes_is_no_trouble():
    vectors, cors = states()
    vectors[7][:, 0] = 3
    assert np.isfinite(probe.fit(vectors, cors, 0).p_known(vectors)).all()


def test_logits_of_any_size_are_probabilities():
    p = probe.probability(np.array([-2000, -1.0, 0, 1.0, 2000]))
    np.testing.assert_allclose(p, [0, 0.26894142, 0.5, 0.73105858, 1])


@pytest.mark.parametrize(
    ("cors", "says"),
    [
        ([1.0] * 30, "30 are known and 0 are not"),
        ([0.2] * 30, "0 are known and 30 are not"),
        ([1.0] * 30 + [0.0] * 4, "30 are known and 4 are not"),
        ([], "0 are known and 0 are not"),
    ],
)
def test_too_few_questions_on_a_side_are_refused(cors, says):
    with pytest.raises(UserError) as e:
        probe.fit({1: np.zeros((len(cors), 3))}, cors, 0, 0.5)
    assert str(e.value) == f"a probe needs 5 questions on each side of Cor 0.5, for its cross-validation; {says}"


# ---- on a model ----


def records(n=24):
    names = [f"s/train/{i:02}" for i in range(n)]
    fields = {"subject": "s", "choices": None, "answer": "a", "aliases": []}
    return [
        {"id": name, "question": f"What is the capital number {i * i}?", **fields, "cor": (i % 3) / 2, "cer": 0.0}
        for i, name in enumerate(names)
    ]


def test_fitted_on_a_state_file_s_records(llama):
    rows = records()
    rows[1] |= {"cor": 1.0, "should_abstain": True, "answer": None}
    found = probe.fit_on_state(llama, rows, seed=2, threshold=0.5, batch_tokens=512)
    questions = list(map(from_record, rows))
    texts = [prompts.answer_prompt(llama.format, q, "basic", "craft") for q in questions]
    vectors = layers.last_token_states(llama, texts, texts, [1, 2], 512, shared=False)
    wanted = probe.fit(vectors, [0 if r.get("should_abstain") else r["cor"] for r in rows], 2, 0.5)
    assert (found.layer, found.penalty, found.known) == (wanted.layer, wanted.penalty, 15)
    np.testing.assert_allclose(found.held_out, wanted.held_out, atol=1e-4)
    read = probe.p_known_of(llama, found, questions, batch_tokens=512)
    np.testing.assert_allclose(read, wanted.p_known(vectors), atol=1e-4)
    assert probe.p_known_of(llama, found, []).shape == (0,)


def test_the_order_of_the_records_changes_nothing(llama):
    rows = records()
    shuffled = [rows[i] for i in np.random.default_rng(0).permutation(len(rows))]
    first, second = probe.fit_on_state(llama, rows), probe.fit_on_state(llama, shuffled)
    by_id = {r["id"]: (p, d) for r, p, d in zip(shuffled, second.held_out, second.distance, strict=True)}
    found = list(zip(first.held_out, first.distance, strict=True))
    np.testing.assert_allclose(found, [by_id[r["id"]] for r in rows], rtol=1e-4)
