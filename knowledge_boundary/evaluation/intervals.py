"""95 % intervals: Wilson's for rates, the bootstrap over questions for everything else."""

import math

import numpy as np

Z95 = 1.959963984540054
RESAMPLES = 2000
BLOCK = 1 << 20  # entries of the matrix of counts that are in memory at a time


def wilson(successes: int, n: int) -> dict:
    """A rate and its 95 % Wilson score interval (Wilson 1927): ``{value, ci95}``; null for n = 0."""
    if n == 0:
        return {"value": None, "ci95": None}
    p = successes / n
    centre = (p + Z95**2 / (2 * n)) / (1 + Z95**2 / n)
    half = Z95 * math.sqrt(p * (1 - p) / n + Z95**2 / (4 * n**2)) / (1 + Z95**2 / n)
    return {"value": p, "ci95": [max(0.0, centre - half), min(1.0, centre + half)]}


def resamples(n: int, seed: int):
    """How often each of ``n`` questions stands in each of RESAMPLES bootstrap samples, in blocks [rows, n].

    A function of n and the seed alone: models evaluated on the same questions are resampled together.
    """
    generator = np.random.default_rng([seed, n])
    rows = max(1, BLOCK // n)
    for start in range(0, RESAMPLES, rows):
        here = min(rows, RESAMPLES - start)
        drawn = generator.integers(0, n, (here, n)) + n * np.arange(here)[:, None]
        yield np.bincount(drawn.ravel(), minlength=here * n).reshape(here, n)


def bootstrap(measures: list, n: int, seed: int) -> tuple[dict, dict]:
    """Values and bootstrap draws of several measures, on the same resamples.

    Args:
        measures: functions of counts [rows, n] (how often each question stands in a sample) → {name: values [rows]},
            NaN where undefined.
        n: number of questions.
        seed: of the resamples.

    Returns:
        ({name: value on the questions themselves}, {name: array [RESAMPLES]})
    """
    once = np.ones((1, n), dtype=np.int64)
    values = {name: float(found[0]) for measure in measures for name, found in measure(once).items()}
    draws = {name: [] for name in values}
    for counts in resamples(n, seed):
        for measure in measures:
            for name, found in measure(counts).items():
                draws[name].append(found)
    return values, {name: np.concatenate(parts) for name, parts in draws.items()}


def with_interval(value, draws) -> dict:
    """``{value, ci95}`` from a value and its bootstrap draws (percentile interval); null where it is undefined.

    Draws in which the measure is undefined are left out.
    """
    draws = draws[np.isfinite(draws)]
    if not np.isfinite(value) or not len(draws):
        return {"value": None, "ci95": None}
    return {"value": value, "ci95": [float(q) for q in np.quantile(draws, (0.025, 0.975))]}


def two_sided_p(draws) -> float:
    """Bootstrap p of "the difference is 0": twice the share of draws on the rarer side of 0, at most 1.

    One more than the count on that side is taken: a bootstrap of R draws cannot show a p below 1 / R.
    """
    below, above = int((draws <= 0).sum()), int((draws >= 0).sum())
    return min(1.0, 2 * (min(below, above) + 1) / (len(draws) + 1))
