"""A risk promised: fixed-sequence tests with exact binomial tails (Learn then Test, Angelopoulos et al. 2021)."""

import math

import numpy as np

MOST = 1_000_000  # calibration questions above which no exact number is sought


def log_factorials(n: int) -> np.ndarray:
    """log k! for k = 0 … n."""
    return np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, n + 1)))])


def tail(wrong: int, answered: int, risk: float, logs) -> float:
    """P(Bin(answered, risk) ≤ wrong), summed term by term.

    Args:
        wrong: 0 … answered.
        answered: number of answers.
        risk: between 0 and 1.
        logs: ``log_factorials`` of ``answered`` or more.
    """
    k = np.arange(wrong + 1)
    terms = logs[answered] - logs[k] - logs[answered - k] + k * math.log(risk) + (answered - k) * math.log1p(-risk)
    return min(1.0, float(np.exp(terms).sum()))


def starts(n: int, risk: float, delta: float) -> list:
    """At how many answers the sequences of tests begin: a function of n, risk and delta alone, no data.

    The least number at which no wrong answer at all passes at level delta / m, and its doubles up to n; m is how many
    these are, the largest for which all of them are at most n. Empty where n is too small for one.
    """
    found, m = [], 1
    while True:
        least = max(1, math.ceil(min(n + 1, math.log(delta / m) / math.log1p(-risk))))
        if least * 2 ** (m - 1) > n:
            return found
        found = [least * 2**i for i in range(m)]
        m += 1


def promised(answered, wrong, n: int, risk: float, delta: float) -> int | None:
    """The lowest threshold whose share wrong of the answers given is at most ``risk`` with probability 1 − delta.

    Learn then Test (Angelopoulos, Bates, Candès, Jordan & Lei 2021, arXiv 2110.01052), fixed-sequence testing from
    several starts (its Algorithm 1): the hypotheses are "the risk at this threshold is above ``risk``", from the
    highest threshold to the lowest, each with the p-value P(Bin(answered, risk) ≤ wrong), an exact binomial tail (as
    Bates et al. 2021, arXiv 2101.02703, for losses of 0 and 1). From each of ``starts`` the sequence is walked down at
    level delta / (number of starts) until a test fails; all that was rejected before that is promised at once:
    Bonferroni over the starts, no correction along a walk.

    What it assumes: the calibration questions, and those that the threshold is used on, are independent draws of one
    distribution. The thresholds are the calibration set's own values, where Learn then Test fixes them beforehand. That
    is covered where the risk r(t) of what lies at or above t does not fall as t falls. Let t* be where r first reaches
    ``risk``. A walk does harm only if it rejects at the first threshold that it meets beyond t*. Given how many
    questions lie at or above t*, their labels are independent draws, wrong with probability r(t*) ≥ ``risk`` (where the
    walk starts beyond t*: those above its start, whose r is higher still); and those at the threshold itself are wrong
    at least as often, since r does not fall there. So the number wrong is stochastically no smaller than Bin(answered,
    ``risk``), and the test rejects with no more than its level.

    Args:
        answered: questions at or above each distinct threshold, from the highest, [thresholds].
        wrong: those of them answered wrong.
        n: number of calibration questions, answered or not.
        risk: between 0 and 1.
        delta: between 0 and 1.

    Returns:
        Its index; None where no test rejects.
    """
    levels, logs, lowest = starts(n, risk, delta), log_factorials(n), -1
    for start in levels:
        at = max(int(np.searchsorted(answered, start)), lowest + 1)  # what an earlier walk has rejected, this one does
        while at < len(answered) and tail(int(wrong[at]), int(answered[at]), risk, logs) <= delta / len(levels):
            lowest, at = at, at + 1
    return lowest if lowest >= 0 else None


def questions_needed(answered, wrong, n: int, risk: float, delta: float) -> int | None:
    """About how many calibration questions would let a threshold pass if the shares stay as they are seen.

    The counts are scaled, the wrong ones rounded up, until the first test of a walk rejects; rounded up to two digits.
    None where no number would do, or none up to MOST. Arguments as of ``promised``.
    """

    def passes(size: int) -> bool:
        more = np.asarray(answered) * size // n
        worse = np.minimum(-(-np.asarray(wrong) * size // n), more)
        logs, levels = log_factorials(size), starts(size, risk, delta)
        for start in levels:
            at = int(np.searchsorted(more, start))
            if at < len(more) and tail(int(worse[at]), int(more[at]), risk, logs) <= delta / len(levels):
                return True
        return False

    if not (np.asarray(wrong) < risk * np.asarray(answered)).any():
        return None
    high = n
    while not passes(high):
        high *= 2
        if high > MOST:
            return None
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if passes(middle) else (middle, high)
    unit = 10 ** max(0, len(str(high)) - 2)
    return -(-high // unit) * unit
