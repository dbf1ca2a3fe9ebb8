"""Several seeds: the hierarchical bootstrap by hand, against a plain loop, and its rate of false alarms."""

import math

import numpy as np
import pytest
from scipy import stats
from scipy.special import stdtrit

from knowledge_boundary.evaluation import intervals, seeds
from knowledge_boundary.evaluation.intervals import Z95, bootstrap, two_sided_p, with_interval
from knowledge_boundary.evaluation.scores import ths_measure
from knowledge_boundary.evaluation.seeds import Sample, freedom, interval, lots, minus, paired_test, together


def random_sample(n, key=None, seed=3, draws=40, width=0.1):
    random = np.random.default_rng([n, seed])
    values = random.normal(0.2, 0.2, n)
    return Sample(values, values[:, None] + random.normal(0, width, (n, draws)), key or tuple(range(n)), seed)


# ---- which seeds are drawn ----


def test_lots_draw_as_many_seeds_as_there_are():
    drawn = lots((0, 1, 2), 5, 3000)
    assert drawn.shape == (3000, 3)
    assert (drawn.sum(1) == 3).all()
    assert drawn.mean(0) == pytest.approx(np.ones(3), abs=0.05)
    assert np.bincount(drawn[:, 0])[3] / 3000 == pytest.approx(1 / 27, abs=0.01)


def test_rows_of_the_same_seeds_are_drawn_together_and_others_apart():
    first = lots((0, 1, 2), 5, 100)
    lots.cache_clear()
    np.testing.assert_array_equal(first, lots((0, 1, 2), 5, 100))
    for key, seed in (((0, 1, 3), 5), (("a", "b", "c"), 5), ((0, 1, 2), 6)):
        assert (first != lots(key, seed, 100)).any()


# ---- draws ----


def test_two_seeds_by_hand(monkeypatch):
    every = np.array([[2, 0], [1, 1], [1, 1], [0, 2]])  # each pair of seeds once: the lot's own expectation
    monkeypatch.setattr(seeds, "lots", lambda key, seed, n: every)
    sample = Sample(np.array([0.2, 0.4]), np.array([[0.2] * 4, [0.4] * 4]), (0, 1), 0)  # questions that vary nothing
    # Deviations √2 · (0.2, 0.3, 0.3, 0.4 less 0.3); their variance 0.01 is that of a mean of two, 0.02 / 2; so ν = 1,
    # and t / z is 12.706 / 1.960 = 6.483.
    value, draws, _ = together([sample])
    assert value == pytest.approx(0.3)
    assert draws == pytest.approx([-0.6168, 0.3, 0.3, 1.2168], abs=1e-4)
    assert sample.spread() == pytest.approx(math.sqrt(0.02))


def plain(parts, signs, n_draws):
    """(value, draws, p) of the sum of ``signs`` times samples, with loops."""
    value = sum(sign * sum(p.values) / len(p.values) for p, sign in zip(parts, signs, strict=True))
    drawn, doubt, freedoms = [], 0, []
    for b in range(n_draws):
        total = 0
        for p, sign in zip(parts, signs, strict=True):
            n = len(p.values)
            total += sign * sum(p.draws[s][b] for s in range(n)) / n
            if n > 1:
                chosen = [s for s in range(n) for _ in range(lots(p.key, p.seed, n_draws)[b][s])]
                mean = sum(p.values) / n
                total += sign * math.sqrt(n / (n - 1)) * (sum(p.values[s] for s in chosen) / n - mean)
        drawn.append(total)
    for p in parts:
        if len(p.values) > 1:
            between = sum((v - np.mean(p.values)) ** 2 for v in p.values) / (len(p.values) - 1)
            doubt += (between / len(p.values)) ** 2 / (len(p.values) - 1)
            freedoms.append(len(p.values) - 1)
    if not freedoms:
        return value, drawn, two_sided_p(np.array(drawn))
    spread = sum((d - np.mean(drawn)) ** 2 for d in drawn) / n_draws
    nu = max(spread**2 / doubt, min(freedoms))
    longer = stats.t.ppf(0.975, nu) / stats.norm.ppf(0.975)
    p = max(2 * stats.t.sf(abs(value) / math.sqrt(spread), nu), 2 / (n_draws + 1))
    return value, [value + longer * (d - value) for d in drawn], p


