"""Several seeds of one method: their mean, and intervals and tests that resample seeds and questions together.

A figure of several seeds is its mean over them. It is uncertain by the choice of questions and by that of the seeds:
a draw of the hierarchical bootstrap (Davison & Hinkley 1997, section 3.8) takes both anew:

    draw = mean over seeds of the figure on the resampled questions + √(S / (S − 1)) · (mean of the drawn seeds − mean)

- Questions are resampled as for a single model (``intervals.resamples``), the same for all seeds and all models.
- S seeds are drawn with replacement out of S. Such a mean varies by (S − 1) / S of what is unbiased, hence the root.
  The drawn seeds' figures are those on the questions themselves: on the resampled ones the noise of the choice of
  questions, which they hold once already, would come in a third time.
- The variance between S seeds is itself a guess, and percentiles know nothing of it: with five seeds that differ much,
  one test in nine would find p < 0.05 where there is no difference. So draws are stretched about the figure by
  t(ν) / z, the 97.5 % quantiles of Student's t and of the normal distribution, with Satterthwaite's (1946) degrees of
  freedom ν = V² / Σ (Vₛ² / (S − 1)): V is the variance of all draws, Vₛ that of a mean over seeds. Where the choice of
  questions decides, ν is large and nothing is stretched.

Simulated (``tests/evaluation/test_seeds.py``), at most 7 % of the tests of two equal methods find p < 0.05 with five
seeds, however much these differ; with two, where they decide, more. One seed: the choice of questions alone.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.special import stdtr, stdtrit

from ..running.results import sha256_json
from .intervals import Z95, two_sided_p, with_interval


@lru_cache(maxsize=256)
def lots(key: tuple, seed: int, n_draws: int) -> np.ndarray:
    """How often each seed of a row stands in each draw with replacement: [n_draws, seeds], whole numbers.

    Args:
        key: what tells the row's seeds from others: their numbers, or the models' fingerprints. Rows of one key are
            drawn together, rows of different keys independently.
        seed: of the bootstrap.
        n_draws: how many.
    """
    n = len(key)
    generator = np.random.default_rng([seed, int(sha256_json(key)[:16], 16)])
    drawn = generator.integers(0, n, (n_draws, n)) + n * np.arange(n_draws)[:, None]
    return np.bincount(drawn.ravel(), minlength=n_draws * n).reshape(n_draws, n)


@dataclass(frozen=True)
class Sample:
    """A figure of each seed of a row.

    Attributes:
        values: on the questions themselves [seeds].
        draws: on the resamples of the questions [seeds, draws]; NaN where undefined.
        key: of ``lots``.
        seed: of the bootstrap.
    """

    values: np.ndarray
    draws: np.ndarray
    key: tuple
    seed: int

    def spread(self) -> float | None:
        """Standard deviation between seeds (S − 1 in the denominator); None for one seed, or an undefined figure."""
        known = len(self.values) > 1 and np.isfinite(self.values).all()
        return float(self.values.std(ddof=1)) if known else None


def minus(a: Sample, b: Sample) -> list:
    """The independent parts of the difference of two rows: one where their seeds are the same, else two."""
    if a.key == b.key:
        return [Sample(a.values - b.values, a.draws - b.draws, a.key, a.seed)]
    return [a, Sample(-b.values, -b.draws, b.key, b.seed)]


def together(parts: list) -> tuple[float, np.ndarray, float | None]:
    """(value, draws, two-sided p of "it is 0") of a sum of independent ``Sample``s.

    Draws in which it is undefined are left out. p is the bootstrap's; of several seeds it is Student's, of the value
    over the draws' standard deviation with the degrees of ``freedom``, but no lower than so many draws can show.
    """
    value = float(sum(part.values.mean() for part in parts))
    draws = sum(part.draws.mean(0) for part in parts)
    several = [part for part in parts if len(part.values) > 1]
    for part in several:
        n = len(part.values)
        drawn = lots(part.key, part.seed, part.draws.shape[1])
        draws = draws + math.sqrt(n / (n - 1)) * (drawn @ (part.values - part.values.mean())) / n
    draws = draws[np.isfinite(draws)]
    if not len(draws) or not math.isfinite(value):
        return value, draws, None
    degrees = freedom(draws.var(), several)
    if math.isinf(degrees):
        return value, draws, two_sided_p(draws)
    p = 2 * stdtr(degrees, -abs(value) / draws.std()) if draws.std() > 0 else 1.0
    draws = value + (draws - value) * (float(stdtrit(degrees, 0.975)) / Z95)  # an interval that knows of few seeds
    return value, draws, max(float(p), 2 / (len(draws) + 1))


def freedom(variance: float, parts: list) -> float:
    """Satterthwaite's degrees of freedom of all draws; infinite where no seeds are among them, or all agree.

    Args:
        variance: of all draws.
        parts: the ``Sample``s of several seeds among what is drawn.
    """
    of_means = [(part.values.var(ddof=1) / len(part.values), len(part.values) - 1) for part in parts]
    doubt = sum(v**2 / freedom for v, freedom in of_means)
    if doubt == 0:
        return math.inf
    return max(variance**2 / doubt, min(freedom for _, freedom in of_means))  # what theory gives, but for the lots


def interval(sample: Sample, within: tuple | None = None) -> dict:
    """``{value, ci95}`` of the mean over seeds; null where a seed has no value.

    Args:
        sample: the seeds' figures.
        within: the lowest and highest value that the figure can have, or None.
    """
    value, draws, _ = together([sample])
    if within and len(sample.values) > 1:
        draws = np.clip(draws, *within)
    return with_interval(value, draws)


def paired_test(a: Sample, b: Sample) -> dict:
    """Difference of two rows' means on the same questions: value, 95 % interval, two-sided bootstrap p.

    Args:
        a: a figure of the first row's seeds.
        b: the second's, on the same resamples of the questions.
    """
    value, draws, p = together(minus(a, b))  # a draw without a wrong answer of the base has no THS
    result = with_interval(value, draws)
    return {
        "difference": result["value"],
        "ci95": result["ci95"],
        "p": p if result["ci95"] else None,
    }
