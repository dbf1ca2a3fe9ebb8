"""Every threshold of a signal: what a model answers right and wrong when it answers where the signal is high enough.

A model is made to answer every question (``forced``); at a threshold it gives the answers whose signal is at or above
it and refuses the rest. All of it is over the answerable questions. A question is never answered where its record has
no ``forced``, a ``forced`` that is itself a refusal, or no signal.
"""

import numpy as np

from ..wording.phrases import REFUSAL
from . import confidence
from .intervals import bootstrap, with_interval
from .rates import COUNTED_WRONG, answerable, right_wrong, ths
from .signals import names_in, signal_of

SIGNAL = "score"


def answers(records) -> tuple[np.ndarray, np.ndarray]:
    """(right, wrong) of the ``forced`` answers as 0/1 arrays [records]; a refusal, or none, is neither."""
    outcomes = [(r.get("forced") or {}).get("outcome") for r in records]
    right = np.array([o == "correct" for o in outcomes], dtype=np.float64)
    wrong = np.array([o in COUNTED_WRONG for o in outcomes], dtype=np.float64)
    return right, wrong


def order(records, signal: str) -> np.ndarray:
    """The signal of each question [records] where it can be answered, −inf where it never is."""
    right, wrong = answers(records)
    values = signal_of(records, signal)
    return np.where((right + wrong > 0) & np.isfinite(values), values, -np.inf)


def available(records) -> list:
    """The signals by which at least one question can be answered, in the order of ``signals.SIGNALS``."""
    return [name for name in names_in(records) if np.isfinite(order(records, name)).any()]