@pytest.mark.parametrize(("n", "width"), [(2, 0.1), (3, 0.5), (5, 0.01)])
def test_a_row_is_a_plain_loop_s(n, width):
    sample = random_sample(n, width=width)
    value, draws, _ = together([sample])
    expected = plain([sample], [1], 40)
    assert value == pytest.approx(expected[0])
    assert draws == pytest.approx(np.array(expected[1]))
    assert interval(sample)["ci95"] == pytest.approx(np.quantile(expected[1], [0.025, 0.975]))


@pytest.mark.parametrize(("n", "m"), [(5, 3), (5, 1), (1, 2), (4, 4)])
def test_a_difference_of_other_seeds_is_a_plain_loop_s(n, m):
    a, b = random_sample(n, key=tuple("abcde"[:n]), seed=1), random_sample(m, key=tuple("vwxyz"[:m]), seed=1)
    value, draws, p = plain([a, b], [1, -1], 40)
    found = paired_test(a, b)
    assert found["difference"] == pytest.approx(value)
    assert found["ci95"] == pytest.approx(np.quantile(draws, [0.025, 0.975]))
    assert found["p"] == pytest.approx(p)


def test_a_difference_of_the_same_seeds_is_seed_by_seed():
    a, b = random_sample(5, seed=1), random_sample(5, seed=1)
    b = Sample(b.values - 0.1, b.draws - 0.1, b.key, b.seed)
    (one,) = minus(a, b)
    assert one.values == pytest.approx(np.full(5, 0.1))
    assert paired_test(a, b) == {
        "difference": pytest.approx(0.1), "ci95": pytest.approx([0.1, 0.1]), "p": pytest.approx(2 / 41)
    }  # fmt: skip
    apart = Sample(b.values, b.draws, tuple("abcde"), b.seed)
    assert len(minus(a, apart)) == 2
    assert paired_test(a, apart)["p"] > 0.05


def test_one_seed_is_the_bootstrap_over_questions_to_the_last_digit():
    sample = random_sample(1)
    assert interval(sample) == with_interval(float(sample.values[0]), sample.draws[0])
    assert interval(sample, (0, 0.01)) == interval(sample)
    other = random_sample(1, key=(9,), seed=8)
    difference = sample.draws[0] - other.draws[0]
    found = paired_test(sample, other)
    assert found["difference"] == sample.values[0] - other.values[0]
    assert found["ci95"] == with_interval(found["difference"], difference)["ci95"]
    assert found["p"] == two_sided_p(difference)
    assert sample.spread() is None


def test_what_a_seed_has_no_value_of_is_null():
    sample = random_sample(3)
    sample.values[1] = np.nan
    assert interval(sample) == {"value": None, "ci95": None}
    assert sample.spread() is None
    assert paired_test(sample, random_sample(3, seed=4)) == {"difference": None, "ci95": None, "p": None}
    lacking = random_sample(3)
    lacking.draws[2, :10] = np.nan  # a resample in which one seed has no value is left out
    assert len(together([lacking])[1]) == 30
    assert interval(lacking)["value"] == pytest.approx(lacking.values.mean())


def test_an_interval_keeps_within_what_the_figure_can_be():
    sample = Sample(np.array([0.0, 0.3, 0.9]), np.array([[0.0] * 50, [0.3] * 50, [0.9] * 50]), (0, 1, 2), 0)
    low, high = interval(sample)["ci95"]
    assert low < 0
    assert high > 1
    assert interval(sample, (0, 1)) == {"value": pytest.approx(0.4), "ci95": [0, 1]}


