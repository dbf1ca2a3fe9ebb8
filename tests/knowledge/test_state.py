import math

import numpy as np
import pytest

from knowledge_boundary.engine.drawing import generator
from knowledge_boundary.knowledge import state
from knowledge_boundary.reporting import tables

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
        {"subject": "a", "cor": 1.0, "cer": 0.0, "prediction": "A", "answer": "A"},
        {"subject": "b", "cor": 0.5, "cer": -1.0, "prediction": "A", "answer": "B"},
        {"subject": "a", "cor": 0.0, "cer": -0.5, "prediction": "A", "answer": "B"},
        {"subject": "a", "cor": 0.2, "cer": -0.1, "prediction": "A", "answer": "B"},
    ]
    found = state.summarise(records)
    assert (found["n"], found["mean_cor"], found["mean_cer"]) == (4, pytest.approx(0.425), pytest.approx(-0.4))
    assert (found["share_cor_half"], found["accuracy"], found["empty_samples"]) == (0.5, 0.25, None)
    assert found["cor_tenths"] == [1, 0, 1, 0, 0, 1, 0, 0, 0, 1]
    assert list(found["subjects"]) == ["a", "b"]
    assert found["subjects"]["a"] == {
        "n": 3,
        "mean_cor": pytest.approx(0.4),
        "ci95": pytest.approx([0, 0.4 + 1.959964 * math.sqrt(0.28 / 3)]),  # below 0 there is nothing
        "mean_cer": pytest.approx(-0.2),
        "share_cor_half": pytest.approx(1 / 3),
    }
    assert found["subjects"]["b"]["ci95"] is None


def test_summary_of_sampled_answers():
    records = [
        {
            "subject": "a",
            "cor": k / 10,
            "cer": 0.5,
            "samples": [{"text": "", "correct": False}, {"text": "x", "correct": True}],
            "greedy": {"text": "x", "correct": k > 7},
        }
        for k in range(11)
    ]
    found = state.summarise(records)
    assert found["cor_tenths"] == [1] * 9 + [2]  # 1.0 is in the last tenth; 0.3, 0.6 and 0.7 are where they belong
    assert (found["empty_samples"], found["accuracy"]) == (0.5, pytest.approx(3 / 11))
    assert "50.0% of the sampled answers are empty" in tables.state_table(found)


def test_summary_counts_unanswerable_questions():
    records = [open_record(i, "x") | ({"should_abstain": True} if i < 2 else {"cor": 1.0}) for i in range(3)]
    found = state.summarise(records)
    assert (found["n"], found["should_abstain"], found["mean_cor"]) == (3, 2, pytest.approx(1 / 3))
    assert "2 of 3 questions are unanswerable: their Cor is 0" in tables.state_table(found)
    rest = state.summarise(records[2:])
    assert rest["should_abstain"] == 0
    assert "unanswerable" not in tables.state_table(rest)
    assert state.answerable(records) == records[2:]


def open_record(i, text, **more):
    greedy = {"text": text, "correct": False, **more}
    return {"subject": "a", "cor": 0.0, "cer": 0.5, "samples": [greedy], "greedy": greedy, "id": str(i)}


@pytest.mark.parametrize(
    ("texts", "more", "thinking", "warning"),
    [
        ([f"answer {i}" for i in range(8)], {}, "off", None),
        ([""] * 2 + [f"answer {i}" for i in range(6)], {}, "off", "2 of 8 answers are empty"),
        (["no"] * 8, {}, "off", "8 of 8 answers are the same: 'no'"),
        (["no"] * 7, {}, "off", None),  # too few to say anything of
        ([""] * 8, {"incomplete": True}, "off", "8 of 8 answers are thoughts that never end; it thinks unasked"),
        ([""] * 8, {"incomplete": True}, "on", "8 of 8 answers are thoughts that never end; raise --max_thinking"),
    ],
)
def test_answers_that_say_little_are_warned_of(texts, more, thinking, warning):
    found = state.summarise([open_record(i, t, **more) for i, t in enumerate(texts)], thinking)
    assert [w[: len(warning or "")] for w in found["warnings"]] == [warning] * (warning is not None)
    lines = tables.state_table(found).splitlines()
    assert [line for line in lines if line.startswith("Warning: ")] == [f"Warning: {w}" for w in found["warnings"]]