def levels(records, signal: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(thresholds from the highest, right and wrong answers at or above each) [thresholds]; a tie is one threshold.

    Args:
        records: of answerable questions.
        signal: of ``signals.SIGNALS``.
    """
    at, (right, _) = order(records, signal), answers(records)
    can = np.isfinite(at)
    if not can.any():
        return np.zeros(0), np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    hits, misses = confidence.thresholds(right[can], at[can], np.ones((1, int(can.sum())), dtype=np.int64))
    return np.unique(at[can])[::-1], hits[0].astype(np.int64), misses[0].astype(np.int64)


def shares(right: float, wrong: float, base) -> dict:
    """``{coverage, p_correct, p_wrong, ths}`` of the shares answered right and wrong; ``ths`` null where undefined."""
    found = {"coverage": right + wrong, "p_correct": right, "p_wrong": wrong, "ths": None}
    if base:
        worth = float(ths(right, wrong, *(x.mean() for x in right_wrong(base))))
        found["ths"] = worth if np.isfinite(worth) else None
    return found


def curve(records, base, signal: str = SIGNAL) -> list:
    """``[{threshold, coverage, p_correct, p_wrong, ths}]`` from the highest threshold to the lowest, as fractions.

    Answered is what has a signal at or above the threshold; coverage is its share. Of the distinct thresholds those of
    ``confidence.shown``. Empty where no question can be answered.

    Args:
        records: of answerable questions.
        base: the initial model's of the same questions in the same order, or None (``ths`` is then null).
        signal: of ``signals.SIGNALS``.
    """
    found, hits, misses = levels(records, signal)
    return [
        {"threshold": float(found[i])} | shares(hits[i] / len(records), misses[i] / len(records), base)
        for i in confidence.shown(len(found))
    ]


def measure(records, signal: str = SIGNAL):
    """``auroc_all`` and ``aurc_all`` for ``bootstrap``: AUROC and AURC of "the forced answer is right" by the signal.

    Unlike ``confidence.measure`` over all questions, refused or not, so that models which refuse at different rates can
    be compared. What is never answered stands at the very bottom, tied. NaN where no question can be answered.

    Args:
        records: of answerable questions.
        signal: of ``signals.SIGNALS``.
    """
    at, (right, _) = order(records, signal), answers(records)
    can = np.isfinite(at)
    if not can.any():
        return lambda counts: {name: np.full(len(counts), np.nan) for name in ("auroc_all", "aurc_all")}
    at = np.where(can, at, at[can].min() - 1)

    def of_counts(counts):
        hits, misses = confidence.thresholds(right, at, counts)
        return {"auroc_all": confidence.auroc(hits, misses), "aurc_all": confidence.aurc(hits, misses)}

    return of_counts


def expected_rates(records, signal: str, coverages):
    """A function of counts [rows, n] to the (right, wrong) shares [rows, coverages] when a coverage is answered.

    Answered are the questions of highest signal. Of a tie that the coverage falls within, any may be answered: the
    expected value over a fair lot, which shares right and wrong evenly; so a fraction of a question counts as one too.
    What is never answered stays so: of it, a coverage above what can be answered takes nothing.

    Args:
        records: of answerable questions.
        signal: of ``signals.SIGNALS``.
        coverages: shares of all questions, [coverages].
    """
    at, columns = order(records, signal), answers(records)
    can = np.isfinite(at)
    first = np.argsort(-at, kind="stable")
    last = np.append(at[first][1:] != at[first][:-1], True)
    right, wrong = (np.where(can, column, 0)[first] for column in columns)
    coverages = np.asarray(coverages, dtype=np.float64)

    def of_counts(counts):
        sorted_counts = counts[:, first]
        kept, *parts = (
            np.pad((sorted_counts * column).cumsum(1)[:, last], ((0, 0), (1, 0))) for column in (1, right, wrong)
        )
        rows = np.arange(len(counts))
        found = np.empty((2, len(counts), len(coverages)))
        for j, wanted in enumerate(coverages):
            target = wanted * kept[:, -1]
            above = np.clip((kept < target[:, None]).sum(1), 1, kept.shape[1] - 1)  # the tie that holds the last one
            here, before = kept[rows, above], kept[rows, above - 1]
            share = np.divide(target - before, here - before, out=np.zeros(len(rows)), where=here > before)
            for k, part in enumerate(parts):
                low = part[rows, above - 1]
                found[k, :, j] = low + share * (part[rows, above] - low)
        return found / kept[:, -1][None, :, None]

    return of_counts


def at_coverage_measure(records, base, signal: str, coverages: dict):
    """THS when a given fraction of the questions, those of highest signal, is answered, for ``bootstrap``.

    Exact with ties and fractions of a question (``expected_rates``). NaN where the initial model is never wrong, or no
    question can be answered.

    Args:
        records: of answerable questions.
        base: the initial model's of the same questions in the same order.
        signal: of ``signals.SIGNALS``.
        coverages: {the measure's name: a share of all (resampled) questions, from 0 to 1}.
    """
    if not np.isfinite(order(records, signal)).any():
        return lambda counts: {name: np.full(len(counts), np.nan) for name in coverages}
    answered = expected_rates(records, signal, list(coverages.values()))
    initial = np.stack(right_wrong(base), axis=1)

    def of_counts(counts):
        of_base = (counts @ initial / counts.sum(1, keepdims=True)).T
        right, wrong = answered(counts)
        return {name: ths(right[:, j], wrong[:, j], *of_base) for j, name in enumerate(coverages)}

    return of_counts


def at_threshold(records, signal: str, threshold: float | None) -> list:
    """Copies of the records as they are when what has a signal at or above the threshold is answered, the rest refused.

    ``outcome`` is the forced answer's or "refused", ``output`` its text or the refusal, ``given`` the forced answer's
    outcome in both cases ("refused" where it has none). ``confidence`` is null where the model itself refused: it is
    the refusal's, not the forced answer's.

    Args:
        records: evaluation records, also of unanswerable questions.
        signal: of ``signals.SIGNALS``.
        threshold: None or inf: nothing is answered.
    """
    at, lowest = order(records, signal), np.inf if threshold is None else threshold
    return [
        as_decided(r, bool(answered)) for r, answered in zip(records, np.isfinite(at) & (at >= lowest), strict=True)
    ]


def as_decided(record: dict, answered: bool) -> dict:
    """A copy of a record with its forced answer given, or refused."""
    forced = record.get("forced") or {"text": None, "outcome": "refused"}
    refused_itself = record.get("given", record["outcome"]) == "refused"
    return record | {
        "outcome": forced["outcome"] if answered else "refused",
        "given": forced["outcome"],
        "output": forced["text"] if answered else REFUSAL,
        "confidence": None if refused_itself else record.get("confidence"),
    }


def native(records, base, signal: str = SIGNAL) -> dict | None:
    """The model's own decision to refuse, placed on its own curve; None without questions.

    Args:
        records: of answerable questions.
        base: the initial model's of the same questions in the same order, or None.
        signal: of ``signals.SIGNALS``.

    Returns:
        ``{coverage, p_correct, p_wrong, ths, threshold, ths_on_curve}``: the rates of ``outcome``; the highest
        threshold that answers at least as many questions (the lowest, where it can't answer so many); THS of the curve
        at that coverage (``expected_rates``). The last two are null where no question can be answered or nothing was.
    """
    if not records:
        return None
    right, wrong = (float(x.mean()) for x in right_wrong(records))
    found = shares(right, wrong, base) | {"threshold": None, "ths_on_curve": None}
    thresholds, hits, misses = levels(records, signal)
    if right + wrong == 0 or not len(thresholds):
        return found
    answered = sum(r["outcome"] != "refused" for r in records)
    enough = np.flatnonzero(hits + misses >= answered)
    on_curve = expected_rates(records, signal, [answered / len(records)])(np.ones((1, len(records)), dtype=np.int64))
    return found | {
        "threshold": float(thresholds[enough[0] if len(enough) else -1]),
        "ths_on_curve": shares(*map(float, on_curve[:, 0, 0]), base)["ths"],
    }


def ranking(records, base, seed: int, signal: str = SIGNAL) -> dict:
    """``{curve, auroc_all, aurc_all}``, the last two each ``{value, ci95}``; null where no question can be answered.

    Args:
        records: of answerable questions.
        base: the initial model's of the same questions in the same order, or None.
        seed: of the bootstrap.
        signal: of ``signals.SIGNALS``.
    """
    points = curve(records, base, signal) or None
    values, draws = bootstrap([measure(records, signal)], len(records), seed) if points else ({}, {})
    areas = {
        name: with_interval(values.get(name, np.nan), draws.get(name, np.zeros(0)))
        for name in ("auroc_all", "aurc_all")
    }
    return {"curve": points, **areas}


def summary(records, base, seed: int) -> dict:
    """A test set's curves: ``ranking`` by the score, ``native``, and ``signals``: {name: ``ranking``} of the others.

    Args:
        records: evaluation records of all questions of a set.
        base: the initial model's of the same questions in the same order, or None.
        seed: of the bootstrap.
    """
    records, base = answerable(records, base)
    others = [name for name in available(records) if name != SIGNAL]
    return {
        **ranking(records, base, seed),
        "native": native(records, base),
        "signals": {name: ranking(records, base, seed, name) for name in others},
    }