def test_equal_seeds_stretch_nothing():
    sample = Sample(np.full(5, 0.25), random_sample(1).draws.repeat(5, 0), (0, 1, 2, 3, 4), 0)
    assert math.isinf(freedom(0.1, [sample]))
    np.testing.assert_allclose(together([sample])[1], random_sample(1).draws[0])


def test_the_variance_of_the_draws_is_that_of_a_mean_over_seeds():
    """Without any noise of the questions, and before the draws are stretched: s² / S."""
    values = np.array([0.1, 0.25, 0.3, 0.5, 0.6])
    sample = Sample(values, np.repeat(values[:, None], 20000, 1), (0, 1, 2, 3, 4), 0)
    _, draws, _ = together([sample])
    stretched = stdtrit(freedom(values.var(ddof=1) / 5, [sample]), 0.975) / Z95
    unstretched = draws.var() / stretched**2
    assert unstretched == pytest.approx(values.var(ddof=1) / 5, rel=0.03)


# ---- its rate of false alarms ----

QUESTIONS = 60


def simulated(random, n_seeds, seed_effect, better=0.0):
    """Outcomes of two methods on the same questions: [method][seed], right, wrong or refused as 0/1 arrays."""
    difficulty = random.normal(0, 1, QUESTIONS)
    found = []
    for i in range(2):
        of_method = difficulty + random.normal(0, 0.5, QUESTIONS) - better * (i == 0)
        of_seeds = random.normal(0, seed_effect, n_seeds)
        found.append([of_method + effect + random.normal(0, 0.7, QUESTIONS) for effect in of_seeds])
    return found


def as_records(hardness):
    names = np.where(hardness < 0, "correct", np.where(hardness < 0.8, "refused", "wrong"))
    return [{"outcome": name} for name in names]


def share_found(n_seeds, seed_effect, same, better=0.0, runs=500, test=paired_test):
    """The share of simulated pairs of methods whose test finds p < 0.05."""
    found = 0
    for run in range(runs):
        random = np.random.default_rng([run, n_seeds, int(100 * seed_effect), same])
        methods = simulated(random, n_seeds, seed_effect, better)
        base = as_records(random.permutation(np.linspace(-1, 2, QUESTIONS)))
        measures = [
            ths_measure(as_records(h), base, (i, s)) for i, method in enumerate(methods) for s, h in enumerate(method)
        ]
        values, draws = bootstrap(measures, QUESTIONS, run)
        samples = [
            Sample(
                np.array([values[i, s] for s in range(n_seeds)]),
                np.stack([draws[i, s] for s in range(n_seeds)]),
                tuple(range(n_seeds)) if same else tuple((i, s) for s in range(n_seeds)),
                run,
            )
            for i in range(2)
        ]
        found += test(*samples)["p"] < 0.05
    return found / runs


@pytest.mark.parametrize("same", [False, True], ids=["own lots", "same lots"])
@pytest.mark.parametrize("seed_effect", [0.0, 0.15, 0.6])
def test_false_alarms_with_five_seeds(monkeypatch, seed_effect, same):
    monkeypatch.setattr(intervals, "RESAMPLES", 200)
    assert share_found(5, seed_effect, same) <= 0.07


def without_seeds(a, b):
    """The test of the means over seeds that resamples the questions alone."""
    means = [Sample(x.values.mean(keepdims=True), x.draws.mean(0, keepdims=True), (0,), 0) for x in (a, b)]
    return paired_test(*means)


def test_seeds_that_are_not_resampled_raise_false_alarms(monkeypatch):
    monkeypatch.setattr(intervals, "RESAMPLES", 200)
    assert share_found(5, 0.6, False, test=without_seeds) > 0.2
    monkeypatch.setattr(seeds, "freedom", lambda variance, parts: math.inf)
    assert share_found(5, 0.6, True) > 0.08


def test_a_difference_is_found(monkeypatch):
    monkeypatch.setattr(intervals, "RESAMPLES", 200)
    assert share_found(5, 0.15, True, better=0.8, runs=100) > 0.8