def test_letters_that_hold_next_to_nothing_are_warned_of():
    rows = [{"subject": "a", "cor": 0.5, "cer": -0.5, "prediction": "A", "answer": "A"} for _ in range(2)]
    held = [r | {"letter_mass": m} for r, m in zip(rows, (0.02, 0.06), strict=True)]
    found = state.summarise(held)
    assert found["letter_mass"] == pytest.approx(0.04)
    assert found["warnings"][0].startswith("The letters hold 0.04 of the probability")
    assert state.summarise([r | {"letter_mass": 0.9} for r in rows])["warnings"] == []
    assert state.summarise(rows)["letter_mass"] is None


def test_table_lists_subjects_by_mean_cor_then_all():
    records = [
        {"subject": subject, "cor": cor, "cer": -0.5, "prediction": "A", "answer": "A"}
        for subject, cor in (("low", 0.1), ("low", 0.3), ("high", 0.9))
    ]
    lines = tables.state_table(state.summarise(records)).splitlines()
    assert lines[1].split() == ["high", "1", "0.900", "–", "-0.500", "100.0%"]
    assert lines[2].split() == ["low", "2", "0.200", "0.004", "–", "0.396", "-0.500", "0.0%"]
    assert lines[3].split()[:3] == ["all", "3", "0.433"]
    assert "0 1 0 1 0 0 0 0 0 1" in lines[5]
    assert "empty" not in "".join(lines)


# ---- letters drawn from their probabilities ----


class Drawn:
    """A generator whose draws are given."""

    def __init__(self, indices):
        self.indices = indices

    def choice(self, n, size, p):
        assert len(self.indices) == size
        return np.array(self.indices)


def test_sampled_choice_state_by_hand():
    drawn, cor, cer = state.sampled_choice_state([0.4, 0.3, 0.2, 0.1], 1, 4, Drawn([1, 0, 1, 3]))
    assert drawn == [1, 0, 1, 3]
    assert cor == 0.5
    assert cer == pytest.approx(0.5 * math.log(0.5) + 2 * 0.25 * math.log(0.25))
    assert state.sampled_choice_state([0.4, 0.6], 0, 3, Drawn([1, 1, 1]))[1:] == (0, 0)


def test_sampled_choice_state_is_a_function_of_seed_and_id():
    p = [0.4, 0.3, 0.2, 0.1]
    draw = lambda seed, name, n=50: state.sampled_choice_state(p, 0, n, generator(seed, name))[0]  # noqa: E731
    assert draw(0, "a") == draw(0, "a")
    assert draw(0, "a") != draw(1, "a")
    assert draw(0, "a") != draw(0, "b")
    assert draw(0, "a", 10) == draw(0, "a", 50)[:10]


def test_sampled_choice_state_tends_to_the_exact_one():
    chances = np.random.default_rng(0).dirichlet([0.5] * 4, 200)
    errors = []
    for n in (10, 100, 1000, 10000):
        found = [state.sampled_choice_state(p, 0, n, generator(0, str(i)))[1:] for i, p in enumerate(chances)]
        errors.append(np.abs(np.subtract(found, [state.choice_state(p, 0) for p in chances])).mean(0))
    errors = np.array(errors)  # [N, (Cor, Cer)]
    assert (errors[1:] < 0.5 * errors[:-1]).all()  # 1/√10 each time
    assert (errors[-1] < 0.01).all()
    # By the number of N, each is off by about the standard error of a share.
    expected = np.mean([np.sqrt(2 / np.pi * p[0] * (1 - p[0]) / 10000) for p in chances])
    assert errors[-1, 0] == pytest.approx(expected, rel=0.15)
